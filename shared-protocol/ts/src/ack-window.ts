// Which datagrams have been taken (docs/PROTOCOL.md, chapters 8 and 9): what is acknowledged, and what
// tells a repetition.

import type { Acks } from "./intents.js";
import { LATE_NUMBERS_MAX } from "./limits.js";

/** The newest number taken in this epoch, and which of the 32 before it. */
export class AckWindow {
  /** 0 = none yet; the server counts from 1. */
  #newest = 0;
  #taken = new Set<number>();

  /** The newest number taken; 0 = none. */
  get newest(): number {
    return this.#newest;
  }

  /** Whether a datagram of this number is of use: never taken, and not too late. */
  isNews(number: number): boolean {
    return number > this.#newest - LATE_NUMBERS_MAX - 1 && number > 0 && !this.#taken.has(number);
  }

  take(number: number): void {
    this.#taken.add(number);
    this.#newest = Math.max(this.#newest, number);
    for (const old of this.#taken) {
      if (old < this.#newest - LATE_NUMBERS_MAX) this.#taken.delete(old);
    }
  }

  /** What an intent datagram says; nothing before the first snapshot of an epoch. */
  acks(): Acks | undefined {
    if (this.#newest === 0) return undefined;
    let before = 0;
    for (let bit = 0; bit < LATE_NUMBERS_MAX; bit += 1) {
      if (this.#taken.has(this.#newest - 1 - bit)) before |= 1 << bit;
    }
    return { newest: this.#newest, before: before >>> 0 };
  }
}
