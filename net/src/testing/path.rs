//! One direction of a bad line: what goes in comes out later, in another order, twice, or never.
//!
//! Losses come in bursts: the line is good or bad, loses everything while it is bad, and changes by
//! chance from packet to packet (Gilbert, "Capacity of a burst-noise channel", 1960).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::dice::Dice;
use super::quality::LineQuality;

/// Packets under way at most; what comes beyond is lost. A second of the fastest sender there is.
const UNDER_WAY_MAX: usize = 65_536;

/// What became of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathStats {
    /// Put in.
    pub sent: u64,
    /// Came out, copies included.
    pub delivered: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Lost to a blackout.
    pub blacked_out: u64,
    /// Lost because too many bytes waited.
    pub overflowed: u64,
    /// Came out twice.
    pub duplicated: u64,
}

/// One direction of a line.
#[derive(Debug)]
pub struct Path<P> {
    quality: LineQuality,
    dice: Dice,
    began_us: u64,
    /// Whether it loses everything now.
    is_bad: bool,
    /// When the last one of those that keep their order is due.
    last_due_us: u64,
    /// When the bytes that wait for the line have all been carried.
    free_at_us: u64,
    /// By time due, then as sent.
    under_way: BinaryHeap<Reverse<Due<P>>>,
    numbered: u64,
    stats: PathStats,
}

#[derive(Debug)]
struct Due<P> {
    at_us: u64,
    number: u64,
    packet: P,
}

impl<P> PartialEq for Due<P> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<P> Eq for Due<P> {}

impl<P> PartialOrd for Due<P> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<P> Ord for Due<P> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_us, self.number).cmp(&(other.at_us, other.number))
    }
}

impl<P: Clone> Path<P> {
    /// A line that begins at `now_us`.
    #[must_use]
    pub fn new(quality: LineQuality, seed: u64, now_us: u64) -> Self {
        Self {
            quality,
            dice: Dice(seed),
            began_us: now_us,
            is_bad: false,
            last_due_us: 0,
            free_at_us: 0,
            under_way: BinaryHeap::new(),
            numbered: 0,
            stats: PathStats::default(),
        }
    }

    /// Puts a packet of so many bytes in.
    pub fn send(&mut self, now_us: u64, bytes: usize, packet: P) {
        self.stats.sent += 1;
        self.change_weather();
        if self
            .quality
            .is_blacked_out(now_us.saturating_sub(self.began_us))
        {
            self.stats.blacked_out += 1;
        } else if self.is_bad {
            self.stats.lost += 1;
        } else if let Some(carried_us) = self.carry(now_us, bytes) {
            if self.dice.chance(self.quality.duplicated) {
                self.stats.duplicated += 1;
                self.put(carried_us, packet.clone());
            }
            self.put(carried_us, packet);
        } else {
            self.stats.overflowed += 1;
        }
    }

    /// When the next one comes out; `None` if none is under way.
    #[must_use]
    pub fn next_due_us(&self) -> Option<u64> {
        self.under_way.peek().map(|Reverse(due)| due.at_us)
    }

    /// The next one that is due by now.
    pub fn poll(&mut self, now_us: u64) -> Option<P> {
        if self.next_due_us()? > now_us {
            return None;
        }
        self.stats.delivered += 1;
        self.under_way.pop().map(|Reverse(due)| due.packet)
    }

    /// What became of what was sent.
    #[must_use]
    pub fn stats(&self) -> &PathStats {
        &self.stats
    }

    /// Good to bad or back, so that in the long run `loss` of the packets meet it bad, in runs of
    /// `loss_burst` on average.
    fn change_weather(&mut self) {
        let (loss, burst) = (self.quality.loss, self.quality.loss_burst.max(1.0));
        let turns = if self.is_bad {
            1.0 / burst
        } else {
            loss / (1.0 - loss) / burst
        };
        if self.dice.chance(turns) {
            self.is_bad = !self.is_bad;
        }
    }

    /// When the line has carried it; `None` if too much waits already.
    fn carry(&mut self, now_us: u64, bytes: usize) -> Option<u64> {
        if self.under_way.len() >= UNDER_WAY_MAX {
            return None;
        }
        let Some(rate) = self.quality.bytes_per_s else {
            return Some(now_us);
        };
        let rate = rate.max(1);
        let begins_us = self.free_at_us.max(now_us);
        let waiting_bytes = (begins_us - now_us).saturating_mul(rate) / 1_000_000;
        if waiting_bytes + bytes as u64 > self.quality.queue_bytes_max as u64 {
            return None;
        }
        self.free_at_us = begins_us + bytes as u64 * 1_000_000 / rate;
        Some(self.free_at_us)
    }

    fn put(&mut self, carried_us: u64, packet: P) {
        let jitter_us = self.dice.up_to(self.quality.jitter_us);
        let mut at_us = carried_us + self.quality.delay_us + jitter_us;
        if !self.dice.chance(self.quality.unordered) {
            at_us = at_us.max(self.last_due_us);
            self.last_due_us = at_us;
        }
        self.numbered += 1;
        let number = self.numbered;
        self.under_way.push(Reverse(Due {
            at_us,
            number,
            packet,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a packet every `every_us`; each that came out with its delay.
    fn run(
        quality: LineQuality,
        seed: u64,
        packets: u64,
        every_us: u64,
    ) -> (Vec<(u64, u64)>, PathStats) {
        let mut path = Path::new(quality, seed, 0);
        let mut out = Vec::new();
        for n in 0..packets {
            path.send(n * every_us, 500, n);
            while let Some(due_us) = path.next_due_us().filter(|due| *due < (n + 1) * every_us) {
                out.push((path.poll(due_us).unwrap(), due_us));
            }
        }
        while let Some(due_us) = path.next_due_us() {
            out.push((path.poll(due_us).unwrap(), due_us));
        }
        (out, *path.stats())
    }

    #[test]
    fn a_perfect_line_delivers_everything_at_once_and_in_order() {
        let (out, stats) = run(LineQuality::default(), 1, 100, 10);
        assert_eq!(out, (0..100).map(|n| (n, n * 10)).collect::<Vec<_>>());
        assert_eq!((stats.sent, stats.delivered, stats.lost), (100, 100, 0));
    }

    #[test]
    fn losses_have_their_share_and_come_in_bursts() {
        let quality = LineQuality {
            loss: 0.1,
            loss_burst: 3.0,
            ..LineQuality::default()
        };
        let (out, stats) = run(quality, 2, 100_000, 10);
        let share = stats.lost as f64 / stats.sent as f64;
        assert!((0.09..0.11).contains(&share), "{share}");
        let gaps: Vec<u64> = out
            .windows(2)
            .map(|pair| pair[1].0 - pair[0].0 - 1)
            .filter(|gap| *gap > 0)
            .collect();
        let mean = gaps.iter().sum::<u64>() as f64 / gaps.len() as f64;
        assert!((2.7..3.3).contains(&mean), "{mean} in a row");
    }

    #[test]
    fn delay_and_jitter_stay_within_their_bounds_and_only_some_overtake() {
        let quality = LineQuality {
            delay_us: 40_000,
            jitter_us: 80_000,
            unordered: 0.1,
            ..LineQuality::default()
        };
        let (out, _) = run(quality.clone(), 3, 10_000, 50_000);
        let delays = out.iter().map(|(n, due_us)| due_us - n * 50_000);
        assert!(delays.clone().all(|us| (40_000..=120_000).contains(&us)));
        let overtaken = out.windows(2).filter(|pair| pair[1].0 < pair[0].0).count();
        assert!((50..1_000).contains(&overtaken), "{overtaken}");
        let queue = LineQuality {
            unordered: 0.0,
            ..quality
        };
        let (out, _) = run(queue, 3, 10_000, 50_000);
        assert!(out.is_sorted());
    }

    #[test]
    fn some_arrive_twice() {
        let quality = LineQuality {
            duplicated: 0.01,
            ..LineQuality::default()
        };
        let (out, stats) = run(quality, 4, 100_000, 10);
        assert_eq!(out.len() as u64, 100_000 + stats.duplicated);
        assert!(
            (800..1_200).contains(&stats.duplicated),
            "{}",
            stats.duplicated
        );
    }

    #[test]
    fn a_narrow_line_carries_its_rate_and_drops_what_waits_too_long() {
        let quality = LineQuality {
            bytes_per_s: Some(10_000),
            queue_bytes_max: 2_000,
            ..LineQuality::default()
        };
        // Twice as much as it carries.
        let (out, stats) = run(quality, 5, 400, 25_000);
        let last_s = out.last().unwrap().1 as f64 / 1e6;
        let rate = stats.delivered as f64 * 500.0 / last_s;
        assert!((9_500.0..10_500.0).contains(&rate), "{rate} bytes/s");
        assert!(stats.overflowed > 150);
        assert!(out.iter().all(|(n, due_us)| due_us - n * 25_000 <= 250_000));
    }

    #[test]
    fn the_same_seed_is_the_same_line() {
        let quality = LineQuality::named("bad").unwrap();
        assert_eq!(
            run(quality.clone(), 6, 500, 50_000),
            run(quality.clone(), 6, 500, 50_000)
        );
        assert_ne!(
            run(quality.clone(), 6, 500, 50_000),
            run(quality, 7, 500, 50_000)
        );
    }
}
