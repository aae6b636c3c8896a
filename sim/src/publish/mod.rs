//! The end of a zone's tick: who leaves it, what others may read of it (Frame), what clients may
//! know of it (WireFrame), and its share of the digest.

mod wire;

use std::sync::Arc;

use bevy_app::App;
use bevy_ecs::change_detection::{Res, ResMut};
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Query;

use self::wire::{Private, WireBuilder};
use crate::entity::digest::{DigestParts, Parts};
use crate::entity::{Arms, Body, Home, Identity, Life, Mind, News, Place, Player, Touched};
use crate::frame::{Frame, FrameRow};
use crate::lore::Lore;
use crate::schedule::{TickSet, ZoneTick};
use crate::zone_resources::{Leaving, Now, Ownership, Published};

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(ZoneTick, depart.in_set(TickSet::Depart));
    app.add_systems(ZoneTick, publish.in_set(TickSet::Publish));
}

/// Finds everybody's grid cell, and marks whose belongs to another zone.
fn depart(
    lore: Res<Lore>,
    ownership: Res<Ownership>,
    mut published: ResMut<Published>,
    mut everybody: Query<(&Identity, &Body, &Life, &mut Place)>,
) {
    published.leaving.clear();
    for (identity, body, life, mut place) in &mut everybody {
        place.0 = lore.grid_cell(body.0.pos);
        let to = ownership.map.zone_of(place.0);
        if to != ownership.zone {
            let row = frame_row(&lore, identity, body, life, place.0);
            published.leaving.push(Leaving { to, row });
        }
    }
    published
        .leaving
        .sort_unstable_by_key(|leaving| (leaving.row.cell, leaving.row.id));
}

fn frame_row(
    lore: &Lore,
    identity: &Identity,
    body: &Body,
    life: &Life,
    cell: bluemarble_spatial::CellId,
) -> FrameRow {
    let rules = lore.kind(identity.kind);
    FrameRow {
        cell,
        id: identity.id,
        pos: body.0.pos,
        radius_m: rules.mover.radius_m,
        eye_m: rules.mover.eye_m,
        faction: rules.faction,
        alive: life.is_alive(),
    }
}

type Everything<'a> = (
    &'a Identity,
    &'a Body,
    &'a Life,
    &'a Arms,
    &'a Home,
    &'a Place,
    &'a Touched,
    Option<&'a Mind>,
    Option<&'a Player>,
    Option<&'a News>,
);

/// Makes Frame, WireFrame and digest from the entities as they are now.
pub(crate) fn publish(
    now: Res<Now>,
    lore: Res<Lore>,
    ownership: Res<Ownership>,
    mut published: ResMut<Published>,
    everybody: Query<Everything>,
) {
    let mut rows: Vec<_> = everybody.iter().collect();
    rows.sort_unstable_by_key(|(identity, .., place, _, _, _, _)| (place.0, identity.id));
    let mut digest = DigestParts::default();
    for (identity, body, life, arms, home, _, _, mind, player, _) in rows.iter().copied() {
        Parts {
            identity,
            body,
            life,
            arms,
            home,
            mind,
            player,
        }
        .add_to(&mut digest);
    }
    published.digest = digest;
    let staying: Vec<FrameRow> = rows
        .iter()
        .filter(|row| ownership.map.zone_of(row.5.0) == ownership.zone)
        .map(|(identity, body, life, _, _, place, ..)| {
            frame_row(&lore, identity, body, life, place.0)
        })
        .collect();
    published.cells.clear();
    for row in &rows {
        match published.cells.last_mut() {
            Some((cell, count)) if *cell == row.5.0 => *count += 1,
            _ => published.cells.push((row.5.0, 1)),
        }
    }
    published.frame = Arc::new(Frame::from_sorted(staying.into_iter()));
    let mut wire = WireBuilder::new(&lore, now.0, rows.len());
    for (identity, body, life, arms, _, place, touched, _, player, news) in rows {
        wire.push(place.0, identity, body, life, arms);
        if let (Some(player), Some(news)) = (player, news) {
            let private = Private {
                player,
                touched,
                news,
            };
            wire.push_owned(identity, body, life, arms, &private);
        }
    }
    published.wire = Arc::new(wire.finish());
}
