//! Mutants: deliberate violations of a rule, built only for tests. They prove that the tests that
//! guard the rule would notice.

use std::sync::Arc;

use bevy_app::App;
use bevy_ecs::change_detection::{Res, ResMut};
use bevy_ecs::resource::Resource;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Query;

use crate::entity::{Body, Identity};
use crate::frame::Around;
use crate::schedule::{TickSet, ZoneTick};
use crate::zone_resources::ZoneNumber;

/// Whether this zone reads its own entities as they are now instead of as Frame(t−1) shows them.
#[derive(Resource, Debug, Default)]
pub(crate) struct ReadsOwnZoneLive(pub bool);

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<ReadsOwnZoneLive>();
    app.add_systems(ZoneTick, peek.after(TickSet::Move).before(TickSet::Resolve));
}

/// Replaces this zone's positions in its view of Frame(t−1) by those after Move.
fn peek(
    mutant: Res<ReadsOwnZoneLive>,
    zone: Res<ZoneNumber>,
    mut around: ResMut<Around>,
    bodies: Query<(&Identity, &Body)>,
) {
    if !mutant.0 {
        return;
    }
    let mut frames = (*around.frames).clone();
    let Some(own) = frames.zones.get(zone.0 as usize) else {
        return;
    };
    let mut own = (**own).clone();
    for (identity, body) in &bodies {
        if let Some(row) = own.ids.iter().position(|id| *id == identity.id) {
            own.overwrite_position(row, body.0.pos);
        }
    }
    frames.zones[zone.0 as usize] = Arc::new(own);
    around.frames = Arc::new(frames);
}
