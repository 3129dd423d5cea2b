import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Bytes, concat, fromHex, toHex, u16, u32, u64 } from "../../lib/bytes/mod.ts";
import { LanchatError } from "../../lib/errors.ts";
import {
  AcceptStatus,
  CHANGE_BYTES,
  CloseReason,
  decodeHostRecord,
  decodeMemberRecord,
  decodeSharedPosition,
  encodeHostRecord,
  encodeMemberRecord,
  ENVELOPE_OVERHEAD_BYTES,
  type HostRecord,
  MAX_BULK_RECEIVERS,
  MAX_CHANGES,
  MAX_HEAD_BYTES,
  MAX_OBJECT_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_ROSTER_ENTRIES,
  MemberChange,
  type MemberRecord,
  type PlainRecord,
  RecordType,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { seededRandom } from "../support/keys.ts";
import { test } from "../support/test.ts";

const random = seededRandom(3);
const session = random(16);
const key = random(32);
const instance = random(8);
const nonce = random(16);
const token = random(8);
const transcript = random(32);
const object = new Uint8Array([0xaa, 0xbb]);
const MAX = Number.MAX_SAFE_INTEGER;
const transfer = random(16);
const bulk = [random(9)];

interface Layout<Value> {
  readonly record: Value;
  readonly type: number;
  /** The payload in hexadecimal digits. */
  readonly payload: string;
  /** The bytes outside its seal. */
  readonly bulk?: readonly Bytes[];
}

/** The record of a layout, or with another payload. */
function plainOf({ bulk, payload, type }: Layout<unknown>, other = fromHex(payload)): PlainRecord {
  return { type, payload: other, ...bulk !== undefined && { bulk } };
}

/** Written out from the tables of PROTOCOL.md §5.3, not with the encoder. */
const COMMON: readonly Layout<HostRecord & MemberRecord>[] = [
  { record: { type: "close", reason: CloseReason.IDLE }, type: 0x03, payload: "08" },
  { record: { type: "ping", token }, type: 0x04, payload: toHex(token) },
  { record: { type: "pong", token }, type: 0x05, payload: toHex(token) },
];

const HOST: readonly Layout<HostRecord>[] = [
  {
    record: { type: "key", secret: key, counter: 258, transcript },
    type: 0x06,
    payload: `${toHex(key)}0000000000000102${toHex(transcript)}`,
  },
  ...COMMON,
  {
    record: {
      type: "accept",
      status: AcceptStatus.NOT_ALLOWED,
      resumed: true,
      instance,
      lastCmid: 258,
      maxMembers: 1024,
      time: 0x0102030405,
      keep: 3600,
    },
    type: 0x01,
    payload: `0401${toHex(instance)}0000000000000102040000000001020304050e10`,
  },
  {
    record: {
      type: "batch",
      envelopes: [
        { class: 0, direct: true, from: session, object },
        { class: 1, direct: false, from: session, object: object.slice(1) },
      ],
    },
    type: 0x10,
    payload: `000000140001${toHex(session)}aabb000000130100${toHex(session)}bb`,
  },
  {
    record: {
      type: "roster",
      entries: [
        { key, nonce: new Uint8Array(16), away: false },
        { key, nonce, away: true },
      ],
    },
    type: 0x11,
    payload: `0002${toHex(key)}${"00".repeat(16)}00${toHex(key)}${toHex(nonce)}01`,
  },
  { record: { type: "roster", entries: [] }, type: 0x11, payload: "0000" },
  {
    record: {
      type: "member",
      changes: [
        { change: MemberChange.AWAY, reason: CloseReason.LOST, key, nonce },
        { change: MemberChange.JOINED, reason: 0, key, nonce: new Uint8Array(16) },
      ],
    },
    type: 0x12,
    payload: `0309${toHex(key)}${toHex(nonce)}0100${toHex(key)}${"00".repeat(16)}`,
  },
  {
    record: { type: "resume", nextSeq: 3, queued: 258 },
    type: 0x13,
    payload: "000000000000000300000102",
  },
  {
    record: { type: "ack", accepted: MAX, delivered: 5, seq: 258, reached: 6 },
    type: 0x14,
    payload: "001fffffffffffff000000000000000500000000000001020000000000000006",
  },
  {
    record: { type: "behind", sessions: [session, new Uint8Array(16)] },
    type: 0x15,
    payload: `0002${toHex(session)}${"00".repeat(16)}`,
  },
  { record: { type: "behind", sessions: [] }, type: 0x15, payload: "0000" },
  {
    record: { type: "bulk", from: session, transfer, offset: 258, bytes: bulk },
    type: 0x16,
    payload: `${toHex(session)}${toHex(transfer)}0000000000000102`,
    bulk,
  },
  {
    record: {
      type: "credit",
      taken: 258,
      flows: [{ flow: 0xfffffffe, passed: 5 }, { flow: 1, passed: MAX }],
    },
    type: 0x17,
    payload: "000000000000010202fffffffe000000000000000500000001001fffffffffffff",
  },
  { record: { type: "credit", taken: 7, flows: [] }, type: 0x17, payload: "000000000000000700" },
];

const MEMBER: readonly Layout<MemberRecord>[] = [
  ...COMMON,
  {
    record: {
      type: "batch",
      envelopes: [
        { class: 0, to: session, cmid: 1, object },
        { class: 1, to: undefined, cmid: 2, object },
      ],
    },
    type: 0x10,
    payload: `0000001c0001${toHex(session)}0000000000000001aabb` +
      `0000001c0100${"00".repeat(16)}0000000000000002aabb`,
  },
  {
    record: { type: "resume", instance, lastSeq: 9, transcript },
    type: 0x13,
    payload: `${toHex(instance)}0000000000000009${toHex(transcript)}`,
  },
  {
    record: { type: "ack", seq: 258, transcript },
    type: 0x14,
    payload: `0000000000000102${toHex(transcript)}`,
  },
  { record: { type: "behind" }, type: 0x15, payload: "" },
  {
    record: {
      type: "bulk",
      flow: 0xfffffffe,
      transfer,
      offset: 258,
      to: [session, new Uint8Array(16)],
      bytes: bulk,
    },
    type: 0x16,
    payload: `fffffffe${toHex(transfer)}000000000000010202${toHex(session)}${"00".repeat(16)}`,
    bulk,
  },
  { record: { type: "credit", taken: 258 }, type: 0x17, payload: "0000000000000102" },
];

/** Where the records of a side have counts. */
const COUNTS: Readonly<Record<string, readonly number[]>> = {
  [`Host ${RecordType.ACCEPT}`]: [10],
  [`Host ${RecordType.KEY}`]: [32],
  [`Host ${RecordType.RESUME}`]: [0],
  [`Host ${RecordType.ACK}`]: [0, 8, 16],
  [`Host ${RecordType.BULK}`]: [32],
  [`Host ${RecordType.CREDIT}`]: [0],
  [`Member ${RecordType.RESUME}`]: [8],
  [`Member ${RecordType.ACK}`]: [0],
  [`Member ${RecordType.BULK}`]: [20],
  [`Member ${RecordType.CREDIT}`]: [0],
};

const SIDES = [
  {
    side: "Host",
    layouts: HOST,
    envelopeBytes: ENVELOPE_OVERHEAD_BYTES - 8,
    recode: (plain: PlainRecord) => encodeHostRecord(decodeHostRecord(plain)),
  },
  {
    side: "Member",
    layouts: MEMBER,
    envelopeBytes: ENVELOPE_OVERHEAD_BYTES,
    recode: (plain: PlainRecord) => encodeMemberRecord(decodeMemberRecord(plain)),
  },
];

test("encodeHostRecord and decodeHostRecord keep to the table", () => {
  for (const layout of HOST) {
    assertEquals(encodeHostRecord(layout.record), plainOf(layout));
    assertEquals(decodeHostRecord(plainOf(layout)), layout.record);
  }
});

test("encodeMemberRecord and decodeMemberRecord keep to the table", () => {
  for (const layout of MEMBER) {
    assertEquals(encodeMemberRecord(layout.record), plainOf(layout));
    assertEquals(decodeMemberRecord(plainOf(layout)), layout.record);
  }
});

for (const { envelopeBytes, layouts, recode, side } of SIDES) {
  test(`decode${side}Record refuses every record that is cut, or has a byte too many`, async () => {
    for (const layout of layouts) {
      const { type } = layout;
      const whole = fromHex(layout.payload);
      // Whole envelopes are whole records, and so are whole changes.
      const whereWhole = type === RecordType.BATCH
        ? 4 + new DataView(whole.buffer).getUint32(0)
        : type === RecordType.MEMBER
        ? CHANGE_BYTES
        : -1;
      for (let length = 0; length < whole.length; length++) {
        if (length === whereWhole) continue;
        await assertFails(
          () => recode(plainOf(layout, whole.slice(0, length))),
          "protocol-error",
        );
      }
      const surplus = plainOf(layout, concat(whole, new Uint8Array(1)));
      await assertFails(() => recode(surplus), "protocol-error");
    }
  });

  test(`decode${side}Record refuses every type but its own`, async () => {
    const own = new Set(layouts.map(({ type }) => type));
    for (let type = 0; type < 256; type++) {
      if (own.has(type)) continue;
      for (const length of [0, 8, 16, 50]) {
        await assertFails(
          () => recode({ type, payload: new Uint8Array(length) }),
          "protocol-error",
        );
      }
    }
  });

  test(`decode${side}Record gives for any bytes a value that encodes to them, or a LanchatError`, () => {
    const known = fc.constantFrom(...layouts);
    const payloads = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc.tuple(known, fc.nat(), fc.nat(255)).map(([{ payload }, at, value]) => {
        const copy = fromHex(payload);
        copy[at % copy.length] = value;
        return copy;
      }),
    );
    const records = fc.oneof(
      fc.tuple(known.map(({ type }) => type), payloads, fc.boolean()),
      fc.tuple(fc.nat(255), payloads, fc.boolean()),
    );
    fc.assert(
      fc.property(records, ([type, any, isBulk]) => {
        const plain = { type, payload: concat(any), ...isBulk && { bulk } };
        try {
          assertEquals(recode(plain), plain);
        } catch (error) {
          if (!(error instanceof LanchatError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });

  test(`decode${side}Record takes BULK only with bytes after its head, and no other type with them`, async () => {
    for (const layout of layouts) {
      const { type, payload } = plainOf(layout);
      const other = type === RecordType.BULK ? { type, payload } : { type, payload, bulk };
      await assertFails(() => recode(other), "protocol-error", "only together");
    }
  });

  test(`decode${side}Record takes the longest batch, and no object over the limit`, async () => {
    const head = envelopeBytes - 4;
    const envelope = (size: number): Bytes =>
      concat(u32(head + size), new Uint8Array(head), new Uint8Array(size).fill(7));
    const batch = (...sizes: number[]): PlainRecord => ({
      type: RecordType.BATCH,
      payload: concat(...sizes.map(envelope)),
    });
    const longest = MAX_PAYLOAD_BYTES - envelopeBytes * 2 - MAX_OBJECT_BYTES;
    const whole = batch(MAX_OBJECT_BYTES, longest);
    assertEquals(whole.payload.length, MAX_PAYLOAD_BYTES);
    assertEquals(recode(whole), whole);
    assertEquals(recode(batch(1)), batch(1));
    await assertFails(() => recode(batch(MAX_OBJECT_BYTES + 1)), "protocol-error", "33000");
    await assertFails(() => recode(batch(0)), "protocol-error", "1 to 33000");
    await assertFails(() => recode(batch(1, 0)), "protocol-error", "1 to 33000");
    await assertFails(() => recode(batch()), "protocol-error");
    const huge = { type: RecordType.BATCH, payload: concat(u32(2 ** 32 - 1), envelope(9)) };
    await assertFails(() => recode(huge), "protocol-error");
  });

  test(`decode${side}Record refuses a class or a destination that it does not know`, async () => {
    for (const at of [4, 5]) {
      for (const value of [2, 255]) {
        const payload = concat(u32(envelopeBytes - 3), new Uint8Array(envelopeBytes - 3));
        payload[at] = value;
        await assertFails(() => recode({ type: RecordType.BATCH, payload }), "protocol-error");
      }
    }
  });

  test(`decode${side}Record refuses a reason that it does not know`, async () => {
    for (const reason of [9, 255]) {
      const payload = new Uint8Array([reason]);
      await assertFails(() => recode({ type: RecordType.CLOSE, payload }), "protocol-error");
    }
  });

  test(`decode${side}Record refuses counts over 2^53 - 1`, async () => {
    for (const layout of layouts) {
      for (const at of COUNTS[`${side} ${layout.type}`] ?? []) {
        const over = fromHex(layout.payload);
        over.set(fromHex("0020000000000000"), at);
        await assertFails(() => recode(plainOf(layout, over)), "protocol-error", "2^53 - 1");
      }
    }
  });
}

test("decodeMemberRecord refuses an envelope for the room that names a session", async () => {
  const payload = concat(u32(27), new Uint8Array([1, 0]), session, u64(1), new Uint8Array(1));
  const plain = { type: RecordType.BATCH, payload };
  await assertFails(() => decodeMemberRecord(plain), "protocol-error", "names a session");
});

test("decodeMemberRecord takes BULK for 1 to 60 sessions", async () => {
  const forSessions = (count: number): PlainRecord => {
    const to = Array.from({ length: count }, () => random(16));
    return encodeMemberRecord({ type: "bulk", flow: 1, transfer, offset: 0, to, bytes: bulk });
  };
  const longest = forSessions(MAX_BULK_RECEIVERS);
  assertEquals(encodeMemberRecord(decodeMemberRecord(longest)), longest);
  assert(1 + longest.payload.length + 16 <= MAX_HEAD_BYTES);
  for (const count of [0, MAX_BULK_RECEIVERS + 1]) {
    await assertFails(() => decodeMemberRecord(forSessions(count)), "protocol-error", "1 to 60");
  }
});

test("decodeHostRecord takes the longest roster, and none that is longer or repeats a session", async () => {
  const roster = (count: number, sessionOf: (i: number) => number): PlainRecord => ({
    type: RecordType.ROSTER,
    payload: concat(
      u16(count),
      ...Array.from(
        { length: count },
        (_, i) => concat(new Uint8Array(44), u32(sessionOf(i)), new Uint8Array(1)),
      ),
    ),
  });
  const longest = roster(MAX_ROSTER_ENTRIES, (i) => i);
  assertEquals(encodeHostRecord(decodeHostRecord(longest)), longest);
  const over = roster(MAX_ROSTER_ENTRIES + 1, (i) => i);
  await assertFails(() => decodeHostRecord(over), "protocol-error", "1337");
  const twice = roster(3, (i) => i % 2);
  await assertFails(() => decodeHostRecord(twice), "protocol-error", "twice");
});

test("decodeHostRecord takes the longest list of changes, and no empty one", async () => {
  assertEquals(CHANGE_BYTES, 50);
  assertEquals(MAX_CHANGES, 1310);
  const change = concat(new Uint8Array([MemberChange.JOINED, 0]), key, nonce);
  const list = (count: number): PlainRecord => ({
    type: RecordType.MEMBER,
    payload: concat(...Array(count).fill(change)),
  });
  const longest = list(MAX_CHANGES);
  assert(longest.payload.length <= MAX_PAYLOAD_BYTES);
  const decoded = decodeHostRecord(longest);
  assert(decoded.type === "member");
  assertEquals(decoded.changes.length, MAX_CHANGES);
  assertEquals(encodeHostRecord(decoded), longest);
  await assertFails(() => decodeHostRecord(list(0)), "protocol-error");
});

/** What a shared frame may hold, with the transcript after it. */
const SHARED: readonly HostRecord[] = [
  {
    type: "batch",
    envelopes: [0, 1].map((kind) => ({ class: kind, direct: false, from: session, object })),
    transcript,
  },
  {
    type: "member",
    changes: [{ change: MemberChange.LEFT, reason: CloseReason.LOST, key, nonce }],
    transcript,
  },
];

test("decodeHostRecord takes envelopes for the room and changes from a shared frame", () => {
  for (const record of SHARED) {
    const plain = encodeHostRecord(record);
    assertEquals(decodeHostRecord({ ...plain, transcript }), record);
    const { transcript: _, ...own } = record as HostRecord & { transcript: Bytes };
    assertEquals(decodeHostRecord(plain), own, "the transcript is not part of the payload");
  }
});

test("decodeHostRecord refuses everything else in a shared frame", async () => {
  for (const layout of HOST) {
    if (layout.record.type === "member") continue;
    const plain = { ...plainOf(layout), transcript };
    await assertFails(() => decodeHostRecord(plain), "protocol-error", "not for all members");
  }
  // One direct envelope among others.
  const envelopes = [false, true, false].map((direct) => (
    { class: 1, direct, from: session, object }
  ));
  const mixed = { ...encodeHostRecord({ type: "batch", envelopes }), transcript };
  await assertFails(() => decodeHostRecord(mixed), "protocol-error", "not for all members");
});

test("decodeSharedPosition decodes the payload of KEY, and no other length", async () => {
  const position = { secret: key, counter: 258, transcript };
  const { payload } = encodeHostRecord({ type: "key", ...position });
  assertEquals({ ...decodeSharedPosition(payload), type: "key" }, { ...position, type: "key" });
  await assertFails(() => decodeSharedPosition(payload.slice(1)), "protocol-error");
  await assertFails(() => decodeSharedPosition(concat(payload, payload)), "protocol-error");
});

test("decodeHostRecord takes as many members behind as a roster has, and no more", async () => {
  const behind = (count: number): PlainRecord => ({
    type: RecordType.BEHIND,
    payload: concat(u16(count), new Uint8Array(16 * count)),
  });
  const longest = behind(MAX_ROSTER_ENTRIES);
  assertEquals(encodeHostRecord(decodeHostRecord(longest)), longest);
  const over = behind(MAX_ROSTER_ENTRIES + 1);
  await assertFails(() => decodeHostRecord(over), "protocol-error", "1337");
});

test("decodeHostRecord refuses to take a seat for kept over an hour", async () => {
  const payload = fromHex(HOST.find(({ type }) => type === RecordType.ACCEPT)!.payload);
  payload.set(u16(3601), 28);
  const plain = { type: RecordType.ACCEPT, payload };
  await assertFails(() => decodeHostRecord(plain), "protocol-error", "not 3601");
});

test("decodeHostRecord refuses statuses, changes and marks that it does not know", async () => {
  const accept = fromHex(HOST.find(({ type }) => type === 0x01)!.payload);
  const member = fromHex(HOST.find(({ type }) => type === 0x12)!.payload);
  const cases = [
    { type: RecordType.ACCEPT, known: accept, at: 0, bad: [5, 255] },
    { type: RecordType.ACCEPT, known: accept, at: 1, bad: [2, 255] },
    { type: RecordType.MEMBER, known: member, at: 0, bad: [0, 5, 255] },
    { type: RecordType.MEMBER, known: member, at: 1, bad: [10, 255] },
    { type: RecordType.MEMBER, known: member, at: CHANGE_BYTES, bad: [0, 5, 255] },
    { type: RecordType.MEMBER, known: member, at: CHANGE_BYTES + 1, bad: [10, 255] },
  ];
  for (const { type, known, at, bad } of cases) {
    for (const value of bad) {
      const payload = known.slice();
      payload[at] = value;
      await assertFails(
        () => decodeHostRecord({ type, payload }),
        "protocol-error",
        `not ${value}`,
      );
    }
  }
  const away = concat(u16(1), new Uint8Array(48), new Uint8Array([2]));
  await assertFails(
    () => decodeHostRecord({ type: RecordType.ROSTER, payload: away }),
    "protocol-error",
  );
});
