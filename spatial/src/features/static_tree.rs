//! Standing things in an R-tree that is built once: the nearest ones, those within a radius, along
//! a segment, inside a region.
//!
//! The tree holds points in planet-frame metres, so poles, the date line and cube edges are places
//! like any other. It is packed by overlap-minimising bulk loading (rstar; Lee and Lee, "OMT:
//! Overlap Minimizing Top-down Bulk Loading Algorithm for R-tree", CAiSE 2003). What it finds is
//! decided in exact `f64` and put into a defined order here, because the order in which a tree
//! finds things is an accident of its shape.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use glam::DVec3;
use rstar::{AABB, ParentNode, RTree, RTreeNode, RTreeObject, SelectionFunction};

use super::segment::{NearestOnSegment, Segment};
use crate::cells::{Cap, Region};
use crate::geo::Direction;
use crate::limits::STANDING_M_MAX;
use crate::maths;

/// Things that stand still, each at a point; their ids are their places in the list they came from.
///
/// A query around a place that is not finite finds nothing: nothing is near nowhere.
///
/// ```
/// use bluemarble_spatial::{LatLng, StaticTree};
///
/// let town = |lat, lng, name| (LatLng::degrees(lat, lng).to_dir() * 50_000.0, name);
/// let towns = vec![town(10.0, 179.9, "Vail"), town(10.0, -179.9, "Orrin"), town(-60.0, 0.0, "Sund")];
/// let tree = StaticTree::bulk_load(towns)?;
///
/// // From just east of the date line Orrin is nearer than Vail.
/// let here = LatLng::degrees(10.0, -179.95).to_dir() * 50_000.0;
/// let names: Vec<_> = tree.nearest(here, 2).iter().map(|near| *near.thing).collect();
/// assert_eq!(names, ["Orrin", "Vail"]);
/// assert_eq!(tree.within(here, 1_000.0).len(), 2);
/// # Ok::<(), bluemarble_spatial::BadPosition>(())
/// ```
#[derive(Clone, Debug)]
pub struct StaticTree<T> {
    things: Vec<T>,
    tree: RTree<Leaf>,
    /// Least and greatest distance of a thing from the planet's centre, metres.
    shell_m: (f64, f64),
}

/// A position that nothing can stand at.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "thing {index} cannot stand at {position}: each coordinate must be a number of at most {STANDING_M_MAX:e} m"
)]
pub struct BadPosition {
    /// Of the thing in the list.
    pub index: usize,
    /// Metres, planet frame.
    pub position: DVec3,
}

/// Something found near a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near<'a, T> {
    /// Its place in the list the tree was built from.
    pub id: u32,
    /// Itself.
    pub thing: &'a T,
    /// How far off in a straight line, metres.
    pub distance_m: f64,
}

/// Something that a segment passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passed<'a, T> {
    /// Its place in the list the tree was built from.
    pub id: u32,
    /// Itself.
    pub thing: &'a T,
    /// From the segment's start to its point nearest to the thing, metres.
    pub along_m: f64,
    /// From that point to the thing, metres.
    pub distance_m: f64,
}

impl<T> StaticTree<T> {
    /// Builds the tree from positions (metres, planet frame) and what stands there. Ids are places
    /// in the list.
    ///
    /// # Errors
    /// [`BadPosition`] at the first one that is not finite or beyond
    /// [`STANDING_M_MAX`](crate::limits::STANDING_M_MAX).
    ///
    /// # Panics
    /// With 2³² things or more.
    pub fn bulk_load(placed: Vec<(DVec3, T)>) -> Result<Self, BadPosition> {
        assert!(u32::try_from(placed.len()).is_ok(), "ids are 32 bits wide");
        let mut leaves = Vec::with_capacity(placed.len());
        let mut things = Vec::with_capacity(placed.len());
        let mut shell_m = (STANDING_M_MAX * 2.0, 0.0);
        for (index, (position, thing)) in placed.into_iter().enumerate() {
            if !is_somewhere(position) {
                return Err(BadPosition { index, position });
            }
            let from_centre_m = position.length();
            if from_centre_m < shell_m.0 {
                shell_m.0 = from_centre_m;
            }
            if from_centre_m > shell_m.1 {
                shell_m.1 = from_centre_m;
            }
            leaves.push(Leaf {
                at: position.to_array(),
                id: index as u32,
            });
            things.push(thing);
        }
        Ok(Self {
            things,
            tree: RTree::bulk_load(leaves),
            shell_m,
        })
    }

    /// How many things there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.things.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// All of them, by id.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.things
    }

    /// The `count` nearest to a point, nearest first; of equally far ones the lower id first.
    #[must_use]
    pub fn nearest(&self, point: DVec3, count: usize) -> Vec<Near<'_, T>> {
        if count == 0 || !is_somewhere(point) {
            return Vec::new();
        }
        // Best first: nodes by the least distance that anything in them can have.
        let mut best: BinaryHeap<Candidate> = BinaryHeap::new();
        let mut ahead = BinaryHeap::from([Ahead {
            distance2: 0.0,
            node: self.tree.root(),
        }]);
        while let Some(Ahead { distance2, node }) = ahead.pop() {
            let worst2 = |best: &BinaryHeap<Candidate>| match best.peek() {
                Some(worst) if best.len() == count => worst.distance2,
                _ => f64::INFINITY,
            };
            if distance2 > worst2(&best) {
                break;
            }
            for child in node.children() {
                match child {
                    RTreeNode::Leaf(leaf) => {
                        let candidate = Candidate {
                            distance2: leaf.position().distance_squared(point),
                            id: leaf.id,
                        };
                        if best.len() < count {
                            best.push(candidate);
                        } else if best.peek().is_some_and(|worst| candidate < *worst) {
                            best.pop();
                            best.push(candidate);
                        }
                    }
                    RTreeNode::Parent(node) => {
                        let distance2 = distance2_to_box(point, &node.envelope());
                        if distance2 <= worst2(&best) {
                            ahead.push(Ahead { distance2, node });
                        }
                    }
                }
            }
        }
        let near = |found: Candidate| self.near(found.id, found.distance2);
        best.into_sorted_vec().into_iter().map(near).collect()
    }

    /// Everything at most `radius_m` from a point, by id.
    #[must_use]
    pub fn within(&self, point: DVec3, radius_m: f64) -> Vec<Near<'_, T>> {
        let mut found = Vec::new();
        self.visit_within(point, radius_m, |id, distance2| {
            found.push(self.near(id, distance2));
        });
        found
    }

    /// Everything at most `reach_m` from the straight segment between two points, in the order in
    /// which the segment passes it (equals by id).
    #[must_use]
    pub fn along_segment(&self, from: DVec3, to: DVec3, reach_m: f64) -> Vec<Passed<'_, T>> {
        let mut found: Vec<_> = self
            .near_segment(from, to, reach_m)
            .map(|(id, nearest)| Passed {
                id,
                thing: &self.things[id as usize],
                along_m: nearest.along_m,
                distance_m: nearest.distance2.sqrt(),
            })
            .collect();
        found.sort_unstable_by(|a, b| a.along_m.total_cmp(&b.along_m).then(a.id.cmp(&b.id)));
        found
    }

    /// The same for the first `length_m` of a ray.
    ///
    /// ```
    /// use bluemarble_spatial::{Direction, StaticTree};
    /// use glam::DVec3;
    ///
    /// let posts = (1..=3).map(|n| (DVec3::new(10.0 * f64::from(n), 0.5, 0.0), n)).collect();
    /// let tree = StaticTree::bulk_load(posts).unwrap();
    /// let ahead = Direction::new(DVec3::X).unwrap();
    /// let passed = tree.along_ray(DVec3::ZERO, ahead, 25.0, 1.0);
    /// assert_eq!(passed.iter().map(|p| p.along_m).collect::<Vec<_>>(), [10.0, 20.0]);
    /// ```
    #[must_use]
    pub fn along_ray(
        &self,
        from: DVec3,
        direction: Direction,
        length_m: f64,
        reach_m: f64,
    ) -> Vec<Passed<'_, T>> {
        self.along_segment(from, from + direction.unit() * length_m, reach_m)
    }

    /// Everything below or above a region, by id, with its id.
    ///
    /// ```
    /// use bluemarble_spatial::{Cap, Direction, LatLng, StaticTree};
    ///
    /// let at = |lat, lng| LatLng::degrees(lat, lng).to_dir() * 6_371_000.0;
    /// let poles = StaticTree::bulk_load(vec![(at(89.9, 0.0), 'a'), (at(-89.9, 0.0), 'b')]).unwrap();
    /// let arctic = Cap::new(Direction::new(at(90.0, 0.0)).unwrap(), 0.41).unwrap();
    /// assert_eq!(poles.inside(&arctic), [(0, &'a')]);
    /// ```
    #[must_use]
    pub fn inside<R: Region + ?Sized>(&self, region: &R) -> Vec<(u32, &T)> {
        let cap = region.bounding_cap();
        let area = box_around(&cap, self.shell_m);
        // The chord to the rim, a little longer, spares the region most of the box's corners.
        let half = maths::sin(0.5 * cap.angle_rad());
        let chord2 = 4.0 * half * half * (1.0 + 1e-9) + 1e-30;
        let candidates = self.tree.locate_in_envelope_intersecting(area);
        let mut ids: Vec<u32> = candidates
            .filter(|leaf| {
                // What is at the very centre is below nothing.
                Direction::new(leaf.position()).is_ok_and(|at| {
                    at.unit().distance_squared(cap.centre()) <= chord2 && region.contains(at)
                })
            })
            .map(|leaf| leaf.id)
            .collect();
        ids.sort_unstable();
        let with_thing = |id: u32| (id, &self.things[id as usize]);
        ids.into_iter().map(with_thing).collect()
    }

    /// Calls `visit` with the id and squared distance of everything at most `radius_m` from a
    /// point, by id, without allocating when it is not much.
    pub(super) fn visit_within(&self, point: DVec3, radius_m: f64, visit: impl FnMut(u32, f64)) {
        if !(radius_m >= 0.0 && is_somewhere(point)) {
            return;
        }
        let mut found = Found::default();
        let ball = Ball {
            centre: point,
            radius2: radius_m * radius_m,
        };
        for leaf in self.tree.locate_with_selection_function(ball) {
            let distance2 = leaf.position().distance_squared(point);
            if distance2 <= radius_m * radius_m {
                found.push((leaf.id, distance2));
            }
        }
        found.visit_sorted(visit);
    }

    /// Ids of everything at most `reach_m` from a segment, in no order.
    pub(super) fn near_segment(
        &self,
        from: DVec3,
        to: DVec3,
        reach_m: f64,
    ) -> impl Iterator<Item = (u32, NearestOnSegment)> {
        let asked = reach_m >= 0.0 && is_somewhere(from) && is_somewhere(to);
        let segment = Segment::new(from, to, reach_m);
        let leaves = asked.then(|| self.tree.locate_with_selection_function(segment));
        leaves.into_iter().flatten().filter_map(move |leaf| {
            let nearest = segment.nearest_to(leaf.position());
            (nearest.distance2 <= reach_m * reach_m).then_some((leaf.id, nearest))
        })
    }

    fn near(&self, id: u32, distance2: f64) -> Near<'_, T> {
        Near {
            id,
            thing: &self.things[id as usize],
            distance_m: distance2.sqrt(),
        }
    }
}

/// Around everything below or above a cap between two distances from the centre.
fn box_around(cap: &Cap, (near_m, far_m): (f64, f64)) -> AABB<[f64; 3]> {
    /// More than any rounding here, and less than a thing's width.
    const MARGIN: f64 = 1e-9;
    let (sin, cos) = maths::sin_cos(cap.angle_rad());
    let whole = cap.angle_rad() >= core::f64::consts::PI;
    let (mut low, mut high) = ([0.0; 3], [0.0; 3]);
    for (axis, along) in cap.centre().to_array().into_iter().enumerate() {
        // With γ from the centre to the axis, the cap spans γ − angle to γ + angle from it.
        let across = (1.0 - along * along).clamp(0.0, 1.0).sqrt();
        let most = if whole || along >= cos {
            1.0
        } else {
            along * cos + across * sin
        };
        let least = if whole || -along >= cos {
            -1.0
        } else {
            along * cos - across * sin
        };
        let scale_m = |share: f64| {
            if share > 0.0 {
                (near_m, far_m)
            } else {
                (far_m, near_m)
            }
        };
        low[axis] = (least - MARGIN) * scale_m(least - MARGIN).0;
        high[axis] = (most + MARGIN) * scale_m(most + MARGIN).1;
    }
    AABB::from_corners(low, high)
}

fn is_somewhere(position: DVec3) -> bool {
    position.abs().cmple(DVec3::splat(STANDING_M_MAX)).all()
}

/// A thing's place in the tree.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    at: [f64; 3],
    id: u32,
}

impl Leaf {
    fn position(&self) -> DVec3 {
        DVec3::from_array(self.at)
    }
}

impl RTreeObject for Leaf {
    type Envelope = AABB<[f64; 3]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_point(self.at)
    }
}

/// Of several equally far things the lower id comes first.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    distance2: f64,
    id: u32,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_distance = self.distance2.total_cmp(&other.distance2);
        by_distance.then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// A node not yet looked into; the greatest is the nearest.
struct Ahead<'a> {
    distance2: f64,
    node: &'a ParentNode<Leaf>,
}

impl Ord for Ahead<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.distance2.total_cmp(&self.distance2)
    }
}

impl PartialOrd for Ahead<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ahead<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ahead<'_> {}

/// Squared, to the nearest point of a box. Rounded like the distance to a thing in it and never
/// more, so that nothing is lost to rounding.
#[inline]
fn distance2_to_box(point: DVec3, envelope: &AABB<[f64; 3]>) -> f64 {
    let low = DVec3::from_array(envelope.lower()) - point;
    let high = point - DVec3::from_array(envelope.upper());
    let outside = |low: f64, high: f64| {
        let most = if low > high { low } else { high };
        if most > 0.0 { most } else { 0.0 }
    };
    DVec3::new(
        outside(low.x, high.x),
        outside(low.y, high.y),
        outside(low.z, high.z),
    )
    .length_squared()
}

/// Everything around a point. rstar's own search takes four times as long.
struct Ball {
    centre: DVec3,
    radius2: f64,
}

impl SelectionFunction<Leaf> for Ball {
    #[inline]
    fn should_unpack_parent(&self, envelope: &AABB<[f64; 3]>) -> bool {
        distance2_to_box(self.centre, envelope) <= self.radius2
    }
}

impl SelectionFunction<Leaf> for Segment {
    fn should_unpack_parent(&self, envelope: &AABB<[f64; 3]>) -> bool {
        self.meets(envelope)
    }
}

/// A few ids with their squared distances without allocating, as many as come.
#[derive(Default)]
struct Found {
    first: [(u32, f64); 16],
    len: usize,
    more: Vec<(u32, f64)>,
}

impl Found {
    fn push(&mut self, found: (u32, f64)) {
        if let Some(slot) = self.first.get_mut(self.len) {
            *slot = found;
        } else {
            if self.more.is_empty() {
                self.more.extend_from_slice(&self.first);
            }
            self.more.push(found);
        }
        self.len += 1;
    }

    fn visit_sorted(&mut self, mut visit: impl FnMut(u32, f64)) {
        let found = if self.more.is_empty() {
            &mut self.first[..self.len]
        } else {
            &mut self.more[..]
        };
        found.sort_unstable_by_key(|&(id, _)| id);
        found
            .iter()
            .for_each(|&(id, distance2)| visit(id, distance2));
    }
}
