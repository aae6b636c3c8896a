//! The bytes of a journal segment: one fixed header, then records. `docs/STORAGE.md` draws them.
//!
//! What is written has format 3. Formats before are still read, so that a data directory goes on after
//! a planned stop: records of format 2 had no time; those of format 1 had no sketch either, and a
//! shorter header without provenance.
//!
//! All integers are little-endian. A record's checksum is seeded with its header's, so that a
//! stale block of another segment, reused by the file system, never passes for a record of this.

use bluemarble_shared_protocol::{Epoch, Tick};

use super::{JournalRecord, SegmentHeader};
use crate::limits::{
    BUILD_BYTES_MAX, PROVENANCE_BYTES_MAX, RECORD_PAYLOAD_BYTES_MAX, SKETCH_WORDS_MAX,
    WORLD_NAME_BYTES_MAX,
};

/// The first eight bytes of every segment.
const MAGIC: [u8; 8] = *b"BMJOURNL";
/// The layout that is written.
pub(super) const FORMAT: u32 = 3;
/// The layout before, which is still read.
const FORMAT_2: u32 = 2;
/// The layout before that, likewise.
const FORMAT_1: u32 = 1;
/// Header size, bytes.
pub(super) const HEADER_BYTES: usize = 1024;
/// Header size of format 1, bytes.
const HEADER_1_BYTES: usize = 256;
/// Length and checksum in front of a record's body, bytes.
const FRAME_BYTES: usize = 8;
/// Tick, digest and durable tick at the start of a record's body, bytes.
const BODY_FIXED_BYTES: usize = 24;
/// The shortest record of any format, bytes: one without sketch and payload.
pub(super) const RECORD_BYTES_MIN: usize = FRAME_BYTES + BODY_FIXED_BYTES;
/// When a record was sealed, bytes.
const SEALED_BYTES: usize = 8;
/// The count of a sketch's words, bytes.
const SKETCH_COUNT_BYTES: usize = 4;
/// The longest body of a record, bytes.
const BODY_BYTES_MAX: usize = BODY_FIXED_BYTES
    + SEALED_BYTES
    + SKETCH_COUNT_BYTES
    + 8 * SKETCH_WORDS_MAX
    + RECORD_PAYLOAD_BYTES_MAX;

const WORLD_AT: usize = 40;
const BUILD_AT: usize = WORLD_AT + 1 + WORLD_NAME_BYTES_MAX;
const PROVENANCE_AT: usize = BUILD_AT + 1 + BUILD_BYTES_MAX;
const CRC_AT: usize = HEADER_BYTES - 4;
const CRC_1_AT: usize = HEADER_1_BYTES - 4;
const _: () = assert!(PROVENANCE_AT == CRC_1_AT, "format 2 goes on where 1 ended");
const _: () = assert!(PROVENANCE_AT + 2 + PROVENANCE_BYTES_MAX == CRC_AT);

/// What a header says of the records behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    /// The header's checksum, which seeds theirs.
    pub(super) crc: u32,
    /// The layout of both.
    pub(super) format: u32,
}

impl Seal {
    /// Where the first record begins.
    pub(super) fn header_bytes(self) -> usize {
        header_bytes(self.format)
    }
}

fn header_bytes(format: u32) -> usize {
    match format {
        FORMAT_1 => HEADER_1_BYTES,
        _ => HEADER_BYTES,
    }
}

/// How long the header at the start of `bytes` is, whether or not it is whole.
pub(super) fn header_bytes_of(bytes: &[u8]) -> usize {
    let named = bytes.len() >= 12 && bytes[..8] == MAGIC;
    header_bytes(if named { u32_at(bytes, 8) } else { FORMAT })
}

/// A header as it is on disk: what the caller said, and how the segment follows the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) about: SegmentHeader,
    /// The log had broken: ticks from here to `first_tick - 1` are not in it. `None`: the segment
    /// before ends at `first_tick - 1`, and did so durably before this one was made.
    pub(super) lost_from: Option<Tick>,
}

/// Why bytes are not a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// Fewer bytes than a header has, or not its checksum.
    Damaged,
    /// A later layout.
    Format(u32),
}

impl Header {
    /// The bytes, and what ties the records to them.
    pub(super) fn encode(&self) -> ([u8; HEADER_BYTES], Seal) {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.about.epoch.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.about.first_tick.0.to_le_bytes());
        let lost_from = self.lost_from.map_or(u64::MAX, |tick| tick.0);
        bytes[24..32].copy_from_slice(&lost_from.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.about.content_hash.to_le_bytes());
        put_text(&mut bytes[WORLD_AT..BUILD_AT], &self.about.world);
        put_text(&mut bytes[BUILD_AT..PROVENANCE_AT], &self.about.build);
        let provenance = &self.about.provenance;
        let length = provenance.floor_char_boundary(PROVENANCE_BYTES_MAX);
        let (count, text) = bytes[PROVENANCE_AT..CRC_AT].split_at_mut(2);
        count.copy_from_slice(&(length as u16).to_le_bytes());
        text[..length].copy_from_slice(&provenance.as_bytes()[..length]);
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        let format = FORMAT;
        (bytes, Seal { crc, format })
    }

    /// Reads a header from the start of `bytes`.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, Seal), BadHeader> {
        let start = bytes
            .get(..HEADER_1_BYTES)
            .filter(|start| start[..8] == MAGIC);
        let format = u32_at(start.ok_or(BadHeader::Damaged)?, 8);
        let known = matches!(format, FORMAT | FORMAT_2 | FORMAT_1);
        let bytes = bytes.get(..header_bytes(format)).ok_or(if known {
            BadHeader::Damaged
        } else {
            BadHeader::Format(format)
        })?;
        let crc_at = bytes.len() - 4;
        let crc = u32_at(bytes, crc_at);
        if !known {
            // A later layout may keep its checksum elsewhere, so it is named by its number alone.
            return Err(BadHeader::Format(format));
        }
        if crc32fast::hash(&bytes[..crc_at]) != crc {
            return Err(BadHeader::Damaged);
        }
        let about = SegmentHeader {
            world: take_text(&bytes[WORLD_AT..BUILD_AT]),
            epoch: Epoch(u32_at(bytes, 12)),
            first_tick: Tick(u64_at(bytes, 16)),
            content_hash: u64_at(bytes, 32),
            provenance: match format {
                FORMAT_1 => String::new(),
                _ => take_long_text(&bytes[PROVENANCE_AT..CRC_AT]),
            },
            build: take_text(&bytes[BUILD_AT..PROVENANCE_AT]),
        };
        let lost_from = Some(u64_at(bytes, 24))
            .filter(|&tick| tick != u64::MAX)
            .map(Tick);
        Ok((Self { about, lost_from }, Seal { crc, format }))
    }
}

/// Appends a record's bytes. `durable` is the last tick of this log known to be on the disk.
pub(super) fn encode_record(record: &JournalRecord, durable: Tick, seal: Seal, out: &mut Vec<u8>) {
    debug_assert!(record.payload.len() <= RECORD_PAYLOAD_BYTES_MAX);
    debug_assert!(record.sketch.len() <= SKETCH_WORDS_MAX);
    debug_assert!(seal.format == FORMAT, "only this format is written");
    let start = out.len();
    let sketch_bytes = SKETCH_COUNT_BYTES + 8 * record.sketch.len();
    let fixed_bytes = BODY_FIXED_BYTES + SEALED_BYTES;
    let body_bytes = (fixed_bytes + sketch_bytes + record.payload.len()) as u32;
    out.extend_from_slice(&body_bytes.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&record.tick.0.to_le_bytes());
    out.extend_from_slice(&record.prev_digest.to_le_bytes());
    out.extend_from_slice(&durable.0.to_le_bytes());
    out.extend_from_slice(&record.sealed_ms.to_le_bytes());
    out.extend_from_slice(&(record.sketch.len() as u32).to_le_bytes());
    for word in &record.sketch {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&record.payload);
    let crc = record_crc(seal, &out[start..]);
    out[start + 4..start + FRAME_BYTES].copy_from_slice(&crc.to_le_bytes());
}

/// A whole record found in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) tick: Tick,
    pub(super) prev_digest: u64,
    /// What the writer knew to be on the disk when it wrote this.
    pub(super) durable: Tick,
    /// 0 if the format has none.
    pub(super) sealed_ms: u64,
    /// Words of eight bytes.
    pub(super) sketch: &'a [u8],
    pub(super) payload: &'a [u8],
    /// Bytes it takes in the file.
    pub(super) bytes: usize,
}

impl Found<'_> {
    /// The record, on its own.
    pub(super) fn to_record(&self) -> JournalRecord {
        let (words, _) = self.sketch.as_chunks::<8>();
        JournalRecord {
            tick: self.tick,
            prev_digest: self.prev_digest,
            sealed_ms: self.sealed_ms,
            sketch: words.iter().map(|word| u64::from_le_bytes(*word)).collect(),
            payload: self.payload.to_vec(),
        }
    }
}

/// The record at the start of `bytes`, if it is whole and right.
pub(super) fn decode_record(bytes: &[u8], seal: Seal) -> Option<Found<'_>> {
    if bytes.len() < RECORD_BYTES_MIN {
        return None;
    }
    let body_bytes = u32_at(bytes, 0) as usize;
    if !(BODY_FIXED_BYTES..=BODY_BYTES_MAX).contains(&body_bytes) {
        return None;
    }
    let bytes = bytes.get(..FRAME_BYTES + body_bytes)?;
    if record_crc(seal, bytes) != u32_at(bytes, 4) {
        return None;
    }
    let rest = &bytes[RECORD_BYTES_MIN..];
    let (sealed_ms, rest) = match seal.format {
        FORMAT_1 | FORMAT_2 => (0, rest),
        _ => {
            let (sealed, rest) = rest.split_at_checked(SEALED_BYTES)?;
            (u64_at(sealed, 0), rest)
        }
    };
    let (sketch, payload) = match seal.format {
        FORMAT_1 => rest.split_at(0),
        _ => {
            let (count, rest) = rest.split_at_checked(SKETCH_COUNT_BYTES)?;
            let words = u32_at(count, 0) as usize;
            rest.split_at_checked(words.checked_mul(8)?)?
        }
    };
    if payload.len() > RECORD_PAYLOAD_BYTES_MAX {
        return None;
    }
    Some(Found {
        tick: peek_tick(bytes),
        prev_digest: u64_at(bytes, 16),
        durable: Tick(u64_at(bytes, 24)),
        sealed_ms,
        sketch,
        payload,
        bytes: bytes.len(),
    })
}

/// How long a record at the start of `bytes` says it is, if records can be; unchecked.
///
/// # Panics
/// When `bytes` are fewer than four.
pub(super) fn record_bytes_of(bytes: &[u8]) -> Option<usize> {
    let body_bytes = u32_at(bytes, 0) as usize;
    (BODY_FIXED_BYTES..=BODY_BYTES_MAX)
        .contains(&body_bytes)
        .then_some(FRAME_BYTES + body_bytes)
}

/// The tick a record at the start of `bytes` would be of, unchecked.
///
/// # Panics
/// When `bytes` are fewer than [`RECORD_BYTES_MIN`].
pub(super) fn peek_tick(bytes: &[u8]) -> Tick {
    Tick(u64_at(bytes, 8))
}

/// The file name of a segment. Names sort as (epoch, first tick) do.
pub(crate) fn segment_name(epoch: Epoch, first_tick: Tick) -> String {
    format!("journal-{:010}-{:020}.bmj", epoch.0, first_tick.0)
}

/// What a file name says, `None` if it is not a segment's.
pub(super) fn parse_segment_name(name: &str) -> Option<(Epoch, Tick)> {
    let (epoch, first_tick) = name
        .strip_prefix("journal-")?
        .strip_suffix(".bmj")?
        .split_once('-')?;
    let name_of = (Epoch(epoch.parse().ok()?), Tick(first_tick.parse().ok()?));
    (segment_name(name_of.0, name_of.1) == name).then_some(name_of)
}

/// Checksum of a record: everything but the checksum's own place.
fn record_crc(seal: Seal, record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seal.crc);
    hasher.update(&record[..4]);
    hasher.update(&record[FRAME_BYTES..]);
    hasher.finalize()
}

/// A length byte and the text, cut at a character where it does not fit.
fn put_text(field: &mut [u8], text: &str) {
    let bytes = text.floor_char_boundary(field.len() - 1);
    field[0] = u8::try_from(bytes).expect("the fields are shorter than 256 bytes");
    field[1..=bytes].copy_from_slice(&text.as_bytes()[..bytes]);
}

fn take_text(field: &[u8]) -> String {
    let bytes = usize::from(field[0]).min(field.len() - 1);
    String::from_utf8_lossy(&field[1..=bytes]).into_owned()
}

/// As [`take_text`], with two bytes of length.
fn take_long_text(field: &[u8]) -> String {
    let bytes = usize::from(u16::from_le_bytes([field[0], field[1]])).min(field.len() - 2);
    String::from_utf8_lossy(&field[2..2 + bytes]).into_owned()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(
        bytes[at..at + 4]
            .try_into()
            .expect("four bytes were sliced"),
    )
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(
        bytes[at..at + 8]
            .try_into()
            .expect("eight bytes were sliced"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            about: SegmentHeader {
                world: "earth".to_owned(),
                epoch: Epoch(3),
                first_tick: Tick(0x0102),
                content_hash: 0x1122_3344_5566_7788,
                provenance: "rules=3".to_owned(),
                build: "0.1.0".to_owned(),
            },
            lost_from: Some(Tick(0x00f0)),
        }
    }

    #[test]
    fn golden_bytes_pin_the_header_and_the_record() {
        let (bytes, seal) = header().encode();
        let mut drawn = Vec::new();
        drawn.extend_from_slice(b"BMJOURNL");
        drawn.extend_from_slice(&[3, 0, 0, 0, 3, 0, 0, 0]);
        drawn.extend_from_slice(&[0x02, 0x01, 0, 0, 0, 0, 0, 0]);
        drawn.extend_from_slice(&[0xf0, 0, 0, 0, 0, 0, 0, 0]);
        drawn.extend_from_slice(&[0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
        drawn.extend_from_slice(b"\x05earth");
        drawn.resize(104, 0);
        drawn.extend_from_slice(b"\x050.1.0");
        drawn.resize(252, 0);
        drawn.extend_from_slice(b"\x07\x00rules=3");
        drawn.resize(1020, 0);
        drawn.extend_from_slice(&crc32fast::hash(&drawn).to_le_bytes());
        assert_eq!(bytes.as_slice(), drawn);

        let record = JournalRecord {
            tick: Tick(0x0102),
            prev_digest: 7,
            sealed_ms: 0x0506,
            sketch: vec![0x0203],
            payload: vec![0xaa, 0xbb],
        };
        let mut out = Vec::new();
        encode_record(&record, Tick(0xff), seal, &mut out);
        let mut body = vec![0x02, 0x01, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];
        body.extend_from_slice(&[0xff, 0, 0, 0, 0, 0, 0, 0]);
        body.extend_from_slice(&[6, 5, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        body.extend_from_slice(&[3, 2, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb]);
        // The record's checksum goes on where the header's ends.
        let mut summed = bytes[..CRC_AT].to_vec();
        summed.extend_from_slice(&[46, 0, 0, 0]);
        summed.extend_from_slice(&body);
        let mut drawn = vec![46, 0, 0, 0];
        drawn.extend_from_slice(&crc32fast::hash(&summed).to_le_bytes());
        drawn.extend_from_slice(&body);
        assert_eq!(out, drawn);
    }

    #[test]
    fn header_and_record_survive_and_any_flipped_bit_is_noticed() {
        let (bytes, seal) = header().encode();
        assert_eq!(Header::decode(&bytes), Ok((header(), seal)));
        let record = JournalRecord {
            tick: Tick(9),
            prev_digest: 1 << 60,
            sealed_ms: 1 << 40,
            sketch: vec![4, u64::MAX],
            payload: vec![1, 2, 3],
        };
        let mut out = Vec::new();
        encode_record(&record, Tick(5), seal, &mut out);
        let found = decode_record(&out, seal).unwrap();
        assert_eq!(
            (found.tick, found.prev_digest, found.durable),
            (Tick(9), 1 << 60, Tick(5))
        );
        assert_eq!(found.bytes, out.len());
        assert_eq!(found.to_record(), record);
        let other = Seal {
            crc: seal.crc ^ 1,
            ..seal
        };
        assert_eq!(
            decode_record(&out, other),
            None,
            "a record of another segment"
        );

        for bit in 0..bytes.len() * 8 {
            let mut bent = bytes;
            bent[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&bent).is_err(), "bit {bit}");
        }
        for bit in 0..out.len() * 8 {
            let mut bent = out.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_record(&bent, seal), None, "bit {bit}");
        }
        for cut in 0..out.len() {
            assert_eq!(decode_record(&out[..cut], seal), None);
        }
    }

    #[test]
    fn a_later_format_is_told_from_damage() {
        let (mut bytes, _) = header().encode();
        bytes[8] = 4;
        assert_eq!(Header::decode(&bytes), Err(BadHeader::Format(4)));
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Header::decode(&bytes), Err(BadHeader::Format(4)));
    }

    #[test]
    fn records_without_a_time_are_still_read() {
        let (mut drawn, _) = header().encode();
        drawn[8] = 2;
        let crc = crc32fast::hash(&drawn[..CRC_AT]);
        drawn[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        let (old, seal) = Header::decode(&drawn).unwrap();
        assert_eq!(old, header());
        let mut body = vec![0x02, 0x01, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];
        body.extend_from_slice(&[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        body.extend_from_slice(&[3, 2, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb]);
        let mut summed = drawn[..CRC_AT].to_vec();
        summed.extend_from_slice(&[38, 0, 0, 0]);
        summed.extend_from_slice(&body);
        let mut record = vec![38, 0, 0, 0];
        record.extend_from_slice(&crc32fast::hash(&summed).to_le_bytes());
        record.extend_from_slice(&body);
        let found = decode_record(&record, seal).unwrap().to_record();
        assert_eq!((found.tick, found.prev_digest), (Tick(0x0102), 7));
        assert_eq!((found.sealed_ms, found.sketch), (0, vec![0x0203]));
        assert_eq!(found.payload, [0xaa, 0xbb]);
    }

    #[test]
    fn the_format_before_is_still_read() {
        let mut drawn = Vec::new();
        drawn.extend_from_slice(b"BMJOURNL");
        drawn.extend_from_slice(&[1, 0, 0, 0, 3, 0, 0, 0]);
        drawn.extend_from_slice(&[0x02, 0x01, 0, 0, 0, 0, 0, 0]);
        drawn.extend_from_slice(&[0xf0, 0, 0, 0, 0, 0, 0, 0]);
        drawn.extend_from_slice(&[0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
        drawn.extend_from_slice(b"\x05earth");
        drawn.resize(104, 0);
        drawn.extend_from_slice(b"\x050.1.0");
        drawn.resize(252, 0);
        drawn.extend_from_slice(&crc32fast::hash(&drawn).to_le_bytes());
        let (old, seal) = Header::decode(&drawn).unwrap();
        assert_eq!(seal.header_bytes(), drawn.len());
        let mut expected = header();
        expected.about.provenance.clear();
        assert_eq!(old, expected);

        let mut body = vec![0x02, 0x01, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];
        body.extend_from_slice(&[0xff, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb]);
        let mut summed = drawn[..252].to_vec();
        summed.extend_from_slice(&[26, 0, 0, 0]);
        summed.extend_from_slice(&body);
        let mut record = vec![26, 0, 0, 0];
        record.extend_from_slice(&crc32fast::hash(&summed).to_le_bytes());
        record.extend_from_slice(&body);
        let found = decode_record(&record, seal).unwrap().to_record();
        assert_eq!((found.tick, found.prev_digest), (Tick(0x0102), 7));
        assert_eq!((found.sketch, found.payload), (vec![], vec![0xaa, 0xbb]));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let mut long = header();
        long.about.build = "ä".repeat(200);
        let (again, _) = Header::decode(&long.encode().0).unwrap();
        assert_eq!(again.about.build, "ä".repeat(BUILD_BYTES_MAX / 2));
        long.about.provenance = "ä".repeat(400);
        let (again, _) = Header::decode(&long.encode().0).unwrap();
        assert_eq!(again.about.provenance, "ä".repeat(PROVENANCE_BYTES_MAX / 2));
    }

    #[test]
    fn names_sort_as_segments_do_and_strangers_are_not_segments() {
        let early = segment_name(Epoch(9), Tick(99));
        let late = segment_name(Epoch(10), Tick(5));
        assert!(early < late);
        assert_eq!(parse_segment_name(&late), Some((Epoch(10), Tick(5))));
        for strange in [
            "lock",
            "journal-1-2.bmj",
            "journal-x-y.bmj",
            "journal-.bmj",
            "a.sqlite",
        ] {
            assert_eq!(parse_segment_name(strange), None);
        }
    }
}
