//! How long a move takes from the intent that wishes it to another client that shows it.
//!
//! Who moves knows from its own snapshots which of its intents was the newest applied at a tick, and writes down
//! for all when it had sent that. Who watches sees a state of a tick replace one of an earlier tick: every move
//! applied between the two is seen now, the oldest of them last, so each counts with its own wait, and a rare
//! update is not flattered by the newest of the moves it brings.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use bluemarble_net::client::View;
use bluemarble_shared_protocol::{EntityId, InputSeq, Tick};
use parking_lot::RwLock;

use crate::run::Run;

/// Ticks that are remembered of each bot: a few seconds. A move that is shown later is not timed; what is as
/// late as that breaks the promise about staleness.
const TICKS: usize = 64;
/// Intents whose application a bot waits to hear of; the oldest give way.
const SENT_MAX: usize = 64;

/// At which tick a bot's move was applied, and when it had been sent, microseconds; 0 = none.
#[derive(Debug, Default)]
struct Applied {
    tick: AtomicU64,
    sent_us: AtomicU64,
}

/// Of all bots.
#[derive(Debug)]
pub struct Moves {
    /// Of those who have been in the world.
    slots: RwLock<HashMap<EntityId, usize>>,
    applied: Vec<[Applied; TICKS]>,
}

impl Moves {
    /// For so many bots.
    #[must_use]
    pub fn of(bots: usize) -> Self {
        Self {
            slots: RwLock::default(),
            applied: (0..bots)
                .map(|_| std::array::from_fn(|_| Applied::default()))
                .collect(),
        }
    }

    /// One of them is in the world now, as this avatar. One more than there are is not timed.
    pub fn joined(&self, avatar: EntityId) {
        let mut slots = self.slots.write();
        let next = slots.len();
        if next < self.applied.len() {
            slots.entry(avatar).or_insert(next);
        }
    }

    fn slot(&self, avatar: EntityId) -> Option<usize> {
        self.slots.read().get(&avatar).copied()
    }

    fn cell(&self, slot: usize, tick: u64) -> &Applied {
        &self.applied[slot][tick as usize % TICKS]
    }

    fn write(&self, avatar: EntityId, tick: Tick, sent_us: u64) {
        if let Some(slot) = self.slot(avatar) {
            let cell = self.cell(slot, tick.0);
            // Whoever reads between the two finds a tick it does not ask for.
            cell.tick.store(0, Ordering::Release);
            cell.sent_us.store(sent_us, Ordering::Release);
            cell.tick.store(tick.0, Ordering::Release);
        }
    }

    fn read(&self, slot: usize, tick: u64) -> Option<u64> {
        let cell = self.cell(slot, tick);
        let sent_us = cell.sent_us.load(Ordering::Acquire);
        let is_of_it = cell.tick.load(Ordering::Acquire) == tick;
        (is_of_it && sent_us > 0).then_some(sent_us)
    }
}

/// Who moves.
#[derive(Debug, Default)]
pub struct Mover {
    seq: u32,
    /// Moves on their way, oldest first, and when they were sent.
    sent: VecDeque<(u32, u64)>,
}

impl Mover {
    /// An intent was sent; `moves` if it wishes to be elsewhere.
    pub fn sent(&mut self, now_us: u64, moves: bool) {
        self.seq += 1;
        if moves {
            if self.sent.len() == SENT_MAX {
                self.sent.pop_front();
            }
            self.sent.push_back((self.seq, now_us));
        }
    }

    /// A snapshot said which intent was the newest applied at its tick.
    pub fn applied(&mut self, moves: &Moves, avatar: EntityId, tick: Tick, newest: InputSeq) {
        let mut sent_us = 0;
        while let Some((seq, at_us)) = self.sent.pop_front_if(|(seq, _)| *seq <= newest.0) {
            sent_us = if seq == newest.0 { at_us } else { 0 };
        }
        moves.write(avatar, tick, sent_us);
    }
}

/// Somebody's state was replaced by a newer one.
#[derive(Clone, Copy, Debug)]
struct Sight {
    slot: usize,
    before: u64,
    tick: u64,
    now_us: u64,
}

/// Who watches.
#[derive(Debug, Default)]
pub struct Watch {
    /// Of everybody: the number of the newest swing, and the tick of the newest state.
    known: HashMap<EntityId, (u8, Tick)>,
    /// What was seen last; who moved may hear of it a little later.
    sights: Vec<Sight>,
}

impl Watch {
    /// Looks at what came with the snapshot of this tick.
    pub fn look(&mut self, view: &View, tick: Tick, now_us: u64, run: &Run) {
        self.time(&run.moves, |took_us| run.timings.moved(took_us));
        for (id, seen) in view.iter().filter(|(_, seen)| seen.updated == tick) {
            let newest = (seen.state.action_n, tick);
            let Some((swing, before)) = self.known.insert(id, newest) else {
                continue;
            };
            if swing != seen.state.action_n
                && let Some(took_us) = run.blows.see(id, now_us)
            {
                run.timings.blow(took_us);
            }
            self.see(&run.moves, id, before, tick, now_us);
        }
    }

    fn see(&mut self, moves: &Moves, id: EntityId, before: Tick, tick: Tick, now_us: u64) {
        if let Some(slot) = moves.slot(id) {
            self.sights.push(Sight {
                slot,
                before: before.0.max(tick.0.saturating_sub(TICKS as u64 - 1)),
                tick: tick.0,
                now_us,
            });
        }
    }

    /// What was seen at the last look, now that those who moved have heard of it.
    fn time(&mut self, moves: &Moves, mut note: impl FnMut(u64)) {
        for sight in self.sights.drain(..) {
            let ticks = sight.before + 1..=sight.tick;
            let sent = ticks.filter_map(|tick| moves.read(sight.slot, tick));
            sent.for_each(|sent_us| note(sight.now_us.saturating_sub(sent_us)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: EntityId = EntityId(1);

    #[test]
    fn every_move_that_an_update_brings_counts_with_its_own_wait() {
        let moves = Moves::of(1);
        moves.joined(A);
        let (mut mover, mut watch) = (Mover::default(), Watch::default());
        for n in 1..=4 {
            mover.sent(n * 100, n != 3);
            mover.applied(&moves, A, Tick(10 + n), InputSeq(n as u32));
        }
        watch.see(&moves, A, Tick(10), Tick(14), 1_000);
        watch.see(&moves, EntityId(2), Tick(10), Tick(14), 1_000);
        let mut took = Vec::new();
        watch.time(&moves, |us| took.push(us));
        assert_eq!(took, [900, 800, 600], "the third did not move");
        watch.time(&moves, |_| panic!("timed twice"));
    }

    #[test]
    fn what_nobody_remembers_is_not_timed() {
        let moves = Moves::of(1);
        moves.joined(A);
        let (mut mover, mut watch) = (Mover::default(), Watch::default());
        mover.sent(1, true);
        mover.sent(2, true);
        mover.applied(&moves, A, Tick(5), InputSeq(2));
        mover.applied(&moves, A, Tick(6), InputSeq(2));
        assert_eq!(moves.read(0, 5), Some(2));
        assert_eq!(moves.read(0, 6), None, "nothing new was applied");
        assert_eq!(
            moves.read(0, 5 + TICKS as u64),
            None,
            "another tick's place"
        );
        watch.see(&moves, A, Tick(0), Tick(1_000), 9);
        watch.time(&moves, |_| panic!("long forgotten"));
    }
}
