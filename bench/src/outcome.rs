//! What became of a bot: whether it stayed, and what its counters gained while it was measured.

use bluemarble_net::client::PredictionErrors;
use hdrhistogram::Histogram;

use crate::blows::latencies;
use crate::capture::Capture;
use crate::fate::Chapter;
use crate::verify::Count;

/// What became of a bot.
#[derive(Debug)]
pub struct Outcome {
    /// Whether it got in.
    pub was_inside: bool,
    /// How often it tried again to get in.
    pub joined_again: u64,
    /// Whether it hands its views in while it plays.
    pub verifies: bool,
    /// Why it did not get in or did not stay, if so.
    pub lost: Option<String>,
    /// Measured for so long, seconds.
    pub seconds: f64,
    /// UDP payload received in that time, bytes.
    pub down_bytes: u64,
    /// UDP payload sent.
    pub up_bytes: u64,
    /// UDP datagrams received.
    pub down_packets: u64,
    /// UDP datagrams sent.
    pub up_packets: u64,
    /// Snapshot datagrams received in that time.
    pub received: u64,
    /// Snapshot datagrams numbered in that time.
    pub expected: u64,
    /// Snapshot datagrams that could not be decoded.
    pub undecodable: u64,
    /// Predictions the server confirmed.
    pub confirmed: u64,
    /// Predictions that were wrong.
    pub diverged: u64,
    /// By how much exact states moved the predicted place.
    pub errors: PredictionErrors,
    /// Snapshot datagrams whose states did not add up to their check.
    pub bent: u64,
    /// From the first packet until the avatar was there, microseconds.
    pub joined_us: Histogram<u64>,
    /// The same after a lost connection.
    pub returned_us: Histogram<u64>,
    /// Whether headers only went forward.
    pub headers: Count,
    /// What it was told happened, a chapter for each visit.
    pub chapters: Vec<Chapter>,
    /// How often it lost its connection and came back to all it knew.
    pub resumed: u64,
    /// Everything it received, if it kept that.
    pub capture: Option<Capture>,
}

/// Counters at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    /// When, microseconds.
    pub at_us: u64,
    /// UDP payload received, bytes.
    pub down_bytes: u64,
    /// UDP payload sent.
    pub up_bytes: u64,
    /// UDP datagrams received.
    pub down_packets: u64,
    /// UDP datagrams sent.
    pub up_packets: u64,
    /// Snapshot datagrams received.
    pub received: u64,
    /// The newest one's number.
    pub numbered: u64,
    /// Those that could not be decoded.
    pub undecodable: u64,
    /// Predictions confirmed.
    pub confirmed: u64,
    /// Predictions that were wrong.
    pub diverged: u64,
    /// By how much exact states moved the predicted place.
    pub errors: PredictionErrors,
    /// Snapshot datagrams whose states did not add up to their check.
    pub bent: u64,
}

impl Outcome {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            was_inside: false,
            joined_again: 0,
            verifies: false,
            lost: None,
            seconds: 0.0,
            down_bytes: 0,
            up_bytes: 0,
            down_packets: 0,
            up_packets: 0,
            received: 0,
            expected: 0,
            undecodable: 0,
            confirmed: 0,
            diverged: 0,
            errors: PredictionErrors::default(),
            bent: 0,
            joined_us: latencies(),
            returned_us: latencies(),
            headers: Count::default(),
            chapters: Vec::new(),
            resumed: 0,
            capture: None,
        }
    }

    /// Adds what the counters gained.
    pub fn add(&mut self, before: &Counters, after: &Counters) {
        self.seconds += (after.at_us - before.at_us) as f64 / 1e6;
        self.down_bytes += after.down_bytes - before.down_bytes;
        self.up_bytes += after.up_bytes - before.up_bytes;
        self.down_packets += after.down_packets - before.down_packets;
        self.up_packets += after.up_packets - before.up_packets;
        self.received += after.received - before.received;
        self.expected += after.numbered.saturating_sub(before.numbered);
        self.undecodable += after.undecodable - before.undecodable;
        self.confirmed += after.confirmed.saturating_sub(before.confirmed);
        self.diverged += after.diverged - before.diverged;
        self.errors.add(&after.errors.since(&before.errors));
        self.bent += after.bent - before.bent;
    }
}
