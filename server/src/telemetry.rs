//! The metrics page: what is measured, under which name, in which unit.
//!
//! Names are `bluemarble_<what>_<unit>`, counters end in `_total`, base units are seconds and
//! bytes. Counters kept elsewhere (sessions, QUIC, journal, checkpoints) are copied here once a
//! second as absolute values; tick durations are recorded as they happen.

use std::time::Duration;

use bluemarble_net::server::HubStats;
use bluemarble_net::server::quic::{QuicStats, Traffic};
use bluemarble_persistence::{CheckpointStatus, JournalStatus, LedgerStatus, ShipStatus};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;

use crate::exit::Failure;
use crate::feed::Feed;
use crate::health::{Grade, Health};
use crate::live::{Live, Status};
use crate::machine;
use crate::observed::Observed;

/// Duration of one tick: sealing, stepping, replicating.
pub const TICK_SECONDS: &str = "bluemarble_tick_seconds";

/// A gauge that nobody has set for so long is left out: its world sleeps or is gone.
const GAUGES_FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// Upper bounds of the tick histogram, seconds: fine below the 50 ms of 20 Hz, where percentiles are
/// interpolated.
const TICK_BUCKETS_S: [f64; 30] = [
    0.000_25, 0.000_5, 0.001, 0.001_5, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.009,
    0.010, 0.012, 0.014, 0.016, 0.018, 0.020, 0.023, 0.026, 0.030, 0.035, 0.040, 0.045, 0.050,
    0.060, 0.080, 0.100, 0.250, 1.0,
];

/// Sets the process's recorder up; the page is rendered from what it returns.
///
/// # Errors
/// There is a recorder already.
pub fn install() -> Result<PrometheusHandle, Failure> {
    let impossible = |error: BuildError| Failure::environment(format!("metrics: {error}"));
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(TICK_SECONDS.to_owned()), &TICK_BUCKETS_S)
        .map_err(impossible)?
        // Worlds come and go, and their names with them; every gauge is set once a second.
        .idle_timeout(MetricKindMask::GAUGE, Some(GAUGES_FORGOTTEN_AFTER))
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)
        .map_err(|error| Failure::environment(format!("metrics: {error}")))?;
    describe();
    Ok(handle)
}

fn describe() {
    describe_histogram!(TICK_SECONDS, Unit::Seconds, "Duration of ticks");
    for (name, unit, text) in GAUGES {
        describe_gauge!(*name, *unit, *text);
    }
    for (name, unit, text) in COUNTERS {
        describe_counter!(*name, *unit, *text);
        counter!(*name).absolute(0);
    }
}

const GAUGES: &[(&str, Unit, &str)] = &[
    ("bluemarble_tick", Unit::Count, "Newest finished tick"),
    ("bluemarble_epoch", Unit::Count, "Incarnation of the world"),
    (
        "bluemarble_recovered_with_loss",
        Unit::Count,
        "1 if ticks were lost or quarantined at this start",
    ),
    (
        "bluemarble_tick_ms",
        Unit::Milliseconds,
        "Tick duration since the start, by quantile",
    ),
    (
        "bluemarble_tick_last_second_ms",
        Unit::Milliseconds,
        "Tick duration in the last second",
    ),
    (
        "bluemarble_tick_phase_ms",
        Unit::Milliseconds,
        "Mean of each phase in the last second",
    ),
    ("bluemarble_players", Unit::Count, "Sessions in the world"),
    ("bluemarble_entities", Unit::Count, "Entities in the world"),
    (
        "bluemarble_characters_absent",
        Unit::Count,
        "Characters kept while they are not in the world",
    ),
    ("bluemarble_zones", Unit::Count, "Zones"),
    (
        "bluemarble_zone_strays",
        Unit::Count,
        "Entities that wait for their departure after zones have changed",
    ),
    (
        "bluemarble_zone_imbalance",
        Unit::Count,
        "The busiest zone's step over the mean zone's",
    ),
    (
        "bluemarble_world_tick",
        Unit::Count,
        "Newest finished tick of a world",
    ),
    (
        "bluemarble_world_players",
        Unit::Count,
        "Sessions in a world",
    ),
    (
        "bluemarble_world_entities",
        Unit::Count,
        "Entities in a world",
    ),
    ("bluemarble_world_zones", Unit::Count, "Zones of a world"),
    (
        "bluemarble_world_zone_imbalance",
        Unit::Count,
        "The busiest zone's step over the mean zone's, of a world",
    ),
    (
        "bluemarble_world_overload_level",
        Unit::Count,
        "Step of a world's overload ladder, 0 to 6",
    ),
    (
        "bluemarble_world_ticks_skipped",
        Unit::Count,
        "Beats a world has given up since it was woken",
    ),
    (
        "bluemarble_world_journal_lag_ms",
        Unit::Milliseconds,
        "Age of a world's oldest record not on disk",
    ),
    (
        "bluemarble_world_tick_ms",
        Unit::Milliseconds,
        "Tick duration of a world in the last second, by quantile",
    ),
    ("bluemarble_health", Unit::Count, "0 ok, 1 degraded, 2 down"),
    (
        "bluemarble_overload_level",
        Unit::Count,
        "Step of the overload ladder in force, 0 to 6",
    ),
    (
        "bluemarble_overload_load",
        Unit::Count,
        "Work of a tick over its ordinary time, smoothed",
    ),
    (
        "bluemarble_overload_tick_share",
        Unit::Count,
        "How often as long as ordinary a tick is given",
    ),
    (
        "bluemarble_admin_stream_readers",
        Unit::Count,
        "Readers of an admin stream",
    ),
    (
        "bluemarble_process_cpu_seconds",
        Unit::Seconds,
        "User and system time since the start",
    ),
    ("bluemarble_cpu_part_seconds", Unit::Seconds, "CPU by part"),
    (
        "bluemarble_process_resident_bytes",
        Unit::Bytes,
        "Resident memory",
    ),
    (
        "bluemarble_journal_lag_ms",
        Unit::Milliseconds,
        "Age of the oldest record not on disk",
    ),
    (
        "bluemarble_journal_durable_tick",
        Unit::Count,
        "Newest tick that survives a power cut",
    ),
    (
        "bluemarble_journal_shipped_tick",
        Unit::Count,
        "Newest tick that the journal's copy in the database has",
    ),
    (
        "bluemarble_journal_unshipped_ticks",
        Unit::Count,
        "Ticks that are durable here and not yet there",
    ),
    (
        "bluemarble_journal_unshipped_bytes",
        Unit::Bytes,
        "Bytes of the journal that are to be shipped",
    ),
    (
        "bluemarble_journal_unshipped_seconds",
        Unit::Seconds,
        "How long the oldest of them have waited",
    ),
    (
        "bluemarble_journal_queue_records",
        Unit::Count,
        "Records waiting for the writer",
    ),
    (
        "bluemarble_checkpoint_tick",
        Unit::Count,
        "Newest stored checkpoint",
    ),
    (
        "bluemarble_checkpoint_save_seconds",
        Unit::Seconds,
        "Duration of the last save",
    ),
    (
        "bluemarble_checkpoint_bytes",
        Unit::Bytes,
        "Size of the last checkpoint",
    ),
    (
        "bluemarble_ledger_tick",
        Unit::Count,
        "The ledger has every transfer through this tick",
    ),
    (
        "bluemarble_ledger_waiting",
        Unit::Count,
        "Transfers that are not in the ledger yet",
    ),
];

const COUNTERS: &[(&str, Unit, &str)] = &[
    (
        "bluemarble_ticks_skipped_total",
        Unit::Count,
        "Beats given up: the loop was too late",
    ),
    (
        "bluemarble_ticks_late_total",
        Unit::Count,
        "Ticks begun more than a tenth of a tick late",
    ),
    (
        "bluemarble_zone_splits_total",
        Unit::Count,
        "Zones cut in two",
    ),
    ("bluemarble_zone_merges_total", Unit::Count, "Zones joined"),
    (
        "bluemarble_zone_moves_total",
        Unit::Count,
        "Boundaries of zones moved",
    ),
    (
        "bluemarble_zone_plans_total",
        Unit::Count,
        "Times the balancer changed zones",
    ),
    (
        "bluemarble_zone_plans_fruitless_total",
        Unit::Count,
        "Plans that brought less than half of what they had promised",
    ),
    (
        "bluemarble_zone_orders_total",
        Unit::Count,
        "Orders to change zones carried out",
    ),
    (
        "bluemarble_zone_orders_refused_total",
        Unit::Count,
        "Orders to change zones refused",
    ),
    (
        "bluemarble_overload_climbs_total",
        Unit::Count,
        "Steps up the overload ladder",
    ),
    (
        "bluemarble_overload_descents_total",
        Unit::Count,
        "Steps down the overload ladder",
    ),
    (
        "bluemarble_handoffs_total",
        Unit::Count,
        "Entities handed from zone to zone",
    ),
    (
        "bluemarble_hits_total",
        Unit::Count,
        "Blows that found their target",
    ),
    ("bluemarble_kills_total", Unit::Count, "Deaths by a blow"),
    ("bluemarble_respawns_total", Unit::Count, "Returns to life"),
    (
        "bluemarble_intents_refused_total",
        Unit::Count,
        "Intents for nobody or out of order",
    ),
    (
        "bluemarble_effects_lost_total",
        Unit::Count,
        "Effects whose target had left the world",
    ),
    (
        "bluemarble_session_events_deferred_total",
        Unit::Count,
        "Session events left for a later tick",
    ),
    (
        "bluemarble_admin_requests_total",
        Unit::Count,
        "Admin calls with the token",
    ),
    (
        "bluemarble_admin_unauthorised_total",
        Unit::Count,
        "Admin calls without the token",
    ),
    (
        "bluemarble_admin_streams_lagging_total",
        Unit::Count,
        "Stream readers dropped: too slow",
    ),
    (
        "bluemarble_journal_bytes_total",
        Unit::Bytes,
        "Bytes written to the journal",
    ),
    (
        "bluemarble_journal_records_total",
        Unit::Count,
        "Records written to the journal",
    ),
    (
        "bluemarble_journal_syncs_total",
        Unit::Count,
        "Flushes of the journal to disk",
    ),
    (
        "bluemarble_journal_dropped_total",
        Unit::Count,
        "Records the journal could not take",
    ),
    (
        "bluemarble_journal_breaks_total",
        Unit::Count,
        "How often the journal broke",
    ),
    (
        "bluemarble_checkpoints_saved_total",
        Unit::Count,
        "Checkpoints stored",
    ),
    (
        "bluemarble_checkpoints_replaced_total",
        Unit::Count,
        "Images replaced before being written",
    ),
    (
        "bluemarble_checkpoint_failures_total",
        Unit::Count,
        "Failed attempts to store one",
    ),
    (
        "bluemarble_journal_shipped_bytes_total",
        Unit::Bytes,
        "Bytes of the journal stored in the database",
    ),
    (
        "bluemarble_journal_chunks_total",
        Unit::Count,
        "Pieces of the journal stored in the database",
    ),
    (
        "bluemarble_journal_ship_failures_total",
        Unit::Count,
        "Failed attempts to store one",
    ),
    (
        "bluemarble_ledger_transfers_total",
        Unit::Count,
        "Transfers entered into the ledger",
    ),
    (
        "bluemarble_ledger_failures_total",
        Unit::Count,
        "Failed attempts to write the ledger",
    ),
    (
        "bluemarble_ledger_forgotten_total",
        Unit::Count,
        "Transfers given up because too many waited; corrections took their place",
    ),
];

/// A tick is done.
pub fn tick_done(took: Duration) {
    metrics::histogram!(TICK_SECONDS).record(took.as_secs_f64());
}

/// Copies what is measured of every world, the main one too, once a second.
pub fn show_world(world: &str, status: &Status) {
    let show = |name: &'static str, value: f64| {
        gauge!(name, "world" => world.to_owned()).set(value);
    };
    show("bluemarble_world_tick", status.tick as f64);
    show("bluemarble_world_players", status.players as f64);
    show("bluemarble_world_entities", status.entities as f64);
    show("bluemarble_world_zones", status.zones as f64);
    show("bluemarble_world_zone_imbalance", status.imbalance);
    show(
        "bluemarble_world_overload_level",
        status.overload.level.into(),
    );
    show(
        "bluemarble_world_ticks_skipped",
        status.skipped_ticks as f64,
    );
    show(
        "bluemarble_world_journal_lag_ms",
        status.journal_lag_ms as f64,
    );
    let ms = &status.tick_ms_last_second;
    for (quantile, value) in [("0.5", ms.p50), ("0.99", ms.p99), ("1", ms.max)] {
        let labels = [
            ("world", world.to_owned()),
            ("quantile", quantile.to_owned()),
        ];
        gauge!("bluemarble_world_tick_ms", &labels).set(value);
    }
}

/// Copies the status, once a second.
pub fn show_status(status: &Status) {
    gauge!("bluemarble_tick").set(status.tick as f64);
    gauge!("bluemarble_epoch").set(status.epoch);
    let loss = status.recovered.loss().is_some();
    gauge!("bluemarble_recovered_with_loss").set(f64::from(u8::from(loss)));
    gauge!("bluemarble_players").set(status.players as f64);
    gauge!("bluemarble_entities").set(status.entities as f64);
    gauge!("bluemarble_characters_absent").set(status.absent as f64);
    gauge!("bluemarble_zones").set(status.zones as f64);
    gauge!("bluemarble_journal_lag_ms").set(status.journal_lag_ms as f64);
    gauge!("bluemarble_journal_durable_tick").set(status.durable_tick as f64);
    gauge!("bluemarble_checkpoint_tick").set(status.checkpoint_tick as f64);
    gauge!("bluemarble_zone_strays").set(status.strays as f64);
    gauge!("bluemarble_zone_imbalance").set(status.imbalance);
    let changes = &status.zone_changes;
    counter!("bluemarble_zone_splits_total").absolute(changes.splits);
    counter!("bluemarble_zone_merges_total").absolute(changes.merges);
    counter!("bluemarble_zone_moves_total").absolute(changes.moves);
    counter!("bluemarble_zone_plans_total").absolute(changes.plans);
    counter!("bluemarble_zone_plans_fruitless_total").absolute(changes.fruitless);
    counter!("bluemarble_zone_orders_total").absolute(changes.orders);
    counter!("bluemarble_zone_orders_refused_total").absolute(changes.refused);
    gauge!("bluemarble_overload_level").set(status.overload.level);
    gauge!("bluemarble_overload_load").set(status.overload.load);
    gauge!("bluemarble_overload_tick_share").set(status.overload.tick_share);
    counter!("bluemarble_overload_climbs_total").absolute(status.overload.climbs);
    counter!("bluemarble_overload_descents_total").absolute(status.overload.descents);
    counter!("bluemarble_handoffs_total").absolute(status.handoffs);
    counter!("bluemarble_hits_total").absolute(status.hits);
    counter!("bluemarble_kills_total").absolute(status.kills);
    counter!("bluemarble_ticks_skipped_total").absolute(status.skipped_ticks);
    let windows = [
        ("bluemarble_tick_ms", &status.tick_ms),
        (
            "bluemarble_tick_last_second_ms",
            &status.tick_ms_last_second,
        ),
    ];
    for (name, ms) in windows {
        for (quantile, value) in [
            ("0.5", ms.p50),
            ("0.95", ms.p95),
            ("0.99", ms.p99),
            ("1", ms.max),
        ] {
            gauge!(name, "quantile" => quantile).set(value);
        }
    }
}

/// Copies what the loop noted, once a second.
pub fn show_loop(observed: &mut Observed) {
    counter!("bluemarble_ticks_late_total").absolute(observed.late);
    counter!("bluemarble_session_events_deferred_total").absolute(observed.deferred);
    counter!("bluemarble_respawns_total").absolute(observed.tally.respawns);
    counter!("bluemarble_intents_refused_total").absolute(observed.tally.intents_refused);
    counter!("bluemarble_effects_lost_total").absolute(observed.tally.effects_lost);
    for (phase, ms) in observed.take_phases_ms() {
        gauge!("bluemarble_tick_phase_ms", "phase" => phase.label()).set(ms);
    }
}

/// Copies the log's state, once a second.
pub fn show_log(journal: &JournalStatus, checkpoints: &CheckpointStatus) {
    gauge!("bluemarble_journal_queue_records").set(journal.queued as f64);
    gauge!("bluemarble_journal_stall_seconds_max").set(journal.stall_us_max as f64 / 1e6);
    counter!("bluemarble_journal_bytes_total").absolute(journal.bytes);
    counter!("bluemarble_journal_records_total").absolute(journal.records);
    counter!("bluemarble_journal_syncs_total").absolute(journal.syncs);
    counter!("bluemarble_journal_dropped_total").absolute(journal.dropped);
    counter!("bluemarble_journal_breaks_total").absolute(journal.breaks);
    gauge!("bluemarble_checkpoint_save_seconds").set(checkpoints.last_save_us as f64 / 1e6);
    gauge!("bluemarble_checkpoint_bytes").set(checkpoints.last_bytes as f64);
    counter!("bluemarble_checkpoints_saved_total").absolute(checkpoints.saved);
    counter!("bluemarble_checkpoints_replaced_total").absolute(checkpoints.replaced);
    counter!("bluemarble_checkpoint_failures_total").absolute(checkpoints.failures);
}

/// Copies the state of the journal's copy, once a second, if there is one.
pub fn show_shipped(shipped: Option<&ShipStatus>) {
    let Some(shipped) = shipped else { return };
    gauge!("bluemarble_journal_shipped_tick").set(shipped.through.0 as f64);
    gauge!("bluemarble_journal_unshipped_ticks").set(shipped.behind_ticks as f64);
    gauge!("bluemarble_journal_unshipped_bytes").set(shipped.behind_bytes as f64);
    gauge!("bluemarble_journal_unshipped_seconds").set(shipped.behind_s);
    counter!("bluemarble_journal_shipped_bytes_total").absolute(shipped.bytes);
    counter!("bluemarble_journal_chunks_total").absolute(shipped.chunks);
    counter!("bluemarble_journal_ship_failures_total").absolute(shipped.failures);
}

/// Copies the ledger's state, once a second.
pub fn show_ledger(ledger: &LedgerStatus) {
    gauge!("bluemarble_ledger_tick").set(ledger.applied.0 as f64);
    gauge!("bluemarble_ledger_waiting").set(ledger.waiting as f64);
    counter!("bluemarble_ledger_transfers_total").absolute(ledger.transfers);
    counter!("bluemarble_ledger_failures_total").absolute(ledger.failures);
    counter!("bluemarble_ledger_forgotten_total").absolute(ledger.forgotten);
}

/// Those of [`HubStats`] that can fall.
const HUB_GAUGES: [&str; 7] = [
    "sessions",
    "unattended",
    "in_view",
    "entities",
    "waiting",
    "parked",
    "quiet",
];

/// Copies the network's counters, once a second. The crates below name them; see
/// `docs/OPERATIONS.md` for the list.
pub fn show_net(hub: &HubStats, quic: &QuicStats, traffic: &Traffic) {
    hub.each(|name, value| {
        if HUB_GAUGES.contains(&name) {
            gauge!(format!("bluemarble_hub_{name}")).set(value as f64);
        } else {
            counter!(format!("bluemarble_hub_{name}_total")).absolute(value);
        }
    });
    quic.each(|name, value| counter!(format!("bluemarble_quic_{name}_total")).absolute(value));
    counter!("bluemarble_quic_rx_bytes_total").absolute(traffic.rx_bytes);
    counter!("bluemarble_quic_tx_bytes_total").absolute(traffic.tx_bytes);
}

/// Copies what belongs to the whole process, once a second.
pub fn show_process(live: &Live) {
    show_health(&live.health);
    let lagging = live.digests.lagging_dropped() + live.truth.lagging_dropped();
    counter!("bluemarble_admin_streams_lagging_total").absolute(lagging);
    show_readers("digests", &live.digests);
    show_readers("truth", &live.truth);
    if let Some(usage) = machine::usage() {
        gauge!("bluemarble_process_resident_bytes").set(usage.resident_bytes as f64);
        gauge!("bluemarble_process_cpu_seconds").set(usage.cpu_s);
    }
    for (part, spent_s) in machine::cpu_by_part() {
        gauge!("bluemarble_cpu_part_seconds", "part" => part).set(spent_s);
    }
}

fn show_readers<T: Clone>(stream: &'static str, feed: &Feed<T>) {
    gauge!("bluemarble_admin_stream_readers", "stream" => stream).set(feed.readers() as f64);
}

fn show_health(health: &Health) {
    let grade = match health.grade() {
        Grade::Ok => 0.0,
        Grade::Degraded => 1.0,
        Grade::Down => 2.0,
    };
    gauge!("bluemarble_health").set(grade);
}
