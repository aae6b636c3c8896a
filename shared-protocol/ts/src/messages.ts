// The messages of the control stream (docs/PROTOCOL.md, chapter 3), and the frames they travel in.

import { ByteReader, ByteWriter } from "./byte-values.js";
import type { SeenState } from "./check.js";
import type { EntityState } from "./entity-state.js";
import type { Acks } from "./intents.js";
import {
  CARDS_PER_MESSAGE_MAX,
  CLIENT_BYTES_MAX,
  CLOSE_REASON_BYTES_MAX,
  EVENTS_PER_MESSAGE_MAX,
  FIELD_NAME_BYTES_MAX,
  FIELDS_MAX,
  FORGOTTEN_IDS_MAX,
  HELD_IDS_MAX,
  KIND_NAME_BYTES_MAX,
  KINDS_MAX,
  MESSAGE_BYTES_MAX,
  NAME_BYTES_MAX,
  PLANET_NAME_BYTES_MAX,
  REPORTED_STATES_MAX,
  TICKET_BYTES_MAX,
  WOUNDS_PER_MESSAGE_MAX,
} from "./limits.js";
import { Malformed, demand } from "./malformed.js";
import type { FieldVersion, NamedField } from "./schema.js";

/** The version of the protocol that this library speaks. */
export const PROTOCOL_VERSION = 2;

/** From the client. */
export type ClientMessage =
  /** The first message. */
  | {
      readonly is: "hello";
      readonly ticket: string;
      readonly client: string;
      /** Which versions of which fields the client can read. */
      readonly knows: readonly FieldVersion[];
    }
  /** The first message of one who lost the connection, in place of the hello. */
  | {
      readonly is: "resume";
      readonly token: string;
      /** Which datagrams have been taken, with whole numbers; `newest` is 0 if none. */
      readonly taken: Acks;
      /** Number of the newest event taken, 0 if none. */
      readonly events: number;
      readonly client: string;
      readonly knows: readonly FieldVersion[];
    }
  /** Who are these? At most 256. */
  | { readonly is: "cards"; readonly ids: readonly bigint[] }
  /** The client is about to close. */
  | { readonly is: "goodbye" }
  /** What a datagram came out as whose states do not add up to its check. At most 256. */
  | { readonly is: "diverged"; readonly number: number; readonly states: readonly SeenState[] }
  /** Whom the client has in view after datagram `number`, if the server counts others; ascending, at most 2,000. */
  | { readonly is: "held"; readonly number: number; readonly ids: readonly bigint[] }
  /** Coins or things for somebody. May be sent again until it is answered; at most 16 without an answer. */
  | { readonly is: "give"; readonly gift: Gift };

/** There are no more numbers of things. */
const STACKS_MAX = 255;

/** What coins are among what is counted; other numbers are sorts of things, which the world's content knows. */
export const COINS = 0;

/** So many things of one sort. */
export interface Stack {
  /** 1 to 255. */
  readonly asset: number;
  /** At least 1. */
  readonly amount: bigint;
}

/** Coins, or things of one sort, for somebody. */
export interface Gift {
  /** In which life of the own avatar. */
  readonly life: bigint;
  /** Which gift of that life, at least 1. */
  readonly number: number;
  /** Whose avatar gets them. */
  readonly to: bigint;
  /** At least 1. */
  readonly amount: bigint;
  /** Of what: `COINS`, or a sort of things. */
  readonly asset: number;
}

/** What may become of a gift, by number. All but "notSaving" are final. */
export const GIFT_OUTCOMES = [
  "given",
  "notEnough",
  "nobody",
  "oneself",
  "dead",
  "forgotten",
  "otherLife",
  "otherGift",
  "notSaving",
] as const;
export type GiftOutcome = (typeof GIFT_OUTCOMES)[number];

/** The answer to a gift. */
export interface GiftAnswer {
  readonly life: bigint;
  readonly number: number;
  readonly outcome: GiftOutcome;
  /** The tick in which that was decided. */
  readonly tick: number;
}

/** What the own avatar has. */
export interface Purse {
  /** As of this tick. */
  readonly tick: number;
  /** The avatar's life: from when its character first came into the world; a journey ends it. */
  readonly life: bigint;
  /** No gift of this life has a higher number so far. */
  readonly newest: number;
  readonly coins: bigint;
  /** By number. */
  readonly things: readonly Stack[];
}

/** What a client must know to understand its first datagram. */
export interface Welcome {
  /** This connection, for logs. */
  readonly session: bigint;
  /** The character's entity. */
  readonly avatar: bigint;
  /** How often this world has been started. */
  readonly epoch: number;
  /** The newest finished tick. */
  readonly tick: number;
  readonly tickHz: number;
  readonly planet: string;
  readonly planetHash: bigint;
  readonly radiusM: number;
  readonly frameLevel: number;
  /** Nearer than this, others come into view. */
  readonly interestEnterM: number;
  /** Farther than this, they leave it. */
  readonly interestExitM: number;
  /** Most snapshot bytes per tick. */
  readonly budgetBytes: number;
  /** Names of the kinds. */
  readonly kinds: readonly string[];
  /** The fields of this session's snapshots, in the versions they are written in. */
  readonly fields: readonly NamedField[];
}

/** Who somebody is. */
export interface Card {
  readonly id: bigint;
  /** Grows with every change. */
  readonly version: number;
  /** Index into the welcome's kinds. */
  readonly kind: number;
  readonly name: string | undefined;
}

/** What happened to the own avatar. Somebody whom its player may not see has no id. */
export type GameEvent =
  | { readonly is: "died"; readonly killer: bigint | undefined }
  | { readonly is: "respawned" }
  | { readonly is: "killed"; readonly victim: bigint | undefined }
  /** It lost hit points; several attackers share one event without an id if they are too many. */
  | { readonly is: "wounded"; readonly attacker: bigint | undefined; readonly amount: number }
  /** Somebody lost hit points by its hand. */
  | { readonly is: "struck"; readonly target: bigint | undefined; readonly amount: number; readonly fatal: boolean };

/** An event, and the tick whose snapshot shows what came of it. */
export interface TimedEvent {
  readonly tick: number;
  readonly event: GameEvent;
}

/** What somebody in view lost to somebody in one tick. */
export interface Wound {
  readonly target: bigint;
  readonly attacker: bigint | undefined;
  /** Hit points. */
  readonly amount: number;
  /** Whether the target died of it. */
  readonly fatal: boolean;
}

/** From the server. */
export type ServerMessage =
  | { readonly is: "welcome"; readonly welcome: Welcome }
  | { readonly is: "cards"; readonly cards: readonly Card[] }
  /** What happened to the own avatar; numbered from `first` on. */
  | { readonly is: "events"; readonly first: number; readonly events: readonly TimedEvent[] }
  | { readonly is: "closing"; readonly code: number; readonly reason: string }
  | { readonly is: "queued"; readonly ahead: number }
  /** With this a client comes back after its connection is lost. */
  | { readonly is: "token"; readonly token: string; readonly validS: number }
  /** The session goes on: the last welcome holds, but for what is in here. */
  | { readonly is: "resumed"; readonly session: bigint; readonly tick: number; readonly next: number }
  /** What others in view lost in a tick, nearest first; so many more were left out. */
  | { readonly is: "wounds"; readonly tick: number; readonly wounds: readonly Wound[]; readonly leftOut: number }
  /** Who is in view after a datagram: how many, and what their ids add up to. */
  | { readonly is: "presence"; readonly number: number; readonly count: number; readonly sum: bigint }
  /** They are not in view, as far as datagrams up to `number` go. */
  | { readonly is: "forget"; readonly number: number; readonly ids: readonly bigint[] }
  /** What became of a gift; it survives whatever happens to the server. */
  | { readonly is: "gift"; readonly answer: GiftAnswer }
  /** What the own avatar has. */
  | { readonly is: "purse"; readonly purse: Purse };

/** A message as a frame. */
export function encodeMessage(message: ClientMessage): Uint8Array<ArrayBuffer> {
  const body = writeBody(message).toBytes();
  if (body.length > MESSAGE_BYTES_MAX) throw new RangeError(`a message of ${body.length} bytes`);
  const frame = new Uint8Array(4 + body.length);
  new DataView(frame.buffer).setUint32(0, body.length, true);
  frame.set(body, 4);
  return frame;
}

function writeBody(message: ClientMessage): ByteWriter {
  const out = new ByteWriter();
  switch (message.is) {
    case "hello":
      fits(message.ticket, TICKET_BYTES_MAX, "the ticket");
      fits(message.client, CLIENT_BYTES_MAX, "the client's self-description");
      out.u32(0).u16(PROTOCOL_VERSION).string(message.ticket).string(message.client);
      return writeFields(out, message.knows);
    case "resume":
      fits(message.token, TICKET_BYTES_MAX, "the token");
      fits(message.client, CLIENT_BYTES_MAX, "the client's self-description");
      out.u32(3).u16(PROTOCOL_VERSION).string(message.token);
      out.u64(BigInt(message.taken.newest)).u32(message.taken.before);
      out.u64(BigInt(message.events)).string(message.client);
      return writeFields(out, message.knows);
    case "cards":
      if (message.ids.length > CARDS_PER_MESSAGE_MAX) throw new RangeError("too many ids for one message");
      out.u32(1).u64(BigInt(message.ids.length));
      for (const id of message.ids) out.u64(id);
      return out;
    case "goodbye":
      return out.u32(2);
    case "diverged":
      if (message.states.length > REPORTED_STATES_MAX) throw new RangeError("too many states for one message");
      out.u32(4).u64(BigInt(message.number)).u64(BigInt(message.states.length));
      for (const { id, state } of message.states) writeState(out.u64(id), state);
      return out;
    case "held":
      return writeHeld(message.number, message.ids);
    case "give": {
      const { life, number, to, amount, asset } = message.gift;
      return out.u32(6).u64(life).u32(number).u64(to).u64(amount).u8(asset);
    }
  }
}

function writeHeld(number: number, ids: readonly bigint[]): ByteWriter {
  if (ids.length > HELD_IDS_MAX) throw new RangeError("too many ids for one message");
  const out = new ByteWriter().u32(5).u64(BigInt(number)).u64(BigInt(ids.length));
  for (const id of ids) out.u64(id);
  return out;
}

function writeState(out: ByteWriter, state: EntityState): void {
  out.u64(state.cell);
  for (const cm of state.positionCm) out.u32(cm >>> 0);
  for (const cmps of state.velocityCmps) out.u16(cmps & 0xffff);
  out.u8(state.heading).u8(state.rotation === undefined ? 0 : 1);
  if (state.rotation !== undefined) {
    out.u8(state.rotation.largest);
    for (const part of state.rotation.parts) out.u16(part & 0xffff);
  }
  out.u8(state.health).u32(["idle", "attack", "dead"].indexOf(state.action)).u8(state.attacks);
  out.u8(state.airborne ? 1 : 0).u8(state.swimming ? 1 : 0).u16(state.kind);
}

function writeFields(out: ByteWriter, fields: readonly FieldVersion[]): ByteWriter {
  if (fields.length > FIELDS_MAX) throw new RangeError("too many versions of fields");
  out.u64(BigInt(fields.length));
  for (const { id, layout, tables } of fields) out.u8(id).u8(layout).u8(tables);
  return out;
}

function fits(text: string, bytesMax: number, what: string): void {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > bytesMax) throw new RangeError(`${what} has ${bytes} bytes, at most ${bytesMax} fit`);
}

/** Reads the body of a frame.
 *
 * @throws Malformed if it is no message; the session has to be closed with code 32. */
export function decodeMessage(body: Uint8Array): ServerMessage {
  const bytes = new ByteReader(body);
  const message = readBody(bytes);
  bytes.end();
  return message;
}

function readBody(bytes: ByteReader): ServerMessage {
  const which = bytes.u32();
  switch (which) {
    case 0:
      return { is: "welcome", welcome: readWelcome(bytes) };
    case 1:
      return { is: "cards", cards: bytes.sequence(CARDS_PER_MESSAGE_MAX, "cards", () => readCard(bytes)) };
    case 2:
      return readEvents(bytes);
    case 3:
      return { is: "closing", code: bytes.u32(), reason: bytes.string(CLOSE_REASON_BYTES_MAX, "reason") };
    case 4:
      return { is: "queued", ahead: bytes.u32() };
    case 5:
      return { is: "token", token: bytes.string(TICKET_BYTES_MAX, "token"), validS: bytes.u32() };
    case 6:
      return {
        is: "resumed",
        session: bytes.u64(),
        tick: bytes.counter("tick"),
        next: bytes.counter("next"),
      };
    case 7:
      return {
        is: "wounds",
        tick: bytes.counter("tick"),
        wounds: bytes.sequence(WOUNDS_PER_MESSAGE_MAX, "wounds", () => readWound(bytes)),
        leftOut: bytes.u32(),
      };
    case 8:
      return { is: "presence", number: bytes.counter("number"), count: bytes.u32(), sum: bytes.u64() };
    case 9:
      return {
        is: "forget",
        number: bytes.counter("number"),
        ids: bytes.sequence(FORGOTTEN_IDS_MAX, "ids", () => bytes.u64()),
      };
    case 10:
      return { is: "gift", answer: readAnswer(bytes) };
    case 11:
      return { is: "purse", purse: readPurse(bytes) };
    default:
      throw new Malformed(`message ${which}`);
  }
}

function readWelcome(bytes: ByteReader): Welcome {
  const welcome: Welcome = {
    session: bytes.u64(),
    avatar: bytes.u64(),
    epoch: bytes.u32(),
    tick: bytes.counter("tick"),
    tickHz: bytes.u32(),
    planet: bytes.string(PLANET_NAME_BYTES_MAX, "planet"),
    planetHash: bytes.u64(),
    radiusM: bytes.f64(),
    frameLevel: bytes.u8(),
    interestEnterM: bytes.f64(),
    interestExitM: bytes.f64(),
    budgetBytes: bytes.u32(),
    kinds: bytes.sequence(KINDS_MAX, "kinds", () => bytes.string(KIND_NAME_BYTES_MAX, "kind")),
    fields: bytes.sequence(FIELDS_MAX, "fields", () => readField(bytes)),
  };
  demand(welcome.tickHz >= 1, "ticks per second");
  demand(welcome.frameLevel <= 30, "frame level");
  demand(welcome.radiusM > 0 && Number.isFinite(welcome.radiusM), "radius");
  return welcome;
}

function readField(bytes: ByteReader): NamedField {
  const name = bytes.string(FIELD_NAME_BYTES_MAX, "field");
  return { name, id: bytes.u8(), layout: bytes.u8(), tables: bytes.u8() };
}

function readCard(bytes: ByteReader): Card {
  return {
    id: bytes.u64(),
    version: bytes.u32(),
    kind: bytes.u16(),
    name: bytes.option(() => bytes.string(NAME_BYTES_MAX, "name")),
  };
}

function readAnswer(bytes: ByteReader): GiftAnswer {
  const [life, number, which] = [bytes.u64(), bytes.u32(), bytes.u32()];
  const outcome = GIFT_OUTCOMES[which];
  if (outcome === undefined) throw new Malformed(`outcome ${which}`);
  return { life, number, outcome, tick: bytes.counter("tick") };
}

function readPurse(bytes: ByteReader): Purse {
  const [tick, life, newest, coins] = [bytes.counter("tick"), bytes.u64(), bytes.u32(), bytes.u64()];
  let last = COINS;
  const things = bytes.sequence(STACKS_MAX, "things", () => {
    const stack = { asset: bytes.u8(), amount: bytes.u64() };
    demand(stack.asset > last && stack.amount > 0n, "things");
    last = stack.asset;
    return stack;
  });
  return { tick, life, newest, coins, things };
}

function readEvents(bytes: ByteReader): ServerMessage {
  const first = bytes.counter("first");
  demand(first >= 1, "first");
  const events = bytes.sequence(EVENTS_PER_MESSAGE_MAX, "events", () => ({
    tick: bytes.counter("tick"),
    event: readEvent(bytes),
  }));
  return { is: "events", first, events };
}

function readWound(bytes: ByteReader): Wound {
  return {
    target: bytes.u64(),
    attacker: bytes.option(() => bytes.u64()),
    amount: bytes.u16(),
    fatal: bytes.bool(),
  };
}

function readEvent(bytes: ByteReader): GameEvent {
  const which = bytes.u32();
  switch (which) {
    case 0:
      return { is: "died", killer: bytes.option(() => bytes.u64()) };
    case 1:
      return { is: "respawned" };
    case 2:
      return { is: "killed", victim: bytes.option(() => bytes.u64()) };
    case 3:
      return { is: "wounded", attacker: bytes.option(() => bytes.u64()), amount: bytes.u16() };
    case 4:
      return { is: "struck", target: bytes.option(() => bytes.u64()), amount: bytes.u16(), fatal: bytes.bool() };
    default:
      throw new Malformed(`event ${which}`);
  }
}

/** Cuts a stream into the bodies of frames. */
export class FrameSplitter {
  #kept = new Uint8Array(0);

  /** Takes the next bytes of the stream; the bodies that are complete now.
   *
   * @throws Malformed if a frame is longer than any message. */
  push(bytes: Uint8Array): Uint8Array[] {
    const all = new Uint8Array(this.#kept.length + bytes.length);
    all.set(this.#kept);
    all.set(bytes, this.#kept.length);
    const view = new DataView(all.buffer);
    const bodies = [];
    let at = 0;
    while (at + 4 <= all.length) {
      const length = view.getUint32(at, true);
      demand(length <= MESSAGE_BYTES_MAX, "a message beyond its limit");
      if (at + 4 + length > all.length) break;
      bodies.push(all.slice(at + 4, at + 4 + length));
      at += 4 + length;
    }
    this.#kept = all.slice(at);
    return bodies;
  }
}
