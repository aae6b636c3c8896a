// Directions on an octahedron (docs/PROTOCOL.md, chapter 8): where a player wants to go.

import { type Vector, normalised } from "./vector.js";

/** Greatest value of an axis. */
export const AXIS_MAX = 511;

/** A direction as it travels: two whole numbers from −511 to 511. */
export interface WireDirection {
  readonly u: number;
  readonly v: number;
}

/** The nearest direction that can be sent. A vector of no length becomes +z. */
export function toWire([x, y, z]: Vector): WireDirection {
  const long = Math.abs(x) + Math.abs(y) + Math.abs(z);
  if (!(long > 0)) return { u: 0, v: 0 };
  let [a, b] = [x / long, y / long];
  if (z < 0) [a, b] = folded(a, b);
  return { u: rounded(a), v: rounded(b) };
}

/** What such a direction means: a vector of length 1 in the planet's frame. */
export function fromWire({ u, v }: WireDirection): Vector {
  const [a, b] = [u / AXIS_MAX, v / AXIS_MAX];
  const z = 1 - Math.abs(a) - Math.abs(b);
  const [x, y] = z < 0 ? folded(a, b) : [a, b];
  return normalised([x, y, z]);
}

function folded(a: number, b: number): [number, number] {
  return [(1 - Math.abs(b)) * sign(a), (1 - Math.abs(a)) * sign(b)];
}

function sign(a: number): number {
  return a < 0 ? -1 : 1;
}

/** Without −0, which no wire can tell from 0. */
function rounded(a: number): number {
  return Math.round(AXIS_MAX * a) || 0;
}
