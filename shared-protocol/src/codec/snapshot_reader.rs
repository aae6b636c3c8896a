//! Reads one snapshot datagram, record by record. The caller supplies the baselines; what comes out
//! is typed and bounded, whatever the bytes were.

use crate::bits::BitReader;
use crate::ids::EntityId;
use crate::limits::DATAGRAM_BYTES_MAX;
use crate::strain::Strain;
use crate::wire_frame::{BodyBits, OwnVitals, WireEntity};

use super::delta::Baseline;
use super::snapshot_writer::{DURABLE, GAP, TALLY, USUAL, WAIT};
use super::tables::TableSet;
use super::{
    BACK_BITS, BASELINE_BACK_MAX, CHECK_BITS, COUNT_BITS, DecodeError, EPOCH_BITS, FEW_BITS,
    INDICES_MAX, RemoveReason, SNAPSHOT_KIND, SnapshotHeader, delta, full,
};

/// What a snapshot says about the client's own avatar.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum OwnUpdate {
    /// Nothing: another datagram of the tick does, or there is no avatar.
    #[default]
    None,
    /// As the client should have predicted it.
    Hash {
        /// Short hash of the exact body after the applied intent.
        body_hash: u32,
        /// The rest, unless it is what the client knows already.
        vitals: Option<OwnVitals>,
    },
    /// Exactly.
    Full {
        /// The body.
        body: BodyBits,
        /// The rest.
        vitals: OwnVitals,
    },
}

/// One record of a snapshot. The index is the client's own number for the entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// From now on `index` is this entity (again, if it was so before).
    Enter {
        /// Client-local index.
        index: u16,
        /// Who.
        id: EntityId,
        /// Its state.
        state: WireEntity,
    },
    /// The new state of a known entity.
    Update {
        /// Client-local index.
        index: u16,
        /// Its state.
        state: WireEntity,
    },
    /// The entity left the view.
    Remove {
        /// Client-local index; free for another entity after the client has acknowledged this.
        index: u16,
        /// Why.
        reason: RemoveReason,
    },
}

/// A snapshot being read.
#[derive(Clone, Debug)]
pub struct SnapshotReader<'a> {
    bits: BitReader<'a>,
    header: SnapshotHeader,
    own: OwnUpdate,
    records_left: u32,
    next_index: usize,
    cell: Option<u64>,
    tables: &'a TableSet,
    tick_hz: u32,
}

impl<'a> SnapshotReader<'a> {
    /// Reads header and own section.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn open(bytes: &'a [u8], tables: &'a TableSet, tick_hz: u32) -> Result<Self, DecodeError> {
        if bytes.len() > DATAGRAM_BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        let mut bits = BitReader::new(bytes);
        let kind = bits.read(8)? as u8;
        if kind != SNAPSHOT_KIND {
            return Err(DecodeError::Kind(kind));
        }
        let mut header = SnapshotHeader {
            number: bits.read(16)? as u16,
            epoch: bits.read(EPOCH_BITS)? as u8,
            tick: bits.read(16)? as u16,
            usual_back: USUAL.read(&mut bits)? as u8,
            strain: read_strain(&mut bits)?,
            ..SnapshotHeader::default()
        };
        if header.usual_back > BASELINE_BACK_MAX {
            return Err(DecodeError::Range("usual"));
        }
        let own = read_own(&mut bits)?;
        if own != OwnUpdate::None {
            header.applied = bits.read(16)? as u16;
            header.durable_age = DURABLE.read(&mut bits)?.min(255) as u8;
        }
        if bits.read_bool()? {
            header.check = Some(bits.read(CHECK_BITS)? as u32);
        }
        let many = bits.read_bool()?;
        let records_left = bits.read(if many { COUNT_BITS } else { FEW_BITS })? as u32;
        Ok(Self {
            bits,
            header,
            own,
            records_left,
            next_index: 0,
            cell: None,
            tables,
            tick_hz,
        })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &SnapshotHeader {
        &self.header
    }

    /// The own section.
    #[must_use]
    pub fn own(&self) -> &OwnUpdate {
        &self.own
    }

    /// The next record, or `None` behind the last. `baseline(index, back)` is what the entity was
    /// `back` datagrams before this one.
    ///
    /// # Errors
    /// [`DecodeError`]; then no further record can be read.
    pub fn next_record(
        &mut self,
        baseline: impl FnOnce(u16, u8) -> Option<Baseline>,
    ) -> Result<Option<Record>, DecodeError> {
        if self.records_left == 0 {
            return if self.bits.only_padding_left() {
                Ok(None)
            } else {
                Err(DecodeError::Trailing)
            };
        }
        self.records_left -= 1;
        let index = self.read_index()?;
        let usual = self.header.usual_back;
        let record = if !self.bits.read_bool()? {
            self.read_update(index, usual, baseline)?
        } else if !self.bits.read_bool()? {
            let newer = self.bits.read_bool()?;
            let back = if newer {
                usual.saturating_sub(1)
            } else {
                usual + 1
            };
            self.read_update(index, back, baseline)?
        } else if !self.bits.read_bool()? {
            let back = self.bits.read(BACK_BITS)? as u8;
            self.read_update(index, back, baseline)?
        } else if !self.bits.read_bool()? {
            self.read_enter(index)?
        } else {
            let reason = RemoveReason::from_bits(self.bits.read(RemoveReason::BITS)?)?;
            Record::Remove { index, reason }
        };
        Ok(Some(record))
    }

    fn read_index(&mut self) -> Result<u16, DecodeError> {
        let gap = GAP.read(&mut self.bits)? as usize;
        let index = self.next_index + gap;
        if index >= INDICES_MAX {
            return Err(DecodeError::Range("index"));
        }
        self.next_index = index + 1;
        Ok(index as u16)
    }

    fn read_update(
        &mut self,
        index: u16,
        back: u8,
        baseline: impl FnOnce(u16, u8) -> Option<Baseline>,
    ) -> Result<Record, DecodeError> {
        let unknown = DecodeError::UnknownBaseline { index, back };
        let baseline = if (1..=BASELINE_BACK_MAX).contains(&back) {
            baseline(index, back)
        } else {
            None
        };
        let baseline = baseline.ok_or(unknown)?;
        let state = delta::read(&mut self.bits, self.tables, &baseline, self.tick_hz)?;
        Ok(Record::Update { index, state })
    }

    fn read_enter(&mut self, index: u16) -> Result<Record, DecodeError> {
        let id = EntityId(self.bits.read(64)?);
        let cell = if self.bits.read_bool()? {
            self.bits.read(64)?
        } else {
            self.cell.ok_or(DecodeError::Range("cell"))?
        };
        self.cell = Some(cell);
        let state = full::read(&mut self.bits, cell)?;
        Ok(Record::Enter { index, id, state })
    }
}

fn read_strain(bits: &mut BitReader<'_>) -> Result<Strain, DecodeError> {
    if !bits.read_bool()? {
        return Ok(Strain::NONE);
    }
    let level = bits.read(Strain::LEVEL_BITS)? as u8;
    let slower_eighths = bits.read(Strain::SLOWER_BITS)? as u8;
    Strain::told(level, slower_eighths).ok_or(DecodeError::Range("strain"))
}

fn read_own(bits: &mut BitReader<'_>) -> Result<OwnUpdate, DecodeError> {
    match bits.read(2)? {
        0 => Ok(OwnUpdate::None),
        1 => Ok(OwnUpdate::Hash {
            body_hash: bits.read(32)? as u32,
            vitals: if bits.read_bool()? {
                Some(read_vitals(bits)?)
            } else {
                None
            },
        }),
        2 => Ok(OwnUpdate::Full {
            body: read_body(bits)?,
            vitals: read_vitals(bits)?,
        }),
        _ => Err(DecodeError::Range("own")),
    }
}

fn read_body(bits: &mut BitReader<'_>) -> Result<BodyBits, DecodeError> {
    let mut values = [0.0; 9];
    for value in &mut values {
        *value = f64::from_bits(bits.read(64)?);
        if !value.is_finite() {
            return Err(DecodeError::Range("body"));
        }
    }
    match bits.read(2)? {
        3 => Err(DecodeError::Range("support")),
        support => Ok(BodyBits {
            values,
            support: support as u8,
        }),
    }
}

fn read_vitals(bits: &mut BitReader<'_>) -> Result<OwnVitals, DecodeError> {
    let ticks = |waits: u32| u16::try_from(waits).map_err(|_| DecodeError::Range("ticks"));
    Ok(OwnVitals {
        health: bits.read(16)? as u16,
        health_max: bits.read(16)? as u16,
        ready_in_ticks: ticks(WAIT.read(bits)?)?,
        respawn_in_ticks: ticks(WAIT.read(bits)?)?,
        kills: TALLY.read(bits)?,
        deaths: TALLY.read(bits)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tables::V2;
    use super::super::testing::Dice;
    use super::super::{SnapshotWriter, WriterFull};
    use super::*;
    use crate::bits::BitWriter;

    const HZ: u32 = 20;

    fn baseline_of(index: u16, back: u8) -> Option<Baseline> {
        let state = Dice(u64::from(index) << 8 | u64::from(back)).entity();
        (back < 101).then_some(Baseline {
            earlier: back
                .is_multiple_of(2)
                .then(|| (Dice(u64::from(index)).nudged(&state), 2)),
            state,
            age: u32::from(back),
        })
    }

    /// A datagram of random records, and what should be read back.
    fn random(seed: u64) -> (Vec<u8>, SnapshotHeader, OwnUpdate, Vec<Record>) {
        let mut dice = Dice(seed);
        let header = SnapshotHeader {
            number: dice.word() as u16,
            epoch: dice.below(16) as u8,
            tick: dice.word() as u16,
            applied: dice.word() as u16,
            durable_age: dice.word() as u8,
            usual_back: dice.below(100) as u8,
            strain: Strain::new(dice.below(7) as u8, dice.below(25) as u8),
            check: (dice.below(2) == 0).then(|| dice.word() as u32),
        };
        let mut header = header;
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
        if own == OwnUpdate::None {
            (header.applied, header.durable_age) = (0, u8::MAX);
        }
        let mut writer = SnapshotWriter::default();
        let records_max = [20, 31, 32, 5_000][dice.below(4) as usize];
        writer.begin(&header, &own, DATAGRAM_BYTES_MAX, records_max);
        let (mut records, mut index) = (Vec::new(), dice.below(4) as u16);
        loop {
            let mut string = BitWriter::default();
            let (written, record) = match dice.below(8) {
                0 => {
                    let reason = [
                        RemoveReason::Gone,
                        RemoveReason::OutOfView,
                        RemoveReason::Hidden,
                    ][dice.below(3) as usize];
                    (
                        writer.remove(index, reason),
                        Record::Remove { index, reason },
                    )
                }
                1 | 2 => {
                    let mut state = dice.entity();
                    state.cell = 0x4000 + u64::from(dice.below(2));
                    let id = EntityId(dice.word());
                    full::write(&mut string, &state);
                    let count = string.bits();
                    string.align();
                    (
                        writer.enter(index, id, state.cell, string.string(0), count),
                        Record::Enter { index, id, state },
                    )
                }
                n => {
                    let usual = header.usual_back;
                    let back =
                        [1, 1, 1, usual, usual + 1, usual.max(2) - 1, 1, 1][n as usize].max(1);
                    let base = baseline_of(index, back).unwrap();
                    let state = dice.nudged(&base.state);
                    delta::write(&mut string, &V2, &base, HZ, &state);
                    let count = string.bits();
                    string.align();
                    (
                        writer.update(index, back, string.string(0), count),
                        Record::Update { index, state },
                    )
                }
            };
            if written == Err(WriterFull) {
                break;
            }
            records.push(record);
            index += 1 + (dice.below(3) * dice.below(20)) as u16;
        }
        (writer.finish(), header, own, records)
    }

    fn read_all(bytes: &[u8]) -> Result<(SnapshotHeader, OwnUpdate, Vec<Record>), DecodeError> {
        let mut reader = SnapshotReader::open(bytes, &V2, HZ)?;
        let mut records = Vec::new();
        while let Some(record) = reader.next_record(baseline_of)? {
            records.push(record);
        }
        Ok((*reader.header(), *reader.own(), records))
    }

    #[test]
    fn a_full_datagram_survives_and_keeps_to_its_size() {
        for seed in 0..500 {
            let (bytes, header, own, records) = random(seed);
            assert!(bytes.len() <= DATAGRAM_BYTES_MAX, "seed {seed}");
            assert_eq!(read_all(&bytes), Ok((header, own, records)), "seed {seed}");
        }
    }

    #[test]
    fn mutated_truncated_and_random_datagrams_never_panic() {
        for seed in 0..3_000 {
            let mut dice = Dice(seed);
            let (mut bytes, ..) = random(seed % 20);
            for _ in 0..1 + dice.below(4) {
                let at = dice.below(bytes.len() as u32) as usize;
                bytes[at] ^= dice.word() as u8;
            }
            bytes.truncate(dice.below(bytes.len() as u32 + 1) as usize);
            let _ = read_all(&bytes);
            let mut noise = dice.bytes(200);
            if let Some(first) = noise.first_mut() {
                *first = SNAPSHOT_KIND;
            }
            let _ = read_all(&noise);
        }
    }

    #[test]
    fn every_truncation_is_an_error() {
        let (bytes, ..) = random(3);
        for length in 0..bytes.len() {
            assert!(read_all(&bytes[..length]).is_err(), "{length}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        let error = read_all(&longer).unwrap_err();
        assert!(matches!(
            error,
            DecodeError::Trailing | DecodeError::TooLong
        ));
    }

    #[test]
    fn an_unknown_baseline_a_foreign_kind_and_excess_length_are_told_apart() {
        let mut writer = SnapshotWriter::default();
        let header = SnapshotHeader {
            usual_back: 120,
            ..SnapshotHeader::default()
        };
        writer.begin(&header, &OwnUpdate::None, DATAGRAM_BYTES_MAX, 1);
        writer.update(7, 120, &[0], 1).unwrap();
        let bytes = writer.finish();
        assert_eq!(
            read_all(&bytes),
            Err(DecodeError::UnknownBaseline {
                index: 7,
                back: 120
            })
        );
        assert_eq!(read_all(&[0x21, 0]), Err(DecodeError::Kind(0x21)));
        assert_eq!(
            read_all(&[SNAPSHOT_KIND; DATAGRAM_BYTES_MAX + 1]),
            Err(DecodeError::TooLong)
        );
        assert_eq!(read_all(&[]), Err(DecodeError::Truncated));
    }
}
