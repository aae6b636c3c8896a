//! Content that would break a rule is refused when it is loaded, in words its author can act on.

use crate::scene::{HERO, PLAIN, load, scenario};

fn refusal(kinds: &[(&str, &str)], camps: &str) -> String {
    let text = scenario(PLAIN, "hero", 1.0, camps);
    let mut all = vec![("hero", HERO)];
    all.extend_from_slice(kinds);
    load(&text, &all).expect_err("must be refused").to_string()
}

/// The shipped kind of this name, with one thing changed.
fn edited(name: &str, good: &str, bad: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("../assets/creatures/{name}.ron"));
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(good), "{name} has no {good}");
    text.replace(good, bad)
}

#[test]
fn impossible_shots_areas_and_items_are_refused() {
    let cases = [
        (
            "arrow",
            "speed_mps: 45.0",
            "speed_mps: 101.0",
            "pass 10 m in a tick",
        ),
        (
            "arrow",
            "speed_mps: 45.0",
            "speed_mps: 0.0",
            "role.speed_mps",
        ),
        ("arrow", "life_s: 1.5", "life_s: 60.0", "it flies 2700 m"),
        ("arrow", "life_s: 1.5", "life_s: inf", "role.life_s"),
        ("arrow", "(8, 14)", "(14, 8)", "(least, most)"),
        ("arrow", "radius_m: 0.1,", "", "radius_m is missing"),
        (
            "arrow",
            "radius_m: 0.1,",
            "radius_m: 0.1, sight_m: 3.0,",
            "has no sight_m",
        ),
        (
            "bolt",
            "blast_m: 3.0",
            "blast_m: 49.0",
            "interaction_radius_m",
        ),
        ("bolt", "blast_m: 3.0", "blast_m: -3.0", "role.blast_m"),
        ("bolt", "\"fire\"", "\"arrow\"", "only a Hazard can be left"),
        ("bolt", "\"fire\"", "\"flood\"", "flood.ron"),
        (
            "fire",
            "reach_m: 2.5",
            "reach_m: 60.0",
            "interaction_radius_m",
        ),
        ("fire", "every_s: 0.5", "every_s: 0.0", "role.every_s"),
        (
            "mage",
            "kind: \"bolt\"",
            "kind: \"raider\"",
            "only a Projectile can be shot",
        ),
        ("mage", "range_m: 30.0", "range_m: 90.0", "shot.range_m"),
        (
            "mage",
            "cooldown_s: 3.0",
            "cooldown_s: 0.0",
            "shot.cooldown_s",
        ),
        (
            "mage",
            "cooldown_s: 3.0",
            "cooldown_s: 0.1",
            "would fly at a time",
        ),
        ("mage", "    sight_m: 40.0,\n", "", "sight_m is missing"),
        ("mage", "coins: 10", "coins: 2000000", "coins"),
        ("mage", "eye_m: 1.7", "eye_m: 19.0", ""),
        ("chest", "coins: 25", "coins: 0", "an item needs at least 1"),
        ("amber", "count: 3", "count: 0", "things.count is 0"),
        ("amber", "asset: 1", "asset: 0", "number of coins"),
        ("amber", "asset: 1", "asset: 2", "one number, one name"),
        ("amber", "\"amber\"", "\"herbs\"", "one number, one name"),
        ("amber", "\"amber\"", "\"\"", "things.name"),
        ("amber", "things:", "coins: 2, things:", "not both"),
        ("chest", "    respawn_s: 20.0,\n", "", "respawn_s"),
        ("keg", "radius_m: 6.0", "radius_m: 66.0", "burst.radius_m"),
    ];
    let camps = r#"Camp(at: Square(0), kind: "mage", count: 1, spread_m: 0.0),
        Camp(at: Square(0), kind: "archer", count: 1, spread_m: 0.0),
        Camp(at: Square(0), kind: "keg", count: 1, spread_m: 0.0),
        Camp(at: Square(0), kind: "herbs", count: 1, spread_m: 0.0),
        Camp(at: Square(0), kind: "amber", count: 1, spread_m: 0.0),
        Camp(at: Square(0), kind: "chest", count: 1, spread_m: 0.0)"#;
    for (name, good, bad, says) in cases {
        let kind = edited(name, good, bad);
        if says.is_empty() {
            // Tall, but not too tall to be met.
            let text = scenario(PLAIN, "hero", 1.0, camps);
            load(&text, &[("hero", HERO), (name, &kind)]).unwrap();
            continue;
        }
        let message = refusal(&[(name, &kind)], camps);
        assert!(message.contains(says), "{name}, {bad}: {message}");
    }
}

#[test]
fn a_shot_that_could_not_look_as_far_as_the_tallest_creature_is_refused() {
    let camps = r#"Camp(at: Square(0), kind: "archer", count: 1, spread_m: 0.0)"#;
    let hero = HERO
        .replace("eye_m: 1.6", "eye_m: 19.0")
        .replace("sight_m: 30.0", "sight_m: 10.0");
    let archer = edited("archer", "range_m: 35.0", "range_m: 10.0")
        .replace("sight_m: 40.0", "sight_m: 10.0");
    let text = scenario(PLAIN, "hero", 1.0, camps)
        .replace("interaction_radius_m: 40.0", "interaction_radius_m: 20.0");
    let refused = load(&text, &[("hero", &hero), ("archer", &archer)]);
    let message = refused.expect_err("must be refused").to_string();
    assert!(
        message.contains("arrow.ron") && message.contains("tallest"),
        "{message}"
    );
}

#[test]
fn a_kind_is_refused_in_a_part_it_cannot_play() {
    let camp = |kind| format!(r#"Camp(at: Square(0), kind: "{kind}", count: 1, spread_m: 0.0)"#);
    for kind in ["arrow", "fire"] {
        let message = refusal(&[], &camp(kind));
        assert!(message.contains("a camp, but its role is"), "{message}");
    }
    let text = scenario(PLAIN, "chest", 1.0, "");
    let message = load(&text, &[]).err().unwrap().to_string();
    assert!(
        message.contains("the avatar, but its role is Item"),
        "{message}"
    );
}
