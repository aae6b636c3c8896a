//! Random values for the vectors, from a fixed seed each.

use bluemarble_shared_protocol::codec::Rotation;
use bluemarble_shared_protocol::{Action, BodyBits, OwnVitals, WireEntity, WireFlags, mix64};

/// A seeded generator.
pub struct Dice(pub u64);

impl Dice {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix64(self.0)
    }

    pub fn below(&mut self, end: u32) -> u32 {
        (self.word() % u64::from(end)) as u32
    }

    /// Small numbers most of the time, any at times.
    fn signed(&mut self) -> i32 {
        match self.below(33) {
            0 => 0,
            width => (self.word() as i32) >> (32 - width),
        }
    }

    fn rotation(&mut self) -> Rotation {
        let mut part = || self.below(1_023) as i16 - 511;
        let parts = [part(), part(), part()];
        let largest = self.below(4) as u8;
        // Three parts near their greatest leave nothing for the fourth.
        Rotation::new(largest, parts)
            .or_else(|| Rotation::new(largest, parts.map(|part| part / 2)))
            .expect("halves are always within 1")
    }

    /// Anybody, anywhere: a walker or a body.
    pub fn entity(&mut self) -> WireEntity {
        let is_body = self.below(2) == 0;
        WireEntity {
            cell: 0x4000 + u64::from(self.below(3)),
            pos_cm: [0; 3].map(|_| self.signed()),
            vel_cmps: [0; 3].map(|_| self.signed() as i16),
            yaw: if is_body { 0 } else { self.word() as u8 },
            rotation: is_body.then(|| self.rotation()),
            health: [255, self.word() as u8][self.below(2) as usize],
            action: [Action::Idle, Action::Attack, Action::Dead][self.below(3) as usize],
            action_n: self.below(16) as u8,
            flags: WireFlags {
                airborne: self.below(2) == 0,
                swimming: self.below(2) == 0,
            },
            kind: self.signed() as u16,
        }
    }

    /// Nearly the same: what a tick or a few make of somebody.
    pub fn nudged(&mut self, base: &WireEntity) -> WireEntity {
        let mut state = *base;
        for k in 0..3 {
            state.pos_cm[k] = state.pos_cm[k].wrapping_add(self.below(60) as i32 - 30);
            state.vel_cmps[k] = state.vel_cmps[k].wrapping_add(self.below(40) as i16 - 20);
        }
        match base.rotation {
            None => state.yaw = state.yaw.wrapping_add(self.below(5) as u8),
            Some(old) => {
                let mut part = |part: i16| part + self.below(9) as i16 - 4;
                let parts = old.parts().map(&mut part);
                state.rotation = Rotation::new(old.largest(), parts).or(Some(old));
            }
        }
        match self.below(8) {
            0 => state.health = self.word() as u8,
            1 => state.action_n = self.below(16) as u8,
            2 => state.flags.airborne = !state.flags.airborne,
            3 => state.kind = self.word() as u16,
            4 => state.cell += 1,
            _ => {}
        }
        state
    }

    pub fn vitals(&mut self) -> OwnVitals {
        OwnVitals {
            health: self.word() as u16,
            health_max: self.word() as u16,
            ready_in_ticks: self.signed() as u16,
            respawn_in_ticks: self.signed() as u16,
            kills: self.signed() as u32,
            deaths: self.signed() as u32,
        }
    }

    /// Numbers that survive being written as decimals exactly: halves.
    pub fn body(&mut self) -> BodyBits {
        BodyBits {
            values: [0; 9].map(|_| f64::from(self.signed()) / 2.0),
            support: self.below(3) as u8,
        }
    }
}
