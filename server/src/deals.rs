//! Deals with the outside (a shop, a market) on their way from the admin HTTP into the world and back.
//!
//! ```text
//! POST ─► is the key in the ledger? ─► queue ─► sealed ─► what the world says ─► durable ─► answer
//!                                                 till ─► ledger has it ─► settled
//! ```
//!
//! Whether a key was carried out is known in two places: the world's till, which is state, until the ledger
//! has it; and the ledger from then on. Here is only what is under way, and the keys that have moved from one
//! to the other lately: who looked into the ledger just before must not be let through just after.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};

use bluemarble_persistence::{Ledger, LedgerError, LedgerStatus, Transfer};
use bluemarble_shared_protocol::Tick;
use bluemarble_sim::{Deal, DealOutcome, OutsideInputs, OutsideKey, World};
use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::limits::{DEALS_PER_TICK_MAX, DEALS_SETTLED_KEPT, DEALS_WAITING_MAX};

/// What becomes of a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DealAnswer {
    /// What the world said, durably.
    Decided(DealOutcome),
    /// What happens is not being saved; nothing was done.
    NotSaving,
}

/// A deal and where its answer goes.
#[derive(Debug)]
struct Order {
    key: OutsideKey,
    deal: Deal,
    reply: oneshot::Sender<DealAnswer>,
}

/// Where deals are handed in.
#[derive(Debug)]
pub struct DealDesk {
    hand_in: Sender<Order>,
    take: Receiver<Order>,
    ledger: OnceLock<(Handle, Ledger)>,
}

impl Default for DealDesk {
    fn default() -> Self {
        let (hand_in, take) = bounded(DEALS_WAITING_MAX);
        Self {
            hand_in,
            take,
            ledger: OnceLock::new(),
        }
    }
}

/// Why nobody can say what became of a key.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// There is no world yet.
    #[error("the world is not running yet")]
    Starting,
    /// The ledger cannot be asked.
    #[error("the ledger cannot be asked: {0}")]
    Ledger(#[from] LedgerError),
    /// The program is about to end.
    #[error("the server is stopping")]
    Stopping,
}

impl DealDesk {
    /// The world's ledger, and where its database is asked. Once.
    pub fn open(&self, runtime: &Handle, ledger: Ledger) {
        let _only_once = self.ledger.set((runtime.clone(), ledger));
    }

    /// The transfer under this key, if the ledger has it.
    ///
    /// # Errors
    /// [`Unknown`].
    pub async fn in_ledger(&self, key: OutsideKey) -> Result<Option<Transfer>, Unknown> {
        let (runtime, ledger) = self.ledger.get().ok_or(Unknown::Starting)?;
        let ledger = ledger.clone();
        let asked = runtime.spawn(async move { ledger.of_key(&key.to_string()).await });
        Ok(asked.await.map_err(|_| Unknown::Stopping)??)
    }

    /// Queues a deal whose key is not in the ledger. `None` if too many wait.
    pub fn order(&self, key: OutsideKey, deal: Deal) -> Option<oneshot::Receiver<DealAnswer>> {
        let (reply, answer) = oneshot::channel();
        let order = Order { key, deal, reply };
        self.hand_in.try_send(order).ok().map(|()| answer)
    }
}

#[derive(Debug)]
struct Waiting {
    deal: Deal,
    /// The tick it is sealed into, and what came of it.
    tick: Tick,
    outcome: Option<DealOutcome>,
    replies: Vec<oneshot::Sender<DealAnswer>>,
}

/// The loop's side.
#[derive(Debug)]
pub struct Counter {
    desk: Arc<DealDesk>,
    /// The tick this process began at: what the ledger has of ticks before is in `in_ledger`.
    began: Tick,
    in_ledger: BTreeSet<OutsideKey>,
    waiting: BTreeMap<OutsideKey, Waiting>,
    settled: BTreeMap<OutsideKey, (Deal, Tick)>,
    settled_order: VecDeque<OutsideKey>,
}

impl Counter {
    /// Of a world as a start has brought it back, whose till has these keys in the ledger.
    pub fn new(desk: Arc<DealDesk>, began: Tick, in_ledger: BTreeSet<OutsideKey>) -> Self {
        Self {
            desk,
            began,
            in_ledger,
            waiting: BTreeMap::new(),
            settled: BTreeMap::new(),
            settled_order: VecDeque::new(),
        }
    }

    /// What goes into the tick after the world's; `saves`: whether what happens is being saved.
    pub fn seal(
        &mut self,
        world: &World,
        saves: bool,
        ledger: impl FnOnce() -> LedgerStatus,
    ) -> OutsideInputs {
        let mut inputs = OutsideInputs::default();
        if !world.till().is_empty() {
            inputs.settled = self.settle(world, &ledger());
        }
        let tick = world.tick().next();
        let desk = Arc::clone(&self.desk);
        for order in desk.take.try_iter().take(DEALS_PER_TICK_MAX) {
            inputs.deals.extend(self.accept(order, tick, saves));
        }
        inputs.deals.sort_unstable_by_key(|(key, _)| *key);
        inputs
    }

    /// The keys of the till that the ledger has.
    fn settle(&mut self, world: &World, ledger: &LedgerStatus) -> Vec<OutsideKey> {
        // A ledger that was put right holds sums in place of single transfers.
        let whole = ledger.corrections == 0 && ledger.forgotten == 0 && ledger.stopped.is_none();
        let has = |key: &OutsideKey, tick: Tick| {
            let entered = whole && tick > self.began && tick <= ledger.applied;
            entered || self.in_ledger.contains(key)
        };
        let deals = world.till().deals();
        let found: Vec<_> = deals.filter(|(key, _, tick)| has(key, *tick)).collect();
        for (key, deal, tick) in &found {
            if self.settled.insert(*key, (*deal, *tick)).is_none() {
                self.settled_order.push_back(*key);
            }
            if self.settled_order.len() > DEALS_SETTLED_KEPT
                && let Some(oldest) = self.settled_order.pop_front()
            {
                self.settled.remove(&oldest);
            }
        }
        found.into_iter().map(|(key, ..)| key).collect()
    }

    /// The deal, if it is to be sealed.
    fn accept(&mut self, order: Order, tick: Tick, saves: bool) -> Option<(OutsideKey, Deal)> {
        let Order { key, deal, reply } = order;
        let tell = |reply: oneshot::Sender<_>, answer| {
            let _gone = reply.send(answer);
        };
        let other = DealAnswer::Decided(DealOutcome::OtherDeal);
        if let Some((known, at)) = self.settled.get(&key) {
            let done = DealAnswer::Decided(DealOutcome::Done(*at));
            tell(reply, if *known == deal { done } else { other });
        } else if let Some(waiting) = self.waiting.get_mut(&key) {
            if waiting.deal == deal {
                waiting.replies.push(reply);
            } else {
                tell(reply, other);
            }
        } else if !saves {
            tell(reply, DealAnswer::NotSaving);
        } else {
            let waiting = Waiting {
                deal,
                tick,
                outcome: None,
                replies: vec![reply],
            };
            self.waiting.insert(key, waiting);
            return Some((key, deal));
        }
        None
    }

    /// What the world says of the deals that were sealed into its last tick.
    pub fn decided(&mut self, outcomes: &[(OutsideKey, DealOutcome)]) {
        for (key, outcome) in outcomes {
            if let Some(waiting) = self.waiting.get_mut(key) {
                waiting.outcome = Some(*outcome);
            }
        }
    }

    /// Everything through this tick may be acknowledged.
    pub fn acknowledge(&mut self, durable: Tick) {
        self.waiting.retain(|_, waiting| {
            let Some(outcome) = waiting.outcome.filter(|_| waiting.tick <= durable) else {
                return true;
            };
            for reply in waiting.replies.drain(..) {
                let _gone = reply.send(DealAnswer::Decided(outcome));
            }
            false
        });
    }

    /// Whether somebody waits for nothing but that a tick becomes durable.
    pub fn awaits_durable(&self) -> bool {
        let mut waiting = self.waiting.values();
        waiting.any(|waiting| waiting.outcome.is_some())
    }
}
