//! What a tick did with coins, one movement after the other: for those who keep books, and read by no
//! rule.
//!
//! Every place in the rules that changes a purse, sends coins or lets them go says so here. A movement
//! belongs to the entity whose coins it is about, and is the n-th of that entity's in the tick. As an
//! entity is in one zone, and its rules run in one order, neither the list nor the numbers depend on
//! how the world is cut; and a replay makes them again.
//!
//! Coins on their way between two entities are held by [`Holder::Mail`]. So the movements of a tick lead
//! from what everybody held before it to what everybody holds after it, exactly.

use bevy_ecs::resource::Resource;
use bevy_ecs::world::World;
use bluemarble_shared_protocol::EntityId;

use crate::absent::Absent;
use crate::content::KindRules;
use crate::entity::{EntityState, Identity, Mail, Mind, Purse};
use crate::lore::Lore;
use crate::outside::OutsideKey;
use crate::roster::Roster;

/// Who has coins, or hands out new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// The rules make them out of nothing.
    Mint,
    /// Other worlds.
    Journeys,
    /// A shop, a market: whoever deals by key.
    Outside,
    /// Left the world for good: with a character that was forgotten, or with nobody left to have them.
    Gone,
    /// On their way from one to another.
    Mail,
    /// An avatar's purse.
    Character(EntityId),
    /// A creature's.
    Creature(EntityId),
    /// An item.
    Item(EntityId),
}

impl Holder {
    /// What an entity is as a holder.
    pub(crate) fn of(id: EntityId, rules: &KindRules, has_mind: bool) -> Self {
        if rules.is_item() {
            Self::Item(id)
        } else if has_mind {
            Self::Creature(id)
        } else {
            Self::Character(id)
        }
    }
}

/// Why coins moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// An entity came into the world with them.
    Born,
    /// It came back with new ones.
    Respawned,
    /// It died: they go to whoever killed it.
    Bequeathed,
    /// An item was taken.
    Taken,
    /// One player gave them to another.
    Given,
    /// What was sent arrived.
    Received,
    /// The character, or whatever it was, left the world for good with them.
    Left,
    /// The traveller took them to another world.
    Departed,
    /// The traveller brought them from another world.
    Arrived,
    /// They came from outside.
    Granted,
    /// They went outside.
    Charged,
    /// Sent, and neither whom it was for nor who sent it was left.
    Lost,
}

/// So many coins from one holder to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Movement {
    /// Whose coins it is about.
    pub entity: EntityId,
    /// Which of this entity's movements of the tick, from 0.
    pub n: u32,
    /// Who had them.
    pub from: Holder,
    /// Who has them.
    pub to: Holder,
    /// How many, at least 1.
    pub amount: u64,
    /// Why.
    pub why: Why,
    /// Who else had to do with it: the killer, the taker, the sender.
    pub peer: Option<EntityId>,
    /// By which key, if it came from outside or went there.
    pub external: Option<OutsideKey>,
}

/// When in a tick something moved, for what concerns one entity but happens in two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Somebody left for good.
    Leaving,
    /// Somebody came.
    Coming,
    /// The rules of a zone were at work.
    Living,
    /// The mail was handed over.
    Barrier,
}

/// A movement without its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moving {
    stage: Stage,
    /// Its place in the list it was gathered in, for a total order.
    place: u32,
    movement: Movement,
}

/// The movements of one tick so far: of a zone, or of the world. Empty between ticks.
#[derive(Resource, Debug, Default)]
pub(crate) struct Moved(Vec<Moving>);

impl Moved {
    /// Says that coins moved; none are no movement.
    pub(crate) fn note(
        &mut self,
        stage: Stage,
        entity: EntityId,
        (from, to): (Holder, Holder),
        amount: u64,
        (why, peer): (Why, Option<EntityId>),
    ) {
        if amount > 0 {
            self.push(
                stage,
                Movement {
                    entity,
                    n: 0,
                    from,
                    to,
                    amount,
                    why,
                    peer,
                    external: None,
                },
            );
        }
    }

    /// Says that coins came from outside, or went there.
    pub(crate) fn note_outside(
        &mut self,
        stage: Stage,
        entity: EntityId,
        (from, to): (Holder, Holder),
        (amount, why): (u64, Why),
        key: OutsideKey,
    ) {
        self.push(
            stage,
            Movement {
                entity,
                n: 0,
                from,
                to,
                amount,
                why,
                peer: None,
                external: Some(key),
            },
        );
    }

    fn push(&mut self, stage: Stage, movement: Movement) {
        self.0.push(Moving {
            stage,
            place: 0,
            movement,
        });
    }

    /// Takes over what a zone has noted.
    pub(crate) fn take_from(&mut self, zone: &mut Self) {
        self.0.append(&mut zone.0);
    }

    /// By entity, each one's in the order they happened, numbered; `list` is written over.
    pub(crate) fn settle(&mut self, list: &mut Vec<Movement>) {
        for (place, moving) in (0..).zip(&mut self.0) {
            moving.place = place;
        }
        self.0
            .sort_unstable_by_key(|moving| (moving.movement.entity, moving.stage, moving.place));
        list.clear();
        for moving in self.0.drain(..) {
            let mut movement = moving.movement;
            movement.n = match list.last() {
                Some(before) if before.entity == movement.entity => before.n + 1,
                _ => 0,
            };
            list.push(movement);
        }
    }
}

/// Somebody goes, with purse and mail; how many coins those are.
pub(crate) fn take_along(
    world: &mut World,
    id: EntityId,
    to: Holder,
    stage: Stage,
    why: Why,
) -> u64 {
    let Some(&entity) = world.resource::<Roster>().0.get(&id) else {
        return 0;
    };
    let Some(from) = holder_of(world, entity) else {
        return 0;
    };
    let purse = world.get::<Purse>(entity).map_or(0, |purse| purse.0);
    let mail = world.get::<Mail>(entity).map_or(0, Mail::coins);
    let mut moved = world.resource_mut::<Moved>();
    moved.note(stage, id, (from, to), purse, (why, None));
    moved.note(stage, id, (Holder::Mail, to), mail, (why, None));
    purse + mail
}

fn holder_of(world: &World, entity: bevy_ecs::entity::Entity) -> Option<Holder> {
    let identity = world.get::<Identity>(entity)?;
    let rules = world.resource::<Lore>().kind(identity.kind);
    let has_mind = world.get::<Mind>(entity).is_some();
    Some(Holder::of(identity.id, rules, has_mind))
}

/// Somebody who is in no zone any more leaves for good; how many coins go along.
pub(crate) fn leave_for_good(state: &EntityState, rules: &KindRules, moved: &mut Moved) -> u64 {
    let id = state.identity.id;
    let from = Holder::of(id, rules, state.mind.is_some());
    let (purse, mail) = (state.purse.0, state.mail.coins());
    let why = (Why::Left, None);
    moved.note(Stage::Leaving, id, (from, Holder::Gone), purse, why);
    moved.note(Stage::Leaving, id, (Holder::Mail, Holder::Gone), mail, why);
    purse + mail
}

/// What those hold who are not in the world.
pub(crate) fn holdings_of_absent(absent: &Absent, list: &mut Vec<(Holder, u64)>) {
    for state in absent.states() {
        let holder = Holder::Character(state.identity.id);
        let held = [(holder, state.purse.0), (Holder::Mail, state.mail.coins())];
        list.extend(held.into_iter().filter(|(_, coins)| *coins > 0));
    }
}

/// What everybody in a zone holds, and what is on its way to them.
pub(crate) fn holdings(world: &World, list: &mut Vec<(Holder, u64)>) {
    for entity in world.iter_entities() {
        let (Some(purse), Some(mail)) = (entity.get::<Purse>(), entity.get::<Mail>()) else {
            continue;
        };
        if let Some(holder) = holder_of(world, entity.id()).filter(|_| purse.0 > 0) {
            list.push((holder, purse.0));
        }
        let on_its_way = mail.coins();
        if on_its_way > 0 {
            list.push((Holder::Mail, on_its_way));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn movements_are_numbered_by_entity_in_the_order_of_their_stages_wherever_they_were_noted() {
        let (one, two) = (EntityId(1), EntityId(2));
        let note = |moved: &mut Moved, stage, entity, amount| {
            let way = (Holder::Mint, Holder::Character(entity));
            moved.note(stage, entity, way, amount, (Why::Born, None));
        };
        let (mut here, mut there) = (Moved::default(), Moved::default());
        note(&mut here, Stage::Living, two, 3);
        note(&mut here, Stage::Living, two, 4);
        note(&mut here, Stage::Living, two, 0);
        note(&mut there, Stage::Leaving, two, 1);
        note(&mut there, Stage::Living, one, 9);
        let settled = |zones: [&mut Moved; 2]| {
            let mut all = Moved::default();
            let mut list = Vec::new();
            note(&mut all, Stage::Coming, two, 2);
            for zone in zones {
                all.take_from(zone);
            }
            all.settle(&mut list);
            list
        };
        let list = settled([&mut here, &mut there]);
        let told: Vec<_> = list.iter().map(|m| (m.entity.0, m.n, m.amount)).collect();
        assert_eq!(
            told,
            [(1, 0, 9), (2, 0, 1), (2, 1, 2), (2, 2, 3), (2, 3, 4)]
        );
    }
}
