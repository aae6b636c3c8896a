//! Players whose connection breaks, and whose server does: they come back with a token to the avatar
//! they left, and to no second one.

use bluemarble_net::client::Client;
use bluemarble_shared_protocol::{Intent, WishDir};
use tokio::runtime::Runtime;

use super::clients::{Door, client_runtime, now_s, sign};
use super::harness::{Server, WORLD};

/// Walks for some ticks; the last confirmed position.
fn walk(runtime: &Runtime, client: &mut Client, ticks: usize) -> [f64; 3] {
    runtime.block_on(async {
        for _ in 0..ticks {
            let tick = client.next_snapshot().await.unwrap();
            let intent = Intent {
                view_tick: tick,
                wish: WishDir::from_axes(40, 40).expect("in range"),
                pace: Intent::PACE_MAX,
                ..Intent::default()
            };
            client.send_intent(intent).unwrap();
        }
    });
    let values = client.core().own().confirmed.unwrap().body.values;
    [values[0], values[1], values[2]]
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    let squares = (0..3).map(|k| (a[k] - b[k]) * (a[k] - b[k]));
    squares.sum::<f64>().sqrt()
}

#[test]
fn a_player_comes_back_to_the_same_avatar_after_a_broken_line_and_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--checkpoint-s", "0.7"]);
    let runtime = client_runtime();
    let door = Door::of(&server);
    // Good for the hello and not for long: what counts later is the token.
    let ticket = sign(&door.keys, WORLD, "Ada", now_s(), 30);
    let mut client = runtime
        .block_on(Client::connect(door.options(ticket), None))
        .unwrap();
    let avatar = client.welcome().avatar;
    let there = walk(&runtime, &mut client, 40);
    let seen = client.core().view().len();
    assert!(seen >= 20, "the villagers are in view: {seen}");

    let before = *client.core().stats();
    client
        .connection()
        .close(9_999_u32.into(), b"the line breaks");
    let resumed = runtime.block_on(client.resume(None)).unwrap();
    assert!(resumed, "nothing was forgotten");
    let here = walk(&runtime, &mut client, 10);
    assert!(distance(there, here) < 40.0);
    let enters = client.core().stats().enters - before.enters;
    assert!(enters < seen as u64 / 4, "{enters} sent in full of {seen}");
    assert_eq!(client.welcome().avatar, avatar);
    assert_eq!(client.core().own().divergences, 0);
    server.wait_for_metric("bluemarble_hub_resumed_total", 1.0);

    let there = walk(&runtime, &mut client, 60);
    let epoch = client.welcome().epoch;
    server.kill();
    let server = Server::start(dir.path(), &["--checkpoint-s", "0.7"]);
    client.server_moved(server.quic());
    let resumed = runtime.block_on(client.resume(None)).unwrap();
    assert!(!resumed, "another epoch: all is told anew");
    assert_eq!(client.welcome().avatar, avatar);
    assert!(client.welcome().epoch > epoch);
    let here = walk(&runtime, &mut client, 20);
    assert!(distance(there, here) < 60.0, "{there:?} {here:?}");
    server.wait_for_metric("bluemarble_players", 1.0);
    let metrics = server.metrics();
    assert_eq!(metrics["bluemarble_hub_leaves_total"], 0.0);
    assert_eq!(metrics["bluemarble_hub_resumed_afresh_total"], 1.0);
    server.stop();
}
