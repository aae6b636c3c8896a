//! One direction of a bad line, in virtual time: delay, jitter (and with it reordering), losses in
//! bursts, duplication, and times of silence.

use bluemarble_net::testing::{LineQuality, Path};

/// How bad.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub delay_ms: u64,
    pub jitter_ms: u64,
    pub loss: f64,
    /// Packets lost in a row, mean; [`Weather::EACH`] where each is lost or not by itself.
    pub burst: f64,
    pub duplicated: f64,
}

impl Weather {
    pub const EACH: f64 = 1.0;
}

/// Datagrams under way.
#[derive(Debug)]
pub struct Line {
    pub weather: Weather,
    /// Nothing gets through.
    pub silent: bool,
    path: Path<Vec<u8>>,
}

impl Line {
    pub fn new(seed: u64, weather: Weather) -> Self {
        let quality = LineQuality {
            delay_us: weather.delay_ms * 1_000,
            jitter_us: weather.jitter_ms * 1_000,
            loss: weather.loss,
            loss_burst: weather.burst.max(1.0 / (1.0 - weather.loss)),
            duplicated: weather.duplicated,
            unordered: 1.0,
            ..LineQuality::default()
        };
        Self {
            weather,
            silent: false,
            path: Path::new(quality, seed, 0),
        }
    }

    pub fn send(&mut self, now_ms: u64, bytes: &[u8]) {
        if !self.silent {
            self.path.send(now_ms * 1_000, bytes.len(), bytes.to_vec());
        }
    }

    /// What has arrived by now, in the order of arrival.
    pub fn arrived(&mut self, now_ms: u64) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.path.poll(now_ms * 1_000)).collect()
    }
}
