//! An entity for people: every field of every component with its path and value.

use std::fmt::{Debug, Write};

use crate::entity::{DigestPart, EntityState};

/// The fields of one component, in order: path and value. Empty if the entity has no such component.
#[must_use]
pub fn fields(part: DigestPart, state: &EntityState) -> Vec<(String, String)> {
    let text = match part {
        DigestPart::Identity => pretty(&state.identity),
        DigestPart::Body => pretty(&state.body.0),
        DigestPart::Life => pretty(&state.life),
        DigestPart::Arms => pretty(&state.arms),
        DigestPart::Home => pretty(&state.home),
        DigestPart::Mind => state.mind.as_ref().map(pretty).unwrap_or_default(),
        DigestPart::Player => state.player.as_ref().map(pretty).unwrap_or_default(),
        DigestPart::Mail => pretty(&state.mail.0),
        // It follows from the ticks before, where it would have shown as a body.
        DigestPart::Past => String::new(),
        // Journeys are the world's memory: whoever is in it is no entity here.
        DigestPart::Travel | DigestPart::Outside | DigestPart::Absent => String::new(),
        // Of no entity.
        DigestPart::Coarse => String::new(),
        DigestPart::Purse => pretty(&state.purse),
        DigestPart::Flight => state.flight.as_ref().map(pretty).unwrap_or_default(),
        DigestPart::Hazard => state.hazard.as_ref().map(pretty).unwrap_or_default(),
        DigestPart::Dealings => {
            let player = state.player.as_ref();
            let dealings = player.map(|player| pretty(&player.dealings));
            dealings.unwrap_or_default()
        }
        DigestPart::Things => {
            let player = state.player.as_ref();
            let things = player.map(|player| pretty(&player.things));
            things.unwrap_or_default()
        }
    };
    flat(part.name(), &text)
}

/// All of an entity, a line per field.
#[must_use]
pub fn show_entity(state: &EntityState) -> String {
    let mut text = format!("entity {:016x}\n", state.identity.id.0);
    for part in DigestPart::ALL {
        for (path, value) in fields(part, state) {
            writeln!(text, "    {path} = {value}").expect("a string takes everything");
        }
    }
    text
}

fn pretty<T: Debug>(value: &T) -> String {
    format!("{value:#?}")
}

/// Rust's indented notation as paths and values. A number with a fraction is given with its bits, for
/// two that print alike may differ in one.
fn flat(root: &str, text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    // Names of what is open, each with how many unnamed things it has had.
    let mut open: Vec<(String, usize)> = Vec::new();
    for line in text.lines() {
        let line = line.trim().trim_end_matches(',');
        if matches!(line, "}" | ")" | "]") {
            open.pop();
            continue;
        }
        let (name, value) = match line.split_once(": ") {
            Some((name, value)) if is_name(name) => (format!(".{name}"), value),
            _ => match open.last_mut() {
                Some((_, unnamed)) => {
                    *unnamed += 1;
                    (format!("[{}]", *unnamed - 1), line)
                }
                None => (String::new(), line),
            },
        };
        if value.ends_with(['{', '(', '[']) {
            open.push((name, 0));
            continue;
        }
        let mut path = root.to_owned();
        path.extend(open.iter().map(|(name, _)| name.as_str()));
        path.push_str(&name);
        fields.push((path, with_bits(value)));
    }
    fields
}

fn is_name(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn with_bits(value: &str) -> String {
    match value.parse::<f64>() {
        Ok(x) if value.parse::<i128>().is_err() => format!("{value} ({:016x})", x.to_bits()),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_notation_becomes_paths() {
        let text = "Body {\n    pos: DVec3(\n        1.5,\n        -0.0,\n    ),\n    support: \
                    Ground,\n    quarry: Some(\n        7,\n    ),\n    name: \"a: b\",\n}";
        let told: Vec<String> = flat("Body", text)
            .into_iter()
            .map(|(path, value)| format!("{path}={value}"))
            .collect();
        assert_eq!(
            told,
            [
                "Body.pos[0]=1.5 (3ff8000000000000)",
                "Body.pos[1]=-0.0 (8000000000000000)",
                "Body.support=Ground",
                "Body.quarry[0]=7",
                "Body.name=\"a: b\"",
            ]
        );
        assert_eq!(flat("Mail", "[]"), [("Mail".to_owned(), "[]".to_owned())]);
    }
}
