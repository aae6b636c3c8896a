//! `bluemarble invariance` and the recordings that scripted avatars walk after, as a designer runs them.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program in the repository's root.
fn bluemarble(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bluemarble"))
        .args(args)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .output()
        .unwrap()
}

/// Its exit status, and everything it said.
fn said(args: &[&str]) -> (i32, String) {
    let output = bluemarble(args);
    let mut text = String::from_utf8(output.stdout).unwrap();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

const SHORT: [&str; 6] = [
    "invariance",
    "shuttlers",
    "--ticks",
    "40",
    "--quiet",
    "--threads",
];

#[test]
fn every_cut_on_every_number_of_threads_has_its_row() {
    let mut args = SHORT.to_vec();
    args.extend(["1,2", "--zones", "6,24", "--random", "1", "--restless", "1"]);
    let (code, text) = said(&args);
    assert_eq!(code, 0, "{text}");
    for row in [
        "reference",
        "6 zones",
        "24 zones",
        "random cut 7000",
        "restless cut 7000",
    ] {
        assert!(text.contains(row), "{text}");
    }
    let same = text.lines().filter(|line| line.ends_with("  same"));
    assert_eq!(same.count(), 8, "{text}");
    assert!(text.ends_with("all the same\n"), "{text}");
}

#[test]
fn a_digest_that_is_not_the_golden_one_is_named_and_the_status_is_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("digests.txt");
    let path = file.to_str().unwrap();
    fs::write(&file, "bottleneck 1000 0000000000000001\n").unwrap();
    let args = [
        "invariance",
        "bottleneck",
        "--ticks",
        "1000",
        "--quiet",
        "--alone",
        "--goldens",
        path,
    ];
    let (code, text) = said(&args);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("bottleneck: tick 1000 has digest"), "{text}");
    let mut bless = args.to_vec();
    bless.push("--bless");
    assert_eq!(said(&bless).0, 0);
    assert_eq!(said(&args).0, 0);
}

#[test]
fn a_recording_comes_from_the_file_one_names() {
    let folder = tempfile::tempdir().unwrap();
    let digest = |walk: &str| {
        let file = folder.path().join("walk.txt");
        fs::write(&file, walk).unwrap();
        let path = file.to_str().unwrap();
        said(&[
            "sim",
            "crowd-recorded",
            "--ticks",
            "60",
            "--quiet",
            "--trajectories",
            path,
        ])
    };
    let walk = "# framerate: 25 fps\n1 0 1.0 2.0 1.7\n1 50 0.0 0.0 1.7\n2 0 -1.0 2.0 1.7\n";
    let (code, one) = digest(walk);
    assert_eq!(code, 0, "{one}");
    let (_, other) = digest(&walk.replace("0.0 0.0", "0.5 0.0"));
    assert_ne!(one.lines().last(), other.lines().last());
    let (code, text) = digest("1 0 1.0 2.0 1.7\n");
    assert_eq!(code, 2);
    assert!(
        text.contains("walk.txt") && text.contains("framerate"),
        "{text}"
    );
}

#[test]
fn a_recording_that_is_not_there_is_answered_with_what_it_must_be() {
    let args = [
        "sim",
        "crowd-recorded",
        "--quiet",
        "--trajectories",
        "/nowhere/crowd.txt",
    ];
    let (code, text) = said(&args);
    assert_eq!(code, 2);
    assert!(
        text.contains("/nowhere/crowd.txt") && text.contains("id frame x y z"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_compared_is_refused() {
    for (bad, says) in [
        (["--zones", "0"], "--zones 0"),
        (["--threads", "0"], "--threads"),
        (["--ticks", "0"], "--ticks"),
    ] {
        let mut args = vec!["invariance", "shuttlers", "--quiet"];
        args.extend(bad);
        let (code, text) = said(&args);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(says), "{text}");
    }
}
