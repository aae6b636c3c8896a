//! `bluemarble-server account`: everything that is kept about somebody, put together or erased.
//!
//! - `export` asks database, journals, checkpoints, ledgers and bans, and changes nothing but the audit
//!   trail; a server may run.
//! - `delete` wants the data directory for itself; on a running server the admin HTTP does the same.
//! - `copy` takes everybody to another database, with the world.
//! - `search` looks for what builds before names were sealed wrote in clear.

mod copy;
mod delete;
mod export;
mod journals;
mod search;

pub use copy::copy;
pub use delete::delete;
pub use export::export;
pub use search::search;

use std::path::Path;

use bluemarble_persistence::{Store, Whom};
use bluemarble_shared_protocol::EntityId;
use tokio::runtime::Runtime;

use crate::cli::WhomFlags;
use crate::data_dir::DataDir;
use crate::exit::Failure;
use crate::serve;
use crate::start::store_failure;

/// What both commands have before they look at anything.
struct Bureau {
    data: DataDir,
    store: Store,
    runtime: Runtime,
    /// The database is the data directory's own.
    embedded: bool,
}

impl Bureau {
    fn open(data_dir: &Path, database_url: Option<&str>) -> Result<Self, Failure> {
        let data = DataDir::at(data_dir);
        let embedded = database_url.is_none();
        if embedded && !data.root().join("world.sqlite").exists() {
            let dir = data.root().display();
            return Err(Failure::request(format!("{dir} holds no database"))
                .advise("name the server's data directory with --data-dir, or --database-url"));
        }
        let url = database_url.map_or_else(|| data.sqlite_url(), str::to_owned);
        let runtime = serve::runtime("accounts", 1)?;
        let store = runtime.block_on(Store::open(&url)).map_err(store_failure)?;
        Ok(Self {
            data,
            store,
            runtime,
            embedded,
        })
    }
}

/// Whom the flags mean.
fn whom(flags: &WhomFlags) -> Result<Whom, Failure> {
    if let Some(name) = &flags.account {
        return Ok(Whom::Account(name.clone()));
    }
    if let Some(name) = &flags.character {
        return Ok(Whom::Character(name.clone()));
    }
    let id = flags.id.as_deref().unwrap_or_default();
    let number = u64::from_str_radix(id.trim_start_matches('e'), 16);
    number.map(|id| Whom::Id(EntityId(id))).map_err(|_| {
        Failure::request(format!("--id {id:?} is no id"))
            .advise("give the 16 hexadecimal digits that an export or the audit trail names")
    })
}

/// Nobody is meant.
fn nobody(whom: &Whom) -> Failure {
    let what = match whom {
        Whom::Account(name) => format!("no account {name:?} has ever been here, or it is erased"),
        Whom::Character(name) => {
            format!("no character {name:?} has ever been here, or it is erased")
        }
        Whom::Id(id) => format!("no character has the id {id}"),
    };
    Failure::request(what).advise(
        "names are as tickets spell them; who is erased can be asked for by --id alone, and look at \
         --data-dir and --database-url",
    )
}
