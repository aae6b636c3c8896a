//! Random states for the codec's tests, from a fixed seed each.

use crate::codec::{Rotation, quantise};
use crate::hash::mix64;
use crate::ids::{EntityId, InputSeq, Tick};
use crate::intent::{Buttons, Intent, WishDir};
use crate::wire_frame::{Action, BodyBits, OwnVitals, WireEntity, WireFlags};

/// A seeded generator.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix64(self.0)
    }

    pub(crate) fn below(&mut self, end: u32) -> u32 {
        (self.word() % u64::from(end)) as u32
    }

    pub(crate) fn bytes(&mut self, length_max: u32) -> Vec<u8> {
        (0..self.below(length_max + 1))
            .map(|_| self.word() as u8)
            .collect()
    }

    /// Small numbers most of the time, any at times.
    fn signed(&mut self) -> i32 {
        let width = self.below(33);
        if width == 0 {
            return 0;
        }
        (self.word() as i32) >> (32 - width)
    }

    /// Any rotation.
    pub(crate) fn rotation(&mut self) -> Rotation {
        loop {
            let largest = self.below(4) as u8;
            let parts = [0; 3].map(|_| self.below(1_023) as i16 - 511);
            if let Some(rotation) = Rotation::new(largest, parts) {
                return rotation;
            }
        }
    }

    /// A walker, or at times a body.
    pub(crate) fn entity(&mut self) -> WireEntity {
        let rotation = (self.below(3) == 0).then(|| self.rotation());
        WireEntity {
            cell: self.word(),
            pos_cm: [self.signed(), self.signed(), self.signed()],
            vel_cmps: [
                self.signed() as i16,
                self.signed() as i16,
                self.signed() as i16,
            ],
            yaw: if rotation.is_some() {
                0
            } else {
                self.word() as u8
            },
            rotation,
            health: if self.below(2) == 0 {
                255
            } else {
                self.word() as u8
            },
            action: [Action::Idle, Action::Attack, Action::Dead][self.below(3) as usize],
            action_n: self.below(16) as u8,
            flags: WireFlags {
                airborne: self.below(2) == 0,
                swimming: self.below(2) == 0,
            },
            kind: self.signed() as u16,
        }
    }

    /// A state whose velocity is one of whole steps, as a publisher makes them.
    pub(crate) fn in_steps(&mut self) -> WireEntity {
        let mut state = self.entity();
        if state.rotation.is_none() {
            let mps = state.vel_cmps.map(|cmps| f64::from(cmps % 20_000) / 100.0);
            state.vel_cmps = quantise::walker_velocity(glam::DVec3::from_array(mps), state.yaw);
        }
        state
    }

    /// Nearly the same state.
    pub(crate) fn nudged(&mut self, base: &WireEntity) -> WireEntity {
        let mut state = *base;
        match state.rotation {
            None => state.yaw = state.yaw.wrapping_add(self.below(5) as u8),
            Some(rotation) => {
                let parts = rotation.parts();
                let nudged = parts.map(|part| (part + self.below(7) as i16 - 3).clamp(-511, 511));
                state.rotation =
                    Some(Rotation::new(rotation.largest(), nudged).unwrap_or(rotation));
            }
        }
        for k in 0..3 {
            state.pos_cm[k] = state.pos_cm[k].wrapping_add(self.below(60) as i32 - 30);
            state.vel_cmps[k] = state.vel_cmps[k].wrapping_add(self.below(40) as i16 - 20);
        }
        match self.below(6) {
            0 => state.health = self.word() as u8,
            1 => state.action_n = self.below(16) as u8,
            2 => state.flags.airborne = !state.flags.airborne,
            3 => state.kind = self.word() as u16,
            _ => {}
        }
        state
    }

    pub(crate) fn vitals(&mut self) -> OwnVitals {
        OwnVitals {
            health: self.word() as u16,
            health_max: self.word() as u16,
            ready_in_ticks: self.signed() as u16,
            respawn_in_ticks: self.signed() as u16,
            kills: self.signed() as u32,
            deaths: self.signed() as u32,
        }
    }

    pub(crate) fn body(&mut self) -> BodyBits {
        BodyBits {
            values: [0; 9].map(|_| f64::from_bits(self.word() & !(1 << 62))),
            support: self.below(3) as u8,
        }
    }

    pub(crate) fn intent(&mut self, seq: InputSeq, view_tick: Tick) -> Intent {
        let max = i32::from(WishDir::AXIS_MAX);
        let mut axis = || (self.below(2 * max as u32 + 1) as i32 - max) as i16;
        let (u, v) = (axis(), axis());
        Intent {
            seq,
            view_tick,
            wish: WishDir::from_axes(u, v).expect("in range"),
            pace: self.below(16) as u8,
            buttons: Buttons {
                jump: self.below(4) == 0,
            },
            attack: (self.below(3) == 0).then(|| EntityId(self.word())),
        }
    }
}
