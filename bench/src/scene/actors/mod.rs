//! How those who play in a scene move: an [`Actor`] each, all of them pure. The same seed, place
//! and tick, the same wish.

mod follower;
mod shuttler;
mod soldier;
mod walker;

use bluemarble_shared_protocol::Tick;
use glam::DVec3;
use serde::Deserialize;

use crate::behaviour::Wish;

pub use follower::Follower;
pub use shuttler::Shuttler;
pub use soldier::Soldier;
pub use walker::Walker;

/// How the players of a scene move, as its file says.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub enum Manner {
    /// At full pace with turning noise, back at the wall as a ball.
    Walk {
        /// Largest turn per tick to either side, radians.
        turn_rad: f64,
    },
    /// Everybody to and fro along a line of its own through the middle.
    Shuttle {
        /// So far beyond the middle, metres.
        beyond_m: f64,
    },
    /// Two armies, which muster apart and then fight in the middle, again and again.
    Armies {
        /// How far from the middle each musters, metres.
        apart_m: f64,
    },
    /// After recorded people.
    Follow,
    /// Nobody moves.
    Stand,
}

/// One who plays.
#[derive(Clone, Debug)]
pub enum Actor {
    /// See [`Manner::Walk`].
    Walker(Walker),
    /// See [`Manner::Shuttle`].
    Shuttler(Shuttler),
    /// See [`Manner::Armies`].
    Soldier(Soldier),
    /// See [`Manner::Follow`].
    Follower(Follower),
    /// See [`Manner::Stand`].
    Stander,
}

impl Actor {
    /// Where to at `tick`, standing at `me`; the scene lies around `middle`. Whom to strike is not said here.
    pub fn decide(&mut self, tick: Tick, me: DVec3, middle: DVec3) -> Wish {
        match self {
            Self::Walker(walker) => walker.decide(tick, me, middle),
            Self::Shuttler(shuttler) => shuttler.decide(me, middle),
            Self::Soldier(soldier) => soldier.decide(tick, me, middle),
            Self::Follower(follower) => follower.decide(tick, me, middle),
            Self::Stander => Wish {
                dir: DVec3::ZERO,
                pace: 0,
                jump: false,
                attack: None,
            },
        }
    }

    /// Which army's it is, if it fights.
    #[must_use]
    pub fn army(&self) -> Option<u8> {
        match self {
            Self::Soldier(soldier) => Some(soldier.army()),
            _ => None,
        }
    }
}

/// East and north at a place, for a plan laid on the ground: any two will do, as long as everybody takes
/// the same.
fn axes(middle: DVec3) -> (DVec3, DVec3) {
    let up = middle.normalize_or(DVec3::Z);
    let east = up.any_orthonormal_vector();
    (east, up.cross(east))
}

/// The way from one place to another along the ground.
fn along_ground(from: DVec3, to: DVec3) -> DVec3 {
    let up = from.normalize_or(DVec3::Z);
    let way = to - from;
    way - up * way.dot(up)
}
