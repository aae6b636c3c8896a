//! Snapshots with the baselines they refer to, and what becomes of damaged ones.

use bluemarble_shared_protocol::bits::BitWriter;
use bluemarble_shared_protocol::codec::tables::TableSet;
use bluemarble_shared_protocol::codec::{
    Baseline, DecodeError, OwnUpdate, Record, RemoveReason, Schema, SnapshotHeader, SnapshotReader,
    SnapshotWriter, delta, full,
};
use bluemarble_shared_protocol::{EntityId, OwnVitals, Strain};
use serde_json::{Value, json};

use super::dice::Dice;
use super::hex;
use super::rows::{entity, wide};

const CASES: u64 = 20;
/// Damaged copies of each.
const DAMAGES: usize = 20;
/// Small enough that a person can look at one.
const BYTES_MAX: usize = 260;

/// One datagram and its past.
struct Case {
    tables: &'static TableSet,
    hz: u32,
    /// By index and how far back.
    baselines: Vec<(u16, u8, Baseline)>,
    bytes: Vec<u8>,
}

impl Case {
    fn random(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut case = Self {
            tables: Schema::SUPPORTED[dice.below(2) as usize].tables(),
            hz: [20, 30, 60, 120][dice.below(4) as usize],
            baselines: Vec::new(),
            bytes: Vec::new(),
        };
        let header = SnapshotHeader {
            number: dice.word() as u16,
            epoch: dice.below(16) as u8,
            tick: dice.word() as u16,
            applied: dice.word() as u16,
            durable_age: dice.word() as u8,
            usual_back: [0, 1, 3, 100][dice.below(4) as usize],
            strain: Strain::new(dice.below(7) as u8, dice.below(25) as u8),
            check: (dice.below(3) == 0).then(|| dice.word() as u32),
        };
        let own = match dice.below(4) {
            0 => OwnUpdate::None,
            1 => OwnUpdate::Full {
                body: dice.body(),
                vitals: dice.vitals(),
            },
            n => OwnUpdate::Hash {
                body_hash: dice.word() as u32,
                vitals: (n == 2).then(|| dice.vitals()),
            },
        };
        let records_max = [31, 4_000][dice.below(2) as usize];
        let mut writer = SnapshotWriter::default();
        writer.begin(&header, &own, BYTES_MAX, records_max);
        let mut index = dice.below(4) as u16;
        while case.write_record(&mut writer, &mut dice, &header, index) {
            index += 1 + (dice.below(3) * dice.below(20)) as u16;
        }
        case.bytes = writer.finish();
        case
    }

    /// Whether there was room for it.
    fn write_record(
        &mut self,
        writer: &mut SnapshotWriter,
        dice: &mut Dice,
        header: &SnapshotHeader,
        index: u16,
    ) -> bool {
        let mut string = BitWriter::default();
        let written = match dice.below(8) {
            0 => {
                let reasons = [
                    RemoveReason::Gone,
                    RemoveReason::OutOfView,
                    RemoveReason::Hidden,
                ];
                writer.remove(index, reasons[dice.below(3) as usize])
            }
            1 | 2 => {
                let (id, state) = (EntityId(dice.word()), dice.entity());
                full::write(&mut string, &state);
                let count = string.bits();
                string.align();
                writer.enter(index, id, state.cell, string.string(0), count)
            }
            _ => {
                let usual = header.usual_back;
                let backs = [usual, usual, usual + 1, usual.saturating_sub(1), 77];
                let back = backs[dice.below(5) as usize].max(1);
                let base = self.baseline(dice);
                let state = match dice.below(6) {
                    0 => base.predict(self.hz),
                    1 => dice.entity(),
                    _ => dice.nudged(&base.predict(self.hz)),
                };
                delta::write(&mut string, self.tables, &base, self.hz, &state);
                let count = string.bits();
                string.align();
                self.baselines.push((index, back, base));
                writer.update(index, back, string.string(0), count)
            }
        };
        written.is_ok()
    }

    /// Somebody, some ticks ago, and perhaps what they were before.
    fn baseline(&self, dice: &mut Dice) -> Baseline {
        let first = dice.entity();
        let mut base = Baseline::alone(first, 1 + dice.below(12));
        if first.rotation.is_some() && dice.below(3) > 0 {
            let state = dice.nudged(&base.predict(self.hz));
            base = Baseline {
                state,
                age: [1, 2, 3, 9, 256][dice.below(5) as usize],
                earlier: Some((first, base.age)),
            };
        }
        base
    }

    fn read(&self, bytes: &[u8]) -> Result<(SnapshotHeader, OwnUpdate, Vec<Record>), DecodeError> {
        let mut reader = SnapshotReader::open(bytes, self.tables, self.hz)?;
        let mut records = Vec::new();
        let find = |index: u16, back: u8| {
            let found = self
                .baselines
                .iter()
                .find(|base| (base.0, base.1) == (index, back));
            found.map(|(.., base)| *base)
        };
        while let Some(record) = reader.next_record(find)? {
            records.push(record);
        }
        Ok((*reader.header(), *reader.own(), records))
    }

    /// The same bytes with a few changed, cut off or added, and whether they are still a datagram.
    fn damaged(&self, dice: &mut Dice) -> Value {
        let mut bytes = self.bytes.clone();
        for _ in 0..1 + dice.below(2) {
            let at = dice.below(bytes.len() as u32) as usize;
            bytes[at] ^= 1 << dice.below(8);
        }
        match dice.below(6) {
            0 => bytes.truncate(dice.below(bytes.len() as u32) as usize),
            1 => bytes.push(0),
            _ => {}
        }
        json!({"bytes": hex(&bytes), "readable": self.read(&bytes).is_ok()})
    }
}

/// Snapshots, each with all it refers to.
pub fn snapshots() -> Value {
    let case = |seed| {
        let case = Case::random(seed);
        let (header, own, records) = case
            .read(&case.bytes)
            .expect("what was written is readable");
        let baseline = |(index, back, base): &(u16, u8, Baseline)| {
            let earlier = base
                .earlier
                .map(|(state, age)| json!({"state": entity(&state), "age": age}));
            json!({"index": index, "back": back, "state": entity(&base.state), "age": base.age,
                "earlier": earlier})
        };
        let mut dice = Dice(!seed);
        let damaged: Vec<Value> = (0..DAMAGES).map(|_| case.damaged(&mut dice)).collect();
        json!({
            "tables": case.tables.version,
            "hz": case.hz,
            "bytes": hex(&case.bytes),
            "baselines": case.baselines.iter().map(baseline).collect::<Vec<_>>(),
            "header": {
                "number": header.number,
                "epoch": header.epoch,
                "tick": header.tick,
                "usualBack": header.usual_back,
                "strain": [header.strain.level(), header.strain.slower_eighths()],
                "check": header.check,
            },
            "own": own_json(&own, &header),
            "records": records.iter().map(record_json).collect::<Vec<_>>(),
            "damaged": damaged,
        })
    };
    json!({ "snapshots": (0..CASES).map(case).collect::<Vec<_>>() })
}

fn record_json(record: &Record) -> Value {
    match record {
        Record::Enter { index, id, state } => {
            json!({"is": "enter", "index": index, "id": wide(id.0), "state": entity(state)})
        }
        Record::Update { index, state } => {
            json!({"is": "update", "index": index, "state": entity(state)})
        }
        Record::Remove { index, reason } => {
            json!({"is": "remove", "index": index, "reason": *reason as u8})
        }
    }
}

fn own_json(own: &OwnUpdate, header: &SnapshotHeader) -> Value {
    let progress = json!([header.applied, header.durable_age]);
    match own {
        OwnUpdate::None => Value::Null,
        OwnUpdate::Hash { body_hash, vitals } => json!({"hash": body_hash,
            "vitals": vitals.as_ref().map(vitals_json), "progress": progress}),
        OwnUpdate::Full { body, vitals } => json!({"body": body.values, "support": body.support,
            "vitals": vitals_json(vitals), "progress": progress}),
    }
}

fn vitals_json(vitals: &OwnVitals) -> Value {
    json!([
        vitals.health,
        vitals.health_max,
        vitals.ready_in_ticks,
        vitals.respawn_in_ticks,
        vitals.kills,
        vitals.deaths,
    ])
}
