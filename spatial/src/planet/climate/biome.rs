//! Biomes: what grows, from temperature and rain, after Whittaker's diagram (R. H. Whittaker,
//! "Communities and Ecosystems", 2nd ed. 1975, fig. 4.10), with the limits that field botany gives
//! in numbers: the tree line at a growing season of 6.4 °C (Körner and Paulsen, J. Biogeography 31,
//! 2004), ice where no month thaws, deserts and steppes by the aridity index (UNEP 1997), woodland
//! of the Mediterranean kind where the rain falls in winter (Köppen's Cs).

use glam::DVec3;

use super::model::Climate;
use crate::planet::{Ground, Planet};

/// Mean of the coldest month that keeps frost away: the tropics of this diagram.
const COLDEST_TROPICAL_C: f64 = 14.5;

/// What covers a place. The order is no ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Biome {
    /// Open water.
    Ocean,
    /// Water frozen for most of the year.
    SeaIce,
    /// Ice sheets and glaciers: no month thaws.
    Ice,
    /// Treeless by latitude.
    Tundra,
    /// Treeless by height, above the tree line.
    Alpine,
    /// Boreal forest.
    Taiga,
    /// Forest of the temperate zone.
    TemperateForest,
    /// The same where it rains more than 2.2 m a year.
    TemperateRainforest,
    /// Evergreen woodland and scrub: dry summers, wet winters.
    Woodland,
    /// Steppe and prairie: too dry for trees.
    Grassland,
    /// Dry with cold winters.
    ColdDesert,
    /// Dry and hot.
    Desert,
    /// Tropical grassland with scattered trees.
    Savanna,
    /// Tropical forest with a dry season.
    TropicalForest,
    /// Tropical forest without one.
    TropicalRainforest,
    /// Naked rock: a planet without air.
    Barren,
}

impl Biome {
    /// All of them, in the order of legends.
    ///
    /// ```
    /// # use bluemarble_spatial::Biome;
    /// let legend: Vec<_> = Biome::ALL.iter().map(|b| b.name()).collect();
    /// assert!(legend.contains(&"tropical rainforest"));
    /// ```
    pub const ALL: [Self; 16] = [
        Self::Ocean,
        Self::SeaIce,
        Self::Ice,
        Self::Tundra,
        Self::Alpine,
        Self::Taiga,
        Self::TemperateForest,
        Self::TemperateRainforest,
        Self::Woodland,
        Self::Grassland,
        Self::ColdDesert,
        Self::Desert,
        Self::Savanna,
        Self::TropicalForest,
        Self::TropicalRainforest,
        Self::Barren,
    ];

    /// Its name in English, lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ocean => "ocean",
            Self::SeaIce => "sea ice",
            Self::Ice => "ice",
            Self::Tundra => "tundra",
            Self::Alpine => "alpine tundra",
            Self::Taiga => "taiga",
            Self::TemperateForest => "temperate forest",
            Self::TemperateRainforest => "temperate rainforest",
            Self::Woodland => "woodland and scrub",
            Self::Grassland => "grassland",
            Self::ColdDesert => "cold desert",
            Self::Desert => "desert",
            Self::Savanna => "savanna",
            Self::TropicalForest => "tropical seasonal forest",
            Self::TropicalRainforest => "tropical rainforest",
            Self::Barren => "barren",
        }
    }

    /// Its colour on maps: sRGB, red first.
    #[must_use]
    pub const fn colour(self) -> [u8; 3] {
        match self {
            Self::Ocean => [46, 92, 138],
            Self::SeaIce => [196, 216, 230],
            Self::Ice => [244, 247, 250],
            Self::Tundra => [164, 170, 150],
            Self::Alpine => [150, 142, 134],
            Self::Taiga => [62, 100, 84],
            Self::TemperateForest => [92, 138, 72],
            Self::TemperateRainforest => [44, 116, 82],
            Self::Woodland => [150, 150, 82],
            Self::Grassland => [188, 190, 112],
            Self::ColdDesert => [204, 188, 156],
            Self::Desert => [232, 208, 148],
            Self::Savanna => [196, 172, 84],
            Self::TropicalForest => [92, 146, 48],
            Self::TropicalRainforest => [26, 98, 40],
            Self::Barren => [136, 132, 126],
        }
    }

    /// What grows on dry land in a climate.
    #[must_use]
    pub fn of_land(climate: &Climate) -> Self {
        let mean_c = climate.temperature_c;
        let season_k = climate.warmest_c - mean_c;
        if climate.warmest_c < 0.0 {
            return Self::Ice;
        }
        // 6.4 °C in the mean of the growing season: 10 °C in the warmest month where there is a
        // winter (Köppen's limit of ET), 6.4 °C where there is none.
        let tree_line_c = 6.4 + 0.2 * season_k.clamp(0.0, 18.0);
        if climate.warmest_c < tree_line_c {
            let by_latitude = climate.warmest_at_sea_level_c < tree_line_c;
            return if by_latitude {
                Self::Tundra
            } else {
                Self::Alpine
            };
        }
        let aridity = climate.aridity_index();
        let cold = mean_c < 18.0;
        if aridity < 0.2 {
            return if cold { Self::ColdDesert } else { Self::Desert };
        }
        if mean_c - season_k >= COLDEST_TROPICAL_C {
            return Self::of_tropics(climate, aridity);
        }
        // Fewer than four months above 10 °C: Köppen's boreal climates. Cold ground needs little
        // rain to carry trees.
        let boreal = mean_c + 0.5 * season_k < 10.0;
        if aridity < if boreal { 0.25 } else { 0.67 } {
            return Self::Grassland;
        }
        if boreal {
            return Self::Taiga;
        }
        if climate.summer_rain < 0.3 && mean_c > 11.5 && climate.rain_mm < 1_500.0 {
            return Self::Woodland;
        }
        if climate.rain_mm > 2_200.0 {
            Self::TemperateRainforest
        } else {
            Self::TemperateForest
        }
    }

    /// Where no month is cool and it is no desert.
    fn of_tropics(climate: &Climate, aridity: f64) -> Self {
        // Rain that falls in one half of the year leaves a dry season too long for closed forest.
        let one_sided = (climate.summer_rain - 0.85).clamp(0.0, 0.15);
        if aridity < 0.75 + 6.0 * one_sided {
            Self::Savanna
        } else if climate.rain_mm > 1_800.0 && one_sided == 0.0 {
            Self::TropicalRainforest
        } else {
            Self::TropicalForest
        }
    }

    /// What a water surface is in a climate.
    #[must_use]
    pub fn of_water(climate: &Climate) -> Self {
        // Sea water freezes at −1.8 °C.
        if climate.temperature_c < -1.8 {
            Self::SeaIce
        } else {
            Self::Ocean
        }
    }
}

impl Planet {
    /// The climate at a place (a direction of any length but zero); none without an atmosphere.
    ///
    /// The first call on a planet computes its winds and rain (a tenth of a second); ask once
    /// before a loop that must be steady. A direction that is NaN gets some climate.
    #[must_use]
    pub fn climate_at(&self, dir: DVec3) -> Option<Climate> {
        let unit = dir.normalize();
        let height_m = self.ground_at_unit(unit).height_m;
        self.climate_on(unit, height_m)
    }

    fn climate_on(&self, unit: DVec3, height_m: f64) -> Option<Climate> {
        let model = self.climate.as_ref()?;
        // Air begins at the sea, wherever a designer put that.
        let sea_level_m = self.sea_level_m().unwrap_or(0.0);
        let above_sea = |ground: Ground| Ground {
            height_m: ground.height_m - sea_level_m,
            ..ground
        };
        Some(model.at(unit, height_m - sea_level_m, |at| {
            above_sea(self.terrain.outline(at))
        }))
    }

    /// What covers a place (a direction of any length but zero). The first call costs what
    /// [`Planet::climate_at`] says.
    #[must_use]
    pub fn biome(&self, dir: DVec3) -> Biome {
        let unit = dir.normalize();
        self.biome_on(unit, self.ground_at_unit(unit))
    }

    /// The same at a unit direction whose ground, or outline of the ground, is known already.
    #[must_use]
    pub fn biome_on(&self, unit: DVec3, ground: Ground) -> Biome {
        match (self.climate_on(unit, ground.height_m), ground.water) {
            (None, false) => Biome::Barren,
            (None, true) => Biome::Ocean,
            (Some(climate), false) => Biome::of_land(&climate),
            (Some(climate), true) => Biome::of_water(&climate),
        }
    }

    /// Whether there is air, and so a climate.
    #[must_use]
    pub fn has_air(&self) -> bool {
        self.climate.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn land(mean_c: f64, season_k: f64, rain_mm: f64) -> Biome {
        Biome::of_land(&Climate {
            temperature_c: mean_c,
            warmest_c: mean_c + season_k,
            warmest_at_sea_level_c: mean_c + season_k,
            rain_mm,
            summer_rain: 0.6,
            moisture: 0.5,
        })
    }

    /// Points well inside the fields of Whittaker's diagram (°C, mm).
    #[test]
    fn the_fields_of_whittakers_diagram_are_where_he_drew_them() {
        assert_eq!(land(26.0, 1.0, 3_500.0), Biome::TropicalRainforest);
        assert_eq!(land(26.0, 2.0, 1_500.0), Biome::TropicalForest);
        assert_eq!(land(26.0, 3.0, 700.0), Biome::Savanna);
        assert_eq!(land(24.0, 8.0, 80.0), Biome::Desert);
        assert_eq!(land(8.0, 14.0, 80.0), Biome::ColdDesert);
        assert_eq!(land(8.0, 14.0, 300.0), Biome::Grassland);
        assert_eq!(land(11.0, 9.0, 900.0), Biome::TemperateForest);
        assert_eq!(land(11.0, 5.0, 2_800.0), Biome::TemperateRainforest);
        assert_eq!(land(-4.0, 19.0, 450.0), Biome::Taiga);
        assert_eq!(land(-12.0, 16.0, 250.0), Biome::Tundra);
        assert_eq!(land(-30.0, 15.0, 100.0), Biome::Ice);
    }

    #[test]
    fn dry_summers_make_woodland_and_height_makes_alps() {
        let athens = Climate {
            temperature_c: 17.0,
            warmest_c: 26.0,
            warmest_at_sea_level_c: 26.0,
            rain_mm: 750.0,
            summer_rain: 0.15,
            moisture: 0.4,
        };
        assert_eq!(Biome::of_land(&athens), Biome::Woodland);
        let high = Climate {
            temperature_c: 2.0,
            warmest_c: 4.0,
            ..athens
        };
        assert_eq!(Biome::of_land(&high), Biome::Alpine);
    }

    #[test]
    fn names_and_colours_are_distinct() {
        for (n, a) in Biome::ALL.iter().enumerate() {
            for b in &Biome::ALL[..n] {
                assert_ne!(a.name(), b.name());
                assert_ne!(a.colour(), b.colour());
            }
        }
    }

    #[test]
    fn a_ball_without_air_is_barren() {
        let ball = Planet::smooth(1_000.0);
        assert_eq!(ball.climate_at(DVec3::X), None);
        assert_eq!(ball.biome(DVec3::NEG_Z), Biome::Barren);
        let _ = ball.biome(DVec3::NAN);
    }
}
