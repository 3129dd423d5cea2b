import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  ByteReader,
  type Bytes,
  compare,
  concat,
  equal,
  fromBase64Url,
  fromHex,
  isZero,
  toBase32,
  toBase64Url,
  toHex,
  u16,
  u32,
  u64,
  u8,
  utf8,
} from "../../lib/bytes/mod.ts";
import { assertFails } from "../support/assert.ts";
import { test } from "../support/test.ts";

const INTEGERS = [
  { name: "u8", encode: u8, read: (reader: ByteReader) => reader.u8(), size: 1, max: 0xff },
  { name: "u16", encode: u16, read: (reader: ByteReader) => reader.u16(), size: 2, max: 0xffff },
  {
    name: "u32",
    encode: u32,
    read: (reader: ByteReader) => reader.u32(),
    size: 4,
    max: 2 ** 32 - 1,
  },
  {
    name: "u64",
    encode: u64,
    read: (reader: ByteReader) => reader.u64(),
    size: 8,
    max: Number.MAX_SAFE_INTEGER,
  },
];

for (const { name, encode, read, size, max } of INTEGERS) {
  test(`${name} writes and reads ${size} big-endian bytes`, () => {
    assertEquals(encode(1), concat(new Uint8Array(size - 1), new Uint8Array([1])));
    for (const value of [0, 1, max - 1, max]) {
      assertEquals(encode(value).length, size);
      assertEquals(read(new ByteReader(encode(value))), value);
    }
  });

  test(`${name} refuses a value that does not fit, rather than cut it`, () => {
    for (const value of [-1, max + 1, 0.5, NaN, Infinity]) {
      assertThrows(() => encode(value), RangeError);
    }
  });

  test(`ByteReader.${name} refuses a cut integer`, async () => {
    for (let length = 0; length < size; length++) {
      await assertFails(() => read(new ByteReader(new Uint8Array(length))), "protocol-error");
    }
  });
}

test("ByteReader.u64 refuses a value that a number cannot hold", async () => {
  for (const hex of ["0020000000000000", "ffffffffffffffff"]) {
    await assertFails(() => new ByteReader(fromHex(hex)).u64(), "protocol-error", "2^53 - 1");
  }
});

test("ByteReader.take gives copies, also of a part of a buffer", () => {
  const whole = new Uint8Array([9, 1, 2, 3, 9]);
  const reader = new ByteReader(whole.subarray(1, 4));
  const taken = reader.take(2);
  whole.fill(0);
  assertEquals(taken, new Uint8Array([1, 2]));
  assertEquals(reader.remaining, 1);
});

test("ByteReader.take refuses more bytes than are left, and takes none then", async () => {
  const reader = new ByteReader(new Uint8Array([1, 2]));
  await assertFails(() => reader.take(3), "protocol-error", "3 bytes needed, 2 left");
  assertEquals(reader.rest(), new Uint8Array([1, 2]));
  assertEquals(reader.rest(), new Uint8Array());
});

test("ByteReader.end refuses surplus bytes", async () => {
  const reader = new ByteReader(new Uint8Array(2));
  reader.u8();
  await assertFails(() => reader.end(), "protocol-error", "1 surplus");
  reader.u8();
  reader.end();
});

test("hexadecimal digits and base64url survive a round trip", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
    assertEquals(fromHex(toHex(bytes)), new Uint8Array(bytes));
    assertEquals(fromBase64Url(toBase64Url(bytes)), new Uint8Array(bytes));
    assert(/^[A-Za-z0-9_-]*$/.test(toBase64Url(bytes)));
  }));
});

test("fromHex and fromBase64Url refuse other text", () => {
  for (const text of ["a", "zz", "0x00"]) assertThrows(() => fromHex(text), Error, "hex");
  for (const text of ["a", "+/+/", "a b c d "]) {
    assertThrows(() => fromBase64Url(text), Error, "base64");
  }
});

test("toBase32 gives the known answers of RFC 4648 §10, in lower case without padding", () => {
  const answers = ["", "my", "mzxq", "mzxw6", "mzxw6yq", "mzxw6ytb", "mzxw6ytboi"];
  answers.forEach((answer, length) => {
    assertEquals(toBase32(utf8("foobar".slice(0, length))), answer);
  });
});

test("concat joins all parts in order", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 9 })), (parts) => {
    assertEquals([...concat(...parts)], parts.flatMap((part) => [...part]));
  }));
});

test("equal sees each byte, and the length", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  assert(equal(bytes, bytes.slice()));
  assert(!equal(bytes, bytes.subarray(0, 2)) && !equal(bytes.subarray(0, 2), bytes));
  for (const i of bytes.keys()) assert(!equal(bytes, bytes.with(i, 9)));
});

test("compare orders as big-endian numbers and is consistent with equal", () => {
  const bytes = (...values: number[]): Bytes => new Uint8Array(values);
  assert(compare(bytes(1, 255), bytes(2, 0)) < 0);
  assert(compare(bytes(2, 0), bytes(1, 255)) > 0);
  assert(compare(bytes(1), bytes(1, 0)) < 0);
  const pair = fc.tuple(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }));
  fc.assert(fc.property(pair, ([a, b]) => {
    assertEquals(compare(a, b) === 0, equal(a, b));
    assertEquals(Math.sign(compare(a, b)), -Math.sign(compare(b, a)) + 0);
  }));
});

test("isZero sees every bit", () => {
  assert(isZero(new Uint8Array(32)));
  for (let bit = 0; bit < 256; bit++) {
    const bytes = new Uint8Array(32);
    bytes[bit >> 3] = 1 << (bit & 7);
    assert(!isZero(bytes));
  }
});
