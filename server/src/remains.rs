//! What a world left behind: its checkpoints, the journal, and from which of them it is brought back.
//!
//! The newest checkpoint, normally. If that is damaged, the newest good one from which the journal
//! leads on to where the damaged one was, so that nothing is lost; the digest there must be the one
//! that the damaged checkpoint's manifest says, if that is sound. The start state counts as a
//! checkpoint of tick 0. Where the journal does not lead so far the world is not continued unless the
//! operator accepts the loss.

use std::path::{Path, PathBuf};

use bluemarble_persistence::{
    CheckpointEntry, CheckpointImage, DamagedPiece, JournalError, JournalReader, JournalRecord,
    JournalSurvey, ShippedJournal, Store, StoreError,
};
use bluemarble_shared_protocol::{Epoch, Tick};
use tokio::runtime::Runtime;

use crate::exit::{Failure, chain};
use crate::journal_copy;
use crate::journal_copy::View;
use crate::recovery::RecoveryError;
use crate::start::store_failure;
use crate::when::rfc3339;

/// What there is to recover from.
pub struct Remains {
    /// The checkpoint to begin from; `None` for the start state.
    pub image: Option<CheckpointImage>,
    /// What the journal has after it.
    pub tail: JournalSurvey,
    /// The same, record by record.
    pub records: Records,
    /// Newer checkpoints that are damaged, the newest first.
    pub passed_over: Vec<Damaged>,
    /// The newest checkpoint there was, good or not.
    pub newest: Option<(Epoch, Tick)>,
    /// Ticks that a damaged checkpoint had and that are given up, first and last.
    pub given_up: Option<(Tick, Tick)>,
    /// The journal's copy in the database.
    pub shipped: ShippedJournal,
    /// Where the journal is read, if not where it is: for as long as it is.
    pub view: Option<View>,
}

/// A checkpoint that cannot be used.
#[derive(Clone, Debug)]
pub struct Damaged {
    /// Who wrote it.
    pub epoch: Epoch,
    /// Its tick.
    pub tick: Tick,
    /// The world's digest there, if the manifest is sound.
    pub digest: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl Damaged {
    /// `entry`, which cannot be used because of `what`.
    pub fn of(entry: &CheckpointEntry, what: String) -> Self {
        Self {
            epoch: entry.epoch,
            tick: entry.tick,
            digest: entry.is_sound.then_some(entry.digest),
            what,
        }
    }
}

/// Where the records behind a checkpoint are; they are read one at a time, as often as needed.
pub enum Records {
    /// In a journal.
    Journal {
        /// Its folder.
        dir: PathBuf,
        /// The checkpoint's epoch.
        since: Epoch,
        /// The checkpoint's tick.
        after: Tick,
    },
    /// Here, for tests and where there are none.
    Here(Vec<JournalRecord>),
}

impl Records {
    /// From the first on.
    ///
    /// # Errors
    /// Those of the journal.
    pub fn read(
        &self,
    ) -> Result<Box<dyn Iterator<Item = Result<JournalRecord, JournalError>> + '_>, JournalError>
    {
        Ok(match self {
            Self::Journal { dir, since, after } => {
                Box::new(JournalReader::open(dir, *since, *after)?)
            }
            Self::Here(records) => Box::new(records.iter().cloned().map(Ok)),
        })
    }
}

/// What of a world may be lost, as its operator said.
#[derive(Clone, Copy, Debug, Default)]
pub struct GiveUp {
    /// What the journal holds.
    pub tail: bool,
    /// What only damaged checkpoints hold.
    pub damaged: bool,
}

/// Up to which moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The newest there is.
    Newest,
    /// The end of this tick.
    Tick(Tick),
    /// The last tick that was sealed until then, milliseconds since 1970.
    Time(u64),
}

impl Until {
    fn has(self, entry: &CheckpointEntry) -> bool {
        match self {
            Self::Newest => true,
            Self::Tick(tick) => entry.tick <= tick,
            Self::Time(ms) => (1..=ms).contains(&entry.taken_ms),
        }
    }

    fn wants(self, record: &JournalRecord) -> bool {
        match self {
            Self::Newest => true,
            Self::Tick(tick) => record.tick <= tick,
            Self::Time(ms) => (1..=ms).contains(&record.sealed_ms),
        }
    }
}

/// Whose remains, and where.
pub struct Site<'a> {
    /// The world's name.
    pub world: &'a str,
    /// The folder of its journal.
    pub journal: &'a Path,
    /// Where its checkpoints are.
    pub store: &'a Store,
    /// For asking the store.
    pub databases: &'a Runtime,
}

impl Site<'_> {
    /// Looks for what to begin from. `unusable` are checkpoints that are known not to be.
    ///
    /// # Errors
    /// Store or journal cannot be read, do not belong together, or nothing good is there without
    /// loss.
    pub fn read(&self, unusable: &[Damaged], give_up: GiveUp) -> Result<Remains, Failure> {
        let entries = self
            .databases
            .block_on(self.store.checkpoints(self.world))
            .map_err(store_failure)?;
        let newest = entries.first().map(|entry| (entry.epoch, entry.tick));
        let (image, passed_over) = self.newest_good(&entries, unusable)?;
        let (since, after) = image
            .as_ref()
            .map_or_else(Default::default, |image| (image.epoch, image.tick));
        let mut remains = Remains {
            image,
            tail: JournalSurvey::default(),
            records: Records::Here(Vec::new()),
            passed_over,
            newest,
            given_up: None,
            shipped: ShippedJournal::default(),
            view: None,
        };
        let journal = JournalReader::open(self.journal, since, after);
        if let Ok(journal) = &journal {
            self.refuse_the_journal_of_another(journal)?;
        }
        if !give_up.tail {
            // Else it may be unreadable; it is moved away once the world is ours.
            match journal.and_then(JournalReader::survey) {
                Ok(tail) => {
                    remains.tail = tail;
                    remains.records = Records::Journal {
                        dir: self.journal.to_owned(),
                        since,
                        after,
                    };
                }
                Err(error) if remains.passed_over.is_empty() => return Err(unreadable(&error)),
                Err(error) if give_up.damaged => tracing::warn!("{}", chain(&error)),
                Err(error) => return Err(remains.no_way(Some(&error))),
            }
            let row = self
                .databases
                .block_on(self.store.world(self.world))
                .map_err(store_failure)?;
            let reached = row.map_or(Epoch(0), |row| row.epoch);
            belongs_together(&remains.tail, self.world, reached)?;
        }
        remains.given_up = remains.lost();
        match remains.given_up {
            Some(_) if !give_up.damaged => Err(remains.no_way(None)),
            _ => Ok(remains),
        }
    }

    /// Looks for the way to an earlier moment: the newest good checkpoint before it, and the journal up
    /// to it.
    ///
    /// # Errors
    /// Store or journal cannot be read, or that moment is not to be had.
    pub fn read_back(&self, until: Until) -> Result<Remains, Failure> {
        let all = self
            .databases
            .block_on(self.store.checkpoints(self.world))
            .map_err(store_failure)?;
        let journal = JournalReader::open(self.journal, Epoch(0), Tick(0))
            .map_err(|error| unreadable(&error))?;
        self.refuse_the_journal_of_another(&journal)?;
        let begins = journal.begins();
        let taken = all.iter().filter(|entry| was_taken(entry, &all, begins));
        let entries: Vec<_> = taken.filter(|entry| until.has(entry)).cloned().collect();
        let (image, passed_over) = self.newest_good(&entries, &[])?;
        let (since, after) = image
            .as_ref()
            .map_or_else(Default::default, |image| (image.epoch, image.tick));
        let mut remains = Remains {
            image,
            tail: JournalSurvey::default(),
            records: Records::Here(Vec::new()),
            passed_over,
            newest: None,
            given_up: None,
            shipped: ShippedJournal::default(),
            view: None,
        };
        if until != Until::Tick(after) {
            let journal = JournalReader::open(self.journal, since, after);
            remains.tail = journal
                .and_then(|journal| journal.survey_while(|record| until.wants(record)))
                .map_err(|error| not_to_be_had(&what_keeps_from(&error, after), &all))?;
            remains.records = Records::Journal {
                dir: self.journal.to_owned(),
                since,
                after,
            };
        }
        let reaches = remains.reaches();
        match until {
            Until::Tick(tick) if reaches != tick => Err(not_to_be_had(
                &format!("what is stored leads only to tick {reaches}, not to {tick}"),
                &all,
            )),
            Until::Time(_) if reaches == Tick(0) => Err(not_to_be_had(
                "no tick is known to have been sealed before; a journal of an older build does not \
                 say when its ticks were: use --to-tick",
                &all,
            )),
            _ => Ok(remains),
        }
    }

    /// The newest checkpoint that can be read, and the newer ones that cannot.
    fn newest_good(
        &self,
        entries: &[CheckpointEntry],
        unusable: &[Damaged],
    ) -> Result<(Option<CheckpointImage>, Vec<Damaged>), Failure> {
        let mut passed_over = Vec::new();
        for entry in entries {
            let known = unusable
                .iter()
                .find(|known| (known.epoch, known.tick) == (entry.epoch, entry.tick));
            if let Some(known) = known {
                passed_over.push(known.clone());
                continue;
            }
            match self.databases.block_on(self.store.load_checkpoint(entry)) {
                Ok(image) => return Ok((Some(image), passed_over)),
                Err(StoreError::CorruptCheckpoint { what, .. }) => {
                    passed_over.push(Damaged::of(entry, what));
                }
                Err(error) => return Err(store_failure(error)),
            }
        }
        Ok((None, passed_over))
    }

    /// What a journal lacks is of no interest if it is another world's; and it is not ours to give up.
    fn refuse_the_journal_of_another(&self, journal: &JournalReader) -> Result<(), Failure> {
        match journal.world() {
            Some(other) if other != self.world => {
                let error = RecoveryError::OtherWorld(other.to_owned());
                Err(Failure::environment(error.to_string()).advise(error.advice()))
            }
            _ => Ok(()),
        }
    }
}

impl Remains {
    /// With what was found of the journal's copy; refuses a world that would lose ticks with a damaged
    /// piece of it that nothing else has, unless that is accepted.
    ///
    /// # Errors
    /// Ticks would be lost.
    pub fn beside(mut self, shipped: ShippedJournal, accept_loss: bool) -> Result<Self, Failure> {
        let since = self.image.as_ref().map_or(Epoch(0), |image| image.epoch);
        let reaches = self.reaches();
        let lost = |piece: &&DamagedPiece| piece.epoch >= since && piece.through > reaches;
        if let Some(piece) = shipped.damaged.iter().find(lost)
            && !accept_loss
        {
            return Err(Failure::environment(format!(
                "the journal leads only to tick {reaches}, for this disk does not have it, and damaged \
                 is what the database has: {piece}"
            ))
            .advise(
                "keep a copy of data directory and database. If another disk has this world's journal, \
                 put that into the data directory; or lose those ticks with --accept-loss",
            ));
        }
        self.shipped = shipped;
        Ok(self)
    }

    /// The tick to begin from.
    pub fn begins(&self) -> Tick {
        self.image.as_ref().map_or(Tick(0), |image| image.tick)
    }

    /// The newest tick there is.
    pub fn reaches(&self) -> Tick {
        self.tail.last.unwrap_or(self.begins())
    }

    /// Ticks that the newest damaged checkpoint had, and that nothing else leads to.
    fn lost(&self) -> Option<(Tick, Tick)> {
        let had = self.passed_over.first()?.tick;
        let reaches = self.reaches();
        (reaches < had).then(|| (reaches.next(), had))
    }

    /// How the world was brought back although checkpoints are damaged, for people.
    pub fn stepped_back(&self) -> Option<String> {
        let newest = self.passed_over.first()?;
        let mut text = match self.passed_over.len() {
            1 => format!("the newest checkpoint, of tick {}, is damaged", newest.tick),
            several => format!(
                "the newest {several} checkpoints, from tick {} on backwards, are damaged",
                newest.tick
            ),
        };
        text.push_str(&format!(
            " ({}); went back to {} and its journal",
            newest.what,
            self.basis()
        ));
        match self.given_up {
            None => text.push_str(", nothing is lost"),
            Some((first, last)) => {
                text.push_str(&format!("; LOST as accepted: ticks {first} to {last}"));
            }
        }
        Some(text)
    }

    fn basis(&self) -> String {
        match &self.image {
            Some(image) => format!("the one of tick {}", image.tick),
            None => "the start state".to_owned(),
        }
    }

    /// No good state as new as the damaged checkpoint.
    fn no_way(&self, error: Option<&JournalError>) -> Failure {
        let told: Vec<String> = self
            .passed_over
            .iter()
            .map(|one| format!("tick {} (epoch {}): {}", one.tick, one.epoch.0, one.what))
            .collect();
        let rest = match (error, self.lost()) {
            (Some(error), _) => format!(
                "and from {} the journal does not lead on: {}",
                self.basis(),
                chain(error)
            ),
            (None, Some((first, last))) => format!(
                "and from {} the journal leads only to tick {}: ticks {first} to {last} would be \
                 lost",
                self.basis(),
                self.reaches()
            ),
            (None, None) => "and there is no other".to_owned(),
        };
        let damaged = told.join("; ");
        Failure::environment(format!("damaged checkpoints: {damaged}; {rest}")).advise(
            "keep a copy of data directory and database. Then restore the newest backup \
             (bluemarble-server restore), or the database's own; or go on from the newest good state \
             and lose those ticks with --accept-loss. If a newer build stored them, start that one",
        )
    }

    /// What was found, for the list of steps.
    pub fn told(&self) -> String {
        let mut text = match &self.image {
            None if self.newest.is_none() => "a new world".to_owned(),
            None => "the start state".to_owned(),
            Some(image) => format!("checkpoint of tick {}", image.tick),
        };
        let tail = &self.tail;
        if tail.records > 0 {
            text.push_str(&format!(", {} journaled ticks after it", tail.records));
        }
        if let Some(torn) = &tail.torn {
            text.push_str(&format!(
                ", {} bytes of an unfinished record cut off",
                torn.bytes
            ));
        }
        if let Some(hole) = &tail.broken {
            text.push_str(&format!(
                ", LOST: the log had broken at tick {} and no checkpoint closed the hole",
                hole.first_lost
            ));
        }
        if let Some(back) = self.stepped_back() {
            text.push_str(&format!(", DAMAGE: {back}"));
        }
        if let Some(trouble) = journal_copy::trouble(&self.shipped) {
            text.push_str(&format!(", DAMAGE: {trouble}"));
        }
        text
    }

    /// Says what may be given up: whether the last server stopped by itself is not known here.
    pub fn warn_of_a_journal_elsewhere(&self) {
        if let Some(image) = &self.image
            && self.tail.newest_epoch < Some(image.epoch)
        {
            tracing::warn!(
                "this data directory has no journal of epoch {}, which stored the checkpoint of \
                 tick {}. If that server crashed, the ticks since are in its own data directory, \
                 and to go on from here is to lose them: stop now and start there",
                image.epoch.0,
                image.tick
            );
        }
    }
}

/// Whether `entry` is of the world's past: a later epoch did not begin before it.
fn was_taken(entry: &CheckpointEntry, all: &[CheckpointEntry], begins: &[(Epoch, Tick)]) -> bool {
    let passed = all
        .iter()
        .any(|other| other.epoch > entry.epoch && other.tick < entry.tick);
    let left = begins
        .iter()
        .any(|&(epoch, first)| epoch > entry.epoch && first <= entry.tick);
    !passed && !left
}

/// Why the journal does not lead on from a checkpoint of tick `after`, if an older moment is asked for:
/// that it begins later is as it should be.
fn what_keeps_from(error: &JournalError, after: Tick) -> String {
    match error {
        JournalError::Gap { begins, .. } => format!(
            "it lies behind the checkpoint of tick {after}, which stands alone: the journal is kept \
             only from tick {begins} on"
        ),
        other => chain(other),
    }
}

/// That moment is not to be had; which are.
fn not_to_be_had(why: &str, all: &[CheckpointEntry]) -> Failure {
    let mut told: Vec<String> = all
        .iter()
        .rev()
        .map(|entry| match entry.taken_ms {
            0 => entry.tick.to_string(),
            taken => format!("{} ({})", entry.tick, rfc3339(taken)),
        })
        .collect();
    if told.is_empty() {
        told.push("none".to_owned());
    }
    Failure::environment(format!("that moment cannot be had: {why}")).advise(format!(
        "the ticks of these checkpoints can be had with --to-tick, and those that the journal has \
         behind them: {}",
        told.join(", ")
    ))
}

fn unreadable(error: &JournalError) -> Failure {
    Failure::environment(chain(error)).advise(
        "keep a copy of the data directory; --discard-journal-tail goes back to the newest \
         checkpoint",
    )
}

/// Refuses a journal that the database has not seen begin, before anybody is fenced for it.
fn belongs_together(tail: &JournalSurvey, world: &str, reached: Epoch) -> Result<(), Failure> {
    // That a journal is another world's has been said.
    let ours = tail.world.as_deref() == Some(world);
    match tail.newest_epoch {
        Some(journal) if ours && journal > reached => Err(Failure::environment(format!(
            "the journal in this data directory was written in epoch {}, but the database has only \
             reached epoch {}: it was reset, or it is another one",
            journal.0, reached.0
        ))
        .advise(
            "correct --database-url, or restore the database; --discard-journal-tail begins from \
             what this database holds",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(epoch: u32, tick: u64) -> CheckpointEntry {
        CheckpointEntry {
            world: "w".into(),
            epoch: Epoch(epoch),
            tick: Tick(tick),
            digest: 0,
            content_hash: 0,
            provenance: String::new(),
            taken_ms: tick,
            parts: 1,
            bytes: 0,
            stored_bytes: 0,
            is_sound: true,
        }
    }

    #[test]
    fn a_past_that_was_not_taken_is_left_out() {
        // Epoch 2 began at tick 20, though epoch 1 had got to 30.
        let all = [entry(2, 40), entry(2, 20), entry(1, 30), entry(1, 20)];
        let taken = |begins: &[(Epoch, Tick)]| -> Vec<(u32, u64)> {
            let taken = all.iter().filter(|entry| was_taken(entry, &all, begins));
            taken.map(|entry| (entry.epoch.0, entry.tick.0)).collect()
        };
        assert_eq!(taken(&[]), [(2, 40), (2, 20), (1, 20)]);
        // Where the first checkpoints of the epoch are gone, its first segment tells.
        let begins = [(Epoch(1), Tick(1)), (Epoch(3), Tick(25))];
        assert_eq!(taken(&begins), [(2, 20), (1, 20)]);
    }

    #[test]
    fn a_time_has_what_was_sealed_until_then_and_not_what_has_none() {
        let until = Until::Time(30);
        assert!(until.has(&entry(1, 30)) && !until.has(&entry(1, 31)));
        assert!(!until.has(&entry(1, 0)), "nobody noted when");
        assert!(Until::Tick(Tick(30)).has(&entry(1, 0)));
        assert!(!Until::Tick(Tick(30)).has(&entry(1, 31)));
    }
}
