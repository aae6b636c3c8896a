//! `compare`: several runs beside each other. Runs of the same subject are one column, their median; the
//! first column is what the others are a ratio of. Runs that did not do the same work on the same machine,
//! and void ones, are not compared unless that is insisted on, and then it is said.

mod figures;
mod page;

use std::fmt::Write as _;

use anyhow::bail;

use crate::cli::CompareArgs;
use crate::report::{Report, Verdict};
use figures::{FIGURES, Figure};

/// Runs, columns of them, and what there is to say about their comparison.
#[derive(Debug)]
pub struct Comparison {
    columns: Vec<Column>,
    /// What differs between runs that should not, in words.
    unlike: Vec<String>,
    /// What differs and may.
    differs: Vec<String>,
}

/// Runs of one subject.
#[derive(Debug)]
struct Column {
    /// What tells it from the others.
    name: String,
    runs: Vec<Report>,
}

/// What a run can be told by.
struct Trait {
    name: &'static str,
    of: fn(&Report) -> String,
    kind: Kind,
}

/// What it means when it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The runs did different work, or did it elsewhere: no figure of one says anything about the other.
    Work,
    /// It is what is compared, perhaps.
    Subject,
    /// It matters a little.
    Detail,
}

const TRAITS: [Trait; 12] = [
    Trait {
        name: "machine",
        of: |run| run.machine.clone(),
        kind: Kind::Work,
    },
    Trait {
        name: "scene",
        of: |run| run.scene.clone(),
        kind: Kind::Work,
    },
    Trait {
        name: "clients",
        of: |run| run.clients.to_string(),
        kind: Kind::Work,
    },
    Trait {
        name: "ticks per second",
        of: |run| run.tick_hz.to_string(),
        kind: Kind::Work,
    },
    Trait {
        name: "line",
        of: |run| {
            run.line
                .as_ref()
                .map_or("none in between".into(), |line| line.quality.clone())
        },
        kind: Kind::Work,
    },
    Trait {
        name: "hostile bots",
        of: |run| {
            run.hostile
                .as_ref()
                .map_or(0, |hostile| hostile.bots)
                .to_string()
        },
        kind: Kind::Work,
    },
    Trait {
        name: "patch, m",
        of: |run| {
            run.cost
                .as_ref()
                .map_or("none".into(), |cost| format!("{:.0}", cost.patch_m))
        },
        kind: Kind::Work,
    },
    Trait {
        name: "server",
        of: |run| run.server_build.clone(),
        kind: Kind::Subject,
    },
    Trait {
        name: "zones",
        of: |run| run.zones.to_string(),
        kind: Kind::Subject,
    },
    Trait {
        name: "bench",
        of: |run| run.bench_build.clone(),
        kind: Kind::Detail,
    },
    Trait {
        name: "seeds",
        of: |run| format!("bots {}, world {}", run.seed, run.world_seed),
        kind: Kind::Detail,
    },
    Trait {
        name: "seconds",
        of: |run| format!("{:.0}", run.seconds),
        kind: Kind::Detail,
    },
];

impl Comparison {
    /// Of named runs.
    ///
    /// # Errors
    /// There are fewer than two; or they cannot be compared, and nobody insists.
    pub fn of(runs: Vec<(String, Report)>, anyway: bool) -> anyhow::Result<Self> {
        if runs.len() < 2 {
            bail!("there is nothing to compare one report with: give two or more");
        }
        let (mut unlike, mut differs) = (Vec::new(), Vec::new());
        for one in &TRAITS {
            let values: Vec<String> = runs.iter().map(|(_, run)| (one.of)(run)).collect();
            if values.iter().all(|value| *value == values[0]) {
                continue;
            }
            let told: Vec<String> = runs
                .iter()
                .zip(&values)
                .map(|((name, _), value)| format!("{value} ({name})"))
                .collect();
            let told = format!("{}: {}", one.name, told.join(", "));
            match one.kind {
                Kind::Work => unlike.push(told),
                Kind::Subject | Kind::Detail => differs.push(told),
            }
        }
        for (name, run) in &runs {
            match run.verdict {
                Verdict::Void => unlike.push(format!(
                    "{name} is void, its figures do not count: {}",
                    run.void.as_deref().unwrap_or("its bots could not keep up")
                )),
                Verdict::Failed => differs.push(format!(
                    "{name} has FAILED: {}",
                    run.problems.first().map_or("", String::as_str)
                )),
                Verdict::Passed => {}
            }
        }
        if !unlike.is_empty() && !anyway {
            bail!(
                "these runs cannot be compared:\n  {}\nRun them again alike, or compare them with --anyway.",
                unlike.join("\n  ")
            );
        }
        Ok(Self {
            columns: columns(runs),
            unlike,
            differs,
        })
    }

    /// For people.
    #[must_use]
    pub fn told(&self) -> String {
        let mut text = String::new();
        for (heading, lines) in self.remarks() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{heading}");
            for line in lines {
                let _ = writeln!(text, "  {line}");
            }
        }
        let names: Vec<&str> = self
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let width = names
            .iter()
            .map(|name| name.len())
            .max()
            .unwrap_or(0)
            .clamp(12, 40);
        let _ = write!(text, "{:<34}", "");
        names.iter().for_each(|name| {
            let _ = write!(text, " {name:>width$}");
        });
        let _ = writeln!(text);
        for row in self.rows() {
            let _ = write!(text, "{:<34}", row.figure.name);
            for cell in &row.cells {
                let _ = write!(text, " {:>width$}", cell.told());
            }
            let _ = writeln!(text, "  {}", row.figure.better());
        }
        text
    }

    /// Headings and lines that belong before the figures.
    fn remarks(&self) -> Vec<(&'static str, &[String])> {
        let all = [
            (
                "NOT COMPARABLE, compared all the same:",
                self.unlike.as_slice(),
            ),
            ("What differs:", self.differs.as_slice()),
        ];
        all.into_iter()
            .filter(|(_, lines)| !lines.is_empty())
            .collect()
    }

    /// What at least one column has.
    fn rows(&self) -> Vec<Row> {
        let row = |figure: &'static Figure| {
            let medians: Vec<Option<f64>> = self
                .columns
                .iter()
                .map(|column| median(column.runs.iter().filter_map(figure.of).collect()))
                .collect();
            let first = medians[0];
            let cells = medians.iter().enumerate().map(|(n, value)| Cell {
                value: *value,
                ratio: value.zip(first).filter(|(_, first)| n > 0 && *first != 0.0),
            });
            Row {
                figure,
                cells: cells.collect(),
            }
        };
        let rows = FIGURES.iter().map(row);
        rows.filter(|row| row.cells.iter().any(|cell| cell.value.is_some()))
            .collect()
    }
}

/// A figure of all columns.
struct Row {
    figure: &'static Figure,
    cells: Vec<Cell>,
}

/// A figure of a column.
struct Cell {
    value: Option<f64>,
    /// It, and the first column's.
    ratio: Option<(f64, f64)>,
}

impl Cell {
    fn told(&self) -> String {
        let Some(value) = self.value else {
            return "?".to_owned();
        };
        let value = figures::short(value);
        match self.ratio {
            Some((value_here, first)) => format!("{value} (x{:.2})", value_here / first),
            None => value,
        }
    }
}

/// Those alike in what is compared, together, in the order in which they came.
fn columns(runs: Vec<(String, Report)>) -> Vec<Column> {
    let subject = |run: &Report| {
        let traits = TRAITS.iter().filter(|one| one.kind != Kind::Detail);
        traits.map(|one| (one.of)(run)).collect::<Vec<_>>()
    };
    let mut columns: Vec<Column> = Vec::new();
    for (name, run) in runs {
        let known = columns
            .iter_mut()
            .find(|column| subject(&column.runs[0]) == subject(&run));
        match known {
            Some(column) => column.runs.push(run),
            None => columns.push(Column {
                name,
                runs: vec![run],
            }),
        }
    }
    // One subject alone: its runs beside each other would be compared, if anything.
    if columns.len() == 1 {
        let only = columns.remove(0);
        let name = only.name;
        return only
            .runs
            .into_iter()
            .enumerate()
            .map(|(n, run)| Column {
                name: if n == 0 {
                    name.clone()
                } else {
                    format!("again {n}")
                },
                runs: vec![run],
            })
            .collect();
    }
    for column in &mut columns {
        if column.runs.len() > 1 {
            column.name += &format!(" +{}", column.runs.len() - 1);
        }
    }
    columns
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// Reads the reports and compares them; the text, and the page.
///
/// # Errors
/// A report is none, or they cannot be compared.
pub fn run(args: &CompareArgs) -> anyhow::Result<(String, String)> {
    let mut runs = Vec::with_capacity(args.reports.len());
    for file in &args.reports {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        runs.push((name.into_owned(), Report::read(file)?));
    }
    let comparison = Comparison::of(runs, args.anyway)?;
    Ok((comparison.told(), comparison.html()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    fn named(name: &str, change: impl FnOnce(&mut Report)) -> (String, Report) {
        let mut report = example::report();
        change(&mut report);
        (name.to_owned(), report)
    }

    fn build(name: &str, build: &str, cpu_us: f64) -> (String, Report) {
        named(name, |run| {
            run.server_build = build.to_owned();
            run.server_cpu_us_per_client_tick = Some(cpu_us);
        })
    }

    #[test]
    fn builds_are_compared_by_the_medians_of_their_runs() {
        let runs = vec![
            build("old1", "a", 20.0),
            build("new", "b", 10.0),
            build("old2", "a", 90.0),
            build("old3", "a", 40.0),
        ];
        let comparison = Comparison::of(runs, false).unwrap();
        let names: Vec<_> = comparison
            .columns
            .iter()
            .map(|column| &column.name)
            .collect();
        assert_eq!(names, ["old1 +2", "new"]);
        let text = comparison.told();
        let line = text
            .lines()
            .find(|line| line.starts_with("CPU per client"))
            .unwrap();
        assert!(
            line.contains("40.0") && line.contains("10.0 (x0.25)"),
            "{line}"
        );
        assert!(
            text.contains("server: a (old1), b (new), a (old2), a (old3)"),
            "{text}"
        );
        let page = comparison.html();
        assert!(page.contains("x0.25") && page.contains("<svg") && !page.contains("http"));
    }

    #[test]
    fn runs_that_did_other_work_are_refused_by_what_differs_unless_one_insists() {
        let changes: [fn(&mut Report); 7] = [
            |run| run.machine = "Other".into(),
            |run| run.scene = "crowd".into(),
            |run| run.clients = 7,
            |run| run.tick_hz = 60,
            |run| run.line = Some(Default::default()),
            |run| {
                run.hostile = Some(crate::report::Hostility {
                    bots: 3,
                    ..Default::default()
                })
            },
            |run| {
                run.verdict = Verdict::Void;
                run.void = Some("too busy".into());
            },
        ];
        for change in changes {
            let runs = || vec![named("a", |_| {}), named("b", change)];
            let error = Comparison::of(runs(), false).unwrap_err().to_string();
            assert!(
                error.contains("cannot be compared") && error.contains("--anyway"),
                "{error}"
            );
            let told = Comparison::of(runs(), true).unwrap().told();
            assert!(told.contains("NOT COMPARABLE"), "{told}");
        }
        let one = Comparison::of(vec![named("a", |_| {})], false).unwrap_err();
        assert!(one.to_string().contains("two or more"));
    }

    #[test]
    fn other_seeds_and_a_failed_run_are_said_and_the_same_run_again_gets_its_own_column() {
        let other = named("b", |run| {
            run.seed = 2;
            run.verdict = Verdict::Failed;
            run.problems = vec!["tick time p99 in ms is 60".into()];
        });
        let comparison = Comparison::of(vec![named("a", |_| {}), other], false).unwrap();
        let told = comparison.told();
        assert!(
            told.contains("seeds: bots 1, world 1 (a), bots 2, world 1 (b)"),
            "{told}"
        );
        assert!(told.contains("b has FAILED: tick time"), "{told}");
        assert_eq!(comparison.columns.len(), 2);
    }

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
