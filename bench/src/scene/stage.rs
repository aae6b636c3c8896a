//! A scene with its server running: who of the bots does what in it, and what the server used.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bluemarble_shared_protocol::hash_words;

use anyhow::{Context as _, bail};
use bluemarble_sim::Recording;

use super::actors::{Follower, Shuttler, Soldier, Walker};
use super::{Actor, Host, HostOptions, Manner, Scene, Usage};
use crate::admin::Admin;
use crate::bot::Part;
use crate::cli::LoadArgs;
use crate::content;

/// Fewest bots that verify everything they receive.
const VERIFIERS_MIN: u32 = 20;
/// One bot in so many verifies, and as many again are verified when the run is over.
const VERIFIER_ONE_IN: u32 = 20;
/// How long a world may take to begin, and how often it is asked.
const WORLD_WAIT: Duration = Duration::from_secs(60);
const WORLD_POLL: Duration = Duration::from_millis(100);
/// Most bots that keep all they received: some megabytes each.
const KEEPERS_MAX: u32 = 50;

/// A scene with its server.
#[derive(Debug)]
pub struct Stage {
    /// The server.
    pub host: Host,
    /// The scene's name.
    pub name: String,
    /// The scene.
    pub scene: Scene,
    /// Radius of the patch, metres.
    pub patch_m: f64,
    /// What each bot does.
    parts: Vec<Part>,
    /// After whom they walk, if they follow somebody.
    recording: Option<Arc<Recording>>,
    /// Before anybody came.
    pub empty: Usage,
}

/// What a server used by a moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// The server.
    pub server: Usage,
}

impl Stage {
    /// Starts the scene's server.
    ///
    /// # Errors
    /// No such scene, or no server.
    pub fn start(args: &LoadArgs, name: &str) -> anyhow::Result<Self> {
        let assets = args.assets.clone().unwrap_or_else(content::usual_place);
        let scene = Scene::find(&assets, name)?;
        let patch_m = scene.patch_m(args.clients, args.k)?;
        let recording = recording(&scene, &assets, args.recording.as_deref())?;
        let options = HostOptions {
            program: args.server_program.clone(),
            assets,
            seed: args.seed,
            net_threads: usize::from(args.server_net_threads),
            strangers: LoadArgs {
                hostile: args.hostile.or(scene.hostile()),
                ..args.clone()
            }
            .hostile_bots(),
        };
        let host = Host::start(&scene, name, args.clients, patch_m, &options)?;
        wait_for_world(&host)?;
        let empty = Usage::of(host.pid()).unwrap_or_default();
        Ok(Self {
            host,
            name: name.to_owned(),
            patch_m,
            parts: match scene.players {
                // Whoever fights has to look.
                Manner::Armies { .. } => vec![Part::Verifies; args.clients as usize],
                _ => parts(args.seed, args.clients),
            },
            scene,
            recording,
            empty,
        })
    }

    /// The arguments with what only the running server knows.
    #[must_use]
    pub fn arguments(&self, args: &LoadArgs) -> LoadArgs {
        LoadArgs {
            server: self.host.quic(),
            admin: self.host.admin(),
            data_dir: self.host.data_dir(),
            assets: Some(self.host.assets()),
            trust: None,
            ticket_key: None,
            hostile: args.hostile.or(self.scene.hostile()),
            ramp: args.ramp.or(self.scene.ramp_s),
            all_drop_after: args.all_drop_after.or(self.scene.all_drop_after_s),
            expect: self.scene.gates.under(&args.expect, args.clients),
            ..args.clone()
        }
    }

    /// Who bot `number` is.
    #[must_use]
    pub fn actor(&self, seed: u64, number: u32) -> Actor {
        let tick_hz = self.scene.tick_hz;
        match (self.scene.players, &self.recording) {
            (Manner::Walk { turn_rad }, _) => {
                Actor::Walker(Walker::new(seed, number, self.patch_m, turn_rad))
            }
            (Manner::Shuttle { beyond_m }, _) => {
                Actor::Shuttler(Shuttler::new(seed, number, beyond_m))
            }
            (Manner::Armies { apart_m }, _) => {
                Actor::Soldier(Soldier::new(seed, number, tick_hz, apart_m))
            }
            (Manner::Follow, Some(recording)) => {
                Actor::Follower(Follower::new(recording.clone(), number, tick_hz))
            }
            (Manner::Follow, None) | (Manner::Stand, _) => Actor::Stander,
        }
    }

    /// What bot `number` does.
    #[must_use]
    pub fn part(&self, number: u32) -> Part {
        self.parts[number as usize]
    }

    /// By now.
    #[must_use]
    pub fn spent(&self) -> Spent {
        Spent {
            server: Usage::of(self.host.pid()).unwrap_or_default(),
        }
    }
}

/// After whom the players walk, if the scene says so: the file given, or the one that comes with the content.
fn recording(
    scene: &Scene,
    assets: &Path,
    given: Option<&Path>,
) -> anyhow::Result<Option<Arc<Recording>>> {
    if scene.players != Manner::Follow {
        if let Some(path) = given {
            let path = path.display();
            bail!("nobody in this scene walks after a recording, and --recording names {path}");
        }
        return Ok(None);
    }
    let usual = || assets.join("recordings/practice.txt");
    let path = given.map_or_else(usual, Path::to_owned);
    let recording = Recording::load(&path).context("no recording to walk after")?;
    Ok(Some(Arc::new(recording)))
}

/// The server listens before its world runs.
fn wait_for_world(host: &Host) -> anyhow::Result<()> {
    let admin = Admin::new(&host.admin(), &host.data_dir())?;
    let mut waited = Duration::ZERO;
    loop {
        match admin.status() {
            Ok(_) => return Ok(()),
            Err(error) if waited >= WORLD_WAIT => return Err(error),
            Err(_) => std::thread::sleep(WORLD_POLL),
        }
        waited += WORLD_POLL;
    }
}

/// A draw of the seed decides who verifies and who keeps what it receives.
fn parts(seed: u64, clients: u32) -> Vec<Part> {
    let share = clients.div_ceil(VERIFIER_ONE_IN);
    let verifiers = share.max(VERIFIERS_MIN).min(clients);
    let keepers = share.min(KEEPERS_MAX).min(clients - verifiers);
    let mut order: Vec<u32> = (0..clients).collect();
    order.sort_by_key(|number| hash_words([seed, u64::from(*number), 0x5CE2E]));
    let mut parts = vec![Part::Counts; clients as usize];
    for (rank, number) in (0..).zip(order) {
        parts[number as usize] = match rank {
            rank if rank < verifiers => Part::Verifies,
            rank if rank < verifiers + keepers => Part::Keeps,
            _ => Part::Counts,
        };
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_one_in_twenty_verifies_and_the_choice_is_the_seeds() {
        for clients in [5, 20, 300, 2_000] {
            let parts_of = |seed| parts(seed, clients);
            let count = |part| parts_of(1).iter().filter(|other| **other == part).count() as u32;
            let verifiers = count(Part::Verifies);
            assert!(verifiers >= clients.min(20) && verifiers * 20 >= clients);
            assert!(clients <= 20 || count(Part::Keeps) > 0);
            assert_eq!(parts_of(1), parts_of(1));
        }
        assert_ne!(parts(1, 300), parts(2, 300));
    }
}
