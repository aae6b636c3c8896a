//! The session logic, sans IO: sessions and their intents in, sealed player inputs and snapshot
//! datagrams out. Time is an argument; nothing here waits, starts threads or reads a clock.
//!
//! The loop calls, for tick t: [`Hub::handle`] for every event, [`Hub::seal`] for t, then, when the
//! world has stepped, [`Hub::replicate`] with the frames of t, and [`Hub::poll_command`] until it
//! has nothing to say. A peer that misbehaves costs its own session and nothing else.

mod allowance;
mod divergence;
mod event_log;
mod gift_desk;
mod intent_queue;
mod leaving;
mod line;
mod liveness;
mod news;
mod presence;
mod resume;
mod seats;
mod session;
mod wounds;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bluemarble_shared_protocol::codec::{DecodeError, IntentDatagram, Schema};
use bluemarble_shared_protocol::limits::DATAGRAM_BYTES_MAX;
use bluemarble_shared_protocol::{
    Card, ClientMessage, CloseCode, EntityId, Epoch, Intent, PlayerInputs, ServerMessage,
    SessionId, Strain, Tick, Welcome, WireFrame,
};
use bytes::Bytes;

use self::gift_desk::GiftDesk;
use self::intent_queue::Arrival;
use self::line::Line;
use self::liveness::{Liveness, Turn};
use self::news::Newsroom;
use self::resume::Parked;
use self::seats::Seats;
use self::session::Session;
use self::wounds::TickWounds;
use super::event::{SessionCommand, SessionEvent, VerifiedHello};
use super::hub_config::{BUDGET_BYTES_MAX, BUDGET_BYTES_MIN, HubConfig};
use super::hub_stats::HubStats;
use super::replication::{Replicator, TickView};
use crate::token_bucket::TokenBucket;

/// One finished tick, for replication.
#[derive(Clone, Copy, Debug)]
pub struct ReplicateInput<'a> {
    /// The tick.
    pub tick: Tick,
    /// The world's epoch; another one than before drops every baseline.
    pub epoch: Epoch,
    /// Newest tick whose inputs are durable.
    pub durable: Tick,
    /// All zones.
    pub frames: &'a [Arc<WireFrame>],
}

/// All sessions of one world.
#[derive(Debug)]
pub struct Hub {
    config: HubConfig,
    sessions: BTreeMap<SessionId, Session>,
    seats: Seats,
    parked: Parked,
    line: Line,
    strain: Strain,
    /// Whether what happens is being saved; if not, nobody new comes in.
    saves: bool,
    replicator: Replicator,
    gifts: GiftDesk,
    /// Of the newest tick.
    wounds: TickWounds,
    commands: VecDeque<SessionCommand>,
    stats: HubStats,
    /// The tick sealed last.
    sealed: Tick,
    /// What may be logged about divergences.
    divergence_log: TokenBucket,
    #[cfg(feature = "sabotage")]
    saboteur: Option<super::sabotage::Saboteur>,
}

impl Hub {
    /// A hub without sessions.
    ///
    /// # Panics
    /// If the configuration makes no sense: a budget out of bounds, a tick rate of 0, or an exit
    /// radius below the enter radius. Whoever read it from a file has checked that already.
    #[must_use]
    pub fn new(config: HubConfig) -> Self {
        assert!((BUDGET_BYTES_MIN..=BUDGET_BYTES_MAX).contains(&config.budget_bytes));
        assert!(config.world.tick_hz > 0, "a world ticks");
        assert!(config.interest.exit_m >= config.interest.enter_m);
        Self {
            replicator: Replicator::new(&config),
            gifts: GiftDesk::default(),
            wounds: TickWounds::default(),
            #[cfg(feature = "sabotage")]
            saboteur: config
                .sabotage
                .map(|what| super::sabotage::Saboteur::new(what, config.world.tick_hz)),
            config,
            sessions: BTreeMap::new(),
            seats: Seats::default(),
            parked: Parked::default(),
            line: Line::default(),
            strain: Strain::NONE,
            saves: true,
            commands: VecDeque::new(),
            stats: HubStats::default(),
            sealed: Tick(0),
            divergence_log: divergence::log_allowance(),
        }
    }

    /// Avatars that a recovered world brought along: those whose owner does not come back within
    /// the grace period leave.
    pub fn adopt(&mut self, avatars: &[EntityId]) {
        self.seats.adopt(avatars);
    }

    /// Whether nobody is here, nobody is about to come, and nobody is waited for.
    #[must_use]
    pub fn is_deserted(&self) -> bool {
        self.sessions.is_empty() && self.line.len() == 0 && self.seats.is_deserted()
    }

    /// Whether an avatar is in the world as far as its players go, or is coming or going.
    #[must_use]
    pub fn knows(&self, avatar: EntityId) -> bool {
        self.seats.knows(avatar) || self.line.awaits(avatar)
    }

    /// Which layers a session sees from now on, a bit each; at first the public one (bit 0).
    pub fn set_layers(&mut self, session: SessionId, layers: u32) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.layers = layers;
        }
    }

    /// Where the overload ladder stands, from the next tick on: what gives way here is how often
    /// and how far clients see, and whether those who come new have to wait.
    pub fn set_strain(&mut self, strain: Strain) {
        self.strain = strain;
        self.replicator.set_strain(strain);
    }

    /// Whether what happens is being saved. While it is not, nobody comes in who is not in the world
    /// already: after a crash they might never have been there. Those in line wait on.
    pub fn set_saves(&mut self, saves: bool) {
        self.saves = saves;
    }

    /// Takes one event. Cheap; a bad one costs its session, nobody else.
    pub fn handle(&mut self, now_ms: u64, event: SessionEvent) {
        match event {
            SessionEvent::Opened { session, hello } => self.open(now_ms, session, hello),
            SessionEvent::Resumed {
                session,
                hello,
                claim,
            } => {
                self.stats.opened += 1;
                self.resume(now_ms, session, hello, claim);
            }
            SessionEvent::Datagram { session, bytes } => self.datagram(now_ms, session, &bytes),
            SessionEvent::Expel {
                avatar,
                code,
                reason,
            } => self.turn_out(now_ms, avatar, code, &reason),
            SessionEvent::Path { session, path } => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    self.stats.paths_in += 1;
                    self.stats.packets_lost += u64::from(path.lost);
                    session.allowance.report(path);
                }
            }
            SessionEvent::Message { session, message } => self.message(now_ms, session, message),
            SessionEvent::Closed { session } => match self.sessions.remove(&session) {
                Some(ended) => self.park(now_ms, session, ended),
                None if self.leave_line(session) => {}
                None => self.stats.events_late += 1,
            },
        }
        self.stats.sessions = self.sessions.len() as u64;
    }

    /// What the players contribute to `tick`, sorted.
    pub fn seal(&mut self, now_ms: u64, tick: Tick) -> PlayerInputs {
        self.sealed = tick;
        self.move_line(now_ms);
        let (admissions, leaves) = self.seats.seal(now_ms, self.config.limits.grace_ms);
        for avatar in &leaves {
            self.parked.forget(*avatar);
        }
        self.stats.parked = self.parked.len() as u64;
        self.stats.admissions += admissions.len() as u64;
        self.stats.leaves += leaves.len() as u64;
        self.stats.unattended = self.seats.unattended() as u64;
        let mut intents = Vec::with_capacity(self.sessions.len());
        let oldest_view = tick.0.saturating_sub(self.rewind_ticks_max());
        for session in self.sessions.values_mut() {
            session.admit(tick);
            let Some(intent) = next_intent(session, tick, &mut self.stats) else {
                continue;
            };
            let seen = intent.view_tick.0;
            let view_tick = Tick(seen.clamp(oldest_view, tick.0.saturating_sub(1)));
            self.stats.view_ticks_clamped += u64::from(view_tick.0 != seen);
            intents.push((
                session.avatar,
                Intent {
                    view_tick,
                    ..intent
                },
            ));
        }
        self.stats.intents_sealed += intents.len() as u64;
        intents.sort_unstable_by_key(|(avatar, _)| *avatar);
        let gifts = self.gifts.seal(tick);
        self.stats.gifts_sealed += gifts.len() as u64;
        PlayerInputs {
            admissions,
            leaves,
            intents,
            gifts,
        }
    }

    /// This tick's datagrams, sessions ascending; a session's own in the order to send them.
    pub fn replicate(&mut self, input: ReplicateInput<'_>) -> Vec<(SessionId, Bytes)> {
        #[cfg(feature = "sabotage")]
        if let Some(mut saboteur) = self.saboteur.take() {
            let frames = saboteur.distort(input.tick, input.frames);
            let lies = ReplicateInput {
                frames: &frames,
                ..input
            };
            let batch = self.replicate_frames(lies);
            self.saboteur = Some(saboteur);
            return batch;
        }
        self.replicate_frames(input)
    }

    fn replicate_frames(&mut self, input: ReplicateInput<'_>) -> Vec<(SessionId, Bytes)> {
        self.acknowledge(input.durable);
        let now = TickView {
            tick: input.tick,
            durable: input.durable,
            frames: input.frames,
        };
        let any_client = !self.sessions.is_empty();
        if self.replicator.ingest(input.epoch, now, any_client) {
            self.sessions
                .values_mut()
                .for_each(|session| session.view.reset());
            self.parked.views_reset();
        }
        let tick_hz = self.config.world.tick_hz;
        self.wounds.gather(input.frames, &self.replicator);
        for session in self.parked.sessions_mut() {
            let known = &mut session.view.avatar;
            let own = self.replicator.own_of(session.avatar, known, now.frames);
            if let Some(own) = own {
                Newsroom {
                    tick: now.tick,
                    tick_hz,
                    wounds: &self.wounds,
                    replicator: &self.replicator,
                }
                .note(session, own, &mut self.stats);
            }
        }
        let mut messages = Vec::new();
        let room = self.config.limits.commands_max;
        let room = room.saturating_sub(self.commands.len());
        let mut batch = Vec::with_capacity(self.sessions.len());
        self.stats.in_view = 0;
        self.stats.quiet = 0;
        for (id, session) in &mut self.sessions {
            let known = &mut session.view.avatar;
            let own = self.replicator.own_of(session.avatar, known, now.frames);
            if let Some(own) = own {
                session.present(now.tick, own.applied);
                Newsroom {
                    tick: now.tick,
                    tick_hz,
                    wounds: &self.wounds,
                    replicator: &self.replicator,
                }
                .note(session, own, &mut self.stats);
            }
            let mut observer = session.observer();
            let (budget, hz) = (self.config.budget_bytes, self.config.world.tick_hz);
            let allowed = session.allowance.bytes(budget, hz);
            self.stats.path_limited += u64::from(allowed < budget);
            let left = allowed.saturating_sub(std::mem::take(&mut session.stream_bytes));
            observer.budget_bytes = left.max(BUDGET_BYTES_MIN) as usize;
            match session.liveness.turn(now.tick) {
                _ if !session.is_present() => {}
                Turn::Usual if session.liveness.has_recovered(now.tick) => {
                    session.view.forget_baselines();
                }
                Turn::Usual => {}
                turn => {
                    self.stats.quiet += 1;
                    if turn == Turn::Nothing {
                        continue;
                    }
                    self.replicator.keep_baselines(&mut session.view);
                    observer.budget_bytes = observer.budget_bytes.min(DATAGRAM_BYTES_MAX);
                }
            }
            if let Some(own) = own {
                let send = |bytes| batch.push((*id, bytes));
                let (view, stats) = (&mut session.view, &mut self.stats);
                self.replicator
                    .snapshot(view, own, &observer, now, stats, send);
            }
            self.stats.in_view += session.view.len() as u64;
            if session.is_present() && !session.liveness.is_quiet() {
                let allowed = (room.saturating_sub(messages.len()), allowed as usize);
                let news = Newsroom {
                    tick: now.tick,
                    tick_hz,
                    wounds: &self.wounds,
                    replicator: &self.replicator,
                };
                news.tell(session, allowed, &mut self.stats, |message| {
                    messages.push((*id, message));
                });
                let replicator = &self.replicator;
                let presence = presence::message(*id, session, replicator, now.tick, tick_hz);
                self.stats.presences_sent += u64::from(presence.is_some());
                messages.extend(presence.map(|message| (*id, message)));
                let purse = own.and_then(|own| session.news_of_purse(now.tick, &own.purse));
                messages.extend(purse.map(|message| (*id, message)));
            }
        }
        for (id, message) in messages {
            self.send(id, message);
        }
        self.stats.entities = self.replicator.entities() as u64;
        (self.stats.strings_encoded, self.stats.strings_shared) =
            self.replicator.strings_made_and_shared();
        batch
    }

    /// What the driver shall do next, if anything; ask until `None`, after every event or tick.
    pub fn poll_command(&mut self) -> Option<SessionCommand> {
        self.commands.pop_front()
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &HubStats {
        &self.stats
    }

    fn rewind_ticks_max(&self) -> u64 {
        let (ms, hz) = (self.config.limits.rewind_ms_max, self.config.world.tick_hz);
        (ms.saturating_mul(u64::from(hz)) / 1_000).max(1)
    }

    /// The newest tick that clients may have heard of.
    fn newest_tick(&self) -> Tick {
        self.sealed.max(self.replicator.tick())
    }
}

/// Events.
impl Hub {
    fn open(&mut self, now_ms: u64, id: SessionId, hello: VerifiedHello) {
        self.stats.opened += 1;
        if !self.saves && !self.seats.holds(hello.avatar) {
            self.refuse(id, CloseCode::NotSaving, None);
        } else if self.must_wait(hello.avatar) {
            self.wait(id, hello);
        } else {
            self.admit(now_ms, id, hello);
        }
    }

    fn admit(&mut self, now_ms: u64, id: SessionId, hello: VerifiedHello) {
        let liveness = Liveness::new(self.newest_tick(), self.config.world.tick_hz);
        self.parked.forget(hello.avatar);
        self.end_wait(hello.avatar, CloseCode::ReplacedByNewSession);
        // Whoever begins anew counts on from what the world knows.
        self.gifts.forget_asked(hello.avatar);
        let session = Session::new(now_ms, &hello, &self.config.limits, liveness);
        if let Some(older) = self.seats.take(hello.avatar, hello.name, id) {
            self.close(now_ms, older, CloseCode::ReplacedByNewSession);
        }
        self.sessions.insert(id, session);
        let welcome = self.welcome(id, hello.avatar, hello.schema);
        self.send(id, ServerMessage::Welcome(welcome));
    }

    fn welcome(&self, session: SessionId, avatar: EntityId, schema: Schema) -> Welcome {
        let (world, interest) = (&self.config.world, &self.config.interest);
        Welcome {
            session,
            avatar,
            epoch: self.replicator.epoch(),
            tick: self.replicator.tick(),
            tick_hz: world.tick_hz,
            planet: world.planet.clone(),
            planet_hash: world.planet_hash,
            radius_m: world.radius_m,
            frame_level: world.frame_level.get(),
            interest_enter_m: interest.enter_m,
            interest_exit_m: interest.exit_m,
            budget_bytes: self.config.budget_bytes,
            kinds: world.kinds.clone(),
            fields: schema.named_fields(),
        }
    }

    fn datagram(&mut self, now_ms: u64, id: SessionId, bytes: &Bytes) {
        let near = self.newest_tick();
        let oldest = self.replicator.oldest_baseline();
        let stats = &mut self.stats;
        let Some(session) = self.sessions.get_mut(&id) else {
            stats.events_late += u64::from(!self.line.holds(id));
            return;
        };
        session.took_up = None;
        stats.datagrams_in += 1;
        stats.bytes_in += bytes.len() as u64;
        if !session.bucket.allows_one(now_ms) {
            stats.datagrams_flooding += 1;
            return self.close(now_ms, id, CloseCode::Flooding);
        }
        let datagram = match IntentDatagram::decode(bytes, near) {
            Ok(datagram) => datagram,
            Err(error) => return self.malformed(now_ms, id, error),
        };
        if let Some(acks) = datagram.acks {
            let outcome = session.view.acknowledge(acks, oldest);
            if outcome.arrived > 0 {
                session.liveness.heard(near);
            }
            stats.acks += outcome.arrived;
            stats.acks_unknown += u64::from(outcome.unknown);
        }
        for intent in datagram.intents.iter() {
            match session.intents.arrive(*intent) {
                Arrival::Queued => stats.intents_in += 1,
                Arrival::Overflowed => stats.intents_overflowed += 1,
                Arrival::Repeated => stats.intents_repeated += 1,
            }
        }
    }

    fn malformed(&mut self, now_ms: u64, id: SessionId, error: DecodeError) {
        self.stats.datagrams_malformed += 1;
        if error == DecodeError::TooLong {
            return self.close(now_ms, id, CloseCode::Oversized);
        }
        let allowed = self.config.limits.malformed_max;
        let over = self.sessions.get_mut(&id).is_some_and(|session| {
            session.malformed += 1;
            session.malformed > allowed
        });
        if over {
            self.close(now_ms, id, CloseCode::Malformed);
        }
    }

    fn message(&mut self, now_ms: u64, id: SessionId, message: ClientMessage) {
        let Some(session) = self.sessions.get_mut(&id) else {
            if self.line.holds(id) {
                return self.message_in_line(id, &message);
            }
            self.stats.events_late += 1;
            return;
        };
        session.took_up = None;
        match message {
            ClientMessage::Hello { .. } | ClientMessage::Resume { .. } => {
                self.close(now_ms, id, CloseCode::Unexpected);
            }
            ClientMessage::Goodbye => {
                self.seats.give_up(session.avatar, id);
                self.close(now_ms, id, CloseCode::Normal);
            }
            ClientMessage::Cards { mut ids } => {
                // Whoever asks for the same one again and again is answered once.
                let mut asked = BTreeSet::new();
                ids.retain(|id| asked.insert(*id));
                let seen: Vec<_> = session.view.seen().collect();
                let avatar = session.avatar;
                let cards: Vec<Card> = ids
                    .iter()
                    .filter_map(|card| {
                        let (kind, name) = self.replicator.card_facts(*card, avatar, &seen)?;
                        Some(Card {
                            id: *card,
                            version: 1,
                            kind,
                            name: name.map(|name| name.to_string()),
                        })
                    })
                    .collect();
                self.stats.cards_sent += cards.len() as u64;
                self.stats.cards_refused += (ids.len() - cards.len()) as u64;
                self.send(id, ServerMessage::Cards(cards));
            }
            ClientMessage::Held { number, ids } => self.held(now_ms, id, number, ids),
            ClientMessage::Give(gift) => self.give(now_ms, id, gift),
            ClientMessage::Diverged { number, states } => {
                self.diverged(now_ms, id, number, &states);
            }
        }
    }

    /// Forgets a session and has the driver close it.
    fn close(&mut self, now_ms: u64, id: SessionId, code: CloseCode) {
        self.close_saying(now_ms, id, code, code.reason());
    }

    fn close_saying(&mut self, now_ms: u64, id: SessionId, code: CloseCode, reason: &str) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        self.seats.vacate(now_ms, session.avatar, id);
        self.stats.count_close(code);
        self.commands.push_back(SessionCommand::Close {
            session: id,
            code,
            reason: reason.to_owned(),
        });
    }

    fn send(&mut self, session: SessionId, message: ServerMessage) {
        if self.commands.len() >= self.config.limits.commands_max {
            self.stats.commands_dropped += 1;
            return;
        }
        self.commands
            .push_back(SessionCommand::Send { session, message });
    }
}

/// The session's intent for this tick, numbered as the world does.
fn next_intent(session: &mut Session, tick: Tick, stats: &mut HubStats) -> Option<Intent> {
    if !session.is_present() {
        return None;
    }
    let turn = session.intents.take();
    stats.intents_missing += u64::from(turn.missing);
    stats.intents_folded += u64::from(turn.folded);
    if turn.missing > 0 || turn.folded > 0 {
        session.view.own.touch(tick);
    }
    match turn.intent {
        Some(intent) => session.renumbered(intent),
        None => {
            stats.intents_starved += 1;
            None
        }
    }
}

const _: () = assert!(BUDGET_BYTES_MIN as usize <= DATAGRAM_BYTES_MAX);
