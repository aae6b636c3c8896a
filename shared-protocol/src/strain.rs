//! How far up the overload ladder a server stands, as far as its clients must know: which bands come
//! less often, how far they see, and how much slower time passes.

/// Where the ladder stands. Every snapshot's header carries it, so that a client knows by which
/// rules the tick was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strain {
    /// Steps in force, 0 ..= [`Strain::LEVEL_MAX`]; a step holds all below it.
    level: u8,
    /// By how many eighths a tick takes longer than the welcome says, 0 ..=
    /// [`Strain::SLOWER_EIGHTHS_MAX`].
    slower_eighths: u8,
}

impl Strain {
    /// An ordinary day.
    pub const NONE: Self = Self {
        level: 0,
        slower_eighths: 0,
    };
    /// From here on what is beyond half of the radius comes less often.
    pub const FAR_LESS_OFTEN: u8 = 1;
    /// From here on so does what is nearer.
    pub const NEAR_LESS_OFTEN: u8 = 2;
    /// From here on both radii are [`Strain::RADIUS_SHARE`] of those in the welcome.
    pub const RADIUS_SHRINKS: u8 = 3;
    /// From here on creatures think less often.
    pub const THINKS_LESS: u8 = 4;
    /// From here on a tick may take longer.
    pub const TIME_DILATES: u8 = 5;
    /// Here, those who come new wait in a line.
    pub const LOGINS_QUEUE: u8 = 6;
    /// The highest step.
    pub const LEVEL_MAX: u8 = Self::LOGINS_QUEUE;
    /// A tick takes at most 32 eighths of its time: four times as long. Slower still, a player could
    /// as well be told to come back later.
    pub const SLOWER_EIGHTHS_MAX: u8 = 24;
    /// What is left of both radii while the step is in force: of a crowd spread evenly, a third.
    pub const RADIUS_SHARE: f64 = 0.6;
    /// Bits of the level.
    pub(crate) const LEVEL_BITS: u32 = 3;
    /// Bits of the eighths.
    pub(crate) const SLOWER_BITS: u32 = 5;

    /// A place on the ladder; what is beyond its ends is its end. Time is as ever below
    /// [`Strain::TIME_DILATES`].
    #[must_use]
    pub fn new(level: u8, slower_eighths: u8) -> Self {
        let level = level.min(Self::LEVEL_MAX);
        let dilates = level >= Self::TIME_DILATES;
        Self {
            level,
            slower_eighths: if dilates {
                slower_eighths.min(Self::SLOWER_EIGHTHS_MAX)
            } else {
                0
            },
        }
    }

    /// Steps in force.
    #[must_use]
    pub fn level(self) -> u8 {
        self.level
    }

    /// By how many eighths a tick takes longer.
    #[must_use]
    pub fn slower_eighths(self) -> u8 {
        self.slower_eighths
    }

    /// How often as long a tick takes as the welcome says, 1 to 4.
    #[must_use]
    pub fn tick_share(self) -> f64 {
        1.0 + f64::from(self.slower_eighths) / 8.0
    }

    /// What both radii are to be multiplied with.
    #[must_use]
    pub fn radius_share(self) -> f64 {
        if self.level >= Self::RADIUS_SHRINKS {
            Self::RADIUS_SHARE
        } else {
            1.0
        }
    }

    /// As a header says it: `None` for what no ladder can be at.
    pub(crate) fn told(level: u8, slower_eighths: u8) -> Option<Self> {
        let strain = Self::new(level, slower_eighths);
        let meant = strain.level == level && strain.slower_eighths == slower_eighths;
        (meant && level > 0).then_some(strain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_beyond_the_ladder_is_its_end_and_time_stretches_only_from_its_step_on() {
        assert_eq!(Strain::new(9, 200), Strain::new(6, 24));
        assert_eq!(Strain::new(6, 24).tick_share(), 4.0);
        assert_eq!(Strain::new(4, 24).tick_share(), 1.0);
        assert_eq!(Strain::new(2, 0).radius_share(), 1.0);
        assert_eq!(Strain::new(3, 0).radius_share(), Strain::RADIUS_SHARE);
    }

    #[test]
    fn what_no_ladder_can_be_at_is_not_told() {
        for (level, slower) in [(0, 0), (7, 0), (4, 1), (6, 25)] {
            assert_eq!(Strain::told(level, slower), None, "{level} {slower}");
        }
        assert_eq!(Strain::told(5, 3), Some(Strain::new(5, 3)));
    }
}
