//! A shop that gives players coins and takes some (`POST /v1/coins`) while the server is killed under it, and
//! asks again with the same key whenever it was not answered, and now and then when it was.
//!
//! What it was told once it must be told again, whatever was killed in between; and the ledger must have each
//! deal that was acknowledged, under its key, once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use bluemarble_persistence::{Ledger, Reason, Store, Transfer};
use bluemarble_shared_protocol::Tick;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::plan::Dice;

/// How many tills the shop has, each with one customer at a time.
const TILLS: u64 = 3;
/// Between two deals, and while there is no server.
const PAUSE: Duration = Duration::from_millis(20);
/// Longer than the server takes to say that it does not know yet.
const ANSWER: Duration = Duration::from_secs(15);
/// One deal in so many is an old one.
const REPEATS: u64 = 3;

/// What a deal is about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Deal {
    character: String,
    is_grant: bool,
    amount: u64,
}

/// What the shop knows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Asked for; it may be carried out or not.
    Asked,
    /// Carried out in this tick, as it was told.
    Done(u64),
    /// Not carried out, as it was told; never asked for again.
    Refused,
}

/// A transfer of the ledger that came from outside: its key, tick, whose purse, whether it is a grant, coins.
pub type Entered = (String, u64, u64, bool, u64);

/// The shop's own record.
#[derive(Debug, Default)]
pub struct Records {
    deals: BTreeMap<String, (Deal, Known)>,
    /// How often something that had been answered was answered again.
    repeated: u64,
    problems: Vec<String>,
}

impl Records {
    /// How many deals were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        let done = |(_, known): &&(Deal, Known)| matches!(known, Known::Done(_));
        self.deals.values().filter(done).count() as u64
    }

    /// How often one was asked for again and came to the same.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// How many have no answer.
    fn waiting(&self) -> usize {
        let asked = |(_, known): &&(Deal, Known)| *known == Known::Asked;
        self.deals.values().filter(asked).count()
    }

    /// What was told under a key.
    fn told(&mut self, key: &str, now: Known) {
        let Some((_, known)) = self.deals.get_mut(key) else {
            return;
        };
        if let Known::Done(_) = known {
            if *known == now {
                self.repeated += 1;
            } else {
                let problem = format!("the shop was told {known:?} of {key:?}, and now {now:?}");
                self.problems.push(problem);
            }
        } else {
            *known = now;
        }
    }

    /// What is wrong with a ledger's deals; `in_the_end` nobody waits any more.
    pub fn against(&self, ledger: &[Entered], in_the_end: bool) -> Vec<String> {
        let mut problems = self.problems.clone();
        let mut entered = BTreeMap::<&str, Vec<&Entered>>::new();
        for one in ledger {
            entered.entry(&one.0).or_default().push(one);
        }
        // Which id a character has the server alone knows: it is one, and nobody else's.
        let mut whose = BTreeMap::<&str, u64>::new();
        for (key, (deal, known)) in &self.deals {
            let found = entered.remove(key.as_str()).unwrap_or_default();
            let right = match (known, &found[..]) {
                (Known::Done(tick), [found]) => is(deal, found, &mut whose) && found.1 == *tick,
                (Known::Asked, [found]) => is(deal, found, &mut whose) && !in_the_end,
                (Known::Asked, []) => !in_the_end,
                (Known::Refused, []) => true,
                _ => false,
            };
            if !right {
                problems.push(format!(
                    "the shop's {key:?} ({deal:?}) is {known:?}, the ledger has {found:?}"
                ));
            }
        }
        if let Some((key, _)) = entered.first_key_value() {
            problems.push(format!("the ledger has a deal {key:?} that nobody made"));
        }
        problems
    }
}

fn is<'a>(deal: &'a Deal, entered: &Entered, whose: &mut BTreeMap<&'a str, u64>) -> bool {
    let id = *whose.entry(&deal.character).or_insert(entered.2);
    let its_alone = whose.values().filter(|other| **other == id).count() == 1;
    its_alone && (entered.2, entered.3, entered.4) == (id, deal.is_grant, deal.amount)
}

/// Where deals are handed in.
#[derive(Clone)]
struct Counter {
    url: String,
    token: String,
}

struct Shared {
    counter: Mutex<Option<Counter>>,
    records: Mutex<Records>,
    /// Nothing new is dealt.
    settling: AtomicBool,
    closed: AtomicBool,
}

/// The shop.
pub struct Shop {
    shared: Arc<Shared>,
    tills: Vec<JoinHandle<()>>,
}

impl Shop {
    /// One whose customers are so many players.
    pub fn new(players: u32, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            counter: Mutex::default(),
            records: Mutex::default(),
            settling: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        });
        let till = |number| {
            let till = Till {
                shared: shared.clone(),
                number,
                players,
                dice: Dice::of_world(seed, number),
                http: ureq::Agent::config_builder()
                    .timeout_global(Some(ANSWER))
                    .http_status_as_error(false)
                    .build()
                    .into(),
                dealt: 0,
            };
            std::thread::spawn(move || till.work())
        };
        Self {
            tills: (0..TILLS).map(till).collect(),
            shared,
        }
    }

    /// Deals with a server that runs on a data directory, from now on.
    ///
    /// # Errors
    /// The directory has no token.
    pub fn open(&self, admin: SocketAddr, data: &Path) -> anyhow::Result<()> {
        let token =
            std::fs::read_to_string(data.join("admin.token")).context("the admin's token")?;
        *self.shared.counter.lock() = Some(Counter {
            url: format!("http://{admin}/v1/coins"),
            token: token.trim().to_owned(),
        });
        Ok(())
    }

    /// What it knows.
    pub fn records<T>(&self, look: impl FnOnce(&Records) -> T) -> T {
        look(&self.shared.records.lock())
    }

    /// It deals in nothing new, and gets its answers, if that takes no longer than `patience`.
    pub fn settle(&self, patience: Duration) {
        self.shared.settling.store(true, Ordering::Relaxed);
        let mut left = patience;
        while self.shared.records.lock().waiting() > 0 && !left.is_zero() {
            std::thread::sleep(PAUSE);
            left = left.saturating_sub(PAUSE);
        }
    }

    /// It closes.
    pub fn close(self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        for till in self.tills {
            let _panicked = till.join();
        }
    }
}

struct Till {
    shared: Arc<Shared>,
    number: u64,
    players: u32,
    dice: Dice,
    http: ureq::Agent,
    dealt: u64,
}

impl Till {
    fn work(mut self) {
        while !self.shared.closed.load(Ordering::Relaxed) {
            let counter = self.shared.counter.lock().clone();
            if let Some(counter) = counter
                && let Some((key, deal)) = self.next()
                && let Some(now) = self.ask(&counter, &key, &deal)
            {
                self.shared.records.lock().told(&key, now);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// What is asked for next: what has no answer yet, something again, or something new.
    fn next(&mut self) -> Option<(String, Deal)> {
        let mut records = self.shared.records.lock();
        let settling = self.shared.settling.load(Ordering::Relaxed);
        let own = format!("till-{}-", self.number);
        let open = records
            .deals
            .iter()
            .find(|(key, (_, known))| key.starts_with(&own) && *known == Known::Asked);
        if let Some((key, (deal, _))) = open {
            return Some((key.clone(), deal.clone()));
        }
        if settling {
            return None;
        }
        if self.dice.up_to(REPEATS - 1) == 0 {
            let done =
                |(_, (_, known)): &(&String, &(Deal, Known))| matches!(known, Known::Done(_));
            let done: Vec<_> = records.deals.iter().filter(done).collect();
            if let Some(last) = done.len().checked_sub(1) {
                let (key, (deal, _)) = done[self.dice.up_to(last as u64) as usize];
                return Some((key.clone(), deal.clone()));
            }
        }
        self.dealt += 1;
        let deal = Deal {
            character: format!("Player {}", self.dice.up_to(u64::from(self.players) - 1)),
            is_grant: self.dice.up_to(2) > 0,
            amount: 1 + self.dice.up_to(9),
        };
        let key = format!("{own}{}", self.dealt);
        let entry = (deal.clone(), Known::Asked);
        records.deals.insert(key.clone(), entry);
        Some((key, deal))
    }

    /// `None` if nobody knows.
    fn ask(&self, counter: &Counter, key: &str, deal: &Deal) -> Option<Known> {
        let what = if deal.is_grant { "grant" } else { "charge" };
        let body = json!({"key": key, "character": deal.character, what: deal.amount});
        let answer = self
            .http
            .post(&counter.url)
            .header("Authorization", format!("Bearer {}", counter.token))
            .header("Content-Type", "application/json")
            .send(body.to_string());
        let mut answer = answer.ok()?;
        let said = answer.body_mut().read_to_string().ok()?;
        let said: Value = serde_json::from_str(&said).ok()?;
        match answer.status().as_u16() {
            200 => Some(Known::Done(said["tick"].as_u64()?)),
            409 if said["error"] == "the key is another deal's" => {
                let problem = format!("{key:?} is another deal's: {said}");
                self.shared.records.lock().problems.push(problem);
                None
            }
            409 => Some(Known::Refused),
            _ => None,
        }
    }
}

/// The deals in a world's ledger, through a tick.
///
/// # Errors
/// The database does not answer.
pub async fn of_ledger(url: &str, world: &str, through: Tick) -> anyhow::Result<Vec<Entered>> {
    let store = Store::open(url).await?;
    let transfers = Ledger::new(store.clone(), world)
        .transfers(Tick(0), through)
        .await;
    store.close().await;
    let entered = |transfer: Transfer| {
        let is_grant = transfer.reason == Reason::Granted;
        let key = transfer.external?;
        Some((
            key,
            transfer.key.tick.0,
            transfer.key.entity,
            is_grant,
            transfer.amount,
        ))
    };
    Ok(transfers?.into_iter().filter_map(entered).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(key: &str, tick: u64) -> Entered {
        (key.into(), tick, 77, true, 5)
    }

    fn records(known: &[(&str, Known)]) -> Records {
        let deal = Deal {
            character: "Ada".into(),
            is_grant: true,
            amount: 5,
        };
        let deals = known.iter();
        Records {
            deals: deals
                .map(|(key, known)| ((*key).to_owned(), (deal.clone(), *known)))
                .collect(),
            ..Records::default()
        }
    }

    #[test]
    fn each_deal_that_was_acknowledged_is_there_once_and_as_it_was_told() {
        let records = records(&[
            ("a", Known::Done(7)),
            ("b", Known::Asked),
            ("c", Known::Refused),
        ]);
        let wrong = |ledger: &[Entered], end| records.against(ledger, end).len();
        assert_eq!(wrong(&[entered("a", 7)], false), 0);
        assert_eq!(wrong(&[entered("a", 7), entered("b", 9)], false), 0);
        assert_eq!(wrong(&[], false), 1, "lost");
        assert_eq!(wrong(&[entered("a", 8)], false), 1, "another tick");
        assert_eq!(
            wrong(&[entered("a", 7), entered("a", 7)], false),
            1,
            "twice"
        );
        assert_eq!(
            wrong(&[entered("a", 7), entered("c", 9)], false),
            1,
            "refused"
        );
        assert_eq!(
            wrong(&[entered("a", 7), entered("d", 9)], false),
            1,
            "nobody's"
        );
        assert_eq!(wrong(&[entered("a", 7)], true), 1, "somebody still waits");
    }

    #[test]
    fn another_purse_than_before_is_found_out() {
        let records = records(&[("a", Known::Done(7)), ("b", Known::Done(8))]);
        let mut ledger = [entered("a", 7), entered("b", 8)];
        assert_eq!(records.against(&ledger, true).len(), 0);
        ledger[1].2 += 1;
        assert_eq!(records.against(&ledger, true).len(), 1);
    }

    #[test]
    fn another_answer_to_the_same_key_is_found_out() {
        let mut records = records(&[("a", Known::Asked)]);
        records.told("a", Known::Done(7));
        records.told("a", Known::Done(7));
        assert_eq!((records.repeated(), records.problems.len()), (1, 0));
        records.told("a", Known::Done(8));
        records.told("a", Known::Refused);
        assert_eq!(records.problems.len(), 2);
    }
}
