//! Who may not come in: names of characters, looked up at every hello. Whoever keeps the list on disk
//! gives it here.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

/// A list of banned characters, each with the reason they are told; clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct BanList(Arc<RwLock<BTreeMap<String, Ban>>>);

/// Why, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// What the player is told.
    pub reason: String,
    /// From this Unix second on it is over; `None` = never.
    pub until_s: Option<u64>,
}

impl BanList {
    /// Replaces the list.
    pub fn set(&self, bans: BTreeMap<String, Ban>) {
        *self.0.write() = bans;
    }

    /// Why a character may not come in at `now_s` (Unix seconds), if so.
    #[must_use]
    pub fn refusal(&self, character: &str, now_s: u64) -> Option<String> {
        let bans = self.0.read();
        let ban = bans.get(character)?;
        let in_force = ban.until_s.is_none_or(|until_s| now_s < until_s);
        in_force.then(|| ban.reason.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_counts_until_it_is_over() {
        let list = BanList::default();
        assert_eq!(list.refusal("Ada", 5), None);
        let ban = |until_s| Ban {
            reason: "no".into(),
            until_s,
        };
        let bans = [
            ("Ada".to_owned(), ban(Some(10))),
            ("Bob".to_owned(), ban(None)),
        ];
        list.clone().set(bans.into());
        assert_eq!(list.refusal("Ada", 9), Some("no".into()));
        assert_eq!(list.refusal("Ada", 10), None);
        assert_eq!(list.refusal("Bob", u64::MAX), Some("no".into()));
        assert_eq!(list.refusal("bob", 0), None, "taken byte for byte");
    }
}
