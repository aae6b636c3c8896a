//! `bluemarble-server account export`: everything that is kept about somebody, as JSON.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bluemarble_persistence::{
    AccountRow, AuditRow, CharacterRow, Characters, LedgerError, LedgerLine, PrivacyDeed, Store,
    Transfer, sqlite_url,
};
use bluemarble_shared_protocol::EntityId;
use serde_json::{Value, json};

use super::{Bureau, journals, nobody, whom};
use crate::bans::BanBook;
use crate::cli::ExportArgs;
use crate::clock::unix_ms;
use crate::exit::{Failure, chain};
use crate::recovery::checkpoint;
use crate::start::store_failure;
use crate::when::rfc3339;

/// What no export can hold, for it lies elsewhere.
const NOT_HERE: [&str; 4] = [
    "archives, branches and copies of the data directory: whoever made them has them",
    "backups of the database",
    "logs of the program and of what stands before it (target `audit` names characters)",
    "what the login service knows",
];

/// Puts it together.
///
/// # Errors
/// Nobody is meant, the file is there already, or database or disk do not answer.
pub fn export(args: &ExportArgs) -> Result<(), Failure> {
    let whom = whom(&args.whom)?;
    if let Some(file) = args.out.as_deref().filter(|file| file.exists()) {
        return Err(
            Failure::request(format!("{} is there already", file.display()))
                .advise("name a file with --out that does not exist yet"),
        );
    }
    let bureau = Bureau::open(&args.whom.data_dir, args.whom.database_url.as_deref())?;
    let characters = Characters::new(bureau.store.clone());
    let ask = bureau.runtime.block_on(characters.find(&whom));
    let (account, rows) = ask.map_err(store_failure)?;
    if account.is_none() && rows.is_empty() {
        return Err(nobody(&whom));
    }
    // Written down first: what is put together and not written down is worse than the other way round.
    let ids: Vec<EntityId> = rows.iter().map(|row| row.id).collect();
    let number = account.as_ref().map(|account| account.number);
    let now_ms = unix_ms();
    let noting = characters.note_export(number, &ids, &args.whom.by, now_ms);
    bureau.runtime.block_on(noting).map_err(store_failure)?;
    let stores = bureau.stores()?;
    let mut all = Vec::new();
    for row in &rows {
        eprintln!("looking for {} …", row.id);
        all.push(bureau.of_character(row, &stores)?);
    }
    let of_account = bureau.runtime.block_on(characters.audit(None, number));
    let text = serde_json::to_string_pretty(&json!({
        "made": rfc3339(now_ms),
        "by": args.whom.by,
        "database": bureau.store.place(),
        "data_dir": bureau.data.root().display().to_string(),
        "account": account.as_ref().map(account_json),
        "account_audit": audit_json(&of_account.map_err(store_failure)?),
        "characters": all,
        "not_in_here": NOT_HERE,
    }))
    .expect("maps with text keys serialise");
    write(args.out.as_deref(), &text)
}

impl Bureau {
    /// The server's database, and those of other worlds in the directory.
    fn stores(&self) -> Result<Vec<Store>, Failure> {
        let mut stores = vec![self.store.clone()];
        if self.embedded {
            for folder in journals::entries(&self.data.worlds()) {
                let file = folder.join("world.sqlite");
                if file.exists() {
                    let look = self.runtime.block_on(Store::look(&sqlite_url(&file)));
                    stores.push(look.map_err(store_failure)?);
                }
            }
        }
        Ok(stores)
    }

    fn of_character(&self, row: &CharacterRow, stores: &[Store]) -> Result<Value, Failure> {
        let bans = BanBook::open(self.data.bans())?.records();
        let bans: Vec<_> = bans
            .into_iter()
            .filter(|ban| Some(&ban.character) == row.name.as_ref())
            .collect();
        let characters = Characters::new(self.store.clone());
        let audit = self.runtime.block_on(characters.audit(Some(row.id), None));
        let mut databases = Vec::new();
        for store in stores {
            databases.push(self.of_store(store, row.id)?);
        }
        let (mut written, mut evidence) = (Vec::new(), Vec::new());
        for folder in journals::world_folders(&self.data) {
            let journals = journals::journals(&folder);
            written.extend(journals.iter().map(|one| journals::of_journal(one, row.id)));
            let files = journals::evidence(&folder);
            evidence.extend(files.iter().map(|one| journals::of_evidence(one, row.id)));
        }
        Ok(json!({
            "id": row.id.to_string(),
            "name": row.name,
            "created": rfc3339(row.created_ms),
            "erased": row.erased_ms.map(rfc3339),
            "audit": audit_json(&audit.map_err(store_failure)?),
            "bans": bans,
            "databases": databases,
            "journals": written,
            "evidence": evidence,
        }))
    }

    fn of_store(&self, store: &Store, id: EntityId) -> Result<Value, Failure> {
        let (version, lacking) = store.schema();
        if !lacking.is_empty() {
            return Err(Failure::environment(format!(
                "database {} has schema version {version}, an older one",
                store.place()
            ))
            .advise("wake that world once, or run `bluemarble-server migrate` on it"));
        }
        let traces = Characters::new(store.clone());
        let traces = self.runtime.block_on(traces.ledger_traces(id));
        let traces = traces.map_err(|error| match error {
            LedgerError::Store(error) => store_failure(error),
            error => Failure::environment(chain(&error)),
        })?;
        let balances = traces.balances.iter();
        let balances: Vec<Value> = balances
            .map(|(world, account, held)| {
                json!({ "world": world, "asset": account.asset.0, "amount": held })
            })
            .collect();
        let transfers: Vec<Value> = traces.lines.iter().map(line_json).collect();
        Ok(json!({
            "database": store.place(),
            "balances": balances,
            "transfers": transfers,
            "checkpoints": self.of_checkpoints(store, id)?,
        }))
    }

    fn of_checkpoints(&self, store: &Store, id: EntityId) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        let worlds = self
            .runtime
            .block_on(store.worlds())
            .map_err(store_failure)?;
        for world in worlds {
            let entries = self.runtime.block_on(store.checkpoints(&world));
            for entry in entries.map_err(store_failure)? {
                let about = self
                    .runtime
                    .block_on(store.load_checkpoint(&entry))
                    .map_err(|error| error.to_string())
                    .and_then(|image| {
                        checkpoint(&image)
                            .about(id)
                            .map_err(|error| error.to_string())
                    });
                let (tick, taken) = (entry.tick, rfc3339(entry.taken_ms));
                match about {
                    Ok(None) => {}
                    Ok(Some(about)) => all.push(
                        json!({ "world": world, "tick": tick, "taken": taken, "holds": about }),
                    ),
                    Err(error) => all.push(
                        json!({ "world": world, "tick": tick, "taken": taken, "unreadable": error }),
                    ),
                }
            }
        }
        Ok(all)
    }
}

fn account_json(account: &AccountRow) -> Value {
    json!({
        "number": account.number,
        "name": account.name,
        "created": rfc3339(account.created_ms),
        "erased": account.erased_ms.map(rfc3339),
    })
}

fn audit_json(rows: &[AuditRow]) -> Vec<Value> {
    let deed = |deed| match deed {
        PrivacyDeed::Exported => "exported",
        PrivacyDeed::Erased => "erased",
    };
    rows.iter()
        .map(|row| {
            json!({
                "number": row.number,
                "at": rfc3339(row.at_ms),
                "by": row.by_whom,
                "deed": deed(row.deed),
                "account": row.account,
                "character": row.character.map(|id| id.to_string()),
            })
        })
        .collect()
}

fn line_json(line: &LedgerLine) -> Value {
    let Transfer {
        key,
        debit,
        credit,
        amount,
        reason,
        peer,
        external,
    } = &line.transfer;
    json!({
        "world": line.world,
        "undone_in_epoch": line.undone_in,
        "tick": key.tick,
        "from": debit.to_string(),
        "to": credit.to_string(),
        "asset": debit.asset.0,
        "amount": amount,
        "why": format!("{reason:?}"),
        "peer": (*peer != 0).then(|| EntityId(*peer).to_string()),
        "key": external,
    })
}

fn write(out: Option<&Path>, text: &str) -> Result<(), Failure> {
    let Some(file) = out else {
        return match writeln!(std::io::stdout(), "{text}") {
            // Whoever reads has seen enough.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(
                Failure::environment(format!("cannot write to standard output: {error}"))
                    .advise("name a file with --out"),
            ),
            _ => Ok(()),
        };
    };
    let cannot = |error: std::io::Error| {
        Failure::environment(format!("cannot write {}: {error}", file.display()))
            .advise("name another file with --out")
    };
    let mut options = std::fs::OpenOptions::new();
    // It is somebody's: nobody else reads it.
    let opened = options.write(true).create_new(true).mode(0o600).open(file);
    let mut opened = opened.map_err(cannot)?;
    opened.write_all(text.as_bytes()).map_err(cannot)?;
    opened.sync_all().map_err(cannot)?;
    println!("{} bytes in {}", text.len(), file.display());
    Ok(())
}
