//! Coins and things that one player gives another: what is asked, and what became of it.
//!
//! A gift is asked for by a number that the client chooses. The avatar remembers what became of the last
//! [`GIFTS_REMEMBERED`](crate::limits::GIFTS_REMEMBERED) numbers, so whoever asks again, however often and
//! over whatever connection, has the same gift answered and not another one made. Numbers have a meaning
//! within one [life](LifeId) of the avatar.

use serde::{Deserialize, Serialize};

use crate::ids::{EntityId, Tick};

/// What is counted, held and given: coins, or a sort of things that the world's content knows by this number.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct AssetId(pub u8);

impl AssetId {
    /// Coins, in every world.
    pub const COINS: Self = Self(0);
}

/// So many of one sort of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stack {
    /// Which; never coins.
    pub asset: AssetId,
    /// How many, at least 1.
    pub amount: u64,
}

/// One life of a character in a world, until a journey to another one ends it; no other has the same.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct LifeId(pub u64);

/// So many coins, or things of one sort, for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gift {
    /// In which life of the giver.
    pub life: LifeId,
    /// Which gift, at least 1; the client's choice, one number for one gift.
    pub number: u32,
    /// Whose avatar gets them, wherever it is.
    pub to: EntityId,
    /// How many, at least 1.
    pub amount: u64,
    /// Of what.
    pub asset: AssetId,
}

/// A gift as it is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GiftInput {
    /// The giver's avatar.
    pub from: EntityId,
    /// What.
    pub gift: Gift,
}

/// What became of a gift. All but [`GiftOutcome::NotSaving`] are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GiftOutcome {
    /// The giver no longer has them; they are the other's.
    Given,
    /// Refused: the giver had fewer.
    NotEnough,
    /// Refused: nobody's avatar of that id was in the world.
    Nobody,
    /// Refused: to oneself.
    Oneself,
    /// Refused: the giver was dead.
    Dead,
    /// So many gifts of higher numbers followed that it is no longer known; it was not carried out now.
    Forgotten,
    /// The number is of another life of the avatar; it was not carried out in this one.
    OtherLife,
    /// Refused: the number is another gift's, to somebody else, of another amount or of something else.
    OtherGift,
    /// Not now: what happens is not being saved. Nothing was done; ask again.
    NotSaving,
}

impl GiftOutcome {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Given,
        Self::NotEnough,
        Self::Nobody,
        Self::Oneself,
        Self::Dead,
        Self::Forgotten,
        Self::OtherLife,
        Self::OtherGift,
        Self::NotSaving,
    ];

    /// Whether asking again cannot give another answer.
    #[must_use]
    pub fn is_final(self) -> bool {
        self != Self::NotSaving
    }
}

/// The answer to a gift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GiftAnswer {
    /// As asked.
    pub life: LifeId,
    /// As asked.
    pub number: u32,
    /// What became of it.
    pub outcome: GiftOutcome,
    /// In which tick that was decided; of one that was asked for again, the first time.
    pub tick: Tick,
}

/// An answer with its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AnsweredGift {
    /// The giver's avatar.
    pub from: EntityId,
    /// The answer.
    pub answer: GiftAnswer,
}

/// What only its owner is told of what an avatar has.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OwnPurse {
    /// Its life.
    pub life: LifeId,
    /// No gift of this life has a higher number so far; 0 if there was none.
    pub newest: u32,
    /// Coins.
    pub coins: u64,
    /// Things, by number; at most 255, for there are no more numbers.
    pub things: Vec<Stack>,
}
