// Bit strings (docs/PROTOCOL.md, chapter 7): low bit first, in bytes from the least significant bit.

import { demand } from "./malformed.js";

/** Reads a datagram's bits. Numbers of up to 32 bits are `number`s, those of 64 are `bigint`s. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** How many bits have been read. */
  get position(): number {
    return this.#at;
  }

  /** An unsigned number of `width` bits, at most 32. */
  read(width: number): number {
    demand(this.#at + width <= this.#bytes.length * 8, "it ends too early");
    let value = 0;
    for (let got = 0; got < width; ) {
      const offset = this.#at & 7;
      const take = Math.min(8 - offset, width - got);
      const byte = this.#bytes[this.#at >> 3] ?? 0;
      // A product, not a shift: bit 31 is no sign here.
      value += ((byte >> offset) & ((1 << take) - 1)) * 2 ** got;
      got += take;
      this.#at += take;
    }
    return value;
  }

  /** One bit. */
  readBool(): boolean {
    return this.read(1) === 1;
  }

  /** 64 bits. */
  readU64(): bigint {
    const low = this.read(32);
    return BigInt(low) | (BigInt(this.read(32)) << 32n);
  }

  /** A finite number of 64 bits (IEEE 754). */
  readF64(what: string): number {
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setBigUint64(0, this.readU64());
    const value = bytes.getFloat64(0);
    demand(Number.isFinite(value), what);
    return value;
  }

  /** Throws unless what is left is the padding of the last byte, all zeros. */
  end(): void {
    const left = this.#bytes.length * 8 - this.#at;
    demand(left < 8 && this.read(left) === 0, "something follows its end");
  }
}

/** Writes bits, growing as needed. */
export class BitWriter {
  #bytes = new Uint8Array(64);
  #bits = 0;

  /** How many bits have been written. */
  get bits(): number {
    return this.#bits;
  }

  /** The low `width` bits, at most 32, of a number that has no more. */
  write(value: number, width: number): void {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** width) {
      throw new RangeError(`${value} does not fit into ${width} bits`);
    }
    this.#reserve(width);
    for (let put = 0; put < width; ) {
      const offset = this.#bits & 7;
      const take = Math.min(8 - offset, width - put);
      const part = Math.floor(value / 2 ** put) % 2 ** take;
      const at = this.#bits >> 3;
      this.#bytes[at] = (this.#bytes[at] ?? 0) | (part << offset);
      put += take;
      this.#bits += take;
    }
  }

  /** One bit. */
  writeBool(value: boolean): void {
    this.write(value ? 1 : 0, 1);
  }

  /** 64 bits. */
  writeU64(value: bigint): void {
    this.write(Number(value & 0xffff_ffffn), 32);
    this.write(Number((value >> 32n) & 0xffff_ffffn), 32);
  }

  /** Everything so far, padded with zeros to whole bytes. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, (this.#bits + 7) >> 3);
  }

  #reserve(width: number): void {
    if (this.#bits + width <= this.#bytes.length * 8) return;
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
