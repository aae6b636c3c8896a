//! Several worlds in one process: created, entered, asleep and awake again, dropped; killed with the
//! process and back after it.

use bluemarble_net::client::{Client, ConnectError, Link};
use bluemarble_shared_protocol::CloseCode;
use serde_json::{Value, json};

use super::clients::{Door, client_runtime, now_s, sign};
use super::harness::{Server, WORLD, assets, eventually};

/// Creatures of the scenario `tiny`.
const VILLAGERS: u64 = 20;

fn create(server: &Server, name: &str, more: Value) -> Value {
    let mut body = json!({ "name": name, "scenario": "lively" });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let (status, row) = server.post("/v1/worlds", &body);
    assert_eq!(status, 201, "{row}");
    row
}

fn row(server: &Server, name: &str) -> Value {
    serde_json::from_str(&server.get(&format!("/v1/worlds/{name}")).1).unwrap()
}

fn names(server: &Server) -> Vec<String> {
    let page: Value = serde_json::from_str(&server.get("/v1/worlds").1).unwrap();
    let rows = page["worlds"].as_array().unwrap();
    rows.iter()
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

fn wait_for_state(server: &Server, name: &str, state: &str) -> Value {
    eventually(&format!("{name} is {state}"), || {
        let row = row(server, name);
        (row["state"] == state).then_some(row)
    })
}

fn wait_for_tick(server: &Server, name: &str, tick: u64) {
    eventually(&format!("{name} is at tick {tick}"), || {
        (row(server, name)["status"]["tick"].as_u64()? >= tick).then_some(())
    });
}

async fn enter(door: &Door, world: &str, character: &str) -> Result<Link, ConnectError> {
    let ticket = sign(&door.keys, world, character, now_s(), 600);
    Link::connect(door.options(ticket)).await
}

fn refusal(outcome: Result<Link, ConnectError>) -> CloseCode {
    match outcome {
        Err(ConnectError::Refused(end)) => end.code().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_world_is_created_entered_and_dropped_and_a_later_one_of_its_name_is_another() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let (runtime, door) = (client_runtime(), Door::of(&server));
    let made = create(&server, "pit", json!({ "seed": 9, "tick_hz": 40 }));
    assert_eq!(
        (&made["state"], &made["seed"]),
        (&json!("awake"), &json!(9))
    );
    assert_eq!(names(&server), [WORLD, "pit"]);

    let mut link = runtime.block_on(enter(&door, "pit", "Ada")).unwrap();
    assert_eq!(link.welcome().tick_hz, 40, "a clock of its own");
    runtime.block_on(link.next_datagram()).unwrap();
    eventually("Ada is seen in the pit", || {
        (row(&server, "pit")["status"]["players"] == 1).then_some(())
    });
    assert_eq!(server.status()["players"], 0, "and only there");

    // One character is in one world; a ticket of the main world leads to wherever that is.
    let outside = runtime.block_on(enter(&door, WORLD, "Ada")).unwrap();
    assert_eq!(outside.welcome().tick_hz, 40);
    let replaced = runtime.block_on(async {
        while link.next_message().await.is_ok() {}
        link.ended().await
    });
    assert_eq!(replaced.code(), Some(CloseCode::ReplacedByNewSession));
    let _bob = runtime.block_on(enter(&door, WORLD, "Bob")).unwrap();
    let nowhere = runtime.block_on(enter(&door, "pit", "Bob"));
    assert_eq!(refusal(nowhere), CloseCode::WrongWorld);
    let unknown = runtime.block_on(enter(&door, "heaven", "Cy"));
    assert_eq!(refusal(unknown), CloseCode::WrongWorld);

    assert_eq!(server.delete("/v1/worlds/pit").0, 204);
    let end = runtime.block_on(outside.ended());
    assert_eq!(end.code(), Some(CloseCode::Travelled), "{end}");
    assert_eq!(names(&server), [WORLD]);
    assert_eq!(server.get("/v1/worlds/pit").0, 404);
    let back = runtime.block_on(enter(&door, WORLD, "Ada")).unwrap();
    assert_eq!(back.welcome().tick_hz, 20, "home again");

    create(&server, "pit", json!({}));
    eventually("the new pit begins at tick 0", || {
        (row(&server, "pit")["status"]["recovered"]["tick"] == 0).then_some(())
    });
    server.stop();
}

#[test]
fn a_deserted_world_hibernates_and_is_exactly_itself_when_it_wakes() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let (runtime, door) = (client_runtime(), Door::of(&server));
    create(&server, "pit", json!({ "hibernate_s": 1 }));
    let link = runtime.block_on(enter(&door, "pit", "Ada")).unwrap();
    runtime.block_on(link.close());
    let asleep = wait_for_state(&server, "pit", "asleep");
    let (tick, digest) = (&asleep["status"]["tick"], &asleep["status"]["digest"]);

    // The first arrival wakes it.
    let _ada = runtime.block_on(enter(&door, "pit", "Ada")).unwrap();
    let awake = wait_for_state(&server, "pit", "awake");
    let recovered = eventually("its status", || {
        let recovered = row(&server, "pit")["status"]["recovered"].clone();
        (recovered["epoch"] == 1).then_some(recovered)
    });
    assert_eq!(
        (&recovered["tick"], &recovered["digest"]),
        (tick, digest),
        "{awake}"
    );
    assert_eq!(recovered["replayed_ticks"], 0);
    let (status, told) = server.post("/v1/worlds/pit/sleep", &json!(null));
    assert_eq!(status, 409, "{told}");

    create(&server, "match", json!({ "hibernate_s": 0 }));
    assert_eq!(server.post("/v1/worlds/match/sleep", &json!(null)).0, 200);
    assert_eq!(row(&server, "match")["state"], "asleep");
    server.stop();

    // Who slept sleeps on after a restart; who was awake is awake.
    let server = Server::start(dir.path(), &[]);
    wait_for_state(&server, "pit", "awake");
    assert_eq!(row(&server, "match")["state"], "asleep");
    assert_eq!(server.post("/v1/worlds/match/wake", &json!(null)).0, 200);
    server.stop();
}

#[test]
fn worlds_killed_with_the_process_come_back_to_what_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--checkpoint-s", "600"];
    let server = Server::start(dir.path(), &args);
    let (runtime, door) = (client_runtime(), Door::of(&server));
    create(&server, "pit", json!({}));
    create(&server, "gone", json!({}));
    let _ada = runtime.block_on(enter(&door, "pit", "Ada")).unwrap();
    wait_for_tick(&server, "pit", 60);
    assert_eq!(server.delete("/v1/worlds/gone").0, 204);
    let seen = row(&server, "pit");
    server.kill();

    let server = Server::start(dir.path(), &args);
    wait_for_state(&server, "pit", "awake");
    wait_for_tick(&server, "pit", 1);
    let recovered = &row(&server, "pit")["status"]["recovered"];
    assert!(recovered["replayed_ticks"].as_u64().unwrap() > 0);
    let durable = seen["status"]["durable_tick"].as_u64().unwrap();
    assert!(
        recovered["tick"].as_u64().unwrap() >= durable,
        "{recovered}"
    );
    assert_eq!(names(&server), [WORLD, "pit"]);
    // The main world's ticket finds the character where it was left.
    let door = Door::of(&server);
    let link = runtime.block_on(enter(&door, WORLD, "Ada")).unwrap();
    assert_eq!(link.welcome().epoch.0, 2);
    eventually("Ada is in the pit", || {
        (row(&server, "pit")["status"]["players"] == 1).then_some(())
    });
    server.stop();
}

#[test]
fn what_makes_no_sense_is_refused_and_nothing_is_left_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    for (body, status, what) in [
        (json!({ "name": "pit" }), 400, "scenario"),
        (
            json!({ "name": "../x", "scenario": "tiny" }),
            400,
            "letters",
        ),
        (
            json!({ "name": "pit", "scenario": "../x" }),
            400,
            "scenario",
        ),
        (json!({ "name": "pit", "scenario": "none" }), 400, "none"),
        (
            json!({ "name": "pit", "scenario": "tiny", "tick_hz": 3 }),
            400,
            "tick_hz",
        ),
        (
            json!({ "name": "pit", "scenario": "tiny", "zone": 3 }),
            400,
            "zone",
        ),
        (json!({ "name": WORLD, "scenario": "tiny" }), 409, "main"),
    ] {
        let (given, told) = server.post("/v1/worlds", &body);
        assert_eq!(given, status, "{body}: {told}");
        assert!(told["error"].as_str().unwrap().contains(what), "{told}");
    }
    create(&server, "pit", json!({}));
    let (status, told) = server.post("/v1/worlds", &json!({ "name": "pit", "scenario": "tiny" }));
    assert_eq!(status, 409, "{told}");
    assert_eq!(server.delete(&format!("/v1/worlds/{WORLD}")).0, 409);
    assert_eq!(server.delete("/v1/worlds/none").0, 404);
    assert_eq!(server.post("/v1/worlds/none/wake", &json!(null)).0, 404);
    assert_eq!(names(&server), [WORLD, "pit"]);
    assert_eq!(server.get_with("/v1/worlds", Some("wrong")).0, 401);
    server.stop();
}

#[test]
fn zones_of_any_world_are_listed_drawn_and_changed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    create(&server, "pit", json!({ "zones": 3, "hibernate_s": 0 }));
    let zones = |path: &str| -> Value {
        eventually(path, || {
            let (status, page) = server.get(path);
            (status == 200).then(|| serde_json::from_str(&page).unwrap())
        })
    };
    let count = |page: &Value| page["zones"].as_array().unwrap().len();
    let page = zones("/v1/worlds/pit/zones");
    assert_eq!((&page["world"], count(&page)), (&json!("pit"), 3));
    let (main, named) = (
        zones("/v1/zones"),
        zones(&format!("/v1/worlds/{WORLD}/zones")),
    );
    assert_eq!((count(&main), count(&named)), (4, 4));
    assert_eq!(named["world"], WORLD);
    let drawn = zones("/v1/worlds/pit/zones?format=geojson");
    assert_eq!(drawn["features"].as_array().unwrap().len(), 3);
    assert_eq!(server.get("/v1/zones?format=png").0, 400);

    let (status, told) = server.post("/v1/worlds/pit/zones/split", &json!({ "zone": 1 }));
    assert_eq!((status, &told["zones"]), (200, &json!(4)), "{told}");
    eventually(
        "the pit has four zones, the main world as many as before",
        || {
            let pit = count(&zones("/v1/worlds/pit/zones"));
            (pit == 4 && count(&zones("/v1/zones")) == 4).then_some(())
        },
    );
    let merge = json!({ "zone": 77 });
    assert_eq!(server.post("/v1/worlds/pit/zones/merge", &merge).0, 409);
    assert_eq!(server.post("/v1/worlds/hell/zones/merge", &merge).0, 404);
    assert_eq!(server.get("/v1/worlds/hell/zones").0, 404);
    server.wait_for_metric("bluemarble_world_zones{world=\"pit\"}", 4.0);
    server.wait_for_metric(&format!("bluemarble_world_tick{{world=\"{WORLD}\"}}"), 1.0);

    assert_eq!(server.post("/v1/worlds/pit/sleep", &json!(null)).0, 200);
    let (status, page) = server.get("/v1/worlds/pit/zones");
    assert!(status == 409 && page.contains("asleep"), "{status} {page}");
    server.stop();
}

#[test]
fn who_is_on_the_way_to_a_world_that_fails_turns_back_by_command() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let (runtime, door) = (client_runtime(), Door::of(&server));
    // A world that cannot be woken any more: its scenario is gone.
    let doomed = assets().join("scenarios/doomed.ron");
    std::fs::copy(assets().join("scenarios/tiny.ron"), &doomed).unwrap();
    let pit = json!({ "name": "pit", "scenario": "doomed", "hibernate_s": 0 });
    assert_eq!(server.post("/v1/worlds", &pit).0, 201);
    let (status, told) = server.post("/v1/worlds/pit/turn-back", &json!(null));
    assert_eq!(status, 400, "it has not failed: {told}");
    assert_eq!(server.post("/v1/worlds/pit/sleep", &json!(null)).0, 200);
    std::fs::remove_file(&doomed).unwrap();
    let _ada = runtime.block_on(door.enter("Ada")).unwrap();
    eventually("Ada is in", || {
        (avatars(&server, WORLD)? == 1).then_some(())
    });

    let who = json!({ "character": "Ada" });
    std::thread::scope(|scope| {
        let travelling = scope.spawn(|| server.post("/v1/worlds/pit/travel", &who));
        wait_for_state(&server, "pit", "failed");
        eventually("Ada has left", || {
            (avatars(&server, WORLD)? == 0).then_some(())
        });
        // Her departure has to be durable before anybody knows of it for sure.
        let turned = eventually("she turns back", || {
            let (status, told) = server.post("/v1/worlds/pit/turn-back", &json!(null));
            assert_eq!(status, 200, "{told}");
            (told["turned_back"] == 1).then_some(told)
        });
        assert_eq!(turned["may_be_there"], 0);
        let (status, told) = travelling.join().unwrap();
        assert_eq!(status, 422, "the command says why she is not there: {told}");
    });
    eventually("Ada is back", || {
        (avatars(&server, WORLD)? == 1).then_some(())
    });
    let link = runtime.block_on(door.enter("Ada")).unwrap();
    runtime.block_on(link.next_datagram()).unwrap();
    server.kill();

    // She is home for good.
    let server = Server::start(dir.path(), &[]);
    eventually("Ada is home", || {
        (avatars(&server, WORLD)? == 1).then_some(())
    });
    server.stop();
}

/// Avatars in a world of the scenario `tiny`, whose creatures are always as many.
fn avatars(server: &Server, world: &str) -> Option<u64> {
    let entities = row(server, world)["status"]["entities"].as_u64()?;
    Some(entities - VILLAGERS)
}

#[test]
fn a_traveller_follows_by_connecting_again_and_is_brought_home_when_the_world_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let (runtime, door) = (client_runtime(), Door::of(&server));
    let pit = json!({ "name": "pit", "scenario": "tiny", "tick_hz": 40, "hibernate_s": 0 });
    assert_eq!(server.post("/v1/worlds", &pit).0, 201);
    assert_eq!(server.post("/v1/worlds/pit/sleep", &json!(null)).0, 200);
    let options = door.options(door.ticket("Ada"));
    let mut client = runtime.block_on(Client::connect(options, None)).unwrap();
    runtime.block_on(client.next_snapshot()).unwrap();

    let who = json!({ "character": "Ada" });
    let (status, told) = server.post("/v1/worlds/pit/travel", &who);
    assert_eq!(status, 204, "{told}");
    let end = runtime.block_on(client.ended());
    assert!(end.has_travelled(), "{end}");
    runtime.block_on(client.follow(None)).unwrap();
    assert_eq!(
        client.welcome().tick_hz,
        40,
        "the world she was sent to was woken"
    );
    runtime.block_on(client.next_snapshot()).unwrap();
    eventually("nobody is left at home", || {
        (avatars(&server, WORLD)? == 0 && avatars(&server, "pit")? == 1).then_some(())
    });
    assert_eq!(
        server.post("/v1/worlds/pit/travel", &who).0,
        204,
        "already there"
    );
    let nobody = json!({ "character": "Bob" });
    assert_eq!(server.post("/v1/worlds/pit/travel", &nobody).0, 404);
    assert_eq!(server.post("/v1/worlds/hell/travel", &who).0, 404);

    assert_eq!(server.delete("/v1/worlds/pit").0, 204);
    let end = runtime.block_on(client.ended());
    assert!(end.has_travelled(), "{end}");
    runtime.block_on(client.follow(None)).unwrap();
    assert_eq!(client.welcome().tick_hz, 20);
    eventually("she is home", || {
        (avatars(&server, WORLD)? == 1).then_some(())
    });
    server.stop();
}

#[test]
fn a_traveller_is_in_exactly_one_world_however_the_process_is_killed_on_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("patient.toml");
    std::fs::write(&config, "[net]\ngrace_s = 3600\n").unwrap();
    let config = config.to_str().unwrap().to_owned();
    let args = ["--config", config.as_str()];
    let mut server = Server::start(dir.path(), &args);
    let runtime = client_runtime();
    let pit = json!({ "name": "pit", "scenario": "tiny", "hibernate_s": 0 });
    assert_eq!(server.post("/v1/worlds", &pit).0, 201);
    let _ada = runtime.block_on(Door::of(&server).enter("Ada")).unwrap();
    eventually("Ada is in", || {
        (avatars(&server, WORLD)? == 1).then_some(())
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    // A journey takes a few group commits of 100 ms: the kills are spread over them.
    for (round, after_ms) in [20, 110, 190, 260, 340].into_iter().enumerate() {
        let to = if avatars(&server, WORLD) == Some(1) {
            "pit"
        } else {
            WORLD
        };
        std::thread::scope(|scope| {
            let travelling = scope.spawn(|| {
                // The answer may never come.
                server.try_post(
                    &format!("/v1/worlds/{to}/travel"),
                    &json!({ "character": "Ada" }),
                )
            });
            std::thread::sleep(std::time::Duration::from_millis(after_ms));
            server.kill_now();
            let _cut_off = travelling.join();
        });
        drop(server);
        server = Server::start(dir.path(), &args);
        wait_for_state(&server, "pit", "awake");
        eventually(&format!("round {round}: Ada is in one world"), || {
            let (home, pit) = (avatars(&server, WORLD)?, avatars(&server, "pit")?);
            assert!(
                home + pit <= 1,
                "round {round}: {home} at home, {pit} in the pit"
            );
            (home + pit == 1).then_some(())
        });
        let before = (avatars(&server, WORLD), avatars(&server, "pit"));
        let _ada = runtime.block_on(Door::of(&server).enter("Ada")).unwrap();
        let tick = server.status()["tick"].as_u64().unwrap();
        server.wait_for_tick(tick + 30);
        let after = (avatars(&server, WORLD), avatars(&server, "pit"));
        assert_eq!(
            before, after,
            "round {round}: her ticket finds her where she is"
        );
    }
    server.stop();
}
