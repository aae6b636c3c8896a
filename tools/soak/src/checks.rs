//! What must hold at every tick: nobody doubled, nobody lost, and both worlds the same.

use std::collections::BTreeSet;

use bluemarble_shared_protocol::{EntityId, OwnState, WireFrame};
use bluemarble_sim::{EntityState, Frame, Tally, TickInputs, TickReport, World, ZoneId};

use crate::inputs::Traffic;

/// What is wrong, in words.
pub type Fault = String;

/// Who must be there, counted from the inputs alone.
#[derive(Default)]
pub struct Register {
    avatars: BTreeSet<EntityId>,
    entities: usize,
    coins: u64,
}

impl Register {
    /// Whoever is there at the beginning.
    #[must_use]
    pub fn of(world: &World) -> Self {
        Self {
            avatars: world.avatars().into_iter().collect(),
            entities: world.entities(),
            coins: world.audit().total(),
        }
    }

    /// Follows the inputs of a tick and compares with what the world reports after it.
    ///
    /// # Errors
    /// If somebody is lost, or there who never came.
    pub fn follow(
        &mut self,
        inputs: &TickInputs,
        traffic: &Traffic,
        report: &TickReport,
    ) -> Result<(), Fault> {
        for leave in &inputs.players.leaves {
            self.entities -= usize::from(self.avatars.remove(leave));
        }
        for admission in &inputs.players.admissions {
            self.entities += usize::from(self.avatars.insert(admission.avatar));
        }
        self.entities += traffic.summoned + report.tally.births as usize;
        self.entities -= report.tally.ends as usize;
        expect("entities", self.entities, report.entities)?;
        expect("avatars", self.avatars.len(), report.avatars)?;
        expect(
            "refused commands",
            traffic.refused,
            report.tally.commands_refused,
        )
    }

    /// Counts the coins of both worlds: they change by what came and went with somebody.
    ///
    /// # Errors
    /// If some are lost or doubled.
    pub fn count_coins(
        &mut self,
        report: &TickReport,
        twin: &World,
        subject: &World,
    ) -> Result<(), Fault> {
        let (whole, cut) = (twin.audit(), subject.audit());
        if whole != cut {
            return Err(format!("coins {cut:?}, the twin's {whole:?}"));
        }
        self.coins = (self.coins + report.tally.minted) - report.tally.coins_left;
        expect("coins", self.coins, cut.total())
    }

    /// Compares the avatars by name.
    ///
    /// # Errors
    /// If one is lost, or there who never came.
    pub fn check_avatars(&self, world: &World) -> Result<(), Fault> {
        let there = world.avatars();
        if self.avatars.iter().eq(there.iter()) {
            return Ok(());
        }
        let there: BTreeSet<EntityId> = there.into_iter().collect();
        let lost: Vec<_> = self.avatars.difference(&there).take(5).collect();
        let extra: Vec<_> = there.difference(&self.avatars).take(5).collect();
        Err(format!(
            "avatars lost {lost:?}, avatars nobody sent {extra:?}"
        ))
    }
}

fn expect<T: PartialEq + std::fmt::Display>(
    what: &str,
    expected: T,
    found: T,
) -> Result<(), Fault> {
    if expected == found {
        return Ok(());
    }
    Err(format!("{found} {what}, expected {expected}"))
}

/// Everybody in the frames, by id.
///
/// # Errors
/// If an entity is there twice, in the frame of a zone that does not own its cell, or if frames and
/// directory do not agree how many there are.
pub fn census(world: &World) -> Result<Vec<EntityId>, Fault> {
    let frames = world.frames();
    let mut ids = Vec::with_capacity(world.entities());
    for (n, frame) in frames.zones.iter().enumerate() {
        // Behind the zones' frames come those of their sleepers.
        let zone = (n % frames.map.len()) as ZoneId;
        ids.extend_from_slice(&frame.ids);
        if let Some(cell) = frame.cells().find(|cell| frames.map.zone_of(*cell) != zone) {
            return Err(format!(
                "the frame of zone {zone} has rows in {cell:?} of another zone"
            ));
        }
    }
    ids.sort_unstable();
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("{:?} is in the frames twice", pair[0]));
    }
    expect("entities in the frames", world.entities(), ids.len())?;
    Ok(ids)
}

/// Digests and everything that is counted without regard to borders.
///
/// # Errors
/// If the two worlds are not the same.
pub fn same_report(twin: &TickReport, subject: &TickReport) -> Result<(), Fault> {
    expect("entities", twin.entities, subject.entities)?;
    expect("avatars", twin.avatars, subject.avatars)?;
    if twin.digest != subject.digest {
        return Err(format!(
            "digest {:016x}, the twin's is {:016x}",
            subject.digest, twin.digest
        ));
    }
    let (whole, cut) = (borderless(&twin.tally), borderless(&subject.tally));
    if whole != cut {
        return Err(format!("counted {cut:?}, the twin {whole:?}"));
    }
    Ok(())
}

/// The counts that no border shows in.
fn borderless(tally: &Tally) -> Tally {
    Tally {
        contacts_cross: 0,
        hits_cross: 0,
        shots_hit_cross: 0,
        blasted_cross: 0,
        burns_cross: 0,
        handoffs: 0,
        ..*tally
    }
}

/// Frames and wire frames of all zones together, row by row.
///
/// # Errors
/// If the two worlds do not show the same.
pub fn same_frames(twin: &World, subject: &World) -> Result<(), Fault> {
    if let Some(fault) = subject.fault() {
        return Err(fault);
    }
    let (counted, known) = (subject.count_strays(), subject.strays());
    if counted != known {
        return Err(format!(
            "{counted} strays by looking, {known} by the world's own count"
        ));
    }
    let (whole, cut) = (frame_rows(twin), frame_rows(subject));
    if let Some(difference) = first_difference(&whole, &cut) {
        return Err(format!("frames differ: {difference}"));
    }
    let (whole, cut) = (wire_rows(twin), wire_rows(subject));
    if let Some(difference) = first_difference(&whole, &cut) {
        return Err(format!("wire frames differ: {difference}"));
    }
    let (whole, cut) = (owned(twin), owned(subject));
    if let Some(difference) = first_difference(&whole, &cut) {
        return Err(format!(
            "what avatars' owners are told differs: {difference}"
        ));
    }
    Ok(())
}

/// The first pair that is not equal.
fn first_difference<T: PartialEq + std::fmt::Debug>(whole: &[T], cut: &[T]) -> Option<String> {
    if whole.len() != cut.len() {
        return Some(format!("{} rows, the twin has {}", cut.len(), whole.len()));
    }
    let (twin, subject) = whole.iter().zip(cut).find(|(a, b)| a != b)?;
    Some(format!("{subject:?}, the twin has {twin:?}"))
}

fn frame_rows(world: &World) -> Vec<bluemarble_sim::FrameRow> {
    let mut rows = Vec::with_capacity(world.entities());
    let rows_of = |frame: &Frame, rows: &mut Vec<_>| {
        for cell in frame.cells() {
            rows.extend(frame.rows_of(cell).map(|row| frame.row(cell, row)));
        }
    };
    for frame in &world.frames().zones {
        rows_of(frame, &mut rows);
    }
    // Who sleeps is not among the others, and borders are elsewhere.
    rows.sort_unstable_by_key(|row| (row.cell, row.id));
    rows
}

fn wire_rows(world: &World) -> Vec<impl PartialEq + std::fmt::Debug> {
    let rows_of = |wire: &WireFrame| {
        let row = |n: usize| {
            (
                wire.ids[n],
                wire.states[n],
                wire.audience[n],
                wire.positions[n],
            )
        };
        (0..wire.ids.len()).map(row).collect::<Vec<_>>()
    };
    let mut rows: Vec<_> = world
        .wire_frames()
        .iter()
        .flat_map(|wire| rows_of(wire))
        .collect();
    rows.sort_unstable_by_key(|row| row.0);
    rows
}

fn owned(world: &World) -> Vec<OwnState> {
    let mut all: Vec<OwnState> = world
        .wire_frames()
        .iter()
        .flat_map(|wire| wire.owned.iter())
        .map(|own| OwnState {
            row: 0,
            ..own.clone()
        })
        .collect();
    all.sort_unstable_by_key(|own| own.id);
    all
}

/// Both worlds' entities, whole, by id; and a sentence about the first that differ.
#[must_use]
pub fn differing_entities(twin: &World, subject: &World) -> String {
    let all = |world: &World| -> Result<Vec<EntityState>, String> {
        let spec = world.spec();
        let checkpoint = world.checkpoint();
        let entities = checkpoint.entities(&spec.planet, &spec.scenario.kind_names);
        entities.map_err(|problem| format!("cannot be read back: {problem}"))
    };
    let (twins, subjects) = match (all(twin), all(subject)) {
        (Ok(twins), Ok(subjects)) => (twins, subjects),
        (Err(problem), _) => return format!("the twin's checkpoint {problem}"),
        (_, Err(problem)) => return format!("the subject's checkpoint {problem}"),
    };
    let mut text = String::new();
    let mut differing = 0;
    let id = |state: &EntityState| state.identity.id;
    let ids: BTreeSet<EntityId> = twins.iter().chain(&subjects).map(id).collect();
    for id in ids {
        let find = |states: &[EntityState]| {
            let at = states.binary_search_by_key(&id, |state| state.identity.id);
            at.ok().map(|at| states[at].clone())
        };
        let (twin, subject) = (find(&twins), find(&subjects));
        if twin != subject {
            differing += 1;
            if differing <= 3 {
                text.push_str(&format!(
                    "{id:?}\n  subject {subject:?}\n  twin    {twin:?}\n"
                ));
            }
        }
    }
    format!("{differing} entities differ\n{text}")
}
