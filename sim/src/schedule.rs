//! One tick of a zone, as a visible chain of system sets. The whole order of the simulation is in
//! this file; every feature hangs its systems into one of these sets.
//!
//! The last of them, Publish, is a schedule of its own: between the two, zones hand each other the rows
//! of those who stand in one and reside in another, so that every frame is written once, complete.

use bevy_app::App;
use bevy_ecs::schedule::{
    IntoScheduleConfigs, LogLevel, Schedule, ScheduleBuildSettings, ScheduleLabel,
    SingleThreadedExecutor, SystemSet,
};

/// The tick up to and with Depart.
#[derive(ScheduleLabel, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ZoneTick;

/// The rest of it: Publish.
#[derive(ScheduleLabel, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ZonePublish;

/// The steps of a tick, in this order.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TickSet {
    /// Who sleeps in this tick is decided by what t−1 left and by the coarse layer. After: whoever
    /// is `Asleep` is left alone by every set below.
    Rest,
    /// Before: the entities as the last barrier left them. Players come and go, mail is applied.
    /// After: mailboxes are empty, whoever died of a blow is dead.
    Ingest,
    /// Avatars get their order for this tick. After: every avatar's `Order` is of this tick.
    Command,
    /// Creatures get theirs, from Frames(t−1). After: everybody's `Order` is of this tick.
    Think,
    /// Bodies move: gravity, ground, obstacles, contacts with Frames(t−1).
    Move,
    /// Blows are struck at whom Frames(t−1) shows within reach. After: their effects are in the
    /// outbox, to arrive at t+1.
    Resolve,
    /// The dead whose time has come live again.
    Settle,
    /// Whose position belongs to another zone is marked. After: every `Place` is of this tick.
    Depart,
    /// The zone's Frame, WireFrame and share of the digest are made. Before: the rows of everybody who
    /// stands in this zone's cells but resides elsewhere are here.
    Publish,
}

/// Adds the tick's skeleton; features add their systems to it.
pub(crate) fn plugin(app: &mut App) {
    let mut tick = single_threaded(ZoneTick);
    tick.configure_sets(
        (
            TickSet::Rest,
            TickSet::Ingest,
            TickSet::Command,
            TickSet::Think,
            TickSet::Move,
            TickSet::Resolve,
            TickSet::Settle,
            TickSet::Depart,
        )
            .chain(),
    );
    let mut publish = single_threaded(ZonePublish);
    publish.configure_sets(TickSet::Publish);
    app.add_schedule(tick).add_schedule(publish);
}

/// A schedule in which no order is left open.
fn single_threaded(label: impl ScheduleLabel) -> Schedule {
    let mut schedule = Schedule::new(label);
    schedule.set_executor(SingleThreadedExecutor::new());
    schedule.set_build_settings(ScheduleBuildSettings {
        ambiguity_detection: LogLevel::Error,
        hierarchy_detection: LogLevel::Error,
        ..Default::default()
    });
    schedule
}
