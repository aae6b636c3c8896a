//! Lives after lives of one world after another, and what they come to.

use std::collections::BTreeMap;
use std::fmt;

use bluemarble_persistence::faults::{DiskFault, Lie, StoreFault};
use bluemarble_shared_protocol::Tick;
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

use super::dice::Dice;
use super::gifts::Gifts;
use super::life::{Hands, Life, Site};
use super::oracle::Oracle;
use super::shop::Shop;
use crate::world_log::LogReport;

/// A world is left after so many kills, so that the record of a failure is short.
const KILLS_OF_A_WORLD: u64 = 10;
/// Starts that may be refused one after the other while something fails.
const REFUSALS_MAX: u32 = 4;

/// A mistake made on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Clients are told that a tick is durable when it is only written.
    TellsWhatIsOnlyWritten,
    /// The disk says that it has synced, and has not.
    SyncsLie,
    /// New files are synced, and their directory is not.
    NamesAreNotSynced,
    /// The journal is pruned when a checkpoint is taken, not when it is stored.
    PrunesEarly,
    /// Transfers are entered before the disk has their tick.
    EntersWhatIsOnlyWritten,
    /// A batch is entered a second time under other keys.
    EntersTwice,
    /// Checkpoints do not wait for the ledger.
    CheckpointsOvertakeTheLedger,
    /// With `replicated`, clients are told that a tick is durable when only the disk has it.
    TellsWhatIsNotShipped,
    /// The journal's copy is pruned when a checkpoint is taken, not when it is stored.
    PrunesTheCopyEarly,
    /// A deal is answered when it was carried out, and not when that is durable.
    AcknowledgesDealsEarly,
    /// Nobody looks for a deal's key in the ledger.
    DealsWithoutALook,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Run {
    pub kills: u64,
    worlds: u64,
    cuts: u64,
    stops: u64,
    refused: u64,
    ticks: u64,
    replayed: u64,
    faults: u64,
    ghosts: u64,
    compared: u64,
    transfers: u64,
    breaks: u64,
    gifts: u64,
    deals: u64,
    deals_again: u64,
    disks: u64,
    moments: BTreeMap<&'static str, u64>,
    /// What was wrong, with all that is needed to see it again.
    pub problem: Option<String>,
}

impl Run {
    /// Kills so often, or until something is wrong.
    pub fn of(seed: u64, kills: u64, bug: Option<Bug>) -> Self {
        let mut run = Self::default();
        while run.kills < kills && run.problem.is_none() {
            run.worlds += 1;
            let mut trial = Trial::new(seed, run.worlds, bug);
            if let Err(problem) = trial.go(&mut run, kills) {
                let steps = trial.steps.iter().rev().take(60).rev();
                let steps: Vec<_> = steps.map(String::as_str).collect();
                run.problem = Some(format!(
                    "{problem}\n  seed {seed}, world {}: cargo xtask crash --in-process {kills} \
                     --seed {seed}\n  the last steps: {}\n  the journal: {:?}",
                    run.worlds,
                    steps.join(", "),
                    trial.site.machine.files()
                ));
            }
            run.compared += trial.oracle.compared;
            run.transfers += trial.oracle.transfers;
            run.breaks += trial.oracle.breaks;
            run.gifts += trial.gifts.heard;
            run.deals += trial.shop.acknowledged;
            run.deals_again += trial.shop.repeated;
        }
        run
    }

    /// What would make a run that found nothing worthless.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        for (count, what) in [
            (self.compared, "no digest was compared"),
            (self.transfers, "no transfer was compared"),
            (self.gifts, "no gift was answered"),
            (self.deals, "no deal was acknowledged"),
            (self.deals_again, "no deal was asked for again"),
            (self.disks, "no disk was lost"),
            (self.replayed, "no tick was replayed"),
            (self.cuts, "the power was never cut"),
            (self.refused, "no start was refused"),
            (self.breaks, "the log never broke"),
            (self.ghosts, "no server came back that was thought dead"),
            (self.stops, "nothing was stopped in order"),
        ] {
            if count == 0 {
                doubts.push(what.to_owned());
            }
        }
        for moment in [
            "schema",
            "recovery",
            "claim",
            "books",
            "first checkpoint",
            "first segment",
        ] {
            if self.kills >= 1_000 && !self.moments.contains_key(moment) {
                doubts.push(format!("nobody was killed during: {moment}"));
            }
        }
        doubts
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moments: Vec<_> = self
            .moments
            .iter()
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        writeln!(f, "kills: {} ({})", self.kills, moments.join(", "))?;
        writeln!(
            f,
            "digests told: {}, compared after a kill: {}; transfers compared: {}; gifts answered: {}; \
             deals: {}, answered again: {}; ticks replayed by starts: {}",
            self.ticks,
            self.compared,
            self.transfers,
            self.gifts,
            self.deals,
            self.deals_again,
            self.replayed
        )?;
        write!(
            f,
            "worlds: {}, power cuts: {}, disks lost: {}, faults: {}, starts refused: {}, breaks of the log: {}, \
             stops: {}, servers thought dead: {}",
            self.worlds,
            self.cuts,
            self.disks,
            self.faults,
            self.refused,
            self.breaks,
            self.stops,
            self.ghosts
        )
    }
}

/// One world under trial.
struct Trial {
    site: Site,
    dice: Dice,
    oracle: Oracle,
    gifts: Gifts,
    shop: Shop,
    bug: Option<Bug>,
    steps: Vec<String>,
    /// A server that is thought dead, and is not.
    ghost: Option<Hands>,
}

impl Trial {
    fn new(seed: u64, world: u64, bug: Option<Bug>) -> Self {
        let mut dice = Dice::new(seed, world);
        let site = Site::new(&mut dice);
        let trial = Self {
            site,
            dice,
            oracle: Oracle::default(),
            gifts: Gifts::default(),
            shop: Shop::default(),
            bug,
            steps: Vec::new(),
            ghost: None,
        };
        trial.begin_to_lie();
        trial
    }

    fn begin_to_lie(&self) {
        self.site.machine.lie(match self.bug {
            Some(Bug::SyncsLie) => Some(Lie::Synced),
            Some(Bug::NamesAreNotSynced) => Some(Lie::Named),
            _ => None,
        });
    }

    fn go(&mut self, run: &mut Run, kills: u64) -> Result<(), String> {
        let of_this = run.kills + KILLS_OF_A_WORLD;
        while run.kills < kills.min(of_this) {
            let Some(mut life) = self.start(run)? else {
                continue;
            };
            let moment = self.live(&mut life, run)?;
            self.end(moment, Some(life), run);
        }
        // The last one is killed by nobody: what is left must be a world.
        while self.start(run)?.is_none() {}
        Ok(())
    }

    /// A start, perhaps in the middle of an outage, perhaps killed. `None` if it did not come to run.
    fn start(&mut self, run: &mut Run) -> Result<Option<Life>, String> {
        let mut refusals = 0;
        loop {
            let fails = refusals < REFUSALS_MAX && self.dice.once_in(8);
            if fails {
                self.fail(run);
            }
            let dies = self.dice.once_in(3);
            let ops = self.dice.between(1, 45);
            self.site.machine.die_in(dies.then_some(ops));
            self.step(|| format!("START dying {dies} in {ops}"));
            let mut ghost = self.ghost.take().filter(|_| !fails && !dies);
            let databases = &self.site.databases;
            let appears = self.dice.once_in(2);
            let something = || {
                if let Some(ghost) = ghost.as_mut().filter(|_| appears) {
                    haunt(ghost, databases);
                }
            };
            let started = self.site.start(&mut self.dice, something);
            if self.site.refused.take() {
                self.oracle.hear_of_a_refusal()?;
            }
            if self.site.machine.is_dead() {
                self.end(self.site.stage.get(), None, run);
                return Ok(None);
            }
            match started {
                Ok((life, begun)) => {
                    self.site.machine.die_in(None);
                    self.mend();
                    self.step(|| format!("at {} in epoch {}", life.tick(), begun.epoch));
                    run.replayed += begun.replayed;
                    self.oracle.judge(&life, &begun)?;
                    if let Some(mut ghost) = ghost {
                        run.ghosts += 1;
                        haunt(&mut ghost, &self.site.databases);
                        if !ghost.desk.status().fenced {
                            return Err("the server before was not fenced".into());
                        }
                    }
                    self.oracle
                        .judge_books(&self.site.databases, &life.ledger, life.world())?;
                    return Ok(Some(life));
                }
                Err(_said) if fails => {
                    run.refused += 1;
                    refusals += 1;
                    self.mend();
                }
                Err(said) => return Err(format!("the start was refused: {said}")),
            }
        }
    }

    /// Does things in any order until the server is dead. What it was doing then.
    fn live(&mut self, life: &mut Life, run: &mut Run) -> Result<&'static str, String> {
        let length = self.dice.between(10, 220);
        if !self.dice.once_in(4) {
            let ops = self.dice.between(1, 120);
            self.site.machine.die_in(Some(ops));
        }
        let mut mends_in = 0;
        for _ in 0..length {
            if mends_in > 0 {
                mends_in -= 1;
                if mends_in == 0 {
                    self.mend();
                }
            } else if self.dice.once_in(60) {
                self.fail(run);
                mends_in = self.dice.between(1, 40);
            }
            let doing = self.one_thing(life, run);
            if !self.site.machine.is_dead() && self.dice.once_in(6) {
                let careless = self.bug == Some(Bug::DealsWithoutALook);
                let (site, dice) = (&self.site, &mut self.dice);
                self.shop.ask(life, &site.databases, dice, careless)?;
            }
            if self.site.machine.is_dead() {
                return Ok(doing);
            }
            self.listen(life)?;
        }
        if self.dice.once_in(4) {
            self.mend();
            self.step(|| "STOP".into());
            life.stop(&self.site);
            if self.site.machine.is_dead() {
                return Ok("stopping");
            }
            self.listen(life)?;
            run.stops += 1;
            return Ok("stopped");
        }
        Ok("playing")
    }

    /// What the outside is told.
    fn listen(&mut self, life: &mut Life) -> Result<(), String> {
        let told = match (self.bug, life.written()) {
            (Some(Bug::TellsWhatIsOnlyWritten), Some(written)) => written,
            (Some(Bug::TellsWhatIsNotShipped), _) => life.durable_here(),
            _ => life.durable(),
        };
        self.gifts.hear(told)?;
        life.acknowledge(match self.bug {
            Some(Bug::AcknowledgesDealsEarly) => life.tick(),
            _ => told,
        });
        self.shop.hear()?;
        self.oracle.hear(life, told)
    }

    fn one_thing(&mut self, life: &mut Life, run: &mut Run) -> &'static str {
        let databases = &self.site.databases;
        let doing = match self.dice.between(0, 110) {
            0..45 => {
                let gifts = self.gifts.ask(life.world(), &mut self.dice);
                life.tick_once(&self.site, gifts);
                self.oracle.note(life.world());
                self.gifts.note(life.world());
                run.ticks += 1;
                "a tick"
            }
            45..62 => {
                life.hands.journal.write();
                "writing"
            }
            62..72 => {
                life.hands.journal.sync();
                "group commit"
            }
            72..82 => {
                let entered = databases.block_on(life.hands.entering.turn());
                if entered && self.bug == Some(Bug::EntersTwice) {
                    self.enter_twice();
                }
                "entering"
            }
            82..90 => {
                life.hands.desk.turn();
                "pruning"
            }
            90..100 => {
                databases.block_on(life.hands.storing.turn());
                "storing"
            }
            _ => {
                if let Some(shipping) = &mut life.hands.shipping {
                    databases.block_on(shipping.turn());
                }
                "shipping"
            }
        };
        match self.bug {
            Some(Bug::PrunesEarly) if doing == "a tick" && life.tick().0.is_multiple_of(16) => {
                life.hands
                    .desk
                    .prune_before_it_is_stored(Tick(life.tick().0 - 1));
            }
            Some(Bug::PrunesTheCopyEarly) if doing == "a tick" => {
                if let Some(shipping) = &life.hands.shipping {
                    databases.block_on(shipping.prune_before_it_is_stored(life.tick()));
                }
            }
            Some(Bug::EntersWhatIsOnlyWritten) => life.enters_what_is_only_written(),
            Some(Bug::CheckpointsOvertakeTheLedger) if doing == "storing" => {
                life.overtakes_the_ledger();
            }
            _ => {}
        }
        let LogReport {
            journal, ledger, ..
        } = life.report();
        self.step(|| {
            let behind = if ledger.behind { " behind" } else { "" };
            let health = match journal.health {
                bluemarble_persistence::JournalHealth::Whole => "",
                bluemarble_persistence::JournalHealth::Broken { .. } => " broken",
                bluemarble_persistence::JournalHealth::Mending { .. } => " mending",
            };
            format!(
                "{doing} {}/{}/{}{health}{behind}",
                life.tick(),
                life.durable(),
                ledger.applied
            )
        });
        doing
    }

    /// The process ends, and perhaps the power.
    fn end(&mut self, moment: &'static str, life: Option<Life>, run: &mut Run) {
        let alive = !self.site.machine.is_dead();
        let thought_dead = alive && moment == "playing" && self.dice.once_in(2);
        let cut = !thought_dead && self.dice.once_in(2);
        self.step(|| format!("KILLED {moment}, power cut {cut}, thought dead {thought_dead}"));
        if moment != "stopped" {
            run.kills += 1;
            *run.moments.entry(moment).or_default() += 1;
        }
        run.cuts += u64::from(cut);
        let replicated = self.site.is_replicated();
        self.oracle.end(cut, replicated);
        self.gifts.end();
        self.shop.end();
        self.site.machine.restart(cut);
        if cut && replicated && self.dice.once_in(2) {
            self.site.machine.lose_disk();
            run.disks += 1;
            self.step(|| "DISK LOST".into());
        }
        self.begin_to_lie();
        self.ghost = life.filter(|_| thought_dead).map(|life| life.hands);
    }

    /// Something begins to fail.
    fn fail(&mut self, run: &mut Run) {
        run.faults += 1;
        let machine = &self.site.machine;
        match self.dice.between(0, 4) {
            0 | 1 => {
                let fault = self.dice.one_of(&[
                    DiskFault::Full,
                    DiskFault::Denied,
                    DiskFault::Unsynced,
                    DiskFault::Unreadable,
                    DiskFault::Broken,
                ]);
                machine.set_disk_fault(Some(fault));
                self.step(|| format!("FAULT {fault:?}"));
            }
            2 => {
                let bytes = self.dice.between(1, 200) as usize;
                machine.set_short_writes(Some(bytes));
                self.step(|| format!("FAULT writes of {bytes}"));
            }
            _ => {
                let fault = self.dice.one_of(&StoreFault::ALL);
                machine.set_store_fault(Some(fault));
                self.step(|| format!("FAULT {fault:?}"));
            }
        }
    }

    fn mend(&mut self) {
        let machine = &self.site.machine;
        machine.set_disk_fault(None);
        machine.set_short_writes(None);
        machine.set_store_fault(None);
        self.step(|| "MENDED".into());
    }

    fn step(&mut self, told: impl FnOnce() -> String) {
        self.steps.push(told());
    }

    /// What a second run of the same batch would do, if nothing kept its keys apart.
    fn enter_twice(&self) {
        const AGAIN: &str = "INSERT INTO ledger_transfer SELECT world, tick, entity, n + 1000, \
             debit_kind, debit_holder, credit_kind, credit_holder, amount, reason, peer, external, asset \
             FROM ledger_transfer WHERE n < 1000 ORDER BY tick DESC LIMIT 1";
        const MOVE: [&str; 2] = [
            "UPDATE ledger_account SET balance = balance - t.amount FROM (SELECT * FROM \
             ledger_transfer WHERE n >= 1000 ORDER BY tick DESC LIMIT 1) t WHERE kind = t.debit_kind \
             AND holder = t.debit_holder",
            "UPDATE ledger_account SET balance = balance + t.amount FROM (SELECT * FROM \
             ledger_transfer WHERE n >= 1000 ORDER BY tick DESC LIMIT 1) t WHERE kind = t.credit_kind \
             AND holder = t.credit_holder",
        ];
        self.site.databases.block_on(async {
            let options = SqliteConnectOptions::new().filename(self.site.database());
            let Ok(mut connection) = options.connect().await else {
                return;
            };
            for statement in [AGAIN, MOVE[0], MOVE[1]] {
                // A second time, or from a purse that is empty by now: refused.
                if sqlx::query(statement)
                    .execute(&mut connection)
                    .await
                    .is_err()
                {
                    break;
                }
            }
            let _gone_either_way = connection.close().await;
        });
    }
}

/// What a server still does that is thought dead.
fn haunt(ghost: &mut Hands, databases: &tokio::runtime::Runtime) {
    databases.block_on(ghost.entering.turn());
    ghost.desk.turn();
    databases.block_on(ghost.storing.turn());
    databases.block_on(ghost.storing.turn());
    if let Some(shipping) = &mut ghost.shipping {
        databases.block_on(shipping.turn());
    }
}
