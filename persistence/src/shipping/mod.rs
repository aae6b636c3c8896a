//! The journal in the database: brought there while the world runs, and back when a disk is lost.
//!
//! - `shipper` is the task that ships, `status` what is known of it, `restore` the way back.

mod restore;
mod shipper;
mod status;

pub use restore::{DamagedPiece, LackingSegment, RestoreError, SegmentFault, ShippedJournal};
#[cfg(feature = "faults")]
pub use shipper::ShipHand;
pub use shipper::{JournalShipper, ShipError, ShipOptions, Shipment, ship_what_was_left};
pub use status::{ShipMonitor, ShipStatus};
