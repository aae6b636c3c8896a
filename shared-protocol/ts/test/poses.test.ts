// Others are shown where they were, smoothly.

import assert from "node:assert/strict";
import test from "node:test";

import { poseAt } from "../src/poses.js";
import { PlanetFrame } from "../src/planet-frame.js";
import { length, subtract } from "../src/vector.js";
import type { SeenEntity, TimedState } from "../src/view.js";
import { someState } from "./states.js";

const HZ = 20;
const frame = new PlanetFrame(6_371_000);

/** Somebody at x (cm) with a speed along it (cm/s), at each tick. */
function walker(...states: [number, number, number][]): SeenEntity {
  const trail: TimedState[] = states.map(([tick, x, speed]) => ({
    tick,
    state: { ...someState(), positionCm: [x, 0, 0], velocityCmps: [speed, 0, 0] },
  }));
  return { id: 9n, since: 0, trail };
}

/** How far along x it is shown, cm. */
function shownAt(entity: SeenEntity, tick: number): number {
  const origin = frame.pose({ ...someState(), positionCm: [0, 0, 0] }).positionM;
  return length(subtract(poseAt(entity, tick, HZ, frame).positionM, origin)) * 100;
}

function near(actual: number, expected: number): void {
  assert(Math.abs(actual - expected) < 0.01, `${actual} is not ${expected}`);
}

test("at a state it is there, between two it is between", () => {
  const steady = walker([100, 1_000, 400], [110, 1_200, 400]);
  near(shownAt(steady, 100), 1_000);
  near(shownAt(steady, 105), 1_100);
  near(shownAt(steady, 109.5), 1_190);
  near(shownAt(steady, 90), 1_000);
});

test("behind the newest state it goes on for a quarter of a second", () => {
  const steady = walker([100, 1_000, 400]);
  near(shownAt(steady, 102), 1_040);
  near(shownAt(steady, 105), 1_100);
  near(shownAt(steady, 500), 1_100);
});

test("who stood long sets off only just before it was seen to walk", () => {
  const stood = walker([100, 1_000, 0], [200, 1_020, 400]);
  near(shownAt(stood, 150), 1_000);
  near(shownAt(stood, 199), 1_000);
  near(shownAt(stood, 200), 1_020);
});
