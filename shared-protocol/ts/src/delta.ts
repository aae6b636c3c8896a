// An entity's state against an older one (docs/PROTOCOL.md, chapter 10).

import type { BitReader } from "./bits.js";
import { type EntityState, readFull, readSeldom } from "./entity-state.js";
import { type Baseline, ageClass, predicted, readMotion } from "./motion.js";
import { readShaped } from "./shaped.js";
import type { TableSet } from "./tables.js";

/** Reads a delta: the new state. */
export function readDelta(bits: BitReader, tables: TableSet, base: Baseline, hz: number): EntityState {
  if (base.state.rotation === undefined && tables.shaped) {
    return readShaped(bits, tables.walkers[ageClass(base.age, hz)]!, base, hz);
  }
  if (!bits.readBool()) return readMotion(bits, tables, base, hz);
  if (!bits.readBool()) return predicted(base, hz);
  if (bits.readBool()) return readFull(bits, bits.readU64());
  const seldom = readSeldom(bits);
  const moved = bits.readBool() ? readMotion(bits, tables, base, hz) : predicted(base, hz);
  return { ...moved, ...seldom };
}
