//! Health, death and return: mail is applied at the beginning of a tick, the dead return near its
//! end. What death does to others (the killer's credit and spoils, a burst) is sent as mail, too.

use bevy_app::App;
use bevy_ecs::change_detection::{Res, ResMut};
use bevy_ecs::query::Without;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Query;
use bluemarble_shared_protocol::{AssetId, EntityId};

use crate::content::BurstRules;
use crate::effect::{Deed, Effect};
use crate::entity::{
    Arms, Body, Home, Identity, Life, Mail, Mind, News, Place, Player, Purse, Touched,
};
use crate::frame::Around;
use crate::items;
use crate::lore::Lore;
use crate::players;
use crate::random::{Draw, Purpose};
use crate::schedule::{TickSet, ZoneTick};
use crate::sleep::Asleep;
use crate::value::{Holder, Moved, Stage, Why};
use crate::zone_resources::{Counted, Now, Outbox, Wounds};

/// The effect number of a kill, and of the spoils, among its cause's effects of the tick.
const KILL_N: u32 = 0;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(
        ZoneTick,
        open_mail.in_set(TickSet::Ingest).after(players::come),
    );
    app.add_systems(ZoneTick, respawn.in_set(TickSet::Settle));
}

type Addressee<'a> = (
    &'a Identity,
    &'a Body,
    &'a Place,
    &'a mut Life,
    &'a mut Purse,
    &'a mut Mail,
    &'a mut Touched,
    Option<&'a mut Mind>,
    Option<&'a mut News>,
    Option<&'a mut Player>,
);

/// Applies every entity's mail in the order (kind of deed, cause, n) and empties the mailbox. A blow
/// at somebody who left and returned within the tick it was struck in hits the returned.
pub(crate) fn open_mail(
    now: Res<Now>,
    lore: Res<Lore>,
    around: Res<Around>,
    mut outbox: ResMut<Outbox>,
    (mut counted, mut moved, mut wounds): (ResMut<Counted>, ResMut<Moved>, ResMut<Wounds>),
    mut everybody: Query<Addressee, Without<Asleep>>,
) {
    for addressee in &mut everybody {
        let (identity, body, place, mut life, mut purse, ..) = addressee;
        let (.., mut mail, mut touched, mut mind, mut news, mut player) = addressee;
        touched.0 = false;
        if let Some(news) = news.as_deref_mut() {
            news.fell_to = None;
            news.felled.clear();
        }
        if mail.0.is_empty() {
            continue;
        }
        mail.0.sort_unstable();
        let rules = lore.kind(identity.kind);
        let holder = Holder::of(identity.id, rules, mind.is_some());
        let sent = (holder, Holder::Mail);
        for effect in mail.0.drain(..) {
            match effect.deed {
                Deed::Kill => {
                    life.kills = life.kills.saturating_add(1);
                    if let Some(news) = news.as_deref_mut() {
                        news.felled.push(effect.cause);
                    }
                }
                Deed::Damage { amount } if life.is_alive() && rules.is_creature() => {
                    let lost = life.health.min(amount);
                    life.health -= lost;
                    if lost > 0 {
                        wounds.note(identity.id, effect.cause, lost, !life.is_alive());
                    }
                    if let Some(mind) = mind.as_deref_mut() {
                        remember(mind, effect.cause);
                    }
                    if life.is_alive() {
                        continue;
                    }
                    life.deaths = life.deaths.saturating_add(1);
                    life.respawn_at = now.0.after(rules.respawn_ticks);
                    counted.0.kills += 1;
                    if let Some(news) = news.as_deref_mut() {
                        news.fell_to = Some(effect.cause);
                    }
                    let left = bequeath(&mut outbox, identity.id, &mut purse, &effect);
                    let to = (Why::Bequeathed, Some(effect.cause));
                    let left = (AssetId::COINS, left);
                    moved.note(Stage::Living, identity.id, sent, left, to);
                    if let Some(burst) = &rules.burst {
                        let amount = burst_damage(&lore, identity.id, &now, burst);
                        let harm = |target| Effect {
                            deed: Deed::Damage { amount },
                            cause: effect.cause,
                            n: Effect::n_of(identity.id),
                            target,
                            depth: effect.depth + 1,
                        };
                        around.visit(place.0, body.0.pos, burst.radius_m, |other, _| {
                            let frame = &around.frames.zones[other.zone as usize];
                            if frame.alive[other.row] && other.id != identity.id {
                                outbox.0.push(harm(other.id));
                            }
                        });
                    }
                }
                // A blow at somebody who died of an earlier one.
                Deed::Damage { .. } => {}
                Deed::Coins { .. } | Deed::Things { .. } => {
                    let Some((asset, amount)) = effect.deed.carries() else {
                        continue;
                    };
                    match player.as_deref_mut() {
                        // Its purse is for what it holds: coins, or of an item perhaps things.
                        _ if asset == rules.asset => purse.0 += amount,
                        Some(player) => player.things.add(asset, amount),
                        // Back and forth for ever, if neither side can have any.
                        None if effect.depth >= Effect::DEPTH_MAX => {
                            let (gone, lost) = ((Holder::Mail, Holder::Gone), (Why::Lost, None));
                            moved.note(Stage::Living, identity.id, gone, (asset, amount), lost);
                            continue;
                        }
                        None => {
                            outbox.0.push(items::send_back(identity.id, &effect));
                            continue;
                        }
                    }
                    let (way, from) = ((Holder::Mail, holder), (Why::Received, Some(effect.cause)));
                    moved.note(Stage::Living, identity.id, way, (asset, amount), from);
                    if rules.is_item() {
                        items::fill(&mut life, rules);
                    }
                }
                Deed::Take => {
                    let held = (rules.asset, &mut *purse);
                    let answer = items::arbitrate(identity.id, &mut life, held, &effect);
                    if let Some(taken) = answer.deed.carries() {
                        life.respawn_at = now.0.after(rules.respawn_ticks);
                        counted.0.taken += 1;
                        let to = (Why::Taken, Some(effect.cause));
                        moved.note(Stage::Living, identity.id, sent, taken, to);
                    }
                    outbox.0.push(answer);
                }
                Deed::TooLate => counted.0.too_late += 1,
            }
        }
    }
}

/// A creature turns on whoever hurts it, unless it is already after somebody.
fn remember(mind: &mut Mind, attacker: EntityId) {
    if mind.quarry.is_none() {
        mind.quarry = Some(attacker);
    }
}

/// The killer gets the credit, and what the dead held: so many coins.
fn bequeath(outbox: &mut Outbox, dead: EntityId, purse: &mut Purse, blow: &Effect) -> u64 {
    let to_killer = |deed| Effect {
        deed,
        cause: dead,
        n: KILL_N,
        target: blow.cause,
        depth: blow.depth + 1,
    };
    outbox.0.push(to_killer(Deed::Kill));
    let amount = std::mem::take(&mut purse.0);
    if amount > 0 {
        outbox.0.push(to_killer(Deed::Coins { amount }));
    }
    amount
}

fn burst_damage(lore: &Lore, id: EntityId, now: &Now, burst: &BurstRules) -> u16 {
    Draw::new(lore.seed, id, now.0, Purpose::Burst).among(burst.damage)
}

type Mortal<'a> = (
    &'a Identity,
    &'a Home,
    &'a mut Life,
    &'a mut Body,
    &'a mut Arms,
    &'a mut Purse,
    &'a mut Touched,
    Option<&'a mut Mind>,
);

/// Brings back the dead whose time has come, whole and near home: creatures with the coins of their
/// kind, items filled again, avatars with what they have left.
pub(crate) fn respawn(
    now: Res<Now>,
    lore: Res<Lore>,
    (mut counted, mut moved): (ResMut<Counted>, ResMut<Moved>),
    mut everybody: Query<Mortal, Without<Asleep>>,
) {
    for (identity, home, mut life, mut body, mut arms, mut purse, mut touched, mind) in
        &mut everybody
    {
        if life.is_alive() || now.0 < life.respawn_at {
            continue;
        }
        let rules = lore.kind(identity.kind);
        let place = lore.scatter(home.dir, home.spread_m, identity.id, now.0);
        body.0 = bluemarble_motion::Body::standing(&lore.planet, place, body.0.facing);
        life.health = rules.health;
        arms.ready_at = now.0;
        touched.0 = true;
        counted.0.respawns += 1;
        if mind.is_some() || rules.is_item() {
            purse.0 += rules.coins;
            if rules.asset == AssetId::COINS {
                counted.0.minted += rules.coins;
            }
            let to = Holder::of(identity.id, rules, mind.is_some());
            let why = (Why::Respawned, None);
            let way = (Holder::Mint, to);
            let filled = (rules.asset, rules.coins);
            moved.note(Stage::Living, identity.id, way, filled, why);
        }
        if let Some(mut mind) = mind {
            *mind = Mind {
                decide_at: now.0,
                quarry: None,
                goal: place,
            };
        }
    }
}
