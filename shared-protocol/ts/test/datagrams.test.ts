// The worked examples of chapters 8 to 10, byte for byte.

import assert from "node:assert/strict";
import test from "node:test";

import { BitReader, BitWriter } from "../src/bits.js";
import { checkOf, share } from "../src/check.js";
import { readDelta } from "../src/delta.js";
import type { EntityState } from "../src/entity-state.js";
import { encodeIntents } from "../src/intents.js";
import { predicted } from "../src/motion.js";
import { readSnapshot } from "../src/snapshot.js";
import { TABLE_SETS } from "../src/tables.js";
import type { Vector } from "../src/vector.js";
import { bytesOf, hexOf } from "./hex.js";
import { someState } from "./states.js";

const HZ = 20;
const TABLES = TABLE_SETS[0]!;
const ID = 0x0123_4567_89ab_cdefn;

function bitsOf(text: string): BitReader {
  const bits = new BitWriter();
  for (const bit of text) bits.writeBool(bit === "1");
  return new BitReader(bits.toBytes());
}

const before = someState();
const after: EntityState = { ...before, positionCm: [12_395, -676, 91], velocityCmps: [498, 49, 0], heading: 4 };
const at = (age: number) => ({ state: before, age, earlier: undefined });

test("what the states of a datagram add up to", () => {
  const hurt = { ...predicted(at(3), HZ), health: 200 };
  const states = [after, hurt, before];
  const seen = states.map((state, n) => ({ id: [1n, 2n, ID][n]!, state }));
  assert.deepEqual(seen.map(({ id, state }) => share(id, state)), [0x0d13_8030, 0x2fd8_0d21, 0xd9a2_81cd]);
  assert.equal(checkOf(seen), 0x168e_0f1e);
  const body = { ...before, rotation: { largest: 3, parts: [0, -1, 109] as Vector } };
  assert.equal(share(ID, body), 0x06df_45fe);
});

test("two intents and an acknowledgement", () => {
  const wish = { direction: { u: 100, v: -200 }, pace: 15, jump: true };
  const bytes = encodeIntents({ newest: 300, before: 0b1011 }, [
    { seq: 41, viewTick: 100_000, wish },
    { seq: 42, viewTick: 100_001, wish: { ...wish, attack: ID } },
  ]);
  assert.equal(
    hexOf(bytes),
    "21 59 02 16 00 00 00 24 05 00 00 00 d4 30 00 60 cc 9b 3e c7 bc e9 7f 6f 5e 4d 3c 2b 1a 09 00",
  );
});

test("a walker that turned left, in 15 bits", () => {
  const bits = bitsOf("110011011110010");
  assert.deepEqual(readDelta(bits, TABLES, at(2), HZ), after);
  assert.equal(bits.position, 15);
});

test("another swing of the weapon, in 19 bits", () => {
  const bits = bitsOf("1110100110001000000");
  const swung = { ...before, positionCm: [12_370, -678, 90], action: "attack", attacks: 4 };
  assert.deepEqual(readDelta(bits, TABLES, at(1), HZ), swung);
  assert.equal(bits.position, 19);
});

test("what was expected takes six bits after a quarter of a second", () => {
  const bits = bitsOf("000000");
  assert.deepEqual(readDelta(bits, TABLES, at(5), HZ), { ...before, positionCm: [12_470, -678, 90] });
  assert.equal(bits.position, 6);
});

test("a body that went on nearly as it went", () => {
  const body = (positionCm: Vector, velocityCmps: Vector, parts: Vector) => ({
    ...before,
    positionCm,
    velocityCmps,
    rotation: { largest: 3, parts },
  });
  const base = {
    state: body([1_015, 0, 506], [300, 0, 100], [0, 0, 36]),
    age: 2,
    earlier: { state: body([1_000, 0, 500], [300, 0, 149], [0, 0, 0]), age: 1 },
  };
  assert.deepEqual(predicted(base, HZ), body([1_045, 0, 511], [300, 0, 2], [0, 0, 108]));
  const bits = bitsOf("0000010000110100000001000110");
  assert.deepEqual(readDelta(bits, TABLES, base, HZ), body([1_045, 0, 512], [297, 1, 2], [0, -1, 109]));
  assert.equal(bits.position, 28);
});

test("a whole snapshot with one record of each kind", () => {
  const bytes = bytesOf(
    `12 2c 01 27 6a 48 bd fb b6 7a 4b 01 60 8f 07 47 0b 84 d9 93 9c c8 80 b9 f7 e6 d5 c4 b3
     a2 91 80 00 00 00 00 00 00 44 86 44 0e 8c a5 02 68 ed 5c 00 c0 e0 03`,
  );
  const past = { isWanted: () => true, baseline: (_header: unknown, _index: number, back: number) => at(back) };
  const snapshot = readSnapshot(bytes, { tables: TABLES, tickHz: HZ }, past);
  assert.deepEqual(snapshot, {
    header: {
      number: 300,
      epoch: 7,
      tick: 100_002 % 2 ** 16,
      usualBack: 2,
      strain: { level: 0, slowerEighths: 0 },
      check: 0x168e_0f1e,
    },
    own: { is: "hash", bodyHash: 0xdead_beef, vitals: undefined },
    progress: { applied: 41, durableAge: 2 },
    records: [
      { is: "update", index: 0, back: 2, against: at(2), state: after },
      { is: "update", index: 1, back: 3, against: at(3), state: { ...predicted(at(3), HZ), health: 200 } },
      { is: "enter", index: 4, id: ID, state: before },
      { is: "remove", index: 5, reason: "out of view" },
    ],
  });
});
