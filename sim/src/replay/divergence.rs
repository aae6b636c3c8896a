//! Two states of one tick that should be equal and are not: in which component, of which entity, and
//! what both have there.
//!
//! Of the recorded state the log has sums only ([`DigestParts`]). They suffice as long as one entity
//! differs: a component's sum says in which component, the weighted sum says whose, and if the two
//! values are one flipped bit apart, trying the bits of ours finds theirs. Of two worlds that are both
//! here, everybody is compared with everybody of the same id.

use std::fmt;

use bluemarble_shared_protocol::binary;
use bluemarble_shared_protocol::{EntityId, Stack, Tick};

use super::Remembered;
use super::shown::fields;
use crate::entity::state::StoredEntity;
use crate::entity::{DigestPart, DigestParts, EntityState};
use crate::gifts::StoredDealings;
use crate::world::World;

/// Largest entity whose bits are tried, bytes as stored: two thousand effects in its mailbox.
const STORED_BYTES_MAX: usize = 64 << 10;

/// A state that is not the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The first tick at whose end they differ.
    pub tick: Tick,
    /// Here.
    pub found: DigestParts,
    /// In the log.
    pub recorded: Remembered,
}

/// A component that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Culprit {
    /// Whose.
    pub entity: EntityId,
    /// Which.
    pub component: DigestPart,
    /// What differs: the field's path, its value here, its value there. `None` where there is no such
    /// thing, or where it is not known.
    pub fields: Vec<(String, Option<String>, Option<String>)>,
}

/// What could be found out from the sums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The components whose sums differ; empty if the log has no sums.
    pub components: Vec<DigestPart>,
    /// The one entity that explains the whole difference, if one does.
    pub entity: Option<EntityId>,
    /// What differs in it.
    pub culprits: Vec<Culprit>,
}

impl Divergence {
    /// Compares a world with what a log remembers of its tick.
    #[must_use]
    pub fn of(world: &World, recorded: &Remembered) -> Option<Self> {
        (world.digest() != recorded.digest).then(|| Self {
            tick: world.tick(),
            found: *world.digest_parts(),
            recorded: *recorded,
        })
    }

    /// Traces it to component, entity and values. `world` is the one that diverged, still at that
    /// tick.
    #[must_use]
    pub fn trace(&self, world: &World) -> Findings {
        let Some(recorded) = self.recorded.parts else {
            return Findings::default();
        };
        let components: Vec<_> = DigestPart::ALL
            .into_iter()
            .filter(|part| self.change(&recorded, *part) != 0)
            .collect();
        let whole = recorded.digest().wrapping_sub(self.found.digest());
        let weighted = recorded.weighted.wrapping_sub(self.found.weighted);
        let states = world.states();
        let named = states
            .iter()
            .find(|state| whole.wrapping_mul(DigestParts::odd(state.identity.id)) == weighted);
        let Some(ours) = named else {
            return Findings {
                components,
                ..Findings::default()
            };
        };
        let entity = ours.identity.id;
        let culprits = components
            .iter()
            .map(|&component| Culprit {
                entity,
                component,
                fields: self.fields_of(&recorded, component, ours),
            })
            .collect();
        Findings {
            components,
            entity: Some(entity),
            culprits,
        }
    }

    /// By how much a component's sum is higher in the log.
    fn change(&self, recorded: &DigestParts, part: DigestPart) -> u64 {
        let at = part as usize;
        recorded.components[at].wrapping_sub(self.found.components[at])
    }

    fn fields_of(
        &self,
        recorded: &DigestParts,
        part: DigestPart,
        ours: &EntityState,
    ) -> Vec<(String, Option<String>, Option<String>)> {
        let hash = ours.digest_parts().components[part as usize];
        let theirs = hash.wrapping_add(self.change(recorded, part));
        if let Some(theirs) = one_bit_away(ours, part, theirs) {
            return unequal(&fields(part, ours), &fields(part, &theirs));
        }
        // Hash 0 is that of a component which is not there.
        let absent = theirs == 0;
        fields(part, ours)
            .into_iter()
            .map(|(path, value)| (path, Some(value), absent.then(|| "absent".to_owned())))
            .collect()
    }
}

/// What rows lack.
type Beside = (Option<StoredDealings>, Vec<Stack>);

/// The entity as it would be with one bit of its stored form flipped so that this component has that
/// hash.
fn one_bit_away(ours: &EntityState, part: DigestPart, hash: u64) -> Option<EntityState> {
    let stored = StoredEntity::from(ours);
    // What it remembers of gifts, and its things, go beside it: rows lack those.
    let beside = (stored.dealings.clone(), stored.things.clone());
    let mut bytes = binary::encode(&(stored, beside));
    if bytes.len() > STORED_BYTES_MAX {
        return None;
    }
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let bent = binary::decode::<(StoredEntity, Beside), STORED_BYTES_MAX>(&bytes)
            .ok()
            .and_then(|(stored, (dealings, things))| {
                let whole = StoredEntity {
                    dealings,
                    things,
                    ..stored
                };
                whole.revive()
            })
            // A flipped bit of the name it goes by would be another entity.
            .filter(|bent| bent.identity.id == ours.identity.id);
        if let Some(bent) = bent
            && bent.digest_parts().components[part as usize] == hash
        {
            return Some(bent);
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    None
}

/// The components in which two populations differ, at most `limit` of them, by id; how many there are
/// in all. Both must be sorted by id.
#[must_use]
pub fn differences(
    here: &[EntityState],
    there: &[EntityState],
    limit: usize,
) -> (Vec<Culprit>, usize) {
    let (mut culprits, mut count) = (Vec::new(), 0);
    let (mut a, mut b) = (here.iter().peekable(), there.iter().peekable());
    loop {
        let pair = match (a.peek(), b.peek()) {
            (None, None) => return (culprits, count),
            (Some(x), Some(y)) if x.identity.id == y.identity.id => (a.next(), b.next()),
            (Some(x), Some(y)) if x.identity.id < y.identity.id => (a.next(), None),
            (Some(_), None) => (a.next(), None),
            (_, Some(_)) => (None, b.next()),
        };
        let hashes = |state: Option<&EntityState>| {
            state.map_or_else(DigestParts::default, EntityState::digest_parts)
        };
        let (x, y) = (hashes(pair.0), hashes(pair.1));
        for part in DigestPart::ALL {
            if x.components[part as usize] == y.components[part as usize] {
                continue;
            }
            count += 1;
            let (Some(known), true) = (pair.0.or(pair.1), culprits.len() < limit) else {
                continue;
            };
            let of = |state: Option<&EntityState>| {
                state.map_or_else(Vec::new, |state| fields(part, state))
            };
            culprits.push(Culprit {
                entity: known.identity.id,
                component: part,
                fields: unequal(&of(pair.0), &of(pair.1)),
            });
        }
    }
}

/// The fields that are not the same in both.
fn unequal(
    here: &[(String, String)],
    there: &[(String, String)],
) -> Vec<(String, Option<String>, Option<String>)> {
    let value = |of: &[(String, String)], path: &str| {
        of.iter()
            .find(|(name, _)| name == path)
            .map(|(_, value)| value.clone())
    };
    let mut paths: Vec<&String> = here.iter().map(|(path, _)| path).collect();
    paths.extend(
        there
            .iter()
            .map(|(path, _)| path)
            .filter(|path| value(here, path).is_none()),
    );
    paths
        .into_iter()
        .map(|path| (path.clone(), value(here, path), value(there, path)))
        .filter(|(_, a, b)| a != b)
        .collect()
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "entity {:016x}, component {}",
            self.entity.0,
            self.component.name()
        )?;
        for (path, here, there) in &self.fields {
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".into());
            write!(
                f,
                "\n    {path}: here {}, there {}",
                shown(here),
                shown(there)
            )?;
        }
        Ok(())
    }
}
