//! An entity's share of the state digest: a hash of every component, summed (wrapping) over all
//! components of all entities, so that neither order nor partition can show.
//!
//! Every component has a sum of its own, and one more sum weighs each entity by its id. The digest
//! is the sum of the former; the latter names the entity when two worlds differ in one:
//!
//! ```text
//! components[c] = Σ over entities  hash(c, id, the component's words)
//! digest        = Σ over c         components[c]
//! weighted      = Σ over entities  (Σ over c of its hashes) · odd(id)
//!                 one entity differs  ⇔  Δweighted = Δdigest · odd(its id)
//! ```
//!
//! **A new component** takes three places here, all beside each other: a variant at the end of
//! [`DigestPart`] (the order is stored), a field of [`Parts`], a line in [`Parts::each`]; and
//! `RULES_VERSION` rises.
//!
//! Mail is hashed effect by effect ([`Effect::hash`](crate::effect::Effect)), because at the
//! barrier it has an address before it has a mailbox. The past is not hashed here but tick by tick
//! ([`History`](crate::past::History)).

use std::ops::{AddAssign, SubAssign};

use bevy_ecs::component::Component;
use bluemarble_shared_protocol::{EntityId, mix64};

use super::components::{Arms, Flight, Hazard, Home, Identity, Life, Mind, Player, Purse};
use super::state::EntityState;
use super::words::Words;

/// What a share of the digest is a hash of. The numbers are stored: add at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestPart {
    /// Who and what.
    Identity = 0,
    /// Where it is and how it moves.
    Body = 1,
    /// Health.
    Life = 2,
    /// Weapon.
    Arms = 3,
    /// Where it belongs.
    Home = 4,
    /// A creature's will.
    Mind = 5,
    /// An avatar's player.
    Player = 6,
    /// Effects in flight to it.
    Mail = 7,
    /// Where it was in the ticks before; see `crate::past`.
    Past = 8,
    /// Its journeys between worlds.
    Travel = 9,
    /// Of no entity: avatars per large cell, on their way to being known.
    Coarse = 10,
    /// Coins.
    Purse = 11,
    /// What makes it a projectile.
    Flight = 12,
    /// What makes it a hazard.
    Hazard = 13,
    /// What an avatar remembers of its gifts.
    Dealings = 14,
    /// Its deals with the outside that are not settled.
    Outside = 15,
    /// A character that is not in the world, and since when; what it is like is in the other parts.
    Absent = 16,
    /// What it has beside coins.
    Things = 17,
}

impl DigestPart {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 18] = [
        Self::Identity,
        Self::Body,
        Self::Life,
        Self::Arms,
        Self::Home,
        Self::Mind,
        Self::Player,
        Self::Mail,
        Self::Past,
        Self::Travel,
        Self::Coarse,
        Self::Purse,
        Self::Flight,
        Self::Hazard,
        Self::Dealings,
        Self::Outside,
        Self::Absent,
        Self::Things,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Its name, as reports of a divergence say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "Identity",
            Self::Body => "Body",
            Self::Life => "Life",
            Self::Arms => "Arms",
            Self::Home => "Home",
            Self::Mind => "Mind",
            Self::Player => "Player",
            Self::Mail => "Mail",
            Self::Past => "Past",
            Self::Travel => "Travel",
            Self::Coarse => "Coarse",
            Self::Purse => "Purse",
            Self::Flight => "Flight",
            Self::Hazard => "Hazard",
            Self::Dealings => "Dealings",
            Self::Outside => "Outside",
            Self::Absent => "Absent",
            Self::Things => "Things",
        }
    }

    /// Where the hash of this component of that entity begins.
    #[inline]
    pub(super) const fn of(self, id: EntityId) -> Words {
        Words(mix64(self.word_of(id)))
    }

    /// The first word of that hash.
    #[inline]
    pub(super) const fn word_of(self, id: EntityId) -> u64 {
        const SALT: u64 = 0x636f_6d70_6f6e_656e;
        id.0 ^ mix64(SALT + self as u64)
    }
}

const _: () = {
    let mut n = 0;
    while n < DigestPart::COUNT {
        assert!(DigestPart::ALL[n] as usize == n, "ALL is in order");
        n += 1;
    }
};

/// A world's digest, taken apart: enough to name the component and, if only one differs, the entity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DigestParts {
    /// Per [`DigestPart`], the sum of the hashes of all entities.
    pub components: [u64; DigestPart::COUNT],
    /// The same hashes, each entity's multiplied by [`DigestParts::odd`] of its id.
    pub weighted: u64,
}

impl DigestParts {
    /// The digest: the sum of the components' sums.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.components
            .iter()
            .fold(0, |sum: u64, part| sum.wrapping_add(*part))
    }

    /// As words, to be logged: the components' sums, then the weighted one.
    #[must_use]
    pub fn to_words(&self) -> Vec<u64> {
        let mut words = self.components.to_vec();
        words.push(self.weighted);
        words
    }

    /// From words; `None` if they are not as many as this build has sums.
    #[must_use]
    pub fn from_words(words: &[u64]) -> Option<Self> {
        let (weighted, components) = words.split_last()?;
        Some(Self {
            components: components.try_into().ok()?,
            weighted: *weighted,
        })
    }

    /// By what an entity is weighed: never even, so that no difference is multiplied away.
    #[must_use]
    pub fn odd(id: EntityId) -> u64 {
        const SALT: u64 = 0x0077_6569_6768_7465;
        mix64(id.0 ^ SALT) | 1
    }

    /// Adds one hash that belongs to an entity.
    #[inline]
    pub(crate) fn add(&mut self, part: DigestPart, id: EntityId, hash: u64) {
        let sum = &mut self.components[part as usize];
        *sum = sum.wrapping_add(hash);
        self.weigh(id, hash);
    }

    /// The same of an entity whose [`odd`](Self::odd) is at hand.
    #[inline]
    pub(super) fn add_weighed(&mut self, part: DigestPart, odd: u64, hash: u64) {
        let sum = &mut self.components[part as usize];
        *sum = sum.wrapping_add(hash);
        self.weighted = self.weighted.wrapping_add(hash.wrapping_mul(odd));
    }

    #[inline]
    fn weigh(&mut self, id: EntityId, hash: u64) {
        self.weighted = self.weighted.wrapping_add(hash.wrapping_mul(Self::odd(id)));
    }
}

impl AddAssign for DigestParts {
    fn add_assign(&mut self, other: Self) {
        for (sum, more) in self.components.iter_mut().zip(other.components) {
            *sum = sum.wrapping_add(more);
        }
        self.weighted = self.weighted.wrapping_add(other.weighted);
    }
}

impl SubAssign for DigestParts {
    fn sub_assign(&mut self, other: Self) {
        for (sum, less) in self.components.iter_mut().zip(other.components) {
            *sum = sum.wrapping_sub(less);
        }
        self.weighted = self.weighted.wrapping_sub(other.weighted);
    }
}

/// What the digest takes of an entity that stays the same for as long as it is in a zone: of its
/// [`Identity`] and [`Home`], which are immutable components, and of its id.
#[derive(Component, Clone, Copy, Debug)]
#[component(immutable)]
pub(crate) struct Unchanging {
    identity: u64,
    home: u64,
    /// [`DigestParts::odd`] of the id.
    pub odd: u64,
}

impl Unchanging {
    pub(crate) fn of(identity: &Identity, home: &Home) -> Self {
        let Words(identity_hash) = identity.hash(DigestPart::Identity.of(identity.id));
        let Words(home_hash) = home.hash(DigestPart::Home.of(identity.id));
        Self {
            identity: identity_hash,
            home: home_hash,
            odd: DigestParts::odd(identity.id),
        }
    }
}

/// Borrowed components of one entity, from wherever they live; all but mail, and the body, whose hash is
/// better computed [with others](super::Bodies).
pub(crate) struct Parts<'a> {
    pub identity: &'a Identity,
    pub life: &'a Life,
    pub arms: &'a Arms,
    pub unchanging: &'a Unchanging,
    pub mind: Option<&'a Mind>,
    pub player: Option<&'a Player>,
    pub purse: &'a Purse,
    pub flight: Option<&'a Flight>,
    pub hazard: Option<&'a Hazard>,
}

impl Parts<'_> {
    /// Hands over the hash of each.
    #[inline]
    fn each(&self, mut put: impl FnMut(DigestPart, Words)) {
        use DigestPart as Part;
        let id = self.identity.id;
        put(Part::Identity, Words(self.unchanging.identity));
        put(Part::Home, Words(self.unchanging.home));
        put(Part::Life, self.life.hash(Part::Life.of(id)));
        put(Part::Arms, self.arms.hash(Part::Arms.of(id)));
        if let Some(mind) = self.mind {
            put(Part::Mind, mind.hash(Part::Mind.of(id)));
        }
        if let Some(player) = self.player {
            put(Part::Player, player.hash(Part::Player.of(id), id));
            let dealings = player.dealings.hash();
            if dealings != 0 {
                put(Part::Dealings, Part::Dealings.of(id).word(dealings));
            }
            if !player.things.is_empty() {
                put(Part::Things, Part::Things.of(id).word(player.things.hash()));
            }
        }
        // Most have none, and none is nothing.
        if self.purse.0 > 0 {
            put(Part::Purse, Part::Purse.of(id).word(self.purse.0));
        }
        if let Some(flight) = self.flight {
            put(Part::Flight, flight.hash(Part::Flight.of(id)));
        }
        if let Some(hazard) = self.hazard {
            put(Part::Hazard, hazard.hash(Part::Hazard.of(id)));
        }
    }

    /// Adds them to a zone's or a world's sums.
    #[inline]
    pub(crate) fn add_to(&self, sums: &mut DigestParts) {
        let mut whole = 0_u64;
        self.each(|part, Words(hash)| {
            let sum = &mut sums.components[part as usize];
            *sum = sum.wrapping_add(hash);
            whole = whole.wrapping_add(hash);
        });
        let weighted = whole.wrapping_mul(self.unchanging.odd);
        sums.weighted = sums.weighted.wrapping_add(weighted);
    }
}

impl EntityState {
    fn parts<'a>(&'a self, unchanging: &'a Unchanging) -> Parts<'a> {
        Parts {
            identity: &self.identity,
            life: &self.life,
            arms: &self.arms,
            unchanging,
            mind: self.mind.as_ref(),
            player: self.player.as_ref(),
            purse: &self.purse,
            flight: self.flight.as_ref(),
            hazard: self.hazard.as_ref(),
        }
    }

    /// Its share of the digest, mail included.
    #[must_use]
    pub fn digest_parts(&self) -> DigestParts {
        let mut sums = DigestParts::default();
        let unchanging = Unchanging::of(&self.identity, &self.home);
        let id = self.identity.id;
        sums.add(DigestPart::Body, id, self.body.digest(id));
        self.parts(&unchanging).add_to(&mut sums);
        for effect in &self.mail.0 {
            sums.add(DigestPart::Mail, effect.target, effect.hash());
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weighted_sum_names_the_one_entity_that_differs() {
        let hashes = [(EntityId(1), 5_u64), (EntityId(2), 7), (EntityId(99), 11)];
        let sum = |bent: Option<EntityId>| {
            let mut sums = DigestParts::default();
            for (id, hash) in hashes {
                let hash = if bent == Some(id) { !hash } else { hash };
                sums.add(DigestPart::Life, id, hash);
            }
            sums
        };
        let (whole, bent) = (sum(None), sum(Some(EntityId(2))));
        let delta = whole.digest().wrapping_sub(bent.digest());
        let weighted = whole.weighted.wrapping_sub(bent.weighted);
        let named: Vec<_> = hashes
            .iter()
            .filter(|(id, _)| delta.wrapping_mul(DigestParts::odd(*id)) == weighted)
            .map(|(id, _)| id.0)
            .collect();
        assert_eq!(named, [2]);
    }

    #[test]
    fn components_of_one_entity_and_one_component_of_two_begin_differently() {
        let begins: std::collections::BTreeSet<u64> = DigestPart::ALL
            .iter()
            .flat_map(|part| [part.of(EntityId(1)).0, part.of(EntityId(2)).0])
            .collect();
        assert_eq!(begins.len(), 2 * DigestPart::COUNT);
    }
}
