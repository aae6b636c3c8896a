//! What the ledger promises, on SQLite and on Postgres. Every test ends with the books adding up.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod writer;

use bluemarble_persistence::{
    Account, AccountKind, Applied, Claim, Imbalance, Ledger, LedgerBatch, LedgerError, Reason,
    Store, StoreError, Transfer, TransferKey,
};
use bluemarble_shared_protocol::{AssetId, Tick};
use common::{on_each_backend, stamp};

const ADA: u64 = 0xffff_0000_0000_0001;
const BOB: u64 = 7;
const WOLF: u64 = 9;

fn purse(holder: u64) -> Account {
    let kind = AccountKind::Character;
    Account::coins(kind, holder)
}

fn wolf() -> Account {
    let kind = AccountKind::Creature;
    Account::coins(kind, WOLF)
}

fn mail() -> Account {
    Account::sole(AccountKind::Mail)
}

fn transfer(tick: u64, n: u32, debit: Account, credit: Account, amount: u64) -> Transfer {
    let entity = debit.holder.max(credit.holder);
    Transfer {
        key: TransferKey {
            tick: Tick(tick),
            entity,
            n,
        },
        debit,
        credit,
        amount,
        reason: Reason::Given,
        peer: 0,
        external: None,
    }
}

fn batch(after: u64, through: u64, transfers: Vec<Transfer>) -> LedgerBatch {
    LedgerBatch {
        after: Tick(after),
        through: Tick(through),
        transfers,
    }
}

/// A wolf dies at tick 11 for Ada, who gives some to Bob at tick 13.
fn story() -> LedgerBatch {
    batch(
        10,
        13,
        vec![
            transfer(11, 0, wolf(), mail(), 5),
            transfer(12, 0, mail(), purse(ADA), 5),
            transfer(13, 0, purse(ADA), mail(), 3),
            transfer(13, 1, mail(), purse(ADA), 1),
        ],
    )
}

async fn begin(store: &Store) -> (Ledger, Claim) {
    let claim = store.claim("earth", &stamp(1)).await.unwrap();
    let ledger = Ledger::new(store.clone(), "earth");
    let opened = ledger
        .open(&claim, Tick(10), &[(wolf(), 5), (purse(ADA), 40)])
        .await
        .unwrap();
    assert!(opened.made);
    assert_eq!(opened.entries, 2);
    (ledger, claim)
}

async fn held(ledger: &Ledger, account: Account) -> i64 {
    let balances = ledger.balances().await.unwrap();
    let found = balances.iter().find(|(of, _)| *of == account);
    found.map_or(0, |(_, balance)| *balance)
}

async fn adds_up(ledger: &Ledger) {
    assert_eq!(ledger.audit().await.unwrap(), []);
}

#[test]
fn a_ledger_begins_with_what_everybody_holds_and_grows_by_batches() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let (ledger, claim) = begin(&store).await;
        assert_eq!(ledger.applied().await.unwrap(), Some(Tick(10)));
        let applied = ledger.apply(&claim, &story()).await.unwrap();
        assert_eq!(
            applied,
            Applied {
                new: 4,
                repeated: 0
            }
        );
        assert_eq!(ledger.applied().await.unwrap(), Some(Tick(13)));
        assert_eq!(held(&ledger, wolf()).await, 0);
        assert_eq!(held(&ledger, purse(ADA)).await, 43);
        assert_eq!(held(&ledger, mail()).await, 2);
        let opening = Account::sole(AccountKind::Opening);
        assert_eq!(held(&ledger, opening).await, -45);
        let newest = ledger.newest(1).await.unwrap();
        assert_eq!(newest, story().transfers[3..]);
        adds_up(&ledger).await;
        database
    });
}

#[test]
fn the_same_batch_again_changes_nothing_and_one_that_overlaps_adds_only_what_is_new() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let (ledger, claim) = begin(&store).await;
        ledger.apply(&claim, &story()).await.unwrap();
        let before = ledger.balances().await.unwrap();
        let again = ledger.apply(&claim, &story()).await.unwrap();
        assert_eq!(
            again,
            Applied {
                new: 0,
                repeated: 4
            }
        );
        assert_eq!(ledger.balances().await.unwrap(), before);

        let mut longer = story();
        longer.through = Tick(15);
        longer
            .transfers
            .push(transfer(14, 0, mail(), purse(BOB), 2));
        let more = ledger.apply(&claim, &longer).await.unwrap();
        assert_eq!(
            more,
            Applied {
                new: 1,
                repeated: 4
            }
        );
        assert_eq!(held(&ledger, purse(BOB)).await, 2);
        assert_eq!(ledger.applied().await.unwrap(), Some(Tick(15)));
        // From the middle on, too.
        let rest = batch(12, 15, longer.transfers[2..].to_vec());
        let rest = ledger.apply(&claim, &rest).await.unwrap();
        assert_eq!(
            rest,
            Applied {
                new: 0,
                repeated: 3
            }
        );
        adds_up(&ledger).await;
        database
    });
}

/// Half of all ids are negative as the database knows them.
#[test]
fn a_batch_whose_answer_was_lost_is_known_again_whatever_the_ids_of_its_tick() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let (ledger, claim) = begin(&store).await;
        let both = batch(
            10,
            11,
            vec![
                transfer(11, 0, wolf(), purse(BOB), 2),
                transfer(11, 0, purse(ADA), purse(BOB), 3),
            ],
        );
        assert!(both.transfers.is_sorted_by_key(|transfer| transfer.key));
        ledger.apply(&claim, &both).await.unwrap();
        let (new, repeated) = (0, 2);
        let again = ledger.apply(&claim, &both).await.unwrap();
        assert_eq!(again, Applied { new, repeated });
        assert_eq!(held(&ledger, purse(BOB)).await, 5);
        database
    });
}

#[test]
fn a_key_with_other_contents_is_refused_naming_both() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let (ledger, claim) = begin(&store).await;
        ledger.apply(&claim, &story()).await.unwrap();
        let mut other = story();
        other.transfers[1].amount = 4;
        let refused = ledger.apply(&claim, &other).await.unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("5 from mail to character"), "{text}");
        assert!(text.contains("4 from mail to character"), "{text}");
        assert!(!refused.may_pass());

        let mut fewer = story();
        fewer.transfers.remove(3);
        let refused = ledger.apply(&claim, &fewer).await.unwrap_err();
        assert!(
            matches!(&refused, LedgerError::Conflict { stored: Some(_), given: None, key }
                if *key == story().transfers[3].key),
            "{refused}"
        );
        let mut more = story();
        more.transfers
            .insert(2, transfer(12, 1, mail(), purse(ADA), 1));
        let refused = ledger.apply(&claim, &more).await.unwrap_err();
        assert!(
            matches!(
                &refused,
                LedgerError::Conflict {
                    stored: None,
                    given: Some(_),
                    ..
                }
            ),
            "{refused}"
        );
        assert_eq!(held(&ledger, purse(ADA)).await, 43);
        adds_up(&ledger).await;
        database
    });
}

#[test]
fn nobody_can_owe_and_whoever_would_is_named() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let (ledger, claim) = begin(&store).await;
        let too_much = batch(10, 11, vec![transfer(11, 0, purse(ADA), mail(), 41)]);
        let refused = ledger.apply(&claim, &too_much).await.unwrap_err();
        let overdrawn = LedgerError::Overdrawn {
            account: purse(ADA),
            balance: 40,
            loss: 41,
        };
        assert_eq!(refused, overdrawn);
        assert_eq!(ledger.applied().await.unwrap(), Some(Tick(10)));
        assert_eq!(held(&ledger, purse(ADA)).await, 40);

        // The mint hands out what there was not.
        let mint = Account::sole(AccountKind::Mint);
        let minted = batch(10, 11, vec![transfer(11, 0, mint, wolf(), 41)]);
        ledger.apply(&claim, &minted).await.unwrap();
        assert_eq!(held(&ledger, mint).await, -41);
        adds_up(&ledger).await;
        database
    });
}

#[test]
fn a_gap_and_what_is_no_batch_are_refused() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let claim = store.claim("earth", &stamp(1)).await.unwrap();
        let ledger = Ledger::new(store.clone(), "earth");
        let refused = ledger.apply(&claim, &story()).await.unwrap_err();
        assert!(matches!(refused, LedgerError::NotOpen { .. }), "{refused}");
        ledger.open(&claim, Tick(10), &[(wolf(), 5)]).await.unwrap();

        let late = batch(11, 12, vec![transfer(12, 0, wolf(), mail(), 1)]);
        let refused = ledger.apply(&claim, &late).await.unwrap_err();
        let (applied, after) = (Tick(10), Tick(11));
        assert_eq!(refused, LedgerError::Gap { applied, after });

        let nothing = transfer(11, 0, wolf(), mail(), 0);
        let to_itself = transfer(11, 0, wolf(), wolf(), 1);
        let elsewhen = transfer(12, 0, wolf(), mail(), 1);
        let one = transfer(11, 0, wolf(), mail(), 1);
        for bad in [
            vec![nothing],
            vec![to_itself],
            vec![elsewhen],
            vec![one.clone(), one.clone()],
        ] {
            let refused = ledger.apply(&claim, &batch(10, 11, bad)).await.unwrap_err();
            assert!(matches!(refused, LedgerError::BadBatch(_)), "{refused}");
        }
        let mut vast = one;
        vast.amount = u64::MAX;
        let refused = ledger.apply(&claim, &batch(10, 11, vec![vast])).await;
        assert!(
            matches!(
                &refused,
                Err(LedgerError::Store(StoreError::Unstorable { .. }))
            ),
            "{refused:?}"
        );
        adds_up(&ledger).await;
        database
    });
}

#[test]
fn what_came_with_a_key_from_outside_cannot_come_twice() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let (ledger, claim) = begin(&store).await;
        let outside = Account::sole(AccountKind::Outside);
        let bought = |tick| {
            let mut bought = transfer(tick, 0, outside, purse(ADA), 100);
            bought.reason = Reason::Granted;
            bought.external = Some("order 1".to_owned());
            batch(tick - 1, tick, vec![bought])
        };
        ledger.apply(&claim, &bought(11)).await.unwrap();
        ledger.apply(&claim, &bought(11)).await.unwrap();
        let refused = ledger.apply(&claim, &bought(12)).await.unwrap_err();
        assert!(matches!(refused, LedgerError::Constraint(_)), "{refused}");
        assert_eq!(held(&ledger, purse(ADA)).await, 140);
        adds_up(&ledger).await;
        database
    });
}

#[test]
fn an_older_writer_is_fenced() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let (ledger, old) = begin(&store).await;
        let new = store.claim("earth", &stamp(1)).await.unwrap();
        let fenced = |refused: LedgerError| {
            let StoreError::Fenced { ours, newest, .. } = (match refused {
                LedgerError::Store(error) => error,
                other => panic!("{other}"),
            }) else {
                panic!("not fenced");
            };
            assert_eq!((ours, newest), (old.epoch, new.epoch));
        };
        fenced(ledger.apply(&old, &story()).await.unwrap_err());
        fenced(ledger.open(&old, Tick(11), &[]).await.unwrap_err());
        fenced(ledger.go_back(&old, Tick(9)).await.unwrap_err());
        assert_eq!(ledger.applied().await.unwrap(), Some(Tick(10)));
        ledger.apply(&new, &story()).await.unwrap();
        adds_up(&ledger).await;
        database
    });
}

#[test]
fn a_world_that_went_back_takes_its_ledger_along_and_may_come_out_otherwise() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let (ledger, claim) = begin(&store).await;
        ledger.apply(&claim, &story()).await.unwrap();
        assert_eq!(ledger.go_back(&claim, Tick(20)).await.unwrap(), 0);
        assert_eq!(ledger.go_back(&claim, Tick(12)).await.unwrap(), 2);
        assert_eq!(ledger.applied().await.unwrap(), Some(Tick(12)));
        assert_eq!(held(&ledger, purse(ADA)).await, 45);
        adds_up(&ledger).await;
        let aside = "SELECT COUNT(*) FROM ledger_undone WHERE tick = 13";
        assert_eq!(database.number(aside).await, 2);

        let otherwise = batch(12, 13, vec![transfer(13, 0, purse(ADA), mail(), 20)]);
        ledger.apply(&claim, &otherwise).await.unwrap();
        assert_eq!(held(&ledger, purse(ADA)).await, 25);
        // Behind its own beginning, too: then it is to be told again what everybody holds.
        ledger.go_back(&claim, Tick(5)).await.unwrap();
        let opened = ledger
            .open(&claim, Tick(5), &[(purse(BOB), 1)])
            .await
            .unwrap();
        assert_eq!((opened.made, opened.entries), (false, 1));
        assert_eq!(held(&ledger, purse(ADA)).await, 0);
        adds_up(&ledger).await;
        database
    });
}

#[test]
fn a_ledger_that_missed_something_is_put_right_by_corrections() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let (ledger, claim) = begin(&store).await;
        let holdings = [(wolf(), 5), (purse(ADA), 38), (purse(BOB), 2)];
        let opened = ledger.open(&claim, Tick(50), &holdings).await.unwrap();
        assert_eq!((opened.made, opened.entries), (false, 2));
        let next = store.claim("earth", &stamp(1)).await.unwrap();
        // In the same tick again, by a later writer.
        let opened = ledger.open(&next, Tick(50), &holdings[..2]).await.unwrap();
        assert_eq!((opened.made, opened.entries), (false, 1));
        let opened = ledger.open(&next, Tick(51), &holdings[..2]).await.unwrap();
        assert_eq!(opened.entries, 0);
        assert_eq!(held(&ledger, purse(ADA)).await, 38);
        let newest = ledger.newest(1).await.unwrap();
        assert_eq!(newest[0].reason, Reason::Corrected);
        adds_up(&ledger).await;
        database
    });
}

#[test]
fn things_are_kept_apart_by_their_sort_and_nobody_owes_any() {
    const AMBER: AssetId = AssetId(1);
    on_each_backend(|database| async {
        let store = database.open().await;
        let (ledger, claim) = begin(&store).await;
        let amber = |account: Account| account.of(AMBER);
        let found = batch(
            10,
            12,
            vec![
                transfer(
                    11,
                    0,
                    amber(Account::sole(AccountKind::Mint)),
                    amber(wolf()),
                    6,
                ),
                transfer(12, 0, amber(wolf()), amber(mail()), 6),
                transfer(12, 1, wolf(), mail(), 5),
            ],
        );
        for new in [3, 0] {
            let applied = ledger.apply(&claim, &found).await.unwrap();
            assert_eq!((applied.new, applied.repeated), (new, 3 - new), "once");
        }
        let given = batch(
            12,
            13,
            vec![
                transfer(13, 0, amber(mail()), amber(purse(ADA)), 6),
                transfer(13, 1, amber(purse(ADA)), amber(purse(BOB)), 2),
            ],
        );
        ledger.apply(&claim, &given).await.unwrap();
        let ada = (
            held(&ledger, purse(ADA)).await,
            held(&ledger, amber(purse(ADA))).await,
        );
        assert_eq!(ada, (40, 4), "her coins are what they were");
        assert_eq!(held(&ledger, amber(purse(BOB))).await, 2);
        assert_eq!(
            ledger.transfers(Tick(12), Tick(13)).await.unwrap(),
            given.transfers
        );
        // More than there is, though there are coins enough; and one sort for another.
        let much = transfer(14, 0, amber(purse(ADA)), amber(mail()), 5);
        let refused = ledger.apply(&claim, &batch(13, 14, vec![much])).await;
        let Err(LedgerError::Overdrawn { account, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(account, amber(purse(ADA)));
        let magic = transfer(14, 0, purse(ADA), amber(purse(BOB)), 1);
        let refused = ledger.apply(&claim, &batch(13, 14, vec![magic])).await;
        assert!(
            matches!(refused, Err(LedgerError::BadBatch(_))),
            "{refused:?}"
        );
        adds_up(&ledger).await;
        let bent = "UPDATE ledger_account SET balance = balance + 1 WHERE asset = 1 AND kind = 5";
        database.execute(bent).await;
        let found = ledger.audit().await.unwrap();
        let (asset, sum) = (AMBER, 1);
        assert_eq!(found[0], Imbalance::Sum { asset, sum });
        database.execute(&bent.replace("+ 1", "- 1")).await;
        // The world goes back, and is put right, sort by sort.
        assert_eq!(ledger.go_back(&claim, Tick(12)).await.unwrap(), 2);
        assert_eq!(held(&ledger, amber(mail())).await, 6);
        let says = [
            (purse(ADA), 40),
            (amber(purse(ADA)), 7),
            (amber(purse(BOB)), 1),
        ];
        let opened = ledger.open(&claim, Tick(12), &says).await.unwrap();
        assert_eq!(opened.entries, 4, "both mails, and what two hold");
        assert_eq!(held(&ledger, amber(purse(ADA))).await, 7);
        adds_up(&ledger).await;
        let rows = "SELECT COUNT(*) FROM inventory WHERE asset = 1";
        assert_eq!(database.number(rows).await, 2);
        database
    });
}

#[test]
fn an_audit_names_what_was_changed_behind_the_ledgers_back() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let (ledger, claim) = begin(&store).await;
        ledger.apply(&claim, &story()).await.unwrap();
        database
            .execute("UPDATE ledger_account SET balance = balance + 1 WHERE kind = 6")
            .await;
        let found = ledger.audit().await.unwrap();
        let account = purse(ADA);
        let (balance, transfers) = (44, 43);
        let of_account = Imbalance::Account {
            account,
            balance,
            transfers,
        };
        assert_eq!(
            found,
            [
                Imbalance::Sum {
                    asset: AssetId::COINS,
                    sum: 1
                },
                of_account
            ]
        );
        database
            .execute("UPDATE ledger_account SET balance = balance - 1 WHERE kind = 6")
            .await;
        adds_up(&ledger).await;
        database
            .execute("UPDATE ledger_transfer SET amount = amount + 1 WHERE tick = 11")
            .await;
        let found = ledger.audit().await.unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].to_string().starts_with("mail holds 2"),
            "{found:?}"
        );
        database.execute("UPDATE ledger SET applied = 12").await;
        let found = ledger.audit().await.unwrap();
        assert_eq!(found[0], Imbalance::Ahead { transfers: 2 });
        database
    });
}

#[test]
fn a_world_that_is_removed_takes_its_ledger_along() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let (ledger, claim) = begin(&store).await;
        ledger.apply(&claim, &story()).await.unwrap();
        store.remove_world("earth").await.unwrap();
        assert_eq!(ledger.applied().await.unwrap(), None);
        assert_eq!(ledger.balances().await.unwrap(), []);
        adds_up(&ledger).await;
        database
    });
}

#[test]
fn large_batches_and_random_histories_are_applied_as_a_naive_book_says() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let claim = store.claim("earth", &stamp(1)).await.unwrap();
        let ledger = Ledger::new(store.clone(), "earth");
        let mut book: Vec<i64> = vec![100; 400];
        let holdings: Vec<_> = (0..400).map(|who| (purse(who + 1), 100)).collect();
        ledger.open(&claim, Tick(0), &holdings).await.unwrap();
        let mut state = 0x1234_5678_9abc_def1_u64;
        let mut draw = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let mut tick = 0;
        while tick < 30 {
            let after = tick;
            tick += 1 + draw(3);
            let mut transfers = Vec::new();
            for n in 0..draw(700) as u32 {
                let (from, to) = (draw(400) as usize, draw(400) as usize);
                let amount = draw(30) + 1;
                if from != to && book[from] >= amount.cast_signed() {
                    book[from] -= amount.cast_signed();
                    book[to] += amount.cast_signed();
                    let mut one = transfer(tick, n, purse(1), purse(2), amount);
                    one.key.entity = 0;
                    one.debit.holder = from as u64 + 1;
                    one.credit.holder = to as u64 + 1;
                    transfers.push(one);
                }
            }
            let some = batch(after, tick, transfers);
            ledger.apply(&claim, &some).await.unwrap();
        }
        let balances = ledger.balances().await.unwrap();
        for (who, balance) in (1..).zip(book) {
            let found = balances.iter().find(|(account, _)| *account == purse(who));
            assert_eq!(found.map(|(_, found)| *found), Some(balance));
        }
        adds_up(&ledger).await;
        database
    });
}
