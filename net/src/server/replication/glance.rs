//! One pass over a view's columns, 64 indices at a time: who must be looked at again, and who has something to be
//! told about it.
//!
//! This is done for everybody in everybody's view in every tick, so everything else is done only for those it
//! picks out. What is known by slot is collected first; then every question is a loop of its own, without
//! branches, over columns side by side: so that compilers ask several at once.

use super::pulse::Pulse;
use super::view::{LANES, View};

/// What does not depend on who is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glance<'a> {
    pub(super) pulses: &'a [Pulse],
    /// How far the client's own avatar has come.
    pub(super) own_way_mm: u32,
    /// The tick, its low 16 bits.
    pub(super) now: u16,
    /// After so many ticks what did not change is sent again, if it was not for a check already.
    pub(super) refresh_ticks: u16,
    /// Whether this client's datagrams are checked: then what did not change is sent, too.
    pub(super) checked: bool,
}

impl Glance<'_> {
    /// Who is due if it is known, and who must be looked at again if it is in view, a bit each.
    pub(super) fn over(&self, view: &View, word: usize) -> (u64, u64) {
        let (slots, look_at_mm) = (lanes(&view.slots, word), lanes(&view.look_at_mm, word));
        let (acked, sent) = (lanes(&view.acked_ticks, word), lanes(&view.sent, word));
        let bands = lanes(&view.bands, word);
        let mut ways_mm = [0_u32; LANES];
        let mut unchanged = [0_u16; LANES];
        let mut turns = [0_u8; LANES];
        for lane in 0..LANES {
            let pulse = self.pulses.get(slots[lane] as usize);
            let pulse = pulse.copied().unwrap_or_default();
            ways_mm[lane] = pulse.way_mm;
            unchanged[lane] = pulse.unchanged;
            turns[lane] = pulse.turns();
        }
        let is_checked = u8::from(self.checked);
        let mut is_due = [0_u8; LANES];
        for lane in 0..LANES {
            let is_current = self.is_current(acked[lane], unchanged[lane]);
            is_due[lane] = u8::from(is_current);
        }
        for lane in 0..LANES {
            let is_turn = u8::from(turns[lane] & bands[lane].turns() != 0);
            let is_current = is_due[lane];
            is_due[lane] = is_current & is_checked | (is_current ^ 1) & is_turn;
        }
        for lane in 0..LANES {
            is_due[lane] |= u8::from(!self.is_fresh(sent[lane]));
        }
        let mut must_look = [0_u8; LANES];
        for lane in 0..LANES {
            must_look[lane] = u8::from(self.has_come(ways_mm[lane], look_at_mm[lane]));
        }
        (bits_of(&is_due), bits_of(&must_look))
    }

    /// Whether there is anything to tell about a known index.
    pub(super) fn is_due(&self, view: &View, index: u16) -> bool {
        let at = usize::from(index);
        let pulse = self.pulses[view.slots[at] as usize];
        let is_turn = pulse.turns() & view.bands[at].turns() != 0;
        if !self.is_fresh(view.sent[at]) {
            true
        } else if self.is_current(view.acked_ticks[at], pulse.unchanged) {
            self.checked
        } else {
            is_turn
        }
    }

    /// Whether nothing has changed since its baseline.
    #[inline]
    fn is_current(&self, acked_tick: u16, unchanged: u16) -> bool {
        self.now.wrapping_sub(acked_tick) <= unchanged
    }

    /// Whether it was sent so recently that it need not be sent for being silent.
    #[inline]
    fn is_fresh(&self, sent: u16) -> bool {
        self.now.wrapping_sub(sent) < self.refresh_ticks
    }

    /// Whether the two have come as far as they might before they must be looked at again.
    #[inline]
    fn has_come(&self, its_way_mm: u32, look_at_mm: u32) -> bool {
        let come_mm = self.own_way_mm.wrapping_add(its_way_mm);
        come_mm.wrapping_sub(look_at_mm) as i32 >= 0
    }
}

/// The part of a column that is about 64 indices.
fn lanes<T>(column: &[T], word: usize) -> &[T; LANES] {
    let part = &column[word * LANES..];
    part.first_chunk().expect("columns are as long as stages")
}

/// Zeros and ones as bits, the first one lowest.
fn bits_of(lanes: &[u8; LANES]) -> u64 {
    // A product that shifts the bit of byte n up to bit 56 + n, and no two bits to the same place.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (eights, _) = lanes.as_chunks::<8>();
    (0..).step_by(8).zip(eights).fold(0, |bits, (at, eight)| {
        let eight = u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56;
        bits | eight << at
    })
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::mix64;

    use super::*;

    #[test]
    fn bits_are_those_of_their_lanes() {
        for seed in 0..200 {
            let word = mix64(seed) & mix64(seed / 3);
            let lanes = std::array::from_fn(|lane| (word >> lane & 1) as u8);
            assert_eq!(bits_of(&lanes), word);
        }
    }
}
