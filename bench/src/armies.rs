//! Who belongs to which army: soldiers know their foes, as players know theirs by their colours.

use std::collections::HashMap;

use bluemarble_shared_protocol::EntityId;
use parking_lot::RwLock;

/// Everybody's army; empty where nobody fights for one.
#[derive(Debug, Default)]
pub struct Armies(RwLock<HashMap<EntityId, u8>>);

impl Armies {
    /// An avatar of an army is in the world now.
    pub fn joined(&self, avatar: EntityId, army: u8) {
        let mut soldiers = self.0.write();
        soldiers.insert(avatar, army);
    }

    /// Whose soldier an avatar is, if it is one.
    #[must_use]
    pub fn of(&self, id: EntityId) -> Option<u8> {
        self.0.read().get(&id).copied()
    }
}
