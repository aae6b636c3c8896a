//! What everybody who sees an entity asks about it every tick, in eight bytes: the pulses of a whole crowd
//! stay in the nearest cache.
//!
//! Distances are not among it. Each entity counts how far it has come on its way, and whoever looked at it
//! notes how far the two of them may go before one of its borders can be crossed: until then there is
//! nothing to see. A leap, another audience and going away count as a long way, so that everybody looks again at
//! once.

use super::bands::Bands;

/// What a leap counts at most, and a change of audience, and going; millimetres. Farther than any
/// [`MARGIN_MAX_MM`].
pub(super) const LEAP_MM: u32 = 1 << 21;
/// Nobody is left unlooked at for a longer way than this; millimetres.
pub(super) const MARGIN_MAX_MM: u32 = LEAP_MM / 2;
/// Ticks after which ways may have come round, and comparing them means nothing: two entities, each of which
/// leaps and changes its audience in every tick.
pub(super) const WAYS_COMPARE_TICKS: u64 = 256;
const _: () = assert!(4 * LEAP_MM as u64 * WAYS_COMPARE_TICKS <= 1 << 31);

/// How long after a blow, wound or death an entity is sent every tick, however far.
const NEWS_TICKS: u8 = 3;
/// What a pulse counts ticks to; a baseline is never as old.
const UNCHANGED_MAX: u16 = u16::MAX / 2;

/// One entity's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pulse {
    /// How far it has come, millimetres rounded up, round and round.
    pub(super) way_mm: u32,
    /// Ticks since its quantised state was another than the tick before, as far as it counts.
    pub(super) unchanged: u16,
    /// Ticks since its health or action was another than the tick before, as far as it counts.
    pub(super) since_event: u8,
    flags: u8,
}

const _: () = assert!(size_of::<Pulse>() == 8);

impl Pulse {
    /// It is the turn of those who see it near.
    pub(super) const NEAR_TURN: u8 = 1;
    /// It is the turn of those who see it far.
    pub(super) const FAR_TURN: u8 = 2;
    const MOVES: u8 = 4;
    const IS_BODY: u8 = 8;

    /// What takes the place of another one, this tick.
    pub(super) fn is_born(&mut self) {
        *self = Self {
            way_mm: self.way_mm,
            ..Self::default()
        };
    }

    /// Ticks pass.
    pub(super) fn age(&mut self, ticks: u64) {
        let ticks = u16::try_from(ticks).unwrap_or(UNCHANGED_MAX);
        self.unchanged = self.unchanged.saturating_add(ticks).min(UNCHANGED_MAX);
        let ticks = u8::try_from(ticks).unwrap_or(u8::MAX);
        self.since_event = self.since_event.saturating_add(ticks);
    }

    /// It has come so far.
    pub(super) fn come(&mut self, way_mm: u32) {
        self.way_mm = self.way_mm.wrapping_add(way_mm);
    }

    /// Whether it moves now, and whether it is a body; once a body, it remains one.
    pub(super) fn note_motion(&mut self, moves: bool, is_body: bool) {
        self.flags &= !Self::MOVES;
        self.flags |= u8::from(moves) * Self::MOVES;
        self.flags |= u8::from(is_body) * Self::IS_BODY;
    }

    /// Whose turn this tick is. Slots take turns, not clients, so that what they are sent is shared.
    pub(super) fn note_turns(&mut self, slot: u64, tick: u64, bands: &Bands) {
        let news = self.since_event <= NEWS_TICKS;
        let is_turn = |period| u8::from(news || (tick + slot).is_multiple_of(period));
        self.flags &= !(Self::NEAR_TURN | Self::FAR_TURN);
        self.flags |= is_turn(bands.near_period) * Self::NEAR_TURN;
        self.flags |= is_turn(bands.far_period) * Self::FAR_TURN;
    }

    /// Whose turn it is.
    #[inline]
    pub(super) fn turns(self) -> u8 {
        self.flags & (Self::NEAR_TURN | Self::FAR_TURN)
    }

    /// Whether it is moving now.
    #[inline]
    pub(super) fn moves(self) -> bool {
        self.flags & Self::MOVES != 0
    }

    /// Whether it ever was a rigid body: then what it was before its baseline matters.
    #[inline]
    pub(super) fn is_body(self) -> bool {
        self.flags & Self::IS_BODY != 0
    }
}

/// A distance as a way, rounded up; one that is none is a leap.
pub(super) fn way_of(distance_m: f64) -> u32 {
    let mm = distance_m * 1_000.0;
    if mm == 0.0 {
        0
    } else if mm < f64::from(LEAP_MM - 2) {
        mm as u32 + 2
    } else {
        LEAP_MM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_never_shorter_than_the_distance_and_no_leap_is_longer_than_one() {
        assert_eq!(way_of(0.0), 0);
        for mm in [0.001, 0.5, 1.0, 249.3, 1e6, 2e6, 3e6, 1e12] {
            let way = f64::from(way_of(mm / 1_000.0));
            assert!(way >= mm.min(f64::from(LEAP_MM)) && way <= f64::from(LEAP_MM));
        }
        for none in [f64::NAN, f64::INFINITY] {
            assert_eq!(way_of(none), LEAP_MM);
        }
    }

    #[test]
    fn news_make_it_everybodys_turn() {
        let bands = Bands::new(
            &crate::server::hub_config::Interest::default(),
            bluemarble_shared_protocol::Strain::NONE,
            20,
        );
        let mut pulse = Pulse::default();
        let turns = (1..=8_u64).map(|tick| {
            pulse.age(1);
            pulse.note_turns(0, tick, &bands);
            assert!(pulse.turns() & Pulse::NEAR_TURN != 0);
            pulse.turns() & Pulse::FAR_TURN != 0
        });
        let turns: Vec<bool> = turns.collect();
        assert_eq!(turns, [true, true, true, true, false, true, false, true]);
    }
}
