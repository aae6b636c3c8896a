//! Which world each character is in: at most one. A session is let into a world only by an entry
//! here, so that two worlds never hold the same avatar.
//!
//! The table follows from the worlds (their avatars, their travellers) and is made anew from them
//! at every start; it is written nowhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, SessionId};

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
    travelling: bool,
}

impl Residents {
    /// Where this character is.
    pub fn whereabouts(&self, avatar: EntityId) -> Whereabouts {
        match self.0.get(&avatar) {
            None => Whereabouts::Nowhere,
            Some(resident) if resident.travelling => Whereabouts::OnTheWay,
            Some(resident) => Whereabouts::In(Arc::clone(&resident.world)),
        }
    }

    /// A session was let into a world.
    pub fn enter(&mut self, avatar: EntityId, world: WorldName, session: SessionId) {
        let resident = Resident {
            world,
            session: Some(session),
            travelling: false,
        };
        self.0.insert(avatar, resident);
    }

    /// A recovered world holds this avatar; false if another world does already.
    pub fn adopt(&mut self, avatar: EntityId, world: &WorldName) -> bool {
        match self.0.get(&avatar) {
            Some(resident) if !resident.travelling => resident.world == *world,
            // Whoever was on the way has arrived here.
            Some(_) | None => {
                self.put(avatar, Arc::clone(world), false);
                true
            }
        }
    }

    /// A recovered world remembers that this avatar left it for another one, and may not know yet
    /// that it arrived.
    pub fn adopt_traveller(&mut self, avatar: EntityId, from: &WorldName) {
        if !self.0.contains_key(&avatar) {
            self.put(avatar, Arc::clone(from), true);
        }
    }

    /// The avatar leaves its world for another one: from now on nobody is let in for it.
    pub fn set_out(&mut self, avatar: EntityId) {
        if let Some(resident) = self.0.get_mut(&avatar) {
            resident.travelling = true;
        }
    }

    /// The avatar that had left `from` is in `to` for sure.
    pub fn arrived(&mut self, avatar: EntityId, from: &WorldName, to: WorldName) {
        if self.is_leaving(avatar, from) {
            self.put(avatar, to, false);
        }
    }

    /// The avatar did not leave: it goes on being there if it is `present`, or it is nowhere.
    pub fn stayed(&mut self, avatar: EntityId, world: &WorldName, present: bool) {
        if !self.is_leaving(avatar, world) {
            return;
        }
        if present {
            self.put(avatar, Arc::clone(world), false);
        } else {
            self.0.remove(&avatar);
        }
    }

    /// Everybody who is in this world.
    pub fn of(&self, world: &WorldName) -> Vec<EntityId> {
        let here = self.0.iter();
        here.filter(|(_, resident)| resident.world == *world && !resident.travelling)
            .map(|(avatar, _)| *avatar)
            .collect()
    }

    /// Whether somebody is in this world, or has left it and not arrived.
    pub fn has_any(&self, world: &WorldName) -> bool {
        self.0.values().any(|resident| resident.world == *world)
    }

    fn is_leaving(&self, avatar: EntityId, world: &WorldName) -> bool {
        let resident = self.0.get(&avatar);
        resident.is_some_and(|resident| resident.travelling && resident.world == *world)
    }

    fn put(&mut self, avatar: EntityId, world: WorldName, travelling: bool) {
        let resident = Resident {
            world,
            session: None,
            travelling,
        };
        self.0.insert(avatar, resident);
    }

    /// The avatar has left the world, which had heard of no session newer than `last`. If a newer
    /// one has been let in meanwhile, the character is still a resident.
    pub fn leave(&mut self, avatar: EntityId, world: &WorldName, last: Option<SessionId>) {
        let gone = self.0.get(&avatar).is_some_and(|resident| {
            resident.world == *world && !resident.travelling && resident.session <= last
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
    use super::*;

    const ADA: EntityId = EntityId(5);

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
        assert!(residents.adopt(ADA, &earth));
        assert!(!residents.adopt(ADA, &pit));
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
        residents.arrived(ADA, &earth, pit.clone());
        assert_eq!(residents.whereabouts(ADA), Whereabouts::In(pit.clone()));
        // The same news again, after it has set out for home.
        residents.set_out(ADA);
        residents.arrived(ADA, &earth, pit.clone());
        assert_eq!(residents.whereabouts(ADA), Whereabouts::OnTheWay);
        residents.stayed(ADA, &pit, true);
        assert_eq!(residents.whereabouts(ADA), Whereabouts::In(pit));
    }

    #[test]
    fn after_a_crash_whoever_has_arrived_is_there_whichever_world_is_back_first() {
        let (earth, pit) = (WorldName::from("earth"), WorldName::from("pit"));
        for earth_first in [true, false] {
            let mut residents = Residents::default();
            if earth_first {
                residents.adopt_traveller(ADA, &earth);
                assert!(residents.adopt(ADA, &pit));
            } else {
                assert!(residents.adopt(ADA, &pit));
                residents.adopt_traveller(ADA, &earth);
            }
            assert_eq!(residents.whereabouts(ADA), Whereabouts::In(pit.clone()));
        }
    }
}
