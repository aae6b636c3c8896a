//! Coverings hold every place of their region, and inner ones hold nothing else.

use bluemarble_spatial::{Cap, CellId, Covering, Direction, Level, Region, Relation};
use glam::DVec3;

use crate::scene::{direction, draw, places, random_dir};

fn caps() -> Vec<Cap> {
    let mut caps = Vec::new();
    for (n, &centre) in (0..).zip(&places()) {
        for angle in [0.0, 1e-8, 1e-4, 0.01, 0.3, 1.2, 1.7, 3.0] {
            let angle = angle * (0.5 + 0.5 * draw(n));
            caps.push(Cap::new(direction(centre), angle).unwrap());
        }
    }
    caps
}

/// A place in a cap.
fn within(cap: &Cap, n: u64) -> Direction {
    let away = random_dir(n) * 2.0 * draw(n);
    let side = (away - cap.centre() * away.dot(cap.centre())).normalize();
    let angle = cap.angle_rad() * draw(n + 9).sqrt() * 0.999_999;
    let (sin, cos) = bluemarble_spatial::maths::sin_cos(angle);
    Direction::new(cap.centre() * cos + side * sin).unwrap()
}

#[test]
fn outer_coverings_hold_every_place_of_a_cap_and_inner_ones_nothing_else() {
    for (n, cap) in (0..).zip(caps()) {
        for max_cells in [1, 4, 8, 50] {
            let rules = Covering::of(max_cells);
            let (outer, inner) = (rules.outer(&cap), rules.inner(&cap));
            assert!(outer.cells().len() <= max_cells.max(6), "{cap:?}");
            assert!(inner.cells().len() <= max_cells);
            for k in 0..60 {
                let at = within(&cap, n * 100 + k);
                assert!(!cap.contains(at) || outer.contains(at), "{cap:?}");
                let at = direction(random_dir(n * 100 + k));
                assert!(!inner.contains(at) || cap.contains(at), "{cap:?}");
            }
            for &cell in inner.cells() {
                // Four cells inside are told as their parent, which then is, too, but for rounding.
                let children = cell.children().map(|child| cap.relation(child));
                assert!(
                    cap.relation(cell) == Relation::Inside || children == [Relation::Inside; 4]
                );
            }
            assert!(inner.difference(&outer).is_empty());
        }
    }
}

#[test]
fn coverings_get_closer_with_more_cells() {
    for cap in caps() {
        let area = |cells| Covering::of(cells).outer(&cap).area_sr();
        let filled = |cells| Covering::of(cells).inner(&cap).area_sr();
        assert!(area(100) <= area(20) && area(20) <= area(6) + 1e-12);
        assert!(filled(100) >= filled(20) && filled(20) >= filled(6) - 1e-12);
        if cap.angle_rad() > 1e-6 {
            assert!(
                area(100) < 1.35 * cap.area_sr(),
                "{cap:?} {}",
                area(100) / cap.area_sr()
            );
            assert!(
                filled(100) > 0.6 * cap.area_sr(),
                "{cap:?} {}",
                filled(100) / cap.area_sr()
            );
        }
    }
}

#[test]
fn levels_are_kept() {
    for cap in caps() {
        let rules = Covering {
            min_level: Level::of(2),
            max_level: Level::of(5),
            max_cells: 10,
        };
        for covering in [rules.outer(&cap), rules.inner(&cap)] {
            assert!(
                covering
                    .cells()
                    .iter()
                    .all(|cell| cell.level() <= Level::of(5))
            );
        }
        let at_level = Covering::at_level(Level::of(4)).outer(&cap);
        let touched: Vec<CellId> = crate::scene::cells_of(Level::of(4))
            .filter(|&cell| cap.relation(cell) != Relation::Outside)
            .collect();
        let cells: Vec<CellId> = at_level.cells_no_coarser_than(Level::of(4)).collect();
        assert_eq!(cells, touched, "{cap:?}");
    }
}

/// What Google's coverer says a cap touches is touched by ours, or the cap were not covered.
#[test]
fn every_cell_of_a_covering_by_the_s2_crate_meets_ours() {
    let coverer = s2::region::RegionCoverer {
        min_level: 0,
        max_level: 30,
        level_mod: 1,
        max_cells: 20,
    };
    for cap in caps().into_iter().filter(|cap| cap.angle_rad() > 1e-5) {
        let DVec3 { x, y, z } = cap.centre();
        let centre = s2::point::Point(s2::r3::vector::Vector { x, y, z });
        let angle = s2::s1::angle::Angle::from(s2::s1::Rad(cap.angle_rad()));
        let theirs = s2::cap::Cap::from_center_angle(&centre, &angle);
        let ours = Covering::of(20).outer(&cap);
        let covering = coverer.covering(&theirs);
        for cell in &covering.0 {
            assert!(ours.intersects_cell(CellId(cell.0)), "{cap:?}");
        }
        // With the same number of cells ours is about as close.
        let area: f64 = covering.0.iter().map(|cell| CellId(cell.0).area_sr()).sum();
        assert!(
            ours.area_sr() < 1.6 * area,
            "{cap:?} {} {area}",
            ours.area_sr()
        );
    }
}

#[test]
fn a_region_without_width_ends_the_search() {
    let line = bluemarble_spatial::LatLngRect::from_degrees(0.0, -180.0, 0.0, 180.0).unwrap();
    assert!(Covering::of(100).inner(&line).is_empty());
    let outer = Covering::of(100).outer(&line);
    assert!((4..=100).contains(&outer.cells().len()));
}
