//! Before the step: which zone each of the sealed inputs concerns.

use std::sync::Arc;

use bluemarble_shared_protocol::{AssetId, EntityId, Intent, Tick, hash_words};
use bluemarble_spatial::LatLng;

use crate::absent::Absent;
use crate::content::{KindId, Scenario};
use crate::entity::{EntityState, Home};
use crate::genesis;
use crate::gifts::{Dealings, Offered};
use crate::inputs::{AdminCommand, TickInputs};
use crate::lore::Lore;
use crate::report::Tally;
use crate::residence::Residence;
use crate::travel::Gate;
use crate::value::{self, Holder, Moved, Stage, Why};
use crate::zone_resources::Inbox;
use bluemarble_spatial::ZoneMap;

/// Takes out who leaves, and fills an inbox per slot; the directory follows who comes and goes. Leaves come
/// before admissions. Whoever comes begins to reside with the owner of its cell by `map`.
pub(crate) fn route(
    inputs: &TickInputs,
    lore: &Lore,
    scenario: &Scenario,
    map: &ZoneMap,
    (residence, absent): (&mut Residence, &mut Absent),
    inboxes: &mut Vec<Inbox>,
    (tally, moved): (&mut Tally, &mut Moved),
) {
    inboxes.iter_mut().for_each(Inbox::clear);
    inboxes.resize_with(residence.slots(), Inbox::default);
    for leave in &inputs.players.leaves {
        let slot = residence.seats_and_directory().1.remove(leave);
        let left = slot.and_then(|slot| residence.zone_mut(slot).extract(*leave));
        // Characters are kept; what else a foreign log may send away is gone.
        let gone = match left {
            Some(state) if state.player.is_some() => absent.keep(state, inputs.tick),
            left => left,
        };
        if let Some(gone) = gone {
            let rules = lore.kind(gone.identity.kind);
            tally.coins_left += value::leave_for_good(&gone, rules, moved);
        }
    }
    let (seats, directory) = residence.seats_and_directory();
    for admission in &inputs.players.admissions {
        let (avatar, name) = (admission.avatar, &admission.name);
        if let Some(state) = absent.take(avatar, name) {
            let slot = seats[map.zone_of(lore.grid_cell(state.body.0.pos)) as usize];
            directory.insert(avatar, slot);
            inboxes[slot as usize].births.push(state);
            tally.returned += 1;
        }
    }
    let mut minted = 0;
    let mut bear = |state: EntityState| {
        // Somebody who is there already goes on being there.
        if let std::collections::hash_map::Entry::Vacant(vacant) =
            directory.entry(state.identity.id)
        {
            let slot = seats[map.zone_of(lore.grid_cell(state.body.0.pos)) as usize];
            vacant.insert(slot);
            let (id, rules) = (state.identity.id, lore.kind(state.identity.kind));
            if rules.asset == AssetId::COINS {
                minted += state.purse.0;
            }
            let way = (Holder::Mint, Holder::of(id, rules, state.mind.is_some()));
            let brought = (rules.asset, state.purse.0);
            moved.note(Stage::Coming, id, way, brought, (Why::Born, None));
            inboxes[slot as usize].births.push(state);
        }
    };
    for admission in &inputs.players.admissions {
        bear(genesis::avatar(
            lore,
            admission.avatar,
            &admission.name,
            inputs.tick,
        ));
    }
    for (n, command) in (0..).zip(&inputs.commands) {
        match summoned(command, n, lore, scenario, inputs.tick) {
            Some(creatures) => creatures.into_iter().for_each(&mut bear),
            None => tally.commands_refused += 1,
        }
    }
    tally.minted += minted;
}

/// The sealed intents, by avatar and each once, for all zones to look into. The list of the tick before
/// is written over if nobody has it any more.
pub(crate) fn intents(inputs: &TickInputs, list: &mut Arc<Vec<(EntityId, Intent)>>) {
    let sealed = &inputs.players.intents;
    if Arc::get_mut(list).is_none() {
        *list = Arc::default();
    }
    let list = Arc::get_mut(list).expect("nobody else has a list that was just made");
    list.clear();
    list.extend_from_slice(sealed);
    // Sealed inputs are sorted; look-ups rely on it, so a foreign log cannot break them.
    if !list.is_sorted_by(|a, b| a.0 < b.0) {
        list.sort_by_key(|(avatar, _)| *avatar);
        list.dedup_by_key(|(avatar, _)| *avatar);
    }
}

/// As [`route`], and after it: journeys to and from other worlds.
pub(crate) fn route_journeys(
    inputs: &TickInputs,
    lore: &Lore,
    map: &ZoneMap,
    (residence, absent): (&mut Residence, &mut Absent),
    gate: &mut Gate,
    inboxes: &mut [Inbox],
    (tally, moved): (&mut Tally, &mut Moved),
) {
    let (seats, directory) = residence.seats_and_directory();
    gate.settle(&inputs.travel);
    for arrival in &inputs.travel.arrivals {
        // A key that was let in before is the same traveller sent twice. One whose avatar is here
        // already stays in the other world's memory, and is sent again.
        let (key, avatar) = (arrival.key, arrival.key.avatar);
        if !directory.contains_key(&avatar) && gate.admitted.insert(key) {
            let mut state = genesis::traveller(lore, avatar, &arrival.traveller, inputs.tick);
            if let Some(player) = &mut state.player {
                player.dealings = Dealings::of_traveller(&key);
            }
            if let Some(left) = absent.take(avatar, &arrival.traveller.name) {
                genesis::reunite(&mut state, left);
            }
            let slot = seats[map.zone_of(lore.grid_cell(state.body.0.pos)) as usize];
            directory.insert(avatar, slot);
            inboxes[slot as usize].births.push(state);
            tally.arrived += 1;
            let coins = arrival.traveller.coins;
            tally.minted += coins;
            let way = (Holder::Journeys, Holder::Character(avatar));
            let coins = (AssetId::COINS, coins);
            moved.note(Stage::Coming, avatar, way, coins, (Why::Arrived, None));
        }
    }
    gate.forget(&inputs.travel);
    for departure in &inputs.travel.departures {
        let avatar = departure.key.avatar;
        if let Some(&slot) = directory.get(&avatar) {
            inboxes[slot as usize].departures.push(avatar);
        }
    }
}

/// As [`route`], and after it and after journeys: who gives somebody something. Avatars come and go by
/// these inputs alone, so whoever is there now, and is not about to leave, is there when the mail is handed
/// over.
pub(crate) fn route_gifts(
    inputs: &TickInputs,
    residence: &Residence,
    inboxes: &mut [Inbox],
    tally: &mut Tally,
) {
    let mut gifts = inputs.players.gifts.clone();
    // Sealed inputs are sorted; a foreign log need not be.
    gifts.sort_by_key(|given| (given.from, given.gift.number));
    for input in gifts {
        let Some(&slot) = residence.directory().get(&input.from) else {
            tally.gifts_refused += 1;
            continue;
        };
        let to = input.gift.to;
        let welcome = residence.directory().get(&to).is_some_and(|there| {
            let inbox = &inboxes[*there as usize];
            let is_born = |state: &EntityState| state.identity.id == to && state.player.is_some();
            let is_avatar =
                residence.zone(*there).has_avatar(to) || inbox.births.iter().any(is_born);
            is_avatar && !inbox.departures.contains(&to)
        });
        inboxes[slot as usize]
            .gifts
            .push(Offered { input, welcome });
    }
}

/// The creatures a command brings; `None` if it makes no sense.
fn summoned(
    command: &AdminCommand,
    n: u64,
    lore: &Lore,
    scenario: &Scenario,
    tick: Tick,
) -> Option<Vec<EntityState>> {
    let AdminCommand::Spawn {
        kind,
        lat_deg,
        lng_deg,
        spread_m,
        count,
    } = command;
    let kind = scenario.kind_names.iter().position(|name| name == kind)?;
    // What flies or burns comes from somebody.
    let rules = lore.kind(KindId(kind as u16));
    if !rules.is_creature() && !rules.is_item() {
        return None;
    }
    let at = LatLng::new(*lat_deg, *lng_deg).ok()?;
    let sane = (0.0..=100_000.0).contains(spread_m) && *count <= AdminCommand::SPAWN_MAX;
    if !sane {
        return None;
    }
    let home = Home {
        dir: lore.dry_near(at),
        spread_m: *spread_m,
    };
    let parent = hash_words([lore.seed, 0x0063_6f6d_6d61_6e64, n]);
    let creature = |i| {
        genesis::creature(
            lore,
            EntityId::child(parent, tick, i),
            KindId(kind as u16),
            home,
            tick,
        )
    };
    Some((0..u64::from(*count)).map(creature).collect())
}
