//! Every bound of the program itself, with its reason. Bounds of the protocol live in
//! `shared-protocol`, those of sessions and journal in their crates.

use std::time::Duration;

/// Ticks run back to back after a stall before the rest is skipped: enough to hide one long disk
/// or scheduler hiccup at 20 Hz, too few to make an overload worse.
pub const CATCH_UP_TICKS_MAX: u64 = 4;
/// Session events taken per tick. More wait in the (bounded) queue for the next tick: a flood
/// may fill its own queue but cannot hold the tick.
pub const EVENTS_PER_TICK_MAX: usize = 65_536;
/// Session commands given to the sockets per tick.
pub const COMMANDS_PER_TICK_MAX: usize = 16_384;
/// Ticks of digest lines a reader may lag behind before it is dropped: ten seconds at 120 Hz.
pub const DIGEST_LAG_MAX: usize = 1_200;
/// Digests told to a reader in one tick: after an outage of the database, with `journal.durable =
/// "replicated"`, thousands have waited, and a reader is not to be cut off for that.
pub const TOLD_DIGESTS_PER_TICK_MAX: usize = 64;
/// Digests that wait for the database, then: three and a half hours at 20 Hz, 4 MiB. Beyond, the oldest
/// are never told; a recorder sees the gap in the ticks.
pub const HELD_DIGESTS_MAX: usize = 262_144;
/// Truth frames a reader may lag behind before it is dropped; each is a whole world.
pub const TRUTH_LAG_MAX: usize = 32;
/// Readers of one admin stream at once.
pub const STREAM_READERS_MAX: usize = 16;
/// How long a planned stop waits for the final checkpoint before it gives up and says so.
pub const FINAL_CHECKPOINT_WAIT: Duration = Duration::from_secs(60);
/// How long a planned stop waits for admin requests in flight.
pub const ADMIN_WAIT: Duration = Duration::from_secs(2);
/// Orders of an operator that wait for the loop, which takes one a tick. Beyond: refused at once.
pub const ORDERS_WAITING_MAX: usize = 16;
/// How long an order waits for the loop's answer: many ticks, even of an overloaded world.
pub const ADMIN_ORDER_WAIT: Duration = Duration::from_secs(10);
/// Characters that may be banned at a time; the list is rewritten with each change.
pub const BANS_MAX: usize = 100_000;
/// Characters that wait to be looked up; one more knocks again.
pub const CHARACTERS_ASKED_MAX: usize = 4_096;
/// Of these, how many are looked up in one transaction: a crowd is through in a few, and none is long.
pub const CHARACTERS_AT_ONCE_MAX: usize = 256;
/// Characters remembered, all of them from the start on, so that the database may be away: some 40 MB. Of
/// more, those who come are looked up, and newcomers wait for the database.
pub const CHARACTERS_KNOWN_MAX: usize = 131_072;
/// Newcomers kept in a file while the database is away; more are told to try again.
pub const CHARACTERS_SPOOLED_MAX: usize = 16_384;
/// Length of the admin token, bytes of OS randomness.
pub const ADMIN_TOKEN_BYTES: usize = 32;
/// How often the status snapshot, the gauges and the status line are refreshed.
pub const STATUS_PERIOD: Duration = Duration::from_secs(1);
/// How much farther than where it came into view somebody may go before leaving it: wide enough
/// that a walker on the edge does not flicker, narrow enough to cost little.
pub const INTEREST_HYSTERESIS: f64 = 1.1;
/// Worlds beside the main one that one data directory may hold, asleep ones included: each is a
/// folder and a few rows. One more is refused.
pub const WORLDS_MAX: usize = 256;
/// Of these, how many may be awake at once: each has threads, memory and a tick of its own. One more
/// is not woken; who wants to enter it is told to try again later.
pub const WORLDS_AWAKE_MAX: usize = 32;
/// Longest name of a world beside the main one, bytes: with its number it must fit the store.
pub const INSTANCE_NAME_BYTES_MAX: usize = 40;
/// How long a request to create, wake or drop a world waits for the outcome before it says that the
/// work goes on.
pub const WORLD_COMMAND_WAIT: Duration = Duration::from_secs(30);
/// How long travellers wait for a world that has failed before they go back to where they came from:
/// long enough for an operator's wake, short enough that nobody gives the character up.
pub const TURN_BACK_AFTER: Duration = Duration::from_secs(60);
/// Digests of replayed ticks that the status shows: more than a recorder can lag behind.
pub const TRAIL_TICKS_MAX: usize = 64;
/// What a client that acknowledges nothing is sent between its first second of that and the idle
/// timeout, bytes: four datagrams of 1,100 bytes a second for nine seconds, and room for their headers.
pub const QUIET_CLIENT_BYTES_MAX: u64 = 48 * 1024;
/// How often the loop looks, between two ticks, whether the disk has answered those who wait for it: short
/// beside a flush, and looked only while somebody waits.
pub const DURABLE_LOOK: Duration = Duration::from_millis(1);
/// Deals with the outside that may wait for the loop; one more is refused with 503.
pub const DEALS_WAITING_MAX: usize = 256;
/// Deals taken into one tick, so that one tick stays a tick; the others wait for the next.
pub const DEALS_PER_TICK_MAX: usize = 64;
/// Keys remembered after the ledger has them: more than can be settled while somebody who looked into the
/// ledger before that waits for the loop (64 a tick, 120 ticks a second at most, 2 s), and their deals do not
/// happen again.
pub const DEALS_SETTLED_KEPT: usize = 16_384;
