//! Data that others made is committed with its notice.
//!
//! What we write ourselves (`.ron`, `.md`, `.toml`, …) needs none. Every other file below
//! `assets/` is named, with its file name, in a `NOTICE…`, `LICENSE…` or `README…` beside it or
//! above it.

use super::Finding;
use super::tree::{Tree, dir_of};

const ROOT: &str = "assets";

/// Endings of what we write by hand.
const OUR_OWN: &[&str] = &[".ron", ".md", ".toml", ".txt", ".json"];

const NOTICES: &[&str] = &["NOTICE", "LICENSE", "README"];

/// Finds third-party data without a notice.
pub fn notices(tree: &Tree) -> Vec<Finding> {
    tree.paths()
        .filter(|path| path.starts_with("assets/"))
        .filter(|path| !OUR_OWN.iter().any(|ending| path.ends_with(ending)))
        .filter(|path| !is_notice(path) && !has_notice(tree, path))
        .map(|path| Finding::in_file(path, "no notice beside or above it names this file"))
        .collect()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_notice(path: &str) -> bool {
    NOTICES
        .iter()
        .any(|prefix| file_name(path).starts_with(prefix))
}

fn has_notice(tree: &Tree, path: &str) -> bool {
    let mut dir = dir_of(path);
    while dir.starts_with(ROOT) {
        let named = tree
            .texts("")
            .filter(|(notice, _)| dir_of(notice) == dir && is_notice(notice))
            .any(|(_, text)| text.contains(file_name(path)));
        if named {
            return true;
        }
        dir = dir_of(dir);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_needs_a_notice_that_names_it() {
        let tree = Tree::from([
            ("assets/NOTICES.md", "`land.png`: MIT"),
            ("assets/planets/land.png", "…"),
            ("assets/planets/sea.png", "…"),
            ("assets/planets/earth.ron", "ours"),
            ("docs/drawing.png", "elsewhere"),
        ]);
        let found: Vec<String> = notices(&tree)
            .into_iter()
            .map(|finding| finding.path)
            .collect();
        assert_eq!(found, ["assets/planets/sea.png"]);
    }
}
