// A small HTTP server for the example: its page, the compiled library, and invitations.

import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { invite } from "./server-files.js";

/** The package's folder; this file is compiled to dist/example. */
const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));

export interface Pages {
  readonly url: string;
  close(): void;
}

/** Serves the example on a port of this machine (0 = any free one), for the BlueMarble server that runs
 * in a data directory. */
export function servePages(dataDir: string, port: number): Promise<Pages> {
  const server = createServer((request, response) => {
    answer(request.method, new URL(request.url, "http://localhost"), dataDir, response).catch((error: unknown) =>
      respond(response, 500, "text/plain", error instanceof Error ? error.message : String(error)),
    );
  });
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, "127.0.0.1", () => {
      // By this name, since browsers trust pages of localhost as they do those of https.
      const url = `http://localhost:${server.address().port}/`;
      const close = (): void => {
        server.close();
        server.closeAllConnections();
      };
      resolve({ url, close });
    });
  });
}

async function answer(method: string, url: URL, dataDir: string, response: ServerResponse): Promise<void> {
  const path = url.pathname;
  if (method === "GET" && path === "/") {
    return respond(response, 200, "text/html; charset=utf-8", await readFile(join(PACKAGE, "example/index.html")));
  }
  // Only names that this package compiles to; no path leads out of it.
  if (method === "GET" && /^\/dist\/(src|example)\/[a-z-]+\.js$/.test(path)) {
    return respond(response, 200, "text/javascript", await readFile(join(PACKAGE, path.slice(1))));
  }
  if (method === "POST" && path === "/invitation") {
    const invitation = await invite(dataDir, url.searchParams.get("character") ?? "");
    return respond(response, 200, "application/json", JSON.stringify(invitation));
  }
  respond(response, 404, "text/plain", "there is nothing here");
}

function respond(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
}
