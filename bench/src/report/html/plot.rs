//! Plots as inline SVG: lines or stacked areas over seconds, and distributions over percentiles. Colours come
//! from the page's style; what is under the pointer is told by titles, so no script is needed.

use std::fmt::Write as _;

use super::escaped;
use super::scale::{Scale, number};

/// Most points of a line over time; of more, so many in a row become one.
const POINTS_MAX: usize = 300;
/// The drawing's size, and what its axes leave free, in units of its own.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 54.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;
/// Colours there are.
pub(crate) const COLOURS: usize = 6;

/// What several seconds become when they are one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    /// For what is a middle or a rate.
    Mean,
    /// For what is the worst of its second.
    Largest,
}

/// One line, or one layer.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub name: String,
    pub colour: usize,
    /// Ascending by the first; holes are where nothing is known.
    pub points: Vec<(f64, Option<f64>)>,
}

impl Line {
    /// Over time, of a row each second.
    pub fn over_time<R>(
        name: &str,
        colour: usize,
        fold: Fold,
        rows: &[R],
        of: impl Fn(&R) -> (f64, Option<f64>),
    ) -> Self {
        let points: Vec<_> = rows.iter().map(of).collect();
        let each = points.len().div_ceil(POINTS_MAX).max(1);
        let one = |many: &[(f64, Option<f64>)]| {
            let known: Vec<f64> = many.iter().filter_map(|(_, value)| *value).collect();
            let value = match fold {
                Fold::Mean => known.iter().sum::<f64>() / known.len().max(1) as f64,
                Fold::Largest => known.iter().copied().fold(0.0, f64::max),
            };
            (many[many.len() - 1].0, (!known.is_empty()).then_some(value))
        };
        Self {
            name: name.to_owned(),
            colour,
            points: points.chunks(each).map(one).collect(),
        }
    }
}

/// How lines are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Each from the ground.
    Lines,
    /// On top of each other; all have the same points.
    Stack,
}

/// Along the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Along {
    /// Since the measurement began.
    Seconds,
    /// Of so many values.
    Percentiles(u64),
}

/// A plot.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub title: String,
    pub unit: String,
    pub shape: Shape,
    pub along: Along,
    pub lines: Vec<Line>,
    /// A bound that is worth seeing, if values come near it.
    pub mark: Option<(f64, &'static str)>,
}

impl Plot {
    /// As a figure; nothing if nothing is known.
    pub fn figure(&self) -> String {
        let mut known = self.lines.iter().flat_map(|line| &line.points);
        if !known.any(|(_, value)| value.is_some()) {
            return String::new();
        }
        let most = self.most();
        // A bound far away would press everything else to the ground.
        let mark = self.mark.filter(|(bound, _)| *bound < most * 4.0);
        let drawing = Drawing {
            plot: self,
            x: self.scale_along(),
            y: Scale::reaching(mark.map_or(most, |(bound, _)| most.max(bound))),
        };
        let mut text = format!(
            "<figure><figcaption>{} <small>{}</small></figcaption>{}<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             role=\"img\" aria-label=\"{}\">",
            escaped(&self.title),
            escaped(&self.unit),
            self.key(),
            escaped(&self.title)
        );
        drawing.axes(&mut text);
        match self.shape {
            Shape::Lines => drawing.lines(&mut text),
            Shape::Stack => drawing.layers(&mut text),
        }
        if let Some((bound, name)) = mark {
            drawing.mark(&mut text, bound, name);
        }
        drawing.titles(&mut text);
        text + "</svg></figure>\n"
    }

    fn most(&self) -> f64 {
        match self.shape {
            Shape::Lines => {
                let points = self.lines.iter().flat_map(|line| &line.points);
                points.filter_map(|(_, value)| *value).fold(0.0, f64::max)
            }
            Shape::Stack => self.sums().into_iter().fold(0.0, f64::max),
        }
    }

    fn sums(&self) -> Vec<f64> {
        let count = self.lines.iter().map(|line| line.points.len()).min();
        let sum = |n: usize| self.lines.iter().filter_map(|line| line.points[n].1).sum();
        (0..count.unwrap_or(0)).map(sum).collect()
    }

    fn scale_along(&self) -> Scale {
        let ends = self.lines.iter().filter_map(|line| line.points.last());
        match self.along {
            Along::Seconds => Scale::Even(ends.map(|(at, _)| *at).fold(1e-3, f64::max)),
            Along::Percentiles(count) => Scale::Tail((count as f64).max(2.0)),
        }
    }

    fn key(&self) -> String {
        let mut text = String::from("<div class=\"key\">");
        let form = if self.shape == Shape::Stack {
            " area"
        } else {
            ""
        };
        for line in &self.lines {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "<span><i class=\"f{}{form}\"></i>{}</span>",
                line.colour % COLOURS,
                escaped(&line.name)
            );
        }
        text + "</div>"
    }
}

struct Drawing<'a> {
    plot: &'a Plot,
    x: Scale,
    y: Scale,
}

impl Drawing<'_> {
    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)
    }

    fn axes(&self, text: &mut String) {
        let (right, ground) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, name) in self.y.lines() {
            let y = self.y(value);
            let _ = write!(
                text,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                LEFT - 6.0,
                y + 4.0
            );
        }
        let lines = match self.x {
            // It ends with the run, not with a line.
            Scale::Even(most) => {
                let lines = Scale::reaching(most).lines().into_iter();
                let within = lines.filter(|(at, _)| *at <= most * 1.001);
                within.map(|(at, name)| (at, name + " s")).collect()
            }
            Scale::Tail(_) => self.x.lines(),
        };
        for (value, name) in lines {
            let x = self.x(value);
            let anchor = match x {
                _ if x > right - 20.0 => "end",
                _ if x < LEFT + 10.0 => "start",
                _ => "middle",
            };
            let _ = write!(
                text,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{name}</text>",
                ground + 16.0
            );
        }
    }

    fn lines(&self, text: &mut String) {
        // The first on top: where the worst of a second is its p99, the p99 shows.
        for line in self.plot.lines.iter().rev() {
            let class = line.colour % COLOURS;
            let pieces = line.points.split(|(_, value)| value.is_none());
            for piece in pieces.filter(|piece| !piece.is_empty()) {
                let places: Vec<String> = piece
                    .iter()
                    .map(|(at, value)| self.place(*at, value.unwrap_or(0.0)))
                    .collect();
                let _ = match places.as_slice() {
                    [_] => write!(
                        text,
                        "<circle class=\"dot f{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.2\"/>",
                        self.x(piece[0].0),
                        self.y(piece[0].1.unwrap_or(0.0))
                    ),
                    many => write!(text, "<path class=\"k{class}\" d=\"M{}\"/>", many.join("L")),
                };
            }
        }
    }

    fn layers(&self, text: &mut String) {
        let mut below: Vec<(f64, f64)> = Vec::new();
        for line in &self.plot.lines {
            if below.is_empty() {
                below = line.points.iter().map(|(at, _)| (*at, 0.0)).collect();
            }
            let above: Vec<(f64, f64)> = below
                .iter()
                .zip(&line.points)
                .map(|((at, under), (_, value))| (*at, under + value.unwrap_or(0.0)))
                .collect();
            let edge = above.iter().chain(below.iter().rev());
            let places: Vec<String> = edge.map(|(at, value)| self.place(*at, *value)).collect();
            let _ = write!(
                text,
                "<path class=\"area f{}\" d=\"M{}Z\"/>",
                line.colour % COLOURS,
                places.join("L")
            );
            below = above;
        }
    }

    fn place(&self, at: f64, value: f64) -> String {
        format!("{:.1} {:.1}", self.x(at), self.y(value))
    }

    fn mark(&self, text: &mut String, bound: f64, name: &str) {
        let (y, right) = (self.y(bound), WIDTH - RIGHT);
        let _ = write!(
            text,
            "<line class=\"mark\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"mark-name\" x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            y - 4.0,
            escaped(name)
        );
    }

    /// Over each point a strip that tells its values.
    fn titles(&self, text: &mut String) {
        let Some(first) = self.plot.lines.iter().max_by_key(|line| line.points.len()) else {
            return;
        };
        let xs: Vec<f64> = first.points.iter().map(|(at, _)| self.x(*at)).collect();
        for (n, (at, _)) in first.points.iter().enumerate() {
            let from = if n == 0 {
                LEFT
            } else {
                (xs[n - 1] + xs[n]) / 2.0
            };
            let to = xs
                .get(n + 1)
                .map_or(xs[n] + 4.0, |next| (xs[n] + next) / 2.0);
            let mut told = match self.plot.along {
                Along::Seconds => format!("{at:.0} s"),
                Along::Percentiles(_) => format!("{} %", number(at * 100.0)),
            };
            for line in &self.plot.lines {
                if let Some((_, Some(value))) = line.points.get(n) {
                    let _ = write!(
                        told,
                        "\n{}: {} {}",
                        line.name,
                        number(*value),
                        self.plot.unit
                    );
                }
            }
            let (width, height) = ((to - from).max(0.5), HEIGHT - TOP - BOTTOM);
            let _ = write!(
                text,
                "<rect class=\"at\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{width:.1}\" \
                 height=\"{height}\"><title>{}</title></rect>",
                escaped(&told)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[(f64, Option<f64>)]) -> Line {
        Line {
            name: "a < b".into(),
            colour: 1,
            points: points.to_vec(),
        }
    }

    fn plot(shape: Shape, lines: Vec<Line>) -> Plot {
        Plot {
            title: "it".into(),
            unit: "ms".into(),
            shape,
            along: Along::Seconds,
            lines,
            mark: Some((50.0, "period")),
        }
    }

    #[test]
    fn a_line_breaks_where_nothing_is_known_and_a_lone_point_is_a_dot() {
        let points = [
            (1.0, Some(1.0)),
            (2.0, Some(2.0)),
            (3.0, None),
            (4.0, Some(3.0)),
        ];
        let text = plot(Shape::Lines, vec![line(&points)]).figure();
        assert_eq!(text.matches("<path").count(), 1);
        assert_eq!(text.matches("<circle").count(), 1);
        assert!(text.contains("a &lt; b") && !text.contains("a < b"));
        assert!(!text.contains("period"), "50 is far above 3");
        assert_eq!(plot(Shape::Lines, vec![line(&[(1.0, None)])]).figure(), "");
    }

    #[test]
    fn layers_lie_on_top_of_each_other_under_the_axis_end() {
        let layer = |value| line(&[(1.0, Some(value)), (2.0, Some(value))]);
        let stack = plot(Shape::Stack, vec![layer(30.0), layer(15.0)]);
        assert_eq!(stack.most(), 45.0);
        let text = stack.figure();
        assert_eq!(text.matches("<path class=\"area").count(), 2);
        assert!(text.contains("period"));
    }

    #[test]
    fn a_long_run_keeps_its_worst_second() {
        let rows: Vec<f64> = (0..10_000)
            .map(|n| if n == 4_321 { 99.0 } else { 1.0 })
            .collect();
        let line = |fold| Line::over_time("x", 0, fold, &rows, |row| (0.0, Some(*row)));
        let most = |fold| {
            line(fold)
                .points
                .iter()
                .filter_map(|p| p.1)
                .fold(0.0, f64::max)
        };
        assert!(line(Fold::Mean).points.len() <= POINTS_MAX);
        assert_eq!(most(Fold::Largest), 99.0);
        assert!(most(Fold::Mean) < 10.0);
    }
}
