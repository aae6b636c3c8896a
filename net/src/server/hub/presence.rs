//! The alarm for who is in view: every two seconds a client is told whom it should have; one that has
//! others says whom. Ghosts and those who are missing are named, counted and logged; the ghosts it is told to
//! forget, and if anybody is missing it is sent everything in full.
//!
//! Whoever reports may be lying: a report costs one pass over its view, at most once in two seconds.

use bluemarble_shared_protocol::limits::{FORGOTTEN_IDS_MAX, HELD_IDS_MAX};
use bluemarble_shared_protocol::{EntityId, ServerMessage, SessionId, Tick};

use super::Hub;
use super::session::Session;
use crate::server::replication::Replicator;

/// How often a client is told, seconds.
const PERIOD_S: u64 = 2;
/// Reports that are acted upon no more often than this, milliseconds.
const AGAIN_MS: u64 = 2_000;

/// What to tell a client about who is in view, if it is its turn and can be said; otherwise as soon as it can.
pub(super) fn message(
    id: SessionId,
    session: &mut Session,
    replicator: &Replicator,
    tick: Tick,
    tick_hz: u32,
) -> Option<ServerMessage> {
    let period = PERIOD_S * u64::from(tick_hz);
    session.presence_due |= (tick.0 + id.0).is_multiple_of(period);
    if !session.presence_due {
        return None;
    }
    let (number, count, sum) = replicator.presence(&session.view)?;
    session.presence_due = false;
    Some(ServerMessage::Presence { number, count, sum })
}

impl Hub {
    /// A client says whom it has in view after datagram `number`.
    pub(super) fn held(&mut self, now_ms: u64, id: SessionId, number: u64, mut ids: Vec<EntityId>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let too_soon = session
            .misplaced_ms
            .is_some_and(|last| now_ms.saturating_sub(last) < AGAIN_MS);
        if too_soon {
            self.stats.divergences_ignored += 1;
            return;
        }
        session.misplaced_ms = Some(now_ms);
        self.stats.divergences += 1;
        let whole = ids.len() < HELD_IDS_MAX;
        ids.sort_unstable();
        ids.dedup();
        session.view.settle(self.replicator.tick());
        let should = self.replicator.in_view(&session.view);
        let is_there = |id: &EntityId| should.binary_search_by_key(id, |(id, _)| *id).is_ok();
        let ghosts = ids.iter().filter(|id| !is_there(id)).copied();
        let mut ghosts: Vec<EntityId> = ghosts.collect();
        ghosts.truncate(FORGOTTEN_IDS_MAX);
        let told_of = |id: EntityId| whole || ids.last().is_some_and(|last| id <= *last);
        let missing = should.iter().filter(|(id, since)| {
            since.is_some_and(|since| since <= number)
                && told_of(*id)
                && ids.binary_search(id).is_err()
        });
        let missing: Vec<EntityId> = missing.map(|(id, _)| *id).collect();
        self.stats.diverged_ghost += ghosts.len() as u64;
        self.stats.diverged_missing += missing.len() as u64;
        let tick = self.replicator.tick();
        let named = ghosts.iter().map(|ghost| (ghost, "in view", "not in view"));
        let named = named.chain(missing.iter().map(|id| (id, "not in view", "in view")));
        for (entity, client, server) in named {
            if self.divergence_log.allows_one(now_ms) {
                tracing::warn!(
                    target: "bluemarble::divergence",
                    session = id.0,
                    avatar = %session.avatar,
                    number,
                    %tick,
                    %entity,
                    field = "presence",
                    client,
                    server,
                    "a client has others in view than it was sent"
                );
            }
        }
        if !missing.is_empty() {
            session.view.distrust();
        }
        if !ghosts.is_empty() {
            let number = session.view.next_number().saturating_sub(1);
            let ids = ghosts;
            self.send(id, ServerMessage::Forget { number, ids });
        }
    }
}
