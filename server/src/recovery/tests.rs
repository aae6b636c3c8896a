//! Recovery against a world that was stepped directly: same ticks, same digests, and a refusal for
//! everything that does not fit.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bluemarble_persistence::{JournalRecord, JournalSurvey, SegmentSummary};
use bluemarble_sim::Scenario;
use bluemarble_spatial::Planet;
use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};
use crate::remains::{Damaged, Records};

const BUILD: &str = "this build";
const WORLD: &str = "w";

fn spec(seed: u64) -> WorldSpec {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let mut scenario = Scenario::find(&assets, "first-contact").unwrap();
    scenario.squares.truncate(1);
    scenario.camps.truncate(2);
    scenario.puppets = 8;
    WorldSpec {
        scenario,
        planet: Arc::new(Planet::smooth(50_000.0)),
        tick_hz: 20,
        seed,
        zones: 5,
    }
}

fn stepper() -> Stepper {
    let Command::Serve(args) = Cli::parse_from(["bluemarble-server", "serve"]).command else {
        panic!("not serve");
    };
    Stepper::new(1, &args).unwrap()
}

/// A world after some scripted ticks, the log of them, and an image taken on the way.
struct History {
    world: World,
    records: Vec<JournalRecord>,
    image: CheckpointImage,
}

fn history(spec: &WorldSpec, ticks: u64, image_at: u64) -> History {
    let mut world = World::genesis(spec.clone()).unwrap();
    let stepper = stepper();
    let (mut records, mut taken) = (Vec::new(), None);
    for _ in 0..ticks {
        let inputs = world.scripted_inputs();
        records.push(JournalRecord {
            tick: inputs.tick,
            prev_digest: world.digest(),
            sealed_ms: 1_000 * inputs.tick.0,
            sketch: world.digest_parts().to_words(),
            payload: inputs.encode(),
        });
        stepper.step(&mut world, &inputs).unwrap().unwrap();
        if world.tick().0 == image_at {
            let label = Label {
                world: WORLD.into(),
                epoch: Epoch(3),
                content_hash: spec.content_hash(),
                provenance: Provenance::of(spec).to_string(),
                journal: PathBuf::new(),
            };
            taken = Some(image(world.checkpoint(), &label, 0));
        }
    }
    History {
        world,
        records,
        image: taken.unwrap(),
    }
}

fn remains(history: &History, spec: &WorldSpec, after_image: bool) -> Remains {
    let after = if after_image {
        history.image.tick
    } else {
        Tick(0)
    };
    let records: Vec<_> = history
        .records
        .iter()
        .filter(|record| record.tick > after)
        .cloned()
        .collect();
    let header = SegmentHeader {
        world: WORLD.into(),
        epoch: Epoch(3),
        first_tick: Tick(1),
        content_hash: spec.content_hash(),
        provenance: Provenance::of(spec).to_string(),
        build: BUILD.into(),
    };
    let segment = SegmentSummary {
        file: PathBuf::from("segment"),
        header,
        records: records.len() as u64,
    };
    Remains {
        newest: None,
        passed_over: Vec::new(),
        given_up: None,
        shipped: bluemarble_persistence::ShippedJournal::default(),
        view: None,
        image: after_image.then(|| history.image.clone()),
        tail: JournalSurvey {
            records: records.len() as u64,
            last: records.last().map(|record| record.tick),
            segments: vec![segment],
            world: Some(WORLD.into()),
            ..JournalSurvey::default()
        },
        records: Records::Here(records),
    }
}

fn journaled(remains: &mut Remains) -> &mut Vec<JournalRecord> {
    match &mut remains.records {
        Records::Here(records) => records,
        Records::Journal { .. } => panic!("they are here"),
    }
}

fn attempt(spec: &WorldSpec, build: &str, remains: &Remains) -> Result<Recovered, RecoveryError> {
    let asker = Asker {
        spec,
        world: WORLD,
        build,
        any_build: false,
    };
    recover(&asker, remains, &stepper(), |_, _| {})
}

fn refusal(spec: &WorldSpec, build: &str, remains: &Remains) -> RecoveryError {
    match attempt(spec, build, remains) {
        Ok(recovered) => panic!("recovered to {}", recovered.world.tick()),
        Err(error) => error,
    }
}

#[test]
fn a_checkpoint_and_the_journal_lead_to_the_same_world_as_the_journal_alone() {
    let spec = spec(1);
    let history = history(&spec, 40, 25);
    let cut_otherwise = WorldSpec {
        zones: 11,
        ..spec.clone()
    };
    for (after_image, spec) in [(true, &spec), (false, &spec), (true, &cut_otherwise)] {
        let recovered = attempt(spec, BUILD, &remains(&history, spec, after_image)).unwrap();
        assert_eq!(recovered.world.tick(), Tick(40));
        assert_eq!(recovered.world.digest(), history.world.digest());
        assert_eq!(recovered.replayed, if after_image { 15 } else { 40 });
        assert_eq!(recovered.epoch, Epoch(if after_image { 3 } else { 0 }));
        let trail: Vec<u64> = recovered.trail.iter().map(|(tick, _)| tick.0).collect();
        assert_eq!(trail.last(), Some(&40));
        assert!(trail.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }
}

#[test]
fn a_divergence_is_named_with_its_first_tick() {
    let spec = spec(1);
    let history = history(&spec, 12, 4);
    let mut remains = remains(&history, &spec, true);
    journaled(&mut remains)[5].prev_digest ^= 1;
    let error = refusal(&spec, BUILD, &remains);
    let RecoveryError::Diverged { tick, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(tick, Tick(9));
    assert!(error_text(&remains, &spec).contains("tick 9"));
}

fn error_text(remains: &Remains, spec: &WorldSpec) -> String {
    refusal(spec, BUILD, remains).to_string()
}

#[test]
fn inputs_that_are_none_are_named_with_their_tick() {
    let spec = spec(1);
    let history = history(&spec, 6, 2);
    let mut remains = remains(&history, &spec, true);
    journaled(&mut remains)[2].payload.truncate(3);
    let error = refusal(&spec, BUILD, &remains);
    assert!(
        matches!(error, RecoveryError::BadInputs { tick: Tick(5), .. }),
        "{error}"
    );
}

#[test]
fn a_tail_of_another_world_content_or_build_is_refused_and_no_tail_is_not() {
    let spec = spec(1);
    let history = history(&spec, 6, 2);
    let tail = remains(&history, &spec, true);
    assert!(matches!(
        refusal(&spec, "that build", &tail),
        RecoveryError::OtherBuild { .. }
    ));
    let other = self::spec(2);
    let RecoveryError::OtherContent { ticks, what, .. } = refusal(&other, BUILD, &tail) else {
        panic!("another refusal")
    };
    assert_eq!((ticks, what.as_str()), (4, "seed 1, here 2"));
    let mut nameless = remains(&history, &spec, true);
    nameless.tail.segments[0].header.provenance.clear();
    let text = refusal(&other, BUILD, &nameless).to_string();
    assert!(text.contains("does not say more"), "{text}");
    let mut foreign = remains(&history, &spec, true);
    foreign.tail.records = 0;
    foreign.tail.world = Some("v".into());
    assert!(matches!(
        refusal(&spec, BUILD, &foreign),
        RecoveryError::OtherWorld(_)
    ));

    let mut planned = remains(&history, &spec, true);
    planned.tail.records = 0;
    planned.records = Records::Here(Vec::new());
    planned.tail.segments.clear();
    assert_eq!(
        attempt(&other, "that build", &planned)
            .unwrap()
            .world
            .tick(),
        Tick(2)
    );
}

#[test]
fn the_way_past_a_damaged_checkpoint_leads_to_the_state_it_had() {
    let spec = spec(1);
    let history = history(&spec, 12, 4);
    let digest = history.records[8].prev_digest;
    let past = |digest| Remains {
        passed_over: vec![Damaged {
            epoch: Epoch(3),
            tick: Tick(8),
            digest,
            what: "gone".into(),
        }],
        ..remains(&history, &spec, true)
    };
    for digest in [None, Some(digest)] {
        let recovered = attempt(&spec, BUILD, &past(digest)).unwrap();
        assert_eq!(recovered.world.digest(), history.world.digest());
    }
    let error = refusal(&spec, BUILD, &past(Some(digest ^ 1)));
    assert!(
        matches!(error, RecoveryError::OtherThanDamaged { tick: Tick(8), .. }),
        "{error}"
    );
}
