//! No queue without a bound: a sender that is never refused moves the problem to the moment when
//! memory is gone.

use super::Finding;
use super::source_text::{before_tests, calls};
use super::tree::Tree;

/// Constructors of queues that grow for ever.
const UNBOUNDED: &[&str] = &[
    "unbounded()",
    "unbounded::<",
    "unbounded_channel(",
    "mpsc::channel()",
];

/// Finds unbounded queues outside of tests.
pub fn bounds(tree: &Tree) -> Vec<Finding> {
    tree.texts(".rs")
        .filter(|(path, _)| path.contains("src/"))
        .flat_map(|(path, text)| {
            before_tests(text).enumerate().filter_map(move |(n, line)| {
                let name = UNBOUNDED.iter().find(|name| calls(line, name))?;
                Some(Finding::at(path, n + 1, format!("{name} has no bound")))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unbounded_queue_is_found_outside_of_tests_only() {
        let text = "let (tx, rx) = crossbeam_channel::unbounded();\nlet b = bounded(4);\n\
                    // unbounded() is not for us\n#[cfg(test)]\nmod tests {\n let x = unbounded();\n}\n";
        let found = bounds(&Tree::from([("net/src/lib.rs", text)]));
        assert_eq!(
            found.iter().map(|finding| finding.line).collect::<Vec<_>>(),
            [1]
        );
    }
}
