// Who is in view, against what the server says (docs/PROTOCOL.md, chapter 9, *Presence*).

/** Datagrams of which it is remembered who was in view after them. */
const REMEMBERED_MAX = 64;

interface Sum {
  readonly count: number;
  readonly sum: bigint;
}

/** Compares sums of the datagrams that were the newest when they were taken. */
export class Presence {
  readonly #seen = new Map<number, Sum>();
  #newest = 0;
  #told: (Sum & { readonly number: number }) | undefined;

  /** After this datagram, the newest, so many are in view; whether that is not what the server said. */
  saw(number: number, seen: Sum): boolean {
    this.#newest = number;
    this.#seen.set(number, seen);
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= REMEMBERED_MAX) break;
      this.#seen.delete(oldest);
    }
    const told = this.#told;
    if (told === undefined || told.number > number) return false;
    this.#told = undefined;
    return told.number === number && differ(told, seen);
  }

  /** The server says so of a datagram; whether that is not what was seen. */
  isTold(number: number, told: Sum): boolean {
    const seen = this.#seen.get(number);
    if (seen !== undefined) return differ(told, seen);
    if (number > this.#newest) this.#told = { number, ...told };
    return false;
  }

  /** What was seen before does not matter any more. */
  forget(): void {
    this.#seen.clear();
    this.#told = undefined;
  }
}

function differ(a: Sum, b: Sum): boolean {
  return a.count !== b.count || a.sum !== b.sum;
}
