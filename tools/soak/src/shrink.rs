//! What a failure needs: each sort of event is left out in turn, and stays out if the case still fails;
//! then ever fewer creatures, as long as it does.

use std::fmt;

use crate::case::{CaseRun, Failure, Workshop};
use crate::kinds::EventKind;

/// What was tried to do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// This sort of event.
    Events(EventKind),
    /// All creatures but at most so many in each world.
    Creatures(u64),
}

impl fmt::Display for Without {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(kind) => write!(f, "without {}", kind.name()),
            Self::Creatures(most) => write!(f, "with at most {most} creatures"),
        }
    }
}

/// The case with as little as still makes it fail, and how it fails then. `tell` hears of each trial,
/// and how it failed if it did.
///
/// # Errors
/// If a case cannot be run at all.
pub fn shrink(
    run: CaseRun,
    failure: Failure,
    shop: &mut Workshop,
    mut tell: impl FnMut(Without, Option<&Failure>),
) -> anyhow::Result<(CaseRun, Failure)> {
    let (mut least, mut how) = (run, failure);
    for kind in run.events.present() {
        let smaller = CaseRun {
            events: least.events.without(kind),
            ..least
        };
        let still = smaller.run(shop)?.err();
        tell(Without::Events(kind), still.as_ref());
        if let Some(failure) = still {
            (least, how) = (smaller, failure);
        }
    }
    while how.creatures > 1 {
        let most = how.creatures / 2;
        let smaller = CaseRun {
            creatures_most: Some(most),
            ..least
        };
        let still = smaller.run(shop)?.err();
        tell(Without::Creatures(most), still.as_ref());
        let Some(failure) = still else { break };
        (least, how) = (smaller, failure);
    }
    Ok((least, how))
}
