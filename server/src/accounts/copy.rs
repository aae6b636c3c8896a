//! `bluemarble-server account copy`: who plays moves along with a world to another database.

use bluemarble_persistence::{Characters, Store};

use super::Bureau;
use crate::cli::CopyArgs;
use crate::exit::Failure;
use crate::start::store_failure;

/// Copies everybody.
///
/// # Errors
/// A database does not answer, or the other one has characters already.
pub fn copy(args: &CopyArgs) -> Result<(), Failure> {
    let bureau = Bureau::open(&args.data_dir, args.database_url.as_deref())?;
    let other = bureau.runtime.block_on(Store::open(&args.to));
    let other = other.map_err(store_failure)?;
    let place = other.place().to_owned();
    let from = Characters::new(bureau.store.clone());
    let carried = bureau
        .runtime
        .block_on(from.carry_to(&Characters::new(other)));
    let Some(carried) = carried.map_err(store_failure)? else {
        return Err(Failure::request(format!(
            "{place} has accounts or characters already, and a name could be two people's"
        ))
        .advise("copy into a database that no server has run on yet"));
    };
    println!(
        "{} accounts, {} characters and {} entries of the audit trail copied to {place}. The keys are in \
         both databases now: who is erased in one must be erased in the other, or the other be deleted.",
        carried.accounts, carried.characters, carried.audit
    );
    Ok(())
}
