// Who is who: the cards that have come, and whom to ask about.

import { CARDS_PER_MESSAGE_MAX } from "./limits.js";
import type { Card } from "./messages.js";

/** Between two questions, ms: a quarter of what the server allows. */
const ASK_EVERY_MS = 200;
/** Before asking about the same one again, ms: the answer leaves out who is not in view. */
const ASK_AGAIN_MS = 2_000;
/** Cards kept; beyond it those who came first are forgotten. */
const CARDS_MAX = 16_384;

/** The cards known. */
export class CardBook {
  readonly #cards = new Map<bigint, Card>();
  readonly #asked = new Map<bigint, number>();
  #lastMs = -Infinity;

  get(id: bigint): Card | undefined {
    return this.#cards.get(id);
  }

  /** Keeps newer cards. */
  take(cards: readonly Card[]): void {
    for (const card of cards) {
      const known = this.#cards.get(card.id);
      if (known !== undefined && known.version > card.version) continue;
      this.#cards.delete(card.id);
      this.#cards.set(card.id, card);
      this.#asked.delete(card.id);
    }
    for (const id of this.#cards.keys()) {
      if (this.#cards.size <= CARDS_MAX) break;
      this.#cards.delete(id);
    }
  }

  /** Whom of these to ask about now; often nobody. */
  toAsk(ids: Iterable<bigint>, nowMs: number): bigint[] {
    if (nowMs - this.#lastMs < ASK_EVERY_MS) return [];
    const asked: bigint[] = [];
    for (const id of ids) {
      if (asked.length === CARDS_PER_MESSAGE_MAX) break;
      const last = this.#asked.get(id) ?? -Infinity;
      if (this.#cards.has(id) || nowMs - last < ASK_AGAIN_MS) continue;
      asked.push(id);
      this.#asked.set(id, nowMs);
    }
    if (asked.length > 0) this.#lastMs = nowMs;
    for (const [id, last] of this.#asked) {
      if (nowMs - last > ASK_AGAIN_MS) this.#asked.delete(id);
    }
    return asked;
  }
}
