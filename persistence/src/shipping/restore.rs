//! The journal back from the database: what a lost disk had, what a damaged file had, and nothing else.
//!
//! Every piece in the database is compared with the same bytes on the disk, by checksum; bytes travel
//! only where the two differ.
//!
//! | on the disk | in the database | |
//! |---|---|---|
//! | missing, or ends earlier | whole | restored |
//! | damaged: records do not have their checksums | whole | restored; the file is kept as `damaged-…` |
//! | whole | damaged | the disk's; named |
//! | ends earlier | damaged | restored up to there; named |
//! | whole | whole, but other bytes | refused: two pasts of one epoch, of which nobody is to choose |
//! | goes on beyond | | as it is: that had not been shipped |
//!
//! A segment appears under its name when all of it is on the disk.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bluemarble_shared_protocol::{Epoch, Tick};

use crate::journal::{ChunkSeal, check_chunk, seal_of, segment_name};
use crate::store::{ChunkEntry, JournalChunk, Store, StoreError};

/// Why the journal cannot be brought back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The database does not answer, or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk refuses.
    #[error("journal {}: {source}", .file.display())]
    Io {
        /// The segment or directory.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Two pasts.
    #[error(
        "journal segment {} and its copy in the database differ at byte {offset}, and both are whole: \
         the directory or the database comes from a copy of this world that went another way",
        .file.display()
    )]
    TwoPasts {
        /// The segment.
        file: PathBuf,
        /// Where the piece begins in which they differ.
        offset: u64,
    },
}

/// What of the journal is in the database, beside what is on the disk.
#[derive(Clone, Debug, Default)]
pub struct ShippedJournal {
    /// Segments that are to be restored.
    pub lacking: Vec<LackingSegment>,
    /// Pieces in the database that are not what was stored.
    pub damaged: Vec<DamagedPiece>,
    /// Epoch, first tick and length of the newest segment in the database.
    pub newest: Option<(Epoch, Tick, u64)>,
    world: String,
}

/// A segment that the disk does not have as it was shipped.
#[derive(Clone, Debug)]
pub struct LackingSegment {
    /// Its file's name.
    pub name: String,
    /// What is wrong with the one on the disk.
    pub fault: SegmentFault,
    /// Its newest tick in the database.
    pub through: Tick,
    pieces: Vec<ChunkEntry>,
}

/// What is wrong with a segment's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentFault {
    /// There is none.
    Missing,
    /// It ends here, bytes, before what was shipped does.
    Short(u64),
    /// What it has in the piece from this byte on is not what was written.
    Damaged(u64),
}

/// A piece in the database that is not what was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedPiece {
    /// The segment's file's name.
    pub segment: String,
    /// The segment's epoch.
    pub epoch: Epoch,
    /// Where in the segment it begins, bytes.
    pub start: u64,
    /// Where it ends.
    pub ends: u64,
    /// The last tick it had.
    pub through: Tick,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for DamagedPiece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            segment,
            start,
            ends,
            through,
            what,
            ..
        } = self;
        write!(
            f,
            "bytes {start} to {ends} of {segment} in the database (up to tick {through}): {what}"
        )
    }
}

impl ShippedJournal {
    /// Compares the database's copy with the segments in `dir`, as far back as the oldest checkpoint
    /// that is kept needs them. Changes nothing.
    ///
    /// # Errors
    /// See [`RestoreError`].
    pub async fn compare(store: &Store, world: &str, dir: &Path) -> Result<Self, RestoreError> {
        let entries = store.chunks(world).await?;
        let mut found = Self {
            newest: entries
                .last()
                .map(|last| (last.epoch, last.first_tick, last.ends)),
            world: world.to_owned(),
            ..Self::default()
        };
        let needed_after = store.journal_needed_after(world).await?;
        for pieces in needed(&entries, needed_after) {
            found.compare_segment(store, dir, pieces).await?;
        }
        Ok(found)
    }

    async fn compare_segment(
        &mut self,
        store: &Store,
        dir: &Path,
        pieces: &[ChunkEntry],
    ) -> Result<(), RestoreError> {
        let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else {
            return Ok(());
        };
        let name = segment_name(first.epoch, first.first_tick);
        let lacking = |fault| LackingSegment {
            name: name.clone(),
            fault,
            through: last.through,
            pieces: pieces.to_vec(),
        };
        let Some(mut local) = LocalSegment::open(&dir.join(&name))? else {
            self.lacking.push(lacking(SegmentFault::Missing));
            return Ok(());
        };
        let mut next = first.first_tick;
        let mut seal = None;
        for piece in pieces {
            let Some(bytes) = local.piece(piece)? else {
                self.lacking.push(lacking(SegmentFault::Short(local.bytes)));
                return Ok(());
            };
            if piece.start == 0 {
                seal = seal_of(&bytes, &self.world, (piece.epoch, piece.first_tick)).ok();
            }
            if crc32fast::hash(&bytes) != piece.crc32 {
                let here = verdict(piece, bytes.clone(), seal, next);
                let (_, theirs) = self.fetch(store, piece, seal, next).await?;
                match (here, theirs) {
                    (Ok(()), Ok(())) => {
                        return Err(RestoreError::TwoPasts {
                            file: dir.join(&name),
                            offset: piece.start,
                        });
                    }
                    (Err(_), Ok(())) => {
                        self.lacking
                            .push(lacking(SegmentFault::Damaged(piece.start)));
                        return Ok(());
                    }
                    (Ok(()) | Err(_), Err(what)) => {
                        self.damaged.push(damaged(&name, piece, what));
                    }
                }
            }
            next = piece.through.next();
        }
        Ok(())
    }

    /// A piece's bytes from the database, and whether they are what was stored.
    async fn fetch(
        &self,
        store: &Store,
        piece: &ChunkEntry,
        seal: Option<ChunkSeal>,
        first: Tick,
    ) -> Result<(Vec<u8>, Result<(), String>), RestoreError> {
        let Some(bytes) = store.chunk_bytes(&self.world, piece).await? else {
            return Ok((Vec::new(), Err("it is not there any more".to_owned())));
        };
        let seal = match piece.start {
            0 => seal_of(&bytes, &self.world, (piece.epoch, piece.first_tick)),
            _ => seal.ok_or_else(|| "what it follows is damaged".to_owned()),
        };
        let whole = match seal {
            Ok(_) if crc32fast::hash(&bytes) != piece.crc32 => {
                Err("it does not have its checksum".to_owned())
            }
            Ok(_) if bytes.len() as u64 != piece.ends - piece.start => {
                Err(format!("it has {} bytes", bytes.len()))
            }
            Ok(seal) => verdict(piece, bytes.clone(), Some(seal), first),
            Err(what) => Err(what),
        };
        Ok((bytes, whole))
    }

    /// Bytes that are to come from the database, at most.
    #[must_use]
    pub fn lacking_bytes(&self) -> u64 {
        let pieces = self.lacking.iter().flat_map(|segment| &segment.pieces);
        pieces.map(|piece| piece.ends - piece.start).sum()
    }

    /// Writes the segments that are lacking into `into`, with what the files in `dir` have besides, the
    /// oldest first; `progress(done, all)` is told now and then, bytes. Into `dir` itself, or where a
    /// look at it is taken. Repeating it is right, wherever it was cut off.
    ///
    /// # Errors
    /// See [`RestoreError`].
    pub async fn restore(
        &mut self,
        store: &Store,
        dir: &Path,
        into: &Path,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<(), RestoreError> {
        let (mut done, all) = (0, self.lacking_bytes());
        let failed = |source| RestoreError::Io {
            file: into.to_owned(),
            source,
        };
        std::fs::create_dir_all(into).map_err(failed)?;
        for segment in self.lacking.clone() {
            let draft = into.join(format!("{}.restoring", segment.name));
            let failed = |source| RestoreError::Io {
                file: draft.clone(),
                source,
            };
            let mut out = File::create(&draft).map_err(failed)?;
            let mut local = LocalSegment::open(&dir.join(&segment.name))?;
            let (mut seal, mut next, mut written) = (None, Tick(0), 0);
            for piece in &segment.pieces {
                next = next.max(piece.first_tick);
                let here = match &mut local {
                    Some(local) => local.piece(piece)?,
                    None => None,
                };
                let here = here.filter(|bytes| crc32fast::hash(bytes) == piece.crc32);
                let bytes = match here {
                    Some(bytes) => bytes,
                    None => match self.fetch(store, piece, seal, next).await? {
                        (bytes, Ok(())) => bytes,
                        (_, Err(what)) => {
                            self.damaged.push(damaged(&segment.name, piece, what));
                            break;
                        }
                    },
                };
                if piece.start == 0 {
                    seal = seal_of(&bytes, &self.world, (piece.epoch, piece.first_tick)).ok();
                }
                out.write_all(&bytes).map_err(failed)?;
                (next, written) = (piece.through.next(), piece.ends);
                done += bytes.len() as u64;
                progress(done, all);
            }
            if let Some(local) = &mut local {
                local.copy_from(written, &mut out)?;
            }
            out.sync_all().map_err(failed)?;
            let place = into.join(&segment.name);
            if let SegmentFault::Damaged(_) = segment.fault
                && dir == into
            {
                let evidence = into.join(format!("damaged-{}", segment.name));
                match std::fs::hard_link(&place, evidence) {
                    // From an attempt that was cut off.
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                    kept => kept.map_err(failed)?,
                }
            }
            std::fs::rename(&draft, &place).map_err(failed)?;
        }
        sync_dir(into).map_err(failed)
    }
}

/// The pieces of each segment of which something after `covered` counts, by segment.
fn needed(entries: &[ChunkEntry], covered: Option<Tick>) -> Vec<&[ChunkEntry]> {
    let mut segments: Vec<&[ChunkEntry]> = entries
        .chunk_by(|a, b| (a.epoch, a.first_tick) == (b.epoch, b.first_tick))
        .collect();
    let Some(covered) = covered else {
        return segments;
    };
    let begins_covered = |pieces: &&[ChunkEntry]| {
        pieces
            .first()
            .is_some_and(|piece| piece.first_tick <= covered.next())
    };
    let first = segments
        .iter()
        .rposition(begins_covered)
        .unwrap_or_default();
    segments.split_off(first)
}

fn damaged(segment: &str, piece: &ChunkEntry, what: String) -> DamagedPiece {
    DamagedPiece {
        segment: segment.to_owned(),
        epoch: piece.epoch,
        start: piece.start,
        ends: piece.ends,
        through: piece.through,
        what,
    }
}

/// Whether bytes are a piece's whole records.
fn verdict(
    piece: &ChunkEntry,
    bytes: Vec<u8>,
    seal: Option<ChunkSeal>,
    first: Tick,
) -> Result<(), String> {
    let seal = seal.ok_or_else(|| "its segment's header does not check".to_owned())?;
    let chunk = JournalChunk {
        epoch: piece.epoch,
        first_tick: piece.first_tick,
        start: piece.start,
        through: piece.through,
        bytes,
    };
    check_chunk(&chunk, seal, first)
}

/// A segment's file, read in pieces.
struct LocalSegment {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl LocalSegment {
    fn open(path: &Path) -> Result<Option<Self>, RestoreError> {
        let failed = |source| RestoreError::Io {
            file: path.to_owned(),
            source,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let bytes = file.metadata().map_err(failed)?.len();
        Ok(Some(Self {
            path: path.to_owned(),
            file,
            bytes,
        }))
    }

    /// The bytes in a piece's place, if the file reaches so far.
    fn piece(&mut self, piece: &ChunkEntry) -> Result<Option<Vec<u8>>, RestoreError> {
        if self.bytes < piece.ends {
            return Ok(None);
        }
        let length = piece.ends.saturating_sub(piece.start);
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(piece.start))
            .and_then(|_| (&mut self.file).take(length).read_to_end(&mut bytes));
        read.map_err(|source| self.failed(source))?;
        Ok((bytes.len() as u64 == length).then_some(bytes))
    }

    /// Everything from a place on.
    fn copy_from(&mut self, start: u64, out: &mut File) -> Result<(), RestoreError> {
        let copied = self
            .file
            .seek(SeekFrom::Start(start))
            .and_then(|_| std::io::copy(&mut self.file, out));
        copied.map(drop).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> RestoreError {
        RestoreError::Io {
            file: self.path.clone(),
            source,
        }
    }
}

/// Makes the directory's entries durable, and its own in its parent.
fn sync_dir(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}
