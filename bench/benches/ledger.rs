//! What the ledger takes: transfers per second as fast as they come, and how long one takes at a
//! thousand a second, on SQLite and on a Postgres of its own whose commits are on the disk.
//! Before a figure is printed the books must add up and every balance be what a naive book says.
//! `cargo bench -p bluemarble-bench --bench ledger`; a number behind `--` is how many seconds each of
//! the four measurements takes.

#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[path = "../../spatial/benches/setting/mod.rs"]
mod setting;

#[path = "ledger/postgres.rs"]
mod postgres;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bluemarble_persistence::{
    Account, AccountKind, Claim, ContentStamp, Ledger, LedgerOptions, LedgerSubmitted,
    LedgerWriter, Reason, Store, Transfer, TransferKey, sqlite_url,
};
use bluemarble_shared_protocol::Tick;
use hdrhistogram::Histogram;
use postgres::Postgres;
use setting::report::print_heading;

const SEED: u64 = 0x6c65_6467_6572;
/// Seconds of each measurement unless told otherwise.
const SECONDS: u64 = 10;
const CHARACTERS: u64 = 10_000;
/// What each begins with.
const COINS: u64 = 1_000_000;
/// Transfers of a tick when as many as possible come.
const CROWDED: usize = 250;
/// Transfers that may wait meanwhile.
const WAITING_MAX: u64 = 20_000;
/// Transfers per second when it is about how long one takes.
const RATE: u64 = 1_000;

fn main() {
    let seconds = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(SECONDS);
    print_heading("ledger: transfers between characters");
    println!("seed {SEED:#x}, {CHARACTERS} characters, {seconds} s each");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let sqlite = sqlite_url(&dir.path().join("world.sqlite"));
    runtime.block_on(measure("SQLite", &sqlite, seconds));
    match Postgres::start() {
        Ok(postgres) => runtime.block_on(measure("Postgres", &postgres.url(), seconds)),
        Err(why) => println!("Postgres: not measured, {why}"),
    }
}

/// Draws transfers and keeps a naive book of them.
struct Players {
    state: u64,
    book: Vec<u64>,
    tick: u64,
}

impl Players {
    fn new() -> Self {
        Self {
            state: SEED,
            book: vec![COINS; CHARACTERS as usize],
            tick: 0,
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % below
    }

    /// The next tick's.
    fn transfers(&mut self, count: usize) -> (Tick, Vec<Transfer>) {
        self.tick += 1;
        let tick = Tick(self.tick);
        let mut transfers = Vec::with_capacity(count);
        while transfers.len() < count {
            let (from, to) = (self.draw(CHARACTERS), self.draw(CHARACTERS));
            let amount = 1 + self.draw(100);
            if from == to || self.book[from as usize] < amount {
                continue;
            }
            self.book[from as usize] -= amount;
            self.book[to as usize] += amount;
            transfers.push(Transfer {
                key: TransferKey {
                    tick,
                    entity: from,
                    n: transfers.len() as u32,
                },
                debit: purse(from),
                credit: purse(to),
                amount,
                reason: Reason::Given,
                peer: to,
                external: None,
            });
        }
        transfers.sort_by_key(|transfer| transfer.key);
        (tick, transfers)
    }
}

fn purse(holder: u64) -> Account {
    let kind = AccountKind::Character;
    Account::coins(kind, holder)
}

async fn measure(name: &str, url: &str, seconds: u64) {
    let store = Store::open(url).await.expect("the database opens");
    let content = ContentStamp {
        content_hash: 0,
        build: "bench".to_owned(),
    };
    let claim = store.claim("bench", &content).await.expect("nobody has it");
    let ledger = Ledger::new(store, "bench");
    let holdings: Vec<_> = (0..CHARACTERS).map(|who| (purse(who), COINS)).collect();
    let begun = Instant::now();
    let opened = ledger.open(&claim, Tick(0), &holdings).await;
    assert_eq!(opened.expect("a new ledger").entries, holdings.len());
    let opening = begun.elapsed();
    let mut players = Players::new();
    let rate = throughput(&ledger, &claim, &mut players, seconds).await;
    let took = latency(&ledger, &claim, &mut players, seconds).await;

    let begun = Instant::now();
    assert_eq!(ledger.audit().await.expect("it answers"), []);
    let audit = begun.elapsed();
    for (account, balance) in ledger.balances().await.expect("it answers") {
        if account.kind == AccountKind::Character {
            let book = players.book[account.holder as usize];
            assert_eq!(balance.cast_unsigned(), book, "{account}");
        }
    }
    let ms = |quantile| took.value_at_quantile(quantile) as f64 / 1_000.0;
    println!(
        "{name:9} {rate:7.0} transfers/s; at {RATE}/s one takes p50 {:.2} ms, p95 {:.2} ms, \
         p99 {:.2} ms, most {:.2} ms",
        ms(0.5),
        ms(0.95),
        ms(0.99),
        took.max() as f64 / 1_000.0
    );
    let count = took.len();
    println!(
        "          opening {CHARACTERS} accounts {:.0} ms; conserved, audit of everything {:.0} ms \
         ({count} of the transfers timed)",
        opening.as_secs_f64() * 1_000.0,
        audit.as_secs_f64() * 1_000.0
    );
}

fn writer(ledger: &Ledger, claim: &Claim, players: &Players) -> LedgerWriter {
    LedgerWriter::start(
        &tokio::runtime::Handle::current(),
        ledger.clone(),
        claim.clone(),
        Tick(players.tick),
        LedgerOptions::default(),
    )
}

/// As many as it takes, a bounded number waiting.
async fn throughput(ledger: &Ledger, claim: &Claim, players: &mut Players, seconds: u64) -> f64 {
    let writer = writer(ledger, claim, players);
    let (begun, length) = (Instant::now(), Duration::from_secs(seconds));
    while begun.elapsed() < length {
        if writer.status().waiting > WAITING_MAX {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        let (tick, transfers) = players.transfers(CROWDED);
        assert_eq!(writer.submit(tick, transfers), LedgerSubmitted::Queued);
        writer.durable(tick);
    }
    let drained = writer.drain(Duration::from_secs(60)).await;
    assert!(drained.complete, "{drained:?}");
    drained.status.transfers as f64 / begun.elapsed().as_secs_f64()
}

/// A steady thousand a second, each in a tick of its own; microseconds from submitted to applied.
async fn latency(
    ledger: &Ledger,
    claim: &Claim,
    players: &mut Players,
    seconds: u64,
) -> Histogram<u64> {
    let writer = writer(ledger, claim, players);
    let mut applied = writer.applied();
    let mut took = Histogram::new(3).expect("three digits are allowed");
    let mut under_way: VecDeque<(Tick, Instant)> = VecDeque::new();
    let begun = Instant::now();
    let (mut sent, all) = (0, RATE * seconds);
    while took.len() < all {
        let due = begun + Duration::from_micros(sent * 1_000_000 / RATE);
        tokio::select! {
            () = tokio::time::sleep_until(due.into()), if sent < all => {
                // Several if the timer is coarse: counted from when they were due.
                while sent < all && Instant::now() >= begun + Duration::from_micros(sent * 1_000_000 / RATE) {
                    let due = begun + Duration::from_micros(sent * 1_000_000 / RATE);
                    let (tick, transfers) = players.transfers(1);
                    under_way.push_back((tick, due));
                    assert_eq!(writer.submit(tick, transfers), LedgerSubmitted::Queued);
                    writer.durable(tick);
                    sent += 1;
                }
            }
            changed = applied.changed() => {
                changed.expect("the writer goes on");
                let through = *applied.borrow_and_update();
                while under_way.front().is_some_and(|(tick, _)| *tick <= through) {
                    let (_, since) = under_way.pop_front().expect("there is a front");
                    took.record(since.elapsed().as_micros() as u64).expect("it fits");
                }
            }
        }
    }
    let drained = writer.drain(Duration::from_secs(60)).await;
    assert!(drained.complete, "{drained:?}");
    took
}
