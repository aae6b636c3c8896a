//! The divergence alarm: what the states of a datagram add up to, for the receiver to compare.
//!
//! A server that is about to be misunderstood does not know it: a decoder with a fault, or a baseline
//! that is not what it was, gives another state and no error. So now and then a datagram says what its
//! records come out as. A sum, so that no order matters and each state's share can be kept.

use crate::hash::mix64;
use crate::ids::EntityId;
use crate::wire_frame::WireEntity;

use super::rotation::COMPONENT_MAX;

/// What each word of a state is multiplied with: odd, so that no single bit of any word is lost.
const FACTORS: [u64; 6] = [
    mix64(1) | 1,
    mix64(2) | 1,
    mix64(3) | 1,
    mix64(4) | 1,
    mix64(5) | 1,
    mix64(6) | 1,
];

/// One state's share. The check of a datagram is the sum over its enter and update records, modulo 2³².
#[inline]
#[must_use]
pub fn share(id: EntityId, state: &WireEntity) -> u32 {
    let [x, y, z] = state.pos_cm.map(|cm| u64::from(cm as u32));
    let [vx, vy, vz] = state.vel_cmps.map(|cmps| u64::from(cmps as u16));
    let seldom = u64::from(state.yaw)
        | u64::from(state.health) << 8
        | (state.action as u64) << 16
        | u64::from(state.action_n & 15) << 18
        | u64::from(state.flags.airborne) << 22
        | u64::from(state.flags.swimming) << 23
        | u64::from(state.kind) << 24;
    let turned = state.rotation.map_or(0, |rotation| {
        let parts = rotation.parts().into_iter();
        let ten_bits = parts.map(|part| (part + COMPONENT_MAX) as u64);
        let parts = ten_bits.rev().fold(0, |word, part| word << 10 | part);
        1 | u64::from(rotation.largest()) << 1 | parts << 3
    });
    let words = [
        id.0,
        state.cell,
        x | y << 32,
        z | vx << 32 | vy << 48,
        vz | seldom << 16,
        turned,
    ];
    let products = words.iter().zip(FACTORS);
    let sum = products.fold(0, |sum: u64, (word, factor)| {
        sum.wrapping_add(word.wrapping_mul(factor))
    });
    (mix64(sum) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::super::Rotation;
    use super::super::testing::Dice;
    use super::*;
    use crate::wire_frame::{Action, WireFlags};

    #[test]
    fn every_field_counts() {
        let state = Dice(7).entity();
        let other = [
            WireEntity {
                cell: state.cell ^ 1,
                ..state
            },
            WireEntity {
                pos_cm: [state.pos_cm[0] ^ 1, state.pos_cm[1], state.pos_cm[2]],
                ..state
            },
            WireEntity {
                pos_cm: [state.pos_cm[0], state.pos_cm[1] ^ 1, state.pos_cm[2]],
                ..state
            },
            WireEntity {
                pos_cm: [state.pos_cm[0], state.pos_cm[1], state.pos_cm[2] ^ 1],
                ..state
            },
            WireEntity {
                vel_cmps: [state.vel_cmps[0] ^ 1, state.vel_cmps[1], state.vel_cmps[2]],
                ..state
            },
            WireEntity {
                vel_cmps: [state.vel_cmps[0], state.vel_cmps[1] ^ 1, state.vel_cmps[2]],
                ..state
            },
            WireEntity {
                vel_cmps: [state.vel_cmps[0], state.vel_cmps[1], state.vel_cmps[2] ^ 1],
                ..state
            },
            WireEntity {
                yaw: state.yaw ^ 1,
                ..state
            },
            WireEntity {
                health: state.health ^ 1,
                ..state
            },
            WireEntity {
                action: if state.action == Action::Idle {
                    Action::Attack
                } else {
                    Action::Idle
                },
                ..state
            },
            WireEntity {
                action_n: state.action_n ^ 1,
                ..state
            },
            WireEntity {
                flags: WireFlags {
                    airborne: !state.flags.airborne,
                    ..state.flags
                },
                ..state
            },
            WireEntity {
                flags: WireFlags {
                    swimming: !state.flags.swimming,
                    ..state.flags
                },
                ..state
            },
            WireEntity {
                kind: state.kind ^ 1,
                ..state
            },
            WireEntity {
                rotation: if state.rotation.is_some() {
                    None
                } else {
                    Rotation::new(0, [1, 2, 3])
                },
                ..state
            },
            WireEntity {
                rotation: Rotation::new(1, [1, 2, 3]),
                ..state
            },
            WireEntity {
                rotation: Rotation::new(1, [1, 2, 4]),
                ..state
            },
        ];
        let id = EntityId(9);
        let mut shares: Vec<u32> = other.iter().map(|state| share(id, state)).collect();
        shares.push(share(id, &state));
        shares.push(share(EntityId(8), &state));
        let count = shares.len();
        shares.sort_unstable();
        shares.dedup();
        assert_eq!(shares.len(), count);
    }

    #[test]
    fn the_share_is_what_the_document_says() {
        let state = WireEntity {
            cell: 0x8644_0000_0000_0000,
            pos_cm: [12_345, -678, 90],
            vel_cmps: [500, 0, 0],
            health: 255,
            action_n: 3,
            kind: 2,
            ..WireEntity::default()
        };
        let id = EntityId(0x0123_4567_89ab_cdef);
        assert_eq!(share(id, &state), 0xd9a2_81cd);
        let body = WireEntity {
            rotation: Rotation::new(3, [0, -1, 109]),
            ..state
        };
        assert_eq!(share(id, &body), 0x06df_45fe);
    }
}
