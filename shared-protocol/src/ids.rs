//! The newtypes that keep an entity from being passed where a session was meant.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hash::hash_words;

/// A simulated thing, for its whole life and in every zone: `hash(parent, tick, n)`, never an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntityId(pub u64);

impl EntityId {
    /// The `n`-th entity that `parent` brings into the world at `tick`.
    #[must_use]
    pub const fn child(parent: u64, tick: Tick, n: u64) -> Self {
        Self(hash_words([parent, tick.0, n]))
    }

    /// The avatar of a character of whom nothing is kept, such as a scenario's scripted players: a
    /// function of the character's name alone, so that the order in which players join changes nothing.
    /// (A server that keeps characters draws their ids, for this one can be guessed from the name.) The first eight bytes, little-endian, of the SHA-256 of
    /// `"bluemarble character\0"` and the name: players choose names, and with a hash that can be
    /// inverted one of them could choose a name that is somebody else's avatar.
    #[must_use]
    pub fn of_character(name: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(b"bluemarble character\0")
            .chain_update(name.as_bytes())
            .finalize();
        let (first, _) = hash.split_first_chunk().expect("SHA-256 has 32 bytes");
        Self(u64::from_le_bytes(*first))
    }
}

impl fmt::Debug for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{:016x}", self.0)
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A simulation tick, counted from the world's genesis (tick 0). Totally ordered in memory;
/// wrap-around exists only on the wire.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Tick(pub u64);

impl Tick {
    /// The tick after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// `ticks` later.
    #[must_use]
    pub const fn after(self, ticks: u64) -> Self {
        Self(self.0 + ticks)
    }

    /// How many ticks have passed since `earlier`; 0 if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How often this world has been (re)started. A new epoch drops every baseline.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u32);

/// Number of a client's intent, counted by the client from 1; 0 means "none yet".
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct InputSeq(pub u32);

/// One connection, for as long as it lives; never reused within a process.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct SessionId(pub u64);
