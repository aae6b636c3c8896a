//! Where on a planet things go wrong: poles, corners and edges of the cube, the date line.

use crate::dice::Dice;

/// Latitude of the cube's corners, degrees: atan(1/√2).
const CORNER_DEG: f64 = 35.264_389_682_754_654;

/// A place, latitude and longitude in degrees: mostly an awkward one, sometimes a few metres beside it.
pub fn awkward(dice: &mut Dice) -> (f64, f64) {
    let sign = if dice.chance(500) { 1.0 } else { -1.0 };
    let quarter = 90.0 * dice.up_to(3) as f64 - 180.0;
    let (lat, lng) = match dice.up_to(7) {
        0 => (sign * 90.0, dice.between(-180.0, 180.0)),
        // Eight corners, where three faces meet and a cell has seven neighbours.
        1 | 2 => (sign * CORNER_DEG, quarter + 45.0),
        // The middle of an edge between two faces around the equator.
        3 => (dice.between(-30.0, 30.0), quarter + 45.0),
        // The middle of an edge between a face around the equator and one at a pole.
        4 => (sign * 45.0, quarter),
        // The date line.
        5 => (dice.between(-80.0, 80.0), sign * 180.0),
        // The middle of a face, where its four quarters meet.
        6 => (0.0, quarter),
        _ => (dice.between(-89.0, 89.0), dice.between(-180.0, 180.0)),
    };
    if dice.chance(500) {
        return (lat, lng);
    }
    let beside = dice.magnitude(1e-6, 1e-2);
    (
        (lat + dice.between(-beside, beside)).clamp(-90.0, 90.0),
        (lng + dice.between(-beside, beside)).clamp(-180.0, 180.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_on_the_globe() {
        let mut dice = Dice::of_case(1, 1);
        for _ in 0..5_000 {
            let (lat, lng) = awkward(&mut dice);
            assert!((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lng));
        }
    }
}
