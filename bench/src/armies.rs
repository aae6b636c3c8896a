//! Who belongs to which army: soldiers know their foes, as players know theirs by their colours.

use std::collections::HashMap;

use bluemarble_shared_protocol::EntityId;

/// Everybody's army; empty where nobody fights for one.
#[derive(Clone, Debug, Default)]
pub struct Armies(HashMap<EntityId, u8>);

impl Armies {
    /// These avatars with their armies.
    pub fn new(soldiers: impl Iterator<Item = (EntityId, u8)>) -> Self {
        Self(soldiers.collect())
    }

    /// Whose soldier an avatar is, if it is one.
    #[must_use]
    pub fn of(&self, id: EntityId) -> Option<u8> {
        self.0.get(&id).copied()
    }
}
