//! What an operator does with a world that does not run: look at what a start would do, take it back to
//! an earlier moment, put it into a file and back, bring its database up to date.
//!
//! - `inspection` opens everything for reading only: a server that owns the world is not in the way.
//! - `recover`, `archive` and `migrate` are the commands.
//!
//! Whatever would write into something that is there already refuses first.

mod archive;
mod inspection;
mod migrate;
mod recover;

pub use archive::{backup, restore};
pub use migrate::migrate;
pub use recover::recover;

use std::path::Path;

use bluemarble_persistence::{CheckpointImage, Claim, ContentStamp, Store};
use bluemarble_shared_protocol::Epoch;
use bluemarble_sim::{Provenance, World};
use tokio::runtime::Runtime;

use crate::checkpointer::Label;
use crate::clock::unix_ms;
use crate::exit::Failure;
use crate::recovery;
use crate::start::store_failure;

/// The world as a checkpoint under a name and an epoch.
fn image_of(world: &World, name: &str, epoch: Epoch) -> CheckpointImage {
    let label = Label {
        world: name.to_owned(),
        epoch,
        content_hash: world.spec().content_hash(),
        provenance: Provenance::of(world.spec()).to_string(),
        journal: Path::new("").to_owned(),
    };
    recovery::image(world.checkpoint(), &label, unix_ms())
}

/// Puts a world into a store that does not have it, reads it back, and says under which claim: in the
/// epoch after the image's.
fn found(
    store: &Store,
    databases: &Runtime,
    image: &mut CheckpointImage,
    build: &str,
) -> Result<Claim, Failure> {
    let stamp = ContentStamp {
        content_hash: image.content_hash,
        build: build.to_owned(),
    };
    image.epoch = Epoch(image.epoch.0.saturating_add(1));
    let claim = databases
        .block_on(store.found(&stamp, image))
        .map_err(store_failure)?;
    let Some(claim) = claim else {
        return Err(Failure::environment(format!(
            "there is a world '{}' already in {}, and it is not overwritten",
            image.world,
            store.place()
        ))
        .advise("name another data directory or database, or another world with --world"));
    };
    match newest(store, databases, &image.world)? {
        Some(again) if again == *image => Ok(claim),
        _ => Err(Failure::environment(format!(
            "{} does not give back what was stored",
            store.place()
        ))
        .advise("check the database's disk, and try another")),
    }
}

/// The newest state that a store has of a world.
fn newest(
    store: &Store,
    databases: &Runtime,
    world: &str,
) -> Result<Option<CheckpointImage>, Failure> {
    databases
        .block_on(store.latest_checkpoint(world))
        .map_err(store_failure)
}
