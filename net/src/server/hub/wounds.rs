//! A tick's wounds: who is told of which.
//!
//! A player's own (suffered or dealt) become events, which are never lost. Those of others go to
//! whoever has the target in view, the nearest first, as many as an eighth of the byte budget holds; the
//! rest is left out and counted. An attacker whom a client's layers may not see has no name there.

use std::sync::Arc;

use bluemarble_shared_protocol::limits::WOUNDS_PER_MESSAGE_MAX;
use bluemarble_shared_protocol::{EntityId, GameEvent, ServerMessage, Tick, WireFrame, Wound};
use glam::DVec3;

use crate::server::replication::{Replicator, SlotRef};

/// Bytes of a wound on the stream, at most.
const WOUND_BYTES: usize = 20;
/// One part in so many of the byte budget is what others' wounds may take.
const BUDGET_SHARE: usize = 8;

/// A wound, and what decides who may know.
#[derive(Clone, Copy, Debug)]
struct Placed {
    wound: Wound,
    target: SlotRef,
    target_audience: u32,
    pos: DVec3,
    /// 0 if the attacker is not in the world.
    attacker_audience: u32,
}

/// All wounds of a tick.
#[derive(Debug, Default)]
pub(crate) struct TickWounds {
    /// By target, then by attacker.
    all: Vec<Placed>,
    /// Places in `all`, by attacker.
    by_attacker: Vec<(EntityId, u32)>,
    /// Of each slot, the place of its first wound in `all`, plus 1; 0 if it has none.
    first_of: Vec<u32>,
}

impl TickWounds {
    /// Takes in a tick that the replicator has taken in.
    pub(crate) fn gather(&mut self, frames: &[Arc<WireFrame>], replicator: &Replicator) {
        for placed in &self.all {
            self.first_of[placed.target.slot as usize] = 0;
        }
        self.all.clear();
        self.by_attacker.clear();
        for wound in frames.iter().flat_map(|frame| &frame.wounds) {
            let Some((target, target_audience, pos)) = replicator.whereabouts(wound.target) else {
                continue;
            };
            let attacker = wound.attacker.and_then(|id| replicator.whereabouts(id));
            self.all.push(Placed {
                wound: *wound,
                target,
                target_audience,
                pos,
                attacker_audience: attacker.map_or(0, |(_, audience, _)| audience),
            });
        }
        self.all.sort_unstable_by_key(|placed| placed.wound.order());
        for (n, placed) in self.all.iter().enumerate().rev() {
            let n = n as u32;
            let slot = placed.target.slot as usize;
            if self.first_of.len() <= slot {
                self.first_of.resize(slot + 1, 0);
            }
            self.first_of[slot] = n + 1;
            if let Some(attacker) = placed.wound.attacker {
                self.by_attacker.push((attacker, n));
            }
        }
        self.by_attacker.sort_unstable();
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What an avatar did to others, then what was done to it.
    pub(crate) fn of_avatar(
        &self,
        avatar: EntityId,
        layers: u32,
    ) -> impl Iterator<Item = GameEvent> + '_ {
        let first = self.by_attacker.partition_point(|(id, _)| *id < avatar);
        let dealt = self.by_attacker[first..].iter();
        let dealt = dealt.take_while(move |(id, _)| *id == avatar);
        let dealt = dealt.map(|(_, n)| &self.all[*n as usize]);
        let struck = dealt.filter(move |placed| placed.wound.target != avatar);
        let struck = struck.map(move |placed| GameEvent::Struck {
            target: (placed.target_audience & layers != 0).then_some(placed.wound.target),
            amount: placed.wound.amount,
            fatal: placed.wound.fatal,
        });
        let wounded = self
            .of_target(avatar)
            .map(move |placed| GameEvent::Wounded {
                attacker: placed.attacker_for(avatar, layers),
                amount: placed.wound.amount,
            });
        struck.chain(wounded)
    }

    fn of_target(&self, target: EntityId) -> impl Iterator<Item = &Placed> {
        let first = self
            .all
            .partition_point(|placed| placed.wound.target < target);
        let all = self.all[first..].iter();
        all.take_while(move |placed| placed.wound.target == target)
    }

    /// What a player hears of the others in view, if anything: `seen`, from where its avatar stands.
    pub(crate) fn message(
        &self,
        tick: Tick,
        (avatar, pos): (EntityId, DVec3),
        layers: u32,
        seen: impl Iterator<Item = SlotRef>,
        budget_bytes: usize,
    ) -> Option<ServerMessage> {
        let mut told: Vec<(f64, Wound)> = Vec::new();
        for noted in seen {
            let first = self.first_of.get(noted.slot as usize).copied();
            let Some(first) = first.unwrap_or(0).checked_sub(1) else {
                continue;
            };
            let wounds = self.all[first as usize..].iter();
            let wounds = wounds.take_while(|placed| placed.target == noted);
            for placed in wounds.filter(|placed| placed.target_audience & layers != 0) {
                if placed.wound.attacker != Some(avatar) {
                    let attacker = placed.attacker_for(avatar, layers);
                    let wound = Wound {
                        attacker,
                        ..placed.wound
                    };
                    told.push((placed.pos.distance_squared(pos), wound));
                }
            }
        }
        if told.is_empty() {
            return None;
        }
        told.sort_by(|(near, a), (far, b)| {
            let order = near.total_cmp(far);
            order.then_with(|| a.order().cmp(&b.order()))
        });
        let most = budget_bytes / BUDGET_SHARE / WOUND_BYTES;
        let most = most.clamp(1, WOUNDS_PER_MESSAGE_MAX);
        let left_out = told.len().saturating_sub(most) as u32;
        let wounds = told.into_iter().take(most).map(|(_, wound)| wound);
        Some(ServerMessage::Wounds {
            tick,
            wounds: wounds.collect(),
            left_out,
        })
    }
}

impl Placed {
    /// The attacker's name, as far as whoever plays `avatar` may know it.
    fn attacker_for(&self, avatar: EntityId, layers: u32) -> Option<EntityId> {
        let may_know = |id: &EntityId| *id == avatar || self.attacker_audience & layers != 0;
        self.wound.attacker.filter(may_know)
    }
}
