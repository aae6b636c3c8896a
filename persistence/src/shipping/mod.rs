//! The journal in the database: brought there while the world runs, and back when a disk is lost.
//!
//! - `shipper` is the task that ships, `status` what is known of it, `restore` the way back.

mod restore;
mod shipper;
mod status;

pub use restore::{DamagedPiece, LackingSegment, RestoreError, SegmentFault, ShippedJournal};
pub use shipper::{JournalShipper, ShipOptions, Shipment};
pub use status::{ShipMonitor, ShipStatus};
