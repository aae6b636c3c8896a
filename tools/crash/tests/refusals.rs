//! What the program says when it cannot begin.

use std::process::Command;

fn said(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_bluemarble-crash"))
        .args(args)
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[test]
fn a_program_that_is_not_there_is_named_with_how_to_build_it() {
    let (status, said) = said(&["--server", "/nowhere/server"]);
    assert_eq!(status, Some(2));
    assert!(said.contains("/nowhere/server"), "{said}");
    assert!(said.contains("cargo build -p bluemarble-server"), "{said}");
}

#[test]
fn postgres_is_killed_only_if_there_is_one() {
    let (status, said) = said(&["--kill-postgres"]);
    assert_eq!(status, Some(2));
    assert!(said.contains("--postgres"), "{said}");
}
