//! An operator's orders on their way from the admin HTTP to the loop: a short queue, and an answer
//! to each.

use bluemarble_shared_protocol::Tick;
use bluemarble_sim::ZoneChangeError;
use bluemarble_spatial::{CellId, LatLng, ZoneId};
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::oneshot;

use super::table::ZoneTable;
use crate::limits::ORDERS_WAITING_MAX;

/// Somewhere on the planet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// The grid cell there.
    At(LatLng),
    /// This cell.
    Cell(CellId),
}

/// What an operator wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wish {
    /// Cut a zone in two: at a place, or so that both have as much to do.
    Split {
        /// Which.
        zone: ZoneId,
        /// Where the second part begins.
        at: Option<Place>,
    },
    /// Join a zone with the next.
    Merge {
        /// The first of the two.
        zone: ZoneId,
    },
    /// Let a zone begin elsewhere.
    Move {
        /// Which.
        zone: ZoneId,
        /// Where.
        to: Place,
    },
}

/// It will be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// The first tick that is stepped so.
    #[serde(rename = "at_tick", serialize_with = "number")]
    pub tick: Tick,
    /// How many zones there are then.
    pub zones: usize,
    /// What changes, in words.
    pub change: String,
}

fn number<S: serde::Serializer>(tick: &Tick, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_u64(tick.0)
}

/// It will not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not fit the map.
    #[error(transparent)]
    Unfit(#[from] ZoneChangeError),
    /// As many as the settings allow.
    #[error("there are {0} zones already, as many as zones.max allows")]
    Most(usize),
    /// As few.
    #[error("there are only {0} zones, as few as zones.min allows")]
    Least(usize),
    /// A zone of one cell, or none at all.
    #[error("zone {0} cannot be cut in two: there is no such zone, or it is a single cell")]
    Indivisible(ZoneId),
}

/// A wish and where its answer goes.
#[derive(Debug)]
pub struct Order {
    /// The wish.
    pub wish: Wish,
    reply: oneshot::Sender<Result<Accepted, Refused>>,
}

impl Order {
    /// Tells whoever asked, if they still listen.
    pub fn answer(self, answer: Result<Accepted, Refused>) {
        let _gone = self.reply.send(answer);
    }
}

/// Where orders are handed in and the newest table lies.
#[derive(Debug)]
pub struct OrderDesk {
    hand_in: Sender<Order>,
    take: Receiver<Order>,
    table: Mutex<Option<ZoneTable>>,
}

impl Default for OrderDesk {
    fn default() -> Self {
        let (hand_in, take) = bounded(ORDERS_WAITING_MAX);
        Self {
            hand_in,
            take,
            table: Mutex::new(None),
        }
    }
}

impl OrderDesk {
    /// Queues a wish; the answer comes after the tick that is under way. `None` if too many wait.
    pub fn order(&self, wish: Wish) -> Option<oneshot::Receiver<Result<Accepted, Refused>>> {
        let (reply, answer) = oneshot::channel();
        let order = Order { wish, reply };
        self.hand_in.try_send(order).ok().map(|()| answer)
    }

    /// The table of a moment ago.
    pub fn table(&self) -> Option<ZoneTable> {
        self.table.lock().clone()
    }

    pub(super) fn next(&self) -> Option<Order> {
        self.take.try_recv().ok()
    }

    pub(super) fn show(&self, table: ZoneTable) {
        *self.table.lock() = Some(table);
    }
}
