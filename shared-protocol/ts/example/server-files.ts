// What a BlueMarble server on this machine tells in its data directory and by its admin HTTP: where it
// is, its certificate, and a ticket signed with its development key. Stands in for a login service.

import { type KeyObject, createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What a page needs to connect. */
export interface Invitation {
  readonly url: string;
  readonly certificateSha256: string | undefined;
  readonly ticket: string;
}

/** Seconds that a ticket is good for. */
const TICKET_S = 3_600;

/** An invitation for a character to the server that runs in this data directory. */
export async function invite(dataDir: string, character: string): Promise<Invitation> {
  const ready = JSON.parse(read(dataDir, "server.json")) as { quic: string; admin: string };
  const token = read(dataDir, "admin.token").trim();
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(`http://${ready.admin}${path}`, { headers: { authorization: `Bearer ${token}` } });
    if (!answer.ok) throw new Error(`the server's ${path} answered ${answer.status}`);
    return answer.json();
  };
  const status = (await ask("/v1/status")) as { certificate_sha256?: string };
  const { worlds } = (await ask("/v1/worlds")) as { worlds: readonly { name: string; main: boolean }[] };
  const world = worlds.find(({ main }) => main)?.name;
  if (world === undefined) throw new Error("the server names no main world");
  return {
    url: `https://${ready.quic}/`,
    certificateSha256: status.certificate_sha256,
    ticket: signedTicket(read(dataDir, "dev/ticket.key.pem"), world, character),
  };
}

function read(dataDir: string, name: string): string {
  try {
    return readFileSync(join(dataDir, name), "utf8");
  } catch {
    throw new Error(`no ${name} in ${dataDir}: is a server running there?`);
  }
}

/** A session ticket (docs/PROTOCOL.md, chapter 4). */
function signedTicket(pem: string, world: string, character: string): string {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: "bluemarble", aud: world, sub: character, iat: now, exp: now + TICKET_S };
  const content = `${base64url({ alg: "EdDSA", typ: "JWT" })}.${base64url(claims)}`;
  const signature = sign(null, new TextEncoder().encode(content), keyOf(pem));
  return `${content}.${signature.toString("base64url")}`;
}

/** The key is in PKCS#8 of RFC 5958, which has the public key beside the private one; OpenSSL, and so
 * Node, takes only the older form without. */
function keyOf(pem: string): KeyObject {
  const der = Uint8Array.from(atob(pem.replace(/-----[^-]+-----|\s/g, "")), (letter) => letter.charCodeAt(0));
  const text = String.fromCharCode(...der);
  // An octet string of 34 bytes that holds one of 32: the private key.
  const at = text.indexOf("\x04\x22\x04\x20") + 4;
  if (at < 4 || der.length < at + 32) throw new Error("the development ticket key is no Ed25519 key");
  // Version 0, Ed25519.
  const prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
  const key = Uint8Array.of(...prefix, ...der.slice(at, at + 32));
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}

function base64url(value: object): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value)));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
