//! Where the bits of a client's datagrams go: read as a client does, each update's fields are weighed with
//! the codes they were written with.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::bits::BitWriter;
use bluemarble_shared_protocol::codec::delta::{self, WALKER_FIELDS};
use bluemarble_shared_protocol::codec::{
    BASELINE_BACK_MAX, Baseline, INDICES_MAX, OwnUpdate, Record, Schema, SnapshotReader,
    SnapshotWriter, gap_bits, update_bits,
};
use bluemarble_shared_protocol::limits::DATAGRAM_BYTES_MAX;
use bluemarble_shared_protocol::{Tick, WireEntity};

use super::crowd::HZ;

/// What one client has read.
#[derive(Default)]
pub struct Bits {
    /// States by index and datagram.
    known: BTreeMap<(u16, u16), (Tick, WireEntity)>,
    updates: u64,
    gaps: u64,
    kinds: u64,
    /// What of a delta is no field of its motion: how it is written, and what seldom changes.
    escapes: u64,
    fields: [u64; WALKER_FIELDS.len()],
    /// Headers, and what is said of the own avatar.
    heads: u64,
    owns: u64,
    all: u64,
    /// Updates by their baselines' age, the last place for all that are older.
    ages: [u64; 9],
}

impl Bits {
    /// Reads a datagram of `tick`; whether it counts or is merely remembered.
    pub fn read(&mut self, bytes: &[u8], tick: Tick, counts: bool) {
        let tables = Schema::NEWEST.tables();
        let mut reader = SnapshotReader::open(bytes, tables, HZ).expect("our own datagram");
        let (number, usual) = (reader.header().number, reader.header().usual_back);
        if counts {
            let head = |own: &OwnUpdate| {
                let mut writer = SnapshotWriter::default();
                writer.begin(reader.header(), own, DATAGRAM_BYTES_MAX, INDICES_MAX);
                (DATAGRAM_BYTES_MAX * 8 - writer.bits_left()) as u64
            };
            let without = head(&OwnUpdate::None);
            self.heads += without;
            self.owns += head(reader.own()) - without;
        }
        let mut next_index = 0;
        let mut against = None;
        loop {
            let record = reader.next_record(|index, back| {
                let place = (index, number.wrapping_sub(u16::from(back)));
                let (then, state) = self.known.get(&place)?;
                let age = tick.since(*then) as u32;
                against = Some((Baseline::alone(*state, age), back));
                Some(Baseline::alone(*state, age))
            });
            let Some(record) = record.expect("our own datagram") else {
                break;
            };
            let index = match record {
                Record::Enter { index, state, .. } => {
                    self.known.insert((index, number), (tick, state));
                    index
                }
                Record::Update { index, state } => {
                    self.known.insert((index, number), (tick, state));
                    let (baseline, back) = against.take().expect("updates have baselines");
                    if counts {
                        self.gaps += gap_bits(u32::from(index - next_index)) as u64;
                        self.kinds += update_bits(usual, back) as u64;
                        self.weigh(&baseline, &state);
                    }
                    index
                }
                Record::Remove { index, .. } => index,
            };
            next_index = index + 1;
        }
        self.all += if counts { bytes.len() as u64 * 8 } else { 0 };
        let oldest = |n: u16| number.wrapping_sub(n) <= u16::from(BASELINE_BACK_MAX);
        if number.is_multiple_of(64) {
            self.known.retain(|(_, n), _| oldest(*n));
        }
    }

    fn weigh(&mut self, baseline: &Baseline, state: &WireEntity) {
        let tables = Schema::NEWEST.tables();
        let mut out = BitWriter::default();
        delta::write(&mut out, tables, baseline, HZ, state);
        let mut rest = out.bits() as u64;
        let codes = tables.of_walker(baseline.age, HZ).all();
        for (field, number) in baseline.numbers(HZ, state) {
            let bits = codes[field].bits(number) as u64;
            self.fields[field] += bits;
            rest -= bits;
        }
        self.escapes += rest;
        self.updates += 1;
        let last = self.ages.len() - 1;
        self.ages[(baseline.age as usize - 1).min(last)] += 1;
    }

    /// Adds another client's.
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.updates, other.updates),
            (&mut self.gaps, other.gaps),
            (&mut self.kinds, other.kinds),
            (&mut self.escapes, other.escapes),
            (&mut self.heads, other.heads),
            (&mut self.owns, other.owns),
            (&mut self.all, other.all),
        ];
        let fields = self.fields.iter_mut().zip(other.fields);
        let ages = self.ages.iter_mut().zip(other.ages);
        for (sum, more) in pairs.into_iter().chain(fields).chain(ages) {
            *sum += more;
        }
    }

    /// One line, and one for the ages.
    pub fn print(&self) {
        let per_update = |bits: u64| bits as f64 / self.updates as f64;
        let motion: u64 = self.fields.iter().sum();
        let records = self.gaps + self.kinds + self.escapes + motion;
        let rest = self.all - records - self.heads - self.owns;
        let fields = WALKER_FIELDS.iter().zip(self.fields);
        let fields: Vec<String> = fields
            .map(|(name, bits)| format!("{name} {:.2}", per_update(bits)))
            .collect();
        println!(
            "  bits     {:.2} per update: index {:.2}, which baseline {:.2}, escapes {:.2}, {}; headers \
             {:.2}, own state {:.2}, those who come and go, padding {:.2}",
            per_update(self.all),
            per_update(self.gaps),
            per_update(self.kinds),
            per_update(self.escapes),
            fields.join(", "),
            per_update(self.heads),
            per_update(self.owns),
            per_update(rest),
        );
        let shares: Vec<String> = (1..)
            .zip(self.ages)
            .filter(|(_, count)| *count > 0)
            .map(|(age, count)| format!("{age}: {:.0} %", 100.0 * per_update(count)))
            .collect();
        println!("  ages     of baselines, ticks: {}", shares.join(", "));
    }
}
