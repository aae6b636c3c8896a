//! `bluemarble-server ticket`: signs a session ticket with the development key, or another.

use bluemarble_net::tickets::{ACCOUNT_BYTES_MAX, CharacterName, TicketIssuer, TicketKeys};

use crate::cli::TicketArgs;
use crate::clock::unix_seconds;
use crate::data_dir::DataDir;
use crate::exit::{Failure, chain};

/// Prints a ticket to stdout, and nothing else, so that it can be piped.
///
/// # Errors
/// A name that is none, or a key that cannot be read or made.
pub fn run(args: &TicketArgs) -> Result<(), Failure> {
    let character = CharacterName::parse(&args.character)
        .map_err(|error| Failure::request(format!("--character: {error}")))?;
    if args.ttl == 0 {
        return Err(Failure::request(
            "--ttl 0: the ticket would be expired already",
        ));
    }
    let account = args.account.as_deref();
    if account.is_some_and(|account| !(1..=ACCOUNT_BYTES_MAX).contains(&account.len())) {
        return Err(Failure::request(format!(
            "--account takes 1 to {ACCOUNT_BYTES_MAX} bytes"
        )));
    }
    let private_pem = match &args.key {
        Some(file) => std::fs::read_to_string(file).map_err(|error| {
            Failure::request(format!("cannot read the key {}: {error}", file.display()))
        })?,
        None => {
            TicketKeys::load_or_create(&DataDir::at(&args.data_dir).dev())
                .map_err(|error| Failure::environment(chain(&error)))?
                .private_pem
        }
    };
    let issuer = TicketIssuer::from_pem(&private_pem, &args.world)
        .map_err(|error| Failure::request(chain(&error)))?;
    println!(
        "{}",
        issuer.issue_of(&character, account, unix_seconds(), args.ttl)
    );
    Ok(())
}
