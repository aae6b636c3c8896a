//! The journal's files as the queue of what is shipped: whole records, in order, from wherever shipping
//! had got to, and only what is durable. Nothing is held in memory but the piece in hand.
//!
//! ```text
//!   segment 1 ▓▓▓▓▓▓▓▓  segment 2 ▓▓▓▓▓░░░░  segment 3 ░░░░
//!             shipped             ▲ cursor       ▲ durable
//! ```
//!
//! What the files lack is passed over only where a recovery from the database does not need it: behind a
//! stored checkpoint (the segment has been pruned, or is damaged), at a known break of the log, and at
//! the end of an epoch that a later one has followed.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bluemarble_shared_protocol::{Epoch, Tick};

use super::JournalError;
use super::format::{
    HEADER_BYTES, Header, RECORD_BYTES_MIN, Seal, decode_record, parse_segment_name,
    record_bytes_of, segment_name,
};
use crate::limits::{CHUNK_BYTES, CHUNK_BYTES_MAX};
use crate::store::JournalChunk;

/// Reads pieces off a journal that is being written.
#[derive(Clone, Debug)]
pub(crate) struct ChunkFeed {
    dir: PathBuf,
    /// The writer's epoch: what older ones left is durable to its end.
    epoch: Epoch,
    /// How far segments are in the database: epoch, first tick, bytes, newest tick.
    shipped: Vec<(Epoch, Tick, u64, Tick)>,
    at: Option<Cursor>,
}

/// Where in a segment.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    segment: (Epoch, Tick),
    /// Where the next record begins.
    offset: u64,
    /// The tick it must be of.
    next: Tick,
}

/// What there is to ship.
#[derive(Debug)]
pub(crate) struct Fed {
    /// The next piece; `None` if nothing more is durable.
    pub(crate) chunk: Option<JournalChunk>,
    /// Bytes in the files that have not been shipped, this piece among them.
    pub(crate) behind_bytes: u64,
}

/// A segment's file.
#[derive(Clone, Copy, Debug)]
struct Listed {
    segment: (Epoch, Tick),
    bytes: u64,
}

impl ChunkFeed {
    /// Goes on where the database stands, as `Store::shipped` says.
    pub(crate) fn new(dir: &Path, epoch: Epoch, shipped: Vec<(Epoch, Tick, u64, Tick)>) -> Self {
        Self {
            dir: dir.to_owned(),
            epoch,
            shipped,
            at: None,
        }
    }

    /// The next piece of what is durable through `durable`; a checkpoint of `covered` is in the store.
    pub(crate) fn next(
        &mut self,
        durable: Tick,
        covered: Option<Tick>,
    ) -> Result<Fed, JournalError> {
        let files = self.list()?;
        loop {
            let Some((cursor, ahead)) = self.cursor(&files) else {
                return Ok(Fed {
                    chunk: None,
                    behind_bytes: 0,
                });
            };
            let behind_bytes = ahead.iter().map(|file| file.bytes).sum::<u64>();
            let behind_bytes = behind_bytes.saturating_sub(cursor.offset);
            let closed = ahead.get(1).map(|file| file.segment);
            let bound = match cursor.segment.0 < self.epoch {
                true => Tick(u64::MAX),
                false => durable,
            };
            let read = self.read(cursor, bound, closed.is_some())?;
            if let Some(chunk) = read.chunk {
                let chunk = Some(chunk);
                return Ok(Fed {
                    chunk,
                    behind_bytes,
                });
            }
            match closed {
                Some(later) if !read.waits => {
                    self.leave(cursor, later, covered)?;
                    self.at = Some(self.begin(later));
                }
                _ => {
                    return Ok(Fed {
                        chunk: None,
                        behind_bytes,
                    });
                }
            }
        }
    }

    /// Bytes in the files that have not been shipped; `None` if the disk does not say.
    pub(crate) fn behind_bytes(&self) -> Option<u64> {
        let files = self.list().ok()?;
        let Some((cursor, ahead)) = self.cursor(&files) else {
            return Some(0);
        };
        let bytes: u64 = ahead.iter().map(|file| file.bytes).sum();
        Some(bytes.saturating_sub(cursor.offset))
    }

    /// `chunk`, which [`ChunkFeed::next`] gave, is in the database.
    pub(crate) fn done(&mut self, chunk: &JournalChunk) {
        self.at = Some(Cursor {
            segment: (chunk.epoch, chunk.first_tick),
            offset: chunk.ends(),
            next: chunk.through.next(),
        });
    }

    /// Where to go on, and the files from there on.
    fn cursor<'a>(&self, files: &'a [Listed]) -> Option<(Cursor, &'a [Listed])> {
        let wanted = self.at.map(|at| at.segment);
        // A segment that is gone was pruned: the oldest kept checkpoint covers it.
        let place = match wanted {
            Some(wanted) => files.partition_point(|file| file.segment < wanted),
            None => 0,
        };
        let ahead = &files[place..];
        let segment = ahead.first()?.segment;
        let cursor = match self.at {
            Some(at) if at.segment == segment => at,
            _ => self.begin(segment),
        };
        Some((cursor, ahead))
    }

    /// The beginning of a segment, or where the database stands in it.
    fn begin(&self, segment: (Epoch, Tick)) -> Cursor {
        let known = self
            .shipped
            .iter()
            .find(|(epoch, first, ..)| (*epoch, *first) == segment);
        match known {
            Some(&(_, _, ends, through)) => Cursor {
                segment,
                offset: ends,
                next: through.next(),
            },
            None => Cursor {
                segment,
                offset: 0,
                next: segment.1,
            },
        }
    }

    fn list(&self) -> Result<Vec<Listed>, JournalError> {
        let failed = |source| JournalError::Io {
            file: self.dir.clone(),
            source,
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(segment) = name.to_str().and_then(parse_segment_name) else {
                continue;
            };
            // Pruned since it was listed: it is no more to be shipped than if it had not been.
            if let Ok(about) = entry.metadata() {
                let bytes = about.len();
                files.push(Listed { segment, bytes });
            }
        }
        files.sort_unstable_by_key(|file| file.segment);
        Ok(files)
    }

    /// Whole records at the cursor, as far as they are durable.
    fn read(&self, cursor: Cursor, durable: Tick, closed: bool) -> Result<Look, JournalError> {
        let name = segment_name(cursor.segment.0, cursor.segment.1);
        let path = self.dir.join(&name);
        let failed = |source| JournalError::Io {
            file: path.clone(),
            source,
        };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            // Pruned just now; the next look finds what follows.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Look::WAIT),
            Err(error) => return Err(failed(error)),
        };
        let mut start = Vec::with_capacity(HEADER_BYTES);
        file.by_ref()
            .take(HEADER_BYTES as u64)
            .read_to_end(&mut start)
            .map_err(failed)?;
        let Ok((_, seal)) = Header::decode(&start) else {
            // Being made; or its making was cut short, and no record was ever written to it.
            return Ok(if closed { Look::END } else { Look::WAIT });
        };
        file.seek(SeekFrom::Start(cursor.offset)).map_err(failed)?;
        let mut bytes = Vec::with_capacity(CHUNK_BYTES);
        read_more(&mut file, &mut bytes, CHUNK_BYTES).map_err(failed)?;
        let header = match cursor.offset {
            0 => seal.header_bytes(),
            _ => 0,
        };
        let (mut at, mut next, mut waits) = (header, cursor.next, false);
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match decode_record(rest, seal) {
                Some(found) if found.tick == next && next <= durable => {
                    at += found.bytes;
                    next = next.next();
                }
                Some(found) if found.tick == next => {
                    waits = true;
                    break;
                }
                Some(_) => break,
                None if at == header && fits_if_longer(rest) => {
                    let known = bytes.len();
                    read_more(&mut file, &mut bytes, CHUNK_BYTES_MAX - known).map_err(failed)?;
                    if bytes.len() == known {
                        break;
                    }
                }
                None => break,
            }
        }
        // A header alone says that its epoch has begun; it is worth a piece once nothing follows.
        let alone = next == cursor.next && cursor.offset == 0 && closed && !waits;
        if next == cursor.next && !alone {
            return Ok(Look { chunk: None, waits });
        }
        bytes.truncate(at);
        let (epoch, first_tick) = cursor.segment;
        Ok(Look {
            chunk: Some(JournalChunk {
                epoch,
                first_tick,
                start: cursor.offset,
                through: Tick(next.0.saturating_sub(1)),
                bytes,
            }),
            waits,
        })
    }

    /// Whether nothing of a segment is left to ship although a later one has begun: refused where that
    /// leaves a hole that a recovery from the database would meet.
    fn leave(
        &self,
        cursor: Cursor,
        later: (Epoch, Tick),
        covered: Option<Tick>,
    ) -> Result<(), JournalError> {
        let whole = cursor.next >= later.1;
        let behind_a_checkpoint = covered.is_some_and(|covered| covered.next() >= later.1);
        if whole || later.0 > cursor.segment.0 || behind_a_checkpoint {
            return Ok(());
        }
        let name = segment_name(later.0, later.1);
        if lost_from(&self.dir.join(&name)).is_some_and(|lost| lost <= cursor.next) {
            return Ok(());
        }
        Err(JournalError::Corrupt {
            file: self
                .dir
                .join(segment_name(cursor.segment.0, cursor.segment.1)),
            offset: cursor.offset,
            what: format!(
                "tick {} should be here, for the next segment, {name}, was only begun when everything \
                 before was on the disk; it is not shipped",
                cursor.next
            ),
        })
    }
}

/// What one look at a segment gives.
#[derive(Debug)]
struct Look {
    chunk: Option<JournalChunk>,
    /// What follows is there, or will be, but is not durable yet.
    waits: bool,
}

impl Look {
    const WAIT: Self = Self {
        chunk: None,
        waits: true,
    };
    const END: Self = Self {
        chunk: None,
        waits: false,
    };
}

/// At most `most` further bytes.
fn read_more(file: &mut File, bytes: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    file.take(most as u64).read_to_end(bytes)
}

/// A record begins here that is longer than what has been read, and no longer than records are.
fn fits_if_longer(rest: &[u8]) -> bool {
    rest.len() >= RECORD_BYTES_MIN && record_bytes_of(rest).is_some_and(|bytes| bytes > rest.len())
}

/// What the header in a file says that the log has lost.
fn lost_from(path: &Path) -> Option<Tick> {
    let mut start = Vec::with_capacity(HEADER_BYTES);
    File::open(path)
        .ok()?
        .take(HEADER_BYTES as u64)
        .read_to_end(&mut start)
        .ok()?;
    Header::decode(&start).ok()?.0.lost_from
}
/// Whether the records in `bytes`, which begin a segment or follow a record of it, are whole, follow
/// each other and end with `through`; else what is wrong.
pub(crate) fn check_chunk(
    chunk: &JournalChunk,
    seal: ChunkSeal,
    first: Tick,
) -> Result<(), String> {
    let mut at = if chunk.start == 0 {
        seal.0.header_bytes()
    } else {
        0
    };
    let mut next = first;
    while at < chunk.bytes.len() {
        let Some(found) = decode_record(&chunk.bytes[at..], seal.0) else {
            return Err(format!(
                "at byte {} is no whole record",
                chunk.start + at as u64
            ));
        };
        if found.tick != next {
            return Err(format!("it has tick {} where {next} belongs", found.tick));
        }
        at += found.bytes;
        next = next.next();
    }
    if next != chunk.through.next() {
        return Err(format!(
            "it ends before tick {next}, and should end with tick {}",
            chunk.through
        ));
    }
    Ok(())
}

/// What ties a segment's records to its header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkSeal(Seal);

/// Reads the header at the start of a segment's first piece, which must be `world`'s and the segment's.
pub(crate) fn seal_of(
    bytes: &[u8],
    world: &str,
    segment: (Epoch, Tick),
) -> Result<ChunkSeal, String> {
    let (header, seal) =
        Header::decode(bytes).map_err(|_| "its header does not check".to_owned())?;
    let about = header.about;
    if about.world != world || (about.epoch, about.first_tick) != segment {
        return Err(format!(
            "its header says it is of world {:?}, epoch {}, from tick {} on",
            about.world, about.epoch.0, about.first_tick
        ));
    }
    Ok(ChunkSeal(seal))
}
