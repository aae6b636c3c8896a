//! Static prefix codes: a number falls into one of a few buckets; the bucket's index is written in
//! unary (ones, ended by a zero that the last bucket does without), then the offset in the bucket.
//!
//! Which widths suit which field was measured on walking crowds. They are part of the wire version.

use crate::bits::{BitReader, BitWriter};

use super::DecodeError;

/// Most buckets of a code.
pub const BUCKETS_MAX: usize = 8;

/// A prefix code over `u32` with a few buckets; bucket b holds the next `2^widths[b]` numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketCode {
    widths: [u8; BUCKETS_MAX],
    /// Smallest number of each bucket.
    first: [u32; BUCKETS_MAX],
    last: usize,
}

impl BucketCode {
    /// From the buckets' widths in bits, one to [`BUCKETS_MAX`] of them, each below 32 but the last,
    /// which may be 32.
    #[must_use]
    pub const fn new(given: &[u8]) -> Self {
        let mut widths = [0; BUCKETS_MAX];
        let mut first = [0; BUCKETS_MAX];
        let mut b = 0;
        while b < given.len() {
            widths[b] = given[b];
            if b > 0 {
                first[b] = first[b - 1] + (1 << given[b - 1]);
            }
            b += 1;
        }
        Self {
            widths,
            first,
            last: given.len() - 1,
        }
    }

    /// The buckets' widths in bits.
    #[must_use]
    pub fn widths(&self) -> &[u8] {
        &self.widths[..=self.last]
    }

    /// Largest number it can write.
    #[must_use]
    pub const fn max(&self) -> u32 {
        let last = self.first[self.last] as u64 + (1_u64 << self.widths[self.last]) - 1;
        if last > u32::MAX as u64 {
            u32::MAX
        } else {
            last as u32
        }
    }

    /// Bits that a number takes.
    #[must_use]
    pub fn bits(&self, number: u32) -> usize {
        let b = self.bucket(number);
        b + usize::from(b < self.last) + usize::from(self.widths[b])
    }

    #[inline]
    const fn bucket(&self, number: u32) -> usize {
        let mut b = self.last;
        while number < self.first[b] {
            b -= 1;
        }
        b
    }

    /// Writes a number not above [`BucketCode::max`].
    #[inline]
    pub fn write(&self, out: &mut BitWriter, number: u32) {
        let (code, bits) = self.code(number);
        out.write(code, bits);
    }

    /// What a number not above [`BucketCode::max`] is written as, and in how many bits: 39 at most.
    #[inline]
    pub(super) const fn code(&self, number: u32) -> (u64, u32) {
        debug_assert!(number <= self.max());
        let b = self.bucket(number);
        let (prefix, length) = ((1_u64 << b) - 1, b as u32 + (b < self.last) as u32);
        let offset = (number - self.first[b]) as u64;
        (prefix | offset << length, length + self.widths[b] as u32)
    }

    /// Reads one.
    ///
    /// # Errors
    /// Out of bits, or a number beyond `u32`.
    #[inline]
    pub fn read(&self, bits: &mut BitReader<'_>) -> Result<u32, DecodeError> {
        let mut b = 0;
        while b < self.last && bits.read_bool()? {
            b += 1;
        }
        let offset = bits.read(u32::from(self.widths[b]))? as u32;
        self.first[b]
            .checked_add(offset)
            .ok_or(DecodeError::Range("number"))
    }

    /// Writes a signed number: 0, −1, 1, −2, … become 0, 1, 2, 3, ….
    #[inline]
    pub fn write_signed(&self, out: &mut BitWriter, number: i32) {
        self.write(out, folded(number));
    }

    /// Reads one.
    ///
    /// # Errors
    /// As [`BucketCode::read`].
    #[inline]
    pub fn read_signed(&self, bits: &mut BitReader<'_>) -> Result<i32, DecodeError> {
        Ok(unfolded(self.read(bits)?))
    }
}

/// A signed number as an unsigned one: 0, −1, 1, −2, … become 0, 1, 2, 3, ….
#[inline]
#[must_use]
pub const fn folded(number: i32) -> u32 {
    ((number << 1) ^ (number >> 31)) as u32
}

/// What [`folded`] made of a number.
#[inline]
#[must_use]
pub const fn unfolded(number: u32) -> i32 {
    (number >> 1) as i32 ^ -((number & 1) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives_and_small_ones_are_short() {
        let code = BucketCode::new(&[0, 2, 5, 32]);
        let mut numbers: Vec<u32> = (0..200).collect();
        numbers.extend([u32::MAX, u32::MAX - 1, 1 << 31]);
        let mut out = BitWriter::default();
        numbers.iter().for_each(|&n| code.write(&mut out, n));
        let bytes = out.to_bytes();
        let mut bits = BitReader::new(&bytes);
        for number in numbers {
            assert_eq!(code.read(&mut bits), Ok(number));
        }
        let length = |number| {
            let mut out = BitWriter::default();
            code.write(&mut out, number);
            assert_eq!(out.bits(), code.bits(number));
            out.bits()
        };
        assert_eq!([0, 1, 4, 5, 36, 37].map(length), [1, 4, 4, 8, 8, 35]);
    }

    #[test]
    fn signed_numbers_survive() {
        let code = BucketCode::new(&[1, 4, 32]);
        let mut out = BitWriter::default();
        let numbers = [0, 1, -1, 17, -900, i32::MAX, i32::MIN];
        numbers.iter().for_each(|&n| code.write_signed(&mut out, n));
        let bytes = out.to_bytes();
        let mut bits = BitReader::new(&bytes);
        for number in numbers {
            assert_eq!(code.read_signed(&mut bits), Ok(number));
        }
    }

    #[test]
    fn a_number_beyond_u32_is_refused() {
        let mut out = BitWriter::default();
        out.write(0b11, 2);
        out.write(u64::from(u32::MAX), 32);
        let bytes = out.to_bytes();
        let code = BucketCode::new(&[1, 4, 32]);
        assert_eq!(
            code.read(&mut BitReader::new(&bytes)),
            Err(DecodeError::Range("number"))
        );
    }
}
