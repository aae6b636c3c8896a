// A session over a connection: hello and welcome, snapshots and intents, cards, events, coming back,
// and the end (docs/PROTOCOL.md, chapters 2 and 3).

import { CardBook } from "./card-book.js";
import type { SeenState } from "./check.js";
import { ClientCore, type Taken } from "./client-core.js";
import { CloseCode, closeName } from "./close.js";
import { EventBook } from "./event-book.js";
import { GiftBook, type GiftReceipt } from "./gift-book.js";
import type { Wish } from "./intents.js";
import { PlayClock } from "./play-clock.js";
import { REPORTED_STATES_MAX } from "./limits.js";
import { Malformed, demand } from "./malformed.js";
import {
  COINS,
  type ClientMessage,
  FrameSplitter,
  type GameEvent,
  type ServerMessage,
  type Stack,
  type Welcome,
  type Wound,
  decodeMessage,
  encodeMessage,
} from "./messages.js";
import { KNOWN_FIELDS, SchemaMismatch, tablesOf } from "./schema.js";
import type { CloseInfo, Transport } from "./transport.js";

/** How long a goodbye may take, ms. */
const GOODBYE_MS = 500;
/** A divergence is reported no more often than this, ms. */
const REPORT_MS = 1_000;
/** Datagrams kept that come before the welcome; the oldest give way. */
const EARLY_MAX = 64;

/** How a session ended. */
export interface SessionEnd {
  /** The close code; `undefined` for a lost connection, after which one may come back. */
  readonly code: number | undefined;
  /** For people. */
  readonly reason: string;
}

/** A session that could not begin, or its connection's end. */
export class SessionEnded extends Error {
  override readonly name = "SessionEnded";

  constructor(readonly end: SessionEnd) {
    const code = end.code === undefined ? "connection lost" : (closeName(end.code) ?? `code ${end.code}`);
    super(end.reason === "" ? code : `${code}: ${end.reason}`);
  }
}

/** What a session tells as it happens. All are optional. */
export interface SessionListener {
  /** A snapshot of a tick was taken; `newest` if no newer one was before. */
  onSnapshot?(tick: number, newest: boolean): void;
  /** A datagram could not be read; it was dropped. */
  onUndecodable?(error: Malformed): void;
  /** Something happened to the own avatar in a tick: in order, each thing once, over lost connections too. */
  onEvent?(event: GameEvent, tick: number): void;
  /** Others in view were wounded in a tick; so many more, farther away, are left out. */
  onWounds?(wounds: readonly Wound[], tick: number, leftOut: number): void;
  /** A gift was answered: once, when what it says will survive whatever happens to the server. */
  onReceipt?(receipt: GiftReceipt): void;
  /** What the own avatar has is something else than before. */
  onPurse?(coins: bigint, tick: number, things: readonly Stack[]): void;
  /** The world is so overloaded that one has to wait; so many are ahead. */
  onQueued?(ahead: number): void;
  /** The session is over. */
  onEnd?(end: SessionEnd): void;
}

export interface SessionOptions {
  readonly ticket: string;
  /** Which program this is, for the server's logs. */
  readonly client: string;
  readonly listener?: SessionListener;
  /** A steady clock in milliseconds. */
  readonly now?: () => number;
}

/** What was counted in a session. */
export interface SessionCounts {
  /** Datagrams taken. */
  snapshots: number;
  /** Datagrams that came twice or too late. */
  dropped: number;
  /** Datagrams that could not be read. */
  undecodable: number;
  /** Datagrams whose states did not add up to what they said. */
  diverged: number;
  /** How often others were in view than the server said. */
  misplaced: number;
  /** Their bytes. */
  bytes: number;
}

/** What goes on when a connection is lost and another one takes its place. */
interface World {
  readonly welcome: Welcome;
  readonly core: ClientCore;
  readonly cards: CardBook;
  readonly events: EventBook;
  readonly gifts: GiftBook;
  readonly clock: PlayClock;
}

/** Nothing wanted. */
export const STANDING: Wish = { direction: { u: 0, v: 0 }, pace: 0, jump: false };

/** One character in one world, over one connection. */
export class Session {
  /** What the player wants from now on; jump and attack are forgotten once they are sent. */
  wish: Wish = STANDING;
  readonly counts: SessionCounts = { snapshots: 0, dropped: 0, undecodable: 0, diverged: 0, misplaced: 0, bytes: 0 };
  readonly #transport: Transport;
  readonly #options: SessionOptions;
  readonly #now: () => number;
  readonly #control: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #datagrams: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  /** What the connection before knew. */
  readonly #before: World | undefined;
  #world: World | undefined;
  #token: string | undefined;
  #early: Uint8Array[] = [];
  /** The newest tick that was answered with an intent. */
  #answered = 0;
  /** When the next divergence may be reported. */
  #reportFrom = 0;
  /** When the next report of who is in view may be sent. */
  #heldFrom = 0;
  #announced: SessionEnd | undefined;
  #end: SessionEnd | undefined;
  /** Called once: with nothing when the session begins, else with why it does not. */
  #begun: (refused?: SessionEnd) => void = () => undefined;

  private constructor(
    transport: Transport,
    control: WritableStream<Uint8Array<ArrayBuffer>>,
    options: SessionOptions,
    before: World | undefined,
  ) {
    this.#transport = transport;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#control = control.getWriter();
    this.#datagrams = transport.datagrams.writable.getWriter();
    this.#before = before;
  }

  /** Says hello over a connection that may still be opening; a session with its welcome.
   *
   * @throws SessionEnded if the server refuses, or the connection fails. */
  static begin(transport: Transport, options: SessionOptions): Promise<Session> {
    const hello: ClientMessage = {
      is: "hello",
      ticket: options.ticket,
      client: options.client,
      knows: KNOWN_FIELDS,
    };
    return Session.#open(transport, options, hello, undefined);
  }

  /** Comes back over another connection after this one's was lost.
   *
   * @throws SessionEnded if there is nothing to come back to: with code 21, begin anew with a ticket. */
  resume(transport: Transport): Promise<Session> {
    const token = this.#token;
    if (token === undefined) throw new Error("the server gave no token to come back with");
    const { client } = this.#options;
    const resume: ClientMessage = {
      is: "resume",
      token,
      taken: this.core.taken,
      events: this.events.newest,
      client,
      knows: KNOWN_FIELDS,
    };
    return Session.#open(transport, this.#options, resume, this.#world);
  }

  static async #open(
    transport: Transport,
    options: SessionOptions,
    first: ClientMessage,
    before: World | undefined,
  ): Promise<Session> {
    try {
      await transport.ready;
      const stream = await transport.createBidirectionalStream();
      const session = new Session(transport, stream.writable, options, before);
      const begun = new Promise<SessionEnd | undefined>((resolve) => (session.#begun = resolve));
      session.#run(stream.readable);
      session.#send(first);
      const refused = await begun;
      if (refused !== undefined) throw new SessionEnded(refused);
      return session;
    } catch (error) {
      if (error instanceof SessionEnded) throw error;
      throw new SessionEnded({ code: undefined, reason: messageOf(error) });
    }
  }

  /** What the server said about the world. */
  get welcome(): Welcome {
    return this.#known.welcome;
  }

  /** What the datagrams said. */
  get core(): ClientCore {
    return this.#known.core;
  }

  /** Who is who. */
  get cards(): CardBook {
    return this.#known.cards;
  }

  /** Which events were told. */
  get events(): EventBook {
    return this.#known.events;
  }

  /** What the avatar has, and which gifts have no answer yet. */
  get gifts(): GiftBook {
    return this.#known.gifts;
  }

  /** Gives somebody coins, or things of one sort, once, whatever becomes of the connection meanwhile; the gift's name in `onReceipt`.
   *
   * @throws RangeError if too many gifts wait for their answers, the amount is none, or there is no such sort. */
  give(to: bigint, amount: bigint, asset: number = COINS): number {
    const name = this.gifts.give(to, amount, asset);
    this.#ask();
    return name;
  }

  /** Which tick to show when. */
  get clock(): PlayClock {
    return this.#known.clock;
  }

  /** How it ended, if it did. */
  get end(): SessionEnd | undefined {
    return this.#end;
  }

  /** Whether the session before goes on, rather than a new one having begun. */
  get isResumed(): boolean {
    return this.#before !== undefined && this.#before.core === this.#world?.core;
  }

  /** Leaves: the avatar may go at once. */
  async leave(): Promise<void> {
    if (this.#end !== undefined) return;
    this.#send({ is: "goodbye" });
    const ended = this.#control.close().catch(() => undefined);
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, GOODBYE_MS))]);
    this.#close(CloseCode.Normal, "");
  }

  /** Ends the connection without a goodbye, as if it had been lost. */
  drop(): void {
    this.#over({ code: undefined, reason: "dropped" });
    this.#transport.close({ closeCode: CloseCode.Normal, reason: "" });
  }

  get #known(): World {
    // `begin` and `resume` give nobody a session before its welcome.
    if (this.#world === undefined) throw new Error("the session has not begun");
    return this.#world;
  }

  #run(control: ReadableStream<Uint8Array>): void {
    void this.#readControl(control.getReader());
    void this.#readDatagrams(this.#transport.datagrams.readable.getReader());
    this.#transport.closed.then(
      (info) => this.#over(endOf(info)),
      (error: unknown) => this.#over({ code: undefined, reason: messageOf(error) }),
    );
  }

  async #readControl(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const frames = new FrameSplitter();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done || this.#end !== undefined) return;
        for (const body of frames.push(value)) this.#takeMessage(decodeMessage(body));
      }
    } catch (error) {
      // Anything else is the connection's end, which `closed` tells.
      if (error instanceof Malformed) this.#close(CloseCode.Malformed, error.message);
      if (error instanceof SchemaMismatch) this.#close(CloseCode.SchemaMismatch, error.message);
    }
  }

  async #readDatagrams(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done || this.#end !== undefined) return;
        this.#takeDatagram(value);
      }
    } catch {
      // The connection's end, which `closed` tells.
    }
  }

  #takeMessage(message: ServerMessage): void {
    const { listener } = this.#options;
    switch (message.is) {
      case "welcome":
        return this.#enter(newWorld(message.welcome, this.#before?.gifts ?? new GiftBook()));
      case "resumed":
        demand(this.#before !== undefined, "resumed what never was");
        this.#before.core.resumed(message.tick);
        return this.#enter({ ...this.#before, welcome: { ...this.#before.welcome, session: message.session } });
      case "token":
        this.#token = message.token;
        return;
      case "cards":
        return this.#world?.cards.take(message.cards);
      case "events":
        for (const { tick, event } of this.#known.events.take(message.first, message.events)) {
          listener?.onEvent?.(event, tick);
        }
        return;
      case "gift": {
        const receipt = this.#known.gifts.takeAnswer(message.answer);
        if (receipt !== undefined) listener?.onReceipt?.(receipt);
        return;
      }
      case "purse":
        for (const receipt of this.#known.gifts.takePurse(message.purse)) listener?.onReceipt?.(receipt);
        listener?.onPurse?.(message.purse.coins, message.purse.tick, message.purse.things);
        return this.#ask();
      case "presence":
        this.#known.core.takePresence(message.number, message.count, message.sum);
        return this.#reportMisplaced();
      case "forget":
        return this.#known.core.takeForget(message.number, message.ids);
      case "wounds":
        return listener?.onWounds?.(message.wounds, message.tick, message.leftOut);
      case "queued":
        return listener?.onQueued?.(message.ahead);
      case "closing":
        this.#announced = { code: message.code, reason: message.reason };
    }
  }

  #enter(world: World): void {
    this.#world = world;
    world.gifts.beginConnection();
    this.#begun();
    this.#ask();
    for (const bytes of this.#early.splice(0)) this.#takeDatagram(bytes);
  }

  #takeDatagram(bytes: Uint8Array): void {
    if (this.#world === undefined) {
      // Which world it is of is not known before the answer to hello or resume.
      this.#early.push(bytes);
      if (this.#early.length > EARLY_MAX) this.#early.shift();
      return;
    }
    const { core, clock } = this.#world;
    this.counts.bytes += bytes.length;
    const taken = this.#taken(core, bytes);
    if (taken === undefined) return;
    this.counts.snapshots += 1;
    if (taken.newest) clock.observe(this.#now(), taken.tick, core.strain);
    this.#options.listener?.onSnapshot?.(taken.tick, taken.newest);
    this.#reportMisplaced();
    this.#answer(core, clock);
  }

  /** What was new in a datagram; nothing if it is of no use. */
  #taken(core: ClientCore, bytes: Uint8Array): (Taken & { is: "taken" }) | undefined {
    try {
      const taken = core.take(bytes);
      if (taken.is === "taken") return taken;
      if (taken.is === "dropped") this.counts.dropped += 1;
      else this.#report(taken.number, taken.states);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.counts.undecodable += 1;
      this.#options.listener?.onUndecodable?.(error);
    }
    return undefined;
  }

  /** Tells the server what a datagram came out as that does not add up; it sends everything afresh. */
  #report(number: number, states: readonly SeenState[]): void {
    this.counts.diverged += 1;
    const now = this.#now();
    if (now < this.#reportFrom) return;
    this.#reportFrom = now + REPORT_MS;
    this.#send({ is: "diverged", number, states: rotated(states, this.counts.diverged * REPORTED_STATES_MAX) });
  }

  /** Tells the server whom one has in view, if it counts others. */
  #reportMisplaced(): void {
    const held = this.#known.core.takeMisplaced();
    if (held === undefined) return;
    this.counts.misplaced += 1;
    const now = this.#now();
    if (now < this.#heldFrom) return;
    this.#heldFrom = now + REPORT_MS;
    this.#send({ is: "held", ...held });
  }

  /** One intent for every tick, and questions about who is unknown. */
  #answer(core: ClientCore, clock: PlayClock): void {
    if (core.tick <= this.#answered) return;
    this.#answered = core.tick;
    const viewTick = Math.round(clock.tickToShow(this.#now()) ?? core.tick);
    this.#post(core.nextIntentDatagram(this.wish, viewTick));
    this.wish = { ...this.wish, jump: false, attack: undefined };
    const ids = this.cards.toAsk(this.#everybody(core), this.#now());
    if (ids.length > 0) this.#send({ is: "cards", ids });
    this.#ask();
  }

  /** Sends the gifts that have no answer. */
  #ask(): void {
    for (const gift of this.gifts.toAsk(this.#now())) this.#send({ is: "give", gift });
  }

  *#everybody(core: ClientCore): Iterable<bigint> {
    yield this.welcome.avatar;
    for (const { id } of core.view) yield id;
  }

  #send(message: ClientMessage): void {
    this.#control.write(encodeMessage(message)).catch(() => undefined);
  }

  /** Sends a datagram; one that waits for room is worthless. */
  #post(bytes: Uint8Array<ArrayBuffer>): void {
    if ((this.#datagrams.desiredSize ?? 0) > 0) this.#datagrams.write(bytes).catch(() => undefined);
  }

  #close(code: number, reason: string): void {
    this.#over({ code, reason });
    this.#transport.close({ closeCode: code, reason });
  }

  #over(end: SessionEnd): void {
    if (this.#end !== undefined) return;
    // What the server announced is what it meant, whatever the network made of it.
    this.#end = this.#announced ?? end;
    if (this.#world === undefined) this.#begun(this.#end);
    else this.#options.listener?.onEnd?.(this.#end);
  }
}

/** As many as fit into a report, from another place on each time. */
function rotated(states: readonly SeenState[], from: number): readonly SeenState[] {
  if (states.length <= REPORTED_STATES_MAX) return states;
  const begin = from % states.length;
  return [...states.slice(begin), ...states.slice(0, begin)].slice(0, REPORTED_STATES_MAX);
}

function newWorld(welcome: Welcome, gifts: GiftBook): World {
  return {
    welcome,
    core: new ClientCore({ ...welcome, tables: tablesOf(welcome.fields) }),
    cards: new CardBook(),
    events: new EventBook(),
    gifts,
    clock: new PlayClock(welcome.tickHz),
  };
}

/** A close with a code that nobody knows is a lost connection. */
function endOf({ closeCode, reason }: CloseInfo): SessionEnd {
  const known = closeCode !== undefined && closeName(closeCode) !== undefined;
  return { code: known ? closeCode : undefined, reason: reason ?? "" };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
