// How walkers move between two states, in the newest schema (docs/PROTOCOL.md, chapter 10): a delta begins
// with its shape, which says what follows.

import type { BitReader } from "./bits.js";
import { type BucketCode, unfolded } from "./bucket-code.js";
import { type EntityState, readFull, readSeldom, velocityComponent } from "./entity-state.js";
import { demand } from "./malformed.js";
import type { Baseline } from "./motion.js";
import { along, upright, wrapped } from "./turn.js";
import type { Vector } from "./vector.js";

/** The shape of a delta in which something changed that seldom does; the motion's own shape follows. */
const SELDOM = 4;
/** The shape of a motion of which everything is written, and the velocity in cm/s. */
const FINE = 33;
/** By field behind the shape: its part in the shape if it is written only when it is not zero, else 0. */
const PARTS = [0, 4, 16, 8, 1, 0, 2];
/** In what steps velocities are told, cm/s: ahead, aside, up. */
const STEPS: Vector = [10, 20, 10];
/** Further than this no component of a velocity is from another. */
const VELOCITY_MAX = 2 ** 17 - 1;

/** Reads a walker's delta. */
export function readShaped(bits: BitReader, codes: readonly BucketCode[], base: Baseline, hz: number): EntityState {
  let shape = codes[0]!.read(bits);
  let state = base.state;
  if (shape === SELDOM) {
    if (bits.readBool()) return readFull(bits, bits.readU64());
    state = { ...state, ...readSeldom(bits) };
    shape = codes[0]!.read(bits);
  }
  demand(shape !== SELDOM && shape <= FINE, "shape");
  const mask = shape < SELDOM ? shape : shape - 1;
  const values = PARTS.map((part, n) => {
    const code = codes[n + 1]!;
    if (part === 0 || shape === FINE) return code.readSigned(bits);
    if ((mask & part) === 0) return 0;
    const lessOne = code.read(bits);
    demand(lessOne < 2 ** 32 - 1, "a number beyond 32 bits");
    return unfolded(lessOne + 1);
  }) as [number, number, number, number, number, number, number];
  const [turn, vAhead, vAside, vUp, pAhead, pAside, pUp] = values;
  demand(turn >= -128 && turn < 128, "heading");
  const heading = (base.state.heading + turn) & 255;
  const velocityCmps = velocity(base.state, [vAhead, vAside, vUp], heading, shape === FINE);
  const [x, y] = upright(pAhead, pAside, heading);
  const [goneX, goneY, goneZ] = gone(base, velocityCmps, hz);
  const positionCm: Vector = [wrapped(goneX + x), wrapped(goneY + y), wrapped(goneZ + pUp)];
  return { ...state, heading, velocityCmps, positionCm };
}

/** The old velocity, as it was along the old heading, and what it changed by, along the new one. */
function velocity(old: EntityState, change: Vector, heading: number, fine: boolean): Vector {
  demand(change.every((by) => Math.abs(by) <= VELOCITY_MAX), "velocity");
  const [oldX, oldY, oldUp] = old.velocityCmps;
  const before = [...along(oldX, oldY, old.heading), oldUp];
  const [ahead, aside, up] = STEPS.map((step, k) => {
    if (fine) return before[k]! + change[k]!;
    return step * (Math.floor((2 * before[k]! + step) / (2 * step)) + change[k]!);
  }) as [number, number, number];
  const [x, y] = upright(ahead, aside, heading);
  return [velocityComponent(x), velocityComponent(y), velocityComponent(up)];
}

/** Where it is if its velocity changed evenly, and each tick's way was made at what the tick ended with. */
function gone({ state, age }: Baseline, velocityCmps: Vector, hz: number): Vector {
  const axis = (k: 0 | 1 | 2): number => {
    const way = state.velocityCmps[k] * (age - 1) + velocityCmps[k] * (age + 1);
    return wrapped(state.positionCm[k] + Math.floor((way + hz) / (2 * hz)));
  };
  return [axis(0), axis(1), axis(2)];
}
