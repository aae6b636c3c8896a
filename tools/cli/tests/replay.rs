//! `bluemarble replay` on recordings: one that is right, some in which a bit or more was flipped while
//! it was recorded, and some that must be refused.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use bluemarble_persistence::{
    Appended, CheckpointImage, Claim, ContentStamp, DataDirLock, JournalOptions, JournalRecord,
    JournalWriter, SegmentHeader, Store, sqlite_url,
};
use bluemarble_sim::{EntityState, Provenance, Scenario, World, WorldSpec};
use bluemarble_spatial::Planet;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const TICKS: u64 = 60;
const BENT_AT: u64 = 23;
const CHECKPOINT_AT: u64 = 40;
const SCENARIO: &str = r#"Scenario(
    planet: "moon",
    zones: 4,
    squares: [Square(name: "Landing Field", near: (0.0, 0.0))],
    spawn_spread_m: 20.0,
    avatar: "adventurer",
    camps: [Camp(at: Square(0), kind: "villager", count: 30, spread_m: 30.0)],
    puppets: 5,
)"#;

/// A server's data directory, the assets it was made from, and what was played.
struct Recorded {
    data: TempDir,
    assets: TempDir,
    digest: u64,
    /// The one that was bent, or would have been.
    somebody: EntityState,
}

fn assets() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    for folder in ["creatures", "features", "planets", "scenarios"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
    }
    for folder in ["creatures", "features"] {
        for entry in std::fs::read_dir(project.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let to = dir.path().join(folder).join(path.file_name().unwrap());
            if path.is_file() {
                std::fs::copy(&path, to).unwrap();
            }
        }
    }
    let planet = "planets/moon.ron";
    std::fs::copy(project.join(planet), dir.path().join(planet)).unwrap();
    std::fs::write(dir.path().join("scenarios/lively.ron"), SCENARIO).unwrap();
    dir
}

fn image(world: &World, claim: &Claim) -> CheckpointImage {
    let checkpoint = world.checkpoint();
    CheckpointImage {
        world: claim.world.clone(),
        tick: checkpoint.tick,
        epoch: claim.epoch,
        digest: checkpoint.digest,
        content_hash: world.spec().content_hash(),
        provenance: Provenance::of(world.spec()).to_string(),
        taken_ms: 0,
        parts: checkpoint
            .parts
            .into_iter()
            .map(|p| (p.zone, p.bytes))
            .collect(),
    }
}

/// Plays the scenario's script as a server would log it; somebody is bent at the end of [`BENT_AT`].
fn record(bend: fn(&mut EntityState)) -> Recorded {
    let (data, assets) = (tempfile::tempdir().unwrap(), assets());
    let scenario = Scenario::find(assets.path(), "lively").unwrap();
    let planet = Arc::new(Planet::load(assets.path(), "moon").unwrap());
    let mut world = World::genesis(WorldSpec {
        scenario,
        planet,
        tick_hz: 20,
        seed: 5,
        zones: 4,
    })
    .unwrap();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let runtime = Runtime::new().unwrap();
    drop(DataDirLock::take(data.path()).unwrap());
    let url = sqlite_url(&data.path().join("world.sqlite"));
    let store = runtime.block_on(Store::open(&url)).unwrap();
    let stamp = ContentStamp {
        content_hash: world.spec().content_hash(),
        build: "a test".into(),
    };
    let claim = runtime.block_on(store.claim("w", &stamp)).unwrap();
    let save = |world: &World| {
        let image = image(world, &claim);
        let saved = store.save_checkpoint(&claim, &image);
        runtime.block_on(saved).unwrap();
    };
    save(&world);
    let header = SegmentHeader {
        world: "w".into(),
        epoch: claim.epoch,
        first_tick: world.tick().next(),
        content_hash: stamp.content_hash,
        provenance: Provenance::of(world.spec()).to_string(),
        build: stamp.build.clone(),
    };
    let options = JournalOptions {
        group_commit: Duration::from_millis(20),
        queue_records: 1_000,
    };
    let mut journal = JournalWriter::create(&data.path().join("journal"), header, options).unwrap();
    let mut somebody = None;
    for _ in 0..TICKS {
        let inputs = world.scripted_inputs();
        let appended = journal.append(JournalRecord {
            tick: inputs.tick,
            prev_digest: world.digest(),
            sealed_ms: 0,
            sketch: world.digest_parts().to_words(),
            payload: inputs.encode(),
        });
        assert_eq!(appended, Appended::Queued);
        world.step(&inputs, &pool).unwrap();
        if world.tick().0 == BENT_AT {
            let state = world
                .states()
                .into_iter()
                .find(|s| s.mind.is_some())
                .unwrap();
            assert!(world.bend(state.identity.id, bend));
            somebody = Some(state);
        }
        if world.tick().0 == CHECKPOINT_AT {
            save(&world);
        }
    }
    let _ = journal.finish();
    runtime.block_on(store.close());
    Recorded {
        data,
        assets,
        digest: world.digest(),
        somebody: somebody.unwrap(),
    }
}

fn replay(recorded: &Recorded, args: &[&str]) -> (Option<i32>, String) {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_bluemarble"))
        .arg("replay")
        .arg(recorded.data.path())
        .arg("--assets")
        .arg(recorded.assets.path())
        .args(["--quiet", "--threads", "1"])
        .args(args)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

fn id(of: &EntityState) -> String {
    format!("{:016x}", of.identity.id.0)
}

fn files(dir: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_recording_is_replayed_in_any_cut_from_any_checkpoint_and_left_as_it_was() {
    let recorded = record(|_| {});
    let before = files(recorded.data.path());
    let digest = format!("tick {TICKS} digest {:016x}", recorded.digest);
    for (args, ticks) in [
        (&[][..], TICKS),
        (&["--zones", "9"], TICKS),
        (&["--from", "40", "--zones", "1"], TICKS - CHECKPOINT_AT),
    ] {
        let (status, text) = replay(&recorded, args);
        assert_eq!(status, Some(0), "{text}");
        assert!(
            text.contains(&format!("all {ticks} digests equal")),
            "{text}"
        );
        // The server was not stopped properly: no record and no checkpoint is behind the last tick.
        assert!(text.contains("nothing remembers that last one"), "{text}");
        assert!(
            text.contains(&digest) && text.contains("x real time"),
            "{text}"
        );
    }
    let somebody = id(&recorded.somebody);
    let (status, text) = replay(&recorded, &["--until", "23", "--dump-entity", &somebody]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("all 24 digests equal"), "{text}");
    assert!(!text.contains("nothing remembers"), "{text}");
    assert!(
        text.contains(&format!("at tick 23, entity {somebody}")),
        "{text}"
    );
    let x = format!("Body.pos[0] = {:?} (", recorded.somebody.body.0.pos.x);
    assert!(text.contains(&x), "{x}: {text}");
    assert_eq!(files(recorded.data.path()), before);
    let (status, text) = replay(&recorded, &["--from", "41"]);
    assert_eq!(status, Some(2));
    assert!(text.contains("only of 40, 0"), "{text}");
    let (status, text) = replay(&recorded, &["--from", "40", "--until", "39"]);
    assert_eq!(status, Some(2));
    assert!(text.contains("before the checkpoint of tick 40"), "{text}");
    let (status, text) = replay(&recorded, &["--world", "dungeon"]);
    assert_eq!(status, Some(2));
    assert!(
        text.contains("is of the world 'w', and there is none of 'dungeon'"),
        "{text}"
    );
}

#[test]
fn one_flipped_bit_is_named_with_tick_entity_component_and_both_values() {
    let recorded = record(|state| {
        let y = &mut state.body.0.pos.y;
        *y = f64::from_bits(y.to_bits() ^ 1 << 17);
    });
    let (status, text) = replay(&recorded, &[]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("DIVERGED at tick 23"), "{text}");
    let somebody = id(&recorded.somebody);
    assert!(
        text.contains(&format!("entity {somebody}, component Body")),
        "{text}"
    );
    let y = recorded.somebody.body.0.pos.y;
    let bent = f64::from_bits(y.to_bits() ^ 1 << 17);
    let values = format!(
        "Body.pos[1]: here {y:?} ({:016x}), there {bent:?} ({:016x})",
        y.to_bits(),
        bent.to_bits()
    );
    assert!(text.contains(&values), "{values}: {text}");
    let (status, text) = replay(&recorded, &["--until", "22"]);
    assert_eq!(status, Some(0), "{text}");
    // The record behind the last tick remembers it.
    let (status, text) = replay(&recorded, &["--until", "23"]);
    assert_eq!(status, Some(1), "{text}");
}

#[test]
fn what_the_sums_do_not_tell_the_next_checkpoint_does() {
    let recorded = record(|state| state.life.deaths += 0x0f0f);
    let (status, text) = replay(&recorded, &["--zones", "3"]);
    assert_eq!(status, Some(1), "{text}");
    let somebody = id(&recorded.somebody);
    assert!(
        text.contains(&format!("entity {somebody}, component Life")),
        "{text}"
    );
    assert!(
        text.contains("the recording was computed differently"),
        "{text}"
    );
    assert!(text.contains("at the checkpoint of tick 40"), "{text}");
    assert!(text.contains("Life.deaths: here 0, there 3855"), "{text}");
}

#[test]
fn a_running_server_other_content_and_no_recording_are_refused() {
    let recorded = record(|_| {});
    let server = DataDirLock::take(recorded.data.path()).unwrap();
    let (status, text) = replay(&recorded, &[]);
    assert_eq!(status, Some(2), "{text}");
    assert!(
        text.contains("stopped server") && text.contains("process"),
        "{text}"
    );
    drop(server);

    let file = recorded.assets.path().join("scenarios/lively.ron");
    std::fs::write(&file, SCENARIO.replace("count: 30", "count: 31")).unwrap();
    let (status, text) = replay(&recorded, &[]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("scenario 'lively' differs"), "{text}");
    let (status, text) = replay(&recorded, &["--anyway"]);
    assert_eq!(
        status,
        Some(0),
        "a camp is made at the beginning only: {text}"
    );

    std::fs::remove_dir_all(recorded.data.path().join("journal")).unwrap();
    let (status, text) = replay(&recorded, &[]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("has no journal"), "{text}");
}
