// One snapshot datagram (docs/PROTOCOL.md, chapter 9), read as a whole or not at all.

import { BitReader } from "./bits.js";
import { BucketCode } from "./bucket-code.js";
import { readDelta } from "./delta.js";
import { type EntityState, readFull } from "./entity-state.js";
import { BASELINE_BACK_MAX, DATAGRAM_BYTES_MAX, INDICES_MAX } from "./limits.js";
import { UnknownBaseline, demand } from "./malformed.js";
import type { Baseline } from "./motion.js";
import { type OwnSection, readOwnSection } from "./own-section.js";
import type { TableSet } from "./tables.js";

const KIND = 0x12;
const GAP_CODE = new BucketCode([0, 0, 1, 3, 5, 14]);
const USUAL_CODE = new BucketCode([2, 3, 7]);
const DURABLE_CODE = new BucketCode([2, 4, 8]);

/** Widths of the header's counters, in bits. */
export const WIDTHS = { number: 16, epoch: 4, tick: 16, applied: 16 } as const;
const BACK_BITS = 7;
/** Of the count of records, few or many. */
const COUNT_BITS = [5, 12] as const;

/** Where the server's overload ladder stood. */
export interface Strain {
  /** 0 none to 6. */
  readonly level: number;
  /** By how many eighths a tick takes longer. */
  readonly slowerEighths: number;
}

/** What a snapshot begins with; counters are their low bits. */
export interface SnapshotHeader {
  readonly number: number;
  readonly epoch: number;
  readonly tick: number;
  /** How many datagrams back the usual baseline lies; 0 = none. */
  readonly usualBack: number;
  readonly strain: Strain;
  /** What the states of its records add up to (`checkOf`), if it says so. */
  readonly check: number | undefined;
}

/** What is known of a header before its own section is read. */
export type SnapshotStart = Omit<SnapshotHeader, "check">;

/** How far the server has come with the client's inputs. */
export interface Progress {
  /** The newest intent included, low bits. */
  readonly applied: number;
  /** Ticks since inputs were durable; 255 = at least that, or unknown. */
  readonly durableAge: number;
}

/** Why an entity left the view. */
export type RemoveReason = "gone" | "out of view" | "hidden";
const REASONS: readonly RemoveReason[] = ["gone", "out of view", "hidden"];

/** What is said of one index. */
export type SnapshotRecord =
  | { readonly is: "enter"; readonly index: number; readonly id: bigint; readonly state: EntityState }
  | {
      readonly is: "update";
      readonly index: number;
      /** How many datagrams back its baseline lies. */
      readonly back: number;
      readonly against: Baseline;
      readonly state: EntityState;
    }
  | { readonly is: "remove"; readonly index: number; readonly reason: RemoveReason };

export interface Snapshot {
  readonly header: SnapshotHeader;
  readonly own: OwnSection;
  /** Beside an own section. */
  readonly progress: Progress | undefined;
  readonly records: readonly SnapshotRecord[];
}

/** What a reader has to know of the past. */
export interface Past {
  /** Whether a datagram with this header is of use at all. */
  isWanted(start: SnapshotStart): boolean;
  /** What an index was, so many datagrams before the one with this header. */
  baseline(header: SnapshotHeader, index: number, back: number): Baseline | undefined;
}

/** How snapshots are written in a session. */
export interface SnapshotFormat {
  readonly tables: TableSet;
  readonly tickHz: number;
}

/** Reads a datagram; nothing if it is not wanted.
 *
 * @throws Malformed for bytes that are no snapshot, or one against a state that is not known. */
export function readSnapshot(bytes: Uint8Array, { tables, tickHz }: SnapshotFormat, past: Past): Snapshot | undefined {
  demand(bytes.length <= DATAGRAM_BYTES_MAX, "a datagram beyond its limit");
  const bits = new BitReader(bytes);
  demand(bits.read(8) === KIND, "another kind of datagram");
  const start = readStart(bits);
  if (!past.isWanted(start)) return undefined;
  const own = readOwnSection(bits);
  const progress = own.is === "none" ? undefined : readProgress(bits);
  const check = bits.readBool() ? bits.read(32) : undefined;
  const header: SnapshotHeader = { ...start, check };
  const count = bits.read(COUNT_BITS[bits.read(1)]!);
  const records: SnapshotRecord[] = [];
  let next = 0;
  let cell: bigint | undefined;
  for (let n = 0; n < count; n += 1) {
    const index = next + GAP_CODE.read(bits);
    demand(index < INDICES_MAX, "index");
    next = index + 1;
    records.push(readRecord(index));
  }
  bits.end();
  return { header, own, progress, records };

  function readRecord(index: number): SnapshotRecord {
    const usual = header.usualBack;
    if (!bits.readBool()) return readUpdate(index, usual);
    if (!bits.readBool()) return readUpdate(index, bits.readBool() ? usual - 1 : usual + 1);
    if (!bits.readBool()) return readUpdate(index, bits.read(BACK_BITS));
    if (!bits.readBool()) return readEnter(index);
    const reason = REASONS[bits.read(2)];
    demand(reason !== undefined, "reason");
    return { is: "remove", index, reason };
  }

  function readUpdate(index: number, back: number): SnapshotRecord {
    const base = back >= 1 && back <= BASELINE_BACK_MAX ? past.baseline(header, index, back) : undefined;
    if (base === undefined) throw new UnknownBaseline(`no baseline of index ${index}, ${back} back`);
    return { is: "update", index, back, against: base, state: readDelta(bits, tables, base, tickHz) };
  }

  function readEnter(index: number): SnapshotRecord {
    const id = bits.readU64();
    if (bits.readBool()) cell = bits.readU64();
    demand(cell !== undefined, "no frame cell");
    return { is: "enter", index, id, state: readFull(bits, cell) };
  }
}

function readStart(bits: BitReader): SnapshotStart {
  const start: SnapshotStart = {
    number: bits.read(WIDTHS.number),
    epoch: bits.read(WIDTHS.epoch),
    tick: bits.read(WIDTHS.tick),
    usualBack: USUAL_CODE.read(bits),
    strain: readStrain(bits),
  };
  demand(start.usualBack <= BASELINE_BACK_MAX, "usual baseline");
  return start;
}

function readProgress(bits: BitReader): Progress {
  return { applied: bits.read(WIDTHS.applied), durableAge: Math.min(DURABLE_CODE.read(bits), 255) };
}

function readStrain(bits: BitReader): Strain {
  if (!bits.readBool()) return { level: 0, slowerEighths: 0 };
  const level = bits.read(3);
  const slowerEighths = bits.read(5);
  demand(level >= 1 && level <= 6 && slowerEighths <= 24, "strain");
  demand(level >= 5 || slowerEighths === 0, "strain");
  return { level, slowerEighths };
}
