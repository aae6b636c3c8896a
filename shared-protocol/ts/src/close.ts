// Close codes (docs/PROTOCOL.md, chapter 5).

/** What a close means, by its number. */
export const CloseCode = {
  Normal: 0,
  ServerShutdown: 1,
  ReplacedByNewSession: 2,
  Travelled: 3,
  Kicked: 4,
  ProtocolVersion: 16,
  BadTicket: 17,
  ExpiredTicket: 18,
  WrongWorld: 19,
  HandshakeTimeout: 20,
  NothingToResume: 21,
  SchemaMismatch: 22,
  Banned: 23,
  Malformed: 32,
  Oversized: 33,
  Flooding: 34,
  Unexpected: 35,
  ServerFull: 48,
  Overloaded: 49,
  Internal: 50,
  TooMany: 51,
  NotSaving: 52,
} as const;

/** The name of a code, or `undefined` for one that is unknown: a lost connection. */
export function closeName(code: number): string | undefined {
  return Object.entries(CloseCode).find(([, number]) => number === code)?.[0];
}
