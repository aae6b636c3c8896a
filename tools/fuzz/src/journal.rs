//! A journal whose header and records say anything at all, behind right checksums: what a disk or a
//! wrong program may have left. Reading it gives records or says what is wrong; a record that holds
//! inputs gives the same bytes again.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use bluemarble_persistence::{
    Appended, JournalOptions, JournalRecord, JournalWriter, SegmentHeader, read_journal,
};
use bluemarble_shared_protocol::{Epoch, Tick};
use bluemarble_sim::TickInputs;

use crate::{joined, own_folder, pieces};

/// Bytes of a segment's header; see docs/STORAGE.md.
const HEADER_BYTES: usize = 1_024;
/// Of the header's checksum, which is its end and seals what follows.
const SEAL_BYTES: usize = 4;

/// A segment as the writer makes it: its name and bytes.
fn segment() -> &'static (PathBuf, Vec<u8>) {
    static SEGMENT: OnceLock<(PathBuf, Vec<u8>)> = OnceLock::new();
    SEGMENT.get_or_init(|| {
        let header = SegmentHeader {
            world: "fuzz".into(),
            epoch: Epoch(1),
            first_tick: Tick(1),
            content_hash: 7,
            provenance: String::new(),
            build: "fuzz".into(),
        };
        let mut writer = JournalWriter::create(own_folder(), header, JournalOptions::default())
            .expect("a journal");
        for tick in 1..=3 {
            let payload = TickInputs::empty(Tick(tick), Epoch(1)).encode();
            let record = JournalRecord {
                tick: Tick(tick),
                prev_digest: tick,
                sealed_ms: 3,
                sketch: vec![1, 2],
                payload,
            };
            assert!(
                matches!(writer.append(record), Appended::Queued),
                "a new journal takes records"
            );
        }
        drop(writer);
        let file = fs::read_dir(own_folder())
            .expect("the folder")
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|ending| ending == "bmj"))
            .expect("a segment");
        let bytes = fs::read(&file).expect("the segment");
        (file, bytes)
    })
}

pub(crate) fn run(data: &[u8]) {
    let (file, written) = segment();
    let mut pieces = pieces(data);
    // The first piece says which bits of the header are others.
    let mut bytes = written[..HEADER_BYTES - SEAL_BYTES].to_vec();
    let other = pieces.next().unwrap_or_default();
    bytes
        .iter_mut()
        .zip(other)
        .for_each(|(byte, by)| *byte ^= by);
    let seal = crc32fast::hash(&bytes);
    bytes.extend(seal.to_le_bytes());
    for body in pieces {
        let length = (body.len() as u32).to_le_bytes();
        let mut crc = crc32fast::Hasher::new_with_initial(seal);
        crc.update(&length);
        crc.update(body);
        bytes.extend(length);
        bytes.extend(crc.finalize().to_le_bytes());
        bytes.extend(body);
        if let Ok(inputs) = TickInputs::decode(body) {
            let again = inputs.encode();
            assert_eq!(
                TickInputs::decode(&again)
                    .expect("what was written can be read")
                    .encode(),
                again
            );
        }
    }
    fs::write(file, &bytes).expect("the segment");
    if let Ok(tail) = read_journal(own_folder(), Epoch(0), Tick(0)) {
        assert!(
            tail.records.is_sorted_by(|a, b| a.tick < b.tick),
            "ticks go forward"
        );
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let inputs = |tick| TickInputs::empty(Tick(tick), Epoch(1)).encode();
    let body = |tick: u64, payload: &[u8]| {
        let mut body = Vec::new();
        for word in [tick, 9, tick - 1] {
            body.extend(word.to_le_bytes());
        }
        body.extend(1_u32.to_le_bytes());
        body.extend(5_u64.to_le_bytes());
        body.extend(payload);
        body
    };
    let (as_it_was, three) = (vec![], body(3, b"else"));
    // Another epoch, first tick and a break before it.
    let mut another = vec![0; 32];
    another[12..32].copy_from_slice(&[3; 20]);
    vec![
        joined(&[as_it_was.clone(), body(1, &inputs(1))]),
        joined(&[
            as_it_was.clone(),
            body(1, &inputs(1)),
            body(2, &inputs(2)),
            three,
        ]),
        joined(&[as_it_was, inputs(1)]),
        joined(&[another, body(1, &inputs(1))]),
    ]
}
