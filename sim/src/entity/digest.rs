//! An entity's share of the state digest: a hash of every component, summed (wrapping) over all
//! entities, so that neither order nor partition can show.
//!
//! Mail is hashed effect by effect ([`Effect::hash`](crate::effect::Effect)), because at the
//! barrier it has an address before it has a mailbox.

use bluemarble_shared_protocol::mix64;
use glam::DVec3;

use super::components::{Arms, Body, Home, Identity, Life, Mind, Player};
use super::state::EntityState;

/// A running hash of words, in order.
struct Words(u64);

impl Words {
    fn word(&mut self, word: u64) {
        self.0 = mix64(self.0 ^ word);
    }

    /// Every NaN is one NaN and −0 is 0: how a value was computed must not show.
    fn float(&mut self, x: f64) {
        let canonical = if x.is_nan() {
            f64::NAN.to_bits()
        } else if x == 0.0 {
            0
        } else {
            x.to_bits()
        };
        self.word(canonical);
    }

    fn vector(&mut self, v: DVec3) {
        for x in v.to_array() {
            self.float(x);
        }
    }
}

/// Borrowed components of one entity, from wherever they live.
pub(crate) struct Parts<'a> {
    pub identity: &'a Identity,
    pub body: &'a Body,
    pub life: &'a Life,
    pub arms: &'a Arms,
    pub home: &'a Home,
    pub mind: Option<&'a Mind>,
    pub player: Option<&'a Player>,
}

impl Parts<'_> {
    /// The hash of everything but mail.
    pub(crate) fn hash(&self) -> u64 {
        let mut words = Words(self.identity.id.0);
        words.word(u64::from(self.identity.kind.0));
        let (values, support) = self.body.0.to_values();
        for x in values {
            words.float(x);
        }
        words.word(u64::from(support) | u64::from(self.life.health) << 8);
        words.word(self.life.respawn_at.0);
        words.word(u64::from(self.life.kills) | u64::from(self.life.deaths) << 32);
        words.word(self.arms.ready_at.0);
        words.word(self.arms.swing_until.0);
        words.word(u64::from(self.arms.swings));
        words.vector(self.home.dir);
        words.float(self.home.spread_m);
        if let Some(mind) = self.mind {
            words.word(mind.decide_at.0);
            words.word(mind.quarry.map_or(0, |id| mix64(id.0)));
            words.vector(mind.goal);
        }
        if let Some(player) = self.player {
            words.word(bluemarble_shared_protocol::EntityId::of_character(&player.name).0);
            words.word(u64::from(player.applied.0) | u64::from(player.idle_ticks) << 32);
            let (u, v) = player.wish.axes();
            words.word(
                u64::from(u as u16) | u64::from(v as u16) << 16 | u64::from(player.pace) << 32,
            );
        }
        words.0
    }
}

impl EntityState {
    /// Its share of the digest, its mail included.
    pub(crate) fn digest(&self) -> u64 {
        let parts = Parts {
            identity: &self.identity,
            body: &self.body,
            life: &self.life,
            arms: &self.arms,
            home: &self.home,
            mind: self.mind.as_ref(),
            player: self.player.as_ref(),
        };
        self.mail
            .0
            .iter()
            .fold(parts.hash(), |sum, effect| sum.wrapping_add(effect.hash()))
    }
}
