// Counters that travel as their low bits (docs/PROTOCOL.md, chapter 7).

/** The whole value, never below 0, that has these low bits and is nearest to one that is known. */
export function nearest(low: number, width: number, known: number): number {
  const modulus = 2 ** width;
  const ahead = (((low - known) % modulus) + modulus) % modulus;
  const above = known + ahead;
  return ahead < modulus / 2 || above < modulus ? above : above - modulus;
}

/** The low bits of a value. */
export function lowBits(value: number, width: number): number {
  return value % 2 ** width;
}
