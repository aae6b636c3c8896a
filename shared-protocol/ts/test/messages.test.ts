// Chapter 3 of the document, byte for byte.

import assert from "node:assert/strict";
import test from "node:test";

import { Malformed } from "../src/malformed.js";
import { FrameSplitter, decodeMessage, encodeMessage } from "../src/messages.js";
import { bytesOf, hexOf } from "./hex.js";

test("a hello as a frame", () => {
  const knows = [{ id: 5, layout: 1, tables: 2 }];
  assert.equal(
    hexOf(encodeMessage({ is: "hello", ticket: "t.k", client: "b", knows })),
    "25 00 00 00 00 00 00 00 02 00 03 00 00 00 00 00 00 00 74 2e 6b 01 00 00 00 00 00 00 00 62 " +
      "01 00 00 00 00 00 00 00 05 01 02",
  );
});

test("a goodbye, a question and a resumption as frames", () => {
  assert.equal(hexOf(encodeMessage({ is: "goodbye" })), "04 00 00 00 02 00 00 00");
  assert.equal(
    hexOf(encodeMessage({ is: "cards", ids: [0x0102_0304_0506_0708n] })),
    "14 00 00 00 01 00 00 00 01 00 00 00 00 00 00 00 08 07 06 05 04 03 02 01",
  );
  const taken = { newest: 300, before: 5 };
  assert.equal(
    hexOf(encodeMessage({ is: "resume", token: "r", taken, events: 6, client: "b", knows: [] })),
    "34 00 00 00 03 00 00 00 02 00 01 00 00 00 00 00 00 00 72 2c 01 00 00 00 00 00 00 05 00 00 00 " +
      "06 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 62 00 00 00 00 00 00 00 00",
  );
});

test("a death with its killer", () => {
  const body = bytesOf(
    "02 00 00 00 07 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 " +
      "2c 01 00 00 00 00 00 00 00 00 00 00 01 09 00 00 00 00 00 00 00",
  );
  const event = { is: "died", killer: 9n };
  assert.deepEqual(decodeMessage(body), { is: "events", first: 7, events: [{ tick: 300, event }] });
});

test("a gift, its answer and a purse", () => {
  const gift = { life: 7n, number: 2, to: 4n, amount: 300n, asset: 3 };
  assert.equal(
    hexOf(encodeMessage({ is: "give", gift })),
    "21 00 00 00 06 00 00 00 07 00 00 00 00 00 00 00 02 00 00 00 04 00 00 00 00 00 00 00 2c 01 00 00 00 00 00 00 03",
  );
  const answered = "0a 00 00 00 07 00 00 00 00 00 00 00 02 00 00 00 01 00 00 00 2d 01 00 00 00 00 00 00";
  const answer = { life: 7n, number: 2, outcome: "notEnough", tick: 301 };
  assert.deepEqual(decodeMessage(bytesOf(answered)), { is: "gift", answer });
  const held = "0b 00 00 00 2d 01 00 00 00 00 00 00 07 00 00 00 00 00 00 00 02 00 00 00 19 00 00 00 00 00 00 00";
  const stacks = "01 00 00 00 00 00 00 00 03 02 00 00 00 00 00 00 00";
  const purse = { tick: 301, life: 7n, newest: 2, coins: 25n, things: [{ asset: 3, amount: 2n }] };
  assert.deepEqual(decodeMessage(bytesOf(`${held} ${stacks}`)), { is: "purse", purse });
  assert.throws(() => decodeMessage(bytesOf(`${held} ${stacks.replace("03 02", "03 00")}`)), Malformed);
  assert.throws(() => decodeMessage(bytesOf(`${held} ${stacks.replace("03 02", "00 02")}`)), Malformed);
});

test("frames come in any pieces", () => {
  const stream = bytesOf("08 00 00 00 04 00 00 00 07 00 00 00 08 00 00 00 04 00 00 00 06 00 00 00");
  for (const size of [1, 3, 11, 100]) {
    const frames = new FrameSplitter();
    const messages = [];
    for (let at = 0; at < stream.length; at += size) {
      messages.push(...frames.push(stream.slice(at, at + size)).map((body) => decodeMessage(body)));
    }
    assert.deepEqual(messages, [
      { is: "queued", ahead: 7 },
      { is: "queued", ahead: 6 },
    ]);
  }
});

test("what is no message is malformed", () => {
  const answerOf = (outcome: number): string =>
    `0a 00 00 00 07 00 00 00 00 00 00 00 02 00 00 00 0${outcome} 00 00 00 2d 01 00 00 00 00 00 00`;
  assert.equal(decodeMessage(bytesOf(answerOf(8))).is, "gift");
  const wrong = [
    ["another message", "63 00 00 00"],
    ["an option of 2", "07 00 00 00 2c 01 00 00 00 00 00 00 01 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00 02"],
    ["an event of number 0", "02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"],
    ["an outcome that nobody knows", answerOf(9)],
    ["cut short", "04 00 00 00 07 00 00"],
    ["too long", "04 00 00 00 07 00 00 00 00"],
    ["a name that is not UTF-8", "05 00 00 00 01 00 00 00 00 00 00 00 ff 01 00 00 00"],
    ["a count beyond its limit", "01 00 00 00 01 01 00 00 00 00 00 00"],
  ];
  for (const [what, hex] of wrong) assert.throws(() => decodeMessage(bytesOf(hex!)), Malformed, what);
  assert.throws(() => new FrameSplitter().push(bytesOf("01 40 00 00")), Malformed);
});

test("what does not fit is refused before it is sent", () => {
  assert.throws(() => encodeMessage({ is: "hello", ticket: "x".repeat(1_025), client: "b", knows: [] }), RangeError);
  assert.throws(() => encodeMessage({ is: "cards", ids: Array(257).fill(1n) }), RangeError);
});
