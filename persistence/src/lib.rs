//! What survives: the journal of sealed inputs, the checkpoints, and the one store behind both
//! Postgres and SQLite; the ledger of what durable ticks moved; and whom tickets name, with the keys of
//! their names.
//!
//! The log is the world: a checkpoint only shortens what must be replayed. Nothing here knows what
//! a tick's inputs or a zone's entities mean; both are bytes with a checksum.
//!
//! Invariants:
//! - No call made from the tick (`JournalWriter::append`, `LedgerWriter::submit`, every `status`) ever
//!   waits for a disk or a database; nor does `CheckpointWorker::submit`, which takes what has been
//!   packed elsewhere.
//! - A checkpoint is whole or absent; a record is whole or cut off, and a cut record was never
//!   promised by `JournalWriter::durable`.
//! - Every write to the store carries the writer's epoch and is refused once a newer one exists.

mod archive;
mod blob;
mod characters;
mod checkpoint;
mod data_dir;
#[cfg(feature = "faults")]
pub mod faults;
mod journal;
mod ledger;
pub mod limits;
mod shipping;
mod store;
mod worker;

pub use archive::{Archive, ArchiveError, read_archive, write_archive};
pub use characters::{
    AccountRow, Asked, AuditRow, Carried, Character, CharacterRow, Characters, Drawn, Erased,
    LedgerLine, LedgerTraces, PrivacyDeed, Spool, Whom,
};
pub use checkpoint::{CheckpointEntry, CheckpointImage, PackedCheckpoint};
pub use data_dir::{DataDirError, DataDirLock};
pub use journal::{
    Appended, Commit, JournalBreak, JournalError, JournalHealth, JournalMonitor, JournalOptions,
    JournalReader, JournalRecord, JournalStatus, JournalSurvey, JournalTail, JournalWriter,
    SegmentHeader, SegmentSummary, TornTail, prune_journal, read_journal, settle_journal,
};
pub use ledger::{
    Account, AccountKind, Applied, Holding, Imbalance, Ledger, LedgerBatch, LedgerDrained,
    LedgerError, LedgerMonitor, LedgerOptions, LedgerStatus, LedgerSubmitted, LedgerWriter, Opened,
    Reason, Transfer, TransferKey,
};
pub use shipping::{
    DamagedPiece, JournalShipper, LackingSegment, RestoreError, SegmentFault, ShipError,
    ShipMonitor, ShipOptions, ShipStatus, Shipment, ShippedJournal, ship_what_was_left,
};
pub use store::{
    ChunkEntry, Claim, ContentStamp, JournalChunk, OpenOptions, PutChunk, Retention,
    SavedCheckpoint, Store, StoreError, WorldRow, sqlite_url,
};
pub use worker::{
    CheckpointMonitor, CheckpointStatus, CheckpointWorker, Drained, Submitted, WorkerOptions,
};

#[cfg(feature = "faults")]
pub use {journal::JournalHand, ledger::LedgerHand, shipping::ShipHand, worker::CheckpointHand};
