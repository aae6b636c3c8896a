//! The key of a deal: a short text of whoever stands outside, in a form that can be copied.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A key: 1 ..= 40 bytes of printable ASCII without spaces, such as a UUID or an order's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutsideKey([u64; 5]);

impl OutsideKey {
    /// Longest text, bytes.
    pub const BYTES_MAX: usize = 40;

    /// The key of a text; `None` if that is not one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=Self::BYTES_MAX).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut bytes = [0; Self::BYTES_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        let mut words = [0; 5];
        for (word, part) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = part
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        Some(Self(words))
    }

    pub(super) fn words(self) -> [u64; 5] {
        self.0
    }
}

impl fmt::Display for OutsideKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.iter().flat_map(|word| word.to_be_bytes());
        let mut text = bytes.take_while(|byte| *byte != 0);
        text.try_for_each(|byte| write!(f, "{}", char::from(byte)))
    }
}

impl fmt::Debug for OutsideKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_text_and_sorts_like_it() {
        let texts = [
            "a",
            "b",
            "a1",
            "order-7",
            "00000000-0000-4000-8000-000000000001",
        ];
        let mut keys: Vec<_> = texts
            .iter()
            .filter_map(|text| OutsideKey::new(text))
            .collect();
        assert_eq!(keys.len(), texts.len());
        keys.sort_unstable();
        let sorted: Vec<String> = keys.iter().map(OutsideKey::to_string).collect();
        let mut expected = texts.map(str::to_owned).to_vec();
        expected.sort_unstable();
        assert_eq!(sorted, expected);
        assert!(OutsideKey::new(&"x".repeat(40)).is_some());
        for bad in ["", " ", "a b", "é", "a\n", &"x".repeat(41)] {
            assert_eq!(OutsideKey::new(bad), None, "{bad:?}");
        }
    }
}
