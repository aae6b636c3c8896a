//! The low half of a number that only grows, for tables that must be small: whoever asks knows a number
//! near it.

/// The low 32 bits of a tick's or a datagram's number. At 120 a second what they are compared with must be
/// within a year: views hold on to nothing for so long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Low(u32);

impl Low {
    #[inline]
    pub(crate) fn of(number: u64) -> Self {
        Self(number as u32)
    }

    /// How far it lies before another one, which is no smaller.
    #[inline]
    pub(crate) fn before(self, later: Self) -> u32 {
        later.0.wrapping_sub(self.0)
    }

    /// The whole number, which is at most `number`.
    #[inline]
    pub(crate) fn up_to(self, number: u64) -> u64 {
        number.saturating_sub(self.before(Self::of(number)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_again_across_the_end_of_the_low_half() {
        let whole = (7 << 32) - 5;
        for later in whole..whole + 20 {
            assert_eq!(Low::of(whole).up_to(later), whole);
            let before = Low::of(whole).before(Low::of(later));
            assert_eq!(u64::from(before), later - whole);
        }
    }
}
