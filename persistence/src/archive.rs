//! A world in one file: what `backup` writes and `restore` reads, whatever database it came from or
//! goes to. `docs/STORAGE.md` draws it.
//!
//! It is a checkpoint and no more: sections with a checksum each, an end that counts them, nothing
//! behind it. A file that was cut off anywhere is no archive.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bluemarble_shared_protocol::{Epoch, Tick};

use crate::blob;
use crate::checkpoint::{CheckpointImage, PackedCheckpoint};
use crate::limits::{ARCHIVE_SECTION_BYTES_MAX, ARCHIVE_TEXT_BYTES_MAX, PART_BYTES_MAX, PARTS_MAX};

const MAGIC: [u8; 8] = *b"BMARCHIV";
/// The layout that is written and read.
const FORMAT: u32 = 1;
/// Kind, length and checksum in front of a section's body, bytes.
const FRAME_BYTES: usize = 16;
/// What the archive is of.
const ABOUT: u32 = 1;
/// One part.
const PART: u32 = 2;
/// How many sections came before.
const END: u32 = 0xffff_ffff;

/// A world out of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The program that wrote it, for people.
    pub build: String,
    /// The world.
    pub image: CheckpointImage,
}

/// Why there is no archive, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The system refused.
    #[error("archive {}: {source}", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is one already.
    #[error("{} is there already, and is not overwritten: name another file, or move it away", .file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// Somebody else is writing it just now.
    #[error("{} is being written by another backup: wait for it, or name another file", .file.display())]
    Busy {
        /// The file.
        file: PathBuf,
    },
    /// Not what was written.
    #[error(
        "archive {} is damaged or not complete: {what}. Use another copy of it",
        .file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Written by a later build.
    #[error(
        "archive {} has format {found}, this build reads {FORMAT}: restore it with the build that \
         wrote it",
        .file.display()
    )]
    Format {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u32,
    },
}

/// Writes an archive and makes it durable; says how many bytes it has. It appears under its name
/// whole or not at all.
///
/// # Errors
/// See [`ArchiveError`]; a file of that name is left alone.
pub fn write_archive(
    file: &Path,
    image: &CheckpointImage,
    build: &str,
) -> Result<u64, ArchiveError> {
    let failed = |source| ArchiveError::Io {
        file: file.to_owned(),
        source,
    };
    let exists = || ArchiveError::Exists {
        file: file.to_owned(),
    };
    if file.exists() {
        return Err(exists());
    }
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    let draft = PathBuf::from(name);
    let mut out = match begin_draft(&draft) {
        Ok(Some(out)) => out,
        Ok(None) => {
            return Err(ArchiveError::Busy {
                file: file.to_owned(),
            });
        }
        Err(source) => {
            return Err(ArchiveError::Io {
                file: draft,
                source,
            });
        }
    };
    let written = encode(image, build, &mut out).and_then(|bytes| {
        out.sync_all()?;
        // Unlike a rename, a link does not replace what came meanwhile.
        std::fs::hard_link(&draft, file)?;
        Ok(bytes)
    });
    let removed = std::fs::remove_file(&draft);
    match written {
        Ok(bytes) => {
            removed.map_err(failed)?;
            let parent = file
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            File::open(parent)
                .and_then(|parent| parent.sync_all())
                .map_err(failed)?;
            Ok(bytes)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
        Err(error) => Err(failed(error)),
    }
}

/// A new draft, locked for as long as it is open, so that of two writers at once one is refused: `None`.
/// What a writer left that was killed is removed, and never written to: the file may be the archive
/// itself under its second name.
fn begin_draft(draft: &Path) -> io::Result<Option<File>> {
    let make = || OpenOptions::new().write(true).create_new(true).open(draft);
    let ours = |file: &File| match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    };
    let made = match make() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let left = File::open(draft)?;
            if !ours(&left)? {
                return Ok(None);
            }
            std::fs::remove_file(draft)?;
            make()?
        }
        made => made?,
    };
    Ok(ours(&made)?.then_some(made))
}

fn encode(image: &CheckpointImage, build: &str, out: &mut impl Write) -> io::Result<u64> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    out.write_all(&bytes)?;
    let mut written = bytes.len();
    let mut section = |kind: u32, body: &[u8]| {
        let frame = frame(kind, body);
        out.write_all(&frame)?;
        out.write_all(body)?;
        written += frame.len() + body.len();
        io::Result::Ok(())
    };
    section(ABOUT, &about(image, build))?;
    let packed = PackedCheckpoint::from(image);
    for (zone, blob) in &packed.parts {
        let body = [zone.to_le_bytes().as_slice(), blob].concat();
        section(PART, &body)?;
    }
    let sections = 1 + packed.parts.len() as u32;
    section(END, &sections.to_le_bytes())?;
    Ok(written as u64)
}

/// What stands in front of a section.
fn frame(kind: u32, body: &[u8]) -> [u8; FRAME_BYTES] {
    let mut frame = [0; FRAME_BYTES];
    frame[..4].copy_from_slice(&kind.to_le_bytes());
    frame[4..12].copy_from_slice(&(body.len() as u64).to_le_bytes());
    let crc = section_crc(&frame, body);
    frame[12..].copy_from_slice(&crc.to_le_bytes());
    frame
}

/// Over kind, length and body.
fn section_crc(frame: &[u8; FRAME_BYTES], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[..12]);
    hasher.update(body);
    hasher.finalize()
}

fn about(image: &CheckpointImage, build: &str) -> Vec<u8> {
    let mut body = image.epoch.0.to_le_bytes().to_vec();
    for word in [
        image.tick.0,
        image.digest,
        image.content_hash,
        image.taken_ms,
    ] {
        body.extend_from_slice(&word.to_le_bytes());
    }
    for text in [&image.world, build, &image.provenance] {
        let text = &text[..text.floor_char_boundary(ARCHIVE_TEXT_BYTES_MAX)];
        body.extend_from_slice(&(text.len() as u32).to_le_bytes());
        body.extend_from_slice(text.as_bytes());
    }
    body
}

/// Reads an archive whole.
///
/// # Errors
/// See [`ArchiveError`].
pub fn read_archive(file: &Path) -> Result<Archive, ArchiveError> {
    let source = File::open(file).map_err(|source| ArchiveError::Io {
        file: file.to_owned(),
        source,
    })?;
    decode(&mut io::BufReader::new(source)).map_err(|bad| match bad {
        Bad::Io(source) if source.kind() != io::ErrorKind::UnexpectedEof => ArchiveError::Io {
            file: file.to_owned(),
            source,
        },
        Bad::Io(_) => ArchiveError::Damaged {
            file: file.to_owned(),
            what: "it ends too early".to_owned(),
        },
        Bad::What(what) => ArchiveError::Damaged {
            file: file.to_owned(),
            what,
        },
        Bad::Format(found) => ArchiveError::Format {
            file: file.to_owned(),
            found,
        },
    })
}

enum Bad {
    Io(io::Error),
    What(String),
    Format(u32),
}

impl From<io::Error> for Bad {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn bad<T>(what: impl Into<String>) -> Result<T, Bad> {
    Err(Bad::What(what.into()))
}

fn decode(source: &mut impl Read) -> Result<Archive, Bad> {
    let mut start = [0; 12];
    source.read_exact(&mut start)?;
    if start[..8] != MAGIC {
        return bad("it does not begin as an archive does");
    }
    let format = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
    if format != FORMAT {
        return Err(Bad::Format(format));
    }
    let (kind, body) = section(source)?;
    if kind != ABOUT {
        return bad("it does not say what it is of");
    }
    let Some(mut archive) = read_about(&body) else {
        return bad("what it is of cannot be read");
    };
    let parts = &mut archive.image.parts;
    loop {
        let (kind, body) = section(source)?;
        match (kind, body.split_first_chunk()) {
            (PART, Some((zone, blob))) if parts.len() < PARTS_MAX => {
                let zone = u32::from_le_bytes(*zone);
                let part = blob::unpack(blob, PART_BYTES_MAX)
                    .map_err(|what| Bad::What(format!("the part of zone {zone}: {what}")))?;
                parts.push((zone, part));
            }
            (END, Some((count, []))) => {
                if u32::from_le_bytes(*count) as usize != 1 + parts.len() {
                    return bad("sections are missing");
                }
                break;
            }
            _ => return bad(format!("a section of kind {kind} that nobody knows")),
        }
    }
    if source.read(&mut [0])? != 0 {
        return bad("something follows its end");
    }
    if !parts.is_sorted_by(|a, b| a.0 < b.0) {
        return bad("its parts are not in order");
    }
    Ok(archive)
}

/// One section's kind and body.
fn section(source: &mut impl Read) -> Result<(u32, Vec<u8>), Bad> {
    let mut frame = [0; FRAME_BYTES];
    source.read_exact(&mut frame)?;
    let mut word = [0; 8];
    word.copy_from_slice(&frame[4..12]);
    let length = u64::from_le_bytes(word);
    if length > ARCHIVE_SECTION_BYTES_MAX {
        return bad(format!("a section of {length} bytes"));
    }
    // No more is set aside than is there.
    let mut body = Vec::new();
    source.take(length).read_to_end(&mut body)?;
    let crc = u32::from_le_bytes([frame[12], frame[13], frame[14], frame[15]]);
    if body.len() as u64 != length {
        return bad("it ends too early");
    }
    if section_crc(&frame, &body) != crc {
        return bad("a section does not have its checksum");
    }
    let kind = u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]);
    Ok((kind, body))
}

fn read_about(body: &[u8]) -> Option<Archive> {
    let (epoch, mut rest) = body.split_first_chunk()?;
    let mut words = [0; 4];
    for word in &mut words {
        let (bytes, after) = rest.split_first_chunk()?;
        *word = u64::from_le_bytes(*bytes);
        rest = after;
    }
    let mut texts = [const { String::new() }; 3];
    for text in &mut texts {
        let (length, after) = rest.split_first_chunk()?;
        let length = u32::from_le_bytes(*length) as usize;
        let (bytes, after) = after.split_at_checked(length)?;
        *text = String::from_utf8(bytes.to_vec()).ok()?;
        rest = after;
    }
    let [tick, digest, content_hash, taken_ms] = words;
    let [world, build, provenance] = texts;
    rest.is_empty().then(|| Archive {
        build,
        image: CheckpointImage {
            world,
            tick: Tick(tick),
            epoch: Epoch(u32::from_le_bytes(*epoch)),
            digest,
            content_hash,
            provenance,
            taken_ms,
            parts: Vec::new(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> CheckpointImage {
        CheckpointImage {
            world: "earth".into(),
            tick: Tick(7),
            epoch: Epoch(3),
            digest: 1 << 63,
            content_hash: 9,
            provenance: "seed=7\n".into(),
            taken_ms: 1_700_000_000_000,
            parts: vec![(0, vec![1, 2, 3]), (4, vec![0; 500]), (u32::MAX, vec![])],
        }
    }

    #[test]
    fn a_world_comes_out_as_it_went_in_and_nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("earth.bma");
        let bytes = write_archive(&file, &image(), "0.1.0").unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().len(), bytes);
        let found = read_archive(&file).unwrap();
        assert_eq!((found.build.as_str(), found.image), ("0.1.0", image()));
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "no draft is left");
        let mut other = image();
        other.tick = Tick(8);
        let refused = write_archive(&file, &other, "0.1.0").unwrap_err();
        assert!(matches!(refused, ArchiveError::Exists { .. }), "{refused}");
        assert_eq!(read_archive(&file).unwrap().image, image());
    }

    #[test]
    fn what_a_killed_backup_left_is_no_obstacle_and_a_running_one_is() {
        let dir = tempfile::tempdir().unwrap();
        let (file, kept) = (dir.path().join("earth.bma"), dir.path().join("kept.bma"));
        let draft = dir.path().join("earth.bma.partial");
        // Killed while it wrote.
        std::fs::write(&draft, b"BMARCH").unwrap();
        write_archive(&file, &image(), "0.1.0").unwrap();
        assert!(!draft.exists());
        // Killed when it had just got its name; moved away since.
        std::fs::hard_link(&file, &draft).unwrap();
        std::fs::rename(&file, &kept).unwrap();
        let mut other = image();
        other.tick = Tick(8);
        write_archive(&file, &other, "0.1.0").unwrap();
        assert_eq!(read_archive(&kept).unwrap().image, image());
        assert_eq!(read_archive(&file).unwrap().image, other);
        // Still at work.
        let third = dir.path().join("third.bma");
        let draft = dir.path().join("third.bma.partial");
        let held = begin_draft(&draft).unwrap();
        let refused = write_archive(&third, &image(), "0.1.0").unwrap_err();
        assert!(matches!(refused, ArchiveError::Busy { .. }), "{refused}");
        assert!(draft.exists() && !third.exists());
        drop(held);
        write_archive(&third, &image(), "0.1.0").unwrap();
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let mut image = image();
        image.parts.truncate(1);
        let mut bytes = Vec::new();
        encode(&image, "b", &mut bytes).unwrap();
        let mut drawn = b"BMARCHIV\x01\0\0\0".to_vec();
        let mut section = |kind: u32, body: &[u8]| {
            let head = [&kind.to_le_bytes(), &(body.len() as u64).to_le_bytes()[..]].concat();
            drawn.extend_from_slice(&head);
            let sum = crc32fast::hash(&[&head, body].concat());
            drawn.extend_from_slice(&sum.to_le_bytes());
            drawn.extend_from_slice(body);
        };
        let mut about = vec![3, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];
        about.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0x80, 9, 0, 0, 0, 0, 0, 0, 0]);
        about.extend_from_slice(&1_700_000_000_000_u64.to_le_bytes());
        about.extend_from_slice(b"\x05\0\0\0earth\x01\0\0\0b\x07\0\0\0seed=7\n");
        section(1, &about);
        section(2, &[&[0; 4], blob::pack(&[1, 2, 3]).as_slice()].concat());
        section(0xffff_ffff, &[2, 0, 0, 0]);
        assert_eq!(bytes, drawn);
    }

    #[test]
    fn no_cut_bent_or_longer_file_is_an_archive() {
        let mut whole = Vec::new();
        encode(&image(), "b", &mut whole).unwrap();
        let read = |bytes: &[u8]| decode(&mut &*bytes);
        assert!(read(&whole).is_ok());
        for cut in 0..whole.len() {
            assert!(read(&whole[..cut]).is_err(), "{cut} bytes");
        }
        for bit in 0..whole.len() * 8 {
            let mut bent = whole.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&bent).is_err(), "bit {bit}");
        }
        whole.push(0);
        assert!(read(&whole).is_err());
    }
}
