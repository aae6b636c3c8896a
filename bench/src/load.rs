//! `load`: lets bots in one after the other, measures for a while, and gathers the report.

mod cost;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bluemarble_net::certs::ServerIdentity;
use bluemarble_net::client::{ClientEndpoint, ClientOptions, Link, Predictor, Trust};
use bluemarble_net::tickets::{CharacterName, TicketIssuer, TicketKeys};
use bluemarble_shared_protocol::Welcome;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until};

use crate::admin::{Admin, Status};
use crate::blows::{Blows, latencies};
use crate::bot::{self, Bot};
use crate::capture;
use crate::cli::LoadArgs;
use crate::content;
use crate::judge::{Findings, Judge, KeepTruth};
use crate::outcome::Outcome;
use crate::prometheus::{self, Buckets};
use crate::pulse::Pulse;
use crate::report::{
    BlowTimes, Lost, Prediction, PromiseCount, Report, Snapshots, TickTimes, Verification,
};
use crate::run::{Phase, Run};
use crate::scene::{PhaseSums, Spent, Stage};
use crate::verify::{Promise, Rules};

/// How long a ticket of a bot is good beyond the run itself, seconds.
const TICKET_SPARE_S: u64 = 600;
/// After the last bot has joined, everybody gets this long to see each other.
const SETTLE: Duration = Duration::from_secs(3);
/// After the measurement, the judge gets this long to receive the last truth.
const TRUTH_WAIT: Duration = Duration::from_millis(1_500);
/// How long the bots may take to leave.
const LEAVE_WAIT: Duration = Duration::from_secs(10);
/// Reasons of lost bots that are reported.
const REASONS_MAX: usize = 5;

/// Runs the load and gives the report, unjudged.
///
/// # Errors
/// The load could not be run at all.
pub async fn run(args: &LoadArgs) -> anyhow::Result<Report> {
    let Some(name) = args.scene.clone() else {
        return run_against(args, None).await;
    };
    let stage = {
        let args = args.clone();
        tokio::task::spawn_blocking(move || Stage::start(&args, &name)).await??
    };
    run_against(&stage.arguments(args), Some(&stage)).await
}

async fn run_against(args: &LoadArgs, stage: Option<&Stage>) -> anyhow::Result<Report> {
    let admin = Admin::new(&args.admin, &args.data_dir)?;
    let status = blocking(&admin, Admin::status).await?;
    let crew = Crew::prepare(args, &status, stage)?;
    let welcome = crew.scout().await?;
    let stream = blocking(&admin, {
        let every = args.truth_every;
        move |admin| admin.truth(every)
    })
    .await?;
    let keep = if stage.is_some() {
        KeepTruth::All
    } else {
        KeepTruth::No
    };
    let judge = Judge::start(Rules::announced(&welcome), stream, keep)?;
    let avatars = crew.bots.iter().map(|bot| bot.name.avatar());
    let run = Arc::new(Run::new(Blows::of(avatars), judge.desk(), args.truth_every));

    let bar = progress_bar(args);
    let predictor = content::predictor(args.assets.as_deref(), &status.scenario, &welcome);
    if let Err(error) = &predictor {
        bar.println(format!("bots will not predict their movement: {error:#}"));
    }
    let mut bots = crew.join(args, predictor.ok(), &run, &bar).await;
    wait_for_bots(&run, &mut bots, args.clients, &bar).await;
    let measured = measure(args, &admin, &run, stage, &bar).await?;
    run.set_phase(Phase::Leaving);
    sleep(TRUTH_WAIT).await;
    let dropped = run.dropped_views.load(Ordering::Relaxed);
    let mut findings = tokio::task::spawn_blocking(move || judge.finish()).await?;
    bar.set_message("leaving");
    let mut outcomes = bots.outcomes().await;
    bar.set_message("verifying what was kept");
    verify_captures(&mut outcomes, &mut findings).await?;
    bar.finish_and_clear();
    let mut report = report(args, &measured, &outcomes, &findings, dropped);
    report.cost = stage.map(|stage| cost::of(args, stage, &measured, &findings, &report));
    Ok(report)
}

/// Decodes what some bots only kept, and adds what that shows to the findings.
async fn verify_captures(outcomes: &mut [Outcome], findings: &mut Findings) -> anyhow::Result<()> {
    let captures: Vec<_> = outcomes
        .iter_mut()
        .filter_map(|o| o.capture.take())
        .collect();
    let truths = std::mem::take(&mut findings.kept);
    let (tally, undecodable) =
        tokio::task::spawn_blocking(move || capture::verify(&captures, truths)).await?;
    findings.tally.merge(&tally);
    if let Some(outcome) = outcomes.first_mut() {
        outcome.undecodable += undecodable;
    }
    Ok(())
}

/// Admin calls block, so they get a thread that may.
async fn blocking<T: Send + 'static>(
    admin: &Admin,
    call: impl FnOnce(&Admin) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let admin = admin.clone();
    tokio::task::spawn_blocking(move || call(&admin)).await?
}

/// Everybody who is to join, with tickets, and the sockets they share.
struct Crew {
    bots: Vec<Bot>,
    options: ClientOptions,
    endpoints: Vec<ClientEndpoint>,
}

impl Crew {
    fn prepare(args: &LoadArgs, status: &Status, stage: Option<&Stage>) -> anyhow::Result<Self> {
        let dev = args.data_dir.join("dev");
        let cert = args
            .trust
            .clone()
            .unwrap_or_else(|| ServerIdentity::paths(&dev).0);
        let trust = Trust::file(&cert)
            .context("give the server's data directory with --data-dir, or --trust FILE")?;
        let key = args
            .ticket_key
            .clone()
            .unwrap_or_else(|| TicketKeys::paths(&dev).0);
        let issuer = issuer(&key, &status.world)?;
        let now_s = bot::unix_now_s();
        let lifetime_s = args.seconds + args.ramp.ceil() as u64 + TICKET_SPARE_S;
        let bots = (0..args.clients)
            .map(|number| {
                let name = CharacterName::parse(&format!("{}-{number:04}", args.name))
                    .context("--name does not make character names")?;
                let ticket = issuer.issue(&name, now_s, lifetime_s);
                let bot = Bot::new(args, number, name, ticket);
                Ok(match stage {
                    Some(stage) => bot.walking(stage.walker(args.seed, number), stage.part(number)),
                    None => bot,
                })
            })
            .collect::<anyhow::Result<_>>()?;
        let endpoints = (0..args.sockets)
            .map(|_| ClientEndpoint::towards(args.server))
            .collect::<Result<_, _>>()?;
        let mut options = ClientOptions::new(args.server, &args.server_name, trust, String::new());
        options.client = concat!("bluemarble-bench ", env!("CARGO_PKG_VERSION")).to_owned();
        Ok(Self {
            bots,
            options,
            endpoints,
        })
    }

    /// The first bot goes in and out again alone, so that what would go wrong for everybody is said
    /// once, and to learn what the server announces.
    async fn scout(&self) -> anyhow::Result<Welcome> {
        let link = Link::connect(self.options_of(0))
            .await
            .map_err(|error| anyhow!("{error}"))?;
        let welcome = link.welcome().clone();
        link.close().await;
        Ok(welcome)
    }

    fn options_of(&self, number: usize) -> ClientOptions {
        ClientOptions {
            ticket: self.bots[number].ticket.clone(),
            endpoint: Some(self.endpoints[number % self.endpoints.len()].clone()),
            ..self.options.clone()
        }
    }

    /// Starts the bots, evenly over the ramp.
    async fn join(
        self,
        args: &LoadArgs,
        predictor: Option<Predictor>,
        run: &Arc<Run>,
        bar: &ProgressBar,
    ) -> Bots {
        bar.set_message("joining");
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        let all_options: Vec<_> = (0..self.bots.len()).map(|n| self.options_of(n)).collect();
        let count = self.bots.len() as f64;
        for (n, (bot, options)) in self.bots.into_iter().zip(all_options).enumerate() {
            sleep_until(began + Duration::from_secs_f64(args.ramp * n as f64 / count)).await;
            tasks.spawn(Box::pin(bot.live(options, predictor.clone(), run.clone())));
            bar.set_position(run.inside.load(Ordering::Relaxed));
        }
        Bots {
            tasks,
            outcomes: Vec::new(),
        }
    }
}

fn issuer(key: &Path, world: &str) -> anyhow::Result<TicketIssuer> {
    let pem = std::fs::read_to_string(key).with_context(|| {
        format!(
            "no ticket key in {}: give the server's data directory with --data-dir, or \
             --ticket-key FILE",
            key.display()
        )
    })?;
    TicketIssuer::from_pem(&pem, world).with_context(|| format!("{}", key.display()))
}

/// The bots' tasks, and what became of those that have ended.
struct Bots {
    tasks: JoinSet<Outcome>,
    outcomes: Vec<Outcome>,
}

impl Bots {
    fn reap(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            self.outcomes.push(ended.expect("bots do not panic"));
        }
    }

    /// Waits for all, though not forever.
    async fn outcomes(mut self) -> Vec<Outcome> {
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                self.outcomes.push(ended.expect("bots do not panic"));
            }
        };
        let _ = tokio::time::timeout(LEAVE_WAIT, all).await;
        self.outcomes
    }
}

async fn wait_for_bots(run: &Run, bots: &mut Bots, clients: u32, bar: &ProgressBar) {
    loop {
        bots.reap();
        let inside = run.inside.load(Ordering::Relaxed);
        bar.set_position(inside);
        if inside + bots.outcomes.len() as u64 >= u64::from(clients) {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    bar.set_message("settling");
    sleep(SETTLE).await;
}

/// What the server said at the beginning and the end of the measurement.
struct Measured {
    seconds: f64,
    before: (Status, String),
    after: (Status, String),
    tick_ms_max: f64,
    /// In a scene: what was used before and after, and the loop's phases.
    spent: (Spent, Spent),
    phases: PhaseSums,
    pulse: Pulse,
}

async fn measure(
    args: &LoadArgs,
    admin: &Admin,
    run: &Run,
    stage: Option<&Stage>,
    bar: &ProgressBar,
) -> anyhow::Result<Measured> {
    let look = |admin: &Admin| Ok((admin.status()?, admin.metrics()?));
    let spent = || stage.map(Stage::spent).unwrap_or_default();
    let pulse = Pulse::start();
    let mut phases = PhaseSums::default();
    let before = blocking(admin, look).await?;
    let spent_before = spent();
    run.set_phase(Phase::Measuring);
    let began = Instant::now();
    bar.set_length(args.seconds);
    bar.set_position(0);
    let mut tick_ms_max: f64 = 0.0;
    let mut second = interval(Duration::from_secs(1));
    second.tick().await;
    for n in 1..=args.seconds {
        second.tick().await;
        let (status, page) = blocking(admin, look).await?;
        phases.note(&page);
        tick_ms_max = tick_ms_max.max(status.tick_ms_last_second.max);
        bar.set_position(n);
        bar.set_message(format!(
            "tick {} max {:.1} ms, {} players, {} kills",
            status.tick,
            status.tick_ms_last_second.max,
            status.players,
            status.kills.saturating_sub(before.0.kills)
        ));
    }
    let spent_after = spent();
    let after = blocking(admin, look).await?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Measured {
        spent: (spent_before, spent_after),
        phases,
        pulse,
        seconds,
        before,
        after,
        tick_ms_max,
    })
}

fn progress_bar(args: &LoadArgs) -> ProgressBar {
    let bar = ProgressBar::new(u64::from(args.clients));
    let style = ProgressStyle::with_template("{bar:30} {pos:>5}/{len:<5} {wide_msg}")
        .expect("the template is well formed");
    bar.set_style(style);
    bar
}

fn report(
    args: &LoadArgs,
    measured: &Measured,
    outcomes: &[Outcome],
    findings: &Findings,
    dropped_views: u64,
) -> Report {
    let (before, after) = (&measured.before.0, &measured.after.0);
    let seconds = measured.seconds;
    let rate = |late: u64, early: u64| late.saturating_sub(early) as f64 / seconds;
    let mean = |of: fn(&Outcome) -> f64| {
        let counted: Vec<f64> = outcomes
            .iter()
            .filter(|o| o.seconds > 0.0)
            .map(of)
            .collect();
        counted.iter().sum::<f64>() / counted.len().max(1) as f64
    };
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let (seen_mean, seen_min) = findings.tally.in_view();
    let ticks = after.tick.saturating_sub(before.tick);
    Report {
        machine: after.machine.clone(),
        server_build: after.build.clone(),
        bench_build: format!("{} ({profile})", env!("CARGO_PKG_VERSION")),
        scene: format!(
            "{}, square of {:.0} m and {:.0} m around it",
            after.scenario, args.square_m, args.around_m
        ),
        cost: None,
        clients: args.clients,
        seed: args.seed,
        world_seed: after.seed,
        tick_hz: after.tick_hz,
        zones: after.zones,
        entities: after.entities,
        seconds,
        tick_ms: tick_times(measured, ticks),
        skipped_ticks: after.skipped_ticks.saturating_sub(before.skipped_ticks),
        server_cpu_us_per_client_tick: gained(measured, "bluemarble_process_cpu_seconds")
            .map(|cpu_s| cpu_s * 1e6 / (f64::from(args.clients) * ticks.max(1) as f64)),
        server_resident_bytes: prometheus::value(
            &measured.after.1,
            "bluemarble_process_resident_bytes",
        ),
        down_bytes_per_s: mean(|outcome| outcome.down_bytes as f64 / outcome.seconds),
        up_bytes_per_s: mean(|outcome| outcome.up_bytes as f64 / outcome.seconds),
        seen_mean,
        seen_min,
        blow_ms: blow_times(outcomes),
        handoffs_per_s: rate(after.handoffs, before.handoffs),
        kills_per_s: rate(after.kills, before.kills),
        hits_per_s: rate(after.hits, before.hits),
        snapshots: snapshots(outcomes, ticks as f64 / seconds),
        prediction: Prediction {
            on: outcomes.iter().any(|outcome| outcome.confirmed > 0),
            confirmed: outcomes.iter().map(|outcome| outcome.confirmed).sum(),
            diverged: outcomes.iter().map(|outcome| outcome.diverged).sum(),
        },
        lost: lost(args, outcomes),
        verification: verification(
            args,
            outcomes,
            findings,
            dropped_views,
            ticks as f64 / seconds,
        ),
        problems: Vec::new(),
    }
}

fn gained(measured: &Measured, name: &str) -> Option<f64> {
    Some(prometheus::value(&measured.after.1, name)? - prometheus::value(&measured.before.1, name)?)
}

fn tick_times(measured: &Measured, ticks: u64) -> TickTimes {
    const NAME: &str = "bluemarble_tick_seconds";
    let buckets =
        Buckets::parse(&measured.after.1, NAME).since(&Buckets::parse(&measured.before.1, NAME));
    let ms = |quantile| buckets.quantile(quantile).map(|seconds| seconds * 1_000.0);
    TickTimes {
        p50: ms(0.5),
        p95: ms(0.95),
        p99: ms(0.99),
        max: measured.tick_ms_max,
        ticks,
    }
}

fn blow_times(outcomes: &[Outcome]) -> BlowTimes {
    let mut all = latencies();
    for outcome in outcomes {
        all.add(&outcome.blows_us).expect("all are made alike");
    }
    let ms = |quantile| all.value_at_quantile(quantile) as f64 / 1_000.0;
    BlowTimes {
        p50: ms(0.5),
        p99: ms(0.99),
        sights: all.len(),
    }
}

fn snapshots(outcomes: &[Outcome], ticks_per_s: f64) -> Snapshots {
    let received = outcomes.iter().map(|outcome| outcome.received).sum::<u64>();
    let expected = outcomes.iter().map(|outcome| outcome.expected).sum::<u64>();
    let played_s = outcomes.iter().map(|outcome| outcome.seconds).sum::<f64>();
    Snapshots {
        received,
        expected,
        loss: expected.saturating_sub(received) as f64 / expected.max(1) as f64,
        per_tick: received as f64 / (played_s * ticks_per_s).max(1.0),
        undecodable: outcomes.iter().map(|outcome| outcome.undecodable).sum(),
    }
}

fn lost(args: &LoadArgs, outcomes: &[Outcome]) -> Lost {
    let missing = u64::from(args.clients) - outcomes.len() as u64;
    let mut reasons: Vec<String> = outcomes.iter().filter_map(|o| o.lost.clone()).collect();
    if missing > 0 {
        reasons.push("did not leave in time".to_owned());
    }
    let (inside, outside): (Vec<_>, Vec<_>) = outcomes
        .iter()
        .filter(|outcome| outcome.lost.is_some())
        .partition(|o| o.was_inside);
    reasons.truncate(REASONS_MAX);
    Lost {
        refused: outside.len() as u64,
        disconnected: inside.len() as u64 + missing,
        reasons,
    }
}

fn verification(
    args: &LoadArgs,
    outcomes: &[Outcome],
    findings: &Findings,
    dropped_views: u64,
    ticks_per_s: f64,
) -> Verification {
    let tally = &findings.tally;
    let headers = outcomes.iter().map(|outcome| &outcome.headers);
    let promises = Promise::ALL.map(|promise| {
        let mut count = tally.of(promise).clone();
        if promise == Promise::Header {
            headers.clone().for_each(|header| count.merge(header));
        }
        PromiseCount { promise, count }
    });
    let verifiers = outcomes.iter().filter(|outcome| outcome.verifies);
    let played_s = verifiers.map(|outcome| outcome.seconds).sum::<f64>();
    Verification {
        samples: tally.samples,
        samples_expected: (played_s * ticks_per_s / args.truth_every as f64) as u64,
        unverified: findings.unverified + dropped_views,
        truths: findings.truths,
        truth_ended: findings.truth_ended.clone(),
        stale_snapshots_max: tally.stale_max(),
        age_snapshots: (tally.age(0.99), tally.age(1.0)),
        promises: promises.to_vec(),
    }
}
