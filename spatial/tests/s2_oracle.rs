//! Cells against Google's own S2 library, point by point (`data/NOTICE.md`).
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::collections::BTreeSet;

use bluemarble_spatial::{CellId, FrameAxes, LatLng, Level};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    lat_deg: f64,
    lng_deg: f64,
    leaf_id_u64: u64,
    level12_id_u64: u64,
    level12_token: String,
    edge_neighbors_level12: String,
    all_neighbors_level12_count: usize,
    approx_area_steradians_l12: f64,
}

fn rows() -> Vec<Row> {
    let table = include_bytes!("data/s2-cells-oracle.csv");
    let rows: Result<Vec<Row>, _> = csv::Reader::from_reader(&table[..]).deserialize().collect();
    let rows = rows.expect("the table is whole");
    assert_eq!(rows.len(), 5_081);
    rows
}

#[test]
fn leaves_parents_and_tokens_are_googles() {
    for row in rows() {
        let dir = LatLng::degrees(row.lat_deg, row.lng_deg).to_dir();
        assert_eq!(CellId::leaf_at(dir), CellId(row.leaf_id_u64), "{dir}");
        let parent = CellId::at(dir, Level::of(12));
        assert_eq!(parent, CellId(row.level12_id_u64), "{dir}");
        assert_eq!(parent.token(), row.level12_token, "{dir}");
        assert_eq!(CellId::from_token(&row.level12_token), Ok(parent), "{dir}");
    }
}

/// Google's column is its approximation, which its documentation calls good to 0.1 % at this size.
#[test]
fn areas_are_googles() {
    for row in rows() {
        let share = CellId(row.level12_id_u64).area_sr() / row.approx_area_steradians_l12;
        assert!((share - 1.0).abs() < 1e-3, "{}: {share}", row.level12_token);
    }
}

#[test]
fn neighbours_are_googles() {
    for row in rows() {
        let cell = CellId(row.level12_id_u64);
        let expected: Vec<u64> = row
            .edge_neighbors_level12
            .split(' ')
            .map(|id| id.parse().unwrap())
            .collect();
        assert_eq!(
            cell.edge_neighbours().map(|c| c.0).to_vec(),
            expected,
            "{cell}"
        );
        let all = cell.all_neighbours();
        assert!(all.is_sorted());
        let distinct: BTreeSet<CellId> = all.iter().copied().collect();
        assert_eq!(distinct.len(), all.len());
        // Google's count has a repetition where three cells meet at a corner of the cube.
        assert!(
            all.len() == row.all_neighbors_level12_count || all.len() == 7,
            "{cell}"
        );
        assert!(
            cell.edge_neighbours()
                .iter()
                .all(|edge| distinct.contains(edge))
        );
    }
}

/// Exhaustive on the coarse levels: whose corners touch is what neighbours are.
#[test]
fn neighbours_are_mutual_and_complete_on_every_cell_of_the_coarse_levels() {
    for level in Level::FACE.through(Level::of(5)) {
        let mut cell = CellId::face_cell(0).range_min().parent(level);
        let mut sevens = 0;
        for _ in 0..level.cells() {
            let neighbours = cell.all_neighbours();
            assert!(
                neighbours
                    .iter()
                    .all(|n| n.all_neighbours().contains(&cell)),
                "{cell}"
            );
            assert!(
                neighbours
                    .iter()
                    .all(|n| n.level() == level && *n != cell && n.is_valid())
            );
            sevens += u32::from(neighbours.len() == 7);
            let expected = if level == Level::FACE { 4 } else { 8 };
            assert!(
                neighbours.len() == expected || neighbours.len() == 7,
                "{cell} {neighbours:?}"
            );
            assert_eq!(cell.next().prev(), cell);
            cell = cell.next();
        }
        assert_eq!(
            cell,
            CellId::face_cell(0).range_min().parent(level),
            "the curve closes"
        );
        assert!(
            level == Level::FACE || sevens == 24,
            "level {level}: {sevens}"
        );
    }
}

#[test]
fn cells_nest() {
    for row in rows().iter().step_by(37) {
        let leaf = CellId(row.leaf_id_u64);
        assert_eq!(leaf.level(), Level::MAX);
        assert_eq!(leaf.children(), [leaf; 4]);
        for level in Level::all() {
            let Some(finer) = level.finer() else { break };
            let cell = leaf.parent(level);
            assert_eq!(cell.level(), level);
            assert!(cell.contains(leaf) && cell.contains(leaf.parent(finer)));
            assert!(cell.children().contains(&leaf.parent(finer)));
            assert_eq!(cell.children()[0].range_min(), cell.range_min());
            assert_eq!(cell.children()[3].range_max(), cell.range_max());
            assert_eq!(CellId::at(cell.centre(), level), cell);
            assert_eq!(CellId::from_token(&cell.token()), Ok(cell));
        }
    }
}

#[test]
fn tokens_that_name_nothing_are_refused() {
    for token in [
        "",
        "X",
        "0",
        "zz",
        "c",
        "e1",
        "+1",
        "3ec5005f0000000000",
        "3ec5006",
        "é",
    ] {
        let error = CellId::from_token(token);
        assert!(error.is_err(), "{token}: {error:?}");
    }
}

#[test]
fn the_width_bound_holds_and_picks_the_finest_level() {
    let radius_m = 6_371_000.0;
    for level in Level::of(1).through(Level::of(25)) {
        let width_m = CellId::min_width_m(level, radius_m);
        assert_eq!(CellId::level_for_min_width(width_m, radius_m), level);
        assert_eq!(
            CellId::level_for_min_width(width_m * 1.01, radius_m).finer(),
            Some(level)
        );
    }
    assert_eq!(CellId::level_for_min_width(1e9, radius_m), Level::FACE);
    assert_eq!(CellId::level_for_min_width(0.0, radius_m), Level::MAX);
}

#[test]
fn numbers_that_are_no_cells_panic_nowhere() {
    let odd = [
        0,
        1,
        2,
        u64::MAX,
        1 << 63,
        6 << 61,
        (6 << 61) + 1,
        1 << 61,
        1 << 62,
        0b10 << 20,
    ];
    let random = (0..20_000).map(bluemarble_spatial::mix::mix64);
    for number in odd.into_iter().chain(random) {
        let cell = CellId(number);
        let _ = (
            cell.range_min(),
            cell.range_max(),
            cell.next(),
            cell.prev(),
            cell.children(),
        );
        let _ = (
            cell.contains(cell),
            cell.edge_neighbours(),
            cell.token(),
            cell.parent(Level::MAX),
        );
        let _ = (cell.all_neighbours(), FrameAxes::of(cell, 1.0));
        let somewhere = LatLng::degrees(1.0, 2.0).to_direction();
        let _ = (cell.area_sr(), cell.vertices(), cell.child_index());
        let _ = (
            cell.distance_to(somewhere),
            cell.all_neighbours_at(cell.level()),
        );
        if cell.is_valid() {
            assert_eq!(CellId::at(cell.centre(), cell.level()), cell);
        }
    }
}
