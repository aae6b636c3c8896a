//! Seeded randomness for the pair: the same seed plays the same game.

use bluemarble_shared_protocol::mix64;

/// A seeded generator.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix64(self.0)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.word() % end
    }

    /// 0 ..< 1.
    pub fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// −1 ..< 1.
    pub fn sign(&mut self) -> f64 {
        self.unit() * 2.0 - 1.0
    }

    pub fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }
}
