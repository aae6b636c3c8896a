//! Values at the edge of what they may be, and the first beyond it, laid out bit by bit as the document
//! draws them, without the writer. What is readable is said here and not asked of the decoder.

use bluemarble_shared_protocol::Tick;
use bluemarble_shared_protocol::bits::BitWriter;
use bluemarble_shared_protocol::codec::prefix::BucketCode;
use bluemarble_shared_protocol::codec::tables::V2;
use bluemarble_shared_protocol::codec::{IntentDatagram, SnapshotReader};
use serde_json::{Value, json};

use super::hex;

/// Snapshots without updates, and intents.
pub fn edges() -> Value {
    json!({ "snapshots": rows(snapshots(), readable_snapshot), "intents": rows(intents(), readable_intents) })
}

/// What it tries, its bits, whether that may be.
type Edge = (String, BitWriter, bool);

fn rows(edges: Vec<Edge>, readable: fn(&[u8]) -> bool) -> Vec<Value> {
    let row = |(what, bits, may_be): Edge| {
        let bytes = bits.to_bytes();
        assert_eq!(readable(&bytes), may_be, "{what}");
        json!({ "what": what, "bytes": hex(&bytes), "readable": may_be })
    };
    edges.into_iter().map(row).collect()
}

fn readable_snapshot(bytes: &[u8]) -> bool {
    let Ok(mut reader) = SnapshotReader::open(bytes, &V2, 20) else {
        return false;
    };
    loop {
        match reader.next_record(|_, _| None) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

fn readable_intents(bytes: &[u8]) -> bool {
    IntentDatagram::decode(bytes, Tick(1_000)).is_ok()
}

/// What snapshots of one record, or none, consist of, all of it harmless.
struct Snapshot {
    kind: u64,
    usual: u32,
    strain: Option<(u64, u64)>,
    own: Own,
    records: Vec<Record>,
}

enum Own {
    Section(u64),
    Support(u64),
    Position(f64),
    Waits(u32, u32),
}

enum Record {
    Enter {
        gap: u32,
        new_cell: bool,
        state: State,
    },
    Remove {
        gap: u32,
        reason: u64,
    },
}

struct State {
    kind: u32,
    velocity: i32,
    /// Of a body: which component is the greatest, and the others.
    turned: Option<[i64; 3]>,
    action: u64,
}

const HARMLESS: State = State {
    kind: 1,
    velocity: 0,
    turned: None,
    action: 0,
};

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            kind: 0x12,
            usual: 0,
            strain: None,
            own: Own::Section(0),
            records: Vec::new(),
        }
    }
}

impl Snapshot {
    fn of(state: State) -> Self {
        let records = vec![Record::Enter {
            gap: 0,
            new_cell: true,
            state,
        }];
        Self {
            records,
            ..Self::default()
        }
    }

    fn bits(&self) -> BitWriter {
        let mut out = BitWriter::default();
        out.write(self.kind, 8);
        out.write(7, 16);
        out.write(3, 4);
        out.write(999, 16);
        BucketCode::new(&[2, 3, 7]).write(&mut out, self.usual);
        out.write_bool(self.strain.is_some());
        if let Some((level, slower)) = self.strain {
            out.write(level, 3);
            out.write(slower, 5);
        }
        self.own.write(&mut out);
        // No check.
        out.write_bool(false);
        out.write_bool(false);
        out.write(self.records.len() as u64, 5);
        for record in &self.records {
            record.write(&mut out);
        }
        out
    }
}

impl Own {
    fn write(&self, out: &mut BitWriter) {
        let (position, support, waits) = match *self {
            // The first two bits alone: nothing follows that could be misread.
            Own::Section(section) => return out.write(section, 2),
            Own::Support(support) => (1.0, support, (0, 0)),
            Own::Position(position) => (position, 0, (0, 0)),
            Own::Waits(attack, life) => (1.0, 0, (attack, life)),
        };
        out.write(2, 2);
        out.write(f64::to_bits(position), 64);
        for _ in 0..8 {
            out.write(0, 64);
        }
        out.write(support, 2);
        out.write(10, 16);
        out.write(20, 16);
        let wait = BucketCode::new(&[0, 8, 16]);
        wait.write(out, waits.0);
        wait.write(out, waits.1);
        // No kills, no deaths, no intent applied, all durable.
        out.write(0, 5);
        out.write(0, 5);
        out.write(0, 16);
        out.write(0, 3);
    }
}

impl Record {
    fn write(&self, out: &mut BitWriter) {
        let index = BucketCode::new(&[0, 0, 1, 3, 5, 14]);
        match self {
            Record::Enter {
                gap,
                new_cell,
                state,
            } => {
                index.write(out, *gap);
                out.write(0b0111, 4);
                out.write(99, 64);
                out.write_bool(*new_cell);
                if *new_cell {
                    out.write(0x8644_0000_0000_0000, 64);
                }
                state.write(out);
            }
            Record::Remove { gap, reason } => {
                index.write(out, *gap);
                out.write(0b1111, 4);
                out.write(*reason, 2);
            }
        }
    }
}

impl State {
    fn write(&self, out: &mut BitWriter) {
        BucketCode::new(&[3, 8, 16]).write(out, self.kind);
        BucketCode::new(&[17, 21, 32]).write_signed(out, 5);
        BucketCode::new(&[17, 21, 32]).write_signed(out, -5);
        BucketCode::new(&[9, 14, 20, 32]).write_signed(out, 0);
        for velocity in [self.velocity, 0, 0] {
            BucketCode::new(&[0, 8, 11, 17]).write_signed(out, velocity);
        }
        out.write_bool(self.turned.is_some());
        match self.turned {
            None => out.write(64, 8),
            Some(parts) => {
                out.write(3, 2);
                for part in parts {
                    out.write((part + 511) as u64, 10);
                }
            }
        }
        out.write_bool(false);
        out.write(self.action, 2);
        out.write(0, 4);
        out.write(0, 2);
    }
}

fn snapshots() -> Vec<Edge> {
    let mut edges = Vec::new();
    let mut edge = |what: &str, snapshot: Snapshot, may_be: bool| {
        edges.push((what.to_owned(), snapshot.bits(), may_be));
    };
    let plain = Snapshot::default;
    for (kind, may_be) in [(0x12, true), (0x11, false), (0x13, false), (0x21, false)] {
        edge("kind and version", Snapshot { kind, ..plain() }, may_be);
    }
    for (usual, may_be) in [(127, true), (128, false), (139, false)] {
        edge("usual", Snapshot { usual, ..plain() }, may_be);
    }
    for (strain, may_be) in [
        ((1, 0), true),
        ((6, 24), true),
        ((5, 1), true),
        ((0, 0), false),
        ((7, 0), false),
        ((4, 1), false),
        ((5, 25), false),
    ] {
        let strain = Some(strain);
        edge("level and slower", Snapshot { strain, ..plain() }, may_be);
    }
    let mut own = |what: &str, own: Own, may_be: bool| {
        edge(what, Snapshot { own, ..plain() }, may_be);
    };
    own("own section", Own::Section(3), false);
    own("support", Own::Support(2), true);
    own("support", Own::Support(3), false);
    own("a body's number", Own::Position(f64::MAX), true);
    own("a body's number", Own::Position(f64::INFINITY), false);
    own("a body's number", Own::Position(f64::NAN), false);
    own("waits", Own::Waits(65_535, 65_535), true);
    own("wait for the next attack", Own::Waits(65_536, 0), false);
    own("wait for the return to life", Own::Waits(0, 65_536), false);
    for (gap, may_be) in [(16_383, true), (16_384, false)] {
        let records = vec![Record::Remove { gap, reason: 0 }];
        edge("index", Snapshot { records, ..plain() }, may_be);
    }
    for (reason, may_be) in [(2, true), (3, false)] {
        let records = vec![Record::Remove { gap: 0, reason }];
        edge("reason", Snapshot { records, ..plain() }, may_be);
    }
    let mut enter = |what: &str, state: State, may_be: bool| {
        edge(what, Snapshot::of(state), may_be);
    };
    let kind = |kind| State { kind, ..HARMLESS };
    enter("an entity's kind", kind(65_535), true);
    enter("an entity's kind", kind(65_536), false);
    let velocity = |velocity| State {
        velocity,
        ..HARMLESS
    };
    enter("velocity", velocity(32_767), true);
    enter("velocity", velocity(32_768), false);
    enter("velocity", velocity(-32_768), true);
    enter("velocity", velocity(-32_769), false);
    let action = |action| State { action, ..HARMLESS };
    enter("action", action(2), true);
    enter("action", action(3), false);
    let turned = |parts| State {
        turned: Some(parts),
        ..HARMLESS
    };
    enter("rotation", turned([511, 511, 0]), true);
    enter("rotation", turned([511, 511, 1]), false);
    enter("rotation", turned([-511, 0, 511]), true);
    enter("rotation", turned([512, 0, 0]), false);
    let cells = |new_cell| {
        let records = vec![
            Record::Enter {
                gap: 0,
                new_cell: true,
                state: HARMLESS,
            },
            Record::Enter {
                gap: 0,
                new_cell,
                state: HARMLESS,
            },
        ];
        Snapshot { records, ..plain() }
    };
    edge("the second record in the first's cell", cells(false), true);
    let mut first = cells(false);
    first.records.remove(0);
    edge("the first record without a cell", first, false);

    let mut filled = plain().bits();
    filled.write(1, 1);
    edges.push(("padding of another bit than 0".to_owned(), filled, false));
    let mut longer = plain().bits();
    longer.align();
    longer.write(0, 8);
    edges.push(("a byte more".to_owned(), longer, false));
    edges
}

/// An intents datagram of so many intents, the first of number `seq`, with a wish.
fn wishing(count: u64, seq: u64, [u, v]: [u64; 2]) -> BitWriter {
    let mut out = BitWriter::default();
    out.write(0x21, 8);
    out.write_bool(false);
    out.write(count, 4);
    for n in 0..count {
        if n == 0 {
            out.write(seq, 32);
            out.write(990, 32);
        } else {
            // The next tick, the same wish.
            out.write(0, 2);
            continue;
        }
        out.write(u, 10);
        out.write(v, 10);
        out.write(15, 4);
        out.write(0, 2);
    }
    out
}

fn intents() -> Vec<Edge> {
    let newest = u64::from(u32::MAX);
    [
        ("no intent", wishing(0, 0, [0, 0]), true),
        ("eight", wishing(8, 1, [511, 511]), true),
        ("nine", wishing(9, 1, [511, 511]), false),
        ("number", wishing(1, 0, [511, 511]), false),
        ("the last numbers", wishing(2, newest - 1, [511, 511]), true),
        (
            "numbers beyond the last",
            wishing(2, newest, [511, 511]),
            false,
        ),
        ("direction", wishing(1, 1, [1_022, 0]), true),
        ("direction", wishing(1, 1, [1_023, 0]), false),
        ("direction", wishing(1, 1, [0, 1_023]), false),
    ]
    .map(|(what, bits, may_be)| (what.to_owned(), bits, may_be))
    .into()
}
