//! How each component becomes a hash: word by word, in an order that is part of what a digest means.

use bluemarble_shared_protocol::{EntityId, mix64};
use glam::DVec3;

use super::components::{Arms, Body, Flight, Hazard, Home, Identity, Life, Mind, Player};
use super::digest::DigestPart;

/// Every NaN is one NaN and −0 is 0: how a value was computed must not show.
#[inline]
pub(super) fn canonical(x: f64) -> u64 {
    if x.is_nan() {
        f64::NAN.to_bits()
    } else if x == 0.0 {
        0
    } else {
        x.to_bits()
    }
}

/// A running hash of words, in order.
pub(super) struct Words(pub u64);

impl Words {
    #[inline]
    pub(super) fn word(mut self, word: u64) -> Self {
        self.0 = mix64(self.0 ^ word);
        self
    }

    #[inline]
    pub(super) fn float(self, x: f64) -> Self {
        self.word(canonical(x))
    }

    #[inline]
    pub(super) fn vector(self, v: DVec3) -> Self {
        self.float(v.x).float(v.y).float(v.z)
    }
}

impl Identity {
    #[inline]
    pub(super) fn hash(&self, words: Words) -> Words {
        let Self { id: _, kind } = self;
        words.word(u64::from(kind.0))
    }
}

impl Body {
    /// One body's hash, the plain way; [`Bodies`] has the same of many.
    pub(super) fn digest(&self, id: EntityId) -> u64 {
        let (values, support) = self.0.to_values();
        let start = DigestPart::Body.of(id).word(u64::from(support));
        values.into_iter().fold(start, Words::float).0
    }
}

impl Life {
    #[inline]
    pub(super) fn hash(&self, words: Words) -> Words {
        let Self {
            health,
            respawn_at,
            kills,
            deaths,
        } = self;
        words
            .word(u64::from(*health))
            .word(respawn_at.0)
            .word(u64::from(*kills) | u64::from(*deaths) << 32)
    }
}

impl Arms {
    #[inline]
    pub(super) fn hash(&self, words: Words) -> Words {
        let Self {
            ready_at,
            swing_until,
            swings,
        } = self;
        words
            .word(ready_at.0)
            .word(swing_until.0)
            .word(u64::from(*swings))
    }
}

impl Home {
    #[inline]
    pub(super) fn hash(&self, words: Words) -> Words {
        let Self { dir, spread_m } = self;
        words.vector(*dir).float(*spread_m)
    }
}

impl Mind {
    #[inline]
    pub(super) fn hash(&self, words: Words) -> Words {
        let Self {
            decide_at,
            quarry,
            goal,
        } = self;
        words
            .word(decide_at.0)
            .word(quarry.map_or(0, |id| mix64(id.0)))
            .vector(*goal)
    }
}

impl Player {
    #[inline]
    pub(super) fn hash(&self, words: Words, id: EntityId) -> Words {
        let Self {
            // Of it the id says enough, with a name or without.
            name: _,
            applied,
            wish,
            pace,
            idle_ticks,
            // A part of its own, which avatars from before there were gifts do not have.
            dealings: _,
            // The same.
            things: _,
        } = self;
        let (u, v) = wish.axes();
        words
            .word(id.0)
            .word(u64::from(applied.0) | u64::from(*idle_ticks) << 32)
            .word(u64::from(u as u16) | u64::from(v as u16) << 16 | u64::from(*pace) << 32)
    }
}

impl Flight {
    pub(super) fn hash(&self, words: Words) -> Words {
        let Self {
            shooter,
            faction,
            target,
            until,
        } = self;
        words
            .word(shooter.0)
            .word(u64::from(*faction))
            .word(target.0)
            .word(until.0)
    }
}

impl Hazard {
    pub(super) fn hash(&self, words: Words) -> Words {
        let Self {
            owner,
            faction,
            next_at,
            until,
        } = self;
        words
            .word(owner.0)
            .word(u64::from(*faction))
            .word(next_at.0)
            .word(until.0)
    }
}
