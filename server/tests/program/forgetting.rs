//! What is kept about a player: put together, and erased so that nobody can read it any more, on a stopped
//! server and a running one, with every digest as it was.

use std::path::Path;

use bluemarble_net::client::Client;
use bluemarble_net::tickets::{CharacterName, TicketIssuer};
use bluemarble_shared_protocol::CloseCode;
use serde_json::{Value, json};

use super::clients::{Door, client_runtime, now_s};
use super::databases::PostgresDatabase;
use super::harness::{Server, WORLD, assets, run};

const NAME: &str = "Zebulon Quillfeather";
const ACCOUNT: &str = "zebulon@example.org";

/// A command on a data directory: exit status, standard output, and both streams together.
fn ask(command: &[&str], data: &Path, more: &[&str]) -> (i32, String, String) {
    let mut args = command.to_vec();
    args.extend(["--data-dir", data.to_str().unwrap()]);
    args.extend(more);
    let output = run(&args);
    let [out, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code().unwrap(), out.clone(), out + &error)
}

/// The tick and digest that a start would come to, each journaled tick's digest having been compared.
fn comes_to(data: &Path, database: &[&str]) -> String {
    let mut more = vec!["--assets", assets().to_str().unwrap(), "--scenario", WORLD];
    more.extend(database);
    let (status, _, told) = ask(&["recover", "--dry-run"], data, &more);
    assert_eq!(status, 0, "{told}");
    let line = told.lines().find(|line| line.contains("come to"));
    line.unwrap_or_else(|| panic!("{told}")).to_owned()
}

/// Every file below a directory that holds these bytes.
fn holding(dir: &Path, part: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, part));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let holds = bytes.windows(part.len()).any(|window| window == part);
            found.extend(holds.then(|| path.display().to_string()));
        }
    }
    found
}

fn enter(door: &Door, runtime: &tokio::runtime::Runtime, account: Option<&str>) -> Client {
    let issuer = TicketIssuer::from_pem(&door.keys.private_pem, WORLD).unwrap();
    let name = CharacterName::parse(NAME).unwrap();
    let ticket = issuer.issue_of(&name, account, now_s(), 600);
    let joined = Client::connect(door.options(ticket), None);
    let mut client = runtime.block_on(joined).unwrap();
    runtime.block_on(client.next_snapshot()).unwrap();
    client
}

/// Plays until a checkpoint has the avatar, makes an archive, is killed in the middle of it.
fn played(data: &Path, archive: &Path, database: &[&str]) -> String {
    let runtime = client_runtime();
    let server = Server::start(data, &[&["--checkpoint-s", "0.6"], database].concat());
    let client = enter(&Door::of(&server), &runtime, Some(ACCOUNT));
    let id = client.welcome().avatar.to_string();
    let saved = server.metrics()["bluemarble_checkpoints_saved_total"];
    server.wait_for_metric("bluemarble_checkpoints_saved_total", saved + 2.0);
    let file = archive.to_str().unwrap();
    let mut more = vec!["--assets", assets().to_str().unwrap(), "--scenario", WORLD];
    more.extend(database);
    let (status, _, told) = ask(&["backup", file], data, &more);
    assert_eq!(status, 0, "{told}");
    server.kill();
    id
}

/// What an export says, in parts that a reader would ask for.
fn check_export(exported: &Value, id: &str) {
    assert_eq!(exported["account"]["name"], ACCOUNT);
    let character = &exported["characters"][0];
    assert_eq!(
        (&character["id"], &character["name"]),
        (&json!(id), &json!(NAME))
    );
    assert_eq!(character["audit"][0]["deed"], "exported");
    assert_eq!(character["audit"][0]["by"], "Grace");
    let checkpoints = character["databases"][0]["checkpoints"].as_array().unwrap();
    let last = checkpoints.first().expect("checkpoints hold the avatar");
    assert!(
        last["holds"]["entity"]["health"].as_u64() > Some(0),
        "{last}"
    );
    let ticks = character["journals"][0]["ticks"].as_array().unwrap();
    let says = |what: &str| ticks.iter().any(|tick| !tick["inputs"][what].is_null());
    assert!(says("admitted") || ticks.is_empty(), "the journal is read");
    assert_eq!(character["journals"][0]["unreadable"], Value::Null);
}

fn forgets(database: Option<&PostgresDatabase>) {
    let dir = tempfile::tempdir().unwrap();
    let (data, archive) = (dir.path().join("data"), dir.path().join("made-before.bma"));
    let url: Vec<&str> = database
        .iter()
        .flat_map(|database| ["--database-url", database.url()])
        .collect();
    let id = played(&data, &archive, &url);
    assert_eq!(
        holding(dir.path(), NAME.as_bytes()),
        [""; 0],
        "no name in clear"
    );
    let before = comes_to(&data, &url);

    let out = dir.path().join("all.json");
    let mut more = vec![
        "--account",
        ACCOUNT,
        "--by",
        "Grace",
        "--out",
        out.to_str().unwrap(),
    ];
    more.extend(&url);
    let (status, _, told) = ask(&["account", "export"], &data, &more);
    assert_eq!(status, 0, "{told}");
    check_export(
        &serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap(),
        &id,
    );
    std::fs::remove_file(&out).unwrap();

    let mut more = vec!["--account", ACCOUNT, "--by", "Grace"];
    more.extend(&url);
    let (status, _, told) = ask(&["account", "delete"], &data, &more);
    assert!(status == 0 && told.contains("Nothing was erased"), "{told}");
    more.push("--yes");
    let (status, _, told) = ask(&["account", "delete"], &data, &more);
    assert!(
        status == 0 && told.contains(&format!("erased: {id}")),
        "{told}"
    );
    assert!(
        !told.contains("STILL") && !told.contains("NOT YET"),
        "{told}"
    );
    let (status, _, told) = ask(&["account", "delete"], &data, &more);
    assert_eq!(status, 2, "{told}");

    // Neither name nor account anywhere, nor a key; and the world is what it was.
    for part in [NAME, ACCOUNT] {
        assert_eq!(holding(dir.path(), part.as_bytes()), [""; 0], "{part}");
    }
    assert_eq!(comes_to(&data, &url), before);
    let mut more = vec!["--id", id.as_str()];
    more.extend(&url);
    let (status, exported, told) = ask(&["account", "export"], &data, &more);
    assert_eq!(status, 0, "{told}");
    let exported: Value = serde_json::from_str(&exported).unwrap();
    let character = &exported["characters"][0];
    assert_eq!(character["name"], Value::Null);
    assert!(character["erased"].is_string());
    let deeds: Vec<_> = character["audit"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&deeds[1]["deed"], &deeds[1]["by"]),
        (&json!("erased"), &json!("Grace"))
    );
    assert_eq!(deeds.len(), 3);

    // The archive made before gives the same world, nameless.
    let restored = dir.path().join("restored");
    let more = ["--assets", assets().to_str().unwrap(), "--scenario", WORLD];
    let (status, _, told) = ask(&["restore", archive.to_str().unwrap()], &restored, &more);
    assert_eq!(status, 0, "{told}");
    Server::start(&restored, &[]).stop();
    assert_eq!(holding(dir.path(), NAME.as_bytes()), [""; 0]);

    // Whoever comes by that name now is somebody else, and the world goes on.
    let server = Server::start(&data, &url);
    let recovered = &server.status()["recovered"];
    let digest = recovered["digest"].as_str().unwrap();
    assert!(before.contains(digest), "{before} {digest}");
    let runtime = client_runtime();
    let again = enter(&Door::of(&server), &runtime, None);
    assert_ne!(again.welcome().avatar.to_string(), id);
    server.stop();
}

#[test]
fn who_is_erased_is_nowhere_and_every_digest_is_as_it_was() {
    forgets(None);
}

#[test]
fn who_is_erased_is_nowhere_in_postgres_either() {
    if let Some(database) = PostgresDatabase::create("forgetting") {
        forgets(Some(&database));
    }
}

/// Whoever came first while the database was away is the same when it is back, and was nowhere named.
#[test]
fn newcomers_are_let_in_while_the_database_is_away_and_stay_who_they_are() {
    let Some(database) = PostgresDatabase::create("newcomers") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let args = ["--database-url", database.url()];
    let runtime = client_runtime();
    let server = Server::start(dir.path(), &args);
    database.shut();
    let client = enter(&Door::of(&server), &runtime, Some(ACCOUNT));
    let id = client.welcome().avatar;
    assert!(dir.path().join("newcomers").exists());
    assert_eq!(holding(dir.path(), NAME.as_bytes()), [""; 0]);
    // Killed before the database has it: the file does.
    server.kill();
    database.open();
    let server = Server::start(dir.path(), &args);
    assert!(!dir.path().join("newcomers").exists());
    let again = enter(&Door::of(&server), &runtime, Some(ACCOUNT));
    assert_eq!(again.welcome().avatar, id);
    let body = json!({ "account": ACCOUNT });
    let (status, told) = server.post("/v1/accounts/delete", &body);
    assert_eq!(
        (status, &told["erased"]),
        (200, &json!([id.to_string()])),
        "{told}"
    );
    server.stop();
}

#[test]
fn a_running_server_erases_whoever_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = client_runtime();
    let server = Server::start(dir.path(), &[]);
    let door = Door::of(&server);
    let client = enter(&door, &runtime, Some(ACCOUNT));
    let id = client.welcome().avatar;
    let (status, told, all) = ask(
        &["account", "delete", "--character", NAME, "--yes"],
        dir.path(),
        &[],
    );
    assert!(
        status == 1 && all.contains("/v1/accounts/delete"),
        "{told}{all}"
    );
    let body = json!({ "character": NAME, "by": "Grace" });
    let (status, told) = server.post("/v1/accounts/delete", &body);
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["erased"], json!([id.to_string()]));
    assert_eq!(told["not_yet_gone"], json!([]));
    let end = runtime.block_on(client.ended());
    assert_eq!(end.code(), Some(CloseCode::Kicked));
    assert_eq!(server.post("/v1/accounts/delete", &body).0, 404);
    assert_eq!(server.post("/v1/accounts/delete", &json!({})).0, 400);
    let again = enter(&door, &runtime, None);
    assert_ne!(again.welcome().avatar, id, "somebody new");
    let unknown = json!({ "account": "nobody@example.org" });
    assert_eq!(server.post("/v1/accounts/delete", &unknown).0, 404);
    server.stop();
    assert_eq!(holding(dir.path(), NAME.as_bytes()), [""; 0]);
}
