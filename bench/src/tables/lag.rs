//! Recorded bodies as a client is told of them that acknowledges every datagram after the same time: a
//! datagram for each recorded frame, and each body against what it was in the newest datagram that is known
//! to have arrived.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::WireEntity;
use bluemarble_shared_protocol::codec::Baseline;
use bluemarble_shared_protocol::codec::delta::AGE_MAX;

use super::bodies::{Frame, HZ};
use super::counts::Counts;

/// A state as it was told.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// In which datagram.
    pub number: u64,
    /// As of which tick.
    pub tick: u64,
    /// The state.
    pub state: WireEntity,
    /// What it was told against, and how many ticks older that was.
    pub earlier: Option<(WireEntity, u32)>,
}

impl Told {
    /// What a delta at tick `now` is against; `None` if it is too old.
    #[must_use]
    pub fn baseline(&self, now: u64) -> Option<Baseline> {
        let age = u32::try_from(now - self.tick).ok()?;
        (age <= AGE_MAX).then_some(Baseline {
            state: self.state,
            age,
            earlier: self.earlier,
        })
    }
}

/// Counts every state against what was known `lag` datagrams before.
pub fn count(frames: &[Frame], lag: u64, counts: &mut Counts) {
    let mut told: BTreeMap<u32, Vec<Told>> = BTreeMap::new();
    for (number, frame) in (lag..).zip(frames) {
        for &(actor, state) in &frame.rows {
            let states = told.entry(actor).or_default();
            let known = states.iter().rev().find(|told| told.number <= number - lag);
            let base = known.and_then(|told| told.baseline(frame.tick));
            if let Some(base) = &base {
                counts.add(base, HZ, &state);
            }
            states.push(Told {
                number,
                tick: frame.tick,
                state,
                earlier: base.map(|base| (base.state, base.age)),
            });
        }
    }
}
