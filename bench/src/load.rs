//! `load`: lets bots in one after the other, measures for a while, and gathers the report.

mod cost;
mod sampler;
mod summary;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bluemarble_net::certs::ServerIdentity;
use bluemarble_net::client::{ClientEndpoint, ClientOptions, Link, Predictor, Trust};
use bluemarble_net::testing::UdpRelay;
use bluemarble_net::tickets::{CharacterName, TicketIssuer, TicketKeys};
use bluemarble_shared_protocol::Welcome;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until};

use crate::admin::{Admin, Status};
use crate::bot::{self, Bot};
use crate::capture;
use crate::cli::{Expect, LoadArgs};
use crate::content;
use crate::hostile::{Hostiles, Target};
use crate::judge::{Findings, Judge, KeepTruth};
use crate::outcome::Outcome;
use crate::report::{Line, Report};
use crate::run::{Phase, Run};
use crate::scene::{Spent, Stage};
use crate::verify::{Recent, Rules};

use sampler::{Sampled, Sampler};

/// How long a ticket of a bot is good beyond the run itself, seconds.
const TICKET_SPARE_S: u64 = 600;
/// After the last bot has joined, everybody gets this long to see each other.
const SETTLE: Duration = Duration::from_secs(3);
/// After the measurement, the judge gets this long to receive the last truth.
const TRUTH_WAIT: Duration = Duration::from_millis(1_500);
/// How long the bots may take to leave: one that is just coming back over a bad line has its ten seconds to
/// connect, and a try more.
const LEAVE_WAIT: Duration = Duration::from_secs(25);
/// Lines of their own that bots may have.
const SOCKETS_MAX: u16 = 1_024;

/// Runs the load and gives the report, unjudged, and by which gates to judge it.
///
/// # Errors
/// The load could not be run at all.
pub async fn run(args: &LoadArgs) -> anyhow::Result<(Report, Expect)> {
    let Some(name) = args.scene.clone() else {
        let report = run_over_line(args, None).await?;
        return Ok((report, args.expect.clone()));
    };
    let stage = {
        let args = args.clone();
        tokio::task::spawn_blocking(move || Stage::start(&args, &name)).await??
    };
    let args = stage.arguments(args);
    let report = run_over_line(&args, Some(&stage)).await?;
    Ok((report, args.expect))
}

/// With a bad line in between, if one is asked for.
async fn run_over_line(args: &LoadArgs, stage: Option<&Stage>) -> anyhow::Result<Report> {
    let Some(quality) = args.link.clone() else {
        return run_against(args, args.server, stage).await;
    };
    let relay = UdpRelay::start(args.server, quality.clone(), args.seed).context("no relay")?;
    // A line each, as far as sockets go.
    let sockets = u16::try_from(args.clients)
        .unwrap_or(u16::MAX)
        .min(SOCKETS_MAX);
    let through = LoadArgs {
        server: relay.addr(),
        sockets,
        ..args.clone()
    };
    let mut report = run_against(&through, args.server, stage).await?;
    let (up, down) = relay.stats();
    report.line = Some(Line::new(&quality, up, down));
    Ok(report)
}

/// `direct`: where hostile bots go, whose fate is judged to the letter, whatever the others' line does.
async fn run_against(
    args: &LoadArgs,
    direct: SocketAddr,
    stage: Option<&Stage>,
) -> anyhow::Result<Report> {
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
    let rules = Rules::announced(&welcome);
    let rules = args.link.iter().fold(rules, |rules, line| rules.over(line));
    let judge = Judge::start(rules, stream, keep)?;
    let run = Run::new(crew.bots.len(), judge.desk(), args);
    let run = Arc::new(run);

    let bar = progress_bar(args);
    let predictor = content::predictor(args.assets.as_deref(), &status.scenario, &welcome);
    if let Err(error) = &predictor {
        bar.println(format!("bots will not predict their movement: {error:#}"));
    }
    let enemies = crew.enemies(args, direct)?;
    let mut bots = crew.join(args, predictor.ok(), &run, &bar).await;
    let mut hostiles = match enemies {
        Some(enemies) => Some(enemies.let_loose(args, &admin).await?),
        None => None,
    };
    wait_for_bots(&run, &mut bots, args.clients, &bar).await;
    let mut measured = measure(args, &admin, &run, judge.recent(), stage, &bar).await?;
    if let Some(hostiles) = &mut hostiles {
        hostiles.stop().await;
    }
    run.set_phase(Phase::Leaving);
    sleep(TRUTH_WAIT).await;
    let dropped = run.dropped_views.load(Ordering::Relaxed);
    let mut findings = tokio::task::spawn_blocking(move || judge.finish()).await?;
    bar.set_message("leaving");
    let mut outcomes = bots.outcomes().await;
    // Waits that had begun while it was measured have ended by now.
    measured.sampled.timed.merge(&run.timings.take());
    bar.set_message("verifying what was kept");
    for chapter in outcomes.iter().flat_map(|outcome| &outcome.chapters) {
        findings.annals.judge(chapter, &mut findings.tally);
    }
    verify_captures(&mut outcomes, &mut findings, rules).await?;
    bar.finish_and_clear();
    let mut report = summary::report(args, &measured, &outcomes, &findings, dropped);
    report.budget_bytes_per_s = f64::from(welcome.budget_bytes) * f64::from(welcome.tick_hz);
    if let Some(hostiles) = &hostiles {
        // By now their last closes have been counted.
        report.hostile = Some(hostiles.report(&blocking(&admin, Admin::metrics).await?));
    }
    report.cost = stage.map(|stage| cost::of(args, stage, &measured, &findings, &report));
    Ok(report)
}

/// Decodes what some bots only kept, and adds what that shows to the findings.
async fn verify_captures(
    outcomes: &mut [Outcome],
    findings: &mut Findings,
    rules: Rules,
) -> anyhow::Result<()> {
    let captures: Vec<_> = outcomes
        .iter_mut()
        .filter_map(|o| o.capture.take())
        .collect();
    let truths = std::mem::take(&mut findings.kept);
    let (tally, undecodable) =
        tokio::task::spawn_blocking(move || capture::verify(&captures, truths, rules)).await?;
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
    issuer: TicketIssuer,
    ticket_lifetime_s: u64,
    cert: PathBuf,
}

/// What hostile bots need.
struct Enemies {
    bots: u32,
    target: Target,
    issuer: TicketIssuer,
    ticket_lifetime_s: u64,
}

impl Enemies {
    /// All of them at once.
    async fn let_loose(self, args: &LoadArgs, admin: &Admin) -> anyhow::Result<Hostiles> {
        let before = blocking(admin, Admin::metrics).await?;
        Hostiles::start(
            self.bots,
            args.seed,
            &self.target,
            &self.issuer,
            self.ticket_lifetime_s,
            before,
        )
    }
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
        let lifetime_s = args.seconds + args.ramp_s().ceil() as u64 + TICKET_SPARE_S;
        let bots = (0..args.clients)
            .map(|number| {
                let name = CharacterName::parse(&format!("{}-{number:04}", args.name))
                    .context("--name does not make character names")?;
                let ticket = issuer.issue(&name, now_s, lifetime_s);
                let bot = Bot::new(args, number, name, ticket);
                Ok(match stage {
                    Some(stage) => bot.playing(stage.actor(args.seed, number), stage.part(number)),
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
            issuer,
            ticket_lifetime_s: lifetime_s,
            cert,
        })
    }

    /// Those who are not honest, if any are asked for.
    fn enemies(&self, args: &LoadArgs, direct: SocketAddr) -> anyhow::Result<Option<Enemies>> {
        let bots = args.hostile_bots();
        if bots == 0 {
            return Ok(None);
        }
        Ok(Some(Enemies {
            bots,
            target: Target::new(direct, &args.server_name, &self.cert)?,
            issuer: self.issuer.clone(),
            ticket_lifetime_s: self.ticket_lifetime_s,
        }))
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
            sleep_until(began + Duration::from_secs_f64(args.ramp_s() * n as f64 / count)).await;
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

/// What was seen of the server and the bots while everything counted.
struct Measured {
    sampled: Sampled,
    seconds: f64,
    began_unix_s: u64,
    /// In a scene: what was used before and after.
    spent: (Spent, Spent),
    threads: u16,
}

async fn measure(
    args: &LoadArgs,
    admin: &Admin,
    run: &Run,
    recent: Recent,
    stage: Option<&Stage>,
    bar: &ProgressBar,
) -> anyhow::Result<Measured> {
    let spent = || stage.map(Stage::spent).unwrap_or_default();
    let mut sampler = Sampler::begin(admin, run, recent).await?;
    let (began_unix_s, spent_before) = (bot::unix_now_s(), spent());
    run.set_phase(Phase::Measuring);
    let began = Instant::now();
    bar.set_length(args.seconds);
    bar.set_position(0);
    let kills_before = sampler.status().kills;
    let mut second = interval(Duration::from_secs(1));
    second.tick().await;
    for n in 1..=args.seconds {
        second.tick().await;
        let row = sampler.look().await?.clone();
        bar.set_position(n);
        bar.set_message(format!(
            "tick {} p99 {:.1} max {:.1} ms, {} players, {:.0} KB/s down, stale p99 {:.0} ms, {} kills",
            sampler.status().tick,
            row.tick_ms.p99,
            row.tick_ms.max,
            row.players,
            row.traffic.down_bytes as f64 / row.took_s / 1_000.0,
            row.bots.stale_ms.p99,
            sampler.status().kills.saturating_sub(kills_before)
        ));
    }
    Ok(Measured {
        spent: (spent_before, spent()),
        sampled: sampler.end(),
        seconds: began.elapsed().as_secs_f64(),
        began_unix_s,
        threads: args.bot_threads,
    })
}

fn progress_bar(args: &LoadArgs) -> ProgressBar {
    let bar = ProgressBar::new(u64::from(args.clients));
    let style = ProgressStyle::with_template("{bar:30} {pos:>5}/{len:<5} {wide_msg}")
        .expect("the template is well formed");
    bar.set_style(style);
    bar
}
