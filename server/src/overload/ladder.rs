//! The ladder itself, sans IO: how long each tick took goes in, a step up or down comes out.
//!
//! It climbs when the smoothed load has been high for a while without a break, and comes down when
//! it has been low for longer. Between the two thresholds nothing happens. When a step down is
//! regretted soon, the next one waits twice as long: an overload that each step just cures does not
//! make it swing.

use bluemarble_shared_protocol::Strain;

use super::{OverloadStatus, label};

/// Load above which it climbs, thousandths of a tick's time: what is left is for ticks that take
/// longer than the mean.
const CLIMB_ABOVE: u64 = 850;
/// Load below which it comes down: far enough from the other that what a step gives back fits
/// between them in most cases.
const DESCEND_BELOW: u64 = 600;
/// What a stretched tick is meant to be filled to.
const STRETCH_TO: u64 = 750;
/// Time runs faster again when the load would still be below this.
const RELAX_BELOW: u64 = 700;
/// A tick counts for at most so much, thousandths: one that hung for a second says no more than
/// that there was one.
const SAMPLE_MAX: u64 = 8_000;
/// One in so many of a new sample goes into the smoothed load.
const SMOOTH: u64 = 8;
/// Fixed-point places of the smoothed load: without, the last few thousandths would never come in.
const FINE: u64 = 256;
/// At most so many eighths time is stretched before logins queue: half as fast as it should be.
const SLOWER_BEFORE_QUEUE: u8 = 8;
/// So many eighths fewer would have to do before they are let in again.
const SLOWER_MARGIN: u8 = 2;
/// The longest a step down can be put off, times the ordinary rest.
const REST_TIMES_MAX: u32 = 16;

/// When it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LadderRules {
    /// The highest step it takes; 0 = it stays on the ground.
    pub level_max: u8,
    /// Ticks in a row above the upper threshold before a step up.
    pub climb_ticks: u32,
    /// Ticks in a row below the lower threshold before a step down.
    pub rest_ticks: u32,
}

/// A move of one step, or a change of the pace on the highest ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Before.
    pub from: Strain,
    /// Now.
    pub to: Strain,
}

/// Where it stands, and what it has seen of late.
#[derive(Clone, Debug)]
pub struct Ladder {
    rules: LadderRules,
    strain: Strain,
    /// Smoothed work over ordinary time, thousandths in [`FINE`] parts.
    load: u64,
    above: u32,
    below: u32,
    /// Ticks in a row in which time could have run an eighth faster.
    roomy: u32,
    /// How long the load must be low now.
    rest_ticks: u32,
    /// Ticks since it came down last.
    since_descent: u32,
    climbs: u64,
    descents: u64,
}

impl Ladder {
    /// On the ground.
    pub fn new(rules: LadderRules) -> Self {
        Self {
            rules,
            strain: Strain::NONE,
            load: 0,
            above: 0,
            below: 0,
            roomy: 0,
            rest_ticks: rules.rest_ticks,
            since_descent: u32::MAX,
            climbs: 0,
            descents: 0,
        }
    }

    /// Where it stands.
    pub fn strain(&self) -> Strain {
        self.strain
    }

    /// For the status.
    pub fn status(&self) -> OverloadStatus {
        OverloadStatus {
            level: self.strain.level(),
            step: label(self.strain.level()),
            load: self.load_permille() as f64 / 1_000.0,
            tick_share: self.strain.tick_share(),
            climbs: self.climbs,
            descents: self.descents,
        }
    }

    /// A tick took `work_ns` where an ordinary one has `period_ns`.
    pub fn observe(&mut self, work_ns: u64, period_ns: u64) -> Option<Step> {
        let sample = (work_ns.saturating_mul(1_000) / period_ns.max(1)).min(SAMPLE_MAX) * FINE;
        self.load = (self.load * (SMOOTH - 1) + sample) / SMOOTH;
        self.since_descent = self.since_descent.saturating_add(1);
        let from = self.strain;
        let high = self.load_at(from.slower_eighths()) > CLIMB_ABOVE;
        self.above = if high {
            self.above.saturating_add(1)
        } else {
            0
        };
        self.below = if self.is_low() {
            self.below.saturating_add(1)
        } else {
            0
        };
        if self.above >= self.rules.climb_ticks {
            self.give_way();
        } else if self.below >= self.rest_ticks {
            self.come_down();
        } else {
            self.relax();
        }
        (self.strain != from).then_some(Step {
            from,
            to: self.strain,
        })
    }

    fn load_permille(&self) -> u64 {
        self.load / FINE
    }

    /// The load if time were stretched by so many eighths.
    pub(super) fn load_at(&self, slower_eighths: u8) -> u64 {
        self.load_permille() * 8 / (8 + u64::from(slower_eighths))
    }

    /// Whether the step in force could be spared.
    fn is_low(&self) -> bool {
        match self.strain.level() {
            // Not how slow time passes now: it is left slower than needed, and they would wait for ever.
            Strain::LOGINS_QUEUE => {
                self.load_at(SLOWER_BEFORE_QUEUE - SLOWER_MARGIN) <= CLIMB_ABOVE
            }
            _ => self.strain.slower_eighths() == 0 && self.load_permille() < DESCEND_BELOW,
        }
    }

    /// Stretches time further, or takes the next step if it may not.
    fn give_way(&mut self) {
        self.above = 0;
        let (level, slower) = (self.strain.level(), self.strain.slower_eighths());
        let slower_max = match level {
            Strain::TIME_DILATES => SLOWER_BEFORE_QUEUE,
            Strain::LOGINS_QUEUE => Strain::SLOWER_EIGHTHS_MAX,
            _ => 0,
        };
        if slower < slower_max {
            self.stand(level, self.slower_wanted().clamp(slower + 1, slower_max));
        } else if level < self.rules.level_max {
            self.climbs += 1;
            if self.since_descent < self.rest_ticks.saturating_mul(2) {
                let most = self.rules.rest_ticks.saturating_mul(REST_TIMES_MAX);
                self.rest_ticks = self.rest_ticks.saturating_mul(2).min(most);
            }
            let slower = match level + 1 {
                Strain::TIME_DILATES => self.slower_wanted().min(SLOWER_BEFORE_QUEUE),
                _ => slower,
            };
            self.stand(level + 1, slower);
        }
    }

    fn come_down(&mut self) {
        self.below = 0;
        let level = self.strain.level();
        if level == 0 {
            // So long a calm and nothing to come down from: past regrets are forgotten.
            self.rest_ticks = (self.rest_ticks / 2).max(self.rules.rest_ticks);
            return;
        }
        self.descents += 1;
        self.since_descent = 0;
        let slower = self.strain.slower_eighths().min(SLOWER_BEFORE_QUEUE);
        self.stand(level - 1, slower);
    }

    /// Lets time run an eighth faster if it has been possible for a while.
    fn relax(&mut self) {
        let slower = self.strain.slower_eighths();
        let roomy = slower > 0 && self.load_at(slower - 1) < RELAX_BELOW;
        self.roomy = if roomy { self.roomy + 1 } else { 0 };
        if self.roomy >= self.rules.climb_ticks {
            self.roomy = 0;
            self.stand(self.strain.level(), slower - 1);
        }
    }

    /// Eighths that would bring a tick's work to where it should be.
    fn slower_wanted(&self) -> u8 {
        let eighths = (self.load_permille() * 8).div_ceil(STRETCH_TO);
        u8::try_from(eighths.saturating_sub(8)).unwrap_or(u8::MAX)
    }

    fn stand(&mut self, level: u8, slower_eighths: u8) {
        self.strain = Strain::new(level, slower_eighths);
    }
}
