//! The balancer: it settles, it does not churn, it follows a moving crowd, and whatever it
//! proposes leaves a partition of the sphere.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use bluemarble_spatial::mix::{mix64, unit};
use bluemarble_spatial::{
    BadRules, BalanceRules, Balancer, Cap, CellId, Change, Direction, Level, LoadDisc, LoadMap,
    Plan, Target, ZoneMap, maths,
};
use glam::DVec3;

const LEVEL: Level = Level::of(8);
const TARGETS: [Target; 4] = [
    Target::Zones(6),
    Target::Zones(96),
    Target::LoadMax(20_000),
    Target::LoadMax(1_500),
];

fn direction(n: u64) -> Direction {
    let word = mix64(n);
    let z = 2.0 * unit(word) - 1.0;
    let (sin, cos) = maths::sin_cos(std::f64::consts::TAU * unit(mix64(word)));
    let across = (1.0 - z * z).sqrt();
    Direction::new(DVec3::new(across * cos, across * sin, z)).unwrap()
}

fn disc(at: Direction, angle_rad: f64, load: u64) -> LoadDisc {
    let cap = Cap::new(at, angle_rad).unwrap();
    LoadDisc { cap, load }
}

/// A hundred crowds of very different sizes.
fn crowds(seed: u64) -> Vec<LoadDisc> {
    (0..100)
        .map(|n| {
            let size = unit(mix64(n ^ mix64(seed)));
            let load = 50.0 + 20_000.0 * size * size * size * size;
            disc(direction(n ^ mix64(seed)), 0.02 + 0.1 * size, load as u64)
        })
        .collect()
}

fn map_of(discs: impl IntoIterator<Item = LoadDisc>) -> LoadMap {
    LoadMap::from_discs(LEVEL, discs).unwrap()
}

/// One load and more.
fn with(load: &LoadMap, more: LoadDisc) -> LoadMap {
    let more = map_of([more]);
    let cells = load.cells().iter().chain(more.cells()).copied();
    LoadMap::new(LEVEL, cells).unwrap()
}

fn balancer(target: Target) -> Balancer {
    Balancer::new(BalanceRules::new(target)).unwrap()
}

/// Applies a plan by its changes, each of which must fit, and checks what it says about itself.
fn carry_out(plan: &Plan, map: &ZoneMap, load: &LoadMap) -> ZoneMap {
    let mut after = map.clone();
    for planned in &plan.changes {
        assert_eq!(planned.moved_load, planned.change.moved_load(&after, load));
        let next = after.apply(&planned.change).unwrap();
        for zone in 0..after.len() as u32 {
            if !matches!(planned.change, Change::Move { .. }) {
                let first = after.ranges().nth(zone as usize).unwrap().0;
                assert_eq!(planned.change.zone_after(zone), next.zone_of(first));
            }
        }
        after = next;
    }
    assert_eq!(after, plan.map);
    assert_eq!(after.balance(load), plan.after);
    assert_eq!(map.balance(load), plan.before);
    let starts: Vec<CellId> = after.ranges().map(|range| range.0).collect();
    assert_eq!(ZoneMap::from_starts(&starts), Ok(after.clone()));
    after
}

/// Lets a balancer work on a constant load until it has proposed nothing for longer than anything
/// rests; answers with how many proposals changed something.
fn settle(balancer: &mut Balancer, map: &mut ZoneMap, load: &LoadMap) -> usize {
    let (mut quiet, mut busy) = (0, 0);
    while quiet < 6 {
        let plan = balancer.propose(map, load);
        *map = carry_out(&plan, map, load);
        if plan.changes.is_empty() {
            quiet += 1;
        } else {
            (quiet, busy) = (0, busy + 1);
        }
        assert!(busy < 400, "it does not settle");
    }
    busy
}

#[test]
fn a_constant_load_comes_to_rest() {
    for seed in 0..8 {
        let load = map_of(crowds(seed));
        for target in TARGETS {
            let (mut balancer, mut map) = (balancer(target), ZoneMap::whole());
            let busy = settle(&mut balancer, &mut map, &load);
            for _ in 0..20 {
                assert!(balancer.propose(&map, &load).changes.is_empty());
            }
            let balance = map.balance(&load);
            println!(
                "{target:?}: {busy} proposals, {} zones, busiest {:.3} × mean, {}",
                map.len(),
                balance.busiest_over_mean,
                balance.busiest
            );
            match target {
                Target::Zones(zones) => {
                    assert_eq!(map.len(), zones);
                    assert!(balance.busiest_over_mean <= 1.3, "{balance}");
                }
                Target::LoadMax(most) => assert!(balance.busiest <= most),
            }
        }
    }
}

#[test]
fn noise_within_the_band_moves_nothing() {
    let discs = crowds(1);
    let load = map_of(discs.clone());
    let mut map = ZoneMap::balanced(96, &load).unwrap();
    let mut balancer = balancer(Target::Zones(96));
    settle(&mut balancer, &mut map, &load);
    for round in 0..60 {
        // Each cell by up to a twentieth, up or down.
        let noisy = load.cells().iter().map(|&(cell, load)| {
            let noise = unit(mix64(cell.0 ^ round)) * 0.1 - 0.05;
            (cell, (load as f64 * (1.0 + noise)).round() as u64)
        });
        let noisy = LoadMap::new(LEVEL, noisy).unwrap();
        assert!(balancer.propose(&map, &noisy).changes.is_empty(), "{round}");
    }
}

#[test]
fn a_crowd_that_comes_and_goes_costs_few_changes_and_none_is_taken_back_at_once() {
    let rules = BalanceRules::new(Target::Zones(96));
    for cool_down in [3, 10] {
        let mut balancer = Balancer::new(BalanceRules { cool_down, ..rules }).unwrap();
        let here = map_of(
            crowds(2)
                .into_iter()
                .chain([disc(direction(7), 0.05, 40_000)]),
        );
        let gone = map_of(crowds(2));
        let mut map = ZoneMap::balanced(96, &gone).unwrap();
        let mut changed = 0;
        // When a boundary last changed, by its place.
        let mut last: Vec<(CellId, u64)> = Vec::new();
        let rounds = 200;
        for round in 0..rounds {
            let load = if round % 2 == 0 { &here } else { &gone };
            let plan = balancer.propose(&map, load);
            let mut before = map.clone();
            for planned in &plan.changes {
                let starts = |zone: u32| before.ranges().nth(zone as usize).map(|range| range.0);
                let (old, new) = match planned.change {
                    Change::Move { zone, to } => (starts(zone), to),
                    Change::Split { at, .. } => (None, at),
                    Change::Merge { zone } => (starts(zone + 1), starts(zone + 1).unwrap()),
                };
                if let Some(old) = old {
                    let fresh = last
                        .iter()
                        .find(|(cell, at)| *cell == old && round <= at + cool_down);
                    assert_eq!(fresh, None, "round {round}: {planned:?}");
                }
                last.push((new, round));
                before = before.apply(&planned.change).unwrap();
            }
            changed += plan.changes.len();
            map = carry_out(&plan, &map, load);
        }
        println!("cool-down {cool_down}: {changed} changes in {rounds} proposals");
        assert!(changed as u64 <= 2 * rounds, "{changed}");
    }
}

#[test]
fn zones_follow_a_crowd_around_the_globe() {
    for target in [Target::Zones(96), Target::LoadMax(4_000)] {
        let (mut balancer, mut map) = (balancer(target), ZoneMap::whole());
        let (mut worst, mut moved, mut rounds) = (0.0_f64, 0, 0);
        let base = map_of(crowds(3));
        settle(&mut balancer, &mut map, &base);
        // Over a pole, the date line and cube corners, almost a degree a proposal.
        for step in 0..400 {
            let angle = f64::from(step) * 0.0157;
            let (sin, cos) = maths::sin_cos(angle);
            let at = Direction::new(DVec3::new(cos, 0.3 * sin, sin)).unwrap();
            let load = with(&base, disc(at, 0.05, 30_000));
            let plan = balancer.propose(&map, &load);
            map = carry_out(&plan, &map, &load);
            if step >= 20 {
                let busy = match target {
                    Target::Zones(_) => plan.after.busiest_over_mean,
                    Target::LoadMax(most) => plan.after.busiest as f64 / most as f64,
                };
                worst = if busy > worst { busy } else { worst };
                moved += plan.moved_load();
                rounds += load.total();
            }
        }
        let share = moved as f64 / rounds as f64;
        println!(
            "{target:?}: worst {worst:.2}, {:.4} of the load moves per proposal, {} zones",
            share,
            map.len()
        );
        assert!(worst < 4.0, "{worst}");
        assert!(share < 0.05, "{share}");
    }
}

#[test]
fn the_end_of_a_crowd_makes_zones_fewer() {
    let (mut balancer, mut map) = (balancer(Target::LoadMax(1_000)), ZoneMap::whole());
    let crowd = map_of([disc(direction(1), 0.1, 50_000)]);
    settle(&mut balancer, &mut map, &crowd);
    assert!(map.len() >= 50);
    let few = map_of([disc(direction(1), 0.1, 300)]);
    settle(&mut balancer, &mut map, &few);
    assert_eq!(map.len(), 1);
}

#[test]
fn a_crowd_in_one_cell_is_borne() {
    let cell = CellId::leaf_at(direction(1).unit());
    let load = LoadMap::new(LEVEL, [(cell, 100_000)]).unwrap();
    for target in TARGETS {
        let (mut balancer, mut map) = (balancer(target), ZoneMap::whole());
        settle(&mut balancer, &mut map, &load);
        assert_eq!(map.balance(&load).busiest, 100_000);
    }
    let nobody = LoadMap::new(LEVEL, []).unwrap();
    let mut map = ZoneMap::whole();
    settle(&mut balancer(Target::Zones(24)), &mut map, &nobody);
    assert_eq!(map.len(), 24);
}

/// Zones of at least so much load.
fn at_least(map: &ZoneMap, load: &LoadMap, least: u64) -> usize {
    let loads = map.loads(load).into_iter();
    loads.filter(|&zone| zone > least).count()
}

/// Crowds that come, go and shift, some in a single cell that nobody can part: whatever is proposed
/// gains, and what has been gained is not given back under the same load.
#[test]
fn every_plan_gains_at_least_its_margin_and_zones_never_swing() {
    let (mut plans, mut stuck) = (0, 0);
    for seed in 0..24 {
        let zones = [6, 24, 96][seed as usize % 3];
        let rules = BalanceRules::new(Target::Zones(zones));
        let mut balancer = Balancer::new(rules).unwrap();
        let mut map = ZoneMap::balanced(zones, &map_of(crowds(seed))).unwrap();
        for shift in 0..6 {
            let cell = CellId::leaf_at(direction(seed * 31 + shift).unit()).parent(LEVEL);
            let base = map_of(crowds(seed + shift));
            // Every other time up to a tenth of all stand in one cell.
            let heap = base.total() / 10 * (shift % 2);
            let rows = base.cells().iter().copied().chain([(cell, heap)]);
            let load = LoadMap::new(LEVEL, rows).unwrap();
            let mut seen = vec![map.clone()];
            for _ in 0..60 {
                let plan = balancer.propose(&map, &load);
                if plan.changes.is_empty() {
                    continue;
                }
                plans += 1;
                let near = plan.before.busiest * (1_000 - rules.gain_permille) / 1_000;
                let (was, is) = (
                    at_least(&map, &load, near),
                    at_least(&plan.map, &load, near),
                );
                assert!(is < was, "seed {seed}: {was} then {is} near the busiest");
                assert!(plan.after.busiest <= plan.before.busiest);
                map = carry_out(&plan, &map, &load);
                assert!(!seen.contains(&map), "seed {seed}: the zones swing");
                seen.push(map.clone());
            }
            assert!(seen.len() <= 30, "seed {seed}: {} plans", seen.len() - 1);
            let rest = map.balance(&load);
            stuck += usize::from(rest.busiest_over_mean > 1.3);
        }
    }
    assert!(
        plans > 100 && stuck > 10,
        "{plans} plans, {stuck} at rest with a heap"
    );
}

/// Those beside a crowd that nobody can part are left alone: the busiest would stay as it is.
#[test]
fn nothing_is_moved_for_others_while_the_busiest_cannot_be_relieved() {
    let heap = CellId::leaf_at(direction(1).unit()).parent(LEVEL);
    let mut map = ZoneMap::balanced(24, &map_of(crowds(1))).unwrap();
    let mut balancer = balancer(Target::Zones(24));
    let (first, last) = (heap.range_min(), heap.range_max());
    let base = map_of(crowds(1));
    let alone = [(heap, base.total() / 4)];
    let load = LoadMap::new(LEVEL, base.cells().iter().copied().chain(alone)).unwrap();
    settle(&mut balancer, &mut map, &load);
    let crowd = map.balance(&load);
    assert!(crowd.busiest >= load.between(first, last));
    // Another crowd, far from it, that could be shared out, and is not worth it.
    let other = with(&load, disc(direction(9), 0.05, base.total() / 24));
    let before = map.balance(&other);
    assert_eq!(before.busiest_zone, crowd.busiest_zone);
    assert!(
        balancer.propose(&map, &other).changes.is_empty(),
        "{before}"
    );
}

/// No split cuts a zone that a merge made, and no boundary comes back to where one was.
#[test]
fn what_was_merged_is_not_parted_within_the_cool_down() {
    for (target, cool_down) in [(Target::Zones(96), 3), (Target::LoadMax(1_500), 10)] {
        let rules = BalanceRules {
            cool_down,
            ..BalanceRules::new(target)
        };
        let (mut balancer, mut map) = (Balancer::new(rules).unwrap(), ZoneMap::whole());
        let mut merged: Vec<(CellId, u64)> = Vec::new();
        let mut parted_later = 0;
        for round in 0..90 {
            // A crowd that gathers and is gone again, so that zones merge and are wanted back.
            let crowd = disc(direction(round / 5 % 3), 0.05, 60_000);
            let load = match round / 5 % 2 {
                0 => map_of(crowds(4)),
                _ => map_of(crowds(4).into_iter().chain([crowd])),
            };
            let plan = balancer.propose(&map, &load);
            let mut now = map.clone();
            for planned in &plan.changes {
                let range = |zone: u32| now.ranges().nth(zone as usize).unwrap();
                let is_parted = |&(leaf, _): &(CellId, u64)| match planned.change {
                    Change::Move { to, .. } => to.range_min() == leaf,
                    Change::Split { zone, .. } => range(zone).0 < leaf && leaf <= range(zone).1,
                    Change::Merge { .. } => false,
                };
                for parted in merged.iter().filter(|&merge| is_parted(merge)) {
                    assert!(
                        round > parted.1 + cool_down,
                        "{round}: {planned:?} {parted:?}"
                    );
                    parted_later += 1;
                }
                if let Change::Merge { zone } = planned.change {
                    merged.push((range(zone + 1).0, round));
                }
                now = now.apply(&planned.change).unwrap();
            }
            map = carry_out(&plan, &map, &load);
        }
        println!("{target:?}: {} merges, {parted_later} parted", merged.len());
        // Otherwise this would test nothing.
        assert!(merged.len() > 20 && parted_later > 3, "{target:?}");
    }
}

#[test]
fn a_cool_down_may_last_for_ever() {
    let rules = BalanceRules {
        cool_down: u64::MAX,
        ..BalanceRules::new(Target::Zones(12))
    };
    let (mut balancer, mut map) = (Balancer::new(rules).unwrap(), ZoneMap::whole());
    let mut changes = 0;
    for round in 0..40 {
        let load = map_of(crowds(round % 2));
        let plan = balancer.propose(&map, &load);
        changes += plan.changes.len();
        map = carry_out(&plan, &map, &load);
    }
    // Eleven boundaries, each made or moved once.
    assert_eq!((map.len(), changes), (12, 11));
}

#[test]
fn the_largest_loads_there_are_can_be_balanced() {
    let last = CellId::face_cell(5).range_max().parent(LEVEL);
    let in_one = LoadMap::new(LEVEL, [(last, 1 << 63)]).unwrap();
    let spread = (0..60).map(|n| (CellId::at(direction(n).unit(), LEVEL), (1 << 63) / 60));
    let spread = LoadMap::new(LEVEL, spread).unwrap();
    for load in [in_one, spread] {
        for target in [Target::Zones(24), Target::LoadMax(1 << 58), TARGETS[3]] {
            // All boundaries at the end, so that several move over the same load.
            let end = CellId::face_cell(5).range_max().0;
            let starts = [1].into_iter().chain((0..20).rev().map(|n| end - 2 * n));
            let mut map = ZoneMap::from_starts(&starts.map(CellId).collect::<Vec<_>>()).unwrap();
            let mut balancer = balancer(target);
            let plan = balancer.propose(&map, &load);
            assert!(plan.moved_load() > 0 || load.cells().len() == 1);
            map = carry_out(&plan, &map, &load);
            settle(&mut balancer, &mut map, &load);
        }
    }
}

/// A map cut by a finer load: more zones than there are cells to cut between.
#[test]
fn zones_finer_than_the_load_are_balanced_too() {
    let load = LoadMap::new(Level::FACE, (0..6).map(|n| (CellId::face_cell(n), 100))).unwrap();
    let first = CellId::face_cell(2).range_min().0;
    let starts = [1].into_iter().chain((0..40).map(|n| first + 2 * n));
    let start = ZoneMap::from_starts(&starts.map(CellId).collect::<Vec<_>>()).unwrap();
    for changes_max in [2, 8, 60] {
        for target in [Target::LoadMax(150), Target::Zones(41), Target::Zones(6)] {
            let rules = BalanceRules {
                changes_max,
                ..BalanceRules::new(target)
            };
            let (mut balancer, mut map) = (Balancer::new(rules).unwrap(), start.clone());
            settle(&mut balancer, &mut map, &load);
            assert_eq!(map.balance(&load).busiest, 100, "{target:?}");
        }
    }
}

#[test]
fn rules_that_would_churn_are_refused() {
    let good = BalanceRules::new(Target::Zones(24));
    for (rules, why) in [
        (
            BalanceRules {
                settle_at_permille: 1_250,
                ..good
            },
            BadRules::Thresholds,
        ),
        (
            BalanceRules {
                settle_at_permille: 900,
                ..good
            },
            BadRules::Thresholds,
        ),
        (
            BalanceRules {
                merge_below_permille: 1_100,
                ..good
            },
            BadRules::Thresholds,
        ),
        (
            BalanceRules {
                gain_permille: 0,
                ..good
            },
            BadRules::Gain(0),
        ),
        (
            BalanceRules {
                changes_max: 1,
                ..good
            },
            BadRules::Changes(1),
        ),
        (
            BalanceRules {
                target: Target::Zones(0),
                ..good
            },
            BadRules::Target,
        ),
        (
            BalanceRules {
                target: Target::LoadMax(0),
                ..good
            },
            BadRules::Target,
        ),
    ] {
        assert_eq!(Balancer::new(rules).unwrap_err(), why);
    }
}
