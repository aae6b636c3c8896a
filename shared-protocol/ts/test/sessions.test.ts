// Whole sessions over bad lines, as the server's own tests recorded them: what of the datagrams that were
// late, doubled, lost or of another epoch counts, what is acknowledged, and who is in view by that.

import assert from "node:assert/strict";
import test from "node:test";

import { ClientCore } from "../src/client-core.js";
import { Malformed } from "../src/malformed.js";
import { STANDING } from "../src/session.js";
import { TABLE_SETS } from "../src/tables.js";
import { bytesOf } from "./hex.js";
import { type EntityRow, type VitalsRow, entity, vectors, vitals, wide } from "./vector-rows.js";

/** Whom the client shows, and what it knows of itself: tick, intent applied, vitals. */
interface Shows {
  shows: [string, number, EntityRow][];
  tick: number;
  epoch: number;
  durable: number;
  own: [number | null, number, VitalsRow | null];
}

type Event = { got: string; became: "taken" | "dropped" | "refused" } | { sent: [number, number] } | Shows;

interface Recorded {
  name: string;
  welcome: { epoch: number; tick: number; tickHz: number; tables: number };
  tape: Event[];
}

function take(core: ClientCore, hex: string): string {
  try {
    return core.take(bytesOf(hex)).is;
  } catch (error) {
    assert(error instanceof Malformed);
    return "refused";
  }
}

for (const { name, welcome, tape } of vectors<{ sessions: Recorded[] }>("sessions.json").sessions) {
  test(`the ${name} session goes as it went`, () => {
    const tables = TABLE_SETS.find(({ version }) => version === welcome.tables)!;
    const core = new ClientCore({ ...welcome, tables });
    const seen = { taken: 0, dropped: 0, refused: 0, shown: 0, epochs: new Set<number>() };
    tape.forEach((event, n) => {
      const where = `event ${n} of ${name}`;
      if ("got" in event) {
        assert.equal(take(core, event.got), event.became, where);
        seen[event.became] += 1;
      } else if ("sent" in event) {
        core.nextIntentDatagram(STANDING, core.tick);
        assert.deepEqual([core.taken.newest, core.taken.before], event.sent, where);
      } else {
        compare(core, event, where);
        seen.shown += event.shows.length;
        seen.epochs.add(event.epoch);
      }
    });
    assert(seen.taken > 100 && seen.dropped > 5 && seen.shown > 30 && seen.epochs.size === 2, JSON.stringify(seen));
  });
}

function compare(core: ClientCore, event: Shows, where: string): void {
  const shown = [...core.view].map(({ id, trail }) => ({ id, ...trail[trail.length - 1]! }));
  shown.sort((a, b) => (a.id < b.id ? -1 : 1));
  const expected = event.shows.map(([id, tick, state]) => ({ id: wide(id), tick, state: entity(state) }));
  assert.deepEqual(shown, expected, where);
  assert.deepEqual([core.tick, core.epoch, core.durableTick], [event.tick, event.epoch, event.durable], where);
  const [tick, applied, known] = event.own;
  if (tick === null) return assert.equal(core.own, undefined, where);
  assert.deepEqual([core.own?.tick, core.own?.applied], [tick, applied], where);
  assert.deepEqual(core.own?.vitals, known === null ? undefined : vitals(known), where);
}
