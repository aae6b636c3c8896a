//! docs/PROTOCOL.md lists the tables as they are: whoever writes a client has nothing else.

use std::fmt::Write as _;

use bluemarble_shared_protocol::codec::prefix::BucketCode;
use bluemarble_shared_protocol::codec::tables::{AGE_CLASSES, TableSet, V1, V2, WalkerTables};

/// A set as the document writes it.
fn drawn(set: &TableSet) -> String {
    let mut text = format!("Version {}, walkers:\n\n", set.version);
    let shaped = matches!(set.walkers, WalkerTables::Shaped(_));
    let shape = if shaped { "shape; " } else { "" };
    let _ = writeln!(
        text,
        "    class  {shape}heading; velocity ahead, aside, up; position ahead, aside, up"
    );
    for class in 0..AGE_CLASSES {
        let codes = set.of_walkers(class).all();
        let (first, positions) = codes.split_at(codes.len() - 3);
        push_codes(&mut text, &class.to_string(), first);
        push_codes(&mut text, " ", positions);
    }
    let _ = write!(text, "\nVersion {}, bodies:\n\n", set.version);
    text.push_str(
        "    class  slip, rotation first, second, third; velocity x, y, z; position x, y, z\n",
    );
    for (class, codes) in set.bodies.iter().enumerate() {
        push_codes(&mut text, &class.to_string(), &codes[..4]);
        push_codes(&mut text, " ", &codes[4..7]);
        push_codes(&mut text, " ", &codes[7..]);
    }
    text
}

fn push_codes(text: &mut String, class: &str, codes: &[BucketCode]) {
    let _ = write!(text, "    {class}    ");
    for code in codes {
        let widths: Vec<String> = code.widths().iter().map(u8::to_string).collect();
        let _ = write!(text, "  [{}]", widths.join(" "));
    }
    text.push('\n');
}

#[test]
fn the_document_lists_the_tables_as_they_are() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROTOCOL.md");
    let document = std::fs::read_to_string(file).unwrap();
    for set in [&V1, &V2] {
        let drawn = drawn(set);
        assert!(
            document.contains(&drawn),
            "docs/PROTOCOL.md lacks:\n{drawn}"
        );
    }
}
