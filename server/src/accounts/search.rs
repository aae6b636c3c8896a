//! Looking for names in clear. Builds before names were sealed wrote them into journals, evidence and
//! checkpoints; those go as they are pruned, and until then whoever erases somebody is told where they are.

use std::path::{Path, PathBuf};

use bluemarble_persistence::{Store, StoreError};
use bluemarble_shared_protocol::EntityId;

use super::journals;
use crate::data_dir::DataDir;
use crate::recovery::checkpoint;

/// Where a name stands for everybody to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// In a file of the data directory.
    File(PathBuf),
    /// In a checkpoint of a world, of a tick.
    Checkpoint(String, u64),
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Checkpoint(world, tick) => {
                write!(f, "the checkpoint of tick {tick} of the world {world:?}")
            }
        }
    }
}

/// Searches a data directory, and what a store has of this character.
///
/// # Errors
/// The database does not answer, or refuses. Files that cannot be read are named as if they held it.
pub async fn search(
    data: &DataDir,
    store: &Store,
    id: EntityId,
    name: Option<&str>,
) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::new();
    for folder in journals::world_folders(data) {
        let segments = journals::journals(&folder);
        let segments = segments
            .iter()
            .flat_map(|journal| journals::entries(journal));
        let files = segments.chain(journals::evidence(&folder));
        let holding = files.filter(|file| name.is_some_and(|name| may_hold(file, name)));
        found.extend(holding.map(Found::File));
    }
    for world in store.worlds().await? {
        for entry in store.checkpoints(&world).await? {
            let image = match store.load_checkpoint(&entry).await {
                Ok(image) => image,
                // Damaged, or pruned meanwhile.
                Err(StoreError::CorruptCheckpoint { .. }) => continue,
                Err(error) => return Err(error),
            };
            let about = checkpoint(&image).about(id).ok().flatten();
            if about.is_some_and(|about| about.is_named_in_clear()) {
                found.push(Found::Checkpoint(world.clone(), entry.tick.0));
            }
        }
    }
    Ok(found)
}

/// A text is stored behind its length: fewer files hold it by chance.
fn may_hold(file: &Path, name: &str) -> bool {
    let mut stored = (name.len() as u64).to_le_bytes().to_vec();
    stored.extend_from_slice(name.as_bytes());
    match std::fs::read(file) {
        Ok(bytes) => bytes.windows(stored.len()).any(|part| part == stored),
        Err(_) => true,
    }
}
