//! What rings must be to make a polygon, and what is wrong with those that make none.

use glam::DVec3;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::arc::angle;
use super::orientation::{arcs_cross, is_flat, order};
use super::polygon::{Arc, BadPolygon, Polygon, box_around};
use super::ring::Ring;
use crate::limits::{POLYGON_PAIRS_PER_VERTEX_MAX, POLYGON_VERTICES_MAX};

/// The least by which an arc must fall short of half a circle, radians: towards half a circle
/// it becomes anybody's guess which way around it goes.
const ARC_SHORT_OF_HALF_RAD: f64 = 1e-6;

pub(super) fn check_vertices(rings: &[Vec<DVec3>]) -> Result<(), BadPolygon> {
    let all = rings.iter().map(Vec::len).sum();
    if all > POLYGON_VERTICES_MAX {
        return Err(BadPolygon::TooManyVertices { vertices: all });
    }
    match rings.iter().position(|ring| ring.len() < 3) {
        Some(ring) => Err(BadPolygon::TooFewVertices {
            ring,
            vertices: rings[ring].len(),
        }),
        None => Ok(()),
    }
}

pub(super) fn check_repetitions(rings: &[Vec<DVec3>]) -> Result<(), BadPolygon> {
    let numbered = |(ring, vertices): (usize, &Vec<DVec3>)| {
        let places = vertices.iter().copied().enumerate();
        places
            .map(|(vertex, at)| (at, ring, vertex))
            .collect::<Vec<_>>()
    };
    let mut all: Vec<(DVec3, usize, usize)> = rings.iter().enumerate().flat_map(numbered).collect();
    all.sort_by(|a, b| order(a.0, b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let repeated = all.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    match repeated.min_by_key(|pair| (pair[1].1, pair[1].2)) {
        Some(pair) => Err(BadPolygon::RepeatedVertex {
            ring: pair[1].1,
            vertex: pair[1].2,
            other_ring: pair[0].1,
            other_vertex: pair[0].2,
        }),
        None => Ok(()),
    }
}

/// How many more pairs of arcs may be looked at: arcs that are all long lie in one another's boxes,
/// and the work would grow with the square of their number.
pub(super) struct Pairs {
    vertices: usize,
    left: usize,
}

impl Pairs {
    pub(super) fn among(rings: &[Vec<DVec3>]) -> Self {
        let vertices = rings.iter().map(Vec::len).sum();
        let left = POLYGON_PAIRS_PER_VERTEX_MAX * vertices;
        Self { vertices, left }
    }

    fn spend(&mut self, pairs: usize) -> Result<(), BadPolygon> {
        let vertices = self.vertices;
        let left = self.left.checked_sub(pairs);
        self.left = left.ok_or(BadPolygon::TooEntangled { vertices })?;
        Ok(())
    }
}

pub(super) fn check_arcs(
    rings: &[Vec<DVec3>],
    arcs: &RTree<Arc>,
    pairs: &mut Pairs,
) -> Result<(), BadPolygon> {
    for (ring, vertices) in rings.iter().enumerate() {
        for (vertex, &from) in vertices.iter().enumerate() {
            let to = vertices[(vertex + 1) % vertices.len()];
            if angle(from, -to) < ARC_SHORT_OF_HALF_RAD {
                return Err(BadPolygon::HalfCircle { ring, vertex });
            }
            let before = vertices[(vertex + vertices.len() - 1) % vertices.len()];
            if is_spike(before, from, to) {
                return Err(BadPolygon::Spike { ring, vertex });
            }
        }
    }
    // The least pair, so that the same rings always give the same error.
    let mut least: Option<[(usize, usize); 2]> = None;
    for (ring, vertices) in rings.iter().enumerate() {
        for (vertex, &from) in vertices.iter().enumerate() {
            let to = vertices[(vertex + 1) % vertices.len()];
            let reach = box_around(&[from, to], 0.5 * angle(from, to));
            for other in arcs.locate_in_envelope_intersecting(reach) {
                pairs.spend(1)?;
                let pair = [(ring, vertex), (other.ring, other.vertex)];
                // Each pair once; arcs next to one another share a vertex, others none.
                let is_apart = [from, to]
                    .iter()
                    .all(|end| *end != other.from && *end != other.to);
                if pair[0] < pair[1]
                    && is_apart
                    && least.is_none_or(|least| pair < least)
                    && arcs_cross(from, to, other.from, other.to)
                {
                    least = Some(pair);
                }
            }
        }
        if least.is_some() {
            break;
        }
    }
    match least {
        Some([(ring, vertex), (other_ring, other_vertex)]) => Err(BadPolygon::Crossing {
            ring,
            vertex,
            other_ring,
            other_vertex,
        }),
        None => Ok(()),
    }
}

/// Whether the arc from `tip` to `to` lies on the one from `before` to `tip`.
fn is_spike(before: DVec3, tip: DVec3, to: DVec3) -> bool {
    // Exactly on one great circle no small move of a vertex leaves the turn as it is.
    let is_flat = is_flat(before, tip, to);
    is_flat && (before - tip * before.dot(tip)).dot(to - tip * to.dot(tip)) > 0.0
}

/// Holes of a polygon that is without them so far.
pub(super) fn check_holes(
    full: &Polygon,
    holes: &[Ring],
    pairs: &mut Pairs,
) -> Result<(), BadPolygon> {
    let is_outside = |hole: &Ring| !full.holds(hole.vertices()[0]);
    if let Some(hole) = holes.iter().position(is_outside) {
        return Err(BadPolygon::HoleOutside { ring: hole + 1 });
    }
    let boxed = holes.iter().enumerate().map(|(number, hole)| {
        let around = box_around(hole.vertices(), hole.bounding_cap().angle_rad());
        let corners = Rectangle::from_aabb(around);
        GeomWithData::new(corners, number)
    });
    let boxes = RTree::bulk_load(boxed.collect());
    for (a, hole) in holes.iter().enumerate() {
        let first = hole.vertices()[0];
        let mut around = None;
        for other in boxes.locate_in_envelope_intersecting(AABB::from_point(first.to_array())) {
            let b = other.data;
            if a == b || around.is_some_and(|least| least < b) {
                continue;
            }
            pairs.spend(holes[b].vertices().len())?;
            if holes[b].contains(first) {
                around = Some(b);
            }
        }
        if let Some(b) = around {
            return Err(BadPolygon::HoleInHole {
                ring: a + 1,
                other_ring: b + 1,
            });
        }
    }
    Ok(())
}
