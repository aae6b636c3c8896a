//! One world, killed again and again, and its whole record replayed in the end.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use bluemarble_persistence::sqlite_url;
use bluemarble_shared_protocol::Tick;
use serde_json::Value;
use tempfile::TempDir;

use crate::check::{Notes, Recovered};
use crate::commands::{Bench, State, Which};
use crate::database::{Database, wait};
use crate::gifts;
use crate::outage;
use crate::plan::{Dice, Moment, Plan};
use crate::players::Players;
use crate::postmaster::Postmaster;
use crate::recorder::Recorder;
use crate::shop::{self, Shop};
use crate::subject::{Ready, Subject};

/// How long players may wait for their last answers: an answer that was lost is asked for again after two
/// seconds.
const SETTLE_PATIENCE: Duration = Duration::from_secs(10);
/// People have played so long before Postgres is killed, and before the server is.
const BEFORE_OUTAGE: Duration = Duration::from_secs(3);
/// The world's name.
const WORLD: &str = "crash";

/// What all worlds of a run share.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The server's program.
    pub server: PathBuf,
    /// The program that replays.
    pub replayer: PathBuf,
    /// The content.
    pub assets: PathBuf,
    /// What the world begins as.
    pub scenario: String,
    /// How many play.
    pub players: u32,
    /// Whether Postgres is killed as well.
    pub kills_postgres: bool,
    /// Whether disks are lost with servers; they then acknowledge only what the database has, too.
    pub loses_disks: bool,
    /// Which command is killed first.
    pub first_command: u64,
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Servers killed.
    pub kills: u32,
    by_moment: BTreeMap<&'static str, u32>,
    /// Commands begun.
    commands: u32,
    /// Of these, so many with their disks.
    disks: u32,
    digests: usize,
    compared: usize,
    replayed: u64,
    intents: u64,
    returns: u64,
    gifts: u64,
    gifts_compared: u64,
    deals: u64,
    deals_repeated: u64,
    ticks_replayed_whole: u64,
}

impl Tally {
    /// What would make a run that found nothing worthless.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        for (count, what) in [
            (self.compared as u64, "no digest was compared"),
            (self.intents, "nobody played"),
            (self.returns, "nobody came back"),
            (self.gifts, "nobody was told that a gift was carried out"),
            (self.deals, "no deal of the shop was acknowledged"),
            (
                self.deals_repeated,
                "no deal was asked for again after its answer",
            ),
            (self.replayed, "no start had anything to replay"),
            (self.ticks_replayed_whole, "no record was replayed"),
        ] {
            if count == 0 && self.kills >= 5 {
                doubts.push(what.to_owned());
            }
        }
        doubts
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moments = self.by_moment.iter();
        let moments: Vec<_> = moments
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        let disks = match self.disks {
            0 => String::new(),
            some => format!("; {some} with their disks"),
        };
        writeln!(f, "kills: {} ({}){disks}", self.kills, moments.join(", "))?;
        writeln!(
            f,
            "digests told: {}, compared after a kill: {}; ticks replayed by starts: {}, in the end: {}",
            self.digests, self.compared, self.replayed, self.ticks_replayed_whole
        )?;
        writeln!(f, "intents: {}, returns: {}", self.intents, self.returns)?;
        write!(
            f,
            "gifts acknowledged: {}, looked up in the ledger after kills: {}; deals of the shop: {}, \
             answered again: {}",
            self.gifts, self.gifts_compared, self.deals, self.deals_repeated
        )
    }
}

/// A world under trial.
pub struct World<'a> {
    setting: &'a Setting,
    database: Option<&'a Database>,
    dice: Dice,
    dir: TempDir,
    players: Players,
    shop: Shop,
    notes: Notes,
    started_in: Option<Duration>,
    /// What commands wrote, and how long they took.
    scratch: TempDir,
    took: BTreeMap<Which, Duration>,
    problems: Vec<String>,
}

impl<'a> World<'a> {
    /// One of which nothing is there yet.
    ///
    /// # Errors
    /// There is no place for it.
    pub fn new(
        setting: &'a Setting,
        database: Option<&'a Database>,
        mut dice: Dice,
    ) -> anyhow::Result<Self> {
        let players = Players::new(setting.players, dice.up_to(u64::MAX - 1))?;
        let dice_of_shop = dice.up_to(u64::MAX - 1);
        Ok(Self {
            setting,
            database,
            dice,
            dir: tempfile::tempdir().context("no place for a world")?,
            players,
            shop: Shop::new(setting.players, dice_of_shop),
            notes: Notes::default(),
            started_in: None,
            scratch: tempfile::tempdir().context("no place for what commands write")?,
            took: BTreeMap::new(),
            problems: Vec::new(),
        })
    }

    /// Kills it so many times, stops it in order, and replays its record. What was wrong.
    ///
    /// # Errors
    /// The trial itself failed.
    pub fn live(mut self, kills: u32, of: u32, tally: &mut Tally) -> anyhow::Result<Vec<String>> {
        let mut killed = 0;
        while killed < kills && self.problems.is_empty() {
            // Commands have something to work on once a server has been ready.
            let is_commands = self.started_in.is_some() && Plan::is_commands_turn(tally.kills);
            let plan = if is_commands {
                Plan::of_command(&mut self.dice)
            } else {
                Plan::draw(
                    &mut self.dice,
                    self.started_in,
                    self.setting.kills_postgres && self.database.is_some(),
                    self.setting.loses_disks && self.database.is_some(),
                )
            };
            let name = match plan.moment {
                Moment::Command(percent) => self.one_command(percent, tally),
                _ => self.one_life(&plan, tally),
            };
            let Some(name) = name.with_context(|| format!("{plan:?}"))? else {
                continue;
            };
            killed += 1;
            tally.kills += 1;
            *tally.by_moment.entry(name).or_default() += 1;
            let mut with = "";
            if plan.loses_disk && !is_commands {
                self.lose_disk()?;
                tally.disks += 1;
                with = ", and its disk is lost";
            }
            println!(
                "  kill {:>3}/{of} {name}, {:?}{with}",
                tally.kills, plan.moment
            );
        }
        self.end(tally)
    }

    /// The last life, and what it all came to.
    fn end(mut self, tally: &mut Tally) -> anyhow::Result<Vec<String>> {
        if self.problems.is_empty() {
            self.last_life(tally)?;
        }
        let told = self.players.told();
        tally.intents += told.intents.load(Ordering::Relaxed);
        tally.returns += told.returns.load(Ordering::Relaxed);
        tally.gifts += told.gifts.lock().acknowledged();
        let deals = |records: &shop::Records| (records.acknowledged(), records.repeated());
        let (deals, repeated) = self.shop.records(deals);
        tally.deals += deals;
        tally.deals_repeated += repeated;
        self.shop.close();
        tally.digests += self.notes.digests.len();
        self.problems.append(&mut told.problems.lock());
        self.players.leave();
        if !self.problems.is_empty() {
            for kept in [self.dir.keep(), self.scratch.keep()] {
                self.problems
                    .push(format!("what is left of it: {}", kept.display()));
            }
        }
        Ok(self.problems)
    }

    /// Postgres is killed and started again at once, and then is gone for `length`, while people play; then
    /// the server is killed, and in the end all is as in any other life. What was wrong.
    ///
    /// # Errors
    /// The trial itself failed.
    pub fn undergo(mut self, length: Duration, tally: &mut Tally) -> anyhow::Result<Vec<String>> {
        let database = self.database.context("an outage of what?")?;
        let mut postgres = Postmaster::of(database.url())?;
        let plan = Plan {
            moment: Moment::Playing(Duration::ZERO),
            checkpoint_s: 2.0,
            group_commit_ms: 100,
            zones: 4,
            threads: 1,
            loses_disk: false,
        };
        let mut server = self.start(&plan)?;
        let (ready, recorder) = self.receive(&mut server, tally)?;
        std::thread::sleep(BEFORE_OUTAGE);
        for length in [Duration::ZERO, length] {
            let before = self.acknowledged();
            let outage = outage::undergo(&server, &ready, &mut postgres, length)?;
            let acknowledged = self.acknowledged() - before;
            println!(
                "  Postgres killed and gone for {length:?}: {} ticks, none for {:.1} s at most; {acknowledged} \
                 gifts acknowledged; {} transfers and {} bytes of the journal waited; caught up after {:.1} s",
                outage.ticks,
                outage.stood_still_s,
                outage.waiting.0,
                outage.waiting.1,
                outage.caught_up_s
            );
            self.problems.extend(outage.problems);
            if acknowledged == 0 && length > BEFORE_OUTAGE {
                // They need the disk, not the database.
                self.problems.push("no gift was acknowledged".into());
            }
        }
        std::thread::sleep(BEFORE_OUTAGE);
        let lived = server.kill()?;
        self.note(recorder);
        tally.kills += 1;
        *tally.by_moment.entry("after an outage").or_default() += 1;
        if !lived {
            self.problems.push("the server ended by itself".into());
        }
        self.end(tally)
    }

    fn acknowledged(&self) -> u64 {
        self.players.told().gifts.lock().acknowledged()
    }

    /// Kills the command whose turn it is, working on what the last server left. `None` as for a server.
    fn one_command(
        &mut self,
        percent: u64,
        tally: &mut Tally,
    ) -> anyhow::Result<Option<&'static str>> {
        if let Some(database) = self.database {
            database.wait_until_up()?;
        }
        let turn = self.setting.first_command + u64::from(tally.commands);
        tally.commands += 1;
        let which = Which::in_turn(turn);
        let told = self.notes.digests.len().saturating_sub(1) as u64;
        let past = self.dice.up_to(told) as usize;
        let past = self.notes.digests.iter().nth(past);
        // What a lost disk alone had of the past cannot be had any more, but the newest state always can.
        let past = past.filter(|_| !self.setting.loses_disks);
        let past: Option<State> = past.map(|(tick, digest)| (*tick, digest.clone()));
        let mut bench = Bench {
            server: &self.setting.server,
            assets: &self.setting.assets,
            scenario: &self.setting.scenario,
            world: WORLD,
            original: self.dir.path(),
            database: self.database,
            scratch: self.scratch.path(),
            took: &mut self.took,
            number: tally.commands,
        };
        let outcome = bench.kill(which, percent, past.as_ref())?;
        self.problems.extend(outcome.problems);
        if let Some(newest) = outcome.newest {
            // Nobody is told anything meanwhile, so it stays so until a server starts.
            if let Some(before) = &self.notes.expected
                && *before != newest
            {
                self.problems
                    .push(format!("a command found {newest:?} after {before:?}"));
            }
            self.notes.expected = Some(newest);
        }
        Ok(outcome.lived.then_some(which.name()))
    }

    /// Starts a server, checks what it came back to, and kills it. Its name in the tally; `None` if it was
    /// gone before the kill, as one may be that was asked to stop.
    fn one_life(&mut self, plan: &Plan, tally: &mut Tally) -> anyhow::Result<Option<&'static str>> {
        let name = plan.moment.name();
        let mut server = self.start(plan)?;
        if let Moment::Starting(after) = plan.moment {
            // It may have begun to step unseen.
            self.notes.expected = None;
            std::thread::sleep(after);
            return Ok(server.kill()?.then_some(name));
        }
        let (ready, recorder) = self.receive(&mut server, tally)?;
        match plan.moment {
            Moment::Playing(after) => std::thread::sleep(after),
            Moment::Checkpoint(after) => {
                server.wait_for_checkpoint(&ready)?;
                std::thread::sleep(after);
            }
            Moment::Stopping(after) => {
                // So that there is something to store.
                std::thread::sleep(Duration::from_millis(300));
                server.terminate()?;
                std::thread::sleep(after);
            }
            Moment::WithoutDatabase(after) => {
                if let Some(database) = self.database {
                    database.kill_process()?;
                }
                std::thread::sleep(after);
            }
            Moment::Starting(_) | Moment::Command(_) => {}
        }
        let lived = server.kill()?;
        self.note(recorder);
        Ok(lived.then_some(name))
    }

    /// All that the server had written is gone; what its operator would bring along stays: certificate
    /// and keys, so that players find back.
    fn lose_disk(&self) -> anyhow::Result<()> {
        for entry in self.dir.path().read_dir()? {
            let entry = entry?;
            if ["dev", "resume.key"]
                .iter()
                .any(|kept| entry.file_name() == *kept)
            {
                continue;
            }
            match entry.file_type()?.is_dir() {
                true => std::fs::remove_dir_all(entry.path())?,
                false => std::fs::remove_file(entry.path())?,
            }
        }
        Ok(())
    }

    /// An orderly end, and the whole record replayed by another program.
    fn last_life(&mut self, tally: &mut Tally) -> anyhow::Result<()> {
        let plan = Plan {
            moment: Moment::Stopping(Duration::ZERO),
            checkpoint_s: 1.0,
            group_commit_ms: 100,
            zones: 6,
            threads: 1,
            loses_disk: false,
        };
        let mut server = self.start(&plan)?;
        let (_, recorder) = self.receive(&mut server, tally)?;
        std::thread::sleep(Duration::from_millis(500));
        self.players.settle(SETTLE_PATIENCE);
        self.shop.settle(SETTLE_PATIENCE);
        server.terminate()?;
        let status = server.end()?;
        self.note(recorder);
        if !status.success() {
            self.problems
                .push(format!("an orderly stop ended with {status}"));
            return Ok(());
        }
        let url = self.store_url();
        let ledger = wait(gifts::of_ledger(&url, WORLD, Tick(u64::MAX >> 1)))?;
        let records = self.players.told().gifts.lock().clone();
        self.problems.extend(records.against_in_the_end(&ledger));
        let deals = wait(shop::of_ledger(&url, WORLD, Tick(u64::MAX >> 1)))?;
        let problems = self.shop.records(|records| records.against(&deals, true));
        self.problems.extend(problems);
        self.problems.extend(wait(gifts::audit(&url, WORLD))?);
        let mut replay = Command::new(&self.setting.replayer);
        replay.arg("replay").arg(self.dir.path());
        replay.arg("--assets").arg(&self.setting.assets);
        if let Some(database) = self.database {
            replay.args(["--store", database.url()]);
        }
        let output = replay.output().context("cannot start the replayer")?;
        if output.status.success() {
            tally.ticks_replayed_whole += self
                .notes
                .digests
                .last_key_value()
                .map_or(0, |last| *last.0);
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.trim().replace('\n', " / ");
            self.problems
                .push(format!("the record does not replay: {said}"));
        }
        Ok(())
    }

    fn store_url(&self) -> String {
        match self.database {
            Some(database) => database.url().to_owned(),
            None => sqlite_url(&self.dir.path().join("world.sqlite")),
        }
    }

    /// What the players gave each other, and what the shop dealt in, by what they were told before this server and by its ledger,
    /// which has everything that it came back to.
    fn compare_value(&mut self, through: Tick, tally: &mut Tally) -> anyhow::Result<()> {
        let records = self.players.told().gifts.lock().clone();
        let ledger = wait(gifts::of_ledger(&self.store_url(), WORLD, through))
            .context("the ledger's gifts")?;
        self.problems.extend(records.against(&ledger));
        tally.gifts_compared += records.acknowledged();
        let deals = wait(shop::of_ledger(&self.store_url(), WORLD, through))
            .context("the ledger's deals")?;
        let problems = self.shop.records(|records| records.against(&deals, false));
        self.problems.extend(problems);
        Ok(())
    }

    fn start(&self, plan: &Plan) -> anyhow::Result<Subject> {
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let mut args = words("--record --listen 127.0.0.1:0 --admin 127.0.0.1:0");
        args.extend(["--world", WORLD, "--scenario"].map(str::to_owned));
        args.push(self.setting.scenario.clone());
        args.push("--assets".to_owned());
        args.push(self.setting.assets.display().to_string());
        args.extend(words(&format!(
            "--checkpoint-s {} --group-commit-ms {} --zones {} --threads {}",
            plan.checkpoint_s, plan.group_commit_ms, plan.zones, plan.threads
        )));
        if let Some(database) = self.database {
            args.extend(["--database-url".to_owned(), database.url().to_owned()]);
        }
        if self.setting.loses_disks {
            args.extend(words("--durable replicated"));
        }
        Subject::start(&self.setting.server, self.dir.path(), &args)
    }

    /// Waits until a server is ready, compares what it came back to with what is known, and lets the
    /// players in.
    fn receive(
        &mut self,
        server: &mut Subject,
        tally: &mut Tally,
    ) -> anyhow::Result<(Ready, Recorder)> {
        // Nobody is told anything while there is no server: after this, the promise stands still.
        let promised = self.players.told().durable.load(Ordering::Relaxed);
        self.notes.durable = self.notes.durable.max(promised);
        let (ready, started_in) = server.ready()?;
        self.started_in = Some(started_in);
        let recorder = Recorder::of(server.stream(&ready, "/v1/digests")?);
        let mut status = server.status(&ready)?;
        let recovered = status.get_mut("recovered").map_or(Value::Null, Value::take);
        let recovered: Recovered =
            serde_json::from_value(recovered).context("`recovered` in the status")?;
        let (problems, compared) = recovered.against(&self.notes, ready.epoch);
        self.problems.extend(problems);
        self.notes.epoch = self.notes.epoch.max(ready.epoch);
        self.notes.expected = None;
        tally.compared += compared;
        tally.replayed += recovered.replayed_ticks;
        self.compare_value(Tick(recovered.tick), tally)?;
        self.players.enter(ready.quic, self.dir.path(), WORLD)?;
        self.shop.open(ready.admin, self.dir.path())?;
        Ok((ready, recorder))
    }

    fn note(&mut self, recorder: Recorder) {
        for (tick, digest) in recorder.finish() {
            match self.notes.digests.get(&tick) {
                Some(noted) if *noted != digest => self.problems.push(format!(
                    "tick {tick} was told of as {noted}, and later as {digest}"
                )),
                _ => drop(self.notes.digests.insert(tick, digest)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_compared_nothing_is_worth_nothing() {
        let nothing = Tally {
            kills: 20,
            ..Tally::default()
        };
        assert_eq!(nothing.doubts().len(), 8);
        let good = Tally {
            compared: 1,
            intents: 1,
            returns: 1,
            gifts: 1,
            deals: 1,
            deals_repeated: 1,
            replayed: 1,
            ticks_replayed_whole: 1,
            ..nothing
        };
        assert!(good.doubts().is_empty());
    }
}
