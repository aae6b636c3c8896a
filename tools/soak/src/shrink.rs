//! Which sorts of events a failure needs: each is left out in turn, and stays out if it still fails.

use crate::case::{CaseRun, Failure, Workshop};
use crate::kinds::EventKind;

/// The case with as few sorts of events as still make it fail, and how it fails then.
///
/// # Errors
/// If a case cannot be run at all.
pub fn shrink(
    run: CaseRun,
    failure: Failure,
    shop: &mut Workshop,
    mut tell: impl FnMut(EventKind, bool),
) -> anyhow::Result<(CaseRun, Failure)> {
    let (mut least, mut how) = (run, failure);
    for kind in EventKind::ALL {
        let smaller = CaseRun {
            events: least.events.without(kind),
            ..least
        };
        let still = smaller.run(shop)?.err();
        tell(kind, still.is_none());
        if let Some(failure) = still {
            (least, how) = (smaller, failure);
        }
    }
    Ok((least, how))
}
