// When and where others are shown, as the server's own library shows them (shared-protocol/vectors/play.json).

import assert from "node:assert/strict";
import test from "node:test";

import { PlanetFrame } from "../src/planet-frame.js";
import { PlayClock } from "../src/play-clock.js";
import { poseAt } from "../src/poses.js";
import type { Vector } from "../src/vector.js";
import { type EntityRow, entity, vectors } from "./vector-rows.js";

interface Play {
  clocks: { line: string; hz: number; periodTicks: number; events: number[][] }[];
  poses: { radiusM: number; hz: number; states: [number, EntityRow][]; shown: [number, Vector, Vector, number][] }[];
}

const play = vectors<Play>("play.json");

function near(actual: number, expected: number, within: number, where: string): void {
  assert(Math.abs(actual - expected) <= within, `${where}: ${actual} is not ${expected}`);
}

test("the clock shows the ticks that the server's own library shows, at the same times", () => {
  assert(play.clocks.length >= 3);
  for (const { line, hz, periodTicks, events } of play.clocks) {
    const clock = new PlayClock(hz);
    assert.equal(clock.tickToShow(0), undefined);
    assert(events.length > 500);
    events.forEach(([us, tick, slowerEighths], n) => {
      const where = `${line}, event ${n}`;
      if (slowerEighths !== undefined) {
        return clock.observe(us! / 1_000, tick!, { level: slowerEighths > 0 ? 5 : 0, slowerEighths });
      }
      near(clock.tickToShow(us! / 1_000, periodTicks)!, tick!, 1e-6, where);
    });
  }
});

test("others are where the server's own library has them, to a hundredth of a millimetre", () => {
  assert(play.poses.length >= 3);
  for (const { radiusM, hz, states, shown } of play.poses) {
    const trail = states.map(([tick, row]) => ({ tick, state: entity(row) }));
    const frame = new PlanetFrame(radiusM);
    for (const [tick, position, velocity, knownTicks] of shown) {
      const pose = poseAt({ id: 1n, since: 0, trail }, tick, hz, frame);
      for (const k of [0, 1, 2] as const) {
        near(pose.positionM[k], position[k], 1e-5, `${k} at ${tick}`);
        near(pose.velocityMps[k], velocity[k], 1e-5, `velocity ${k} at ${tick}`);
      }
      near(pose.knownTicks, knownTicks, 1e-9, `known at ${tick}`);
    }
  }
});
