//! Which prefix code each field of a motion has: by the class of motion and the baseline's age.
//!
//! Tables are static and versioned: both ends name the versions they know ([`super::schema`]). A set is
//! made from recorded traffic by `cargo run --release -p bluemarble-bench -- tables`, which writes a file
//! like `tables/v2.rs`; sets that a client may still have stay beside it.

mod v1;
mod v2;

use super::delta::{BODY_FIELDS, PLAIN_WALKER_FIELDS, WALKER_FIELDS};
use super::prefix::BucketCode;

/// Classes of ages of a baseline.
pub const AGE_CLASSES: usize = 5;

/// The codes of a walker's fields before there were shapes, in the order of [`PLAIN_WALKER_FIELDS`].
pub type PlainCodes = [BucketCode; PLAIN_WALKER_FIELDS.len()];
/// The codes of a walker's fields, in the order of [`WALKER_FIELDS`].
pub type ShapedCodes = [BucketCode; WALKER_FIELDS.len()];
/// The codes of a body's fields, in the order of [`BODY_FIELDS`].
pub type BodyCodes = [BucketCode; BODY_FIELDS.len()];

/// How the deltas of walkers are laid out, and their codes by class of age.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are two sets, both static")]
pub enum WalkerTables {
    /// All fields, one after the other.
    Plain([PlainCodes; AGE_CLASSES]),
    /// First which fields there are.
    Shaped([ShapedCodes; AGE_CLASSES]),
}

/// The same for one class of age.
#[derive(Clone, Copy, Debug)]
pub enum WalkerCodes<'a> {
    /// All fields, one after the other.
    Plain(&'a PlainCodes),
    /// First which fields there are.
    Shaped(&'a ShapedCodes),
}

impl<'a> WalkerCodes<'a> {
    /// In the order in which they are written.
    #[must_use]
    pub fn all(self) -> &'a [BucketCode] {
        match self {
            Self::Plain(codes) => codes,
            Self::Shaped(codes) => codes,
        }
    }
}

/// One version of all tables.
#[derive(Debug)]
pub struct TableSet {
    /// Its version.
    pub version: u8,
    /// Which traffic it was made from: a hash of the counts, 0 of a set made by hand.
    pub made_from: u64,
    /// By class of age.
    pub walkers: WalkerTables,
    /// By class of age.
    pub bodies: [BodyCodes; AGE_CLASSES],
}

/// The first set.
pub static V1: TableSet = v1::TABLES;
/// The newest set.
pub static V2: TableSet = v2::TABLES;

impl TableSet {
    /// A walker's codes against a baseline of that age.
    #[must_use]
    #[inline]
    pub fn of_walker(&self, age: u32, hz: u32) -> WalkerCodes<'_> {
        self.of_walkers(age_class(age, hz))
    }

    /// Walkers' codes of a class of age.
    #[must_use]
    #[inline]
    pub fn of_walkers(&self, class: usize) -> WalkerCodes<'_> {
        match &self.walkers {
            WalkerTables::Plain(classes) => WalkerCodes::Plain(&classes[class]),
            WalkerTables::Shaped(classes) => WalkerCodes::Shaped(&classes[class]),
        }
    }

    /// A body's codes against a baseline of that age.
    #[must_use]
    pub fn of_body(&self, age: u32, hz: u32) -> &BodyCodes {
        &self.bodies[age_class(age, hz)]
    }
}

/// The class of a baseline so many ticks old: by its age in twentieths of a second, rounded up: at most 1,
/// 2, 4, 8, or more.
#[must_use]
pub fn age_class(age: u32, hz: u32) -> usize {
    let twentieths = (u64::from(age) * 20).div_ceil(u64::from(hz.max(1)));
    match twentieths {
        0..=1 => 0,
        2 => 1,
        3..=4 => 2,
        5..=8 => 3,
        _ => 4,
    }
}

const fn codes<const N: usize>(widths: [&[u8]; N]) -> [BucketCode; N] {
    let mut codes = [BucketCode::new(&[32]); N];
    let mut n = 0;
    while n < N {
        codes[n] = BucketCode::new(widths[n]);
        n += 1;
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_takes_whatever_its_field_can_hold() {
        for set in [&V1, &V2] {
            for class in 0..AGE_CLASSES {
                let (vel, all) = ((1 << 18) - 1, u32::MAX);
                let codes = set.of_walkers(class);
                let shape = matches!(codes, WalkerCodes::Shaped(_)).then_some(33);
                let least = [255, vel, vel, vel, all, all, all];
                let least = shape.into_iter().chain(least);
                for (code, least) in codes.all().iter().zip(least) {
                    assert!(code.max() >= least, "{} {code:?}", set.version);
                }
            }
            for codes in &set.bodies {
                let least = [
                    2_048,
                    2_600,
                    2_600,
                    2_600,
                    1 << 17,
                    1 << 17,
                    1 << 17,
                    u32::MAX,
                    u32::MAX,
                    u32::MAX,
                ];
                for (code, least) in codes.iter().zip(least) {
                    assert!(code.max() >= least, "{} {code:?}", set.version);
                }
            }
        }
    }

    #[test]
    fn ages_are_classed_by_time_not_by_ticks() {
        let classes = |hz: u32, ages: [u32; 6]| ages.map(|age| age_class(age, hz));
        assert_eq!(classes(20, [1, 2, 3, 4, 8, 9]), [0, 1, 2, 2, 3, 4]);
        assert_eq!(classes(60, [1, 3, 4, 6, 7, 25]), [0, 0, 1, 1, 2, 4]);
    }
}
