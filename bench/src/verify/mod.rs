//! Compares what bots saw with what was true.
//!
//! A bot copies its view at truth ticks into a [`ViewSample`]; the server's admin stream brings the
//! [`TruthFrame`] of the same tick, taken before replication. Six promises are checked:
//!
//! - *exact*: a state that the client holds as of a truth tick is the true one, bit for bit;
//! - *stale*: a state that differs from the truth has done so for at most so many received snapshots;
//! - *complete*: whoever was near for a while is in view;
//! - *real*: whoever is in view exists, or did a moment ago;
//! - *near*: whoever is in view is within the radius, or was a moment ago;
//! - *own*: what the avatar's owner is told is what is.
//!
//! Nothing here knows sockets or clocks, so that the tests can lie to it in every way.

mod quality;
mod received;
mod rules;
mod strains;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use bluemarble_net::client::ClientCore;
use bluemarble_shared_protocol::{
    BodyBits, EntityId, InputSeq, OwnVitals, SessionId, Tick, TruthFrame, WireEntity,
};
use glam::DVec3;

use self::quality::{Away, Look, Places};

pub use quality::{BANDS, Band, Recent};
pub use received::Received;
pub use rules::Rules;
pub use strains::{Strained, Strains};
pub use tally::{Count, Promise, Tally};

/// Truth frames kept: the window that near, real and complete look back on, and more for exact.
const HISTORY_MAX: usize = 64;

/// A change between two truth frames further apart than this counts as one so many ticks before the
/// second.
const CHANGE_KNOWN_WITHIN: u64 = 10;

/// One bot's view at one tick.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewSample {
    /// Which bot.
    pub bot: u32,
    /// Its avatar.
    pub avatar: EntityId,
    /// The tick of the snapshot it had just taken in.
    pub tick: Tick,
    /// The first tick it got a snapshot of, in this session.
    pub since: Tick,
    /// Its session; and whether its avatar may have stood there when that began, so that the world counts
    /// its intents from another number than it does.
    pub session: (SessionId, bool),
    /// Which snapshots it got of late.
    pub received: Received,
    /// By which rules the server has sent them.
    pub strained: Strained,
    /// Whom it sees.
    pub rows: Vec<SeenRow>,
    /// What it knows about its own avatar.
    pub own: Option<SeenOwn>,
}

impl ViewSample {
    /// What a client knows now.
    #[must_use]
    pub fn of(
        core: &ClientCore,
        bot: u32,
        since: Tick,
        session: (SessionId, bool),
        received: Received,
        strained: Strained,
    ) -> Self {
        let rows = core.view().iter().map(|(id, seen)| SeenRow {
            id,
            updated: seen.updated,
            state: seen.state,
        });
        let own = core.own();
        let own = own.tick.zip(own.vitals).map(|(tick, vitals)| SeenOwn {
            tick,
            applied: own.applied,
            vitals,
            body: own
                .confirmed
                .map(|confirmed| (confirmed.tick, confirmed.body)),
        });
        Self {
            bot,
            avatar: core.avatar(),
            tick: core.tick(),
            since,
            session,
            received,
            strained,
            rows: rows.collect(),
            own,
        }
    }
}

/// One entity as a bot sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenRow {
    /// Who.
    pub id: EntityId,
    /// The tick its state is of.
    pub updated: Tick,
    /// Its state.
    pub state: WireEntity,
}

/// A bot's own avatar as the server confirmed it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenOwn {
    /// The tick it is of.
    pub tick: Tick,
    /// The newest intent applied.
    pub applied: InputSeq,
    /// The vitals.
    pub vitals: OwnVitals,
    /// The newest body that is known exactly, and its tick.
    pub body: Option<(Tick, BodyBits)>,
}

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was compared; see the tally.
    Compared,
    /// The truth of its tick has not arrived yet.
    Early,
    /// The truth of its tick will never arrive.
    Missed,
}

/// Holds recent truth and keeps count.
#[derive(Debug)]
pub struct Verifier {
    rules: Rules,
    history: VecDeque<TruthFrame>,
    places: Places,
    tally: Tally,
    recent: Recent,
    /// By bot and session: how many more intents the world has counted than the bot. Learned from the first
    /// sample if the avatar may have stood there, else 0; it never changes.
    bases: BTreeMap<(u32, SessionId), u32>,
}

impl Verifier {
    /// With no truth yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            places: Places::new(rules.planet_radius_m),
            rules,
            history: VecDeque::with_capacity(HISTORY_MAX),
            tally: Tally::default(),
            recent: Recent::default(),
            bases: BTreeMap::new(),
        }
    }

    /// The same, which lets others look on while it compares.
    #[must_use]
    pub fn telling(self, recent: Recent) -> Self {
        Self { recent, ..self }
    }

    /// Takes the next truth frame; ticks must grow.
    pub fn add_truth(&mut self, frame: TruthFrame) {
        if self
            .history
            .back()
            .is_some_and(|last| frame.tick <= last.tick)
        {
            self.history.clear();
        }
        if self.history.len() == HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back(frame);
    }

    /// What was found so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Compares a sample, if its truth is here.
    pub fn check(&mut self, sample: &ViewSample) -> Verdict {
        let newest = self.history.back().map(|frame| frame.tick);
        let Some(at) = self.position(sample.tick) else {
            return match newest {
                Some(newest) if sample.tick < newest => Verdict::Missed,
                _ => Verdict::Early,
            };
        };
        let now = &self.history[at];
        let mut tally = std::mem::take(&mut self.tally);
        tally.samples += 1;
        match now.row(sample.avatar) {
            Some(row) => {
                let eye = DVec3::from_array(now.positions[row]);
                self.check_rows(sample, at, &mut tally);
                self.check_complete(sample, at, eye, &mut tally);
                self.note_quality(sample, at, eye, &mut tally);
            }
            None => tally.broken(Promise::Own, || {
                format!("{}: has no avatar", sample.label())
            }),
        }
        if let Some(own) = &sample.own {
            let base = self.base_of(sample, own);
            self.check_own(sample, own, base, &mut tally);
        }
        self.tally = tally;
        Verdict::Compared
    }

    fn position(&self, tick: Tick) -> Option<usize> {
        self.history
            .binary_search_by_key(&tick, |frame| frame.tick)
            .ok()
    }

    fn check_rows(&self, sample: &ViewSample, at: usize, tally: &mut Tally) {
        let now = &self.history[at];
        let others = sample.rows.iter().filter(|row| row.id != sample.avatar);
        let in_view = others.clone().count();
        let stale_max = self
            .rules
            .stale_snapshots_max(in_view, sample.strained.rarer);
        tally.note_view(in_view, stale_max);
        for row in others {
            self.check_exact(sample, row, tally);
            self.check_real_and_near(sample, row, at, tally);
            let Some(truth) = now.row(row.id).map(|at| &now.states[at]) else {
                continue;
            };
            if *truth == row.state {
                tally.kept(Promise::Stale);
                continue;
            }
            let age = sample.received.since(self.right_until(row, at));
            tally.note_age(age);
            tally.judge(Promise::Stale, age <= stale_max, || {
                format!(
                    "{} is {age} snapshots behind the truth of {:?}; the bound with {in_view} in \
                     view is {stale_max}",
                    sample.label(),
                    row.id
                )
            });
        }
    }

    /// Until when a state that is wrong in frame `at` was right, as far as anybody knows: what stands
    /// still is not sent again, and how long ago it was sent is not how long it has been wrong. Between
    /// the last frame in which it was right and the first in which it was not anything may have
    /// happened, so frames far apart say less.
    fn right_until(&self, row: &SeenRow, at: usize) -> Tick {
        let mut first_wrong = self.history[at].tick;
        for frame in self.history.range(..at).rev() {
            if frame.tick <= row.updated {
                break;
            }
            let truth = frame.row(row.id).map(|at| &frame.states[at]);
            if truth == Some(&row.state) {
                let known = first_wrong.0.saturating_sub(CHANGE_KNOWN_WITHIN);
                return frame.tick.max(Tick(known));
            }
            first_wrong = frame.tick;
        }
        let known = first_wrong.0.saturating_sub(CHANGE_KNOWN_WITHIN);
        row.updated.max(Tick(known))
    }

    fn note_quality(&mut self, sample: &ViewSample, at: usize, eye: DVec3, tally: &mut Tally) {
        let now = &self.history[at];
        let mut recent = self.recent.lock();
        for seen in sample.rows.iter().filter(|row| row.id != sample.avatar) {
            let away = |place: DVec3| Away {
                metres: place.distance(eye),
                radius_m: self.rules.enter_m,
            };
            let Some(row) = now.row(seen.id) else {
                tally.quality.ghost(away(self.places.of(&seen.state)));
                continue;
            };
            let here = DVec3::from_array(now.positions[row]);
            let is_so = now.states[row] == seen.state;
            let look = Look {
                away: away(here),
                error_m: here.distance(self.places.of(&seen.state)),
                age_ticks: if is_so {
                    0
                } else {
                    sample.tick.since(seen.updated)
                },
            };
            tally.quality.note(look);
            recent.note(look);
        }
    }

    fn check_exact(&self, sample: &ViewSample, row: &SeenRow, tally: &mut Tally) {
        if row.updated > sample.tick {
            return tally.broken(Promise::Exact, || {
                format!(
                    "{} knows {:?} as of the future {}",
                    sample.label(),
                    row.id,
                    row.updated
                )
            });
        }
        let Some(at) = self.position(row.updated) else {
            return;
        };
        let then = &self.history[at];
        let Some(truth) = then.row(row.id).map(|at| &then.states[at]) else {
            return tally.broken(Promise::Real, || {
                format!("{} saw {:?}, who was not there", sample.label(), row.id)
            });
        };
        tally.judge(Promise::Exact, *truth == row.state, || {
            format!(
                "{} holds {:?} of tick {} as {:?}, but it was {truth:?}",
                sample.label(),
                row.id,
                row.updated,
                row.state
            )
        });
    }

    /// Looks back from the sample's tick: once real and near is enough.
    fn check_real_and_near(
        &self,
        sample: &ViewSample,
        row: &SeenRow,
        at: usize,
        tally: &mut Tally,
    ) {
        let radius_m = self.rules.exit_m * sample.strained.radius_most + self.rules.margin_m;
        let (mut real, mut near) = (false, false);
        for frame in self.window(at, self.rules.linger_ticks) {
            let Some(there) = frame.row(row.id) else {
                continue;
            };
            real = true;
            let Some(eye) = frame.row(sample.avatar) else {
                continue;
            };
            let away = DVec3::from_array(frame.positions[there])
                .distance(DVec3::from_array(frame.positions[eye]));
            near |= away <= radius_m;
            if near {
                break;
            }
        }
        tally.judge(Promise::Real, real, || {
            format!("{} sees {:?}, who does not exist", sample.label(), row.id)
        });
        if real {
            tally.judge(Promise::Near, near, || {
                format!(
                    "{} sees {:?}, who is beyond {radius_m} m",
                    sample.label(),
                    row.id
                )
            });
        }
    }

    fn check_complete(&self, sample: &ViewSample, at: usize, eye: DVec3, tally: &mut Tally) {
        let settled_since = sample.tick.0.saturating_sub(self.rules.settle_ticks);
        let window_reaches = self
            .history
            .front()
            .is_some_and(|f| f.tick.0 <= settled_since);
        if sample.since.0 > settled_since || !window_reaches {
            return;
        }
        let radius_m = self.rules.enter_m * sample.strained.radius_least - self.rules.margin_m;
        let mut seen: Vec<EntityId> = sample.rows.iter().map(|row| row.id).collect();
        seen.sort_unstable();
        let now = &self.history[at];
        for (row, id) in now.ids.iter().enumerate() {
            let here = DVec3::from_array(now.positions[row]);
            let public = now.audience[row] == u32::MAX;
            if *id == sample.avatar || !public || here.distance(eye) > radius_m {
                continue;
            }
            let away = Away {
                metres: here.distance(eye),
                radius_m: self.rules.enter_m,
            };
            let in_view = seen.binary_search(id).is_ok();
            tally.quality.there(away, in_view);
            if !self.was_near_all_along(sample, *id, at, radius_m) {
                continue;
            }
            tally.judge(Promise::Complete, in_view, || {
                format!(
                    "{} does not see {id:?}, who is {:.1} m away",
                    sample.label(),
                    here.distance(eye)
                )
            });
        }
    }

    fn was_near_all_along(
        &self,
        sample: &ViewSample,
        id: EntityId,
        at: usize,
        radius_m: f64,
    ) -> bool {
        self.window(at, self.rules.settle_ticks).all(|frame| {
            let (Some(there), Some(eye)) = (frame.row(id), frame.row(sample.avatar)) else {
                return false;
            };
            let away = DVec3::from_array(frame.positions[there])
                .distance(DVec3::from_array(frame.positions[eye]));
            away <= radius_m
        })
    }

    /// How many more intents the world has counted than the bot, by what it knows of its own avatar.
    fn base_of(&mut self, sample: &ViewSample, own: &SeenOwn) -> u32 {
        let (session, may_have_stood) = sample.session;
        let key = (sample.bot, session);
        if let Some(base) = self.bases.get(&key) {
            return *base;
        }
        let truth = self.position(own.tick);
        let truth = truth.and_then(|at| self.history[at].own(sample.avatar));
        let Some(truth) = truth.filter(|_| may_have_stood) else {
            return 0;
        };
        let base = truth.applied.0.saturating_sub(own.applied.0);
        self.bases.insert(key, base);
        base
    }

    fn check_own(&self, sample: &ViewSample, own: &SeenOwn, base: u32, tally: &mut Tally) {
        let truth = |tick| self.history[self.position(tick)?].own(sample.avatar);
        if let Some(truth) = truth(own.tick) {
            let applied = truth.applied.0 == own.applied.0.saturating_add(base);
            let equal = applied && truth.vitals == own.vitals;
            tally.judge(Promise::Own, equal, || {
                format!(
                    "{} believes {own:?} about itself, but it was {truth:?}",
                    sample.label()
                )
            });
        }
        let Some((tick, body)) = own.body else { return };
        if let Some(truth) = truth(tick) {
            tally.judge(Promise::Own, truth.body == body, || {
                format!(
                    "{} believes its body was {body:?} at {tick}, but it was {:?}",
                    sample.label(),
                    truth.body
                )
            });
        }
    }

    /// Frames from `at` back over `ticks`, and one beyond so that the whole time is covered.
    fn window(&self, at: usize, ticks: u64) -> impl Iterator<Item = &TruthFrame> {
        let from = self.history[at].tick.0.saturating_sub(ticks);
        let mut covered = false;
        (0..=at)
            .rev()
            .map(|i| &self.history[i])
            .take_while(move |frame| {
                let take = !covered;
                covered = frame.tick.0 <= from;
                take
            })
    }
}

impl ViewSample {
    fn label(&self) -> String {
        format!("tick {} bot {}", self.tick, self.bot)
    }
}
