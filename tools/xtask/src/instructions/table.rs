//! The table of counts: which compiler, and instructions per time that a case does its thing.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use toml::Value;

/// Counts by name.
pub struct Table {
    /// As in "rustc 1.95.0".
    pub compiler: String,
    counts: BTreeMap<String, f64>,
}

impl Table {
    /// Without counts.
    pub fn new(compiler: String) -> Self {
        Self {
            compiler,
            counts: BTreeMap::new(),
        }
    }

    /// Notes a count.
    pub fn set(&mut self, name: &str, count: f64) {
        self.counts.insert(name.to_owned(), count);
    }

    /// Reads what [`Table::to_text`] wrote.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn from_text(text: &str) -> Result<Self> {
        let table: toml::Table = text.parse().context("not TOML")?;
        let compiler = table.get("compiler").and_then(Value::as_str);
        let mut read = Self::new(compiler.context("`compiler` is missing")?.to_owned());
        let counts = table.get("counts").and_then(Value::as_table);
        for (name, count) in counts.context("`[counts]` is missing")? {
            let count = count.as_float().filter(|count| *count > 0.0);
            read.set(
                name,
                count.with_context(|| format!("{name:?} has no count like 12.3"))?,
            );
        }
        Ok(read)
    }

    /// TOML, with a word on how it was made.
    pub fn to_text(&self, command: &str) -> String {
        let mut text = format!(
            "# Instructions, optimised, per time; made by `{command}`.\n\
             compiler = \"{}\"\n\n[counts]\n",
            self.compiler
        );
        for (name, count) in &self.counts {
            text.push_str(&format!("\"{name}\" = {count:.1}\n"));
        }
        text
    }
}

/// One name in two tables.
pub struct Row<'a> {
    /// The case.
    pub name: &'a str,
    /// In the table, if it is there.
    pub expected: Option<f64>,
    /// Just counted, if it was.
    pub counted: Option<f64>,
}

impl Row<'_> {
    /// How much more is counted than expected, percent.
    pub fn change_percent(&self) -> Option<f64> {
        let (expected, counted) = (self.expected?, self.counted?);
        Some((counted / expected - 1.0) * 100.0)
    }

    /// Whether it is near enough. A case that this processor cannot do is; one that the table does
    /// not have is not.
    pub fn is_within(&self, percent: f64) -> bool {
        match self.change_percent() {
            Some(change) => change.abs() <= percent,
            None => self.counted.is_none(),
        }
    }
}

/// All names of both, in order.
pub fn rows<'a>(expected: &'a Table, counted: &'a Table) -> Vec<Row<'a>> {
    let mut names: Vec<&str> = expected.counts.keys().map(String::as_str).collect();
    let new = counted.counts.keys().map(String::as_str);
    names.extend(new.filter(|name| !expected.counts.contains_key(*name)));
    let row = |name| Row {
        name,
        expected: expected.counts.get(name).copied(),
        counted: counted.counts.get(name).copied(),
    };
    names.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_comes_back_from_its_text() {
        let mut table = Table::new("rustc 1.95.0".to_owned());
        table.set("grid near, AVX2", 3_759.0);
        table.set("cell at", 147.84);
        let read = Table::from_text(&table.to_text("this")).expect("our own text");
        assert_eq!(read.compiler, "rustc 1.95.0");
        assert_eq!(read.counts["cell at"], 147.8);
        assert_eq!(read.counts["grid near, AVX2"], 3_759.0);
    }

    #[test]
    fn a_wrong_table_is_refused_by_field() {
        for (text, named) in [
            ("[counts]", "compiler"),
            ("compiler = \"r\"", "counts"),
            ("compiler = \"r\"\n[counts]\n\"a\" = \"b\"", "\"a\""),
        ] {
            let error = Table::from_text(text).err().expect("it is wrong");
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[test]
    fn new_cases_and_missing_processors_are_told_apart() {
        let row = |expected, counted| Row {
            name: "a",
            expected,
            counted,
        };
        assert!(!row(None, Some(5.0)).is_within(3.0));
        assert!(row(Some(5.0), None).is_within(3.0));
        assert!(row(Some(100.0), Some(102.9)).is_within(3.0));
        assert!(!row(Some(100.0), Some(96.9)).is_within(3.0));
    }
}
