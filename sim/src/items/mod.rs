//! Things to take. An item decides by itself who gets what it holds: the first to ask in the order
//! of its mail, `(kind of deed, cause, n)`. So fifty takers from ten zones have one winner, the same
//! one however the world is cut, and nobody needs a lock.
//!
//! A taken item is empty, which shows as dead, and asks nobody in until it is filled again: when its
//! time comes (with new ones), or when what it held returns because the winner has left the world meanwhile.

use bluemarble_shared_protocol::{AssetId, EntityId};

use crate::content::KindRules;
use crate::effect::{Deed, Effect};
use crate::entity::{Life, Purse};

/// The effect number of an answer: an item answers everybody once.
const ANSWER_N: u32 = 0;

/// What `taker` gets of an item that holds `purse`: all, or the news that it comes too late.
pub(crate) fn arbitrate(
    item: EntityId,
    life: &mut Life,
    (asset, purse): (AssetId, &mut Purse),
    taker: &Effect,
) -> Effect {
    let amount = std::mem::take(&mut purse.0);
    let deed = if amount > 0 {
        life.health = 0;
        life.deaths = life.deaths.saturating_add(1);
        Deed::carrying(asset, amount)
    } else {
        Deed::TooLate
    };
    Effect {
        deed,
        cause: item,
        n: ANSWER_N,
        target: taker.cause,
        depth: taker.depth + 1,
    }
}

/// Things have come to somebody who cannot have any: back to where they came from.
pub(crate) fn send_back(from: EntityId, things: &Effect) -> Effect {
    Effect {
        cause: from,
        target: things.cause,
        depth: things.depth.saturating_add(1),
        ..*things
    }
}

/// What it held came back: it can be taken again.
pub(crate) fn fill(life: &mut Life, rules: &KindRules) {
    life.health = rules.health;
}
