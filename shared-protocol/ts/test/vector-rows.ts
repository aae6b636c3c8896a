// How the vectors that the server's tests export write states (shared-protocol/vectors).

import { readFileSync } from "node:fs";

import type { EntityState } from "../src/entity-state.js";
import type { Vitals } from "../src/own-section.js";

/** A file of vectors; this test is compiled to shared-protocol/ts/dist/test. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../vectors/${name}`, import.meta.url), "utf8")) as T;
}

export type Numbers = [number, number, number];
export type EntityRow = [
  string,
  Numbers,
  Numbers,
  number,
  [number, number, number, number] | null,
  number,
  number,
  number,
  0 | 1,
  0 | 1,
  number,
];
export type VitalsRow = [number, number, number, number, number, number];

/** Of 64 bits. */
export const wide = (hex: string): bigint => BigInt(`0x${hex}`);

export function entity(row: EntityRow): EntityState {
  const [cell, positionCm, velocityCmps, heading, turned, health, action, attacks, airborne, swimming, kind] = row;
  return {
    cell: wide(cell),
    positionCm,
    velocityCmps,
    heading,
    rotation: turned === null ? undefined : { largest: turned[0], parts: [turned[1], turned[2], turned[3]] },
    health,
    action: (["idle", "attack", "dead"] as const)[action]!,
    attacks,
    airborne: airborne === 1,
    swimming: swimming === 1,
    kind,
  };
}

export function vitals([health, healthMax, readyInTicks, respawnInTicks, kills, deaths]: VitalsRow): Vitals {
  return { health, healthMax, readyInTicks, respawnInTicks, kills, deaths };
}
