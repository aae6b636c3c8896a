// The few parts of Node that the tests and the example's server use, so that its types need not be
// installed.

declare const process: {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly execPath: string;
  exitCode: number | undefined;
  exit(code: number): never;
};

declare module "node:test" {
  export default function test(name: string, run: () => void | Promise<void>): void;
}

declare module "node:assert/strict" {
  function assert(holds: unknown, message?: string): asserts holds;
  namespace assert {
    function equal(actual: unknown, expected: unknown, message?: string): void;
    function deepEqual(actual: unknown, expected: unknown, message?: string): void;
    function throws(run: () => unknown, expected?: unknown, message?: string): void;
    function rejects(run: Promise<unknown>, expected?: unknown, message?: string): Promise<void>;
  }
  export default assert;
}

declare module "node:fs" {
  export function readFileSync(path: string | URL, encoding: "utf8"): string;
  export function existsSync(path: string | URL): boolean;
  export function mkdtempSync(prefix: string): string;
  export function mkdirSync(path: string, options?: { recursive?: boolean }): void;
  export function cpSync(from: string, to: string, options: { recursive: true }): void;
  export function writeFileSync(path: string, text: string): void;
  export function rmSync(path: string, options: { recursive: true; force: true }): void;
}

declare module "node:fs/promises" {
  export function readFile(path: string | URL): Promise<Uint8Array<ArrayBuffer>>;
  export function readFile(path: string | URL, encoding: "utf8"): Promise<string>;
}

declare module "node:path" {
  export function join(...parts: string[]): string;
  export function resolve(...parts: string[]): string;
}

declare module "node:os" {
  export function tmpdir(): string;
}

declare module "node:url" {
  export function fileURLToPath(url: URL): string;
}

declare module "node:crypto" {
  export interface KeyObject {
    readonly type: string;
  }
  export function createPrivateKey(key: { key: Uint8Array; format: "der"; type: "pkcs8" }): KeyObject;
  export function sign(algorithm: null, data: Uint8Array, key: KeyObject): { toString(encoding: "base64url"): string };
}

declare module "node:http" {
  export interface IncomingMessage {
    readonly method: string;
    readonly url: string;
  }
  export interface ServerResponse {
    writeHead(status: number, headers: Record<string, string>): this;
    end(body?: string | Uint8Array): this;
  }
  export interface Server {
    listen(port: number, host: string, done: () => void): this;
    on(event: "error", handler: (error: Error) => void): this;
    address(): { readonly port: number };
    close(): void;
    closeAllConnections(): void;
  }
  export function createServer(handler: (request: IncomingMessage, response: ServerResponse) => void): Server;
}

declare module "node:child_process" {
  export interface ChildProcess {
    readonly pid: number;
    readonly exitCode: number | null;
    readonly stdout: { on(event: "data", handler: (chunk: unknown) => void): void };
    readonly stderr: { on(event: "data", handler: (chunk: unknown) => void): void };
    kill(signal?: string): boolean;
    on(event: "exit", handler: (code: number | null) => void): void;
    on(event: "error", handler: (error: Error) => void): void;
  }
  export function spawn(
    command: string,
    args: readonly string[],
    options: { stdio: readonly ["ignore", "pipe", "pipe"] },
  ): ChildProcess;
}
