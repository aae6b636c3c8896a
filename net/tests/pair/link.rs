//! One direction of a bad line, in virtual time: delay, jitter (and with it reordering), loss,
//! duplication, and times of silence.

use super::dice::Dice;

/// How bad.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub delay_ms: u64,
    pub jitter_ms: u64,
    pub loss: f64,
    pub duplicated: f64,
}

/// Datagrams under way.
#[derive(Debug)]
pub struct Line {
    pub weather: Weather,
    /// Nothing gets through.
    pub silent: bool,
    dice: Dice,
    under_way: Vec<(u64, u64, Vec<u8>)>,
    sent: u64,
}

impl Line {
    pub fn new(seed: u64, weather: Weather) -> Self {
        Self {
            weather,
            silent: false,
            dice: Dice(seed),
            under_way: Vec::new(),
            sent: 0,
        }
    }

    pub fn send(&mut self, now_ms: u64, bytes: &[u8]) {
        let copies = 1 + u64::from(self.dice.chance(self.weather.duplicated));
        for _ in 0..copies {
            let jitter = self.dice.below(self.weather.jitter_ms + 1);
            if self.silent || self.dice.chance(self.weather.loss) {
                continue;
            }
            self.sent += 1;
            let due = now_ms + self.weather.delay_ms + jitter;
            self.under_way.push((due, self.sent, bytes.to_vec()));
        }
    }

    /// What has arrived by now, in the order of arrival.
    pub fn arrived(&mut self, now_ms: u64) -> Vec<Vec<u8>> {
        self.under_way.sort_unstable();
        let due = self.under_way.partition_point(|(due, ..)| *due <= now_ms);
        self.under_way
            .drain(..due)
            .map(|(.., bytes)| bytes)
            .collect()
    }
}
