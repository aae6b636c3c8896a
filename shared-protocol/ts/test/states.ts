// A state to begin with.

import type { EntityState } from "../src/entity-state.js";

/** The walker of the document's worked examples. */
export function someState(): EntityState {
  return {
    cell: 0x8644_0000_0000_0000n,
    positionCm: [12_345, -678, 90],
    velocityCmps: [500, 0, 0],
    heading: 0,
    rotation: undefined,
    health: 255,
    action: "idle",
    attacks: 3,
    airborne: false,
    swimming: false,
    kind: 2,
  };
}
