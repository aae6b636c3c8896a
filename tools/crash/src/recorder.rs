//! An independent recorder: notes the digest of every tick that the server tells of.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

/// Ticks of one server's life; beyond, the stream waits, and the server cuts off a reader who does not read.
const NOTES_MAX: usize = 65_536;
/// How long the end of a killed server's stream is waited for.
const END: Duration = Duration::from_secs(20);

/// Notes, until the stream ends.
#[derive(Debug)]
pub struct Recorder {
    noted: Receiver<(u64, String)>,
}

impl Recorder {
    /// Reads `/v1/digests` from now on.
    pub fn of(stream: Box<dyn Read + Send>) -> Self {
        let (notes, noted) = bounded(NOTES_MAX);
        std::thread::spawn(move || {
            // It breaks off in the middle of a line when the server is killed.
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let Some((tick, digest)) = line.split_once(' ') else {
                    return;
                };
                let Ok(tick) = tick.parse() else { return };
                if digest.len() == 16 {
                    let _nobody_listens = notes.send((tick, digest.to_owned()));
                }
            }
        });
        Self { noted }
    }

    /// All that was noted, once the server is gone.
    pub fn finish(self) -> BTreeMap<u64, String> {
        let mut seen = BTreeMap::new();
        while let Ok((tick, digest)) = self.noted.recv_timeout(END) {
            seen.insert(tick, digest);
        }
        seen
    }
}
