//! A recording: a checkpoint and the journal behind it, as a stopped server left them. Nothing is
//! written into its directory: the directory's lock is shared while it is read, and an embedded
//! database is read from a copy.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bluemarble_persistence::{
    CheckpointEntry, CheckpointImage, DataDirLock, JournalError, JournalReader, Store, sqlite_url,
};
use bluemarble_shared_protocol::{Epoch, Tick};
use bluemarble_sim::replay::{LoggedTick, Remembered};
use bluemarble_sim::{Checkpoint, CheckpointPart, Provenance};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The embedded database in a data directory, and what SQLite keeps beside it.
const DATABASE: &str = "world.sqlite";
const DATABASE_LOG: &str = "world.sqlite-wal";

/// What a data directory holds.
pub struct Recording {
    /// Nobody may start a server here meanwhile.
    _lock: Option<DataDirLock>,
    _copy: TempDir,
    runtime: Runtime,
    store: Store,
    journal: PathBuf,
    /// The world's name.
    pub world: String,
    /// Newest first.
    pub checkpoints: Vec<CheckpointEntry>,
}

impl Recording {
    /// Opens a stopped server's data directory; `store` names the database if it was not the embedded
    /// one, `world` the world if the directory does not.
    pub fn open(dir: &Path, store: Option<&str>, world: Option<&str>) -> anyhow::Result<Self> {
        if !dir.is_dir() {
            bail!("{} is not a directory", dir.display());
        }
        let lock = DataDirLock::share(dir).context("a recording is read from a stopped server")?;
        let journal = journal_of(dir, world);
        let named = JournalReader::open(&journal, Epoch(0), Tick(0))
            .with_context(|| format!("cannot read the journal in {}", journal.display()))?
            .world()
            .map(str::to_owned);
        if let (Some(asked), Some(named)) = (world, &named)
            && asked != named
        {
            bail!(
                "the journal in {} is of the world '{named}', and there is none of '{asked}'",
                journal.display()
            );
        }
        let Some(world) = world.map(str::to_owned).or(named) else {
            bail!(
                "{} has no journal: it is not a server's data directory, or nothing was recorded",
                dir.display()
            );
        };
        let copy = tempfile::tempdir().context("cannot make a directory for a copy")?;
        let url = match store {
            Some(url) => url.to_owned(),
            None => copy_database(dir, copy.path())?,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the database's runtime")?;
        let store = runtime
            .block_on(Store::open(&url))
            .context("cannot open the store")?;
        let checkpoints = runtime
            .block_on(store.checkpoints(&world))
            .context("cannot list the checkpoints")?;
        Ok(Self {
            _lock: lock,
            _copy: copy,
            runtime,
            store,
            journal,
            world,
            checkpoints,
        })
    }

    /// The checkpoint of tick `from`, or the oldest one from which the journal goes on.
    pub fn choose(&self, from: Option<u64>) -> anyhow::Result<&CheckpointEntry> {
        let Some(from) = from else {
            return self
                .checkpoints
                .iter()
                .rev()
                .find(|entry| self.reaches(entry))
                .with_context(|| {
                    format!(
                        "no checkpoint of the world '{}' has a journal behind it in {}",
                        self.world,
                        self.journal.display()
                    )
                });
        };
        self.checkpoints
            .iter()
            .find(|entry| entry.tick.0 == from)
            .with_context(|| {
                let ticks: Vec<_> = self
                    .checkpoints
                    .iter()
                    .map(|e| e.tick.to_string())
                    .collect();
                format!(
                    "there is no checkpoint of tick {from}, only of {}",
                    ticks.join(", ")
                )
            })
    }

    fn reaches(&self, entry: &CheckpointEntry) -> bool {
        self.journal_after(entry)
            .ok()
            .and_then(|mut reader| reader.next())
            .is_some_and(|record| record.is_ok())
    }

    /// A checkpoint's content.
    pub fn load(&self, entry: &CheckpointEntry) -> anyhow::Result<CheckpointImage> {
        self.runtime
            .block_on(self.store.load_checkpoint(entry))
            .with_context(|| format!("cannot read the checkpoint of tick {}", entry.tick))
    }

    /// The journal behind a checkpoint.
    pub fn journal_after(&self, entry: &CheckpointEntry) -> Result<JournalReader, JournalError> {
        JournalReader::open(&self.journal, entry.epoch, entry.tick)
    }

    /// The next checkpoint at or after `tick`, if one is stored.
    pub fn next_checkpoint(&self, tick: Tick) -> Option<&CheckpointEntry> {
        self.checkpoints
            .iter()
            .filter(|entry| entry.tick >= tick)
            .min_by_key(|entry| (entry.tick, entry.epoch))
    }
}

/// The main world's journal, or that of another world beside it.
fn journal_of(dir: &Path, world: Option<&str>) -> PathBuf {
    let beside = world.map(|name| dir.join("worlds").join(name).join("journal"));
    beside
        .filter(|journal| journal.is_dir())
        .unwrap_or_else(|| dir.join("journal"))
}

/// Copies the embedded database and what it has not yet folded in; its address.
fn copy_database(dir: &Path, to: &Path) -> anyhow::Result<String> {
    let database = dir.join(DATABASE);
    if !database.is_file() {
        bail!(
            "{} is not there; if the server stored its checkpoints elsewhere, name it with --store",
            database.display()
        );
    }
    for file in [DATABASE, DATABASE_LOG] {
        let source = dir.join(file);
        if source.is_file() {
            std::fs::copy(&source, to.join(file))
                .with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    Ok(sqlite_url(&to.join(DATABASE)))
}

/// The simulation's view of a stored checkpoint.
pub fn checkpoint_of(image: CheckpointImage) -> Checkpoint {
    let part = |(zone, bytes)| CheckpointPart { zone, bytes };
    Checkpoint {
        tick: image.tick,
        digest: image.digest,
        parts: image.parts.into_iter().map(part).collect(),
    }
}

/// What can be wrong with the log of a replay.
#[derive(Debug)]
pub enum LogError {
    /// It cannot be read.
    Journal(JournalError),
    /// A later segment was computed from something else.
    Elsewise {
        /// From this tick on.
        tick: Tick,
        /// What differs.
        what: String,
    },
}

/// The ticks of a journal through `until`, each segment checked for being computed from the same.
pub struct Log {
    reader: JournalReader,
    segments: usize,
    here: Provenance,
    anyway: bool,
    until: Tick,
    /// What the first record beyond `until` remembers, once everything was read.
    pub beyond: Option<Remembered>,
}

impl Log {
    /// Begins it. `anyway` reads on whatever a segment was computed from.
    pub fn new(reader: JournalReader, here: Provenance, anyway: bool, until: Tick) -> Self {
        Self {
            reader,
            segments: 0,
            here,
            anyway,
            until,
            beyond: None,
        }
    }

    /// How the log ended, if not as it should: torn or broken.
    pub fn end(&self) -> Option<String> {
        if let Some(hole) = self.reader.broken() {
            return Some(format!(
                "the log had broken at tick {}: what follows from tick {} on is not replayed",
                hole.first_lost, hole.resumed
            ));
        }
        let torn = self.reader.torn()?;
        Some(format!(
            "{} bytes of an unfinished record at the end were left out",
            torn.bytes
        ))
    }

    fn check_segment(&mut self, tick: Tick) -> Result<(), LogError> {
        let segments = self.reader.segments();
        if segments.len() == self.segments {
            return Ok(());
        }
        self.segments = segments.len();
        let text = segments
            .last()
            .map_or("", |segment| segment.header.provenance.as_str());
        let what = match Provenance::parse(text) {
            Some(theirs) => theirs.differences(&self.here).join("; "),
            None => "it does not say what it was computed from (an older build wrote it)".into(),
        };
        if what.is_empty() || self.anyway {
            return Ok(());
        }
        Err(LogError::Elsewise { tick, what })
    }
}

impl Iterator for &mut Log {
    type Item = Result<LoggedTick, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = match self.reader.next()? {
            Ok(record) => record,
            Err(error) => return Some(Err(LogError::Journal(error))),
        };
        let before = Remembered::new(record.prev_digest, &record.sketch);
        if record.tick > self.until {
            self.beyond.get_or_insert(before);
            return None;
        }
        if let Err(error) = self.check_segment(record.tick) {
            return Some(Err(error));
        }
        Some(Ok(LoggedTick {
            tick: record.tick,
            before,
            inputs: record.payload,
        }))
    }
}
