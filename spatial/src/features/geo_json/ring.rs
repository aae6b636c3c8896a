//! From a ring on the map to one on the ball: turned the right way, sewn where the antimeridian
//! cut it (RFC 7946 §3.1.9), its edges halved until they are great circles.

use super::BEND_RAD;
use super::plane::{MapPoint, bends, doubled_area, wrapped};
use crate::geo::Direction;
use crate::limits::{GEOJSON_HALVINGS_MAX, GEOJSON_POSITIONS_MAX};

/// What a ring is to its polygon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The polygon lies inside it: counterclockwise on the ball.
    Outer,
    /// The polygon lies around it: clockwise.
    Hole,
}

/// How many positions may still come.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    pub(super) const fn of_a_file() -> Self {
        Self(GEOJSON_POSITIONS_MAX)
    }

    pub(super) fn spend(&mut self, positions: usize) -> Result<(), String> {
        self.0 = self.0.checked_sub(positions).ok_or_else(|| {
            format!(
                "the file has more than {GEOJSON_POSITIONS_MAX} positions, long edges halved; \
                 simplify it or split it"
            )
        })?;
        Ok(())
    }
}

/// A line as great circles.
pub(super) fn line(points: &[MapPoint], budget: &mut Budget) -> Result<Vec<Direction>, String> {
    let mut line: Vec<Direction> = Vec::with_capacity(points.len());
    for (n, &point) in points.iter().enumerate() {
        if n > 0 {
            let last = points[n - 1];
            let here = point.unwrapped_beside(last);
            halve(last, here, GEOJSON_HALVINGS_MAX, &mut line, budget)?;
        }
        push(&mut line, point.direction());
    }
    Ok(line)
}

/// A closed ring (its last position repeats the first) as great circles, without the repetition.
pub(super) fn ring(
    points: &[MapPoint],
    role: Role,
    budget: &mut Budget,
) -> Result<Vec<Direction>, String> {
    if points.len() < 4 {
        return Err(format!(
            "a ring has 4 positions or more, the last repeating the first; this one has {}",
            points.len()
        ));
    }
    if points.first() != points.last() {
        return Err("the ring is not closed; repeat its first position at its end".to_owned());
    }
    let mut points = unwrapped(points);
    if is_clockwise(&points)? == (role == Role::Outer) {
        points.reverse();
    }
    points.pop();
    sew(&mut points);
    let mut ring = Vec::with_capacity(points.len());
    for (n, &point) in points.iter().enumerate() {
        push(&mut ring, point.direction());
        let next = points[(n + 1) % points.len()];
        halve(
            point,
            next.unwrapped_beside(point),
            GEOJSON_HALVINGS_MAX,
            &mut ring,
            budget,
        )?;
    }
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    if ring.len() < 3 {
        return Err(
            "the ring encloses nothing or the whole planet; give it three corners or more"
                .to_owned(),
        );
    }
    Ok(ring)
}

/// Whether a ring is the edge of the map.
pub(super) fn is_whole_map(points: &[MapPoint]) -> bool {
    let on_edge = |p: &MapPoint| p.lng_deg.abs() == 180.0 || p.is_pole();
    points.iter().all(on_edge) && doubled_area(points).abs() == 2.0 * 360.0 * 180.0
}

/// Cuts a ring in two that goes to another part of itself over a bridge and comes back the same
/// way, as a belt around the ball does when the antimeridian has cut it. `one` and `other` are
/// where it is at one place. Leaves one part and returns the other; `None` if there is no bridge.
pub(super) fn split_at_bridge(
    ring: &mut Vec<Direction>,
    one: usize,
    other: usize,
) -> Option<Vec<Direction>> {
    let count = ring.len();
    let at = |n: usize| ring[n % count];
    let (mut start, mut end) = (one, other);
    // To the bridge's far end: between start and end lies the other part.
    while start + 2 < end && at(start + 1) == at(end - 1) {
        start += 1;
        end -= 1;
    }
    // And to its near end, where the rest begins.
    let mut length = start - one;
    let (mut near, mut back) = (one, other);
    while back - near + 2 < count && at(near + count - 1) == at(back + 1) {
        // Counted so that nothing is below zero.
        if near == 0 {
            near += count;
            back += count;
        }
        near -= 1;
        back += 1;
        length += 1;
    }
    if length == 0 {
        return None;
    }
    let part: Vec<Direction> = (start..end).map(at).collect();
    let rest: Vec<Direction> = (back..near + count).map(at).collect();
    *ring = rest;
    Some(part)
}

/// With longitudes that go on past ±180 where the ring crosses the antimeridian uncut. A ring that
/// was cut stays as it is, but for corners along edges that go halfway round or all the way.
fn unwrapped(points: &[MapPoint]) -> Vec<MapPoint> {
    let mut unwrapped = Vec::with_capacity(points.len());
    let mut last = points[0];
    unwrapped.push(last);
    for pair in points.windows(2) {
        let across_deg = pair[1].lng_deg - pair[0].lng_deg;
        let along_a_pole = is_along_a_pole(pair[0], pair[1]);
        let wide = across_deg.abs() == 180.0 || across_deg.abs() == 360.0;
        let tall = pair[0].lat_deg - pair[1].lat_deg;
        let next = if along_a_pole || wide {
            MapPoint::new(last.lng_deg + across_deg, pair[1].lat_deg)
        } else {
            pair[1].unwrapped_beside(last)
        };
        if (wide || tall.abs() == 180.0) && !along_a_pole {
            unwrapped.extend([0.25, 0.5, 0.75].map(|share| last.towards(next, share)));
        }
        last = next;
        unwrapped.push(last);
    }
    unwrapped
}

/// Which way round an unwrapped ring runs, seen from above.
fn is_clockwise(points: &[MapPoint]) -> Result<bool, String> {
    let (first, last) = (points[0], points[points.len() - 1]);
    let eastward_deg = last.lng_deg - first.lng_deg;
    if eastward_deg.abs() > 180.0 {
        // Right round the ball, uncut: it encloses the pole it is nearer to.
        let lat_deg: f64 = points.iter().map(|p| p.lat_deg).sum();
        return Ok((lat_deg > 0.0) != (eastward_deg > 0.0));
    }
    let doubled = doubled_area(points);
    if doubled == 0.0 {
        return Err(
            "the ring encloses nothing, or crosses itself; give it three corners or more"
                .to_owned(),
        );
    }
    Ok(doubled < 0.0)
}

/// Undoes the cut: where a ring follows the antimeridian, perhaps over a pole and back down its
/// other side, only the way from the first to the last corner of that walk is an edge; if they are
/// one place there is none.
fn sew(points: &mut Vec<MapPoint>) {
    let is_seam = |from: MapPoint, to: MapPoint| {
        let on_seam = |p: MapPoint| wrapped(p.lng_deg) == 180.0;
        is_along_a_pole(from, to) || (on_seam(from) && on_seam(to))
    };
    let begins_a_walk = |n: usize| {
        let last = points[(n + points.len() - 1) % points.len()];
        !is_seam(last, points[n])
    };
    let Some(start) = (0..points.len()).find(|&n| begins_a_walk(n)) else {
        points.clear();
        return;
    };
    points.rotate_left(start);
    let mut sewn: Vec<MapPoint> = Vec::with_capacity(points.len());
    for walk in points.chunk_by(|&from, &to| is_seam(from, to)) {
        let (first, last) = (walk[0], walk[walk.len() - 1]);
        sewn.push(first);
        if first.direction() != last.direction() {
            let seam = |lat_deg: f64| MapPoint::new(180.0, lat_deg);
            let middle_deg = 0.5 * (first.lat_deg + last.lat_deg);
            sewn.extend([first.lat_deg, middle_deg, last.lat_deg].map(seam));
        }
        sewn.push(last);
    }
    *points = sewn;
}

fn is_along_a_pole(from: MapPoint, to: MapPoint) -> bool {
    from.is_pole() && from.lat_deg == to.lat_deg
}

/// Appends what lies between two places, without them, so that no piece bends.
fn halve(
    from: MapPoint,
    to: MapPoint,
    halvings: u32,
    line: &mut Vec<Direction>,
    budget: &mut Budget,
) -> Result<(), String> {
    if halvings == 0 || !bends(from, to, BEND_RAD) {
        return Ok(());
    }
    budget.spend(1)?;
    let middle = from.towards(to, 0.5);
    halve(from, middle, halvings - 1, line, budget)?;
    push(line, middle.direction());
    halve(middle, to, halvings - 1, line, budget)
}

/// A corner that repeats the one before it is none.
fn push(line: &mut Vec<Direction>, corner: Direction) {
    if line.last() != Some(&corner) {
        line.push(corner);
    }
}

#[cfg(test)]
mod tests {
    use super::super::cut;
    use super::super::plane::goes_round;
    use super::*;

    fn points(ring: &[(f64, f64)]) -> Vec<MapPoint> {
        ring.iter()
            .map(|&(lng, lat)| MapPoint::new(lng, lat))
            .collect()
    }

    fn read(points: &[MapPoint], role: Role) -> Result<Vec<Direction>, String> {
        ring(points, role, &mut Budget::of_a_file())
    }

    /// Whether a ring, once on the ball, is around the same places of the map as `holds` says.
    fn check(corners: &[(f64, f64)], holds: impl Fn(f64, f64) -> bool) {
        let mut corners = points(corners);
        for _ in 0..2 {
            corners.reverse();
            let ring = read(&corners, Role::Outer).unwrap();
            let pieces = cut::polygon(&[ring], BEND_RAD);
            for lng in -35..=35 {
                for lat in -17..=17 {
                    // Off the edges, which lie at whole degrees.
                    let (lng, lat) = (f64::from(lng) * 5.0 + 0.37, f64::from(lat) * 5.0 + 0.61);
                    let at = MapPoint::new(lng, lat);
                    let got = pieces.iter().any(|piece| {
                        goes_round(&piece.outer, at)
                            && !piece.holes.iter().any(|hole| goes_round(hole, at))
                    });
                    assert_eq!(got, holds(lng, lat), "{corners:?} at {lng} {lat}");
                }
            }
        }
    }

    #[test]
    fn edges_follow_the_map_and_not_the_great_circle() {
        let box_of = |w: f64, s: f64, e: f64, n: f64| [(w, s), (e, s), (e, n), (w, n), (w, s)];
        check(&box_of(-170.0, 40.0, 0.0, 60.0), |lng, lat| {
            lng < 0.0 && lng > -170.0 && lat > 40.0 && lat < 60.0
        });
        check(&box_of(0.0, -80.0, 90.0, 80.0), |lng, lat| {
            lng > 0.0 && lng < 90.0 && lat.abs() < 80.0
        });
        // Half the ball, over both poles and along the antimeridian.
        check(&box_of(0.0, -90.0, 180.0, 90.0), |lng, _| lng > 0.0);
        check(&box_of(-180.0, -90.0, 0.0, 90.0), |lng, _| lng < 0.0);
        check(
            &[
                (0.0, 0.0),
                (90.0, 0.0),
                (90.0, 90.0),
                (0.0, 90.0),
                (0.0, 0.0),
            ],
            |lng, lat| lng > 0.0 && lng < 90.0 && lat > 0.0,
        );
    }

    #[test]
    fn what_the_antimeridian_cut_is_sewn() {
        let cap = [
            (-180.0, 60.0),
            (180.0, 60.0),
            (180.0, 90.0),
            (-180.0, 90.0),
            (-180.0, 60.0),
        ];
        check(&cap, |_, lat| lat > 60.0);
        let foot = [
            (180.0, -90.0),
            (180.0, -70.0),
            (90.0, -60.0),
            (-90.0, -60.0),
            (-180.0, -70.0),
            (-180.0, -80.0),
            (-180.0, -90.0),
            (180.0, -90.0),
        ];
        check(&foot, |lng: f64, lat| {
            let over = if lng.abs() < 90.0 {
                0.0
            } else {
                (lng.abs() - 90.0) / 9.0
            };
            lat < -60.0 - over
        });
        let ring = read(&points(&cap), Role::Outer).unwrap();
        assert!(
            ring.iter().all(|corner| corner.unit().z < 0.9),
            "no corner at the pole"
        );
        // Uncut across, and uncut right round.
        check(
            &[
                (170.0, 0.0),
                (-170.0, 0.0),
                (-170.0, 20.0),
                (170.0, 20.0),
                (170.0, 0.0),
            ],
            |lng, lat| lng.abs() > 170.0 && lat > 0.0 && lat < 20.0,
        );
        check(
            &[(0.0, 70.0), (120.0, 70.0), (-120.0, 70.0), (0.0, 70.0)],
            |_, lat| lat > 70.0,
        );
        check(
            &[(0.0, -70.0), (120.0, -70.0), (-120.0, -70.0), (0.0, -70.0)],
            |_, lat| lat < -70.0,
        );
    }

    #[test]
    fn a_belt_around_the_ball_falls_into_its_two_sides() {
        let belt: Vec<(f64, f64)> = (-4..=4)
            .map(|n| (f64::from(n) * 45.0, 10.0))
            .chain((-4..=4).rev().map(|n| (f64::from(n) * 45.0, 20.0)))
            .chain([(-180.0, 10.0)])
            .collect();
        for turn in 0..3 {
            let mut south = read(&points(&belt), Role::Outer).unwrap();
            south.rotate_left(turn * 100);
            let mut met = None;
            for (n, corner) in south.iter().enumerate() {
                let before = south[..n].iter().position(|other| other == corner);
                met = met.or(before.map(|before| (before, n)));
            }
            let (one, other) = met.unwrap();
            let north = split_at_bridge(&mut south, one, other).unwrap();
            for (ring, lat) in [(&south, 10.0_f64), (&north, 20.0)] {
                let lat = if (ring[0].unit().z - crate::maths::sin(lat.to_radians())).abs() < 1e-3 {
                    lat
                } else {
                    30.0 - lat
                };
                let z = crate::maths::sin(lat.to_radians());
                assert!(ring.iter().all(|corner| (corner.unit().z - z).abs() < 1e-4));
            }
            let pieces = cut::polygon(&[south, north], BEND_RAD);
            let holds = |lng: f64, lat: f64| {
                pieces
                    .iter()
                    .any(|piece| goes_round(&piece.outer, MapPoint::new(lng, lat)))
            };
            assert!(
                holds(3.0, 15.0) && holds(179.0, 11.0) && !holds(3.0, 21.0) && !holds(3.0, 9.0)
            );
        }
    }

    #[test]
    fn a_hole_runs_the_other_way_round() {
        let corners = points(&[(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 0.0)]);
        let mut outer = read(&corners, Role::Outer).unwrap();
        let hole = read(&corners, Role::Hole).unwrap();
        outer.reverse();
        let start = hole.iter().position(|corner| *corner == outer[0]).unwrap();
        outer.rotate_right(start);
        assert_eq!(outer, hole);
    }

    #[test]
    fn rings_that_are_none_are_refused() {
        for (corners, says) in [
            (
                &[(0.0, 0.0), (1.0, 0.0), (0.0, 0.0)][..],
                "4 positions or more",
            ),
            (
                &[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)],
                "is not closed",
            ),
            (
                &[(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (0.0, 0.0)],
                "encloses nothing",
            ),
            (&[(5.0, 5.0); 4], "encloses nothing"),
            (
                &[
                    (-180.0, -90.0),
                    (180.0, -90.0),
                    (180.0, 90.0),
                    (-180.0, 90.0),
                    (-180.0, -90.0),
                ],
                "the whole planet",
            ),
        ] {
            let error = read(&points(corners), Role::Outer).unwrap_err();
            assert!(error.contains(says), "{corners:?}: {error}");
        }
        let mut poor = Budget(3);
        let error = line(&points(&[(0.0, 60.0), (50.0, 60.0)]), &mut poor).unwrap_err();
        assert!(error.contains("positions"), "{error}");
    }
}
