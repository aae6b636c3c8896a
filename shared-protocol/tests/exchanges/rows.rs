//! How vectors write what has no form of its own in JSON. The network's tests write theirs with it, too.

use bluemarble_shared_protocol::WireEntity;
use serde_json::{Value, json};

/// Of 64 bits, which JSON's numbers do not hold everywhere.
pub fn wide(number: u64) -> Value {
    json!(format!("{number:016x}"))
}

/// As in `codec.json`: cell, position, velocity, heading, rotation (greatest, three others), health,
/// action, count, airborne, swimming, kind.
pub fn entity(state: &WireEntity) -> Value {
    let rotation = state.rotation.map(|rotation| {
        let [a, b, c] = rotation.parts();
        json!([rotation.largest(), a, b, c])
    });
    json!([
        wide(state.cell),
        state.pos_cm,
        state.vel_cmps,
        state.yaw,
        rotation,
        state.health,
        state.action as u8,
        state.action_n,
        u8::from(state.flags.airborne),
        u8::from(state.flags.swimming),
        state.kind,
    ])
}
