//! Every bound of what is stored, with its reason and what happens at it.

/// Longest name of a world, bytes of UTF-8: the room a segment header has. A longer one is refused.
pub const WORLD_NAME_BYTES_MAX: usize = 63;
/// Longest build text in a segment header, bytes of UTF-8; cut off beyond, it is for people.
pub const BUILD_BYTES_MAX: usize = 147;

/// Longest provenance in a segment header, bytes of UTF-8: five numbers and two names with room to
/// spare. Cut off beyond; what is cut differs from what is whole, so it is refused and not missed.
pub const PROVENANCE_BYTES_MAX: usize = 766;

/// Most words of a state's sketch in one record: eight times what there are. More break the log.
pub const SKETCH_WORDS_MAX: usize = 128;
/// Largest payload of one journal record, bytes: a tick's inputs of 100,000 avatars at 64 bytes
/// each, twice over. A longer one breaks the log, a longer one read is damage.
pub const RECORD_PAYLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A segment this long is closed and the next one begun, bytes: a reader holds one at a time.
pub const SEGMENT_BYTES: usize = 64 * 1024 * 1024;
/// Longest segment file a reader accepts, bytes: a full one and one more batch.
pub const SEGMENT_BYTES_MAX: usize = SEGMENT_BYTES + JOURNAL_QUEUE_BYTES_MAX + (1 << 20);
/// Payload bytes that may wait for the journal's disk; the record that would exceed it breaks the
/// log, as does one more record than `JournalOptions::queue_records`.
pub const JOURNAL_QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Requests to rotate or restart that may wait besides the records. One more is not taken: a
/// rotation is only put off, a restart is answered by a log that stays broken.
pub const JOURNAL_CONTROLS_MAX: usize = 16;

/// Newest checkpoints kept per world unless told otherwise; older ones are deleted with the write that
/// adds one. Three: should the newest turn out damaged, and the one before, too, there is one left.
pub const CHECKPOINTS_KEPT: usize = 3;
/// Most of the newest that can be kept: five minutes of them, with the journal of five minutes.
pub const KEEP_LAST_MAX: usize = 64;
/// Most hours of which one can be kept: a week's.
pub const KEEP_HOURLY_MAX: usize = 168;
/// Most days of which one can be kept: a year's.
pub const KEEP_DAILY_MAX: usize = 366;
/// Largest part of a checkpoint, bytes: Postgres takes values up to 1 GiB in twice that memory.
pub const PART_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Most parts of one checkpoint: far above the number of zones.
pub const PARTS_MAX: usize = 65_536;
/// Longest section of an archive, bytes: a part that nothing makes shorter, and its frame.
pub const ARCHIVE_SECTION_BYTES_MAX: u64 = PART_BYTES_MAX as u64 + 4_096;
/// Longest text in an archive, bytes of UTF-8; cut off beyond.
pub const ARCHIVE_TEXT_BYTES_MAX: usize = 1_024;
/// A piece of the journal in the database ends with the first record beyond this, bytes: large enough
/// that what an hour's outage left is a few hundred statements, small enough to be held in memory.
pub const CHUNK_BYTES: usize = 1024 * 1024;
/// Longest piece that is read back, bytes: one record more than that.
pub const CHUNK_BYTES_MAX: usize = CHUNK_BYTES + RECORD_PAYLOAD_BYTES_MAX + 4_096;
/// Connections to Postgres: one writes checkpoints, one the ledger, one the journal, one is for whoever
/// reads meanwhile.
pub const POSTGRES_CONNECTIONS: u32 = 4;

/// Transfers that may wait for the ledger's database: half an hour of an outage at 500 a second, and
/// some 150 MB. Beyond, all that wait are forgotten, and once the database is back the ledger is put
/// right by a correction per account: balances are then exact again, the single transfers are not in it.
pub const LEDGER_QUEUE_MAX: usize = 1_000_000;
/// Transfers in one batch, if a tick has no more: what a busy database takes in a fraction of a second.
pub const LEDGER_BATCH_MAX: usize = 4_096;
/// Connections to SQLite, which has one writer at a time anyway.
pub const SQLITE_CONNECTIONS: u32 = 1;

const _: () = assert!(LEDGER_BATCH_MAX <= LEDGER_QUEUE_MAX);
const _: () = assert!(RECORD_PAYLOAD_BYTES_MAX < JOURNAL_QUEUE_BYTES_MAX);
const _: () = assert!(
    CHECKPOINTS_KEPT >= 2,
    "the journal must reach back behind the newest"
);
