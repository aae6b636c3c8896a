//! `bluemarble-server migrate`: the database's schema, brought up to date before a start would.

use bluemarble_persistence::Store;

use super::inspection::Desk;
use crate::cli::MigrateArgs;
use crate::exit::Failure;
use crate::start::store_failure;

/// Runs the command.
///
/// # Errors
/// The database cannot be reached, is of a newer build, or refuses.
pub fn migrate(args: &MigrateArgs) -> Result<(), Failure> {
    let desk = Desk::set(&args.config)?;
    let store = desk.store_there()?;
    let (version, lacking) = store.schema();
    if lacking.is_empty() {
        desk.steps.say(format_args!(
            "\nThe schema has version {version}: nothing to do."
        ));
        return Ok(());
    }
    desk.steps.say(format_args!(
        "\nThe schema has version {version}. It lacks:"
    ));
    for (number, purpose) in &lacking {
        desk.steps.say(format_args!("  {number}  {purpose}"));
    }
    if args.dry_run {
        desk.steps
            .say("Nothing was changed; without --dry-run, or with the next start, it is.");
        return Ok(());
    }
    let (url, embedded) = desk.database_url();
    // A server of an older build would not expect it.
    let _lock = match embedded {
        true => Some(desk.data.take()?),
        false => None,
    };
    desk.databases.block_on(store.close());
    desk.steps.step("migrating", || {
        let store = desk
            .databases
            .block_on(Store::open(&url))
            .map_err(store_failure)?;
        let told = format!("version {}", store.schema().0);
        Ok::<_, Failure>(((), told))
    })
}
