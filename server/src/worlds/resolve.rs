//! What to do about journeys that are not over, from nothing but what the worlds' logs hold for sure.
//!
//! ```text
//! source: outbound ∋ key     target: admitted ∌ key    ─► the target admits
//! source: outbound ∋ key     target: admitted ∋ key    ─► the source settles
//! source: outbound ∌ key     target: admitted ∋ key    ─► the target forgets
//! source: outbound ∋ key     it shall come back        ─► the source settles and admits, in one tick
//! ```
//!
//! There is no other memory of a journey, so it makes no difference whether the process was killed in
//! between: the same look at the same logs gives the same answer, and every answer may be repeated.
//! Only durable state counts, on both sides: a traveller is never let in before the departure is
//! certain, and never let go of before the arrival is.
//!
//! Who comes back is decided elsewhere ([`turn_back`](super::turn_back)), and only of travellers whom
//! the target's log has never let in. The source is then target, too.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bluemarble_sim::{Gate, TravelKey, Traveller};

/// Number of the main world in journeys; the others draw theirs, and never this one.
pub const MAIN: u64 = 0;

/// What is known of a world's gate.
#[derive(Clone, Debug)]
pub enum Seen {
    /// Durably this.
    Open(Arc<Gate>),
    /// It sleeps, which it only does without any journey under way.
    Asleep,
    /// It is starting, ending or has failed: nothing is concluded.
    Unknown,
}

/// One step of one journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The world is wanted.
    Wake {
        /// Its number.
        world: u64,
    },
    /// The world shall let the traveller in.
    Admit {
        /// Its number.
        world: u64,
        /// The journey.
        key: TravelKey,
        /// Who.
        traveller: Traveller,
    },
    /// The world that was left shall let its traveller in again, and forget the journey.
    TakeBack {
        /// The journey, which names the world that was left.
        key: TravelKey,
        /// Who.
        traveller: Traveller,
    },
    /// The world that was left shall forget the traveller, who is in the other one for sure.
    Settle {
        /// The journey, which names the world that was left.
        key: TravelKey,
    },
    /// The world shall forget that it let the traveller in.
    Forget {
        /// Its number.
        world: u64,
        /// The journey.
        key: TravelKey,
    },
}

/// The next step of every journey, given all worlds there are, by number, and which journeys are to
/// lead back to where they began.
///
/// What is seen of one world must not be older than what was concluded from it before.
pub fn resolve(worlds: &BTreeMap<u64, Seen>, returning: &BTreeSet<TravelKey>) -> Vec<Step> {
    let mut steps = Vec::new();
    for seen in worlds.values() {
        let Seen::Open(gate) = seen else { continue };
        for (key, journey) in &gate.outbound {
            // A world that was dropped lets nobody in, and nobody let in by it is anywhere.
            let to = if worlds.contains_key(&journey.to) {
                journey.to
            } else {
                MAIN
            };
            match worlds.get(&to) {
                Some(Seen::Open(target)) if target.admitted.contains(key) => {
                    steps.push(Step::Settle { key: *key });
                }
                _ if returning.contains(key) => steps.push(Step::TakeBack {
                    key: *key,
                    traveller: journey.traveller.clone(),
                }),
                Some(Seen::Open(_)) => steps.push(Step::Admit {
                    world: to,
                    key: *key,
                    traveller: journey.traveller.clone(),
                }),
                Some(Seen::Asleep) => steps.push(Step::Wake { world: to }),
                Some(Seen::Unknown) | None => {}
            }
        }
    }
    for (number, seen) in worlds {
        let Seen::Open(gate) = seen else { continue };
        for key in &gate.admitted {
            let over = match worlds.get(&key.world) {
                Some(Seen::Open(source)) => !source.outbound.contains_key(key),
                Some(Seen::Asleep) | None => true,
                Some(Seen::Unknown) => false,
            };
            if over {
                steps.push(Step::Forget {
                    world: *number,
                    key: *key,
                });
            }
        }
    }
    steps
}
