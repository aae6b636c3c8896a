//! The comparison as a page.

use super::{Cell, Comparison, figures};
use crate::report::html::plot::{Along, Fold, Line, Plot, Shape};
use crate::report::html::{charts, escaped, page, section};
use crate::report::{Curve, Second};

/// What is drawn over time.
type Drawn = (&'static str, &'static str, Fold, fn(&Second) -> Option<f64>);

const OVER_TIME: [Drawn; 4] = [
    ("Tick p99", "ms", Fold::Largest, |row| Some(row.tick_ms.p99)),
    ("CPU of the server", "ms per tick", Fold::Mean, |row| {
        (row.ticks > 0).then_some(row.cpu?.everything * 1_000.0 / row.ticks as f64)
    }),
    ("Bytes down per client", "bytes/s", Fold::Mean, |row| {
        (row.players > 0).then(|| row.traffic.down_bytes as f64 / row.took_s / row.players as f64)
    }),
    ("Staleness, p99", "ms", Fold::Largest, |row| {
        (row.bots.looks > 0).then_some(row.bots.stale_ms.p99)
    }),
];

impl Comparison {
    /// As a page: one file, as a run's report is.
    #[must_use]
    pub fn html(&self) -> String {
        let remarks: String = self
            .remarks()
            .iter()
            .map(|(heading, lines)| {
                let items: String = lines
                    .iter()
                    .map(|line| format!("<li>{}</li>", escaped(line)))
                    .collect();
                let class = if heading.starts_with("NOT") {
                    "failed"
                } else {
                    "void"
                };
                format!(
                    "<div class=\"verdict {class}\"><strong>{}</strong><ul>{items}</ul></div>\n",
                    escaped(heading)
                )
            })
            .collect();
        let names: Vec<&str> = self
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let title = format!("{} compared", names.join(", "));
        let first = &self.columns[0].runs[0];
        let under = format!(
            "{}, {} clients at {} Hz, on {}. A column of several runs has their median, and its first run's \
             plots; ratios are to the first column.",
            first.scene, first.clients, first.tick_hz, first.machine
        );
        let body = [
            format!(
                "<h1>{}</h1><p class=\"under\">{}</p>\n{remarks}",
                escaped(&title),
                escaped(&under)
            ),
            section("Figures", &self.table()),
            section("Over time", &self.over_time()),
            section("Distributions", &self.distributions()),
        ];
        page(&title, &body.concat())
    }

    fn table(&self) -> String {
        let heads: String = self
            .columns
            .iter()
            .map(|column| format!("<th class=\"n\">{}</th>", escaped(&column.name)))
            .collect();
        let mut text = format!("<div class=\"wide\"><table><tr><th></th>{heads}<th></th></tr>\n");
        for row in self.rows() {
            let best = row
                .figure
                .less_is_better
                .and_then(|less| best(&row.cells, less));
            let cells = row.cells.iter().map(|cell| {
                let told = cell.value.map_or("?".to_owned(), figures::short);
                let told = if cell.value.is_some() && cell.value == best {
                    format!("<b>{told}</b>")
                } else {
                    told
                };
                let ratio = cell.ratio.map_or(String::new(), |(value, first)| {
                    format!(" <small>x{:.2}</small>", value / first)
                });
                format!("<td class=\"n\">{told}{ratio}</td>")
            });
            let cells: String = cells.collect();
            text += &format!(
                "<tr class=\"best\"><td>{}</td>{cells}<td>{}</td></tr>\n",
                escaped(row.figure.name),
                row.figure.better()
            );
        }
        text + "</table></div>\n"
    }

    fn over_time(&self) -> String {
        let plots = OVER_TIME.map(|(title, unit, fold, of)| {
            let lines = self.columns.iter().enumerate().map(|(colour, column)| {
                let rows = &column.runs[0].series.0;
                Line::over_time(&column.name, colour, fold, rows, |row| (row.end_s, of(row)))
            });
            Plot {
                title: title.to_owned(),
                unit: unit.to_owned(),
                shape: Shape::Lines,
                along: Along::Seconds,
                lines: lines.collect(),
                mark: None,
            }
        });
        charts::grid(&plots)
    }

    /// Those that the first run has.
    fn distributions(&self) -> String {
        let first = &self.columns[0].runs[0].curves;
        let named = |name: &str| {
            let curves: Vec<(String, &Curve)> = self
                .columns
                .iter()
                .filter_map(|column| {
                    let curve = column.runs[0]
                        .curves
                        .iter()
                        .find(|curve| curve.name == name)?;
                    Some((column.name.clone(), curve))
                })
                .collect();
            charts::percentiles(name, &curves)
        };
        let plots: Vec<Plot> = first.iter().map(|curve| named(&curve.name)).collect();
        charts::grid(&plots)
    }
}

/// `None` if they are all the same.
fn best(cells: &[Cell], less: bool) -> Option<f64> {
    let known = || cells.iter().filter_map(|cell| cell.value);
    let (least, most) = (
        known().min_by(f64::total_cmp)?,
        known().max_by(f64::total_cmp)?,
    );
    let best = if less { least } else { most };
    (least < most).then_some(best)
}
