//! The recent past: where everybody was in the last few ticks, so that a player's blow is judged by
//! what the player saw. Asked by (tick, cell), never by zone: every tick keeps the map it was cut by.
//!
//! It is state: in the checkpoint ([`stored`]) and in the digest. What is remembered of a tick is
//! its frames as they were; of a tick before a restart, the rows the checkpoint kept.

mod stored;

use std::collections::VecDeque;
use std::sync::Arc;

use bevy_ecs::resource::Resource;
use bluemarble_shared_protocol::{EntityId, Tick};
use bluemarble_spatial::CellId;
use glam::DVec3;

pub(crate) use self::stored::{RevivedPast, StoredPast, Track};
use crate::entity::DigestParts;
use crate::frame::{Around, FrameSet, Neighbour, Sums, surroundings};

/// Most ticks that can be remembered: bits of a word in the stored form.
pub(crate) const LAYERS_MAX: usize = 64;

/// What is remembered of somebody at one tick.
#[derive(Clone, Copy, Debug)]
struct PastRow {
    cell: CellId,
    id: EntityId,
    pos: DVec3,
    alive: bool,
}

/// One tick.
#[derive(Clone, Debug)]
struct Layer {
    tick: Tick,
    rows: Rows,
    sums: Sums,
}

#[derive(Clone, Debug)]
enum Rows {
    /// As they were published.
    Frames(Arc<FrameSet>),
    /// As they were restored, by (cell, id).
    Restored(Arc<[PastRow]>),
}

/// The last few ticks before the last, the newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    layers: VecDeque<Layer>,
}

impl History {
    /// Remembers the frames of a tick that is no longer the last, and forgets what is more than
    /// `depth` ticks older than the one that is.
    pub(crate) fn remember(&mut self, frames: Arc<FrameSet>, depth: usize) {
        let sums = frames.zones.iter().map(|frame| frame.sums());
        self.layers.push_front(Layer {
            tick: frames.tick,
            sums: sums.fold(Sums::default(), Sums::and),
            rows: Rows::Frames(frames),
        });
        self.layers.truncate(depth);
    }

    /// Its share of the world's digest.
    pub(crate) fn digest_parts(&self) -> DigestParts {
        let mut parts = DigestParts::default();
        for layer in &self.layers {
            parts += layer.sums.share(layer.tick);
        }
        parts
    }

    /// Somebody as a player saw them at `view`, looked for around `cell`, if they are still about and
    /// lived then or do not live now. The position is the one that was seen; everything else is as of
    /// Frame(t−1), where they must be within a cell of where they were.
    ///
    /// What is not remembered any more counts as the oldest tick that is, and no view as t−1.
    pub(crate) fn sight(
        &self,
        around: &Around,
        cell: CellId,
        view: Option<Tick>,
        id: EntityId,
    ) -> Option<Neighbour> {
        let Some(layer) = view.and_then(|view| self.layer(view, around.frames.tick)) else {
            return around.find(cell, id);
        };
        let seen = layer.find(cell, id)?;
        let now = around.find(cell, id);
        let now = now.or_else(|| around.find(seen.cell, id))?;
        let lives = around.frames.zones[now.zone as usize].alive[now.row];
        (seen.alive || !lives).then_some(Neighbour {
            pos: seen.pos,
            ..now
        })
    }

    /// The layer of a tick or, if that is forgotten, the oldest; none from `last` on.
    fn layer(&self, view: Tick, last: Tick) -> Option<&Layer> {
        if view >= last {
            return None;
        }
        let known = self.layers.iter().find(|layer| layer.tick <= view);
        known.or(self.layers.back())
    }
}

impl Layer {
    /// Somebody around a cell at this tick.
    fn find(&self, cell: CellId, id: EntityId) -> Option<PastRow> {
        surroundings(cell)
            .into_iter()
            .find_map(|near| match &self.rows {
                Rows::Frames(frames) => {
                    let mut parts = frames.parts_of(frames.map.zone_of(near));
                    parts.find_map(|part| {
                        let frame = &frames.zones[part as usize];
                        let rows = frame.rows_of(near);
                        let row = rows.start + frame.ids[rows].binary_search(&id).ok()?;
                        Some(PastRow {
                            cell: near,
                            id,
                            pos: frame.positions[row],
                            alive: frame.alive[row],
                        })
                    })
                }
                Rows::Restored(rows) => {
                    let row = rows.binary_search_by_key(&(near, id), |row| (row.cell, row.id));
                    row.ok().map(|row| rows[row])
                }
            })
    }

    /// Everybody, in no particular order.
    fn each(&self, mut visit: impl FnMut(EntityId, DVec3, bool)) {
        match &self.rows {
            Rows::Frames(frames) => {
                for frame in &frames.zones {
                    for (row, id) in frame.ids.iter().enumerate() {
                        visit(*id, frame.positions[row], frame.alive[row]);
                    }
                }
            }
            Rows::Restored(rows) => rows
                .iter()
                .for_each(|row| visit(row.id, row.pos, row.alive)),
        }
    }
}

/// The past as the rules of this tick may ask for it.
#[derive(Resource, Clone, Debug, Default)]
pub(crate) struct Past(pub Arc<History>);

impl std::ops::Deref for Past {
    type Target = History;

    fn deref(&self) -> &History {
        &self.0
    }
}
