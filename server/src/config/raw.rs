//! The configuration file as written: every field optional, unknown ones refused, each value
//! with the place it stands at, so that a complaint can name the line.
//!
//! Nothing here is checked or defaulted; that is [`super::checked`].

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

/// A value that may be absent and knows its place in the file.
pub type Field<T> = Option<Spanned<T>>;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigRaw {
    /// What runs.
    pub world: WorldRaw,
    /// Where files are.
    pub paths: PathsRaw,
    /// Where clients connect, and what each may cost.
    pub net: NetRaw,
    /// The operator's HTTP port.
    pub admin: AdminRaw,
    /// Checkpoints.
    pub store: StoreRaw,
    /// The log of sealed inputs.
    pub journal: JournalRaw,
    /// What gives way when ticks take too long.
    pub overload: OverloadRaw,
    /// How zones change while the world runs.
    pub zones: ZonesRaw,
}

/// `[world]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorldRaw {
    /// Name in the store and in tickets; 1 to 64 letters, digits, `-`, `_`.
    pub name: Field<String>,
    /// File name in `<assets>/scenarios`, without `.ron`.
    pub scenario: Field<String>,
    /// Seed of every random number of the world.
    pub seed: Field<u64>,
    /// Ticks a second.
    pub tick_hz: Field<u32>,
    /// Zones the planet is cut into; absent = as the scenario says.
    pub zones: Field<usize>,
    /// Threads that step zones; absent = one per core.
    pub threads: Field<usize>,
}

/// `[paths]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PathsRaw {
    /// Directory of database, journal, keys and the admin token.
    pub data_dir: Field<PathBuf>,
    /// Directory with `planets/` and `scenarios/`; absent = looked for.
    pub assets: Field<PathBuf>,
}

/// `[net]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetRaw {
    /// UDP address for QUIC.
    pub listen: Field<String>,
    /// Sessions at once; one more is refused.
    pub sessions_max: Field<usize>,
    /// Players who may wait in line when the world is full or overloaded.
    pub waiting_max: Field<usize>,
    /// Sessions of one address at once; absent = no bound of its own.
    pub sessions_per_address_max: Field<usize>,
    /// Characters of one account connected at once; absent = no bound.
    pub sessions_per_account_max: Field<usize>,
    /// Metres within which a client sees others.
    pub interest_m: Field<f64>,
    /// Bytes of snapshot datagrams per client and second.
    pub client_bytes_per_s_max: Field<u32>,
    /// Seconds an avatar waits for its owner after the connection is gone.
    pub grace_s: Field<f64>,
    /// Threads that run sockets and TLS.
    pub threads: Field<usize>,
    /// Certificate chain, PEM; absent = the development certificate.
    pub cert: Field<PathBuf>,
    /// Its private key, PEM.
    pub cert_key: Field<PathBuf>,
    /// Public key of whoever signs session tickets, PEM (Ed25519); absent = the development key.
    pub ticket_public_key: Field<PathBuf>,
}

/// `[admin]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminRaw {
    /// TCP address of the admin HTTP.
    pub listen: Field<String>,
    /// Whether an address other than loopback is accepted.
    pub allow_remote: Field<bool>,
}

/// `[store]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreRaw {
    /// `sqlite://path` or `postgres://…`; absent = `world.sqlite` in the data directory.
    pub database_url: Field<String>,
    /// Seconds between checkpoints.
    pub checkpoint_s: Field<f64>,
    /// How many of the newest checkpoints are kept, and the journal back to the oldest of them.
    pub keep_last: Field<usize>,
    /// Of how many hours one checkpoint is kept.
    pub keep_hourly: Field<usize>,
    /// Of how many days one checkpoint is kept.
    pub keep_daily: Field<usize>,
}

/// `[journal]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalRaw {
    /// Milliseconds between two flushes to disk.
    pub group_commit_ms: Field<u64>,
    /// Records that may wait for the writer.
    pub queue_records: Field<usize>,
    /// Keep the first checkpoint and every segment since.
    pub record: Field<bool>,
    /// Where a tick must be before it counts as durable: `local` or `replicated`.
    pub durable: Field<String>,
    /// Whether the journal is shipped to the database; absent = if that is Postgres, or must be.
    pub ship: Field<bool>,
}

/// `[overload]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OverloadRaw {
    /// Highest step of the ladder that may be taken; 0 = none.
    pub level_max: Field<u8>,
    /// Seconds of too much work before a step up.
    pub climb_s: Field<f64>,
    /// Seconds of little work before a step down.
    pub rest_s: Field<f64>,
}

/// `[zones]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZonesRaw {
    /// Whether zones are kept even by themselves.
    pub balance: Field<bool>,
    /// How many zones are kept; absent = as many as the world begins with.
    pub target: Field<usize>,
    /// Fewest zones.
    pub min: Field<usize>,
    /// Most zones.
    pub max: Field<usize>,
    /// Entities that may change their zone in one tick because boundaries have moved.
    pub departures_per_tick: Field<usize>,
}
