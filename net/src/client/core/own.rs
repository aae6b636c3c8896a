//! The own avatar: what the server confirmed, and where the intents that are still under way should
//! have taken it.

use std::collections::VecDeque;
use std::sync::Arc;

use bluemarble_motion::{Body, MoveCommand, Mover, step};
use bluemarble_shared_protocol::codec::{OwnUpdate, input_near};
use bluemarble_shared_protocol::limits::INTENTS_PER_DATAGRAM_MAX;
use bluemarble_shared_protocol::{BodyBits, InputSeq, Intent, OwnVitals, Tick};
use bluemarble_spatial::Planet;
use glam::DVec3;

use super::prediction_errors::PredictionErrors;

/// Intents kept until the server has applied them; the oldest are forgotten. Two seconds at 60 Hz.
const PENDING_MAX: usize = 128;

/// What prediction needs: the same ground and the same body as the server.
#[derive(Clone, Debug)]
pub struct Predictor {
    /// The planet, with the content the welcome names.
    pub planet: Arc<Planet>,
    /// How the own avatar moves.
    pub mover: Mover,
}

/// What the server said about the own avatar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfirmedOwn {
    /// The exact body.
    pub body: BodyBits,
    /// The tick of it.
    pub tick: Tick,
    /// The newest own intent it includes; 0 = none.
    pub applied: InputSeq,
}

/// The own avatar as known now.
#[derive(Clone, Copy, Debug)]
pub struct OwnView<'a> {
    /// The newest body that is known exactly: sent, or predicted and confirmed by its hash.
    pub confirmed: Option<&'a ConfirmedOwn>,
    /// The rest, as of the newest snapshot that spoke of the avatar.
    pub vitals: Option<OwnVitals>,
    /// The newest snapshot's tick that spoke of the avatar.
    pub tick: Option<Tick>,
    /// The newest own intent the server had applied by then.
    pub applied: InputSeq,
    /// Where the avatar should be after all intents so far; needs a [`Predictor`].
    pub predicted: Option<&'a Body>,
    /// How often a hash did not match the prediction.
    pub divergences: u64,
    /// How often it did.
    pub confirmations: u64,
    /// By how much exact states moved the predicted place.
    pub errors: &'a PredictionErrors,
}

/// An intent on its way.
#[derive(Clone, Copy, Debug)]
struct Pending {
    seq: InputSeq,
    /// The body after it, if predicted.
    body: Option<Body>,
    intent: Intent,
}

/// The own avatar's state machine.
#[derive(Debug)]
pub(super) struct OwnCore {
    predictor: Option<Predictor>,
    tick_hz: u32,
    /// The last few intents, oldest first: for redundancy.
    recent: Vec<Intent>,
    next_seq: u32,
    pending: VecDeque<Pending>,
    confirmed: Option<ConfirmedOwn>,
    /// Newest snapshot that spoke of the avatar.
    tick: Option<Tick>,
    applied: InputSeq,
    vitals: Option<(OwnVitals, Tick)>,
    /// The body after all pending intents.
    predicted: Option<Body>,
    divergences: u64,
    confirmations: u64,
    errors: PredictionErrors,
}

impl OwnCore {
    pub(super) fn new(predictor: Option<Predictor>, tick_hz: u32) -> Self {
        Self {
            predictor,
            tick_hz,
            recent: Vec::with_capacity(INTENTS_PER_DATAGRAM_MAX),
            next_seq: 1,
            pending: VecDeque::new(),
            confirmed: None,
            tick: None,
            applied: InputSeq(0),
            vitals: None,
            predicted: None,
            divergences: 0,
            confirmations: 0,
            errors: PredictionErrors::default(),
        }
    }

    pub(super) fn view(&self) -> OwnView<'_> {
        let vitals = self.vitals.zip(self.tick);
        OwnView {
            confirmed: self.confirmed.as_ref(),
            vitals: vitals.map(|((vitals, at), now)| vitals.counted_down(now.since(at))),
            tick: self.tick,
            applied: self.applied,
            predicted: self.predicted.as_ref(),
            divergences: self.divergences,
            confirmations: self.confirmations,
            errors: &self.errors,
        }
    }

    /// A new epoch: nothing confirmed counts any more; intents under way may yet be applied.
    pub(super) fn forget_confirmed(&mut self) {
        self.confirmed = None;
        self.tick = None;
        self.vitals = None;
        self.predicted = None;
        self.pending.iter_mut().for_each(|sent| sent.body = None);
    }

    /// Numbers an intent and predicts with it; the intents to send now.
    pub(super) fn push(&mut self, intent: Intent) -> &[Intent] {
        let seq = InputSeq(self.next_seq);
        self.next_seq = self.next_seq.saturating_add(1);
        let intent = Intent { seq, ..intent };
        // What has been applied need not be said again: the server would only read over it.
        self.recent.retain(|sent| sent.seq > self.applied);
        if self.recent.len() == INTENTS_PER_DATAGRAM_MAX {
            self.recent.remove(0);
        }
        self.recent.push(intent);
        self.predicted = self.predicted.and_then(|body| self.moved(&body, &intent));
        if self.pending.len() == PENDING_MAX {
            self.pending.pop_front();
        }
        self.pending.push_back(Pending {
            seq,
            body: self.predicted,
            intent,
        });
        &self.recent
    }

    /// The own section of a snapshot of `tick`.
    pub(super) fn take(&mut self, own: &OwnUpdate, tick: Tick, applied_low: u16) {
        if *own == OwnUpdate::None || self.tick.is_some_and(|newest| tick <= newest) {
            return;
        }
        self.tick = Some(tick);
        self.applied =
            input_near(applied_low, InputSeq(self.next_seq - 1)).min(InputSeq(self.next_seq - 1));
        match *own {
            OwnUpdate::None => {}
            OwnUpdate::Hash { body_hash, vitals } => {
                if let Some(vitals) = vitals {
                    self.vitals = Some((vitals, tick));
                }
                self.confirm(body_hash, tick);
            }
            OwnUpdate::Full { body, vitals } => {
                self.vitals = Some((vitals, tick));
                self.correct(body, tick);
            }
        }
        self.pending.retain(|sent| sent.seq > self.applied);
    }

    /// The server's hash against what was predicted for the applied intent.
    fn confirm(&mut self, body_hash: u32, tick: Tick) {
        let at_applied = self.pending.iter().find(|sent| sent.seq == self.applied);
        let Some(body) = at_applied.and_then(|sent| sent.body) else {
            return;
        };
        if body.hash32() == body_hash {
            self.confirmations += 1;
            let (values, support) = body.to_values();
            self.confirmed = Some(ConfirmedOwn {
                body: BodyBits { values, support },
                tick,
                applied: self.applied,
            });
        } else {
            self.divergences += 1;
        }
    }

    /// The exact body: predict anew from there.
    fn correct(&mut self, body: BodyBits, tick: Tick) {
        let before = self.predicted.map(|body| body.pos);
        self.confirmed = Some(ConfirmedOwn {
            body,
            tick,
            applied: self.applied,
        });
        self.predicted = Body::from_values(body.values, body.support);
        for n in 0..self.pending.len() {
            let sent = self.pending[n];
            if sent.seq > self.applied {
                self.predicted = self
                    .predicted
                    .and_then(|body| self.moved(&body, &sent.intent));
                self.pending[n].body = self.predicted;
            }
        }
        if let (Some(before), Some(after)) = (before, &self.predicted) {
            self.errors.note(before.distance(after.pos));
        }
    }

    /// The body after one more intent, as the server will compute it.
    fn moved(&self, body: &Body, intent: &Intent) -> Option<Body> {
        let Predictor { planet, mover } = self.predictor.as_ref()?;
        let dead = self.vitals.is_some_and(|(vitals, _)| vitals.health == 0);
        let command = if dead {
            MoveCommand::default()
        } else {
            command_of(intent)
        };
        let dt_s = 1.0 / f64::from(self.tick_hz);
        Some(step(body, &command, mover, planet, DVec3::ZERO, dt_s))
    }
}

/// What an intent asks of the movement kernel.
fn command_of(intent: &Intent) -> MoveCommand {
    let (wish, pace) = intent.wish.at_pace(intent.pace);
    MoveCommand {
        wish,
        pace,
        jump: intent.buttons.jump,
    }
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::WishDir;

    use super::*;

    fn predictor() -> Predictor {
        Predictor {
            planet: Arc::new(Planet::smooth(50_000.0)),
            mover: Mover {
                top_speed_mps: 5.0,
                accel_mps2: 20.0,
                jump_mps: 4.0,
                radius_m: 0.4,
                eye_m: 1.7,
                max_slope: 1.0,
            },
        }
    }

    fn intent(n: u32) -> Intent {
        Intent {
            wish: WishDir::from_dir(DVec3::new(0.3, f64::from(n % 7), 1.0)),
            pace: Intent::PACE_MAX,
            ..Intent::default()
        }
    }

    fn bits(body: &Body) -> BodyBits {
        let (values, support) = body.to_values();
        BodyBits { values, support }
    }

    #[test]
    fn prediction_is_what_the_server_will_compute_and_hashes_confirm_it() {
        let predictor = predictor();
        let mut server = Body::standing(&predictor.planet, DVec3::X, DVec3::Z);
        let mut own = OwnCore::new(Some(predictor), 20);
        let start = OwnUpdate::Full {
            body: bits(&server),
            vitals: OwnVitals {
                health: 1,
                ..OwnVitals::default()
            },
        };
        own.take(&start, Tick(1), 0);
        for n in 1..=200_u32 {
            own.push(intent(n));
            // Three intents are always under way.
            let Some(applied) = n.checked_sub(3).filter(|applied| *applied > 0) else {
                continue;
            };
            server = own.moved(&server, &intent(applied)).unwrap();
            let update = OwnUpdate::Hash {
                body_hash: server.hash32(),
                vitals: None,
            };
            own.take(&update, Tick(1 + u64::from(applied)), applied as u16);
            assert_eq!(own.view().divergences, 0);
            let confirmed = own.view().confirmed.unwrap();
            assert_eq!(confirmed.applied, InputSeq(applied));
            assert_eq!(confirmed.body, bits(&server));
        }
        assert_eq!(own.pending.len(), 3);
        let wrong = OwnUpdate::Hash {
            body_hash: 1,
            vitals: None,
        };
        own.take(&wrong, Tick(500), 198);
        assert_eq!(own.view().divergences, 1);
        // Pushed by 30 cm: the two intents after it are predicted from there.
        let errors = *own.view().errors;
        assert_eq!(
            errors,
            PredictionErrors::default(),
            "nothing to compare the first one with"
        );
        let pushed = Body {
            pos: server.pos * (1.0 + 0.3 / server.pos.length()),
            ..server
        };
        let update = OwnUpdate::Full {
            body: bits(&pushed),
            vitals: OwnVitals::default(),
        };
        own.take(&update, Tick(501), 198);
        let errors = own.view().errors;
        assert_eq!((errors.compared(), errors.corrections()), (1, 1));
        assert_eq!(errors.quantile_m(1.0), 0.512);
    }

    #[test]
    fn what_the_server_has_applied_is_not_sent_again() {
        let mut own = OwnCore::new(None, 20);
        for n in 1..=5 {
            own.push(intent(n));
        }
        let update = OwnUpdate::Hash {
            body_hash: 0,
            vitals: None,
        };
        own.take(&update, Tick(1), 3);
        let sent: Vec<u32> = own.push(intent(6)).iter().map(|sent| sent.seq.0).collect();
        assert_eq!(sent, [4, 5, 6]);
    }

    #[test]
    fn intents_under_way_are_bounded_and_the_last_few_ride_along() {
        let mut own = OwnCore::new(None, 20);
        for n in 1..1_000 {
            let sent = own.push(intent(n));
            assert!(sent.len() <= INTENTS_PER_DATAGRAM_MAX);
            assert_eq!(sent.last().unwrap().seq, InputSeq(n));
        }
        assert_eq!(own.pending.len(), PENDING_MAX);
    }
}
