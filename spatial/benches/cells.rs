//! Cell ids from directions and their neighbours: `cargo bench -p bluemarble-spatial --bench cells`.

mod setting;

use bluemarble_spatial::{CellId, Level};
use glam::DVec3;
use setting::report::{Line, print_heading, print_table};
use setting::scene::Draws;

const COUNT: usize = 10_000;
const SEED: u64 = 20_261_121;
const ROUNDS: usize = 100;

fn main() {
    print_heading("cells: which one is here, and which are around it");
    println!("scene      {COUNT} directions all over the sphere, seed {SEED}");
    let mut draws = Draws::new(SEED);
    let dirs: Vec<DVec3> = (0..COUNT).map(|_| draws.dir()).collect();
    check(&dirs);
    let mut lines = Vec::new();
    for level in [Level::MAX, Level::of(18), Level::of(8)] {
        let cells: Vec<CellId> = dirs.iter().map(|&dir| CellId::at(dir, level)).collect();
        let line = |what: String, unit| Line::new(what, COUNT, unit);
        let mut at = line(format!("CellId::at, level {level}"), "position");
        let mut around = line(format!("all_neighbours, level {level}"), "cell");
        let sum = cells.iter().fold(0, |sum, cell| sum ^ cell.0);
        for _ in 0..ROUNDS {
            let found = dirs.iter().map(|&dir| CellId::at(dir, level).0);
            assert_eq!(at.time(|| found.fold(0, |sum, cell| sum ^ cell)), sum);
            let count = || cells.iter().map(|cell| cell.all_neighbours().len());
            // No cell of these touches a corner of the cube.
            assert_eq!(around.time(|| count().sum::<usize>()), 8 * COUNT);
        }
        lines.extend([at, around]);
    }
    print_table(&mut lines);
}

/// The leaf at a direction is in the cell at it, and its centre is near; neighbours are mutual.
fn check(dirs: &[DVec3]) {
    for &dir in dirs {
        let leaf = CellId::leaf_at(dir);
        assert!(leaf.centre().distance(dir) < 4e-9, "{dir}");
        for level in [Level::of(8), Level::of(18)] {
            let cell = CellId::at(dir, level);
            assert!(cell.contains(leaf), "{dir}");
            let back = |other: &CellId| other.all_neighbours().contains(&cell);
            assert!(cell.all_neighbours().iter().all(back), "{dir}");
        }
    }
    println!("checked    every leaf lies in its cell, neighbours are mutual");
}
