//! What replication costs: n avatars walk a walled patch of a small moon, each seeing k others on
//! average, at 20 Hz over perfect lines of a given round trip; CPU time of `Hub::replicate` and of
//! taking datagrams in, and bytes sent. Every client's view is compared with the frames at the end.
//!
//! `cargo run --release -p bluemarble-net --example replication_cost -- 300 30 [round trip, ticks] [far
//! period, ticks]`

#[path = "../tests/pair/dice.rs"]
#[expect(dead_code, reason = "the pair tests use the rest")]
mod dice;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluemarble_net::client::{ClientConfig, ClientCore};
use bluemarble_net::server::event::{SessionEvent, VerifiedHello};
use bluemarble_net::server::{Hub, HubConfig, Interest, ReplicateInput, WorldFacts};
use bluemarble_shared_protocol::codec::{Schema, quantise};
use bluemarble_shared_protocol::{
    BodyBits, EntityId, Epoch, InputSeq, Intent, OwnState, OwnVitals, SessionId, Tick, WireEntity,
    WireFrame,
};
use bluemarble_spatial::{CellId, FrameAxes, Level, maths};
use bytes::Bytes;
use glam::DVec3;

use self::dice::Dice;

const RADIUS_M: f64 = 50_000.0;
const FRAME_LEVEL: Level = Level::of(6);
const HZ: u32 = 20;
const ENTER_M: f64 = 100.0;

struct Walker {
    id: EntityId,
    name: Arc<str>,
    pos: DVec3,
    heading: DVec3,
    applied: u32,
}

fn main() {
    let arguments: Vec<f64> = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok())
        .collect();
    let argument = |n: usize, default: f64| arguments.get(n).copied().unwrap_or(default);
    let (n, k, rtt) = (argument(0, 300.0), argument(1, 30.0), argument(2, 1.0));
    // k others within the radius: density = k / (π r²), so the patch holds n at that density.
    let patch_m = ENTER_M * (n / (k + 1.0)).sqrt();
    measure(n as usize, patch_m, rtt as usize, argument(3, 2.0) as u32);
}

fn measure(n: usize, patch_m: f64, rtt_ticks: usize, far_period_ticks: u32) {
    let mut config = HubConfig::new(WorldFacts {
        epoch: Epoch(1),
        tick: Tick(0),
        tick_hz: HZ,
        planet: "moon".into(),
        planet_hash: 0,
        radius_m: RADIUS_M,
        frame_level: FRAME_LEVEL,
        kinds: vec!["walker".into()],
    });
    config.budget_bytes = 4_000;
    config.interest = Interest {
        enter_m: ENTER_M,
        exit_m: 1.05 * ENTER_M,
        far_period_ticks,
    };
    let mut hub = Hub::new(config);
    let mut dice = Dice(7);
    let centre = DVec3::new(0.3, 0.2, 0.9).normalize() * RADIUS_M;
    let mut walkers: Vec<Walker> = (0..n)
        .map(|n| walker(n, centre, patch_m, &mut dice))
        .collect();
    let mut clients = Vec::new();
    for (session, walker) in (1..).map(SessionId).zip(&walkers) {
        let hello = VerifiedHello {
            name: walker.name.to_string(),
            avatar: walker.id,
            schema: Schema::NEWEST,
        };
        hub.handle(0, SessionEvent::Opened { session, hello });
        let config = ClientConfig {
            avatar: walker.id,
            epoch: Epoch(1),
            tick: Tick(0),
            tick_hz: HZ,
            schema: Schema::NEWEST,
            predictor: None,
        };
        clients.push((ClientCore::new(config), VecDeque::new()));
    }
    let (mut replicating, mut receiving) = (Vec::new(), Vec::new());
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    let (warm, ticks) = (100, 300);
    let mut before = hub.stats().clone();
    let mut bytes_out = 0;
    let mut truth: VecDeque<BTreeMap<EntityId, WireEntity>> = VecDeque::new();
    for tick in (1..=warm + ticks).map(Tick) {
        let now_ms = tick.0 * 50;
        let measured = tick.0 > warm;
        if tick.0 == warm {
            before = hub.stats().clone();
        }
        let sealing = now();
        let inputs = hub.seal(now_ms, tick);
        let mut received = sealing.elapsed();
        for (avatar, intent) in &inputs.intents {
            if let Some(walker) = walkers.iter_mut().find(|walker| walker.id == *avatar) {
                walker.applied = intent.seq.0;
            }
        }
        walkers
            .iter_mut()
            .for_each(|walker| walk(walker, &mut dice, centre, patch_m));
        let frames = [Arc::new(publish(&walkers, tick))];
        let states = frames[0]
            .ids
            .iter()
            .copied()
            .zip(frames[0].states.iter().copied());
        truth.push_front(states.collect());
        truth.truncate(50);
        let start = now();
        let batch = hub.replicate(ReplicateInput {
            tick,
            epoch: Epoch(1),
            durable: Tick(tick.0 - 1),
            frames: &frames,
        });
        if measured {
            replicating.push(start.elapsed());
        }
        for (session, bytes) in batch {
            bytes_out += bytes.len() as u64;
            for &byte in bytes.iter() {
                digest = (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
            digest = digest.wrapping_mul(0x100_0000_01b3) ^ session.0;
            let (core, _) = &mut clients[session.0 as usize - 1];
            core.handle_datagram(now_ms, &bytes)
                .expect("a perfect line");
        }
        for (session, (core, up)) in (1..).map(SessionId).zip(&mut clients) {
            up.push_back(core.next_intent_datagram(Intent {
                view_tick: core.tick(),
                pace: 15,
                ..Intent::default()
            }));
            if up.len() >= rtt_ticks
                && let Some(bytes) = up.pop_front()
            {
                let bytes = Bytes::from(bytes);
                let start = now();
                hub.handle(now_ms, SessionEvent::Datagram { session, bytes });
                received += start.elapsed();
            }
        }
        if measured {
            receiving.push(received);
        }
        while hub.poll_command().is_some() {}
    }
    let mut compared = 0;
    for (core, _) in &clients {
        for (id, view) in core.view().iter() {
            let age = core.tick().since(view.updated) as usize;
            assert_eq!(truth[age].get(&id), Some(&view.state), "a view is wrong");
            compared += 1;
        }
    }
    let stats = hub.stats();
    let client_ticks = (n as u64 * ticks) as f64;
    let updates = stats.updates_sent - before.updates_sent;
    let bytes = stats.bytes_out - before.bytes_out;
    assert!(bytes_out > bytes);
    let in_view = stats.in_view as f64 / n as f64;
    println!("W({n}, {in_view:.1}), round trip {rtt_ticks} ticks, {compared} states compared");
    println!(
        "  replicate {:.2} µs, receive + seal {:.2} µs per client and tick",
        quickest(replicating) / n as f64,
        quickest(receiving) / n as f64,
    );
    println!(
        "  {:.0} bytes/s per client, {:.2} updates per client and tick",
        bytes as f64 * f64::from(HZ) / client_ticks,
        updates as f64 / client_ticks,
    );
    println!(
        "  {:.2} strings made, {:.2} shared; digest {digest:016x}",
        (stats.strings_encoded - before.strings_encoded) as f64 / client_ticks,
        (stats.strings_shared - before.strings_shared) as f64 / client_ticks,
    );
    let enters = stats.enters_sent - before.enters_sent;
    let full = stats.own_full_sent - before.own_full_sent;
    println!(
        "  {:.2} bytes per update, all included; {:.3} enters, {:.3} exact own states",
        bytes as f64 / updates as f64,
        enters as f64 / client_ticks,
        full as f64 / client_ticks,
    );
}

/// What the quickest tenth took at most, µs: the others were disturbed.
fn quickest(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 10].as_secs_f64() * 1e6
}

#[expect(clippy::disallowed_methods, reason = "this program measures")]
fn now() -> Instant {
    Instant::now()
}

fn walker(n: usize, centre: DVec3, patch_m: f64, dice: &mut Dice) -> Walker {
    let name: Arc<str> = Arc::from(format!("walker {n}"));
    let up = centre.normalize();
    let (x, y) = up.any_orthonormal_pair();
    let pos = loop {
        let (a, b) = (dice.sign(), dice.sign());
        if a * a + b * b <= 1.0 {
            break centre + (x * a + y * b) * patch_m;
        }
    };
    Walker {
        id: EntityId::of_character(&name),
        name,
        pos: pos.normalize() * RADIUS_M,
        heading: (x * dice.sign() + y * dice.sign()).normalize(),
        applied: 0,
    }
}

fn walk(walker: &mut Walker, dice: &mut Dice, centre: DVec3, patch_m: f64) {
    let up = walker.pos.normalize();
    let side = up.cross(walker.heading);
    let home = centre - walker.pos;
    let turn = if home.length() > patch_m {
        if side.dot(home) > 0.0 { 0.15 } else { -0.15 }
    } else {
        dice.sign() * 0.1
    };
    let heading = walker.heading + side * turn;
    walker.heading = (heading - up * up.dot(heading)).normalize();
    let next = walker.pos + walker.heading * (5.0 / f64::from(HZ));
    walker.pos = next.normalize() * RADIUS_M;
}

fn publish(walkers: &[Walker], tick: Tick) -> WireFrame {
    let cell = CellId::at(walkers[0].pos, FRAME_LEVEL);
    let axes = FrameAxes::of(cell, RADIUS_M);
    let mut frame = WireFrame {
        tick,
        ..WireFrame::default()
    };
    for (row, walker) in (0..).zip(walkers) {
        let facing = axes.dir_to_local(walker.heading);
        frame.ids.push(walker.id);
        frame.states.push(WireEntity {
            cell: cell.0,
            pos_cm: quantise::position_cm(axes.to_local(walker.pos)),
            vel_cmps: quantise::velocity_cmps(axes.dir_to_local(walker.heading * 5.0)),
            yaw: quantise::yaw(maths::atan2(facing.y, facing.x)),
            health: 255,
            ..WireEntity::default()
        });
        frame.audience.push(u32::MAX);
        frame.positions.push(walker.pos);
        frame.owned.push(OwnState {
            id: walker.id,
            row,
            name: walker.name.clone(),
            applied: InputSeq(walker.applied),
            touched: false,
            body: BodyBits::default(),
            body_hash: 1,
            vitals: OwnVitals {
                health: 100,
                health_max: 100,
                ..OwnVitals::default()
            },
            fell_to: None,
            felled: Vec::new(),
        });
    }
    frame
}
