//! Accounts: who may hold coins or things, or hand out new ones.

use std::fmt;

use bluemarble_shared_protocol::AssetId;

/// What kind of holder an account belongs to. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AccountKind {
    /// Issues: what the world's rules make out of nothing.
    Mint = 0,
    /// Issues: what was there when the ledger began, and corrections.
    Opening = 1,
    /// Issues: what came from other worlds, less what went there.
    Journeys = 2,
    /// Issues: what came from a shop or a market, less what went there.
    Outside = 3,
    /// What left the world with its players.
    Gone = 4,
    /// On the way between two holders.
    Mail = 5,
    /// A character's purse.
    Character = 6,
    /// A creature's purse.
    Creature = 7,
    /// What an item holds.
    Item = 8,
}

impl AccountKind {
    /// All of them, by number.
    pub const ALL: [Self; 9] = [
        Self::Mint,
        Self::Opening,
        Self::Journeys,
        Self::Outside,
        Self::Gone,
        Self::Mail,
        Self::Character,
        Self::Creature,
        Self::Item,
    ];

    /// Whether it may go below zero: what it has handed out.
    #[must_use]
    pub fn issues(self) -> bool {
        self < Self::Gone
    }

    /// Whether each holder of this kind has an account of its own; the others have one per world.
    #[must_use]
    pub fn is_of_entities(self) -> bool {
        self > Self::Mail
    }

    /// The kind of this number.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mint => "mint",
            Self::Opening => "opening",
            Self::Journeys => "journeys",
            Self::Outside => "outside",
            Self::Gone => "gone",
            Self::Mail => "mail",
            Self::Character => "character",
            Self::Creature => "creature",
            Self::Item => "item",
        }
    }
}

/// An account of one world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// What kind of holder.
    pub kind: AccountKind,
    /// Which entity, as its id; 0 for kinds of which a world has one.
    pub holder: u64,
    /// Of what: each holder has an account for each sort of what it holds.
    pub asset: AssetId,
}

impl Account {
    /// The one account of coins of this kind.
    #[must_use]
    pub fn sole(kind: AccountKind) -> Self {
        Self::coins(kind, 0)
    }

    /// An account of coins.
    #[must_use]
    pub fn coins(kind: AccountKind, holder: u64) -> Self {
        Self {
            kind,
            holder,
            asset: AssetId::COINS,
        }
    }

    /// The same holder's account of something else.
    #[must_use]
    pub fn of(self, asset: AssetId) -> Self {
        Self { asset, ..self }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if self.kind.is_of_entities() {
            write!(f, " {:016x}", self.holder)?;
        }
        match self.asset {
            AssetId::COINS => Ok(()),
            AssetId(number) => write!(f, " (asset {number})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_keep_their_numbers_and_the_first_four_issue() {
        for (number, kind) in (0..).zip(AccountKind::ALL) {
            assert_eq!(kind as i16, number);
            assert_eq!(AccountKind::from_number(number), Some(kind));
            assert_eq!(kind.issues(), number < 4, "the schema says so");
        }
        assert_eq!(AccountKind::from_number(9), None);
        assert_eq!(AccountKind::from_number(-1), None);
    }
}
