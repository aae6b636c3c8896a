// Which tick to show when: others are shown a little in the past, so that there is always a state to move
// them towards. The server's own library does the same (vectors/play.json).
//
// Where the server's clock stands is seen from arrivals: the tick of a snapshot, less the ticks that local
// time says have passed, is the same for all but for what each was under way. The least delayed ones of the
// last seconds tell the clock, the most delayed ones how far behind it one has to be. A silence moves
// neither. What is shown follows slowly, and never backwards; only if it is off by much it jumps.

import type { Strain } from "./snapshot.js";

/** Arrivals remembered: three seconds at 20 Hz. */
const ARRIVALS = 64;
/** The latest one in so many does not count: an accident is not a line. */
const OUTLIERS = 2;
/** How much faster or slower than the server's clock what is shown may run. */
const SLEW = 0.05;
/** The share of a difference that is made good per tick, within that. */
const GAIN = 0.1;
/** Further off than this, ticks, what is shown jumps. */
const JUMP = 15;
/** Beside what the line needs: an arrival at the last moment is not shown late by rounding. */
const MARGIN = 0.25;
/** Most that is advised, seconds: who is shown later than that cannot be played against. */
const DELAY_MAX_S = 0.5;
/** What changes far away is sent every so many ticks on an ordinary day. */
const FAR_PERIOD_TICKS = 2;

/** Which tick to show when. Local times are in milliseconds of any steady clock. */
export class PlayClock {
  readonly #tickHz: number;
  /** Ticks per millisecond now. */
  #rate: number;
  /** Local time, and the ticks that have passed by it since the first arrival. */
  #passed: { ms: number; ticks: number } | undefined;
  /** Of each arrival: its tick less the ticks passed. */
  #leads: number[] = [];
  /** Greatest and nearly least of those. */
  #best = 0;
  #late = 0;
  /** What is shown, less the ticks passed; and the ticks passed when that was so. */
  #shown: { ahead: number; at: number } | undefined;

  constructor(tickHz: number) {
    this.#tickHz = Math.max(1, tickHz);
    this.#rate = this.#tickHz / 1_000;
  }

  /** A snapshot of `tick`, the newest so far, arrived; `strain` is what it says about the server. */
  observe(nowMs: number, tick: number, strain: Strain): void {
    const passed = this.#advance(nowMs);
    // From here on: a tick that takes longer was on its way when this one was sent.
    this.#rate = this.#tickHz / (1 + strain.slowerEighths / 8) / 1_000;
    const lead = tick - passed;
    // Another clock, or one that stood still: nothing from before tells anything.
    if (this.#leads.length > 0 && Math.abs(lead - this.#best) > JUMP) this.#leads = [];
    if (this.#leads.length === ARRIVALS) this.#leads.shift();
    this.#leads.push(lead);
    const sorted = [...this.#leads].sort((a, b) => a - b);
    this.#late = sorted[Math.floor((OUTLIERS * sorted.length) / ARRIVALS)]!;
    this.#best = sorted[sorted.length - 1]!;
  }

  /** How far behind the newest tick that can have arrived others should be shown, ticks, if what changes is
   * sent every `periodTicks`. */
  delayTicks(periodTicks = FAR_PERIOD_TICKS): number {
    const needed = this.#best - this.#late + periodTicks + MARGIN;
    return Math.min(needed, Math.max(1, DELAY_MAX_S * this.#tickHz));
  }

  /** The tick to show now, with its fraction; `undefined` before the first snapshot. Never less than it was
   * before, but for a jump. */
  tickToShow(nowMs: number, periodTicks = FAR_PERIOD_TICKS): number | undefined {
    if (this.#passed === undefined) return undefined;
    const passed = this.#advance(nowMs);
    const wanted = this.#best - this.delayTicks(periodTicks);
    let ahead = wanted;
    if (this.#shown !== undefined && Math.abs(wanted - this.#shown.ahead) <= JUMP) {
      const since = passed - this.#shown.at;
      const step = (wanted - this.#shown.ahead) * Math.min(GAIN * since, 1);
      ahead = this.#shown.ahead + Math.max(-SLEW * since, Math.min(SLEW * since, step));
    }
    this.#shown = { ahead, at: passed };
    return Math.max(0, ahead + passed);
  }

  /** The ticks passed until now. */
  #advance(nowMs: number): number {
    const { ms, ticks } = this.#passed ?? { ms: nowMs, ticks: 0 };
    const passed = ticks + Math.max(0, nowMs - ms) * this.#rate;
    this.#passed = { ms: Math.max(nowMs, ms), ticks: passed };
    return passed;
  }
}
