//! What a client sends each tick: which snapshots it decoded, and its last few intents, the older
//! ones again in case their own datagrams were lost.

use crate::bits::{BitReader, BitWriter};
use crate::ids::{EntityId, InputSeq, Tick};
use crate::intent::{Buttons, Intent, WishDir};
use crate::limits::{DATAGRAM_BYTES_MAX, INTENTS_PER_DATAGRAM_MAX};

use super::prefix::BucketCode;
use super::wrap::tick_near;
use super::{DecodeError, INTENTS_KIND};

/// How the view tick moves from one intent to the next, minus one.
const VIEW_STEP: BucketCode = BucketCode::new(&[0, 5, 32]);
const COUNT_BITS: u32 = 4;
const PACE_BITS: u32 = 4;
/// Bits of a wish without whom to attack.
const WISH_BITS: u32 = 2 * WishDir::AXIS_BITS + PACE_BITS + 2;
const _: () = assert!(WISH_BITS <= 56);

/// Which snapshots a client decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acks {
    /// The newest one's number, low 16 bits.
    pub newest: u16,
    /// Bit n: whether number `newest - 1 - n` was decoded too.
    pub before: u32,
}

/// One datagram from a client.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct IntentDatagram {
    /// What arrived; `None` before the first snapshot of an epoch.
    pub acks: Option<Acks>,
    /// Consecutive intents, oldest first.
    pub intents: Intents,
}

/// At most [`INTENTS_PER_DATAGRAM_MAX`] intents, in place: a server takes one of these in for every client and
/// tick.
#[derive(Clone, Copy, Default)]
pub struct Intents {
    all: [Intent; INTENTS_PER_DATAGRAM_MAX],
    count: usize,
}

impl core::ops::Deref for Intents {
    type Target = [Intent];

    #[inline]
    fn deref(&self) -> &[Intent] {
        &self.all[..self.count]
    }
}

impl PartialEq for Intents {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Intents {}

impl core::fmt::Debug for Intents {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self[..].fmt(f)
    }
}

impl IntentDatagram {
    /// The bytes of a datagram with these intents, whose numbers must be consecutive.
    ///
    /// # Panics
    /// If there are more than [`INTENTS_PER_DATAGRAM_MAX`], or their numbers have gaps.
    #[must_use]
    pub fn encode(acks: Option<Acks>, intents: &[Intent]) -> Vec<u8> {
        assert!(intents.len() <= INTENTS_PER_DATAGRAM_MAX);
        let mut out = BitWriter::default();
        out.write(u64::from(INTENTS_KIND), 8);
        out.write_bool(acks.is_some());
        if let Some(acks) = acks {
            out.write(u64::from(acks.newest), 16);
            out.write(u64::from(acks.before), 32);
        }
        out.write(intents.len() as u64, COUNT_BITS);
        let mut previous: Option<&Intent> = None;
        for intent in intents {
            match previous {
                None => {
                    out.write(u64::from(intent.seq.0), 32);
                    out.write(intent.view_tick.0 & u64::from(u32::MAX), 32);
                    write_wish(&mut out, intent);
                }
                Some(previous) => {
                    assert_eq!(intent.seq.0, previous.seq.0.wrapping_add(1));
                    let step =
                        (intent.view_tick.0 as u32).wrapping_sub(previous.view_tick.0 as u32);
                    VIEW_STEP.write_signed(&mut out, step.wrapping_sub(1) as i32);
                    let same = same_wish(intent, previous);
                    out.write_bool(!same);
                    if !same {
                        write_wish(&mut out, intent);
                    }
                }
            }
            previous = Some(intent);
        }
        out.to_bytes()
    }

    /// Reads a client's datagram. `near` is the current tick: view ticks come as low bits.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8], near: Tick) -> Result<Self, DecodeError> {
        if bytes.len() > DATAGRAM_BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        let mut bits = BitReader::new(bytes);
        let kind = bits.read(8)? as u8;
        if kind != INTENTS_KIND {
            return Err(DecodeError::Kind(kind));
        }
        let acks = if bits.read_bool()? {
            let newest = bits.read(16)? as u16;
            let before = bits.read(32)? as u32;
            Some(Acks { newest, before })
        } else {
            None
        };
        let count = bits.read(COUNT_BITS)? as usize;
        if count > INTENTS_PER_DATAGRAM_MAX {
            return Err(DecodeError::Range("count"));
        }
        let mut intents = Intents {
            count,
            ..Intents::default()
        };
        let mut previous = None;
        for place in &mut intents.all[..count] {
            *place = match &previous {
                None => read_first(&mut bits, near)?,
                Some(previous) => read_next(&mut bits, previous, near)?,
            };
            previous = Some(*place);
        }
        if bits.only_padding_left() {
            Ok(Self { acks, intents })
        } else {
            Err(DecodeError::Trailing)
        }
    }
}

fn same_wish(a: &Intent, b: &Intent) -> bool {
    (a.wish, a.pace, a.buttons, a.attack) == (b.wish, b.pace, b.buttons, b.attack)
}

fn write_wish(out: &mut BitWriter, intent: &Intent) {
    let (u, v) = intent.wish.axes();
    for axis in [u, v] {
        out.write((axis + WishDir::AXIS_MAX) as u64, WishDir::AXIS_BITS);
    }
    out.write(u64::from(intent.pace & Intent::PACE_MAX), PACE_BITS);
    out.write_bool(intent.buttons.jump);
    out.write_bool(intent.attack.is_some());
    if let Some(target) = intent.attack {
        out.write(target.0, 64);
    }
}

fn read_first(bits: &mut BitReader<'_>, near: Tick) -> Result<Intent, DecodeError> {
    let seq = InputSeq(bits.read(32)? as u32);
    if seq.0 == 0 {
        return Err(DecodeError::Range("seq"));
    }
    let view_tick = tick_near(bits.read(32)? as u32, near);
    read_wish(bits, seq, view_tick)
}

fn read_next(
    bits: &mut BitReader<'_>,
    previous: &Intent,
    near: Tick,
) -> Result<Intent, DecodeError> {
    let seq = previous.seq.0.checked_add(1).map(InputSeq);
    let seq = seq.ok_or(DecodeError::Range("seq"))?;
    // One tick later the same wish, as mostly: no step, no other wish.
    if bits.peek() & 0b11 == 0 {
        bits.skip(2)?;
        let view_tick = tick_near((previous.view_tick.0 as u32).wrapping_add(1), near);
        return Ok(Intent {
            seq,
            view_tick,
            ..*previous
        });
    }
    let step = (VIEW_STEP.read_signed(bits)? as u32).wrapping_add(1);
    let view_tick = tick_near((previous.view_tick.0 as u32).wrapping_add(step), near);
    if bits.read_bool()? {
        read_wish(bits, seq, view_tick)
    } else {
        Ok(Intent {
            seq,
            view_tick,
            ..*previous
        })
    }
}

fn read_wish(
    bits: &mut BitReader<'_>,
    seq: InputSeq,
    view_tick: Tick,
) -> Result<Intent, DecodeError> {
    let mut rest = bits.peek();
    bits.skip(WISH_BITS)?;
    let mut next = |count: u32| {
        let value = rest & ((1 << count) - 1);
        rest >>= count;
        value
    };
    let mut axis = || next(WishDir::AXIS_BITS) as i16 - WishDir::AXIS_MAX;
    let (u, v) = (axis(), axis());
    let wish = WishDir::from_axes(u, v).ok_or(DecodeError::Range("wish"))?;
    let pace = next(PACE_BITS) as u8;
    let jump = next(1) == 1;
    let attack = if next(1) == 1 {
        Some(EntityId(bits.read(64)?))
    } else {
        None
    };
    Ok(Intent {
        seq,
        view_tick,
        wish,
        pace,
        buttons: Buttons { jump },
        attack,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Dice;
    use super::*;

    fn random(seed: u64) -> (Tick, IntentDatagram) {
        let mut dice = Dice(seed);
        let near = Tick(dice.word() >> dice.below(60));
        let first = 1 + dice.below(u32::MAX - 100);
        let count = dice.below(INTENTS_PER_DATAGRAM_MAX as u32 + 1);
        let mut intents = Intents::default();
        for n in 0..count {
            let view = Tick(near.0.saturating_sub(u64::from(dice.below(20))));
            let mut intent = dice.intent(InputSeq(first + n), view);
            if let (Some(previous), true) = (intents.last(), dice.below(2) == 0) {
                intent = Intent {
                    seq: intent.seq,
                    view_tick: intent.view_tick,
                    ..*previous
                };
            }
            intents.all[n as usize] = intent;
            intents.count += 1;
        }
        let acks = (dice.below(4) > 0).then(|| Acks {
            newest: dice.word() as u16,
            before: dice.word() as u32,
        });
        (near, IntentDatagram { acks, intents })
    }

    #[test]
    fn datagrams_survive() {
        for seed in 0..5_000 {
            let (near, datagram) = random(seed);
            let bytes = IntentDatagram::encode(datagram.acks, &datagram.intents);
            assert_eq!(
                IntentDatagram::decode(&bytes, near),
                Ok(datagram),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn mutated_truncated_and_random_datagrams_never_panic() {
        for seed in 0..20_000 {
            let (near, datagram) = random(seed % 50);
            let mut bytes = IntentDatagram::encode(datagram.acks, &datagram.intents);
            let mut dice = Dice(seed);
            let at = dice.below(bytes.len() as u32) as usize;
            bytes[at] ^= dice.word() as u8;
            if let Ok(datagram) = IntentDatagram::decode(&bytes, near) {
                assert!(datagram.intents.len() <= INTENTS_PER_DATAGRAM_MAX);
            }
            bytes.truncate(at);
            assert!(IntentDatagram::decode(&bytes, near).is_err());
            let mut noise = dice.bytes(60);
            noise.insert(0, INTENTS_KIND);
            let _ = IntentDatagram::decode(&noise, near);
        }
    }

    #[test]
    fn repeating_the_same_wish_costs_two_bits() {
        let intent = Dice(1).intent(InputSeq(9), Tick(100));
        let next = Intent {
            seq: InputSeq(10),
            view_tick: Tick(101),
            ..intent
        };
        let one = IntentDatagram::encode(None, &[intent]);
        let two = IntentDatagram::encode(None, &[intent, next]);
        assert!(two.len() <= one.len() + 1);
    }

    #[test]
    fn number_zero_and_a_wish_off_the_octahedron_are_refused() {
        let intent = Dice(1).intent(InputSeq(0), Tick(0));
        let bytes = IntentDatagram::encode(None, &[intent]);
        assert_eq!(
            IntentDatagram::decode(&bytes, Tick(0)),
            Err(DecodeError::Range("seq"))
        );
        let mut bytes = IntentDatagram::encode(None, &[Dice(1).intent(InputSeq(1), Tick(0))]);
        // The first axis begins behind kind, flag, count, seq and view tick: bit 77.
        bytes[9] |= 0xe0;
        bytes[10] |= 0x7f;
        assert_eq!(
            IntentDatagram::decode(&bytes, Tick(0)),
            Err(DecodeError::Range("wish"))
        );
    }
}
