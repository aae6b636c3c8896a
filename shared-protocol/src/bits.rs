//! Bit strings: written low bit first into 64-bit words, read back from bytes with every read
//! checked.
//!
//! Bit n of a string is bit n % 8 (counted from the least significant) of byte n / 8. A field's own
//! low bit comes first. A string may be spliced into another at any bit: that is how an entity is
//! encoded once for all clients.

/// A read past the end of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes end in the middle of a field")]
pub struct OutOfBits;

/// Writes bits into memory that it keeps when cleared.
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    words: Vec<u64>,
    /// The word begun; its bits from `used` up are zero.
    word: u64,
    /// Bits used of `word`, always below 64.
    used: u32,
}

impl BitWriter {
    /// Forgets everything but its memory.
    pub fn clear(&mut self) {
        self.words.clear();
        self.word = 0;
        self.used = 0;
    }

    /// Bits written so far.
    #[inline]
    #[must_use]
    pub fn bits(&self) -> usize {
        self.words.len() * 64 + self.used as usize
    }

    /// Writes the low `count` (at most 64) bits of `value`; the others must be zero.
    #[inline]
    pub fn write(&mut self, value: u64, count: u32) {
        debug_assert!(count <= 64 && (count == 64 || value >> count == 0));
        self.word |= value << self.used;
        let used = self.used + count;
        if used >= 64 {
            self.words.push(self.word);
            let written = 64 - self.used;
            self.word = if written == 64 { 0 } else { value >> written };
            self.used = used - 64;
        } else {
            self.used = used;
        }
    }

    /// One bit.
    #[inline]
    pub fn write_bool(&mut self, value: bool) {
        self.write(u64::from(value), 1);
    }

    /// Continues at the next word: a string that begins here can be spliced. Returns the word's
    /// index, for [`BitWriter::string`].
    pub fn align(&mut self) -> usize {
        if self.used > 0 {
            self.words.push(self.word);
            self.word = 0;
            self.used = 0;
        }
        self.words.len()
    }

    /// The words from `first` on; complete only after [`BitWriter::align`].
    #[inline]
    #[must_use]
    pub fn string(&self, first: usize) -> &[u64] {
        &self.words[first..]
    }

    /// Writes the first `count` bits of `words`, which have no bits set beyond them.
    #[inline]
    pub fn splice(&mut self, words: &[u64], count: usize) {
        let whole = count / 64;
        for &word in &words[..whole] {
            self.write(word, 64);
        }
        let rest = (count % 64) as u32;
        if rest > 0 {
            self.write(words[whole], rest);
        }
    }

    /// Overwrites `count` bits at `at`, which were written before.
    pub fn patch(&mut self, at: usize, value: u64, count: u32) {
        debug_assert!(at + count as usize <= self.bits());
        for n in 0..count as usize {
            let (word, bit) = ((at + n) / 64, (at + n) % 64);
            let word = self.words.get_mut(word).unwrap_or(&mut self.word);
            *word = *word & !(1 << bit) | (value >> n & 1) << bit;
        }
    }

    /// The bytes, the last one filled up with zeros.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = self.bits().div_ceil(8);
        // Exactly so much: whoever shares the bytes shall not have to move them.
        let mut out = Vec::with_capacity(bytes);
        for word in &self.words {
            out.extend_from_slice(&word.to_le_bytes());
        }
        let rest = self.word.to_le_bytes();
        out.extend_from_slice(&rest[..bytes - out.len()]);
        out
    }
}

/// Reads bits from a stranger's bytes.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    /// From the first bit on.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits not read yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// The next `count` (at most 64) bits.
    ///
    /// # Errors
    /// [`OutOfBits`]; then nothing has been read.
    #[inline]
    pub fn read(&mut self, count: u32) -> Result<u64, OutOfBits> {
        debug_assert!(count <= 64);
        if self.left() < count as usize {
            return Err(OutOfBits);
        }
        if count == 0 {
            return Ok(0);
        }
        let (first, shift) = (self.at / 8, (self.at % 8) as u32);
        self.at += count as usize;
        let (low, high) = self.nine_bytes(first);
        // The two shifts bring in nothing for a shift of 0.
        let value = low >> shift | high << 1 << (63 - shift);
        Ok(value & (u64::MAX >> (64 - count)))
    }

    /// The next 56 bits at least, zeros behind the end, without reading them: for fields that are taken
    /// apart together and then [`BitReader::skip`]ped.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> u64 {
        let (low, _) = self.nine_bytes(self.at / 8);
        low >> (self.at % 8)
    }

    /// Reads `count` bits that nobody asks for any more.
    ///
    /// # Errors
    /// [`OutOfBits`]; then nothing has been read.
    #[inline]
    pub fn skip(&mut self, count: u32) -> Result<(), OutOfBits> {
        if self.left() < count as usize {
            return Err(OutOfBits);
        }
        self.at += count as usize;
        Ok(())
    }

    /// The eight bytes from `first` on as a number, and the ninth; zeros behind the end.
    #[inline]
    fn nine_bytes(&self, first: usize) -> (u64, u64) {
        let rest = &self.bytes[first..];
        if let Some((eight, more)) = rest.split_first_chunk::<8>() {
            let ninth = more.first().copied().unwrap_or(0);
            return (u64::from_le_bytes(*eight), u64::from(ninth));
        }
        let mut eight = [0; 8];
        eight[..rest.len()].copy_from_slice(rest);
        (u64::from_le_bytes(eight), 0)
    }

    /// One bit.
    ///
    /// # Errors
    /// [`OutOfBits`].
    #[inline]
    pub fn read_bool(&mut self) -> Result<bool, OutOfBits> {
        Ok(self.read(1)? == 1)
    }

    /// Whether nothing is left but the zeros that fill up the last byte.
    #[must_use]
    pub fn only_padding_left(&self) -> bool {
        let mut rest = self.clone();
        self.left() < 8 && rest.read(self.left() as u32) == Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix64;

    /// Random (value, width) pairs.
    fn fields(seed: u64) -> Vec<(u64, u32)> {
        (0..200)
            .map(|n| {
                let random = mix64(seed * 1_000 + n);
                let count = (random % 65) as u32;
                let value = mix64(random);
                (
                    if count == 0 {
                        0
                    } else {
                        value & (u64::MAX >> (64 - count))
                    },
                    count,
                )
            })
            .collect()
    }

    #[test]
    fn what_is_written_is_read() {
        for seed in 0..50 {
            let fields = fields(seed);
            let mut writer = BitWriter::default();
            fields.iter().for_each(|&(v, n)| writer.write(v, n));
            let total: usize = fields.iter().map(|&(_, n)| n as usize).sum();
            assert_eq!(writer.bits(), total);
            let bytes = writer.to_bytes();
            assert_eq!(bytes.len(), total.div_ceil(8));
            let mut reader = BitReader::new(&bytes);
            for (value, count) in fields {
                assert_eq!(reader.read(count), Ok(value), "seed {seed}");
            }
            assert!(reader.only_padding_left());
            assert_eq!(reader.read(8), Err(OutOfBits));
        }
    }

    #[test]
    fn a_peek_sees_what_is_read_next_and_zeros_behind_the_end() {
        let bytes: Vec<u8> = (0..20).map(|n| mix64(n) as u8).collect();
        for at in 0..=160 {
            let mut reader = BitReader::new(&bytes);
            assert_eq!(reader.skip(at), Ok(()));
            let count = reader.left().min(56) as u32;
            let seen = reader.peek() & ((1 << 56) - 1);
            assert_eq!(reader.clone().read(count), Ok(seen), "{at}");
            let beyond = reader.left() as u32 + 1;
            assert_eq!(reader.skip(beyond), Err(OutOfBits));
            assert_eq!(reader.left(), 160 - at as usize);
        }
    }

    #[test]
    fn a_spliced_string_equals_one_written_in_place() {
        for seed in 0..200 {
            let fields = fields(seed);
            let cut = (mix64(seed) % 200) as usize;
            let mut arena = BitWriter::default();
            arena.write(5, 3);
            let first = arena.align();
            let begin = arena.bits();
            fields[cut..].iter().for_each(|&(v, n)| arena.write(v, n));
            let count = arena.bits() - begin;
            arena.align();
            let (mut spliced, mut plain) = (BitWriter::default(), BitWriter::default());
            for writer in [&mut spliced, &mut plain] {
                fields[..cut].iter().for_each(|&(v, n)| writer.write(v, n));
            }
            spliced.splice(arena.string(first), count);
            fields[cut..].iter().for_each(|&(v, n)| plain.write(v, n));
            assert_eq!(spliced.to_bytes(), plain.to_bytes(), "seed {seed}");
        }
    }

    #[test]
    fn a_patch_changes_its_bits_alone() {
        for at in 0..120 {
            let mut writer = BitWriter::default();
            (0..140).for_each(|_| writer.write(1, 1));
            writer.patch(at, 0b0101, 4);
            let bytes = writer.to_bytes();
            let mut reader = BitReader::new(&bytes);
            for n in 0..140 {
                let zero = n == at + 1 || n == at + 3;
                assert_eq!(reader.read_bool(), Ok(!zero), "{at} {n}");
            }
        }
    }

    #[test]
    fn bits_go_low_first() {
        let mut writer = BitWriter::default();
        writer.write(0b1, 1);
        writer.write(0b0110, 4);
        writer.write(0x1ff, 9);
        assert_eq!(writer.to_bytes(), [0b1110_1101, 0b0011_1111]);
    }
}
