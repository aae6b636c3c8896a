//! What the vectors are drawn from: states like those of a game, and odd ones, always the same.

use bluemarble_shared_protocol::codec::{Baseline, Rotation, quantise};
use bluemarble_shared_protocol::{
    Action, Buttons, EntityId, InputSeq, Intent, OwnVitals, Tick, WireEntity, WireFlags, WishDir,
    mix64,
};
use glam::{DQuat, DVec3};

/// The frame cells in use.
pub const CELLS: [u64; 2] = [0x8644_0000_0000_0000, 0x864c_0000_0000_0000];

/// A seeded generator.
#[derive(Debug)]
pub struct Draw(pub u64);

impl Draw {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix64(self.0)
    }

    pub fn below(&mut self, end: u32) -> u32 {
        (self.word() % u64::from(end)) as u32
    }

    fn around_zero(&mut self, most: i32) -> i32 {
        self.below(2 * most as u32 + 1) as i32 - most
    }

    fn rotation(&mut self) -> Rotation {
        let mut component = || f64::from(self.around_zero(1_000));
        let (x, y, z, w) = (component(), component(), component(), component());
        quantise::rotation(DQuat::from_xyzw(x, y, z, w))
    }

    /// A walker or a body, ordinary or odd.
    pub fn state(&mut self) -> WireEntity {
        let odd = self.below(6) == 0;
        let far = if odd { i32::MAX / 2 } else { 200_000 };
        let fast = if odd { 32_000 } else { 600 };
        let rotation = (self.below(2) == 0).then(|| self.rotation());
        let state = WireEntity {
            cell: CELLS[self.below(2) as usize],
            pos_cm: [0, 1, 2].map(|_| self.around_zero(far)),
            vel_cmps: [0, 1, 2].map(|_| self.around_zero(fast) as i16),
            yaw: if rotation.is_some() {
                0
            } else {
                self.below(256) as u8
            },
            rotation,
            health: [255, self.below(256) as u8][self.below(2) as usize],
            action: [Action::Idle, Action::Attack, Action::Dead][self.below(3) as usize],
            action_n: self.below(16) as u8,
            flags: WireFlags {
                airborne: self.below(3) == 0,
                swimming: self.below(5) == 0,
            },
            kind: self.below(300) as u16,
        };
        self.mostly_in_steps(state)
    }

    /// Three of four walkers with a velocity of whole steps, as those of a game have.
    fn mostly_in_steps(&mut self, state: WireEntity) -> WireEntity {
        if state.rotation.is_some() || self.below(4) == 0 {
            return state;
        }
        let exact = quantise::velocity_mps(state.vel_cmps);
        WireEntity {
            vel_cmps: quantise::walker_velocity(exact, state.yaw),
            ..state
        }
    }

    /// A baseline, with what was before it or without.
    pub fn baseline(&mut self) -> Baseline {
        let state = self.state();
        let age = [1, 1, 2, 3, 4, 6, 8, 12, 40, 256][self.below(10) as usize];
        let mut before = state;
        if let Some(rotation) = state.rotation {
            let turned = quantise::rotation_quaternion(rotation) * self.small_turn(1.2);
            before.rotation = Some(quantise::rotation(turned));
        }
        for k in 0..3 {
            before.vel_cmps[k] = before.vel_cmps[k].wrapping_add(self.around_zero(80) as i16);
            let step = i32::from(state.vel_cmps[k]) / 20 + self.around_zero(9);
            before.pos_cm[k] = before.pos_cm[k].wrapping_sub(step);
        }
        let earlier = match self.below(6) {
            0 => None,
            1 => Some((self.state(), 1 + self.below(9))),
            _ => Some((before, 1 + self.below(3))),
        };
        Baseline {
            state,
            age,
            earlier: earlier.filter(|_| state.rotation.is_some()),
        }
    }

    fn small_turn(&mut self, most_rad: f64) -> DQuat {
        let mut component = || f64::from(self.around_zero(1_000)) + 0.5;
        let axis = DVec3::new(component(), component(), component()).normalize();
        DQuat::from_axis_angle(axis, most_rad * f64::from(self.below(1_000)) / 1_000.0)
    }

    /// What may come of a baseline: mostly nearly what was expected.
    pub fn later(&mut self, base: &Baseline, hz: u32) -> WireEntity {
        let mut state = base.predict(hz);
        if self.below(12) == 0 {
            return self.state();
        }
        if self.below(8) > 0 {
            let most = [2, 20, 300][self.below(3) as usize];
            for k in 0..3 {
                state.vel_cmps[k] = state.vel_cmps[k].wrapping_add(self.around_zero(most) as i16);
                state.pos_cm[k] = state.pos_cm[k].wrapping_add(self.around_zero(most / 2));
            }
            match state.rotation {
                None => state.yaw = state.yaw.wrapping_add(self.around_zero(most / 2) as u8),
                Some(rotation) => {
                    let turn = self.small_turn(f64::from(most) * 0.002);
                    let turned = quantise::rotation_quaternion(rotation) * turn;
                    state.rotation = Some(quantise::rotation(turned));
                }
            }
        }
        if self.below(5) == 0 {
            let other = self.state();
            match self.below(4) {
                0 => state.health = other.health,
                1 => (state.action, state.action_n) = (other.action, other.action_n),
                2 => state.flags = other.flags,
                _ => state.kind = other.kind,
            }
        }
        self.mostly_in_steps(state)
    }

    pub fn intent(&mut self, seq: InputSeq, view_tick: Tick) -> Intent {
        let most = i32::from(WishDir::AXIS_MAX);
        let (u, v) = (self.around_zero(most) as i16, self.around_zero(most) as i16);
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

    pub fn vitals(&mut self) -> OwnVitals {
        OwnVitals {
            health: self.below(200) as u16,
            health_max: 200,
            ready_in_ticks: self.below(3) as u16,
            respawn_in_ticks: (self.below(3) * self.below(600)) as u16,
            kills: self.below(2_000),
            deaths: self.below(20),
        }
    }
}
