//! From counts to tables, and from tables to the file that is compiled into both ends.

use std::fmt::Write as _;

use bluemarble_shared_protocol::codec::prefix::BucketCode;
use bluemarble_shared_protocol::codec::tables::{
    AGE_CLASSES, BodyCodes, ShapedCodes, TableSet, V1, WalkerTables,
};

use super::counts::{Counts, Histogram, Motion};
use super::fit::widths;

/// Greatest number that each of a walker's fields can hold.
const WALKER_MAX: [u32; 8] = {
    let (shape, velocity, all) = (33, (1 << 18) - 1, u32::MAX);
    [shape, 255, velocity, velocity, velocity, all, all, all]
};
/// The codes of a walker's fields that were met too seldom to make one.
const WALKER_SELDOM: [&[u8]; 8] = [
    &[1, 1, 1, 2, 3, 6],
    &[2, 2, 3, 8],
    &[1, 2, 3, 6, 10, 18],
    &[1, 2, 3, 6, 10, 18],
    &[1, 2, 3, 6, 10, 18],
    &[1, 2, 3, 5, 9, 32],
    &[1, 2, 3, 5, 9, 32],
    &[1, 2, 3, 5, 9, 32],
];
/// Greatest number that each of a body's fields can hold.
const BODY_MAX: [u32; 10] = {
    let (turn, velocity, all) = ((1 << 12) - 1, (1 << 18) - 1, u32::MAX);
    [
        turn, turn, turn, turn, velocity, velocity, velocity, all, all, all,
    ]
};
/// Fields of a body that are told apart by the axes of the frame cell alone: no direction is special, so
/// they share a code.
const BODY_ALIKE: [&[usize]; 10] = [
    &[0],
    &[1, 2],
    &[1, 2],
    &[3],
    &[4, 5],
    &[4, 5],
    &[6],
    &[7, 8],
    &[7, 8],
    &[9],
];
/// What was met so seldom makes no table; [`WALKER_SELDOM`] or the first set's is taken.
const MET_MIN: u64 = 500;

/// The tables that fit best.
#[must_use]
pub fn table_set(counts: &Counts, version: u8) -> TableSet {
    let classes: [usize; AGE_CLASSES] = core::array::from_fn(|class| class);
    TableSet {
        version,
        made_from: counts.digest(),
        walkers: WalkerTables::Shaped(classes.map(|class| walkers(counts, class))),
        bodies: classes.map(|class| bodies(counts, class)),
    }
}

fn walkers(counts: &Counts, class: usize) -> ShapedCodes {
    core::array::from_fn(|field| {
        let histogram = counts.of(Motion::Walker, class, field);
        let seldom = BucketCode::new(WALKER_SELDOM[field]);
        fitted(&histogram, WALKER_MAX[field], seldom)
    })
}

fn bodies(counts: &Counts, class: usize) -> BodyCodes {
    core::array::from_fn(|field| {
        let mut all = Histogram::new();
        for &alike in BODY_ALIKE[field] {
            for (number, count) in counts.of(Motion::Body, class, alike) {
                *all.entry(number).or_default() += count;
            }
        }
        fitted(&all, BODY_MAX[field], V1.bodies[class][field])
    })
}

fn fitted(histogram: &Histogram, number_max: u32, otherwise: BucketCode) -> BucketCode {
    if histogram.values().sum::<u64>() < MET_MIN {
        otherwise
    } else {
        BucketCode::new(&widths(histogram, number_max))
    }
}

/// The file `tables/v<version>.rs` of the codec.
#[must_use]
pub fn source(set: &TableSet) -> String {
    let mut text = format!(
        "//! Tables, version {}, as `cargo run --release -p bluemarble-bench -- tables` wrote them from recorded\n\
         //! traffic. Not to be edited: a test compares this file with what the tool makes of the counts.\n\n\
         use super::{{TableSet, WalkerTables, codes}};\n\n\
         pub(super) const TABLES: TableSet = TableSet {{\n    version: {},\n    made_from: {},\n",
        set.version,
        set.version,
        grouped_hex(set.made_from),
    );
    text.push_str("    walkers: WalkerTables::Shaped([\n");
    push_classes(
        &mut text,
        (0..AGE_CLASSES).map(|class| set.of_walkers(class).all()),
    );
    text.push_str("    ]),\n    bodies: [\n");
    push_classes(&mut text, set.bodies.iter().map(|codes| &codes[..]));
    text.push_str("    ],\n};\n");
    text
}

fn push_classes<'a>(text: &mut String, classes: impl Iterator<Item = &'a [BucketCode]>) {
    for codes in classes {
        text.push_str("        codes([\n");
        for code in codes {
            let widths: Vec<String> = code.widths().iter().map(u8::to_string).collect();
            let _ = writeln!(text, "            &[{}],", widths.join(", "));
        }
        text.push_str("        ]),\n");
    }
}

fn grouped_hex(word: u64) -> String {
    let part = |shift: u32| word >> shift & 0xffff;
    format!(
        "0x{:04x}_{:04x}_{:04x}_{:04x}",
        part(48),
        part(32),
        part(16),
        part(0)
    )
}
