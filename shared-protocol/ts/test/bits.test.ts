// Chapter 7 of the document: bits, bucket codes, low bits.

import assert from "node:assert/strict";
import test from "node:test";

import { BitReader, BitWriter } from "../src/bits.js";
import { BucketCode } from "../src/bucket-code.js";
import { nearest } from "../src/low-bits.js";
import { Malformed } from "../src/malformed.js";
import { hexOf } from "./hex.js";

test("the document's three fields are its two bytes", () => {
  const bits = new BitWriter();
  bits.write(1, 1);
  bits.write(13, 4);
  bits.write(300, 9);
  assert.equal(hexOf(bits.toBytes()), "9b 25");
  const reader = new BitReader(bits.toBytes());
  assert.deepEqual([reader.read(1), reader.read(4), reader.read(9)], [1, 13, 300]);
  reader.end();
});

test("whatever was written is read back, at any offset", () => {
  for (let offset = 0; offset < 8; offset += 1) {
    const bits = new BitWriter();
    bits.write(0, offset);
    bits.write(2 ** 32 - 1, 32);
    bits.writeU64(0x0123_4567_89ab_cdefn);
    bits.write(5, 31);
    const reader = new BitReader(bits.toBytes());
    reader.read(offset);
    assert.equal(reader.read(32), 2 ** 32 - 1);
    assert.equal(reader.readU64(), 0x0123_4567_89ab_cdefn);
    assert.equal(reader.read(31), 5);
    reader.end();
  }
});

test("reading beyond the end, a padding that is not zero and a byte too many are malformed", () => {
  assert.throws(() => new BitReader(new Uint8Array(1)).read(9), Malformed);
  const padded = new BitReader(Uint8Array.of(0b1000_0001));
  assert.equal(padded.read(1), 1);
  assert.throws(() => padded.end(), Malformed);
  const longer = new BitReader(new Uint8Array(2));
  longer.read(8);
  assert.throws(() => longer.end(), Malformed);
});

test("the document's bucket codes", () => {
  const code = new BucketCode([0, 2, 5, 12]);
  const bitsOf = (number: number): string => {
    const bits = new BitWriter();
    code.write(bits, number);
    const reader = new BitReader(bits.toBytes());
    return Array.from({ length: bits.bits }, () => reader.read(1)).join("");
  };
  assert.equal(bitsOf(0), "0");
  assert.equal(bitsOf(1), "1000");
  assert.equal(bitsOf(4), "1011");
  assert.equal(bitsOf(5), "11000000");
});

test("bucket codes give back what they were given, signed or not", () => {
  const code = new BucketCode([0, 2, 5, 32]);
  const numbers = [0, 1, 4, 5, 36, 37, 1_000, 2 ** 31, 2 ** 32 - 1];
  const signed = [0, -1, 1, 17, -900, 2 ** 31 - 1, -(2 ** 31)];
  const bits = new BitWriter();
  for (const number of numbers) code.write(bits, number);
  for (const number of signed) code.writeSigned(bits, number);
  const reader = new BitReader(bits.toBytes());
  assert.deepEqual(numbers.map(() => code.read(reader)), numbers);
  assert.deepEqual(signed.map(() => code.readSigned(reader)), signed);
});

test("the nearest number with the low bits is found on both sides of a wrap, never below zero", () => {
  assert.equal(nearest(3, 16, 65_530), 65_539);
  assert.equal(nearest(65_530, 16, 65_539), 65_530);
  assert.equal(nearest(7, 16, 7), 7);
  assert.equal(nearest(65_535, 16, 0), 65_535);
  assert.equal(nearest(1, 32, 2 ** 32 - 1), 2 ** 32 + 1);
});
