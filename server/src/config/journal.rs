//! How the journal is written, and where a tick must be before it counts as durable.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::checked::Config;
use super::error::ConfigError;
use super::raw::ConfigRaw;
use super::setting::Sources;
use crate::cli::ConfigFlags;

/// Group commit, milliseconds: what a power cut may take.
pub const GROUP_COMMIT_MS: RangeInclusive<u64> = 5..=5_000;
/// Records waiting for the journal's writer.
pub const QUEUE_RECORDS: RangeInclusive<usize> = 16..=65_536;

/// The log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalConfig {
    /// Between two flushes to disk.
    pub group_commit: Duration,
    /// Records that may wait for the writer.
    pub queue_records: usize,
    /// Whether the first checkpoint and every segment since are kept.
    pub record: bool,
    /// What is waited for before a tick counts as durable.
    pub durability: Durability,
    /// Whether the journal is shipped to the database; `None` = if that makes sense, see
    /// [`Config::ships`].
    pub ship: Option<bool>,
}

/// Where a tick must be before anybody is told that it is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// On this machine's disk. Tuned for a machine that comes back with its disk.
    #[default]
    Local,
    /// In the database, too: the world survives the loss of this machine. Costs the way to the
    /// database in every acknowledgement, and none are given while it is away.
    Replicated,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Replicated => "replicated",
        })
    }
}

impl Config {
    /// Whether the journal is shipped to the database: as the operator says, else to Postgres, which is
    /// on another disk than the journal or could be; not to SQLite, which would have every byte written
    /// twice to the same disk and gain nothing.
    pub fn ships(&self) -> bool {
        let url = self.store.database_url.as_deref().unwrap_or_default();
        let elsewhere = url.starts_with("postgres");
        let needed = self.journal.durability == Durability::Replicated;
        self.journal.ship.unwrap_or(elsewhere || needed)
    }
}

/// The file's values under the flags', checked.
pub(super) fn journal(
    raw: &ConfigRaw,
    from: &Sources<'_>,
    flags: &ConfigFlags,
) -> Result<JournalConfig, ConfigError> {
    let durable = from.pick(
        &raw.journal.durable,
        flags.durable.clone(),
        "--durable",
        Durability::Local.to_string(),
    );
    let durability = match durable.value.as_str() {
        "local" => Durability::Local,
        "replicated" => Durability::Replicated,
        _ => return Err(durable.refuse("journal.durable", "must be local or replicated")),
    };
    let ship = from.pick_optional(&raw.journal.ship, None, "");
    if let Some(ship) = &ship
        && !ship.value
        && durability == Durability::Replicated
    {
        return Err(ship.refuse(
            "journal.ship",
            "must be true for journal.durable = replicated",
        ));
    }
    Ok(JournalConfig {
        durability,
        ship: ship.map(|setting| setting.value),
        group_commit: from
            .pick(
                &raw.journal.group_commit_ms,
                flags.group_commit_ms,
                "--group-commit-ms",
                100,
            )
            .within("journal.group_commit_ms", GROUP_COMMIT_MS, "milliseconds")
            .map(Duration::from_millis)?,
        queue_records: from
            .pick(&raw.journal.queue_records, None, "", 1_024)
            .within("journal.queue_records", QUEUE_RECORDS, "records")?,
        record: from
            .pick(
                &raw.journal.record,
                flags.record.then_some(true),
                "--record",
                false,
            )
            .value,
    })
}
