//! Faults planted on purpose: what the soak must find, and what shows how it tells of a find.

use std::fmt;

/// A deliberate fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// Both worlds read their own zones at t instead of Frame(t−1): it shows where the world is cut.
    LiveZone,
    /// Every amnesia flips a bit of somebody.
    FlippedBit,
    /// Travellers are sent on, and let go of, before what that follows from is certain: it shows when
    /// the end of a log is lost.
    HastyJourneys,
}

impl Plant {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LiveZone, Self::FlippedBit, Self::HastyJourneys];

    /// As on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LiveZone => "live-zone",
            Self::FlippedBit => "flipped-bit",
            Self::HastyJourneys => "hasty-journeys",
        }
    }

    /// By its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plant| plant.name() == name)
    }

    /// Whether this build has it: some are in the simulation itself.
    #[must_use]
    pub fn is_built(self) -> bool {
        cfg!(feature = "mutants") || self == Self::HastyJourneys
    }
}

impl fmt::Display for Plant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
