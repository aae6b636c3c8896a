//! Gifts: coins and things that players give each other.
//!
//! ```text
//! sealed gift ─► route: is there an avatar of that id? ─► giver's zone: is it news? may it? ─► mail ─► t+1
//!                                                            └─► answer, remembered by the avatar
//! ```
//!
//! Whether somebody will be there to receive them follows from sealed inputs and from who was in the world,
//! not from zones: avatars come and go by inputs alone. So the outcome is known in the tick itself, and what
//! is sent arrives. It is in the mail for one tick, like any other ([`Deed::carrying`]).

mod dealings;

use bevy_app::App;
use bevy_ecs::change_detection::{Mut, Res};
use bevy_ecs::resource::Resource;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::world::World;
use bluemarble_shared_protocol::{AnsweredGift, AssetId, EntityId, Gift, GiftInput, GiftOutcome};

pub use self::dealings::Dealings;
pub(crate) use self::dealings::StoredDealings;
use crate::effect::{Deed, Effect};
use crate::entity::{Life, Player, Purse};
use crate::life;
use crate::roster::Roster;
use crate::schedule::{TickSet, ZoneTick};
use crate::value::{Holder, Moved, Stage, Why};
use crate::zone_resources::{Counted, Inbox, Now, Outbox};

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Answers>();
    app.add_systems(
        ZoneTick,
        give.in_set(TickSet::Ingest)
            .after(life::open_mail)
            .run_if(|inbox: Res<Inbox>| !inbox.gifts.is_empty()),
    );
}

/// A gift on its way to its giver's zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offered {
    pub input: GiftInput,
    /// Whether an avatar is there to receive it, now and when the mail is handed over.
    pub welcome: bool,
}

/// What this tick's gifts have come to; told once.
#[derive(Resource, Debug, Default)]
pub(crate) struct Answers(pub Vec<AnsweredGift>);

/// Carries gifts out, each giver's in the order of their numbers. After mail: what has just arrived can be
/// given away.
pub(crate) fn give(world: &mut World) {
    world.resource_scope(|world, mut inbox: Mut<Inbox>| {
        for offered in inbox.gifts.drain(..) {
            let giver = offered.input.from;
            match answer(world, &offered) {
                Some(answer) => world.resource_mut::<Answers>().0.push(AnsweredGift {
                    from: giver,
                    answer,
                }),
                None => world.resource_mut::<Counted>().0.gifts_refused += 1,
            }
        }
    });
}

/// What becomes of one; `None` if its giver is not here, or no avatar.
fn answer(world: &mut World, offered: &Offered) -> Option<bluemarble_shared_protocol::GiftAnswer> {
    let GiftInput { from, gift } = offered.input;
    let now = world.resource::<Now>().0;
    let &entity = world.resource::<Roster>().0.get(&from)?;
    let coins = world.get::<Purse>(entity)?.0;
    let alive = world.get::<Life>(entity)?.is_alive();
    let mut player = world.get_mut::<Player>(entity)?;
    let has = match gift.asset {
        AssetId::COINS => coins,
        asset => player.things.count(asset),
    };
    let dealings = &mut player.dealings;
    if let Some(known) = dealings.answer(&gift, now) {
        return Some(known);
    }
    let outcome = outcome(from, &gift, has, alive, offered.welcome);
    let answer = dealings.remember(&gift, outcome, now);
    if outcome == GiftOutcome::Given {
        match gift.asset {
            AssetId::COINS => world.get_mut::<Purse>(entity)?.0 -= gift.amount,
            asset => {
                let taken = player.things.take(asset, gift.amount);
                debug_assert!(taken, "it has been looked whether it has them");
            }
        }
        send(world, from, &gift);
    } else {
        world.resource_mut::<Counted>().0.gifts_refused += 1;
    }
    Some(answer)
}

fn outcome(from: EntityId, gift: &Gift, has: u64, alive: bool, welcome: bool) -> GiftOutcome {
    if gift.to == from {
        GiftOutcome::Oneself
    } else if !alive {
        GiftOutcome::Dead
    } else if !welcome {
        GiftOutcome::Nobody
    } else if has < gift.amount {
        GiftOutcome::NotEnough
    } else {
        GiftOutcome::Given
    }
}

fn send(world: &mut World, from: EntityId, gift: &Gift) {
    let Gift {
        to, amount, asset, ..
    } = *gift;
    world.resource_mut::<Counted>().0.gifts += 1;
    world.resource_mut::<Outbox>().0.push(Effect {
        deed: Deed::carrying(asset, amount),
        cause: from,
        n: gift.number,
        target: to,
        depth: 0,
    });
    let way = (Holder::Character(from), Holder::Mail);
    let why = (Why::Given, Some(to));
    world
        .resource_mut::<Moved>()
        .note(Stage::Living, from, way, (asset, amount), why);
}
