//! What the sessions contribute to one tick's sealed inputs: made by the net layer at the tick
//! boundary, journaled and replayed as they are.

use serde::{Deserialize, Serialize};

use crate::gift::GiftInput;
use crate::ids::EntityId;
use crate::intent::Intent;
use crate::name_tag::NameTag;

/// A character enters the world, or its owner takes control again if the avatar is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The character's id, which its avatar has in every world and life.
    pub avatar: EntityId,
    /// What it is called.
    pub name: NameTag,
}

/// Everything players did for one tick, each list sorted by avatar, at most one entry per avatar but for
/// gifts.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlayerInputs {
    /// Who comes.
    pub admissions: Vec<Admission>,
    /// Who goes: the avatar is removed.
    pub leaves: Vec<EntityId>,
    /// What each avatar is asked to do.
    pub intents: Vec<(EntityId, Intent)>,
    /// What they give each other: by giver and number, of each giver at most
    /// [`GIFTS_PER_TICK_MAX`](crate::limits::GIFTS_PER_TICK_MAX).
    pub gifts: Vec<GiftInput>,
}
