// Intent datagrams (docs/PROTOCOL.md, chapter 8): acknowledgements, and what the player wants.

import { BitWriter } from "./bits.js";
import { BucketCode } from "./bucket-code.js";
import { AXIS_MAX, type WireDirection } from "./direction.js";
import { INTENTS_PER_DATAGRAM_MAX } from "./limits.js";
import { lowBits } from "./low-bits.js";

const KIND = 0x21;
const VIEW_STEP = new BucketCode([0, 5, 32]);

/** What a player wants, tick by tick. */
export interface Wish {
  /** Where to. With pace 0 it does not matter. */
  readonly direction: WireDirection;
  /** In fifteenths of the top speed: 0 stand to 15 run. */
  readonly pace: number;
  /** Whether to jump in this tick. */
  readonly jump: boolean;
  /** Whom to attack in this tick. */
  readonly attack?: bigint | undefined;
}

/** A wish, numbered. */
export interface Intent {
  /** From 1, one more with every intent of the session. */
  readonly seq: number;
  /** The tick that the player was looking at. */
  readonly viewTick: number;
  readonly wish: Wish;
}

/** Which snapshots have been taken. */
export interface Acks {
  /** The newest number. */
  readonly newest: number;
  /** Bit i: whether number `newest` − 1 − i was taken, too. */
  readonly before: number;
}

/** One datagram: at most 8 intents, oldest first, with consecutive numbers. */
export function encodeIntents(acks: Acks | undefined, intents: readonly Intent[]): Uint8Array<ArrayBuffer> {
  if (intents.length > INTENTS_PER_DATAGRAM_MAX) {
    throw new RangeError(`${intents.length} intents, at most ${INTENTS_PER_DATAGRAM_MAX} fit`);
  }
  const bits = new BitWriter();
  bits.write(KIND, 8);
  bits.writeBool(acks !== undefined);
  if (acks !== undefined) {
    bits.write(lowBits(acks.newest, 16), 16);
    bits.write(acks.before >>> 0, 32);
  }
  bits.write(intents.length, 4);
  let previous: Intent | undefined;
  for (const intent of intents) {
    if (previous === undefined) {
      bits.write(intent.seq, 32);
      bits.write(lowBits(intent.viewTick, 32), 32);
      writeWish(bits, intent.wish);
    } else {
      if (intent.seq !== previous.seq + 1) throw new RangeError("intents are numbered consecutively");
      VIEW_STEP.writeSigned(bits, intent.viewTick - previous.viewTick - 1);
      const another = !sameWish(intent.wish, previous.wish);
      bits.writeBool(another);
      if (another) writeWish(bits, intent.wish);
    }
    previous = intent;
  }
  return bits.toBytes();
}

function writeWish(bits: BitWriter, wish: Wish): void {
  bits.write(wish.direction.u + AXIS_MAX, 10);
  bits.write(wish.direction.v + AXIS_MAX, 10);
  bits.write(wish.pace, 4);
  bits.writeBool(wish.jump);
  bits.writeBool(wish.attack !== undefined);
  if (wish.attack !== undefined) bits.writeU64(wish.attack);
}

function sameWish(a: Wish, b: Wish): boolean {
  return (
    a.direction.u === b.direction.u &&
    a.direction.v === b.direction.v &&
    a.pace === b.pace &&
    a.jump === b.jump &&
    a.attack === b.attack
  );
}
