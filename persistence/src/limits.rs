//! Every bound of what is stored, with its reason and what happens at it.

/// Largest payload of one journal record, bytes: a tick's inputs of 100,000 avatars at 64 bytes
/// each, twice over. A longer one breaks the log (see `JournalStatus`).
pub const RECORD_PAYLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;
