// Turning by 256ths of a turn in integers (docs/PROTOCOL.md, chapter 10), as every client has to do it
// alike.
//
// All numbers stay below 2⁵³, so that those of JavaScript hold them exactly.

const ONE = 16_384;

/** 16384 · sin of so many 256ths of a turn, rounded. */
function sine(angle: number): number {
  return Math.round(ONE * Math.sin((angle * 2 * Math.PI) / 256));
}

const SINE: readonly number[] = Array.from({ length: 256 }, (_, angle) => sine(angle));
const HALF_TANGENT: readonly number[] = Array.from({ length: 33 }, (_, angle) =>
  Math.round(ONE * Math.tan((angle * Math.PI) / 256)),
);

function rounded(scaled: number): number {
  return Math.floor((scaled + ONE / 2) / ONE);
}

/** A vector turned from +x towards +y. */
export function turned(x: number, y: number, angle: number): [number, number] {
  const [sin, cos] = [SINE[angle & 255]!, SINE[(angle + 64) & 255]!];
  return [rounded(x * cos - y * sin), rounded(x * sin + y * cos)];
}

/** What is (ahead, aside) of a heading, along the cell's x and y. */
export function upright(ahead: number, aside: number, heading: number): [number, number] {
  const [quarters, tangent, sin] = split(heading);
  let [x, y] = quarterTurned(ahead, aside, quarters);
  x = wrapped(x - rounded(y * tangent));
  y = wrapped(y + rounded(x * sin));
  x = wrapped(x - rounded(y * tangent));
  return [x, y];
}

/** What is (x, y) along the cell's axes, ahead and aside of a heading: `upright` undoes it exactly. */
export function along(x: number, y: number, heading: number): [number, number] {
  const [quarters, tangent, sin] = split(heading);
  let [a, b] = [wrapped(x + rounded(y * tangent)), y];
  b = wrapped(b - rounded(a * sin));
  a = wrapped(a + rounded(b * tangent));
  return quarterTurned(a, b, (4 - quarters) & 3);
}

/** A heading as quarter turns and a rest; of the rest, half its tangent and sine. */
function split(heading: number): [number, number, number] {
  const quarters = ((heading + 32) & 255) >> 6;
  const rest = ((heading - 64 * quarters + 128) & 255) - 128;
  const sign = Math.sign(rest);
  return [quarters, sign * HALF_TANGENT[Math.abs(rest)]!, sign * SINE[Math.abs(rest)]!];
}

function quarterTurned(a: number, b: number, quarters: number): [number, number] {
  if (quarters === 0) return [a, b];
  if (quarters === 1) return [wrapped(-b), a];
  if (quarters === 2) return [wrapped(-a), wrapped(-b)];
  return [b, wrapped(-a)];
}

/** Modulo 2³², signed. */
export function wrapped(value: number): number {
  return value | 0;
}
