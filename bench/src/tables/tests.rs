//! What is checked in is what the tool makes.

use std::path::Path;

use bluemarble_shared_protocol::bits::BitWriter;
use bluemarble_shared_protocol::codec::prefix::BucketCode;
use bluemarble_shared_protocol::codec::tables::{V1, V2};
use bluemarble_shared_protocol::codec::{Baseline, delta};

use super::counts::{Counts, Histogram};
use super::fit::widths;
use super::{emit, walkers, workload};

#[test]
fn the_tables_are_what_the_tool_makes_of_the_counts() {
    let counts = Counts::from_text(include_str!("counts.txt")).unwrap();
    assert_eq!(counts.to_text(), include_str!("counts.txt"));
    let set = emit::table_set(&counts, 2);
    assert_eq!(V2.made_from, counts.digest());
    let path = "../shared-protocol/src/codec/tables/v2.rs";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let checked_in = std::fs::read_to_string(file).unwrap();
    assert_eq!(emit::source(&set), checked_in, "run the tool again: {path}");
}

#[test]
fn a_fitted_code_is_no_worse_than_any_other_with_few_buckets() {
    let histogram: Histogram = (0..200)
        .map(|n| (n, 100_000 / u64::from(n * n + 3)))
        .collect();
    let bits = |code: &BucketCode| -> u64 {
        let cost = |(&n, &count): (&u32, &u64)| code.bits(n) as u64 * count;
        histogram.iter().map(cost).sum()
    };
    let fitted = bits(&BucketCode::new(&widths(&histogram, 4_095)));
    for a in 0..8 {
        for b in 0..8 {
            for c in 0..8 {
                let other = BucketCode::new(&[a, b, c, 12]);
                assert!(fitted <= bits(&other) + bits(&other) / 500, "{a} {b} {c}");
            }
        }
    }
}

#[test]
fn another_crowd_than_the_counted_one_costs_less_than_with_tables_by_hand() {
    for age in [1, 2, 4, 8, 20] {
        let mut bits = [0; 2];
        for walker in 0..60 {
            let states = workload::states(99, walker);
            for (now, state) in states.iter().enumerate().skip(age as usize).step_by(5) {
                let base = Baseline::alone(states[now - age as usize], age);
                for (sum, tables) in bits.iter_mut().zip([&V1, &V2]) {
                    let mut out = BitWriter::default();
                    delta::write(&mut out, tables, &base, walkers::HZ, state);
                    *sum += out.bits();
                }
            }
        }
        let [by_hand, made] = bits;
        assert!(made <= by_hand, "age {age}: {made} bits, {by_hand} by hand");
    }
}

#[test]
fn a_fitted_code_takes_every_number() {
    for max in [255, 4_095, (1 << 20) - 1, u32::MAX] {
        for histogram in [Histogram::new(), Histogram::from([(0, 1_000_000)])] {
            assert!(BucketCode::new(&widths(&histogram, max)).max() >= max);
        }
    }
}
