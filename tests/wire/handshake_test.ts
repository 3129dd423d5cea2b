import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Bytes, concat, fromHex } from "../../lib/bytes/mod.ts";
import { LanchatError } from "../../lib/errors.ts";
import {
  decodeM0,
  decodeM1,
  decodeM2,
  decodeM3,
  encodeM0,
  encodeM1,
  encodeM1Head,
  encodeM2,
  encodeM3,
  M0_BYTES,
  M1_BYTES,
  M2_BYTES,
  M3_BYTES,
} from "../../lib/wire/mod.ts";
import { assertFails, flip } from "../support/assert.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const MESSAGES = [
  {
    name: "M0",
    known: fromHex(vectors.hop.M0),
    size: M0_BYTES,
    recode: (body: Bytes) => encodeM0(decodeM0(body)),
  },
  {
    name: "M1",
    known: fromHex(vectors.hop.M1),
    size: M1_BYTES,
    recode: (body: Bytes) => encodeM1(decodeM1(body)),
  },
  {
    name: "M2",
    known: fromHex(vectors.hop.M2),
    size: M2_BYTES,
    recode: (body: Bytes) => encodeM2(decodeM2(body)),
  },
  {
    name: "M3",
    known: fromHex(vectors.hop.M3),
    size: M3_BYTES,
    recode: (body: Bytes) => encodeM3(decodeM3(body)),
  },
];

test("M0 to M3 have their known sizes", () => {
  const { M0, M1, M2, M3 } = vectors.sizes;
  assertEquals([M0_BYTES, M1_BYTES, M2_BYTES, M3_BYTES], [M0, M1, M2, M3]);
});

for (const { name, known, size, recode } of MESSAGES) {
  test(`decode${name} and encode${name} keep every byte of the known message`, () => {
    assertEquals(known.length, size);
    assertEquals(recode(known), known);
  });

  test(`decode${name} refuses every other length`, async () => {
    for (let length = 0; length < size; length++) {
      await assertFails(() => recode(known.slice(0, length)), "protocol-error");
    }
    await assertFails(() => recode(concat(known, new Uint8Array(1))), "protocol-error", "surplus");
  });

  test(`decode${name} gives for any bytes a value that encodes to them, or a LanchatError`, () => {
    const changes = fc.array(fc.tuple(fc.nat(size - 1), fc.nat(255)), { maxLength: 3 });
    const input = fc.oneof(
      fc.uint8Array({ maxLength: size + 1 }),
      fc.uint8Array({ minLength: size, maxLength: size }),
      changes.map((list) => {
        const copy = known.slice();
        for (const [at, value] of list) copy[at] = value;
        return copy;
      }),
    );
    fc.assert(fc.property(input, (any) => {
      const body = concat(any);
      try {
        assertEquals(recode(body), body);
      } catch (error) {
        if (!(error instanceof LanchatError)) throw error;
      }
    }));
  });
}

test("decodeM0 tells another protocol, another version and another suite", async () => {
  const known = fromHex(vectors.hop.M0);
  for (let bit = 0; bit < 7 * 8; bit++) {
    await assertFails(() => decodeM0(flip(known, bit)), "not-lanchat");
  }
  for (let bit = 7 * 8; bit < 9 * 8; bit++) {
    await assertFails(() => decodeM0(flip(known, bit)), "wrong-version");
  }
});

test("decodeM0 says which side has the older version", async () => {
  const known = fromHex(vectors.hop.M0);
  const ours = "This lanchat is older: the other side speaks version 2 of the protocol, not 1";
  const theirs = "The other side's lanchat is older: it speaks version 0 of the protocol, not 1";
  await assertFails(() => decodeM0(known.with(7, 2)), "wrong-version", ours);
  await assertFails(() => decodeM0(known.with(7, 0)), "wrong-version", theirs);
});

test("decodeM0 knows two flags and refuses every other", async () => {
  const challenge = new Uint8Array(32);
  for (const invite of [false, true]) {
    for (const busy of [false, true]) {
      const body = encodeM0({ invite, busy, challenge });
      assertEquals(body[9], (invite ? 1 : 0) + (busy ? 2 : 0));
      assertEquals(decodeM0(body), { invite, busy, challenge });
    }
  }
  for (let flags = 4; flags < 256; flags++) {
    const body = encodeM0({ invite: false, busy: false, challenge });
    body[9] = flags;
    await assertFails(() => decodeM0(body), "protocol-error", "flags");
  }
});

test("decodeM1 tells another protocol, another version and another suite", async () => {
  const known = fromHex(vectors.hop.M1);
  await assertFails(() => decodeM1(flip(known, 0)), "not-lanchat");
  await assertFails(() => decodeM1(flip(known, 7 * 8)), "wrong-version");
  await assertFails(() => decodeM1(flip(known, 8 * 8)), "wrong-version");
});

test("encodeM1Head is M1 without its gate", () => {
  const known = fromHex(vectors.hop.M1);
  assertEquals(encodeM1Head(decodeM1(known)), known.slice(0, -32));
});
