//! Encode once: the bit string of an entity against a baseline tick is made when the first client
//! needs it, and spliced into the datagrams of all others that tick.
//!
//! A slot has a few places, chosen by the baseline's tick; most clients' baselines are equally old,
//! and two that compete for a place merely encode again. A rigid body's delta depends on what its baseline
//! was a delta against, too; a walker's does not.

use bluemarble_shared_protocol::bits::BitWriter;
use bluemarble_shared_protocol::codec::{Baseline, Schema, delta, full};
use bluemarble_shared_protocol::{Tick, WireEntity};

use super::history::History;
#[cfg(feature = "sabotage")]
use crate::server::sabotage;

/// Places of a slot for deltas; one more is for the full state.
const DELTA_PLACES: usize = 8;
const PLACES: usize = DELTA_PLACES + 1;

/// A bit string in the arena.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BitString {
    first_word: u32,
    pub(crate) bits: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Made {
    /// The tick it was made at; older ones are void.
    at: Tick,
    baseline: Tick,
    /// What the baseline was a delta against, if that matters.
    earlier: Option<Tick>,
    string: BitString,
}

/// The bit strings of one tick and schema, in memory that is kept.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    arena: BitWriter,
    made: Vec<Made>,
    slots: usize,
    tick: Tick,
    tick_hz: u32,
    schema: Schema,
    #[cfg(feature = "sabotage")]
    bends: bool,
    pub(crate) encoded: u64,
    pub(crate) shared: u64,
}

impl Strings {
    pub(crate) fn new(tick_hz: u32, schema: Schema) -> Self {
        Self {
            tick_hz,
            schema,
            ..Self::default()
        }
    }

    /// Whether some of them are lies.
    #[cfg(feature = "sabotage")]
    pub(crate) fn bending(self, bends: bool) -> Self {
        Self { bends, ..self }
    }

    /// Forgets the last tick's strings.
    pub(crate) fn begin(&mut self, tick: Tick, slots: usize) {
        self.arena.clear();
        self.slots = slots;
        self.tick = tick;
    }

    /// Forgets all, for a new epoch: tick numbers may repeat.
    pub(crate) fn reset(&mut self) {
        self.made.clear();
    }

    /// The slot's state against what it was at `baseline`, which the client knows as a delta against what
    /// it was at `earlier`; `None` if one of them is not known any more.
    #[inline]
    pub(crate) fn delta(
        &mut self,
        history: &History,
        slot: u32,
        baseline: Tick,
        earlier: Option<Tick>,
    ) -> Option<BitString> {
        let place = slot as usize * PLACES + baseline.0 as usize % DELTA_PLACES;
        let earlier = earlier.filter(|_| history.is_body(slot));
        let made = *self.made(place);
        if made.at == self.tick && (made.baseline, made.earlier) == (baseline, earlier) {
            self.shared += 1;
            return Some(made.string);
        }
        let age = self.tick.since(baseline);
        if age > u64::from(delta::AGE_MAX) {
            return None;
        }
        let base = Baseline {
            state: *history.state_at(slot, baseline)?,
            age: age as u32,
            earlier: match earlier {
                None => None,
                Some(tick) => {
                    let state = *history.state_at(slot, tick)?;
                    Some((state, u32::try_from(baseline.since(tick)).ok()?))
                }
            },
        };
        let (state, hz, schema) = (self.meant(history, slot), self.tick_hz, self.schema);
        let string = self.make(|out| delta::write(out, schema.tables(), &base, hz, &state));
        *self.made(place) = Made {
            at: self.tick,
            baseline,
            earlier,
            string,
        };
        Some(string)
    }

    /// The slot's state against one that only a single client has; `None` if that is a body's and was a
    /// delta in turn, since what against is forgotten.
    pub(crate) fn delta_from(
        &mut self,
        history: &History,
        slot: u32,
        base: &WireEntity,
        baseline: Tick,
        earlier: Option<Tick>,
    ) -> Option<BitString> {
        let age = self.tick.since(baseline);
        let guessable = base.rotation.is_none() || earlier.is_none();
        if age == 0 || age > u64::from(delta::AGE_MAX) || !guessable {
            return None;
        }
        let base = Baseline::alone(*base, age as u32);
        let (state, hz, tables) = (history.state(slot), self.tick_hz, self.schema.tables());
        Some(self.make(|out| delta::write(out, tables, &base, hz, state)))
    }

    #[inline]
    fn made(&mut self, place: usize) -> &mut Made {
        if place >= self.made.len() {
            self.made.resize(self.slots * PLACES, Made::default());
        }
        &mut self.made[place]
    }

    /// The slot's whole state but its frame cell.
    pub(crate) fn full(&mut self, history: &History, slot: u32) -> BitString {
        let place = slot as usize * PLACES + DELTA_PLACES;
        let made = *self.made(place);
        if made.at == self.tick {
            self.shared += 1;
            return made.string;
        }
        let string = self.make(|out| full::write(out, history.state(slot)));
        *self.made(place) = Made {
            at: self.tick,
            baseline: self.tick,
            earlier: None,
            string,
        };
        string
    }

    /// The slot's state, unless this is a build that lies.
    #[inline]
    fn meant(&self, history: &History, slot: u32) -> WireEntity {
        #[cfg(feature = "sabotage")]
        if self.bends {
            let (id, state) = (history.slot(slot).id, *history.state(slot));
            return sabotage::bent(id, self.tick, self.tick_hz, state);
        }
        *history.state(slot)
    }

    fn make(&mut self, write: impl FnOnce(&mut BitWriter)) -> BitString {
        self.encoded += 1;
        let first_word = self.arena.align() as u32;
        let begin = self.arena.bits();
        write(&mut self.arena);
        let bits = (self.arena.bits() - begin) as u32;
        self.arena.align();
        BitString { first_word, bits }
    }

    /// The words of a string of this tick.
    #[inline]
    pub(crate) fn words(&self, string: BitString) -> &[u64] {
        self.arena.string(string.first_word as usize)
    }
}
