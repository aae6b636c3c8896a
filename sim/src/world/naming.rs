//! What avatars are called. A name is no state: no rule reads it, and the digest takes the id in its
//! place. So it may be told, or sealed, between any two ticks.

use bluemarble_shared_protocol::{EntityId, NameTag};

use super::World;
use crate::zone::Zone;

impl World {
    /// Everybody whom a player plays, here or on the way to another world, and what they are called; by
    /// id. Of those who are away, only whose names would be written in clear. Not those of the scenario's script.
    #[must_use]
    pub fn names(&self) -> Vec<(EntityId, NameTag)> {
        let mut names: Vec<_> = self.residence.zones().flat_map(Zone::names).collect();
        let outbound = self.gate.outbound.iter();
        names.extend(outbound.map(|(key, journey)| (key.avatar, journey.traveller.name.clone())));
        // Who comes back says who it is: of those who are away, only names in clear matter.
        let absent = self.absent.states().filter_map(|state| {
            let player = state
                .player
                .as_ref()
                .filter(|player| player.name.is_open())?;
            Some((state.identity.id, player.name.clone()))
        });
        names.extend(absent);
        names.retain(|(id, _)| !self.lore.cast.plays(*id));
        names.sort_unstable_by_key(|(id, _)| *id);
        names
    }

    /// Gives everybody another tag for whom `called` has one.
    pub fn rename(&mut self, mut called: impl FnMut(EntityId, &NameTag) -> Option<NameTag>) {
        for zone in self.residence.slots_mut().iter_mut().flatten() {
            zone.rename(&mut called);
        }
        self.absent.rename(&mut called);
        for (key, journey) in &mut self.gate.outbound {
            if let Some(name) = called(key.avatar, &journey.traveller.name) {
                journey.traveller.name = name;
            }
        }
    }
}
