//! After the step: effects to whoever owned their targets during the tick, then departures, then
//! the frames everybody reads next.

use std::collections::HashMap;
use std::sync::Arc;

use bluemarble_shared_protocol::EntityId;

use crate::entity::digest::{DigestPart, DigestParts};
use crate::frame::{Frame, FrameRow};
use crate::hashing::IdHash;
use crate::report::Tally;
use crate::zone::Zone;
use bluemarble_spatial::{ZoneId, ZoneMap};

/// What the zones agreed on.
pub(crate) struct Met {
    pub frames: Vec<Arc<Frame>>,
    pub digest: DigestParts,
}

/// Routes effects, hands entities over, and completes the frames.
pub(crate) fn meet(
    zones: &mut [Zone],
    map: &ZoneMap,
    directory: &mut HashMap<EntityId, ZoneId, IdHash>,
    tally: &mut Tally,
) -> Met {
    let mut digest = deliver_effects(zones, directory, tally);
    for zone in zones.iter() {
        digest += zone.published().digest;
    }
    let arrivals = hand_over(zones, map, directory, tally);
    let frames = zones
        .iter()
        .zip(&arrivals)
        .map(|(zone, arrivals)| match arrivals.as_slice() {
            [] => Arc::clone(&zone.published().frame),
            arrivals => Arc::new(zone.published().frame.with_arrivals(arrivals)),
        })
        .collect();
    Met { frames, digest }
}

/// Returns the digest of the mail now in flight.
fn deliver_effects(
    zones: &mut [Zone],
    directory: &HashMap<EntityId, ZoneId, IdHash>,
    tally: &mut Tally,
) -> DigestParts {
    let mut digest = DigestParts::default();
    for from in 0..zones.len() {
        for effect in zones[from].take_outbox() {
            let delivered = directory
                .get(&effect.target)
                .is_some_and(|&to| zones[to as usize].deliver(effect));
            if delivered {
                tally.effects += 1;
                digest.add(DigestPart::Mail, effect.target, effect.hash());
            } else {
                // The target left the world in this very tick: nothing is owed to it.
                tally.effects_lost += 1;
            }
        }
    }
    digest
}

/// Moves whole entities, mail included; returns the frame rows that arrived in each zone, sorted.
fn hand_over(
    zones: &mut [Zone],
    map: &ZoneMap,
    directory: &mut HashMap<EntityId, ZoneId, IdHash>,
    tally: &mut Tally,
) -> Vec<Vec<FrameRow>> {
    let mut arrivals: Vec<Vec<FrameRow>> = vec![Vec::new(); map.len()];
    for from in 0..zones.len() {
        let leaving = std::mem::take(&mut zones[from].published_mut().leaving);
        for leaving in leaving {
            let state = zones[from].extract(leaving.entity);
            zones[leaving.to as usize].insert(&state);
            directory.insert(state.identity.id, leaving.to);
            arrivals[leaving.to as usize].push(leaving.row);
            tally.handoffs += 1;
        }
    }
    for rows in &mut arrivals {
        rows.sort_unstable_by_key(|row| (row.cell, row.id));
    }
    arrivals
}
