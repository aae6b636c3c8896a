//! Hash tables are for look-up: whoever iterates one depends on an order that nobody defined, and one
//! with the standard hasher has another order in every process.
//!
//! Text knows no types, so this follows names: whatever is declared as a hash table, in whatever
//! file, under a field's, a variable's, an alias's or a wrapper's name. (Clippy's
//! `iter_over_hash_type`, which every pure crate turns on, knows types but only `for` loops.)

use std::collections::BTreeSet;

use super::super::source_text::before_tests;
use super::Impurity;

const TABLES: [&str; 2] = ["HashMap", "HashSet"];

/// Methods that hand out the entries in the table's order.
const IN_TABLE_ORDER: [&str; 12] = [
    "iter",
    "iter_mut",
    "keys",
    "values",
    "values_mut",
    "into_iter",
    "into_keys",
    "into_values",
    "drain",
    "retain",
    "extract_if",
    "par_iter",
];

const UNORDERED: &str = "a hash table has no order: use a BTreeMap, or sort what is iterated and keep the table for look-up";
const UNSEEDED: &str =
    "the standard hasher is seeded by the system: name a fixed one, such as `IdHash`";

/// Names of aliases and wrappers of hash tables, beside the tables themselves.
pub fn table_types<'a>(texts: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut types: BTreeSet<String> = TABLES.map(str::to_owned).into();
    for line in texts.flat_map(before_tests).map(code_of) {
        if !TABLES.iter().any(|table| line.contains(table)) {
            continue;
        }
        let mut words = line.split_whitespace().skip_while(|w| w.starts_with("pub"));
        let (Some(keyword), Some(rest)) = (words.next(), words.next()) else {
            continue;
        };
        let wraps = keyword == "struct" && line.contains('(');
        if keyword == "type" || wraps {
            types.insert(first_word(rest).to_owned());
        }
    }
    types
}

/// Tables that are iterated, and tables with the standard hasher.
pub fn find(text: &str, types: &BTreeSet<String>) -> Vec<Impurity> {
    let lines = logical_lines(text);
    let mut tables = BTreeSet::new();
    for (_, line) in &lines {
        tables.extend(declared(line, types));
    }
    let tables: Vec<Table> = tables
        .into_iter()
        .map(|name| Table {
            only_field: lines.iter().any(|(_, line)| rebinds(line, &name, types)),
            name,
        })
        .collect();
    let mut found = Vec::new();
    for (n, line) in &lines {
        if let Some(name) = unseeded(line) {
            found.push(Impurity {
                line: *n,
                name,
                instead: UNSEEDED,
            });
        }
        if let Some(name) = iterated(line, &tables, types) {
            found.push(Impurity {
                line: *n,
                name,
                instead: UNORDERED,
            });
        }
    }
    found
}

/// A name that means a hash table.
struct Table {
    name: String,
    /// The file also has variables of this name that are something else: only `x.name` counts.
    only_field: bool,
}

impl Table {
    /// Whether the name means the table where `before` stands in front of it.
    fn is_meant_after(&self, before: &str) -> bool {
        !self.only_field || before.ends_with('.')
    }
}

/// Whether the line gives the name to something that is not visibly a table.
fn rebinds(line: &str, name: &str, types: &BTreeSet<String>) -> bool {
    let bound = ["let ", "if let ", "while let "]
        .iter()
        .find_map(|keyword| line.strip_prefix(keyword))
        .and_then(|rest| rest.split_once('='));
    bound.is_some_and(|(pattern, _)| {
        whole(pattern, name).next().is_some()
            && !types
                .iter()
                .any(|table| whole(line, table).next().is_some())
    })
}

fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or_default().trim()
}

/// Lines with the method chains that rustfmt broke joined again, numbered by their first.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (n, line) in before_tests(text).enumerate() {
        let code = code_of(line);
        match lines.last_mut() {
            Some((_, last)) if code.starts_with('.') => last.push_str(code),
            _ => lines.push((n + 1, code.to_owned())),
        }
    }
    lines
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn first_word(text: &str) -> &str {
    text.split(|c| !is_word(c)).next().unwrap_or_default()
}

fn last_word(text: &str) -> &str {
    text.rsplit(|c| !is_word(c)).next().unwrap_or_default()
}

/// Where each of these names stands as a whole word.
fn whole<'a>(line: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    line.match_indices(name)
        .map(|(at, _)| at)
        .filter(move |&at| {
            !line[..at].ends_with(is_word) && !line[at + name.len()..].starts_with(is_word)
        })
}

/// Names of fields, arguments and variables whose type or first value is a table.
fn declared(line: &str, types: &BTreeSet<String>) -> Vec<String> {
    let mut names = Vec::new();
    for name in types {
        for at in whole(line, name) {
            let mut before = line[..at].trim_end();
            // Through paths, references and whatever wraps the table: `&mut std::collections::`, `Res<`.
            loop {
                let shorter = before
                    .trim_end_matches("mut")
                    .trim_end_matches("::")
                    .trim_end_matches(['&', '<', ' ']);
                let inner = shorter.len() < before.len() && !shorter.ends_with([':', '=']);
                before = if inner {
                    shorter.trim_end_matches(is_word)
                } else {
                    shorter
                };
                if !inner {
                    break;
                }
            }
            let place = before.trim_end();
            let declares = place.strip_suffix(':').or_else(|| {
                let place = place.strip_suffix('=')?;
                line.starts_with("let ").then_some(place)
            });
            if let Some(place) = declares {
                let word = last_word(place.trim_end());
                if !word.is_empty() && word.starts_with(|c: char| c.is_lowercase() || c == '_') {
                    names.push(word.to_owned());
                }
            }
        }
    }
    names
}

/// A table on this line whose hasher is the standard one.
fn unseeded(line: &str) -> Option<String> {
    for (table, arguments) in [("HashMap", 2), ("HashSet", 1)] {
        for at in whole(line, table) {
            let rest = &line[at + table.len()..];
            let standard = ["::new()", "::with_capacity(", "::from("]
                .iter()
                .any(|make| rest.starts_with(make));
            let open = rest.strip_prefix("::").unwrap_or(rest).strip_prefix('<');
            if standard || open.and_then(arguments_in) == Some(arguments) {
                return Some(format!("{table} without a hasher"));
            }
        }
    }
    None
}

/// How many arguments stand before the closing `>`; `None` if it is not on this line.
fn arguments_in(text: &str) -> Option<usize> {
    let (mut depth, mut commas, mut last) = (0, 0, ' ');
    for c in text.chars() {
        match c {
            '>' if depth == 0 => return Some(commas + 1),
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' if last != '-' => depth -= 1,
            ',' if depth == 0 => commas += 1,
            _ => {}
        }
        last = c;
    }
    None
}

/// The first iteration over one of these tables, as it is written.
fn iterated(line: &str, tables: &[Table], types: &BTreeSet<String>) -> Option<String> {
    let looped = line
        .strip_prefix("for ")
        .and_then(|rest| rest.split_once(" in "))
        .map(|(_, what)| what.trim_end_matches('{').trim().trim_end_matches(".0"));
    if let Some(what) = looped {
        let name = last_word(what);
        let before = &what[..what.len() - name.len()];
        let meant = |table: &&Table| table.name == name && table.is_meant_after(before);
        if tables.iter().any(|table| meant(&table)) {
            return Some(format!("for … in {name}"));
        }
    }
    let variables = tables.iter().flat_map(|table| {
        whole(line, &table.name)
            .filter(|&at| table.is_meant_after(&line[..at]))
            .map(|at| (at, &table.name))
    });
    let wrappers = types
        .iter()
        .flat_map(|name| whole(line, name).map(move |at| (at, name)));
    for (at, name) in variables.chain(wrappers) {
        let rest = &line[at + name.len()..];
        let rest = rest.strip_prefix(">()").unwrap_or(rest);
        let rest = rest.strip_prefix(".0").unwrap_or(rest);
        let Some(call) = rest.strip_prefix('.') else {
            continue;
        };
        let method = first_word(call);
        if IN_TABLE_ORDER.contains(&method) && call[method.len()..].starts_with('(') {
            return Some(format!("{name}.{method}()"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let types = table_types(std::iter::once(text));
        find(text, &types).iter().map(|found| found.line).collect()
    }

    #[test]
    fn every_way_to_iterate_a_table_is_found() {
        for (declared, iterated) in [
            (
                "by_id: HashMap<u8, u8, IdHash>,",
                "for (k, v) in &self.by_id {",
            ),
            ("by_id: HashMap<u8, u8, IdHash>,", "for v in by_id {"),
            ("by_id: &mut HashMap<u8, u8, IdHash>,", "by_id.drain()"),
            (
                "by_id: std::collections::HashMap<u8, u8, IdHash>,",
                "self.by_id.values_mut()",
            ),
            (
                "type Directory = HashMap<u8, u8, IdHash>;\nfn f(directory: &Directory) {",
                "directory.keys()",
            ),
            (
                "struct Roster(pub HashMap<u8, u8, IdHash>);\nfn f(roster: Res<Roster>) {",
                "roster.0.iter()",
            ),
            (
                "struct Roster(pub HashMap<u8, u8, IdHash>);",
                "world.resource::<Roster>().0.into_iter()",
            ),
            (
                "let mut seen = HashSet::default();",
                "seen.retain(|x| f(x));",
            ),
            ("let seen: HashSet<u8, IdHash> = x;", "self\n.seen\n.iter()"),
        ] {
            let text = format!("{declared}\n{iterated}\n");
            let expected = text.lines().count() - iterated.matches('\n').count();
            assert_eq!(lines(&text), [expected], "{text}");
        }
    }

    #[test]
    fn a_table_with_the_standard_hasher_is_found() {
        for bad in [
            "by_id: HashMap<CellId, Vec<(u8, u8)>>,",
            "let seen = HashSet::<u8>::default();",
            "let seen = HashSet::new();",
            "let by_id = std::collections::HashMap::with_capacity(3);",
        ] {
            assert_eq!(lines(bad), [1], "{bad}");
        }
    }

    #[test]
    fn looking_up_counting_and_other_containers_are_left_alone() {
        let fine = "known: HashMap<CellId, Arc<[CellId]>, CellHash>,\nrows: BTreeMap<u8, u8>,\n\
                    let x = self.known.get(&cell);\nself.known.entry(cell).or_default();\n\
                    known.insert(1, 2);\nlet n = known.len();\nfor row in &rows {\n}\nrows.iter();\n\
                    let known_cells = 3;\nfor x in known_cells.iter() {\n}\n";
        assert_eq!(lines(fine), []);
        let shadowed = "slices: HashMap<u8, u8, IdHash>,\nlet Some(slices) = self.slices.get(&cell) else {\n\
                        };\nfor slice in slices {\n}\nfor all in &self.slices {\n}\n";
        assert_eq!(lines(shadowed), [6]);
        assert_eq!(lines("//! a HashMap<u8, u8> is not for us\n"), []);
    }
}
