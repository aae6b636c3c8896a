//! The journal's copy in the database when a world is brought back: what this disk lacks of it is
//! restored before anything is read; where a command only looks, into a folder that is gone afterwards.

use std::path::{Path, PathBuf};

use bluemarble_persistence::{RestoreError, SegmentFault, ShippedJournal};

use crate::exit::{Failure, chain};
use crate::remains::Site;
use crate::start::store_failure;
use crate::steps::Steps;

/// Brings the journal's folder to where its copy is.
///
/// # Errors
/// Database or disk refuse, or the two contradict each other.
pub fn bring_back(site: &Site<'_>, steps: &Steps) -> Result<ShippedJournal, Failure> {
    let shipped = compared(site)?;
    match shipped.lacking.is_empty() {
        true => Ok(shipped),
        false => fetched(site, steps, shipped, site.journal),
    }
}

/// A folder in which the journal is as [`bring_back`] would make it; `None` if it is so already.
///
/// # Errors
/// As [`bring_back`].
pub fn look(site: &Site<'_>, steps: &Steps) -> Result<(ShippedJournal, Option<View>), Failure> {
    let shipped = compared(site)?;
    if shipped.lacking.is_empty() {
        return Ok((shipped, None));
    }
    let view = View::make(site.journal, &shipped).map_err(|(file, source)| {
        Failure::environment(format!("cannot write {}: {source}", file.display()))
            .advise("it is a folder for temporary files: make room, or name another with TMPDIR")
    })?;
    let shipped = fetched(site, steps, shipped, &view.0)?;
    Ok((shipped, Some(view)))
}

fn compared(site: &Site<'_>) -> Result<ShippedJournal, Failure> {
    site.databases
        .block_on(ShippedJournal::compare(
            site.store,
            site.world,
            site.journal,
        ))
        .map_err(refused)
}

fn fetched(
    site: &Site<'_>,
    steps: &Steps,
    mut shipped: ShippedJournal,
    into: &Path,
) -> Result<ShippedJournal, Failure> {
    const WHAT: &str = "restoring the journal from the database";
    steps.step(WHAT, || {
        let progress = |done, all| steps.progress(WHAT, done, all);
        site.databases
            .block_on(shipped.restore(site.store, site.journal, into, progress))
            .map_err(refused)?;
        let said = told(&shipped).unwrap_or_default();
        Ok::<_, Failure>((shipped, said))
    })
}

/// What was restored, for people.
pub fn told(shipped: &ShippedJournal) -> Option<String> {
    let last = shipped
        .lacking
        .iter()
        .map(|segment| segment.through)
        .max()?;
    let count = |wanted: fn(&SegmentFault) -> bool| {
        let faults = shipped.lacking.iter().map(|segment| &segment.fault);
        faults.filter(|fault| wanted(fault)).count()
    };
    let kinds = [
        (count(|fault| *fault == SegmentFault::Missing), "missing"),
        (
            count(|fault| matches!(fault, SegmentFault::Short(_))),
            "cut short",
        ),
        (
            count(|fault| matches!(fault, SegmentFault::Damaged(_))),
            "DAMAGED",
        ),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what} here"))
        .collect();
    Some(format!(
        "{} segments, up to tick {last} ({})",
        shipped.lacking.len(),
        kinds.join(", ")
    ))
}

/// What an operator should look into: damage, on either side.
pub fn trouble(shipped: &ShippedJournal) -> Option<String> {
    let mut told: Vec<String> = Vec::new();
    for segment in &shipped.lacking {
        if let SegmentFault::Damaged(offset) = segment.fault {
            told.push(format!(
                "{} was damaged on this disk at or after byte {offset}; it was restored from the \
                 database, and what it was is kept as damaged-{}",
                segment.name, segment.name
            ));
        }
    }
    told.extend(
        shipped
            .damaged
            .iter()
            .map(|piece| format!("damaged: {piece}")),
    );
    (!told.is_empty()).then(|| told.join("; "))
}

fn refused(error: RestoreError) -> Failure {
    let text = chain(&error);
    match error {
        RestoreError::Store(error) => store_failure(error),
        RestoreError::Io { .. } => {
            Failure::environment(text).advise("check the data directory's disk and rights")
        }
        RestoreError::TwoPasts { .. } => Failure::environment(text).advise(
            "keep a copy of both. Find out which of them is the world, and restore the other from its \
             own backup; or give up what the journal holds, here and there, and go back to the newest \
             checkpoint with --discard-journal-tail",
        ),
    }
}

/// A folder for as long as a command looks.
pub struct View(PathBuf);

impl View {
    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// One in which those segments are that need not be restored.
    fn make(journal: &Path, shipped: &ShippedJournal) -> Result<Self, (PathBuf, std::io::Error)> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bluemarble-journal-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir).map_err(|error| (dir.clone(), error))?;
        let view = Self(dir);
        let entries = match std::fs::read_dir(journal) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(view),
            Err(error) => return Err((journal.to_owned(), error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| (journal.to_owned(), error))?;
            let name = entry.file_name();
            if shipped.lacking.iter().any(|segment| name == *segment.name) {
                continue;
            }
            let place = view.0.join(&name);
            see(&entry.path(), &place).map_err(|error| (place, error))?;
        }
        Ok(view)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("cannot remove {}: {error}", self.0.display());
        }
    }
}

#[cfg(unix)]
fn see(file: &Path, place: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(std::path::absolute(file)?, place)
}

#[cfg(not(unix))]
fn see(file: &Path, place: &Path) -> std::io::Result<()> {
    std::fs::copy(file, place).map(drop)
}
