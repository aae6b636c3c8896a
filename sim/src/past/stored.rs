//! The past in a checkpoint: per entity, only the ticks at which it was elsewhere than at the next.
//! Whoever has been at rest all the time takes no byte.
//!
//! It is written in columns, version 2; version 1, row after row, is still read.
//!
//! ```text
//!   0  version   1   2
//!   1  tick      8   of the checkpoint; layer k is of tick − 1 − k
//!   9  layers    1
//!  10  tracks    4   how many
//!  14  rows      4   how many, of all tracks together
//!  18  columns       of the tracks: id 8, there 8, moved 8; of the rows, track after track: x 8, y 8,
//!                    z 8, alive 1. A row's coordinates are those bits in which it differs from the
//!                    row before of the same track.
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, Tick, binary};
use glam::DVec3;
use serde::{Deserialize, Serialize};

use super::{History, LAYERS_MAX, Layer, PastRow, Rows, Sums};
use crate::entity::EntityState;
use crate::entity::digest::DigestParts;
use crate::hashing::IdHash;
use crate::lore::LoreInner;
use crate::planes::{PlaneReader, PlaneWriter};

/// What the form is called in its first byte; counts up when it changes.
const VERSION: u8 = 2;
/// The form before, which is still read.
const VERSION_ROWS: u8 = 1;
/// Most bytes that are read of the form before.
const ROWS_BYTES_MAX: usize = 1 << 30;

/// The form.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredPast {
    version: u8,
    /// The tick of the checkpoint; layer k is of tick − 1 − k.
    tick: Tick,
    layers: u8,
    /// By id. Who is in the world but not here was where it is, in every layer.
    tracks: Vec<Track>,
}

/// One entity's recent past.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Track {
    id: EntityId,
    /// Bit k: it was in the world at layer k.
    there: u64,
    /// Bit k: it was not as at layer k − 1 (or, for 0, not as the checkpoint has it).
    moved: u64,
    /// How it was then, one for each bit of `moved`.
    rows: Vec<(f64, f64, f64, bool)>,
}

/// A position, bit by bit, and whether it lives.
type Form = ([u64; 3], bool);

fn form(pos: DVec3, alive: bool) -> Form {
    (pos.to_array().map(f64::to_bits), alive)
}

/// As the checkpoint has it. What has neither will nor player, a thing, is shown alive in no frame.
/// (If content should make it otherwise, it takes a few bytes more.)
fn now_of(state: &EntityState) -> (DVec3, bool) {
    let is_creature = state.mind.is_some() || state.player.is_some();
    (state.body.0.pos, is_creature && state.life.is_alive())
}

fn all(layers: usize) -> u64 {
    u64::MAX.checked_shr(64 - layers as u32).unwrap_or(0)
}

impl StoredPast {
    /// Of a world that is now as `states` say.
    pub(crate) fn of<'a>(
        history: &History,
        tick: Tick,
        states: impl Iterator<Item = &'a EntityState>,
    ) -> Self {
        // Per entity: its track, and its form in the newest layer written so far.
        let mut tracks: Vec<(Track, Option<Form>)> = Vec::new();
        let mut places: HashMap<EntityId, usize, IdHash> = HashMap::default();
        let track = |id| Track {
            id,
            there: 0,
            moved: 0,
            rows: Vec::new(),
        };
        for state in states {
            let id = state.identity.id;
            let (pos, alive) = now_of(state);
            places.insert(id, tracks.len());
            tracks.push((track(id), Some(form(pos, alive))));
        }
        for (k, layer) in history.layers.iter().enumerate() {
            layer.each(|id, pos, alive| {
                let place = *places.entry(id).or_insert_with(|| {
                    tracks.push((track(id), None));
                    tracks.len() - 1
                });
                let (track, newer) = &mut tracks[place];
                track.there |= 1 << k;
                let then = form(pos, alive);
                if *newer != Some(then) {
                    track.moved |= 1 << k;
                    track.rows.push((pos.x, pos.y, pos.z, alive));
                    *newer = Some(then);
                }
            });
        }
        let layers = history.layers.len();
        let rests = |track: &Track| track.there == all(layers) && track.moved == 0;
        let tracks = tracks.into_iter().map(|(track, _)| track);
        let mut tracks: Vec<Track> = tracks.filter(|track| !rests(track)).collect();
        tracks.sort_unstable_by_key(|track| track.id);
        Self {
            version: VERSION,
            tick,
            layers: layers as u8,
            tracks,
        }
    }

    /// Its bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let rows: Vec<Row> = self.tracks.iter().flat_map(Track::differences).collect();
        let count = |of: usize| {
            u32::try_from(of)
                .expect("far fewer than 4 billion")
                .to_le_bytes()
        };
        let mut out = PlaneWriter(vec![VERSION]);
        out.0.extend_from_slice(&self.tick.0.to_le_bytes());
        out.0.push(self.layers);
        out.0.extend_from_slice(&count(self.tracks.len()));
        out.0.extend_from_slice(&count(rows.len()));
        out.column(self.tracks.iter().map(|track| track.id.0.to_le_bytes()));
        out.column(self.tracks.iter().map(|track| track.there.to_le_bytes()));
        out.column(self.tracks.iter().map(|track| track.moved.to_le_bytes()));
        for axis in 0..3 {
            out.column(rows.iter().map(|(bits, _)| bits[axis].to_le_bytes()));
        }
        out.column(rows.iter().map(|(_, alive)| [u8::from(*alive)]));
        out.0
    }

    /// The inverse of [`StoredPast::encode`], or what is wrong with these bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        match bytes.first() {
            Some(&VERSION) => read_columns(bytes).ok_or_else(|| "it ends too early".to_owned())?,
            Some(&VERSION_ROWS) => {
                let rows = binary::decode::<Self, ROWS_BYTES_MAX>(bytes);
                rows.map_err(|error| error.to_string())
            }
            Some(other) => Err(format!("another build wrote it, in version {other}")),
            None => Err("it is empty".to_owned()),
        }
    }

    /// One entity's.
    pub(crate) fn into_track(self, id: EntityId) -> Option<Track> {
        self.tracks.into_iter().find(|track| track.id == id)
    }

    /// The past it tells of, or what is wrong with it. `states` are the checkpoint's, by id.
    pub(crate) fn revive(
        &self,
        tick: Tick,
        states: &[EntityState],
    ) -> Result<RevivedPast, &'static str> {
        let layers = usize::from(self.layers);
        if self.tick != tick || layers > LAYERS_MAX || layers as u64 > tick.0 {
            return Err("it is of other ticks");
        }
        if !self.tracks.windows(2).all(|pair| pair[0].id < pair[1].id) {
            return Err("its entities are not in order");
        }
        let mut revived: Vec<RevivedLayer> = (1..=layers as u64)
            .map(|age| RevivedLayer {
                tick: Tick(tick.0 - age),
                sums: Sums::default(),
                rows: Vec::new(),
            })
            .collect();
        let mut tracks = self.tracks.iter().peekable();
        for state in states {
            let id = state.identity.id;
            while let Some(gone) = tracks.next_if(|track| track.id < id) {
                unroll(gone, None, &mut revived)?;
            }
            let now = now_of(state);
            match tracks.next_if(|track| track.id == id) {
                Some(track) => unroll(track, Some(now), &mut revived)?,
                None => revived
                    .iter_mut()
                    .for_each(|layer| layer.push(id, now.0, now.1)),
            }
        }
        for gone in tracks {
            unroll(gone, None, &mut revived)?;
        }
        Ok(RevivedPast(revived))
    }
}

/// A row's coordinates bit by bit, and whether it lived.
type Row = ([u64; 3], bool);

impl Track {
    /// The rows, each as the bits that are not those of the row before.
    fn differences(&self) -> impl Iterator<Item = Row> {
        let mut before = [0; 3];
        self.rows.iter().map(move |&(x, y, z, alive)| {
            let bits = [x, y, z].map(f64::to_bits);
            let other = std::array::from_fn(|axis| bits[axis] ^ before[axis]);
            before = bits;
            (other, alive)
        })
    }
}

/// `None` if there are fewer bytes than it says; more, or impossible ones, are an error.
fn read_columns(bytes: &[u8]) -> Option<Result<StoredPast, String>> {
    let (&[version], rest) = bytes.split_first_chunk()?;
    let (tick, rest) = rest.split_first_chunk()?;
    let (&[layers], rest) = rest.split_first_chunk()?;
    let (tracks, rest) = rest.split_first_chunk()?;
    let (rows, rest) = rest.split_first_chunk()?;
    let (tracks, rows) = (
        u32::from_le_bytes(*tracks) as usize,
        u32::from_le_bytes(*rows) as usize,
    );
    let mut read = PlaneReader(rest);
    let ids = read.column::<8>(tracks)?;
    let there = read.column::<8>(tracks)?;
    let moved = read.column::<8>(tracks)?;
    let axes = [
        read.column::<8>(rows)?,
        read.column::<8>(rows)?,
        read.column::<8>(rows)?,
    ];
    let alive = read.column::<1>(rows)?;
    if !read.0.is_empty() {
        return Some(Err(format!("{} bytes are left over", read.0.len())));
    }
    let mut past = StoredPast {
        version,
        tick: Tick(u64::from_le_bytes(*tick)),
        layers,
        tracks: Vec::with_capacity(tracks),
    };
    let mut row = 0;
    for n in 0..tracks {
        let moved = u64::from_le_bytes(moved.at(n));
        let mut track = Track {
            id: EntityId(u64::from_le_bytes(ids.at(n))),
            there: u64::from_le_bytes(there.at(n)),
            moved,
            rows: Vec::new(),
        };
        let mut bits = [0; 3];
        for _ in 0..moved.count_ones() {
            if row == rows {
                return Some(Err("a row is missing".to_owned()));
            }
            let [x, y, z] = std::array::from_fn(|axis| {
                bits[axis] ^= u64::from_le_bytes(axes[axis].at(row));
                f64::from_bits(bits[axis])
            });
            track.rows.push((x, y, z, alive.at(row)[0] != 0));
            row += 1;
        }
        past.tracks.push(track);
    }
    Some(match rows - row {
        0 => Ok(past),
        _ => Err("there are rows too many".to_owned()),
    })
}

/// Adds an entity to the layers it was in.
fn unroll(
    track: &Track,
    now: Option<(DVec3, bool)>,
    layers: &mut [RevivedLayer],
) -> Result<(), &'static str> {
    let outside = (track.there | track.moved) & !all(layers.len());
    if outside != 0 || track.moved & !track.there != 0 {
        return Err("an entity was in a tick that is not there");
    }
    let mut rows = track.rows.iter();
    let mut then = now;
    for (k, layer) in layers.iter_mut().enumerate() {
        if track.moved >> k & 1 == 1 {
            let &(x, y, z, alive) = rows.next().ok_or("a row is missing")?;
            then = Some((DVec3::new(x, y, z), alive));
        }
        if track.there >> k & 1 == 1 {
            let (pos, alive) = then.ok_or("an entity was nowhere")?;
            if !(pos.is_finite() && pos.length_squared() > 0.0) {
                return Err("an impossible position");
            }
            layer.push(track.id, pos, alive);
        }
    }
    rows.next()
        .map_or(Ok(()), |_| Err("there are rows too many"))
}

#[derive(Debug)]
struct RevivedLayer {
    tick: Tick,
    sums: Sums,
    rows: Vec<(EntityId, DVec3, bool)>,
}

impl RevivedLayer {
    fn push(&mut self, id: EntityId, pos: DVec3, alive: bool) {
        self.sums.add(id, DigestParts::odd(id), pos, alive);
        self.rows.push((id, pos, alive));
    }
}

/// A past that has been read, and is sound; the newest layer first.
#[derive(Debug, Default)]
pub(crate) struct RevivedPast(Vec<RevivedLayer>);

impl RevivedPast {
    /// Its share of the digest, for the checkpoint to be compared with.
    pub(crate) fn digest_parts(&self) -> DigestParts {
        let mut parts = DigestParts::default();
        for layer in &self.0 {
            parts += layer.sums.share(layer.tick);
        }
        parts
    }

    /// For the world of a planet, by whose cells it is asked.
    pub(crate) fn into_history(self, lore: &LoreInner) -> History {
        let layer = |layer: RevivedLayer| {
            let row = |(id, pos, alive)| PastRow {
                cell: lore.grid_cell(pos),
                id,
                pos,
                alive,
            };
            let mut rows: Vec<PastRow> = layer.rows.into_iter().map(row).collect();
            rows.sort_unstable_by_key(|row| (row.cell, row.id));
            Layer {
                tick: layer.tick,
                sums: layer.sums,
                rows: Rows::Restored(Arc::from(rows)),
            }
        };
        History {
            layers: self.0.into_iter().map(layer).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past() -> StoredPast {
        let track = |n: u64| Track {
            id: EntityId(n << 50),
            there: 0b111,
            moved: n % 8,
            rows: (0..(n % 8).count_ones())
                .map(|row| (n as f64, -0.5, f64::from(row), row == 1))
                .collect(),
        };
        StoredPast {
            version: VERSION,
            tick: Tick(70),
            layers: 3,
            tracks: (0..20).map(track).collect(),
        }
    }

    #[test]
    fn columns_come_back_and_rows_are_still_read() {
        let told = |past: &StoredPast| format!("{:?}", (&past.tick, past.layers, &past.tracks));
        let columns = StoredPast::decode(&past().encode()).unwrap();
        assert_eq!(told(&columns), told(&past()));
        let rows = StoredPast {
            version: VERSION_ROWS,
            ..past()
        };
        let rows = StoredPast::decode(&binary::encode(&rows)).unwrap();
        assert_eq!(told(&rows), told(&past()));
    }

    #[test]
    fn what_is_cut_too_long_or_of_another_version_is_refused() {
        let whole = past().encode();
        for cut in 0..whole.len() {
            assert!(StoredPast::decode(&whole[..cut]).is_err(), "{cut} bytes");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert!(
            StoredPast::decode(&longer)
                .unwrap_err()
                .contains("left over")
        );
        let mut newer = whole;
        newer[0] = 3;
        assert!(
            StoredPast::decode(&newer)
                .unwrap_err()
                .contains("version 3")
        );
    }
}
