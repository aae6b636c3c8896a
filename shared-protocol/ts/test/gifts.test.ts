// Gifts are asked for until they are answered, and answered once.

import assert from "node:assert/strict";
import test from "node:test";

import { GiftBook } from "../src/gift-book.js";
import { COINS, type Purse } from "../src/messages.js";

const BOB = 2n;

function purse(life: bigint, newest: number): Purse {
  return { tick: 9, life, newest, coins: 100n, things: [] };
}

function asked(book: GiftBook, nowMs: number): unknown {
  return book.toAsk(nowMs).map(({ life, number }) => [life, number]);
}

test("a gift waits for the life, counts on from its newest, and is asked for until answered", () => {
  const book = new GiftBook();
  const first = book.give(BOB, 5n);
  assert.deepEqual(asked(book, 0), []);
  assert.deepEqual(book.takePurse(purse(7n, 41)), []);
  assert.deepEqual(asked(book, 10), [[7n, 42]]);
  assert.deepEqual(asked(book, 11), []);
  const second = book.give(BOB, 6n);
  assert.deepEqual(asked(book, 12), [[7n, 43]]);
  book.takePurse(purse(7n, 42));
  assert.deepEqual(asked(book, 2_010), [[7n, 42]]);
  book.beginConnection();
  assert.deepEqual(asked(book, 2_011), [
    [7n, 42],
    [7n, 43],
  ]);
  const given = { life: 7n, number: 42, outcome: "given", tick: 40 } as const;
  assert.deepEqual(book.takeAnswer(given), { name: first, to: BOB, amount: 5n, asset: COINS, outcome: "given", tick: 40 });
  assert.equal(book.takeAnswer(given), undefined, "answered once");
  assert.equal(book.takeAnswer({ ...given, number: 99 }), undefined);
  assert.equal(book.takeAnswer({ ...given, number: 43, life: 6n }), undefined);
  assert.equal(book.takeAnswer({ ...given, number: 43, outcome: "nobody" })?.name, second);
  assert.equal(book.waiting, 0);
});

test("what is not saved is asked for again", () => {
  const book = new GiftBook();
  book.takePurse(purse(7n, 0));
  book.give(BOB, 5n);
  assert.deepEqual(asked(book, 0), [[7n, 1]]);
  assert.equal(book.takeAnswer({ life: 7n, number: 1, outcome: "notSaving", tick: 9 }), undefined);
  assert.deepEqual([book.waiting, book.putOff], [1, 1]);
  assert.deepEqual(asked(book, 2_000), [[7n, 1]]);
});

test("in another life, what was asked for is unknown and what was not begins", () => {
  const book = new GiftBook();
  book.takePurse(purse(7n, 0));
  const lost = book.give(BOB, 5n);
  assert.deepEqual(asked(book, 0), [[7n, 1]]);
  const kept = book.give(BOB, 6n);
  const receipts = book.takePurse(purse(8n, 0));
  assert.deepEqual(receipts, [{ name: lost, to: BOB, amount: 5n, asset: COINS, outcome: "otherLife", tick: 0 }]);
  assert.deepEqual(asked(book, 1), [[8n, 1]]);
  assert.equal(book.takeAnswer({ life: 8n, number: 1, outcome: "given", tick: 40 })?.name, kept);
});

test("no more messages are sent than the server takes", () => {
  const book = new GiftBook();
  book.takePurse(purse(7n, 0));
  let sent = 0;
  for (let ms = 0; ms < 10_000; ms += 10) {
    if (book.waiting < 16) book.give(BOB, 1n);
    for (const { life, number } of book.toAsk(ms)) {
      sent += 1;
      book.takeAnswer({ life, number, outcome: "given", tick: 40 });
    }
  }
  assert(sent >= 110 && sent <= 116, `${sent}`);
});

test("no more are asked for than the server allows, and none of nothing", () => {
  const book = new GiftBook();
  assert.throws(() => book.give(BOB, 0n), RangeError);
  assert.throws(() => book.give(BOB, 1n << 64n), RangeError);
  for (let n = 0; n < 16; n += 1) book.give(BOB, 1n);
  assert.throws(() => book.give(BOB, 1n), RangeError);
});
