// The one error for bytes that are not of this protocol.

/** Why bytes are not what they should be. A datagram that throws it is dropped; a message that
 * throws it ends the session with close code 32. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

/** A datagram builds on a state that is not known; of one that comes late that is to be expected. */
export class UnknownBaseline extends Malformed {}

/** Throws unless a value is one that its field may have. */
export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Malformed(what);
}
