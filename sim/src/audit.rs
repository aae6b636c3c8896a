//! Bookkeeping: how many coins there are, and where. Nothing reads it but people and tests.

use bluemarble_shared_protocol::AssetId;

use crate::content::KindRules;
use crate::entity::{Mail, Purse};

/// Every coin of a world at the end of a tick. Coins come with [`Tally::minted`], go with
/// [`Tally::coins_left`], and otherwise only change hands:
/// `audit(t).total() = audit(t−1).total() + minted(t) − coins_left(t)`, exactly.
///
/// [`Tally::minted`]: crate::Tally::minted
/// [`Tally::coins_left`]: crate::Tally::coins_left
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// In the purses of avatars and creatures.
    pub purses: u64,
    /// In items.
    pub items: u64,
    /// On the way between two of them.
    pub mail: u64,
    /// In the purses of characters that are not in the world, and on the way to them.
    pub absent: u64,
}

impl Audit {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.purses + self.items + self.mail + self.absent
    }

    pub(crate) fn count(&mut self, rules: &KindRules, purse: &Purse, mail: &Mail) {
        if rules.asset != AssetId::COINS {
            // It holds things.
        } else if rules.is_item() {
            self.items += purse.0;
        } else {
            self.purses += purse.0;
        }
        self.mail += mail.coins();
    }

    pub(crate) fn with(self, other: &Self) -> Self {
        Self {
            purses: self.purses + other.purses,
            items: self.items + other.items,
            mail: self.mail + other.mail,
            absent: self.absent + other.absent,
        }
    }
}
