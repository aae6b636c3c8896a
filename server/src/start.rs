//! Start-up, step by step: from a checked configuration to a loop that is ready to run.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bluemarble_net::KeyFileError;
use bluemarble_net::bans::BanList;
use bluemarble_net::certs::ServerIdentity;
use bluemarble_net::resume_tokens::ResumeTokens;
use bluemarble_net::server::quic::{Doors, QuicConfig, QuicLimits, QuicServer};
use bluemarble_net::server::{
    BUDGET_BYTES_MAX, BUDGET_BYTES_MIN, Hub, HubConfig, WorldFacts, event::SessionEvent,
};
use bluemarble_net::tickets::{TicketKeys, TicketVerifier};
use bluemarble_persistence::{LedgerError, Retention, ShippedJournal, Store, StoreError};
use bluemarble_shared_protocol::Epoch;
use bluemarble_shared_protocol::limits::DATAGRAM_BYTES_MAX;
use bluemarble_sim::{Scenario, World, WorldSpec};
use crossbeam_channel::Receiver;
use tokio::runtime::Runtime;

use crate::balance::{Zoning, ZoningRules};
use crate::cli::ServeArgs;
use crate::clock::{Clock, unix_seconds};
use crate::config::{Config, NetConfig};
use crate::data_dir::DataDir;
use crate::exit::{Failure, chain};
use crate::guarded::keep_evidence;
use crate::health::Grade;
use crate::held::HeldDigests;
use crate::limits::{INTEREST_HYSTERESIS, QUIET_CLIENT_BYTES_MAX};
use crate::live::{Live, digest_hex};
use crate::overload::{Ladder, LadderRules};
use crate::recovery::{self, Asker, Quarantine, Recovered, RecoveryError};
use crate::remains::{Damaged, GiveUp, Remains, Site};
use crate::shutdown::StopRequest;
use crate::stepper::Stepper;
use crate::steps::Steps;
use crate::world_loop::WorldLoop;
use crate::worlds::{Place, PlanetShelf};
use crate::{assets, journal_copy, live, machine, serve, take_over};

/// What every step needs.
pub struct Ground<'a> {
    /// Settings.
    pub config: &'a Config,
    /// Planets and creatures.
    pub assets: &'a Path,
    /// Files.
    pub data: &'a DataDir,
    /// Where progress is told.
    pub steps: &'a Steps,
    /// Time.
    pub clock: Clock,
    /// This program.
    pub build: &'a str,
    /// Planets that are loaded already.
    pub planets: &'a PlanetShelf,
}

/// Everything up to, and not including, the first tick. `listen` opens the clients' port, or gives
/// the one that is open; it is asked when nothing but the claim can fail any more.
///
/// # Errors
/// Whatever is missing, taken, unreachable or does not fit together.
pub fn build(
    ground: &Ground<'_>,
    args: &ServeArgs,
    scenario: Scenario,
    live: Arc<Live>,
    stop: StopRequest,
    mut place: Place,
    listen: impl FnOnce() -> Result<(QuicServer, Receiver<SessionEvent>), Failure>,
) -> Result<WorldLoop, Failure> {
    let spec = load_planet(ground, scenario)?;
    let threads = ground.config.world.threads;
    let threads = threads.unwrap_or_else(machine::hardware_threads);
    let stepper = Stepper::new(threads, args)?;
    let databases = serve::runtime("store", 1)?;
    let store = open_store(ground, &databases)?;
    if place.is_main() {
        place.characters().open(store.clone())?;
    }
    let (mut remains, mut recovered) = recover(ground, &spec, &store, &databases, &stepper, args)?;
    let (quic, events) = listen()?;
    let claim = take_over::claim(ground, &store, &databases, spec.content_hash(), args)?;
    let seen = (remains.newest, remains.shipped.newest);
    let name = &ground.config.world.name;
    let tail = !args.discard_journal_tail;
    if let Some(what) = take_over::newer(&store, &databases, name, seen, tail)? {
        ground.steps.say(format_args!(
            "  another server has stored {what} meanwhile: reading again"
        ));
        (remains, recovered) = recover(ground, &spec, &store, &databases, &stepper, args)?;
    }
    let mut began = began(&recovered, &remains);
    if let Some(loss) = began.loss() {
        live.health.raise("recovery", Grade::Degraded, loss);
    }
    let Recovered {
        mut world,
        quarantined,
        movements,
        ..
    } = recovered;
    let named = place.characters().name_all(&mut world)?;
    if named.nameless > 0 {
        tracing::info!(?named, "some avatars have no name any more");
    }
    let (books, begun) =
        take_over::begin_books(ground, &store, &databases, &claim, &world, &movements, args)?;
    began.ledger_corrections = begun.corrections as u64;
    if let Some(trouble) = begun.trouble() {
        live.health
            .raise("ledger corrected", Grade::Degraded, trouble);
    }
    let counter = take_over::open_counter(ground, &store, &databases, &world, &live.deals)?;
    let rules = zoning_rules(ground.config, &live.facts.world, &world, threads);
    let zoning = Zoning::begin(rules, &mut world, live.zones.clone(), ground.clock);
    let aside = args.discard_journal_tail || remains.given_up.is_some();
    let log = take_over::begin_log(
        ground,
        store,
        databases,
        (&claim, books),
        &world,
        aside,
        args,
    )?;
    let mut hub = Hub::new(hub_config(ground, &world, claim.epoch, args));
    let mut avatars = world.players();
    if let Some(kept) = &quarantined {
        kept.come_and_go(&mut avatars);
        place.turn_away(&kept.turned_away());
    }
    hub.adopt(&avatars);
    hub.expel(ground.clock.now_ms(), &place.adopt(&avatars, world.gate()));
    Ok(WorldLoop {
        world,
        hub,
        quic,
        events,
        log,
        held: HeldDigests::default(),
        stepper,
        ladder: Ladder::new(ladder_rules(ground.config)),
        zoning,
        counter,
        live,
        data: ground.data.clone(),
        clock: ground.clock,
        stop,
        epoch: claim.epoch,
        retry: quarantined.map(|kept| kept.instead),
        recovered: began,
        place,
    })
}

fn ladder_rules(config: &Config) -> LadderRules {
    let ticks = |time: Duration| {
        let ticks = time.as_secs_f64() * f64::from(config.world.tick_hz);
        // At most a minute of 120 Hz.
        (ticks.ceil() as u32).max(1)
    };
    LadderRules {
        level_max: config.overload.level_max,
        climb_ticks: ticks(config.overload.climb),
        rest_ticks: ticks(config.overload.rest),
    }
}

fn zoning_rules(config: &Config, name: &str, world: &World, threads: usize) -> ZoningRules {
    ZoningRules {
        world: name.to_owned(),
        target: config.zones.target.unwrap_or(world.zones()),
        config: config.zones.clone(),
        period_ns: 1_000_000_000 / u64::from(world.spec().tick_hz),
        threads,
    }
}

/// The assets and the scenario, before anything is touched or taken.
///
/// # Errors
/// No assets, or no such scenario; the answer lists those there are.
pub fn find_content(config: &Config) -> Result<(PathBuf, Scenario), Failure> {
    let assets = assets::find(config.paths.assets.as_deref())?;
    let scenario = Scenario::find(&assets, &config.world.scenario).map_err(|error| {
        Failure::request(chain(&error))
            .advise("choose one with --scenario, or another directory with --assets")
    })?;
    assets::check_sleepers(config, &scenario)?;
    Ok((assets, scenario))
}

/// The planet, and with it all that the world is made from.
///
/// # Errors
/// It cannot be loaded.
pub fn load_planet(ground: &Ground<'_>, scenario: Scenario) -> Result<WorldSpec, Failure> {
    let config = &ground.config.world;
    let planet = ground
        .steps
        .step(format_args!("loading planet {}", scenario.planet), || {
            let planet = ground.planets.load(ground.assets, &scenario.planet)?;
            let found = format!(
                "radius {:.0} km, {} settlements, {} obstacles",
                planet.radius_m() / 1_000.0,
                planet.settlements().len(),
                planet.obstacles().len()
            );
            Ok((planet, found))
        })?;
    let zones = config.zones.unwrap_or(scenario.zones);
    Ok(WorldSpec {
        scenario,
        planet,
        tick_hz: config.tick_hz,
        seed: config.seed,
        zones,
    })
}

fn open_store(ground: &Ground<'_>, databases: &Runtime) -> Result<Store, Failure> {
    let url = ground.config.store.database_url.clone();
    let url = url.unwrap_or_else(|| ground.data.sqlite_url());
    ground.steps.step("opening the store", || {
        let mut store = databases
            .block_on(Store::open(&url))
            .map_err(store_failure)?;
        store = store.keeping(Retention {
            oldest: ground.config.journal.record,
            ..ground.config.store.retention
        });
        let place = store.place().to_owned();
        Ok((store, place))
    })
}

/// What an operator can do about a store that fails.
pub fn store_failure(error: StoreError) -> Failure {
    let advice = match &error {
        StoreError::BadUrl(_) => "see --database-url in `bluemarble-server serve --help`",
        StoreError::Unavailable { .. } => {
            "start the database, or correct --database-url; without that flag an embedded SQLite is \
             used"
        }
        StoreError::Refused { .. } => "check the address, the permissions and the account",
        StoreError::NewerSchema { .. } => {
            "run the newer build this database was made by, or name another database"
        }
        StoreError::Fenced { .. } => "stop the other server of this world first",
        StoreError::Unstorable { .. } => "reduce it, or use another store",
        StoreError::CorruptCheckpoint { .. } => "restore the database from a backup",
    };
    let text = chain(&error);
    match error {
        StoreError::BadUrl(_) => Failure::request(text),
        _ => Failure::environment(text),
    }
    .advise(advice)
}

/// Why the ledger cannot be had, as the operator is told.
pub fn ledger_failure(error: LedgerError) -> Failure {
    match error {
        LedgerError::Store(error) => store_failure(error),
        error => Failure::environment(chain(&error)),
    }
}

/// Reads what there is and brings the world back from it; a checkpoint that turns out to be none is
/// passed over like one that the store calls damaged.
pub(crate) fn recover(
    ground: &Ground<'_>,
    spec: &WorldSpec,
    store: &Store,
    databases: &Runtime,
    stepper: &Stepper,
    args: &ServeArgs,
) -> Result<(Remains, Recovered), Failure> {
    let journal = ground.data.journal();
    let site = Site {
        world: &ground.config.world.name,
        journal: &journal,
        store,
        databases,
    };
    let give_up = GiveUp {
        tail: args.discard_journal_tail,
        damaged: args.accept_loss,
    };
    // What is given up need not be restored first.
    let shipped = match give_up.tail {
        true => ShippedJournal::default(),
        false => journal_copy::bring_back(&site, ground.steps)?,
    };
    if let Some(trouble) = journal_copy::trouble(&shipped) {
        tracing::error!(target: "audit", "{trouble}");
    }
    let mut unusable = Vec::new();
    loop {
        let remains = ground
            .steps
            .step("reading the newest checkpoint and the journal", || {
                let remains = site.read(&unusable, give_up)?;
                let remains = remains.beside(shipped.clone(), give_up.damaged)?;
                if !give_up.tail {
                    remains.warn_of_a_journal_elsewhere();
                }
                let told = remains.told();
                Ok::<_, Failure>((remains, told))
            })?;
        match bring_back(ground, spec, &remains, stepper) {
            Ok(recovered) => {
                if let Some(back) = remains.stepped_back() {
                    tracing::error!(target: "audit", "{back}");
                }
                return Ok((remains, recovered));
            }
            Err(error) => match (error.damage(), &remains.image) {
                (Some(what), Some(image)) => unusable.push(Damaged {
                    epoch: image.epoch,
                    tick: image.tick,
                    // It may be that which is wrong.
                    digest: None,
                    what,
                }),
                _ => return Err(recovery_failure(&error)),
            },
        }
    }
}

/// What an operator can do about a world that cannot be continued.
pub fn recovery_failure(error: &RecoveryError) -> Failure {
    let text = chain(error);
    let failed = match error.is_the_worlds() {
        true => Failure::world(text),
        false => Failure::environment(text),
    };
    failed.advise(error.advice())
}

fn bring_back(
    ground: &Ground<'_>,
    spec: &WorldSpec,
    remains: &Remains,
    stepper: &Stepper,
) -> Result<Recovered, RecoveryError> {
    let what = match (&remains.image, remains.tail.records) {
        (None, 0) => "generating the world".to_owned(),
        (_, 0) => "restoring the world".to_owned(),
        (_, ticks) => format!("restoring the world and replaying {ticks} ticks"),
    };
    let world = &ground.config.world.name;
    let asker = Asker {
        spec,
        world,
        build: ground.build,
        any_build: false,
    };
    let recovered = ground.steps.step(&what, || {
        let progress = |done, all| ground.steps.progress(&what, done, all);
        let recovered = recovery::recover(&asker, remains, stepper, progress)?;
        let world = &recovered.world;
        let found = format!(
            "tick {}, digest {}, {} entities in {} zones",
            world.tick(),
            digest_hex(world.digest()),
            world.entities(),
            world.zones()
        );
        Ok::<_, RecoveryError>((recovered, found))
    })?;
    if let Some(quarantine) = &recovered.quarantined {
        let tick = quarantine.sealed.tick;
        keep_evidence(
            ground.data,
            tick,
            &quarantine.sealed.encode(),
            &quarantine.panic,
        );
        tracing::error!(target: "audit", "{}", quarantine.told());
    }
    Ok(recovered)
}

fn began(recovered: &Recovered, remains: &Remains) -> live::Recovered {
    live::Recovered {
        tick: recovered.world.tick().0,
        digest: digest_hex(recovered.world.digest()),
        epoch: recovered.epoch.0,
        replayed_ticks: recovered.replayed,
        lost_from: remains.tail.broken.map(|hole| hole.first_lost.0),
        stepped_back: remains.stepped_back(),
        journal_restored: journal_copy::told(&remains.shipped),
        journal_damage: journal_copy::trouble(&remains.shipped),
        quarantined: recovered.quarantined.as_ref().map(Quarantine::told),
        ledger_corrections: 0,
        trail: recovered
            .trail
            .iter()
            .map(|(tick, sum)| (tick.0, digest_hex(*sum)))
            .collect(),
    }
}

fn bad_file(error: KeyFileError) -> Failure {
    Failure::environment(chain(&error)).advise("see [net] in the config")
}

/// The certificate, and the keys whose tickets are good, as the files say now.
///
/// # Errors
/// A file is missing or of no use.
pub fn identity_and_keys(
    net: &NetConfig,
    data: &DataDir,
) -> Result<(ServerIdentity, TicketVerifier), Failure> {
    let identity = match &net.tls {
        Some(files) => ServerIdentity::load(&files.cert, &files.key),
        None => ServerIdentity::load_or_create_development(&data.dev(), unix_seconds()),
    }
    .map_err(bad_file)?;
    let public_pem = match &net.ticket_public_key {
        Some(file) => std::fs::read_to_string(file).map_err(|error| {
            Failure::request(format!(
                "cannot read the ticket key {}: {error}",
                file.display()
            ))
        })?,
        None => {
            TicketKeys::load_or_create(&data.dev())
                .map_err(bad_file)?
                .public_pem
        }
    };
    let tickets = TicketVerifier::of_any_world(&public_pem)
        .map_err(|error| Failure::request(chain(&error)).advise("see net.ticket_public_key"))?;
    Ok((identity, tickets))
}

/// Opens the clients' port, for every world behind `doors`.
///
/// # Errors
/// The port is taken, or a key or certificate is of no use.
pub fn listen(
    ground: &Ground<'_>,
    sockets: &Runtime,
    doors: Arc<dyn Doors>,
    live: &Live,
    bans: BanList,
) -> Result<QuicServer, Failure> {
    let net = &ground.config.net;
    let (identity, tickets) = identity_and_keys(net, ground.data)?;
    live.show_certificate(identity.sha256_hex());
    let resume = ResumeTokens::load_or_create(ground.data.root()).map_err(bad_file)?;
    let limits = QuicLimits {
        // Those who wait in line have a connection, too.
        sessions_max: net.sessions_max + net.waiting_max,
        sessions_per_address_max: net.sessions_per_address_max.unwrap_or(usize::MAX),
        sessions_per_account_max: net.sessions_per_account_max.unwrap_or(usize::MAX),
        // A second at full budget, and a quiet client's datagrams until the idle timeout.
        window_floor_bytes: u64::from(net.client_bytes_per_s_max) + QUIET_CLIENT_BYTES_MAX,
        resume_valid: QuicLimits::default().resume_valid.max(2 * net.grace),
        // Two ticks' worth of the budget: less would let a tick's first datagrams push out its own.
        datagrams_waiting_max: QuicLimits::default().datagrams_waiting_max.max(
            2 * (budget_bytes(net.client_bytes_per_s_max, ground.config.world.tick_hz) as usize)
                .div_ceil(DATAGRAM_BYTES_MAX),
        ),
        ..QuicLimits::default()
    };
    let config = QuicConfig {
        addr: net.listen,
        identity,
        tickets,
        resume,
        bans,
        limits,
    };
    let _context = sockets.enter();
    QuicServer::bind_for(config, doors).map_err(|error| {
        Failure::environment(chain(&error))
            .advise("stop the other program on that port, or choose another with --listen")
    })
}

/// What the session logic is told of settings and world.
fn hub_config(ground: &Ground<'_>, world: &World, epoch: Epoch, args: &ServeArgs) -> HubConfig {
    let (net, spec) = (&ground.config.net, world.spec());
    let mut config = HubConfig::new(WorldFacts {
        epoch,
        tick: world.tick(),
        tick_hz: spec.tick_hz,
        planet: spec.planet.name().to_owned(),
        planet_hash: spec.planet.content_hash(),
        radius_m: spec.planet.radius_m(),
        frame_level: spec.planet.frame_level(),
        kinds: spec.scenario.kind_names.clone(),
    });
    config.interest.enter_m = net.interest_m;
    config.interest.exit_m = net.interest_m * INTEREST_HYSTERESIS;
    config.budget_bytes = budget_bytes(net.client_bytes_per_s_max, spec.tick_hz);
    config.limits.rewind_ms_max = u64::from(spec.scenario.rewind_ms);
    config.limits.players_max = net.sessions_max;
    config.limits.waiting_max = net.waiting_max;
    config.limits.grace_ms = u64::try_from(net.grace.as_millis()).unwrap_or(u64::MAX);
    lie(&mut config, args);
    config
}

/// Snapshot bytes per client and tick.
fn budget_bytes(bytes_per_s_max: u32, tick_hz: u32) -> u32 {
    (bytes_per_s_max / tick_hz).clamp(BUDGET_BYTES_MIN, BUDGET_BYTES_MAX)
}

#[cfg(feature = "sabotage")]
fn lie(config: &mut HubConfig, args: &ServeArgs) {
    config.sabotage = args.sabotage.as_deref().map(|kind| {
        kind.parse()
            .expect("the command line takes only kinds there are")
    });
    if let Some(kind) = config.sabotage {
        tracing::warn!(?kind, "SABOTAGE: clients are told lies on purpose");
    }
}

#[cfg(not(feature = "sabotage"))]
fn lie(_config: &mut HubConfig, _args: &ServeArgs) {}

/// Where clients reach the server.
///
/// # Errors
/// The system does not say.
pub fn address(quic: &QuicServer) -> Result<SocketAddr, Failure> {
    quic.local_addr()
        .map_err(|error| Failure::environment(format!("the QUIC socket has no address: {error}")))
}
