//! The line at the door: while the world is full or overloaded, those who come new wait for their turn. It
//! is bounded; whoever comes when it is full is told so and closed.
//!
//! An avatar that is in the world already costs nothing more when its owner comes back, so its
//! owner does not wait. When there is room, or the ladder has climbed down, those who waited go in one a tick, first
//! come, first served: all at once they would send it up again.

use std::collections::VecDeque;

use bluemarble_shared_protocol::{
    ClientMessage, CloseCode, EntityId, ServerMessage, SessionId, Strain,
};

use super::Hub;
use crate::server::event::{SessionCommand, VerifiedHello};

/// Those who wait are told where they stand at most this often, milliseconds.
const TELL_MS: u64 = 1_000;

/// Those who wait, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: VecDeque<Waiting>,
    /// When they were told last.
    told_ms: u64,
}

#[derive(Debug)]
struct Waiting {
    session: SessionId,
    hello: VerifiedHello,
    /// The place it knows of.
    told: Option<u32>,
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether what a session sent is of no account because it waits.
    pub(super) fn holds(&self, session: SessionId) -> bool {
        self.waiting
            .iter()
            .any(|waiting| waiting.session == session)
    }

    pub(super) fn awaits(&self, avatar: EntityId) -> bool {
        self.session_of(avatar).is_some()
    }

    fn session_of(&self, avatar: EntityId) -> Option<SessionId> {
        let mut waiting = self.waiting.iter();
        let held = waiting.find(|waiting| waiting.hello.avatar == avatar);
        held.map(|waiting| waiting.session)
    }

    fn remove(&mut self, session: SessionId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.session != session);
        before > self.waiting.len()
    }

    /// The character's other session, in whose place this one stands now.
    fn replace(&mut self, session: SessionId, avatar: EntityId) -> Option<SessionId> {
        let held = self.waiting.iter_mut();
        let held = held.into_iter().find(|held| held.hello.avatar == avatar)?;
        held.told = None;
        Some(std::mem::replace(&mut held.session, session))
    }
}

impl Hub {
    /// Whether somebody who comes now has to wait.
    pub(super) fn must_wait(&self, avatar: EntityId) -> bool {
        (!self.has_room() || self.line.len() > 0) && !self.seats.holds(avatar)
    }

    /// Whether the world takes one more.
    fn has_room(&self) -> bool {
        self.saves
            && self.strain.level() < Strain::LOGINS_QUEUE
            && self.sessions.len() < self.config.limits.players_max
    }

    /// Takes a place in the line, or learns that there is none.
    pub(super) fn wait(&mut self, session: SessionId, hello: VerifiedHello) {
        if let Some(older) = self.line.replace(session, hello.avatar) {
            return self.refuse(older, CloseCode::ReplacedByNewSession, None);
        }
        if self.line.len() >= self.config.limits.waiting_max {
            self.stats.queue_full += 1;
            let reason = format!(
                "the world is full and {} players wait already: try again later",
                self.line.len()
            );
            return self.refuse(session, CloseCode::ServerFull, Some(reason));
        }
        self.stats.queued += 1;
        let ahead = self.line.len() as u32;
        self.line.waiting.push_back(Waiting {
            session,
            hello,
            told: Some(ahead),
        });
        self.stats.waiting = self.line.len() as u64;
        self.send(session, ServerMessage::Queued { ahead });
    }

    /// Lets the next one in if the ladder allows it, and tells the others how far they have come.
    pub(super) fn move_line(&mut self, now_ms: u64) {
        if self.has_room()
            && let Some(next) = self.line.waiting.pop_front()
        {
            self.admit(now_ms, next.session, next.hello);
        }
        self.stats.waiting = self.line.len() as u64;
        if now_ms.saturating_sub(self.line.told_ms) < TELL_MS {
            return;
        }
        self.line.told_ms = now_ms;
        let mut news = Vec::new();
        for (ahead, waiting) in (0_u32..).zip(&mut self.line.waiting) {
            if waiting.told.replace(ahead) != Some(ahead) {
                news.push((waiting.session, ahead));
            }
        }
        for (session, ahead) in news {
            self.send(session, ServerMessage::Queued { ahead });
        }
    }

    /// A message of somebody who waits: a goodbye counts, and so does a second hello.
    pub(super) fn message_in_line(&mut self, session: SessionId, message: &ClientMessage) {
        let code = match message {
            ClientMessage::Hello { .. } | ClientMessage::Resume { .. } => CloseCode::Unexpected,
            ClientMessage::Goodbye => CloseCode::Normal,
            ClientMessage::Cards { .. }
            | ClientMessage::Diverged { .. }
            | ClientMessage::Held { .. }
            | ClientMessage::Give(_) => return,
        };
        self.line.remove(session);
        self.refuse(session, code, None);
    }

    /// Its connection ended while it waited. False if it did not wait.
    pub(super) fn leave_line(&mut self, session: SessionId) -> bool {
        let left = self.line.remove(session);
        self.stats.waiting = self.line.len() as u64;
        left
    }

    /// The character waits no longer: it is to go elsewhere, or is in already by another session, which
    /// must not be thrown out when its turn comes.
    pub(super) fn end_wait(&mut self, avatar: EntityId, code: CloseCode) {
        if let Some(session) = self.line.session_of(avatar) {
            self.leave_line(session);
            self.refuse(session, code, None);
        }
    }

    /// Nobody waits any longer: the world ends.
    pub(super) fn close_line(&mut self, code: CloseCode) {
        for waiting in std::mem::take(&mut self.line.waiting) {
            self.refuse(waiting.session, code, None);
        }
    }

    /// Closes somebody who never got in.
    pub(super) fn refuse(&mut self, session: SessionId, code: CloseCode, reason: Option<String>) {
        self.stats.count_close(code);
        self.commands.push_back(SessionCommand::Close {
            session,
            code,
            reason: reason.unwrap_or_else(|| code.reason().to_owned()),
        });
    }
}
