//! A journal whose records say anything at all, behind right checksums: what a disk or a wrong program
//! may have left. Reading it gives records or says what is wrong; a record that holds inputs gives the
//! same bytes again.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use bluemarble_persistence::{
    Appended, JournalOptions, JournalRecord, JournalWriter, SegmentHeader, read_journal,
};
use bluemarble_shared_protocol::{Epoch, Tick};
use bluemarble_sim::TickInputs;

use crate::{joined, pieces};

/// Bytes of a segment's header, and in front of a record's body; see docs/STORAGE.md.
const HEADER_BYTES: usize = 1_024;

/// A folder of this process, in memory where there is such a place.
fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let place = if memory.is_dir() {
            memory
        } else {
            std::env::temp_dir()
        };
        let folder = place.join(format!("bluemarble-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        folder
    })
}

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
        let mut writer =
            JournalWriter::create(folder(), header, JournalOptions::default()).expect("a journal");
        for tick in 1..=3 {
            let payload = TickInputs::empty(Tick(tick), Epoch(1)).encode();
            let record = JournalRecord {
                tick: Tick(tick),
                prev_digest: tick,
                sketch: vec![1, 2],
                payload,
            };
            assert!(
                matches!(writer.append(record), Appended::Queued),
                "a new journal takes records"
            );
        }
        drop(writer);
        let file = fs::read_dir(folder())
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
    let mut bytes = written[..HEADER_BYTES].to_vec();
    let seal = u32::from_le_bytes(*bytes.last_chunk().expect("a header"));
    for body in pieces(data) {
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
    if let Ok(tail) = read_journal(folder(), Epoch(0), Tick(0)) {
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
    vec![
        joined(&[body(1, &inputs(1))]),
        joined(&[body(1, &inputs(1)), body(2, &inputs(2)), body(3, b"else")]),
        joined(&[inputs(1)]),
    ]
}
