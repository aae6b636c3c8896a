//! One session: its intents, its view, and what it may still do wrong.

use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{
    EntityId, InputSeq, Intent, LifeId, OwnPurse, OwnVitals, ServerMessage, SessionId, Tick,
};

use super::allowance::Allowance;
use super::event_log::EventLog;
use super::intent_queue::IntentQueue;
use super::liveness::Liveness;
use crate::server::event::VerifiedHello;
use crate::server::hub_config::HubLimits;
use crate::server::replication::{Observer, View};
use crate::token_bucket::TokenBucket;

/// The layer every client sees.
pub(crate) const LAYER_PUBLIC: u32 = 1;

/// One client's session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) avatar: EntityId,
    pub(crate) layers: u32,
    /// How its snapshots are written.
    pub(crate) schema: Schema,
    pub(crate) bucket: TokenBucket,
    pub(crate) malformed: u32,
    pub(crate) intents: IntentQueue,
    pub(crate) view: View,
    pub(crate) liveness: Liveness,
    pub(crate) allowance: Allowance,
    /// The session its client came back with, until something is heard on this connection.
    pub(crate) took_up: Option<SessionId>,
    /// What its player must learn.
    pub(crate) events: EventLog,
    /// What its stream was given in the last tick, bytes: the datagrams have so much less.
    pub(crate) stream_bytes: u32,
    /// Whether it is to be told who is in view, as soon as that can be said.
    pub(crate) presence_due: bool,
    /// When it was last found to have others in view.
    pub(crate) misplaced_ms: Option<u64>,
    /// When its view was last found to differ and sent afresh.
    pub(crate) diverged_ms: Option<u64>,
    /// What its client was told last of what the avatar has.
    purse_told: Option<OwnPurse>,
    /// When the admission was sealed.
    admitted: Option<Tick>,
    /// The avatar's newest input number when this session took over. The world numbers an avatar's
    /// inputs through; each session's client counts from 1.
    seq_base: Option<u32>,
    vitals: Option<OwnVitals>,
}

/// What changed about an avatar that its owner must learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Died,
    Respawned,
}

impl Session {
    pub(crate) fn new(
        now_ms: u64,
        hello: &VerifiedHello,
        limits: &HubLimits,
        liveness: Liveness,
    ) -> Self {
        Self {
            avatar: hello.avatar,
            layers: LAYER_PUBLIC,
            schema: hello.schema,
            bucket: TokenBucket::new(now_ms, limits.datagrams_per_s, limits.datagrams_burst),
            malformed: 0,
            intents: IntentQueue::default(),
            view: View::new(),
            liveness,
            allowance: Allowance::default(),
            took_up: None,
            events: EventLog::default(),
            stream_bytes: 0,
            presence_due: false,
            misplaced_ms: None,
            diverged_ms: None,
            purse_told: None,
            admitted: None,
            seq_base: None,
            vitals: None,
        }
    }

    /// What to tell its client about what the avatar has, if that is news. An avatar that is in no life
    /// has nothing to count by.
    pub(crate) fn news_of_purse(&mut self, tick: Tick, purse: &OwnPurse) -> Option<ServerMessage> {
        if purse.life == LifeId::default() || self.purse_told.as_ref() == Some(purse) {
            return None;
        }
        self.purse_told = Some(purse.clone());
        let purse = purse.clone();
        Some(ServerMessage::Purse { tick, purse })
    }

    /// What it was told may be lost.
    pub(crate) fn tell_purse_again(&mut self) {
        self.purse_told = None;
    }

    pub(crate) fn observer(&self) -> Observer {
        Observer {
            layers: self.layers,
            schema: self.schema,
            seq_base: self.seq_base,
            budget_bytes: usize::MAX,
        }
    }

    /// Its client knows nothing of what was before: numbers, view and inputs begin anew.
    pub(crate) fn begin_afresh(&mut self) {
        self.view = View::new();
        self.intents = IntentQueue::default();
        self.events = EventLog::default();
        self.seq_base = None;
        self.vitals = None;
        self.purse_told = None;
    }

    /// Its admission is part of `tick`.
    pub(crate) fn admit(&mut self, tick: Tick) {
        self.admitted.get_or_insert(tick);
    }

    /// Its avatar is there at `tick`, with `applied` as its newest input: from now on, intents flow.
    pub(crate) fn present(&mut self, tick: Tick, applied: InputSeq) {
        let admitted = self.admitted.is_some_and(|admitted| admitted <= tick);
        if admitted && self.seq_base.is_none() {
            self.liveness.heard(tick);
            self.seq_base = Some(applied.0);
            self.intents.keep_newest(1);
            self.view.own.touch(tick);
        }
    }

    /// Whether intents flow.
    pub(crate) fn is_present(&self) -> bool {
        self.seq_base.is_some()
    }

    /// The intent as the world numbers it.
    pub(crate) fn renumbered(&self, intent: Intent) -> Option<Intent> {
        let seq = InputSeq(self.seq_base?.checked_add(intent.seq.0)?);
        Some(Intent { seq, ..intent })
    }

    /// Whether its avatar was there before.
    pub(crate) fn has_vitals(&self) -> bool {
        self.vitals.is_some()
    }

    /// What has happened since the vitals before these.
    pub(crate) fn note_vitals(&mut self, vitals: OwnVitals) -> Vec<News> {
        let Some(before) = self.vitals.replace(vitals) else {
            return Vec::new();
        };
        let happened = [
            (vitals.deaths != before.deaths, News::Died),
            (before.health == 0 && vitals.health > 0, News::Respawned),
        ];
        happened
            .into_iter()
            .filter_map(|(did, news)| did.then_some(news))
            .collect()
    }
}
