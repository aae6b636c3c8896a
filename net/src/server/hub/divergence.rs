//! The divergence alarm, on the server: a client says that what it made of a datagram does not add up to
//! the datagram's check. What differs is named, counted and logged, and the client is sent everything in
//! full.
//!
//! Whoever reports may be lying: a report costs one pass over one datagram's states and a fresh view
//! within the usual budget, at most once in two seconds; of what differs the first few are named, and all
//! sessions together write a few lines a second.

use bluemarble_shared_protocol::{SeenState, SessionId, Tick, WireEntity};

use super::Hub;
use crate::server::hub_stats::HubStats;
use crate::token_bucket::TokenBucket;

/// A fresh view no more often than this for one session, milliseconds: an honest client has seen the
/// effect of the last one by then.
const AGAIN_MS: u64 = 2_000;
/// Differences named per report: what is wrong with a state that was a baseline is soon wrong with all
/// of it.
const NAMED_MAX: usize = 16;
/// Lines logged per second in the long run, and at once: enough to find a fault with.
const LINES_PER_S: u32 = 5;
const LINES_BURST: u32 = 20;

/// What may be logged.
pub(super) fn log_allowance() -> TokenBucket {
    TokenBucket::new(0, LINES_PER_S, LINES_BURST)
}

impl Hub {
    /// A client reports what it made of datagram `number`.
    pub(super) fn diverged(
        &mut self,
        now_ms: u64,
        id: SessionId,
        number: u64,
        states: &[SeenState],
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let too_soon = session
            .diverged_ms
            .is_some_and(|last| now_ms.saturating_sub(last) < AGAIN_MS);
        if too_soon {
            self.stats.divergences_ignored += 1;
            return;
        }
        session.diverged_ms = Some(now_ms);
        self.stats.divergences += 1;
        let (tick, told) = match self.replicator.told(&session.view, number) {
            Some((tick, mut told)) => {
                told.sort_unstable_by_key(|(entity, _)| *entity);
                (tick, told)
            }
            None => (Tick(0), Vec::new()),
        };
        let differences = states.iter().filter(|_| tick > Tick(0)).flat_map(|seen| {
            let truth = told.binary_search_by_key(&seen.id, |(entity, _)| *entity);
            let truth = truth.ok().map(|at| &told[at].1);
            FIELDS
                .iter()
                .filter(move |field| field.differs(&seen.state, truth))
                .map(move |field| (seen, field, truth))
        });
        let differences: Vec<_> = differences.take(NAMED_MAX).collect();
        for (seen, field, truth) in &differences {
            *(field.counter)(&mut self.stats) += 1;
            if self.divergence_log.allows_one(now_ms) {
                tracing::warn!(
                    target: "bluemarble::divergence",
                    session = id.0,
                    avatar = %session.avatar,
                    number,
                    %tick,
                    entity = %seen.id,
                    field = field.name,
                    client = (field.words)(&seen.state),
                    server = truth.map_or("not in the datagram".to_owned(), field.words),
                    "a client sees something else than it was sent"
                );
            }
        }
        if differences.is_empty() && self.divergence_log.allows_one(now_ms) {
            tracing::warn!(
                target: "bluemarble::divergence",
                session = id.0,
                avatar = %session.avatar,
                number,
                states = states.len(),
                "a client's view does not add up; nothing it reports differs"
            );
        }
        session.view.distrust();
    }
}

/// One field of a state, as it is told to people.
struct Field {
    name: &'static str,
    /// Its value in words.
    words: fn(&WireEntity) -> String,
    /// Whether it is another one in two states.
    is_other: fn(&WireEntity, &WireEntity) -> bool,
    counter: fn(&mut HubStats) -> &mut u64,
}

impl Field {
    /// Of an entity that was not in the datagram, only that is worth a word.
    fn differs(&self, seen: &WireEntity, truth: Option<&WireEntity>) -> bool {
        match truth {
            None => self.name == "entity",
            Some(truth) => (self.is_other)(seen, truth),
        }
    }
}

macro_rules! field {
    ($name:literal, $counter:ident, $state:ident => $value:expr) => {
        Field {
            name: $name,
            words: |$state| format!("{:?}", $value),
            is_other: |seen, truth| {
                let value = |$state: &WireEntity| $value;
                value(seen) != value(truth)
            },
            counter: |stats| &mut stats.$counter,
        }
    };
}

/// All that an entity's state consists of, and whether it is there at all.
static FIELDS: [Field; 10] = [
    Field {
        name: "entity",
        words: |_| "in the datagram".to_owned(),
        is_other: |_, _| false,
        counter: |stats| &mut stats.diverged_entity,
    },
    field!("cell", diverged_cell, state => state.cell),
    field!("kind", diverged_kind, state => state.kind),
    field!("position", diverged_position, state => state.pos_cm),
    field!("velocity", diverged_velocity, state => state.vel_cmps),
    field!("heading", diverged_heading, state => state.yaw),
    field!("rotation", diverged_rotation, state => state.rotation),
    field!("health", diverged_health, state => state.health),
    field!("action", diverged_action, state => (state.action, state.action_n)),
    field!("flags", diverged_flags, state => state.flags),
];
