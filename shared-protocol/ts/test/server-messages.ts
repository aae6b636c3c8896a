// Messages as a server writes them.

import { ByteWriter } from "../src/byte-values.js";

/** A message's body as a frame. */
export function frameOf(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(4 + body.length);
  new DataView(frame.buffer).setUint32(0, body.length, true);
  frame.set(body, 4);
  return frame;
}

/** A welcome to the Earth, with snapshots whose fields are the newest, or have other tables. */
export function welcomeBody({ tables = 2 } = {}): Uint8Array {
  const f64 = (value: number): bigint => new BigUint64Array(Float64Array.of(value).buffer)[0]!;
  const out = new ByteWriter().u32(0).u64(1n).u64(2n).u32(3).u64(4n).u32(20).string("earth").u64(7n);
  out.u64(f64(6_371_000)).u8(10).u64(f64(80)).u64(f64(96)).u32(1_100);
  out.u64(2n).string("avatar").string("wolf");
  const names = ["change", "cell", "kind", "position", "velocity", "heading", "rotation", "health", "action", "flags"];
  out.u64(BigInt(names.length));
  const newer = ["change", "position", "velocity"];
  const coded = [...newer, "heading", "rotation"];
  names.forEach((name, n) => {
    out.string(name).u8(n + 1).u8(newer.includes(name) ? 2 : 1).u8(coded.includes(name) ? tables : 0);
  });
  return out.toBytes();
}

/** So many returns to life, a tick apart, numbered from `first` on. */
export function eventsBody(first: number, tick: number, count: number): Uint8Array {
  const out = new ByteWriter().u32(2).u64(BigInt(first)).u64(BigInt(count));
  for (let n = 0; n < count; n += 1) out.u64(BigInt(tick + n)).u32(1);
  return out.toBytes();
}
