//! Seeded mutations: an input of the corpus is bent in a few places, and again, for as long as told.
//! Blind to coverage, but the same seed bends the same way.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Places that are bent at once, at most.
const BENDS_MAX: u64 = 8;
/// Longest input.
const BYTES_MAX: usize = 8_192;
/// Numbers at which things tend to break.
const EDGES: [u64; 8] = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0xffff_ffff, u64::MAX];

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    /// Inputs tried.
    pub executions: u64,
    /// The first input at which the target panicked.
    pub failure: Option<Vec<u8>>,
}

/// Bends the inputs of `corpus` until so much processor time is spent or something is found.
#[must_use]
pub fn run(target: fn(&[u8]), corpus: &[Vec<u8>], seed: u64, time: Duration) -> Ran {
    let mut dice = Dice(seed);
    let began = spent();
    let mut executions = 0_u64;
    while !executions.is_multiple_of(64) || spent().saturating_sub(began) < time {
        let input = match executions
            .try_into()
            .ok()
            .and_then(|n: usize| corpus.get(n))
        {
            Some(as_it_is) => as_it_is.clone(),
            None => bent(corpus, &mut dice),
        };
        executions += 1;
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            return Ran {
                executions,
                failure: Some(input),
            };
        }
    }
    Ran {
        executions,
        failure: None,
    }
}

/// Processor time of this thread so far: a machine that does other things as well shortens no run.
fn spent() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), used.tv_nsec as u32)
}

fn bent(corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let pick = |dice: &mut Dice| {
        corpus
            .get(dice.below(corpus.len().max(1)))
            .cloned()
            .unwrap_or_default()
    };
    let mut input = pick(dice);
    for _ in 0..=dice.below(BENDS_MAX as usize) {
        let at = dice.below(input.len() + 1);
        match dice.below(7) {
            0 => flip(&mut input, at, dice),
            1 => input.insert(at, dice.word() as u8),
            2 => drop(input.drain(at..(at + 1 + dice.below(8)).min(input.len()).max(at))),
            3 => {
                let edge = EDGES[dice.below(EDGES.len())].to_le_bytes();
                let width = 1 << dice.below(4);
                let end = (at + width).min(input.len());
                input.splice(at..end, edge[..width].iter().copied());
            }
            4 => {
                let other = pick(dice);
                let from = dice.below(other.len() + 1);
                input.truncate(at);
                input.extend(&other[from..]);
            }
            5 => {
                let end = (at + dice.below(32)).min(input.len());
                let again = input[at..end].to_vec();
                input.splice(at..at, again);
            }
            _ => input.truncate(at),
        }
    }
    input.truncate(BYTES_MAX);
    input
}

fn flip(input: &mut [u8], at: usize, dice: &mut Dice) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= 1 << dice.below(8);
    }
}

struct Dice(u64);

impl Dice {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bluemarble_shared_protocol::mix64(self.0)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.word() % end.max(1) as u64) as usize
    }
}
