// An entity's state against an older one (docs/PROTOCOL.md, chapter 10).

import type { BitReader } from "./bits.js";
import { type EntityState, readAction, readFlags, readFull, readKind } from "./entity-state.js";
import { type Baseline, predicted, readMotion } from "./motion.js";
import type { TableSet } from "./tables.js";

/** Reads a delta: the new state. */
export function readDelta(bits: BitReader, tables: TableSet, base: Baseline, hz: number): EntityState {
  if (!bits.readBool()) return readMotion(bits, tables, base, hz);
  if (!bits.readBool()) return predicted(base, hz);
  if (bits.readBool()) return readFull(bits, bits.readU64());
  const seldom = readSeldom(bits);
  const moved = bits.readBool() ? readMotion(bits, tables, base, hz) : predicted(base, hz);
  return { ...moved, ...seldom };
}

function readSeldom(bits: BitReader): Partial<EntityState> {
  return {
    ...(bits.readBool() ? { health: bits.read(8) } : {}),
    ...(bits.readBool() ? readAction(bits) : {}),
    ...(bits.readBool() ? readFlags(bits) : {}),
    ...(bits.readBool() ? { kind: readKind(bits) } : {}),
  };
}
