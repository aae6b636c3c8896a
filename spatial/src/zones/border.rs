//! Where zones meet: the edges between them, their lengths, the rings around a zone, and which
//! zones a disc reaches.
//!
//! A range of ids is a few large cells and, towards its ends, ever smaller ones. Each of these is
//! asked what lies beyond each of its edges; where that is more than one zone the edge is halved,
//! down to the level of the boundaries. Edges are arcs of great circles, so nothing is rounded
//! but the sums.

use glam::DVec3;

use crate::cells::{CellId, Level};
use crate::geo::Direction;
use crate::maths;

use super::zone_map::{ZoneId, ZoneMap};

/// A place this little beyond a disc counts as in it, radians: what computed distances may be
/// wrong by.
const ROUNDING_RAD: f64 = 4e-15;

/// Two zones that meet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Border {
    /// The zone of smaller number.
    pub a: ZoneId,
    /// The zone of greater number.
    pub b: ZoneId,
    /// How long they meet, metres on the planet's sphere.
    pub length_m: f64,
}

/// A piece of a zone's border: an arc with the zone on its left, seen from above.
#[derive(Clone, Copy)]
struct Edge {
    from: DVec3,
    to: DVec3,
    beyond: ZoneId,
}

impl Edge {
    fn angle_rad(&self) -> f64 {
        let (chord, other) = (
            (self.from - self.to).length(),
            (self.from + self.to).length(),
        );
        2.0 * maths::atan2(chord, other)
    }
}

impl ZoneMap {
    /// The zones of which some point lies within `radius_m` of a place, along the ground, in
    /// ascending order. Exact but for rounding (25 nm on Earth), which includes rather than
    /// excludes. A negative radius reaches nothing, and neither does NaN.
    #[must_use]
    pub fn zones_within(&self, at: Direction, radius_m: f64, planet_radius_m: f64) -> Vec<ZoneId> {
        let mut found = Vec::new();
        let angle_rad = radius_m / planet_radius_m;
        if angle_rad >= 0.0 {
            // Faces and children come in the order of the curve, so zones come in theirs.
            for face in 0..6 {
                self.reach(CellId::face_cell(face), at, angle_rad, &mut found);
            }
        }
        found
    }

    /// How long two zones meet, metres; 0 if they do not, also of a zone with itself and of one
    /// that does not exist. Zones that touch in a point meet for no length. The order of the two
    /// does not matter.
    #[must_use]
    pub fn border_m(&self, a: ZoneId, b: ZoneId, planet_radius_m: f64) -> f64 {
        let (a, b) = (a.min(b), a.max(b));
        if a == b || b as usize >= self.len() {
            return 0.0;
        }
        let meeting = self.edges(a).into_iter().filter(|edge| edge.beyond == b);
        planet_radius_m * meeting.map(|edge| edge.angle_rad()).sum::<f64>()
    }

    /// Every two zones that meet along some length, in ascending order.
    #[must_use]
    pub fn borders(&self, planet_radius_m: f64) -> Vec<Border> {
        let zones = 0..self.len() as ZoneId;
        zones
            .flat_map(|a| {
                let meeting = self.neighbours(a, planet_radius_m).into_iter();
                let later = meeting.filter(move |(b, _)| *b > a);
                later.map(move |(b, length_m)| Border { a, b, length_m })
            })
            .collect()
    }

    /// The zones that a zone meets, in ascending order, and how long, metres. A zone that does
    /// not exist meets none.
    #[must_use]
    pub fn neighbours(&self, zone: ZoneId, planet_radius_m: f64) -> Vec<(ZoneId, f64)> {
        let mut edges = self.edges(zone);
        // Stable: the lengths of one neighbour are always added up in the same order.
        edges.sort_by_key(|edge| edge.beyond);
        edges
            .chunk_by(|a, b| a.beyond == b.beyond)
            .map(|edges| {
                let angle_rad: f64 = edges.iter().map(Edge::angle_rad).sum();
                (edges[0].beyond, planet_radius_m * angle_rad)
            })
            .collect()
    }

    /// The rings around a zone: closed (the first place again at the end), along great circles
    /// from place to place, with the zone on the left seen from above. So the outer ring goes
    /// anticlockwise and rings around holes clockwise; on a sphere which is which is a matter of
    /// view, and the left side is what counts. Where a zone touches itself in a point its rings
    /// touch but do not cross. None if the zone is the whole sphere or does not exist.
    #[must_use]
    pub fn outline(&self, zone: ZoneId) -> Vec<Vec<Direction>> {
        let mut edges = self.edges(zone);
        // Corners are computed from the same numbers on all sides: equal places have equal bits.
        edges.sort_by_key(|edge| key(edge.from));
        let mut is_used = vec![false; edges.len()];
        let mut rings = Vec::new();
        for first in 0..edges.len() {
            if is_used[first] {
                continue;
            }
            let mut ring = vec![edges[first].from];
            let mut at = first;
            loop {
                is_used[at] = true;
                ring.push(edges[at].to);
                if key(edges[at].to) == key(edges[first].from) {
                    break;
                }
                match onward(&edges, &is_used, at) {
                    Some(next) => at = next,
                    // Never: as many edges end in a corner as begin there.
                    None => break,
                }
            }
            rings.push(ring.into_iter().map(Direction::of_unit).collect());
        }
        rings
    }

    /// The fewest cells that make up a zone, in the order of the curve; none if it does not exist.
    #[must_use]
    pub fn cells(&self, zone: ZoneId) -> Vec<CellId> {
        let mut cells = Vec::new();
        if zone as usize >= self.len() {
            return cells;
        }
        let (mut leaf, end) = self.span(zone as usize);
        while leaf < end {
            let fits = |level: &Level| {
                let cell = CellId(leaf).parent(*level);
                cell.range_min().0 == leaf && cell.range_max().0 < end
            };
            let level = Level::all().find(fits).unwrap_or(Level::MAX);
            let cell = CellId(leaf).parent(level);
            cells.push(cell);
            leaf = cell.range_max().0 + 2;
        }
        cells
    }

    /// First and last zone of a cell of any level.
    fn zones_of(&self, cell: CellId) -> (ZoneId, ZoneId) {
        (self.zone_of(cell), self.zone_of(cell.range_max()))
    }

    fn reach(&self, cell: CellId, at: Direction, angle_rad: f64, found: &mut Vec<ZoneId>) {
        let (first, last) = self.zones_of(cell);
        // One zone is found already if it is the last found: all come in order.
        if first == last && found.last() == Some(&first) {
            return;
        }
        if cell.distance_to(at) > angle_rad + ROUNDING_RAD {
            return;
        }
        if first == last {
            found.push(first);
            return;
        }
        for child in cell.children() {
            self.reach(child, at, angle_rad, found);
        }
    }

    /// The border of a zone, in pieces.
    fn edges(&self, zone: ZoneId) -> Vec<Edge> {
        let mut edges = Vec::new();
        for cell in self.cells(zone) {
            for side in 0..4 {
                self.look_beyond(zone, cell, side, &mut edges);
            }
        }
        edges
    }

    /// Adds what of one side of a cell of the zone is border.
    fn look_beyond(&self, zone: ZoneId, cell: CellId, side: usize, edges: &mut Vec<Edge>) {
        let (first, last) = self.zones_of(cell.edge_neighbours()[side]);
        if first == last {
            if first != zone {
                let corners = cell.vertices();
                edges.push(Edge {
                    from: corners[side],
                    to: corners[(side + 1) % 4],
                    beyond: first,
                });
            }
            return;
        }
        for child in cell.children() {
            if !cell.contains(child.edge_neighbours()[side]) {
                self.look_beyond(zone, child, side, edges);
            }
        }
    }
}

/// A place as a number to sort and compare by; both zeros are one.
fn key(place: DVec3) -> [u64; 3] {
    place.to_array().map(|k| (k + 0.0).to_bits())
}

/// The unused edge that goes on from the end of one. Where two pieces of a zone touch in a point
/// there are two, and the one further to the left stays with the piece.
fn onward(edges: &[Edge], is_used: &[bool], at: usize) -> Option<usize> {
    let here = edges[at].to;
    let begin = edges.partition_point(|edge| key(edge.from) < key(here));
    let along = here - edges[at].from;
    let left = |k: usize| {
        let onward = edges[k].to - here;
        maths::atan2(here.dot(along.cross(onward)), along.dot(onward))
    };
    (begin..edges.len())
        .take_while(|&k| key(edges[k].from) == key(here))
        .filter(|&k| !is_used[k])
        .max_by(|&a, &b| left(a).total_cmp(&left(b)))
}
