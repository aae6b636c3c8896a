//! Transfers: so many coins from one account to another, once.

use std::fmt;

use bluemarble_shared_protocol::Tick;

use super::account::Account;

/// Why coins moved. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// The ledger began, and the holder had them.
    Opened = 0,
    /// The ledger had missed what happened: it follows the world.
    Corrected = 1,
    /// A creature or an item came into the world with them.
    Born = 2,
    /// It came back with new ones.
    Respawned = 3,
    /// The holder died: they go to the killer.
    Bequeathed = 4,
    /// An item was taken.
    Taken = 5,
    /// Given by one player to another.
    Given = 6,
    /// What had been sent arrived.
    Received = 7,
    /// The player left the world with them.
    Left = 8,
    /// The traveller took them to another world.
    Departed = 9,
    /// The traveller brought them from another world.
    Arrived = 10,
    /// Sent, and neither whom it was for nor who had sent it was left.
    Lost = 11,
    /// From outside, with a key.
    Granted = 12,
    /// To outside, with a key.
    Charged = 13,
}

impl Reason {
    /// All of them, by number.
    pub const ALL: [Self; 14] = [
        Self::Opened,
        Self::Corrected,
        Self::Born,
        Self::Respawned,
        Self::Bequeathed,
        Self::Taken,
        Self::Given,
        Self::Received,
        Self::Left,
        Self::Departed,
        Self::Arrived,
        Self::Lost,
        Self::Granted,
        Self::Charged,
    ];

    /// The reason of this number.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

/// Which transfer of a world: the n-th that concerns this entity in this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferKey {
    /// In which tick.
    pub tick: Tick,
    /// Whose purse it is about, as an id.
    pub entity: u64,
    /// Which of its transfers in that tick.
    pub n: u32,
}

impl fmt::Display for TransferKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "(tick {}, entity {:016x}, n {})",
            self.tick, self.entity, self.n
        )
    }
}

/// So many coins from one account to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Which one.
    pub key: TransferKey,
    /// Who has less afterwards.
    pub debit: Account,
    /// Who has more afterwards; another account, of the same asset.
    pub credit: Account,
    /// How many, at least 1.
    pub amount: u64,
    /// Why.
    pub reason: Reason,
    /// Who else had to do with it (the killer, the giver), as an id; 0 for nobody.
    pub peer: u64,
    /// The key under which it came from outside, if it did; no two transfers of a world have one.
    pub external: Option<String>,
}

impl fmt::Display for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            debit,
            credit,
            amount,
            reason,
            peer,
            ..
        } = self;
        write!(
            f,
            "{amount} from {debit} to {credit}, {reason:?}, peer {peer:016x}"
        )?;
        match &self.external {
            Some(key) => write!(f, ", external key {key:?}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_keep_their_numbers() {
        for (number, reason) in (0..).zip(Reason::ALL) {
            assert_eq!(reason as i16, number);
            assert_eq!(Reason::from_number(number), Some(reason));
        }
        assert_eq!(Reason::from_number(14), None);
    }
}
