//! When and how to kill, drawn from a seed.

use std::time::Duration;

use bluemarble_shared_protocol::{hash_words, mix64};

/// A stream of draws.
#[derive(Clone, Debug)]
pub struct Dice {
    key: u64,
    drawn: u64,
}

impl Dice {
    /// Of one world of a run.
    #[must_use]
    pub fn of_world(seed: u64, world: u64) -> Self {
        Self {
            key: hash_words([0x0063_7261_7368, seed, world]),
            drawn: 0,
        }
    }

    /// 0 ..= `most`.
    pub fn up_to(&mut self, most: u64) -> u64 {
        self.drawn += 1;
        mix64(hash_words([self.key, self.drawn])) % (most + 1)
    }

    fn ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.up_to(to - from))
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.up_to(choices.len() as u64 - 1) as usize]
    }
}

/// The moment of a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// While people play, so long after the server was ready.
    Playing(Duration),
    /// So long after a checkpoint was stored: that is when the log is rotated and pruned, and, late
    /// enough, when the next one is being written.
    Checkpoint(Duration),
    /// So long after the start: while the schema is made, while the journal is read and replayed,
    /// while the world is claimed.
    Starting(Duration),
    /// So long after an orderly stop was asked for.
    Stopping(Duration),
    /// No server: a command works on what is left, and is killed after so many hundredths of the time
    /// that it takes.
    Command(u64),
    /// So long after a process of Postgres was killed, which makes Postgres end all others and
    /// recover.
    WithoutDatabase(Duration),
}

impl Moment {
    /// What it is called in the tally.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Playing(_) => "playing",
            Self::Checkpoint(_) => "checkpoint",
            Self::Starting(_) => "starting",
            Self::Stopping(_) => "stopping",
            Self::Command(_) => "command",
            Self::WithoutDatabase(_) => "without database",
        }
    }
}

/// One life of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its end.
    pub moment: Moment,
    /// Seconds between its checkpoints.
    pub checkpoint_s: f64,
    /// Milliseconds between its flushes.
    pub group_commit_ms: u64,
    /// How many zones: no result depends on it.
    pub zones: u64,
    /// How many threads.
    pub threads: u64,
    /// Whether the disk is lost with it.
    pub loses_disk: bool,
}

impl Plan {
    /// Whether a command is killed after so many kills, and not a server: every fourth time.
    #[must_use]
    pub fn is_commands_turn(kills: u32) -> bool {
        kills % 4 == 3
    }

    /// A command's end instead of a server's. Most write at the end.
    pub fn of_command(dice: &mut Dice) -> Self {
        let from = dice.one_of(&[0, 60]);
        Self {
            moment: Moment::Command(from + dice.up_to(100 - from)),
            ..Self::draw(dice, None, false, false)
        }
    }

    /// The next one. `started_in`: how long a start took last.
    pub fn draw(
        dice: &mut Dice,
        started_in: Option<Duration>,
        kills_postgres: bool,
        loses_disks: bool,
    ) -> Self {
        let checkpoint_s = dice.one_of(&[0.5, 0.7, 1.0, 2.0, 600.0]);
        let period = Duration::from_secs_f64(if checkpoint_s > 10.0 {
            0.5
        } else {
            checkpoint_s
        });
        let moment = match dice.up_to(9) {
            0..=2 => Moment::Playing(dice.ms(150, 2_500)),
            3..=5 if checkpoint_s < 10.0 => {
                let after = dice.one_of(&[Duration::ZERO, period.mul_f64(0.97)]);
                Moment::Checkpoint(after + dice.ms(0, 40))
            }
            6 | 7 => {
                let whole = started_in.unwrap_or(Duration::from_millis(800));
                Moment::Starting(whole.mul_f64(dice.up_to(100) as f64 / 100.0))
            }
            8 => Moment::Stopping(dice.ms(0, 60)),
            9 if kills_postgres => Moment::WithoutDatabase(dice.ms(0, 1_500)),
            _ => Moment::Playing(dice.ms(150, 1_000)),
        };
        Self {
            moment,
            checkpoint_s,
            group_commit_ms: dice.one_of(&[10, 100, 400]),
            zones: dice.one_of(&[1, 4, 13]),
            threads: dice.one_of(&[1, 2]),
            loses_disk: loses_disks && dice.up_to(1) == 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_is_drawn_and_the_same_seed_draws_the_same() {
        let draw = || {
            let mut dice = Dice::of_world(3, 1);
            let plans = std::iter::repeat_with(|| Plan::draw(&mut dice, None, true, true));
            let mut plans: Vec<_> = plans.take(200).collect();
            plans.push(Plan::of_command(&mut dice));
            plans
        };
        assert_eq!(draw(), draw());
        let mut names: Vec<_> = draw().iter().map(|plan| plan.moment.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 6, "{names:?}");
    }

    #[test]
    fn a_database_that_is_not_ours_is_left_alone() {
        let mut dice = Dice::of_world(1, 1);
        for _ in 0..500 {
            let plan = Plan::draw(&mut dice, None, false, false);
            assert!(!matches!(plan.moment, Moment::WithoutDatabase(_)));
            assert!(!plan.loses_disk);
        }
    }
}
