//! What a zone's systems share within one tick. None of it is state: all is set before the tick, or
//! empty at its beginning, or follows from the entities.

use std::sync::Arc;

use bevy_ecs::resource::Resource;
use bluemarble_shared_protocol::limits::WOUNDS_NAMED_MAX;
use bluemarble_shared_protocol::{EntityId, Intent, Tick, WireFrame, Wound};

use crate::effect::Effect;
use crate::entity::EntityState;
use crate::entity::digest::DigestParts;
use crate::frame::{Frame, FrameRow};
use crate::gifts::Offered;
use crate::report::Tally;
use bluemarble_spatial::{CellId, ZoneId, ZoneMap};

/// The tick being stepped.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub(crate) struct Now(pub Tick);

/// The sealed step of the overload ladder in force for the whole world; 0 = none.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub(crate) struct Strain(pub u8);

/// Which zone of Frames(t−1) this is, for counting what goes over a border; none
/// ([`NOBODY`](crate::residence::NOBODY)) if it is being emptied or has just been opened. No rule
/// may depend on it.
#[derive(Resource, Clone, Copy, Debug)]
pub(crate) struct ZoneNumber(pub ZoneId);

/// Who owns which cell from this tick on, and which zone of that map this is. It decides whose frame
/// a row is published in, and nothing else.
#[derive(Resource, Clone, Debug)]
pub(crate) struct Ownership {
    pub map: Arc<ZoneMap>,
    pub zone: ZoneId,
}

impl Ownership {
    /// The cells it owns, of the grid level or finer: none if it is nobody's.
    pub(crate) fn range(&self) -> std::ops::RangeInclusive<CellId> {
        let (first, last) = self
            .map
            .range_of(self.zone)
            .unwrap_or((CellId(1), CellId(0)));
        first..=last
    }
}

/// This tick's inputs for this zone, sorted as sealed.
#[derive(Resource, Debug, Default)]
pub(crate) struct Inbox {
    /// New entities: avatars of admissions, creatures an operator asked for.
    pub births: Vec<EntityState>,
    /// Who leaves for another world.
    pub departures: Vec<EntityId>,
    /// What avatars of this zone give away.
    pub gifts: Vec<Offered>,
}

impl Inbox {
    pub(crate) fn clear(&mut self) {
        self.births.clear();
        self.departures.clear();
        self.gifts.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.births.is_empty() && self.departures.is_empty() && self.gifts.is_empty()
    }
}

/// What all players of the world want in this tick, by avatar, each once. A zone looks up its own.
#[derive(Resource, Clone, Debug, Default)]
pub(crate) struct Intents {
    pub sealed: Arc<Vec<(EntityId, Intent)>>,
    /// How many of them were obeyed here.
    pub obeyed: u64,
}

/// Who left for another world in this tick, whole; taken out before the barrier.
#[derive(Resource, Debug, Default)]
pub(crate) struct Departed(pub Vec<EntityState>);

/// Effects on their way to the barrier.
#[derive(Resource, Debug, Default)]
pub(crate) struct Outbox(pub Vec<Effect>);

/// What residents have lost in this tick; an output, which no rule reads. Published, and thereby
/// emptied, at the end of the tick.
#[derive(Resource, Debug, Default)]
pub(crate) struct Wounds {
    list: Vec<Wound>,
    /// How many of the newest target have a name.
    named: usize,
}

impl Wounds {
    /// The target lost so much to the attacker. A target's blows are told one after the other, in the
    /// order of their causes, as its mail is opened.
    pub(crate) fn note(&mut self, target: EntityId, attacker: EntityId, amount: u16, fatal: bool) {
        match self.list.last_mut() {
            Some(last) if last.target == target => {
                if last.attacker.is_none_or(|named| named == attacker) {
                    // Together they are never more than the target had.
                    last.amount = last.amount.saturating_add(amount);
                    last.fatal |= fatal;
                    return;
                }
                self.named += 1;
            }
            _ => self.named = 1,
        }
        self.list.push(Wound {
            target,
            attacker: (self.named <= WOUNDS_NAMED_MAX).then_some(attacker),
            amount,
            fatal,
        });
    }

    /// Moves them into `published`, in order.
    pub(crate) fn publish(&mut self, published: &mut Vec<Wound>) {
        self.list.sort_unstable_by_key(Wound::order);
        published.clear();
        published.append(&mut self.list);
    }
}

/// Counters of this tick.
#[derive(Resource, Debug, Default)]
pub(crate) struct Counted(pub Tally);

/// Somebody whose position belongs to another zone; it departs at this barrier or waits its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaving {
    /// That zone, by the map in force.
    pub to: ZoneId,
    pub row: FrameRow,
}

/// The rows of those who stand in this zone's cells but reside elsewhere, on their way into its frame;
/// empty between ticks.
#[derive(Resource, Debug, Default)]
pub(crate) struct Arrivals(pub Vec<FrameRow>);

impl Arrivals {
    /// In the order of a frame; zones hand them over in any.
    pub(crate) fn sort(&mut self) {
        self.0.sort_unstable_by_key(|row| (row.cell, row.id));
    }
}

/// What the tick produced.
#[derive(Resource, Debug, Default)]
pub(crate) struct Published {
    /// Everybody who stands in this zone's cells.
    pub frame: Arc<Frame>,
    /// Everybody who resides here, those who leave included, as clients may know them.
    pub wire: Arc<WireFrame>,
    /// Everybody who resides here and stands in another zone's cells, by (cell, id).
    pub leaving: Vec<Leaving>,
    /// The cells residents stand in, with how many; one cell may come twice after an arrival.
    pub cells: Vec<(CellId, u32)>,
    /// Sums of the entities' hashes, mail excluded.
    pub digest: DigestParts,
    /// Avatars per large cell: not in order, and a cell may come more than once.
    pub avatars: Vec<(CellId, u32)>,
    /// The part of those who are filed; in none of the above.
    pub asleep: PublishedPart,
}

/// What is made of some of a zone's entities; of sleepers only when it changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct PublishedPart {
    pub frame: Arc<Frame>,
    pub wire: Arc<WireFrame>,
    pub digest: DigestParts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blows_of_one_attacker_add_up_and_too_many_attackers_share_a_line() {
        let mut wounds = Wounds::default();
        let many = WOUNDS_NAMED_MAX as u64 + 3;
        for attacker in 1..=many {
            wounds.note(EntityId(9), EntityId(attacker), 2, false);
            wounds.note(EntityId(9), EntityId(attacker), 3, attacker == many);
        }
        wounds.note(EntityId(4), EntityId(1), 7, false);
        let mut told = vec![Wound {
            target: EntityId(1),
            attacker: None,
            amount: 1,
            fatal: false,
        }];
        wounds.publish(&mut told);
        assert_eq!(told.len(), 1 + WOUNDS_NAMED_MAX + 1);
        assert_eq!((told[0].target, told[0].amount), (EntityId(4), 7));
        assert!(told.is_sorted_by_key(Wound::order));
        let named = &told[1..=WOUNDS_NAMED_MAX];
        assert!(named.iter().all(|wound| wound.amount == 5 && !wound.fatal));
        let rest = told.last().unwrap();
        assert_eq!((rest.attacker, rest.amount, rest.fatal), (None, 15, true));
        wounds.publish(&mut told);
        assert!(told.is_empty(), "each is told once");
    }
}
