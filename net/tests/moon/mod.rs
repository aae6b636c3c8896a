//! The world that tests of sessions are played in.

use bluemarble_net::server::WorldFacts;
use bluemarble_shared_protocol::{Epoch, Tick};
use bluemarble_spatial::Level;

pub const RADIUS_M: f64 = 50_000.0;

/// A small moon at its beginning, 20 ticks a second.
pub fn facts() -> WorldFacts {
    WorldFacts {
        epoch: Epoch(1),
        tick: Tick(0),
        tick_hz: 20,
        planet: "moon".into(),
        planet_hash: 3,
        radius_m: RADIUS_M,
        frame_level: Level::of(6),
        kinds: vec!["human".into()],
    }
}
