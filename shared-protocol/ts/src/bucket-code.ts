// Bucket codes (docs/PROTOCOL.md, chapter 7): prefix codes given by the widths of their buckets.

import type { BitReader, BitWriter } from "./bits.js";
import { demand } from "./malformed.js";

const U32_MAX = 2 ** 32 - 1;

/** 0, 1, 2, 3, … as 0, −1, 1, −2, …. */
export function unfolded(number: number): number {
  return number % 2 === 0 ? number / 2 : -(number + 1) / 2;
}

/** Bucket b holds the 2^widths[b] numbers that follow those of bucket b − 1. */
export class BucketCode {
  readonly #widths: readonly number[];
  readonly #first: readonly number[];

  constructor(widths: readonly number[]) {
    const first = [];
    let next = 0;
    for (const width of widths) {
      first.push(next);
      next += 2 ** width;
    }
    this.#widths = widths;
    this.#first = first;
  }

  /** A number from 0 to 2³² − 1. */
  read(bits: BitReader): number {
    const last = this.#widths.length - 1;
    let b = 0;
    while (b < last && bits.readBool()) b += 1;
    const number = this.#first[b]! + bits.read(this.#widths[b]!);
    demand(number <= U32_MAX, "a number beyond 32 bits");
    return number;
  }

  /** A signed number, coded as 0, −1, 1, −2, …. */
  readSigned(bits: BitReader): number {
    return unfolded(this.read(bits));
  }

  /** Writes a number that one of the buckets holds. */
  write(bits: BitWriter, number: number): void {
    const last = this.#widths.length - 1;
    let b = last;
    while (number < this.#first[b]!) b -= 1;
    for (let one = 0; one < b; one += 1) bits.writeBool(true);
    if (b < last) bits.writeBool(false);
    bits.write(number - this.#first[b]!, this.#widths[b]!);
  }

  /** Writes a signed number. */
  writeSigned(bits: BitWriter, number: number): void {
    this.write(bits, number < 0 ? -2 * number - 1 : 2 * number);
  }
}
