//! One life of a server: the start, then one thing at a time, in any order.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bluemarble_persistence::faults::Machine;
use bluemarble_persistence::{
    CheckpointHand, CheckpointWorker, JournalHand, JournalOptions, JournalWriter, Ledger,
    LedgerHand, LedgerOptions, LedgerWriter, OpenOptions, Retention, ShipHand, Shipment, Store,
    WorkerOptions,
};
use bluemarble_shared_protocol::{GiftInput, Tick};
use bluemarble_sim::{AdminCommand, Scenario, World, WorldSpec};
use bluemarble_spatial::Planet;
use clap::Parser;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::dice::Dice;
use crate::books::{Books, begin};
use crate::checkpointer::{Checkpointer, DeskHand};
use crate::cli::{Cli, Command, ServeArgs};
use crate::clock::Clock;
use crate::config::{Config, ConfigRaw, Durability};
use crate::data_dir::DataDir;
use crate::deals::{Counter, DealDesk};
use crate::exit::Failure;
use crate::health::{Grade, Health};
use crate::replica::Replica;
use crate::start::{self, Ground};
use crate::stepper::Stepper;
use crate::steps::Steps;
use crate::take_over::{self, Founded};
use crate::world_log::{LogReport, WorldLog};
use crate::worlds::PlanetShelf;

/// Virtual time from one tick to the next.
const PERIOD: Duration = Duration::from_millis(50);

/// More than a stop has to ship, if nothing fails: there are not so many ticks between two of them.
const PIECES_AT_A_STOP_MAX: u32 = 300;
const REPLICATED: &str = "durable = \"replicated\"";

/// A machine with a data directory, on which servers start and die.
pub struct Site {
    pub machine: Machine,
    pub databases: Runtime,
    dir: TempDir,
    config: Config,
    data: DataDir,
    args: Box<ServeArgs>,
    spec: WorldSpec,
    stepper: Stepper,
    planets: PlanetShelf,
    /// What a start is doing.
    pub stage: Cell<&'static str>,
    /// A start, whatever became of it, told that the ledger refused a batch.
    pub refused: Cell<bool>,
}

/// What a start says.
pub struct Begun {
    pub epoch: u32,
    pub lost_from: Option<u64>,
    pub replayed: u64,
    pub ledger: begin::Begun,
}

/// A server that runs.
pub struct Life {
    world: World,
    log: WorldLog,
    /// Where the shop hands its deals in, and the loop takes them.
    pub deals: Arc<DealDesk>,
    counter: Counter,
    health: Health,
    now: Duration,
    pub ledger: Ledger,
    pub hands: Hands,
}

/// What its threads and tasks would do.
pub struct Hands {
    pub journal: JournalHand,
    pub entering: LedgerHand,
    pub desk: DeskHand,
    pub storing: CheckpointHand,
    /// If the journal is shipped.
    pub shipping: Option<ShipHand>,
}

impl Site {
    /// With the database of an older build, or none.
    pub fn new(dice: &mut Dice) -> Self {
        let dir = tempfile::tempdir().expect("a place for a world");
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let older = dice.one_of(&[None, None, Some("format-1"), Some("format-2")]);
        if let Some(older) = older {
            let stored = home.join("../persistence/tests/stored").join(older);
            std::fs::copy(stored.join("world.sqlite"), dir.path().join("world.sqlite"))
                .expect("the stored database is there");
        }
        let machine = Machine::at(&dir.path().to_string_lossy(), dice.between(0, u64::MAX - 1));
        let command = Cli::parse_from(["bluemarble-server", "serve", "--world", "trial"]).command;
        let Command::Serve(args) = command else {
            unreachable!("it says serve");
        };
        // Journals stay here, are shipped, or count only once they are.
        let journal = dice.one_of(&["", "ship = true", REPLICATED, REPLICATED]);
        let raw: ConfigRaw =
            toml::from_str(&format!("[journal]\n{journal}")).expect("it is configuration");
        let config =
            Config::resolve(&raw, None, &args.config).expect("the rest are the defaults, and good");
        let databases = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime without threads");
        Self {
            machine,
            databases,
            config,
            data: DataDir::at(dir.path()),
            dir,
            stepper: Stepper::new(1, &args).expect("one thread"),
            args,
            spec: spec(&home.join("../assets"), dice.between(0, u64::MAX - 1)),
            planets: PlanetShelf::default(),
            stage: Cell::new("nothing"),
            refused: Cell::new(false),
        }
    }

    /// Brings the world back, as a start of the server does, step by step; before the claim, the server
    /// before it may do `something`.
    ///
    /// # Errors
    /// What a start would say.
    pub fn start(
        &self,
        dice: &mut Dice,
        something: impl FnOnce(),
    ) -> Result<(Life, Begun), String> {
        self.start_or_fail(dice, something)
            .map_err(|failure| failure.to_string())
    }

    fn start_or_fail(
        &self,
        dice: &mut Dice,
        something: impl FnOnce(),
    ) -> Result<(Life, Begun), Failure> {
        bluemarble_persistence::faults::lay_out(&self.data.journal());
        let clock = Clock::start();
        let steps = Steps::silent(clock);
        let ground = Ground {
            config: &self.config,
            assets: Path::new(""),
            data: &self.data,
            steps: &steps,
            clock,
            build: "trial",
            planets: &self.planets,
        };
        let (databases, args) = (&self.databases, &*self.args);
        let once = OpenOptions {
            attempts: 1,
            ..OpenOptions::default()
        };
        self.stage.set("schema");
        let store = databases
            .block_on(Store::open_with(&self.data.sqlite_url(), once))
            .map_err(start::store_failure)?
            .keeping(Retention {
                last: dice.between(2, 3) as usize,
                ..Retention::default()
            });
        self.stage.set("recovery");
        let recover =
            || start::recover(&ground, &self.spec, &store, databases, &self.stepper, args);
        let (mut remains, mut recovered) = recover()?;
        something();
        self.stage.set("claim");
        let hash = self.spec.content_hash();
        let claim = take_over::claim(&ground, &store, databases, hash, args)?;
        let seen = (remains.newest, remains.shipped.newest);
        if take_over::newer(&store, databases, &claim.world, seen, true)?.is_some() {
            (remains, recovered) = recover()?;
        }
        let world = recovered.world;
        self.stage.set("books");
        let (ledger, begun) = take_over::bring_books_up_to_date(
            &ground,
            &store,
            databases,
            &claim,
            &world,
            &recovered.movements,
            args,
        )?;
        if begun.refused.is_some() {
            self.refused.set(true);
        }
        self.stage.set("first checkpoint");
        let Founded { label, header, .. } =
            take_over::found_epoch(&ground, &store, databases, &claim, &world, false, args)?;
        self.stage.set("first segment");
        let options = JournalOptions {
            queue_records: dice.one_of(&[3, 64, 64]),
            ..JournalOptions::default()
        };
        let desk = Arc::new(DealDesk::default());
        let counter = take_over::open_counter(&ground, &store, databases, &world, &desk)?;
        let shipped_to = store.clone();
        let (journal, by_hand) = JournalWriter::by_hand(&label.journal, header, options)
            .map_err(|error| take_over::no_journal(&error))?;
        let (worker, storing) =
            CheckpointWorker::by_hand(store, claim.clone(), WorkerOptions::default());
        let (replica, shipping) = self
            .config
            .ships()
            .then(|| {
                let shipment = Shipment {
                    store: shipped_to,
                    claim: claim.clone(),
                    dir: label.journal.clone(),
                    journal: journal.monitor(),
                    checkpoints: worker.monitor(),
                    from: world.tick(),
                };
                Replica::by_hand(databases.handle(), shipment, &self.config.journal)
            })
            .unzip();
        let options = LedgerOptions {
            queue_transfers: dice.one_of(&[30, 1_000, 1_000]),
            ..LedgerOptions::default()
        };
        let (writer, entering) =
            LedgerWriter::by_hand(ledger.clone(), claim.clone(), world.tick(), options);
        let books = Books::of(databases.handle(), writer);
        let (checkpoints, checkpoints_desk) = Checkpointer::by_hand(worker, label, books.monitor());
        let interval = PERIOD * u32::try_from(dice.between(4, 20)).unwrap_or(4);
        let begun = Begun {
            epoch: claim.epoch.0,
            lost_from: remains.tail.broken.map(|hole| hole.first_lost.0),
            replayed: recovered.replayed,
            ledger: begun,
        };
        let life = Life {
            log: WorldLog::new(
                (journal, replica),
                checkpoints,
                books,
                interval,
                Duration::ZERO,
            ),
            world,
            deals: desk,
            counter,
            health: Health::default(),
            now: Duration::ZERO,
            ledger,
            hands: Hands {
                journal: by_hand,
                entering,
                desk: checkpoints_desk,
                storing,
                shipping,
            },
        };
        Ok((life, begun))
    }

    /// Whether what is acknowledged is in the database, too: then disks may be lost.
    pub fn is_replicated(&self) -> bool {
        self.config.journal.durability == Durability::Replicated
    }

    /// The database itself, behind everybody's back.
    pub fn database(&self) -> std::path::PathBuf {
        self.dir.path().join("world.sqlite")
    }
}

/// The vault, and few enough people for a tick to take no time.
fn spec(assets: &Path, seed: u64) -> WorldSpec {
    let mut scenario = Scenario::find(assets, "treasure").expect("it is among the assets");
    for troop in &mut scenario.troops {
        troop.count = 12;
    }
    for camp in &mut scenario.camps {
        camp.count = camp.count.min(6);
    }
    WorldSpec {
        scenario,
        planet: Arc::new(Planet::smooth(50_000.0)),
        tick_hz: 20,
        seed,
        zones: 4,
    }
}

impl Life {
    /// One tick, as the loop does it.
    pub fn tick_once(&mut self, site: &Site, gifts: Vec<GiftInput>) {
        let mut inputs = self.world.scripted_inputs();
        // Chests rain, for there to be something to keep books of.
        if inputs.tick.0.is_multiple_of(3) {
            inputs.commands.push(AdminCommand::Spawn {
                kind: "chest".into(),
                lat_deg: -5.0,
                lng_deg: 100.0,
                spread_m: 10.0,
                count: 2,
            });
        }
        inputs.players.gifts = gifts;
        let (saves, log) = (self.log.is_whole(), &self.log);
        inputs.outside = self.counter.seal(&self.world, saves, || log.ledger());
        self.log.append(&inputs, self.world.digest_parts());
        // A record that was refused shows here, before the loop answers it with a checkpoint.
        let _noticed = self.report();
        site.stepper
            .step(&mut self.world, &inputs)
            .expect("no panic")
            .expect("its inputs are good");
        self.counter.decided(self.world.deal_outcomes());
        self.now += PERIOD;
        self.log.after_step(&self.world, &site.stepper, self.now);
    }

    /// An orderly stop, up to where the process ends.
    pub fn stop(&mut self, site: &Site) {
        self.hands.journal.write();
        self.hands.journal.sync();
        if let Some(shipping) = &mut self.hands.shipping {
            // In time, which a stop waits for no longer than it must.
            for _piece in 0..PIECES_AT_A_STOP_MAX {
                if site.machine.is_dead() || self.log.durable() >= self.log.durable_here() {
                    break;
                }
                site.databases.block_on(shipping.turn());
            }
        }
        self.log.hand_on_to_the_books();
        while site.databases.block_on(self.hands.entering.turn()) {}
        self.log.submit_the_last(&self.world);
        self.hands.desk.turn();
        site.databases.block_on(self.hands.storing.turn());
    }

    /// As `/metrics` and `/v1/health` are fed once a second.
    pub fn report(&self) -> LogReport {
        self.log.report(&self.health)
    }

    /// Whether health has something to say about it.
    pub fn is_unwell(&self, reason: &str) -> bool {
        let report = self.health.report();
        report.status == Grade::Degraded && report.reasons.contains_key(reason)
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    pub fn tick(&self) -> Tick {
        self.world.tick()
    }

    /// What clients are told in every header.
    pub fn durable(&self) -> Tick {
        self.log.durable()
    }

    /// What is durable here, and perhaps only here.
    pub fn durable_here(&self) -> Tick {
        self.log.durable_here()
    }

    /// The shop is told what came of its deals.
    pub fn acknowledge(&mut self, durable: Tick) {
        self.counter.acknowledge(durable);
    }

    /// What recorders are told of.
    pub fn written(&self) -> Option<Tick> {
        self.log.written()
    }

    /// Whether newcomers are admitted.
    pub fn lets_people_in(&self) -> bool {
        self.log.is_whole()
    }

    /// A bug: the books are told that the disk has everything.
    pub fn enters_what_is_only_written(&self) {
        self.log.tell_the_books(self.world.tick());
    }

    /// A bug: a checkpoint does not wait for the ledger.
    pub fn overtakes_the_ledger(&self) {
        self.log.submit_the_last(&self.world);
    }
}
