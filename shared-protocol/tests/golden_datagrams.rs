//! Golden bytes: the wire as docs/PROTOCOL.md draws it. If one of these changes, so does the version
//! in a datagram's first byte, and the document.

use bluemarble_shared_protocol::bits::BitWriter;
use bluemarble_shared_protocol::codec::tables::V2;
use bluemarble_shared_protocol::codec::{
    Acks, Baseline, IntentDatagram, OwnUpdate, Record, RemoveReason, Rotation, SnapshotHeader,
    SnapshotReader, SnapshotWriter, check, delta, full,
};
use bluemarble_shared_protocol::{
    Action, BodyBits, Buttons, EntityId, InputSeq, Intent, OwnVitals, Strain, Tick, WireEntity,
    WireFlags, WishDir,
};

const HZ: u32 = 20;
const CELL: u64 = 0x8644_0000_0000_0000;
const ID: EntityId = EntityId(0x0123_4567_89ab_cdef);

fn hex(bytes: &[u8]) -> String {
    let all: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    all.join(" ")
}

/// A walker at 5 m/s, and what it is two ticks later, having turned left a little.
fn walker() -> (WireEntity, WireEntity) {
    let before = WireEntity {
        cell: CELL,
        pos_cm: [12_345, -678, 90],
        vel_cmps: [500, 0, 0],
        yaw: 0,
        rotation: None,
        health: 255,
        action: Action::Idle,
        action_n: 3,
        flags: WireFlags::default(),
        kind: 2,
    };
    let after = WireEntity {
        pos_cm: [12_395, -676, 91],
        vel_cmps: [498, 49, 0],
        yaw: 4,
        ..before
    };
    (before, after)
}

fn string(write: impl FnOnce(&mut BitWriter)) -> (Vec<u64>, usize) {
    let mut out = BitWriter::default();
    write(&mut out);
    let bits = out.bits();
    out.align();
    (out.string(0).to_vec(), bits)
}

#[test]
fn a_snapshot_with_one_record_of_each_kind() {
    let (before, after) = walker();
    let header = SnapshotHeader {
        number: 300,
        epoch: 7,
        tick: 100_002_u32 as u16,
        applied: 41,
        durable_age: 2,
        usual_back: 2,
        strain: Strain::NONE,
        check: Some(0),
    };
    let own = OwnUpdate::Hash {
        body_hash: 0xdead_beef,
        vitals: None,
    };
    let mut writer = SnapshotWriter::default();
    writer.begin(&header, &own, 1_100, 4);
    let (words, bits) =
        string(|out| delta::write(out, &V2, &Baseline::alone(before, 2), HZ, &after));
    writer.update(0, 2, &words, bits).unwrap();
    let hurt = WireEntity {
        health: 200,
        ..Baseline::alone(before, 3).predict(HZ)
    };
    let (words, bits) =
        string(|out| delta::write(out, &V2, &Baseline::alone(before, 3), HZ, &hurt));
    writer.update(1, 3, &words, bits).unwrap();
    let (words, bits) = string(|out| full::write(out, &before));
    writer.enter(4, ID, CELL, &words, bits).unwrap();
    writer.remove(5, RemoveReason::OutOfView).unwrap();
    // Who the first two are was said in earlier datagrams.
    let shares = [
        check::share(EntityId(1), &after),
        check::share(EntityId(2), &hurt),
        check::share(ID, &before),
    ];
    let sum = shares.into_iter().fold(0, u32::wrapping_add);
    assert_eq!(shares, [0x0d13_8030, 0x2fd8_0d21, 0xd9a2_81cd]);
    assert_eq!(sum, 0x168e_0f1e);
    writer.set_check(sum);
    let bytes = writer.finish();
    assert_eq!(
        hex(&bytes),
        "12 2c 01 27 6a 48 bd fb b6 7a 4b 01 60 8f 07 47 0b 84 d9 93 9c c8 80 b9 f7 e6 d5 c4 b3 \
         a2 91 80 00 00 00 00 00 00 44 86 44 0e 8c a5 02 68 ed 5c 00 c0 e0 03"
    );

    let mut reader = SnapshotReader::open(&bytes, &V2, HZ).unwrap();
    let header = SnapshotHeader {
        check: Some(sum),
        ..header
    };
    assert_eq!((reader.header(), reader.own()), (&header, &own));
    let mut records = Vec::new();
    let baseline = |_, back: u8| {
        let age = u32::from(back);
        Some(Baseline::alone(before, age))
    };
    while let Some(record) = reader.next_record(baseline).unwrap() {
        records.push(record);
    }
    let expected = [
        Record::Update {
            index: 0,
            state: after,
        },
        Record::Update {
            index: 1,
            state: hurt,
        },
        Record::Enter {
            index: 4,
            id: ID,
            state: before,
        },
        Record::Remove {
            index: 5,
            reason: RemoveReason::OutOfView,
        },
    ];
    assert_eq!(records, expected);
}

#[test]
fn a_snapshot_with_the_exact_own_state() {
    let own = OwnUpdate::Full {
        body: BodyBits {
            values: [1.0, -2.5, 6_371_000.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
            support: 1,
        },
        vitals: OwnVitals {
            health: 80,
            health_max: 100,
            ready_in_ticks: 0,
            respawn_in_ticks: 300,
            kills: 2,
            deaths: 17,
        },
    };
    let mut writer = SnapshotWriter::default();
    writer.begin(&SnapshotHeader::default(), &own, 1_100, 4);
    let bytes = writer.finish();
    assert_eq!(
        hex(&bytes),
        "12 00 00 00 00 00 02 00 00 00 00 00 c0 ff 00 00 00 00 00 00 10 00 03 00 00 00 b8 36 \
         61 05 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 \
         00 00 00 00 c0 ff 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 04 05 40 06 e0 15 \
         00 52 00 00 00 af 03 00"
    );
    let reader = SnapshotReader::open(&bytes, &V2, HZ).unwrap();
    assert_eq!(reader.own(), &own);
}

#[test]
fn a_strained_servers_snapshot_says_so_in_nine_bits() {
    let header = SnapshotHeader {
        number: 300,
        strain: Strain::new(5, 3),
        ..SnapshotHeader::default()
    };
    let mut writer = SnapshotWriter::default();
    writer.begin(&header, &OwnUpdate::None, 1_100, 0);
    let bytes = writer.finish();
    assert_eq!(hex(&bytes), "12 2c 01 00 00 80 1d 00 00");
    let reader = SnapshotReader::open(&bytes, &V2, HZ).unwrap();
    assert_eq!(reader.header(), &header);
}

#[test]
fn two_intents_and_an_acknowledgement() {
    let first = Intent {
        seq: InputSeq(41),
        view_tick: Tick(100_000),
        wish: WishDir::from_axes(100, -200).unwrap(),
        pace: 15,
        buttons: Buttons { jump: true },
        attack: None,
    };
    let second = Intent {
        seq: InputSeq(42),
        view_tick: Tick(100_001),
        attack: Some(ID),
        ..first
    };
    let acks = Acks {
        newest: 300,
        before: 0b1011,
    };
    let bytes = IntentDatagram::encode(Some(acks), &[first, second]);
    assert_eq!(
        hex(&bytes),
        "21 59 02 16 00 00 00 24 05 00 00 00 d4 30 00 60 cc 9b 3e c7 bc e9 7f 6f 5e 4d \
         3c 2b 1a 09 00"
    );
    let datagram = IntentDatagram::decode(&bytes, Tick(100_003)).unwrap();
    assert_eq!(datagram.intents[..], [first, second]);
    assert_eq!(datagram.acks, Some(acks));
}

fn bit_string(base: &Baseline, state: &WireEntity) -> String {
    let (words, bits) = string(|out| delta::write(out, &V2, base, HZ, state));
    let bit = |n: usize| char::from(b'0' + (words[n / 64] >> (n % 64) & 1) as u8);
    (0..bits).map(bit).collect()
}

#[test]
fn a_walkers_deltas_bit_by_bit() {
    let (before, after) = walker();
    let bits = |age, state: &WireEntity| bit_string(&Baseline::alone(before, age), state);
    assert_eq!(bits(5, &Baseline::alone(before, 5).predict(HZ)), "000000");
    assert_eq!(bits(2, &after), "110011011110010");
    let swings = WireEntity {
        action: Action::Attack,
        action_n: 4,
        ..Baseline::alone(before, 1).predict(HZ)
    };
    assert_eq!(bits(1, &swings), "1110100110001000000");
}

#[test]
fn a_bodys_delta_bit_by_bit() {
    let body = |pos_cm, vel_cmps, parts| WireEntity {
        cell: CELL,
        pos_cm,
        vel_cmps,
        rotation: Rotation::new(3, parts),
        health: 255,
        ..WireEntity::default()
    };
    let earlier = body([1_000, 0, 500], [300, 0, 149], [0, 0, 0]);
    let base = Baseline {
        state: body([1_015, 0, 506], [300, 0, 100], [0, 0, 36]),
        age: 2,
        earlier: Some((earlier, 1)),
    };
    let expected = body([1_045, 0, 511], [300, 0, 2], [0, 0, 108]);
    assert_eq!(base.predict(HZ), expected);
    assert_eq!(bit_string(&base, &expected), "10");
    let now = body([1_045, 0, 512], [297, 1, 2], [0, -1, 109]);
    let numbers = |state| base.numbers(HZ, state).into_iter().map(|(_, n)| n);
    assert!(numbers(&now).eq([0, 0, 1, 2, 5, 2, 0, 0, 0, 2]));
    assert_eq!(bit_string(&base, &now), "0000010000110100000001000110");
    // A quarter of a tick late: 15 cm less at 3 m/s would be a whole one.
    let late = body([1_041, 0, 511], [300, 0, 2], [0, 0, 108]);
    assert_eq!(numbers(&late).next(), Some(1));
}
