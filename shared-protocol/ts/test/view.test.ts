// Chapter 9 of the document: what is acknowledged, what is a baseline, what a record does.

import assert from "node:assert/strict";
import test from "node:test";

import { AckWindow } from "../src/ack-window.js";
import { presenceShare } from "../src/check.js";
import { Presence } from "../src/presence.js";
import type { SnapshotRecord } from "../src/snapshot.js";
import { View } from "../src/view.js";
import { someState } from "./states.js";

const enter = (index: number, id: bigint, kind = 2): SnapshotRecord => ({
  is: "enter",
  index,
  id,
  state: { ...someState(), kind },
});
const update = (index: number, kind: number): SnapshotRecord => ({
  is: "update",
  index,
  back: 1,
  against: { state: someState(), age: 1, earlier: undefined },
  state: { ...someState(), kind },
});
const remove = (index: number): SnapshotRecord => ({ is: "remove", index, reason: "gone" });

/** A view after records of datagrams with these numbers, whose ticks are a hundred more. */
function viewOf(...records: [number, SnapshotRecord][]): View {
  const view = new View();
  for (const [number, record] of records) view.take(record, { number, tick: 100 + number });
  return view;
}

function shown(view: View): string[] {
  return [...view].map(({ id, trail }) => `${id}: ${trail.map(({ state }) => state.kind).join(" ")}`);
}

test("a repetition and a datagram more than 32 behind are no news", () => {
  const window = new AckWindow();
  assert.equal(window.acks(), undefined);
  for (const number of [3, 1, 40]) {
    assert(window.isNews(number));
    window.take(number);
  }
  assert.deepEqual([40, 8, 9, 7, 41].map((n) => window.isNews(n)), [false, true, true, false, true]);
  window.take(8);
  assert.deepEqual(window.acks(), { newest: 40, before: 2 ** 31 });
  window.take(39);
  assert.deepEqual(window.acks(), { newest: 40, before: 2 ** 31 + 1 });
});

test("somebody enters, is updated and removed", () => {
  assert.deepEqual(shown(viewOf([5, enter(3, 9n)], [6, update(3, 4)])), ["9: 2 4"]);
  assert.deepEqual(shown(viewOf([5, enter(3, 9n)], [6, remove(3)])), []);
});

test("an enter that comes behind its own removal shows nobody", () => {
  assert.deepEqual(shown(viewOf([6, remove(3)], [5, enter(3, 9n)])), []);
  assert.deepEqual(shown(viewOf([5, remove(3)], [6, enter(3, 9n)])), ["9: 2"]);
});

test("a late state is no news but a baseline, unless it is of the one before", () => {
  const view = viewOf([5, enter(3, 9n)], [8, update(3, 4)], [7, update(3, 6)]);
  assert.deepEqual(shown(view), ["9: 2 4"]);
  assert.deepEqual(view.baseline(3, 7, 110), { state: { ...someState(), kind: 6 }, age: 3, earlier: undefined });
  const other = viewOf([5, enter(3, 9n)], [8, enter(3, 10n)], [7, update(3, 6)]);
  assert.deepEqual(shown(other), ["10: 2"]);
  assert.equal(other.baseline(3, 7, 110), undefined);
});

test("an enter with the id that the index has is an update", () => {
  const view = viewOf([5, enter(3, 9n)], [6, enter(3, 9n, 4)]);
  assert.deepEqual(shown(view), ["9: 2 4"]);
  assert(view.baseline(3, 5, 110) !== undefined, "states are kept");
});

test("of two indices of one entity the one that entered later counts, and the other's removal does not", () => {
  const twice = [enter(3, 9n), enter(7, 9n, 4)] as const;
  assert.deepEqual(shown(viewOf([5, twice[0]], [8, twice[1]], [9, remove(3)])), ["9: 4"]);
  assert.deepEqual(shown(viewOf([8, twice[1]], [5, twice[0]], [9, remove(3)])), ["9: 4"]);
});

test("old states are let go, the newest never", () => {
  const view = viewOf([5, enter(3, 9n)], [6, update(3, 4)]);
  view.forgetBefore(1_000);
  assert.equal(view.baseline(3, 5, 110), undefined);
  assert(view.baseline(3, 6, 110) !== undefined);
  assert.equal(view.baseline(3, 6, 106), undefined, "no age of 0");
  assert.equal(view.baseline(3, 6, 106 + 257), undefined, "too old");
});

test("the ids of those in view add up, whoever comes and goes", () => {
  const view = viewOf([1, enter(0, 7n)], [2, enter(1, 8n)], [3, remove(0)], [4, enter(2, 8n)], [5, enter(0, 9n)]);
  const sum = BigInt.asUintN(64, presenceShare(8n) + presenceShare(9n));
  assert.deepEqual(view.presence, { count: 2, sum });
});

test("whom the server knows nothing of is forgotten, but not who has entered since", () => {
  const view = viewOf([1, enter(0, 7n)], [9, enter(1, 8n)]);
  assert.deepEqual(view.forget(7n, 8, 110), { id: 7n, reason: "gone", tick: 110 });
  assert.equal(view.forget(8n, 8, 110), undefined);
  assert.equal(view.forget(6n, 8, 110), undefined);
  assert.deepEqual(view.presence, { count: 1, sum: presenceShare(8n) });
});

test("the server's word on who is in view may come before or after the datagram it is about", () => {
  const [good, bad] = [
    { count: 3, sum: 7n },
    { count: 2, sum: 5n },
  ];
  const presence = new Presence();
  assert.equal(presence.saw(1, good), false);
  assert.equal(presence.isTold(1, good), false);
  assert.equal(presence.isTold(1, bad), true);
  assert.equal(presence.isTold(4, bad), false, "it has not come");
  assert.equal(presence.saw(3, good), false);
  assert.equal(presence.saw(4, good), true);
  assert.equal(presence.saw(5, good), false, "once");
  assert.equal(presence.isTold(2, bad), false, "it was lost, or came late");
});
