//! A run second by second: what the server did and used, what it sent, and how the bots were served. The
//! warm-up, in which bots join and settle, is not in it.
//!
//! The server publishes once a second, and a row is made of what came between two of its pages; the whole
//! run's figures are taken from the first page and the last, so the rows add up to them.

use serde::{Deserialize, Serialize};

use super::{Phases, Quantiles};

/// All seconds, in order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Series(pub Vec<Second>);

/// About a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// When it ended, seconds since the measurement began.
    pub end_s: f64,
    /// How long it was.
    pub took_s: f64,
    /// Ticks of the server.
    pub ticks: u64,
    /// Ticks it gave up.
    pub skipped_ticks: u64,
    /// How long ticks took, milliseconds, in the newest second of the server's own.
    pub tick_ms: Quantiles,
    /// The loop's phases by the clock, mean per tick, milliseconds.
    pub phases_ms: Phases,
    /// Processor time of the server; unknown where its system does not say.
    pub cpu: Option<CpuSeconds>,
    /// Its memory, bytes.
    pub resident_bytes: Option<f64>,
    /// Step of its overload ladder.
    pub overload_level: f64,
    /// Sessions.
    pub players: u64,
    /// Entities.
    pub entities: u64,
    /// What went over the wire.
    pub traffic: Traffic,
    /// How the bots were served.
    pub bots: Served,
}

/// Processor time of the server, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuSeconds {
    /// The whole process.
    pub everything: f64,
    /// Taking datagrams in and sealing them into a tick, and the journal's queue.
    pub ingest: f64,
    /// Stepping zones.
    pub step: f64,
    /// Making datagrams.
    pub replicate: f64,
    /// Sockets, TLS, QUIC; `None` if the server does not tell it apart: it is in `other` then.
    pub quic: Option<f64>,
    /// Journal, checkpoints, admin, truth.
    pub other: f64,
}

impl CpuSeconds {
    /// From processor time by the thread's part, and what the loop did with its own by the clock.
    #[must_use]
    pub fn of(everything: f64, parts: Option<CpuParts>, phases: &Phases, ticks: u64) -> Self {
        let [seal, log, step, replicate, publish] = phases.0.map(|ms| ms * ticks as f64 / 1_000.0);
        let Some(parts) = parts else {
            // By the clock alone, and never more than there was.
            let clock = (seal + log + step + replicate).max(1e-9);
            let scale = (everything / clock).min(1.0);
            let (ingest, step) = ((seal + log) * scale, step * scale);
            let replicate = replicate * scale;
            return Self {
                everything,
                ingest,
                step,
                replicate,
                quic: None,
                other: (everything - ingest - step - replicate).max(0.0),
            };
        };
        // The loop waits while zones are stepped on threads of their own; the rest of its time is shared out
        // as the clock says.
        let scale = parts.main_loop / (seal + log + replicate + publish).max(1e-9);
        Self {
            everything,
            ingest: (seal + log) * scale,
            step: parts.step,
            replicate: replicate * scale,
            quic: Some(parts.quic),
            other: parts.other + publish * scale,
        }
    }
}

/// Processor time by thread, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuParts {
    /// Sockets, TLS, QUIC.
    pub quic: f64,
    /// The loop.
    pub main_loop: f64,
    /// Stepping zones.
    pub step: f64,
    /// All others.
    pub other: f64,
}

/// What went over the wire, by the server's count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// UDP payload sent, bytes: everything.
    pub down_bytes: u64,
    /// UDP payload received.
    pub up_bytes: u64,
    /// Of what was sent: snapshot datagrams, before QUIC.
    pub snapshot_bytes: u64,
    /// Of what was received: intent datagrams, before QUIC.
    pub intent_bytes: u64,
    /// Snapshot datagrams sent.
    pub datagrams_out: u64,
    /// Intent datagrams received.
    pub datagrams_in: u64,
    /// Packets that congestion control has given up.
    pub packets_lost: u64,
    /// Records of somebody's change.
    pub updates: u64,
    /// Records of somebody's arrival.
    pub enters: u64,
    /// Records of somebody's removal.
    pub removes: u64,
    /// Exact own states, and their hashes.
    pub own_states: u64,
    /// Cards: names and looks.
    pub cards: u64,
    /// Events and wounds.
    pub events: u64,
}

impl Traffic {
    /// UDP payload sent that is no snapshot: QUIC's headers, tags and acknowledgements, and streams.
    #[must_use]
    pub fn wrapping_bytes(&self) -> u64 {
        self.down_bytes.saturating_sub(self.snapshot_bytes)
    }

    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        self.down_bytes += other.down_bytes;
        self.up_bytes += other.up_bytes;
        self.snapshot_bytes += other.snapshot_bytes;
        self.intent_bytes += other.intent_bytes;
        self.datagrams_out += other.datagrams_out;
        self.datagrams_in += other.datagrams_in;
        self.packets_lost += other.packets_lost;
        self.updates += other.updates;
        self.enters += other.enters;
        self.removes += other.removes;
        self.own_states += other.own_states;
        self.cards += other.cards;
        self.events += other.events;
    }
}

/// How the bots were served, and whether they kept up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// Bots in the world.
    pub inside: u64,
    /// Threads' worth of time they used.
    pub busy: f64,
    /// How late bots were woken, milliseconds: by so much their inputs miss their beat.
    pub late_ms: Quantiles,
    /// Snapshots received.
    pub snapshots: u64,
    /// Between a bot's snapshot and its next, milliseconds.
    pub gap_ms: Quantiles,
    /// How long the bot that waited longest had waited at the end, milliseconds.
    pub silent_ms: f64,
    /// Blows seen by others.
    pub blows: u64,
    /// From their order to their sight, milliseconds.
    pub blow_ms: Quantiles,
    /// Moves seen by others.
    pub moves: u64,
    /// From the intent to their sight, milliseconds.
    pub move_ms: Quantiles,
    /// Looks at somebody that were compared with the truth.
    pub looks: u64,
    /// Since what was seen was so, milliseconds.
    pub stale_ms: Quantiles,
    /// Between where somebody was and where they were seen, centimetres.
    pub error_cm: Quantiles,
}

impl Series {
    /// Everything that went over the wire.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let mut all = Traffic::default();
        self.0.iter().for_each(|second| all.add(&second.traffic));
        all
    }

    /// All ticks.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.0.iter().map(|second| second.ticks).sum()
    }

    /// Processor time of the server by phase, seconds; `None` where it is not known.
    #[must_use]
    pub fn cpu(&self) -> Option<CpuSeconds> {
        let known: Vec<_> = self.0.iter().filter_map(|second| second.cpu).collect();
        let sum = |of: fn(&CpuSeconds) -> f64| known.iter().map(of).sum::<f64>();
        let all_told = known.iter().all(|cpu| cpu.quic.is_some());
        (!known.is_empty()).then(|| CpuSeconds {
            everything: sum(|cpu| cpu.everything),
            ingest: sum(|cpu| cpu.ingest),
            step: sum(|cpu| cpu.step),
            replicate: sum(|cpu| cpu.replicate),
            quic: all_told.then(|| sum(|cpu| cpu.quic.unwrap_or(0.0))),
            other: sum(|cpu| cpu.other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 ticks of these milliseconds: seal, log, step, replicate, publish.
    const PHASES: Phases = Phases([1.0, 1.0, 4.0, 3.0, 1.0]);

    #[test]
    fn the_parts_of_processor_time_add_up_to_it() {
        let parts = CpuParts {
            quic: 0.5,
            main_loop: 0.3,
            step: 0.35,
            other: 0.05,
        };
        let cpu = CpuSeconds::of(1.2, Some(parts), &PHASES, 100);
        let sum = cpu.ingest + cpu.step + cpu.replicate + cpu.quic.unwrap() + cpu.other;
        assert!((sum - 1.2).abs() < 1e-9, "{cpu:?}");
        assert!((cpu.replicate - 0.15).abs() < 1e-9, "{cpu:?}");
        for everything in [0.4, 2.0] {
            let cpu = CpuSeconds::of(everything, None, &PHASES, 100);
            let sum = cpu.ingest + cpu.step + cpu.replicate + cpu.other;
            assert!((sum - everything).abs() < 1e-9, "{cpu:?}");
            assert_eq!(cpu.quic, None);
        }
    }
}
