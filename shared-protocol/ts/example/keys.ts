// What is wanted, from the keys that are held: up on the screen is north.

import { type Vector, STANDING, type Wish, compass, toWire } from "../src/index.js";
import { add, scale } from "../src/vector.js";

const RUN = 15;
const STROLL = 5;

/** By key: east, north. */
const DIRECTIONS: Readonly<Record<string, readonly [number, number]>> = {
  KeyW: [0, 1],
  ArrowUp: [0, 1],
  KeyS: [0, -1],
  ArrowDown: [0, -1],
  KeyA: [-1, 0],
  ArrowLeft: [-1, 0],
  KeyD: [1, 0],
  ArrowRight: [1, 0],
};

/** The keys of a page. */
export class Keys {
  readonly #held = new Set<string>();

  constructor(page: Window) {
    page.addEventListener("keydown", (event) => {
      if (event.code in DIRECTIONS || event.code === "Space") event.preventDefault();
      this.#held.add(event.code);
    });
    page.addEventListener("keyup", (event) => this.#held.delete(event.code));
    // Keys that are let go elsewhere are never heard of.
    page.addEventListener("blur", () => this.#held.clear());
  }

  /** What the player wants who stands at `positionM`, and whose nearest neighbour is `nearest`. */
  wish(positionM: Vector, nearest: bigint | undefined): Wish {
    let [eastward, northward] = [0, 0];
    for (const code of this.#held) {
      const [east, north] = DIRECTIONS[code] ?? [0, 0];
      eastward += east;
      northward += north;
    }
    const wanted = {
      jump: this.#held.has("Space"),
      attack: this.#held.has("KeyF") ? nearest : undefined,
    };
    if (eastward === 0 && northward === 0) return { ...STANDING, ...wanted };
    const { east, north } = compass(positionM);
    const direction = toWire(add(scale(east, eastward), scale(north, northward)));
    const slowly = this.#held.has("ShiftLeft") || this.#held.has("ShiftRight");
    return { direction, pace: slowly ? STROLL : RUN, ...wanted };
  }
}
