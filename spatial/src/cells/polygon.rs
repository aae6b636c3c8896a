//! A country, a lake, a no-build zone: what a line of great-circle arcs goes around, less holes.

use std::f64::consts::PI;

use glam::DVec3;
use rstar::{AABB, PointDistance, RTree, RTreeObject};

use super::arc::{ROUNDING_RAD, angle};
use super::cap::Cap;
use super::cell_id::CellId;
use super::orientation::arcs_cross;
use super::polygon_check::{Pairs, check_arcs, check_holes, check_repetitions, check_vertices};
use super::region::{Region, Relation};
use super::ring::Ring;
use super::shape::CellShape;
use crate::geo::Direction;
use crate::limits::POLYGON_VERTICES_MAX;

/// A polygon on the sphere: an outer ring and holes.
///
/// Of the outer ring **the left side is inside**, walking along its vertices: anticlockwise seen
/// from above for what is smaller than half the planet, as in GeoJSON (RFC 7946, 3.1.6); the same
/// ring the other way around is everything else. Of data whose direction cannot be trusted,
/// [`Polygon::smaller_side`] takes the smaller side. A hole is the side of its ring that does not
/// have the outer ring, whichever way it goes. Rings close by themselves: the first vertex is not
/// repeated. Arcs are great circles, also where a map would draw a parallel.
///
/// Arcs are a millionth of a radian or more short of half a circle; of one as long as that, cells
/// up to 10⁻⁸ rad away are said to overlap it, where other arcs have 4·10⁻¹⁵.
///
/// A place exactly on an arc is on one of its sides, the same for every polygon with that arc:
/// of polygons that tile the sphere exactly one contains it. The same holds for vertices.
///
/// ```
/// use bluemarble_spatial::{LatLng, Polygon, Region};
///
/// let [rome, oslo, paris, lyon] = [(41.9, 12.5), (59.9, 10.7), (48.9, 2.4), (45.8, 4.8)]
///     .map(|(lat, lng)| LatLng::degrees(lat, lng).to_direction());
/// let triangle = Polygon::new(vec![rome, oslo, paris], vec![])?;
/// assert!(!triangle.contains(lyon) && triangle.area_sr() < 0.05);
/// # Ok::<(), bluemarble_spatial::BadPolygon>(())
/// ```
#[derive(Clone, Debug)]
pub struct Polygon {
    outer: Ring,
    holes: Vec<Ring>,
    /// All of its inside: far places are told at once.
    cap: Cap,
    arcs: RTree<Arc>,
}

/// Why rings make no polygon. Ring 0 is the outer one, 1 the first hole; vertices count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPolygon {
    /// Less than a triangle.
    #[error("ring {ring} has {vertices} vertices; it needs 3 or more (the first is not repeated)")]
    TooFewVertices {
        /// Which ring.
        ring: usize,
        /// How many it has.
        vertices: usize,
    },
    /// More than [`POLYGON_VERTICES_MAX`].
    #[error(
        "{vertices} vertices in all; at most {POLYGON_VERTICES_MAX} are taken: simplify it, or cut it into parts"
    )]
    TooManyVertices {
        /// How many there are in all rings.
        vertices: usize,
    },
    /// More than [`POLYGON_PAIRS_PER_VERTEX_MAX`](crate::limits::POLYGON_PAIRS_PER_VERTEX_MAX) arcs
    /// near each arc, on average.
    #[error(
        "too many of the lines between {vertices} vertices run too close to too many others to be checked: simplify it, or cut it into parts"
    )]
    TooEntangled {
        /// How many there are in all rings.
        vertices: usize,
    },
    /// Two vertices at one place.
    #[error(
        "vertex {vertex} of ring {ring} is at the same place as vertex {other_vertex} of ring {other_ring}: rings close by themselves and touch nowhere"
    )]
    RepeatedVertex {
        /// Which ring.
        ring: usize,
        /// Which vertex of it.
        vertex: usize,
        /// Ring of the earlier one.
        other_ring: usize,
        /// The earlier one.
        other_vertex: usize,
    },
    /// The arc from this vertex to the next is half a circle long.
    #[error(
        "vertex {vertex} of ring {ring} and the next are on opposite sides of the planet: put a vertex between them to say which way around"
    )]
    HalfCircle {
        /// Which ring.
        ring: usize,
        /// Where the arc begins.
        vertex: usize,
    },
    /// At this vertex the ring goes back on itself.
    #[error(
        "at vertex {vertex} of ring {ring} the line goes back the way it came: remove the spike"
    )]
    Spike {
        /// Which ring.
        ring: usize,
        /// The tip.
        vertex: usize,
    },
    /// Two arcs cross.
    #[error(
        "the line after vertex {vertex} of ring {ring} crosses the line after vertex {other_vertex} of ring {other_ring}"
    )]
    Crossing {
        /// Which ring.
        ring: usize,
        /// Where one arc begins.
        vertex: usize,
        /// Ring of the other.
        other_ring: usize,
        /// Where the other begins.
        other_vertex: usize,
    },
    /// A hole that is not inside the outer ring.
    #[error(
        "ring {ring}, a hole, is outside of the outer ring (or that goes the wrong way around: its left side is inside)"
    )]
    HoleOutside {
        /// Which ring.
        ring: usize,
    },
    /// A hole in a hole.
    #[error(
        "ring {ring}, a hole, is inside another hole, ring {other_ring}: make it a polygon of its own"
    )]
    HoleInHole {
        /// The inner.
        ring: usize,
        /// The outer.
        other_ring: usize,
    },
}

/// A ring's number, a vertex's number in it, and the arc from there to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Arc {
    pub(super) ring: usize,
    pub(super) vertex: usize,
    pub(super) from: DVec3,
    pub(super) to: DVec3,
    around: AABB<[f64; 3]>,
}

impl RTreeObject for Arc {
    type Envelope = AABB<[f64; 3]>;

    fn envelope(&self) -> Self::Envelope {
        self.around
    }
}

/// From where it begins: the box around a long arc is near to places that the arc is far from.
impl PointDistance for Arc {
    fn distance_2(&self, point: &[f64; 3]) -> f64 {
        self.from.distance_squared(DVec3::from_array(*point))
    }
}

impl Polygon {
    /// From an outer ring, whose left side is inside, and holes in it.
    ///
    /// # Errors
    /// [`BadPolygon`] names the ring and the vertex that make it none.
    pub fn new(outer: Vec<Direction>, holes: Vec<Vec<Direction>>) -> Result<Self, BadPolygon> {
        let rings: Vec<Vec<DVec3>> = std::iter::once(outer)
            .chain(holes)
            .map(|ring| ring.into_iter().map(Direction::unit).collect())
            .collect();
        check_vertices(&rings)?;
        check_repetitions(&rings)?;
        let slices: Vec<&[DVec3]> = rings.iter().map(Vec::as_slice).collect();
        let mut arcs = arcs_of(&slices);
        let mut pairs = Pairs::among(&rings);
        check_arcs(&rings, &arcs, &mut pairs)?;
        let mut rings = rings.into_iter().map(Ring::new);
        let Some(outer) = rings.next() else {
            return Err(BadPolygon::TooFewVertices {
                ring: 0,
                vertices: 0,
            });
        };
        let beyond = outer.vertices()[0];
        let mut is_turned = false;
        let holes: Vec<Ring> = rings
            .map(|hole| {
                if hole.contains(beyond) {
                    is_turned = true;
                    hole.reversed()
                } else {
                    hole
                }
            })
            .collect();
        if holes.is_empty() {
            return Ok(Self::of(outer, holes, arcs));
        }
        let full = Self::of(outer.clone(), Vec::new(), arcs_of(&[outer.vertices()]));
        check_holes(&full, &holes, &mut pairs)?;
        if is_turned {
            // Their vertices have other numbers now.
            let all = std::iter::once(&outer).chain(&holes);
            arcs = arcs_of(&all.map(Ring::vertices).collect::<Vec<_>>());
        }
        Ok(Self::of(outer, holes, arcs))
    }

    fn of(outer: Ring, holes: Vec<Ring>, arcs: RTree<Arc>) -> Self {
        Self {
            cap: outer.bounding_cap(),
            outer,
            holes,
            arcs,
        }
    }

    /// The same, but inside of the outer ring is its smaller side, whichever way it goes.
    ///
    /// # Errors
    /// [`BadPolygon`] as for [`Polygon::new`].
    pub fn smaller_side(
        mut outer: Vec<Direction>,
        holes: Vec<Vec<Direction>>,
    ) -> Result<Self, BadPolygon> {
        let alone = Self::new(outer.clone(), Vec::new())?;
        if alone.area_sr() > 2.0 * PI {
            outer.reverse();
        } else if holes.is_empty() {
            return Ok(alone);
        }
        Self::new(outer, holes)
    }

    /// Vertices of the outer ring, unit vectors, inside on the left.
    #[must_use]
    pub fn outer(&self) -> &[DVec3] {
        self.outer.vertices()
    }

    /// Vertices of each hole, the hole (not the polygon) on the left.
    pub fn holes(&self) -> impl ExactSizeIterator<Item = &[DVec3]> {
        self.holes.iter().map(Ring::vertices)
    }

    /// Its area on the unit sphere, steradians.
    #[must_use]
    pub fn area_sr(&self) -> f64 {
        self.outer.area_sr() - self.holes.iter().map(Ring::area_sr).sum::<f64>()
    }

    /// The angle in radians from a place to the nearest point of its border.
    #[must_use]
    pub fn border_distance_to(&self, at: Direction) -> f64 {
        let at = at.unit();
        let mut least = f64::INFINITY;
        for ring in std::iter::once(&self.outer).chain(&self.holes) {
            for (from, to) in ring.arcs() {
                let distance = super::arc::distance(at, from, to);
                if distance < least {
                    least = distance;
                }
            }
        }
        least
    }

    /// Goes from a vertex nearby to the place and counts the arcs crossed. Decided exactly, so it
    /// does not matter which vertex.
    pub(super) fn holds(&self, at: DVec3) -> bool {
        if angle(self.cap.centre(), at) > self.cap.angle_rad() {
            return false;
        }
        let point = at.to_array();
        let mut touched = self
            .arcs
            .locate_in_envelope_intersecting(AABB::from_point(point));
        if let Some(&Arc { ring, vertex, .. }) = touched.find(|arc| arc.from == at) {
            // A hole's inside is not ours.
            return self.ring(ring).contains_vertex(vertex) == (ring == 0);
        }
        let Some(&Arc {
            ring, vertex, from, ..
        }) = self.arcs.nearest_neighbor(point)
        else {
            return false; // Never: a ring has three arcs.
        };
        let sets_out_inside = self.ring(ring).is_in_angle(at, vertex) == (ring == 0);
        let reach = box_around(&[from, at], 0.5 * angle(from, at));
        let crossings = self
            .arcs
            .locate_in_envelope_intersecting(reach)
            .filter(|arc| arc.from != from && arc.to != from)
            .filter(|arc| arcs_cross(from, at, arc.from, arc.to))
            .count();
        sets_out_inside != (crossings % 2 == 1)
    }

    /// 0 is the outer one.
    fn ring(&self, number: usize) -> &Ring {
        match number.checked_sub(1) {
            Some(hole) => &self.holes[hole],
            None => &self.outer,
        }
    }
}

impl Region for Polygon {
    fn relation(&self, cell: CellId) -> Relation {
        let (shape, centre) = (CellShape::of(cell), cell.centre());
        let corners = shape.vertices();
        let mut widest = 0.0;
        for corner in corners {
            let to = angle(centre, corner);
            if to > widest {
                widest = to;
            }
        }
        let reach = box_around(&corners, widest);
        let crosses = self
            .arcs
            .locate_in_envelope_intersecting(reach)
            .any(|arc| shape.meets_arc(arc.from, arc.to));
        if crosses {
            Relation::Overlaps
        } else if self.holds(centre) {
            Relation::Inside
        } else {
            Relation::Outside
        }
    }

    fn contains(&self, at: Direction) -> bool {
        self.holds(at.unit())
    }

    fn bounding_cap(&self) -> Cap {
        self.cap
    }
}

fn arcs_of(rings: &[&[DVec3]]) -> RTree<Arc> {
    let mut arcs = Vec::new();
    for (ring, vertices) in rings.iter().enumerate() {
        for (vertex, &from) in vertices.iter().enumerate() {
            let to = vertices[(vertex + 1) % vertices.len()];
            arcs.push(Arc {
                ring,
                vertex,
                from,
                to,
                around: box_around(&[from, to], 0.5 * angle(from, to)),
            });
        }
    }
    RTree::bulk_load(arcs)
}

/// Least and greatest corner of a box around all places on the sphere between some that are
/// within an angle of some place: the sphere bulges above their plane by 1 − cos of it at most.
pub(super) fn box_around(places: &[DVec3], angle_rad: f64) -> AABB<[f64; 3]> {
    let half = crate::maths::sin(0.5 * angle_rad);
    let bulge = 2.0 * half * half + 2.0 * ROUNDING_RAD;
    let (mut low, mut high) = (places[0], places[0]);
    for &place in &places[1..] {
        low = low.min(place);
        high = high.max(place);
    }
    AABB::from_corners((low - bulge).to_array(), (high + bulge).to_array())
}
