//! Vectors for decoders in other languages: `vectors/codec.json` says what bytes mean, and this test that
//! they still do. Written anew by
//! `cargo test -p bluemarble-shared-protocol --test vectors -- --ignored`.
//!
//! States are lists: cell (hex), position, velocity, heading, rotation (`null`, or greatest and three
//! others), health, action, count, airborne, swimming, kind.

#[path = "vectors/draw.rs"]
mod draw;
#[path = "vectors/session.rs"]
mod session;

use std::fmt::Write as _;
use std::path::Path;

use bluemarble_shared_protocol::bits::{BitReader, BitWriter};
use bluemarble_shared_protocol::codec::tables::AGE_CLASSES;
use bluemarble_shared_protocol::codec::{
    Acks, Baseline, IntentDatagram, Rotation, Schema, delta, full,
};
use bluemarble_shared_protocol::{EntityId, InputSeq, Intent, Tick, WireEntity};

use draw::Draw;

/// The file, from this crate's folder.
const FILE: &str = "vectors/codec.json";
/// Deltas of each schema, full states, datagrams of each kind.
const DELTAS: u64 = 150;
const FULL: u64 = 60;
const INTENTS: u64 = 40;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn rotation_text(rotation: Option<Rotation>) -> String {
    rotation.map_or("null".to_owned(), |rotation| {
        let [a, b, c] = rotation.parts();
        format!("[{},{a},{b},{c}]", rotation.largest())
    })
}

fn state_text(state: &WireEntity) -> String {
    format!(
        "[\"{:016x}\",{:?},{:?},{},{},{},{},{},{},{},{}]",
        state.cell,
        state.pos_cm,
        state.vel_cmps,
        state.yaw,
        rotation_text(state.rotation),
        state.health,
        state.action as u8,
        state.action_n,
        u8::from(state.flags.airborne),
        u8::from(state.flags.swimming),
        state.kind,
    )
    .replace(", ", ",")
}

fn tables_text(schema: Schema) -> String {
    let tables = schema.tables();
    let widths = |codes: &[bluemarble_shared_protocol::codec::prefix::BucketCode]| {
        let all: Vec<String> = codes.iter().map(|c| format!("{:?}", c.widths())).collect();
        format!("[{}]", all.join(",")).replace(", ", ",")
    };
    let walkers: Vec<String> = (0..AGE_CLASSES)
        .map(|class| widths(tables.of_walkers(class).all()))
        .collect();
    let bodies: Vec<String> = tables.bodies.iter().map(|c| widths(c)).collect();
    let fields: Vec<String> = schema
        .named_fields()
        .iter()
        .map(|field| {
            let version = field.version;
            let name = &field.name;
            format!(
                "[\"{name}\",{},{},{}]",
                version.id, version.layout, version.tables
            )
        })
        .collect();
    format!(
        "{{\"tables\":{},\"fields\":[{}],\n\"walkers\":[{}],\n\"bodies\":[{}]}}",
        tables.version,
        fields.join(","),
        walkers.join(","),
        bodies.join(","),
    )
}

fn delta_text(schema: Schema, seed: u64) -> String {
    let mut draw = Draw(seed);
    let hz = [20, 20, 30, 60, 7][draw.below(5) as usize];
    let base = draw.baseline();
    let state = draw.later(&base, hz);
    let mut out = BitWriter::default();
    delta::write(&mut out, schema.tables(), &base, hz, &state);
    let bytes = out.to_bytes();
    let mut bits = BitReader::new(&bytes);
    assert_eq!(
        delta::read(&mut bits, schema.tables(), &base, hz),
        Ok(state)
    );
    let Baseline {
        state: old,
        age,
        earlier,
    } = base;
    let earlier = earlier.map_or("null".to_owned(), |(state, age)| {
        format!("[{},{age}]", state_text(&state))
    });
    format!(
        "[{},{hz},{age},{},{earlier},\"{}\",{},{}]",
        schema.tables().version,
        state_text(&old),
        hex(&bytes),
        out.bits(),
        state_text(&state),
    )
}

fn full_text(seed: u64) -> String {
    let state = Draw(seed).state();
    let mut out = BitWriter::default();
    full::write(&mut out, &state);
    format!(
        "[\"{}\",{},{}]",
        hex(&out.to_bytes()),
        out.bits(),
        state_text(&state)
    )
}

fn intents_text(seed: u64) -> String {
    let mut draw = Draw(seed);
    let first = draw.below(1 << 20);
    let count = draw.below(9);
    let mut tick = 90_000 + u64::from(draw.below(1_000));
    let intents: Vec<Intent> = (0..count)
        .map(|n| {
            tick += u64::from(draw.below(3));
            draw.intent(InputSeq(first + n), Tick(tick))
        })
        .collect();
    let acks = (draw.below(4) > 0).then(|| Acks {
        newest: draw.word() as u16,
        before: draw.word() as u32,
    });
    let bytes = IntentDatagram::encode(acks, &intents);
    let said: Vec<String> = intents
        .iter()
        .map(|intent| {
            let attack = intent
                .attack
                .map_or("null".to_owned(), |EntityId(id)| format!("\"{id:016x}\""));
            let (u, v) = intent.wish.axes();
            format!(
                "[{},{},{u},{v},{},{},{attack}]",
                intent.seq.0,
                intent.view_tick.0,
                intent.pace,
                u8::from(intent.buttons.jump),
            )
        })
        .collect();
    let acks = acks.map_or("null".to_owned(), |acks| {
        format!("[{},{}]", acks.newest, acks.before)
    });
    format!("[\"{}\",{acks},[{}]]", hex(&bytes), said.join(","))
}

fn list(entries: impl Iterator<Item = String>) -> String {
    entries.collect::<Vec<_>>().join(",\n")
}

fn vectors() -> String {
    let schemas = || Schema::SUPPORTED.into_iter();
    let deltas = schemas().flat_map(|schema| (0..DELTAS).map(move |n| delta_text(schema, n)));
    format!(
        "{{\"protocol\":2,\n\
         \"state\":\"cell hex, position, velocity, heading, rotation or null, health, action, count, \
         airborne, swimming, kind\",\n\
         \"schemas\":[\n{}],\n\
         \"delta\":\"tables, hz, age, baseline, earlier [state, age] or null, bytes, bits, state\",\n\
         \"deltas\":[\n{}],\n\
         \"full\":\"bytes, bits, state without its cell\",\n\
         \"fulls\":[\n{}],\n\
         \"session\":\"tables, hz, welcome's tick, then datagrams: bytes, header [number, epoch, tick, \
         usual, level, slower, check or null], own, records; null records of one that cannot be decoded\",\n\
         \"sessions\":[\n{}],\n\
         \"intent\":\"bytes, acks [newest, before] or null, intents [seq, view tick, u, v, pace, jump, \
         attack]\",\n\
         \"intents\":[\n{}]}}\n",
        list(schemas().map(tables_text)),
        list(deltas),
        list((0..FULL).map(full_text)),
        list(schemas().map(session::session_text)),
        list((0..INTENTS).map(intents_text)),
    )
}

fn file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)
}

#[test]
fn the_vectors_are_what_this_build_writes() {
    let checked_in = std::fs::read_to_string(file()).unwrap();
    let ours = vectors();
    let first = checked_in
        .lines()
        .zip(ours.lines())
        .position(|(a, b)| a != b);
    assert!(
        checked_in == ours,
        "{FILE} differs from line {first:?} on; if the wire was changed on purpose: cargo test -p \
         bluemarble-shared-protocol --test vectors -- --ignored"
    );
}

#[test]
#[ignore = "writes the file anew"]
fn write_the_vectors() {
    std::fs::write(file(), vectors()).unwrap();
}
