// Where the own avatar is, smoothly. The server sends it exactly once a second and whenever something else
// than its player moved it. A client with the movement kernel would predict the rest to the millimetre;
// this one goes on at the speed it last saw, and is put right by and by.

import { type OwnAvatar, type Vector, type Wish, fromWire } from "../src/index.js";
import { add, length, normalised, scale, subtract } from "../src/vector.js";

/** Share of a difference that is taken away, per second. */
const CATCH_UP_PER_S = 6;
/** Further off than this, metres, it is put right at once. */
const JUMP_M = 20;
/** Before it was ever seen running, m/s. */
const TOP_SPEED_MPS = 5;
const TOP_PACE = 15;

export class OwnPlace {
  #shown: Vector | undefined;
  #off: Vector = [0, 0, 0];
  #exactTick = -1;
  #topSpeed = TOP_SPEED_MPS;
  #atMs = 0;

  /** Where to show it now. */
  advance(own: OwnAvatar, wish: Wish, tick: number, tickHz: number, nowMs: number): Vector | undefined {
    const elapsed = Math.min((nowMs - this.#atMs) / 1_000, 0.2);
    this.#atMs = nowMs;
    this.#putRight(own, wish, tick, tickHz);
    if (this.#shown === undefined) return undefined;
    const alive = own.vitals === undefined || own.vitals.health > 0;
    const speed = alive ? (this.#topSpeed * wish.pace) / TOP_PACE : 0;
    const share = 1 - Math.exp(-CATCH_UP_PER_S * elapsed);
    const moved = add(scale(fromWire(wish.direction), speed * elapsed), scale(this.#off, share));
    this.#off = scale(this.#off, 1 - share);
    // As high as before: wishes are level, the ground seldom is.
    const height = length(this.#shown);
    this.#shown = scale(normalised(add(this.#shown, moved)), height);
    return this.#shown;
  }

  #putRight({ exact }: OwnAvatar, wish: Wish, tick: number, tickHz: number): void {
    if (exact === undefined || exact.tick === this.#exactTick) return;
    this.#exactTick = exact.tick;
    const { positionM, velocityMps, support } = exact.body;
    const speed = length(velocityMps);
    if (support === "ground" && wish.pace > 0 && speed > 1) this.#topSpeed = (speed * TOP_PACE) / wish.pace;
    const now = add(positionM, scale(velocityMps, Math.max(0, tick - exact.tick) / tickHz));
    this.#off = this.#shown === undefined ? [0, 0, 0] : subtract(now, this.#shown);
    if (this.#shown === undefined || length(this.#off) > JUMP_M) {
      this.#shown = now;
      this.#off = [0, 0, 0];
    }
  }
}
