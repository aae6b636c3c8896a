//! What stands still: upright cylinders (boulders, pillars) in a tree that is built once.
//!
//! The tree holds each cylinder's direction scaled to the planet's radius, so that "near" is
//! horizontal distance whatever the height of the ground. Queries answer in id order, because the
//! order in which a tree finds things is an accident of its shape.

use glam::DVec3;
use rstar::primitives::GeomWithData;
use rstar::{AABB, RTree};

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

    /// Where the segment between two points is inside it, if anywhere.
    fn blocks(&self, from: DVec3, to: DVec3) -> bool {
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
                return false;
            }
            let root = discriminant.sqrt();
            let (first, last) = ((-half - root) / length2, (-half + root) / length2);
            enter = if first > enter { first } else { enter };
            leave = if last < leave { last } else { leave };
        } else if outside >= 0.0 {
            return false;
        }
        if enter > leave {
            return false;
        }
        let height_at = |t: f64| height_a + (height_b - height_a) * t;
        let (h0, h1) = (height_at(enter), height_at(leave));
        let lowest = if h0 < h1 { h0 } else { h1 };
        lowest < self.height_m
    }
}

type Entry = GeomWithData<[f64; 3], u32>;

/// All obstacles of a planet; immutable.
#[derive(Clone, Debug)]
pub struct Obstacles {
    list: Vec<Obstacle>,
    tree: RTree<Entry>,
    presence: Presence,
    planet_radius_m: f64,
    widest_m: f64,
}

impl Obstacles {
    /// Builds the tree. Ids must be 0, 1, 2 …
    pub(crate) fn new(list: Vec<Obstacle>, planet_radius_m: f64) -> Self {
        debug_assert!(list.iter().enumerate().all(|(n, o)| o.id as usize == n));
        let entry = |o: &Obstacle| Entry::new((o.up() * planet_radius_m).to_array(), o.id);
        let tree = RTree::bulk_load(list.iter().map(entry).collect());
        let widest = |widest, o: &Obstacle| {
            if o.radius_m > widest {
                o.radius_m
            } else {
                widest
            }
        };
        let widest_m = list.iter().fold(0.0, widest);
        let mut presence = Presence::with_room_for(list.len());
        list.iter()
            .for_each(|o| presence.mark(o.up() * planet_radius_m, o.radius_m));
        Self {
            list,
            tree,
            presence,
            planet_radius_m,
            widest_m,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, by id.
    #[must_use]
    pub fn as_slice(&self) -> &[Obstacle] {
        &self.list
    }

    /// Calls `visit` for every obstacle whose side comes within `radius_m` of `pos` horizontally
    /// (measured at the planet's radius), in id order.
    pub fn near(&self, pos: DVec3, radius_m: f64, mut visit: impl FnMut(&Obstacle)) {
        if self.list.is_empty() {
            return;
        }
        let centre = pos.normalize() * self.planet_radius_m;
        if radius_m <= PRESENCE_MARGIN_M && !self.presence.may_be_near(centre) {
            return;
        }
        let reach = radius_m + self.widest_m;
        let mut found = Found::default();
        let within = self
            .tree
            .locate_within_distance(centre.to_array(), reach * reach);
        for entry in within {
            let obstacle = &self.list[entry.data as usize];
            let near = radius_m + obstacle.radius_m;
            if DVec3::from_array(*entry.geom()).distance_squared(centre) <= near * near {
                found.push(entry.data);
            }
        }
        found.for_each_sorted(|id| visit(&self.list[id as usize]));
    }

    /// Whether any obstacle stands between two points (metres, planet frame).
    pub(crate) fn block(&self, from: DVec3, to: DVec3) -> bool {
        if self.list.is_empty() {
            return false;
        }
        // Scaled to the radius like the tree's points; the box of a straight segment holds it.
        let ends = [from, to].map(|p| p.normalize() * self.planet_radius_m);
        let margin = DVec3::splat(self.widest_m);
        let low = ends[0].min(ends[1]) - margin;
        let high = ends[0].max(ends[1]) + margin;
        let area = AABB::from_corners(low.to_array(), high.to_array());
        self.tree
            .locate_in_envelope_intersecting(area)
            .any(|entry| self.list[entry.data as usize].blocks(from, to))
    }
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
            .floor()
            .to_array()
            .map(|k| k as i64)
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

/// A few ids without allocating, as many as come.
#[derive(Default)]
struct Found {
    first: [u32; 16],
    len: usize,
    more: Vec<u32>,
}

impl Found {
    fn push(&mut self, id: u32) {
        if let Some(slot) = self.first.get_mut(self.len) {
            *slot = id;
        } else {
            if self.more.is_empty() {
                self.more.extend_from_slice(&self.first);
            }
            self.more.push(id);
        }
        self.len += 1;
    }

    fn for_each_sorted(&mut self, visit: impl FnMut(u32)) {
        let ids = if self.more.is_empty() {
            &mut self.first[..self.len]
        } else {
            &mut self.more[..]
        };
        ids.sort_unstable();
        ids.iter().copied().for_each(visit);
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

    #[test]
    fn blocking_agrees_with_looking_at_all_of_them() {
        let field = field(300);
        let mut blocked = 0;
        for n in 0..500u64 {
            let c = |k: u64| unit(mix64(2_000_000 + n * 6 + k));
            let p = |k: u64| {
                DVec3::new(
                    c(k) * 200.0 - 100.0,
                    c(k + 1) * 200.0 - 100.0,
                    RADIUS_M + c(k + 2) * 4.0,
                )
            };
            let (from, to) = (p(0), p(3));
            let expected = field.as_slice().iter().any(|o| o.blocks(from, to));
            assert_eq!(field.block(from, to), expected);
            blocked += u32::from(expected);
        }
        assert!((50..450).contains(&blocked), "{blocked} of 500 is no test");
    }
}
