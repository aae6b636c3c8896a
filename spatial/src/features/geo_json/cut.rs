//! From great circles on the ball to straight edges on the map, which ends at the antimeridian
//! (RFC 7946 §3.1.9):
//!
//! ```text
//!   −180                    180      A ring that crosses the edge of the map falls into strokes
//!  90 +----------<-----------+       from edge to edge. Its polygon lies to their left, so a
//!     |      ______          |       piece of it is found by going on from the end of a stroke
//!     |-->--'      '--->-----|       counterclockwise round the map's edge to where the next one
//!     v                      ^       begins. Corners of the map are poles.
//! −90 +---------->-----------+
//! ```

use std::collections::BTreeSet;

use super::plane::{MapPoint, bends, doubled_area, goes_round};
use crate::geo::Direction;
use crate::limits::GEOJSON_POLE_HALVINGS_MAX;

/// A polygon on the map: closed rings (the last point repeats the first), the outer one
/// counterclockwise, the holes clockwise.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) outer: Vec<MapPoint>,
    pub(super) holes: Vec<Vec<MapPoint>>,
}

/// Nearer to the antimeridian than this a point is on it, degrees: what is written is rounded so.
const ON_SEAM_DEG: f64 = 1e-9;
/// Rings around less are slits left by cutting, square degrees.
const SLIT_DEG2: f64 = 1e-12;

/// A line in pieces that do not cross the edge of the map.
pub(super) fn line(line: &[Direction], bend_rad: f64) -> Vec<Vec<MapPoint>> {
    let mut points = Vec::new();
    for pair in line.windows(2) {
        straighten(pair[0], pair[1], bend_rad, &mut points);
    }
    if let Some(&last) = line.last() {
        points.push(MapPoint::of(last));
    }
    let mut strokes = strokes(&points);
    strokes.retain(|stroke| stroke.windows(2).any(|pair| pair[0] != pair[1]));
    strokes
}

/// A polygon in pieces that do not cross the edge of the map. Its rings have it on their left.
pub(super) fn polygon(rings: &[Vec<Direction>], bend_rad: f64) -> Vec<Piece> {
    let mut open: Vec<Vec<MapPoint>> = Vec::new();
    let mut closed: Vec<Vec<MapPoint>> = Vec::new();
    for ring in rings {
        let mut points = Vec::new();
        for (n, &corner) in ring.iter().enumerate() {
            straighten(corner, ring[(n + 1) % ring.len()], bend_rad, &mut points);
        }
        points.extend(points.first().copied());
        let mut strokes = strokes(&points);
        if strokes.len() == 1 {
            closed.append(&mut strokes);
        } else {
            // The first and the last are one: the ring begins somewhere in the middle of it.
            let first = strokes.swap_remove(0);
            if let Some(last) = strokes.first_mut() {
                last.extend(first.into_iter().skip(1));
            }
            open.append(&mut strokes);
        }
    }
    closed.append(&mut joined_round_the_edge(open));
    assembled(closed)
}

/// Appends the first of two corners and what must lie between them for no piece to bend.
fn straighten(from: Direction, to: Direction, bend_rad: f64, points: &mut Vec<MapPoint>) {
    let (start, end) = (MapPoint::of(from), MapPoint::of(to));
    // A pole has the longitude that it is reached or left with.
    let end_of_edge = if end.is_pole() {
        MapPoint::new(start.lng_deg, end.lat_deg)
    } else {
        end
    };
    let start = if start.is_pole() {
        MapPoint::new(end.lng_deg, start.lat_deg)
    } else {
        start
    };
    points.push(start);
    halve(
        (start, from),
        (end_of_edge, to),
        bend_rad,
        GEOJSON_POLE_HALVINGS_MAX,
        points,
    );
    if end.is_pole() {
        points.push(end_of_edge);
    }
}

fn halve(
    (start, from): (MapPoint, Direction),
    (end, to): (MapPoint, Direction),
    bend_rad: f64,
    halvings: u32,
    points: &mut Vec<MapPoint>,
) {
    if halvings == 0 || !bends(start, end.unwrapped_beside(start), bend_rad) {
        return;
    }
    // Antipodes have no middle; no polygon has such an edge.
    let Ok(middle) = Direction::new(from.unit() + to.unit()) else {
        return;
    };
    let point = MapPoint::of(middle);
    halve(
        (start, from),
        (point, middle),
        bend_rad,
        halvings - 1,
        points,
    );
    points.push(point);
    halve((point, middle), (end, to), bend_rad, halvings - 1, points);
}

/// Cuts a line where it leaps from one edge of the map to the other.
fn strokes(points: &[MapPoint]) -> Vec<Vec<MapPoint>> {
    let mut strokes = Vec::new();
    let mut stroke: Vec<MapPoint> = Vec::new();
    for &point in points {
        if let Some(&last) = stroke.last()
            && (point.lng_deg - last.lng_deg).abs() > 180.0
        {
            let lat_deg = crossing_lat_deg(last, point);
            let edge_deg = 180.0_f64.copysign(last.lng_deg);
            stroke.push(MapPoint::new(edge_deg, lat_deg));
            strokes.push(std::mem::replace(
                &mut stroke,
                vec![MapPoint::new(-edge_deg, lat_deg)],
            ));
        }
        stroke.push(point);
    }
    strokes.push(stroke);
    strokes
}

/// Where a short edge crosses the antimeridian.
fn crossing_lat_deg(from: MapPoint, to: MapPoint) -> f64 {
    let is_on_seam = |p: MapPoint| p.lng_deg.abs() >= 180.0 - ON_SEAM_DEG;
    if is_on_seam(from) {
        return from.lat_deg;
    }
    if is_on_seam(to) {
        return to.lat_deg;
    }
    let (a, b) = (from.direction().unit(), to.direction().unit());
    // Weighted so that what is across cancels.
    let crossing = a * b.y.abs() + b * a.y.abs();
    Direction::new(crossing).map_or(from.lat_deg, |there| MapPoint::of(there).lat_deg)
}

/// How far round the map's edge a point on its left or right side is, counterclockwise from the
/// lower right corner, degrees.
fn round_the_edge_deg(point: MapPoint) -> f64 {
    if point.lng_deg > 0.0 {
        point.lat_deg + 90.0
    } else {
        180.0 + 360.0 + (90.0 - point.lat_deg)
    }
}

/// Closed rings from strokes that begin and end at the left or right side of the map.
fn joined_round_the_edge(mut open: Vec<Vec<MapPoint>>) -> Vec<Vec<MapPoint>> {
    /// Once round the map's edge, degrees.
    const ROUND_DEG: f64 = 2.0 * (180.0 + 360.0);
    // Where each begins, in the order round the edge; looked up, as there may be very many.
    let mut starts: Vec<(f64, usize)> = open
        .iter()
        .enumerate()
        .map(|(n, stroke)| (round_the_edge_deg(stroke[0]), n))
        .collect();
    starts.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut free: BTreeSet<usize> = (0..starts.len()).collect();
    let mut rings = Vec::new();
    while let Some(&home) = free.last() {
        let mut ring: Vec<MapPoint> = Vec::new();
        let mut at = home;
        loop {
            ring.append(&mut open[starts[at].1]);
            let here_deg = ring.last().map_or(0.0, |&last| round_the_edge_deg(last));
            let ahead = starts.partition_point(|&(deg, _)| deg < here_deg);
            let next = free.range(ahead..).next().or_else(|| free.first());
            // Home is free until the ring is closed, and goes before others at the same place.
            let mut next = next.copied().unwrap_or(home);
            if starts[next].0 == starts[home].0 {
                next = home;
            }
            let ahead_deg = starts[next].0 - here_deg;
            let ahead_deg = if ahead_deg < 0.0 {
                ahead_deg + ROUND_DEG
            } else {
                ahead_deg
            };
            ring.extend(corners_between(here_deg, ahead_deg));
            free.remove(&next);
            if next == home {
                ring.push(ring[0]);
                break;
            }
            at = next;
        }
        rings.push(ring);
    }
    rings
}

/// The corners of the map passed on the way counterclockwise round its edge.
fn corners_between(from_deg: f64, ahead_deg: f64) -> impl Iterator<Item = MapPoint> {
    let corners = [
        (180.0, MapPoint::new(180.0, 90.0)),
        (540.0, MapPoint::new(-180.0, 90.0)),
        (720.0, MapPoint::new(-180.0, -90.0)),
        (1080.0, MapPoint::new(180.0, -90.0)),
    ];
    let twice = corners.map(|(deg, corner)| (deg + 1080.0, corner));
    let passed = corners.into_iter().chain(twice);
    passed
        .filter(move |&(deg, _)| deg > from_deg && deg < from_deg + ahead_deg)
        .map(|(_, corner)| corner)
}

/// Gives every hole to the ring around it.
fn assembled(mut rings: Vec<Vec<MapPoint>>) -> Vec<Piece> {
    rings.iter_mut().for_each(|ring| ring.dedup());
    let mut holes = Vec::new();
    let mut pieces = Vec::new();
    for ring in rings {
        let doubled = doubled_area(&ring);
        if doubled > 2.0 * SLIT_DEG2 {
            pieces.push(Piece {
                outer: ring,
                holes: Vec::new(),
            });
        } else if doubled < -2.0 * SLIT_DEG2 {
            holes.push(ring);
        }
    }
    // What is around holes alone is the rest of the map.
    if pieces.is_empty() && !holes.is_empty() {
        let corners = [
            (-180.0, -90.0),
            (180.0, -90.0),
            (180.0, 90.0),
            (-180.0, 90.0),
        ];
        let around = [0, 1, 2, 3, 0].map(|n: usize| MapPoint::new(corners[n].0, corners[n].1));
        pieces.push(Piece {
            outer: around.to_vec(),
            holes: Vec::new(),
        });
    }
    if let [only] = &mut pieces[..] {
        only.holes = holes;
        return pieces;
    }
    for hole in holes {
        let owner = pieces.iter_mut().find(|p| goes_round(&p.outer, hole[0]));
        if let Some(owner) = owner {
            owner.holes.push(hole);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::{mix64, unit};
    use glam::DVec3;

    fn draw_direction(n: u64) -> Direction {
        let c = |k: u64| unit(mix64(n * 3 + k)) - 0.5;
        Direction::new(DVec3::new(c(0), c(1), c(2))).unwrap()
    }

    /// A ring around a centre with it on the left.
    fn ring_around(centre: Direction, angle_rad: f64, corners: u32) -> Vec<Direction> {
        let up = centre.unit();
        let east = up.any_orthonormal_vector();
        let north = up.cross(east);
        let corner = |n: u32| {
            let turn = core::f64::consts::TAU * f64::from(n) / f64::from(corners);
            let (sin, cos) = crate::maths::sin_cos(turn);
            let (far, near) = crate::maths::sin_cos(angle_rad);
            Direction::new(up * near + (east * cos + north * sin) * far).unwrap()
        };
        (0..corners).map(corner).collect()
    }

    fn covers(pieces: &[Piece], at: Direction) -> bool {
        let at = MapPoint::of(at);
        let holds = |piece: &Piece| {
            goes_round(&piece.outer, at) && !piece.holes.iter().any(|hole| goes_round(hole, at))
        };
        pieces.iter().any(holds)
    }

    fn assert_valid(pieces: &[Piece]) {
        for piece in pieces {
            assert!(doubled_area(&piece.outer) > 0.0, "right-hand rule");
            assert!(piece.holes.iter().all(|hole| doubled_area(hole) < 0.0));
            for ring in std::iter::once(&piece.outer).chain(&piece.holes) {
                assert!(ring.len() >= 4 && ring.first() == ring.last());
                for point in ring {
                    assert!(point.lng_deg.abs() <= 180.0 && point.lat_deg.abs() <= 90.0);
                }
            }
        }
    }

    fn centres() -> impl Iterator<Item = Direction> {
        let special = [
            DVec3::Z,
            DVec3::NEG_Z,
            DVec3::X,
            DVec3::NEG_X,
            DVec3::ONE,
            DVec3::new(-1.0, 1e-9, 0.3),
            DVec3::new(-1.0, -1e-9, 0.3),
            DVec3::new(-1e-3, 0.0, 1.0),
        ];
        let special = special.map(|v| Direction::new(v).unwrap());
        special.into_iter().chain((0..60).map(draw_direction))
    }

    #[test]
    fn pieces_cover_what_the_polygon_covers_wherever_it_lies() {
        for (n, centre) in centres().enumerate() {
            let angle_rad = [0.05, 0.4, 1.3, 2.0, 3.0][n % 5];
            let corners = [3, 5, 48][n % 3];
            let ring = ring_around(centre, angle_rad, corners);
            let pieces = polygon(std::slice::from_ref(&ring), 1e-6);
            assert_valid(&pieces);
            for k in 0..300 {
                let at = draw_direction(1_000 + k);
                // Left of every edge, or of some: a regular polygon is convex, or its complement.
                let left = |m: usize| {
                    let next = ring[(m + 1) % ring.len()].unit();
                    ring[m].unit().cross(next).dot(at.unit())
                };
                let sides: Vec<f64> = (0..ring.len()).map(left).collect();
                let inside = if angle_rad < core::f64::consts::FRAC_PI_2 {
                    sides.iter().all(|&side| side > 0.0)
                } else {
                    sides.iter().any(|&side| side > 0.0)
                };
                if sides.iter().all(|side| side.abs() > 1e-5) {
                    assert_eq!(
                        covers(&pieces, at),
                        inside,
                        "{n}: {centre:?} {angle_rad} {at:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_ring_with_a_hole_keeps_it() {
        for (n, centre) in centres().enumerate() {
            let outer = ring_around(centre, 0.9, 40);
            let mut hole = ring_around(centre, 0.3, 40);
            hole.reverse();
            let pieces = polygon(&[outer, hole], 1e-6);
            assert_valid(&pieces);
            for k in 0..200 {
                let at = draw_direction(9_000 + k);
                let off = centre.unit().angle_between(at.unit());
                let inside = off > 0.3 && off < 0.9;
                if (off - 0.3).abs() > 0.02 && (off - 0.9).abs() > 0.02 {
                    assert_eq!(covers(&pieces, at), inside, "{n}: {centre:?} {at:?}");
                }
            }
        }
    }

    #[test]
    fn wedges_at_a_pole_are_whole() {
        let at = |lng: f64, lat: f64| MapPoint::new(lng, lat).direction();
        for (west, east) in [
            (-10.0, 10.0),
            (170.0, -170.0),
            (10.0, -10.0),
            (-170.0, 170.0),
            (180.0, 270.0),
        ] {
            // Corners along the parallel, eastward.
            let width = (east - west + 360.0) % 360.0;
            let mut ring: Vec<_> = (0..=40)
                .map(|n| at(west + width * f64::from(n) / 40.0, 60.0))
                .collect();
            ring.push(Direction::new(DVec3::Z).unwrap());
            for start in [0, 13, 41] {
                ring.rotate_left(start);
                let pieces = polygon(std::slice::from_ref(&ring), 1e-6);
                assert_valid(&pieces);
                for n in 0..72 {
                    let lng = f64::from(n) * 5.0 + 1.0;
                    let inside = (lng - west + 720.0) % 360.0 < width;
                    assert_eq!(
                        covers(&pieces, at(lng, 75.0)),
                        inside,
                        "{west} {east} {start} {lng}"
                    );
                    assert!(!covers(&pieces, at(lng, 55.0)));
                }
            }
        }
    }

    #[test]
    fn a_coast_that_crosses_the_antimeridian_very_often_is_cut_into_its_teeth() {
        let at = |lng: f64, lat: f64| MapPoint::new(lng, lat).direction();
        let teeth = 20_000;
        // Down the middle of the map's edge from side to side, and back in the east.
        let mut ring: Vec<_> = (0..2 * teeth)
            .map(|n| {
                let lat = 60.0 - 120.0 * f64::from(n) / f64::from(2 * teeth);
                at(if n % 2 == 0 { 179.9 } else { -179.9 }, lat)
            })
            .collect();
        ring.extend([at(-170.0, -61.0), at(-170.0, 61.0)]);
        let pieces = polygon(&[ring], 1e-6);
        assert_valid(&pieces);
        assert_eq!(pieces.len() as i32, teeth + 1);
        for lat in [-59.0, -0.3, 0.0, 33.0] {
            assert!(covers(&pieces, at(-175.0, lat)) && !covers(&pieces, at(175.0, lat)));
        }
    }

    #[test]
    fn a_line_across_the_antimeridian_is_cut_there() {
        let at = |lng: f64| MapPoint::new(lng, 0.0).direction();
        let pieces = line(&[at(170.0), at(-170.0), at(-160.0)], 1e-6);
        let lngs: Vec<Vec<f64>> = pieces
            .iter()
            .map(|piece| piece.iter().map(|p| p.lng_deg.round()).collect())
            .collect();
        assert_eq!(lngs, [vec![170.0, 180.0], vec![-180.0, -170.0, -160.0]]);
    }
}
