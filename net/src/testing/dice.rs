//! Seeded randomness: the same seed, the same line.

use bluemarble_shared_protocol::mix64;

/// A seeded generator.
#[derive(Clone, Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix64(self.0)
    }

    /// 0 ..= `most`.
    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        self.word() % (most + 1)
    }

    /// True in this share of the cases.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        ((self.word() >> 11) as f64 / (1_u64 << 53) as f64) < share
    }
}
