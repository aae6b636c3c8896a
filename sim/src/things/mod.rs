//! Things: what characters have beside coins, as so many of each sort.
//!
//! Sorts are numbered by the content ([`AssetId`]; 0 are coins) and found in items
//! ([`Role::Item`](crate::Role)). They move as coins do: as mail that takes a tick
//! ([`Deed::Things`](crate::Deed)), said of in the tick's movements, never made or lost on the way. The dead
//! keep theirs. A number has a meaning in one world only, so things do not travel: they wait, with the character that is
//! [absent](crate::Absent) there, until it returns.

use bluemarble_shared_protocol::{AssetId, Stack, hash_words};

/// What one character has: stacks by number, none of them empty, no coins.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Things(Vec<Stack>);

impl Things {
    /// By number.
    #[must_use]
    pub fn stacks(&self) -> &[Stack] {
        &self.0
    }

    /// How many of these.
    #[must_use]
    pub fn count(&self, asset: AssetId) -> u64 {
        match self.find(asset) {
            Ok(at) => self.0[at].amount,
            Err(_) => 0,
        }
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// So many more.
    pub(crate) fn add(&mut self, asset: AssetId, amount: u64) {
        debug_assert!(asset != AssetId::COINS, "coins are in the purse");
        match self.find(asset) {
            Ok(at) => self.0[at].amount += amount,
            Err(at) if amount > 0 => self.0.insert(at, Stack { asset, amount }),
            Err(_) => {}
        }
    }

    /// So many fewer; false, and nothing has changed, if there are not as many.
    pub(crate) fn take(&mut self, asset: AssetId, amount: u64) -> bool {
        let Ok(at) = self.find(asset) else {
            return amount == 0;
        };
        let Some(left) = self.0[at].amount.checked_sub(amount) else {
            return false;
        };
        if left == 0 {
            self.0.remove(at);
        } else {
            self.0[at].amount = left;
        }
        true
    }

    fn find(&self, asset: AssetId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&asset, |stack| stack.asset)
    }

    /// What the digest takes of it; 0 of nothing.
    pub(crate) fn hash(&self) -> u64 {
        self.0.iter().fold(0, |hash, stack| {
            hash_words([hash, u64::from(stack.asset.0), stack.amount])
        })
    }

    /// As stored; `None` if they cannot have been: out of order, empty, or coins.
    pub(crate) fn of_stored(stacks: Vec<Stack>) -> Option<Self> {
        let real = |stack: &Stack| stack.amount > 0 && stack.asset != AssetId::COINS;
        let in_order = stacks.is_sorted_by(|a, b| a.asset < b.asset);
        (in_order && stacks.iter().all(real)).then_some(Self(stacks))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn stacks_are_a_table_of_counts_without_zeros() {
        let (mut things, mut table) = (Things::default(), BTreeMap::<u8, u64>::new());
        for step in 0..4_000_u64 {
            let drawn = hash_words([81, step]);
            let (asset, amount) = ((drawn % 9) as u8 + 1, (drawn >> 8) % 4);
            if drawn >> 60 < 8 {
                things.add(AssetId(asset), amount);
                *table.entry(asset).or_default() += amount;
            } else {
                let had = table.get(&asset).copied().unwrap_or_default();
                assert_eq!(things.take(AssetId(asset), amount), had >= amount);
                if had >= amount {
                    table.insert(asset, had - amount);
                }
            }
            table.retain(|_, amount| *amount > 0);
            let stacks = things.stacks().iter();
            let told: Vec<(u8, u64)> = stacks.map(|stack| (stack.asset.0, stack.amount)).collect();
            assert!(told.iter().copied().eq(table.iter().map(|(a, n)| (*a, *n))));
            let again = Things::of_stored(things.stacks().to_vec());
            assert_eq!(again.as_ref(), Some(&things));
        }
    }

    #[test]
    fn what_cannot_be_is_not_read_and_everything_is_in_the_hash() {
        let stack = |asset, amount| Stack {
            asset: AssetId(asset),
            amount,
        };
        for bad in [
            vec![stack(0, 1)],
            vec![stack(1, 0)],
            vec![stack(2, 1), stack(1, 1)],
            vec![stack(2, 1), stack(2, 1)],
        ] {
            assert_eq!(Things::of_stored(bad), None);
        }
        assert_eq!(Things::default().hash(), 0);
        let of = |stacks: &[Stack]| Things::of_stored(stacks.to_vec()).unwrap().hash();
        let hashes = [
            of(&[stack(1, 1)]),
            of(&[stack(1, 2)]),
            of(&[stack(2, 1)]),
            of(&[stack(1, 1), stack(2, 1)]),
        ];
        let different: std::collections::BTreeSet<u64> = hashes.into_iter().collect();
        assert_eq!(different.len(), 4);
    }
}
