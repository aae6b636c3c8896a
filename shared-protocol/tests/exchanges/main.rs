//! More vectors for clients in other languages, beside `vectors/codec.json`: snapshots with everything they
//! refer to and damaged copies of each (`damaged.json`), datagrams at the edge of what may be
//! (`edges.json`), and the control stream's messages (`messages.json`). Written anew by
//! `cargo test -p bluemarble-shared-protocol --test exchanges -- --ignored`.

mod datagrams;
mod dice;
mod edges;
mod messages;
mod rows;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// One line for each element of each list.
fn lines(content: &Value) -> String {
    let mut parts = Vec::new();
    for (name, list) in content.as_object().expect("an object of lists") {
        let list = list.as_array().expect("a list").iter();
        let rows: Vec<String> = list.map(|row| format!("    {row}")).collect();
        parts.push(format!("  {}: [\n{}\n  ]", json!(name), rows.join(",\n")));
    }
    format!("{{\n{}\n}}\n", parts.join(",\n"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn files() -> [(PathBuf, String); 3] {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    [
        (folder.join("damaged.json"), lines(&datagrams::snapshots())),
        (folder.join("edges.json"), lines(&edges::edges())),
        (folder.join("messages.json"), lines(&messages::messages())),
    ]
}

#[test]
fn the_exchanges_are_what_this_build_writes() {
    for (path, ours) in files() {
        let checked_in = std::fs::read_to_string(&path).unwrap();
        assert!(
            checked_in == ours,
            "{} differs; if the wire was changed on purpose: cargo test -p bluemarble-shared-protocol \
             --test exchanges -- --ignored",
            path.display()
        );
    }
}

#[test]
#[ignore = "writes the files anew"]
fn write_the_exchanges() {
    for (path, text) in files() {
        std::fs::write(path, text).unwrap();
    }
}
