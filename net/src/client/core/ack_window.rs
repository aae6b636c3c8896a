//! Which of the last datagrams were taken: what is acknowledged, and what tells a repetition.

use bluemarble_shared_protocol::codec::Acks;

/// How far back a late datagram may come and still be taken: as far as an acknowledgement reaches.
const REACH: u64 = 32;

/// The newest number taken, and which of the 32 before it.
#[derive(Clone, Copy, Debug, Default)]
pub struct AckWindow {
    /// 0 = none yet; the server counts from 1.
    newest: u64,
    before: u32,
}

impl AckWindow {
    /// The newest number taken; 0 = none yet.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether a datagram of this number is of use: never taken, and not too late.
    #[must_use]
    pub fn is_news(&self, number: u64) -> bool {
        if number > self.newest {
            return true;
        }
        let behind = self.newest - number;
        (1..=REACH).contains(&behind) && self.before >> (behind - 1) & 1 == 0
    }

    /// Takes a datagram of this number.
    pub fn take(&mut self, number: u64) {
        if number > self.newest {
            let ahead = number - self.newest;
            let shifted = |bits: u64, by| if by < 64 { bits << by } else { 0 };
            let old_newest = u64::from(self.newest > 0);
            let bits = shifted(u64::from(self.before) << 1 | old_newest, ahead - 1);
            self.before = bits as u32;
            self.newest = number;
        } else if let Some(bit) = (self.newest - number).checked_sub(1) {
            self.before |= 1 << bit;
        }
    }

    /// As a client says it; `None` before the first.
    #[must_use]
    pub fn to_acks(self) -> Option<Acks> {
        (self.newest > 0).then_some(Acks {
            newest: self.newest as u16,
            before: self.before,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bluemarble_shared_protocol::mix64;

    use super::*;

    #[test]
    fn it_agrees_with_a_set_of_numbers() {
        for seed in 0..200 {
            let (mut window, mut set) = (AckWindow::default(), BTreeSet::new());
            let mut near = 1_u64;
            for n in 0..400 {
                let random = mix64(seed * 1_000 + n);
                near += random % 3;
                let number =
                    near.saturating_sub(random >> 8 & 15).max(1) + (random >> 20 & 7) / 7 * 40;
                let newest = set.last().copied().unwrap_or(0);
                let late = number < newest && newest - number > REACH;
                assert_eq!(
                    window.is_news(number),
                    !set.contains(&number) && !late,
                    "seed {seed}"
                );
                if window.is_news(number) {
                    window.take(number);
                    set.insert(number);
                }
                let acks = window.to_acks().unwrap();
                assert_eq!(acks.newest, *set.last().unwrap() as u16);
                for bit in 0..32 {
                    let number = window.newest().checked_sub(bit + 1);
                    let taken = number.is_some_and(|number| set.contains(&number));
                    assert_eq!(acks.before >> bit & 1 == 1, taken, "seed {seed} bit {bit}");
                }
            }
        }
    }
}
