//! Who resides where. Ownership and residence are two things:
//!
//! - the [`ZoneMap`] says which zone *owns* a cell: frames are made per owner, and numbers follow
//!   the curve, so they change when the map does;
//! - an entity *resides* in the ECS of some zone, in a *slot* that keeps its number while the zone
//!   lives. Normally the owner of its cell; after a change of the map it departs when its turn
//!   comes, and until then it is a *stray*: stepped where it resides, shown in the owner's frame.
//!
//! Nothing a rule reads depends on residence, so it shows nowhere: neither in frames nor in digests.

use std::collections::HashMap;
use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, hash_words};
use bluemarble_spatial::{ZoneId, ZoneMap};

use crate::entity::EntityState;
use crate::frame::FrameSet;
use crate::hashing::IdHash;
use crate::lore::Lore;
use crate::zone::Zone;

/// Place of a zone's ECS; stays the same while the zone lives, whatever its number on the map.
pub(crate) type SlotId = u32;

/// The number on the map of a slot that owns no cell: its residents are on their way out.
pub(crate) const NOBODY: ZoneId = ZoneId::MAX;

/// Most slots at a time: every zone there may be, and as many that are being emptied. A change
/// that needs more is refused until some are empty.
pub(crate) const SLOTS_MAX: usize = 2 * ZoneMap::ZONES_MAX;

/// Emptied slots whose ECS is kept for the next split; more are dropped, because each takes memory.
const SPARES_MAX: usize = 8;

/// Slots by zone of a map; `None` is a slot that has yet to be opened.
pub(crate) type Seats = Vec<Option<SlotId>>;

/// All zones' entities, and who is where.
pub(crate) struct Residence {
    /// By slot; `None` is free.
    slots: Vec<Option<Zone>>,
    /// Slot of each zone of the map.
    seats: Vec<SlotId>,
    /// Zones ready to be opened.
    spares: Vec<Zone>,
    /// The frames of nobody: what zones see that have not been stepped yet.
    unseen: Arc<FrameSet>,
    /// In which slot everybody resides; follows from the zones.
    directory: HashMap<EntityId, SlotId, IdHash>,
}

impl Residence {
    /// Everybody in the zone that owns their cell; `unseen` are empty frames.
    pub(crate) fn new(
        lore: &Lore,
        map: &ZoneMap,
        unseen: &Arc<FrameSet>,
        states: &[EntityState],
    ) -> Self {
        let mut residence = Self {
            slots: (0..map.len() as ZoneId)
                .map(|number| Some(Zone::new(number, lore, unseen)))
                .collect(),
            unseen: Arc::clone(unseen),
            seats: (0..map.len() as SlotId).collect(),
            spares: Vec::new(),
            directory: HashMap::default(),
        };
        for state in states {
            let slot = residence.seat_of(map.zone_of(lore.grid_cell(state.body.0.pos)));
            residence.zone_mut(slot).insert(state);
            residence.directory.insert(state.identity.id, slot);
        }
        residence
    }

    /// How many slot numbers there are, free ones included.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The slots of the zones, in the order of their numbers.
    pub(crate) fn seats(&self) -> &[SlotId] {
        &self.seats
    }

    /// The slot of a zone of the map.
    pub(crate) fn seat_of(&self, zone: ZoneId) -> SlotId {
        self.seats[zone as usize]
    }

    /// Open slots, in order.
    pub(crate) fn zones(&self) -> impl Iterator<Item = &Zone> {
        self.slots.iter().flatten()
    }

    /// All slots, in order.
    pub(crate) fn slots_mut(&mut self) -> &mut [Option<Zone>] {
        &mut self.slots
    }

    pub(crate) fn zone(&self, slot: SlotId) -> &Zone {
        self.slots[slot as usize]
            .as_ref()
            .expect("seats and directory name open slots only")
    }

    pub(crate) fn zone_mut(&mut self, slot: SlotId) -> &mut Zone {
        self.slots[slot as usize]
            .as_mut()
            .expect("seats and directory name open slots only")
    }

    pub(crate) fn directory(&self) -> &HashMap<EntityId, SlotId, IdHash> {
        &self.directory
    }

    /// The slot of each zone, and who is where, to be kept true by whoever changes that.
    pub(crate) fn seats_and_directory(
        &mut self,
    ) -> (&[SlotId], &mut HashMap<EntityId, SlotId, IdHash>) {
        (&self.seats, &mut self.directory)
    }

    /// Moves a whole entity, mail included.
    pub(crate) fn rehouse(&mut self, id: EntityId, from: SlotId, to: SlotId) {
        let Some(state) = self.zone_mut(from).extract(id) else {
            return;
        };
        self.zone_mut(to).insert(&state);
        self.directory.insert(id, to);
    }

    /// Makes zones ready for as many openings, so that the tick of the change does not have to.
    pub(crate) fn prepare(&mut self, openings: usize, lore: &Lore) {
        while self.spares.len() < openings {
            self.spares.push(Zone::new(NOBODY, lore, &self.unseen));
        }
    }

    /// Slots of the zones of the map as they are, for [`Residence::reseat`].
    pub(crate) fn seats_now(&self) -> Seats {
        self.seats.iter().copied().map(Some).collect()
    }

    /// Whether that many zones fit beside those that are being emptied.
    pub(crate) fn has_room(&self, seats: &Seats) -> bool {
        let openings = seats.iter().filter(|seat| seat.is_none()).count();
        self.zones().count() + openings <= SLOTS_MAX
    }

    /// Gives every zone of a new map its slot; slots that are left without one are being emptied
    /// from now on.
    pub(crate) fn reseat(&mut self, seats: &Seats, lore: &Lore) {
        for zone in self.slots.iter_mut().flatten() {
            zone.owns = NOBODY;
        }
        self.seats = seats
            .iter()
            .map(|seat| {
                seat.unwrap_or_else(|| {
                    let spare = self.spares.pop();
                    let zone = spare.unwrap_or_else(|| Zone::new(NOBODY, lore, &self.unseen));
                    open(&mut self.slots, zone)
                })
            })
            .collect();
        for (number, slot) in (0..).zip(self.seats.clone()) {
            self.zone_mut(slot).owns = number;
        }
        // More were made ready only for a cut that another has replaced.
        self.spares.truncate(SPARES_MAX);
    }

    /// Frees the slots that own nothing and are empty.
    pub(crate) fn close_emptied(&mut self) {
        for slot in &mut self.slots {
            let is_done = |zone: &mut Zone| zone.owns == NOBODY && zone.population() == 0;
            if let Some(mut zone) = slot.take_if(is_done)
                && self.spares.len() < SPARES_MAX
            {
                zone.retire(&self.unseen);
                self.spares.push(zone);
            }
        }
        while let Some(None) = self.slots.last() {
            self.slots.pop();
        }
    }

    /// Puts everybody into an open slot drawn from a seed.
    pub(crate) fn scatter(&mut self, seed: u64) {
        let open: Vec<SlotId> = (0..)
            .zip(&self.slots)
            .filter_map(|(number, slot)| slot.is_some().then_some(number))
            .collect();
        let everybody: Vec<(EntityId, SlotId)> = self.residents().collect();
        for (id, from) in everybody {
            let to = open[(hash_words([seed, id.0]) % open.len() as u64) as usize];
            if to != from {
                self.rehouse(id, from, to);
            }
        }
    }

    /// What is wrong with who is where, if anything: everybody must be in exactly the slot that the
    /// directory says.
    pub(crate) fn fault(&self) -> Option<String> {
        let residents: usize = self.zones().map(Zone::population).sum();
        if residents != self.directory.len() {
            return Some(format!(
                "{residents} entities reside somewhere, but {} are known",
                self.directory.len()
            ));
        }
        self.residents()
            .find(|(id, slot)| self.directory.get(id) != Some(slot))
            .map(|(id, slot)| format!("{id:?} resides in slot {slot}, unknown to the directory"))
    }

    /// Everybody with the slot they are in, by slot and id.
    fn residents(&self) -> impl Iterator<Item = (EntityId, SlotId)> {
        (0..).zip(&self.slots).flat_map(|(number, slot)| {
            let states = slot.as_ref().map(Zone::states).unwrap_or_default();
            states
                .into_iter()
                .map(move |state| (state.identity.id, number))
        })
    }
}

/// Opens a slot for a zone; returns its number.
fn open(slots: &mut Vec<Option<Zone>>, zone: Zone) -> SlotId {
    let free = slots.iter().position(Option::is_none);
    let number = free.unwrap_or_else(|| {
        slots.push(None);
        slots.len() - 1
    });
    slots[number] = Some(zone);
    number as SlotId
}
