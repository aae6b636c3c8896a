//! The piece of a straight line that a shot flies in one tick, and what it runs into.

use bluemarble_spatial::{Direction, Planet};
use glam::DVec3;

/// From where to where, metres, planet frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub from: DVec3,
    pub to: DVec3,
}

/// A standing body: upright at its feet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cylinder {
    pub feet: DVec3,
    pub radius_m: f64,
    /// How far it reaches below its feet: a thick arrow also hits with its side.
    pub below_m: f64,
    pub above_m: f64,
}

/// A range of shares of the path.
#[derive(Clone, Copy, Debug)]
struct Shares(f64, f64);

impl Shares {
    const ALL: Self = Self(0.0, 1.0);

    /// What both have in common.
    fn and(self, other: Self) -> Option<Self> {
        let low = if other.0 > self.0 { other.0 } else { self.0 };
        let high = if other.1 < self.1 { other.1 } else { self.1 };
        (low <= high).then_some(Self(low, high))
    }
}

impl Path {
    /// The point at a share of the way.
    pub(super) fn at(&self, share: f64) -> DVec3 {
        self.from + (self.to - self.from) * share
    }

    /// At which share of the way it first touches a body; 0 if it begins inside.
    pub(super) fn enters(&self, body: &Cylinder) -> Option<f64> {
        let up = body.feet.normalize();
        let (start, way) = (self.from - body.feet, self.to - self.from);
        let (start_up, way_up) = (start.dot(up), way.dot(up));
        let (start_flat, way_flat) = (start - up * start_up, way - up * way_up);
        let beside = beside(start_flat, way_flat, body.radius_m)?;
        let between = between(start_up, way_up, -body.below_m, body.above_m)?;
        Some(Shares::ALL.and(beside)?.and(between)?.0)
    }

    /// At which share of the way ground, water or an obstacle stops it. The ground is looked at in
    /// the middle and at the end: what is thinner than half a tick's flight it may fly through.
    pub(super) fn stopped(&self, planet: &Planet) -> Option<f64> {
        let length_m = self.from.distance(self.to);
        if length_m <= 0.0 {
            return None;
        }
        let under = |pos: DVec3| {
            let height_m = pos.length() - planet.radius_m();
            height_m < planet.highest_m() && height_m < planet.ground_m(pos)
        };
        let ground = (under(self.at(0.5)) || under(self.to)).then(|| {
            let hit = Direction::new(self.to - self.from)
                .ok()
                .and_then(|dir| planet.raycast(self.from, dir, length_m));
            hit.map_or(1.0, |hit| hit.distance_m / length_m)
        });
        let along = planet.obstacles().along(self.from, self.to);
        let obstacle = along.first().map(|hit| hit.distance_m / length_m);
        match (ground, obstacle) {
            (Some(ground), Some(obstacle)) if obstacle < ground => Some(obstacle),
            (Some(ground), _) => Some(ground),
            (None, obstacle) => obstacle,
        }
    }
}

/// Where `start + share · way` is within a circle around the origin.
fn beside(start: DVec3, way: DVec3, radius_m: f64) -> Option<Shares> {
    let (a, b) = (way.length_squared(), start.dot(way));
    let c = start.length_squared() - radius_m * radius_m;
    if a < 1e-18 {
        return (c <= 0.0).then_some(Shares::ALL);
    }
    let root2 = b * b - a * c;
    // NaN is nowhere.
    let meets = root2 >= 0.0;
    meets.then(|| {
        let root = root2.sqrt();
        Shares((-b - root) / a, (-b + root) / a)
    })
}

/// Where `start + share · way` is between two heights.
fn between(start: f64, way: f64, low: f64, high: f64) -> Option<Shares> {
    if way.abs() < 1e-12 {
        return (low..=high).contains(&start).then_some(Shares::ALL);
    }
    let (one, other) = ((low - start) / way, (high - start) / way);
    Some(if one < other {
        Shares(one, other)
    } else {
        Shares(other, one)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: f64 = 50_000.0;

    fn body() -> Cylinder {
        Cylinder {
            feet: DVec3::new(R, 0.0, 0.0),
            radius_m: 0.5,
            below_m: 0.1,
            above_m: 1.8,
        }
    }

    fn path(from: [f64; 3], to: [f64; 3]) -> Path {
        let base = DVec3::new(R, 0.0, 0.0);
        Path {
            from: base + DVec3::from_array(from),
            to: base + DVec3::from_array(to),
        }
    }

    #[test]
    fn it_enters_a_body_where_it_first_touches_it() {
        // x is up here; it flies along y.
        let share = path([1.0, -2.0, 0.0], [1.0, 2.0, 0.0]).enters(&body());
        assert!((share.unwrap() - 0.375).abs() < 1e-9, "{share:?}");
        let back = path([1.0, 2.0, 0.0], [1.0, -2.0, 0.0]).enters(&body());
        assert_eq!(share, back);
        assert_eq!(
            path([1.0, 0.2, 0.0], [1.0, 3.0, 0.0]).enters(&body()),
            Some(0.0)
        );
        let falling = path([3.8, 0.0, 0.1], [-0.2, 0.0, 0.1]).enters(&body());
        assert!((falling.unwrap() - 0.5).abs() < 1e-9, "{falling:?}");
    }

    #[test]
    fn it_misses_over_under_beside_before_and_behind() {
        for (from, to) in [
            ([1.9, -2.0, 0.0], [1.9, 2.0, 0.0]),
            ([-0.2, -2.0, 0.0], [-0.2, 2.0, 0.0]),
            ([1.0, -2.0, 0.6], [1.0, 2.0, 0.6]),
            ([1.0, -3.0, 0.0], [1.0, -0.6, 0.0]),
            ([1.0, 0.6, 0.0], [1.0, 3.0, 0.0]),
            ([1.0, f64::NAN, 0.0], [1.0, 3.0, 0.0]),
        ] {
            assert_eq!(path(from, to).enters(&body()), None, "{from:?} {to:?}");
        }
    }

    #[test]
    fn the_ground_stops_it_where_it_lies() {
        let planet = Planet::smooth(R);
        let level = path([1.0, -2.0, 0.0], [1.0, 2.0, 0.0]);
        assert_eq!(level.stopped(&planet), None);
        let down = path([1.0, 0.0, 0.0], [-1.0, 2.0, 0.0]);
        let share = down.stopped(&planet).unwrap();
        assert!((share - 0.5).abs() < 0.01, "{share}");
    }
}
