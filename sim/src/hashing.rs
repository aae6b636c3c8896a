//! Hashers for look-up tables keyed by ids. Fixed, not seeded: the simulation takes no randomness
//! from the system. Nothing ever iterates these tables.

use std::hash::{BuildHasherDefault, Hasher};

use bluemarble_shared_protocol::mix64;

/// For `CellId` keys.
pub(crate) type CellHash = BuildHasherDefault<WordHasher>;
/// For `EntityId` keys, which are hashes already; nobody can choose one.
pub(crate) type IdHash = BuildHasherDefault<WordHasher>;

/// Mixes whole words.
#[derive(Debug, Default)]
pub(crate) struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mix64(self.0 ^ word);
    }
}
