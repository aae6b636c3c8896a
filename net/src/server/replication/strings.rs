//! Encode once: the bit string of an entity against a baseline tick is made when the first client
//! needs it, and spliced into the datagrams of all others that tick.
//!
//! A slot has a few places, chosen by the baseline's age; most clients' baselines are equally old,
//! and two that compete for a place merely encode again. A rigid body's delta depends on what its baseline
//! was a delta against, too; a walker's does not. Nearly every delta fits a word: then it is in its place,
//! and who needs it looks nowhere else.

use bluemarble_shared_protocol::bits::BitWriter;
use bluemarble_shared_protocol::codec::{Baseline, Schema, delta, full};
use bluemarble_shared_protocol::{Tick, WireEntity};

use super::history::History;
#[cfg(feature = "sabotage")]
use crate::server::sabotage;

/// Places of a slot.
const PLACES: usize = 8;

/// A bit string of this tick.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BitString {
    /// The string itself if it is no longer than a word, else where in the arena it begins.
    pub(crate) word: u64,
    pub(crate) bits: u16,
}

/// A delta that was made.
#[derive(Clone, Copy, Debug, Default)]
struct Made {
    word: u64,
    /// See [`key_of`]; that of another round is void.
    key: u32,
    bits: u16,
}

const _: () = assert!(size_of::<Made>() == 16 && delta::AGE_MAX == 256);

/// What tells strings of a slot apart: the round it was made in, the baseline's age, less one, and what the
/// baseline was a delta against, ticks before it, if that matters, else 0.
#[inline]
fn key_of(round: u16, less_one: u8, earlier: u8) -> u32 {
    u32::from(round) << 16 | u32::from(less_one) << 8 | u32::from(earlier)
}

/// The bit strings of one tick and schema, in memory that is kept.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    /// Deltas, [`PLACES`] to a slot.
    made: Vec<Made>,
    /// Whole states, one to a slot, each with its round.
    full: Vec<(u16, BitString)>,
    /// Strings longer than a word.
    long: Vec<u64>,
    /// Where a string is made.
    out: BitWriter,
    slots: usize,
    /// Counts the ticks; 0 is none.
    round: u16,
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
        self.long.clear();
        self.slots = slots;
        self.tick = tick;
        self.round = self.round.checked_add(1).unwrap_or_else(|| {
            // Rounds begin to repeat: nothing of the first ones may be left.
            self.made.clear();
            self.full.clear();
            1
        });
    }

    /// The slot's state against what it was `age` ticks ago, which the client knows as a delta against what
    /// it was `earlier` ticks before, if that matters and is not 0; `None` if one of them is not known any
    /// more.
    #[inline]
    pub(crate) fn delta(
        &mut self,
        history: &History,
        slot: u32,
        age: u16,
        earlier: u16,
    ) -> Option<BitString> {
        let less_one = age.wrapping_sub(1);
        let place = slot as usize * PLACES + usize::from(less_one) % PLACES;
        if let Some(made) = self.made.get(place)
            && (less_one | earlier) < 256
            && made.key == key_of(self.round, less_one as u8, earlier as u8)
        {
            self.shared += 1;
            let (word, bits) = (made.word, made.bits);
            return Some(BitString { word, bits });
        }
        self.make_delta(history, slot, (u32::from(age), earlier), place)
    }

    /// As [`Strings::delta`], for the first who asks.
    #[inline(never)]
    fn make_delta(
        &mut self,
        history: &History,
        slot: u32,
        (age, earlier): (u32, u16),
        place: usize,
    ) -> Option<BitString> {
        if age == 0 || age > delta::AGE_MAX {
            return None;
        }
        let baseline = self.tick.0.checked_sub(u64::from(age))?;
        let before = match earlier {
            0 => None,
            ticks => {
                let tick = baseline.checked_sub(u64::from(ticks))?;
                let state = *history.state_at(slot, Tick(tick))?;
                Some((state, u32::from(ticks)))
            }
        };
        let base = Baseline {
            state: *history.state_at(slot, Tick(baseline))?,
            age,
            earlier: before,
        };
        let (hz, tables) = (self.tick_hz, self.schema.tables());
        let state = self.meant(history, slot);
        let string = self.make(|out| delta::write(out, tables, &base, hz, &state));
        // What does not fit its place is made again for the next one who asks.
        if let (Ok(less_one), Ok(earlier)) = (u8::try_from(age - 1), u8::try_from(earlier)) {
            if place >= self.made.len() {
                self.made.resize(self.slots * PLACES, Made::default());
            }
            self.made[place] = Made {
                word: string.word,
                key: key_of(self.round, less_one, earlier),
                bits: string.bits,
            };
        }
        Some(string)
    }

    /// The slot's state against one that only a single client has; `None` if that is a body's and was a
    /// delta in turn, since what against is forgotten.
    pub(crate) fn delta_from(
        &mut self,
        history: &History,
        slot: u32,
        base: &WireEntity,
        (age, earlier): (u16, u16),
    ) -> Option<BitString> {
        let age = u32::from(age);
        let guessable = base.rotation.is_none() || earlier == 0;
        if age == 0 || age > delta::AGE_MAX || !guessable {
            return None;
        }
        let base = Baseline::alone(*base, age);
        let (state, hz, tables) = (history.state(slot), self.tick_hz, self.schema.tables());
        Some(self.make(|out| delta::write(out, tables, &base, hz, state)))
    }

    /// The slot's whole state but its frame cell.
    pub(crate) fn full(&mut self, history: &History, slot: u32) -> BitString {
        let place = slot as usize;
        if place >= self.full.len() {
            self.full.resize(self.slots, Default::default());
        }
        let (round, string) = self.full[place];
        if round == self.round {
            self.shared += 1;
            return string;
        }
        let string = self.make(|out| full::write(out, history.state(slot)));
        self.full[place] = (self.round, string);
        string
    }

    /// The slot's state, unless this is a build that lies.
    #[inline]
    fn meant(&self, history: &History, slot: u32) -> WireEntity {
        #[cfg(feature = "sabotage")]
        if self.bends {
            let (id, state) = (history.id(slot), *history.state(slot));
            return sabotage::bent(id, self.tick, self.tick_hz, state);
        }
        *history.state(slot)
    }

    fn make(&mut self, write: impl FnOnce(&mut BitWriter)) -> BitString {
        self.encoded += 1;
        self.out.clear();
        write(&mut self.out);
        let bits = self.out.bits() as u16;
        self.out.align();
        let words = self.out.string(0);
        if let &[word] = words {
            return BitString { word, bits };
        }
        let first = self.long.len() as u64;
        self.long.extend_from_slice(words);
        BitString { word: first, bits }
    }

    /// The words of a string of this tick, by what its `word` and `bits` are.
    #[inline]
    pub(crate) fn words<'a>(&'a self, word: &'a u64, bits: u16) -> &'a [u64] {
        if bits <= 64 {
            std::slice::from_ref(word)
        } else {
            &self.long[*word as usize..]
        }
    }
}
