// How things move between two states (docs/PROTOCOL.md, chapter 10), in integers only: bodies are turned
// anyhow, and go on as they went; walkers, as the schema before the newest has them, have a heading, and their
// velocity turns along with it.

import type { BitReader } from "./bits.js";
import type { BucketCode } from "./bucket-code.js";
import { type EntityState, velocityComponent } from "./entity-state.js";
import { BASELINE_AGE_MAX } from "./limits.js";
import { demand } from "./malformed.js";
import {
  type Rotation,
  goingOn,
  largestOf,
  partsOf,
  readLargest,
  rotation,
  roundedRotation,
  staying,
} from "./rotation.js";
import type { TableSet } from "./tables.js";
import { turned, upright, wrapped } from "./turn.js";
import type { Vector } from "./vector.js";

/** An older state of an entity. */
export interface Baseline {
  readonly state: EntityState;
  /** How many ticks ago that was. */
  readonly age: number;
  /** What that state was a delta against in turn, and how many ticks older; nothing if it came in full. */
  readonly earlier: Pick<Baseline, "state" | "age"> | undefined;
}

/** The ages of baselines that have tables of their own, in twentieths of a second; the last class has all
 * others. */
const AGE_CLASSES = [1, 2, 4, 8];
/** Longest time that a body may have moved for, quarter ticks. */
const QUARTERS_MAX = 8 * BASELINE_AGE_MAX;
/** How far a body's own time may be off, quarter ticks, for it to be looked for. */
const SLIP_SOUGHT_MAX = 8;
/** Slower than this, (twice the mean velocity)², its way tells nothing about time. */
const TELLING_SPEED_SQUARED = 200 ** 2;
/** A way longer than this, centimetres, tells nothing either. */
const WAY_MAX = 2 ** 24;
const I16_MIN = -(2 ** 15);
const I16_MAX = 2 ** 15 - 1;

/** What a baseline becomes if nothing unexpected happens to it. */
export function predicted(base: Baseline, hz: number): EntityState {
  const { state } = base;
  const quarters = 4 * base.age;
  if (state.rotation === undefined) return { ...state, positionCm: moved(state, state.velocityCmps, quarters, hz) };
  const course = new Course(base, state.rotation, hz);
  const velocityCmps = course.velocity(quarters);
  return {
    ...state,
    velocityCmps,
    positionCm: moved(state, velocityCmps, quarters, hz),
    rotation: roundedRotation(course.rotation(quarters)),
  };
}

/** The class of a baseline's age, which chooses its tables. */
export function ageClass(age: number, hz: number): number {
  const twentieths = Math.ceil((age * 20) / hz);
  const found = AGE_CLASSES.findIndex((most) => twentieths <= most);
  return found < 0 ? AGE_CLASSES.length : found;
}

/** Reads how a motion differs from what was expected: the new state. */
export function readMotion(bits: BitReader, tables: TableSet, base: Baseline, hz: number): EntityState {
  const age = ageClass(base.age, hz);
  if (base.state.rotation === undefined) return readWalker(bits, tables.walkers[age]!, base, hz);
  return readBody(bits, tables.bodies[age]!, base, base.state.rotation, hz);
}

function readWalker(bits: BitReader, codes: readonly BucketCode[], base: Baseline, hz: number): EntityState {
  const turn = codes[0]!.readSigned(bits);
  demand(turn >= -128 && turn < 128, "heading");
  const heading = (base.state.heading + turn) & 255;
  const [velocityX, velocityY, velocityZ] = residual(bits, codes.slice(1, 4), heading);
  const [positionX, positionY, positionZ] = residual(bits, codes.slice(4, 7), heading);
  const [oldX, oldY, oldZ] = base.state.velocityCmps;
  const [expectedX, expectedY] = turned(oldX, oldY, turn);
  const velocityCmps: Vector = [
    velocityComponent(expectedX + velocityX),
    velocityComponent(expectedY + velocityY),
    velocityComponent(oldZ + velocityZ),
  ];
  const [x, y, z] = moved(base.state, velocityCmps, 4 * base.age, hz);
  const positionCm: Vector = [wrapped(x + positionX), wrapped(y + positionY), wrapped(z + positionZ)];
  return { ...base.state, heading, velocityCmps, positionCm };
}

/** What is written as ahead, aside and up of a heading, along the cell's axes. */
function residual(bits: BitReader, codes: readonly BucketCode[], heading: number): Vector {
  const [ahead, aside, up] = codes.map((code) => code.readSigned(bits)) as [number, number, number];
  return [...upright(ahead, aside, heading), up];
}

function readBody(
  bits: BitReader,
  codes: readonly BucketCode[],
  base: Baseline,
  old: Rotation,
  hz: number,
): EntityState {
  const course = new Course(base, old, hz);
  const took = 4 * base.age + codes[0]!.readSigned(bits);
  demand(took >= 0 && took <= QUARTERS_MAX, "slip");
  const expected = course.rotation(took);
  const largest = bits.readBool() ? readLargest(bits) : largestOf(expected);
  const next = (n: number): number => codes[n]!.readSigned(bits);
  const [a, b, c] = partsOf(expected, largest);
  const turnedTo = rotation(largest, [a + next(1), b + next(2), c + next(3)]);
  const [vx, vy, vz] = course.velocity(took);
  const velocityCmps: Vector = [
    velocityComponent(vx + next(4)),
    velocityComponent(vy + next(5)),
    velocityComponent(vz + next(6)),
  ];
  const [x, y, z] = moved(base.state, velocityCmps, took, hz);
  const positionCm: Vector = [wrapped(x + next(7)), wrapped(y + next(8)), wrapped(z + next(9))];
  return { ...base.state, rotation: turnedTo, velocityCmps, positionCm };
}

/** What a body is expected to do. */
class Course {
  readonly #base: EntityState;
  readonly #now: Rotation;
  readonly #earlier: { readonly state: EntityState; readonly rotation: Rotation; readonly took: number } | undefined;

  constructor({ state, earlier }: Baseline, now: Rotation, hz: number) {
    this.#base = state;
    this.#now = now;
    if (earlier?.state.rotation === undefined || earlier.state.cell !== state.cell) return;
    const took = quartersBetween(earlier.state, state, 4 * Math.min(earlier.age, BASELINE_AGE_MAX), hz);
    if (took > 0) this.#earlier = { state: earlier.state, rotation: earlier.state.rotation, took };
  }

  rotation(quarters: number): ReturnType<typeof staying> {
    if (this.#earlier === undefined) return staying(this.#now);
    return goingOn(this.#earlier.rotation, this.#earlier.took, this.#now, quarters);
  }

  /** It changes on, but by no more than twice what it changed. */
  velocity(quarters: number): Vector {
    const now = this.#base.velocityCmps;
    if (this.#earlier === undefined) return now;
    const { state, took } = this.#earlier;
    const on = Math.max(0, Math.min(quarters, 2 * took));
    const axis = (k: 0 | 1 | 2): number => {
      const change = now[k] - state.velocityCmps[k];
      const further = now[k] + Math.floor((2 * change * on + took) / (2 * took));
      return Math.max(I16_MIN, Math.min(I16_MAX, further));
    };
    return [axis(0), axis(1), axis(2)];
  }
}

/** Quarter ticks from `old` to `now`, which are nominally so many: what its way took at the mean of both
 * velocities, if that tells. */
function quartersBetween(old: EntityState, now: EntityState, nominal: number, hz: number): number {
  let [speed, way] = [0, 0];
  for (const k of [0, 1, 2] as const) {
    const twiceMean = old.velocityCmps[k] + now.velocityCmps[k];
    const gone = wrapped(now.positionCm[k] - old.positionCm[k]);
    if (Math.abs(gone) > WAY_MAX) return nominal;
    speed += twiceMean * twiceMean;
    way += gone * twiceMean;
  }
  if (speed < TELLING_SPEED_SQUARED) return nominal;
  const took = roundedQuotient(16 * Math.min(hz, 4_096), way, speed);
  return took >= 1 && Math.abs(took - nominal) <= SLIP_SOUGHT_MAX ? took : nominal;
}

/** ⌊factor · way / (2 · speed) + ½⌋; the product may be beyond 2⁵³. */
function roundedQuotient(factor: number, way: number, speed: number): number {
  const twice = 2n * BigInt(speed);
  const sum = BigInt(factor) * BigInt(way) + BigInt(speed);
  const quotient = sum / twice;
  return Number(sum < 0n && sum % twice !== 0n ? quotient - 1n : quotient);
}

/** Where something is after so many quarter ticks at the mean of its old velocity and `velocity`. */
function moved(state: EntityState, velocity: Vector, quarters: number, hz: number): Vector {
  const axis = (k: 0 | 1 | 2): number => {
    const way = (state.velocityCmps[k] + velocity[k]) * quarters;
    return wrapped(state.positionCm[k] + Math.floor((2 * way + 8 * hz) / (16 * hz)));
  };
  return [axis(0), axis(1), axis(2)];
}
