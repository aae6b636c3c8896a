//! Writes one snapshot datagram: header, own section, then records in ascending index order, each
//! refused if it would not fit. See docs/PROTOCOL.md for the drawing.

use crate::bits::BitWriter;
use crate::ids::EntityId;
use crate::limits::DATAGRAM_BYTES_MAX;
use crate::strain::Strain;
use crate::wire_frame::{BodyBits, OwnVitals};

use super::prefix::BucketCode;
use super::snapshot_reader::OwnUpdate;
use super::{
    BACK_BITS, BASELINE_BACK_MAX, CHECK_BITS, COUNT_BITS, EPOCH_BITS, FEW_BITS, INDEX_BITS,
    INDICES_MAX, RemoveReason, SNAPSHOT_KIND, SnapshotHeader,
};

/// How far an index lies above the one before it, minus one.
pub(super) const GAP: BucketCode = BucketCode::new(&[0, 0, 1, 3, 5, INDEX_BITS as u8]);
/// Gaps from here on are written with the last bucket.
const SMALL_GAPS_END: usize = 44;
/// The codes of the smallest gaps, which nearly all are, and their bits.
const SMALL_GAPS: [(u16, u16); SMALL_GAPS_END] = {
    let mut codes = [(0, 0); SMALL_GAPS_END];
    let mut gap = 0;
    while gap < SMALL_GAPS_END {
        let (code, bits) = GAP.code(gap as u32);
        codes[gap] = (code as u16, bits as u16);
        gap += 1;
    }
    codes
};
/// How many datagrams back the usual baseline lies: as many as a round trip takes ticks.
pub(super) const USUAL: BucketCode = BucketCode::new(&[2, 3, 7]);
/// How many ticks ago inputs were durable.
pub(super) const DURABLE: BucketCode = BucketCode::new(&[2, 4, 8]);
/// Ticks to wait for something.
pub(super) const WAIT: BucketCode = BucketCode::new(&[0, 8, 16]);
/// Kills and deaths.
pub(super) const TALLY: BucketCode = BucketCode::new(&[4, 10, 32]);

/// The record does not fit into what is left of the datagram; nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterFull;

/// Builds one datagram after the other in the same memory.
#[derive(Clone, Debug, Default)]
pub struct SnapshotWriter {
    bits: BitWriter,
    /// Bits this datagram may have.
    room: usize,
    count_at: usize,
    count_bits: u32,
    count: u32,
    check_at: Option<usize>,
    /// The next index that a gap of one means.
    next_index: usize,
    usual_back: u8,
    /// Frame cell of the last entering entity.
    cell: Option<u64>,
}

impl SnapshotWriter {
    /// Starts a datagram of at most `bytes_max` bytes; header and own section always go in. It takes no
    /// more than `records_max` records: few are counted in fewer bits.
    pub fn begin(
        &mut self,
        header: &SnapshotHeader,
        own: &OwnUpdate,
        bytes_max: usize,
        records_max: usize,
    ) {
        self.bits.clear();
        self.room = bytes_max.min(DATAGRAM_BYTES_MAX) * 8;
        self.count = 0;
        self.next_index = 0;
        self.cell = None;
        self.usual_back = header.usual_back.min(BASELINE_BACK_MAX);
        let out = &mut self.bits;
        out.write(u64::from(SNAPSHOT_KIND), 8);
        out.write(u64::from(header.number), 16);
        out.write(
            u64::from(header.epoch) & ((1 << EPOCH_BITS) - 1),
            EPOCH_BITS,
        );
        out.write(u64::from(header.tick), 16);
        USUAL.write(out, u32::from(self.usual_back));
        write_strain(out, header.strain);
        write_own(out, own);
        if *own != OwnUpdate::None {
            out.write(u64::from(header.applied), 16);
            DURABLE.write(out, u32::from(header.durable_age));
        }
        out.write_bool(header.check.is_some());
        self.check_at = header.check.map(|check| {
            let at = out.bits();
            out.write(u64::from(check), CHECK_BITS);
            at
        });
        let many = records_max >= 1 << FEW_BITS;
        out.write_bool(many);
        self.count_bits = if many { COUNT_BITS } else { FEW_BITS };
        self.count_at = out.bits();
        out.write(0, self.count_bits);
    }

    /// Bits left.
    #[must_use]
    pub fn bits_left(&self) -> usize {
        self.room.saturating_sub(self.bits.bits())
    }

    /// Records so far.
    #[must_use]
    pub fn records(&self) -> u32 {
        self.count
    }

    /// A delta against the state `back` datagrams ago (1 ..= [`BASELINE_BACK_MAX`]): the first
    /// `count` bits of `delta`.
    ///
    /// # Errors
    /// [`WriterFull`].
    pub fn update(
        &mut self,
        index: u16,
        back: u8,
        delta: &[u64],
        count: usize,
    ) -> Result<(), WriterFull> {
        let (head, head_bits) = self.begin_update(index, back, count)?;
        self.bits.write(head, head_bits as u32);
        self.bits.splice(delta, count);
        Ok(())
    }

    /// As [`Self::update`], of a delta of at most 64 bits: nearly all are, and there are more of them than
    /// of anything else.
    ///
    /// # Errors
    /// [`WriterFull`].
    #[inline]
    pub fn update_word(
        &mut self,
        index: u16,
        back: u8,
        delta: u64,
        count: usize,
    ) -> Result<(), WriterFull> {
        let (head, head_bits) = self.begin_update(index, back, count)?;
        if head_bits + count <= 64 {
            let all = head | delta << head_bits;
            self.bits.write(all, (head_bits + count) as u32);
        } else {
            self.bits.write(head, head_bits as u32);
            self.bits.write(delta, count as u32);
        }
        Ok(())
    }

    /// Counts an update that fits: what is to be written before its delta, and the bits of that.
    #[inline]
    fn begin_update(
        &mut self,
        index: u16,
        back: u8,
        count: usize,
    ) -> Result<(u64, usize), WriterFull> {
        debug_assert!((1..=BASELINE_BACK_MAX).contains(&back));
        let kind_bits = update_bits(self.usual_back, back);
        let kind = match kind_bits {
            1 => 0,
            NEXT_TO_USUAL_BITS => 0b01 | u64::from(back < self.usual_back) << 2,
            _ => 0b011 | u64::from(back) << 3,
        };
        let (gap, gap_bits) = self.begin_record(index, kind_bits + count)?;
        Ok((gap | kind << gap_bits, gap_bits + kind_bits))
    }

    /// An entity the client may not know: its id and, as the first `count` bits of `body`, all of
    /// its state but the frame cell.
    ///
    /// # Errors
    /// [`WriterFull`].
    pub fn enter(
        &mut self,
        index: u16,
        id: EntityId,
        cell: u64,
        body: &[u64],
        count: usize,
    ) -> Result<(), WriterFull> {
        let same_cell = self.cell == Some(cell);
        let cell_bits = if same_cell { 1 } else { 65 };
        let (gap, gap_bits) = self.begin_record(index, 4 + 64 + cell_bits + count)?;
        self.bits
            .write(gap | 0b0111 << gap_bits, gap_bits as u32 + 4);
        self.bits.write(id.0, 64);
        self.bits.write_bool(!same_cell);
        if !same_cell {
            self.bits.write(cell, 64);
            self.cell = Some(cell);
        }
        self.bits.splice(body, count);
        Ok(())
    }

    /// An entity the client shall forget.
    ///
    /// # Errors
    /// [`WriterFull`].
    pub fn remove(&mut self, index: u16, reason: RemoveReason) -> Result<(), WriterFull> {
        let (gap, gap_bits) = self.begin_record(index, REMOVE_BITS)?;
        let rest = 0b1111 | (reason as u64) << 4;
        self.bits
            .write(gap | rest << gap_bits, (gap_bits + REMOVE_BITS) as u32);
        Ok(())
    }

    /// Counts a record that fits: the code of its index, which is still to be written, and that code's
    /// bits.
    #[inline]
    fn begin_record(&mut self, index: u16, rest_bits: usize) -> Result<(u64, usize), WriterFull> {
        let index = usize::from(index);
        debug_assert!((self.next_index..INDICES_MAX).contains(&index), "ascending");
        let gap = (index - self.next_index) as u32;
        let (code, bits) = match SMALL_GAPS.get(gap as usize) {
            Some(&(code, bits)) => (code.into(), bits.into()),
            None => GAP.code(gap),
        };
        let fits = self.bits_left() >= bits as usize + rest_bits;
        if !fits || self.count + 1 >= 1 << self.count_bits {
            return Err(WriterFull);
        }
        self.next_index = index + 1;
        self.count += 1;
        Ok((code, bits as usize))
    }

    /// What the records add up to, where the header had a check: it is known only behind the last one.
    pub fn set_check(&mut self, check: u32) {
        if let Some(at) = self.check_at {
            self.bits.patch(at, u64::from(check), CHECK_BITS);
        }
    }

    /// The finished datagram.
    #[must_use]
    pub fn finish(&mut self) -> Vec<u8> {
        self.bits
            .patch(self.count_at, u64::from(self.count), self.count_bits);
        self.bits.to_bytes()
    }
}

/// Bits that the index of a record takes, `gap` indices above the next possible one.
#[must_use]
pub const fn gap_bits(gap: u32) -> usize {
    match gap {
        0 => 1,
        1 => 2,
        2..=3 => 4,
        4..=11 => 7,
        12..=43 => 10,
        _ => 5 + INDEX_BITS as usize,
    }
}

/// Bits of an update whose baseline is one datagram older or newer than the usual one, beside gap and
/// delta.
const NEXT_TO_USUAL_BITS: usize = 3;

/// Bits of an update beside gap and delta.
#[must_use]
pub const fn update_bits(usual_back: u8, back: u8) -> usize {
    if back == usual_back {
        1
    } else if back.abs_diff(usual_back) == 1 {
        NEXT_TO_USUAL_BITS
    } else {
        3 + BACK_BITS as usize
    }
}

/// Bits of an entering record beside gap, cell and state: what it is, id, whether the cell is the last
/// one's.
pub const ENTER_BITS: usize = 4 + 64 + 1;
/// Bits of a removal beside the gap.
pub const REMOVE_BITS: usize = 4 + RemoveReason::BITS as usize;

/// One bit on an ordinary day.
fn write_strain(out: &mut BitWriter, strain: Strain) {
    let strained = strain != Strain::NONE;
    out.write_bool(strained);
    if strained {
        out.write(u64::from(strain.level()), Strain::LEVEL_BITS);
        out.write(u64::from(strain.slower_eighths()), Strain::SLOWER_BITS);
    }
}

fn write_own(out: &mut BitWriter, own: &OwnUpdate) {
    match own {
        OwnUpdate::None => out.write(0, 2),
        OwnUpdate::Hash { body_hash, vitals } => {
            out.write(1, 2);
            out.write(u64::from(*body_hash), 32);
            out.write_bool(vitals.is_some());
            if let Some(vitals) = vitals {
                write_vitals(out, vitals);
            }
        }
        OwnUpdate::Full { body, vitals } => {
            out.write(2, 2);
            write_body(out, body);
            write_vitals(out, vitals);
        }
    }
}

fn write_body(out: &mut BitWriter, body: &BodyBits) {
    for value in body.values {
        out.write(value.to_bits(), 64);
    }
    out.write(u64::from(body.support & 3), 2);
}

fn write_vitals(out: &mut BitWriter, vitals: &OwnVitals) {
    out.write(u64::from(vitals.health), 16);
    out.write(u64::from(vitals.health_max), 16);
    WAIT.write(out, u32::from(vitals.ready_in_ticks));
    WAIT.write(out, u32::from(vitals.respawn_in_ticks));
    TALLY.write(out, vitals.kills);
    TALLY.write(out, vitals.deaths);
}
