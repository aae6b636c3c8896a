//! Accounts and characters: found by name, made once, sealed, and erased so that nothing is left to read
//! a name by; on both databases.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod common;

use std::path::Path;
use std::time::Duration;

use bluemarble_persistence::{Asked, Character, Characters, OpenOptions, PrivacyDeed, Store, Whom};
use bluemarble_shared_protocol::{EntityId, NameTag};
use common::{Database, on_each_backend};

const NOW_MS: u64 = 1_795_000_000_000;

fn asked(name: &str, account: Option<&str>) -> Asked {
    Asked {
        name: name.to_owned(),
        account: account.map(str::to_owned),
        id: None,
    }
}

fn named(name: &str) -> Whom {
    Whom::Character(name.to_owned())
}

async fn admit(characters: &Characters, name: &str, account: Option<&str>) -> Character {
    let found = characters.admit(&[asked(name, account)], NOW_MS).await;
    found.unwrap().remove(0)
}

#[test]
fn a_character_is_made_once_and_found_again_by_its_name() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let characters = Characters::new(store.clone());
        let both = [
            asked("Ada", Some("a@b")),
            asked("Bea", None),
            asked("Ada", Some("a@b")),
        ];
        let found = characters.admit(&both, NOW_MS).await.unwrap();
        assert_eq!(found[0], found[2]);
        assert_ne!(found[0].id, found[1].id);
        assert_ne!(
            found[0].id,
            EntityId::of_character("Ada"),
            "it says nothing"
        );
        assert_eq!(found[0].tag.name(), Some("Ada"));
        assert!(!found[0].tag.is_open());
        let other = Characters::new(database.open().await);
        assert_eq!(admit(&other, "Ada", Some("a@b")).await, found[0]);
        let names = other
            .names(&[found[0].id, found[1].id, EntityId(5)])
            .await
            .unwrap();
        let names: Vec<_> = names.values().map(String::as_str).collect();
        assert_eq!(names.len(), 2);
        assert!(names.contains(&"Ada") && names.contains(&"Bea"));
        let (account, rows) = other.find(&Whom::Account("a@b".into())).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].id, rows[0].name.as_deref()),
            (found[0].id, Some("Ada"))
        );
        assert_eq!(rows[0].account, account.map(|account| account.number));
        store.close().await;
        database
    });
}

#[test]
fn two_servers_that_ask_at_once_find_one_character() {
    on_each_backend(|database| async {
        let stores = [database.open().await, database.open().await];
        let crowd: Vec<Asked> = (0..40)
            .map(|n| asked(&format!("c{n}"), Some("one")))
            .collect();
        let [a, b] = stores
            .each_ref()
            .map(|store| Characters::new(store.clone()));
        let (a, b) = tokio::join!(a.admit(&crowd, NOW_MS), b.admit(&crowd, NOW_MS));
        assert_eq!(a.unwrap(), b.unwrap());
        assert_eq!(
            database
                .number("SELECT COUNT(*) FROM player_character")
                .await,
            40
        );
        assert_eq!(database.number("SELECT COUNT(*) FROM account").await, 1);
        database
    });
}

#[test]
fn a_character_belongs_to_the_account_it_came_with_last() {
    on_each_backend(|database| async {
        let characters = Characters::new(database.open().await);
        let first = admit(&characters, "Ada", None).await;
        for account in [Some("old"), Some("new"), None] {
            assert_eq!(admit(&characters, "Ada", account).await, first);
        }
        let of = async |account: &str| {
            let found = characters.find(&Whom::Account(account.to_owned())).await;
            found.unwrap().1.len()
        };
        assert_eq!(
            (of("old").await, of("new").await, of("none").await),
            (0, 1, 0)
        );
        database
    });
}

/// Everything in the files of an embedded database.
fn raw(database: &Database) -> Vec<u8> {
    let path = database.url.strip_prefix("sqlite://").unwrap();
    let folder = Path::new(path).parent().unwrap();
    let files = std::fs::read_dir(folder).unwrap();
    files
        .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Every key there is, as another program reads it.
async fn keys(database: &Database) -> Vec<Vec<u8>> {
    database.blobs("SELECT key FROM character_key").await
}

#[test]
fn who_is_erased_cannot_be_read_any_more_by_anybody() {
    const ACCOUNT: &str = "somebody@example.org";
    on_each_backend(|database| async {
        let store = database.open().await;
        let characters = Characters::new(store.clone());
        let ada = admit(&characters, "Ada Unmistakable", Some(ACCOUNT)).await;
        let twin = admit(&characters, "Zoe Unmistakable", Some(ACCOUNT)).await;
        let its = keys(&database).await;
        // Enough others before and after that pages are split and rows moved.
        let crowd: Vec<Asked> = (0..400).map(|n| asked(&format!("c{n}"), None)).collect();
        let others = characters.admit(&crowd, NOW_MS).await.unwrap();
        if database.is_sqlite() {
            let bytes = raw(&database);
            assert!(holds(&bytes, ACCOUNT.as_bytes()) && holds(&bytes, &its[0]));
            assert!(
                !holds(&bytes, b"Unmistakable"),
                "no name is written in clear"
            );
        }
        let whom = Whom::Account(ACCOUNT.to_owned());
        let erased = characters
            .erase(&whom, "Grace", NOW_MS + 1)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(erased.remnants, None);
        let ids: Vec<_> = erased.characters.iter().map(|(id, _)| *id).collect();
        assert!(ids.len() == 2 && ids.contains(&ada.id) && ids.contains(&twin.id));
        assert_eq!(
            characters.erase(&whom, "Grace", NOW_MS).await.unwrap(),
            None
        );
        // Neither by name, nor by id, nor in the rows or the files.
        assert!(
            characters
                .find(&named("Ada Unmistakable"))
                .await
                .unwrap()
                .1
                .is_empty()
        );
        assert!(characters.names(&ids).await.unwrap().is_empty());
        let (_, rows) = characters.find(&Whom::Id(ada.id)).await.unwrap();
        assert_eq!((&rows[0].name, rows[0].account), (&None, None));
        assert_eq!(rows[0].erased_ms, Some(NOW_MS + 1));
        let left = keys(&database).await;
        assert!(its.iter().all(|key| !left.contains(key)));
        assert_eq!(left.len(), others.len());
        let accounts = "SELECT COUNT(*) FROM account WHERE name IS NOT NULL";
        assert_eq!(database.number(accounts).await, 0);
        if database.is_sqlite() {
            let bytes = raw(&database);
            assert!(!holds(&bytes, ACCOUNT.as_bytes()), "the account's name");
            assert!(its.iter().all(|key| !holds(&bytes, key)), "a key");
            assert!(!holds(&bytes, b"Unmistakable"), "a name");
        }
        let audit = characters.audit(Some(ada.id), None).await.unwrap();
        assert_eq!(audit.len(), 1);
        assert_eq!(
            (audit[0].deed, audit[0].by_whom.as_str()),
            (PrivacyDeed::Erased, "Grace")
        );
        assert_eq!(
            (audit[0].at_ms, audit[0].account),
            (NOW_MS + 1, erased.account)
        );
        // Whoever comes with that name now is somebody else.
        let again = admit(&characters, "Ada Unmistakable", Some(ACCOUNT)).await;
        assert!(again.id != ada.id && again.tag != ada.tag);
        // The others are who they were.
        assert_eq!(characters.admit(&crowd, NOW_MS).await.unwrap(), others);
        store.close().await;
        database
    });
}

#[test]
fn a_name_from_before_there_were_keys_keeps_its_id_unless_it_was_erased() {
    on_each_backend(|database| async {
        let characters = Characters::new(database.open().await);
        let old = Asked {
            id: Some(EntityId::of_character("Ada")),
            ..asked("Ada", None)
        };
        let adopt = async || {
            let found = characters.admit(std::slice::from_ref(&old), NOW_MS).await;
            found.unwrap().remove(0)
        };
        let adopted = adopt().await;
        assert_eq!(
            (adopted.id, adopted.tag.name()),
            (EntityId::of_character("Ada"), Some("Ada"))
        );
        assert_eq!(
            admit(&characters, "Ada", None).await,
            adopted,
            "at the door, too"
        );
        assert_eq!(adopt().await, adopted);
        characters
            .erase(&named("Ada"), "Grace", NOW_MS)
            .await
            .unwrap()
            .unwrap();
        // An old archive that holds the name in clear brings nobody back.
        let back = adopt().await;
        assert_eq!((back.id, back.tag.name()), (adopted.id, None));
        assert!(!back.tag.is_open());
        assert_eq!(keys(&database).await.len(), 0);
        let new = admit(&characters, "Ada", None).await;
        assert_ne!(new.id, adopted.id);
        let back = adopt().await;
        assert_eq!(
            (back.tag.name(), back.tag == new.tag),
            (None, false),
            "it is not that one"
        );
        database
    });
}

#[test]
fn a_lost_key_is_a_lost_name_and_nothing_else() {
    on_each_backend(|database| async {
        let characters = Characters::new(database.open().await);
        let ada = admit(&characters, "Ada", None).await;
        database.execute("DELETE FROM character_key").await;
        assert!(characters.names(&[ada.id]).await.unwrap().is_empty());
        let (_, rows) = characters.find(&Whom::Id(ada.id)).await.unwrap();
        assert_eq!((rows.len(), &rows[0].name), (1, &None));
        let sealed = NameTag::sealed(ada.tag.written()).unwrap();
        assert_eq!((sealed.name(), &**sealed.shown()), (None, "nameless"));
        assert_ne!(admit(&characters, "Ada", None).await.id, ada.id);
        database
    });
}

#[test]
fn everybody_can_be_taken_to_another_database_once() {
    on_each_backend(|database| async {
        let characters = Characters::new(database.open().await);
        let ada = admit(&characters, "Ada", Some("a@b")).await;
        let bea = admit(&characters, "Bea", None).await;
        let whom = named("Bea");
        characters
            .erase(&whom, "Grace", NOW_MS)
            .await
            .unwrap()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = bluemarble_persistence::sqlite_url(&folder.path().join("other.sqlite"));
        let other = Characters::new(Store::open(&url).await.unwrap());
        let carried = characters.carry_to(&other).await.unwrap().unwrap();
        assert_eq!(
            (carried.accounts, carried.characters, carried.audit),
            (1, 2, 1)
        );
        assert_eq!(admit(&other, "Ada", Some("a@b")).await, ada);
        assert_ne!(
            admit(&other, "Bea", None).await.id,
            bea.id,
            "erased is erased"
        );
        assert_eq!(
            other.audit(Some(bea.id), None).await.unwrap(),
            characters.audit(Some(bea.id), None).await.unwrap()
        );
        assert_eq!(characters.carry_to(&other).await.unwrap(), None);
        database
    });
}

#[test]
fn the_audit_trail_is_only_added_to() {
    on_each_backend(|database| async {
        let characters = Characters::new(database.open().await);
        let ada = admit(&characters, "Ada", None).await;
        let of = [ada.id];
        let export = characters.note_export(None, &of, "Grace", NOW_MS);
        export.await.unwrap();
        characters
            .erase(&named("Ada"), "Grace", NOW_MS)
            .await
            .unwrap()
            .unwrap();
        for change in [
            "UPDATE privacy_audit SET by_whom = 'nobody'",
            "DELETE FROM privacy_audit",
        ] {
            assert!(database.refuses(change).await, "{change}");
        }
        let deeds: Vec<_> = characters.audit(Some(ada.id), None).await.unwrap();
        let deeds: Vec<_> = deeds.iter().map(|row| row.deed).collect();
        assert_eq!(deeds, [PrivacyDeed::Exported, PrivacyDeed::Erased]);
        database
    });
}

#[test]
fn nobody_is_made_while_the_database_is_away() {
    on_each_backend(|mut database| async {
        // Gives up soon, and yet opens on a busy machine.
        let patience = OpenOptions {
            attempt_timeout: Duration::from_secs(2),
            ..common::QUICK
        };
        let opening = Store::open_with(&database.url, patience);
        let store = opening.await.unwrap();
        let characters = Characters::new(store);
        let ada = admit(&characters, "Ada", None).await;
        let outage = database.begin_outage().await;
        let asking = characters.admit(&[asked("Bea", None)], NOW_MS).await;
        assert!(asking.unwrap_err().may_pass());
        database.end_outage(outage).await;
        assert_eq!(admit(&characters, "Ada", None).await, ada);
        assert_eq!(
            database
                .number("SELECT COUNT(*) FROM player_character")
                .await,
            1
        );
        database
    });
}
