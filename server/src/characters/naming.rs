//! At a world's start: those whose names are sealed are told them, and names that an older build wrote in
//! clear are sealed from now on.

use std::collections::BTreeMap;

use bluemarble_net::server::quic::Caller;
use bluemarble_persistence::{Asked, Characters, StoreError};
use bluemarble_shared_protocol::{EntityId, NameTag};
use bluemarble_sim::World;

use super::{Entry, Registry};
use crate::clock::unix_ms;
use crate::exit::Failure;
use crate::start::store_failure;

impl Registry {
    /// Tells everybody in the world what they are called, as far as there are keys; the others are
    /// nameless. Before the world's first checkpoint, so that no name in clear is in it.
    ///
    /// # Errors
    /// The database does not answer, or refuses.
    pub fn name_all(&self, world: &mut World) -> Result<Named, Failure> {
        let characters = self
            .characters()
            .map_err(|error| Failure::environment(error.to_string()))?;
        let names = world.names();
        let naming = tags(characters, &names);
        let tags = self.0.runtime.block_on(naming).map_err(store_failure)?;
        let named = give(world, &tags);
        let mut book = self.0.book.lock();
        for (id, tag) in tags {
            let Some(name) = tag.name().map(str::to_owned) else {
                continue;
            };
            let caller = Caller {
                avatar: id,
                name: tag,
            };
            // With which account they come is known when they do.
            if !book.entries.contains_key(&name) {
                book.put(name, Entry::Known(caller, None));
            }
        }
        Ok(named)
    }
}

/// How many of a world have names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Whose names are known.
    pub named: usize,
    /// Whose keys are gone.
    pub nameless: usize,
}

/// What everybody is to be called: a sealed tag, told if there is a key.
///
/// # Errors
/// The database does not answer, or refuses.
pub async fn tags(
    characters: &Characters,
    names: &[(EntityId, NameTag)],
) -> Result<BTreeMap<EntityId, NameTag>, StoreError> {
    let (open, sealed): (Vec<_>, Vec<_>) =
        names.iter().cloned().partition(|(_, tag)| tag.is_open());
    let asked: Vec<Asked> = open
        .iter()
        .map(|(id, tag)| Asked {
            name: tag.shown().to_string(),
            account: None,
            id: Some(*id),
        })
        .collect();
    let mut tags = BTreeMap::new();
    let adopted = characters.admit(&asked, unix_ms()).await?;
    tags.extend(
        open.iter()
            .zip(adopted)
            .map(|((id, _), found)| (*id, found.tag)),
    );
    let ids: Vec<EntityId> = sealed.iter().map(|(id, _)| *id).collect();
    let known = characters.names(&ids).await?;
    tags.extend(sealed.into_iter().map(|(id, tag)| {
        let told = known.get(&id).map(|name| tag.told(name));
        (id, told.unwrap_or(tag))
    }));
    Ok(tags)
}

/// Gives everybody in the world their tag.
pub fn give(world: &mut World, tags: &BTreeMap<EntityId, NameTag>) -> Named {
    let mut named = Named::default();
    world.rename(|id, _| {
        let tag = tags.get(&id)?;
        match tag.name() {
            Some(_) => named.named += 1,
            None => named.nameless += 1,
        }
        Some(tag.clone())
    });
    named
}
