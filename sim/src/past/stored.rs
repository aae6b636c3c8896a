//! The past in a checkpoint: per entity, only the ticks at which it was elsewhere than at the next.
//! Whoever has been at rest all the time takes no byte.

use std::collections::BTreeMap;
use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, Tick};
use glam::DVec3;
use serde::{Deserialize, Serialize};

use super::{History, LAYERS_MAX, Layer, PastRow, Rows, Sums};
use crate::entity::EntityState;
use crate::entity::digest::DigestParts;
use crate::lore::LoreInner;

/// What the form is called in its first byte; counts up when it changes.
const VERSION: u8 = 1;

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
struct Track {
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
        let mut tracks: BTreeMap<EntityId, (Track, Option<Form>)> = BTreeMap::new();
        let track = |id| Track {
            id,
            there: 0,
            moved: 0,
            rows: Vec::new(),
        };
        for state in states {
            let id = state.identity.id;
            let (pos, alive) = now_of(state);
            tracks.insert(id, (track(id), Some(form(pos, alive))));
        }
        for (k, layer) in history.layers.iter().enumerate() {
            layer.each(|id, pos, alive| {
                let (track, newer) = tracks.entry(id).or_insert_with(|| (track(id), None));
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
        let tracks = tracks.into_values().map(|(track, _)| track);
        Self {
            version: VERSION,
            tick,
            layers: layers as u8,
            tracks: tracks.filter(|track| !rests(track)).collect(),
        }
    }

    /// The past it tells of, or what is wrong with it. `states` are the checkpoint's, by id.
    pub(crate) fn revive(
        &self,
        tick: Tick,
        states: &[EntityState],
    ) -> Result<RevivedPast, &'static str> {
        let layers = usize::from(self.layers);
        if self.version != VERSION {
            return Err("another version wrote it");
        }
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
