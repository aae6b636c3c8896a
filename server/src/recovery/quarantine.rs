//! The journaled tick that cannot be stepped: which of its inputs must be withheld so that it can.
//!
//! The tick is not skipped. It is stepped with fewer inputs, and it is those that the new epoch
//! journals for it, so that the next replay goes the same way. First only what players and operators
//! asked for is withheld; if that does not help, who came and went too; then who travelled between
//! worlds. A traveller who was to be let in goes back to the world it came from, and one who was to
//! leave stays: neither is lost, since the other world's log decides. If nothing helps, the fault
//! is in the state or in a rule, and no start will get past it: the world is not continued, rather
//! than brought up to fail again and again.

use bluemarble_shared_protocol::EntityId;
use bluemarble_sim::{Checkpoint, TickInputs, TravelKey, Withheld, World, WorldError, WorldSpec};

use super::RecoveryError;
use crate::guarded::Panicked;
use crate::stepper::Stepper;

/// A journaled tick that panics, and what it is stepped with instead.
pub struct Quarantine {
    /// Its sealed inputs, as they were journaled.
    pub sealed: TickInputs,
    /// How it failed.
    pub panic: Panicked,
    /// The same tick with inputs withheld, which has been tried and passes.
    pub instead: TickInputs,
}

impl Quarantine {
    /// Who is there once the tick has been stepped after all, of those before it: its leaves and
    /// admissions were decided by sessions that are gone.
    pub fn come_and_go(&self, avatars: &mut Vec<EntityId>) {
        let players = &self.instead.players;
        avatars.retain(|avatar| !players.leaves.contains(avatar));
        for admission in &players.admissions {
            if !avatars.contains(&admission.avatar) {
                avatars.push(admission.avatar);
            }
        }
        avatars.sort_unstable();
    }

    /// Journeys that were to lead here and do not.
    pub fn turned_away(&self) -> Vec<TravelKey> {
        let keys = |inputs: &TickInputs| -> Vec<TravelKey> {
            inputs
                .travel
                .arrivals
                .iter()
                .map(|arrival| arrival.key)
                .collect()
        };
        let let_in = keys(&self.instead);
        let mut away = keys(&self.sealed);
        away.retain(|key| !let_in.contains(key));
        away
    }

    /// For people: which tick, what was withheld and whose it was.
    pub fn told(&self) -> String {
        const NAMED_MAX: usize = 8;
        let withheld = self.instead.withheld.unwrap_or_default();
        let intents = &self.sealed.players.intents;
        let mut whose: Vec<String> = intents
            .iter()
            .take(NAMED_MAX)
            .map(|(avatar, _)| format!("{:016x}", avatar.0))
            .collect();
        if intents.len() > NAMED_MAX {
            whose.push("…".to_owned());
        }
        let mut text = format!(
            "tick {} panics, so its inputs are quarantined: {} intents (of {}), {} commands",
            self.sealed.tick,
            withheld.intents,
            whose.join(" "),
            withheld.commands,
        );
        if withheld.deals > 0 {
            text.push_str(&format!(", {} deals with the outside", withheld.deals));
        }
        if withheld.gifts > 0 {
            text.push_str(&format!(", {} gifts", withheld.gifts));
        }
        if withheld.admissions + withheld.leaves > 0 {
            text.push_str(&format!(
                ", {} admissions, {} leaves",
                withheld.admissions, withheld.leaves
            ));
        }
        let (had, has) = (&self.sealed.travel, &self.instead.travel);
        if had != has {
            text.push_str(&format!(
                ", {} arrivals from other worlds (they go back), {} departures to others (they stay)",
                had.arrivals.len() - has.arrivals.len(),
                had.departures.len() - has.departures.len(),
            ));
        }
        text
    }
}

/// Finds inputs with which the tick passes; `before` is the world at its beginning.
pub fn quarantine(
    spec: &WorldSpec,
    before: &Checkpoint,
    stepper: &Stepper,
    sealed: TickInputs,
    panic: Panicked,
) -> Result<Quarantine, RecoveryError> {
    let mut last = panic.clone();
    for instead in attempts(&sealed) {
        let mut world = World::restore(spec.clone(), before)?;
        match stepper.step(&mut world, &instead) {
            Ok(Ok(_)) => {
                return Ok(Quarantine {
                    sealed,
                    panic,
                    instead,
                });
            }
            Ok(Err(refused)) => return Err(WorldError::into(refused)),
            Err(again) => last = again,
        }
    }
    Err(RecoveryError::Unsteppable {
        tick: sealed.tick,
        panic: last.in_short().to_owned(),
    })
}

/// The tick with less and less of what it was given; only what differs from what failed.
fn attempts(sealed: &TickInputs) -> Vec<TickInputs> {
    let mut without_wishes = sealed.clone();
    without_wishes.players.intents.clear();
    without_wishes.players.gifts.clear();
    without_wishes.outside.deals.clear();
    without_wishes.commands.clear();
    let mut without_players = without_wishes.clone();
    without_players.players = Default::default();
    let mut without_journeys = without_players.clone();
    without_journeys.travel = Default::default();
    let mut attempts = vec![without_wishes, without_players, without_journeys];
    attempts.dedup();
    attempts.retain(|attempt| attempt != sealed);
    for attempt in &mut attempts {
        let less = |had: usize, has: usize| (had - has) as u32;
        let (had, has) = (&sealed.players, &attempt.players);
        attempt.withheld = Some(Withheld {
            epoch: sealed.epoch,
            intents: less(had.intents.len(), has.intents.len()),
            commands: less(sealed.commands.len(), attempt.commands.len()),
            admissions: less(had.admissions.len(), has.admissions.len()),
            leaves: less(had.leaves.len(), has.leaves.len()),
            deals: less(sealed.outside.deals.len(), attempt.outside.deals.len()),
            gifts: less(had.gifts.len(), has.gifts.len()),
        });
    }
    attempts
}
