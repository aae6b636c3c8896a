//! What a designer put on the planet by hand.

use glam::DVec3;

use super::Planet;
use crate::features::{Area, Designed, Landmark, Obstacle, Obstacles};
use crate::geo::Direction;

/// Names of placed obstacles, and areas.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    landmarks: Vec<Landmark>,
    areas: Vec<Area>,
}

impl Planet {
    /// The named areas around a direction of any length but zero, in the order of the designer's
    /// file. Takes time in proportion to their number.
    pub fn areas_at(&self, dir: DVec3) -> impl Iterator<Item = &Area> {
        let at = Direction::new(dir).ok();
        let areas = self.named.areas.iter();
        areas.filter(move |area| at.is_some_and(|at| area.contains(at)))
    }

    /// All named areas, in the order of the designer's file.
    #[must_use]
    pub fn areas(&self) -> &[Area] {
        &self.named.areas
    }

    /// The obstacles that a designer placed, in the order of the file; their ids follow those of
    /// the scattered ones.
    #[must_use]
    pub fn landmarks(&self) -> &[Landmark] {
        &self.named.landmarks
    }

    /// Puts things onto the finished ground.
    pub(super) fn place(&mut self, designed: Designed) {
        self.named.areas = designed.areas;
        if designed.standing.is_empty() {
            return;
        }
        let mut list = self.obstacles.as_slice().to_vec();
        for standing in designed.standing {
            let unit = standing.at.to_dir();
            let base = match standing.altitude_m {
                None => self.surface_at(unit),
                Some(altitude_m) => unit * (self.radius_m + altitude_m),
            };
            let id = list.len() as u32;
            list.push(Obstacle {
                id,
                base,
                radius_m: standing.radius_m,
                height_m: standing.height_m,
            });
            self.named.landmarks.push(Landmark {
                obstacle_id: id,
                name: standing.name,
                kind: standing.kind,
            });
        }
        self.obstacles = Obstacles::new(list, self.radius_m);
    }
}
