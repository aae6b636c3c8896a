//! What the clock shows and where others are, exported to `shared-protocol/vectors/play.json` for clients in
//! other languages to do the same. Written anew by
//! `cargo test -p bluemarble-net --test play vectors -- --ignored`.

use std::path::PathBuf;

use bluemarble_net::client::Poses;
use bluemarble_shared_protocol::codec::quantise;
use bluemarble_shared_protocol::{Strain, WireEntity};
use bluemarble_spatial::{CellId, FrameAxes, Level};
use glam::DVec3;
use serde_json::{Value, json};

use super::rows::entity;
use super::{HZ, RADIUS_M, SOMEBODY, START, Show, state};

/// Snapshots come over a line; the server slows down for a while.
fn clock(line: &str, period: u32) -> Value {
    let mut show = Show::new(line, 11, period);
    show.events = Some(Vec::new());
    show.run(8);
    show.strain = Strain::new(5, 8);
    show.run(4);
    show.strain = Strain::NONE;
    show.run(4);
    let events: Vec<Value> = show.events.take().into_iter().flatten().collect();
    json!({"line": line, "hz": HZ, "periodTicks": period, "events": events})
}

/// States, and poses before, at, between and behind them.
fn poses(ticks: &[u64], stands_first: bool) -> Value {
    let cell = CellId::at(
        DVec3::new(0.6, -0.5, 0.7).normalize() * RADIUS_M,
        Level::of(9),
    );
    let axes = FrameAxes::of(cell, RADIUS_M);
    let mut show = Show::new("good", 1, 1);
    let mut states: Vec<(u64, WireEntity)> = Vec::new();
    for (n, tick) in ticks.iter().enumerate() {
        let mut there = state(cell, &axes, *tick);
        if stands_first && n == 0 {
            there.vel_cmps = quantise::walker_velocity(DVec3::ZERO, there.yaw);
        }
        states.push((*tick, there));
        show.tick = *tick;
        let bytes = show.datagram_of(cell, &there);
        show.core.handle_datagram(0, &bytes).expect("a datagram");
    }
    let mut poses = Poses::new(RADIUS_M, HZ);
    let (first, last) = (ticks[0] as f64, ticks[ticks.len() - 1] as f64);
    let count = ((last - first + 12.0) / 0.3) as u32;
    let shown: Vec<Value> = (0..count)
        .map(|n| first - 2.0 + 0.3 * f64::from(n))
        .map(|tick| {
            let pose = poses.at(show.core.view(), SOMEBODY, tick).expect("in view");
            let known = if tick < first { 0.0 } else { pose.known_ticks };
            json!([
                tick,
                pose.position.to_array(),
                pose.velocity.to_array(),
                known
            ])
        })
        .collect();
    let states: Vec<Value> = states
        .iter()
        .map(|(tick, state)| json!([tick, entity(state)]))
        .collect();
    json!({"radiusM": RADIUS_M, "hz": HZ, "states": states, "shown": shown})
}

fn text() -> String {
    let clocks = [("good", 1), ("mobile", 2), ("bad", 2), ("blackout", 1)];
    let clocks: Vec<String> = clocks
        .iter()
        .map(|(line, period)| clock(line, *period).to_string())
        .collect();
    let near: Vec<u64> = (1..12).map(|n| START + n).collect();
    let poses = [
        poses(&near, false),
        poses(&[START + 2, START + 4, START + 9, START + 10], false),
        poses(&[START + 1, START + 40, START + 42], true),
    ];
    let poses: Vec<String> = poses.iter().map(Value::to_string).collect();
    format!(
        "{{\"clocks\":[\n{}],\n\"poses\":[\n{}]}}\n",
        clocks.join(",\n"),
        poses.join(",\n")
    )
}

fn file() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared-protocol/vectors/play.json"
    ))
}

#[test]
fn the_vectors_are_what_this_build_shows() {
    let checked_in = std::fs::read_to_string(file()).unwrap();
    assert!(
        checked_in == text(),
        "play.json differs; if that is meant: cargo test -p bluemarble-net --test play vectors -- --ignored"
    );
}

#[test]
#[ignore = "writes the file anew"]
fn write_the_vectors() {
    std::fs::write(file(), text()).unwrap();
}
