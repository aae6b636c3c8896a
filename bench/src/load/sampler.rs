//! Looks at the server and at the bots once a second, and makes a row of what came in between.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::time::sleep;

use super::blocking;
use crate::admin::{Admin, Status};
use crate::prometheus;
use crate::pulse::Pulse;
use crate::report::{CpuParts, CpuSeconds, Phases, Quantiles, Second, Series, Served, Traffic};
use crate::run::{Run, now};
use crate::scene::own_cpu_s;
use crate::timings::Timed;
use crate::verify::Recent;

/// The server publishes once a second: a page that is the last one's is asked for again after a while, a few
/// times, so that a row does not hold nothing and the next one two seconds.
const ASK_AGAIN: Duration = Duration::from_millis(60);
const ASKS_MAX: u32 = 5;

/// The server's status and metrics at a moment, and what this program had used by then.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// `/v1/status`.
    pub status: Status,
    /// `/metrics`.
    pub metrics: String,
    at: Instant,
    bench_s: f64,
}

impl Page {
    async fn read(admin: &Admin) -> anyhow::Result<Self> {
        let look = |admin: &Admin| Ok((admin.status()?, admin.metrics()?));
        let (status, metrics) = blocking(admin, look).await?;
        Ok(Self {
            status,
            metrics,
            at: now(),
            bench_s: own_cpu_s().unwrap_or_default(),
        })
    }
}

/// Makes the rows.
pub(super) struct Sampler<'a> {
    admin: &'a Admin,
    run: &'a Run,
    recent: Recent,
    pulse: Pulse,
    first: Page,
    last: Page,
    series: Series,
    timed: Timed,
    late_us: Histogram<u64>,
}

/// All rows, and what they were made of.
pub(super) struct Sampled {
    /// When the measurement began.
    pub before: Page,
    /// When it ended.
    pub after: Page,
    /// The rows.
    pub series: Series,
    /// What bots timed until then.
    pub timed: Timed,
    /// How late they were woken, microseconds.
    pub late_us: Histogram<u64>,
}

impl Sampled {
    /// Threads' worth of time that this program used.
    pub fn bench_busy(&self) -> f64 {
        let took = self.after.at.duration_since(self.before.at);
        (self.after.bench_s - self.before.bench_s) / took.as_secs_f64().max(1e-3)
    }
}

impl<'a> Sampler<'a> {
    /// Begins now.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn begin(admin: &'a Admin, run: &'a Run, recent: Recent) -> anyhow::Result<Self> {
        let first = Page::read(admin).await?;
        let pulse = Pulse::start();
        // Whatever was noted before is warm-up.
        drop((run.timings.take(), recent.take()));
        Ok(Self {
            admin,
            run,
            recent,
            last: first.clone(),
            first,
            series: Series::default(),
            timed: Timed::default(),
            late_us: pulse.take(),
            pulse,
        })
    }

    /// One row more.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn look(&mut self) -> anyhow::Result<&Second> {
        let mut page = Page::read(self.admin).await?;
        for _ in 1..ASKS_MAX {
            if page.status.tick != self.last.status.tick {
                break;
            }
            sleep(ASK_AGAIN).await;
            page = Page::read(self.admin).await?;
        }
        let served = self.served(&page);
        let row = row(&self.first, &self.last, &page, served);
        self.last = page;
        self.series.0.push(row);
        Ok(&self.series.0[self.series.0.len() - 1])
    }

    /// The newest page.
    pub fn status(&self) -> &Status {
        &self.last.status
    }

    /// No more rows.
    pub fn end(self) -> Sampled {
        Sampled {
            before: self.first,
            after: self.last,
            series: self.series,
            timed: self.timed,
            late_us: self.late_us,
        }
    }

    fn served(&mut self, page: &Page) -> Served {
        let run = self.run;
        let (timed, late_us, quality) = (run.timings.take(), self.pulse.take(), self.recent.take());
        self.timed.merge(&timed);
        self.late_us.add(&late_us).expect("all are made alike");
        let seen = quality.everybody();
        let tick_ms = 1_000.0 / f64::from(page.status.tick_hz.max(1));
        let took_s = page.at.duration_since(self.last.at).as_secs_f64();
        Served {
            inside: run.inside(),
            busy: (page.bench_s - self.last.bench_s) / took_s.max(1e-3),
            late_ms: Quantiles::of(&late_us, 1e-3),
            snapshots: timed.gaps_us.len(),
            gap_ms: Quantiles::of(&timed.gaps_us, 1e-3),
            silent_ms: run.timings.silent_ms(run.now_us()),
            blows: timed.blows_us.len(),
            blow_ms: Quantiles::of(&timed.blows_us, 1e-3),
            moves: timed.moves_us.len(),
            move_ms: Quantiles::of(&timed.moves_us, 1e-3),
            looks: seen.error_mm.len(),
            stale_ms: Quantiles::of(&seen.age_ticks, tick_ms),
            error_cm: Quantiles::of(&seen.error_mm, 0.1),
        }
    }
}

/// What came between two pages.
fn row(first: &Page, last: &Page, page: &Page, bots: Served) -> Second {
    let gained = |name: &str| gained(last, page, name);
    let ticks = page.status.tick.saturating_sub(last.status.tick);
    let phases_ms = Phases(Phases::NAMES.map(|name| {
        let metric = format!("bluemarble_tick_phase_ms{{phase=\"{name}\"}}");
        prometheus::value(&page.metrics, &metric).unwrap_or(0.0)
    }));
    let everything = gained("bluemarble_process_cpu_seconds");
    Second {
        end_s: page.at.duration_since(first.at).as_secs_f64(),
        took_s: page.at.duration_since(last.at).as_secs_f64(),
        ticks,
        skipped_ticks: page
            .status
            .skipped_ticks
            .saturating_sub(last.status.skipped_ticks),
        tick_ms: page.status.tick_ms_last_second.into(),
        cpu: everything.map(|all| CpuSeconds::of(all, cpu_parts(last, page), &phases_ms, ticks)),
        phases_ms,
        resident_bytes: prometheus::value(&page.metrics, "bluemarble_process_resident_bytes"),
        overload_level: prometheus::value(&page.metrics, "bluemarble_overload_level")
            .unwrap_or(0.0),
        players: page.status.players,
        entities: page.status.entities,
        traffic: traffic(last, page),
        bots,
    }
}

/// What a counter gained between two pages, if it is there.
pub(super) fn gained(last: &Page, page: &Page, name: &str) -> Option<f64> {
    let (before, after) = (&last.metrics, &page.metrics);
    Some((prometheus::value(after, name)? - prometheus::value(before, name)?).max(0.0))
}

/// `None` of a server that does not tell.
fn cpu_parts(last: &Page, page: &Page) -> Option<CpuParts> {
    let part = |part: &str| {
        let name = format!("bluemarble_cpu_part_seconds{{part=\"{part}\"}}");
        gained(last, page, &name)
    };
    Some(CpuParts {
        quic: part("quic")?,
        main_loop: part("loop")?,
        step: part("step")?,
        other: part("other")?,
    })
}

fn traffic(last: &Page, page: &Page) -> Traffic {
    let count = |name: &str| {
        let name = format!("bluemarble_{name}_total");
        gained(last, page, &name).unwrap_or(0.0) as u64
    };
    Traffic {
        down_bytes: count("quic_tx_bytes"),
        up_bytes: count("quic_rx_bytes"),
        snapshot_bytes: count("hub_bytes_out"),
        intent_bytes: count("hub_bytes_in"),
        datagrams_out: count("hub_datagrams_out"),
        datagrams_in: count("hub_datagrams_in"),
        packets_lost: count("hub_packets_lost"),
        updates: count("hub_updates_sent"),
        enters: count("hub_enters_sent"),
        removes: count("hub_removes_sent"),
        own_states: count("hub_own_full_sent") + count("hub_own_hash_sent"),
        cards: count("hub_cards_sent"),
        events: count("hub_events_sent") + count("hub_wounds_sent"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(tick: u64, scale: f64, at: Instant) -> Page {
        let parts = [
            ("quic", 0.5),
            ("loop", 0.3),
            ("step", 0.15),
            ("other", 0.05),
        ];
        let mut metrics: String = parts
            .iter()
            .map(|(part, s)| {
                let spent_s = s * scale;
                format!("bluemarble_cpu_part_seconds{{part=\"{part}\"}} {spent_s}\n")
            })
            .collect();
        for (name, value) in [
            ("process_cpu_seconds", 1.0),
            ("quic_tx_bytes_total", 1_000.0),
            ("hub_bytes_out_total", 900.0),
            ("hub_updates_sent_total", 70.0),
            ("tick_phase_ms{phase=\"seal\"}", 1.0),
            ("tick_phase_ms{phase=\"replicate\"}", 2.0),
        ] {
            metrics += &format!("bluemarble_{name} {}\n", value * scale);
        }
        Page {
            status: Status {
                tick,
                tick_hz: 20,
                ..Status::default()
            },
            metrics,
            at,
            bench_s: 0.0,
        }
    }

    #[test]
    fn the_rows_add_up_to_what_came_between_the_first_page_and_the_last() {
        let began = now();
        let at = |second: u64| began + Duration::from_secs(second);
        let pages = [(100, 1.0), (120, 1.4), (120, 1.4), (163, 2.9)];
        let pages = [0, 1, 2, 3].map(|n| page(pages[n].0, pages[n].1, at(n as u64)));
        let rows = pages
            .windows(2)
            .map(|two| row(&pages[0], &two[0], &two[1], Served::default()));
        let series = Series(rows.collect());
        assert_eq!(series.ticks(), 63);
        assert_eq!(series.0[1].ticks, 0, "the server stood still");
        assert_eq!(series.0.iter().map(|row| row.took_s).sum::<f64>(), 3.0);
        assert_eq!(series.0[2].end_s, 3.0);
        let whole = row(&pages[0], &pages[0], &pages[3], Served::default());
        assert_eq!(series.traffic(), whole.traffic);
        assert_eq!(whole.traffic.wrapping_bytes(), 190);
        let (sum, all) = (series.cpu().unwrap(), whole.cpu.unwrap());
        assert!((sum.everything - 1.9).abs() < 1e-9);
        assert!((sum.quic.unwrap() - all.quic.unwrap()).abs() < 1e-9);
    }

    #[test]
    fn a_server_that_tells_less_leaves_holes_and_not_zeros() {
        let mut pages = [page(1, 1.0, now()), page(21, 2.0, now())];
        for page in &mut pages {
            page.metrics = page.metrics.replace("cpu_part", "something_else");
        }
        let told = row(&pages[0], &pages[0], &pages[1], Served::default());
        assert_eq!(told.cpu.unwrap().quic, None);
        assert_eq!(told.resident_bytes, None);
        pages[1].metrics.clear();
        assert_eq!(
            row(&pages[0], &pages[0], &pages[1], Served::default()).cpu,
            None
        );
    }
}
