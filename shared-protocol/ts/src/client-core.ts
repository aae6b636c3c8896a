// The client between datagrams, without any input or output of its own: what it took, what it
// acknowledges, who is in view, what is known of the own avatar, and the intents that are under way.

import { AckWindow } from "./ack-window.js";
import { type SeenState, checkOf } from "./check.js";
import { type Acks, type Intent, type Wish, encodeIntents } from "./intents.js";
import { HELD_IDS_MAX, INTENTS_PER_DATAGRAM_MAX } from "./limits.js";
import { lowBits, nearest } from "./low-bits.js";
import { type OwnBody, type Vitals, countedDown } from "./own-section.js";
import { UnknownBaseline } from "./malformed.js";
import { Presence } from "./presence.js";
import { type Past, type Snapshot, type SnapshotStart, type Strain, WIDTHS, readSnapshot } from "./snapshot.js";
import type { TableSet } from "./tables.js";
import { type RemovedEntity, View } from "./view.js";

/** Removals kept until somebody asks; the oldest are forgotten. */
const REMOVALS_MAX = 4_096;

/** What of the welcome the core needs. */
export interface CoreConfig {
  readonly epoch: number;
  readonly tick: number;
  readonly tickHz: number;
  /** The tables of the schema that was agreed on. */
  readonly tables: TableSet;
}

/** The own avatar, as far as the server said. */
export interface OwnAvatar {
  /** The tick of the newest own section. */
  readonly tick: number;
  /** The newest intent that tick includes; 0 = none. */
  readonly applied: number;
  /** The newest exact body, and the tick it was of. */
  readonly exact: { readonly tick: number; readonly body: OwnBody } | undefined;
  /** As of `tick`. */
  readonly vitals: Vitals | undefined;
}

/** What became of a datagram. */
export type Taken =
  /** It counts. */
  | { readonly is: "taken"; readonly tick: number; readonly newest: boolean; readonly records: number }
  /** It came twice, too late, or from before a restart. */
  | { readonly is: "dropped" }
  /** Its states do not add up to what it says: it does not count, and the server has to be told. */
  | { readonly is: "diverged"; readonly number: number; readonly states: readonly SeenState[] };

/** The state machine. */
export class ClientCore {
  readonly tickHz: number;
  readonly #tables: TableSet;
  #epoch: number;
  #tick: number;
  /** A tick near the present, to make low bits whole with. */
  #near: number;
  /** Datagrams with lower numbers are of an epoch that is over. */
  #epochFrom = 0;
  /** The newest number of the session; it counts on from epoch to epoch. */
  #newest = 0;
  #acks = new AckWindow();
  #view = new View();
  #presence = new Presence();
  #isMisplaced = false;
  #durableTick = 0;
  #strain: Strain = { level: 0, slowerEighths: 0 };
  #own: OwnAvatar | undefined;
  #removed: RemovedEntity[] = [];
  #seq = 0;
  #recent: Intent[] = [];

  constructor(config: CoreConfig) {
    this.tickHz = config.tickHz;
    this.#tables = config.tables;
    this.#epoch = config.epoch;
    this.#tick = config.tick;
    this.#near = config.tick;
  }

  /** The newest tick seen. */
  get tick(): number {
    return this.#tick;
  }

  /** How often the world has been started, as far as is known. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Inputs up to this tick survive the server's end; 0 = unknown. */
  get durableTick(): number {
    return this.#durableTick;
  }

  /** Where the server's overload ladder stood at the newest tick. */
  get strain(): Strain {
    return this.#strain;
  }

  /** Who is in view. The own avatar never is. */
  get view(): View {
    return this.#view;
  }

  /** The own avatar, once the server spoke of it. */
  get own(): OwnAvatar | undefined {
    return this.#own;
  }

  /** Number of the newest intent. */
  get newestIntent(): number {
    return this.#seq;
  }

  /** Which datagrams have been taken, with their whole numbers; `newest` is 0 if none. */
  get taken(): Acks {
    return this.#acks.acks() ?? { newest: 0, before: 0 };
  }

  /** Who left the view since this was asked last, oldest first. */
  takeRemoved(): RemovedEntity[] {
    const removed = this.#removed;
    this.#removed = [];
    return removed;
  }

  /** Takes a datagram.
   *
   * @throws Malformed if it cannot be read; then nothing has changed. */
  take(bytes: Uint8Array): Taken {
    const read = this.#read(bytes);
    if (read === undefined) return { is: "dropped" };
    const { snapshot, number, tick, otherEpoch } = read;
    const { check } = snapshot.header;
    if (check !== undefined) {
      const states = [...this.#view.seen(snapshot.records)];
      if (checkOf(states) !== check) return { is: "diverged", number, states };
    }
    if (otherEpoch) this.#beginEpoch(snapshot.header.epoch, number);
    const newest = number > this.#newest;
    this.#acks.take(number);
    if (newest) {
      this.#newest = number;
      this.#tick = tick;
      this.#near = tick;
      this.#strain = snapshot.header.strain;
      this.#view.forgetBefore(number);
    }
    this.#takeOwn(snapshot, tick);
    for (const record of snapshot.records) {
      if (record.is === "update") this.#view.referred(record.index, number - record.back);
      const removed = this.#view.take(record, { number, tick });
      if (removed !== undefined) this.#removed.push(removed);
    }
    this.#removed.splice(0, this.#removed.length - REMOVALS_MAX);
    if (newest && this.#presence.saw(number, this.#view.presence)) this.#misplaced();
    return { is: "taken", tick, newest, records: snapshot.records.length };
  }

  /** The server says who is in view after a datagram. */
  takePresence(number: number, count: number, sum: bigint): void {
    if (this.#presence.isTold(number, { count, sum })) this.#misplaced();
  }

  /** The server says who is not. */
  takeForget(number: number, ids: readonly bigint[]): void {
    for (const id of ids) {
      const removed = this.#view.forget(id, number, this.#tick);
      if (removed !== undefined) this.#removed.push(removed);
    }
  }

  /** Whom the server has to be told of, if others are in view than it said; once. */
  takeMisplaced(): { readonly number: number; readonly ids: readonly bigint[] } | undefined {
    if (!this.#isMisplaced) return undefined;
    this.#isMisplaced = false;
    const ids = [...this.#view].map(({ id }) => id).sort((a, b) => (a < b ? -1 : 1));
    return { number: this.#newest, ids: ids.slice(0, HELD_IDS_MAX) };
  }

  #misplaced(): void {
    this.#isMisplaced = true;
    this.#presence.forget();
  }

  /** The session goes on, on another connection, and the world is at this tick: it may have run on for longer
   * than the low bits of a header can tell. */
  resumed(tick: number): void {
    this.#near = Math.max(this.#near, tick);
  }

  /** The datagram for a tick: acknowledgements, and the last few intents with this one. */
  nextIntentDatagram(wish: Wish, viewTick: number): Uint8Array<ArrayBuffer> {
    this.#seq += 1;
    // What has been applied need not be said again: the server would only read over it.
    const applied = this.#own?.applied ?? 0;
    this.#recent = this.#recent.filter(({ seq }) => seq > applied);
    this.#recent.push({ seq: this.#seq, viewTick, wish });
    this.#recent.splice(0, this.#recent.length - INTENTS_PER_DATAGRAM_MAX);
    return encodeIntents(this.#acks.acks(), this.#recent);
  }

  /** The datagram of one who only watches. */
  ackDatagram(): Uint8Array<ArrayBuffer> {
    return encodeIntents(this.#acks.acks(), []);
  }

  /** Reads a datagram without changing anything; nothing if it is to be dropped unread. */
  #read(bytes: Uint8Array) {
    let place: { number: number; tick: number; otherEpoch: boolean } | undefined;
    const locate = (header: SnapshotStart) => {
      place ??= {
        number: nearest(header.number, WIDTHS.number, this.#newest),
        tick: nearest(header.tick, WIDTHS.tick, this.#near),
        otherEpoch: header.epoch !== lowBits(this.#epoch, WIDTHS.epoch),
      };
      return place;
    };
    const format = { tables: this.#tables, tickHz: this.tickHz };
    const past: Past = {
      isWanted: (header) => {
        const { number, otherEpoch } = locate(header);
        if (number < this.#epochFrom || (otherEpoch && number <= this.#newest)) return false;
        return this.#acks.isNews(number);
      },
      baseline: (header, index, back) => {
        const { number, tick, otherEpoch } = locate(header);
        // No state survives a change of epoch.
        return otherEpoch ? undefined : this.#view.baseline(index, number - back, tick);
      },
    };
    try {
      const snapshot = readSnapshot(bytes, format, past);
      return snapshot && { snapshot, ...locate(snapshot.header) };
    } catch (error) {
      // Newer ones came before it and were against newer states; the older are let go of.
      if (error instanceof UnknownBaseline && place !== undefined && place.number < this.#newest) return undefined;
      throw error;
    }
  }

  #beginEpoch(low: number, number: number): void {
    const modulus = 2 ** WIDTHS.epoch;
    this.#epoch += (low - lowBits(this.#epoch, WIDTHS.epoch) + modulus) % modulus;
    this.#epochFrom = number;
    this.#acks = new AckWindow();
    this.#view = new View();
    this.#presence.forget();
    this.#own = undefined;
    this.#durableTick = 0;
  }

  #takeOwn({ own, progress }: Snapshot, tick: number): void {
    if (own.is === "none" || progress === undefined) return;
    const { applied, durableAge } = progress;
    if (durableAge < 255) this.#durableTick = Math.max(this.#durableTick, tick - durableAge);
    const known = this.#own;
    if (known !== undefined && tick <= known.tick) return;
    const counted = known?.vitals && countedDown(known.vitals, tick - known.tick);
    this.#own = {
      tick,
      applied: Math.min(nearest(applied, WIDTHS.applied, this.#seq), this.#seq),
      exact: own.is === "exact" ? { tick, body: own.body } : known?.exact,
      vitals: own.vitals ?? counted,
    };
  }
}
