//! bevy_replicon over renet, as its documentation shows it: components with `replicate`, visibility by
//! distance, channels and transports as they come. `--packed` writes a state in ten bytes by hand.

mod clients;
mod server;
mod state;

use peer_meadow::Command;

fn main() {
    match Command::parse() {
        Command::Server(work) => server::run(work),
        Command::Clients(work, server) => clients::run(work, server),
    }
}
