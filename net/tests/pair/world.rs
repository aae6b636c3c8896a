//! A fake world that publishes WireFrames: walkers on a small moon that turn, stop, fight, die,
//! teleport, leave and join, hide, cross frame cells and zones; and avatars moved by the real
//! movement kernel.

use std::collections::BTreeMap;
use std::sync::Arc;

use bluemarble_motion::{Body, MoveCommand, Mover, step};
use bluemarble_shared_protocol::codec::quantise;
use bluemarble_shared_protocol::{
    Action, BodyBits, EntityId, InputSeq, Intent, OwnPurse, OwnState, OwnVitals, PlayerInputs,
    Tick, WireEntity, WireFlags, WireFrame, Wound, mix64,
};
use bluemarble_spatial::{CellId, FrameAxes, Level, Planet, maths};
use glam::{DQuat, DVec3};

use super::dice::Dice;

pub const RADIUS_M: f64 = 50_000.0;
/// About 150 m wide: crossed often.
pub const FRAME_LEVEL: Level = Level::of(9);
pub const HZ: u32 = 20;

/// What sort of events there are.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    pub walkers: usize,
    /// Radius of the patch they stay in, metres.
    pub patch_m: f64,
    /// Share that stands still.
    pub standing: f64,
    /// Chance of each event per walker and tick.
    pub events: f64,
}

struct Walker {
    pos: DVec3,
    heading: DVec3,
    speed_mps: f64,
    health: u8,
    dead_ticks: u32,
    action: Action,
    action_n: u8,
    audience: u32,
    kind: u16,
}

struct Avatar {
    name: Arc<str>,
    body: Body,
    applied: InputSeq,
    touched: bool,
    vitals: OwnVitals,
}

pub struct FakeWorld {
    pub planet: Arc<Planet>,
    life: Life,
    dice: Dice,
    centre: DVec3,
    walkers: BTreeMap<EntityId, Walker>,
    avatars: BTreeMap<EntityId, Avatar>,
    axes: BTreeMap<CellId, FrameAxes>,
    born: u64,
    /// Whether blood flows: wounds, and now and then a death. Nobody's state shows it but vitals.
    pub fights: bool,
}

pub fn mover() -> Mover {
    Mover {
        top_speed_mps: 5.0,
        accel_mps2: 20.0,
        jump_mps: 4.0,
        radius_m: 0.4,
        eye_m: 1.7,
        max_slope: 1.0,
    }
}

impl FakeWorld {
    pub fn new(seed: u64, life: Life) -> Self {
        let mut world = Self {
            planet: Arc::new(Planet::smooth(RADIUS_M)),
            life,
            dice: Dice(seed),
            centre: DVec3::new(0.6, -0.5, 0.7).normalize(),
            walkers: BTreeMap::new(),
            avatars: BTreeMap::new(),
            axes: BTreeMap::new(),
            born: 0,
            fights: false,
        };
        (0..life.walkers).for_each(|_| world.bear());
        world
    }

    fn somewhere(&mut self) -> DVec3 {
        let around = DVec3::new(self.dice.sign(), self.dice.sign(), self.dice.sign());
        let patch = self.life.patch_m / RADIUS_M;
        (self.centre + around * patch).normalize() * RADIUS_M
    }

    fn bear(&mut self) {
        self.born += 1;
        let standing = self.dice.chance(self.life.standing);
        let walker = Walker {
            pos: self.somewhere(),
            heading: DVec3::new(self.dice.sign(), self.dice.sign(), self.dice.sign()),
            speed_mps: if standing { 0.0 } else { 5.0 },
            health: 255,
            dead_ticks: 0,
            action: Action::Idle,
            action_n: 0,
            audience: u32::MAX,
            kind: (self.born % 5) as u16,
        };
        self.walkers.insert(EntityId(mix64(self.born)), walker);
    }

    pub fn step(&mut self, tick: Tick, inputs: &PlayerInputs) -> Vec<Arc<WireFrame>> {
        for leave in &inputs.leaves {
            self.avatars.remove(leave);
        }
        for admission in &inputs.admissions {
            if !self.avatars.contains_key(&admission.avatar) {
                let at = self.somewhere();
                self.avatars.insert(
                    admission.avatar,
                    Avatar {
                        name: Arc::clone(admission.name.shown()),
                        body: Body::standing(&self.planet, at, DVec3::Z),
                        applied: InputSeq(0),
                        touched: true,
                        vitals: OwnVitals {
                            health: 100,
                            health_max: 100,
                            ..OwnVitals::default()
                        },
                    },
                );
            }
        }
        self.move_avatars(inputs);
        self.move_walkers();
        self.publish(tick)
    }

    fn move_avatars(&mut self, inputs: &PlayerInputs) {
        for (id, avatar) in &mut self.avatars {
            let found = inputs
                .intents
                .binary_search_by_key(id, |(avatar, _)| *avatar);
            let intent = found.ok().map(|at| inputs.intents[at].1);
            let intent = intent.filter(|intent| intent.seq > avatar.applied);
            avatar.touched = intent.is_none();
            let command = intent.map_or_else(MoveCommand::default, |intent| MoveCommand {
                wish: intent.wish.to_dir(),
                pace: f64::from(intent.pace) / f64::from(Intent::PACE_MAX),
                jump: intent.buttons.jump,
            });
            let mut push = DVec3::ZERO;
            if self.dice.chance(0.01) {
                push = DVec3::new(0.1, 0.05, -0.1);
                avatar.touched = true;
            }
            let dt_s = 1.0 / f64::from(HZ);
            avatar.body = step(&avatar.body, &command, &mover(), &self.planet, push, dt_s);
            let vitals = &mut avatar.vitals;
            vitals.ready_in_ticks = vitals.ready_in_ticks.saturating_sub(1);
            if let Some(intent) = intent {
                avatar.applied = intent.seq;
                if intent.attack.is_some() && vitals.ready_in_ticks == 0 {
                    vitals.ready_in_ticks = 15;
                    vitals.kills += 1;
                }
            }
        }
    }

    fn move_walkers(&mut self) {
        let events = self.life.events;
        let mut gone = Vec::new();
        let mut moves = Vec::new();
        for (id, walker) in &mut self.walkers {
            let dice = &mut self.dice;
            if dice.chance(events * 0.3) {
                gone.push(*id);
            }
            if dice.chance(events * 0.5) {
                moves.push(*id);
            }
            if dice.chance(events) {
                walker.audience = if walker.audience == 0 { u32::MAX } else { 0 };
            }
            if dice.chance(events * 4.0) && walker.health > 0 {
                walker.health = walker.health.saturating_sub(dice.below(120) as u8);
                if walker.health == 0 {
                    walker.action = Action::Dead;
                    walker.dead_ticks = 30;
                }
            }
            if dice.chance(events * 4.0) && walker.health > 0 {
                walker.action = Action::Attack;
                walker.action_n = (walker.action_n + 1) % 16;
            } else if walker.action == Action::Attack && dice.chance(0.2) {
                walker.action = Action::Idle;
            }
            if walker.dead_ticks > 0 {
                walker.dead_ticks -= 1;
                if walker.dead_ticks == 0 {
                    walker.health = 255;
                    walker.action = Action::Idle;
                    moves.push(*id);
                }
                continue;
            }
            walk(walker, dice, self.centre * RADIUS_M, self.life.patch_m);
        }
        for id in moves {
            let to = self.somewhere();
            if let Some(walker) = self.walkers.get_mut(&id) {
                walker.pos = to;
            }
        }
        for id in gone {
            self.walkers.remove(&id);
            self.bear();
        }
    }

    /// Two zones, each row in one of them.
    fn publish(&mut self, tick: Tick) -> Vec<Arc<WireFrame>> {
        let mut frames = [(); 2].map(|()| WireFrame {
            tick,
            ..WireFrame::default()
        });
        let side = self.centre.any_orthonormal_vector();
        let zone_of = |pos: DVec3| usize::from(pos.dot(side) > 0.0);
        for (id, walker) in &self.walkers {
            let frame = &mut frames[zone_of(walker.pos)];
            let vel = if walker.dead_ticks > 0 {
                DVec3::ZERO
            } else {
                walker.heading * walker.speed_mps
            };
            let shown = Shown {
                health: walker.health,
                action: walker.action,
                action_n: walker.action_n,
                kind: walker.kind,
                airborne: false,
            };
            let mut state = quantised(&mut self.axes, walker.pos, vel, walker.heading, shown);
            if id.0.is_multiple_of(4) && self.life.events > 0.0 {
                // Some tumble instead, as rigid bodies do; and a few stop being bodies now and then.
                let about = DVec3::new(1.0, walker.heading.x, walker.heading.y).normalize();
                let turned = DQuat::from_axis_angle(about, 0.11 * tick.0 as f64);
                let is_body = !id.0.is_multiple_of(8) || tick.0 % 100 < 90;
                state.rotation = is_body.then(|| quantise::rotation(turned));
                state.yaw = if is_body { 0 } else { state.yaw };
            }
            frame.ids.push(*id);
            frame.states.push(state);
            frame.audience.push(walker.audience);
            frame.positions.push(walker.pos);
        }
        for (id, avatar) in &self.avatars {
            let Body {
                pos, vel, facing, ..
            } = avatar.body;
            let frame = &mut frames[zone_of(pos)];
            let shown = Shown {
                health: 255,
                action: Action::Idle,
                action_n: 0,
                kind: 9,
                airborne: avatar.body.support == bluemarble_motion::Support::Air,
            };
            let (values, support) = avatar.body.to_values();
            frame.owned.push(OwnState {
                id: *id,
                row: frame.ids.len() as u32,
                name: avatar.name.clone(),
                applied: avatar.applied,
                touched: avatar.touched,
                body: BodyBits { values, support },
                body_hash: avatar.body.hash32(),
                vitals: avatar.vitals,
                fell_to: None,
                felled: Vec::new(),
                purse: OwnPurse::default(),
            });
            frame.ids.push(*id);
            frame
                .states
                .push(quantised(&mut self.axes, pos, vel, facing, shown));
            frame.audience.push(u32::MAX);
            frame.positions.push(pos);
        }
        if self.fights {
            self.hurt(tick, &mut frames);
        }
        frames.into_iter().map(Arc::new).collect()
    }

    /// Everybody is hurt by somebody now and then, for reasons of which no dice know.
    fn hurt(&mut self, tick: Tick, frames: &mut [WireFrame]) {
        let walkers: Vec<EntityId> = self.walkers.keys().copied().collect();
        let avatars: Vec<EntityId> = self.avatars.keys().copied().collect();
        let everybody = [walkers.as_slice(), avatars.as_slice()].concat();
        for frame in frames {
            for row in 0..frame.ids.len() {
                let target = frame.ids[row];
                let draw = mix64(target.0 ^ tick.0);
                let is_avatar = self.avatars.contains_key(&target);
                if !draw.is_multiple_of(if is_avatar { 3 } else { 12 }) {
                    continue;
                }
                for n in 0..1 + draw % 3 {
                    let hand = mix64(draw + n);
                    let attackers = if hand.is_multiple_of(4) {
                        &avatars
                    } else {
                        &everybody
                    };
                    frame.wounds.push(Wound {
                        target,
                        attacker: (!hand.is_multiple_of(9))
                            .then(|| attackers[(hand >> 8) as usize % attackers.len()]),
                        amount: (hand % 50) as u16 + 1,
                        fatal: false,
                    });
                }
            }
            frame.wounds.sort_by_key(Wound::order);
            frame
                .wounds
                .dedup_by_key(|wound| (wound.target, wound.attacker));
            for own in &mut frame.owned {
                let vitals = &mut self.avatars.get_mut(&own.id).expect("it is one").vitals;
                let draw = mix64(own.id.0 ^ !tick.0);
                if vitals.health == 0 && draw.is_multiple_of(10) {
                    vitals.health = 100;
                } else if vitals.health > 0 && draw.is_multiple_of(8) {
                    let hand = frame.wounds.iter_mut().find(|wound| wound.target == own.id);
                    if let Some(wound) = hand {
                        wound.fatal = true;
                        own.fell_to = wound.attacker;
                        (vitals.health, vitals.deaths) = (0, vitals.deaths + 1);
                    }
                }
                own.vitals = *vitals;
                if draw.is_multiple_of(23) {
                    own.felled = vec![everybody[(draw >> 8) as usize % everybody.len()]];
                }
            }
        }
    }
}

/// One tick's walk, with turning noise, staying in the patch.
fn walk(walker: &mut Walker, dice: &mut Dice, centre: DVec3, patch_m: f64) {
    let up = walker.pos.normalize();
    let side = up.cross(walker.heading);
    let home = centre - walker.pos;
    let turn = if home.length() > patch_m {
        if side.dot(home) > 0.0 { 0.15 } else { -0.15 }
    } else {
        dice.sign() * 0.12
    };
    let heading = walker.heading + side * turn;
    walker.heading = (heading - up * up.dot(heading)).normalize();
    if dice.chance(0.005) {
        walker.speed_mps = if walker.speed_mps > 0.0 { 0.0 } else { 5.0 };
    }
    let next = walker.pos + walker.heading * (walker.speed_mps / f64::from(HZ));
    walker.pos = next.normalize() * RADIUS_M;
}

struct Shown {
    health: u8,
    action: Action,
    action_n: u8,
    kind: u16,
    airborne: bool,
}

fn quantised(
    axes: &mut BTreeMap<CellId, FrameAxes>,
    pos: DVec3,
    vel: DVec3,
    facing: DVec3,
    shown: Shown,
) -> WireEntity {
    let cell = CellId::at(pos, FRAME_LEVEL);
    let axes = axes
        .entry(cell)
        .or_insert_with(|| FrameAxes::of(cell, RADIUS_M));
    let facing = axes.dir_to_local(facing);
    let yaw = quantise::yaw(maths::atan2(facing.y, facing.x));
    WireEntity {
        cell: cell.0,
        pos_cm: quantise::position_cm(axes.to_local(pos)),
        vel_cmps: quantise::walker_velocity(axes.dir_to_local(vel), yaw),
        yaw,
        health: shown.health,
        action: shown.action,
        action_n: shown.action_n,
        flags: WireFlags {
            airborne: shown.airborne,
            swimming: false,
        },
        kind: shown.kind,
        rotation: None,
    }
}
