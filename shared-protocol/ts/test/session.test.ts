// Chapter 2 of the document: from hello to goodbye, over a connection that the test holds the other end of.

import assert from "node:assert/strict";
import test from "node:test";

import { FrameSplitter, encodeMessage } from "../src/messages.js";
import { KNOWN_FIELDS } from "../src/schema.js";
import { Session, SessionEnded } from "../src/session.js";
import type { CloseInfo, Transport } from "../src/transport.js";
import { bytesOf, hexOf } from "./hex.js";
import { eventsBody, frameOf, welcomeBody } from "./server-messages.js";

const options = { ticket: "t.k", client: "b", now: () => 0 };

/** Both ends of a connection. */
class Line {
  readonly transport: Transport;
  readonly closedByClient: CloseInfo[] = [];
  readonly #frames = new FrameSplitter();
  readonly #toClient = new TransformStream<Uint8Array, Uint8Array>();
  readonly #control: WritableStreamDefaultWriter<Uint8Array>;
  readonly #fromClient: ReadableStreamDefaultReader<Uint8Array>;
  #bodies: string[] = [];
  #end!: (info: CloseInfo) => void;
  #lose!: (error: Error) => void;

  constructor() {
    const fromClient = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array>();
    const datagrams = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array>();
    this.#control = this.#toClient.writable.getWriter();
    this.#fromClient = fromClient.readable.getReader();
    const stream = { readable: this.#toClient.readable, writable: fromClient.writable };
    this.transport = {
      ready: Promise.resolve(),
      closed: new Promise<CloseInfo>((resolve, reject) => {
        this.#end = resolve;
        this.#lose = reject;
      }),
      datagrams: { readable: new TransformStream<Uint8Array, Uint8Array>().readable, writable: datagrams.writable },
      createBidirectionalStream: () => Promise.resolve(stream),
      close: (info) => void this.closedByClient.push(info ?? {}),
    };
  }

  say(body: Uint8Array): void {
    void this.#control.write(frameOf(body));
  }

  close(info: CloseInfo): void {
    this.#end(info);
  }

  lose(): void {
    this.#lose(new Error("timed out"));
  }

  /** The body of the next message from the client; nothing at the stream's end. */
  async heard(): Promise<string | undefined> {
    while (this.#bodies.length === 0) {
      const { value, done } = await this.#fromClient.read();
      if (done) return undefined;
      this.#bodies.push(...this.#frames.push(value).map(hexOf));
    }
    return this.#bodies.shift();
  }
}

async function begun(line: Line): Promise<Session> {
  const session = Session.begin(line.transport, options);
  const hello = hexOf(encodeMessage({ is: "hello", ticket: "t.k", client: "b", knows: KNOWN_FIELDS }).slice(4));
  assert.equal(await line.heard(), hello);
  line.say(bytesOf("05 00 00 00 01 00 00 00 00 00 00 00 72 84 03 00 00"));
  line.say(welcomeBody());
  return session;
}

async function refusal(session: Promise<Session>): Promise<SessionEnded["end"]> {
  try {
    await session;
  } catch (error) {
    assert(error instanceof SessionEnded);
    return error.end;
  }
  throw new Error("it was not refused");
}

test("a hello is answered by a welcome", async () => {
  const session = await begun(new Line());
  assert.equal(session.welcome.planet, "earth");
  assert.equal(session.welcome.tickHz, 20);
  assert.deepEqual(session.welcome.kinds, ["avatar", "wolf"]);
  assert.equal(session.core.tick, 4);
  assert.equal(session.isResumed, false);
});

test("a refusal has the code that was announced, or that of the close", async () => {
  const announced = new Line();
  const session = Session.begin(announced.transport, options);
  announced.say(bytesOf("03 00 00 00 30 00 00 00 04 00 00 00 00 00 00 00 66 75 6c 6c"));
  await announced.heard();
  announced.close({ closeCode: 48, reason: "" });
  assert.deepEqual(await refusal(session), { code: 48, reason: "full" });

  const silent = new Line();
  const other = Session.begin(silent.transport, options);
  silent.close({ closeCode: 17, reason: "forged" });
  assert.deepEqual(await refusal(other), { code: 17, reason: "forged" });
});

test("a close with an unknown code is a lost connection", async () => {
  const line = new Line();
  const session = Session.begin(line.transport, options);
  line.close({ closeCode: 4_711, reason: "?" });
  assert.deepEqual(await refusal(session), { code: undefined, reason: "?" });
});

test("a message that is none ends the session with code 32", async () => {
  const line = new Line();
  const session = await begun(line);
  line.say(bytesOf("63 00 00 00"));
  while (session.end === undefined) await Promise.resolve();
  assert.deepEqual(line.closedByClient.map(({ closeCode }) => closeCode), [32]);
});

test("a welcome with fields in another version ends the session with code 22 and the field's name", async () => {
  const line = new Line();
  const session = Session.begin(line.transport, options);
  await line.heard();
  line.say(welcomeBody({ tables: 99 }));
  const end = await refusal(session);
  assert.equal(end.code, 22);
  assert(end.reason.includes("change") && end.reason.includes("99"), end.reason);
  assert.equal(line.closedByClient[0]?.closeCode, 22);
});

test("who leaves says goodbye, ends the stream and closes with code 0", async () => {
  const line = new Line();
  const session = await begun(line);
  const left = session.leave();
  assert.equal(await line.heard(), "02 00 00 00");
  assert.equal(await line.heard(), undefined);
  await left;
  assert.deepEqual(line.closedByClient, [{ closeCode: 0, reason: "" }]);
  assert.deepEqual(session.end, { code: 0, reason: "" });
});

test("who lost the connection comes back with the token, and goes on or begins anew", async () => {
  const before = new Line();
  const session = await begun(before);
  before.lose();
  while (session.end === undefined) await Promise.resolve();
  assert.deepEqual(session.end, { code: undefined, reason: "timed out" });

  const goesOn = new Line();
  const resumed = session.resume(goesOn.transport);
  const taken = { newest: 0, before: 0 };
  const resume = encodeMessage({ is: "resume", token: "r", taken, events: 0, client: "b", knows: KNOWN_FIELDS });
  assert.equal(await goesOn.heard(), hexOf(resume.slice(4)));
  goesOn.say(bytesOf("06 00 00 00 09 00 00 00 00 00 00 00 2c 01 00 00 00 00 00 00 07 00 00 00 00 00 00 00"));
  assert.equal((await resumed).isResumed, true);
  assert.equal((await resumed).welcome.session, 9n);
  assert.equal((await resumed).core, session.core);

  const anew = new Line();
  const restarted = session.resume(anew.transport);
  await anew.heard();
  anew.say(welcomeBody());
  assert.equal((await restarted).isResumed, false);
  assert(session.core !== (await restarted).core);
});

test("what happened to the avatar is told once, whatever the server repeats after a lost connection", async () => {
  const told: [number, string][] = [];
  const listener = { onEvent: (event: { is: string }, tick: number) => told.push([tick, event.is]) };
  const before = new Line();
  const begins = Session.begin(before.transport, { ...options, listener });
  await before.heard();
  before.say(bytesOf("05 00 00 00 01 00 00 00 00 00 00 00 72 84 03 00 00"));
  before.say(welcomeBody());
  const session = await begins;
  before.say(eventsBody(1, 300, 2));
  while (told.length < 2) await Promise.resolve();
  before.lose();
  while (session.end === undefined) await Promise.resolve();

  const after = new Line();
  const resumed = session.resume(after.transport);
  const first = await after.heard();
  assert(first?.includes("00 00 00 00 02 00 00 00 00 00 00 00 01"), "it names the second event");
  after.say(bytesOf("06 00 00 00 09 00 00 00 00 00 00 00 2c 01 00 00 00 00 00 00 07 00 00 00 00 00 00 00"));
  const again = await resumed;
  after.say(eventsBody(2, 301, 2));
  after.say(eventsBody(6, 310, 1));
  while (told.length < 4) await Promise.resolve();
  assert.deepEqual(told, [
    [300, "respawned"],
    [301, "respawned"],
    [302, "respawned"],
    [310, "respawned"],
  ]);
  assert.equal(again.events.missed, 2);
});

test("a session that is resumed without one before is malformed", async () => {
  const line = new Line();
  const session = Session.begin(line.transport, options);
  await line.heard();
  line.say(bytesOf("06 00 00 00 09 00 00 00 00 00 00 00 2c 01 00 00 00 00 00 00 07 00 00 00 00 00 00 00"));
  assert.equal((await refusal(session)).code, 32);
});
