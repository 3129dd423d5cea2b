import { assertEquals, assertNotEquals } from "@std/assert";
import { type Bytes, fromHex, toHex } from "../../lib/bytes/mod.ts";
import { MAX_RECORDS_PER_KEY, RecordCipher } from "../../lib/channel/mod.ts";
import {
  bulkHeader,
  FrameKind,
  MAX_PAYLOAD_BYTES,
  MAX_RECORD_BYTES,
  NO_TRANSCRIPT,
  RecordType,
} from "../../lib/wire/mod.ts";
import { assertFails, flip } from "../support/assert.ts";
import { seededRandom } from "../support/keys.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const { hop } = vectors;
const random = seededRandom(9);
const secret = random(32);
const record = { type: RecordType.BATCH, payload: random(20) };

async function pair(counter = 0): Promise<{ sealer: RecordCipher; opener: RecordCipher }> {
  return {
    sealer: await RecordCipher.from(secret.slice(), counter),
    opener: await RecordCipher.from(secret.slice(), counter),
  };
}

function body(frame: Bytes): Bytes {
  return frame.slice(4);
}

async function assertRefused(opener: RecordCipher, sealed: Bytes): Promise<void> {
  await assertFails(opener.open(sealed), "protocol-error", "altered, repeated or reordered");
}

test("RecordCipher gives the known records 0 and 1, and 0 after a rekey", async () => {
  const toMember = await RecordCipher.from(fromHex(hop.s2c));
  const accept = { type: RecordType.ACCEPT, payload: new Uint8Array(1) };
  assertEquals(toHex(await toMember.seal(accept)), hop.rec_s2c_0);

  const toHost = await RecordCipher.from(fromHex(hop.c2s));
  const ping = { type: RecordType.PING, payload: fromHex("0102030405060708") };
  await toHost.seal(ping);
  assertEquals(toHex(await toHost.seal(ping)), hop.rec_c2s_1);
  await toHost.rekey();
  const next = { type: RecordType.PING, payload: fromHex("0102030405060708") };
  assertEquals(toHex(await toHost.seal(next)), hop.rec_c2s_after_rekey_0);

  const opener = await RecordCipher.from(fromHex(hop.s2c));
  assertEquals(await opener.open(body(fromHex(hop.rec_s2c_0))), accept);
});

test("RecordCipher.open undoes seal, record after record and key after key", async () => {
  const { sealer, opener } = await pair();
  const payloads = [new Uint8Array(), random(1), random(300), new Uint8Array(MAX_PAYLOAD_BYTES)];
  for (let key = 0; key < 3; key++) {
    for (const [count, payload] of payloads.entries()) {
      const sealed = await sealer.seal({ type: 0x14, payload });
      assertEquals(await opener.open(body(sealed)), { type: 0x14, payload });
      assertEquals([sealer.counter, opener.counter], [count + 1, count + 1]);
    }
    await Promise.all([sealer.rekey(), opener.rekey()]);
    assertEquals([sealer.counter, opener.counter], [0, 0]);
  }
  const longest = await sealer.seal({ type: 0x14, payload: new Uint8Array(MAX_PAYLOAD_BYTES) });
  assertEquals(body(longest).length, MAX_RECORD_BYTES);
});

test("RecordCipher.seal never gives the same bytes twice", async () => {
  const { sealer } = await pair();
  const sealed = new Set<string>();
  for (let key = 0; key < 3; key++) {
    for (let i = 0; i < 20; i++) sealed.add(toHex(await sealer.seal(record)));
    await sealer.rekey();
  }
  assertEquals(sealed.size, 60);
});

test("RecordCipher.open refuses each flipped bit and every other length", async () => {
  const sealed = body(await (await pair()).sealer.seal(record));
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    await assertRefused((await pair()).opener, flip(sealed, bit));
  }
  for (let length = 0; length < sealed.length; length++) {
    await assertRefused((await pair()).opener, sealed.slice(0, length));
  }
  await assertRefused((await pair()).opener, new Uint8Array(sealed.length));
});

test("RecordCipher.open refuses another direction's and another connection's records", async () => {
  const { sealer, opener } = await pair();
  const other = await RecordCipher.from(random(32));
  await assertRefused(other, body(await sealer.seal(record)));
  await assertRefused(opener, body(await other.seal(record)));
});

test("RecordCipher.open refuses a repeated, missing or swapped record", async () => {
  const { sealer } = await pair();
  const [first, second] = [body(await sealer.seal(record)), body(await sealer.seal(record))];
  const repeated = (await pair()).opener;
  await repeated.open(first);
  await assertRefused(repeated, first);
  await assertRefused((await pair()).opener, second);
});

test("RecordCipher.open refuses an old key's record after a rekey, and a new key's before", async () => {
  const { sealer, opener } = await pair();
  const old = [body(await sealer.seal(record)), body(await sealer.seal(record))];
  await sealer.rekey();
  const fresh = body(await sealer.seal(record));
  await assertRefused((await pair()).opener, fresh);
  await opener.rekey();
  await assertRefused(opener, old[0]!);
  const later = (await pair()).opener;
  await later.open(old[0]!);
  await later.rekey();
  await assertRefused(later, old[1]!);
});

test("RecordCipher.open gives up after 2^24 records under one key", async () => {
  assertEquals(MAX_RECORDS_PER_KEY, 2 ** 24);
  const { sealer, opener } = await pair(MAX_RECORDS_PER_KEY - 1);
  assertEquals(await opener.open(body(await sealer.seal(record))), record);
  assertEquals(opener.counter, MAX_RECORDS_PER_KEY);
  await assertFails(opener.open(body(await sealer.seal(record))), "protocol-error", "used up");
  await opener.rekey();
  await sealer.rekey();
  assertEquals(await opener.open(body(await sealer.seal(record))), record);
});

test("RecordCipher.rekey wipes the secret that it was given", async () => {
  const given = random(32);
  const cipher = await RecordCipher.from(given);
  assertNotEquals(given, new Uint8Array(32));
  await cipher.rekey();
  assertEquals(given, new Uint8Array(32));
});

test("RecordCipher.open refuses a record after another transcript, or of another kind", async () => {
  const transcript = random(32);
  for (const kind of [FrameKind.OWN, FrameKind.SHARED]) {
    const sealed = await (await pair()).sealer.seal(record, transcript, kind);
    assertEquals(sealed[0], kind);
    assertEquals(await (await pair()).opener.open(body(sealed), transcript, kind), record);
    const wrong: [Bytes, number][] = [
      [transcript, 1 - kind],
      [flip(transcript, 255), kind],
      [NO_TRANSCRIPT, kind],
    ];
    for (const [other, otherKind] of wrong) {
      const { opener } = await pair();
      await assertFails(opener.open(body(sealed), other, otherKind), "protocol-error", "altered");
    }
  }
});

test("RecordCipher seals the head of a bulk frame with its length, and not the bytes after it", async () => {
  const bulk = [random(30), random(5)];
  const { opener, sealer } = await pair();
  const frame = await sealer.seal({ ...record, bulk });
  const head = frame.slice(6);
  assertEquals(frame.slice(0, 6), bulkHeader(head.length, 35));
  const { BULK } = FrameKind;
  const opened = await opener.open(head, NO_TRANSCRIPT, BULK, bulk);
  assertEquals(opened, { ...record, bulk });
  for (const [other, kind] of [[[random(34)], BULK], [undefined, FrameKind.OWN]] as const) {
    const { opener } = await pair();
    await assertFails(opener.open(head, NO_TRANSCRIPT, kind, other), "protocol-error", "altered");
  }
});

test("RecordCipher.forget wipes the secret that it was given", async () => {
  const given = random(32);
  (await RecordCipher.from(given)).forget();
  assertEquals(given, new Uint8Array(32));
});

test("RecordCipher.secret is a copy of the secret of the key in use", async () => {
  const { opener, sealer } = await pair();
  const { secret: first } = sealer;
  assertEquals(first, secret);
  await sealer.rekey();
  assertEquals(first, secret, "it is not wiped");
  const fresh = body(await sealer.seal(record));
  assertNotEquals(sealer.secret, secret);
  assertEquals(await (await RecordCipher.from(sealer.secret)).open(fresh), record);
  opener.secret.fill(0);
  await opener.rekey();
  assertEquals(await opener.open(fresh), record);
});
