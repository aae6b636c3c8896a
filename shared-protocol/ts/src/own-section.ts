// What a snapshot says about the client's own avatar (docs/PROTOCOL.md, chapter 9).

import type { BitReader } from "./bits.js";
import { BucketCode } from "./bucket-code.js";
import { demand } from "./malformed.js";
import type { Vector } from "./vector.js";

const WAIT_CODE = new BucketCode([0, 8, 16]);
const TALLY_CODE = new BucketCode([4, 10, 32]);

/** What holds the avatar. */
export type Support = "ground" | "air" | "water";
const SUPPORTS: readonly Support[] = ["ground", "air", "water"];

/** The avatar's body, exactly, in the planet's frame. */
export interface OwnBody {
  readonly positionM: Vector;
  readonly velocityMps: Vector;
  readonly facing: Vector;
  readonly support: Support;
}

export interface Vitals {
  readonly health: number;
  readonly healthMax: number;
  /** Ticks until the next attack. */
  readonly readyInTicks: number;
  /** Ticks until the return to life. */
  readonly respawnInTicks: number;
  readonly kills: number;
  readonly deaths: number;
}

export type OwnSection =
  | { readonly is: "none" }
  /** Equal to the hash of what a client with the movement kernel predicted, or it was wrong. */
  | { readonly is: "hash"; readonly bodyHash: number; readonly vitals: Vitals | undefined }
  | { readonly is: "exact"; readonly body: OwnBody; readonly vitals: Vitals };

export function readOwnSection(bits: BitReader): OwnSection {
  const which = bits.read(2);
  demand(which < 3, "own section");
  if (which === 0) return { is: "none" };
  if (which === 1) {
    const bodyHash = bits.read(32);
    return { is: "hash", bodyHash, vitals: bits.readBool() ? readVitals(bits) : undefined };
  }
  return { is: "exact", body: readBody(bits), vitals: readVitals(bits) };
}

function readBody(bits: BitReader): OwnBody {
  const vector = (what: string): Vector => [bits.readF64(what), bits.readF64(what), bits.readF64(what)];
  const [positionM, velocityMps, facing] = [vector("position"), vector("velocity"), vector("facing")];
  const support = SUPPORTS[bits.read(2)];
  demand(support !== undefined, "support");
  return { positionM, velocityMps, facing, support };
}

function readVitals(bits: BitReader): Vitals {
  return {
    health: bits.read(16),
    healthMax: bits.read(16),
    readyInTicks: readWait(bits),
    respawnInTicks: readWait(bits),
    kills: TALLY_CODE.read(bits),
    deaths: TALLY_CODE.read(bits),
  };
}

function readWait(bits: BitReader): number {
  const ticks = WAIT_CODE.read(bits);
  demand(ticks < 2 ** 16, "wait");
  return ticks;
}

/** The vitals `ticks` later, if nothing happens: both waits are counted down. */
export function countedDown(vitals: Vitals, ticks: number): Vitals {
  return {
    ...vitals,
    readyInTicks: Math.max(0, vitals.readyInTicks - ticks),
    respawnInTicks: Math.max(0, vitals.respawnInTicks - ticks),
  };
}
