// Who is in view, and what each of them was in the datagrams that the server may refer back to
// (docs/PROTOCOL.md, chapter 9: indices, baselines, what a record does).

import { type SeenState, presenceShare } from "./check.js";
import type { EntityState } from "./entity-state.js";
import { BASELINE_AGE_MAX, BASELINE_BACK_MAX } from "./limits.js";
import type { Baseline } from "./motion.js";
import type { RemoveReason, SnapshotRecord } from "./snapshot.js";

/** How many numbers behind what the server last referred to states are kept, for late datagrams. */
const LATE_NUMBERS = 8;
/** States kept of each entity for showing it: a second and a half at 20 Hz. */
const TRAIL_MAX = 32;

/** A state, and the tick that it is of. */
export interface TimedState {
  readonly tick: number;
  readonly state: EntityState;
}

/** Somebody in view. */
export interface SeenEntity {
  readonly id: bigint;
  /** The tick since when. */
  readonly since: number;
  /** The last states, by ascending tick; never empty. */
  readonly trail: readonly TimedState[];
}

/** Somebody who left the view. */
export interface RemovedEntity {
  readonly id: bigint;
  readonly reason: RemoveReason;
  readonly tick: number;
}

interface Held extends TimedState {
  /** The datagram that it was in. */
  readonly number: number;
  /** Of a body, what it was a delta against. */
  readonly earlier: Baseline["earlier"];
}

/** What is known under one index. */
interface Known {
  readonly id: bigint;
  /** The datagram that made it known. */
  readonly entered: number;
  /** By ascending number; never empty. */
  readonly states: Held[];
}

interface Shown {
  readonly index: number;
  readonly entity: { readonly id: bigint; readonly since: number; readonly trail: TimedState[] };
}

/** Where a record is from. */
interface Origin {
  readonly number: number;
  readonly tick: number;
}

/** Who is in view. */
export class View {
  readonly #known = new Map<number, Known>();
  /** By index, the newest datagram taken with a record for it. */
  readonly #newest = new Map<number, number>();
  readonly #shown = new Map<bigint, Shown>();
  /** Of everybody shown. */
  #shares = 0n;

  /** Everybody in view. */
  *[Symbol.iterator](): IterableIterator<SeenEntity> {
    for (const { entity } of this.#shown.values()) yield entity;
  }

  /** How many there are. */
  get size(): number {
    return this.#shown.size;
  }

  /** How many there are, and what their ids add up to. */
  get presence(): { readonly count: number; readonly sum: bigint } {
    return { count: this.#shown.size, sum: this.#shares };
  }

  /** The server knows nothing of somebody, up to datagram `number`: is gone, unless a later one says otherwise. */
  forget(id: bigint, number: number, tick: number): RemovedEntity | undefined {
    const shown = this.#shown.get(id);
    if (shown === undefined) return undefined;
    const known = this.#known.get(shown.index);
    if (known?.id === id && known.states.at(-1)!.number > number) return undefined;
    if (known?.id === id) this.#known.delete(shown.index);
    this.#hide(id);
    return { id, reason: "gone", tick };
  }

  #show(index: number, id: bigint, held: Held): void {
    if (!this.#shown.has(id)) this.#shares = BigInt.asUintN(64, this.#shares + presenceShare(id));
    this.#shown.set(id, { index, entity: { id, since: held.tick, trail: [timed(held)] } });
  }

  #hide(id: bigint): void {
    if (this.#shown.delete(id)) this.#shares = BigInt.asUintN(64, this.#shares - presenceShare(id));
  }

  /** One of them. */
  get(id: bigint): SeenEntity | undefined {
    return this.#shown.get(id)?.entity;
  }

  /** What an index was in datagram `number`, for a datagram of `tick`. */
  baseline(index: number, number: number, tick: number): Baseline | undefined {
    const held = this.#known.get(index)?.states.find((state) => state.number === number);
    if (held === undefined) return undefined;
    const age = tick - held.tick;
    return age >= 1 && age <= BASELINE_AGE_MAX ? { state: held.state, age, earlier: held.earlier } : undefined;
  }

  /** Whose states a datagram's records give. */
  *seen(records: readonly SnapshotRecord[]): IterableIterator<SeenState> {
    for (const record of records) {
      if (record.is === "remove") continue;
      const id = record.is === "enter" ? record.id : this.#known.get(record.index)?.id;
      if (id !== undefined) yield { id, state: record.state };
    }
  }

  /** Does what a record of a datagram says; who left the view by that. */
  take(record: SnapshotRecord, from: Origin): RemovedEntity | undefined {
    switch (record.is) {
      case "enter":
        this.#enter(record.index, record.id, { ...from, state: record.state, earlier: undefined });
        return undefined;
      case "update":
        this.#update(record.index, { ...from, state: record.state, earlier: earlierOf(record) });
        return undefined;
      case "remove":
        return this.#remove(record.index, record.reason, from);
    }
  }

  /** Lets go of states that no datagram may refer to any more, when `newest` is the newest taken. */
  forgetBefore(newest: number): void {
    for (const { states } of this.#known.values()) forgetBefore(states, newest - BASELINE_BACK_MAX);
  }

  /** The server referred to what an index was in datagram `number`: it never goes back behind that again,
   * but a late datagram may, a little. */
  referred(index: number, number: number): void {
    const known = this.#known.get(index);
    if (known !== undefined) forgetBefore(known.states, number - LATE_NUMBERS);
  }

  #enter(index: number, id: bigint, held: Held): void {
    if (this.#known.get(index)?.id === id) return this.#update(index, held);
    if (this.#isOutdated(index, held)) return;
    this.#forgetIndex(index);
    this.#newest.set(index, held.number);
    this.#known.set(index, { id, entered: held.number, states: [held] });
    const shown = this.#shown.get(id);
    const otherIndex = shown && this.#known.get(shown.index);
    // Of two indices of one entity the one that entered later counts.
    if (otherIndex !== undefined && otherIndex.entered > held.number) return;
    this.#show(index, id, held);
  }

  #update(index: number, held: Held): void {
    const known = this.#known.get(index);
    // A late datagram may speak of the one who had the index before.
    if (known === undefined || held.number < known.entered) return;
    insert(known.states, held, ({ number }) => number);
    if (this.#isOutdated(index, held)) return;
    this.#newest.set(index, held.number);
    const shown = this.#shown.get(known.id);
    if (shown?.index !== index) return;
    const { trail } = shown.entity;
    insert(trail, timed(held), ({ tick }) => tick);
    if (trail.length > TRAIL_MAX) trail.shift();
  }

  #remove(index: number, reason: RemoveReason, from: Origin): RemovedEntity | undefined {
    // Also of an index never seen: its enter may yet come, late, and must not count then.
    if (this.#isOutdated(index, from)) return undefined;
    this.#newest.set(index, from.number);
    const id = this.#forgetIndex(index);
    return id === undefined ? undefined : { id, reason, tick: from.tick };
  }

  /** Whether a later datagram had a record for the index. */
  #isOutdated(index: number, from: Origin): boolean {
    return from.number < (this.#newest.get(index) ?? 0);
  }

  /** Forgets an index; who left the view by that. */
  #forgetIndex(index: number): bigint | undefined {
    const known = this.#known.get(index);
    if (known === undefined) return undefined;
    this.#known.delete(index);
    if (this.#shown.get(known.id)?.index !== index) return undefined;
    this.#hide(known.id);
    return known.id;
  }
}

/** Lets go of older states, but never of the newest. */
function forgetBefore(states: Held[], number: number): void {
  while (states.length > 1 && states[0]!.number < number) states.shift();
}

function timed({ tick, state }: Held): TimedState {
  return { tick, state };
}

/** Only of bodies is it ever asked what they were before. */
function earlierOf({ state, against }: SnapshotRecord & { is: "update" }): Baseline["earlier"] {
  return state.rotation === undefined ? undefined : { state: against.state, age: against.age };
}

/** Puts an element where its key belongs; one of the same key stays. */
function insert<T>(sorted: T[], element: T, key: (element: T) => number): void {
  let at = sorted.length;
  while (at > 0 && key(sorted[at - 1]!) > key(element)) at -= 1;
  if (at > 0 && key(sorted[at - 1]!) === key(element)) return;
  sorted.splice(at, 0, element);
}
