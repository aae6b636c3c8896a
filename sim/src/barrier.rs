//! Between the halves of a step: rows to the frames they belong into. After it: effects to wherever their
//! targets reside, then departures, then the list of frames everybody reads next.
//!
//! A frame is its owner's: the rows of everybody who stands in a zone's cells but resides elsewhere
//! are forwarded to it, whether they depart now or have to wait. So how many depart shows nowhere.

use std::sync::Arc;

use bluemarble_shared_protocol::{AssetId, Tick};

use crate::effect::Fate;
use crate::entity::digest::{DigestPart, DigestParts};
use crate::frame::Frame;
use crate::report::Tally;
use crate::residence::{Residence, SlotId};
use crate::value::{Holder, Moved, Stage, Why};
use crate::zone::Zone;

/// What the zones agreed on.
pub(crate) struct Met {
    /// By zone of the map.
    pub frames: Vec<Arc<Frame>>,
    pub digest: DigestParts,
    /// How many had to wait for their departure.
    pub strays: usize,
}

/// Forwards the rows of everybody who stands in another zone's cells to that zone's frame.
pub(crate) fn forward(residence: &mut Residence) {
    for from in 0..residence.slots() {
        let Some(zone) = awake(residence, from) else {
            continue;
        };
        if zone.published().leaving.is_empty() {
            continue;
        }
        let leaving = std::mem::take(&mut zone.published_mut().leaving);
        for leaving in &leaving {
            let to = residence.seat_of(leaving.to);
            residence.zone_mut(to).receive(leaving.row);
        }
        residence.zone_mut(from as SlotId).published_mut().leaving = leaving;
    }
}

/// The zone of a slot, unless it rests: then it has nothing to tell.
fn awake(residence: &mut Residence, slot: usize) -> Option<&mut Zone> {
    let zone = residence.slots_mut()[slot].as_mut();
    zone.filter(|zone| zone.rest().is_none())
}

/// Routes effects, hands at most `departures` entities over, and completes the frames.
pub(crate) fn meet(
    residence: &mut Residence,
    tick: Tick,
    departures: usize,
    anybody_sleeps: bool,
    (tally, moved): (&mut Tally, &mut Moved),
) -> Met {
    follow_census(residence);
    let mut digest = deliver_effects(residence, tally, moved);
    for zone in residence.zones() {
        if let Some(rest) = zone.rest() {
            digest += rest.part.digest;
        } else {
            let published = zone.published();
            digest += published.digest;
            digest += published.asleep.digest;
        }
    }
    // Before anybody moves: a zone that gets somebody no longer rests.
    let zones = |slot: &SlotId| residence.zone(*slot);
    let mut frames =
        Vec::with_capacity(residence.seats().len() * (1 + usize::from(anybody_sleeps)));
    frames.extend(
        residence
            .seats()
            .iter()
            .map(zones)
            .map(Zone::frame)
            .cloned(),
    );
    if anybody_sleeps {
        let asleep = residence.seats().iter().map(zones).map(Zone::frame_asleep);
        frames.extend(asleep.cloned());
    }
    let strays = hand_over(residence, tick, departures, tally);
    residence.close_emptied();
    Met {
        frames,
        digest,
        strays,
    }
}

/// Who ended in this step can no longer be written to; who began is where it was born, for now.
fn follow_census(residence: &mut Residence) {
    for slot in 0..residence.slots() {
        let Some(zone) = awake(residence, slot) else {
            continue;
        };
        let census = zone.take_census();
        let (_, directory) = residence.seats_and_directory();
        for id in census.ended {
            directory.remove(&id);
        }
        for id in census.born {
            directory.insert(id, slot as SlotId);
        }
    }
}

/// Returns the digest of the mail now in flight.
fn deliver_effects(residence: &mut Residence, tally: &mut Tally, moved: &mut Moved) -> DigestParts {
    let mut digest = DigestParts::default();
    for from in 0..residence.slots() {
        let Some(zone) = awake(residence, from) else {
            continue;
        };
        let mut outbox = zone.take_outbox();
        for effect in outbox.drain(..) {
            let sent = effect;
            let (effect, to) = match sent.fate(|id| residence.directory().get(&id).copied()) {
                Fate::Delivered(effect, to) => (effect, to),
                Fate::Bounced(effect, to) => {
                    tally.effects_bounced += 1;
                    (effect, to)
                }
                // The target left the world in this very tick: nothing is owed to it.
                Fate::Lost => {
                    tally.effects_lost += 1;
                    continue;
                }
                Fate::TooDeep => {
                    tally.effects_too_deep += 1;
                    continue;
                }
                Fate::Left(asset, amount) => {
                    if asset == AssetId::COINS {
                        tally.coins_left += amount;
                    }
                    let way = (Holder::Mail, Holder::Gone);
                    let why = (Why::Lost, Some(sent.target));
                    moved.note(Stage::Barrier, sent.cause, way, (asset, amount), why);
                    continue;
                }
            };
            let delivered = residence.zone_mut(to).deliver(effect);
            debug_assert!(
                delivered,
                "the directory says that {:?} is there",
                effect.target
            );
            tally.effects += 1;
            digest.add(DigestPart::Mail, effect.target, effect.hash());
        }
        residence.zone_mut(from as SlotId).return_outbox(outbox);
    }
    digest
}

/// Moves the first of those who stand in another zone's cells there; returns how many stay where they are.
fn hand_over(residence: &mut Residence, tick: Tick, departures: usize, tally: &mut Tally) -> usize {
    let slots = residence.slots();
    let (mut moved, mut strays) = (0, 0);
    for n in 0..slots {
        // Another slot is first every tick, so that none waits for all the others.
        let from = (n + (tick.0 % slots as u64) as usize) % slots;
        let Some(zone) = awake(residence, from) else {
            continue;
        };
        let mut leaving = std::mem::take(&mut zone.published_mut().leaving);
        for leaving in leaving.drain(..) {
            if moved < departures {
                let to = residence.seat_of(leaving.to);
                residence.rehouse(leaving.row.id, from as SlotId, to);
                moved += 1;
            } else {
                strays += 1;
            }
        }
        residence.zone_mut(from as SlotId).published_mut().leaving = leaving;
    }
    tally.handoffs += moved as u64;
    strays
}
