//! How a stored checkpoint proves itself whole: a list of its parts with their checksums, and one
//! checksum over that list and everything the row says besides.

use bluemarble_shared_protocol::{Epoch, Tick};

use crate::blob;
use crate::checkpoint::{CheckpointEntry, CheckpointImage, FORMAT, FORMAT_PLAIN, PackedCheckpoint};
use crate::limits::PART_BYTES_MAX;

/// Zone, length and checksum of a part, bytes.
const LISTED_PART_BYTES: usize = 12;

/// What the manifest row says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) entry: CheckpointEntry,
    /// How the parts are stored.
    pub(super) format: u32,
    /// Per part, ascending by zone: `zone u32, length u32, crc32 u32`, little-endian.
    pub(super) part_list: Vec<u8>,
}

/// One part as the list has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListedPart {
    zone: u32,
    pub(super) bytes: u32,
    crc32: u32,
}

/// The parts in a list; what is left over at the end is seen by the manifest's checksum.
pub(super) fn list_parts(part_list: &[u8]) -> impl Iterator<Item = ListedPart> {
    let (parts, _) = part_list.as_chunks::<LISTED_PART_BYTES>();
    parts.iter().map(|part| {
        let word =
            |at: usize| u32::from_le_bytes([part[at], part[at + 1], part[at + 2], part[at + 3]]);
        ListedPart {
            zone: word(0),
            bytes: word(4),
            crc32: word(8),
        }
    })
}

impl Manifest {
    /// The manifest of an image whose parts are within the limits.
    pub(super) fn of(image: &PackedCheckpoint) -> Self {
        let mut part_list = Vec::with_capacity(image.parts.len() * LISTED_PART_BYTES);
        for (zone, blob) in &image.parts {
            let size = u32::try_from(blob.len()).expect("a part's limit is below 4 GiB");
            part_list.extend_from_slice(&zone.to_le_bytes());
            part_list.extend_from_slice(&size.to_le_bytes());
            part_list.extend_from_slice(&crc32fast::hash(blob).to_le_bytes());
        }
        Self {
            entry: image.entry.clone(),
            format: FORMAT,
            part_list,
        }
    }

    /// Checksum over everything but the parts themselves.
    pub(super) fn crc32(&self) -> u32 {
        let CheckpointEntry {
            world,
            epoch: Epoch(epoch),
            tick: Tick(tick),
            ..
        } = &self.entry;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(world.as_bytes());
        hasher.update(&epoch.to_le_bytes());
        for word in [
            *tick,
            self.entry.digest,
            self.entry.content_hash,
            self.entry.bytes,
        ] {
            hasher.update(&word.to_le_bytes());
        }
        hasher.update(&self.part_list);
        // Empty in rows from before it was added, whose checksums so remain right.
        hasher.update(self.entry.provenance.as_bytes());
        // The same of those in which parts were stored as they are.
        if self.format != FORMAT_PLAIN {
            hasher.update(&self.format.to_le_bytes());
            hasher.update(&self.entry.taken_ms.to_le_bytes());
        }
        hasher.finalize()
    }

    /// The image, if `rows` (zone and bytes, ascending) are exactly the listed parts.
    pub(super) fn assemble(self, rows: Vec<(i64, Vec<u8>)>) -> Result<CheckpointImage, String> {
        if self.format > FORMAT {
            return Err(format!(
                "its parts are stored in format {}, this build reads up to {FORMAT}: a newer build \
                 stored it",
                self.format
            ));
        }
        if rows.len() != self.entry.parts as usize {
            return Err(format!(
                "{} of its {} parts are there",
                rows.len(),
                self.entry.parts
            ));
        }
        let mut parts = Vec::with_capacity(rows.len());
        for (listed, (zone, bytes)) in list_parts(&self.part_list).zip(rows) {
            if zone != i64::from(listed.zone) {
                return Err(format!(
                    "it has a part of zone {zone} in place of {}",
                    listed.zone
                ));
            }
            if bytes.len() != listed.bytes as usize {
                let found = bytes.len();
                return Err(format!(
                    "the part of zone {zone} has {found} of {} bytes",
                    listed.bytes
                ));
            }
            if crc32fast::hash(&bytes) != listed.crc32 {
                return Err(format!(
                    "the part of zone {zone} does not have its checksum"
                ));
            }
            let part = match self.format {
                FORMAT_PLAIN => bytes,
                _ => blob::unpack(&bytes, PART_BYTES_MAX)
                    .map_err(|what| format!("the part of zone {zone}: {what}"))?,
            };
            parts.push((listed.zone, part));
        }
        let CheckpointEntry {
            world,
            epoch,
            tick,
            digest,
            content_hash,
            provenance,
            taken_ms,
            ..
        } = self.entry;
        Ok(CheckpointImage {
            world,
            tick,
            epoch,
            digest,
            content_hash,
            provenance,
            taken_ms,
            parts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> CheckpointImage {
        CheckpointImage {
            world: "earth".to_owned(),
            tick: Tick(7),
            epoch: Epoch(2),
            digest: u64::MAX - 5,
            content_hash: 11,
            provenance: "rules=3".to_owned(),
            taken_ms: 1_700_000_000_000,
            parts: vec![(0, vec![1, 2, 3]), (4, Vec::new()), (9, vec![5; 100])],
        }
    }

    fn rows() -> Vec<(i64, Vec<u8>)> {
        packed()
            .parts
            .into_iter()
            .map(|(zone, bytes)| (i64::from(zone), bytes))
            .collect()
    }

    fn packed() -> PackedCheckpoint {
        PackedCheckpoint::from(&image())
    }

    #[test]
    fn exactly_the_listed_parts_are_the_image() {
        assert_eq!(Manifest::of(&packed()).assemble(rows()), Ok(image()));
        let mut missing = rows();
        missing.pop();
        let mut renumbered = rows();
        renumbered[1].0 = 5;
        let mut shorter = rows();
        shorter[0].1.pop();
        let mut bent = rows();
        bent[2].1[20] ^= 1;
        for (rows, what) in [
            (missing, "2 of its 3 parts"),
            (renumbered, "zone 5 in place of 4"),
            (shorter, "22 of 23 bytes"),
            (bent, "zone 9 does not have its checksum"),
        ] {
            let text = Manifest::of(&packed()).assemble(rows).unwrap_err();
            assert!(text.contains(what), "{text}");
        }
    }

    #[test]
    fn parts_stored_as_they_are_still_load_and_later_formats_are_named() {
        let plain = |format| {
            let mut manifest = Manifest::of(&packed());
            manifest.format = format;
            manifest.part_list.clear();
            for (zone, part) in image().parts {
                let words = [zone, part.len() as u32, crc32fast::hash(&part)];
                let bytes = words.iter().flat_map(|word| word.to_le_bytes());
                manifest.part_list.extend(bytes);
            }
            let rows = image().parts.into_iter();
            manifest.assemble(rows.map(|(zone, part)| (i64::from(zone), part)).collect())
        };
        assert_eq!(plain(1), Ok(image()));
        assert!(
            plain(2).unwrap_err().contains("zone 0"),
            "they are no blobs"
        );
        assert!(plain(3).unwrap_err().contains("newer build"));
    }

    #[test]
    fn the_checksum_covers_every_field() {
        let whole = Manifest::of(&packed()).crc32();
        let changes: [fn(&mut Manifest); 10] = [
            |m| m.entry.world.push('x'),
            |m| m.entry.epoch.0 ^= 1,
            |m| m.entry.tick.0 ^= 1,
            |m| m.entry.digest ^= 1,
            |m| m.entry.content_hash ^= 1,
            |m| m.entry.bytes ^= 1,
            |m| m.part_list[5] ^= 1,
            |m| m.entry.provenance.push('x'),
            |m| m.entry.taken_ms ^= 1,
            |m| m.format = FORMAT_PLAIN,
        ];
        for change in changes {
            let mut manifest = Manifest::of(&packed());
            change(&mut manifest);
            assert_ne!(manifest.crc32(), whole);
        }
    }
}
