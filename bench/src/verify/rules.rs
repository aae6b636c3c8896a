//! How exact "near", "a while" and "stale" are, derived from what the server announced.

use bluemarble_net::testing::LineQuality;
use bluemarble_shared_protocol::Welcome;

/// Snapshots everything may be late, whatever the crowd: the server may send far ones every few
/// ticks, and a datagram may be lost.
const STALE_BASE: u64 = 8;
/// So many times later while the server's overload ladder has it send things less often.
const STALE_STRAINED: u64 = 3;
/// Bytes an update takes at most in the long run: id, baseline and a moving body.
const UPDATE_BYTES: u64 = 24;
/// How many rounds through all who are in view an update may wait for its turn: priorities let
/// near and fighting ones go first, and one round may be lost.
const STALE_ROUNDS: u64 = 4;
/// Ticks between two turns of somebody far away, on an ordinary day.
const FAR_PERIOD: u64 = 2;
/// Least bytes of a tick for a client whose line takes little.
const PATH_BUDGET_BYTES: u64 = 400;
/// How improbable it must be that all turns of somebody in a row were lost before it is the server's
/// fault: a run makes some ten million checks.
const CHANCE_MIN: f64 = 1e-9;
/// Nothing is promised over a line that is worse than that.
const STEPS_MAX: usize = 64;
/// How much may be wrong about a distance: movement within a tick, and between truth frames, of
/// two runners; much less than the hysteresis.
const MARGIN_M: f64 = 4.0;
/// How long an arrival may take to come into view and a departure to leave it, seconds.
const SETTLE_S: f64 = 1.5;

/// The bounds a view is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Whoever is nearer must be in view, metres.
    pub enter_m: f64,
    /// Whoever is farther must not be, metres.
    pub exit_m: f64,
    /// Tolerance of both, metres.
    pub margin_m: f64,
    /// After how many ticks of being near one must be in view.
    pub settle_ticks: u64,
    /// For how many ticks somebody gone, or far, may still be.
    pub linger_ticks: u64,
    /// Snapshot bytes per tick.
    pub budget_bytes: u64,
    /// Of the planet, metres.
    pub planet_radius_m: f64,
    /// Turns in a row that a bad line may lose.
    pub turns_lost_max: u64,
}

impl Rules {
    /// From the server's announcement.
    #[must_use]
    pub fn announced(welcome: &Welcome) -> Self {
        let settle_ticks = (SETTLE_S * f64::from(welcome.tick_hz)).ceil() as u64;
        Self {
            enter_m: welcome.interest_enter_m,
            exit_m: welcome.interest_exit_m,
            margin_m: MARGIN_M,
            settle_ticks,
            linger_ticks: settle_ticks,
            budget_bytes: u64::from(welcome.budget_bytes.max(1)),
            planet_radius_m: welcome.radius_m,
            turns_lost_max: 0,
        }
    }

    /// The same over a bad line. What changed is sent again at every turn until it is acknowledged, so
    /// it grows older, counted in snapshots that arrive, only if turn after turn is lost while those
    /// in between, which others were in, arrive. The line is good or bad and changes from packet to
    /// packet, so each such step has the probability that it turns bad for a turn, stays bad for as
    /// many packets in pairs as it likes, and turns good for one between two turns. And a line that
    /// loses is given fewer bytes.
    #[must_use]
    pub fn over(self, line: &LineQuality) -> Self {
        if line.loss <= 0.0 {
            return self;
        }
        let turns_good = 1.0 / line.loss_burst;
        let turns_bad = line.loss / (1.0 - line.loss) * turns_good;
        let stays_bad = 1.0 - turns_good;
        let step = turns_bad * turns_good / (1.0 - stays_bad * stays_bad);
        let steps = std::iter::successors(Some(step), |chance| Some(chance * step));
        let likely = steps
            .take(STEPS_MAX)
            .take_while(|chance| *chance > CHANCE_MIN);
        Self {
            turns_lost_max: likely.count() as u64 + 1,
            budget_bytes: self.budget_bytes.min(PATH_BUDGET_BYTES),
            ..self
        }
    }

    /// How many snapshots a bot may have received since one that updated a state which differs from
    /// the truth, with so many others in view: the base, and a few rounds of updating all of them
    /// within the byte budget. `rarer`: the server sends things less often, being overloaded.
    #[must_use]
    pub fn stale_snapshots_max(&self, in_view: usize, rarer: bool) -> u64 {
        let round = (in_view as u64 * UPDATE_BYTES).div_ceil(self.budget_bytes);
        let base = if rarer {
            STALE_BASE * STALE_STRAINED
        } else {
            STALE_BASE
        };
        base + STALE_ROUNDS * round + self.turns_lost_max * (FAR_PERIOD - 1)
    }
}
