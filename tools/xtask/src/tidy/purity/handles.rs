//! No component holds an `Entity`: that is a row number in one zone's ECS, and the entity it means
//! may be in another zone tomorrow.

use super::super::source_text::before_tests;
use super::Impurity;

const INSTEAD: &str = "a handle is this zone's row number: name others by `EntityId`";

/// Handles stored in whatever derives `Component`.
pub fn find(text: &str) -> Vec<Impurity> {
    let mut found = Vec::new();
    let mut place = Place::Outside;
    for (n, line) in before_tests(text).enumerate() {
        let code = line.split("//").next().unwrap_or_default().trim();
        if derives_component(code) {
            place = Place::Head;
        }
        if place == Place::Outside || code.starts_with('#') {
            continue;
        }
        if words(code).any(|word| word == "Entity") {
            found.push(Impurity {
                line: n + 1,
                name: "Entity in a component".to_owned(),
                instead: INSTEAD,
            });
        }
        if code.ends_with('{') {
            place = Place::Body;
        }
        let ends = line.starts_with('}') || (place == Place::Head && code.ends_with(';'));
        if ends || code.ends_with("{}") {
            place = Place::Outside;
        }
    }
    found
}

/// Where the line is, seen from a component.
#[derive(PartialEq)]
enum Place {
    Outside,
    /// After the derive, before the braces.
    Head,
    Body,
}

fn derives_component(code: &str) -> bool {
    code.starts_with("#[derive(") && words(code).any(|word| word == "Component")
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_in_a_component_is_found_and_one_in_a_system_is_not() {
        let lines = |text| {
            find(text)
                .iter()
                .map(|found| found.line)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            lines(
                "#[derive(Component, Debug)]\npub struct Prey(pub Entity);\nfn f(e: Entity) {}\n"
            ),
            [2]
        );
        assert_eq!(
            lines(
                "#[derive(Clone, Component)]\n#[require(X)]\nstruct Pack {\n    n: u8,\n    all: Vec<Entity>,\n}\nfn f(e: Entity) {}\n"
            ),
            [5]
        );
        assert_eq!(
            lines(
                "#[derive(Component)]\nstruct Prey(EntityId);\n#[derive(Resource)]\nstruct Roster {\n    by_id: Vec<Entity>,\n}\n"
            ),
            []
        );
    }
}
