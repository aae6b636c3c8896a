// A BlueMarble server of the test's own: the real program with a small seeded world on the Moon, in a
// directory that goes away with it.

import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository; this file is compiled to shared-protocol/ts/dist/browser-test. */
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
/** Only a hang takes this long. */
const READY_MS = 120_000;

/** Villagers who stroll, around the place where everybody arrives. */
const SCENARIO = `Scenario(
    planet: "moon",
    zones: 4,
    squares: [Square(name: "Landing Field", near: (0.0, 0.0))],
    spawn_spread_m: 10.0,
    avatar: "adventurer",
    camps: [Camp(at: Square(0), kind: "villager", count: 40, spread_m: 30.0)],
)`;

/** A running server. */
export class GameServer {
  readonly dataDir: string;
  readonly #process: ChildProcess;
  #said = "";

  private constructor(program: string, dataDir: string, assets: string) {
    this.dataDir = dataDir;
    const settings = ["--data-dir", dataDir, "--assets", assets, "--scenario", "strollers", "--seed", "7"];
    const places = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--threads", "1", "--quiet"];
    this.#process = spawn(program, ["serve", ...settings, ...places], { stdio: ["ignore", "pipe", "pipe"] });
    const keep = (chunk: unknown): void => void (this.#said += String(chunk));
    this.#process.stdout.on("data", keep);
    this.#process.stderr.on("data", keep);
    this.#process.on("error", (error) => keep(error.message));
  }

  /** Starts one and waits until it serves. */
  static async start(): Promise<GameServer> {
    const program = process.env["BLUEMARBLE_SERVER"] ?? join(ROOT, "target/debug/bluemarble-server");
    if (!existsSync(program)) {
      throw new Error(
        `there is no ${program}. Build it with \`cargo build -p bluemarble-server\`, or name it in BLUEMARBLE_SERVER`,
      );
    }
    const folder = mkdtempSync(join(tmpdir(), "bluemarble-browser-"));
    const server = new GameServer(program, join(folder, "data"), copiedAssets(join(folder, "assets")));
    await server.#ready();
    return server;
  }

  /** Something of its admin HTTP. */
  async ask(path: string): Promise<Record<string, unknown>> {
    const { admin } = JSON.parse(readFileSync(join(this.dataDir, "server.json"), "utf8")) as { admin: string };
    const token = readFileSync(join(this.dataDir, "admin.token"), "utf8").trim();
    const answer = await fetch(`http://${admin}${path}`, { headers: { authorization: `Bearer ${token}` } });
    return (await answer.json()) as Record<string, unknown>;
  }

  /** Stops it and removes its directory; everything that it said. */
  async stop(): Promise<string> {
    const ended = new Promise<void>((resolve) => this.#process.on("exit", () => resolve()));
    if (this.#process.exitCode === null && this.#process.kill("SIGTERM")) await ended;
    rmSync(join(this.dataDir, ".."), { recursive: true, force: true });
    return this.#said;
  }

  async #ready(): Promise<void> {
    for (const started = Date.now(); Date.now() - started < READY_MS; await pause(100)) {
      if (this.#process.exitCode !== null) break;
      if (!existsSync(join(this.dataDir, "server.json"))) continue;
      const status = await this.ask("/v1/status").catch(() => undefined);
      if (status?.["tick"] !== undefined) return;
    }
    throw new Error(`the server did not start:\n${await this.stop()}`);
  }
}

/** The project's creatures and the small planet, and the test's scenario. */
function copiedAssets(folder: string): string {
  for (const name of ["creatures", "features", "planets/moon.ron"]) {
    cpSync(join(ROOT, "assets", name), join(folder, name), { recursive: true });
  }
  mkdirSync(join(folder, "scenarios"), { recursive: true });
  writeFileSync(join(folder, "scenarios/strollers.ron"), SCENARIO);
  return folder;
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
