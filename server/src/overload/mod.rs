//! What gives way when a tick takes longer than its time: a ladder with a fixed order, climbed one
//! step at a time and left by itself.
//!
//! | step | what gives way | acts in |
//! |---|---|---|
//! | 1 | far bands come less often | `net` (replication) |
//! | 2 | near bands come less often | `net` |
//! | 3 | clients see less far | `net` |
//! | 4 | creatures think less often | the world: sealed, journaled, replayed |
//! | 5 | time passes slower | [`crate::pacing`]; sealed, so that a log tells |
//! | 6 | those who come new wait in line | `net` (hub); sealed likewise |
//!
//! [`Ladder`] decides, from how long ticks took; it knows no clock. Each tick's sealed inputs carry the
//! step in force from the fourth on, so a replay of an overloaded run computes the same world.

mod ladder;
#[cfg(test)]
mod tests;

pub use ladder::{Ladder, LadderRules, Step};

use bluemarble_shared_protocol::Strain;
use bluemarble_sim::OVERLOAD_THINKS_LESS;
use serde::Serialize;

const _: () = assert!(OVERLOAD_THINKS_LESS == Strain::THINKS_LESS);

/// What is sealed of a place on the ladder: the steps that change the world, and those above them.
pub fn sealed(strain: Strain) -> u8 {
    if strain.level() >= OVERLOAD_THINKS_LESS {
        strain.level()
    } else {
        0
    }
}

/// What a step does, for people.
pub fn label(level: u8) -> &'static str {
    match level {
        0 => "nothing gives way",
        Strain::FAR_LESS_OFTEN => "far bands come less often",
        Strain::NEAR_LESS_OFTEN => "near bands come less often",
        Strain::RADIUS_SHRINKS => "clients see less far",
        Strain::THINKS_LESS => "creatures think less often",
        Strain::TIME_DILATES => "time passes slower",
        _ => "new logins wait in line",
    }
}

/// As in the status.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OverloadStatus {
    /// The step in force, 0 to 6.
    pub level: u8,
    /// What that is.
    pub step: &'static str,
    /// Work of a tick over its ordinary time, smoothed; 1 = no time is left.
    pub load: f64,
    /// How often as long as ordinary a tick is given, 1 to 4.
    pub tick_share: f64,
    /// Steps climbed since the start.
    pub climbs: u64,
    /// Steps come down since the start.
    pub descents: u64,
}

impl OverloadStatus {
    /// The health reason, if there is one.
    pub fn trouble(&self) -> Option<String> {
        (self.level > 0).then(|| {
            let mut text = format!(
                "step {} of 6, {}; a tick's work is {:.0} % of its time",
                self.level,
                self.step,
                self.load * 100.0
            );
            if self.tick_share > 1.0 {
                text.push_str(&format!(
                    ", of which it gets {:.0} %",
                    self.tick_share * 100.0
                ));
            }
            text
        })
    }
}
