//! Static prefix codes: a number falls into one of a few buckets; the bucket's index is written in
//! unary (ones, ended by a zero that the last bucket does without), then the offset in the bucket.
//!
//! Which widths suit which field was measured on walking crowds. They are part of the wire version.

use crate::bits::{BitReader, BitWriter};

use super::DecodeError;

/// A prefix code over `u32` with `N` buckets; bucket b holds the next `2^widths[b]` numbers.
#[derive(Clone, Copy, Debug)]
pub struct BucketCode<const N: usize> {
    widths: [u8; N],
    /// Smallest number of each bucket.
    first: [u32; N],
}

impl<const N: usize> BucketCode<N> {
    /// From the buckets' widths in bits, each below 32 but the last, which may be 32.
    #[must_use]
    pub const fn new(widths: [u8; N]) -> Self {
        let mut first = [0; N];
        let mut b = 1;
        while b < N {
            first[b] = first[b - 1] + (1 << widths[b - 1]);
            b += 1;
        }
        Self { widths, first }
    }

    /// Largest number it can write.
    #[must_use]
    pub const fn max(&self) -> u32 {
        let last = self.first[N - 1] as u64 + (1_u64 << self.widths[N - 1]) - 1;
        if last > u32::MAX as u64 {
            u32::MAX
        } else {
            last as u32
        }
    }

    /// Writes a number not above [`BucketCode::max`].
    #[inline]
    pub fn write(&self, out: &mut BitWriter, number: u32) {
        debug_assert!(number <= self.max());
        let mut b = N - 1;
        while number < self.first[b] {
            b -= 1;
        }
        let (prefix, length) = if b == N - 1 {
            ((1_u64 << b) - 1, b as u32)
        } else {
            ((1_u64 << b) - 1, b as u32 + 1)
        };
        let offset = u64::from(number - self.first[b]);
        out.write(
            prefix | offset << length,
            length + u32::from(self.widths[b]),
        );
    }

    /// Reads one.
    ///
    /// # Errors
    /// Out of bits, or a number beyond `u32`.
    #[inline]
    pub fn read(&self, bits: &mut BitReader<'_>) -> Result<u32, DecodeError> {
        let mut b = 0;
        while b < N - 1 && bits.read_bool()? {
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
        self.write(out, ((number << 1) ^ (number >> 31)) as u32);
    }

    /// Reads one.
    ///
    /// # Errors
    /// As [`BucketCode::read`].
    #[inline]
    pub fn read_signed(&self, bits: &mut BitReader<'_>) -> Result<i32, DecodeError> {
        let folded = self.read(bits)?;
        Ok((folded >> 1) as i32 ^ -((folded & 1) as i32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives_and_small_ones_are_short() {
        let code = BucketCode::new([0, 2, 5, 32]);
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
            out.bits()
        };
        assert_eq!([0, 1, 4, 5, 36, 37].map(length), [1, 4, 4, 8, 8, 35]);
    }

    #[test]
    fn signed_numbers_survive() {
        let code = BucketCode::new([1, 4, 32]);
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
        let code = BucketCode::new([1, 4, 32]);
        assert_eq!(
            code.read(&mut BitReader::new(&bytes)),
            Err(DecodeError::Range("number"))
        );
    }
}
