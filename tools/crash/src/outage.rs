//! Postgres killed and gone for a while under a server on which people play: what goes on, what says so, and
//! what is caught up afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use crate::postmaster::Postmaster;
use crate::subject::{Ready, Subject, now};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// An outage as short as this need not be seen in health: a call may wait for its answer so long.
const UNSEEN_MAX: Duration = Duration::from_secs(15);
/// Only a server that does not catch up takes this long.
const CATCH_UP: Duration = Duration::from_secs(120);
/// What the database is late with is one of these.
const REASONS: [&str; 3] = ["database", "replica", "ledger"];

/// What was seen of an outage.
#[derive(Clone, Debug, Default)]
pub struct Outage {
    /// What was wrong.
    pub problems: Vec<String>,
    /// Ticks stepped meanwhile.
    pub ticks: f64,
    /// Longest time between two looks without a tick, seconds.
    pub stood_still_s: f64,
    /// What waited for the database in the end: transfers, and bytes of the journal.
    pub waiting: (f64, f64),
    /// How long it took until all was caught up, seconds.
    pub caught_up_s: f64,
}

/// Kills Postgres, starts it again after so long, and looks at the server all the while.
///
/// # Errors
/// The trial itself failed.
pub fn undergo(
    server: &Subject,
    ready: &Ready,
    postgres: &mut Postmaster,
    length: Duration,
) -> anyhow::Result<Outage> {
    let mut outage = Outage::default();
    let first = metrics(server, ready)?;
    let tick = |page: &BTreeMap<String, f64>| value(page, "tick");
    postgres.kill().context("killing Postgres")?;
    let began = now();
    let (mut seen, mut moved, mut named) = (first.clone(), now(), false);
    while began.elapsed() < length {
        std::thread::sleep(LOOK.min(length.saturating_sub(began.elapsed())));
        let page = metrics(server, ready)?;
        if tick(&page) > tick(&seen) {
            moved = now();
        }
        outage.stood_still_s = outage.stood_still_s.max(moved.elapsed().as_secs_f64());
        seen = page;
        let reasons = reasons(server, ready)?;
        named |= reasons.contains_key("database") && value(&seen, "health") == 1.0;
        if seen.get("health") == Some(&2.0) {
            outage
                .problems
                .push("the server says that it is down".into());
        }
    }
    outage.ticks = tick(&seen) - tick(&first);
    outage.waiting = (
        value(&seen, "ledger_waiting"),
        value(&seen, "journal_unshipped_bytes"),
    );
    if length > UNSEEN_MAX {
        let grew = |name: &str| value(&seen, name) > value(&first, name);
        let shipping = "journal_ship_failures_total";
        for (right, what) in [
            (outage.ticks > 0.0, "no tick was stepped"),
            (named, "health did not name the database"),
            (
                grew("ledger_failures_total"),
                "no failure of the ledger was counted",
            ),
            (grew(shipping), "no failure to ship was counted"),
            (
                grew("journal_durable_tick"),
                "no tick became durable on the disk",
            ),
            (outage.waiting.1 > 0.0, "nothing waited to be shipped"),
        ] {
            if !right {
                outage.problems.push(what.into());
            }
        }
    }
    postgres.start()?;
    let back = now();
    loop {
        let page = metrics(server, ready)?;
        let reasons = reasons(server, ready)?;
        let named: Vec<_> = REASONS
            .iter()
            .filter_map(|name| reasons.get(*name))
            .collect();
        let behind = [
            ("checkpoint_tick", tick(&seen)),
            ("journal_shipped_tick", tick(&seen)),
            ("ledger_tick", tick(&seen)),
        ];
        let behind: Vec<_> = behind
            .iter()
            .filter(|(name, wanted)| value(&page, name) < *wanted)
            .collect();
        if named.is_empty() && behind.is_empty() {
            break;
        }
        if back.elapsed() > CATCH_UP {
            let problem = format!("not caught up: {named:?}, behind in {behind:?}");
            outage.problems.push(problem);
            break;
        }
        std::thread::sleep(LOOK / 4);
    }
    outage.caught_up_s = back.elapsed().as_secs_f64();
    Ok(outage)
}

/// What health says, by name.
fn reasons(server: &Subject, ready: &Ready) -> anyhow::Result<BTreeMap<String, String>> {
    let page: Value = serde_json::from_str(&server.page(ready, "/health")?)?;
    let reasons = page["reasons"].as_object().cloned().unwrap_or_default();
    Ok(reasons
        .into_iter()
        .map(|(name, reason)| (name, reason["text"].as_str().unwrap_or_default().to_owned()))
        .collect())
}

/// The numbers without labels, by name without what all have in common.
fn metrics(server: &Subject, ready: &Ready) -> anyhow::Result<BTreeMap<String, f64>> {
    let page = server.page(ready, "/metrics")?;
    let number = |line: &str| {
        let (name, value) = line.strip_prefix("bluemarble_")?.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    Ok(page.lines().filter_map(number).collect())
}

fn value(page: &BTreeMap<String, f64>, name: &str) -> f64 {
    page.get(name).copied().unwrap_or(0.0)
}
