//! What a checkpoint says of one entity, as it is stored: for whoever asks what is kept about them. It
//! needs neither planet nor scenario, and reads parts of every version.

use bluemarble_shared_protocol::{EntityId, Stack, Tick};
use serde::Serialize;

use super::{
    ABSENT, BadCheckpoint, Checkpoint, CheckpointPart, GATE, PAST_SEED, StoredPart, TILL, checked,
    stored_absent,
};
use crate::entity::state::StoredEntity;
use crate::gifts::StoredDealings;
use crate::outside::{Deal, OutsideKey};
use crate::past::{StoredPast, Track};
use crate::travel::{Outbound, TravelKey};

/// All that a checkpoint holds of one avatar; it serialises under the names of the stored fields.
#[derive(Default, Serialize)]
pub struct StoredAbout {
    /// What it is.
    kind: Option<String>,
    /// Itself, if it is in the world, or as it left.
    entity: Option<StoredEntity>,
    /// Since when it is away.
    away_since: Option<Tick>,
    /// What it remembers of its gifts.
    gifts: Option<StoredDealings>,
    /// What it has beside coins.
    things: Vec<Stack>,
    /// Where it was in the ticks before, if it has moved.
    past: Option<Track>,
    /// Journeys that lead away from here.
    outbound: Vec<(TravelKey, Outbound)>,
    /// Journeys that led here.
    admitted: Vec<TravelKey>,
    /// Deals with the outside that are not settled, each with its key and tick.
    deals: Vec<(OutsideKey, Deal, Tick)>,
}

impl StoredAbout {
    /// Whether its name stands there for everybody to read, as older builds wrote it.
    #[must_use]
    pub fn is_named_in_clear(&self) -> bool {
        let player = self.entity.as_ref().and_then(|of| of.player.as_ref());
        let travellers = self.outbound.iter();
        let travellers = travellers.map(|(_, journey)| &journey.traveller.name);
        let mut names = player
            .map(|player| &player.name)
            .into_iter()
            .chain(travellers);
        names.any(|name| name.is_open())
    }

    /// The entity, if it is there, and where.
    fn take_from(&mut self, mut stored: StoredPart, id: EntityId) -> Option<usize> {
        let at = stored.entities.iter().position(|of| of.id == id)?;
        let mut entity = stored.entities.swap_remove(at);
        self.gifts = entity.dealings.take();
        self.things = std::mem::take(&mut entity.things);
        self.kind = stored.kinds.get(usize::from(entity.kind.0)).cloned();
        self.entity = Some(entity);
        Some(at)
    }

    fn is_empty(&self) -> bool {
        self.entity.is_none()
            && self.past.is_none()
            && self.outbound.is_empty()
            && self.admitted.is_empty()
            && self.deals.is_empty()
    }
}

impl Checkpoint {
    /// What it holds of this avatar; `None` if nothing.
    ///
    /// # Errors
    /// If a part is damaged.
    pub fn about(&self, avatar: EntityId) -> Result<Option<StoredAbout>, BadCheckpoint> {
        let mut about = StoredAbout::default();
        for part in &self.parts {
            match part.zone {
                GATE | TILL => {}
                CheckpointPart::PAST => about.past = self.track(part, avatar)?,
                ABSENT => {
                    let (since, stored) = stored_absent(&part.bytes)?;
                    if let Some(at) = about.take_from(stored, avatar) {
                        about.away_since = since.get(at).copied();
                    }
                }
                _ => {
                    about.take_from(part.stored()?, avatar);
                }
            }
        }
        let gate = self.gate()?;
        let is_its = |key: &TravelKey| key.avatar == avatar;
        about.outbound = gate
            .outbound
            .into_iter()
            .filter(|(key, _)| is_its(key))
            .collect();
        about.admitted = gate.admitted.into_iter().filter(is_its).collect();
        let till = self.till()?;
        about.deals = till
            .deals()
            .filter(|(_, deal, _)| deal.avatar == avatar)
            .collect();
        Ok((!about.is_empty()).then_some(about))
    }

    fn track(
        &self,
        part: &CheckpointPart,
        avatar: EntityId,
    ) -> Result<Option<Track>, BadCheckpoint> {
        let damaged = |problem: &str| BadCheckpoint::DamagedPast(problem.to_owned());
        let body =
            checked(PAST_SEED, &part.bytes).ok_or_else(|| damaged("its checksum is wrong"))?;
        let stored = StoredPast::decode(body).map_err(BadCheckpoint::DamagedPast)?;
        Ok(stored.into_track(avatar))
    }
}
