//! A checkpoint whose parts say anything at all, behind right checksums: it is refused, with a reason.

use std::path::Path;
use std::sync::OnceLock;

use bluemarble_shared_protocol::Tick;
use bluemarble_sim::{Checkpoint, CheckpointPart, Scenario, World, WorldSpec};
use bluemarble_spatial::Planet;
use bluemarble_spatial::mix::hash_bytes;

use crate::{joined, pieces};

/// What checksums begin with, by kind of part: a zone's, the past, the gate.
const SEEDS: [(u64, u32); 3] = [
    (0x7061_7274, 0),
    (0x7061_7374, CheckpointPart::PAST),
    (0x6761_7465, u32::MAX - 1),
];

fn world() -> &'static (Planet, Vec<String>, Checkpoint) {
    static WORLD: OnceLock<(Planet, Vec<String>, Checkpoint)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
        let scenario =
            Scenario::find(&assets, "bottleneck").expect("the repository's own scenario");
        let planet = Planet::load(&assets, &scenario.planet).expect("the repository's own planet");
        let kinds = scenario.kind_names.clone();
        let spec = WorldSpec {
            scenario,
            planet: std::sync::Arc::new(planet.clone()),
            tick_hz: 20,
            seed: 1,
            zones: 2,
        };
        let checkpoint = World::genesis(spec).expect("a world").checkpoint();
        (planet, kinds, checkpoint)
    })
}

pub(crate) fn run(data: &[u8]) {
    let (planet, kinds, taken) = world();
    let parts = pieces(data).take(4).filter_map(|piece| {
        let (&kind, body) = piece.split_first()?;
        let (seed, zone) = SEEDS[usize::from(kind) % SEEDS.len()];
        let mut bytes = body.to_vec();
        bytes.extend(hash_bytes(seed, body).to_le_bytes());
        Some(CheckpointPart { zone, bytes })
    });
    let checkpoint = Checkpoint {
        tick: Tick(10),
        digest: taken.digest,
        parts: parts.collect(),
    };
    // The digest of other content than was taken is another one.
    if let Ok(states) = checkpoint.entities(planet, kinds) {
        assert_eq!(
            states.len(),
            taken.entities_len(planet, kinds),
            "another world under the same digest"
        );
    }
}

trait EntitiesLen {
    fn entities_len(&self, planet: &Planet, kinds: &[String]) -> usize;
}

impl EntitiesLen for Checkpoint {
    fn entities_len(&self, planet: &Planet, kinds: &[String]) -> usize {
        self.entities(planet, kinds).expect("our own").len()
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let (_, _, taken) = world();
    let body = |part: &CheckpointPart| {
        let kind = SEEDS
            .iter()
            .position(|(_, zone)| *zone == part.zone)
            .unwrap_or(0);
        let mut body = vec![kind as u8];
        body.extend(&part.bytes[..part.bytes.len().saturating_sub(8).min(1_000)]);
        body
    };
    taken
        .parts
        .iter()
        .take(3)
        .map(|part| joined(&[body(part)]))
        .collect()
}
