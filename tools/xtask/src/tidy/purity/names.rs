//! Names that have no business in a simulation.

use super::super::source_text::{before_tests, calls};
use super::Impurity;

/// What to look for, and what to use instead. A name is found where it begins a word; one that ends
/// in a letter must end the word, too.
const FOREIGN: &[(&[&str], &str)] = &[
    (
        &["Instant", "SystemTime", "std::time::UNIX_EPOCH"],
        "time is an argument: take the tick, or `now` as a number",
    ),
    (&["std::env"], "settings are arguments"),
    (
        &["std::thread", "thread::spawn", "thread_local!"],
        "threads are the caller's, and none remembers anything",
    ),
    (&["tokio::"], "only drivers await"),
    (
        &[
            "getrandom",
            "rand::",
            "fastrand",
            "RandomState",
            "DefaultHasher",
        ],
        "random numbers and hashes are functions of (seed, entity, tick, purpose): `Draw::new`, or a \
         table with a fixed hasher",
    ),
    (
        &[
            "Changed<",
            "Added<",
            "Spawned",
            "RemovedComponents",
            "DetectChanges",
            "is_changed(",
            "is_added(",
            "last_changed(",
            "set_if_neq(",
            "resource_changed",
            "resource_exists_and_changed",
        ],
        "change detection remembers what happened in this zone: compare values that are state \
         (components of `EntityState`)",
    ),
    (
        &["Local<"],
        "a system remembers nothing: put it into a component of `EntityState`, or compute it anew",
    ),
    (
        &[
            "MessageReader<",
            "MessageWriter<",
            "Messages<",
            "EventReader<",
            "EventWriter<",
        ],
        "buffered messages outlive the tick within one zone: send an `Effect`",
    ),
    (
        &[
            "On<",
            "Trigger<",
            "Observer::new",
            "add_observer(",
            "observe(",
            "trigger(",
        ],
        "observers run in the order of what happened in this zone: write a system in a `TickSet`",
    ),
    (
        &[
            "ComponentHooks",
            "register_component_hooks",
            "on_add(",
            "on_insert(",
            "on_replace(",
            "on_remove(",
            "on_despawn(",
            "on_discard(",
            "on_add =",
            "on_insert =",
            "on_replace =",
            "on_remove =",
            "on_despawn =",
            "on_discard =",
        ],
        "hooks run at an arrival as at a birth: entities come and go through `roster` only",
    ),
    (
        &[
            "relationship(",
            "relationship_target(",
            "ChildOf",
            "Children",
        ],
        "relationships hold `Entity` handles, which are this zone's: name others by `EntityId`",
    ),
    (
        &["MultiThreadedExecutor", "MultiThreaded", "ComputeTaskPool"],
        "a zone is stepped by one thread: `SingleThreadedExecutor`; zones are stepped in parallel",
    ),
];

/// The names in a file, a finding for each line and group at most.
pub fn find(text: &str) -> Vec<Impurity> {
    let mut found = Vec::new();
    for (n, line) in before_tests(text).enumerate() {
        for (names, instead) in FOREIGN {
            if let Some(name) = names.iter().find(|name| says(line, name)) {
                found.push(Impurity {
                    line: n + 1,
                    name: (*name).to_owned(),
                    instead,
                });
            }
        }
    }
    found
}

/// Whether the line says exactly this name.
fn says(line: &str, name: &str) -> bool {
    if !name.ends_with(|c: char| c.is_alphanumeric()) {
        return calls(line, name);
    }
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(name).any(|(at, _)| {
        let goes_on =
            code[at + name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        !goes_on && calls(&code[..at + name.len()], name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_hidden_knowledge_is_found() {
        for bad in [
            "use std::time::{Duration, Instant};",
            "let now = SystemTime::now();",
            "let home = std::env::var(\"HOME\");",
            "std::thread::spawn(f);",
            "thread_local! { static X: u8 = 0; }",
            "let hasher = std::hash::RandomState::new();",
            "use std::collections::hash_map::DefaultHasher;",
            "let x: u64 = rand::random();",
            "fn moved(bodies: Query<&Body, Changed<Body>>) {}",
            "fn newcomers(bodies: Query<&Body, Added<Body>>) {}",
            "fn gone(mut gone: RemovedComponents<Body>) {}",
            "if body.is_changed() {",
            "fn seen(body: Mut<Body>) -> bool { body.is_added() }",
            "body.set_if_neq(Body::default());",
            "fn counting(mut n: Local<u32>) {}",
            "fn hear(mut said: MessageReader<Said>) {}",
            "app.add_observer(on_death);",
            "fn on_death(death: On<Death>) {}",
            "fn on_death(death: Trigger<Death>) {}",
            "world.trigger(Death);",
            "world.register_component_hooks::<Body>();",
            "#[component(on_add = remember)]",
            "#[relationship(relationship_target = Pack)]",
            "schedule.set_executor(MultiThreadedExecutor::new());",
        ] {
            assert_eq!(find(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        for fine in [
            "use std::time::Duration;",
            "let instantly = InstantNoodles;",
            "/// Like `Local<T>` in bevy, but state.",
            "fn on_grid(cell: CellId) {}",
            "let trigger_distance_m = 3.0;",
            "pub struct TouchedAdded { x: u8 }",
            "struct LocalFrame; impl LocalFrame { fn new() {} }",
            "use bevy_ecs::change_detection::{Res, ResMut};",
            "schedule.set_executor(SingleThreadedExecutor::new());",
            "let brand = operand::x;",
        ] {
            assert!(find(fine).is_empty(), "{fine}");
        }
    }
}
