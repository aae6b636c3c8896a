//! Who fits a budget: the most urgent ones, found by counting, without sorting anybody.
//!
//! Each priority is in a class, and a class knows how many are in it and how many bits they take. Going down the
//! classes until the budget is used up gives the class in which it ends, and how many of that class fit. What
//! the gaps between indices will take depends on who is taken; it is estimated, and the caller adds up
//! what came out.

use bluemarble_shared_protocol::codec::{INDICES_MAX, gap_bits};

use super::choose::Candidate;

/// Priorities below this one are a class each.
const FINE: u16 = 256;
/// Higher ones share one with so many, as a power of two.
const COARSE_BITS: u32 = 8;
const CLASSES: usize = (FINE + (u16::MAX >> COARSE_BITS) + 1) as usize;
/// Those who are always first.
const FIRST: u16 = CLASSES as u16 - 1;

/// The members of a class.
#[derive(Clone, Copy, Debug, Default)]
struct Class {
    members: u32,
    bits: u32,
}

/// Everybody's class, in the order in which they were added.
#[derive(Debug)]
pub(super) struct Ranking {
    classes: Vec<Class>,
    class_of: Vec<u16>,
    /// Indices that those added are among.
    span: u16,
    /// The lowest class of which anybody is taken, and how many of it.
    last: (u16, u32),
}

impl Default for Ranking {
    fn default() -> Self {
        Self {
            classes: vec![Class::default(); CLASSES],
            class_of: Vec::new(),
            span: 0,
            last: (0, 0),
        }
    }
}

impl Ranking {
    /// Starts over, with indices below `span`.
    pub(super) fn begin(&mut self, span: u16) {
        self.classes.fill(Class::default());
        self.class_of.clear();
        self.span = span;
    }

    /// Adds the next one: it takes so many bits beside the gap before its index.
    #[inline]
    pub(super) fn add(&mut self, priority: u16, bits: usize) {
        let class = if priority < FINE {
            priority
        } else {
            (FINE + (priority >> COARSE_BITS)).min(FIRST - 1)
        };
        self.add_to(class, bits);
    }

    /// Adds the next one, which is before all others.
    pub(super) fn first(&mut self, bits: usize) {
        self.add_to(FIRST, bits);
    }

    #[inline]
    fn add_to(&mut self, class: u16, bits: usize) {
        let members = &mut self.classes[usize::from(class)];
        members.members += 1;
        members.bits += bits as u32;
        self.class_of.push(class);
    }

    /// Decides who is taken, if they are to take about so many bits.
    pub(super) fn cut(&mut self, aim_bits: usize) {
        let (aim, mut taken, mut used) = (aim_bits as f64, 0, 0.0);
        for (n, class) in (0..CLASSES as u16).zip(&self.classes).rev() {
            if class.members == 0 {
                continue;
            }
            let (members, bits) = (f64::from(class.members), f64::from(class.bits));
            let all = taken + class.members;
            if used + bits + self.gaps(all) <= aim {
                (taken, used) = (all, used + bits);
                continue;
            }
            // More would make gaps shorter: what one more takes at least is known, and that suffices.
            let one = bits / members + self.gaps(all) / f64::from(all);
            let left = (aim - used - self.gaps(taken)).max(0.0);
            let fit = (left / one) as u32;
            self.last = (n, fit.min(class.members - 1));
            return;
        }
        self.last = (0, u32::MAX);
    }

    /// Those who are taken, of a list in the order in which they were added. Of equals the first ones.
    pub(super) fn take(&self, list: &[Candidate], taken: &mut Vec<Candidate>) {
        // Who is in looks like chance to a processor: so everybody is written down, without asking, and is
        // written over by the next one unless it counts.
        taken.clear();
        taken.extend_from_slice(list);
        let ((lowest, mut left), mut count) = (self.last, 0);
        for (candidate, &class) in list.iter().zip(&self.class_of) {
            let is_last = (class == lowest) & (left > 0);
            left -= u32::from(is_last);
            taken[count] = *candidate;
            count += usize::from((class > lowest) | is_last);
        }
        taken.truncate(count);
    }

    /// What the gaps of so many indices take, about: as if each index were taken with the same chance.
    fn gaps(&self, taken: u32) -> f64 {
        if taken == 0 {
            return 0.0;
        }
        let hit = f64::from(taken) / f64::from(self.span.max(1));
        let miss = (1.0 - hit).max(0.0);
        let (mut each, mut at_least, mut chance) = (gap_bits(0) as f64, 0, 1.0);
        for (gap, bits) in LONGER {
            // The chance of a gap of at least so many.
            while at_least < gap {
                chance *= miss;
                at_least += 1;
            }
            each += chance * f64::from(bits);
        }
        f64::from(taken) * each
    }
}

/// The gaps from which on codes are longer, and by how many bits.
const LONGER: [(u32, u32); LONGER_COUNT] = {
    let (mut longer, mut n, mut gap) = ([(0, 0); LONGER_COUNT], 0, 1);
    while gap < INDICES_MAX as u32 {
        let bits = gap_bits(gap) - gap_bits(gap - 1);
        if bits > 0 {
            longer[n] = (gap, bits as u32);
            n += 1;
        }
        gap += 1;
    }
    longer
};
const LONGER_COUNT: usize = {
    let (mut n, mut gap) = (0, 1);
    while gap < INDICES_MAX as u32 {
        n += (gap_bits(gap) > gap_bits(gap - 1)) as usize;
        gap += 1;
    }
    n
};

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::mix64;

    use super::super::choose::What;
    use super::*;

    /// Candidates with random gaps, and each one's priority.
    fn crowd(seed: u64, n: u16) -> Vec<(Candidate, u16)> {
        let mut index = 0;
        (0..n)
            .map(|k| {
                let random = mix64(seed * 10_000 + u64::from(k));
                index += 1 + (random % 3) as u16;
                let candidate = Candidate {
                    word: 0,
                    bits: 10 + (random >> 8 & 15) as u16,
                    index,
                    what: What::Update {
                        back: 1,
                        of_body: false,
                    },
                };
                let wild = random >> 60 == 0;
                let priority = (random >> 16) as u16 >> if wild { 0 } else { 10 };
                (candidate, priority)
            })
            .collect()
    }

    fn bits_of(list: &[Candidate]) -> usize {
        let mut next = 0;
        list.iter()
            .map(|candidate| {
                let gap = u32::from(candidate.index - next);
                next = candidate.index + 1;
                gap_bits(gap) + usize::from(candidate.bits)
            })
            .sum()
    }

    #[test]
    fn who_is_taken_is_as_urgent_as_anybody_who_is_not_and_the_aim_is_nearly_met() {
        let mut ranking = Ranking::default();
        for seed in 0..50 {
            let crowd = crowd(seed, 400);
            let list: Vec<Candidate> = crowd.iter().map(|(candidate, _)| *candidate).collect();
            ranking.begin(list.last().unwrap().index + 1);
            for (candidate, priority) in &crowd {
                ranking.add(*priority, usize::from(candidate.bits));
            }
            for aim in [0, 300, 2_000, 5_000, 7_000, 100_000] {
                let mut taken = Vec::new();
                ranking.cut(aim);
                ranking.take(&list, &mut taken);
                let is_taken = |of: &Candidate| taken.iter().any(|one| one.index == of.index);
                let (inside, outside): (Vec<_>, Vec<_>) =
                    crowd.iter().partition(|(candidate, _)| is_taken(candidate));
                let least = inside.iter().map(|(_, priority)| *priority).min();
                let most = outside.iter().map(|(_, priority)| *priority).max();
                if let (Some(least), Some(most)) = (least, most) {
                    assert!(least >= most || (least > FINE && least >> 8 == most >> 8));
                }
                let bits = bits_of(&taken);
                if outside.is_empty() {
                    assert_eq!(aim, 100_000);
                } else {
                    assert!(bits.abs_diff(aim) < 40 + aim / 12, "{bits} for {aim}");
                }
            }
        }
    }

    #[test]
    fn nothing_fits_nothing() {
        let mut ranking = Ranking::default();
        ranking.begin(10);
        ranking.first(20);
        ranking.add(5, 20);
        ranking.cut(0);
        assert_eq!(ranking.last, (FIRST, 0));
    }
}
