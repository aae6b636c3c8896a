//! What a tick did with coins and things, one movement after the other: for those who keep books, and read by no
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
use bluemarble_shared_protocol::{AssetId, EntityId};

use crate::absent::Absent;
use crate::content::KindRules;
use crate::entity::{EntityState, Identity, Mail, Mind, Player, Purse};
use crate::lore::Lore;
use crate::outside::OutsideKey;
use crate::roster::Roster;

/// Somebody holds so many of these.
pub type Held = (Holder, AssetId, u64);

/// Who has coins or things, or hands out new ones.
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

/// So many coins, or things of one sort, from one holder to another.
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
    /// Of what.
    pub asset: AssetId,
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
    /// Says that something moved; nothing is no movement.
    pub(crate) fn note(
        &mut self,
        stage: Stage,
        entity: EntityId,
        (from, to): (Holder, Holder),
        (asset, amount): (AssetId, u64),
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
                    asset,
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
                asset: AssetId::COINS,
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
    let Some((from, _)) = holder_and_asset(world, entity) else {
        return 0;
    };
    let purse = world.get::<Purse>(entity).map_or(0, |purse| purse.0);
    let mail = world.get::<Mail>(entity).map_or(0, Mail::coins);
    let (coins, why) = (AssetId::COINS, (why, None));
    let mut moved = world.resource_mut::<Moved>();
    moved.note(stage, id, (from, to), (coins, purse), why);
    moved.note(stage, id, (Holder::Mail, to), (coins, mail), why);
    purse + mail
}

/// What an entity is as a holder, and what its purse holds.
fn holder_and_asset(world: &World, entity: bevy_ecs::entity::Entity) -> Option<(Holder, AssetId)> {
    let identity = world.get::<Identity>(entity)?;
    let rules = world.resource::<Lore>().kind(identity.kind);
    let has_mind = world.get::<Mind>(entity).is_some();
    Some((Holder::of(identity.id, rules, has_mind), rules.asset))
}

/// Somebody who is in no zone any more leaves for good; how many coins go along.
pub(crate) fn leave_for_good(state: &EntityState, rules: &KindRules, moved: &mut Moved) -> u64 {
    let id = state.identity.id;
    let from = Holder::of(id, rules, state.mind.is_some());
    let why = (Why::Left, None);
    let mut coins = 0;
    each_held(state, rules, |holder, asset, amount| {
        let way = (holder.unwrap_or(from), Holder::Gone);
        moved.note(Stage::Leaving, id, way, (asset, amount), why);
        if asset == AssetId::COINS {
            coins += amount;
        }
    });
    coins
}

/// What somebody has, and what is on its way to it: then the holder is the mail, else itself.
fn each_held(
    state: &EntityState,
    rules: &KindRules,
    mut tell: impl FnMut(Option<Holder>, AssetId, u64),
) {
    tell(None, rules.asset, state.purse.0);
    let things = state
        .player
        .iter()
        .flat_map(|player| player.things.stacks());
    things.for_each(|stack| tell(None, stack.asset, stack.amount));
    let mail = state
        .mail
        .0
        .iter()
        .filter_map(|effect| effect.deed.carries());
    mail.for_each(|(asset, amount)| tell(Some(Holder::Mail), asset, amount));
}

/// What those hold who are not in the world.
pub(crate) fn holdings_of_absent(absent: &Absent, lore: &Lore, list: &mut Vec<Held>) {
    for state in absent.states() {
        let itself = Holder::Character(state.identity.id);
        each_held(
            state,
            lore.kind(state.identity.kind),
            |holder, asset, amount| {
                if amount > 0 {
                    list.push((holder.unwrap_or(itself), asset, amount));
                }
            },
        );
    }
}

/// What everybody in a zone holds, and what is on its way to them.
pub(crate) fn holdings(world: &World, list: &mut Vec<Held>) {
    for entity in world.iter_entities() {
        let (Some(purse), Some(mail)) = (entity.get::<Purse>(), entity.get::<Mail>()) else {
            continue;
        };
        let Some((holder, asset)) = holder_and_asset(world, entity.id()) else {
            continue;
        };
        if purse.0 > 0 {
            list.push((holder, asset, purse.0));
        }
        let things = entity.get::<Player>().map(|player| player.things.stacks());
        let things = things.into_iter().flatten();
        list.extend(things.map(|stack| (holder, stack.asset, stack.amount)));
        let on_its_way = mail.0.iter().filter_map(|effect| effect.deed.carries());
        let on_its_way = on_its_way.filter(|(_, amount)| *amount > 0);
        list.extend(on_its_way.map(|(asset, amount)| (Holder::Mail, asset, amount)));
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
            let amount = (AssetId::COINS, amount);
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
