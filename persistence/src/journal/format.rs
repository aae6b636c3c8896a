//! The bytes of a journal segment: one fixed header, then records. `docs/STORAGE.md` draws them.
//!
//! All integers are little-endian. A record's checksum is seeded with its header's, so that a
//! stale block of another segment, reused by the file system, never passes for a record of this.

use bluemarble_shared_protocol::{Epoch, Tick};

use super::{JournalRecord, SegmentHeader};
use crate::limits::{BUILD_BYTES_MAX, RECORD_PAYLOAD_BYTES_MAX, WORLD_NAME_BYTES_MAX};

/// The first eight bytes of every segment.
const MAGIC: [u8; 8] = *b"BMJOURNL";
/// The layout described here.
pub(super) const FORMAT: u32 = 1;
/// Header size, bytes.
pub(super) const HEADER_BYTES: usize = 256;
/// Length and checksum in front of a record's body, bytes.
const FRAME_BYTES: usize = 8;
/// Tick, digest and durable tick at the start of a record's body, bytes.
const BODY_FIXED_BYTES: usize = 24;
/// A record without payload, bytes.
pub(super) const RECORD_BYTES_MIN: usize = FRAME_BYTES + BODY_FIXED_BYTES;

const WORLD_AT: usize = 40;
const BUILD_AT: usize = WORLD_AT + 1 + WORLD_NAME_BYTES_MAX;
const CRC_AT: usize = HEADER_BYTES - 4;
const _: () = assert!(BUILD_AT + 1 + BUILD_BYTES_MAX == CRC_AT);

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
    /// The bytes, and the checksum that seeds the records'.
    pub(super) fn encode(&self) -> ([u8; HEADER_BYTES], u32) {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.about.epoch.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.about.first_tick.0.to_le_bytes());
        let lost_from = self.lost_from.map_or(u64::MAX, |tick| tick.0);
        bytes[24..32].copy_from_slice(&lost_from.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.about.content_hash.to_le_bytes());
        put_text(&mut bytes[WORLD_AT..BUILD_AT], &self.about.world);
        put_text(&mut bytes[BUILD_AT..CRC_AT], &self.about.build);
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        (bytes, crc)
    }

    /// Reads a header from the start of `bytes`.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, u32), BadHeader> {
        let bytes = bytes
            .first_chunk::<HEADER_BYTES>()
            .ok_or(BadHeader::Damaged)?;
        if bytes[..8] != MAGIC {
            return Err(BadHeader::Damaged);
        }
        let crc = u32_at(bytes, CRC_AT);
        if crc32fast::hash(&bytes[..CRC_AT]) != crc {
            // A later layout may keep its checksum elsewhere, so it is named by its number alone.
            return match u32_at(bytes, 8) {
                FORMAT => Err(BadHeader::Damaged),
                other => Err(BadHeader::Format(other)),
            };
        }
        if u32_at(bytes, 8) != FORMAT {
            return Err(BadHeader::Format(u32_at(bytes, 8)));
        }
        let about = SegmentHeader {
            world: take_text(&bytes[WORLD_AT..BUILD_AT]),
            epoch: Epoch(u32_at(bytes, 12)),
            first_tick: Tick(u64_at(bytes, 16)),
            content_hash: u64_at(bytes, 32),
            build: take_text(&bytes[BUILD_AT..CRC_AT]),
        };
        let lost_from = Some(u64_at(bytes, 24))
            .filter(|&tick| tick != u64::MAX)
            .map(Tick);
        Ok((Self { about, lost_from }, crc))
    }
}

/// Appends a record's bytes. `durable` is the last tick of this log known to be on the disk.
pub(super) fn encode_record(record: &JournalRecord, durable: Tick, seed: u32, out: &mut Vec<u8>) {
    debug_assert!(record.payload.len() <= RECORD_PAYLOAD_BYTES_MAX);
    let start = out.len();
    let body_bytes = (BODY_FIXED_BYTES + record.payload.len()) as u32;
    out.extend_from_slice(&body_bytes.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&record.tick.0.to_le_bytes());
    out.extend_from_slice(&record.prev_digest.to_le_bytes());
    out.extend_from_slice(&durable.0.to_le_bytes());
    out.extend_from_slice(&record.payload);
    let crc = record_crc(seed, &out[start..]);
    out[start + 4..start + FRAME_BYTES].copy_from_slice(&crc.to_le_bytes());
}

/// A whole record found in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) tick: Tick,
    pub(super) prev_digest: u64,
    /// What the writer knew to be on the disk when it wrote this.
    pub(super) durable: Tick,
    pub(super) payload: &'a [u8],
    /// Bytes it takes in the file.
    pub(super) bytes: usize,
}

/// The record at the start of `bytes`, if it is whole and right.
pub(super) fn decode_record(bytes: &[u8], seed: u32) -> Option<Found<'_>> {
    if bytes.len() < RECORD_BYTES_MIN {
        return None;
    }
    let body_bytes = u32_at(bytes, 0) as usize;
    if !(BODY_FIXED_BYTES..=BODY_FIXED_BYTES + RECORD_PAYLOAD_BYTES_MAX).contains(&body_bytes) {
        return None;
    }
    let bytes = bytes.get(..FRAME_BYTES + body_bytes)?;
    if record_crc(seed, bytes) != u32_at(bytes, 4) {
        return None;
    }
    Some(Found {
        tick: peek_tick(bytes),
        prev_digest: u64_at(bytes, 16),
        durable: Tick(u64_at(bytes, 24)),
        payload: &bytes[RECORD_BYTES_MIN..],
        bytes: bytes.len(),
    })
}

/// The tick a record at the start of `bytes` would be of, unchecked.
///
/// # Panics
/// When `bytes` are fewer than [`RECORD_BYTES_MIN`].
pub(super) fn peek_tick(bytes: &[u8]) -> Tick {
    Tick(u64_at(bytes, 8))
}

/// The file name of a segment. Names sort as (epoch, first tick) do.
pub(super) fn segment_name(epoch: Epoch, first_tick: Tick) -> String {
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
fn record_crc(seed: u32, record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
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
                build: "0.1.0".to_owned(),
            },
            lost_from: Some(Tick(0x00f0)),
        }
    }

    #[test]
    fn golden_bytes_pin_the_header_and_the_record() {
        let (bytes, seed) = header().encode();
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
        assert_eq!(bytes.as_slice(), drawn);

        let record = JournalRecord {
            tick: Tick(0x0102),
            prev_digest: 7,
            payload: vec![0xaa, 0xbb],
        };
        let mut out = Vec::new();
        encode_record(&record, Tick(0xff), seed, &mut out);
        let mut body = vec![0x02, 0x01, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];
        body.extend_from_slice(&[0xff, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb]);
        // The record's checksum goes on where the header's ends.
        let mut summed = bytes[..CRC_AT].to_vec();
        summed.extend_from_slice(&[26, 0, 0, 0]);
        summed.extend_from_slice(&body);
        let mut drawn = vec![26, 0, 0, 0];
        drawn.extend_from_slice(&crc32fast::hash(&summed).to_le_bytes());
        drawn.extend_from_slice(&body);
        assert_eq!(out, drawn);
    }

    #[test]
    fn header_and_record_survive_and_any_flipped_bit_is_noticed() {
        let (bytes, seed) = header().encode();
        assert_eq!(Header::decode(&bytes), Ok((header(), seed)));
        let record = JournalRecord {
            tick: Tick(9),
            prev_digest: 1 << 60,
            payload: vec![1, 2, 3],
        };
        let mut out = Vec::new();
        encode_record(&record, Tick(5), seed, &mut out);
        let found = decode_record(&out, seed).unwrap();
        assert_eq!(
            (found.tick, found.prev_digest, found.durable),
            (Tick(9), 1 << 60, Tick(5))
        );
        assert_eq!(
            (found.payload, found.bytes),
            ([1, 2, 3].as_slice(), out.len())
        );
        assert_eq!(
            decode_record(&out, seed ^ 1),
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
            assert_eq!(decode_record(&bent, seed), None, "bit {bit}");
        }
        for cut in 0..out.len() {
            assert_eq!(decode_record(&out[..cut], seed), None);
        }
    }

    #[test]
    fn a_later_format_is_told_from_damage() {
        let (mut bytes, _) = header().encode();
        bytes[8] = 2;
        assert_eq!(Header::decode(&bytes), Err(BadHeader::Format(2)));
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Header::decode(&bytes), Err(BadHeader::Format(2)));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let mut long = header();
        long.about.build = "ä".repeat(200);
        let (again, _) = Header::decode(&long.encode().0).unwrap();
        assert_eq!(again.about.build, "ä".repeat(BUILD_BYTES_MAX / 2));
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
