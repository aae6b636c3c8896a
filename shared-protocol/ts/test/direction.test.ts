// Directions of chapter 8, frame cells of chapter 10.

import assert from "node:assert/strict";
import test from "node:test";

import { fromWire, toWire } from "../src/direction.js";
import { PlanetFrame, axesOf, cellPlace, compass } from "../src/planet-frame.js";
import { type Vector, dot, normalised } from "../src/vector.js";
import { someState } from "./states.js";

const CELL = 0x8644_0000_0000_0000n;

function near(actual: Vector, expected: Vector, within: number): void {
  actual.forEach((value, k) => assert(Math.abs(value - expected[k]!) <= within, `${actual} is not ${expected}`));
}

test("every direction survives to a quarter of a degree", () => {
  for (let n = 0; n < 2_000; n += 1) {
    const z = (2 * n + 1) / 2_000 - 1;
    const [across, angle] = [Math.sqrt(1 - z * z), n * 2.4];
    const direction: Vector = [across * Math.cos(angle), across * Math.sin(angle), z];
    assert(dot(fromWire(toWire(direction)), direction) > Math.cos(0.0044), `${direction}`);
  }
  assert.deepEqual(toWire([0, 0, 0]), { u: 0, v: 0 });
});

test("the document's frame cell has the document's axes and place", () => {
  assert.deepEqual(cellPlace(CELL), { face: 4, level: 5, i: 5, j: 13 });
  const { x, y, z } = axesOf(CELL);
  near(x, [-0.055807, -0.496925, -0.865997], 1e-6);
  near(y, [0.993753, -0.111603, 0], 1e-6);
  near(z, [-0.096648, -0.860587, 0.500048], 1e-6);
  const state = { ...someState(), cell: CELL, positionCm: [12_345, -678, 90] as const };
  const { positionM } = new PlanetFrame(6_371_000).pose(state);
  near(positionM, [-615_758.161, -5_482_864.089, 3_185_701.767], 1e-3);
});

test("what is no cell's id has no place", () => {
  for (const id of [0n, 1n << 63n | 1n << 62n | 1n, 2n]) assert.equal(cellPlace(id), undefined, `${id}`);
});

test("north is towards the pole, east is across it", () => {
  const { east, north, up } = compass([6_000_000, 0, 1_000_000]);
  near(east, [0, 1, 0], 1e-12);
  near(up, normalised([6, 0, 1]), 1e-12);
  assert(north[2] > 0.9);
});
