// The example's page in headless Chromium, against the real server: the whole way of a player.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { type Page, chromium } from "playwright-core";

import { servePages } from "../example/pages.js";
import type { Address, Session, SessionEnd, Transport } from "../src/index.js";
import { GameServer } from "./game-server.js";

/** Only a hang takes this long. */
const DEADLINE_MS = 60_000;
const SNAPSHOTS = 100;
/** How far one has to get, metres; a second's walk. */
const WALKED_M = 3;

type Library = typeof import("../src/index.js");

declare global {
  /** The example's session, as its page shows it to the browser's console. */
  var bluemarble: Session | undefined;
  /** What this test adds to the page: the library, and a new connection to the server. */
  var library: Library;
  var connect: (character: string) => Promise<Transport>;
}

const browserPath = process.env["BLUEMARBLE_BROWSER"] ?? "/usr/bin/chromium";
if (!existsSync(browserPath)) {
  throw new Error(
    `there is no ${browserPath}. Install Chromium (apt-get install chromium), or name a Chromium in BLUEMARBLE_BROWSER`,
  );
}

const server = await GameServer.start();
const pages = await servePages(server.dataDir, 0);
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
let passed = false;
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  page.on("console", (line) => console.log(`  the page: ${line.text()}`));
  page.on("pageerror", (error) => console.log(`  the page failed: ${error.message}`));
  await join(page);
  await takesSnapshots(page);
  await seesOthers(page);
  await walks(page);
  await comesBack(page);
  await leaves(page);
  await isRefused(page);
  passed = true;
} finally {
  await browser.close();
  pages.close();
  const said = await server.stop();
  if (!passed) console.log(`the server said:\n${said}`);
}

async function join(page: Page): Promise<void> {
  await page.goto(pages.url);
  await page.fill("#character", "Ada");
  await page.press("#character", "Enter");
  await page.waitForFunction(
    () => globalThis.bluemarble !== undefined || document.getElementById("trouble")?.textContent !== "",
  );
  assert.equal(await page.textContent("#trouble"), "", "the page is in trouble");
  const planet = await page.evaluate(() => globalThis.bluemarble!.welcome.planet);
  assert.equal(planet, "moon");
  await preparePage(page);
  console.log(`welcome to the ${planet}`);
}

async function takesSnapshots(page: Page): Promise<void> {
  await page.waitForFunction((least) => globalThis.bluemarble!.counts.snapshots >= least, SNAPSHOTS);
  const counts = await page.evaluate(() => globalThis.bluemarble!.counts);
  console.log(`${counts.snapshots} snapshots, ${counts.bytes} bytes, ${counts.dropped} dropped`);
  assert.equal(counts.undecodable, 0, "every datagram can be read");
}

async function seesOthers(page: Page): Promise<void> {
  await page.waitForFunction(() => globalThis.bluemarble!.core.view.size > 0);
  await page.waitForFunction(() => globalThis.bluemarble!.cards.get(globalThis.bluemarble!.welcome.avatar));
  const seen = await page.evaluate(() => {
    const { core, cards, welcome } = globalThis.bluemarble!;
    const moved = [...core.view].filter(({ trail }) =>
      trail.some(({ state }) => state.velocityCmps.some((component) => component !== 0)),
    );
    return { count: core.view.size, moved: moved.length, name: cards.get(welcome.avatar)?.name };
  });
  console.log(`${seen.count} others, ${seen.moved} of them on the move`);
  assert(seen.moved > 0, "somebody strolls");
  assert.equal(seen.name, "Ada");
}

/** Where the avatar was exactly, when that was last known. */
function place(page: Page): Promise<readonly number[]> {
  return page.evaluate(() => globalThis.bluemarble!.core.own!.exact!.body.positionM);
}

async function walks(page: Page): Promise<void> {
  const from = await place(page);
  await page.keyboard.down("KeyD");
  await page.waitForFunction(
    ([x, y, z, least]) => {
      const [a, b, c] = globalThis.bluemarble!.core.own!.exact!.body.positionM;
      return Math.hypot(a - x!, b - y!, c - z!) >= least!;
    },
    [...from, WALKED_M],
  );
  await page.keyboard.up("KeyD");
  const to = await place(page);
  const [x, y] = [from[0]!, from[1]!];
  const east = ((to[1]! - y) * x - (to[0]! - x) * y) / Math.hypot(x, y);
  const way = Math.hypot(...to.map((value, k) => value - from[k]!));
  console.log(`walked ${way.toFixed(1)} m, ${east.toFixed(1)} m of it east`);
  assert(east > WALKED_M / 2, "east is where the key points");
  const applied = await page.evaluate(() => globalThis.bluemarble!.core.own!.applied);
  assert(applied > 0, "the server applies what was wanted");
}

async function comesBack(page: Page): Promise<void> {
  const back = await page.evaluate(async () => {
    const before = globalThis.bluemarble!;
    before.drop();
    const session = await before.resume(await globalThis.connect("Ada"));
    globalThis.bluemarble = session;
    const isSame = session.welcome.avatar === before.welcome.avatar;
    return { isResumed: session.isResumed, isSame, others: session.core.view.size };
  });
  assert.deepEqual({ ...back, others: back.others > 0 }, { isResumed: true, isSame: true, others: true });
  await page.waitForFunction(() => globalThis.bluemarble!.counts.snapshots >= 20);
  assert.equal(await page.evaluate(() => globalThis.bluemarble!.counts.undecodable), 0);
  console.log(`came back after a broken line with ${back.others} others still in view`);
}

async function leaves(page: Page): Promise<void> {
  const end = await page.evaluate(async () => {
    await globalThis.bluemarble!.leave();
    return globalThis.bluemarble!.end;
  });
  assert.equal(end?.code, 0);
  for (let tries = 0; (await server.ask("/v1/status"))["players"] !== 0; tries += 1) {
    assert(tries < 100, "the server still has the player");
    await page.waitForTimeout(50);
  }
  console.log("left; the server has no player any more");
}

async function isRefused(page: Page): Promise<void> {
  const end = await page.evaluate(async () => {
    const options = { ticket: "no ticket", client: "browser test" };
    const session = globalThis.library.Session.begin(await globalThis.connect("Eve"), options);
    return session.then(
      () => undefined,
      (error: { end: SessionEnd }) => error.end,
    );
  });
  assert.equal(end?.code, 17, `a bad ticket is refused with its code, not ${JSON.stringify(end)}`);
  console.log("a bad ticket is refused");
}

/** What the page's scripts can be used for from the test. */
async function preparePage(page: Page): Promise<void> {
  await page.evaluate(async () => {
    globalThis.library = (await import(`${location.origin}/dist/src/index.js`)) as Library;
    globalThis.connect = async (character) => {
      const answer = await fetch(`/invitation?character=${character}`, { method: "POST" });
      return globalThis.library.openWebTransport((await answer.json()) as Address);
    };
  });
}
