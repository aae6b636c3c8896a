//! One tick after the other, on a thread of its own. This is where time passes: nothing it calls
//! asks what time it is.
//!
//! ```text
//! wait ─► session events ─► seal ─► log ─► step ─► replicate ─► checkpoint, feeds ─► wait
//! ```
//!
//! Inputs are in the log's queue before the step that uses them; nothing in the loop waits for a
//! client, a disk or a database.

use std::sync::Arc;
use std::time::Duration;

use bluemarble_net::server::event::SessionEvent;
use bluemarble_net::server::quic::QuicServer;
use bluemarble_net::server::{Hub, ReplicateInput};
use bluemarble_shared_protocol::{CloseCode, Epoch, PlayerInputs, SessionId, Tick};
use bluemarble_sim::{Absent, TickInputs, World};
use bytes::Bytes;
use crossbeam_channel::Receiver;

use crate::balance::Zoning;
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::deals::Counter;
use crate::guarded::{Panicked, keep_evidence};
use crate::health::Grade;
use crate::held::HeldDigests;
use crate::limits::{
    CATCH_UP_TICKS_MAX, COMMANDS_PER_TICK_MAX, DURABLE_LOOK, EVENTS_PER_TICK_MAX, STATUS_PERIOD,
};
use crate::live::{Live, Recovered, Status, digest_hex};
use crate::observed::{Observed, Phase};
use crate::overload::{self, Ladder, Step};
use crate::pacing::Pacer;
use crate::shutdown::StopRequest;
use crate::stepper::Stepper;
use crate::telemetry;
use crate::world_log::{LogReport, WorldLog};
use crate::worlds::Place;

/// Everything a running world needs.
pub struct WorldLoop {
    /// The world.
    pub world: World,
    /// Sessions and replication.
    pub hub: Hub,
    /// The sockets.
    pub quic: QuicServer,
    /// What happened at the sockets.
    pub events: Receiver<SessionEvent>,
    /// Journal and checkpoints.
    pub log: WorldLog,
    /// What recorders are not told yet.
    pub held: HeldDigests,
    /// How the world is stepped.
    pub stepper: Stepper,
    /// What gives way when ticks take too long.
    pub ladder: Ladder,
    /// How the zones change.
    pub zoning: Zoning,
    /// Deals with the outside.
    pub counter: Counter,
    /// What others see.
    pub live: Arc<Live>,
    /// Where evidence goes.
    pub data: DataDir,
    /// Time.
    pub clock: Clock,
    /// Whether to stop.
    pub stop: StopRequest,
    /// This incarnation.
    pub epoch: Epoch,
    /// The first tick's inputs, if they are not to be sealed but are what a quarantine left of
    /// those of the last run.
    pub retry: Option<TickInputs>,
    /// What it began from.
    pub recovered: Recovered,
    /// Its place among the other worlds of the process.
    pub place: Place,
}

/// Why the loop ended.
#[derive(Debug)]
pub enum End {
    /// As asked, between two ticks.
    Stopped,
    /// Nobody has been here for a while, and nobody is coming.
    Deserted,
    /// A rule panicked. The world is no longer a world; the log is.
    Failed {
        /// In this tick.
        tick: Tick,
        /// How.
        panic: Panicked,
    },
    /// Something around the steps panicked. No checkpoint is taken of a world caught in between.
    Crashed(Panicked),
    /// A newer server writes this world.
    Fenced,
}

impl WorldLoop {
    /// Ticks until asked to stop, or until it cannot go on.
    pub fn run(&mut self) -> End {
        let tick_hz = self.world.spec().tick_hz;
        let mut pacer = Pacer::new(tick_hz, CATCH_UP_TICKS_MAX, self.clock.now_ns());
        let mut observed = Observed::new();
        let late_ns = 100_000_000 / u64::from(tick_hz);
        let mut next_look = self.clock.elapsed() + STATUS_PERIOD;
        self.show(&mut observed, &pacer);
        while !self.stop.is_made() {
            self.wait(&pacer);
            // Not a tick more, and nothing that a tick says: another server's world is the world.
            if self.log.is_fenced() {
                return End::Fenced;
            }
            let beat = pacer.begin(self.clock.now_ns());
            observed.late += u64::from(beat.late_ns > late_ns);
            match self.tick(&mut observed) {
                Ok(took) => self.weigh(took, &mut pacer),
                Err((tick, panic)) => return End::Failed { tick, panic },
            }
            if self.clock.elapsed() >= next_look {
                next_look += STATUS_PERIOD;
                self.show(&mut observed, &pacer);
                let deserted = self.hub.is_deserted()
                    && self.events.is_empty()
                    && self.world.gate().is_empty();
                if self
                    .place
                    .may_sleep(deserted, self.clock.elapsed(), &self.events)
                {
                    return End::Deserted;
                }
            }
        }
        End::Stopped
    }

    /// Until the next tick. Whoever waits for nothing but the disk is told as soon as it has answered.
    fn wait(&mut self, pacer: &Pacer) {
        loop {
            let left = Duration::from_nanos(pacer.wait_ns(self.clock.now_ns()));
            let awaited = self.hub.awaits_durable() || self.counter.awaits_durable();
            if !awaited || left <= DURABLE_LOOK {
                return std::thread::sleep(left);
            }
            std::thread::sleep(DURABLE_LOOK);
            if self.log.is_fenced() {
                return;
            }
            self.counter.acknowledge(self.log.durable());
            self.hub.acknowledge(self.log.durable());
            self.hand_out(Vec::new());
        }
    }

    fn tick(&mut self, observed: &mut Observed) -> Result<Duration, (Tick, Panicked)> {
        let began = self.clock.elapsed();
        let mut lap = began;
        let inputs = match self.retry.take() {
            Some(left) => TickInputs {
                epoch: self.epoch,
                ..left
            },
            None => self.seal(observed),
        };
        self.spent(observed, Phase::Seal, &mut lap);
        let sealed = self.log.append(&inputs, self.world.digest_parts());
        self.spent(observed, Phase::Log, &mut lap);
        self.step(&inputs, &sealed, observed)?;
        self.spent(observed, Phase::Step, &mut lap);
        self.replicate();
        self.spent(observed, Phase::Replicate, &mut lap);
        self.publish();
        self.spent(observed, Phase::Publish, &mut lap);
        let took = lap.saturating_sub(began);
        observed.ticked(took);
        if self.place.is_main() {
            telemetry::tick_done(took);
        }
        Ok(took)
    }

    /// Moves the overload ladder by what the tick took, and acts where it says.
    fn weigh(&mut self, took: Duration, pacer: &mut Pacer) {
        let work_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let period_ns = 1_000_000_000 / u64::from(self.world.spec().tick_hz);
        let Some(Step { from, to }) = self.ladder.observe(work_ns, period_ns) else {
            return;
        };
        pacer.set_slower(to.slower_eighths());
        self.hub.set_strain(to);
        if from.level() != to.level() {
            let (from, to) = (from.level(), to.level());
            let load = self.ladder.status().load;
            let tick = self.world.tick();
            tracing::warn!(%tick, from, to, load, "overload: {}", overload::label(to));
        }
    }

    fn spent(&self, observed: &mut Observed, phase: Phase, lap: &mut Duration) {
        let now = self.clock.elapsed();
        observed.spent(phase, now.saturating_sub(*lap));
        *lap = now;
    }

    fn seal(&mut self, observed: &mut Observed) -> TickInputs {
        let now_ms = self.clock.now_ms();
        let tick = self.world.tick().next();
        self.hub.set_saves(self.log.is_whole());
        // Before the events are looked at: those that wait now will have been heard.
        let heard_all = || self.events.len() <= EVENTS_PER_TICK_MAX;
        let travel = self.place.journeys(tick, self.epoch, heard_all);
        for event in self.events.try_iter().take(EVENTS_PER_TICK_MAX) {
            let ended = self.place.note(&event);
            self.hub.handle(now_ms, event);
            // Somebody who never got in leaves no avatar behind that could leave.
            if let Some(avatar) = ended.filter(|avatar| !self.hub.knows(*avatar)) {
                self.place.left(&[avatar]);
            }
        }
        observed.deferred += self.events.len() as u64;
        let mut players = self.hub.seal(now_ms, tick);
        let left = players.leaves.iter().copied();
        // Whoever stands in line again does not go elsewhere meanwhile.
        let left: Vec<_> = left.filter(|avatar| !self.hub.knows(*avatar)).collect();
        self.place.left(&left);
        for departure in &travel.departures {
            self.hub
                .part(now_ms, departure.key.avatar, CloseCode::Travelled);
        }
        if self.world.spec().scenario.scripted() > 0 {
            join(&mut players, self.world.script());
        }
        let (saves, log) = (self.log.is_whole(), &self.log);
        TickInputs {
            outside: self.counter.seal(&self.world, saves, || log.ledger()),
            players,
            overload: overload::sealed(self.ladder.strain()),
            travel,
            ..TickInputs::empty(tick, self.epoch)
        }
    }

    fn step(
        &mut self,
        inputs: &TickInputs,
        sealed: &[u8],
        observed: &mut Observed,
    ) -> Result<(), (Tick, Panicked)> {
        let report = self.stepper.step(&mut self.world, inputs);
        let panicked = match report {
            Ok(Ok(report)) => {
                observed.stepped(report);
                self.hub
                    .gifts_decided(report.tick, self.world.gift_answers());
                self.counter.decided(self.world.deal_outcomes());
                self.counter.acknowledge(self.log.durable());
                let durable = self.log.durable();
                let came = self.place.after_step(&inputs.travel, &self.world, durable);
                self.hub.adopt(&came);
                return Ok(());
            }
            Ok(Err(refused)) => Panicked(refused.to_string()),
            Err(panicked) => panicked,
        };
        let text = format!("tick {} failed: {}", inputs.tick, panicked.in_short());
        self.live.health.raise("world", Grade::Down, text);
        keep_evidence(&self.data, inputs.tick, sealed, &panicked);
        Err((inputs.tick, panicked))
    }

    fn replicate(&mut self) {
        let datagrams = self.hub.replicate(ReplicateInput {
            tick: self.world.tick(),
            epoch: self.epoch,
            durable: self.log.durable(),
            frames: self.world.wire_frames(),
        });
        self.hand_out(datagrams);
    }

    /// To the sockets: these datagrams, and what else the hub has decided.
    fn hand_out(&mut self, datagrams: Vec<(SessionId, Bytes)>) {
        let commands = std::iter::from_fn(|| self.hub.poll_command());
        let commands: Vec<_> = commands.take(COMMANDS_PER_TICK_MAX).collect();
        if !(datagrams.is_empty() && commands.is_empty()) {
            self.quic.send_tick(datagrams, commands);
        }
    }

    fn publish(&mut self) {
        let tick = self.world.tick();
        self.stepper.between(tick);
        self.held.hold(tick, self.world.digest());
        self.held.release(self.log.written(), &self.live.digests);
        self.live
            .tell_truth(tick, self.epoch, self.world.wire_frames());
        self.log
            .after_step(&self.world, &self.stepper, self.clock.elapsed());
        self.zoning.between(&mut self.world, self.clock.elapsed());
    }

    /// Once a second: status, gauges, health.
    fn show(&mut self, observed: &mut Observed, pacer: &Pacer) {
        let health = &self.live.health;
        let LogReport {
            journal,
            checkpoints,
            ledger,
            shipped,
        } = self.log.report(health);
        let before = self.live.status().unwrap_or_default();
        let skipped = pacer.skipped() - before.skipped_ticks;
        let late = (skipped > 0).then(|| format!("{skipped} ticks skipped in the last second"));
        health.set("tick", Grade::Degraded, late);
        let overload = self.ladder.status();
        health.set("overload", Grade::Degraded, overload.trouble());
        health.set("characters", Grade::Degraded, crowding(&self.world));
        let traffic = self.quic.traffic();
        let period_ms = 1_000 / u64::from(self.world.spec().tick_hz);
        let status = Status {
            epoch: self.epoch.0,
            tick: self.world.tick().0,
            digest: digest_hex(self.world.digest()),
            durable_tick: self.log.durable().0,
            recovered: self.recovered.clone(),
            players: self.hub.stats().sessions,
            entities: self.world.entities() as u64,
            absent: self.world.absent().len() as u64,
            zones: self.world.zones() as u64,
            strays: self.world.strays() as u64,
            imbalance: self
                .live
                .zones
                .table()
                .map_or(1.0, |table| table.imbalance()),
            zone_changes: self.zoning.changes(),
            tick_ms: observed.times.since_start(),
            tick_ms_last_second: observed.times.take_window(),
            skipped_ticks: pacer.skipped(),
            overload,
            waiting: self.hub.stats().waiting,
            handoffs: observed.tally.handoffs,
            kills: observed.tally.kills,
            hits: observed.tally.hits,
            bytes_out: traffic.tx_bytes,
            bytes_out_per_s: traffic.tx_bytes.saturating_sub(before.bytes_out),
            journal_lag_ms: self.world.tick().since(journal.durable) * period_ms,
            shipped_tick: shipped.as_ref().map(|shipped| shipped.through.0),
            // This epoch began by storing what it recovered.
            checkpoint_tick: checkpoints
                .durable
                .map_or(self.recovered.tick, |tick| tick.0),
            uptime_s: self.clock.elapsed().as_secs_f64(),
        };
        telemetry::show_world(&self.live.facts.world, &status);
        if self.place.is_main() {
            telemetry::show_status(&status);
            telemetry::show_loop(observed);
            telemetry::show_log(&journal, &checkpoints);
            telemetry::show_shipped(shipped.as_ref());
            telemetry::show_ledger(&ledger);
            telemetry::show_net(self.hub.stats(), self.quic.stats(), &traffic);
            telemetry::show_process(&self.live);
        }
        self.live.show(status);
    }
}

/// Adds the scenario's scripted avatars to what sessions did; each list stays sorted by avatar, and a
/// session goes before a script.
fn join(players: &mut PlayerInputs, script: PlayerInputs) {
    players.admissions.extend(script.admissions);
    players.admissions.sort_by_key(|admission| admission.avatar);
    players
        .admissions
        .dedup_by_key(|admission| admission.avatar);
    players.intents.extend(script.intents);
    players.intents.sort_by_key(|(avatar, _)| *avatar);
    players.intents.dedup_by_key(|(avatar, _)| *avatar);
}

/// What to say when hardly any more characters can be kept while they are away.
fn crowding(world: &World) -> Option<String> {
    let absent = world.absent().len();
    (absent >= Absent::MAX / 10 * 9).then(|| {
        format!(
            "{absent} characters are kept while they are away, and {} can be: beyond, those are \
             forgotten who have nothing, then whoever has been away longest, with what it has (reason \
             'left' in the ledger)",
            Absent::MAX
        )
    })
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::{Admission, EntityId, InputSeq, Intent};

    use super::*;

    #[test]
    fn a_session_goes_before_a_script_and_order_is_kept() {
        let intent = |seq| Intent {
            seq: InputSeq(seq),
            ..Intent::default()
        };
        let mut players = PlayerInputs {
            admissions: vec![Admission {
                avatar: EntityId(5),
                name: "Ada".into(),
            }],
            leaves: vec![],
            intents: vec![(EntityId(5), intent(70))],
            gifts: vec![],
        };
        let script = PlayerInputs {
            admissions: vec![Admission {
                avatar: EntityId(2),
                name: "puppet".into(),
            }],
            leaves: vec![],
            intents: vec![(EntityId(2), intent(1)), (EntityId(5), intent(2))],
            gifts: vec![],
        };
        join(&mut players, script);
        let avatars: Vec<u64> = players.admissions.iter().map(|a| a.avatar.0).collect();
        assert_eq!(avatars, [2, 5]);
        let intents: Vec<(u64, u32)> = players
            .intents
            .iter()
            .map(|(avatar, intent)| (avatar.0, intent.seq.0))
            .collect();
        assert_eq!(intents, [(2, 1), (5, 70)]);
    }
}
