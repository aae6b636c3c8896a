//! Axes: where values lie, and at which of them there are lines.

use bluemarble_spatial::maths;

/// About so many lines at most.
const LINES_MAX: f64 = 5.0;

/// From values to places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// Evenly from 0 to this.
    Even(f64),
    /// By how little is above a share: half, a tenth, a hundredth ... down to one in this many.
    Tail(f64),
}

impl Scale {
    /// For values up to this; a little larger, so that it ends with a line.
    pub fn reaching(most: f64) -> Self {
        let most = if most.is_finite() && most > 0.0 {
            most
        } else {
            1.0
        };
        let step = step(most);
        Self::Even((most / step).ceil() * step)
    }

    /// Where a value lies, 0 to 1.
    pub fn place(self, value: f64) -> f64 {
        match self {
            Self::Even(most) => value / most,
            Self::Tail(count) => {
                let above = (1.0 - value).max(1.0 / count);
                (maths::ln(above) / maths::ln(1.0 / count)).clamp(0.0, 1.0)
            }
        }
    }

    /// Where there are lines, and what they are called.
    pub fn lines(self) -> Vec<(f64, String)> {
        match self {
            Self::Even(most) => {
                let step = step(most);
                let count = (most / step).round() as u32;
                let values = (0..=count).map(|n| f64::from(n) * step);
                values.map(|value| (value, number(value))).collect()
            }
            Self::Tail(count) => {
                let tails = [
                    (0.0, "0"),
                    (0.5, "50"),
                    (0.9, "90"),
                    (0.99, "99"),
                    (0.999, "99.9"),
                    (0.9999, "99.99"),
                    (0.99999, "99.999"),
                ];
                let reached = tails
                    .iter()
                    .filter(|(share, _)| (1.0 - share) * count > 0.999);
                reached
                    .map(|(share, name)| (*share, format!("{name} %")))
                    .collect()
            }
        }
    }
}

/// 1, 2 or 5 times a power of ten.
fn step(most: f64) -> f64 {
    let mut step = 1.0;
    while most / step > 10.0 {
        step *= 10.0;
    }
    while most / step <= 1.0 && step > 1e-9 {
        step /= 10.0;
    }
    let fine = [0.2, 0.5, 1.0, 2.0].map(|part| part * step);
    let enough = fine.into_iter().find(|step| most / step <= LINES_MAX);
    enough.unwrap_or(step)
}

/// As short as its size allows.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    let places = match size {
        _ if size >= 100.0 || size == 0.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 0.1 => 2,
        _ => 3,
    };
    let text = format!("{value:.places$}");
    let short = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    grouped(short)
}

/// Thousands apart.
fn grouped(text: &str) -> String {
    let whole = text.split('.').next().unwrap_or(text);
    let digits = whole.trim_start_matches('-').len();
    if digits <= 4 {
        return text.to_owned();
    }
    let first = whole.len() - digits;
    let mut out = String::with_capacity(text.len() + digits / 3);
    for (n, digit) in text.chars().enumerate() {
        let left = (first + digits).saturating_sub(n);
        if n > first && left > 0 && left.is_multiple_of(3) {
            // Narrow, and no place to break.
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_line_above_all_and_has_a_few() {
        for most in [
            1e-4, 0.02, 0.7, 1.0, 3.2, 9.9, 10.0, 47.0, 50.0, 12_345.0, 9e9,
        ] {
            let scale = Scale::reaching(most);
            let lines = scale.lines();
            assert!((3..=7).contains(&lines.len()), "{most}: {lines:?}");
            assert!(
                scale.place(most) <= 1.0 + 1e-9 && scale.place(most) > 0.6,
                "{most}"
            );
            let last = lines.last().unwrap().0;
            assert!((scale.place(last) - 1.0).abs() < 1e-9);
        }
        assert_eq!(Scale::reaching(f64::NAN), Scale::reaching(1.0));
    }

    #[test]
    fn the_tail_of_a_distribution_gets_as_much_room_as_its_body() {
        let scale = Scale::Tail(10_000.0);
        let places = [0.0, 0.9, 0.99, 0.999, 1.0].map(|share| scale.place(share));
        let evenly = places.iter().zip([0.0, 0.25, 0.5, 0.75, 1.0]);
        assert!(
            evenly.clone().all(|(is, due)| (is - due).abs() < 1e-9),
            "{places:?}"
        );
        assert_eq!(scale.lines().last().unwrap().1, "99.99 %");
        assert_eq!(Scale::Tail(3.0).lines().len(), 2);
    }

    #[test]
    fn numbers_are_short_and_large_ones_are_grouped() {
        let told = [
            0.0,
            0.0123,
            0.5,
            3.256,
            47.0,
            123.4,
            5_000.0,
            12_345.6,
            -98_765_432.0,
        ]
        .map(number);
        assert_eq!(
            told,
            [
                "0",
                "0.012",
                "0.5",
                "3.26",
                "47",
                "123",
                "5000",
                "12\u{202f}346",
                "-98\u{202f}765\u{202f}432"
            ]
        );
    }
}
