//! One life of a world beside the main one, on a thread of its own: recovered, ticking until it is
//! deserted or told to stop, checkpointed, gone. What it does in between is
//! [`WorldLoop`]'s, the same as the main world's.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bluemarble_net::server::event::{SessionCommand, SessionEvent};
use bluemarble_net::server::quic::QuicLimits;
use bluemarble_persistence::JournalHealth;
use bluemarble_shared_protocol::CloseCode;
use bluemarble_sim::Scenario;

use super::pier::Pier;
use super::record::WorldRecord;
use super::{Awake, Place, Worlds};
use crate::cli::ServeArgs;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit::{Failure, chain};
use crate::guarded::guarded;
use crate::limits::FINAL_CHECKPOINT_WAIT;
use crate::live::{Facts, Live, digest_hex};
use crate::shutdown::StopRequest;
use crate::start::{self, Ground};
use crate::steps::Steps;
use crate::world_log::LogEnd;
use crate::world_loop::{End, WorldLoop};
use crate::{assets, config, machine};

/// How a life ended.
pub(super) enum Ended {
    /// Nobody was there any more; the store has its last state.
    Deserted,
    /// As told.
    Stopped,
    /// Not as it should.
    Failed(String),
}

/// Wakes the world and lives its life.
pub(super) fn live(worlds: &Worlds, record: &WorldRecord, stop: &StopRequest) {
    let ended = guarded(|| begin(worlds, record, stop).map(|world| last(worlds, record, world)))
        .unwrap_or_else(|panic| Ok(Ended::Failed(panic.in_short().to_owned())))
        .unwrap_or_else(|failure| Ended::Failed(failure.to_string()));
    worlds.life_ended(&record.name, ended);
}

fn begin(worlds: &Worlds, record: &WorldRecord, stop: &StopRequest) -> Result<WorldLoop, Failure> {
    let context = worlds.context();
    if record.asleep {
        // From now on a crash must find it awake.
        let awake = WorldRecord {
            asleep: false,
            ..record.clone()
        };
        worlds.remember(&awake)?;
    }
    let scenario = Scenario::find(&context.assets, &record.scenario)
        .map_err(|error| Failure::request(chain(&error)))?;
    let config = own_config(&context.config, &context.data, record);
    assets::check_sleepers(&config, &scenario)?;
    let data = DataDir::at(&worlds.records().folder(&record.name));
    let steps = Steps::silent(context.clock);
    let ground = Ground {
        config: &config,
        assets: &context.assets,
        data: &data,
        steps: &steps,
        clock: context.clock,
        build: &context.build,
        planets: &context.planets,
    };
    let live = Arc::new(Live::new(Facts {
        world: record.name.clone(),
        scenario: record.scenario.clone(),
        seed: record.seed,
        tick_hz: record.tick_hz,
        build: context.build.clone(),
        machine: machine::machine(),
    }));
    let sleep_now = Arc::new(AtomicBool::new(false));
    let pier = Arc::new(Pier::new(record.number));
    let place = Place::of_instance(
        worlds.clone(),
        record.name.as_str().into(),
        Arc::clone(&pier),
        record.hibernate_s.map(Duration::from_secs),
        Arc::clone(&sleep_now),
    );
    let (events, received) = crossbeam_channel::bounded(QuicLimits::default().events_max);
    let quic = worlds.quic();
    let built = start::build(
        &ground,
        &ServeArgs::default(),
        scenario,
        Arc::clone(&live),
        stop.clone(),
        place,
        || Ok((quic, received)),
    )?;
    worlds.life_begun(
        &record.name,
        Awake {
            events,
            live,
            sleep_now,
            pier,
        },
    );
    Ok(built)
}

/// The server's settings with what this world has of its own.
fn own_config(server: &Config, data: &DataDir, record: &WorldRecord) -> Config {
    let mut own = server.clone();
    // How many zones are kept is said of the main world; the others keep what they begin with.
    own.zones.target = None;
    own.zones.min = 1;
    own.world = config::WorldConfig {
        name: record.store_name(),
        scenario: record.scenario.clone(),
        seed: record.seed,
        tick_hz: record.tick_hz,
        zones: record.zones,
        // Many small worlds: threads of their own would only get in each other's way.
        threads: Some(1),
    };
    own.store.database_url = Some(
        server
            .store
            .database_url
            .clone()
            .unwrap_or_else(|| data.sqlite_url()),
    );
    own
}

/// Ticks to the end, and leaves everything durable.
fn last(worlds: &Worlds, record: &WorldRecord, mut world_loop: WorldLoop) -> Ended {
    let end = guarded(|| world_loop.run()).unwrap_or_else(End::Crashed);
    worlds.life_ending(&record.name);
    let code = match end {
        End::Stopped | End::Deserted => CloseCode::Travelled,
        End::Failed { .. } | End::Crashed(_) | End::Fenced => CloseCode::Internal,
    };
    let WorldLoop {
        world,
        mut hub,
        quic,
        events,
        log,
        mut held,
        live,
        clock,
        ..
    } = world_loop;
    hub.close_all(clock.now_ms(), code);
    let mut farewells: Vec<_> = std::iter::from_fn(|| hub.poll_command()).collect();
    // Nobody is let in any more; whoever was in the queue is told, too.
    for event in events.try_iter() {
        if let SessionEvent::Opened { session, .. } = event {
            let reason = code.reason().to_owned();
            farewells.push(SessionCommand::Close {
                session,
                code,
                reason,
            });
        }
    }
    quic.send_tick(Vec::new(), farewells);
    live.truth.close();
    let whole = matches!(end, End::Stopped | End::Deserted);
    let ended = log.finish(whole.then_some(&world), FINAL_CHECKPOINT_WAIT);
    held.release(ended.written(), &live.digests);
    live.digests.close();
    if whole && let Some(status) = live.status() {
        live.show(crate::live::Status {
            tick: world.tick().0,
            digest: digest_hex(world.digest()),
            entities: world.entities() as u64,
            players: 0,
            ..status
        });
    }
    match end {
        End::Stopped => kept(&ended, Ended::Stopped),
        End::Deserted => kept(&ended, Ended::Deserted),
        End::Failed { tick, panic } => {
            Ended::Failed(format!("tick {tick} failed: {}", panic.in_short()))
        }
        End::Crashed(panic) => Ended::Failed(panic.in_short().to_owned()),
        End::Fenced => Ended::Failed("another server has taken this world over".to_owned()),
    }
}

/// A world is safe if its last checkpoint is stored, or its journal is whole.
fn kept(ended: &LogEnd, otherwise: Ended) -> Ended {
    if ended.checkpoints.complete || ended.journal.health == JournalHealth::Whole {
        return otherwise;
    }
    let why = ended.checkpoints.status.last_error.as_deref();
    Ended::Failed(format!(
        "the last checkpoint could not be stored ({}) and the journal has a hole: ticks after {} \
         are lost",
        why.unwrap_or("no answer"),
        ended.journal.durable
    ))
}
