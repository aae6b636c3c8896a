//! One part of a checkpoint as it is stored: a small header, then the part, compressed if that makes
//! it shorter. `docs/STORAGE.md` draws it.
//!
//! The manifest's checksum of a blob finds damage in the database; the one in here is of the part
//! itself, so that what a decompressor makes of good bytes is checked, too.

/// The first four bytes.
const MAGIC: [u8; 4] = *b"BMPT";
/// The layout that is written, and the newest that is read.
const VERSION: u16 = 1;
/// The part as it is.
const PLAIN: u16 = 0;
/// The part as one LZ4 block.
const LZ4: u16 = 1;
/// Size of the header, bytes.
const HEADER_BYTES: usize = 20;
/// LZ4 makes no more of a byte than this many.
const LZ4_RATIO_MAX: usize = 255;

/// The part, ready to be stored.
pub(crate) fn pack(part: &[u8]) -> Vec<u8> {
    let mut blob = vec![0; HEADER_BYTES + lz4_flex::block::get_maximum_output_size(part.len())];
    let packed = lz4_flex::block::compress_into(part, &mut blob[HEADER_BYTES..])
        .ok()
        .filter(|&bytes| bytes < part.len());
    let codec = match packed {
        Some(bytes) => {
            blob.truncate(HEADER_BYTES + bytes);
            // It waits for the database: without the room it did not need.
            blob.shrink_to_fit();
            LZ4
        }
        None => {
            blob.truncate(HEADER_BYTES);
            blob.extend_from_slice(part);
            PLAIN
        }
    };
    blob[..4].copy_from_slice(&MAGIC);
    blob[4..6].copy_from_slice(&VERSION.to_le_bytes());
    blob[6..8].copy_from_slice(&codec.to_le_bytes());
    blob[8..16].copy_from_slice(&(part.len() as u64).to_le_bytes());
    blob[16..20].copy_from_slice(&crc32fast::hash(part).to_le_bytes());
    blob
}

/// The part in `blob`, of at most `bytes_max` bytes; or what is wrong with it.
pub(crate) fn unpack(blob: &[u8], bytes_max: usize) -> Result<Vec<u8>, String> {
    let Some((header, body)) = blob.split_at_checked(HEADER_BYTES) else {
        return Err(format!("it has only {} bytes", blob.len()));
    };
    if header[..4] != MAGIC {
        return Err("it does not begin as a part does".to_owned());
    }
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let (version, codec) = (short(4), short(6));
    if version != VERSION {
        return Err(format!(
            "it has version {version}, this build reads {VERSION}: a newer build stored it"
        ));
    }
    let mut word = [0; 8];
    word.copy_from_slice(&header[8..16]);
    let length = usize::try_from(u64::from_le_bytes(word)).unwrap_or(usize::MAX);
    if length > bytes_max {
        return Err(format!(
            "it says {length} bytes, at most {bytes_max} are allowed"
        ));
    }
    let part = match codec {
        PLAIN => body.to_vec(),
        // Before memory is set aside for it.
        LZ4 if length / LZ4_RATIO_MAX > body.len() => {
            return Err(format!("{} bytes cannot be {length}", body.len()));
        }
        LZ4 => lz4_flex::block::decompress(body, length)
            .map_err(|error| format!("it cannot be unpacked: {error}"))?,
        other => return Err(format!("nobody knows how it is packed ({other})")),
    };
    let sum = u32::from_le_bytes([header[16], header[17], header[18], header[19]]);
    if part.len() != length || crc32fast::hash(&part) != sum {
        return Err("unpacked, it does not have its checksum".to_owned());
    }
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 1 << 20;

    /// Bytes that nothing makes shorter.
    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(bytes).collect()
    }

    #[test]
    fn a_part_comes_back_and_takes_no_more_than_it_must() {
        for part in [vec![], vec![5], noise(1_000), vec![3; 100_000]] {
            let blob = pack(&part);
            assert_eq!(unpack(&blob, ROOM), Ok(part.clone()));
            assert!(blob.len() <= part.len() + HEADER_BYTES);
        }
        assert!(pack(&vec![3; 100_000]).len() < 1_000);
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let mut drawn = b"BMPT\x01\x00\x00\x00\x03\0\0\0\0\0\0\0".to_vec();
        drawn.extend_from_slice(&crc32fast::hash(b"abc").to_le_bytes());
        drawn.extend_from_slice(b"abc");
        assert_eq!(pack(b"abc"), drawn);
        assert_eq!(pack(&[0; 64])[6..8], [1, 0]);
    }

    #[test]
    fn no_flipped_bit_and_no_cut_passes_for_another_part() {
        for part in [noise(60), vec![9; 300]] {
            let blob = pack(&part);
            for bit in 0..blob.len() * 8 {
                let mut bent = blob.clone();
                bent[bit / 8] ^= 1 << (bit % 8);
                let found = unpack(&bent, ROOM);
                assert!(found.is_err() || found == Ok(part.clone()), "bit {bit}");
            }
            for cut in 0..blob.len() {
                assert!(unpack(&blob[..cut], ROOM).is_err(), "{cut} bytes");
            }
        }
    }

    #[test]
    fn a_claimed_size_reserves_nothing_and_is_refused() {
        let mut blob = pack(&[0; 4_000]);
        for claimed in [ROOM + 1, ROOM, usize::MAX] {
            blob[8..16].copy_from_slice(&(claimed as u64).to_le_bytes());
            assert!(unpack(&blob, ROOM).is_err());
        }
        let newer = [b"BMPT\x02\0".as_slice(), &[0; 14]].concat();
        let text = unpack(&newer, ROOM).unwrap_err();
        assert!(text.contains("newer build"), "{text}");
    }
}
