// What happened to the own avatar, each thing once, over as many connections as it takes
// (docs/PROTOCOL.md, chapter 3, *Events*).

import type { TimedEvent } from "./messages.js";

/** Tells new events from those that came before. */
export class EventBook {
  #newest = 0;
  #missed = 0;

  /** Number of the newest event taken; what one says who comes back. */
  get newest(): number {
    return this.#newest;
  }

  /** Events that the server had no room to keep. */
  get missed(): number {
    return this.#missed;
  }

  /** What is new of a message of events, in order. */
  take(first: number, events: readonly TimedEvent[]): readonly TimedEvent[] {
    if (first > this.#newest + 1) this.#missed += first - this.#newest - 1;
    const fresh = events.slice(Math.max(this.#newest + 1 - first, 0));
    this.#newest = Math.max(this.#newest, first + events.length - 1);
    return fresh;
  }
}
