//! Between a world's loop and whoever resolves journeys: what the world shall seal next, and what its
//! log holds of its gate for sure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, Epoch, Tick};
use bluemarble_sim::{Arrival, Departure, Gate, TravelInputs, TravelKey, Traveller};
use parking_lot::Mutex;

/// One world's pier.
#[derive(Debug)]
pub struct Pier {
    /// The world's number.
    number: u64,
    orders: Mutex<Orders>,
    durable: Mutex<Option<Arc<Gate>>>,
}

/// Given since the last tick. Each order once, however often it is given: what bounds them is the
/// number of journeys under way.
#[derive(Debug, Default)]
struct Orders {
    departures: BTreeMap<EntityId, u64>,
    arrivals: BTreeMap<TravelKey, Traveller>,
    settled: BTreeSet<TravelKey>,
    forgotten: BTreeSet<TravelKey>,
}

impl Pier {
    /// Of the world with this number; nothing is known of its gate yet.
    pub fn new(number: u64) -> Self {
        Self {
            number,
            orders: Mutex::default(),
            durable: Mutex::default(),
        }
    }

    /// An avatar shall leave for another world.
    pub fn depart(&self, avatar: EntityId, to: u64) {
        self.orders.lock().departures.insert(avatar, to);
    }

    /// A traveller shall be let in.
    pub fn admit(&self, key: TravelKey, traveller: Traveller) {
        self.orders.lock().arrivals.insert(key, traveller);
    }

    /// A journey from here is over before it led anywhere: its traveller is here again. Both are
    /// sealed into the same tick, so that it is in the world or in its memory, whatever is cut short.
    pub fn take_back(&self, key: TravelKey, traveller: Traveller) {
        let mut orders = self.orders.lock();
        orders.settled.insert(key);
        orders.arrivals.insert(key, traveller);
    }

    /// A journey from here has arrived.
    pub fn settle(&self, key: TravelKey) {
        self.orders.lock().settled.insert(key);
    }

    /// A journey to here is over.
    pub fn forget(&self, key: TravelKey) {
        self.orders.lock().forgotten.insert(key);
    }

    /// The orders, to be sealed into `tick`. `with_departures` says false while session events wait
    /// that are older than an order to leave; it is asked when no such order can come any more.
    pub fn take(
        &self,
        tick: Tick,
        epoch: Epoch,
        with_departures: impl FnOnce() -> bool,
    ) -> TravelInputs {
        let mut orders = self.orders.lock();
        let departures = if with_departures() {
            std::mem::take(&mut orders.departures)
        } else {
            BTreeMap::new()
        };
        let world = self.number;
        TravelInputs {
            departures: departures
                .into_iter()
                .map(|(avatar, to)| Departure {
                    key: TravelKey {
                        world,
                        epoch,
                        tick,
                        avatar,
                    },
                    to,
                })
                .collect(),
            arrivals: std::mem::take(&mut orders.arrivals)
                .into_iter()
                .map(|(key, traveller)| Arrival { key, traveller })
                .collect(),
            settled: std::mem::take(&mut orders.settled).into_iter().collect(),
            forgotten: std::mem::take(&mut orders.forgotten).into_iter().collect(),
        }
    }

    /// Whether there is nothing to seal.
    pub fn is_idle(&self) -> bool {
        let orders = self.orders.lock();
        orders.departures.is_empty()
            && orders.arrivals.is_empty()
            && orders.settled.is_empty()
            && orders.forgotten.is_empty()
    }

    /// The gate as the log holds it for sure; `None` until the world has said so once.
    pub fn durable(&self) -> Option<Arc<Gate>> {
        self.durable.lock().clone()
    }

    fn set_durable(&self, gate: Gate) {
        *self.durable.lock() = Some(Arc::new(gate));
    }
}

/// Holds a changed gate back until the log has made it durable. Changes in between are folded: the
/// newest counts.
#[derive(Debug, Default)]
pub struct Embargo {
    /// Waits for its tick to become durable.
    waiting: Option<(Tick, Gate)>,
    /// The newest after that.
    next: Option<(Tick, Gate)>,
}

impl Embargo {
    /// A recovered world's gate is durable as it is.
    pub fn lift(pier: &Pier, gate: &Gate) {
        pier.set_durable(gate.clone());
    }

    /// After a tick: `changed` is the gate if this tick's inputs may have changed it.
    pub fn after(&mut self, pier: &Pier, tick: Tick, changed: Option<&Gate>, durable: Tick) {
        if let Some(gate) = changed {
            let entry = Some((tick, gate.clone()));
            match self.waiting {
                None => self.waiting = entry,
                Some(_) => self.next = entry,
            }
        }
        while let Some((_, gate)) = self.waiting.take_if(|(tick, _)| *tick <= durable) {
            pier.set_durable(gate);
            self.waiting = self.next.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(tick: u64) -> Gate {
        let key = TravelKey {
            tick: Tick(tick),
            ..TravelKey::default()
        };
        Gate {
            admitted: [key].into(),
            ..Gate::default()
        }
    }

    #[test]
    fn a_gate_is_shown_once_it_is_durable_however_often_it_changes_meanwhile() {
        let (pier, mut embargo) = (Pier::new(1), Embargo::default());
        let shown = |pier: &Pier| {
            let gate = pier.durable()?;
            gate.admitted.first().map(|key| key.tick.0)
        };
        embargo.after(&pier, Tick(5), Some(&gate(5)), Tick(4));
        embargo.after(&pier, Tick(6), Some(&gate(6)), Tick(4));
        embargo.after(&pier, Tick(7), Some(&gate(7)), Tick(4));
        assert_eq!(shown(&pier), None);
        embargo.after(&pier, Tick(8), None, Tick(6));
        assert_eq!(shown(&pier), Some(5));
        embargo.after(&pier, Tick(9), None, Tick(7));
        assert_eq!(shown(&pier), Some(7));
        embargo.after(&pier, Tick(10), Some(&gate(10)), Tick(10));
        assert_eq!(shown(&pier), Some(10), "even at once");
    }

    #[test]
    fn orders_are_sealed_once_and_departures_wait_for_older_events() {
        let pier = Pier::new(7);
        pier.depart(EntityId(1), 9);
        pier.settle(TravelKey::default());
        pier.settle(TravelKey::default());
        let first = pier.take(Tick(3), Epoch(2), || false);
        assert_eq!((first.departures.len(), first.settled.len()), (0, 1));
        assert!(!pier.is_idle());
        let second = pier.take(Tick(4), Epoch(2), || true);
        let key = second.departures[0].key;
        assert_eq!((key.world, key.epoch, key.tick), (7, Epoch(2), Tick(4)));
        assert!(pier.is_idle());
        assert!(pier.take(Tick(5), Epoch(2), || true).is_empty());
    }
}
