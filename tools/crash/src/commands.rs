//! The server's commands, killed while they work on what a killed server left: `backup`, `restore`,
//! `recover --branch` and `migrate`.
//!
//! Whatever moment it is: what they read stays as it was, nothing half-made passes for a whole world, and
//! the same command given again comes to the world that was to come out, by its digest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bluemarble_persistence::{CheckpointImage, Store, read_archive, sqlite_url};

use crate::database::{Database, wait};
use crate::fingerprint::{Fingerprint, fingerprint};
use crate::old_schema;
use crate::subject::now;

/// Only a hang takes this long.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(5);
/// Until it is known how long a command takes.
const TAKES: Duration = Duration::from_millis(600);

/// Which command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// `backup`
    Backup,
    /// `restore`
    Restore,
    /// `recover --to-tick … --branch …`
    Branch,
    /// `migrate`
    Migrate,
}

impl Which {
    /// One after the other, so that a run of any length has all of them.
    pub fn in_turn(turn: u64) -> Self {
        const ALL: [Which; 4] = [Which::Backup, Which::Restore, Which::Branch, Which::Migrate];
        ALL[(turn % 4) as usize]
    }

    /// What it is called in the tally.
    pub fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Branch => "branch",
            Self::Migrate => "migrate",
        }
    }
}

/// A world's state: tick and digest.
pub type State = (u64, String);

/// What was killed, and what became of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Whether the command was still at work when it was killed.
    pub lived: bool,
    /// What is wrong.
    pub problems: Vec<String>,
    /// The newest state of the world, if the command told it: what the next start must come back to.
    pub newest: Option<State>,
}

/// Where the commands work.
pub struct Bench<'a> {
    /// The server's program.
    pub server: &'a Path,
    /// The content.
    pub assets: &'a Path,
    /// What the world began as.
    pub scenario: &'a str,
    /// The world's name.
    pub world: &'a str,
    /// The killed server's data directory.
    pub original: &'a Path,
    /// And its database, if that is not in there.
    pub database: Option<&'a Database>,
    /// For what comes out.
    pub scratch: &'a Path,
    /// How long each took last.
    pub took: &'a mut BTreeMap<Which, Duration>,
    /// No two attempts of a run have the same.
    pub number: u32,
}

/// How a command ended, and what it said on both streams.
struct Said {
    status: i32,
    words: String,
}

impl Said {
    fn has(&self, words: &str) -> bool {
        self.words.contains(words)
    }
}

impl Bench<'_> {
    /// Kills the command after so many hundredths of the time that it takes, and looks at everything.
    /// `past` is a state that anybody was told of, for a branch; without it the newest one is taken.
    ///
    /// # Errors
    /// The trial itself failed.
    pub fn kill(
        &mut self,
        which: Which,
        percent: u64,
        past: Option<&State>,
    ) -> anyhow::Result<Outcome> {
        let after = self.took.get(&which).copied().unwrap_or(TAKES);
        let after = after.mul_f64(percent as f64 / 100.0);
        let before = self.fingerprint()?;
        let mut outcome = match which {
            Which::Backup => self.backup(after)?,
            Which::Restore => self.restore(after)?,
            Which::Branch => self.branch(after, past)?,
            Which::Migrate => self.migrate(after)?,
        };
        let changed = before.changes(&self.fingerprint()?);
        if !changed.is_empty() {
            outcome.problems.push(format!(
                "`{}` changed what it only reads: {}",
                which.name(),
                changed.join(", ")
            ));
        }
        if !outcome.lived {
            // Too late: the next one comes sooner.
            self.took.entry(which).or_insert(after.mul_f64(0.7));
        }
        for problem in &mut outcome.problems {
            *problem = format!("`{}` killed after {after:?}: {problem}", which.name());
        }
        Ok(outcome)
    }

    fn fingerprint(&self) -> anyhow::Result<Fingerprint> {
        fingerprint(self.original, self.database.map(Database::url))
    }

    fn backup(&mut self, after: Duration) -> anyhow::Result<Outcome> {
        let file = self.place("bma");
        let args = self.on_original(&["backup", text(&file)?]);
        let mut outcome = Outcome {
            lived: self.run_and_kill(&args, after)?,
            ..Outcome::default()
        };
        let there = file.exists();
        if !there && !outcome.lived {
            outcome.problems.push("it ended without a file".to_owned());
        }
        let again = self.run(Which::Backup, &args, !there)?;
        let right = match there {
            true => again.status == 2 && again.has("is there already"),
            false => again.status == 0,
        };
        if !right {
            outcome.problems.push(format!("again: {}", again.words));
        }
        match read_archive(&file) {
            Ok(archive) => {
                let image = archive.image;
                outcome.newest = Some((image.tick.0, format!("{:016x}", image.digest)));
            }
            Err(error) => outcome.problems.push(format!("not an archive: {error}")),
        }
        Ok(outcome)
    }

    fn restore(&mut self, after: Duration) -> anyhow::Result<Outcome> {
        let file = self.place("bma");
        let made = self.run_to_end(&self.on_original(&["backup", text(&file)?]))?;
        ensure!(made.status == 0, "no archive: {}", made.words);
        let bytes = std::fs::read(&file)?;
        let image = read_archive(&file)?.image;
        let whole = (image.tick.0, format!("{:016x}", image.digest));
        let fresh = match self.database {
            Some(database) => Some(database.another(&format!("restore_{}", self.number))?),
            None => None,
        };
        let target = self.place("restored");
        let args = self.on(&["restore", text(&file)?], &target, fresh.as_ref());
        let mut outcome = Outcome {
            lived: self.run_and_kill(&args, after)?,
            newest: Some(whole.clone()),
            ..Outcome::default()
        };
        let finished = self.half_made(&target, fresh.as_ref(), &whole, &mut outcome)?;
        let again = self.run(Which::Restore, &args, !finished)?;
        let right = match finished {
            true => again.status == 1 && again.has("not overwritten"),
            false => again.status == 0,
        };
        if !right {
            outcome.problems.push(format!("again: {}", again.words));
        }
        self.whole(&target, fresh.as_ref(), &whole, &mut outcome)?;
        if std::fs::read(&file)? != bytes {
            outcome.problems.push("the archive was changed".to_owned());
        }
        Ok(outcome)
    }

    fn branch(&mut self, after: Duration, past: Option<&State>) -> anyhow::Result<Outcome> {
        let newest = match past {
            Some(_) => None,
            None => {
                let look = self.run_to_end(&self.on_original(&["recover", "--dry-run"]))?;
                Some(come_to(&look).with_context(|| look.words)?)
            }
        };
        let Some(past) = past.or(newest.as_ref()) else {
            return Ok(Outcome::default());
        };
        let target = self.place("branch");
        let tick = past.0.to_string();
        let words = ["recover", "--to-tick", &tick, "--branch", text(&target)?];
        let args = self.on_original(&words);
        let mut outcome = Outcome {
            lived: self.run_and_kill(&args, after)?,
            newest: newest.clone(),
            ..Outcome::default()
        };
        let finished = self.half_made(&target, None, past, &mut outcome)?;
        let again = self.run(Which::Branch, &args, !finished)?;
        let right = match finished {
            true => again.status == 2 && again.has("not overwritten"),
            false => again.status == 0,
        };
        if !right {
            outcome.problems.push(format!("again: {}", again.words));
        }
        self.whole(&target, None, past, &mut outcome)?;
        Ok(outcome)
    }

    /// On what an older build left; what the killed server left has this build's schema.
    fn migrate(&mut self, after: Duration) -> anyhow::Result<Outcome> {
        let target = self.place("older");
        let fresh = match self.database {
            Some(database) => Some(database.another(&format!("migrate_{}", self.number))?),
            None => None,
        };
        old_schema::lay_out(&target, fresh.as_ref())?;
        let url = match &fresh {
            Some(database) => database.url().to_owned(),
            None => sqlite_url(&target.join("world.sqlite")),
        };
        let before = wait(look(&url))?;
        ensure!(before.version == old_schema::VERSION, "not an older schema");
        let args = self.on_older("migrate", &target, fresh.as_ref());
        let mut outcome = Outcome {
            lived: self.run_and_kill(&args, after)?,
            ..Outcome::default()
        };
        let meanwhile = wait(look(&url))?;
        let undone = meanwhile.version == before.version;
        if !undone && meanwhile.lacking > 0 {
            let half = format!("the schema has version {}", meanwhile.version);
            outcome.problems.push(half);
        }
        let again = self.run(Which::Migrate, &args, undone)?;
        let afterwards = wait(look(&url))?;
        if again.status != 0 || afterwards.lacking > 0 {
            outcome.problems.push(format!("again: {}", again.words));
        }
        for looked in [&meanwhile, &afterwards] {
            if looked.states != before.states || looked.newest != before.newest {
                let (was, is) = (&before.states, &looked.states);
                outcome
                    .problems
                    .push(format!("checkpoints {was:?} became {is:?}"));
            }
        }
        Ok(outcome)
    }

    /// After the kill: there is nothing, something that says it is not whole, or all of it. Whether it is all.
    fn half_made(
        &self,
        target: &Path,
        database: Option<&Database>,
        whole: &State,
        outcome: &mut Outcome,
    ) -> anyhow::Result<bool> {
        let names = target.read_dir().into_iter().flatten();
        let names: Vec<_> = names
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        if names.iter().all(|name| name == "lock") {
            // A start would make a new world, in the directory or in the database: there must be none.
            let there = match database {
                Some(database) => wait(has_world(database.url(), self.world))?,
                None => false,
            };
            if !there {
                return Ok(false);
            }
        }
        let look = self.run_to_end(&self.on(&["recover", "--dry-run"], target, database))?;
        if look.status == 0 {
            if come_to(&look).as_ref() != Some(whole) {
                let other = format!("something else passes for the world: {}", look.words);
                outcome.problems.push(other);
            }
            return Ok(true);
        }
        let serve = ["serve", "--quiet", "--listen", "127.0.0.1:0", "--admin"];
        let words = [&serve[..], &["127.0.0.1:0"]].concat();
        let serve = self.run_to_end(&self.on(&words, target, database))?;
        for (who, said) in [("a look", look), ("a server", serve)] {
            if said.status != 1 || !said.has("was cut off") {
                outcome.problems.push(format!("{who}: {}", said.words));
            }
        }
        Ok(false)
    }

    /// In the end.
    fn whole(
        &self,
        target: &Path,
        database: Option<&Database>,
        whole: &State,
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        let look = self.run_to_end(&self.on(&["recover", "--dry-run"], target, database))?;
        if come_to(&look).as_ref() != Some(whole) {
            let other = format!("came out otherwise than {whole:?}: {}", look.words);
            outcome.problems.push(other);
        }
        Ok(())
    }

    fn place(&self, kind: &str) -> PathBuf {
        self.scratch.join(format!("{}.{kind}", self.number))
    }

    fn on_original(&self, words: &[&str]) -> Vec<String> {
        self.on(words, self.original, self.database)
    }

    /// A command on a data directory, with the world's settings.
    fn on(&self, words: &[&str], data: &Path, database: Option<&Database>) -> Vec<String> {
        let mut args: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        args.extend(["--world", self.world, "--scenario", self.scenario].map(str::to_owned));
        args.extend(self.settings(data, database));
        args
    }

    /// The same on what an older build left.
    fn on_older(&self, command: &str, data: &Path, database: Option<&Database>) -> Vec<String> {
        let words = [command].into_iter().chain(old_schema::SETTINGS);
        let mut args: Vec<_> = words.map(str::to_owned).collect();
        args.extend(self.settings(data, database));
        args
    }

    fn settings(&self, data: &Path, database: Option<&Database>) -> Vec<String> {
        let mut args = vec!["--data-dir".to_owned(), data.display().to_string()];
        args.extend(["--assets".to_owned(), self.assets.display().to_string()]);
        args.extend(["--threads", "1"].map(str::to_owned));
        if let Some(database) = database {
            args.extend(["--database-url".to_owned(), database.url().to_owned()]);
        }
        args
    }

    /// Whether it was still at work when it was killed.
    fn run_and_kill(&self, args: &[String], after: Duration) -> anyhow::Result<bool> {
        let mut child = self.spawn(args)?;
        std::thread::sleep(after);
        let lived = child.try_wait()?.is_none();
        child.kill()?;
        child.wait()?;
        Ok(lived)
    }

    /// To the end; `whole` if it does all of its work, so that the time counts.
    fn run(&mut self, which: Which, args: &[String], whole: bool) -> anyhow::Result<Said> {
        let began = now();
        let said = self.run_to_end(args)?;
        if whole && said.status == 0 {
            self.took.insert(which, began.elapsed());
        }
        Ok(said)
    }

    fn run_to_end(&self, args: &[String]) -> anyhow::Result<Said> {
        let (mut child, began) = (self.spawn(args)?, now());
        let status = loop {
            match child.try_wait()? {
                Some(status) => break status,
                None if began.elapsed() > PATIENCE => {
                    child.kill()?;
                    child.wait()?;
                    bail!("{args:?} does not end: {}", self.words());
                }
                None => std::thread::sleep(POLL),
            }
        };
        Ok(Said {
            status: status.code().unwrap_or(-1),
            words: self.words(),
        })
    }

    fn spawn(&self, args: &[String]) -> anyhow::Result<Child> {
        let out = std::fs::File::create(self.scratch.join("said.txt"))?;
        Command::new(self.server)
            .args(args)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("cannot start {}", self.server.display()))
    }

    fn words(&self) -> String {
        let said = std::fs::read_to_string(self.scratch.join("said.txt")).unwrap_or_default();
        said.trim().replace('\n', " / ")
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is no text")
}

/// A database as it is.
struct Looked {
    /// The schema's version.
    version: i64,
    /// How many migrations it lacks.
    lacking: usize,
    /// The checkpoints of the older build's world, newest first.
    states: Vec<State>,
    /// The newest of them, whole and verified.
    newest: Option<CheckpointImage>,
}

async fn has_world(url: &str, world: &str) -> anyhow::Result<bool> {
    let store = Store::look(url).await?;
    let row = store.world(world).await;
    store.close().await;
    Ok(row?.is_some())
}

async fn look(url: &str) -> anyhow::Result<Looked> {
    let store = Store::look(url).await?;
    let entries = store.checkpoints(old_schema::WORLD).await;
    let newest = store.latest_checkpoint(old_schema::WORLD).await;
    let (version, lacking) = store.schema();
    store.close().await;
    let states = entries?.into_iter();
    Ok(Looked {
        version,
        lacking: lacking.len(),
        newest: newest?,
        states: states
            .map(|entry| (entry.tick.0, format!("{:016x}", entry.digest)))
            .collect(),
    })
}

/// What `recover --dry-run` says a start would come to.
fn come_to(said: &Said) -> Option<State> {
    let told = said.words.split("come to").nth(1)?;
    let rest = told.trim_start().strip_prefix("tick ")?;
    let (tick, rest) = rest.split_once(", digest ")?;
    let digest = rest.split(',').next()?;
    Some((tick.parse().ok()?, digest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dry_run_says_is_understood() {
        let words = "A start now would: /   begin from   the checkpoint of tick 8, digest 0b /   come to      \
                     tick 81, digest 00000000000000ff, 12 entities /   claim        epoch 3";
        let said = |words: &str| Said {
            status: 0,
            words: words.to_owned(),
        };
        let state = Some((81, "00000000000000ff".to_owned()));
        assert_eq!(come_to(&said(words)), state);
        assert_eq!(come_to(&said("begin a new world")), None);
    }
}
