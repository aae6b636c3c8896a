//! Hostile bots beside the honest ones: each does one bad thing, meets its fate, and comes back after a
//! while, as abusers do. What becomes of them must be what the protocol says; what the honest ones
//! get must be what they would have without.

mod attacks;
mod forged;
mod kind;
mod stranger;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bluemarble_net::tickets::{CharacterName, TicketIssuer};
use bluemarble_shared_protocol::{CloseCode, hash_words};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::attacks::Attacker;
pub use self::kind::{Fate, Kind};
pub use self::stranger::Target;
use crate::bot::unix_now_s;
use crate::prometheus;
use crate::report::{Hostility, KindReport};

/// An attempt that has met no fate by then never will: beyond the slowest close, which is ten seconds
/// of silence.
const ATTEMPT_MAX: Duration = Duration::from_secs(20);
/// Between two attempts: at least, and up to so much longer.
const PAUSE_MS: u64 = 500;
const PAUSE_MORE_MS: u64 = 2_500;
/// An expired ticket's lifetime, and how long ago it was issued, seconds.
const EXPIRED_LIFETIME_S: u64 = 60;
const EXPIRED_AGO_S: u64 = 3_600;

/// What became of the bots of each kind.
#[derive(Debug, Default)]
struct Tally {
    begun: BTreeMap<Kind, u64>,
    fates: BTreeMap<(Kind, Fate), u64>,
}

/// Running hostile bots; they end when this is dropped.
#[derive(Debug)]
pub struct Hostiles {
    bots: u32,
    tasks: JoinSet<()>,
    tally: Arc<Mutex<Tally>>,
    /// The metrics before the first of them came.
    before: String,
}

impl Hostiles {
    /// Lets `bots` of them loose, the kinds in turn.
    ///
    /// # Errors
    /// No sockets.
    pub fn start(
        bots: u32,
        seed: u64,
        target: &Target,
        issuer: &TicketIssuer,
        lifetime_s: u64,
        before: String,
    ) -> anyhow::Result<Self> {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let mut tasks = JoinSet::new();
        let now_s = unix_now_s();
        for (number, kind) in (0..bots).zip(Kind::ALL.into_iter().cycle()) {
            let name = CharacterName::parse(&format!("hostile-{number:04}"))
                .context("a hostile bot has a name")?;
            let attacker = Attacker {
                target: target.clone(),
                socket: target.socket()?,
                ticket: issuer.issue(&name, now_s, lifetime_s),
                expired: issuer.issue(&name, now_s - EXPIRED_AGO_S, EXPIRED_LIFETIME_S),
                seed: hash_words([seed, u64::from(number), 0xB0D]),
            };
            tasks.spawn(Box::pin(harass(attacker, kind, tally.clone())));
        }
        Ok(Self {
            bots,
            tasks,
            tally,
            before,
        })
    }

    /// Ends them, attempts under way and all.
    pub async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }

    /// What became of them, with the metrics as they are now that all of them have gone.
    #[must_use]
    pub fn report(&self, after: &str) -> Hostility {
        let tally = self.tally.lock();
        let resident = |page| prometheus::value(page, "bluemarble_process_resident_bytes");
        Hostility {
            bots: self.bots,
            resident_before: resident(&self.before),
            resident_after: resident(after),
            kinds: tally.begun.keys().map(|kind| tally.of(*kind)).collect(),
            uncounted: tally.uncounted(&self.before, after),
        }
    }
}

async fn harass(attacker: Attacker, kind: Kind, tally: Arc<Mutex<Tally>>) {
    for n in 0.. {
        *tally.lock().begun.entry(kind).or_default() += 1;
        let fate = timeout(ATTEMPT_MAX, attacker.attempt(kind)).await;
        let fate = fate.unwrap_or(Fate::Hung);
        *tally.lock().fates.entry((kind, fate)).or_default() += 1;
        let more_ms = hash_words([attacker.seed, n, 3]) % PAUSE_MORE_MS;
        sleep(Duration::from_millis(PAUSE_MS + more_ms)).await;
    }
}

impl Tally {
    fn of(&self, kind: Kind) -> KindReport {
        let fates = self.fates.iter().filter(|((of, _), _)| *of == kind);
        let ended: u64 = fates.clone().map(|(_, count)| count).sum();
        let as_due = self.fates.get(&(kind, kind.due())).copied().unwrap_or(0);
        KindReport {
            kind: kind.label().to_owned(),
            attempts: self.begun.get(&kind).copied().unwrap_or(0),
            ended,
            due: kind.due().to_string(),
            wrong: ended - as_due,
            fates: fates
                .map(|((_, fate), count)| (fate.to_string(), *count))
                .collect(),
        }
    }

    /// Closes that the bots saw and the server's metrics do not have.
    fn uncounted(&self, before: &str, after: &str) -> Vec<String> {
        let mut seen: BTreeMap<CloseCode, u64> = BTreeMap::new();
        for ((_, fate), count) in &self.fates {
            if let Fate::Closed(code) = fate {
                *seen.entry(*code).or_default() += count;
            }
        }
        let counted = |page: &str, code: CloseCode| -> f64 {
            ["quic", "hub"]
                .iter()
                .filter_map(|part| {
                    let name = format!("bluemarble_{part}_closed_{}_total", code.label());
                    prometheus::value(page, &name)
                })
                .sum()
        };
        seen.into_iter()
            .filter_map(|(code, seen)| {
                let counted = counted(after, code) - counted(before, code);
                (counted < seen as f64)
                    .then(|| format!("{seen} closed with {code}, {counted:.0} counted"))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_fate_than_the_due_one_is_wrong_and_what_goes_on_is_neither() {
        let mut tally = Tally::default();
        tally.begun.insert(Kind::Garbled, 9);
        let malformed = Fate::Closed(CloseCode::Malformed);
        tally.fates.insert((Kind::Garbled, malformed), 5);
        tally.fates.insert((Kind::Garbled, Fate::Lost), 2);
        tally.fates.insert((Kind::Noisy, Fate::Lost), 1);
        let report = tally.of(Kind::Garbled);
        assert_eq!((report.attempts, report.ended, report.wrong), (9, 7, 2));
        assert_eq!(report.fates["lost"], 2);
        assert_eq!(report.due, "malformed (32)");
    }

    #[test]
    fn a_close_without_a_metric_is_told() {
        let mut tally = Tally::default();
        let fate = Fate::Closed(CloseCode::Flooding);
        tally.fates.insert((Kind::FloodingDatagrams, fate), 3);
        let page = |quic: u32, hub: u32| {
            format!(
                "bluemarble_quic_closed_flooding_total {quic}\n\
                 bluemarble_hub_closed_flooding_total {hub}\n"
            )
        };
        assert_eq!(tally.uncounted(&page(1, 1), &page(3, 2)), [""; 0]);
        assert_eq!(tally.uncounted(&page(1, 1), &page(3, 1)).len(), 1);
        assert_eq!(tally.uncounted("", "").len(), 1);
    }
}
