// Tables, deltas, full states, sequences of snapshots and intents, byte for byte as the server's own tests
// export them (shared-protocol/vectors/codec.json).

import assert from "node:assert/strict";
import test from "node:test";

import { BitReader } from "../src/bits.js";
import { ClientCore } from "../src/client-core.js";
import { readDelta } from "../src/delta.js";
import { type EntityState, readFull } from "../src/entity-state.js";
import { encodeIntents } from "../src/intents.js";
import { Malformed } from "../src/malformed.js";
import { tablesOf } from "../src/schema.js";
import { STANDING } from "../src/session.js";
import { TABLE_WIDTHS } from "../src/table-widths.js";
import { BODY_FIELDS, TABLE_SETS, type TableSet, WALKER_FIELDS } from "../src/tables.js";
import { bytesOf, hexOf } from "./hex.js";
import { type EntityRow, type Numbers, type VitalsRow, entity, vectors, vitals, wide } from "./vector-rows.js";

type Widths = number[][][];
type Record = ["enter", number, string, EntityRow] | ["update", number, EntityRow] | ["remove", number, number];
type Own =
  | ["hash", number, VitalsRow | null, number, number]
  | ["exact", number[], number, VitalsRow, number, number]
  | null;
type Header = [number, number, number, number, number, number, number | null];
type Datagram = [string, Header, Own, Record[] | null];

interface Codec {
  schemas: { tables: number; fields: [string, number, number, number][]; walkers: Widths; bodies: Widths }[];
  deltas: [number, number, number, EntityRow, [EntityRow, number] | null, string, number, EntityRow][];
  fulls: [string, number, EntityRow][];
  sessions: [number, number, number, Datagram[]][];
  intents: [string, [number, number] | null, [number, number, number, number, number, 0 | 1, string | null][]][];
}

const codec = vectors<Codec>("codec.json");

function tables(version: number): TableSet {
  return TABLE_SETS.find((set) => set.version === version)!;
}

test("the tables and fields are the server's (`npm run tables` takes them over)", () => {
  const theirs = codec.schemas.map(({ tables: version, walkers, bodies }) => ({ version, walkers, bodies }));
  assert.deepEqual(TABLE_WIDTHS, theirs);
  for (const { tables: version, fields, walkers, bodies } of codec.schemas) {
    const named = fields.map(([name, id, layout, tables]) => ({ name, id, layout, tables }));
    assert.equal(tablesOf(named).version, version);
    assert.equal(walkers[0]?.length, WALKER_FIELDS.length - (version === 1 ? 1 : 0));
    assert.equal(bodies[0]?.length, BODY_FIELDS.length);
  }
});

test("every delta is read as what it is, to the bit", () => {
  assert(codec.deltas.length > 100);
  codec.deltas.forEach(([version, hz, age, state, earlier, bytes, bits, expected], n) => {
    const before = earlier === null ? undefined : { state: entity(earlier[0]), age: earlier[1] };
    const reader = new BitReader(bytesOf(bytes));
    const read = readDelta(reader, tables(version), { state: entity(state), age, earlier: before }, hz);
    assert.deepEqual(read, entity(expected), `delta ${n}`);
    assert.equal(reader.position, bits, `delta ${n}`);
  });
});

test("every full state is read as what it is, to the bit", () => {
  assert(codec.fulls.length > 20);
  codec.fulls.forEach(([bytes, bits, expected], n) => {
    const reader = new BitReader(bytesOf(bytes));
    assert.deepEqual(readFull(reader, wide(expected[0])), entity(expected), `state ${n}`);
    assert.equal(reader.position, bits, `state ${n}`);
  });
});

test("snapshots that follow each other are read as what they are", () => {
  for (const [version, tickHz, tick, datagrams] of codec.sessions) {
    const core = new ClientCore({ epoch: 9, tick, tickHz, tables: tables(version) });
    // What was sent counts for how `applied` is made whole: as many as any of them says.
    for (let n = 0; n < 200; n += 1) core.nextIntentDatagram(STANDING, tick);
    const removed: number[] = [];
    datagrams.forEach(([bytes, header, own, records], n) => {
      const where = `datagram ${n} with tables ${version}`;
      if (records === null) return assert.throws(() => core.take(bytesOf(bytes)), undefined, where);
      assert.equal(core.take(bytesOf(bytes)).is, "taken", where);
      const [number, epoch, low, , level, slower] = header;
      const counters = [core.taken.newest % 2 ** 16, core.epoch % 16, core.tick % 2 ** 16];
      assert.deepEqual(counters, [number, epoch, low], where);
      assert.deepEqual(core.strain, { level, slowerEighths: slower }, where);
      compareOwn(core, own, where);
      const shown = [...core.view].map(({ trail }) => trail[trail.length - 1]!);
      const now = shown.filter((timed) => timed.tick === core.tick).map(({ state }) => state);
      const said = records.filter(([is]) => is !== "remove").map((record) => entity(record.at(-1) as EntityRow));
      assert.deepEqual(now.map(inWords).sort(), said.map(inWords).sort(), where);
      removed.push(...records.filter(([is]) => is === "remove").map((record) => record[2] as number));
    });
    const reasons = core.takeRemoved().map(({ reason }) => ["gone", "out of view", "hidden"].indexOf(reason));
    assert.deepEqual(reasons, removed);
  }
});

test("a state that came out otherwise is told by the check, and nothing of that datagram is taken", () => {
  const [version, tickHz, tick, datagrams] = codec.sessions[0]!;
  const core = new ClientCore({ epoch: 9, tick, tickHz, tables: tables(version) });
  let diverged = 0;
  for (const [bytes, header] of datagrams) {
    const before = core.taken;
    const bent = bytesOf(bytes);
    const at = Math.floor(bent.length * 0.7);
    bent[at] = bent[at]! ^ 4;
    if (header[6] !== null && became(core, bent) === "diverged") {
      diverged += 1;
      assert.deepEqual(core.taken, before);
    }
    assert(["taken", "dropped"].includes(became(core, bytesOf(bytes))));
  }
  assert(diverged >= 3, `${diverged}`);
});

function became(core: ClientCore, bytes: Uint8Array): string {
  try {
    return core.take(bytes).is;
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return "unreadable";
  }
}

/** For sorting, and comparing what comes in another order. */
function inWords(state: EntityState): string {
  return JSON.stringify({ ...state, cell: `${state.cell}` });
}

function compareOwn(core: ClientCore, own: Own, where: string): void {
  if (own === null) return;
  const [applied, known] = own[0] === "hash" ? [own[3], own[2]] : [own[4], own[3]];
  assert.equal(core.own?.tick, core.tick, where);
  assert.equal(core.own?.applied, applied, where);
  if (known !== null) assert.deepEqual(core.own?.vitals, vitals(known), where);
  if (own[0] === "hash") return;
  const [values, support] = [own[1], own[2]];
  const vector = (at: number): Numbers => values.slice(at, at + 3) as Numbers;
  assert.deepEqual(
    core.own?.exact,
    {
      tick: core.tick,
      body: {
        positionM: vector(0),
        velocityMps: vector(3),
        facing: vector(6),
        support: (["ground", "air", "water"] as const)[support]!,
      },
    },
    where,
  );
}

test("intents are written as the server reads them", () => {
  for (const [bytes, acks, intents] of codec.intents) {
    const told = acks === null ? undefined : { newest: acks[0], before: acks[1] };
    const rows = intents.map(([seq, viewTick, u, v, pace, jump, attack]) => ({
      seq,
      viewTick,
      wish: { direction: { u, v }, pace, jump: jump === 1, attack: attack === null ? undefined : wide(attack) },
    }));
    assert.equal(hexOf(encodeIntents(told, rows)).replaceAll(" ", ""), bytes);
  }
});
