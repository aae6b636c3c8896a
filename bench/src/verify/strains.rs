//! Where the server's overload ladder stood of late, as its snapshots said: a view is held to the
//! rules by which it was sent.

use std::collections::VecDeque;

use bluemarble_shared_protocol::{Strain, Tick};

/// Changes remembered: the ladder rests for about a second on each step.
const CHANGES_MAX: usize = 64;

/// The ladder's steps by the tick from which they held.
#[derive(Clone, Debug, Default)]
pub struct Strains(VecDeque<(Tick, Strain)>);

/// What held at some time within a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strained {
    /// The smallest share of the announced radii.
    pub radius_least: f64,
    /// The largest.
    pub radius_most: f64,
    /// Whether anything came less often than on an ordinary day.
    pub rarer: bool,
}

impl Default for Strained {
    fn default() -> Self {
        Self {
            radius_least: 1.0,
            radius_most: 1.0,
            rarer: false,
        }
    }
}

impl Strains {
    /// What the snapshot of a tick said.
    pub fn note(&mut self, tick: Tick, strain: Strain) {
        if self.0.back().is_some_and(|(_, last)| *last == strain) {
            return;
        }
        if self.0.len() == CHANGES_MAX {
            self.0.pop_front();
        }
        self.0.push_back((tick, strain));
    }

    /// From `since` to now.
    #[must_use]
    pub fn since(&self, since: Tick) -> Strained {
        // What held at the window's beginning began before it.
        let first = self.0.partition_point(|(tick, _)| *tick <= since);
        let held = self.0.iter().skip(first.saturating_sub(1));
        let mut shares = held.clone().map(|(_, strain)| strain.radius_share());
        let Some(share) = shares.next() else {
            return Strained::default();
        };
        let (least, most) = shares.fold((share, share), |(least, most), share| {
            (least.min(share), most.max(share))
        });
        Strained {
            radius_least: least,
            radius_most: most,
            rarer: held.clone().any(|(_, strain)| strain.level() > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_what_began_before_it_and_has_not_ended() {
        let mut strains = Strains::default();
        assert_eq!(strains.since(Tick(0)), Strained::default());
        for (tick, level) in [(10, 0), (20, 1), (21, 1), (30, 3), (60, 0)] {
            strains.note(Tick(tick), Strain::new(level, 0));
        }
        let calm = Strained::default();
        let both = Strained {
            radius_least: Strain::RADIUS_SHARE,
            radius_most: 1.0,
            rarer: true,
        };
        assert_eq!(strains.since(Tick(60)), calm);
        assert_eq!(strains.since(Tick(59)), both);
        assert_eq!(strains.since(Tick(5)), both);
    }
}
