//! Tapes of what a client got over a bad line, what it acknowledged and whom it showed, exported to
//! `shared-protocol/vectors/sessions.json` for clients in other languages to follow.
//!
//! After a change of a layout or of what the hub sends when, written anew by
//! `cargo test -p bluemarble-net --test pair tape -- --ignored`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bluemarble_net::client::{ClientCore, Taken};
use bluemarble_shared_protocol::codec::DecodeError;
use serde_json::{Value, json};

use super::game::{Game, Play};
use super::link::Weather;
use super::rows::{entity, wide};
use super::{ROUGH, STORM, play};

/// What happened to a client, in order.
#[derive(Default)]
pub struct Tape(Vec<Value>);

impl Tape {
    /// A datagram arrived.
    pub fn got(&mut self, bytes: &[u8], became: &Result<Taken, DecodeError>) {
        let became = match became {
            Ok(Taken::Snapshot { .. }) => "taken",
            Ok(Taken::Ignored) => "dropped",
            Ok(Taken::Diverged) => "diverged",
            Err(_) => "refused",
        };
        self.0.push(json!({"got": hex(bytes), "became": became}));
    }

    /// It sent an intent with these acknowledgements.
    pub fn sent(&mut self, core: &ClientCore) {
        self.0.push(json!({"sent": core.taken()}));
    }

    /// Whom it shows, and what it knows about itself.
    pub fn shows(&mut self, core: &ClientCore) {
        let entities: Vec<Value> = core
            .view()
            .iter()
            .map(|(id, seen)| json!([wide(id.0), seen.updated.0, entity(&seen.state)]))
            .collect();
        let own = core.own();
        let vitals = own.vitals.map(|vitals| {
            [
                u32::from(vitals.health),
                u32::from(vitals.health_max),
                u32::from(vitals.ready_in_ticks),
                u32::from(vitals.respawn_in_ticks),
                vitals.kills,
                vitals.deaths,
            ]
        });
        self.0.push(json!({
            "shows": entities,
            "tick": core.tick().0,
            "epoch": core.epoch().0,
            "durable": core.durable().0,
            "own": [own.tick.map(|tick| tick.0), own.applied.0, vitals],
        }));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A client's tape, and the lines of the file that are about it.
fn recorded(name: &str, seed: u64, weather: Weather, who: usize) -> String {
    let mut short = play(seed, weather);
    short.clients = 2;
    short.life.walkers = 24;
    short.life.patch_m = 90.0;
    let mut game = Game::new(Play { ..short });
    let core = &game.clients[who].core;
    let schema = core.schema().tables().version;
    let welcome = json!({"epoch": core.epoch().0, "tick": core.tick().0, "tickHz": core.tick_hz(),
        "tables": schema});
    game.clients[who].tape = Some(Tape::default());
    for _ in 0..4 {
        record(&mut game, who, 30);
    }
    // What is under way from before the restart comes late, and must not count.
    game.restart();
    for _ in 0..3 {
        record(&mut game, who, 20);
    }
    let tape = game.clients[who].tape.take().expect("it was recorded");
    let mut text = format!(
        "    {{\"name\": {}, \"welcome\": {welcome}, \"tape\": [\n",
        json!(name)
    );
    for (n, event) in tape.0.iter().enumerate() {
        let comma = if n + 1 < tape.0.len() { "," } else { "" };
        writeln!(text, "      {event}{comma}").expect("strings take everything");
    }
    text + "    ]}"
}

fn record(game: &mut Game, who: usize, ticks: u64) {
    game.run(ticks);
    let client = &mut game.clients[who];
    if let Some(tape) = &mut client.tape {
        tape.shows(&client.core);
    }
}

/// One client of either build, see `Game::connect`.
fn tapes() -> String {
    let sessions = [
        recorded("rough", 1, ROUGH, 0),
        recorded("stormy", 2, STORM, 1),
    ];
    format!("{{\n  \"sessions\": [\n{}\n  ]\n}}\n", sessions.join(",\n"))
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared-protocol/vectors/sessions.json")
}

#[test]
fn the_tapes_are_what_this_build_records() {
    let checked_in = std::fs::read_to_string(file()).unwrap();
    assert!(
        checked_in == tapes(),
        "shared-protocol/vectors/sessions.json differs; if what is sent was changed on purpose: cargo test \
         -p bluemarble-net --test pair tape -- --ignored"
    );
}

#[test]
#[ignore = "writes the file anew"]
fn write_the_tapes() {
    std::fs::write(file(), tapes()).unwrap();
}
