//! Characters that are not in the world: each as it left, until it comes again.
//!
//! ```text
//! leave ─► taken out whole, mail included ─► kept here ─► admission ─► put back, at the same place,
//!                                                                     with all it had
//! ```
//!
//! Both are sealed inputs, and what is kept is state: in the checkpoint and in the digest. So a character is
//! in the world or here, never both, whatever is cut short, and however soon it returns; and no database
//! needs to be asked at the door. What it holds stays its own: for the books nothing moves. Its mail waits
//! with it: a blow that was under way strikes whoever returns. Whoever comes from another world and had
//! left this one before gets back what was kept, beside what it brings.
//!
//! What that costs is memory and a row in every checkpoint for each character that ever played, hence
//! [`Absent::MAX`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, InputSeq, NameTag, Tick, WishDir, hash_words};

use crate::effect::{Deed, Effect};
use crate::entity::digest::{DigestPart, DigestParts};
use crate::entity::{EntityState, Purse};
use crate::outside::Deal;

/// One character, and since when it is away.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) since: Tick,
    pub(crate) state: EntityState,
}

impl Kept {
    fn digest_parts(&self) -> DigestParts {
        let mut parts = self.state.digest_parts();
        parts += self.digest_of_absence();
        parts
    }

    /// What the digest takes of its being away, beside what it is like.
    pub(crate) fn digest_of_absence(&self) -> DigestParts {
        const ABSENT: u64 = 0x6162_7365_6e74;
        let id = self.state.identity.id;
        let mut parts = DigestParts::default();
        let away = hash_words([ABSENT, id.0, self.since.0]);
        parts.add(DigestPart::Absent, id, away);
        parts
    }

    fn has_anything(&self) -> bool {
        let mut mail = self.state.mail.0.iter();
        let player = self.state.player.as_ref();
        self.state.purse.0 > 0
            || player.is_some_and(|player| !player.things.is_empty())
            || mail.any(|effect| effect.deed.carries().is_some())
    }

    /// Who is forgotten first: whoever has nothing, then whoever has been away longest.
    fn worth(&self) -> Worth {
        (self.has_anything(), self.since, self.state.identity.id)
    }
}

type Worth = (bool, Tick, EntityId);

/// All of them on shelves: whoever copies them copies the shelves' addresses, and a change afterwards
/// copies one shelf.
#[derive(Clone, Debug)]
pub(crate) struct Shelves(Vec<Arc<BTreeMap<EntityId, Arc<Kept>>>>);

/// A shelf of a full memory has some hundred characters.
const SHELVES: usize = 256;

impl Default for Shelves {
    fn default() -> Self {
        Self(vec![Arc::default(); SHELVES])
    }
}

impl Shelves {
    fn shelf(&mut self, id: EntityId) -> &mut BTreeMap<EntityId, Arc<Kept>> {
        // The upper bits, so that shelf after shelf is in the order of ids.
        Arc::make_mut(&mut self.0[(id.0 >> 56) as usize])
    }

    /// By id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.0
            .iter()
            .flat_map(|shelf| shelf.values())
            .map(|kept| &**kept)
    }
}

/// A world's memory of characters that are not in it.
#[derive(Clone, Debug, Default)]
pub struct Absent {
    shelves: Shelves,
    order: BTreeSet<Worth>,
    digest: DigestParts,
    purses: u64,
    mail: u64,
}

impl Absent {
    /// Most characters that are kept: some 50 MB of memory and 8 MB in every checkpoint. Of more, those
    /// are forgotten first who have nothing; then whoever has been away longest, whose coins and things
    /// leave the world with it, as transfers of their own in the ledger. A world that expects more needs them as rows
    /// in its database.
    pub const MAX: usize = 1 << 16;

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Everybody, as they will come back, by id.
    pub fn states(&self) -> impl Iterator<Item = &EntityState> {
        self.shelves.iter().map(|kept| &kept.state)
    }

    /// This one, as it will come back.
    #[must_use]
    pub fn state(&self, id: EntityId) -> Option<&EntityState> {
        let shelf = &self.shelves.0[(id.0 >> 56) as usize];
        shelf.get(&id).map(|kept| &kept.state)
    }

    /// Coins in their purses, and on their way to them.
    pub(crate) fn coins(&self) -> (u64, u64) {
        (self.purses, self.mail)
    }

    pub(crate) fn digest_parts(&self) -> DigestParts {
        self.digest
    }

    pub(crate) fn shelves(&self) -> &Shelves {
        &self.shelves
    }

    /// An avatar has left. Returns who is forgotten for it, if that is somebody.
    pub(crate) fn keep(&mut self, mut state: EntityState, now: Tick) -> Option<EntityState> {
        if let Some(player) = &mut state.player {
            // Another session's inputs are numbered anew, and nobody is asked to go on walking.
            player.applied = InputSeq(0);
            player.wish = WishDir::default();
            player.pace = 0;
            player.idle_ticks = 0;
        }
        state.mail.0.sort_unstable();
        self.insert(Kept { since: now, state });
        if self.len() <= Self::MAX {
            return None;
        }
        let &(_, _, least) = self.order.first()?;
        self.remove(least).map(|kept| kept.state)
    }

    /// A character has left for another world. Its things have a meaning here only: they, and those on their way to
    /// it, are kept until it returns; nothing else is. Returns who is forgotten for it.
    pub(crate) fn keep_what_stays(
        &mut self,
        mut state: EntityState,
        now: Tick,
    ) -> Option<EntityState> {
        let is_thing = |effect: &Effect| matches!(effect.deed, Deed::Things { .. });
        state.mail.0.retain(is_thing);
        let player = state.player.as_ref()?;
        if player.things.is_empty() && state.mail.0.is_empty() {
            return None;
        }
        // The traveller has those.
        state.purse = Purse::default();
        (state.life.kills, state.life.deaths) = (0, 0);
        self.keep(state, now)
    }

    /// A character comes back, by this name.
    pub(crate) fn take(&mut self, id: EntityId, name: &NameTag) -> Option<EntityState> {
        let mut state = self.remove(id)?.state;
        if let Some(player) = &mut state.player {
            player.name = name.clone();
        }
        Some(state)
    }

    /// Gives characters other tags; no rule sees a difference, and the digest is the same.
    pub(crate) fn rename(
        &mut self,
        called: &mut impl FnMut(EntityId, &NameTag) -> Option<NameTag>,
    ) {
        let mut renamed = Vec::new();
        for state in self.states() {
            let (id, player) = (state.identity.id, state.player.as_ref());
            renamed.extend(player.and_then(|player| Some((id, called(id, &player.name)?))));
        }
        for (id, name) in renamed {
            let kept = self.shelves.shelf(id).get_mut(&id).map(Arc::make_mut);
            if let Some(player) = kept.and_then(|kept| kept.state.player.as_mut()) {
                player.name = name;
            }
        }
    }

    /// Gives a character coins or takes some; whether it had enough. `None` if it is not here.
    pub(crate) fn deal(&mut self, deal: &Deal) -> Option<bool> {
        let left = deal.applied_to(self.state(deal.avatar)?.purse.0);
        if let Some(left) = left {
            let mut kept = self.remove(deal.avatar)?;
            kept.state.purse.0 = left;
            self.insert(kept);
        }
        Some(left.is_some())
    }

    fn insert(&mut self, kept: Kept) {
        let id = kept.state.identity.id;
        debug_assert!(self.state(id).is_none(), "{id:?} cannot leave twice");
        self.order.insert(kept.worth());
        self.digest += kept.digest_parts();
        self.purses += kept.state.purse.0;
        self.mail += kept.state.mail.coins();
        self.shelves.shelf(id).insert(id, Arc::new(kept));
    }

    fn remove(&mut self, id: EntityId) -> Option<Kept> {
        // A shelf is only copied for whoever is on it.
        self.state(id)?;
        let kept = self.shelves.shelf(id).remove(&id)?;
        self.order.remove(&kept.worth());
        self.digest -= kept.digest_parts();
        self.purses -= kept.state.purse.0;
        self.mail -= kept.state.mail.coins();
        Some(Arc::unwrap_or_clone(kept))
    }

    /// From a checkpoint; `None` if somebody is there twice, or is no character.
    pub(crate) fn of_stored(all: Vec<Kept>) -> Option<Self> {
        let mut absent = Self::default();
        for kept in all {
            let is_new = absent.state(kept.state.identity.id).is_none();
            if !is_new || kept.state.player.is_none() {
                return None;
            }
            absent.insert(kept);
        }
        Some(absent)
    }
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::mix64;
    use bluemarble_spatial::Planet;
    use glam::DVec3;

    use super::*;
    use crate::content::KindId;
    use crate::entity::{Arms, Body, Home, Identity, Life, Mail, Player};
    use crate::gifts::Dealings;
    use crate::things::Things;

    fn character(n: u64, coins: u64, planet: &Planet) -> EntityState {
        let (id, tick) = (EntityId(mix64(n)), Tick(0));
        EntityState {
            identity: Identity {
                id,
                kind: KindId(0),
            },
            body: Body(bluemarble_motion::Body::standing(
                planet,
                DVec3::Z,
                DVec3::X,
            )),
            life: Life {
                health: 7,
                respawn_at: tick,
                kills: 0,
                deaths: 0,
            },
            arms: Arms::default(),
            home: Home {
                dir: DVec3::Z,
                spread_m: 1.0,
            },
            purse: Purse(coins),
            mail: Mail::default(),
            mind: None,
            player: Some(Player {
                name: "somebody".into(),
                applied: InputSeq(3),
                wish: WishDir::default(),
                pace: 2,
                idle_ticks: 1,
                dealings: Dealings::default(),
                things: Things::default(),
            }),
            flight: None,
            hazard: None,
        }
    }

    #[test]
    fn beyond_the_bound_who_has_nothing_is_forgotten_first_and_then_who_is_away_longest() {
        let planet = Planet::smooth(50_000.0);
        let mut absent = Absent::default();
        let max = Absent::MAX as u64;
        for n in 0..max {
            // The 5th and the 9th have nothing.
            let coins = u64::from(n != 5 && n != 9);
            let forgotten = absent.keep(character(n, coins, &planet), Tick(n));
            assert_eq!(forgotten, None);
        }
        assert_eq!(absent.coins(), (max - 2, 0));
        let mut forgotten = Vec::new();
        for n in max..max + 4 {
            let gone = absent.keep(character(n, 1, &planet), Tick(n)).unwrap();
            forgotten.push(gone.identity.id.0);
            assert_eq!(absent.len(), Absent::MAX);
        }
        assert_eq!(forgotten, [5, 9, 0, 1].map(mix64));
        assert_eq!(absent.coins(), (max, 0));
    }

    #[test]
    fn what_is_taken_leaves_neither_coins_nor_digest_behind_and_a_copy_is_as_it_was() {
        let planet = Planet::smooth(50_000.0);
        let mut absent = Absent::default();
        for n in 0..50 {
            absent.keep(character(n, n, &planet), Tick(n));
        }
        let (copy, before) = (absent.clone(), absent.digest_parts());
        let ids: Vec<EntityId> = absent.states().map(|state| state.identity.id).collect();
        assert!(ids.is_sorted());
        for id in &ids {
            let state = absent.take(*id, &"anew".into()).unwrap();
            let player = state.player.unwrap();
            assert_eq!((player.applied, player.pace), (InputSeq(0), 0));
            assert_eq!(player.name.name(), Some("anew"));
            assert_eq!(absent.take(*id, &"anew".into()), None);
        }
        assert_eq!(absent.digest_parts(), DigestParts::default());
        assert_eq!((absent.coins(), absent.is_empty()), ((0, 0), true));
        assert_eq!((copy.len(), copy.digest_parts()), (50, before));
        let again = Absent::of_stored(copy.shelves().iter().cloned().collect()).unwrap();
        assert_eq!(again.digest_parts(), before);
    }
}
