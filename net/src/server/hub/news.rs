//! What happened to an avatar, as its player is told: deaths, returns, kills, and wounds suffered and
//! dealt, in the order of the ticks; and beside that what the others in view lost.

use bluemarble_shared_protocol::{EntityId, GameEvent, OwnState, ServerMessage, Tick};

use super::session::{News, Session};
use super::wounds::TickWounds;
use crate::server::hub_stats::HubStats;
use crate::server::replication::Replicator;

/// Bytes of a message on the stream without what is counted, and of an event, at most.
const MESSAGE_BYTES: usize = 28;
const EVENT_BYTES: usize = 24;
const WOUND_BYTES: usize = 20;

/// What there is to know about a tick.
pub(super) struct Newsroom<'a> {
    pub(super) tick: Tick,
    pub(super) tick_hz: u32,
    pub(super) wounds: &'a TickWounds,
    pub(super) replicator: &'a Replicator,
}

impl Newsroom<'_> {
    /// Notes what happened to a session's avatar, whether anybody is there to be told or not.
    pub(super) fn note(&self, session: &mut Session, own: &OwnState, stats: &mut HubStats) {
        let (avatar, layers) = (session.avatar, session.layers);
        let was_here = session.has_vitals();
        let changes = session.note_vitals(own.vitals);
        if !was_here {
            return;
        }
        let named = |id: EntityId| self.may_name(id, avatar, layers).then_some(id);
        let mut note = |session: &mut Session, event| {
            stats.events_forgotten += u64::from(session.events.note(self.tick, event));
        };
        if !self.wounds.is_empty() {
            for event in self.wounds.of_avatar(avatar, layers) {
                note(session, event);
            }
        }
        for news in changes {
            // Dying and rising move the body in ways no client predicts.
            session.view.own.touch(self.tick);
            let event = match news {
                News::Respawned => GameEvent::Respawned,
                News::Died => GameEvent::Died {
                    killer: own.fell_to.and_then(named),
                },
            };
            note(session, event);
        }
        for victim in &own.felled {
            let victim = named(*victim);
            note(session, GameEvent::Killed { victim });
        }
    }

    /// Hands out what a session is to be told, at most `room` messages, and counts their bytes. `budget_bytes`:
    /// of a tick, for this client.
    pub(super) fn tell(
        &self,
        session: &mut Session,
        (room, budget_bytes): (usize, usize),
        stats: &mut HubStats,
        mut send: impl FnMut(ServerMessage),
    ) {
        session.events.forget_old(self.tick, self.tick_hz);
        let mut room = room;
        let mut bytes = 0;
        while room > 0
            && let Some(message) = session.events.next_message()
        {
            let count = match &message {
                ServerMessage::Events { events, .. } => events.len(),
                _ => 0,
            };
            stats.events_sent += count as u64;
            bytes += MESSAGE_BYTES + count * EVENT_BYTES;
            room -= 1;
            send(message);
        }
        let others = self.of_others(session, budget_bytes).filter(|_| room > 0);
        if let Some(message) = others {
            if let ServerMessage::Wounds {
                wounds, left_out, ..
            } = &message
            {
                stats.wounds_sent += wounds.len() as u64;
                stats.wounds_left_out += u64::from(*left_out);
                bytes += MESSAGE_BYTES + wounds.len() * WOUND_BYTES;
            }
            send(message);
        }
        session.stream_bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    }

    fn of_others(&self, session: &Session, budget_bytes: usize) -> Option<ServerMessage> {
        if self.wounds.is_empty() {
            return None;
        }
        let avatar = session.avatar;
        let (_, _, pos) = self.replicator.whereabouts(avatar)?;
        let seen = session.view.seen();
        let me = (avatar, pos);
        self.wounds
            .message(self.tick, me, session.layers, seen, budget_bytes)
    }

    /// Whether whoever plays `avatar` may learn of somebody. Of one who has left the world, nobody can say
    /// who might have seen it.
    fn may_name(&self, id: EntityId, avatar: EntityId, layers: u32) -> bool {
        let audience = || {
            self.replicator
                .whereabouts(id)
                .map(|(_, audience, _)| audience)
        };
        id == avatar || audience().is_some_and(|audience| audience & layers != 0)
    }
}
