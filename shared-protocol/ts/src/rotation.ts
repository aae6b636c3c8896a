// How a body is turned, in integers (docs/PROTOCOL.md, chapter 10): the smallest three components of its
// quaternion, and how a rotation goes on.
//
// All numbers stay below 2⁵³, so that those of JavaScript hold them exactly.

import type { BitReader } from "./bits.js";
import { demand } from "./malformed.js";
import type { Vector } from "./vector.js";

/** Greatest value of a component; it stands for 1/√2. */
const COMPONENT_MAX = 511;
/** The square of 1 in a rotation's units, 511·√2. */
const ONE_SQUARED = 2 * COMPONENT_MAX ** 2;
/** 511·√2 · 64. */
const ONE_64THS = 46_250;
/** How many times what it last turned a body is expected to turn at most, 256ths. */
const TIMES_256_MAX = 640;
/** The places of the three components that are not the greatest, by its place. */
const OTHERS: readonly Vector[] = [
  [1, 2, 3],
  [0, 2, 3],
  [0, 1, 3],
  [0, 1, 2],
];

/** A unit quaternion (x, y, z, w) without its greatest component, which is positive. */
export interface Rotation {
  /** Place of the greatest component: 0 x, 1 y, 2 z, 3 w. */
  readonly largest: number;
  /** The others in their order, in units of 1 / (511·√2). */
  readonly parts: Vector;
}

type Quaternion = readonly [number, number, number, number];

/** A rotation, if that is one. */
export function rotation(largest: number, parts: Vector): Rotation {
  const squares = parts.reduce((sum, part) => sum + part * part, 0);
  const inRange = parts.every((part) => Math.abs(part) <= COMPONENT_MAX);
  demand(largest < 4 && inRange && squares <= ONE_SQUARED, "rotation");
  return { largest, parts };
}

/** Reads the place of the greatest component. */
export function readLargest(bits: BitReader): number {
  return bits.read(2);
}

/** Reads a whole rotation. */
export function readRotation(bits: BitReader): Rotation {
  const largest = readLargest(bits);
  const part = (): number => bits.read(10) - COMPONENT_MAX;
  return rotation(largest, [part(), part(), part()]);
}

/** As a quaternion of length 1, components (x, y, z, w). */
export function quaternionOf(turned: Rotation): Quaternion {
  const [x, y, z, w] = fine(turned);
  const long = Math.hypot(x, y, z, w);
  return [x / long, y / long, z / long, w / long];
}

/** All four components in sixteenths of a rotation's units. */
function fine({ largest, parts }: Rotation): Quaternion {
  const whole: [number, number, number, number] = [0, 0, 0, 0];
  let left = ONE_SQUARED * 256;
  OTHERS[largest]!.forEach((place, n) => {
    whole[place] = parts[n]! * 16;
    left -= whole[place] ** 2;
  });
  whole[largest] = squareRoot(left);
  return whole;
}

/** A rotation that is expected, of any length. */
export type Expected = Quaternion;

/** No other than now. */
export function staying(now: Rotation): Expected {
  return each(fine(now), (component) => component * 256);
}

/** That of `now`, which was `before` so many quarter ticks earlier, so many quarter ticks later. */
export function goingOn(before: Rotation, earlierBy: number, now: Rotation, laterBy: number): Expected {
  const [a, b] = [fine(before), fine(now)];
  const turn = product(b, [-a[0], -a[1], -a[2], a[3]]);
  const [x, y, z, w] = turn[3] < 0 ? each(turn, (component) => -component) : turn;
  // Who turned by more than half a turn about some axis is expected to stay.
  if (earlierBy <= 0 || Math.max(Math.abs(x), Math.abs(y), Math.abs(z)) > w) return staying(now);
  const tangent = [x, y, z].map((component) => Math.floor((component * 16_384) / w)) as [number, number, number];
  const times = Math.min(Math.floor((256 * Math.max(laterBy, 0)) / earlierBy), TIMES_256_MAX);
  const squared = Math.floor(tangent.reduce((sum, t) => sum + t * t, 0) / 16_384);
  const bent = 65_536 + Math.floor(((times * times - 65_536) * squared) / (3 * 16_384));
  const [p, q, r] = tangent.map((t) => Math.floor((t * times * bent + 2 ** 23) / 2 ** 24)) as [number, number, number];
  return each(product([p, q, r, 16_384], b), (component) => Math.floor((component + 128) / 256));
}

/** Place of the greatest component; of several, the first. */
export function largestOf(expected: Expected): number {
  let largest = 0;
  for (let place = 1; place < 4; place += 1) {
    if (Math.abs(expected[place]!) > Math.abs(expected[largest]!)) largest = place;
  }
  return largest;
}

/** The three components but the one at `largest`, in a rotation's units. */
export function partsOf(expected: Expected, largest: number): Vector {
  const long = Math.max(1, squareRoot(expected.reduce((sum, component) => sum + component ** 2, 0)));
  const sign = expected[largest]! < 0 ? -1 : 1;
  const part = (place: number): number =>
    Math.floor((2 * sign * expected[place]! * ONE_64THS + 64 * long) / (128 * long));
  const [a, b, c] = OTHERS[largest]!;
  return [part(a), part(b), part(c)];
}

/** The rotation nearest to what is expected. */
export function roundedRotation(expected: Expected): Rotation {
  const largest = largestOf(expected);
  const clamped = (part: number): number => Math.max(-COMPONENT_MAX, Math.min(COMPONENT_MAX, part));
  const [a, b, c] = partsOf(expected, largest);
  return { largest, parts: [clamped(a), clamped(b), clamped(c)] };
}

/** The quaternion product a·b. */
function product([ax, ay, az, aw]: Quaternion, [bx, by, bz, bw]: Quaternion): Quaternion {
  return [
    aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx,
    aw * bz + ax * by - ay * bx + az * bw,
    aw * bw - ax * bx - ay * by - az * bz,
  ];
}

function each([x, y, z, w]: Quaternion, change: (component: number) => number): Quaternion {
  return [change(x), change(y), change(z), change(w)];
}

/** The greatest integer whose square is not above; 0 for negative ones. */
function squareRoot(square: number): number {
  if (square <= 0) return 0;
  let root = Math.floor(Math.sqrt(square));
  while (root * root > square) root -= 1;
  while ((root + 1) ** 2 <= square) root += 1;
  return root;
}
