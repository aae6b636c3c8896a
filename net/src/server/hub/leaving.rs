//! How avatars are made to leave, and sessions to end, by others than their players.

use bluemarble_shared_protocol::{CloseCode, EntityId, SessionId};

use super::Hub;

impl Hub {
    /// Takes avatars out of the world at the next tick, whoever plays them.
    pub fn expel(&mut self, now_ms: u64, avatars: &[EntityId]) {
        for avatar in avatars {
            self.part(now_ms, *avatar, CloseCode::Travelled);
            self.seats.expel(*avatar);
            self.parked.forget(*avatar);
        }
    }

    /// Ends the session of an avatar whose body is no longer this hub's business.
    pub fn part(&mut self, now_ms: u64, avatar: EntityId, code: CloseCode) {
        if let Some(session) = self.seats.forget(avatar) {
            self.close(now_ms, session, code);
        }
        self.parked.forget(avatar);
        self.end_wait(avatar, code);
    }

    /// The avatar leaves at the next tick, which is sealed like any leave; nothing of it is kept.
    pub(super) fn turn_out(
        &mut self,
        now_ms: u64,
        avatar: EntityId,
        code: CloseCode,
        reason: &str,
    ) {
        if let Some(id) = self.seats.session_of(avatar) {
            self.close_saying(now_ms, id, code, reason);
        }
        self.end_wait(avatar, code);
        self.parked.forget(avatar);
        if self.seats.holds(avatar) {
            self.stats.expelled += 1;
            self.seats.expel(avatar);
        }
    }

    /// Ends every session.
    pub fn close_all(&mut self, now_ms: u64, code: CloseCode) {
        let everybody: Vec<SessionId> = self.sessions.keys().copied().collect();
        for session in everybody {
            self.close(now_ms, session, code);
        }
        self.close_line(code);
    }
}
