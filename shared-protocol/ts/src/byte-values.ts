// Values of control-stream messages (docs/PROTOCOL.md, chapter 3): fixed width, little endian.

import { demand } from "./malformed.js";

/** Reads the values of one message. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#next(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#next(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#next(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#next(8), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#next(8), true);
  }

  /** A `u64` that counts something; a `number`, so below 2⁵³. */
  counter(what: string): number {
    const value = this.u64();
    demand(value <= BigInt(Number.MAX_SAFE_INTEGER), what);
    return Number(value);
  }

  /** The count before a sequence or string, at most `max`. */
  count(max: number, what: string): number {
    const count = this.counter(what);
    demand(count <= max, what);
    return count;
  }

  string(bytesMax: number, what: string): string {
    const count = this.count(bytesMax, what);
    const at = this.#next(count);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.#bytes.subarray(at, at + count));
    } catch {
      demand(false, what);
    }
  }

  sequence<T>(max: number, what: string, element: () => T): T[] {
    return Array.from({ length: this.count(max, what) }, element);
  }

  option<T>(value: () => T): T | undefined {
    const some = this.u8();
    demand(some <= 1, "an option that is neither 0 nor 1");
    return some === 1 ? value() : undefined;
  }

  bool(): boolean {
    const value = this.u8();
    demand(value <= 1, "a truth value that is neither 0 nor 1");
    return value === 1;
  }

  /** Throws unless everything has been read. */
  end(): void {
    demand(this.#at === this.#bytes.length, "something follows the message");
  }

  #next(bytes: number): number {
    const at = this.#at;
    demand(at + bytes <= this.#bytes.length, "the message ends too early");
    this.#at += bytes;
    return at;
  }
}

/** Writes the values of one message. */
export class ByteWriter {
  readonly #parts: number[] = [];

  u8(value: number): this {
    return this.#number(BigInt(value), 1);
  }

  u16(value: number): this {
    return this.#number(BigInt(value), 2);
  }

  u32(value: number): this {
    return this.#number(BigInt(value), 4);
  }

  u64(value: bigint): this {
    return this.#number(value, 8);
  }

  string(value: string): this {
    const bytes = new TextEncoder().encode(value);
    this.u64(BigInt(bytes.length));
    this.#parts.push(...bytes);
    return this;
  }

  toBytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#parts);
  }

  #number(value: bigint, bytes: number): this {
    for (let n = 0; n < bytes; n += 1) this.#parts.push(Number((value >> BigInt(8 * n)) & 0xffn));
    return this;
  }
}
