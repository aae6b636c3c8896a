//! Unions of cells against plain sets of small cells.

use std::collections::BTreeSet;
use std::f64::consts::PI;

use bluemarble_spatial::{BadCell, CellId, CellUnion, Level, Region, Relation, mix};

use crate::scene::{cells_of, direction, random_dir};

const FINEST: Level = Level::of(3);

/// A union of random cells down to [`FINEST`], and the cells of that level in it.
fn random(seed: u64, cells: u64) -> (CellUnion, BTreeSet<CellId>) {
    let picked: Vec<CellId> = (0..cells)
        .map(|n| {
            let level = Level::of((mix::mix64(seed * 100 + n) % 4) as u8);
            // Mostly fine ones, that not all be full at once.
            let level = if n % 8 == 0 { level } else { FINEST };
            CellId::at(random_dir(seed * 1_000 + n), level)
        })
        .collect();
    let fine = cells_of(FINEST)
        .filter(|fine| picked.iter().any(|cell| cell.contains(*fine)))
        .collect();
    (CellUnion::new(picked).unwrap(), fine)
}

fn fine(union: &CellUnion) -> BTreeSet<CellId> {
    union.cells_no_coarser_than(FINEST).collect()
}

#[test]
fn unions_do_what_sets_of_their_cells_do() {
    for seed in 0..60 {
        let (a, set_a) = random(seed, 1 + seed * 3);
        let (b, set_b) = random(seed + 500, 40);
        assert_eq!(fine(&a), set_a);
        assert_eq!(fine(&a.union(&b)), &set_a | &set_b);
        assert_eq!(fine(&a.intersection(&b)), &set_a & &set_b);
        assert_eq!(fine(&a.difference(&b)), &set_a - &set_b);
        let all: BTreeSet<CellId> = cells_of(FINEST).collect();
        assert_eq!(fine(&a.complement()), &all - &set_a);
        assert_eq!(a.complement().complement(), a);
        assert_eq!(a.union(&a.complement()), CellUnion::whole());
        assert!(a.intersection(&a.complement()).is_empty());
        assert_eq!(a.union(&b), b.union(&a));
        let area = a.area_sr() + a.complement().area_sr();
        assert!((area - 4.0 * PI).abs() < 1e-12);
        for level in Level::FACE.through(FINEST) {
            for cell in cells_of(level) {
                let held = cells_of(FINEST)
                    .filter(|fine| cell.contains(*fine) && set_a.contains(fine))
                    .count();
                let relation = match held {
                    0 => Relation::Outside,
                    _ if held == 1 << (2 * (FINEST.get() - level.get())) => Relation::Inside,
                    _ => Relation::Overlaps,
                };
                if seed % 10 == 0 {
                    assert_eq!(a.relation(cell), relation, "{cell}");
                }
            }
            if seed % 10 != 0 {
                break;
            }
        }
    }
}

#[test]
fn the_list_of_cells_is_sorted_apart_and_as_short_as_can_be() {
    for seed in 0..100 {
        let (union, _) = random(seed, 60);
        let cells = union.cells();
        assert!(
            cells
                .windows(2)
                .all(|w| w[0].range_max() < w[1].range_min())
        );
        for four in cells.windows(4) {
            if let Some(coarser) = four[0].level().coarser() {
                let siblings = four[0].parent(coarser).children();
                assert_ne!(four, siblings, "four siblings are told as their parent");
            }
        }
        let again = CellUnion::new(cells.iter().rev().flat_map(|cell| cell.children())).unwrap();
        assert_eq!(again, union);
    }
}

#[test]
fn ranges_are_the_stretches_between_gaps_and_come_back() {
    for seed in 0..100 {
        let (union, _) = random(seed, 50);
        let ranges: Vec<(CellId, CellId)> = union.ranges().collect();
        assert!(ranges.windows(2).all(|w| w[0].1.0 + 2 < w[1].0.0));
        let mut back = CellUnion::default();
        for (first, last) in ranges {
            assert!(first.level() == Level::MAX && last.level() == Level::MAX);
            back = back.union(&CellUnion::from_range(first, last).unwrap());
        }
        assert_eq!(back, union);
    }
    let all = CellUnion::from_range(CellId::face_cell(0), CellId::face_cell(5)).unwrap();
    assert_eq!(all, CellUnion::whole());
}

#[test]
fn places_are_in_a_union_if_their_leaf_is_and_within_its_cap() {
    for seed in 0..30 {
        let (union, set) = random(seed, 30);
        let cap = union.bounding_cap();
        for n in 0..300 {
            let at = random_dir(n);
            let is_in = union.contains(direction(at));
            assert_eq!(is_in, set.contains(&CellId::at(at, FINEST)));
            assert!(!is_in || cap.contains(direction(at)));
        }
        // Its farthest corner is on the rim, but for rounding.
        for cell in union.cells() {
            let corners = cell.vertices().into_iter();
            assert!(corners.map(direction).all(|corner| cap.contains(corner)));
        }
    }
}

#[test]
fn numbers_that_are_no_cells_are_refused() {
    let good = CellId::face_cell(2);
    for bad in [CellId(0), CellId(2), CellId(u64::MAX), CellId(7 << 61)] {
        assert_eq!(CellUnion::new([good, bad]), Err(BadCell(bad)));
        assert_eq!(CellUnion::from_range(good, bad), Err(BadCell(bad)));
        assert_eq!(CellUnion::from_range(bad, good), Err(BadCell(bad)));
    }
    let earlier = CellId::face_cell(1);
    assert_eq!(CellUnion::from_range(good, earlier), Err(BadCell(earlier)));
    assert!(CellUnion::new([]).unwrap().is_empty());
}
