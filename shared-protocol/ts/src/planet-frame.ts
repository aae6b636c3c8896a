// From frame cells to the planet's frame (docs/PROTOCOL.md, chapter 10): S2 cells, metres.

import type { EntityState } from "./entity-state.js";
import { quaternionOf } from "./rotation.js";
import { type Vector, add, cross, dot, normalised, scale, subtract } from "./vector.js";

/** By orientation: which quarter of a cell the q-th child is, as 2·i + j. */
const QUARTERS: readonly (readonly number[])[] = [
  [0, 1, 3, 2],
  [0, 2, 3, 1],
  [3, 2, 0, 1],
  [3, 1, 0, 2],
];
/** How the q-th child's orientation differs. */
const TURNS: readonly number[] = [1, 0, 0, 3];

/** By face: its point (u, v), and the direction of growing u. */
const FACES: readonly { readonly point: (u: number, v: number) => Vector; readonly along: Vector }[] = [
  { point: (u, v) => [1, u, v], along: [0, 1, 0] },
  { point: (u, v) => [-u, 1, v], along: [-1, 0, 0] },
  { point: (u, v) => [-u, -v, 1], along: [-1, 0, 0] },
  { point: (u, v) => [-1, -v, -u], along: [0, 0, -1] },
  { point: (u, v) => [v, -1, -u], along: [0, 0, -1] },
  { point: (u, v) => [v, u, -1], along: [0, 1, 0] },
];

/** A frame cell's axes in the planet's frame; z points away from the planet's centre. */
export interface Axes {
  readonly x: Vector;
  readonly y: Vector;
  readonly z: Vector;
}

/** Face, level and place of an S2 cell; `undefined` for what is no cell's id. */
export function cellPlace(id: bigint): { face: number; level: number; i: number; j: number } | undefined {
  const face = Number(id >> 61n);
  let zeros = 0;
  while (zeros < 64 && ((id >> BigInt(zeros)) & 1n) === 0n) zeros += 1;
  if (face > 5 || zeros > 60 || zeros % 2 === 1) return undefined;
  const level = 30 - zeros / 2;
  let [i, j, orientation] = [0, 0, face % 2];
  for (let n = 1; n <= level; n += 1) {
    const q = Number((id >> BigInt(61 - 2 * n)) & 3n);
    const quarter = QUARTERS[orientation]![q]!;
    i = 2 * i + (quarter >> 1);
    j = 2 * j + (quarter & 1);
    orientation ^= TURNS[q]!;
  }
  return { face, level, i, j };
}

/** The axes of a frame cell; of what is no cell's id, those of the planet. */
export function axesOf(id: bigint): Axes {
  const place = cellPlace(id);
  if (place === undefined) return { x: [1, 0, 0], y: [0, 1, 0], z: [0, 0, 1] };
  const side = 2 ** place.level;
  const { point, along } = FACES[place.face]!;
  const z = normalised(point(onFace((place.i + 0.5) / side), onFace((place.j + 0.5) / side)));
  const x = normalised(subtract(along, scale(z, dot(along, z))));
  return { x, y: cross(z, x), z };
}

function onFace(share: number): number {
  return share >= 0.5 ? (4 * share * share - 1) / 3 : (1 - 4 * (1 - share) * (1 - share)) / 3;
}

/** An entity in metres of the planet's frame: from its centre, +z through the north pole, +x through
 * 0° N 0° E. */
export interface Pose {
  readonly positionM: Vector;
  readonly velocityMps: Vector;
  /** Where it faces, of length 1; of a body, where its x axis points. */
  readonly facing: Vector;
}

/** Cells' axes kept; a view has few. */
const AXES_MAX = 1_024;

/** Turns states into poses on a planet of some radius. */
export class PlanetFrame {
  readonly #radiusM: number;
  readonly #axes = new Map<bigint, Axes>();

  constructor(radiusM: number) {
    this.#radiusM = radiusM;
  }

  /** Where a state is. */
  pose(state: EntityState): Pose {
    const axes = this.#axesOf(state.cell);
    return {
      positionM: add(scale(axes.z, this.#radiusM), turned(axes, scale(state.positionCm, 0.01))),
      velocityMps: turned(axes, scale(state.velocityCmps, 0.01)),
      facing: turned(axes, facingInCell(state)),
    };
  }

  #axesOf(cell: bigint): Axes {
    const kept = this.#axes.get(cell);
    if (kept !== undefined) return kept;
    if (this.#axes.size >= AXES_MAX) this.#axes.clear();
    const axes = axesOf(cell);
    this.#axes.set(cell, axes);
    return axes;
  }
}

function facingInCell({ heading, rotation }: EntityState): Vector {
  if (rotation === undefined) {
    const angle = (heading * 2 * Math.PI) / 256;
    return [Math.cos(angle), Math.sin(angle), 0];
  }
  const [x, y, z, w] = quaternionOf(rotation);
  return [1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)];
}

function turned({ x, y, z }: Axes, [a, b, c]: Vector): Vector {
  return add(add(scale(x, a), scale(y, b)), scale(z, c));
}

/** East and north at a place, of length 1; at a pole, some two directions. */
export function compass(positionM: Vector): { east: Vector; north: Vector; up: Vector } {
  const up = normalised(positionM);
  const across = cross([0, 0, 1], up);
  const east = dot(across, across) > 1e-18 ? normalised(across) : ([0, 1, 0] as const);
  return { east, north: cross(up, east), up };
}
