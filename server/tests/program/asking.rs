//! What the program answers to requests it cannot fulfil: exit status 2, the place of the mistake,
//! and what to do.

use std::path::Path;

use super::harness::{assets, refused, run};

fn said(output: &std::process::Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), text)
}

fn with_config(text: &str, args: &[&str]) -> (i32, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    std::fs::write(&file, text).unwrap();
    let data = dir.path().join("data");
    let answer = refused(
        &data,
        &[&["--config", file.to_str().unwrap()], args].concat(),
    );
    assert!(!data.exists(), "a refused request leaves nothing behind");
    answer
}

#[test]
fn an_unknown_config_field_is_named_with_its_line() {
    let (status, text) = with_config("[world]\nseed = 1\ntickhz = 20\n", &[]);
    assert_eq!(status, 2);
    assert!(
        text.contains("server.toml:3:") && text.contains("tickhz"),
        "{text}"
    );
    assert!(text.contains("what to do:"), "{text}");
}

#[test]
fn a_config_value_out_of_range_is_named_with_its_line_and_range() {
    let (status, text) = with_config("[world]\ntick_hz = 1000\n", &[]);
    assert_eq!(status, 2);
    assert!(
        text.contains("server.toml:2: world.tick_hz = 1000"),
        "{text}"
    );
    assert!(text.contains("10 to 120"), "{text}");
}

#[test]
fn text_that_is_not_toml_is_named_with_its_line() {
    let (status, text) = with_config("[world]\nseed = = 1\n", &[]);
    assert_eq!(status, 2);
    assert!(text.contains("server.toml:2:"), "{text}");
}

#[test]
fn a_missing_config_file_is_named() {
    let (status, text) = refused(Path::new("unused"), &["--config", "/nowhere/server.toml"]);
    assert_eq!(status, 2);
    assert!(text.contains("/nowhere/server.toml"), "{text}");
    assert!(!Path::new("unused").exists());
}

#[test]
fn a_bad_flag_is_refused_with_its_name() {
    for (args, expected) in [
        (&["serve", "--tick-hz", "7"][..], "--tick-hz"),
        (&["serve", "--zones", "many"], "--zones"),
        (&["serve", "--listen", "localhost"], "--listen"),
        (&["serve", "--admin", "0.0.0.0:9600"], "loopback"),
        (&["serve", "--database-url", "mysql://x"], "sqlite://"),
        (&["serve", "--world", "a/b"], "--world"),
        (&["serve", "--warp"], "--warp"),
        (&["levitate"], "levitate"),
        (&[], "Usage"),
    ] {
        let (status, text) = said(&run(args));
        assert_eq!(status, 2, "{args:?}: {text}");
        assert!(text.contains(expected), "{args:?}: {text}");
    }
}

#[test]
fn help_has_examples() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("Examples:") && text.contains("bluemarble-server ticket"),
        "{text}"
    );
    let output = run(&["serve", "--help"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for flag in [
        "--config",
        "--data-dir",
        "--database-url",
        "--listen",
        "--zones",
        "--tick-hz",
    ] {
        assert!(text.contains(flag), "{flag}: {text}");
    }
}

#[test]
fn an_unknown_scenario_is_answered_with_those_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let (status, text) = refused(dir.path(), &["--scenario", "atlantis"]);
    assert_eq!(status, 2, "{text}");
    assert!(
        text.contains("atlantis") && text.contains("lively, tiny"),
        "{text}"
    );
}

#[test]
fn an_assets_directory_without_scenarios_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = assets().join("planets");
    let output = run(&[
        "serve",
        "--data-dir",
        dir.path().to_str().unwrap(),
        "--admin",
        "127.0.0.1:0",
        "--assets",
        wrong.to_str().unwrap(),
    ]);
    let (status, text) = said(&output);
    assert_eq!(status, 2, "{text}");
    assert!(
        text.contains("planets") && text.contains("--assets"),
        "{text}"
    );
}

#[test]
fn the_printed_config_can_be_read_back() {
    let printed = run(&["config", "--zones", "6", "--seed", "42"]);
    assert!(printed.status.success());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("printed.toml");
    std::fs::write(&file, &printed.stdout).unwrap();
    let again = run(&["config", "--config", file.to_str().unwrap()]);
    assert_eq!(
        String::from_utf8_lossy(&again.stdout),
        String::from_utf8_lossy(&printed.stdout)
    );
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(
        text.contains("zones = 6") && text.contains("seed = 42"),
        "{text}"
    );
}

#[test]
fn a_ticket_is_printed_alone_and_a_bad_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let output = run(&["ticket", "--data-dir", data, "--character", "Ada"]);
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.trim().split('.').count(), 3, "{text}");
    for args in [["--character", ""], ["--character", "a\nb"]] {
        let (status, text) = said(&run(&[&["ticket", "--data-dir", data], &args[..]].concat()));
        assert_eq!(status, 2, "{text}");
        assert!(text.contains("--character"), "{text}");
    }
    let expired = run(&[
        "ticket",
        "--data-dir",
        data,
        "--character",
        "Ada",
        "--ttl",
        "0",
    ]);
    assert_eq!(expired.status.code(), Some(2));
    let no_key = run(&["ticket", "--character", "Ada", "--key", "/nowhere.pem"]);
    assert_eq!(no_key.status.code(), Some(2));
}
