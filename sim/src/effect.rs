//! What one entity does to another: a message that takes one tick.
//!
//! The sender's zone puts it in its outbox at t; the barrier hands it to whichever zone owned the
//! target during t, before any departure, so that a departing target takes it along; the target
//! applies its mail at t+1 in the order `(kind of deed, cause, n)`. Mail in flight is state: it is
//! in the checkpoint and in the digest.
//!
//! Three things keep this from growing or leaking:
//! - *Depth.* An effect sent because of an effect is one deeper; beyond [`Effect::DEPTH_MAX`] it is
//!   dropped and counted, so no chain of consequences runs for ever.
//! - *Conservation.* Coins are debited when they are sent. What cannot be delivered bounces to its
//!   cause; if that has gone too, they have left the world with it, and are counted.
//! - *Arbitration.* A thing that several want decides by itself, in the order of its mail.

use bluemarble_shared_protocol::{AssetId, EntityId, hash_words};
use serde::{Deserialize, Serialize};

/// What happens to the target. Mail is applied in the order of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Deed {
    /// A blow that takes so many hit points.
    Damage {
        /// Hit points, before the target's own rules.
        amount: u16,
    },
    /// The target is credited with having killed the cause.
    Kill,
    /// So many coins, which the cause no longer has.
    Coins {
        /// How many.
        amount: u64,
    },
    /// The cause wants what the target, an item, holds.
    Take,
    /// What the target wanted to take was gone already. It only counts.
    TooLate,
    /// So many things of one sort, which the cause no longer has.
    Things {
        /// Which sort; never coins.
        asset: AssetId,
        /// How many.
        amount: u64,
    },
}

impl Deed {
    /// Its place in the order of application.
    fn rank(self) -> u64 {
        match self {
            Self::Damage { .. } => 1,
            Self::Kill => 2,
            Self::Coins { .. } => 3,
            Self::Take => 4,
            Self::TooLate => 5,
            // And the sort.
            Self::Things { asset, .. } => 6 + u64::from(asset.0),
        }
    }

    /// The number in it.
    fn value(self) -> u64 {
        match self {
            Self::Damage { amount } => u64::from(amount),
            Self::Coins { amount } | Self::Things { amount, .. } => amount,
            Self::Kill | Self::Take | Self::TooLate => 0,
        }
    }

    /// So many of these, sent.
    #[must_use]
    pub fn carrying(asset: AssetId, amount: u64) -> Self {
        match asset {
            AssetId::COINS => Self::Coins { amount },
            asset => Self::Things { asset, amount },
        }
    }

    /// What it carries that may neither be lost nor doubled on the way, and how many.
    #[must_use]
    pub fn carries(self) -> Option<(AssetId, u64)> {
        match self {
            Self::Coins { amount } => Some((AssetId::COINS, amount)),
            Self::Things { asset, amount } => Some((asset, amount)),
            _ => None,
        }
    }

    /// The coins it carries.
    #[must_use]
    pub fn coins(self) -> u64 {
        match self {
            Self::Coins { amount } => amount,
            _ => 0,
        }
    }
}

/// A deed with its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Effect {
    /// What.
    pub deed: Deed,
    /// Who is to be credited or blamed, and to whom it returns if it is undeliverable and conserved.
    pub cause: EntityId,
    /// Which of the cause's effects of that tick.
    pub n: u32,
    /// To whom.
    pub target: EntityId,
    /// How many effects led to it; 0 for what an entity does by itself.
    pub depth: u8,
}

impl Effect {
    /// The deepest effect that is still delivered.
    pub const DEPTH_MAX: u8 = 8;

    /// The number of an effect that `source` (a projectile, a fire, a powder keg) has in the name of
    /// its cause. Two sources of one cause that get the same number, once in 2³¹, do no harm: what
    /// is then still different decides the order, and what is equal has no order to get wrong.
    #[must_use]
    pub fn n_of(source: EntityId) -> u32 {
        (source.0 >> 32) as u32 | 1 << 31
    }

    /// Its share of the digest.
    pub(crate) fn hash(&self) -> u64 {
        hash_words([
            0x6566_6665_6374,
            self.deed.rank(),
            self.deed.value(),
            self.cause.0,
            u64::from(self.n) | u64::from(self.depth) << 32,
            self.target.0,
        ])
    }

    /// Kind of deed, cause, n; the rest only so that the order is total.
    fn order(&self) -> (u64, EntityId, u32, u64, u8, EntityId) {
        let Self {
            deed,
            cause,
            n,
            target,
            depth,
        } = *self;
        (deed.rank(), cause, n, deed.value(), depth, target)
    }
}

impl Ord for Effect {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Effect {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// What becomes of an effect at the barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate<Z> {
    /// It goes to its target, which lives there.
    Delivered(Effect, Z),
    /// It could not, and returns to its cause, which lives there.
    Bounced(Effect, Z),
    /// It could not, and nothing is owed to anybody.
    Lost,
    /// It is the ninth consequence in a row.
    TooDeep,
    /// So many coins whose owner and whose heir have both left the world.
    Left(AssetId, u64),
}

impl Effect {
    /// Decides by who is in the world, and by nothing else: not by zones, not by order.
    pub(crate) fn fate<Z>(self, whereabouts: impl Fn(EntityId) -> Option<Z>) -> Fate<Z> {
        let carried = self.deed.carries().filter(|(_, amount)| *amount > 0);
        let deep = self.depth > Self::DEPTH_MAX;
        if !deep && let Some(there) = whereabouts(self.target) {
            return Fate::Delivered(self, there);
        }
        let Some((asset, amount)) = carried else {
            return if deep { Fate::TooDeep } else { Fate::Lost };
        };
        match whereabouts(self.cause) {
            // A bounce is never dropped for its depth: it ends the chain.
            Some(back) => {
                let returned = Self {
                    cause: self.target,
                    target: self.cause,
                    depth: self.depth.saturating_add(1),
                    ..self
                };
                Fate::Bounced(returned, back)
            }
            None => Fate::Left(asset, amount),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(deed: Deed, cause: u64, n: u32, depth: u8) -> Effect {
        Effect {
            deed,
            cause: EntityId(cause),
            n,
            target: EntityId(9),
            depth,
        }
    }

    #[test]
    fn mail_is_ordered_by_kind_of_deed_then_cause_then_number() {
        let light = |cause, n| effect(Deed::Damage { amount: 1 }, cause, n, 0);
        let heavy = |cause, n| effect(Deed::Damage { amount: 9 }, cause, n, 0);
        let coins = effect(Deed::Coins { amount: 1 }, 1, 0, 0);
        let take = effect(Deed::Take, 1, 0, 0);
        let mut mail = [
            take,
            coins,
            light(3, 1),
            heavy(2, 2),
            heavy(1, 1),
            light(2, 1),
        ];
        mail.sort_unstable();
        assert_eq!(
            mail,
            [
                heavy(1, 1),
                light(2, 1),
                heavy(2, 2),
                light(3, 1),
                coins,
                take
            ]
        );
    }

    #[test]
    fn what_is_owed_bounces_and_what_is_not_is_lost() {
        let lives = |who: &'static [u64]| move |id: EntityId| who.contains(&id.0).then_some(0_u32);
        let coins = effect(Deed::Coins { amount: 5 }, 4, 1, 2);
        let blow = effect(Deed::Damage { amount: 5 }, 4, 1, 2);
        assert_eq!(coins.fate(lives(&[4, 9])), Fate::Delivered(coins, 0));
        let Fate::Bounced(back, 0) = coins.fate(lives(&[4])) else {
            panic!("coins to nobody return");
        };
        assert_eq!((back.target, back.cause), (EntityId(4), EntityId(9)));
        assert_eq!((back.deed, back.depth), (coins.deed, 3));
        assert_eq!(coins.fate(lives(&[])), Fate::Left(AssetId::COINS, 5));
        assert_eq!(blow.fate(lives(&[4])), Fate::Lost);
    }

    #[test]
    fn the_ninth_consequence_is_dropped_but_coins_only_turn_back() {
        let everybody = |_| Some(());
        let blow = |depth| effect(Deed::Damage { amount: 1 }, 4, 1, depth);
        assert_eq!(blow(8).fate(everybody), Fate::Delivered(blow(8), ()));
        assert_eq!(blow(9).fate(everybody), Fate::TooDeep);
        let coins = effect(Deed::Coins { amount: 5 }, 4, 1, 9);
        assert!(matches!(coins.fate(everybody), Fate::Bounced(back, ()) if back.target.0 == 4));
    }

    #[test]
    fn everything_in_an_effect_is_in_its_hash() {
        let base = effect(Deed::Damage { amount: 1 }, 4, 1, 0);
        let others = [
            effect(Deed::Damage { amount: 2 }, 4, 1, 0),
            effect(Deed::Coins { amount: 1 }, 4, 1, 0),
            effect(Deed::carrying(AssetId(1), 1), 4, 1, 0),
            effect(Deed::carrying(AssetId(2), 1), 4, 1, 0),
            effect(Deed::Damage { amount: 1 }, 5, 1, 0),
            effect(Deed::Damage { amount: 1 }, 4, 2, 0),
            effect(Deed::Damage { amount: 1 }, 4, 1, 1),
            Effect {
                target: EntityId(8),
                ..base
            },
        ];
        assert!(others.iter().all(|other| other.hash() != base.hash()));
    }
}
