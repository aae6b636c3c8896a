//! A bounded store of computed tiles that threads share without waiting for each other.
//!
//! A tile's samples are a pure function of its number, so whether a tile is found, and what it
//! pushed out, can change the time of an answer but never the answer.
//!
//! Sets of eight places each (a tile's set is a hash of its number), the oldest pushed out first.
//! Each place is guarded by a sequence lock: a reader takes the version, copies sixteen samples and
//! looks whether the version is still the same; a writer that finds another at work goes away.
//! Readers write nothing, so warm reads do not pass a cache line between cores; nobody ever waits;
//! nothing is freed while somebody reads it. (`arc-swap` and `quick_cache` were the alternatives: a
//! read writes a debt slot in one and a lock and a counter in the other, and each tile would be an
//! allocation.) The samples are atomics, read relaxed, which on today's machines are plain loads:
//! no data race, no `unsafe`. See H.-J. Boehm, "Can seqlocks get along with programming language
//! memory models?" (MSPC 2012), figure 6.
//!
//! What is worth keeping: a missed quad costs sixteen samples, its whole tile 361. A set with room
//! takes a tile that is missed four times in a row. Into a full set a tile goes only after as many misses
//! as it costs ([`MISSES_PER_TILE`]): rent until the rent has cost as much as buying (the ski rental
//! problem; A. R. Karlin and others, "Competitive snoopy caching", Algorithmica 1988). So nothing,
//! not even a crowd of walkers many times larger than the store, costs more than twice what it would
//! without one, and scattered single questions push nothing out.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::lattice::TILE_CORNERS;
use crate::mix::mix64;

/// Places in a set. With four, one tile in a hundred found its set full when a third of the store was
/// in use, and each time cost as much as a hundred answers.
const WAYS: usize = 8;
/// Samples of a tile.
pub(crate) const SAMPLES: usize = TILE_CORNERS * TILE_CORNERS;

/// Misses in a row after which a tile is worth a free place: somebody is there, and not just a
/// picture being drawn.
const MISSES_IN_A_ROW: u32 = 4;
/// Misses whose samples cost as many as a tile's.
const MISSES_PER_TILE: u32 = (SAMPLES / 16) as u32;

/// The sixteen samples around a quad, row by row.
pub(crate) type Patch = [[u64; 4]; 4];

/// Computed tiles.
#[derive(Debug)]
pub(crate) struct Tiles {
    /// A power of two of them, or none: then nothing is ever stored.
    sets: Box<[Set]>,
}

/// Places that share a hash. Aligned so that a place lies in one cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Set {
    places: [Place; WAYS],
    /// The tile that was missed last, and how often in a row before.
    missed: AtomicU64,
    repeats: AtomicU32,
    /// Since a tile was last found worth keeping.
    misses: AtomicU32,
    /// The place that is written next.
    next: AtomicU32,
}

#[derive(Debug, Default)]
struct Place {
    /// Odd while a writer is at work.
    version: AtomicU64,
    /// Tile number, 0 for none; valid under `version`, like the samples.
    key: AtomicU64,
    samples: OnceLock<Box<[AtomicU64; SAMPLES]>>,
}

/// What the store knows about a quad.
pub(crate) enum Found {
    /// Its samples.
    Patch(Patch),
    /// Nothing.
    Missed,
    /// Nothing, but the tile is worth computing and keeping.
    Wanted,
}

impl Tiles {
    /// Room for `tiles`, rounded up to a power of two of sets; 0 stores nothing. Memory is taken
    /// when tiles come.
    pub(crate) fn new(tiles: usize) -> Self {
        let sets = match tiles {
            0 => 0,
            _ => tiles.div_ceil(WAYS).next_power_of_two(),
        };
        Self {
            sets: (0..sets).map(|_| Set::default()).collect(),
        }
    }

    /// How many tiles fit.
    pub(crate) fn capacity(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// Most bytes that all tiles together take.
    pub(crate) fn bytes_max(&self) -> usize {
        self.sets.len() * (size_of::<Set>() + WAYS * SAMPLES * size_of::<AtomicU64>())
    }

    #[inline]
    fn set(&self, key: u64) -> Option<&Set> {
        self.sets
            .get(mix64(key) as usize & self.sets.len().wrapping_sub(1))
    }

    /// The samples around the quad in row `quad[1]`, column `quad[0]` of a tile.
    #[inline]
    pub(crate) fn find(&self, key: u64, quad: [usize; 2]) -> Found {
        let Some(set) = self.set(key) else {
            return Found::Missed;
        };
        for place in &set.places {
            if place.key.load(Ordering::Relaxed) == key
                && let Some(patch) = place.read(key, quad)
            {
                return Found::Patch(patch);
            }
        }
        set.miss(key)
    }

    /// Keeps a tile, row by row, unless another thread is just writing to the same place.
    pub(crate) fn keep(&self, key: u64, tile: &[u64; SAMPLES]) {
        if let Some(set) = self.set(key) {
            let next = set.next.fetch_add(1, Ordering::Relaxed);
            set.places[next as usize % WAYS].write(key, tile);
        }
    }
}

impl Set {
    /// What to do about a tile that is not here.
    #[cold]
    fn miss(&self, key: u64) -> Found {
        let repeats = if self.missed.swap(key, Ordering::Relaxed) == key {
            self.repeats.fetch_add(1, Ordering::Relaxed) + 1
        } else {
            self.repeats.store(0, Ordering::Relaxed);
            0
        };
        let insists = repeats + 1 >= MISSES_IN_A_ROW;
        let is_free = |place: &Place| place.key.load(Ordering::Relaxed) == 0;
        let has_room = || self.places.iter().any(is_free);
        // Two threads may both find it wanted, and keep it twice: the older copy goes in its turn.
        let paid = self.misses.fetch_add(1, Ordering::Relaxed) + 1 >= MISSES_PER_TILE;
        if paid || insists && has_room() {
            self.misses.store(0, Ordering::Relaxed);
            Found::Wanted
        } else {
            Found::Missed
        }
    }
}

impl Place {
    #[inline]
    fn read(&self, key: u64, [column, row]: [usize; 2]) -> Option<Patch> {
        let version = self.version.load(Ordering::Acquire);
        if version & 1 == 1 || self.key.load(Ordering::Relaxed) != key {
            return None;
        }
        let samples = self.samples.get()?;
        let mut patch = [[0; 4]; 4];
        for (line, above) in patch.iter_mut().zip(row..) {
            let start = above * TILE_CORNERS + column;
            let from = samples.get(start..start + 4)?;
            for (to, sample) in line.iter_mut().zip(from) {
                *to = sample.load(Ordering::Relaxed);
            }
        }
        // The samples before the version: pairs with the release fence of a writer.
        fence(Ordering::Acquire);
        (self.version.load(Ordering::Relaxed) == version).then_some(patch)
    }

    fn write(&self, key: u64, tile: &[u64; SAMPLES]) {
        let before = self.version.load(Ordering::Relaxed);
        let locked = before & 1 == 0
            && self
                .version
                .compare_exchange(before, before + 1, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if !locked {
            return;
        }
        // The odd version before any sample.
        fence(Ordering::Release);
        self.key.store(key, Ordering::Relaxed);
        let samples = self
            .samples
            .get_or_init(|| Box::new([const { AtomicU64::new(0) }; SAMPLES]));
        for (to, sample) in samples.iter().zip(tile) {
            to.store(*sample, Ordering::Relaxed);
        }
        self.version.store(before + 2, Ordering::Release);
    }
}

/// A copy starts empty: what is stored is no part of what a planet is.
impl Clone for Tiles {
    fn clone(&self) -> Self {
        Self::new(self.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(key: u64) -> [u64; SAMPLES] {
        core::array::from_fn(|n| mix64(key * 1_000 + n as u64))
    }

    fn is_of(key: u64, quad: [usize; 2], patch: Patch) -> bool {
        (0..4).all(|row| {
            (0..4).all(|column| {
                let n = (quad[1] + row) * TILE_CORNERS + quad[0] + column;
                patch[row][column] == tile(key)[n]
            })
        })
    }

    #[test]
    fn where_there_is_room_a_tile_is_kept_when_it_is_missed_often_in_a_row() {
        let tiles = Tiles::new(64);
        for _ in 1..MISSES_IN_A_ROW {
            assert!(matches!(tiles.find(7, [0, 0]), Found::Missed));
        }
        assert!(matches!(tiles.find(7, [3, 4]), Found::Wanted));
        tiles.keep(7, &tile(7));
        for quad in [[0, 0], [15, 15], [3, 12]] {
            let Found::Patch(patch) = tiles.find(7, quad) else {
                panic!("kept, and gone again");
            };
            assert!(is_of(7, quad, patch));
        }
        assert!(matches!(tiles.clone().find(7, [0, 0]), Found::Missed));
    }

    #[test]
    fn a_crowd_larger_than_the_store_computes_few_whole_tiles() {
        let tiles = Tiles::new(WAYS);
        let (mut asked, mut computed) = (0, 0);
        for n in 0..10_000 {
            let key = 1 + n % (WAYS as u64 + 1);
            asked += 1;
            if matches!(tiles.find(key, [0, 0]), Found::Wanted) {
                computed += 1;
                tiles.keep(key, &tile(key));
            }
        }
        assert!(
            computed * MISSES_PER_TILE as u64 <= asked + WAYS as u64 * 22,
            "{computed} of {asked}"
        );
    }

    #[test]
    fn no_room_means_nothing_is_kept() {
        let tiles = Tiles::new(0);
        tiles.keep(7, &tile(7));
        assert!(matches!(tiles.find(7, [0, 0]), Found::Missed));
        assert_eq!((tiles.capacity(), tiles.bytes_max()), (0, 0));
    }

    #[test]
    fn the_oldest_goes_first_and_room_is_bounded() {
        let tiles = Tiles::new(1);
        assert_eq!(tiles.capacity(), WAYS);
        let keys = 1..=WAYS as u64 + 2;
        for key in keys.clone() {
            tiles.keep(key, &tile(key));
        }
        let here = keys
            .clone()
            .filter(|&key| matches!(tiles.find(key, [0, 0]), Found::Patch(_)));
        assert!(here.eq(keys.skip(2)));
    }

    #[test]
    fn readers_never_see_half_a_tile_while_others_write() {
        let tiles = Tiles::new(1);
        let contents: Vec<_> = (0..16).map(tile).collect();
        std::thread::scope(|scope| {
            for thread in 0..6u64 {
                let (tiles, contents) = (&tiles, &contents);
                scope.spawn(move || {
                    for n in 0..20_000u64 {
                        let key = 1 + mix64(n * 7 + thread) % 15;
                        let quad = [(n % 16) as usize, (n / 16 % 16) as usize];
                        match tiles.find(key, quad) {
                            Found::Patch(patch) => assert!(is_of(key, quad, patch)),
                            _ => tiles.keep(key, &contents[key as usize]),
                        }
                    }
                });
            }
        });
    }
}
