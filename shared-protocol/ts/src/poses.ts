// Where others are at a tick between the states that a view holds: along the curve that has the places and
// velocities of both; after the newest one as it went, for a moment.

import type { PlanetFrame, Pose } from "./planet-frame.js";
import { type Vector, add, normalised, scale } from "./vector.js";
import type { SeenEntity, TimedState } from "./view.js";

/** How long something goes on as it went when nothing newer is known, seconds. */
const GOING_ON_S = 0.25;
/** A gap between states longer than this, seconds, is of one that stood, if it stood. */
const STOOD_S = 0.3;
/** Slower than this it stands, m/s. */
const STANDING_MPS = 0.05;

/** Somebody at a moment. */
export interface ShownPose extends Pose {
  /** How far behind the newest state this is, ticks; negative: so far ahead of it, as it went. */
  readonly knownTicks: number;
}

/** Where somebody is at a tick: between two states along the curve that has both their velocities, after
 * the newest as it went, for a moment. */
export function poseAt(entity: SeenEntity, tick: number, tickHz: number, frame: PlanetFrame): ShownPose {
  const { trail } = entity;
  const after = trail.findIndex((timed) => timed.tick > tick);
  if (after === 0) return goneOn(trail[0]!, trail[0]!.tick, tickHz, frame);
  if (after < 0) return goneOn(trail[trail.length - 1]!, tick, tickHz, frame);
  return between(trail[after - 1]!, trail[after]!, tick, tickHz, frame);
}

function goneOn(last: TimedState, tick: number, tickHz: number, frame: PlanetFrame): ShownPose {
  const pose = frame.pose(last.state);
  const seconds = Math.min((tick - last.tick) / tickHz, GOING_ON_S);
  const positionM = add(pose.positionM, scale(pose.velocityMps, seconds));
  return { ...pose, positionM, knownTicks: last.tick - tick };
}

function between(from: TimedState, to: TimedState, tick: number, tickHz: number, frame: PlanetFrame): ShownPose {
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
    knownTicks: to.tick - tick,
  };
}

function hermite(a: Pose, b: Pose, s: number, seconds: number): Vector {
  const [s2, s3] = [s * s, s * s * s];
  const places = add(scale(a.positionM, 2 * s3 - 3 * s2 + 1), scale(b.positionM, 3 * s2 - 2 * s3));
  const speeds = add(scale(a.velocityMps, s3 - 2 * s2 + s), scale(b.velocityMps, s3 - s2));
  return add(places, scale(speeds, seconds));
}
