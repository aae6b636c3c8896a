//! What is noted and waited for comes to the same as asking everybody in every tick.

use std::collections::BTreeMap;
use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, Strain, WireEntity, WireFrame, mix64};

use super::*;
use crate::server::hub_config::Interest;

struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = mix64(self.0.wrapping_add(1));
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Somewhere on a patch of a planet as large as Earth.
    fn place(&mut self, patch_m: f64) -> DVec3 {
        let mut side = || (self.unit() - 0.5) * patch_m;
        DVec3::new(side(), side(), 6.371e6)
    }
}

struct Mover {
    pos: DVec3,
    step: DVec3,
    audience: u32,
}

/// Who moves, stands, leaps, hides, comes and goes; the first one is the client's avatar.
struct Play {
    dice: Dice,
    movers: BTreeMap<u64, Mover>,
    born: u64,
    leaps: f64,
    speed_m: f64,
}

const PATCH_M: f64 = 400.0;
const AVATAR: u64 = 0;

impl Play {
    fn new(seed: u64, n: u64, leaps: f64, speed_m: f64) -> Self {
        let mut play = Self {
            dice: Dice(seed),
            movers: BTreeMap::new(),
            born: 0,
            leaps,
            speed_m,
        };
        (0..n).for_each(|_| play.bear());
        play
    }

    fn bear(&mut self) {
        let dice = &mut self.dice;
        // Slow ones, fast ones, and some who stand.
        let speed_m = dice.unit() * dice.unit() * self.speed_m;
        let step = (dice.place(1.0) - DVec3::Z * 6.371e6).normalize();
        let speed_m = if dice.chance(0.2) { 0.0 } else { speed_m };
        let mover = Mover {
            pos: dice.place(PATCH_M),
            step: step * speed_m,
            audience: if dice.chance(0.1) { 2 } else { 1 },
        };
        self.movers.insert(self.born, mover);
        self.born += 1;
    }

    fn step(&mut self) {
        let (dice, leaps) = (&mut self.dice, self.leaps);
        let mut gone = Vec::new();
        for (id, mover) in &mut self.movers {
            mover.pos += mover.step;
            if mover.pos.truncate().abs().max_element() > PATCH_M / 2.0 {
                mover.step = -mover.step;
            }
            if dice.chance(leaps) {
                mover.pos = dice.place(PATCH_M);
            }
            if dice.chance(leaps) {
                mover.audience = 3 - mover.audience;
            }
            if *id != AVATAR && dice.chance(leaps) {
                gone.push(*id);
            }
        }
        for id in gone {
            self.movers.remove(&id);
            self.bear();
        }
    }

    fn frame(&self, tick: Tick) -> [Arc<WireFrame>; 1] {
        [Arc::new(WireFrame {
            tick,
            ids: self.movers.keys().map(|id| EntityId(*id)).collect(),
            states: vec![WireEntity::default(); self.movers.len()],
            audience: self.movers.values().map(|mover| mover.audience).collect(),
            positions: self.movers.values().map(|mover| mover.pos).collect(),
            owned: Vec::new(),
            wounds: Vec::new(),
        })]
    }

    fn dist2(&self, id: u64) -> f64 {
        let own = self.movers[&AVATAR].pos;
        self.movers[&id].pos.distance_squared(own)
    }
}

/// Who is in view by the rule, asked of everybody in every tick.
fn naive(before: &[u64], play: &Play, bands: &Bands) -> Vec<u64> {
    let others = play.movers.iter().filter(|(id, _)| **id != AVATAR);
    let seen = others.filter(|(id, mover)| {
        let radius_m = if before.contains(id) {
            bands.exit_m
        } else {
            bands.enter_m
        };
        mover.audience & 1 == 1 && play.dist2(**id) <= radius_m * radius_m
    });
    seen.map(|(id, _)| *id).collect()
}

fn compare(seed: u64, n: u64, leaps: f64, speed_m: f64) -> usize {
    let mut play = Play::new(seed, n, leaps, speed_m);
    let interest = Interest {
        enter_m: 100.0,
        exit_m: if seed.is_multiple_of(3) { 100.0 } else { 107.0 },
        far_period_ticks: 2,
    };
    let (mut bands, mut bands_serial) = (Bands::new(&interest, Strain::NONE, 20), 0);
    let mut history = History::new(20);
    let mut lookout = Lookout::new(Level::of(14));
    let (mut view, mut expected) = (View::new(), Vec::new());
    let (mut stats, mut changes) = (HubStats::default(), 0);
    for tick in (1..600).map(Tick) {
        play.step();
        if tick.0.is_multiple_of(97) {
            let level = (tick.0 / 97 % 7) as u8;
            bands = Bands::new(&interest, Strain::new(level, 0), 20);
            bands_serial += 1;
        }
        history.ingest(tick, &play.frame(tick), &bands);
        lookout.rebuild(&history);
        if play.dice.chance(0.02) {
            // Nobody looks for this client, this tick.
            continue;
        }
        let eyes = Eyes {
            avatar: history.find(EntityId(AVATAR)).unwrap(),
            layers: 1,
            bands: &bands,
            bands_serial,
            history: &history,
            tick,
        };
        let glance = Glance {
            pulses: history.pulses(),
            own_way_mm: eyes.way_mm(),
            now: tick.0 as u16,
            refresh_ticks: 21,
            checked: false,
        };
        let mut due = Vec::new();
        lookout.look(&mut view, &eyes, &glance, &mut due, &mut stats);
        let now = naive(&expected, &play, &bands);
        let mut seen: Vec<u64> = view.seen().map(|noted| history.id(noted.slot).0).collect();
        seen.sort_unstable();
        assert_eq!(seen, now, "seed {seed}, {tick:?}");
        for index in 0..view.slots.len() as u16 {
            if view.stages[usize::from(index) / LANES].seen() >> (index % 64) & 1 == 1 {
                let dist2 = play.dist2(history.id(view.slot(index)).0);
                let within = |share: f64| {
                    let radius_m = bands.enter_m * share;
                    u16::from(dist2 <= radius_m * radius_m)
                };
                let weight = 1 + within(0.5) + 2 * within(0.25);
                assert_eq!(view.bands[usize::from(index)].weight(), weight);
            }
        }
        changes += now.iter().filter(|id| !expected.contains(id)).count();
        expected = now;
    }
    changes
}

#[test]
fn who_is_in_view_is_who_would_be_if_everybody_were_asked_in_every_tick() {
    let mut changes = 0;
    for seed in 0..12 {
        // Walkers, and riders who stride farther than where leaps begin.
        let leaps = [0.002, 0.0, 0.02][seed as usize % 3];
        let speed_m = [0.5, 4.0][seed as usize % 2];
        changes += compare(seed, 120, leaps, speed_m);
    }
    assert!(changes > 1_000, "{changes} came into view");
}

#[test]
fn a_world_in_which_everybody_leaps_is_seen_as_it_is() {
    assert!(compare(77, 80, 0.3, 2.0) > 1_000);
}
