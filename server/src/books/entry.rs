//! From what the simulation says of coins and things to what the ledger writes down.

use bluemarble_persistence::{Account, AccountKind, Holding, Reason, Transfer, TransferKey};
use bluemarble_shared_protocol::Tick;
use bluemarble_sim::{Held, Holder, Movement, Why};

/// A tick's movements as transfers, in the same order.
pub fn transfers(tick: Tick, movements: &[Movement]) -> Vec<Transfer> {
    let transfer = |movement: &Movement| Transfer {
        key: TransferKey {
            tick,
            entity: movement.entity.0,
            n: movement.n,
        },
        debit: account(movement.from).of(movement.asset),
        credit: account(movement.to).of(movement.asset),
        amount: movement.amount,
        reason: reason(movement.why),
        peer: movement.peer.map_or(0, |peer| peer.0),
        external: movement.external.map(|key| key.to_string()),
    };
    movements.iter().map(transfer).collect()
}

/// What everybody holds, by account.
pub fn holdings(held: &[Held]) -> Vec<Holding> {
    let holding = |(holder, asset, amount): &Held| (account(*holder).of(*asset), *amount);
    held.iter().map(holding).collect()
}

fn account(holder: Holder) -> Account {
    let of = Account::coins;
    match holder {
        Holder::Mint => Account::sole(AccountKind::Mint),
        Holder::Journeys => Account::sole(AccountKind::Journeys),
        Holder::Outside => Account::sole(AccountKind::Outside),
        Holder::Gone => Account::sole(AccountKind::Gone),
        Holder::Mail => Account::sole(AccountKind::Mail),
        Holder::Character(id) => of(AccountKind::Character, id.0),
        Holder::Creature(id) => of(AccountKind::Creature, id.0),
        Holder::Item(id) => of(AccountKind::Item, id.0),
    }
}

fn reason(why: Why) -> Reason {
    match why {
        Why::Born => Reason::Born,
        Why::Respawned => Reason::Respawned,
        Why::Bequeathed => Reason::Bequeathed,
        Why::Taken => Reason::Taken,
        Why::Given => Reason::Given,
        Why::Received => Reason::Received,
        Why::Left => Reason::Left,
        Why::Departed => Reason::Departed,
        Why::Arrived => Reason::Arrived,
        Why::Granted => Reason::Granted,
        Why::Charged => Reason::Charged,
        Why::Lost => Reason::Lost,
    }
}
