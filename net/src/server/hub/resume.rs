//! Coming back: a client that has lost its connection takes its session up again on another one,
//! with view, baselines and input numbers as they were.
//!
//! A session whose connection ends without a goodbye is *parked* for as long as its avatar waits. A
//! claim names a session and is good for the newest one of the avatar alone; whoever took it up has
//! used the claim up. But the answer, and with it the token of the new session, may be lost with
//! the new connection: so the claim stays good until the client has said anything on the new one.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::{CloseCode, EntityId, ServerMessage, SessionId, Tick};

use super::Hub;
use super::allowance::Allowance;
use super::session::Session;
use crate::server::event::{ResumeClaim, SessionCommand, VerifiedHello};

/// Sessions without a connection, by avatar.
#[derive(Debug, Default)]
pub(crate) struct Parked(BTreeMap<EntityId, (SessionId, Box<Session>)>);

impl Parked {
    /// Keeps a session; beyond `most`, it is forgotten, and its owner has to say hello again.
    fn park(&mut self, id: SessionId, session: Session, most: usize) -> bool {
        let fits = self.0.len() < most || self.0.contains_key(&session.avatar);
        if fits {
            self.0.insert(session.avatar, (id, Box::new(session)));
        }
        fits
    }

    pub(super) fn forget(&mut self, avatar: EntityId) {
        self.0.remove(&avatar);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whose they are, mutably.
    pub(super) fn sessions_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.0.values_mut().map(|(_, session)| &mut **session)
    }

    pub(super) fn views_reset(&mut self) {
        for (_, session) in self.0.values_mut() {
            session.view.reset();
        }
    }
}

impl Hub {
    /// The connection ended without a goodbye: avatar and session wait.
    pub(super) fn park(&mut self, now_ms: u64, id: SessionId, mut session: Session) {
        self.seats.vacate(now_ms, session.avatar, id);
        self.replicator.keep_baselines(&mut session.view);
        if !self.parked.park(id, session, self.config.limits.parked_max) {
            self.stats.parked_full += 1;
        }
        self.stats.parked = self.parked.len() as u64;
    }

    pub(super) fn resume(
        &mut self,
        now_ms: u64,
        id: SessionId,
        hello: VerifiedHello,
        claim: ResumeClaim,
    ) {
        let avatar = hello.avatar;
        if let Some(session) = self.reclaim(avatar, claim.session) {
            return self.go_on(id, hello, claim, session);
        }
        if self.seats.waits_for_anybody(avatar) {
            // The world was restarted, or the avatar came from another one: it is there, what its
            // client knows of the world is void.
            self.stats.resumed_afresh += 1;
            return self.admit(now_ms, id, hello);
        }
        self.stats.resume_refused += 1;
        self.refuse(id, CloseCode::NothingToResume, None);
    }

    /// The session that a claim for `claimed` is good for, out of the hands of whoever holds it.
    fn reclaim(&mut self, avatar: EntityId, claimed: SessionId) -> Option<Session> {
        let good =
            |id: SessionId, session: &Session| id == claimed || session.took_up == Some(claimed);
        if let Some((id, session)) = self.parked.0.get(&avatar) {
            if !good(*id, session) {
                return None;
            }
            let (_, session) = self.parked.0.remove(&avatar)?;
            self.stats.parked = self.parked.len() as u64;
            return Some(*session);
        }
        let id = self.seats.session_of(avatar)?;
        if !good(id, self.sessions.get(&id)?) {
            return None;
        }
        // Its connection is dead, and nobody has noticed yet.
        let mut session = self.sessions.remove(&id)?;
        self.replicator.keep_baselines(&mut session.view);
        let code = CloseCode::ReplacedByNewSession;
        self.stats.count_close(code);
        self.commands.push_back(SessionCommand::Close {
            session: id,
            code,
            reason: code.reason().to_owned(),
        });
        Some(session)
    }

    fn go_on(
        &mut self,
        id: SessionId,
        hello: VerifiedHello,
        claim: ResumeClaim,
        mut session: Session,
    ) {
        self.end_wait(hello.avatar, CloseCode::ReplacedByNewSession);
        self.seats.take(hello.avatar, hello.name, id);
        let tick = self.replicator.tick();
        session.take_up(claim.session, tick);
        let known = hello.schema == session.schema
            && session.view.newest_baseline() <= claim.newest
            && (1..session.view.next_number()).contains(&claim.newest)
            && session.events.taken(claim.events);
        if known {
            self.stats.resumed += 1;
            let oldest = self.replicator.oldest_baseline();
            let outcome = session
                .view
                .acknowledge_numbers(claim.newest, claim.before, oldest);
            self.stats.acks += outcome.arrived;
            let next = session.view.next_number();
            self.sessions.insert(id, session);
            let session = id;
            self.send(
                id,
                ServerMessage::Resumed {
                    session,
                    tick,
                    next,
                },
            );
        } else {
            // It has lost what it knew, or says what cannot be.
            self.stats.resumed_afresh += 1;
            let welcome = self.welcome(id, hello.avatar, hello.schema);
            session.begin_afresh();
            session.schema = hello.schema;
            self.sessions.insert(id, session);
            self.send(id, ServerMessage::Welcome(welcome));
        }
    }
}

impl Session {
    /// Another connection carries it from now on; `claimed` is what its client came with.
    fn take_up(&mut self, claimed: SessionId, tick: Tick) {
        self.took_up = Some(claimed);
        self.intents.keep_newest(1);
        self.liveness.resumed(tick);
        self.tell_purse_again();
        // Another path.
        self.allowance = Allowance::default();
        self.view.own.touch(tick);
    }
}
