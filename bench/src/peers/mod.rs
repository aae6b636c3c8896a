//! `peers`: ours and what others do with the same work, one after the other in the same run. A peer is a program
//! in `bench/peers`, whose README says what it must do.

mod contestant;
mod loopback;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::cli::{LoadArgs, PeersArgs};
use crate::content;
use crate::load;
use crate::scene::Scene;

/// After everybody is in.
const SETTLE: Duration = Duration::from_secs(3);
/// The scene: W(n, k).
const SCENE: &str = "meadow";

/// What one contestant did.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Its name.
    pub name: String,
    /// Processor time of the server, microseconds per client and tick.
    pub cpu_us: f64,
    /// Half of the server's ticks took less, and 99 of 100, milliseconds.
    pub tick_ms: (f64, f64),
    /// UDP payload both ways, bytes per client and second.
    pub bytes_per_s: f64,
    /// Others that a client saw, on average.
    pub seen: f64,
    /// How far off they were shown, 99 of 100, centimetres; of us, of those near.
    pub error_cm_p99: f64,
    /// What was seen wrong, or why the figures say nothing; empty = good.
    pub problems: Vec<String>,
}

/// Runs all, and prints what they did.
///
/// # Errors
/// There are no peers, or one does not do what it should.
pub fn run(args: &PeersArgs) -> anyhow::Result<bool> {
    let programs = programs(&args.programs)?;
    let assets = content::usual_place();
    let scene = Scene::find(&assets, SCENE)?;
    let patch_m = scene.patch_m(args.clients, Some(args.k))?;
    let mut all = Vec::new();
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}: bluemarble", args.rounds);
        all.push(ours(args)?);
        for program in &programs {
            for packed in [false, true] {
                let work = contestant::Work {
                    clients: args.clients,
                    patch_m,
                    radius_m: scene.radius_m,
                    hz: scene.tick_hz,
                    settle: SETTLE,
                    measured: Duration::from_secs(args.seconds),
                    packed,
                };
                let name = contestant::name(program, packed);
                eprintln!("round {round} of {}: {name}", args.rounds);
                let figures = contestant::run(program, &name, &work);
                all.push(figures.with_context(|| program.display().to_string())?);
            }
        }
    }
    print!("{}", table::of(&all, args));
    if let Some(file) = &args.json {
        let text = serde_json::to_string_pretty(&all)?;
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(all.iter().all(|figures| figures.problems.is_empty()))
}

/// The programs of all peers: `peer-...` in the folder.
fn programs(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_peer = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let ending = path.extension().and_then(|ending| ending.to_str());
        stem.is_some_and(|stem| stem.starts_with("peer-")) && matches!(ending, None | Some("exe"))
    };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_peer).collect();
    found.sort();
    if found.is_empty() {
        bail!(
            "no peers in {}: build them (cargo build --release --ignore-rust-version --manifest-path \
             bench/peers/Cargo.toml) or say with --programs where they are",
            folder.display()
        );
    }
    Ok(found)
}

fn ours(args: &PeersArgs) -> anyhow::Result<Figures> {
    let load = LoadArgs::of_scene(SCENE, args.clients, args.k, args.seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::from(load.bot_threads))
        .enable_all()
        .build()?;
    let (mut report, gates) = runtime.block_on(Box::pin(load::run(&load)))?;
    runtime.shutdown_background();
    report.judge(&gates);
    let cost = report.cost.as_ref().context("a scene has costs")?;
    Ok(Figures {
        name: "bluemarble".to_owned(),
        cpu_us: cost.cpu_us.everything,
        tick_ms: (
            report.tick_ms.p50.unwrap_or(f64::NAN),
            report.tick_ms.p99.unwrap_or(f64::NAN),
        ),
        bytes_per_s: report.down_bytes_per_s + report.up_bytes_per_s,
        seen: cost.seen_within,
        error_cm_p99: cost.near.error_cm.p99,
        problems: report.problems.clone(),
    })
}
