// Snapshots, damaged ones, and messages, byte for byte as the server's own tests export them
// (shared-protocol/vectors).

import assert from "node:assert/strict";
import test from "node:test";

import { presenceShare } from "../src/check.js";
import { Malformed } from "../src/malformed.js";
import { type ClientMessage, decodeMessage, encodeMessage } from "../src/messages.js";
import type { Baseline } from "../src/motion.js";
import type { OwnSection } from "../src/own-section.js";
import { KNOWN_FIELDS } from "../src/schema.js";
import { type Past, type Snapshot, type SnapshotFormat, readSnapshot } from "../src/snapshot.js";
import { TABLE_SETS } from "../src/tables.js";
import { bytesOf, hexOf } from "./hex.js";
import { type EntityRow, type Numbers, type VitalsRow, entity, vectors, vitals, wide } from "./vector-rows.js";

interface Aged {
  state: EntityRow;
  age: number;
}

interface OwnRow {
  hash?: number;
  body?: number[];
  support?: number;
  vitals: VitalsRow | null;
  progress: [number, number];
}

interface SnapshotCase {
  tables: number;
  hz: number;
  bytes: string;
  baselines: (Aged & { index: number; back: number; earlier: Aged | null })[];
  header: { number: number; epoch: number; tick: number; usualBack: number; strain: [number, number]; check: number | null };
  own: OwnRow | null;
  records: { is: string; index: number; id?: string; state?: EntityRow; reason?: number }[];
  damaged: { bytes: string; readable: boolean }[];
}

function ownSection({ own }: SnapshotCase): OwnSection {
  if (own === null) return { is: "none" };
  const known = own.vitals === null ? undefined : vitals(own.vitals);
  if (own.hash !== undefined) return { is: "hash", bodyHash: own.hash, vitals: known };
  const [a, b, c] = [0, 3, 6].map((at) => own.body!.slice(at, at + 3) as Numbers) as [Numbers, Numbers, Numbers];
  const support = (["ground", "air", "water"] as const)[own.support!]!;
  return { is: "exact", body: { positionM: a, velocityMps: b, facing: c, support }, vitals: known! };
}

function pastOf({ baselines }: SnapshotCase): Past {
  const known = new Map<string, Baseline>();
  for (const { index, back, state, age, earlier } of baselines) {
    const before = earlier === null ? undefined : { state: entity(earlier.state), age: earlier.age };
    known.set(`${index} ${back}`, { state: entity(state), age, earlier: before });
  }
  return { isWanted: () => true, baseline: (_header, index, back) => known.get(`${index} ${back}`) };
}

function formatOf({ tables, hz }: SnapshotCase): SnapshotFormat {
  return { tables: TABLE_SETS.find(({ version }) => version === tables)!, tickHz: hz };
}

/** What was read, without which baseline an update was against. */
function plain({ header, own, progress, records }: Snapshot): unknown {
  const rows = records.map((record) => ("against" in record ? { ...record, back: 0, against: undefined } : record));
  return { header, own, progress, records: rows };
}

function expected(one: SnapshotCase): unknown {
  const { strain, check, ...header } = one.header;
  const records = one.records.map(({ is, index, id, state, reason }) => {
    if (is === "remove") return { is, index, reason: ["gone", "out of view", "hidden"][reason!] };
    if (is === "enter") return { is, index, id: wide(id!), state: entity(state!) };
    return { is, index, back: 0, against: undefined, state: entity(state!) };
  });
  const progress = one.own && { applied: one.own.progress[0], durableAge: one.own.progress[1] };
  return {
    header: { ...header, strain: { level: strain[0], slowerEighths: strain[1] }, check: check ?? undefined },
    own: ownSection(one),
    progress: progress ?? undefined,
    records,
  };
}

test("every snapshot is read as what it is", () => {
  const { snapshots } = vectors<{ snapshots: SnapshotCase[] }>("damaged.json");
  let records = 0;
  snapshots.forEach((one, n) => {
    const snapshot = readSnapshot(bytesOf(one.bytes), formatOf(one), pastOf(one))!;
    assert.deepEqual(plain(snapshot), expected(one), `snapshot ${n}`);
    records += snapshot.records.length;
  });
  assert(records > 100, `${records} records`);
});

test("damaged datagrams are refused when the server's own decoder refuses them, and only then", () => {
  const { snapshots } = vectors<{ snapshots: SnapshotCase[] }>("damaged.json");
  const seen = { readable: 0, refused: 0 };
  snapshots.forEach((one, n) => {
    one.damaged.forEach(({ bytes, readable }, d) => {
      seen[readable ? "readable" : "refused"] += 1;
      const read = (): unknown => readSnapshot(bytesOf(bytes), formatOf(one), pastOf(one));
      if (readable) read();
      else assert.throws(read, Malformed, `snapshot ${n}, damage ${d}`);
    });
  });
  assert(seen.readable > 20 && seen.refused > 20, JSON.stringify(seen));
});

test("values are taken up to the edge of what they may be, and not beyond", () => {
  const { snapshots } = vectors<{ snapshots: { what: string; bytes: string; readable: boolean }[] }>("edges.json");
  assert(snapshots.length > 40);
  const format = { tables: TABLE_SETS.find(({ version }) => version === 2)!, tickHz: 20 };
  const nobody: Past = { isWanted: () => true, baseline: () => undefined };
  for (const { what, bytes, readable } of snapshots) {
    const read = (): unknown => readSnapshot(bytesOf(bytes), format, nobody);
    if (readable) read();
    else assert.throws(read, Malformed, `${what}: ${bytes}`);
  }
});

type Means = Record<string, unknown> & { is: string };

test("the client's messages are written as the server reads them", () => {
  for (const { frame, means } of vectors<{ client: { frame: string; means: Means }[] }>("messages.json").client) {
    const message = { ...means } as Record<string, unknown>;
    if (means["ids"] !== undefined) message["ids"] = (means["ids"] as string[]).map(wide);
    if (means["knows"] !== undefined) {
      const knows = (means["knows"] as Numbers[]).map(([id, layout, tables]) => ({ id, layout, tables }));
      assert.deepEqual(knows, KNOWN_FIELDS, "what this library knows");
      message["knows"] = knows;
    }
    if (means["states"] !== undefined) {
      const states = means["states"] as [string, EntityRow][];
      message["states"] = states.map(([id, state]) => ({ id: wide(id), state: entity(state) }));
    }
    if (means.is === "give") message["gift"] = wides(means, "life", "to", "amount");
    if (means.is === "resume") message["taken"] = { newest: means["newest"], before: means["before"] };
    assert.equal(hexOf(encodeMessage(message as ClientMessage)).replaceAll(" ", ""), frame, means.is);
  }
});

test("the server's messages are read as what they are", () => {
  for (const { frame, means } of vectors<{ server: { frame: string; means: Means }[] }>("messages.json").server) {
    assert.deepEqual(decodeMessage(bytesOf(frame).slice(4)), meant(means));
  }
});

/** The rest of a row, with these as wide numbers. */
function wides({ is: _, ...rest }: Means, ...names: string[]): Record<string, unknown> {
  return { ...rest, ...Object.fromEntries(names.map((name) => [name, wide(rest[name] as string)])) };
}

function stacks(rows: unknown): { asset: number; amount: bigint }[] {
  return (rows as [number, string][]).map(([asset, amount]) => ({ asset, amount: wide(amount) }));
}

function meant(means: Means): unknown {
  switch (means.is) {
    case "welcome": {
      const { is, ...rest } = means;
      const id = (name: string): bigint => wide(means[name] as string);
      const rows = means["fields"] as [string, number, number, number][];
      const fields = rows.map(([name, id, layout, tables]) => ({ name, id, layout, tables }));
      const ids = { session: id("session"), avatar: id("avatar"), planetHash: id("planetHash") };
      return { is, welcome: { ...rest, ...ids, fields } };
    }
    case "cards": {
      const cards = (means["cards"] as [string, number, number, string | null][]).map(([id, version, kind, name]) => ({
        id: wide(id),
        version,
        kind,
        name: name ?? undefined,
      }));
      return { is: "cards", cards };
    }
    case "events": {
      const events = (means["events"] as [number, EventRow][]).map(([tick, row]) => ({ tick, event: event(row) }));
      return { is: "events", first: means["first"], events };
    }
    case "wounds": {
      const rows = means["wounds"] as [string, string | null, number, boolean][];
      const wounds = rows.map(([target, attacker, amount, fatal]) => ({
        target: wide(target),
        attacker: someone(attacker),
        amount,
        fatal,
      }));
      return { ...means, wounds };
    }
    case "presence": {
      const sum = (means["of"] as string[]).reduce((sum, id) => sum + presenceShare(wide(id)), 0n);
      return { is: "presence", number: means["number"], count: means["count"], sum: BigInt.asUintN(64, sum) };
    }
    case "gift":
      return { is: "gift", answer: wides(means, "life") };
    case "purse":
      return { is: "purse", purse: { ...wides(means, "life", "coins"), things: stacks(means["things"]) } };
    case "forget":
      return { ...means, ids: (means["ids"] as string[]).map(wide) };
    case "resumed":
      return { ...means, session: wide(means["session"] as string) };
    default:
      return means;
  }
}

type EventRow = [string, (string | null)?, number?, boolean?];

function event([is, whom, amount, fatal]: EventRow): unknown {
  const id = someone(whom ?? null);
  if (is === "died") return { is, killer: id };
  if (is === "killed") return { is, victim: id };
  if (is === "wounded") return { is, attacker: id, amount };
  return is === "struck" ? { is, target: id, amount, fatal } : { is };
}

function someone(id: string | null): bigint | undefined {
  return id === null ? undefined : wide(id);
}
