//! Which world each character is in: at most one. A session is let into a world only by an entry
//! here, so that two worlds never hold the same avatar.
//!
//! The table follows from the worlds (their avatars, their travellers) and is made anew from them
//! at every start; it is written nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, SessionId};
use bluemarble_sim::TravelKey;

/// A world's name, shared.
pub type WorldName = Arc<str>;

/// Where a character is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// Nowhere: the next hello decides.
    Nowhere,
    /// In this world, or about to enter it.
    In(WorldName),
    /// Between two worlds.
    OnTheWay,
}

/// Everybody who is somewhere.
#[derive(Debug, Default)]
pub struct Residents(BTreeMap<EntityId, Resident>);

#[derive(Debug)]
struct Resident {
    world: WorldName,
    /// The newest session let in; `None` for an avatar that a recovery brought along.
    session: Option<SessionId>,
    stage: Stage,
}

/// How far a resident is from being in its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There.
    Stays,
    /// Told to leave; whether it does is not known yet.
    SetsOut,
    /// It has left, by this journey.
    Away {
        key: TravelKey,
        /// Known from a recovered log only, which other worlds may have outrun.
        recalled: bool,
    },
}

impl Residents {
    /// Where this character is.
    pub fn whereabouts(&self, avatar: EntityId) -> Whereabouts {
        match self.0.get(&avatar) {
            None => Whereabouts::Nowhere,
            Some(resident) if resident.stage != Stage::Stays => Whereabouts::OnTheWay,
            Some(resident) => Whereabouts::In(Arc::clone(&resident.world)),
        }
    }

    /// A session was let into a world.
    pub fn enter(&mut self, avatar: EntityId, world: WorldName, session: SessionId) {
        let resident = Resident {
            world,
            session: Some(session),
            stage: Stage::Stays,
        };
        self.0.insert(avatar, resident);
    }

    /// A recovered world holds this avatar and remembers having let in `admitted`; false if it is
    /// in another world, or on its way from one.
    pub fn adopt(
        &mut self,
        avatar: EntityId,
        world: &WorldName,
        admitted: &BTreeSet<TravelKey>,
    ) -> bool {
        let is_here = match self.0.get(&avatar) {
            None => true,
            Some(resident) if resident.world == *world => true,
            Some(resident) => match resident.stage {
                Stage::Stays | Stage::SetsOut => false,
                // Whoever was on the way has arrived here, by that journey or by a later one.
                Stage::Away { key, recalled } => recalled || admitted.contains(&key),
            },
        };
        if is_here {
            self.put(avatar, Arc::clone(world), Stage::Stays);
        }
        is_here
    }

    /// A recovered world remembers that this avatar left it, and may not know yet that it arrived.
    /// To be told in the order of the keys.
    pub fn adopt_traveller(&mut self, key: TravelKey, from: &WorldName) {
        let recalled = true;
        let news = self
            .0
            .get(&key.avatar)
            .is_none_or(|resident| resident.world == *from && resident.stage != Stage::Stays);
        if news {
            let stage = Stage::Away { key, recalled };
            self.put(key.avatar, Arc::clone(from), stage);
        }
    }

    /// Of a recovered world, only these are there or have left it: whoever else had been in its
    /// last life is nowhere.
    pub fn only_these(&mut self, world: &WorldName, these: &BTreeSet<EntityId>) {
        self.0
            .retain(|avatar, resident| resident.world != *world || these.contains(avatar));
    }

    /// The avatar leaves its world for another one: from now on nobody is let in for it.
    pub fn set_out(&mut self, avatar: EntityId) {
        if let Some(resident) = self.0.get_mut(&avatar) {
            resident.stage = Stage::SetsOut;
        }
    }

    /// The avatar has left `from`, by this journey.
    pub fn departed(&mut self, key: TravelKey, from: &WorldName) {
        let elsewhere = |resident: &Resident| resident.world != *from;
        if !self.0.get(&key.avatar).is_some_and(elsewhere) {
            let recalled = false;
            let stage = Stage::Away { key, recalled };
            self.put(key.avatar, Arc::clone(from), stage);
        }
    }

    /// Whether the journey's traveller may be let in: not if the character is in some world, or has
    /// gone on by another journey.
    pub fn may_arrive(&mut self, key: TravelKey, from: &WorldName) -> bool {
        if !self.0.contains_key(&key.avatar) {
            self.departed(key, from);
        }
        self.is_away(key)
    }

    /// Whether this is the journey that the character is on.
    pub fn is_away(&self, key: TravelKey) -> bool {
        let resident = self.0.get(&key.avatar);
        resident.is_some_and(
            |resident| matches!(resident.stage, Stage::Away { key: its, .. } if its == key),
        )
    }

    /// The journey has led to `to` for sure, and from there on by `next` if the world remembers
    /// that. News of any other journey than the one under way is old. Whether it was news.
    pub fn arrived(&mut self, key: TravelKey, to: &WorldName, next: Option<TravelKey>) -> bool {
        let news = self.is_away(key);
        if news {
            let recalled = true;
            let stage = next.map_or(Stage::Stays, |key| Stage::Away { key, recalled });
            self.put(key.avatar, Arc::clone(to), stage);
        }
        news
    }

    /// The avatar has appeared in this world.
    pub fn landed(&mut self, avatar: EntityId, world: &WorldName) {
        if !self.0.contains_key(&avatar) {
            self.put(avatar, Arc::clone(world), Stage::Stays);
        }
    }

    /// The avatar did not leave: it goes on being there if it is `present`, or it is nowhere.
    pub fn stayed(&mut self, avatar: EntityId, world: &WorldName, present: bool) {
        let waited =
            |resident: &Resident| resident.world == *world && resident.stage == Stage::SetsOut;
        if !self.0.get(&avatar).is_some_and(waited) {
            return;
        }
        if present {
            self.put(avatar, Arc::clone(world), Stage::Stays);
        } else {
            self.0.remove(&avatar);
        }
    }

    /// Everybody who is in this world.
    pub fn of(&self, world: &WorldName) -> Vec<EntityId> {
        let here = self.0.iter();
        here.filter(|(_, resident)| resident.world == *world && resident.stage == Stage::Stays)
            .map(|(avatar, _)| *avatar)
            .collect()
    }

    /// Whether somebody is in this world, or has left it and not arrived.
    pub fn has_any(&self, world: &WorldName) -> bool {
        self.0.values().any(|resident| resident.world == *world)
    }

    fn put(&mut self, avatar: EntityId, world: WorldName, stage: Stage) {
        let resident = Resident {
            world,
            session: None,
            stage,
        };
        self.0.insert(avatar, resident);
    }

    /// The avatar has left the world, which had heard of no session newer than `last`. If a newer
    /// one has been let in meanwhile, the character is still a resident.
    pub fn leave(&mut self, avatar: EntityId, world: &WorldName, last: Option<SessionId>) {
        let gone = self.0.get(&avatar).is_some_and(|resident| {
            resident.world == *world && resident.stage == Stage::Stays && resident.session <= last
        });
        if gone {
            self.0.remove(&avatar);
        }
    }

    /// The world has ended with everybody who was in it.
    pub fn forget_world(&mut self, world: &WorldName) {
        self.0.retain(|_, resident| resident.world != *world);
    }
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::Tick;

    use super::*;

    const ADA: EntityId = EntityId(5);

    fn journey(world: u64, tick: u64) -> TravelKey {
        TravelKey {
            world,
            tick: Tick(tick),
            avatar: ADA,
            ..TravelKey::default()
        }
    }

    fn none() -> BTreeSet<TravelKey> {
        BTreeSet::new()
    }

    #[test]
    fn a_leave_does_not_undo_an_entry_the_world_has_not_heard_of_yet() {
        let (earth, mut residents) = (WorldName::from("earth"), Residents::default());
        residents.enter(ADA, earth.clone(), SessionId(1));
        residents.enter(ADA, earth.clone(), SessionId(2));
        residents.leave(ADA, &earth, Some(SessionId(1)));
        assert_eq!(
            residents.whereabouts(ADA),
            Whereabouts::In(earth.clone()),
            "session 2 is in the queue"
        );
        residents.leave(ADA, &earth, Some(SessionId(2)));
        assert_eq!(residents.whereabouts(ADA), Whereabouts::Nowhere);
    }

    #[test]
    fn one_avatar_is_adopted_by_one_world() {
        let (earth, pit) = (WorldName::from("earth"), WorldName::from("pit"));
        let mut residents = Residents::default();
        assert!(residents.adopt(ADA, &earth, &none()));
        assert!(!residents.adopt(ADA, &pit, &none()));
        residents.leave(ADA, &pit, None);
        assert_eq!(residents.whereabouts(ADA), Whereabouts::In(earth.clone()));
        residents.forget_world(&earth);
        assert_eq!(residents.whereabouts(ADA), Whereabouts::Nowhere);
    }

    #[test]
    fn a_traveller_is_nowhere_to_be_entered_until_it_has_arrived() {
        let (earth, pit) = (WorldName::from("earth"), WorldName::from("pit"));
        let mut residents = Residents::default();
        residents.enter(ADA, earth.clone(), SessionId(1));
        residents.set_out(ADA);
        residents.leave(ADA, &earth, Some(SessionId(1)));
        assert_eq!(residents.whereabouts(ADA), Whereabouts::OnTheWay);
        let key = journey(0, 7);
        assert!(!residents.may_arrive(key, &earth), "it has not left yet");
        residents.departed(key, &earth);
        assert!(residents.may_arrive(key, &earth));
        assert!(residents.arrived(key, &pit, None));
        assert_eq!(residents.whereabouts(ADA), Whereabouts::In(pit.clone()));
        assert!(!residents.may_arrive(key, &earth), "it is there");
        // The same news again, after it has set out for home.
        residents.set_out(ADA);
        assert!(!residents.arrived(key, &pit, None));
        assert_eq!(residents.whereabouts(ADA), Whereabouts::OnTheWay);
        residents.stayed(ADA, &pit, true);
        assert_eq!(residents.whereabouts(ADA), Whereabouts::In(pit));
    }

    #[test]
    fn old_news_of_a_journey_is_no_news_of_the_next_one_from_the_same_world() {
        let (earth, pit) = (WorldName::from("earth"), WorldName::from("pit"));
        let mut residents = Residents::default();
        residents.departed(journey(0, 7), &earth);
        assert!(residents.arrived(journey(0, 7), &pit, None));
        residents.leave(ADA, &pit, None);
        residents.enter(ADA, earth.clone(), SessionId(2));
        residents.set_out(ADA);
        residents.departed(journey(0, 9), &earth);
        // The first world's log does not hold yet that the first journey is over.
        assert!(!residents.arrived(journey(0, 7), &pit, None));
        assert!(!residents.may_arrive(journey(0, 7), &earth));
        assert_eq!(residents.whereabouts(ADA), Whereabouts::OnTheWay);
    }

    #[test]
    fn after_a_crash_a_second_journey_goes_on_though_the_first_is_not_settled() {
        let (earth, pit) = (WorldName::from("earth"), WorldName::from("pit"));
        let (out, home) = (journey(0, 7), journey(1, 9));
        for earth_first in [true, false] {
            let mut residents = Residents::default();
            if earth_first {
                residents.adopt_traveller(out, &earth);
                residents.adopt_traveller(home, &pit);
            } else {
                residents.adopt_traveller(home, &pit);
                residents.adopt_traveller(out, &earth);
            }
            // The pit's gate: it let her in by the one and out by the other.
            residents.arrived(out, &pit, Some(home));
            assert_eq!(residents.whereabouts(ADA), Whereabouts::OnTheWay);
            assert!(residents.may_arrive(home, &pit));
            assert!(residents.arrived(home, &earth, None));
            assert_eq!(residents.whereabouts(ADA), Whereabouts::In(earth.clone()));
        }
    }

    #[test]
    fn a_world_that_comes_back_late_does_not_take_a_traveller_from_the_way() {
        let (earth, pit) = (WorldName::from("earth"), WorldName::from("pit"));
        let mut residents = Residents::default();
        residents.enter(ADA, earth.clone(), SessionId(1));
        residents.set_out(ADA);
        residents.departed(journey(0, 7), &earth);
        assert!(!residents.adopt(ADA, &pit, &none()), "from before");
        assert!(residents.adopt(ADA, &pit, &[journey(0, 7)].into()));
    }

    #[test]
    fn whoever_was_lost_with_a_life_of_a_world_is_nowhere() {
        let (earth, pit) = (WorldName::from("earth"), WorldName::from("pit"));
        let mut residents = Residents::default();
        residents.enter(ADA, pit.clone(), SessionId(1));
        residents.enter(EntityId(6), earth.clone(), SessionId(2));
        residents.set_out(ADA);
        residents.only_these(&pit, &BTreeSet::new());
        assert_eq!(residents.whereabouts(ADA), Whereabouts::Nowhere);
        assert_eq!(residents.whereabouts(EntityId(6)), Whereabouts::In(earth));
    }

    #[test]
    fn after_a_crash_whoever_has_arrived_is_there_whichever_world_is_back_first() {
        let (earth, pit) = (WorldName::from("earth"), WorldName::from("pit"));
        for earth_first in [true, false] {
            let mut residents = Residents::default();
            if earth_first {
                residents.adopt_traveller(journey(0, 7), &earth);
                assert!(residents.adopt(ADA, &pit, &none()));
            } else {
                assert!(residents.adopt(ADA, &pit, &none()));
                residents.adopt_traveller(journey(0, 7), &earth);
            }
            assert_eq!(residents.whereabouts(ADA), Whereabouts::In(pit.clone()));
        }
    }
}
