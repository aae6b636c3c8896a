//! How many characters of one account may be connected at once. An account is what the login service says
//! in the ticket; a ticket that names none is its character's own, and a character has one session.
//!
//! Counted are characters, not connections: one that comes back while its old connection is still
//! there takes no second place. Bounded like sessions, since only those are in here.

use std::collections::HashMap;
use std::sync::Arc;

use bluemarble_shared_protocol::EntityId;
use parking_lot::Mutex;

/// Connections by account and character.
#[derive(Debug, Default)]
pub(super) struct Accounts(Mutex<HashMap<String, HashMap<EntityId, usize>>>);

impl Accounts {
    /// One more connection of a character, for as long as the answer is kept; `None` if `most` others of
    /// the account are connected.
    pub(super) fn enter(
        accounts: &Arc<Self>,
        account: &str,
        character: EntityId,
        most: usize,
    ) -> Option<OfAccount> {
        let mut all = accounts.0.lock();
        let known = all.get(account);
        let others = known.map_or(0, |known| {
            known.len() - usize::from(known.contains_key(&character))
        });
        if others >= most {
            return None;
        }
        let known = all.entry(account.to_owned()).or_default();
        *known.entry(character).or_default() += 1;
        Some(OfAccount {
            accounts: Arc::clone(accounts),
            account: account.to_owned(),
            character,
        })
    }
}

/// A connection of an account; no longer when dropped.
#[derive(Debug)]
pub(super) struct OfAccount {
    accounts: Arc<Accounts>,
    account: String,
    character: EntityId,
}

impl Drop for OfAccount {
    fn drop(&mut self) {
        let mut all = self.accounts.0.lock();
        let Some(known) = all.get_mut(&self.account) else {
            return;
        };
        if let Some(count) = known.get_mut(&self.character) {
            *count -= 1;
            if *count == 0 {
                known.remove(&self.character);
            }
        }
        if known.is_empty() {
            all.remove(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_so_many_characters_connected_and_a_character_counts_once() {
        let accounts = Arc::new(Accounts::default());
        let enter = |account: &str, n| Accounts::enter(&accounts, account, EntityId(n), 2);
        let (ada, again, bea) = (enter("x", 1), enter("x", 1), enter("x", 2));
        assert!(ada.is_some() && again.is_some() && bea.is_some());
        assert!(enter("x", 3).is_none());
        let other = enter("y", 3);
        assert!(other.is_some());
        drop(ada);
        assert!(enter("x", 3).is_none(), "the first is still there");
        drop(again);
        let cleo = enter("x", 3);
        assert!(cleo.is_some() && enter("x", 1).is_none());
        drop((bea, cleo, other));
        assert!(accounts.0.lock().is_empty());
    }
}
