//! Who must be in a world, which journeys from and to it are not over, and how many coins there must
//! be: counted from the inputs alone, tick by tick, and compared with what the world says.

use std::collections::{BTreeMap, BTreeSet};

use bluemarble_shared_protocol::EntityId;
use bluemarble_sim::{Gate, Tally, TickInputs, TickReport, TravelInputs, TravelKey, World};

use crate::checks::{Fault, expect};
use crate::inputs::Traffic;

/// What must be true of a world.
#[derive(Clone, Debug, Default)]
pub struct Register {
    avatars: BTreeSet<EntityId>,
    entities: usize,
    coins: u64,
    /// Coins that this world has made or let go of otherwise than with travellers.
    coins_of_its_own: i128,
    /// Journeys from here that are not settled, and where they lead.
    outbound: BTreeMap<TravelKey, u64>,
    /// Journeys to here that are not forgotten.
    admitted: BTreeSet<TravelKey>,
    /// How often each has come in by the door, less how often it has left by it.
    doors: BTreeMap<EntityId, i64>,
}

/// What a tick's journeys must come to.
#[derive(Default)]
struct Journeys {
    arrived: Vec<TravelKey>,
    departed: Vec<TravelKey>,
}

impl Register {
    /// Whoever is there at the beginning.
    #[must_use]
    pub fn of(world: &World) -> Self {
        let coins = world.audit().total();
        let avatars: BTreeSet<EntityId> = world.avatars().into_iter().collect();
        Self {
            doors: avatars.iter().map(|avatar| (*avatar, 1)).collect(),
            avatars,
            entities: world.entities(),
            coins,
            coins_of_its_own: i128::from(coins),
            ..Self::default()
        }
    }

    /// Follows the inputs of a tick and compares with the world after it.
    ///
    /// # Errors
    /// If somebody or something is lost, or there and never came.
    pub fn follow(
        &mut self,
        inputs: &TickInputs,
        traffic: &Traffic,
        report: &TickReport,
        world: &World,
    ) -> Result<(), Fault> {
        for leave in &inputs.players.leaves {
            if self.avatars.remove(leave) {
                self.entities -= 1;
                *self.doors.entry(*leave).or_default() -= 1;
            }
        }
        for admission in &inputs.players.admissions {
            if self.avatars.insert(admission.avatar) {
                self.entities += 1;
                *self.doors.entry(admission.avatar).or_default() += 1;
            }
        }
        let journeys = self.travel(&inputs.travel);
        let tally = &report.tally;
        expect("arrivals", journeys.arrived.len() as u64, tally.arrived)?;
        expect("departures", journeys.departed.len() as u64, tally.departed)?;
        self.check_gate(world.gate())?;
        self.entities += traffic.summoned + tally.births as usize;
        self.entities -= tally.ends as usize;
        expect("entities", self.entities, report.entities)?;
        expect("avatars", self.avatars.len(), report.avatars)?;
        expect("refused commands", traffic.refused, tally.commands_refused)?;
        self.count_coins(&journeys, inputs, tally, world)
    }

    /// A tick's journeys, in the order in which a world takes them.
    fn travel(&mut self, travel: &TravelInputs) -> Journeys {
        let mut journeys = Journeys::default();
        for key in &travel.settled {
            self.outbound.remove(key);
        }
        for arrival in &travel.arrivals {
            let key = arrival.key;
            if !self.avatars.contains(&key.avatar) && self.admitted.insert(key) {
                self.avatars.insert(key.avatar);
                self.entities += 1;
                journeys.arrived.push(key);
            }
        }
        for key in &travel.forgotten {
            self.admitted.remove(key);
        }
        for departure in &travel.departures {
            if self.avatars.remove(&departure.key.avatar) {
                self.entities -= 1;
                self.outbound.insert(departure.key, departure.to);
                journeys.departed.push(departure.key);
            }
        }
        journeys
    }

    fn check_gate(&self, gate: &Gate) -> Result<(), Fault> {
        let outbound = gate.outbound.iter().map(|(key, journey)| (key, journey.to));
        let expected = self.outbound.iter().map(|(key, to)| (key, *to));
        if !outbound.eq(expected) || gate.admitted != self.admitted {
            return Err(format!(
                "the gate is {gate:?}, expected outbound {:?} and admitted {:?}",
                self.outbound, self.admitted
            ));
        }
        Ok(())
    }

    /// Coins change by what came and went with somebody.
    fn count_coins(
        &mut self,
        journeys: &Journeys,
        inputs: &TickInputs,
        tally: &Tally,
        world: &World,
    ) -> Result<(), Fault> {
        self.coins = (self.coins + tally.minted) - tally.coins_left;
        expect("coins", self.coins, world.audit().total())?;
        let arrivals = inputs.travel.arrivals.iter();
        let brought: u64 = arrivals
            .filter(|arrival| journeys.arrived.contains(&arrival.key))
            .map(|arrival| arrival.traveller.coins)
            .sum();
        let taken: u64 = (journeys.departed.iter())
            .filter_map(|key| world.gate().outbound.get(key))
            .map(|journey| journey.traveller.coins)
            .sum();
        let (minted, left) = (tally.minted, tally.coins_left);
        if brought > minted || taken > left {
            return Err(format!(
                "travellers brought {brought} of {minted} new coins and took {taken} of {left}"
            ));
        }
        self.coins_of_its_own += i128::from(minted - brought) - i128::from(left - taken);
        Ok(())
    }

    /// Compares the avatars by name.
    ///
    /// # Errors
    /// If one is lost, or there who never came.
    pub fn check_avatars(&self, world: &World) -> Result<(), Fault> {
        let there = world.avatars();
        if self.avatars.iter().eq(there.iter()) {
            return Ok(());
        }
        let there: BTreeSet<EntityId> = there.into_iter().collect();
        let lost: Vec<_> = self.avatars.difference(&there).take(5).collect();
        let extra: Vec<_> = there.difference(&self.avatars).take(5).collect();
        Err(format!(
            "avatars lost {lost:?}, avatars nobody sent {extra:?}"
        ))
    }

    /// Whether this character is there.
    #[must_use]
    pub fn has(&self, avatar: EntityId) -> bool {
        self.avatars.contains(&avatar)
    }

    /// Everybody who is there, or on the way from there.
    pub fn concerned(&self) -> impl Iterator<Item = EntityId> {
        let away = self.outbound.keys().map(|key| key.avatar);
        self.avatars.iter().copied().chain(away)
    }
}

/// Journeys from any of these worlds that have not arrived, with the world they began in. Worlds are
/// numbered from 0 in this order.
pub fn under_way<'a>(worlds: &'a [&Register]) -> impl Iterator<Item = (usize, TravelKey)> + 'a {
    let journeys = (0..).zip(worlds).flat_map(|(from, world)| {
        let outbound = world.outbound.iter();
        outbound.map(move |(key, to)| (from, *key, *to))
    });
    journeys
        .filter(|(_, key, to)| !worlds[*to as usize].admitted.contains(key))
        .map(|(from, key, _)| (from, key))
}

/// What must hold of all worlds together: each of the travellers who came in by some door and has not
/// left by one is in exactly one world or on exactly one journey, and so is every coin.
///
/// # Errors
/// If one is lost or doubled.
pub fn check_together(
    travellers: &BTreeSet<EntityId>,
    worlds: &[&Register],
    gates: &[&Gate],
) -> Result<(), Fault> {
    let on_the_way: Vec<_> = under_way(worlds).collect();
    for traveller in travellers {
        let entered: i64 = worlds
            .iter()
            .map(|world| world.doors.get(traveller).copied().unwrap_or_default())
            .sum();
        let there = worlds.iter().filter(|world| world.has(*traveller)).count();
        let away = (on_the_way.iter()).filter(|(_, key)| key.avatar == *traveller);
        let away = away.count();
        if entered != (there + away) as i64 || there + away > 1 {
            return Err(format!(
                "{traveller:?} is in {there} worlds and on {away} journeys, having come in by a door \
                 {entered} times more than left by one"
            ));
        }
    }
    let here: i128 = worlds.iter().map(|world| i128::from(world.coins)).sum();
    let away = on_the_way
        .iter()
        .filter_map(|(from, key)| gates[*from].outbound.get(key));
    let away: i128 = away
        .map(|journey| i128::from(journey.traveller.coins))
        .sum();
    let made: i128 = worlds.iter().map(|world| world.coins_of_its_own).sum();
    expect("coins in all worlds and on the way", made, here + away)
}
