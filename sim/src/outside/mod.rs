//! Coins from outside: a shop, a market. What is sold for money comes in as a *grant*, what is paid for goes
//! out as a *charge*, each by a key that whoever stands outside has chosen, and each once by key.
//!
//! ```text
//! order ─► sealed input ─► carried out before the zones step; the key kept in the till ─► durable: answered
//! ledger has the key ─► sealed: settled ─► the till forgets the key
//! ```
//!
//! So at any time a key that was carried out is in the till, or in the ledger, or in both; and whoever asks
//! again finds it in one of them. The till is state: in the checkpoint and in the digest. What was refused is
//! in neither: the same key may be tried again.

mod key;

use std::collections::BTreeMap;

use bluemarble_shared_protocol::binary::{self, BinaryError};
use bluemarble_shared_protocol::{EntityId, Tick, hash_words};
use serde::{Deserialize, Serialize};

pub use self::key::OutsideKey;
use crate::absent::Absent;
use crate::entity::digest::{DigestPart, DigestParts};
use crate::report::Tally;
use crate::residence::Residence;
use crate::value::{Holder, Moved, Stage, Why};
use crate::zone_resources::Inbox;

/// Which way coins go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// From outside to an avatar.
    Grant,
    /// From an avatar to outside.
    Charge,
}

/// What somebody outside wants done, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deal {
    /// Whose coins.
    pub avatar: EntityId,
    /// Which way.
    pub direction: Direction,
    /// How many, 1 ..= [`Deal::AMOUNT_MAX`].
    pub amount: u64,
}

impl Deal {
    /// What is in a purse afterwards; `None` if it cannot be.
    pub(crate) fn applied_to(&self, purse: u64) -> Option<u64> {
        match self.direction {
            Direction::Grant => purse.checked_add(self.amount),
            Direction::Charge => purse.checked_sub(self.amount),
        }
    }

    /// Most coins at once: a million such fit a purse.
    pub const AMOUNT_MAX: u64 = 1 << 40;
}

/// What came of a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DealOutcome {
    /// It was carried out in this tick; whoever asks again is told the same.
    Done(Tick),
    /// Refused: the avatar has fewer.
    NotEnough,
    /// Refused: the character was never in the world, or its avatar comes or travels on in this very tick.
    Away,
    /// Refused: the key is another deal's.
    OtherDeal,
    /// Refused: too many deals wait to be settled.
    TooMany,
}

/// What the outside contributes to one tick's sealed inputs; each list sorted by key.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutsideInputs {
    /// What to do, each key once.
    pub deals: Vec<(OutsideKey, Deal)>,
    /// Keys that are in the ledger.
    pub settled: Vec<OutsideKey>,
}

impl OutsideInputs {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deals.is_empty() && self.settled.is_empty()
    }
}

/// Deals that were carried out and are not settled: by key, with the tick.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Till(BTreeMap<OutsideKey, (Deal, Tick)>);

/// Most bytes of a stored till.
const TILL_BYTES_MAX: usize = 1 << 20;

impl Till {
    /// Deals that may wait to be settled: a minute of a busy shop while the database is gone. Beyond, deals
    /// are refused.
    pub const DEALS_MAX: usize = 4_096;

    /// The deals, by key, with the tick in which they were carried out.
    pub fn deals(&self) -> impl Iterator<Item = (OutsideKey, Deal, Tick)> + '_ {
        let deals = self.0.iter();
        deals.map(|(key, (deal, tick))| (*key, *deal, *tick))
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn digest_parts(&self) -> DigestParts {
        const DEAL: u64 = 0x6465_616c;
        let mut parts = DigestParts::default();
        for (key, (deal, tick)) in &self.0 {
            let Deal {
                avatar,
                direction,
                amount,
            } = *deal;
            let [a, b, c, d, e] = key.words();
            let hash = hash_words([DEAL, a, b, c, d, e, direction as u64, amount, tick.0]);
            parts.add(DigestPart::Outside, avatar, hash);
        }
        parts
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        binary::encode(self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BinaryError> {
        binary::decode::<_, TILL_BYTES_MAX>(bytes)
    }
}

/// Settles and carries out, before the zones step and after everybody was routed who comes or goes.
pub(crate) fn carry_out(
    inputs: &OutsideInputs,
    tick: Tick,
    till: &mut Till,
    (residence, inboxes, absent): (&mut Residence, &[Inbox], &mut Absent),
    (tally, moved): (&mut Tally, &mut Moved),
    answers: &mut Vec<(OutsideKey, DealOutcome)>,
) {
    for key in &inputs.settled {
        till.0.remove(key);
    }
    for (key, deal) in &inputs.deals {
        let outcome = match till.0.get(key) {
            Some((known, at)) if known == deal => DealOutcome::Done(*at),
            Some(_) => DealOutcome::OtherDeal,
            None if till.0.len() >= Till::DEALS_MAX => DealOutcome::TooMany,
            None => carry_out_one(deal, tick, (residence, inboxes, absent)),
        };
        let is_news = !till.0.contains_key(key);
        if is_news && let DealOutcome::Done(at) = outcome {
            till.0.insert(*key, (*deal, at));
            let (outside, purse) = (Holder::Outside, Holder::Character(deal.avatar));
            let (way, why) = match deal.direction {
                Direction::Grant => ((outside, purse), Why::Granted),
                Direction::Charge => ((purse, outside), Why::Charged),
            };
            match deal.direction {
                Direction::Grant => tally.minted += deal.amount,
                Direction::Charge => tally.coins_left += deal.amount,
            }
            moved.note_outside(Stage::Coming, deal.avatar, way, (deal.amount, why), *key);
        }
        answers.push((*key, outcome));
    }
}

fn carry_out_one(
    deal: &Deal,
    tick: Tick,
    (residence, inboxes, absent): (&mut Residence, &[Inbox], &mut Absent),
) -> DealOutcome {
    let told = |enough| match enough {
        Some(true) => DealOutcome::Done(tick),
        Some(false) => DealOutcome::NotEnough,
        None => DealOutcome::Away,
    };
    let Some(&slot) = residence.directory().get(&deal.avatar) else {
        return told(absent.deal(deal));
    };
    let inbox = &inboxes[slot as usize];
    let is_born = inbox
        .births
        .iter()
        .any(|state| state.identity.id == deal.avatar);
    if is_born || inbox.departures.contains(&deal.avatar) {
        return DealOutcome::Away;
    }
    told(residence.zone_mut(slot).deal(deal))
}
