//! Others shown between their states, over lines as people have them, in virtual time: sixty pictures a
//! second of a client that knows nothing but what arrives.

use bluemarble_net::client::{ClientConfig, ClientCore, PlayClock, Poses};
use bluemarble_net::testing::{LineQuality, Path};
use bluemarble_shared_protocol::bits::BitWriter;
use bluemarble_shared_protocol::codec::{
    OwnUpdate, Schema, SnapshotHeader, SnapshotWriter, full, quantise,
};
use bluemarble_shared_protocol::{EntityId, Epoch, Strain, Tick, WireEntity};
use bluemarble_spatial::{CellId, FrameAxes, Level, maths};
use glam::DVec3;
use serde_json::json;

#[path = "../../shared-protocol/tests/exchanges/rows.rs"]
mod rows;
#[path = "play/vectors.rs"]
mod vectors;

const HZ: u32 = 20;
const RADIUS_M: f64 = 50_000.0;
const TICK_US: u64 = 50_000;
const PICTURE_US: u64 = 16_667;
const SOMEBODY: EntityId = EntityId(77);
const START: u64 = 100_000;

/// Walks in a circle of ten metres, 4 m/s.
fn place(axes: &FrameAxes, tick: f64) -> DVec3 {
    let angle = 0.4 * (tick - START as f64) / f64::from(HZ);
    axes.to_planet(DVec3::new(
        10.0 * maths::cos(angle),
        10.0 * maths::sin(angle),
        0.0,
    ))
}

fn state(cell: CellId, axes: &FrameAxes, tick: u64) -> WireEntity {
    let angle = 0.4 * (tick - START) as f64 / f64::from(HZ);
    let heading = angle + std::f64::consts::FRAC_PI_2;
    let ahead = DVec3::new(maths::cos(heading), maths::sin(heading), 0.0);
    let yaw = quantise::yaw(heading);
    WireEntity {
        cell: cell.0,
        pos_cm: quantise::position_cm(axes.to_local(place(axes, tick as f64))),
        vel_cmps: quantise::walker_velocity(ahead * 4.0, yaw),
        yaw,
        health: 255,
        ..WireEntity::default()
    }
}

/// What a stretch of pictures was like.
#[derive(Debug, Default)]
struct Seen {
    pictures: u32,
    /// Pictures for which nothing newer was known.
    without: u32,
    /// Farthest from the true place at the tick shown, metres, while a newer state was known.
    off_m: f64,
    /// Least and most ticks per tick of time.
    rate: (f64, f64),
    delay_ticks: f64,
}

struct Show {
    server_us: u64,
    tick: u64,
    line: Path<Vec<u8>>,
    core: ClientCore,
    clock: PlayClock,
    poses: Poses,
    strain: Strain,
    shown: Option<(u64, f64)>,
    now_us: u64,
    period: u32,
    /// What the clock was told and what it showed, if that is kept.
    events: Option<Vec<serde_json::Value>>,
}

impl Show {
    fn new(line: &str, seed: u64, period: u32) -> Self {
        let quality = LineQuality::named(line).expect("a name it knows");
        Self {
            server_us: 0,
            tick: START,
            line: Path::new(quality, seed, 0),
            core: ClientCore::new(ClientConfig {
                avatar: EntityId(1),
                epoch: Epoch(0),
                tick: Tick(START),
                tick_hz: HZ,
                schema: Schema::NEWEST,
                predictor: None,
            }),
            clock: PlayClock::new(HZ),
            poses: Poses::new(RADIUS_M, HZ),
            strain: Strain::NONE,
            shown: None,
            now_us: 0,
            period,
            events: None,
        }
    }

    fn datagram(&self, cell: CellId, axes: &FrameAxes) -> Vec<u8> {
        let somebody = state(cell, axes, self.tick);
        let is_due = (self.tick - START).is_multiple_of(u64::from(self.period));
        self.written(cell, is_due.then_some(&somebody))
    }

    fn datagram_of(&self, cell: CellId, somebody: &WireEntity) -> Vec<u8> {
        self.written(cell, Some(somebody))
    }

    fn written(&self, cell: CellId, somebody: Option<&WireEntity>) -> Vec<u8> {
        let number = self.tick - START;
        let mut writer = SnapshotWriter::default();
        let header = SnapshotHeader {
            number: number as u16,
            tick: self.tick as u16,
            strain: self.strain,
            ..SnapshotHeader::default()
        };
        writer.begin(&header, &OwnUpdate::None, 1_100, 1);
        if let Some(somebody) = somebody {
            let mut string = BitWriter::default();
            full::write(&mut string, somebody);
            let bits = string.bits();
            string.align();
            let written = writer.enter(0, SOMEBODY, cell.0, string.string(0), bits);
            written.expect("there is room");
        }
        writer.finish()
    }

    fn run(&mut self, seconds: u64) -> Seen {
        let cell = CellId::at(
            DVec3::new(0.6, -0.5, 0.7).normalize() * RADIUS_M,
            Level::of(9),
        );
        let axes = FrameAxes::of(cell, RADIUS_M);
        let mut seen = Seen {
            rate: (f64::MAX, 0.0),
            ..Seen::default()
        };
        let end_us = self.now_us + seconds * 1_000_000;
        while self.now_us < end_us {
            self.now_us += PICTURE_US;
            let tick_us = TICK_US * (8 + u64::from(self.strain.slower_eighths())) / 8;
            while self.server_us + tick_us <= self.now_us {
                self.server_us += tick_us;
                self.tick += 1;
                let bytes = self.datagram(cell, &axes);
                self.line.send(self.server_us, bytes.len(), bytes);
            }
            while let Some(bytes) = self.line.poll(self.now_us) {
                let before = self.core.tick();
                let _ = self.core.handle_datagram(0, &bytes);
                if self.core.tick() > before {
                    let (tick, strain) = (self.core.tick(), self.core.strain());
                    self.clock.observe(self.now_us, tick, strain);
                    if let Some(events) = &mut self.events {
                        events.push(json!([self.now_us, tick.0, strain.slower_eighths()]));
                    }
                }
            }
            let Some(tick) = self.clock.tick_to_show(self.now_us, self.period) else {
                continue;
            };
            if let Some(events) = &mut self.events {
                events.push(json!([self.now_us, tick]));
            }
            if let Some((at_us, before)) = self.shown.replace((self.now_us, tick)) {
                let time = (self.now_us - at_us) as f64 / tick_us as f64;
                let rate = (tick - before) / time;
                seen.rate = (seen.rate.0.min(rate), seen.rate.1.max(rate));
            }
            let Some(pose) = self.poses.at(self.core.view(), SOMEBODY, tick) else {
                continue;
            };
            seen.pictures += 1;
            if pose.known_ticks < 0.0 {
                seen.without += 1;
            } else if tick > START as f64 + 60.0 {
                seen.off_m = seen.off_m.max(pose.position.distance(place(&axes, tick)));
            }
        }
        seen.delay_ticks = self.clock.delay_ticks(self.period);
        seen
    }
}

#[test]
fn on_good_mobile_and_bad_lines_there_is_mostly_a_state_to_move_towards() {
    for (line, period, without_most, delay_most) in [
        ("good", 1, 0.005, 2.0),
        ("good", 2, 0.005, 3.0),
        ("mobile", 1, 0.03, 3.0),
        ("bad", 1, 0.08, 5.0),
        ("bad", 2, 0.12, 6.0),
    ] {
        for seed in 0..4 {
            let mut show = Show::new(line, seed, period);
            show.run(5);
            let seen = show.run(60);
            let told = format!("{line}, every {period}, seed {seed}: {seen:?}");
            assert!(seen.pictures > 3_500, "{told}");
            let without = f64::from(seen.without) / f64::from(seen.pictures);
            assert!(without <= without_most, "{without}: {told}");
            assert!(seen.delay_ticks <= delay_most, "{told}");
            assert!(seen.rate.0 >= 0.94 && seen.rate.1 <= 1.06, "{told}");
            assert!(seen.off_m < 0.05, "{told}");
        }
    }
}

#[test]
fn after_a_silence_the_show_goes_on_where_it_would_be() {
    let mut show = Show::new("blackout", 1, 1);
    show.run(5);
    // Five seconds of silence in each of three times twenty, and a moment to see that one is over.
    let seen = show.run(60);
    assert!(seen.rate.0 >= 0.94 && seen.rate.1 <= 1.06, "{seen:?}");
    let without = f64::from(seen.without) / f64::from(seen.pictures);
    assert!((0.2..0.28).contains(&without), "{without}: {seen:?}");
    assert!(seen.delay_ticks <= 2.0, "{seen:?}");
}

#[test]
fn when_the_servers_time_slows_down_the_show_does_so_too() {
    let mut show = Show::new("mobile", 3, 1);
    show.run(10);
    for slower in [8, 16, 0] {
        show.strain = if slower > 0 {
            Strain::new(5, slower)
        } else {
            Strain::NONE
        };
        show.run(10);
        let seen = show.run(20);
        let without = f64::from(seen.without) / f64::from(seen.pictures);
        assert!(without <= 0.03, "{slower}: {without} {seen:?}");
        assert!(
            seen.rate.0 >= 0.94 && seen.rate.1 <= 1.06,
            "{slower}: {seen:?}"
        );
    }
}
