//! Where a database is: a URL becomes one of two checked addresses, and a text without password.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::error::StoreError;

/// How large SQLite's write-ahead log stays between checkpoints, bytes: it grows with the largest
/// checkpoint and is cut back to this.
const WAL_BYTES_KEPT: &str = "67108864";

/// A checked address.
#[derive(Debug)]
pub(super) enum Address {
    Sqlite {
        options: Box<SqliteConnectOptions>,
        path: PathBuf,
    },
    Postgres {
        options: Box<PgConnectOptions>,
    },
}

/// The URL of the SQLite file at `path`, with what means something in a URL escaped.
#[must_use]
pub fn sqlite_url(path: &Path) -> String {
    let escaped: String = path
        .to_string_lossy()
        .chars()
        .map(|char| match char {
            '%' => "%25".to_owned(),
            '?' => "%3F".to_owned(),
            '#' => "%23".to_owned(),
            other => other.to_string(),
        })
        .collect();
    format!("sqlite://{escaped}")
}

/// Reads a URL.
pub(super) fn parse(url: &str) -> Result<Address, StoreError> {
    match url.split_once(':') {
        Some(("sqlite", _)) => parse_sqlite(url),
        Some(("postgres" | "postgresql", _)) => parse_postgres(url),
        _ => Err(bad("a database URL begins with sqlite:// or postgres://")),
    }
}

impl Address {
    /// For messages and logs; never holds the password.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Sqlite { path, .. } => format!("sqlite://{}", path.display()),
            Self::Postgres { options } => {
                let user = options.get_username();
                let database = options.get_database().unwrap_or(user);
                let port = options.get_port();
                match options.get_socket() {
                    Some(socket) => format!(
                        "postgres:///{database}?host={}&port={port}&user={user}",
                        socket.display()
                    ),
                    None => format!("postgres://{user}@{}:{port}/{database}", options.get_host()),
                }
            }
        }
    }

    /// Makes the directory of a SQLite file.
    pub(super) fn make_parent(&self) -> Result<(), StoreError> {
        let Self::Sqlite { path, .. } = self else {
            return Ok(());
        };
        let Some(parent) = path.parent() else {
            return Ok(());
        };
        std::fs::create_dir_all(parent).map_err(|error| StoreError::Refused {
            place: self.place(),
            what: format!("cannot make its directory {}: {error}", parent.display()),
        })
    }
}

fn parse_sqlite(url: &str) -> Result<Address, StoreError> {
    let options =
        SqliteConnectOptions::from_str(url).map_err(|error| bad(&format!("{url}: {error}")))?;
    let path = options.get_filename().to_owned();
    let text = path.to_string_lossy();
    if text.is_empty() || text == "/" || text.starts_with("file:") || url.contains("mode=memory") {
        return Err(bad(&format!(
            "{url}: the world needs a file, such as sqlite:///var/lib/bluemarble/world.sqlite"
        )));
    }
    let read_only = url.contains("mode=ro");
    let options = options
        .create_if_missing(!read_only)
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("journal_size_limit", WAL_BYTES_KEPT)
        // A commit is on the disk when it returns; NORMAL could forget the last ones in a power
        // cut, and the journal is pruned on their word.
        .synchronous(SqliteSynchronous::Full);
    let options = Box::new(options);
    Ok(Address::Sqlite { options, path })
}

fn parse_postgres(url: &str) -> Result<Address, StoreError> {
    // The URL is not repeated: it may hold a password.
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| bad(&format!("not a Postgres URL: {error}")))?;
    let options = Box::new(options.application_name("bluemarble"));
    Ok(Address::Postgres { options })
}

fn bad(what: &str) -> StoreError {
    StoreError::BadUrl(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_name_the_database_and_never_the_password() {
        for (url, place) in [
            ("sqlite:///a/b.sqlite", "sqlite:///a/b.sqlite"),
            ("sqlite://b.sqlite", "sqlite://b.sqlite"),
            (
                "postgres://me:secret@db.example:5433/world",
                "postgres://me@db.example:5433/world",
            ),
            (
                "postgresql://me:secret@db.example/world",
                "postgres://me@db.example:5432/world",
            ),
            (
                "postgres:///world?host=/run/pg&user=me&password=secret&port=5555",
                "postgres:///world?host=/run/pg&port=5555&user=me",
            ),
            (
                "postgres://me:secret@%2Frun%2Fpg/world",
                "postgres:///world?host=/run/pg&port=5432&user=me",
            ),
        ] {
            assert_eq!(parse(url).unwrap().place(), place);
        }
    }

    #[test]
    fn what_is_no_database_url_is_refused_with_what_to_write() {
        for url in [
            "",
            "world.sqlite",
            "mysql://host/db",
            "http://a",
            "/var/lib/world.sqlite",
        ] {
            let text = parse(url).unwrap_err().to_string();
            assert!(text.contains("sqlite://"), "{url}: {text}");
        }
        for url in [
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite:",
            "sqlite://a?mode=memory",
        ] {
            let text = parse(url).unwrap_err().to_string();
            assert!(text.contains("needs a file"), "{url}: {text}");
        }
        let text = parse("postgres://me:secret@host:port/x")
            .unwrap_err()
            .to_string();
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn a_path_survives_being_a_url() {
        for path in ["/a/b c.sqlite", "/a/100%/x?y#z.sqlite", "rel/ä.sqlite"] {
            match parse(&sqlite_url(Path::new(path))).unwrap() {
                Address::Sqlite { path: found, .. } => assert_eq!(found, Path::new(path)),
                other => panic!("{other:?}"),
            }
        }
    }
}
