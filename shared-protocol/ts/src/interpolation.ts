// Showing others smoothly: a clock that runs a little behind the newest snapshot, and poses between the
// states that a view holds.

import type { Strain } from "./snapshot.js";
import type { PlanetFrame, Pose } from "./planet-frame.js";
import { type Vector, add, normalised, scale } from "./vector.js";
import type { SeenEntity, TimedState } from "./view.js";

/** Shares of a difference that a snapshot puts right. */
const CLOCK_GAIN = 0.1;
const JITTER_GAIN = 0.05;
/** Further off than this, ticks, the clock jumps. */
const CLOCK_JUMP = 10;
/** How much later than its mean deviation a snapshot may come without being missed. */
const JITTERS = 3;
/** How long something goes on as it went when nothing newer is known, seconds. */
const GOING_ON_S = 0.25;
/** A gap between states longer than this, seconds, is of one that stood, if it stood. */
const STOOD_S = 0.3;
/** Slower than this it stands, m/s. */
const STANDING_MPS = 0.05;

/** Which tick to show when. Local times are in milliseconds of any steady clock. */
export class PlayClock {
  readonly #tickHz: number;
  #slower = 1;
  /** Newest tick as a function of local time, as it would be without jitter. */
  #anchor: { ms: number; tick: number } | undefined;
  #jitterTicks = 1;

  constructor(tickHz: number) {
    this.#tickHz = tickHz;
  }

  /** A snapshot of `tick`, the newest so far, arrived. */
  observe(nowMs: number, tick: number, strain: Strain): void {
    const expected = this.#newestAt(nowMs);
    this.#slower = 1 + strain.slowerEighths / 8;
    if (expected === undefined || Math.abs(tick - expected) > CLOCK_JUMP) {
      this.#anchor = { ms: nowMs, tick };
      return;
    }
    const off = tick - expected;
    this.#jitterTicks += JITTER_GAIN * (Math.abs(off) - this.#jitterTicks);
    this.#anchor = { ms: nowMs, tick: expected + CLOCK_GAIN * off };
  }

  /** How far behind the newest tick others are shown, ticks. */
  get delayTicks(): number {
    return 1 + JITTERS * this.#jitterTicks;
  }

  /** The tick to show, with its fraction; `undefined` before the first snapshot. */
  tickAt(nowMs: number): number | undefined {
    const newest = this.#newestAt(nowMs);
    return newest === undefined ? undefined : Math.max(0, newest - this.delayTicks);
  }

  #newestAt(nowMs: number): number | undefined {
    if (this.#anchor === undefined) return undefined;
    const seconds = (nowMs - this.#anchor.ms) / 1_000;
    return this.#anchor.tick + (seconds * this.#tickHz) / this.#slower;
  }
}

/** Where somebody is at a tick: between two states along the curve that has both their velocities, after
 * the newest as it went, for a moment. */
export function poseAt(entity: SeenEntity, tick: number, tickHz: number, frame: PlanetFrame): Pose {
  const { trail } = entity;
  const after = trail.findIndex((timed) => timed.tick > tick);
  if (after === 0) return frame.pose(trail[0]!.state);
  if (after < 0) return goneOn(trail[trail.length - 1]!, tick, tickHz, frame);
  return between(trail[after - 1]!, trail[after]!, tick, tickHz, frame);
}

function goneOn(last: TimedState, tick: number, tickHz: number, frame: PlanetFrame): Pose {
  const pose = frame.pose(last.state);
  const seconds = Math.min((tick - last.tick) / tickHz, GOING_ON_S);
  return { ...pose, positionM: add(pose.positionM, scale(pose.velocityMps, seconds)) };
}

function between(from: TimedState, to: TimedState, tick: number, tickHz: number, frame: PlanetFrame): Pose {
  const [a, b] = [frame.pose(from.state), frame.pose(to.state)];
  let start = from.tick;
  // What stands is not sent: it set off only just before the newer state.
  if ((to.tick - start) / tickHz > STOOD_S && Math.hypot(...a.velocityMps) < STANDING_MPS) start = to.tick - 1;
  const share = Math.max(0, (tick - start) / (to.tick - start));
  const seconds = (to.tick - start) / tickHz;
  const mixed = (x: Vector, y: Vector): Vector => add(scale(x, 1 - share), scale(y, share));
  return {
    positionM: hermite(a, b, share, seconds),
    velocityMps: mixed(a.velocityMps, b.velocityMps),
    facing: normalised(mixed(a.facing, b.facing)),
  };
}

function hermite(a: Pose, b: Pose, s: number, seconds: number): Vector {
  const [s2, s3] = [s * s, s * s * s];
  const places = add(scale(a.positionM, 2 * s3 - 3 * s2 + 1), scale(b.positionM, 3 * s2 - 2 * s3));
  const speeds = add(scale(a.velocityMps, s3 - 2 * s2 + s), scale(b.velocityMps, s3 - s2));
  return add(places, scale(speeds, seconds));
}
