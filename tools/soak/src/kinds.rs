//! The sorts of events a case is made of. Each can be left out, to see whether a failure needs it.

use std::fmt;

/// A sort of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// Scripted avatars play.
    Puppets,
    /// Characters come, and come back.
    Joins,
    /// Characters leave.
    Leaves,
    /// They walk, jump and strike as clients would ask.
    Intents,
    /// Intents no honest client sends.
    Hostility,
    /// The operator summons creatures.
    Commands,
    /// The overload ladder is climbed up and down.
    Overload,
    /// The subject begins in more than one zone.
    Cut,
    /// The number of threads changes.
    Threads,
    /// Zones are split, merged and moved while the world runs.
    Zones,
    /// The whole map is replaced while the world runs.
    Recut,
    /// How many may depart at a barrier changes.
    Departures,
    /// Everybody resides in some zone or other, whoever owns their cell.
    Residence,
    /// The world is restored into another partition.
    Repartition,
    /// Zones are built anew from their entities.
    Amnesia,
    /// A checkpoint is encoded and restored.
    Restart,
    /// An earlier checkpoint is restored and the log since then replayed.
    Crash,
    /// The same, and of the log's end, which was not certain yet, some or all is lost.
    Loss,
    /// There are two or three worlds, and characters travel between them.
    Travel,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Puppets,
        Self::Joins,
        Self::Leaves,
        Self::Intents,
        Self::Hostility,
        Self::Commands,
        Self::Overload,
        Self::Cut,
        Self::Threads,
        Self::Zones,
        Self::Recut,
        Self::Departures,
        Self::Residence,
        Self::Repartition,
        Self::Amnesia,
        Self::Restart,
        Self::Crash,
        Self::Loss,
        Self::Travel,
    ];

    /// As on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Puppets => "puppets",
            Self::Joins => "joins",
            Self::Leaves => "leaves",
            Self::Intents => "intents",
            Self::Hostility => "hostility",
            Self::Commands => "commands",
            Self::Overload => "overload",
            Self::Cut => "cut",
            Self::Threads => "threads",
            Self::Zones => "zones",
            Self::Recut => "recut",
            Self::Departures => "departures",
            Self::Residence => "residence",
            Self::Repartition => "repartition",
            Self::Amnesia => "amnesia",
            Self::Restart => "restart",
            Self::Crash => "crash",
            Self::Loss => "loss",
            Self::Travel => "travel",
        }
    }

    /// By its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Which sorts of events happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Events(u32);

impl Events {
    /// All sorts.
    #[must_use]
    pub fn all() -> Self {
        Self(u32::MAX)
    }

    /// Whether this sort happens.
    #[must_use]
    pub fn has(self, kind: EventKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// The same without one sort.
    #[must_use]
    pub fn without(self, kind: EventKind) -> Self {
        Self(self.0 & !(1 << kind as u8))
    }

    /// The sorts that happen.
    pub fn present(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL
            .into_iter()
            .filter(move |kind| self.has(*kind))
    }

    /// The sorts left out, as the command line takes them; empty if none.
    #[must_use]
    pub fn left_out(self) -> String {
        let names: Vec<&str> = EventKind::ALL
            .into_iter()
            .filter(|kind| !self.has(*kind))
            .map(EventKind::name)
            .collect();
        names.join(",")
    }
}

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.present().map(EventKind::name).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_has_a_bit_and_a_name_of_its_own() {
        for kind in EventKind::ALL {
            let rest = Events::all().without(kind);
            assert!(!rest.has(kind));
            assert_eq!(rest.present().count(), EventKind::ALL.len() - 1);
            assert_eq!(rest.left_out(), kind.name());
            assert_eq!(EventKind::named(kind.name()), Some(kind));
        }
        assert_eq!(Events::all().left_out(), "");
    }
}
