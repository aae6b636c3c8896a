// The example's page: asks for a name, connects, shows who is around, and lets one walk.

import {
  type GameEvent,
  PlanetFrame,
  STANDING,
  Session,
  SessionEnded,
  type SessionListener,
  type Vector,
  openWebTransport,
  poseAt,
} from "../src/index.js";
import { length, subtract } from "../src/vector.js";
import { Keys } from "./keys.js";
import { type Dot, GameMap } from "./map.js";
import { OwnPlace } from "./own-place.js";

/** Others nearer than this may be struck with a key, metres. */
const REACH_M = 5;
/** A line in the corner about what happened stays so long, ms. */
const NEWS_MS = 4_000;

interface Invitation {
  readonly url: string;
  readonly certificateSha256?: string;
  readonly ticket: string;
}

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const form = element<HTMLFormElement>("join");
const trouble = element("trouble");
const told = element("told");
const map = new GameMap(element<HTMLCanvasElement>("map"));
const keys = new Keys(window);
let news: { text: string; untilMs: number } | undefined;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  trouble.textContent = "";
  join(element<HTMLInputElement>("character").value).catch((error: unknown) => {
    form.hidden = false;
    trouble.textContent = error instanceof Error ? error.message : String(error);
  });
});

async function join(character: string): Promise<void> {
  const answer = await fetch(`/invitation?character=${encodeURIComponent(character)}`, { method: "POST" });
  if (!answer.ok) throw new Error(await answer.text());
  const invitation = (await answer.json()) as Invitation;
  const listener: SessionListener = {
    onEvent: (happened) => (news = { text: inWords(happened), untilMs: performance.now() + NEWS_MS }),
    onQueued: (ahead) => (trouble.textContent = `the world is busy: ${ahead} are ahead of you`),
  };
  const options = { ticket: invitation.ticket, client: "example", listener };
  const session = await Session.begin(openWebTransport(invitation), options);
  // For a look around from the browser's console.
  Object.assign(globalThis, { bluemarble: session });
  form.hidden = true;
  (document.activeElement as HTMLElement | null)?.blur();
  const leave = (event: KeyboardEvent): void => void (event.code === "Escape" && session.leave());
  window.addEventListener("keydown", leave);
  await play(session);
  window.removeEventListener("keydown", leave);
  form.hidden = false;
  if (session.end !== undefined) trouble.textContent = new SessionEnded(session.end).message;
}

function inWords(event: GameEvent): string {
  switch (event.is) {
    case "died":
      return "you died";
    case "killed":
      return "you killed somebody";
    case "wounded":
      return `you lost ${event.amount}`;
    case "struck":
      return `you struck for ${event.amount}`;
    case "respawned":
      return "you live again";
  }
}

/** Draws until the session ends. */
function play(session: Session): Promise<void> {
  const place = new OwnPlace();
  const frame = new PlanetFrame(session.welcome.radiusM);
  return new Promise((resolve) => {
    const draw = (nowMs: number): void => {
      if (session.end !== undefined) return resolve();
      const { core, welcome } = session;
      const own = core.own && place.advance(core.own, session.wish, core.tick, welcome.tickHz, nowMs);
      if (own !== undefined) {
        const others = dots(session, frame, nowMs);
        session.wish = keys.wish(own, nearestTo(own, others));
        map.draw(own, welcome.interestEnterM, others);
        told.textContent = report(session, own);
      }
      requestAnimationFrame(draw);
    };
    session.wish = STANDING;
    requestAnimationFrame(draw);
  });
}

function dots(session: Session, frame: PlanetFrame, nowMs: number): (Dot & { id: bigint })[] {
  const { core, clock, cards, welcome } = session;
  const tick = clock.tickToShow(nowMs) ?? core.tick;
  return Array.from(core.view, (entity) => {
    const { state } = entity.trail[entity.trail.length - 1]!;
    const { positionM, facing } = poseAt(entity, tick, welcome.tickHz, frame);
    return {
      id: entity.id,
      positionM,
      facing,
      kind: state.kind,
      name: cards.get(entity.id)?.name,
      health: state.health / 255,
      attacking: state.action === "attack",
      dead: state.action === "dead",
    };
  });
}

function nearestTo(place: Vector, others: readonly (Dot & { id: bigint })[]): bigint | undefined {
  let nearest: { id: bigint; way: number } | undefined;
  for (const { id, positionM, dead } of others) {
    const way = length(subtract(positionM, place));
    if (!dead && way < (nearest?.way ?? REACH_M)) nearest = { id, way };
  }
  return nearest?.id;
}

function report({ core, welcome, counts, cards }: Session, [x, y, z]: Vector): string {
  const degrees = (radians: number): string => ((radians * 180) / Math.PI).toFixed(5);
  const vitals = core.own?.vitals;
  const lines = [
    `${cards.get(welcome.avatar)?.name ?? ""} on ${welcome.planet}`.trim(),
    `${degrees(Math.atan2(z, Math.hypot(x, y)))}° N ${degrees(Math.atan2(y, x))}° E`,
    `${core.view.size} others, tick ${core.tick}`,
    vitals ? `health ${vitals.health} of ${vitals.healthMax}, kills ${vitals.kills}, deaths ${vitals.deaths}` : "",
    counts.undecodable > 0 ? `${counts.undecodable} datagrams could not be read` : "",
    core.strain.level > 0 ? `the server is overloaded (step ${core.strain.level})` : "",
    news !== undefined && performance.now() < news.untilMs ? news.text : "",
  ];
  return lines.filter((line) => line !== "").join("\n");
}
