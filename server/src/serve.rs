//! `bluemarble-server serve`: builds the world up, runs it, takes it down.
//!
//! Start-up takes things in the order in which they can fail cheaply: the directory, the admin
//! port, the content, the store, the world, the clients' port; only then does it claim the world,
//! which fences whoever wrote it before. The stop goes the other way round.

use std::path::Path;
use std::sync::Arc;

use bluemarble_net::server::quic::QuicServer;
use bluemarble_persistence::{JournalHealth, JournalStatus};
use bluemarble_shared_protocol::Tick;
use tokio::runtime::Runtime;

use crate::admin::{Admin, AdminToken};
use crate::cli::ServeArgs;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::data_dir::{DataDir, ReadyFile};
use crate::exit::{Failure, chain};
use crate::guarded::guarded;
use crate::health::Grade;
use crate::limits::FINAL_CHECKPOINT_WAIT;
use crate::live::{Facts, Live};
use crate::shutdown::StopRequest;
use crate::start::{self, Ground};
use crate::status_line::StatusLine;
use crate::steps::Steps;
use crate::world_log::{LogEnd, WorldLog};
use crate::world_loop::{End, WorldLoop};
use crate::worlds::{Context, PlanetShelf, Worlds};
use crate::{machine, shutdown, telemetry};

/// Runs until asked to stop.
///
/// # Errors
/// Whatever keeps it from starting, or ended it early.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let config = config::load(&args.config).map_err(refused)?;
    let (assets, scenario) = start::find_content(&config)?;
    let clock = Clock::start();
    let steps = Steps::begin(clock);
    let build = machine::build();
    steps.say(format_args!(
        "BlueMarble {build}: world '{}', scenario '{}', {} ticks a second",
        config.world.name, config.world.scenario, config.world.tick_hz
    ));
    let data = DataDir::at(&config.paths.data_dir);
    let lock = data.take()?;
    data.refuse_unfinished()?;
    let sockets = runtime("net", config.net.threads)?;
    let stop = StopRequest::default();
    stop.on_signals(sockets.handle())
        .map_err(|error| Failure::environment(format!("cannot listen for signals: {error}")))?;
    let live = Arc::new(Live::new(facts(&config, &build)));
    live.health.announce("world", Grade::Down, "starting");
    let token = AdminToken::load_or_create(&data.admin_token())?;
    let planets = Arc::new(PlanetShelf::default());
    let worlds = Worlds::open(
        Context {
            config: config.clone(),
            assets: assets.clone(),
            data: data.clone(),
            clock,
            build: build.clone(),
            planets: planets.clone(),
        },
        live.clone(),
        sockets.handle().clone(),
    )?;
    let admin = Admin::start(
        config.admin.listen,
        token,
        live.clone(),
        telemetry::install()?,
        worlds.clone(),
    )?;

    let ground = Ground {
        config: &config,
        assets: &assets,
        data: &data,
        steps: &steps,
        clock,
        build: &build,
        planets: &planets,
    };
    worlds.expect_back();
    let (place, events) = worlds.main_place();
    let doors = Arc::new(worlds.clone());
    let mut world_loop = start::build(&ground, args, scenario, live.clone(), stop, place, || {
        Ok((
            start::listen(&ground, &sockets, doors, &live, worlds.bans().list())?,
            events,
        ))
    })?;
    worlds.set_quic(world_loop.quic.clone());
    let reload = worlds.clone();
    shutdown::on_hangup(sockets.handle(), move || {
        if let Err(failure) = reload.reload_keys() {
            tracing::error!("certificate and keys stay as they are: {failure}");
        }
    })
    .map_err(|error| Failure::environment(format!("cannot listen for signals: {error}")))?;
    worlds.bring_back();
    let journeys = worlds.look_after_journeys()?;
    let ready = ReadyFile {
        quic: start::address(&world_loop.quic)?.to_string(),
        admin: admin.address.to_string(),
        pid: std::process::id(),
        epoch: world_loop.epoch.0,
    };
    data.write_ready_file(&ready)?;
    welcome(&steps, &config, &data, &ready, &live);
    live.health.clear("world");
    let status_line = (!args.quiet).then(|| StatusLine::start(live.clone()));
    let (end, world_loop) = std::thread::Builder::new()
        .name("world".into())
        .spawn(move || {
            let end = guarded(|| world_loop.run()).unwrap_or_else(End::Crashed);
            (end, world_loop)
        })
        .map_err(|error| Failure::environment(format!("cannot start a thread: {error}")))?
        .join()
        .map_err(|_panic| Failure::world("the world's thread panicked while it ended"))?;
    drop(status_line);
    live.health.announce("world", Grade::Down, "stopping");
    data.remove_ready_file();
    let stopped = take_down(&steps, world_loop, end, &sockets, &worlds);
    admin.stop();
    if journeys.join().is_err() {
        tracing::error!("the journeys' thread had panicked");
    }
    drop(lock);
    stopped
}

fn facts(config: &Config, build: &str) -> Facts {
    Facts {
        world: config.world.name.clone(),
        scenario: config.world.scenario.clone(),
        seed: config.world.seed,
        tick_hz: config.world.tick_hz,
        build: build.to_owned(),
        machine: machine::machine(),
    }
}

fn refused(error: config::ConfigError) -> Failure {
    Failure::request(chain(&error)).advise(error.advice())
}

/// A runtime with its own few threads.
///
/// # Errors
/// No threads to be had.
pub fn runtime(name: &str, threads: usize) -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(name)
        .enable_all()
        .build()
        .map_err(|error| Failure::environment(format!("cannot start the {name} threads: {error}")))
}

fn welcome(steps: &Steps, config: &Config, data: &DataDir, ready: &ReadyFile, live: &Live) {
    let cert = match &config.net.tls {
        Some(files) => files.cert.clone(),
        None => data.dev().join("cert.pem"),
    };
    let (quic, admin) = (&ready.quic, &ready.admin);
    let (cert, token) = (cert.display(), data.admin_token());
    let token = token.display();
    let hash = live.certificate().unwrap_or_default();
    steps.say(format_args!(
        "\nClients connect to {quic} (QUIC and WebTransport, certificate {cert},\n\
         SHA-256 {hash})\n\
         Admin HTTP on http://{admin} (/health /metrics /v1/status), token in {token}\n\
         Try next:\n  \
         bluemarble-bench load --clients 200 --seconds 30{}\n  \
         bluemarble-server ticket --character Ada{}\n  \
         curl -H \"Authorization: Bearer $(cat {token})\" http://{admin}/v1/status\n\
         Ctrl-C stops; the next start goes on from here.\n",
        bench_flags(config, data, ready),
        ticket_flags(config, data),
    ));
}

/// What the bench must be told because it is not as it would expect.
fn bench_flags(config: &Config, data: &DataDir, ready: &ReadyFile) -> String {
    let mut flags = data_dir_flag(data);
    if ready.quic != config::LISTEN_DEFAULT {
        flags.push_str(&format!(" --server {}", ready.quic));
    }
    if ready.admin != config::ADMIN_DEFAULT {
        flags.push_str(&format!(" --admin http://{}", ready.admin));
    }
    if let Some(files) = &config.net.tls {
        flags.push_str(&format!(" --trust {}", files.cert.display()));
    }
    flags
}

fn ticket_flags(config: &Config, data: &DataDir) -> String {
    let mut flags = data_dir_flag(data);
    if config.world.name != config::SCENARIO_DEFAULT {
        flags.push_str(&format!(" --world {}", config.world.name));
    }
    flags
}

fn data_dir_flag(data: &DataDir) -> String {
    if data.root() == Path::new(config::DATA_DIR_DEFAULT) {
        return String::new();
    }
    format!(" --data-dir {}", data.root().display())
}

fn take_down(
    steps: &Steps,
    world_loop: WorldLoop,
    end: End,
    sockets: &Runtime,
    worlds: &Worlds,
) -> Result<(), Failure> {
    let WorldLoop {
        world,
        quic,
        log,
        mut held,
        live,
        ..
    } = world_loop;
    let reason = match &end {
        End::Stopped | End::Deserted => "the server is shutting down",
        End::Failed { .. } | End::Crashed(_) => "the world stopped because of an error",
        End::Fenced => "another server has taken this world over",
    };
    tell_clients(steps, &quic, sockets, reason);
    worlds.stop_all();
    live.truth.close();
    let last = matches!(end, End::Stopped | End::Deserted).then_some(&world);
    let ended = finish(steps, log, last);
    if !matches!(end, End::Fenced) {
        held.release(ended.written(), &live.digests);
    }
    live.digests.close();
    match end {
        End::Stopped | End::Deserted => {
            let tick = world.tick();
            let stored = ended.checkpoints.status.durable;
            if ended.journal.health != JournalHealth::Whole {
                tracing::warn!(health = ?ended.journal.health, "the journal ended with a hole");
            }
            if ended.checkpoints.complete && stored == Some(tick) {
                steps.say(format_args!("stopped at tick {tick}"));
                return Ok(());
            }
            let why = ended
                .checkpoints
                .status
                .last_error
                .unwrap_or_else(|| "no answer".into());
            Err(Failure::environment(format!(
                "the final checkpoint of tick {tick} could not be stored: {why}"
            ))
            .advise(without_checkpoint(&ended.journal, tick)))
        }
        End::Failed { tick, panic } => Err(Failure::world(format!(
            "tick {tick} failed: {}",
            panic.in_short()
        ))
        .advise(
            "the sealed inputs are kept under evidence/ in the data directory: please report \
                 them. Starting again goes on from the tick before",
        )),
        End::Crashed(panic) => Err(Failure::world(format!(
            "the server failed around a tick: {}",
            panic.in_short()
        ))
        .advise("please report this. Starting again goes on from the newest journaled tick")),
        End::Fenced => Err(Failure::environment(
            "another server has taken this world over in the database",
        )
        .advise("run one server per world; stop the other one before starting this one")),
    }
}

/// What becomes of a world whose last checkpoint is not stored.
fn without_checkpoint(journal: &JournalStatus, tick: Tick) -> String {
    match &journal.health {
        JournalHealth::Whole if journal.durable >= tick => {
            "nothing is lost: the next start with this program, content and data directory replays \
             the journal"
                .to_owned()
        }
        JournalHealth::Whole => format!(
            "the journal reaches only to tick {}: check its disk; the next start with this program \
             and content goes on from there",
            journal.durable
        ),
        JournalHealth::Broken { .. } | JournalHealth::Mending { .. } => format!(
            "THE TICKS AFTER {} ARE LOST: the journal has a hole and no checkpoint closes it. The \
             next start goes on from before the hole. Check the journal's disk and the database",
            journal.durable
        ),
    }
}

fn tell_clients(steps: &Steps, quic: &QuicServer, sockets: &Runtime, reason: &str) {
    let sessions = quic.sessions();
    let _done = steps.step(format_args!("telling {sessions} clients"), || {
        sockets.block_on(quic.shutdown(reason));
        Ok::<_, Failure>(((), String::new()))
    });
}

fn finish(steps: &Steps, log: WorldLog, world: Option<&bluemarble_sim::World>) -> LogEnd {
    let what = match world {
        Some(_) => "writing the final checkpoint, closing the journal",
        None => "closing the journal",
    };
    let ended = steps.step(what, || {
        Ok::<_, std::convert::Infallible>((log.finish(world, FINAL_CHECKPOINT_WAIT), String::new()))
    });
    match ended {
        Ok(ended) => ended,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_called_safe_that_is_not_in_the_journal() {
        let advice = |health, durable| {
            let journal = JournalStatus {
                health,
                durable: Tick(durable),
                written: Tick(9),
                queued: 0,
                bytes: 0,
                records: 0,
                syncs: 0,
                stall_us_max: 0,
                segments: 1,
                dropped: 0,
                breaks: 0,
            };
            without_checkpoint(&journal, Tick(9))
        };
        assert!(advice(JournalHealth::Whole, 9).contains("nothing is lost"));
        assert!(advice(JournalHealth::Whole, 8).contains("only to tick 8"));
        let broken = JournalHealth::Broken {
            first_lost: Tick(5),
            reason: "disk full".into(),
        };
        assert!(advice(broken, 4).contains("AFTER 4 ARE LOST"));
        let mending = JournalHealth::Mending { base: Tick(7) };
        assert!(advice(mending, 4).contains("AFTER 4 ARE LOST"));
    }
}
