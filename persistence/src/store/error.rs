//! What goes wrong with a database, told apart by what the operator can do.

use std::time::Duration;

use bluemarble_shared_protocol::{Epoch, Tick};

/// Why the store cannot do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Not a database address this program understands.
    #[error("{0}")]
    BadUrl(String),
    /// The database cannot be reached or does not answer; trying again may help.
    #[error("database {place}: {what}")]
    Unavailable {
        /// The address, without its password.
        place: String,
        /// What happened and what to do.
        what: String,
    },
    /// The database refuses for good: not a database, read-only, no permission.
    #[error("database {place}: {what}")]
    Refused {
        /// The address, without its password.
        place: String,
        /// What happened and what to do.
        what: String,
    },
    /// Made by a newer build.
    #[error(
        "database {place} has schema version {found}, this build knows versions up to {known}: a \
         newer build has used it. Start that build, or restore the database from before it"
    )]
    NewerSchema {
        /// The address, without its password.
        place: String,
        /// The schema in the database.
        found: i64,
        /// The newest this build knows.
        known: i64,
    },
    /// A newer claim exists: this writer must stop.
    #[error(
        "world {world:?} was claimed by epoch {} while this server has epoch {}: another server \
         took it over, so this one must stop",
        .newest.0, .ours.0
    )]
    Fenced {
        /// Which world.
        world: String,
        /// Our epoch.
        ours: Epoch,
        /// The newest epoch; 0 if the world is gone.
        newest: Epoch,
    },
    /// A stored checkpoint is not what was written.
    #[error(
        "the checkpoint of world {world:?} at tick {tick} (epoch {}) is damaged: {what}. Restore \
         the database from a copy",
        .epoch.0
    )]
    CorruptCheckpoint {
        /// Which world.
        world: String,
        /// Its epoch.
        epoch: Epoch,
        /// Its tick.
        tick: Tick,
        /// What is wrong.
        what: String,
    },
    /// Beyond what the store takes.
    #[error("cannot be stored: {what}")]
    Unstorable {
        /// What it is and what the limit.
        what: String,
    },
}

impl StoreError {
    /// The same call may succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// A call that took too long.
pub(crate) fn timed_out(place: &str, patience: Duration) -> StoreError {
    StoreError::Unavailable {
        place: place.to_owned(),
        what: format!(
            "no answer within {patience:?}: is it running, or locked by another program?"
        ),
    }
}

const TLS_ADVICE: &str = "TLS: does the server speak it, and is its certificate in date and for that \
     name? Give the authority that signed it with sslrootcert=FILE (without, the system's are asked), or \
     sslmode=require for TLS with whoever answers";

/// What an error of the database library means.
pub(super) fn explain(place: &str, error: &sqlx::Error) -> StoreError {
    let (passes, advice) = match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            match code.parse::<u32>() {
                // Five characters are Postgres', a number alone SQLite's.
                Ok(number) if code.len() != 5 => explain_sqlite(number),
                _ => explain_postgres(&code),
            }
        }
        // So the end of a handshake is told.
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            (false, TLS_ADVICE)
        }
        sqlx::Error::Io(_) => (true, "is it running, and is the address right?"),
        sqlx::Error::PoolTimedOut => (
            true,
            "is it running, and has it connections to spare (max_connections, and the role's and the \
             database's own limits)?",
        ),
        sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed
        | sqlx::Error::InvalidSavePointStatement => (true, "the connection broke"),
        sqlx::Error::Tls(_) => (false, TLS_ADVICE),
        _ => (false, "the schema is not what this build expects"),
    };
    let (place, what) = (place.to_owned(), format!("{error}: {advice}"));
    match passes {
        true => StoreError::Unavailable { place, what },
        false => StoreError::Refused { place, what },
    }
}

/// By primary result code (<https://sqlite.org/rescode.html>): the low byte of an extended one.
fn explain_sqlite(code: u32) -> (bool, &'static str) {
    match code & 0xff {
        5 | 6 => (true, "another program holds its lock"),
        8 => (
            false,
            "it is read-only: check the file's permissions and the mode in the URL",
        ),
        10 => (true, "its disk fails"),
        11 => (false, "the file is damaged: restore it from a copy"),
        13 => (true, "its disk is full"),
        14 => (
            false,
            "the file cannot be opened: check that it is a file and its permissions",
        ),
        23 => (false, "no permission"),
        26 => (
            false,
            "the file is not a SQLite database: give another path",
        ),
        _ => (false, "the schema is not what this build expects"),
    }
}

/// By SQLSTATE (Postgres documentation, appendix A).
fn explain_postgres(code: &str) -> (bool, &'static str) {
    match code {
        "25006" => (
            false,
            "it is read-only: a standby? Give the primary's address",
        ),
        "28000" | "28P01" => (
            false,
            "check user and password, and the server's pg_hba.conf",
        ),
        "3D000" => (false, "make the database first (createdb)"),
        "3F000" => (
            false,
            "make the schema in the search path first (CREATE SCHEMA)",
        ),
        "42501" => (
            false,
            "grant this user the right to use and create tables in the schema",
        ),
        "55000" => (true, "it accepts no connections for now"),
        "55P03" | "57014" => (true, "another session holds a lock"),
        _ => match code.get(..2) {
            Some("08" | "57") => (true, "it is starting, stopping, or the connection broke"),
            Some("40") => (true, "it collided with another session"),
            Some("53") => (true, "it is out of disk, memory or connections"),
            Some("58") => (true, "its disk fails"),
            Some("XX") => (false, "it is damaged: see the server's log"),
            _ => (false, "the schema is not what this build expects"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_pass_and_refusals_do_not() {
        for code in [5, 6, 261, 517, 10, 778, 13] {
            assert!(explain_sqlite(code).0, "{code}");
        }
        for code in [8, 264, 1032, 11, 14, 26, 1] {
            assert!(!explain_sqlite(code).0, "{code}");
        }
        for code in [
            "08006", "57P01", "57P03", "53100", "53300", "55000", "40001", "40P01", "55P03",
        ] {
            assert!(explain_postgres(code).0, "{code}");
        }
        for code in [
            "25006", "28P01", "3D000", "3F000", "42501", "42P01", "XX001", "",
        ] {
            assert!(!explain_postgres(code).0, "{code}");
        }
    }

    #[test]
    fn a_missing_server_is_unavailable_and_a_broken_schema_refused() {
        let gone = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(explain("here", &sqlx::Error::Io(gone)).may_pass());
        assert!(!explain("here", &sqlx::Error::RowNotFound).may_pass());
        let unsigned = std::io::Error::from(std::io::ErrorKind::InvalidData);
        let refused = explain("here", &sqlx::Error::Io(unsigned));
        assert!(!refused.may_pass() && refused.to_string().contains("sslrootcert"));
    }
}
