// Gifts that the own avatar makes: each is asked for again until there is an answer, over lost connections
// and restarts of the server, and answered once (docs/PROTOCOL.md, chapter 3, *Gifts*).

import { GIFTS_REMEMBERED } from "./limits.js";
import { COINS, type Gift, type GiftAnswer, type GiftOutcome, type Purse } from "./messages.js";

/** A gift without an answer is asked for again after so long, ms. */
const AGAIN_MS = 2_000;

/** Messages a second, and at once: well within what the server takes from a client, cards and all. */
const MESSAGES_PER_S = 10;

/** What became of a gift. */
export interface GiftReceipt {
  /** As `give` named it. */
  readonly name: number;
  readonly to: bigint;
  readonly amount: bigint;
  /** Of what: `COINS`, or a sort of things. */
  readonly asset: number;
  /** "forgotten" and "otherLife" say that the server does not know any more whether it was carried out; never
   * that of a client that asked all the while. */
  readonly outcome: GiftOutcome;
  /** In which tick; 0 if that is not known. */
  readonly tick: number;
}

interface Pending {
  readonly name: number;
  readonly to: bigint;
  readonly amount: bigint;
  readonly asset: number;
  /** As it was first asked for. */
  asked?: Gift;
  /** When it was asked for last on this connection. */
  atMs?: number | undefined;
  /** Nothing is being saved, the server says. */
  putOff: boolean;
}

/** One client's gifts. */
export class GiftBook {
  #purse: Purse | undefined;
  #last = 0;
  /** The highest number used in this life. */
  #newest = 0;
  readonly #pending = new Map<number, Pending>();
  /** How many messages may be sent, as of when. */
  #allowance = GIFTS_REMEMBERED;
  #allowedMs: number | undefined;

  /** What the avatar has; nothing before the server has said it. */
  get purse(): Purse | undefined {
    return this.#purse;
  }

  /** How many gifts have no answer yet. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** How many of those the server has put off, because it is not saving. */
  get putOff(): number {
    return [...this.#pending.values()].filter((pending) => pending.putOff).length;
  }

  /** Asks for a gift, of coins or of things of one sort; its name among this client's.
   *
   * @throws RangeError if as many wait as may, the amount is none, or there is no such sort. */
  give(to: bigint, amount: bigint, asset: number = COINS): number {
    if (this.#pending.size >= GIFTS_REMEMBERED) throw new RangeError(`${GIFTS_REMEMBERED} gifts wait for their answers`);
    if (amount < 1n || amount >= 1n << 64n) throw new RangeError("a gift is one coin or thing at least");
    if (!Number.isInteger(asset) || asset < 0 || asset > 255) throw new RangeError(`there is no asset ${asset}`);
    this.#last += 1;
    this.#pending.set(this.#last, { name: this.#last, to, amount, asset, putOff: false });
    return this.#last;
  }

  /** The server says what the avatar has; what became of gifts that were asked for in another life. */
  takePurse(purse: Purse): readonly GiftReceipt[] {
    const otherLife = this.#purse?.life !== purse.life;
    this.#newest = otherLife ? purse.newest : Math.max(this.#newest, purse.newest);
    this.#purse = purse;
    const lost = [...this.#pending.values()].filter(({ asked }) => asked !== undefined && asked.life !== purse.life);
    return lost.map((pending) => this.#settle(pending, "otherLife", 0));
  }

  /** The server answers; what became of the gift, if it is one of these and that is final. */
  takeAnswer(answer: GiftAnswer): GiftReceipt | undefined {
    for (const pending of this.#pending.values()) {
      if (pending.asked?.life !== answer.life || pending.asked.number !== answer.number) continue;
      if (answer.outcome !== "notSaving") return this.#settle(pending, answer.outcome, answer.tick);
      pending.putOff = true;
    }
    return undefined;
  }

  /** Another connection: what was under way on the one before may be lost. */
  beginConnection(): void {
    this.#allowance = GIFTS_REMEMBERED;
    for (const pending of this.#pending.values()) pending.atMs = undefined;
  }

  /** What to ask for now. */
  toAsk(nowMs: number): readonly Gift[] {
    const life = this.#purse?.life;
    if (life === undefined) return [];
    const due = [];
    for (const pending of this.#pending.values()) {
      if (pending.atMs !== undefined && nowMs - pending.atMs < AGAIN_MS) continue;
      if (!this.#allowsOne(nowMs)) break;
      pending.atMs = nowMs;
      const { to, amount, asset } = pending;
      pending.asked ??= { life, number: (this.#newest += 1), to, amount, asset };
      due.push(pending.asked);
    }
    return due;
  }

  #allowsOne(nowMs: number): boolean {
    const gained = ((nowMs - (this.#allowedMs ?? nowMs)) * MESSAGES_PER_S) / 1_000;
    this.#allowance = Math.min(this.#allowance + Math.max(gained, 0), GIFTS_REMEMBERED);
    this.#allowedMs = nowMs;
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    return true;
  }

  #settle({ name, to, amount, asset }: Pending, outcome: GiftOutcome, tick: number): GiftReceipt {
    this.#pending.delete(name);
    return { name, to, amount, asset, outcome, tick };
  }
}
