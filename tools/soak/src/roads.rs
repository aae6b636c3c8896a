//! The ways between a case's worlds: who sets out, and what becomes of journeys. The only memory of a
//! journey is the worlds' own; each time it is looked at what is certain of them, and the next step of
//! each journey is ordered, perhaps, perhaps for the second or third time:
//!
//! ```text
//! source: outbound ∋ key     target: admitted ∌ key    ─► an arrival at the target
//! source: outbound ∋ key     target: admitted ∋ key    ─► settled at the source
//! source: outbound ∌ key     target: admitted ∋ key    ─► forgotten at the target
//! ```

use std::collections::BTreeSet;

use bluemarble_shared_protocol::EntityId;
use bluemarble_sim::{Arrival, Gate, TravelInputs, TravelKey};

use crate::checks::Fault;
use crate::dice::Dice;
use crate::kinds::{EventKind, Events};
use crate::pair::Pair;
use crate::plant::Plant;
use crate::register::{self, Register};

const PURPOSE: u64 = 0x4000;

/// How lively the ways between a case's worlds are.
pub struct Roads {
    case: Dice,
    /// The characters who may travel.
    travellers: BTreeSet<EntityId>,
    set_out_permille: u64,
    carry_permille: u64,
    lie_permille: u64,
    is_hasty: bool,
}

/// A world's share of the journeys in one tick; departures get their key when they are sealed.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// Who shall leave, and for which world.
    pub departures: Vec<(EntityId, u64)>,
    /// All the rest.
    pub travel: TravelInputs,
}

/// How many worlds a case has: one, or up to three.
#[must_use]
pub fn worlds_of(case: &Dice) -> u64 {
    *case.fork(PURPOSE, 1).pick(&[1, 1, 2, 2, 3])
}

/// The dice of one of a case's worlds; the first has the case's own.
#[must_use]
pub fn world_dice(case: &Dice, world: u64) -> Dice {
    match world {
        0 => case.clone(),
        other => case.fork(PURPOSE + 1, other),
    }
}

impl Roads {
    /// The roads between these worlds.
    #[must_use]
    pub fn new(case: &Dice, plant: Option<Plant>, worlds: &[Pair]) -> Self {
        let mut dice = case.fork(PURPOSE, 0);
        Self {
            case: case.clone(),
            travellers: worlds.iter().flat_map(Pair::guests).collect(),
            set_out_permille: dice.magnitude(5.0, 300.0) as u64,
            carry_permille: dice.magnitude(50.0, 1_000.0) as u64,
            lie_permille: dice.magnitude(1.0, 100.0) as u64,
            is_hasty: plant == Some(Plant::HastyJourneys),
        }
    }

    /// What each world is to do next about journeys. `is_over`: nobody sets out any more, and whoever is
    /// on the way is seen to.
    #[must_use]
    pub fn orders(
        &self,
        round: u64,
        worlds: &[Pair],
        events: Events,
        is_over: bool,
    ) -> Vec<Orders> {
        let mut orders = vec![Orders::default(); worlds.len()];
        if worlds.len() < 2 {
            return orders;
        }
        let mut dice = self.case.fork(PURPOSE + 2, round);
        if !is_over {
            self.set_out(&mut dice, worlds, events, &mut orders);
        }
        let gates: Vec<&Gate> = worlds.iter().map(|world| self.known_of(world)).collect();
        let mut goes = || is_over || dice.chance(self.carry_permille);
        for (from, gate) in gates.iter().enumerate() {
            for (key, journey) in &gate.outbound {
                let to = journey.to as usize;
                if !goes() {
                    continue;
                }
                if gates[to].admitted.contains(key) {
                    orders[from].travel.settled.push(*key);
                } else {
                    orders[to].travel.arrivals.push(Arrival {
                        key: *key,
                        traveller: journey.traveller.clone(),
                    });
                }
            }
        }
        for (to, gate) in gates.iter().enumerate() {
            let over = |key: &&TravelKey| !gates[key.world as usize].outbound.contains_key(key);
            let forgotten = gate.admitted.iter().filter(over).filter(|_| goes());
            orders[to].travel.forgotten.extend(forgotten);
        }
        for order in &mut orders {
            order.travel.arrivals.sort_by_key(|arrival| arrival.key);
        }
        orders
    }

    fn set_out(&self, dice: &mut Dice, worlds: &[Pair], events: Events, orders: &mut [Orders]) {
        for (from, world) in worlds.iter().enumerate() {
            for traveller in &self.travellers {
                let goes = dice.chance(self.set_out_permille) && world.register.has(*traveller);
                // Whoever is elsewhere, or nowhere.
                let lies = dice.chance(self.lie_permille) && events.has(EventKind::Hostility);
                let to =
                    (from as u64 + 1 + dice.up_to(worlds.len() as u64 - 2)) % worlds.len() as u64;
                if goes || lies {
                    orders[from].departures.push((*traveller, to));
                }
            }
        }
    }

    fn known_of<'a>(&self, world: &'a Pair) -> &'a Gate {
        if self.is_hasty {
            return world.twin.gate();
        }
        &world.certain.gate
    }

    /// Who must not come in by the door of the n-th world: whoever is, or after a loss might be again,
    /// in another world or on a journey.
    #[must_use]
    pub fn barred(&self, worlds: &[Pair], n: usize) -> BTreeSet<EntityId> {
        let others = (worlds.iter().enumerate()).filter(|(other, _)| *other != n);
        let mut barred: BTreeSet<EntityId> = others
            .flat_map(|(_, world)| world.certain.lately.iter().copied())
            .collect();
        barred.extend(worlds[n].twin.gate().outbound.keys().map(|key| key.avatar));
        barred.retain(|avatar| self.travellers.contains(avatar));
        barred
    }

    /// Whether somebody is between two worlds.
    #[must_use]
    pub fn is_somebody_on_the_way(worlds: &[Pair]) -> bool {
        register::under_way(&registers(worlds)).next().is_some()
    }

    /// What must hold of all worlds together.
    ///
    /// # Errors
    /// If a traveller or a coin is lost or doubled.
    pub fn check(&self, worlds: &[Pair]) -> Result<(), Fault> {
        let gates: Vec<&Gate> = worlds.iter().map(|world| world.twin.gate()).collect();
        register::check_together(&self.travellers, &registers(worlds), &gates)
    }
}

fn registers(worlds: &[Pair]) -> Vec<&Register> {
    worlds.iter().map(|world| &world.register).collect()
}
