//! The settings of what moves while the world runs: the overload ladder and the zones.

use std::ops::RangeInclusive;
use std::time::Duration;

use bluemarble_shared_protocol::Strain;
use bluemarble_sim::World;

use super::checked::ZONES;
use super::error::ConfigError;
use super::raw::ConfigRaw;
use super::setting::Sources;

/// Entities that depart per tick: each costs some microseconds.
pub const DEPARTURES: RangeInclusive<usize> = 1..=100_000;
/// Steps of the overload ladder.
pub const LEVEL_MAX: RangeInclusive<u8> = 0..=Strain::LEVEL_MAX;
/// Before a step of the ladder, seconds: less than a few ticks is noise, more than a minute no answer.
pub const LADDER_S: RangeInclusive<f64> = 0.05..=60.0;

/// What gives way when ticks take too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverloadConfig {
    /// The highest step that may be taken.
    pub level_max: u8,
    /// Too much work for so long means a step up.
    pub climb: Duration,
    /// Little work for so long means a step down.
    pub rest: Duration,
}

/// How zones change while the world runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonesConfig {
    /// Whether zones are kept even by themselves.
    pub balance: bool,
    /// How many are kept; `None` = as many as the world begins with.
    pub target: Option<usize>,
    /// Fewest.
    pub min: usize,
    /// Most.
    pub max: usize,
    /// Entities that may change their zone in one tick because boundaries have moved.
    pub departures_per_tick: usize,
}

/// `[overload]`, checked.
///
/// # Errors
/// The first value out of its range.
pub fn overload(raw: &ConfigRaw, from: &Sources<'_>) -> Result<OverloadConfig, ConfigError> {
    let raw = &raw.overload;
    let seconds = |field, default, key| {
        from.pick(field, None, "", default)
            .within(key, LADDER_S, "seconds")
            .map(Duration::from_secs_f64)
    };
    Ok(OverloadConfig {
        level_max: from
            .pick(&raw.level_max, None, "", *LEVEL_MAX.end())
            .within("overload.level_max", LEVEL_MAX, "steps")?,
        climb: seconds(&raw.climb_s, 1.0, "overload.climb_s")?,
        rest: seconds(&raw.rest_s, 5.0, "overload.rest_s")?,
    })
}

/// `[zones]`, checked.
///
/// # Errors
/// The first value out of its range.
pub fn zones(raw: &ConfigRaw, from: &Sources<'_>) -> Result<ZonesConfig, ConfigError> {
    let raw = &raw.zones;
    let min = from.pick(&raw.min, None, "", *ZONES.start());
    let max = from.pick(&raw.max, None, "", *ZONES.end());
    let bounds = (
        min.clone().within("zones.min", ZONES, "zones")?,
        max.within("zones.max", ZONES, "zones")?,
    );
    if bounds.0 > bounds.1 {
        return Err(min.refuse("zones.min", "must not be more than zones.max"));
    }
    Ok(ZonesConfig {
        balance: from.pick(&raw.balance, None, "", true).value,
        target: from
            .pick_optional(&raw.target, None, "")
            .map(|target| target.within("zones.target", bounds.0..=bounds.1, "zones"))
            .transpose()?,
        min: bounds.0,
        max: bounds.1,
        departures_per_tick: from
            .pick(
                &raw.departures_per_tick,
                None,
                "",
                World::DEPARTURES_PER_TICK,
            )
            .within("zones.departures_per_tick", DEPARTURES, "entities")?,
    })
}
