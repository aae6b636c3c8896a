//! The components. The first group is state (it is in [`super::EntityState`] and in the digest),
//! the second is scratch: written before it is read within every tick.

use bevy_ecs::component::Component;
use bluemarble_shared_protocol::{EntityId, InputSeq, NameTag, Tick, WishDir};
use bluemarble_spatial::CellId;
use glam::DVec3;

use crate::content::KindId;
use crate::effect::Effect;
use crate::gifts::Dealings;
use crate::things::Things;

/// Who and what it is; never changes.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(immutable)]
pub struct Identity {
    /// Its name for life.
    pub id: EntityId,
    /// Its kind.
    pub kind: KindId,
}

/// Where it is and how it moves.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub struct Body(pub bluemarble_motion::Body);

/// Health, death and what it counts.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Hit points; 0 = dead.
    pub health: u16,
    /// When it lives again; meaningful only while dead.
    pub respawn_at: Tick,
    /// Kills credited to it.
    pub kills: u32,
    /// How often it died.
    pub deaths: u32,
}

impl Life {
    /// Whether it lives.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.health > 0
    }
}

/// Its weapon's clock.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Arms {
    /// The first tick at which it may strike again.
    pub ready_at: Tick,
    /// The first tick at which the last blow no longer shows.
    pub swing_until: Tick,
    /// Blows struck.
    pub swings: u32,
}

/// The coins it holds; of an item that holds things, how many of those. They are conserved: whoever takes some away sends them as
/// [`Deed::Coins`](crate::Deed::Coins).
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Purse(pub u64);

/// A projectile on its way. How it moves is in its `Body`.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flight {
    /// Who shot it, and is credited or blamed for what it does.
    pub shooter: EntityId,
    /// The shooter's faction, which it does not harm.
    pub faction: u8,
    /// Whom it was shot at.
    pub target: EntityId,
    /// The last tick it flies.
    pub until: Tick,
}

/// A place that harms who stands in it.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hazard {
    /// Who is credited or blamed for what it does.
    pub owner: EntityId,
    /// The owner's faction, which it does not harm.
    pub faction: u8,
    /// When it harms next.
    pub next_at: Tick,
    /// The last tick it burns.
    pub until: Tick,
}

/// Where it belongs: it appears and respawns within `spread_m` of this spot. Never changes.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(immutable)]
pub struct Home {
    /// Unit direction from the planet's centre.
    pub dir: DVec3,
    /// Radius of the disc, metres.
    pub spread_m: f64,
}

/// A creature's own will.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub struct Mind {
    /// When it next looks around.
    pub decide_at: Tick,
    /// Whom it hunts.
    pub quarry: Option<EntityId>,
    /// Where it walks otherwise, unit direction from the planet's centre.
    pub goal: DVec3,
}

/// An avatar's tie to its player.
#[derive(Component, Clone, Debug, PartialEq, Eq)]
pub struct Player {
    /// What the character is called. No rule reads it, and the digest takes the entity's id in its place.
    pub name: NameTag,
    /// The newest intent applied.
    pub applied: InputSeq,
    /// What it was last asked to do, held over short gaps.
    pub wish: WishDir,
    /// The same, for the pace.
    pub pace: u8,
    /// Ticks since the last intent.
    pub idle_ticks: u32,
    /// What it remembers of its gifts.
    pub dealings: Dealings,
    /// What it has beside coins.
    pub things: Things,
}

/// Effects to be applied at the next tick.
#[derive(Component, Clone, Debug, PartialEq, Eq, Default)]
pub struct Mail(pub Vec<Effect>);

impl Mail {
    /// The coins in it.
    #[must_use]
    pub fn coins(&self) -> u64 {
        self.0.iter().map(|effect| effect.deed.coins()).sum()
    }
}

/// Scratch: what it is going to do this tick. Written in Command or Think, read afterwards.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Order {
    pub wish: DVec3,
    /// 0 ..= 1 of the top speed.
    pub pace: f64,
    pub jump: bool,
    pub attack: Option<EntityId>,
    /// The tick whose world it was decided by; none for Frame(t−1).
    pub view: Option<Tick>,
}

/// Scratch: something other than its owner's intent moved it this tick.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Touched(pub bool);

/// Scratch: what happened to an avatar this tick that its owner must be told. Written in Ingest.
#[derive(Component, Clone, Debug, Default)]
pub(crate) struct News {
    /// Who struck the blow it died of.
    pub fell_to: Option<EntityId>,
    /// Whom it was credited with having killed.
    pub felled: Vec<EntityId>,
}

/// Scratch: it is no creature, so it neither walks nor returns like one. Follows from its kind.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Inert;

/// Scratch: the grid cell of its position at the end of the last tick; follows from `Body`.
#[derive(Component, Clone, Copy, Debug)]
pub(crate) struct Place(pub CellId, pub Within);

/// Scratch: where in its cell. Nothing of it shows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Within {
    /// Where the zone found the cell; a guess, see [`CellFinder`](bluemarble_spatial::CellFinder).
    pub hint: u32,
    /// So far around it nobody is in another cell, metres; 0 if that is not known.
    pub depth_m: f32,
}

/// Scratch of an avatar: where among the sealed intents its own was in the last tick; a guess.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Heard(pub u32);
