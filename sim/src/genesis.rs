//! How a world begins: its entities and its zones, as a pure function of scenario, planet and seed.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::{EntityId, InputSeq, NameTag, Tick, WishDir};
use bluemarble_spatial::CellId;
use glam::DVec3;

use crate::content::{KindId, Scenario, Spot};
use crate::entity::{Arms, Body, EntityState, Home, Identity, Life, Mail, Mind, Player, Purse};
use crate::gifts::Dealings;
use crate::lore::{LoreInner, square_cell, square_middle};
use crate::things::Things;
use crate::travel::Traveller;
use bluemarble_spatial::ZoneMap;

/// The creatures of every camp.
pub(crate) fn population(scenario: &Scenario, lore: &LoreInner) -> Vec<EntityState> {
    let mut born = Vec::new();
    for (camp_number, camp) in scenario.camps.iter().enumerate() {
        let kind = scenario
            .kind_names
            .iter()
            .position(|name| *name == camp.kind)
            .expect("a loaded scenario lists the kind of every camp");
        for (spot_number, dir) in spots(scenario, lore, &camp.at).into_iter().enumerate() {
            let parent = bluemarble_shared_protocol::hash_words([
                lore.seed,
                camp_number as u64,
                spot_number as u64,
            ]);
            for n in 0..u64::from(camp.count) {
                let id = EntityId::child(parent, Tick(0), n);
                let home = Home {
                    dir,
                    spread_m: camp.spread_m,
                };
                born.push(creature(lore, id, KindId(kind as u16), home, Tick(0)));
            }
        }
    }
    born
}

/// The unit directions a spot stands for.
fn spots(scenario: &Scenario, lore: &LoreInner, spot: &Spot) -> Vec<DVec3> {
    match *spot {
        Spot::Square(i) => {
            vec![square_middle(
                &lore.planet,
                scenario.squares[i].near,
                lore.grid_level,
            )]
        }
        Spot::At(lat_deg, lng_deg) => {
            // The specification of the world has been checked.
            let at = bluemarble_spatial::LatLng::degrees(lat_deg, lng_deg);
            vec![lore.dry_near(at)]
        }
        Spot::Settlements { first, count } => lore
            .planet
            .settlements()
            .iter()
            .skip(first)
            .take(count)
            .map(|settlement| {
                lore.planet
                    .dry_ground_near(lore.planet.surface(settlement.at))
            })
            .collect(),
    }
}

/// A creature or an item, newly born near its home, with what its kind holds.
pub(crate) fn creature(
    lore: &LoreInner,
    id: EntityId,
    kind: KindId,
    home: Home,
    tick: Tick,
) -> EntityState {
    let place = lore.scatter(home.dir, home.spread_m, id, tick);
    let rules = lore.kind(kind);
    EntityState {
        mind: rules.is_creature().then(|| Mind {
            decide_at: tick.next(),
            quarry: None,
            goal: place,
        }),
        purse: Purse(rules.coins),
        ..newborn(lore, id, kind, home, place, tick)
    }
}

/// An avatar, newly admitted near the first square, with empty pockets.
pub(crate) fn avatar(lore: &LoreInner, id: EntityId, name: &NameTag, tick: Tick) -> EntityState {
    let home = Home {
        dir: lore.spawn_dir,
        spread_m: lore.spawn_spread_m,
    };
    let place = lore.scatter(home.dir, home.spread_m, id, tick);
    EntityState {
        player: Some(Player {
            name: name.clone(),
            applied: InputSeq(0),
            wish: WishDir::default(),
            pace: 0,
            idle_ticks: 0,
            dealings: Dealings::of_newcomer(lore.seed, id, tick),
            things: Things::default(),
        }),
        ..newborn(lore, id, KindId(0), home, place, tick)
    }
}

/// An avatar that comes from another world, with what it took along, near the first square.
pub(crate) fn traveller(
    lore: &LoreInner,
    id: EntityId,
    traveller: &Traveller,
    tick: Tick,
) -> EntityState {
    let mut state = avatar(lore, id, &traveller.name, tick);
    let kind = lore.kind(state.identity.kind);
    state.life.health = state.life.health.min(traveller.health);
    state.life.kills = traveller.kills;
    state.life.deaths = traveller.deaths;
    state.purse = Purse(traveller.coins);
    if !state.life.is_alive() {
        state.life.respawn_at = tick.after(kind.respawn_ticks);
    }
    state
}

/// A traveller gets back what it had when it last left this world, beside what it brings.
pub(crate) fn reunite(state: &mut EntityState, left: EntityState) {
    state.purse.0 = state.purse.0.saturating_add(left.purse.0);
    state.mail = left.mail;
    state.life.kills = state.life.kills.saturating_add(left.life.kills);
    state.life.deaths = state.life.deaths.saturating_add(left.life.deaths);
    if let (Some(player), Some(left)) = (&mut state.player, left.player) {
        player.things = left.things;
    }
}

fn newborn(
    lore: &LoreInner,
    id: EntityId,
    kind: KindId,
    home: Home,
    place: DVec3,
    tick: Tick,
) -> EntityState {
    let body = bluemarble_motion::Body::standing(&lore.planet, place, DVec3::X);
    bare(lore, Identity { id, kind }, body, home, tick)
}

/// An entity with nothing but a body, whole.
pub(crate) fn bare(
    lore: &LoreInner,
    identity: Identity,
    body: bluemarble_motion::Body,
    home: Home,
    tick: Tick,
) -> EntityState {
    EntityState {
        identity,
        body: Body(body),
        life: Life {
            health: lore.kind(identity.kind).health,
            respawn_at: tick,
            kills: 0,
            deaths: 0,
        },
        arms: Arms {
            ready_at: tick,
            swing_until: tick,
            swings: 0,
        },
        home,
        purse: Purse::default(),
        mail: Mail::default(),
        mind: None,
        player: None,
        flight: None,
        hazard: None,
    }
}

/// Cuts the planet by where entities begin and players are expected; every square gets a border.
pub(crate) fn zone_map(
    scenario: &Scenario,
    lore: &LoreInner,
    zones: usize,
    born: &[EntityState],
) -> ZoneMap {
    let mut load: BTreeMap<CellId, u64> = BTreeMap::new();
    for state in born {
        *load.entry(lore.grid_cell(state.body.0.pos)).or_default() += 1;
    }
    for n in 0..u64::from(scenario.expected_players) {
        let place = lore.scatter(
            lore.spawn_dir,
            lore.spawn_spread_m,
            EntityId::child(1, Tick(0), n),
            Tick(0),
        );
        *load.entry(lore.grid_cell(place)).or_default() += 1;
    }
    let cuts: Vec<CellId> = scenario
        .squares
        .iter()
        .map(|square| square_cell(&lore.planet, square.near, lore.grid_level))
        .collect();
    let load: Vec<(CellId, u64)> = load.into_iter().collect();
    ZoneMap::by_load(zones, &load, &cuts, lore.grid_level)
}
