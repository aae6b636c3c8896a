//! What a verifier compares its view with: the whole world at one tick, as the simulation
//! published it and before replication touched it.
//!
//! Only the server's admin endpoint `GET /v1/truth?every=N` sends it (bearer token, loopback): a
//! `u32` length (little endian) and that many bytes of [`crate::binary`], for every tick that is a
//! multiple of N. Game clients never see any of this.

use serde::{Deserialize, Serialize};

use crate::binary::{self, BinaryError};
use crate::ids::{EntityId, Epoch, InputSeq, Tick};
use crate::limits::TRUTH_BYTES_MAX;
use crate::message::LENGTH_PREFIX_BYTES;
use crate::wire_frame::{BodyBits, OwnState, OwnVitals, WireEntity, WireFrame, Wound};

/// The world at one tick: parallel columns over all zones, sorted by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TruthFrame {
    /// The tick.
    pub tick: Tick,
    /// The world's epoch.
    pub epoch: Epoch,
    /// Who, ascending.
    pub ids: Vec<EntityId>,
    /// The quantised public state.
    pub states: Vec<WireEntity>,
    /// The layers that may see the row (see `WireFrame::audience`).
    pub audience: Vec<u32>,
    /// Exact positions, metres in the planet's frame.
    pub positions: Vec<[f64; 3]>,
    /// The avatars, by id.
    pub owned: Vec<TruthOwned>,
    /// Everybody's wounds in this tick and the [`WOUND_TICKS`] − 1 before it, by tick and then in
    /// [`Wound::order`]; of the ticks before somebody began to read, not all.
    pub wounds: Vec<(Tick, Wound)>,
}

/// So many ticks' wounds are in a truth frame: whoever reads one in so many, or more, misses none.
pub const WOUND_TICKS: u64 = 64;

/// The private part of an avatar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthOwned {
    /// The avatar.
    pub id: EntityId,
    /// The newest intent applied.
    pub applied: InputSeq,
    /// The exact body.
    pub body: BodyBits,
    /// Its short hash.
    pub body_hash: u32,
    /// What only the owner is told.
    pub vitals: OwnVitals,
}

impl TruthFrame {
    /// Gathers one tick of all zones; `frames` are the simulation's own, `wounds` those of late.
    #[must_use]
    pub fn gather<'a>(
        tick: Tick,
        epoch: Epoch,
        frames: impl IntoIterator<Item = &'a WireFrame>,
        wounds: Vec<(Tick, Wound)>,
    ) -> Self {
        let mut rows: Vec<(EntityId, &WireFrame, usize)> = Vec::new();
        let mut owned: Vec<TruthOwned> = Vec::new();
        for frame in frames {
            rows.extend(
                frame
                    .ids
                    .iter()
                    .enumerate()
                    .map(|(row, id)| (*id, frame, row)),
            );
            owned.extend(frame.owned.iter().map(TruthOwned::of));
        }
        rows.sort_unstable_by_key(|(id, _, _)| *id);
        owned.sort_unstable_by_key(|own| own.id);
        Self {
            tick,
            epoch,
            ids: rows.iter().map(|(id, _, _)| *id).collect(),
            states: rows
                .iter()
                .map(|(_, frame, row)| frame.states[*row])
                .collect(),
            audience: rows
                .iter()
                .map(|(_, frame, row)| frame.audience[*row])
                .collect(),
            positions: rows
                .iter()
                .map(|(_, frame, row)| frame.positions[*row].to_array())
                .collect(),
            owned,
            wounds,
        }
    }

    /// Length and body, ready for the stream.
    #[must_use]
    pub fn to_frame(&self) -> Vec<u8> {
        let body = binary::encode(self);
        let length = u32::try_from(body.len()).expect("a world of entities is far below 4 GiB");
        let mut bytes = Vec::with_capacity(LENGTH_PREFIX_BYTES + body.len());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads one body.
    ///
    /// # Errors
    /// [`BinaryError`], also if the columns do not fit together.
    pub fn decode(body: &[u8]) -> Result<Self, BinaryError> {
        let frame: Self = binary::decode::<_, TRUTH_BYTES_MAX>(body)?;
        let rows = frame.ids.len();
        let columns = [
            frame.states.len(),
            frame.audience.len(),
            frame.positions.len(),
        ];
        if columns != [rows; 3] || !frame.ids.is_sorted_by(|a, b| a < b) {
            return Err(BinaryError::Malformed(
                "columns of a truth frame disagree".to_owned(),
            ));
        }
        Ok(frame)
    }

    /// The row of an entity.
    #[must_use]
    pub fn row(&self, id: EntityId) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    /// The private part of an avatar.
    #[must_use]
    pub fn own(&self, avatar: EntityId) -> Option<&TruthOwned> {
        let at = self
            .owned
            .binary_search_by_key(&avatar, |own| own.id)
            .ok()?;
        self.owned.get(at)
    }
}

impl TruthOwned {
    fn of(own: &OwnState) -> Self {
        Self {
            id: own.id,
            applied: own.applied,
            body: own.body,
            body_hash: own.body_hash,
            vitals: own.vitals,
        }
    }
}

#[cfg(test)]
mod tests {
    use glam::DVec3;

    use super::*;

    fn zone(ids: &[u64]) -> WireFrame {
        WireFrame {
            tick: Tick(3),
            ids: ids.iter().map(|id| EntityId(*id)).collect(),
            states: ids
                .iter()
                .map(|id| WireEntity {
                    cell: *id,
                    ..Default::default()
                })
                .collect(),
            audience: vec![u32::MAX; ids.len()],
            positions: ids.iter().map(|id| DVec3::splat(*id as f64)).collect(),
            owned: Vec::new(),
            wounds: Vec::new(),
        }
    }

    #[test]
    fn zones_are_gathered_in_the_order_of_ids_and_survive_the_wire() {
        let truth = TruthFrame::gather(
            Tick(3),
            Epoch(1),
            [&zone(&[5, 1]), &zone(&[4, 2])],
            vec![(
                Tick(2),
                Wound {
                    target: EntityId(5),
                    attacker: None,
                    amount: 9,
                    fatal: true,
                },
            )],
        );
        assert_eq!(truth.ids, [1, 2, 4, 5].map(EntityId));
        assert_eq!(
            truth.states.iter().map(|s| s.cell).collect::<Vec<_>>(),
            [1, 2, 4, 5]
        );
        assert_eq!(truth.row(EntityId(4)), Some(2));
        assert_eq!(truth.row(EntityId(3)), None);
        let bytes = truth.to_frame();
        assert_eq!(
            TruthFrame::decode(&bytes[LENGTH_PREFIX_BYTES..]).unwrap(),
            truth
        );
    }

    #[test]
    fn columns_that_disagree_or_are_unsorted_are_refused() {
        let truth = TruthFrame::gather(Tick(3), Epoch(1), [&zone(&[1, 2])], Vec::new());
        let short = TruthFrame {
            states: Vec::new(),
            ..truth.clone()
        };
        let unsorted = TruthFrame {
            ids: vec![EntityId(2), EntityId(1)],
            ..truth
        };
        for bad in [short, unsorted] {
            assert!(TruthFrame::decode(&bad.to_frame()[LENGTH_PREFIX_BYTES..]).is_err());
        }
    }
}
