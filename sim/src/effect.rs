//! What one entity does to another: a message that takes one tick.
//!
//! The sender's zone puts it in its outbox at t; the barrier hands it to whichever zone owned the
//! target during t, before any departure, so that a departing target takes it along; the target
//! applies its mail at t+1 in the order `(what, cause, n)`. Mail in flight is state: it is in the
//! checkpoint and in the digest.

use bluemarble_shared_protocol::{EntityId, hash_words};
use serde::{Deserialize, Serialize};

/// What happens to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Deed {
    /// A blow that takes so many hit points.
    Damage {
        /// Hit points, before the target's own rules.
        amount: u16,
    },
    /// The target is credited with having killed the cause.
    Kill,
}

/// A deed with its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Effect {
    /// What.
    pub deed: Deed,
    /// Who did it.
    pub cause: EntityId,
    /// Which of the cause's effects of that tick.
    pub n: u32,
    /// To whom.
    pub target: EntityId,
}

impl Effect {
    /// Its share of the digest.
    pub(crate) fn hash(&self) -> u64 {
        let (kind, value) = match self.deed {
            Deed::Damage { amount } => (1, u64::from(amount)),
            Deed::Kill => (2, 0),
        };
        hash_words([
            0x6566_6665_6374,
            kind,
            value,
            self.cause.0,
            u64::from(self.n),
            self.target.0,
        ])
    }
}
