//! Removing segments that no kept checkpoint needs.

use std::path::Path;

use bluemarble_shared_protocol::Tick;

use super::JournalError;
use super::disk::{Disk, disk_at};
use super::segments::{Segments, scan};

/// Removes the segments of which nothing after `covered` counts, oldest first; returns how many.
/// Pass `CheckpointStatus::oldest_kept`, so that the journal reaches back to the oldest checkpoint
/// in the store and a damaged newest one can be done without. The newest segment always stays.
/// Works on the disk: not for the tick's thread. May run while the journal is being written.
///
/// # Errors
/// When the directory cannot be read or a file not removed; nothing is lost, try again later.
pub fn prune_journal(dir: &Path, covered: Tick) -> Result<usize, JournalError> {
    prune_on(&mut *disk_at(dir), dir, covered)
}

pub(super) fn prune_on(
    disk: &mut dyn Disk,
    dir: &Path,
    covered: Tick,
) -> Result<usize, JournalError> {
    let Segments {
        whole: segments,
        stillborn,
    } = scan(disk, dir)?;
    let newest = segments
        .last()
        .map(|segment| segment.name.clone())
        .unwrap_or_default();
    let mut removed = 0;
    // `last` never falls from one segment to the next, so these are the oldest ones: what is left
    // after a crash in between still follows on without a hole.
    for segment in segments
        .iter()
        .take_while(|segment| segment.last <= covered)
    {
        disk.remove(&segment.name)
            .map_err(|source| JournalError::Io {
                file: segment.file.clone(),
                source,
            })?;
        removed += 1;
    }
    for name in stillborn.iter().filter(|name| **name < newest) {
        disk.remove(name).map_err(|source| JournalError::Io {
            file: dir.join(name),
            source,
        })?;
        removed += 1;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::Epoch;

    use super::super::faulty::FaultyDisk;
    use super::super::format::segment_name;
    use super::super::log::Log;
    use super::super::reader_tests::{about, record, tail_on};
    use super::*;

    /// Segments [1, 3], [4, 6], [7, …].
    fn three_segments() -> FaultyDisk {
        let disk = FaultyDisk::default();
        let mut log = Log::create(Box::new(disk.clone()), about(1, 1)).unwrap();
        for tick in 1..=8 {
            log.write(&[record(tick)]).unwrap();
            if tick % 3 == 0 {
                log.rotate().unwrap();
            }
        }
        disk
    }

    #[test]
    fn only_wholly_covered_segments_go_and_the_newest_stays() {
        for (covered, removed, readable_after) in [
            (0, 0, 0),
            (2, 0, 0),
            (3, 1, 3),
            (5, 1, 3),
            (6, 2, 6),
            (100, 2, 6),
        ] {
            let mut disk = three_segments();
            assert_eq!(
                prune_on(&mut disk, Path::new(""), Tick(covered)).unwrap(),
                removed
            );
            let tail = tail_on(&disk, readable_after).unwrap();
            assert_eq!(tail.records.last().unwrap().tick, Tick(8));
            assert_eq!(tail.records.len() as u64, 8 - readable_after);
        }
    }

    #[test]
    fn what_died_at_birth_goes_once_something_newer_stands() {
        let mut disk = three_segments();
        let (older, newer) = (
            segment_name(Epoch(1), Tick(5)),
            segment_name(Epoch(2), Tick(9)),
        );
        for name in [&older, &newer] {
            disk.append(name, &[0; 10]).unwrap();
        }
        assert_eq!(prune_on(&mut disk, Path::new(""), Tick(0)).unwrap(), 1);
        let left = disk.list().unwrap();
        assert!(!left.contains(&older), "nobody can be writing it");
        assert!(left.contains(&newer), "it may be in the making");
    }
}
