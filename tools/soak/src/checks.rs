//! What must hold at every tick: nobody doubled, nobody lost, and both worlds the same.

use bluemarble_shared_protocol::{EntityId, OwnState, WireFrame};
use bluemarble_sim::replay::differences;
use bluemarble_sim::{Frame, Tally, TickReport, World, ZoneId};

/// What is wrong, in words.
pub type Fault = String;

/// How many differing components a report shows.
const CULPRITS_MAX: usize = 12;

/// Compares two counts.
///
/// # Errors
/// If they are not equal.
pub fn expect<T: PartialEq + std::fmt::Display>(
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
    if subject.gate() != twin.gate() {
        return Err(format!(
            "the gate is {:?}, the twin's {:?}",
            subject.gate(),
            twin.gate()
        ));
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

/// What differs between both worlds' entities, whole: the first few components with both values.
#[must_use]
pub fn what_differs(twin: &World, subject: &World) -> String {
    let (culprits, all) = differences(&subject.states(), &twin.states(), CULPRITS_MAX);
    if all == 0 {
        return "no entity differs".into();
    }
    let mut text =
        format!("{all} components of entities differ (here: the subject, there: the twin)\n");
    for culprit in &culprits {
        text.push_str(&format!("  {culprit}\n"));
    }
    if all > culprits.len() {
        text.push_str(&format!("  … and {} more\n", all - culprits.len()));
    }
    text
}
