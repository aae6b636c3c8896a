//! The end of a zone's tick: who leaves it, what others may read of it (Frame), what clients may
//! know of it (WireFrame), and its share of the digest.

mod heading;
mod order;
mod pool;
mod rows;
mod wire;

use std::sync::Arc;

use bevy_app::App;
use bevy_ecs::change_detection::{Res, ResMut};
use bevy_ecs::query::{QueryFilter, With, Without};
use bevy_ecs::resource::Resource;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Query;
use bluemarble_shared_protocol::{Tick, WireFrame};
use bluemarble_spatial::{CellFinder, CellId};

use self::order::Order;
use self::pool::Pool;
use self::rows::{FrameRows, LEAVES};
use self::wire::{Private, WireBuilder};
use crate::entity::digest::{DigestParts, Parts};
use crate::entity::{
    Arms, Bodies, Body, Flight, Hazard, Identity, Life, Mind, News, Place, Player, Purse, Touched,
    Unchanging, Within,
};
use crate::frame::{Frame, FrameRow};
use crate::lore::Lore;
use crate::schedule::{TickSet, ZonePublish, ZoneTick};
use crate::sleep::{Dormitory, Filed};
use crate::zone_resources::{Arrivals, Leaving, Now, Ownership, Published, PublishedPart, Wounds};

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Drafts>();
    app.add_systems(ZoneTick, depart.in_set(TickSet::Depart));
    app.add_systems(
        ZonePublish,
        (publish, publish_asleep).chain().in_set(TickSet::Publish),
    );
}

/// Finds everybody's grid cell, and marks whose belongs to another zone.
fn depart(
    lore: Res<Lore>,
    ownership: Res<Ownership>,
    mut cells: ResMut<Cells>,
    mut published: ResMut<Published>,
    mut everybody: Query<(&Identity, &Body, &Life, &mut Place), Without<Filed>>,
) {
    published.leaving.clear();
    cells.0.bound(Cells::enough(published.cells.len()));
    let own = ownership.range();
    for (identity, body, life, mut place) in &mut everybody {
        let found = cells.0.find(body.0.pos, place.1.hint);
        *place = Place(
            found.cell,
            Within {
                hint: found.hint,
                depth_m: found.depth as f32,
            },
        );
        if !own.contains(&place.0) {
            let to = ownership.map.zone_of(place.0);
            let row = frame_row(&lore, identity, body, life, place.0);
            published.leaving.push(Leaving { to, row });
        }
    }
    published
        .leaving
        .sort_unstable_by_key(|leaving| (leaving.row.cell, leaving.row.id));
}

fn frame_row(lore: &Lore, identity: &Identity, body: &Body, life: &Life, cell: CellId) -> FrameRow {
    let rules = lore.kind(identity.kind);
    FrameRow {
        cell,
        id: identity.id,
        pos: body.0.pos,
        radius_m: rules.mover.radius_m,
        eye_m: rules.mover.eye_m,
        faction: rules.faction,
        alive: life.is_alive() && rules.is_creature(),
        kind: identity.kind,
    }
}

type Everything<'a> = (
    &'a Identity,
    &'a Body,
    &'a Life,
    &'a Arms,
    &'a Unchanging,
    &'a Place,
    &'a Touched,
    Option<&'a Mind>,
    Option<&'a Player>,
    Option<&'a News>,
    &'a Purse,
    Option<&'a Flight>,
    Option<&'a Hazard>,
);

/// The grid cells that residents were found in: a memo of a pure function.
#[derive(Resource, Debug)]
pub(crate) struct Cells(CellFinder);

impl Cells {
    pub(crate) fn new(lore: &Lore) -> Self {
        Self(CellFinder::new(lore.grid_level))
    }

    /// How many to remember if residents stand in so many: who walks to and fro finds them again.
    fn enough(lived_in: usize) -> usize {
        (4 * lived_in).max(256)
    }
}

/// Room to publish in. What it holds from the tick before shows nowhere.
#[derive(Resource, Debug, Default)]
pub(crate) struct Drafts {
    awake: Draft,
    asleep: Draft,
}

/// Room for one part.
#[derive(Debug, Default)]
struct Draft {
    order: Order,
    /// The avatars, in the order of the query.
    avatars: Vec<u32>,
    /// Of each row: how many avatars come before it.
    own_rows: Vec<u32>,
    frame_rows: FrameRows,
    bodies: Bodies,
    frames: Pool<Frame>,
    wires: Pool<WireFrame>,
}

/// Counts, for each row, the avatars before it.
fn number_the_avatars(avatars: &[u32], own_rows: &mut Vec<u32>, rows: &[u32]) {
    own_rows.clear();
    own_rows.resize(rows.len(), 0);
    for &nth in avatars {
        own_rows[rows[nth as usize] as usize] = 1;
    }
    let mut before = 0;
    for own in own_rows {
        before += std::mem::replace(own, before);
    }
}

/// Publishes everybody but those whose part is kept.
pub(crate) fn publish(
    now: Res<Now>,
    lore: Res<Lore>,
    ownership: Res<Ownership>,
    (mut arrivals, mut wounds): (ResMut<Arrivals>, ResMut<Wounds>),
    mut drafts: ResMut<Drafts>,
    mut published: ResMut<Published>,
    everybody: Query<Everything, Without<Filed>>,
) {
    arrivals.sort();
    let draft = &mut drafts.awake;
    let own = ownership.range();
    let stays = |cell| own.contains(&cell);
    let part = draft.make(now.0, &lore, stays, &arrivals.0, &mut wounds, &everybody);
    arrivals.0.clear();
    published.cells.clear();
    for seat in draft.order.sorted() {
        match published.cells.last_mut() {
            Some((cell, count)) if *cell == seat.cell => *count += 1,
            _ => published.cells.push((seat.cell, 1)),
        }
    }
    published.avatars.clear();
    if let Some(level) = lore.coarse_level {
        let order = &draft.order;
        let cell = |nth: &u32| order.sorted()[order.rows()[*nth as usize] as usize].cell;
        let large = draft.avatars.iter().map(|nth| (cell(nth).parent(level), 1));
        published.avatars.extend(large);
    }
    published.frame = part.frame;
    published.wire = part.wire;
    published.digest = part.digest;
}

/// Makes the part of sleepers anew, if it is another than before.
fn publish_asleep(
    now: Res<Now>,
    lore: Res<Lore>,
    mut dormitory: ResMut<Dormitory>,
    mut drafts: ResMut<Drafts>,
    mut published: ResMut<Published>,
    sleepers: Query<Everything, With<Filed>>,
) {
    if dormitory.changed {
        dormitory.changed = false;
        let draft = &mut drafts.asleep;
        published.asleep = draft.make(
            now.0,
            &lore,
            |_| true,
            &[],
            &mut Wounds::default(),
            &sleepers,
        );
    }
}

impl Draft {
    /// Makes Frame, WireFrame and digest from the entities as they are now. Everybody is read once,
    /// in the order in which they lie in memory, and written into their row.
    fn make<F: QueryFilter>(
        &mut self,
        now: Tick,
        lore: &Lore,
        stays: impl Fn(CellId) -> bool,
        arrivals: &[FrameRow],
        wounds: &mut Wounds,
        everybody: &Query<Everything, F>,
    ) -> PublishedPart {
        let Self {
            order,
            avatars,
            own_rows,
            frame_rows,
            bodies,
            frames,
            wires,
        } = self;
        avatars.clear();
        order.sort((0..).zip(everybody).map(|(nth, row)| {
            if row.8.is_some() {
                avatars.push(nth);
            }
            (row.5.0, row.0.id)
        }));
        let (mut frame, mut wire) = (frames.take(), wires.take());
        let unshared = "the pool hands out what nobody else has";
        let rows = Arc::get_mut(&mut frame).expect(unshared);
        rows.restart();
        frame_rows.seat(order.sorted(), arrivals, stays, rows);
        rows.make_room();
        for (arrival, &row) in arrivals.iter().zip(&frame_rows.arrivals) {
            rows.put(row as usize, arrival, DigestParts::odd(arrival.id));
        }
        let draft = Arc::get_mut(&mut wire).expect(unshared);
        wounds.publish(&mut draft.wounds);
        number_the_avatars(avatars, own_rows, order.rows());
        let mut builder = WireBuilder::new(lore, now, order.rows().len(), avatars.len(), draft);
        let mut digest = DigestParts::default();
        for (components, &row) in everybody.iter().zip(order.rows()) {
            let (identity, body, life, arms, unchanging, place, touched, mind, player, news, ..) =
                components;
            let (.., purse, flight, hazard) = components;
            let row = row as usize;
            Parts {
                identity,
                life,
                arms,
                unchanging,
                mind,
                player,
                purse,
                flight,
                hazard,
            }
            .add_to(&mut digest);
            bodies.add(identity.id, unchanging.odd, body, &mut digest);
            let frame_row = frame_rows.residents[row];
            if frame_row != LEAVES {
                let read = self::frame_row(lore, identity, body, life, place.0);
                rows.put(frame_row as usize, &read, unchanging.odd);
            }
            builder.put(row, place.0, identity, body, life, arms);
            if let (Some(player), Some(news)) = (player, news) {
                let private = Private {
                    player,
                    purse,
                    touched,
                    news,
                };
                builder.put_owned(
                    (own_rows[row] as usize, row),
                    identity,
                    body,
                    life,
                    arms,
                    &private,
                );
            }
        }
        bodies.finish(&mut digest);
        rows.finish();
        frames.put(&frame);
        wires.put(&wire);
        PublishedPart {
            frame,
            wire,
            digest,
        }
    }
}
