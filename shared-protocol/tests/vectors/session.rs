//! A client's snapshots in the order in which it gets them, some lost: what it is to read in each.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::bits::BitWriter;
use bluemarble_shared_protocol::codec::{
    Baseline, OwnUpdate, Record, RemoveReason, Schema, SnapshotHeader, SnapshotReader,
    SnapshotWriter, check, delta, full,
};
use bluemarble_shared_protocol::{BodyBits, EntityId, OwnVitals, Strain, WireEntity};

use super::draw::Draw;
use super::{hex, state_text};

const HZ: u32 = 20;
/// Above the low bits of tick and number, so that making them whole is tried, too.
const FIRST_TICK: u64 = 65_500;
const DATAGRAMS: u64 = 50;
const LAG: u64 = 3;

/// A state as the client has it.
#[derive(Clone, Copy)]
struct Held {
    number: u64,
    tick: u64,
    state: WireEntity,
    earlier: Option<(WireEntity, u32)>,
}

struct Index {
    id: EntityId,
    held: Vec<Held>,
}

pub fn session_text(schema: Schema) -> String {
    let mut draw = Draw(77);
    let mut indices: BTreeMap<u16, Index> = BTreeMap::new();
    let mut lines = Vec::new();
    for number in 1..=DATAGRAMS {
        let tick = FIRST_TICK + number + number / 20;
        let lost = number % 11 == 5;
        let (bytes, records) = datagram(&mut draw, schema, &mut indices, (number, tick, lost));
        if !lost {
            lines.push(line(schema, &bytes, &records));
        }
    }
    format!(
        "[{},{HZ},{FIRST_TICK},[\n{}]]",
        schema.tables().version,
        lines.join(",\n")
    )
}

type Referred = BTreeMap<u16, (u8, Baseline)>;

fn datagram(
    draw: &mut Draw,
    schema: Schema,
    indices: &mut BTreeMap<u16, Index>,
    (number, tick, lost): (u64, u64, bool),
) -> (Vec<u8>, (Vec<Record>, Referred)) {
    let own = own(draw);
    let header = SnapshotHeader {
        number: number as u16,
        epoch: 9,
        tick: tick as u16,
        applied: number as u16 * 3,
        durable_age: [1, 2, 7, 40, 255][draw.below(5) as usize],
        usual_back: LAG as u8,
        strain: if draw.below(8) == 0 {
            Strain::new(draw.below(7) as u8, draw.below(25) as u8)
        } else {
            Strain::NONE
        },
        check: (number % 3 == 1).then_some(0),
    };
    let mut writer = SnapshotWriter::default();
    let records_max = if number % 3 == 0 { 200 } else { 20 };
    writer.begin(&header, &own, 1_100, records_max);
    let (mut records, mut referred, mut sum) = (Vec::new(), Referred::new(), 0_u32);
    for index in (0..24_u16).chain([70, 4_000]) {
        if draw.below(3) == 0 {
            continue;
        }
        let mut string = BitWriter::default();
        let known = indices.get(&index);
        let acked = known.and_then(|known| {
            let old = known
                .held
                .iter()
                .rev()
                .find(|held| held.number + LAG <= number);
            old.copied()
        });
        let record = match acked {
            Some(_) if draw.below(25) == 0 => {
                let reason = [
                    RemoveReason::Gone,
                    RemoveReason::OutOfView,
                    RemoveReason::Hidden,
                ][draw.below(3) as usize];
                writer.remove(index, reason).expect("room");
                Record::Remove { index, reason }
            }
            Some(held) if number - held.number < 100 => {
                let base = Baseline {
                    state: held.state,
                    age: (tick - held.tick) as u32,
                    earlier: held.earlier,
                };
                let state = draw.later(&base, HZ);
                delta::write(&mut string, schema.tables(), &base, HZ, &state);
                let (back, bits) = ((number - held.number) as u8, string.bits());
                string.align();
                writer
                    .update(index, back, string.string(0), bits)
                    .expect("room");
                referred.insert(index, (back, base));
                let id = known.expect("only who entered is updated").id;
                sum = sum.wrapping_add(check::share(id, &state));
                Record::Update { index, state }
            }
            _ => {
                let id = known.map_or_else(|| EntityId(draw.word()), |known| known.id);
                let state = draw.state();
                full::write(&mut string, &state);
                let bits = string.bits();
                string.align();
                let written = writer.enter(index, id, state.cell, string.string(0), bits);
                written.expect("room");
                sum = sum.wrapping_add(check::share(id, &state));
                Record::Enter { index, id, state }
            }
        };
        records.push(record);
        if !lost {
            keep(indices, &record, number, tick, &referred);
        }
    }
    writer.set_check(sum);
    (writer.finish(), (records, referred))
}

/// What the client then has.
fn keep(
    indices: &mut BTreeMap<u16, Index>,
    record: &Record,
    number: u64,
    tick: u64,
    referred: &Referred,
) {
    let (index, id, state) = match *record {
        Record::Remove { index, .. } => {
            indices.remove(&index);
            return;
        }
        Record::Enter { index, id, state } => (index, Some(id), state),
        Record::Update { index, state } => (index, None, state),
    };
    let known = indices.entry(index).or_insert_with(|| Index {
        id: id.expect("only who entered is updated"),
        held: Vec::new(),
    });
    let against = referred.get(&index).filter(|_| id.is_none());
    let earlier = against.map(|(_, base)| (base.state, base.age));
    known.held.push(Held {
        number,
        tick,
        state,
        earlier,
    });
}

fn own(draw: &mut Draw) -> OwnUpdate {
    match draw.below(4) {
        0 => OwnUpdate::None,
        1 => OwnUpdate::Full {
            body: BodyBits {
                values: [0; 9].map(|_| f64::from(draw.word() as i32) / 64.0),
                support: draw.below(3) as u8,
            },
            vitals: draw.vitals(),
        },
        n => OwnUpdate::Hash {
            body_hash: draw.word() as u32,
            vitals: (n == 2).then(|| draw.vitals()),
        },
    }
}

fn line(schema: Schema, bytes: &[u8], (records, referred): &(Vec<Record>, Referred)) -> String {
    let mut reader = SnapshotReader::open(bytes, schema.tables(), HZ).expect("ours");
    let header = *reader.header();
    let own = own_text(reader.own(), &header);
    let mut read = Vec::new();
    while let Some(record) = reader
        .next_record(|index, back| {
            let (from, base) = referred.get(&index)?;
            (*from == back).then_some(*base)
        })
        .expect("ours")
    {
        read.push(record);
    }
    assert_eq!(&read, records);
    let records: Vec<String> = read.iter().map(record_text).collect();
    format!(
        "[\"{}\",[{},{},{},{},{},{},{}],{own},[{}]]",
        hex(bytes),
        header.number,
        header.epoch,
        header.tick,
        header.usual_back,
        header.strain.level(),
        header.strain.slower_eighths(),
        header
            .check
            .map_or("null".to_owned(), |check| check.to_string()),
        records.join(","),
    )
}

fn record_text(record: &Record) -> String {
    match record {
        Record::Enter { index, id, state } => {
            format!(
                "[\"enter\",{index},\"{:016x}\",{}]",
                id.0,
                state_text(state)
            )
        }
        Record::Update { index, state } => format!("[\"update\",{index},{}]", state_text(state)),
        Record::Remove { index, reason } => format!("[\"remove\",{index},{}]", *reason as u8),
    }
}

/// `null`, or what it says, with `applied` and `durable`.
fn own_text(own: &OwnUpdate, header: &SnapshotHeader) -> String {
    let vitals = |vitals: &OwnVitals| {
        format!(
            "[{},{},{},{},{},{}]",
            vitals.health,
            vitals.health_max,
            vitals.ready_in_ticks,
            vitals.respawn_in_ticks,
            vitals.kills,
            vitals.deaths
        )
    };
    let (applied, durable) = (header.applied, header.durable_age);
    match own {
        OwnUpdate::None => "null".to_owned(),
        OwnUpdate::Hash {
            body_hash,
            vitals: told,
        } => {
            let told = told.as_ref().map_or("null".to_owned(), vitals);
            format!("[\"hash\",{body_hash},{told},{applied},{durable}]")
        }
        OwnUpdate::Full { body, vitals: told } => {
            let values = format!("{:?}", body.values).replace(", ", ",");
            let (support, told) = (body.support, vitals(told));
            format!("[\"exact\",{values},{support},{told},{applied},{durable}]")
        }
    }
}
