//! The configuration the program runs on: complete, in range, every default in one place.
//!
//! A default says what it is tuned for; the comments an operator sees are in
//! [`mod@super::document`].

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bluemarble_persistence::Retention;
use bluemarble_persistence::limits::{
    CHECKPOINTS_KEPT, KEEP_DAILY_MAX, KEEP_HOURLY_MAX, KEEP_LAST_MAX,
};
use bluemarble_sim::WorldSpec;

use super::error::ConfigError;
use super::journal::{self, JournalConfig};
use super::raw::ConfigRaw;
use super::running::{self, OverloadConfig, ZonesConfig};
use super::setting::{Setting, Sources};
use crate::cli::ConfigFlags;

/// Where the world keeps its things unless told otherwise.
pub const DATA_DIR_DEFAULT: &str = "bluemarble-data";
/// Where clients connect unless told otherwise.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:4433";
/// Where the admin HTTP is unless told otherwise.
pub const ADMIN_DEFAULT: &str = "127.0.0.1:9600";
/// What is played unless told otherwise.
pub const SCENARIO_DEFAULT: &str = "earth";
/// Ticks a second: at 10 a player runs half a metre in one, enough for worlds to look at from far away;
/// above 120 a tick is shorter than a scheduler slice.
pub const TICK_HZ: RangeInclusive<u32> = WorldSpec::TICK_HZ_MIN..=WorldSpec::TICK_HZ_MAX;
/// Zones: 384 is four per core on the largest machine this is meant for.
pub const ZONES: RangeInclusive<usize> = 1..=384;
/// Threads of either pool.
pub const THREADS: RangeInclusive<usize> = 1..=256;
/// Sessions at once.
pub const SESSIONS: RangeInclusive<usize> = 1..=16_384;
/// Players in line: each has a connection.
pub const WAITING: RangeInclusive<usize> = 0..=16_384;
/// How far a client sees, metres.
pub const INTEREST_M: RangeInclusive<f64> = 10.0..=5_000.0;
/// Budget of one client, bytes per second: below the least there is no room for more than
/// the own state, above the most no home line keeps up.
pub const CLIENT_BYTES_PER_S: RangeInclusive<u32> = 8_000..=1_000_000;
/// Grace, seconds.
pub const GRACE_S: RangeInclusive<f64> = 0.0..=3_600.0;
/// Between checkpoints, seconds: the upper end bounds how long a replay after a crash takes.
pub const CHECKPOINT_S: RangeInclusive<f64> = 0.5..=600.0;
/// Newest checkpoints kept.
pub const KEEP_LAST: RangeInclusive<usize> = 2..=KEEP_LAST_MAX;
/// Hours of which one checkpoint is kept.
pub const KEEP_HOURLY: RangeInclusive<usize> = 0..=KEEP_HOURLY_MAX;
/// Days of which one checkpoint is kept.
pub const KEEP_DAILY: RangeInclusive<usize> = 0..=KEEP_DAILY_MAX;
/// Everything the program needs to know before it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What runs.
    pub world: WorldConfig,
    /// Where files are.
    pub paths: PathsConfig,
    /// Clients.
    pub net: NetConfig,
    /// The operator's HTTP.
    pub admin: AdminConfig,
    /// Checkpoints.
    pub store: StoreConfig,
    /// The log.
    pub journal: JournalConfig,
    /// What gives way when ticks take too long.
    pub overload: OverloadConfig,
    /// How zones change while the world runs.
    pub zones: ZonesConfig,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldConfig {
    /// In the store and in tickets.
    pub name: String,
    /// File name without `.ron`.
    pub scenario: String,
    /// Of every random number.
    pub seed: u64,
    /// Ticks a second.
    pub tick_hz: u32,
    /// Zones; `None` = as many as the scenario says.
    pub zones: Option<usize>,
    /// Threads that step zones; `None` = one per core.
    pub threads: Option<usize>,
}

/// Where files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathsConfig {
    /// Database, journal, keys, token.
    pub data_dir: PathBuf,
    /// `None` = looked for, see [`crate::assets`].
    pub assets: Option<PathBuf>,
}

/// Clients.
#[derive(Clone, Debug, PartialEq)]
pub struct NetConfig {
    /// UDP.
    pub listen: SocketAddr,
    /// Sessions at once.
    pub sessions_max: usize,
    /// Players in line.
    pub waiting_max: usize,
    /// Sessions of one address; `None` = no bound of its own.
    pub sessions_per_address_max: Option<usize>,
    /// Characters of one account connected at once; `None` = no bound.
    pub sessions_per_account_max: Option<usize>,
    /// Radius within which a client sees others, metres.
    pub interest_m: f64,
    /// Snapshot bytes per client and second.
    pub client_bytes_per_s_max: u32,
    /// How long an avatar waits for its owner.
    pub grace: Duration,
    /// Threads for sockets and TLS.
    pub threads: usize,
    /// `None` = the development certificate.
    pub tls: Option<TlsFiles>,
    /// `None` = the development key.
    pub ticket_public_key: Option<PathBuf>,
}

/// A certificate and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Chain, leaf first.
    pub cert: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// The operator's HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// TCP.
    pub listen: SocketAddr,
    /// Whether other than loopback is accepted.
    pub allow_remote: bool,
}

/// Checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreConfig {
    /// `None` = `world.sqlite` in the data directory.
    pub database_url: Option<String>,
    /// Between two checkpoints.
    pub checkpoint_interval: Duration,
    /// Which checkpoints stay.
    pub retention: Retention,
}

impl Config {
    /// The file's values under the flags', checked.
    ///
    /// # Errors
    /// The first value out of its range, with where it was given.
    pub fn resolve(
        raw: &ConfigRaw,
        file: Option<(&Path, &str)>,
        flags: &ConfigFlags,
    ) -> Result<Self, ConfigError> {
        let from = Sources { file };
        let scenario = from
            .pick(
                &raw.world.scenario,
                flags.scenario.clone(),
                "--scenario",
                SCENARIO_DEFAULT.to_owned(),
            )
            .named("world.scenario")?;
        let world = WorldConfig {
            name: from
                .pick(
                    &raw.world.name,
                    flags.world.clone(),
                    "--world",
                    scenario.clone(),
                )
                .named("world.name")?,
            scenario,
            seed: from.pick(&raw.world.seed, flags.seed, "--seed", 1).value,
            tick_hz: from
                .pick(&raw.world.tick_hz, flags.tick_hz, "--tick-hz", 20)
                .within("world.tick_hz", TICK_HZ, "ticks a second")?,
            zones: from
                .pick_optional(&raw.world.zones, flags.zones, "--zones")
                .map(|setting| setting.within("world.zones", ZONES, "zones"))
                .transpose()?,
            threads: from
                .pick_optional(&raw.world.threads, flags.threads, "--threads")
                .map(|setting| setting.within("world.threads", THREADS, "threads"))
                .transpose()?,
        };
        let paths = PathsConfig {
            data_dir: from
                .pick(
                    &raw.paths.data_dir,
                    flags.data_dir.clone(),
                    "--data-dir",
                    PathBuf::from(DATA_DIR_DEFAULT),
                )
                .value,
            assets: from
                .pick_optional(&raw.paths.assets, flags.assets.clone(), "--assets")
                .map(|setting| setting.value),
        };
        Ok(Self {
            world,
            paths,
            net: net(raw, &from, flags)?,
            admin: admin(raw, &from, flags)?,
            store: store(raw, &from, flags)?,
            journal: journal::journal(raw, &from, flags)?,
            overload: running::overload(raw, &from)?,
            zones: running::zones(raw, &from)?,
        })
    }
}

fn net(raw: &ConfigRaw, from: &Sources<'_>, flags: &ConfigFlags) -> Result<NetConfig, ConfigError> {
    let raw = &raw.net;
    let cert = from.pick_optional(&raw.cert, None, "");
    let cert_key = from.pick_optional(&raw.cert_key, None, "");
    let tls = match (cert, cert_key) {
        (None, None) => None,
        (Some(cert), Some(key)) => Some(TlsFiles {
            cert: cert.value,
            key: key.value,
        }),
        (Some(alone), None) => return Err(alone.shown().refuse("net.cert", "needs net.cert_key")),
        (None, Some(alone)) => return Err(alone.shown().refuse("net.cert_key", "needs net.cert")),
    };
    Ok(NetConfig {
        listen: from
            .pick(
                &raw.listen,
                flags.listen.clone(),
                "--listen",
                LISTEN_DEFAULT.to_owned(),
            )
            .address("net.listen")?,
        sessions_max: from.pick(&raw.sessions_max, None, "", 4_096).within(
            "net.sessions_max",
            SESSIONS,
            "sessions",
        )?,
        waiting_max: from.pick(&raw.waiting_max, None, "", 1_024).within(
            "net.waiting_max",
            WAITING,
            "players",
        )?,
        sessions_per_address_max: from
            .pick_optional(&raw.sessions_per_address_max, None, "")
            .map(|setting| setting.within("net.sessions_per_address_max", SESSIONS, "sessions"))
            .transpose()?,
        sessions_per_account_max: from
            .pick_optional(&raw.sessions_per_account_max, None, "")
            .map(|setting| setting.within("net.sessions_per_account_max", SESSIONS, "sessions"))
            .transpose()?,
        interest_m: from.pick(&raw.interest_m, None, "", 100.0).within(
            "net.interest_m",
            INTEREST_M,
            "metres",
        )?,
        client_bytes_per_s_max: from
            .pick(&raw.client_bytes_per_s_max, None, "", 22_000)
            .within(
                "net.client_bytes_per_s_max",
                CLIENT_BYTES_PER_S,
                "bytes per second",
            )?,
        grace: from
            .pick(&raw.grace_s, None, "", 10.0)
            .within("net.grace_s", GRACE_S, "seconds")
            .map(Duration::from_secs_f64)?,
        threads: from
            .pick(&raw.threads, None, "", 2)
            .within("net.threads", THREADS, "threads")?,
        tls,
        ticket_public_key: from
            .pick_optional(&raw.ticket_public_key, None, "")
            .map(|setting| setting.value),
    })
}

fn admin(
    raw: &ConfigRaw,
    from: &Sources<'_>,
    flags: &ConfigFlags,
) -> Result<AdminConfig, ConfigError> {
    let allow_remote = from.pick(&raw.admin.allow_remote, None, "", false).value;
    let listen = from.pick(
        &raw.admin.listen,
        flags.admin.clone(),
        "--admin",
        ADMIN_DEFAULT.to_owned(),
    );
    let address = listen.clone().address("admin.listen")?;
    if !address.ip().is_loopback() && !allow_remote {
        return Err(listen.refuse(
            "admin.listen",
            "must be a loopback address: the token would cross the network in clear. Put a TLS \
             proxy or a tunnel in front, or set admin.allow_remote = true",
        ));
    }
    Ok(AdminConfig {
        listen: address,
        allow_remote,
    })
}

fn store(
    raw: &ConfigRaw,
    from: &Sources<'_>,
    flags: &ConfigFlags,
) -> Result<StoreConfig, ConfigError> {
    let database_url = from.pick_optional(
        &raw.store.database_url,
        flags.database_url.clone(),
        "--database-url",
    );
    let database_url = match database_url {
        None => None,
        Some(url) if has_known_scheme(&url.value) => Some(url.value),
        Some(url) => {
            let hidden = Setting {
                value: without_password(&url.value),
                origin: url.origin,
            };
            return Err(hidden.refuse(
                "store.database_url",
                "must begin with sqlite://, postgres:// or postgresql://",
            ));
        }
    };
    Ok(StoreConfig {
        database_url,
        checkpoint_interval: from
            .pick(
                &raw.store.checkpoint_s,
                flags.checkpoint_s,
                "--checkpoint-s",
                5.0,
            )
            .within("store.checkpoint_s", CHECKPOINT_S, "seconds")
            .map(Duration::from_secs_f64)?,
        retention: Retention {
            last: from
                .pick(&raw.store.keep_last, None, "", CHECKPOINTS_KEPT)
                .within("store.keep_last", KEEP_LAST, "checkpoints")?,
            hourly: from.pick(&raw.store.keep_hourly, None, "", 24).within(
                "store.keep_hourly",
                KEEP_HOURLY,
                "hours",
            )?,
            daily: from.pick(&raw.store.keep_daily, None, "", 7).within(
                "store.keep_daily",
                KEEP_DAILY,
                "days",
            )?,
            oldest: false,
        },
    })
}

fn has_known_scheme(url: &str) -> bool {
    ["sqlite:", "postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
}

/// A database address fit for logs and screens.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    match rest.rsplit_once('@') {
        Some((credentials, host)) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str, flags: &ConfigFlags) -> Result<Config, ConfigError> {
        let path = Path::new("server.toml");
        let raw = super::super::parse(path, text)?;
        Config::resolve(&raw, Some((path, text)), flags)
    }

    fn complaint(text: &str) -> String {
        resolve(text, &ConfigFlags::default())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn defaults_are_complete_and_valid() {
        let config = resolve("", &ConfigFlags::default()).unwrap();
        assert_eq!(config.world.name, "earth");
        assert_eq!(config.world.tick_hz, 20);
        assert_eq!(config.net.listen.port(), 4433);
        assert_eq!(config.admin.listen.port(), 9600);
        assert_eq!(config.journal.group_commit, Duration::from_millis(100));
    }

    #[test]
    fn the_file_overrides_defaults_and_a_flag_overrides_the_file() {
        let text = "[world]\nzones = 6\nseed = 5\n";
        let flags = ConfigFlags {
            zones: Some(96),
            ..ConfigFlags::default()
        };
        let config = resolve(text, &flags).unwrap();
        assert_eq!((config.world.zones, config.world.seed), (Some(96), 5));
    }

    #[test]
    fn a_world_is_called_after_its_scenario() {
        let flags = ConfigFlags {
            scenario: Some("moon".into()),
            ..ConfigFlags::default()
        };
        assert_eq!(resolve("", &flags).unwrap().world.name, "moon");
    }

    #[test]
    fn a_value_out_of_range_names_its_line_and_range() {
        assert_eq!(
            complaint("[world]\n\ntick_hz = 500\n"),
            "server.toml:3: world.tick_hz = 500: must be 10 to 120 ticks a second"
        );
        assert!(complaint("[net]\ngrace_s = nan\n").contains("net.grace_s = NaN"));
        assert!(complaint("[world]\nzones = 0\n").contains("must be 1 to 384 zones"));
    }

    #[test]
    fn bounds_of_zones_must_leave_room_and_the_target_lies_between() {
        let text = "[zones]\nmin = 9\nmax = 8\n";
        assert_eq!(
            complaint(text),
            "server.toml:2: zones.min = 9: must not be more than zones.max"
        );
        let text = "[zones]\nmin = 4\nmax = 8\ntarget = 9\n";
        assert!(complaint(text).contains("must be 4 to 8 zones"));
        assert!(complaint("[zones]\ndepartures_per_tick = 0\n").contains("1 to 100000"));
        assert!(complaint("[overload]\nlevel_max = 7\n").contains("must be 0 to 6 steps"));
    }

    #[test]
    fn a_flag_out_of_range_names_the_flag() {
        let flags = ConfigFlags {
            tick_hz: Some(7),
            ..ConfigFlags::default()
        };
        let text = resolve("", &flags).unwrap_err().to_string();
        assert!(text.starts_with("--tick-hz: world.tick_hz = 7:"), "{text}");
    }

    #[test]
    fn a_scenario_name_cannot_leave_its_directory() {
        assert!(complaint("[world]\nscenario = \"../secrets\"\n").contains("letters, digits"));
        // One byte more than the store takes.
        let long = format!("[world]\nname = \"{}\"\n", "w".repeat(64));
        assert!(complaint(&long).contains("1 to 63"));
    }

    #[test]
    fn an_admin_port_beyond_loopback_needs_consent() {
        assert!(complaint("[admin]\nlisten = \"0.0.0.0:9600\"\n").contains("loopback"));
        let text = "[admin]\nlisten = \"0.0.0.0:9600\"\nallow_remote = true\n";
        assert!(resolve(text, &ConfigFlags::default()).is_ok());
    }

    #[test]
    fn the_journal_is_shipped_to_postgres_and_where_durable_means_it() {
        let ships = |text: &str| resolve(text, &ConfigFlags::default()).unwrap().ships();
        let postgres = "[store]\ndatabase_url = \"postgres://h/d\"\n";
        assert!(!ships(""), "the same disk");
        assert!(ships(postgres));
        assert!(!ships(&format!("{postgres}[journal]\nship = false\n")));
        assert!(ships("[journal]\nship = true\n"));
        assert!(ships("[journal]\ndurable = \"replicated\"\n"));
        let text = complaint("[journal]\ndurable = \"replicated\"\nship = false\n");
        assert!(
            text.contains("server.toml:3: journal.ship = false"),
            "{text}"
        );
        assert!(complaint("[journal]\ndurable = \"twice\"\n").contains("local or replicated"));
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        assert!(complaint("[net]\ncert = \"a.pem\"\n").contains("needs net.cert_key"));
        assert!(complaint("[net]\ncert_key = \"a.pem\"\n").contains("needs net.cert"));
    }

    #[test]
    fn a_database_address_is_never_shown_with_its_password() {
        let text = complaint("[store]\ndatabase_url = \"mysql://me:secret@host/db\"\n");
        assert!(
            text.contains("mysql://me@host/db") && !text.contains("secret"),
            "{text}"
        );
        assert_eq!(
            without_password("postgres://a:b@h:1/d"),
            "postgres://a@h:1/d"
        );
        assert_eq!(without_password("sqlite://x.sqlite"), "sqlite://x.sqlite");
    }
}
