// What is known of an entity at one tick, and its full form on the wire (docs/PROTOCOL.md, chapter 10).

import type { BitReader } from "./bits.js";
import { BucketCode } from "./bucket-code.js";
import { demand } from "./malformed.js";
import { type Rotation, readRotation } from "./rotation.js";
import type { Vector } from "./vector.js";

export const KIND_CODE = new BucketCode([3, 8, 16]);
const POSITION_CODE = new BucketCode([17, 21, 32]);
const HEIGHT_CODE = new BucketCode([9, 14, 20, 32]);
const VELOCITY_CODE = new BucketCode([0, 8, 11, 17]);

/** What an entity does. */
export type Action = "idle" | "attack" | "dead";
const ACTIONS: readonly Action[] = ["idle", "attack", "dead"];

/** An entity at one tick, in the wire's units. `PlanetFrame` turns them into metres. */
export interface EntityState {
  /** S2 id of the frame cell that position and velocity are relative to. */
  readonly cell: bigint;
  /** Centimetres along the cell's axes. */
  readonly positionCm: Vector;
  /** cm/s along the same axes. */
  readonly velocityCmps: Vector;
  /** Of a walker: 256ths of a turn around the cell's z, from +x towards +y. */
  readonly heading: number;
  /** Of a body: how it is turned. */
  readonly rotation: Rotation | undefined;
  /** 255ths of the maximum; 0 only when dead, 255 only when whole. */
  readonly health: number;
  readonly action: Action;
  /** Attacks begun, modulo 16. */
  readonly attacks: number;
  readonly airborne: boolean;
  readonly swimming: boolean;
  /** Index into the welcome's kinds. */
  readonly kind: number;
}

/** Reads a full state; its frame cell goes beside it. */
export function readFull(bits: BitReader, cell: bigint): EntityState {
  const kind = readKind(bits);
  const x = POSITION_CODE.readSigned(bits);
  const y = POSITION_CODE.readSigned(bits);
  const z = HEIGHT_CODE.readSigned(bits);
  const velocityCmps: Vector = [readVelocity(bits), readVelocity(bits), readVelocity(bits)];
  const turned = bits.readBool() ? readRotation(bits) : undefined;
  const heading = turned === undefined ? bits.read(8) : 0;
  const health = bits.readBool() ? bits.read(8) : 255;
  return {
    cell,
    positionCm: [x, y, z],
    velocityCmps,
    heading,
    rotation: turned,
    health,
    ...readAction(bits),
    ...readFlags(bits),
    kind,
  };
}

/** Reads what changed of what seldom does. */
export function readSeldom(bits: BitReader): Partial<EntityState> {
  return {
    ...(bits.readBool() ? { health: bits.read(8) } : {}),
    ...(bits.readBool() ? readAction(bits) : {}),
    ...(bits.readBool() ? readFlags(bits) : {}),
    ...(bits.readBool() ? { kind: readKind(bits) } : {}),
  };
}

export function readKind(bits: BitReader): number {
  const kind = KIND_CODE.read(bits);
  demand(kind < 2 ** 16, "kind");
  return kind;
}

export function readAction(bits: BitReader): Pick<EntityState, "action" | "attacks"> {
  const action = ACTIONS[bits.read(2)];
  demand(action !== undefined, "action");
  return { action, attacks: bits.read(4) };
}

export function readFlags(bits: BitReader): Pick<EntityState, "airborne" | "swimming"> {
  return { airborne: bits.readBool(), swimming: bits.readBool() };
}

/** A component of a velocity, if it is one of 16 bits. */
export function velocityComponent(value: number): number {
  demand(value >= -(2 ** 15) && value < 2 ** 15, "velocity");
  return value;
}

function readVelocity(bits: BitReader): number {
  return velocityComponent(VELOCITY_CODE.readSigned(bits));
}
