//! `bluemarble-server account delete`: the keys go, and with them the names, wherever they lie.

use bluemarble_persistence::{Characters, DataDirError, DataDirLock, Spool};

use super::{Bureau, nobody, search, whom};
use crate::bans::BanBook;
use crate::characters::settle;
use crate::cli::DeleteArgs;
use crate::clock::unix_ms;
use crate::data_dir::DataDir;
use crate::exit::{Failure, chain};
use crate::start::store_failure;

/// Erases somebody, or says whom it would erase.
///
/// # Errors
/// Nobody is meant, a server uses the data directory, or the database does not answer.
pub fn delete(args: &DeleteArgs) -> Result<(), Failure> {
    let whom = whom(&args.whom)?;
    let _lock = keep_to_oneself(args)?;
    let bureau = Bureau::open(&args.whom.data_dir, args.whom.database_url.as_deref())?;
    let characters = Characters::new(bureau.store.clone());
    let spool = Spool::at(bureau.data.newcomers());
    let settling = settle(&characters, &spool, unix_ms());
    bureau.runtime.block_on(settling)?;
    let (account, rows) = bureau
        .runtime
        .block_on(characters.find(&whom))
        .map_err(store_failure)?;
    if account.is_none() && rows.is_empty() {
        return Err(nobody(&whom));
    }
    for row in &rows {
        let name = row.name.as_deref().unwrap_or("(nameless already)");
        println!("the character {} {name}", row.id);
    }
    if !args.yes {
        println!(
            "Nothing was erased. With --yes: the keys of these names, what names the account if it was \
             asked for, and bans of these names. Nobody can undo it."
        );
        return Ok(());
    }
    let erased = bureau
        .runtime
        .block_on(characters.erase(&whom, &args.whom.by, unix_ms()))
        .map_err(store_failure)?;
    let Some(erased) = erased else {
        return Err(nobody(&whom));
    };
    let bans = BanBook::open(bureau.data.bans())?;
    for (id, name) in &erased.characters {
        println!("erased: {id}");
        let Some(name) = name else { continue };
        if bans
            .lift(name)
            .map_err(|error| Failure::environment(chain(&error)))?
        {
            println!("  its ban is lifted, for it named it");
        }
    }
    if let Some(number) = erased.account {
        println!("erased: the account, which is number {number} in the audit trail");
    }
    tell_what_is_left(&bureau, &erased)?;
    println!(
        "Backups of the database from before hold the keys: the erasure is complete when the last of \
         them is gone."
    );
    Ok(())
}

fn tell_what_is_left(
    bureau: &Bureau,
    erased: &bluemarble_persistence::Erased,
) -> Result<(), Failure> {
    if let Some(why) = &erased.remnants {
        println!("NOT YET GONE from the database's own files: {why}");
    }
    for (id, name) in &erased.characters {
        let looking = search(&bureau.data, &bureau.store, *id, name.as_deref());
        let found = bureau.runtime.block_on(looking).map_err(store_failure)?;
        for place in found {
            println!(
                "STILL IN CLEAR in {place}, which an older build wrote: it goes when that is pruned"
            );
        }
    }
    Ok(())
}

/// A running server remembers whom it has let in: it is to erase them itself.
fn keep_to_oneself(args: &DeleteArgs) -> Result<Option<DataDirLock>, Failure> {
    let root = DataDir::at(&args.whom.data_dir).root().to_owned();
    if !root.exists() {
        return Ok(None);
    }
    match DataDirLock::take(&root) {
        Ok(lock) => Ok(Some(lock)),
        Err(error @ DataDirError::InUse { .. }) => {
            let (key, value) = match (&args.whom.account, &args.whom.character, &args.whom.id) {
                (Some(account), ..) => ("account", account.clone()),
                (_, Some(character), _) => ("character", character.clone()),
                (.., id) => ("id", id.clone().unwrap_or_default()),
            };
            let body = serde_json::json!({ (key): value, "by": args.whom.by });
            let dir = root.display();
            Err(Failure::environment(chain(&error)).advise(format!(
                "stop it, or ask it: curl -X POST -H \"Authorization: Bearer $(cat {dir}/admin.token)\" \
                 -H 'Content-Type: application/json' -d '{body}' http://ADMIN/v1/accounts/delete with the \
                 address that {dir}/server.json names as admin"
            )))
        }
        Err(error) => Err(Failure::environment(chain(&error))),
    }
}
