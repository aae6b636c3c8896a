//! Obstacles: upright cylinders (boulders, pillars) that bodies bump into and that hide what is
//! behind them.
//!
//! The tree holds each cylinder's direction scaled to the planet's radius, so that "near" is
//! horizontal distance whatever the height of the ground. Queries answer in id order, because the
//! order in which a tree finds things is an accident of its shape.

use glam::DVec3;

use super::StaticTree;
use crate::maths;
use crate::mix::mix64;

/// An upright cylinder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Obstacle {
    /// Its number, 0 .. number of obstacles.
    pub id: u32,
    /// Where its axis meets the ground: metres, planet frame.
    pub base: DVec3,
    /// Metres.
    pub radius_m: f64,
    /// Metres above `base`.
    pub height_m: f64,
}

impl Obstacle {
    /// Unit, along its axis.
    #[inline]
    #[must_use]
    pub fn up(&self) -> DVec3 {
        self.base.normalize()
    }

    /// At which share of the way the segment between two points gets inside it, if anywhere.
    fn entered(&self, from: DVec3, to: DVec3) -> Option<f64> {
        let up = self.up();
        let (a, b) = (from - self.base, to - self.base);
        let (height_a, height_b) = (a.dot(up), b.dot(up));
        // Across the axis: |flat + t·along| < radius, a quadratic in t.
        let flat = a - up * height_a;
        let along = (b - up * height_b) - flat;
        let length2 = along.length_squared();
        let outside = flat.length_squared() - self.radius_m * self.radius_m;
        let (mut enter, mut leave) = (0.0, 1.0);
        if length2 > 1e-12 {
            let half = flat.dot(along);
            let discriminant = half * half - length2 * outside;
            if discriminant <= 0.0 {
                return None;
            }
            let root = discriminant.sqrt();
            let (first, last) = ((-half - root) / length2, (-half + root) / length2);
            enter = if first > enter { first } else { enter };
            leave = if last < leave { last } else { leave };
        } else if outside >= 0.0 {
            return None;
        }
        if enter > leave {
            return None;
        }
        let height_at = |t: f64| height_a + (height_b - height_a) * t;
        if height_at(enter) < self.height_m {
            return Some(enter);
        }
        // Over its top at first, and perhaps down through it.
        (height_at(leave) < self.height_m)
            .then(|| (self.height_m - height_a) / (height_b - height_a))
    }
}

/// All obstacles of a planet; immutable.
#[derive(Clone, Debug)]
pub struct Obstacles {
    /// Ids are places here.
    tree: StaticTree<Obstacle>,
    presence: Presence,
    planet_radius_m: f64,
    widest_m: f64,
}

/// Where a segment runs into an obstacle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObstacleHit<'a> {
    /// What it runs into.
    pub obstacle: &'a Obstacle,
    /// From the segment's start to the obstacle's side or top, metres; 0 from within.
    pub distance_m: f64,
}

impl Obstacles {
    /// Builds the tree. Ids must be 0, 1, 2 …
    pub(crate) fn new(list: Vec<Obstacle>, planet_radius_m: f64) -> Self {
        debug_assert!(list.iter().enumerate().all(|(n, o)| o.id as usize == n));
        let mut presence = Presence::with_room_for(list.len());
        let mut widest_m = 0.0;
        for obstacle in &list {
            presence.mark(obstacle.up() * planet_radius_m, obstacle.radius_m);
            if obstacle.radius_m > widest_m {
                widest_m = obstacle.radius_m;
            }
        }
        let placed = |obstacle: Obstacle| (obstacle.up() * planet_radius_m, obstacle);
        let tree = StaticTree::bulk_load(list.into_iter().map(placed).collect())
            .expect("an obstacle stands on the ground of a planet of bounded radius");
        Self {
            tree,
            presence,
            planet_radius_m,
            widest_m,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    /// All of them, by id.
    #[must_use]
    pub fn as_slice(&self) -> &[Obstacle] {
        self.tree.as_slice()
    }

    /// Calls `visit` for every obstacle whose side comes within `radius_m` of `pos` horizontally
    /// (measured at the planet's radius), in id order; for none if that is negative or not a number.
    pub fn near(&self, pos: DVec3, radius_m: f64, mut visit: impl FnMut(&Obstacle)) {
        if self.is_empty() || radius_m < 0.0 {
            return;
        }
        let centre = pos.normalize() * self.planet_radius_m;
        if radius_m <= PRESENCE_MARGIN_M && !self.presence.may_be_near(centre) {
            return;
        }
        let reach = radius_m + self.widest_m;
        self.tree.visit_within(centre, reach, |id, distance2| {
            let obstacle = &self.as_slice()[id as usize];
            let near = radius_m + obstacle.radius_m;
            if distance2 <= near * near {
                visit(obstacle);
            }
        });
    }

    /// What the straight segment between two points (metres, planet frame) runs into, in the order
    /// in which it does (equals by id). An obstacle reaches down into the ground without end.
    #[must_use]
    pub fn along(&self, from: DVec3, to: DVec3) -> Vec<ObstacleHit<'_>> {
        let length_m = from.distance(to);
        let mut hits: Vec<_> = self
            .under(from, to)
            .filter_map(|obstacle| {
                let distance_m = obstacle.entered(from, to)? * length_m;
                Some(ObstacleHit {
                    obstacle,
                    distance_m,
                })
            })
            .collect();
        hits.sort_unstable_by(|a, b| {
            let by_distance = a.distance_m.total_cmp(&b.distance_m);
            by_distance.then(a.obstacle.id.cmp(&b.obstacle.id))
        });
        hits
    }

    /// Whether any obstacle stands between two points (metres, planet frame).
    pub(crate) fn block(&self, from: DVec3, to: DVec3) -> bool {
        !self.is_empty() && self.under(from, to).any(|o| o.entered(from, to).is_some())
    }

    /// A few obstacles, in no order, among them all that a segment could run into.
    fn under(&self, from: DVec3, to: DVec3) -> impl Iterator<Item = &Obstacle> {
        // Scaled to the radius like the tree's points, the segment becomes an arc, which bulges
        // over its chord, and what is `widest_m` beside it in the depths lies further off.
        let radius_m = self.planet_radius_m;
        let ends = [from, to].map(|p| p.normalize() * radius_m);
        let half_chord_m = 0.5 * ends[0].distance(ends[1]);
        let below_bulge = radius_m * radius_m - half_chord_m * half_chord_m;
        let bulge_m = radius_m
            - if below_bulge > 0.0 {
                below_bulge.sqrt()
            } else {
                0.0
            };
        let deepest_m = distance_of_centre(from, to);
        let widest_m = self.widest_m * 1.01;
        let widest_m = if deepest_m < radius_m {
            widest_m * (radius_m / deepest_m)
        } else {
            widest_m
        };
        self.tree
            .near_segment(ends[0], ends[1], widest_m + bulge_m)
            .map(|(id, _)| &self.as_slice()[id as usize])
    }
}

/// How near a segment comes to the planet's centre, metres.
fn distance_of_centre(from: DVec3, to: DVec3) -> f64 {
    let along = to - from;
    let length2 = along.length_squared();
    let share = if length2 > 0.0 {
        (-from.dot(along) / length2).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (from + along * share).length()
}

/// Up to this distance a query that finds nothing costs only a look at [`Presence`], metres.
const PRESENCE_MARGIN_M: f64 = 1.0;
/// Edge of a presence lattice cube, metres.
const PRESENCE_CUBE_M: f64 = 4.0;

/// Where something may stand: one hashed bit per lattice cube that anything comes near to. A
/// walker asks every tick and is nearly always told "nothing here", ten times faster than by the
/// tree.
#[derive(Clone, Debug)]
struct Presence {
    /// A power of two of words.
    words: Vec<u64>,
}

impl Presence {
    fn with_room_for(obstacles: usize) -> Self {
        // Each marks about 8 cubes: 128 bits keep the false alarms at a few percent.
        Self {
            words: vec![0; (2 * obstacles).next_power_of_two()],
        }
    }

    /// Marks every cube within the margin of a disc's side.
    fn mark(&mut self, centre: DVec3, radius_m: f64) {
        let reach = DVec3::splat(radius_m + PRESENCE_MARGIN_M);
        let low = Self::cube(centre - reach);
        let high = Self::cube(centre + reach);
        for x in low[0]..=high[0] {
            for y in low[1]..=high[1] {
                for z in low[2]..=high[2] {
                    let (word, bit) = self.slot([x, y, z]);
                    self.words[word] |= bit;
                }
            }
        }
    }

    #[inline]
    fn may_be_near(&self, point: DVec3) -> bool {
        let (word, bit) = self.slot(Self::cube(point));
        self.words[word] & bit != 0
    }

    #[inline]
    fn cube(point: DVec3) -> [i64; 3] {
        (point / PRESENCE_CUBE_M)
            .to_array()
            .map(maths::floor_to_int)
    }

    #[inline]
    fn slot(&self, [x, y, z]: [i64; 3]) -> (usize, u64) {
        let word = (x as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ (y as u64)
                .wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
                .rotate_left(21)
            ^ (z as u64)
                .wrapping_mul(0x1656_67b1_9e37_79f9)
                .rotate_left(42);
        let hash = mix64(word);
        (
            (hash >> 6) as usize & (self.words.len() - 1),
            1 << (hash & 63),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::unit;

    const RADIUS_M: f64 = 5_000.0;

    /// Cylinders on the ground around the north pole.
    fn field(count: u32) -> Obstacles {
        let obstacle = |id: u32| {
            let c = |k: u64| unit(mix64(u64::from(id) * 4 + k));
            let side = DVec3::new(c(0) * 200.0 - 100.0, c(1) * 200.0 - 100.0, RADIUS_M);
            let base = side.normalize() * RADIUS_M;
            Obstacle {
                id,
                base,
                radius_m: 0.5 + 2.0 * c(2),
                height_m: 1.0 + 4.0 * c(3),
            }
        };
        Obstacles::new((0..count).map(obstacle).collect(), RADIUS_M)
    }

    #[test]
    fn near_agrees_with_looking_at_all_of_them_and_keeps_the_order() {
        let field = field(500);
        for n in 0..3_000u64 {
            let c = |k: u64| unit(mix64(1_000_000 + n * 3 + k));
            let dir = DVec3::new(c(0) * 240.0 - 120.0, c(1) * 240.0 - 120.0, RADIUS_M).normalize();
            let radius_m = if n % 2 == 0 { c(2) * 60.0 } else { c(2) };
            let expected: Vec<u32> = field
                .as_slice()
                .iter()
                .filter(|o| o.base.distance(dir * RADIUS_M) <= radius_m + o.radius_m)
                .map(|o| o.id)
                .collect();
            let mut got = Vec::new();
            // Height above the ground changes nothing.
            field.near(dir * (RADIUS_M + 30.0), radius_m, |o| got.push(o.id));
            assert_eq!(got, expected);
        }
        for none in [-1.0, -0.1, f64::NAN] {
            field.near(field.as_slice()[7].base, none, |o| {
                panic!("{o:?} at {none}")
            });
        }
    }

    #[test]
    fn a_cylinder_blocks_what_passes_through_it_and_nothing_else() {
        let base = DVec3::Z * RADIUS_M;
        let field = Obstacles::new(
            vec![Obstacle {
                id: 0,
                base,
                radius_m: 1.0,
                height_m: 3.0,
            }],
            RADIUS_M,
        );
        let block = |a: [f64; 3], b: [f64; 3]| {
            let [a, b] = [a, b].map(|p| base + DVec3::from_array(p));
            assert_eq!(field.block(a, b), field.block(b, a), "both ways");
            field.block(a, b)
        };
        assert!(block([-5.0, 0.0, 1.7], [5.0, 0.0, 1.7]));
        assert!(block([-5.0, 0.9, 1.7], [5.0, 0.9, 1.7]));
        assert!(!block([-5.0, 1.1, 1.7], [5.0, 1.1, 1.7]), "past its side");
        assert!(!block([-5.0, 0.0, 3.1], [5.0, 0.0, 3.1]), "over its top");
        assert!(block([-5.0, 0.0, 6.0], [5.0, 0.0, -1.0]), "down into it");
        assert!(!block([-5.0, 0.0, 1.7], [-2.0, 0.0, 1.7]), "in front of it");
        assert!(!block([0.0, 0.0, 4.0], [0.0, 0.0, 9.0]), "above it");
        assert!(
            block([0.0, 0.0, 2.0], [0.0, 0.0, 9.0]),
            "from inside it upwards"
        );
    }

    /// From one place low over the field to another.
    fn segment(draws: u64) -> (DVec3, DVec3) {
        let c = |k: u64| unit(mix64(draws + k));
        let p = |k: u64| {
            DVec3::new(
                c(k) * 200.0 - 100.0,
                c(k + 1) * 200.0 - 100.0,
                RADIUS_M + c(k + 2) * 4.0,
            )
        };
        (p(0), p(3))
    }

    #[test]
    fn what_a_segment_runs_into_comes_in_its_order() {
        let field = field(300);
        let mut most = 0;
        for n in 0..500u64 {
            let (from, to) = segment(3_000_000 + n * 6);
            let mut expected: Vec<(f64, u32)> = field
                .as_slice()
                .iter()
                .filter_map(|o| Some((o.entered(from, to)? * from.distance(to), o.id)))
                .collect();
            expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
            let hits = field.along(from, to);
            let got: Vec<_> = hits.iter().map(|h| (h.distance_m, h.obstacle.id)).collect();
            assert_eq!(got, expected);
            for hit in &hits {
                let there = from + (to - from).normalize() * hit.distance_m;
                let aside = (there - hit.obstacle.base).reject_from(hit.obstacle.up());
                assert!(aside.length() < hit.obstacle.radius_m + 1e-6);
            }
            most = most.max(hits.len());
        }
        assert!(most >= 4, "{most} in a row is no order");
    }

    #[test]
    fn a_long_line_of_sight_over_a_small_ball_meets_what_stands_in_its_middle() {
        // The ground under the middle of 400 m bulges 80 m over the straight line at its ends.
        let radius_m = 250.0;
        let field = Obstacles::new(
            vec![Obstacle {
                id: 0,
                base: DVec3::Z * radius_m,
                radius_m: 1.0,
                height_m: 50.0,
            }],
            radius_m,
        );
        let end = |x: f64| DVec3::new(x, 0.0, radius_m + 45.0);
        assert!(field.block(end(-200.0), end(200.0)));
        assert!(field.block(end(200.0), end(-200.0)));
    }

    #[test]
    fn blocking_agrees_with_looking_at_all_of_them() {
        let field = field(300);
        let mut blocked = 0;
        for n in 0..500u64 {
            let (from, to) = segment(2_000_000 + n * 6);
            let expected = field
                .as_slice()
                .iter()
                .any(|o| o.entered(from, to).is_some());
            assert_eq!(field.block(from, to), expected);
            blocked += u32::from(expected);
        }
        assert!((50..450).contains(&blocked), "{blocked} of 500 is no test");
    }
}
