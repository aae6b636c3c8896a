//! One client that is told of recorded bodies: the server's side of it, and the client's.

use std::collections::{BTreeMap, BTreeSet};

use bluemarble_shared_protocol::bits::BitWriter;
use bluemarble_shared_protocol::codec::tables::TableSet;
use bluemarble_shared_protocol::codec::{
    BASELINE_BACK_MAX, Baseline, OwnUpdate, Record, RemoveReason, SnapshotHeader, SnapshotReader,
    SnapshotWriter, delta, full, nearest, snapshot_tick_near,
};
use bluemarble_shared_protocol::{EntityId, Tick, WireEntity, hash_words};

use super::bodies::{Frame, HZ};
use super::lag::Told;

/// Who was not recorded for so many ticks has left.
const ABSENT_TICKS: u64 = 30;

/// A body's id; recordings number theirs.
pub fn id_of(actor: u32) -> EntityId {
    EntityId(hash_words([u64::from(actor)]))
}

/// What the server knows of one index.
#[derive(Debug)]
struct Entry {
    actor: u32,
    seen: u64,
    told: Vec<Told>,
    /// The datagrams that held its removal.
    removals: Vec<u64>,
}

/// One record of a datagram, before it is written.
#[derive(Clone, Copy, Debug)]
pub enum Telling {
    /// In full.
    Enter(EntityId, WireEntity),
    /// Against what it was so many datagrams before.
    Update(u8, Baseline, WireEntity),
    /// No more.
    Remove,
}

/// A datagram, before it is written.
#[derive(Debug)]
pub struct Plan {
    /// Its header.
    pub header: SnapshotHeader,
    /// Its records by index.
    pub records: Vec<(u16, Telling)>,
}

/// The server's side.
#[derive(Debug, Default)]
pub struct Server {
    number: u64,
    entries: Vec<Option<Entry>>,
}

impl Server {
    /// The datagram for a frame, when those that `arrived` tells of are acknowledged.
    pub fn plan(&mut self, frame: &Frame, arrived: impl Fn(u64) -> bool) -> Plan {
        self.number += 1;
        let number = self.number;
        let rows: BTreeMap<u32, WireEntity> = frame.rows.iter().copied().collect();
        for place in &mut self.entries {
            let gone = |entry: &Entry| entry.removals.iter().any(|number| arrived(*number));
            if place.as_ref().is_some_and(gone) {
                *place = None;
            }
        }
        let here: BTreeSet<u32> = self.present().map(|entry| entry.actor).collect();
        for actor in rows.keys().filter(|actor| !here.contains(actor)) {
            let entry = Some(Entry {
                actor: *actor,
                seen: frame.tick,
                told: Vec::new(),
                removals: Vec::new(),
            });
            match self.entries.iter_mut().find(|place| place.is_none()) {
                Some(place) => *place = entry,
                None => self.entries.push(entry),
            }
        }
        let mut records = Vec::new();
        for (index, entry) in (0_u16..).zip(&mut self.entries) {
            let Some(entry) = entry else { continue };
            if let Some(record) = entry.record(&rows, number, frame.tick, &arrived) {
                records.push((index, record));
            }
        }
        let header = SnapshotHeader {
            number: number as u16,
            epoch: 1,
            tick: frame.tick as u16,
            usual_back: usual(&records),
            ..SnapshotHeader::default()
        };
        Plan { header, records }
    }

    /// Those who are not leaving.
    fn present(&self) -> impl Iterator<Item = &Entry> {
        let staying = |entry: &&Entry| entry.removals.is_empty();
        self.entries.iter().flatten().filter(staying)
    }
}

impl Entry {
    fn record(
        &mut self,
        rows: &BTreeMap<u32, WireEntity>,
        number: u64,
        tick: u64,
        arrived: impl Fn(u64) -> bool,
    ) -> Option<Telling> {
        let Some(&state) = rows.get(&self.actor).filter(|_| self.removals.is_empty()) else {
            let leaves = tick - self.seen > ABSENT_TICKS || !self.removals.is_empty();
            if leaves {
                self.removals.push(number);
            }
            return leaves.then_some(Telling::Remove);
        };
        self.seen = tick;
        let known = self.told.iter().rev().find(|told| arrived(told.number));
        let known = known.filter(|told| number - told.number <= u64::from(BASELINE_BACK_MAX));
        let base = known.and_then(|told| Some((told.number, told.baseline(tick)?)));
        self.told.push(Told {
            number,
            tick,
            state,
            earlier: base.map(|(_, base)| (base.state, base.age)),
        });
        Some(match base {
            Some((from, base)) => Telling::Update((number - from) as u8, base, state),
            None => Telling::Enter(id_of(self.actor), state),
        })
    }
}

/// The distance that most updates have to their baselines.
fn usual(records: &[(u16, Telling)]) -> u8 {
    let mut counts: BTreeMap<u8, u32> = BTreeMap::new();
    for (_, record) in records {
        if let Telling::Update(back, ..) = record {
            *counts.entry(*back).or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map_or(0, |(back, _)| back)
}

/// Writes a datagram.
pub fn encode(writer: &mut SnapshotWriter, tables: &TableSet, plan: &Plan) -> Vec<u8> {
    writer.begin(
        &plan.header,
        &OwnUpdate::None,
        usize::MAX,
        plan.records.len(),
    );
    let mut string = BitWriter::default();
    for (index, record) in &plan.records {
        string.clear();
        let written = match record {
            Telling::Remove => writer.remove(*index, RemoveReason::OutOfView),
            Telling::Enter(id, state) => {
                full::write(&mut string, state);
                let bits = string.bits();
                string.align();
                writer.enter(*index, *id, state.cell, string.string(0), bits)
            }
            Telling::Update(back, base, state) => {
                delta::write(&mut string, tables, base, HZ, state);
                let bits = string.bits();
                string.align();
                writer.update(*index, *back, string.string(0), bits)
            }
        };
        written.expect("a few bodies fit a datagram");
    }
    writer.finish()
}

/// The client's side.
#[derive(Debug)]
pub struct Client {
    tables: &'static TableSet,
    newest: u64,
    tick: Tick,
    known: BTreeMap<u16, (EntityId, Vec<Told>)>,
}

impl Client {
    /// Knows nothing but a tick nearby.
    pub fn new(tables: &'static TableSet, tick: u64) -> Self {
        Self {
            tables,
            newest: 0,
            tick: Tick(tick),
            known: BTreeMap::new(),
        }
    }

    /// Takes a datagram; who was in it.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<(EntityId, WireEntity)> {
        let mut reader = SnapshotReader::open(bytes, self.tables, HZ).expect("a header");
        let number = nearest(u64::from(reader.header().number), 16, self.newest);
        let tick = snapshot_tick_near(reader.header().tick, self.tick);
        (self.newest, self.tick) = (number, tick);
        let mut shown = Vec::new();
        let mut against = None;
        while let Some(record) = {
            let known = &self.known;
            let baseline = |index: u16, back: u8| {
                let (_, told) = known.get(&index)?;
                let from = number.checked_sub(u64::from(back))?;
                let base = told.iter().rev().find(|told| told.number == from)?;
                against = base.baseline(tick.0);
                against
            };
            reader.next_record(baseline).expect("a record")
        } {
            match record {
                Record::Remove { index, .. } => {
                    self.known.remove(&index);
                }
                Record::Enter { index, id, state } => {
                    let known = self.known.entry(index).or_insert((id, Vec::new()));
                    if known.0 != id {
                        *known = (id, Vec::new());
                    }
                    known.1.push(told(number, tick, state, None));
                    shown.push((id, state));
                }
                Record::Update { index, state } => {
                    let known = self.known.get_mut(&index).expect("it was updated");
                    known.1.push(told(number, tick, state, against.take()));
                    let oldest = number.saturating_sub(u64::from(BASELINE_BACK_MAX));
                    if known.1.len() > 160 {
                        known.1.retain(|told| told.number >= oldest);
                    }
                    shown.push((known.0, state));
                }
            }
        }
        shown
    }
}

fn told(number: u64, tick: Tick, state: WireEntity, against: Option<Baseline>) -> Told {
    Told {
        number,
        tick: tick.0,
        state,
        earlier: against.map(|base| (base.state, base.age)),
    }
}
