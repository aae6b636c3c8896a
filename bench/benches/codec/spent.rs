//! Where the bits went.

use std::fmt;

use bluemarble_shared_protocol::bits::BitWriter;
use bluemarble_shared_protocol::codec::delta::{self, BODY_FIELDS};
use bluemarble_shared_protocol::codec::tables::TableSet;
use bluemarble_shared_protocol::codec::{ENTER_BITS, REMOVE_BITS, gap_bits, update_bits};

use super::bodies::HZ;
use super::session::{Plan, Telling};

/// Bits by what they say.
#[derive(Debug, Default)]
pub struct Spent {
    /// Updates and enters: states told.
    pub updates: u64,
    bytes: u64,
    datagrams: u64,
    enters: u64,
    ids: u64,
    baselines: u64,
    entering: u64,
    removing: u64,
    fields: [u64; BODY_FIELDS.len()],
    deltas: u64,
}

impl Spent {
    /// One datagram.
    pub fn add(&mut self, plan: &Plan, bytes: usize, tables: &TableSet) {
        self.datagrams += 1;
        self.bytes += bytes as u64;
        let mut next = 0;
        for (index, record) in &plan.records {
            self.ids += gap_bits(u32::from(index - next)) as u64;
            next = index + 1;
            match record {
                Telling::Remove => self.removing += REMOVE_BITS as u64,
                Telling::Enter(_, state) => {
                    self.updates += 1;
                    self.enters += 1;
                    let mut out = BitWriter::default();
                    bluemarble_shared_protocol::codec::full::write(&mut out, state);
                    self.entering += (ENTER_BITS + 64 + out.bits()) as u64;
                }
                Telling::Update(back, base, state) => {
                    self.updates += 1;
                    self.baselines += update_bits(plan.header.usual_back, *back) as u64;
                    let mut out = BitWriter::default();
                    delta::write(&mut out, tables, base, HZ, state);
                    self.deltas += out.bits() as u64;
                    let codes = tables.of_body(base.age, HZ);
                    for (field, number) in base.numbers(HZ, state) {
                        self.fields[field] += codes[field].bits(number) as u64;
                    }
                }
            }
        }
    }

    /// Of the whole datagrams.
    pub fn bytes_per_update(&self) -> f64 {
        self.bytes as f64 / self.updates as f64
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = |bits: u64| bits as f64 / self.updates as f64;
        let fields: u64 = self.fields.iter().sum();
        let records = self.ids + self.baselines + self.entering + self.removing + self.deltas;
        let all = self.bytes * 8;
        writeln!(out, "  bits per update, of {:.2}:", per(all))?;
        writeln!(out, "    {:6.2}  headers and padding", per(all - records))?;
        writeln!(out, "    {:6.2}  ids (gaps between indices)", per(self.ids))?;
        writeln!(out, "    {:6.2}  which baseline", per(self.baselines))?;
        writeln!(
            out,
            "    {:6.2}  {} enters, {} removals' bits",
            per(self.entering + self.removing),
            self.enters,
            self.removing
        )?;
        writeln!(
            out,
            "    {:6.2}  what changed, greatest component, whole states",
            per(self.deltas - fields)
        )?;
        for (name, bits) in BODY_FIELDS.iter().zip(self.fields) {
            writeln!(out, "    {:6.2}  {name}", per(bits))?;
        }
        Ok(())
    }
}
