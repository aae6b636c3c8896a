//! A closed line of great-circle arcs that does not cross itself, and which side of it a place is
//! on: the left one, going around, is inside.

use glam::DVec3;

use super::arc::{ROUNDING_RAD, angle};
use super::cap::Cap;
use super::orientation::{arcs_cross_if_apart, are_ordered, is_ccw};
use crate::maths;

/// Where lines towards places begin. Any three places on no axis and no round coordinates do; a
/// ring takes the first that is none of its vertices.
const REFERENCES: [DVec3; 3] = [
    DVec3::new(0.372_091_7, -0.585_302_9, 0.720_416_3),
    DVec3::new(-0.619_283_1, 0.417_503_7, 0.664_938_9),
    DVec3::new(0.243_917_1, 0.803_111_9, -0.543_617_7),
];

/// Vertices in order, the last joined to the first. Its maker has seen to it that arcs are shorter
/// than half a circle, vertices differ and arcs do not cross.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    vertices: Vec<DVec3>,
    reference: DVec3,
    is_reference_inside: bool,
}

impl Ring {
    pub(super) fn new(vertices: Vec<DVec3>) -> Self {
        let reference = REFERENCES
            .into_iter()
            .map(DVec3::normalize)
            .find(|reference| !vertices.contains(reference))
            // A ring through all three: what a place's exact equal is then called does not matter.
            .unwrap_or(DVec3::Z);
        let mut ring = Self {
            vertices,
            reference,
            is_reference_inside: false,
        };
        // The line from the reference comes to the first vertex between its two arcs on the one
        // side or the other, and has changed sides at each arc crossed before.
        let arrives_inside = ring.contains_vertex(0);
        let crossings = ring.crossings_to(ring.vertices[0]);
        ring.is_reference_inside = arrives_inside != (crossings % 2 == 1);
        ring
    }

    pub(super) fn vertices(&self) -> &[DVec3] {
        &self.vertices
    }

    /// Each arc's two ends, in order.
    pub(super) fn arcs(&self) -> impl Iterator<Item = (DVec3, DVec3)> {
        let next = self.vertices.iter().cycle().skip(1);
        self.vertices.iter().copied().zip(next.copied())
    }

    /// Swaps inside and outside.
    pub(super) fn reversed(mut self) -> Self {
        self.vertices.reverse();
        Self::new(self.vertices)
    }

    /// Whether a place is inside: right to the last bit, see [`super::orientation`]. A place on an
    /// arc is taken as moved to one of its sides, the same for every ring with that arc; a vertex
    /// as moved towards the reference.
    pub(super) fn contains(&self, at: DVec3) -> bool {
        if at == self.reference {
            return self.is_reference_inside;
        }
        match self.vertices.iter().position(|&vertex| vertex == at) {
            Some(vertex) => self.contains_vertex(vertex),
            None => self.is_reference_inside != (self.crossings_to(at) % 2 == 1),
        }
    }

    /// Area of its inside on the unit sphere, steradians.
    pub(super) fn area_sr(&self) -> f64 {
        // Signed triangles from one place to each arc; see `CellShape::area_sr`.
        let origin = self.origin_of_triangles();
        let sum: f64 = self.arcs().map(|(b, c)| triangle_sr(origin, b, c)).sum();
        let whole = 4.0 * std::f64::consts::PI;
        let area = sum - whole * (sum / whole).floor();
        // So close to nothing or all that rounding might have turned the sign. What is so small
        // has not two of three places.
        let doubt = 1e-15 * self.vertices.len() as f64;
        if area < doubt || area > whole - doubt {
            let small = sum.abs().clamp(0.0, doubt);
            let is_in = |place: &DVec3| self.contains(place.normalize());
            let is_small = REFERENCES.iter().filter(|place| is_in(place)).count() < 2;
            return if is_small { small } else { whole - small };
        }
        area
    }

    /// A place whose antipode no vertex is near: towards that triangles lose their digits, and at it
    /// all. The first vertex if it will do, since from there small rings have small triangles.
    fn origin_of_triangles(&self) -> DVec3 {
        let clearance = |place: DVec3| {
            let mut least = f64::INFINITY;
            for &vertex in &self.vertices {
                let apart = (vertex + place).length_squared();
                if apart < least {
                    least = apart;
                }
            }
            least
        };
        let first = self.vertices[0];
        let mut best = (clearance(first), first);
        if best.0 < 0.1 {
            for place in REFERENCES.into_iter().flat_map(|place| [place, -place]) {
                let place = place.normalize();
                let clearance = clearance(place);
                if clearance > best.0 {
                    best = (clearance, place);
                }
            }
        }
        best.1
    }

    /// A cap with all of its inside.
    pub(super) fn bounding_cap(&self) -> Cap {
        let middle: DVec3 = self.vertices.iter().sum();
        let Some(middle) = middle.try_normalize() else {
            return Cap::whole();
        };
        let mut widest = 0.0;
        for &vertex in &self.vertices {
            let to = angle(middle, vertex);
            if to > widest {
                widest = to;
            }
        }
        // A cap clearly smaller than half the sphere holds an arc if it holds its ends, so either
        // the inside or the outside.
        if widest < 1.5 && !self.contains(-middle) {
            Cap::bound(middle, widest + ROUNDING_RAD)
        } else {
            Cap::whole()
        }
    }

    /// Whether a vertex is inside: taken as moved towards the reference.
    pub(super) fn contains_vertex(&self, vertex: usize) -> bool {
        self.is_in_angle(self.reference, vertex)
    }

    /// Whether the line from a vertex towards a place that is none sets out inside.
    pub(super) fn is_in_angle(&self, towards: DVec3, vertex: usize) -> bool {
        let count = self.vertices.len();
        let previous = self.vertices[(vertex + count - 1) % count];
        let next = self.vertices[(vertex + 1) % count];
        are_ordered(next, towards, previous, self.vertices[vertex])
    }

    /// How many arcs that do not end at `at` the line from the reference to it crosses.
    fn crossings_to(&self, at: DVec3) -> usize {
        let from = self.reference;
        let is_left = |vertex: DVec3| vertex != at && is_ccw(from, at, vertex);
        let mut crossings = 0;
        let mut was_left = is_left(self.vertices[0]);
        for (c, d) in self.arcs() {
            let c_is_left = std::mem::replace(&mut was_left, is_left(d));
            if c != at && d != at && c_is_left != was_left {
                crossings += usize::from(arcs_cross_if_apart(from, at, c, d, c_is_left));
            }
        }
        crossings
    }
}

/// Signed area of a triangle of unit vectors, steradians: positive anticlockwise.
fn triangle_sr(a: DVec3, b: DVec3, c: DVec3) -> f64 {
    // The triple product from differences keeps its digits where the triangle is small.
    let triple = a.dot((b - a).cross(c - a));
    let below = 1.0 + a.dot(b) + b.dot(c) + c.dot(a);
    2.0 * maths::atan2(triple, below)
}
