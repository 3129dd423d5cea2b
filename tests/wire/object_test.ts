import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Bytes, concat, fromHex, toHex, u32, u64, u8, utf8 } from "../../lib/bytes/mod.ts";
import { LanchatError } from "../../lib/errors.ts";
import {
  BATCH_ITEM_OVERHEAD_BYTES,
  BodyKind,
  decodeAnnounce,
  decodeBatch,
  decodeInner,
  decodeKick,
  decodeMsg,
  decodeNameField,
  decodeSkdm,
  decodeText,
  encodeAnnounceHead,
  encodeBatch,
  encodeInner,
  encodeKickHead,
  encodeMsgHeader,
  encodeNameField,
  encodeSkdmHeader,
  MAX_OBJECT_BYTES,
  MAX_TEXT_BYTES,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { seededRandom } from "../support/keys.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const { e2e } = vectors;
const random = seededRandom(4);

const OBJECTS = [
  {
    name: "Announce",
    known: fromHex(e2e.announce_bob),
    recode: (object: Bytes): Bytes => {
      const announce = decodeAnnounce(object);
      assertEquals(announce.head, encodeAnnounceHead(announce));
      assertEquals(announce.tagged, concat(announce.head, announce.sealedName));
      assertEquals(announce.signed, concat(announce.tagged, announce.memberTag));
      return concat(announce.signed, announce.signature);
    },
  },
  {
    name: "Skdm",
    known: fromHex(e2e.skdm.wire),
    recode: (object: Bytes): Bytes => {
      const skdm = decodeSkdm(object);
      assertEquals(skdm.header, encodeSkdmHeader(skdm));
      const { encapsulated, header, sealed, wrapped } = skdm;
      assertEquals(skdm.signed, concat(header, wrapped, encapsulated, sealed));
      return concat(skdm.signed, skdm.signature);
    },
  },
  {
    name: "Kick",
    known: concat(u8(0x24), random(64), u8(3), u64(7), random(64)),
    recode: (object: Bytes): Bytes => {
      const kick = decodeKick(object);
      assertEquals(kick.signed, encodeKickHead(kick));
      return concat(encodeKickHead(kick), kick.signature);
    },
  },
  {
    name: "Msg",
    known: fromHex(e2e.msgs[0]!.wire),
    recode: (object: Bytes): Bytes => {
      const msg = decodeMsg(object);
      assertEquals(msg.header, encodeMsgHeader(msg));
      assertEquals(msg.signed, concat(msg.header, msg.sealed));
      return concat(encodeMsgHeader(msg), msg.sealed, msg.signature);
    },
  },
];

function change(known: Bytes, at: number, ...values: number[]): Bytes {
  const copy = known.slice();
  copy.set(values, at);
  return copy;
}

for (const { name, known, recode } of OBJECTS) {
  test(`decode${name} keeps every byte of the known object`, () => {
    assertEquals(toHex(recode(known)), toHex(known));
  });

  test(`decode${name} refuses an object that is cut, has a byte too many, or is of another type`, async () => {
    for (let length = 0; length < known.length; length++) {
      await assertFails(() => recode(known.slice(0, length)), "protocol-error");
    }
    await assertFails(() => recode(concat(known, new Uint8Array(1))), "protocol-error");
    for (let type = 0; type < 256; type++) {
      if (type === known[0]) continue;
      await assertFails(() => recode(change(known, 0, type)), "protocol-error", "type");
    }
  });

  test(`decode${name} gives for any bytes a value that encodes to them, or a LanchatError`, () => {
    const changes = fc.array(fc.tuple(fc.nat(known.length - 1), fc.nat(255)), { maxLength: 3 });
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 2000 }),
      changes.map((list) => list.reduce((bytes, [at, value]) => change(bytes, at, value), known)),
    );
    fc.assert(fc.property(input, (any) => {
      const object = concat(any);
      try {
        assertEquals(recode(object), object);
      } catch (error) {
        if (!(error instanceof LanchatError)) throw error;
      }
    }));
  });
}

test("the known objects have their known sizes", () => {
  assertEquals(fromHex(e2e.announce_bob).length, vectors.sizes.announce);
  assertEquals(fromHex(e2e.skdm.wire).length, vectors.sizes.skdm);
  assertEquals(fromHex(e2e.msgs[0]!.wire).length, vectors.sizes.msg_hello);
});

test("decodeNameField tells whether the name is taken, and gives it without the mark", () => {
  for (const name of ["b", "bøb", "x".repeat(48), "é".repeat(24)]) {
    for (const nameTaken of [false, true]) {
      const field = encodeNameField({ name, nameTaken });
      assertEquals([field.length, decodeNameField(field)], [50, { name, nameTaken }]);
    }
  }
});

test("decodeNameField refuses an invalid name, and one of another length or padding", async () => {
  const names = [
    utf8(""),
    utf8("#"),
    utf8("a##"),
    utf8("a".repeat(49)),
    utf8("a:b"),
    utf8("\u001b[31m"),
    utf8("a\u202eb"),
    utf8("\ufeffa"),
    fromHex("ff"),
    fromHex("eda080"),
    fromHex("c080"),
  ];
  for (const name of names) {
    const field = concat(u8(name.length), name, new Uint8Array(49 - name.length));
    await assertFails(() => decodeNameField(field), "protocol-error");
  }
  const known = encodeNameField({ name: "bob", nameTaken: false });
  for (const field of [known.slice(1), concat(known, u8(0)), new Uint8Array()]) {
    await assertFails(() => decodeNameField(field), "protocol-error", "50 bytes");
  }
  for (let at = 4; at < 50; at++) {
    await assertFails(() => decodeNameField(change(known, at, 1)), "protocol-error", "not zero");
  }
  for (const length of [50, 255]) {
    await assertFails(() => decodeNameField(change(known, 0, length)), "protocol-error");
  }
});

test("decodeSkdm knows two audiences", async () => {
  const known = fromHex(e2e.skdm.wire);
  const at = 1 + 32 + 32 + 16 + 32 + 16 + 4;
  assertEquals(decodeSkdm(change(known, at, 1)).audience, 1);
  for (const audience of [2, 255]) {
    await assertFails(() => decodeSkdm(change(known, at, audience)), "protocol-error", "audience");
  }
});

test("decodeMsg takes the sizes that padding gives, and no other", async () => {
  const sizes = new Set([64, 128, 192, 256]);
  for (let size = 512; size <= 16_640; size += 256) sizes.add(size);
  const object = (inner: number): Bytes => change(new Uint8Array(193 + inner), 0, 0x22);
  for (const inner of [...sizes]) {
    assertEquals(decodeMsg(object(inner)).sealed.length, inner + 16);
    for (const other of [inner - 1, inner + 1]) {
      await assertFails(
        () => decodeMsg(object(other)),
        "protocol-error",
        "no message has that size",
      );
    }
  }
  for (const inner of [0, 320, 384, 16_640 + 256, MAX_OBJECT_BYTES]) {
    await assertFails(() => decodeMsg(object(inner)), "protocol-error", "no message has that size");
  }
  assertEquals(object(16_640).length, 16_833);
});

const roster = random(16);

function inner(size: number): Bytes {
  return encodeInner({ roster, before: 7, at: 5, kind: BodyKind.TEXT, body: random(size) });
}

test("encodeInner pads to 64 bytes up to 256, to 256 beyond", () => {
  const cases = [[0, 64], [27, 64], [28, 128], [91, 128], [155, 192], [219, 256], [220, 512]];
  for (const [size, padded] of cases) assertEquals(inner(size!).length, padded);
  assertEquals(inner(MAX_TEXT_BYTES).length, 16_640);
});

test("decodeInner undoes encodeInner for every length of body", () => {
  fc.assert(fc.property(
    fc.record({
      roster: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => concat(bytes)),
      before: fc.nat(2 ** 32 - 1),
      at: fc.nat(8_640_000_000_000_000),
      kind: fc.nat(255),
      body: fc.nat(MAX_TEXT_BYTES).map(random),
    }),
    (value) => assertEquals(decodeInner(encodeInner(value)), value),
  ));
});

test("decodeInner refuses every padding but the right one", async () => {
  for (const size of [0, 26, 27, 28, 219, 220]) {
    const known = inner(size);
    for (const length of [64, 128, 192, 256, 512, 768]) {
      if (length === known.length) continue;
      const other = concat(known, new Uint8Array(768)).slice(0, length);
      await assertFails(() => decodeInner(other), "protocol-error");
    }
    for (let at = 37 + size; at < known.length; at++) {
      await assertFails(() => decodeInner(change(known, at, 1)), "protocol-error", "not zero");
    }
  }
});

test("decodeInner refuses a body that is too long, or longer than the bytes left", async () => {
  const head = concat(roster, new Uint8Array(8), u64(0), u8(1));
  const over = MAX_TEXT_BYTES + 1;
  const tooLong = concat(head, u32(over), new Uint8Array(16_640 - 37));
  await assertFails(() => decodeInner(tooLong), "protocol-error", "over 16384");
  const cut = concat(head, u32(2 ** 32 - 1), new Uint8Array(27));
  await assertFails(() => decodeInner(cut), "protocol-error");
  for (let length = 0; length < 64; length++) {
    await assertFails(() => decodeInner(inner(0).slice(0, length)), "protocol-error");
  }
});

test("decodeInner takes the last time that a Date can hold, and no later one", async () => {
  const last = 8_640_000_000_000_000;
  const at = (time: number): Bytes =>
    encodeInner({ roster, before: 0, at: time, kind: BodyKind.TEXT, body: new Uint8Array() });
  assertEquals(decodeInner(at(last)).at, last);
  await assertFails(() => decodeInner(at(last + 1)), "protocol-error", "time");
});

test("decodeInner ignores four bytes, which are sent as zeros, and reads older inner parts", () => {
  const known = inner(5);
  assertEquals(known.slice(16, 24), new Uint8Array([0, 0, 0, 0, 0, 0, 0, 7]));
  assertEquals(decodeInner(change(known, 16, ...random(4))), decodeInner(known));
});

test("decodeInner gives for any bytes a value that encodes to them but for those four, or a LanchatError", () => {
  const changes = fc.array(fc.tuple(fc.nat(511), fc.nat(255)), { maxLength: 3 });
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(fc.constantFrom(0, 27, 100, 300), changes).map(([size, list]) =>
      list.reduce((bytes, [at, value]) => change(bytes, at % bytes.length, value), inner(size))
    ),
  );
  fc.assert(fc.property(input, (any) => {
    const bytes = concat(any);
    try {
      assertEquals(
        encodeInner(decodeInner(bytes)),
        concat(
          bytes.slice(0, 16),
          new Uint8Array(4),
          bytes.slice(20),
        ),
      );
    } catch (error) {
      if (!(error instanceof LanchatError)) throw error;
    }
  }));
});

test("decodeBatch undoes encodeBatch", () => {
  const items = [
    { kind: BodyKind.TEXT, text: utf8("one") },
    { kind: BodyKind.ACTION, text: utf8("") },
    { kind: BodyKind.TEXT, text: random(300) },
  ];
  const body = encodeBatch(items);
  assertEquals(body.length, 303 + 3 * BATCH_ITEM_OVERHEAD_BYTES);
  assertEquals(decodeBatch(body), items);
});

test("decodeBatch refuses fewer than 2 messages, more than 256, other kinds, and every cut", async () => {
  const item = (kind: number): Bytes => concat(u8(kind), u32(2), utf8("hi"));
  const items = (count: number): Bytes => concat(...Array.from({ length: count }, () => item(1)));
  assertEquals(decodeBatch(items(256)).length, 256);
  await assertFails(() => decodeBatch(items(257)), "protocol-error", "256");
  await assertFails(() => decodeBatch(new Uint8Array()), "protocol-error", "only one message");
  await assertFails(() => decodeBatch(item(1)), "protocol-error", "only one message");
  for (const kind of [0, 3, 4, 7, 10, 255]) {
    await assertFails(() => decodeBatch(concat(item(1), item(kind))), "protocol-error", "kind");
  }
  const whole = concat(item(1), item(2));
  for (let length = 0; length < whole.length; length++) {
    await assertFails(() => decodeBatch(whole.slice(0, length)), "protocol-error");
  }
  const huge = concat(item(1), u8(1), u32(2 ** 32 - 1), utf8("hi"));
  await assertFails(() => decodeBatch(huge), "protocol-error");
});

test("decodeBatch gives for any bytes a value that encodes to them, or a LanchatError", () => {
  const item = fc.tuple(fc.constantFrom(1, 2, 3), fc.nat(4), fc.uint8Array({ maxLength: 4 }))
    .map(([kind, length, text]) => concat(u8(kind), u32(length), text));
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.array(item).map((all) => concat(...all)),
  );
  fc.assert(fc.property(input, (any) => {
    const body = concat(any);
    try {
      assertEquals(encodeBatch(decodeBatch(body)), body);
    } catch (error) {
      if (!(error instanceof LanchatError)) throw error;
    }
  }));
});

test("decodeText keeps a byte order mark and refuses bytes that are not UTF-8", async () => {
  assertEquals(decodeText(utf8("\ufeffa😀\0")), "\ufeffa😀\0");
  for (const hex of ["ff", "c0af", "e282", "eda080", "f4908080", "61c3"]) {
    await assertFails(() => decodeText(fromHex(hex)), "protocol-error", "UTF-8");
  }
});
