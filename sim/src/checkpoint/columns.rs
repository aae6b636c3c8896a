//! A zone's part of a checkpoint as columns: version 4. Version 3, which lacks things, version 2, which lacks
//! what avatars remember of their gifts, too, and version 1, row after row, are still read.
//!
//! ```text
//!   0  magic     8   "BMCOLS" 0 4: no part of version 1 begins so, for its first eight bytes count
//!                    the letters of the planet's name
//!   8  head          counted: planet, kinds, coarse counts, and how many entities, minds, quarries
//!      columns       see `write_columns`, in that order, each as planes of bytes
//!      rest          what few have, row by row: mail, players, flights, hazards, dealings, things
//! ```
//!
//! A component that a later build adds makes a version 5, with a function that makes of a version 4
//! what it means there, as [`RestOf3`] has for version 3.

use bluemarble_shared_protocol::binary;
use bluemarble_shared_protocol::{BodyBits, EntityId, Stack, Tick};
use serde::{Deserialize, Serialize};

use super::{PART_BYTES_MAX, StoredPart};
use crate::content::KindId;
use crate::effect::Effect;
use crate::entity::state::{StoredEntity, StoredFlight, StoredHazard, StoredMind, StoredPlayer};
use crate::gifts::StoredDealings;
use crate::planes::{PlaneReader, PlaneWriter};

/// How a part in columns begins, of any version; the version follows.
const MAGIC: [u8; 7] = *b"BMCOLS\0";
/// The version written.
const VERSION: u8 = 4;

/// Whether these are columns, of this version or another.
pub(super) fn is_columns(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Has a mind, a player, a flight, a hazard, mail, its mind a quarry; remembers gifts; has things.
const MIND: u8 = 1;
const PLAYER: u8 = 2;
const FLIGHT: u8 = 4;
const HAZARD: u8 = 8;
const MAIL: u8 = 16;
const QUARRY: u8 = 32;
const DEALINGS: u8 = 64;
const THINGS: u8 = 128;

#[derive(Serialize, Deserialize)]
struct Head {
    planet: String,
    kinds: Vec<String>,
    coarse: Vec<Vec<(u64, u32)>>,
    entities: u32,
    minds: u32,
    quarries: u32,
}

/// In the order of the entities that have them.
#[derive(Default, Serialize, Deserialize)]
struct Rest {
    mail: Vec<Vec<Effect>>,
    players: Vec<StoredPlayer>,
    flights: Vec<StoredFlight>,
    hazards: Vec<StoredHazard>,
    dealings: Vec<StoredDealings>,
    things: Vec<Vec<Stack>>,
}

/// The same in version 3, from before there were things.
#[derive(Default, Serialize, Deserialize)]
struct RestOf3 {
    mail: Vec<Vec<Effect>>,
    players: Vec<StoredPlayer>,
    flights: Vec<StoredFlight>,
    hazards: Vec<StoredHazard>,
    dealings: Vec<StoredDealings>,
}

impl From<RestOf3> for Rest {
    fn from(rest: RestOf3) -> Self {
        let RestOf3 {
            mail,
            players,
            flights,
            hazards,
            dealings,
        } = rest;
        Self {
            mail,
            players,
            flights,
            hazards,
            dealings,
            things: Vec::new(),
        }
    }
}

/// The same in version 2, from before there were gifts.
#[derive(Default, Serialize, Deserialize)]
struct RestOf2 {
    mail: Vec<Vec<Effect>>,
    players: Vec<StoredPlayer>,
    flights: Vec<StoredFlight>,
    hazards: Vec<StoredHazard>,
}

impl From<RestOf2> for RestOf3 {
    fn from(rest: RestOf2) -> Self {
        let RestOf2 {
            mail,
            players,
            flights,
            hazards,
        } = rest;
        Self {
            mail,
            players,
            flights,
            hazards,
            dealings: Vec::new(),
        }
    }
}

fn flags(entity: &StoredEntity) -> u8 {
    let quarry = entity.mind.as_ref().and_then(|mind| mind.quarry);
    [
        (MIND, entity.mind.is_some()),
        (PLAYER, entity.player.is_some()),
        (FLIGHT, entity.flight.is_some()),
        (HAZARD, entity.hazard.is_some()),
        (MAIL, !entity.mail.is_empty()),
        (QUARRY, quarry.is_some()),
        (DEALINGS, entity.dealings.is_some()),
        (THINGS, !entity.things.is_empty()),
    ]
    .into_iter()
    .map(|(flag, set)| if set { flag } else { 0 })
    .sum()
}

/// The part in columns.
pub(super) fn encode(part: StoredPart) -> Vec<u8> {
    let StoredPart {
        planet,
        kinds,
        mut entities,
        coarse,
    } = part;
    let minds: Vec<&StoredMind> = entities.iter().flat_map(|of| &of.mind).collect();
    let quarries: Vec<EntityId> = minds.iter().filter_map(|mind| mind.quarry).collect();
    let head = Head {
        planet,
        kinds,
        coarse,
        entities: count(entities.len()),
        minds: count(minds.len()),
        quarries: count(quarries.len()),
    };
    let mut out = PlaneWriter(MAGIC.to_vec());
    out.0.push(VERSION);
    out.counted(&binary::encode(&head));
    write_columns(&mut out, &entities);
    out.column(minds.iter().map(|mind| mind.decide_at.0.to_le_bytes()));
    for axis in 0..3 {
        out.column(minds.iter().map(|mind| mind.goal[axis].to_le_bytes()));
    }
    out.column(quarries.iter().map(|id| id.0.to_le_bytes()));
    let mut rest = Rest::default();
    for entity in &mut entities {
        let mail = std::mem::take(&mut entity.mail);
        rest.mail.extend((!mail.is_empty()).then_some(mail));
        rest.players.extend(entity.player.take());
        rest.flights.extend(entity.flight.take());
        rest.hazards.extend(entity.hazard.take());
        rest.dealings.extend(entity.dealings.take());
        let things = std::mem::take(&mut entity.things);
        rest.things.extend((!things.is_empty()).then_some(things));
    }
    out.0.extend(binary::encode(&rest));
    out.0
}

fn count(of: usize) -> u32 {
    u32::try_from(of).expect("a zone holds far fewer than 4 billion entities")
}

/// What every entity has; [`read_columns`] is the other direction.
fn write_columns(out: &mut PlaneWriter, entities: &[StoredEntity]) {
    out.column(entities.iter().map(|of| [flags(of)]));
    out.column(entities.iter().map(|of| of.id.0.to_le_bytes()));
    out.column(entities.iter().map(|of| of.kind.0.to_le_bytes()));
    for value in 0..9 {
        out.column(
            entities
                .iter()
                .map(|of| of.body.values[value].to_le_bytes()),
        );
    }
    out.column(entities.iter().map(|of| [of.body.support]));
    out.column(entities.iter().map(|of| of.health.to_le_bytes()));
    out.column(entities.iter().map(|of| of.respawn_at.0.to_le_bytes()));
    out.column(entities.iter().map(|of| of.kills.to_le_bytes()));
    out.column(entities.iter().map(|of| of.deaths.to_le_bytes()));
    out.column(entities.iter().map(|of| of.ready_at.0.to_le_bytes()));
    out.column(entities.iter().map(|of| of.swing_until.0.to_le_bytes()));
    out.column(entities.iter().map(|of| of.swings.to_le_bytes()));
    for axis in 0..3 {
        out.column(entities.iter().map(|of| of.home[axis].to_le_bytes()));
    }
    out.column(entities.iter().map(|of| of.spread_m.to_le_bytes()));
    out.column(entities.iter().map(|of| of.purse.to_le_bytes()));
}

/// The part that [`encode`] was given, or what is wrong with these bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<StoredPart, String> {
    let missing = || "it ends too early".to_owned();
    let (version, body) = bytes
        .strip_prefix(&MAGIC)
        .and_then(<[u8]>::split_first)
        .ok_or_else(missing)?;
    if !(2..=VERSION).contains(version) {
        return Err(format!(
            "it is of version {version}, and this build reads 2 to {VERSION}: use the build that wrote it"
        ));
    }
    let mut read = PlaneReader(body);
    let head = read.counted().ok_or_else(missing)?;
    let head: Head =
        binary::decode::<_, PART_BYTES_MAX>(head).map_err(|error| error.to_string())?;
    let (mut entities, flags) =
        read_columns(&mut read, head.entities as usize).ok_or_else(missing)?;
    let minds = read_minds(&mut read, head.minds as usize).ok_or_else(missing)?;
    let quarries = read
        .column::<8>(head.quarries as usize)
        .ok_or_else(missing)?;
    let quarries = (0..head.quarries as usize).map(|row| u64::from_le_bytes(quarries.at(row)));
    let rest: Rest = match version {
        2 => binary::decode::<RestOf2, PART_BYTES_MAX>(read.0)
            .map(RestOf3::from)
            .map(Rest::from),
        3 => binary::decode::<RestOf3, PART_BYTES_MAX>(read.0).map(Rest::from),
        _ => binary::decode::<Rest, PART_BYTES_MAX>(read.0),
    }
    .map_err(|error| error.to_string())?;
    let few = || "more entities have something than there is of it".to_owned();
    let mut minds = minds.into_iter();
    let mut quarries = quarries.map(EntityId);
    let mut mail = rest.mail.into_iter();
    let mut players = rest.players.into_iter();
    let mut flights = rest.flights.into_iter();
    let mut hazards = rest.hazards.into_iter();
    let mut dealings = rest.dealings.into_iter();
    let mut things = rest.things.into_iter();
    for (entity, flags) in entities.iter_mut().zip(flags) {
        let has = |flag: u8| flags & flag != 0;
        if has(MIND) {
            let mut mind = minds.next().ok_or_else(few)?;
            if has(QUARRY) {
                mind.quarry = Some(quarries.next().ok_or_else(few)?);
            }
            entity.mind = Some(mind);
        }
        if has(PLAYER) {
            entity.player = Some(players.next().ok_or_else(few)?);
        }
        if has(FLIGHT) {
            entity.flight = Some(flights.next().ok_or_else(few)?);
        }
        if has(HAZARD) {
            entity.hazard = Some(hazards.next().ok_or_else(few)?);
        }
        if has(DEALINGS) {
            entity.dealings = Some(dealings.next().ok_or_else(few)?);
        }
        if has(THINGS) {
            entity.things = things.next().ok_or_else(few)?;
        }
        if has(MAIL) {
            entity.mail = mail.next().ok_or_else(few)?;
        }
    }
    let left = minds.len() + mail.len() + players.len() + flights.len() + hazards.len();
    let left = left + dealings.len() + things.len();
    if left != 0 || quarries.next().is_some() {
        return Err("there is more of something than entities that have it".to_owned());
    }
    Ok(StoredPart {
        planet: head.planet,
        kinds: head.kinds,
        entities,
        coarse: head.coarse,
    })
}

/// The entities without what only some have, and which do; `None` if the bytes end too early.
fn read_columns(read: &mut PlaneReader, count: usize) -> Option<(Vec<StoredEntity>, Vec<u8>)> {
    let flags = read.column::<1>(count)?;
    let ids = read.column::<8>(count)?;
    let kinds = read.column::<2>(count)?;
    let mut values = Vec::with_capacity(9);
    for _ in 0..9 {
        values.push(read.column::<8>(count)?);
    }
    let supports = read.column::<1>(count)?;
    let healths = read.column::<2>(count)?;
    let respawns = read.column::<8>(count)?;
    let kills = read.column::<4>(count)?;
    let deaths = read.column::<4>(count)?;
    let readies = read.column::<8>(count)?;
    let swings_until = read.column::<8>(count)?;
    let swings = read.column::<4>(count)?;
    let homes = [
        read.column::<8>(count)?,
        read.column::<8>(count)?,
        read.column::<8>(count)?,
    ];
    let spreads = read.column::<8>(count)?;
    let purses = read.column::<8>(count)?;
    let entity = |row: usize| StoredEntity {
        id: EntityId(u64::from_le_bytes(ids.at(row))),
        kind: KindId(u16::from_le_bytes(kinds.at(row))),
        body: BodyBits {
            values: std::array::from_fn(|value| f64::from_le_bytes(values[value].at(row))),
            support: supports.at(row)[0],
        },
        health: u16::from_le_bytes(healths.at(row)),
        respawn_at: Tick(u64::from_le_bytes(respawns.at(row))),
        kills: u32::from_le_bytes(kills.at(row)),
        deaths: u32::from_le_bytes(deaths.at(row)),
        ready_at: Tick(u64::from_le_bytes(readies.at(row))),
        swing_until: Tick(u64::from_le_bytes(swings_until.at(row))),
        swings: u32::from_le_bytes(swings.at(row)),
        home: homes.map(|axis| f64::from_le_bytes(axis.at(row))),
        spread_m: f64::from_le_bytes(spreads.at(row)),
        purse: u64::from_le_bytes(purses.at(row)),
        mail: Vec::new(),
        mind: None,
        player: None,
        flight: None,
        hazard: None,
        dealings: None,
        things: Vec::new(),
    };
    let flags = (0..count).map(|row| flags.at(row)[0]).collect();
    Some(((0..count).map(entity).collect(), flags))
}

fn read_minds(read: &mut PlaneReader, count: usize) -> Option<Vec<StoredMind>> {
    let decide = read.column::<8>(count)?;
    let goals = [
        read.column::<8>(count)?,
        read.column::<8>(count)?,
        read.column::<8>(count)?,
    ];
    let mind = |row: usize| StoredMind {
        decide_at: Tick(u64::from_le_bytes(decide.at(row))),
        quarry: None,
        goal: goals.map(|axis| f64::from_le_bytes(axis.at(row))),
    };
    Some((0..count).map(mind).collect())
}
