//! `bluemarble-server ledger`: who holds what, and whether it adds up, asked of the database.

use std::collections::BTreeMap;

use bluemarble_persistence::{AccountKind, Ledger, LedgerError, Store};
use bluemarble_shared_protocol::AssetId;

use crate::cli::LedgerArgs;
use crate::data_dir::DataDir;
use crate::exit::{Failure, chain};
use crate::serve;
use crate::start::ledger_failure;

/// Prints accounts by kind, and everything that does not add up.
///
/// # Errors
/// The database does not answer, has no such ledger, or the ledger does not add up.
pub fn run(args: &LedgerArgs) -> Result<(), Failure> {
    let url = args.database_url.clone();
    let url = url.unwrap_or_else(|| DataDir::at(&args.data_dir).sqlite_url());
    let file = url.strip_prefix("sqlite://");
    if args.database_url.is_none() && file.is_some_and(|path| !std::path::Path::new(path).exists())
    {
        let dir = args.data_dir.display();
        return Err(Failure::request(format!("{dir} holds no database"))
            .advise("name the server's data directory with --data-dir, or --database-url"));
    }
    let runtime = serve::runtime("ledger", 1)?;
    let (balances, newest, found) = runtime
        .block_on(async {
            let store = Store::open(&url).await?;
            let ledger = Ledger::new(store.clone(), &args.world);
            let Some(applied) = ledger.applied().await? else {
                let world = args.world.clone();
                return Err(LedgerError::NotOpen { world });
            };
            println!(
                "the ledger of {:?} in {} holds every transfer through tick {applied}",
                args.world,
                store.place()
            );
            let balances = ledger.balances().await?;
            let newest = ledger.newest(args.newest).await?;
            let found = ledger.audit().await?;
            store.close().await;
            Ok((balances, newest, found))
        })
        .map_err(|error| match error {
            error @ LedgerError::NotOpen { .. } => Failure::request(chain(&error))
                .advise("name the world with --world; its first start opens its ledger"),
            error => ledger_failure(error),
        })?;
    let mut kinds: BTreeMap<(AccountKind, AssetId), (usize, i128)> = BTreeMap::new();
    for (account, balance) in balances {
        let (count, sum) = kinds.entry((account.kind, account.asset)).or_default();
        *count += 1;
        *sum += i128::from(balance);
    }
    for ((kind, asset), (count, sum)) in kinds {
        let what = match asset {
            AssetId::COINS => "coins".to_owned(),
            AssetId(number) => format!("of asset {number}"),
        };
        println!("{:10} {count:7} accounts {sum:14} {what}", kind.name());
    }
    for transfer in newest {
        println!("{} {transfer}", transfer.key);
    }
    if found.is_empty() {
        println!("it adds up");
        return Ok(());
    }
    for imbalance in &found {
        println!("{imbalance}");
    }
    let count = found.len();
    Err(
        Failure::environment(format!("the ledger does not add up in {count} places")).advise(
            "keep a copy of the database and report this: rows were changed, or there is a mistake",
        ),
    )
}
