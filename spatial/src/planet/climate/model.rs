//! Climate: how warm and how wet a place is, from latitude, elevation and the winds of the planet.
//!
//! Temperature is that of the latitude at sea level, warmed or cooled by how much of the air comes
//! from the sea, less the lapse rate times the elevation (6.5 K/km, ICAO Doc 7488, standard
//! atmosphere). Rain comes from [`Air`], which is computed once, at the first question. All of it
//! is climate as an atlas has it (annual means, mean of the warmest month): there is no weather.

use std::sync::OnceLock;

use glam::DVec3;
use serde::Deserialize;

use super::air::{Air, AirSample};
use crate::maths;
use crate::planet::Ground;

/// How much warmer than its latitude a place is, °C, where all its air comes from the sea, than
/// where none does; at 65° and beyond.
const SEA_WARMTH_K: f64 = 16.0;
/// Half the difference between the warmest and the coldest month at the pole, °C: at sea, and what
/// is added far from it. Fits Thorshavn to Yakutsk within 3 K.
const SEASON_SEA_K: f64 = 6.0;
const SEASON_LAND_K: f64 = 26.0;
/// How much of a broad highland's height does not cool, where the sun is overhead.
const MASSIF_SHARE: f64 = 0.3;
/// The obliquity those two belong to, degrees.
pub(crate) const EARTH_TILT_DEG: f64 = 23.4;
/// Potential evapotranspiration per degree of biotemperature, mm a year (Holdridge 1967,
/// "Life zone ecology").
const EVAPORATION_MM_PER_C: f64 = 58.93;

/// What a designer's file says about the climate. Defaults are Earth's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClimateSpec {
    /// Annual mean at sea level on the equator, °C.
    pub(crate) equator_c: f64,
    /// Annual mean at sea level at the poles, °C.
    pub(crate) pole_c: f64,
    /// Cooling with height, K per km.
    pub(crate) lapse_k_per_km: f64,
    /// Rain relative to what the winds bring on Earth; 0 is a dry planet.
    pub(crate) moisture: f64,
    /// Tilt of the axis, degrees: how strong the seasons are.
    pub(crate) tilt_deg: f64,
    /// Whether winds carry the sea's moisture; without, rain depends on latitude alone.
    pub(crate) circulation: bool,
    /// Of the irregularities of borders.
    pub(crate) seed: u64,
}

impl Default for ClimateSpec {
    fn default() -> Self {
        Self {
            equator_c: 27.0,
            pole_c: -18.0,
            lapse_k_per_km: 6.5,
            moisture: 1.0,
            tilt_deg: EARTH_TILT_DEG,
            circulation: true,
            seed: 0,
        }
    }
}

impl ClimateSpec {
    /// The first value that cannot be, as a field's name, the value and its range.
    pub(crate) fn out_of_range(&self) -> Option<(&'static str, f64, f64, f64)> {
        let rows = [
            ("climate.equator_c", self.equator_c, -200.0, 200.0),
            ("climate.pole_c", self.pole_c, -200.0, 200.0),
            ("climate.lapse_k_per_km", self.lapse_k_per_km, 0.0, 20.0),
            ("climate.moisture", self.moisture, 0.0, 10.0),
            ("climate.tilt_deg", self.tilt_deg, 0.0, 45.0),
        ];
        // NaN is within no range.
        let fine = |value: f64, low: f64, high: f64| value >= low && value <= high;
        rows.into_iter()
            .find(|&(_, v, low, high)| !fine(v, low, high))
    }

    /// Annual mean at sea level, °C, where half of the air comes from the sea. Flat in the tropics
    /// and steep beyond, as the zonal means of Earth are.
    pub(crate) fn zonal_c(&self, sin_lat: f64) -> f64 {
        let share = maths::pow(sin_lat.abs(), 2.8);
        self.equator_c + (self.pole_c - self.equator_c) * share
    }

    /// Annual mean at a place, °C. `maritime`: 0 ..= 1, how much of the air comes from the sea.
    /// `massif_m`: mean height of the wider surroundings, which the sun heats as it heats a plain:
    /// the tree line of broad highlands lies higher (Grubb, Nature 229, 1971).
    pub(crate) fn mean_c(&self, sin_lat: f64, maritime: f64, height_m: f64, massif_m: f64) -> f64 {
        // From 0 at the tropics to 1 at 65°.
        let poleward = ((sin_lat * sin_lat - 0.1) / 0.7).clamp(0.0, 1.0);
        let sunlit = 1.0 - sin_lat * sin_lat;
        let lifted_m = if massif_m < height_m {
            massif_m
        } else {
            height_m
        };
        self.zonal_c(sin_lat) + SEA_WARMTH_K * poleward * (maritime - 0.25)
            - self.lapse_k_per_km * 1e-3 * (height_m - MASSIF_SHARE * sunlit * lifted_m)
    }

    /// Half the difference between the warmest and the coldest month, °C.
    pub(crate) fn season_k(&self, sin_lat: f64, maritime: f64) -> f64 {
        let tilt = self.tilt_deg / EARTH_TILT_DEG;
        let sin = sin_lat.abs();
        // Ice and snow that never melt keep the polar summer cool.
        let polar = 1.0 - 0.45 * ((sin - 0.89) / 0.08).clamp(0.0, 1.0);
        (SEASON_SEA_K + SEASON_LAND_K * (1.0 - maritime)) * maths::pow(sin, 1.3) * polar * tilt
    }
}

/// The climate of a place: long-term means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Climate {
    /// Annual mean temperature of the air at the ground, °C.
    pub temperature_c: f64,
    /// Mean temperature of the warmest month, °C.
    pub warmest_c: f64,
    /// Mean temperature of the warmest month this place would have at sea level, °C.
    pub warmest_at_sea_level_c: f64,
    /// Rain and snow, mm a year. At sea too.
    pub rain_mm: f64,
    /// How much of the rain falls in the warmer half of the year, 0 ..= 1.
    pub summer_rain: f64,
    /// How wet a place is: rain / (rain + what could evaporate), 0 (desert) ..= 1; one half where
    /// both are equal.
    pub moisture: f64,
}

impl Climate {
    /// Rain over what could evaporate in a year: the aridity index of UNEP's World Atlas of
    /// Desertification (1997), arid below 0.2, humid above 0.65. Large and finite in the cold.
    #[must_use]
    pub fn aridity_index(&self) -> f64 {
        self.rain_mm / potential_mm(self.temperature_c, self.warmest_c - self.temperature_c)
    }
}

/// What could evaporate, mm a year: Holdridge's, from the annual mean of what lies above 0 °C, the
/// year being a sine of half range `season_k`. At least 1.
fn potential_mm(mean_c: f64, season_k: f64) -> f64 {
    let biotemperature_c = if mean_c >= season_k {
        mean_c
    } else if mean_c > -season_k {
        // The part of a cosine above zero, averaged over its period.
        let cos = -mean_c / season_k;
        let half_width = maths::acos(cos);
        let area = mean_c * half_width + season_k * (1.0 - cos * cos).sqrt();
        area * core::f64::consts::FRAC_1_PI
    } else {
        0.0
    };
    let potential = EVAPORATION_MM_PER_C * biotemperature_c.clamp(0.0, 30.0);
    if potential > 1.0 { potential } else { 1.0 }
}

/// The climate of a whole planet.
#[derive(Clone, Debug)]
pub(crate) struct ClimateModel {
    spec: ClimateSpec,
    air: OnceLock<Box<Air>>,
}

impl ClimateModel {
    pub(crate) fn new(spec: ClimateSpec) -> Self {
        Self {
            spec,
            air: OnceLock::new(),
        }
    }

    /// At a unit direction on the ground given; `ground` is asked everywhere, once. Heights are
    /// above the sea.
    pub(crate) fn at(
        &self,
        unit: DVec3,
        height_m: f64,
        ground: impl Fn(DVec3) -> Ground,
    ) -> Climate {
        let air = self
            .air
            .get_or_init(|| Box::new(Air::of(&self.spec, ground)));
        let AirSample {
            maritime,
            rain_mm,
            summer_rain,
            massif_m,
            warmer_k,
        } = air.at(unit, self.spec.seed);
        let sin_lat = unit.z;
        let temperature_c = self.spec.mean_c(sin_lat, maritime, height_m, massif_m) + warmer_k;
        let season_k = self.spec.season_k(sin_lat, maritime);
        let potential_mm = potential_mm(temperature_c, season_k);
        Climate {
            temperature_c,
            warmest_c: temperature_c + season_k,
            warmest_at_sea_level_c: self.spec.mean_c(sin_lat, maritime, 0.0, 0.0)
                + warmer_k
                + season_k,
            rain_mm,
            summer_rain,
            moisture: rain_mm / (rain_mm + potential_mm),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temperature_falls_with_latitude_and_height() {
        let spec = ClimateSpec::default();
        assert_eq!(spec.zonal_c(0.0), 27.0);
        assert!((spec.zonal_c(1.0) + 18.0).abs() < 1e-12);
        assert_eq!(spec.zonal_c(0.5), spec.zonal_c(-0.5));
        let fall = spec.mean_c(0.3, 0.5, 0.0, 0.0) - spec.mean_c(0.3, 0.5, 2_000.0, 0.0);
        assert!((fall - 13.0).abs() < 1e-9, "6.5 K a km: {fall}");
        assert!(spec.mean_c(0.3, 0.5, 4_000.0, 4_000.0) > spec.mean_c(0.3, 0.5, 4_000.0, 0.0));
    }

    #[test]
    fn seasons_are_those_of_latitude_and_of_distance_from_the_sea() {
        let spec = ClimateSpec::default();
        assert_eq!(spec.season_k(0.0, 0.0), 0.0);
        assert!(spec.season_k(0.8, 0.1) > 2.5 * spec.season_k(0.8, 0.9));
        let upright = ClimateSpec {
            tilt_deg: 0.0,
            ..ClimateSpec::default()
        };
        assert_eq!(upright.season_k(0.9, 0.0), 0.0);
    }

    #[test]
    fn what_could_evaporate_agrees_with_the_mean_of_a_years_days() {
        for (mean_c, season_k) in [(20.0, 3.0), (-5.0, 20.0), (3.0, 9.0), (0.0, 7.0)] {
            const DAYS: u32 = 3_650;
            let day = |n: u32| {
                let angle = core::f64::consts::TAU * f64::from(n) / f64::from(DAYS);
                mean_c + season_k * maths::cos(angle)
            };
            let warm = (0..DAYS).map(day).filter(|&c| c > 0.0).sum::<f64>() / f64::from(DAYS);
            let got = potential_mm(mean_c, season_k) / EVAPORATION_MM_PER_C;
            assert!(
                (got - warm).abs() < 0.01,
                "{mean_c} {season_k}: {got} for {warm}"
            );
        }
        assert_eq!(potential_mm(-30.0, 10.0), 1.0);
    }

    #[test]
    fn nan_is_in_no_range() {
        let spec = ClimateSpec {
            moisture: f64::NAN,
            ..ClimateSpec::default()
        };
        assert_eq!(
            spec.out_of_range().map(|row| row.0),
            Some("climate.moisture")
        );
        assert!(ClimateSpec::default().out_of_range().is_none());
    }
}
