//! Where the scripts play: the middle of the first square, and the border through it.

use bluemarble_spatial::{CellId, Level, Planet};
use glam::DVec3;

use crate::lore::{square_cell, square_middle};

/// The first square's border, as a frame to walk in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    /// The middle of the square, on the border to the last bit or so, unit.
    pub middle: DVec3,
    /// Across the border at its middle, unit, towards the cell that begins there: a place's distance
    /// from the border is its part in this direction.
    pub across: DVec3,
    /// Along the border, unit.
    pub along: DVec3,
}

impl Stage {
    pub(super) fn new(planet: &Planet, near: (f64, f64), grid_level: Level) -> Self {
        let cell = square_cell(planet, near, grid_level);
        let middle = square_middle(planet, near, grid_level);
        let [from, to] = common_edge(cell, cell.prev());
        // The edge lies on a great circle: on the plane through both ends and the centre.
        let normal = from.cross(to).normalize();
        let inward = if normal.dot(cell.centre()) < 0.0 {
            -normal
        } else {
            normal
        };
        // Half-way between the cells is not quite on it.
        let middle = (middle - inward * middle.dot(inward)).normalize();
        let along = inward.cross(middle).normalize();
        Self {
            middle,
            across: inward,
            along,
        }
    }

    /// A place so many metres along and across the border from the square's middle, at the planet's
    /// radius.
    pub(super) fn place(&self, planet: &Planet, along_m: f64, across_m: f64) -> DVec3 {
        let radius_m = planet.radius_m();
        (self.middle * radius_m + self.along * along_m + self.across * across_m).normalize()
            * radius_m
    }
}

/// The two corners that cells beside each other share: the closest ones, for each face computes them
/// for itself.
fn common_edge(cell: CellId, other: CellId) -> [DVec3; 2] {
    let others = other.vertices();
    let gap = |corner: DVec3| {
        let distances = others.iter().map(|other| other.distance_squared(corner));
        distances.fold(f64::INFINITY, |least, d| if d < least { d } else { least })
    };
    let mut corners = cell.vertices();
    corners.sort_by(|a, b| gap(*a).total_cmp(&gap(*b)));
    [corners[0], corners[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossing_the_stage_changes_the_cell_from_the_squares_to_the_one_before() {
        let planet = Planet::smooth(20_000.0);
        for near in [
            (10.0, 20.0),
            (35.264_389_68, 45.0),
            (90.0, 0.0),
            (0.0, 45.0),
            (-60.0, 179.9),
        ] {
            let level = CellId::level_for_min_width(58.0, planet.radius_m());
            let stage = Stage::new(&planet, near, level);
            let cell = square_cell(&planet, near, level);
            for along_m in [-10.0, -3.0, 0.0, 5.0] {
                let at = |across_m| {
                    CellId::at(stage.place(&planet, along_m, across_m).normalize(), level)
                };
                assert_eq!(at(0.01), cell, "{near:?}");
                assert_eq!(at(-0.01), cell.prev(), "{near:?}");
            }
        }
    }
}
