// The divergence alarm (docs/PROTOCOL.md, chapter 9): what a datagram's states add up to.

import type { EntityState } from "./entity-state.js";

const WORD = 0xffff_ffff_ffff_ffffn;
const ACTION_BITS = { idle: 0n, attack: 1n, dead: 2n } as const;
/** What each word of a state is multiplied with. */
const FACTORS = [1n, 2n, 3n, 4n, 5n, 6n].map((n) => mix(n) | 1n);

/** Whose state it is that a record gave. */
export interface SeenState {
  readonly id: bigint;
  readonly state: EntityState;
}

/** The sum of the shares of a datagram's states, modulo 2³². */
export function checkOf(states: Iterable<SeenState>): number {
  let sum = 0;
  for (const { id, state } of states) sum = (sum + share(id, state)) >>> 0;
  return sum;
}

/** One state's share. */
export function share(id: bigint, state: EntityState): number {
  const [x, y, z] = state.positionCm.map((cm) => BigInt.asUintN(32, BigInt(cm))) as [bigint, bigint, bigint];
  const [vx, vy, vz] = state.velocityCmps.map((v) => BigInt.asUintN(16, BigInt(v))) as [bigint, bigint, bigint];
  const seldom =
    BigInt(state.heading) |
    (BigInt(state.health) << 8n) |
    (ACTION_BITS[state.action] << 16n) |
    (BigInt(state.attacks) << 18n) |
    (state.airborne ? 1n << 22n : 0n) |
    (state.swimming ? 1n << 23n : 0n) |
    (BigInt(state.kind) << 24n);
  const words = [
    id,
    state.cell,
    x | (y << 32n),
    z | (vx << 32n) | (vy << 48n),
    vz | (seldom << 16n),
    rotationWord(state),
  ];
  const sum = words.reduce((sum, word, n) => sum + word * FACTORS[n]!, 0n);
  return Number(mix(sum & WORD) >> 32n);
}

/** What somebody in view adds to the sum of `Presence`. */
export function presenceShare(id: bigint): bigint {
  return mix(id);
}

function rotationWord({ rotation }: EntityState): bigint {
  if (rotation === undefined) return 0n;
  const [a, b, c] = rotation.parts.map((part) => BigInt(part + 511)) as [bigint, bigint, bigint];
  return 1n | (BigInt(rotation.largest) << 1n) | (a << 3n) | (b << 13n) | (c << 23n);
}

/** The finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA
 * 2014). */
function mix(word: bigint): bigint {
  let z = (word + 0x9e37_79b9_7f4a_7c15n) & WORD;
  z = ((z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & WORD;
  z = ((z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn) & WORD;
  return z ^ (z >> 31n);
}
