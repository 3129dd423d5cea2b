import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { randomBytes, unwrap, WrapKey, type WrapKeyPair } from "../../lib/crypto/mod.ts";
import { HostKey, HostKeyRing } from "../../lib/handshake/mod.ts";
import { FakeClock } from "../support/clock.ts";
import { hostHopKey, memberHopKey } from "../support/keys.ts";
import { test } from "../support/test.ts";

const LABEL = "lanchat/1 hop kI";
const MAX_OPERATIONS = 64;
const MAX_AGE_MS = 600_000;

/** A key pair that is distinct from others, and does no real operation. */
function fakePair(number: number): WrapKeyPair {
  return {
    modulus: new Uint8Array(256).fill(number),
    privateKey: undefined as unknown as CryptoKey,
  };
}

/** Makes numbered pairs, each when the test says so. */
function factory(): {
  generate: () => Promise<WrapKeyPair>;
  made: PromiseWithResolvers<WrapKeyPair>[];
} {
  const made: PromiseWithResolvers<WrapKeyPair>[] = [];
  return {
    made,
    generate: () => {
      const pair = Promise.withResolvers<WrapKeyPair>();
      made.push(pair);
      return pair.promise;
    },
  };
}

function counting(): { generate: () => Promise<WrapKeyPair>; count: () => number } {
  let count = 0;
  return { generate: () => Promise.resolve(fakePair(++count)), count: () => count };
}

async function use(key: HostKey, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await key.unwrap(new Uint8Array(256));
}

test("HostKey.unwrap gives k_I, and counts", async () => {
  const pair = await hostHopKey();
  const key = new HostKey(pair, 5);
  assertEquals([key.modulus, key.since, key.operations], [pair.modulus, 5, 0]);
  const secret = randomBytes(32);
  const wrapped = await (await WrapKey.import(pair.modulus)).wrap(LABEL, secret);
  assertEquals(await key.unwrap(wrapped), secret);
  assertEquals(key.operations, 1);
});

test("HostKey.unwrap gives for a bad ciphertext 32 bytes that only this key knows", async () => {
  const pair = await hostHopKey();
  const wrap = await WrapKey.import(pair.modulus);
  const other = await WrapKey.import((await memberHopKey()).modulus);
  const bad = [
    new Uint8Array(256),
    randomBytes(256),
    await wrap.wrap("lanchat/1 hop kR", randomBytes(32)),
    await other.wrap(LABEL, randomBytes(32)),
    await wrap.wrap(LABEL, randomBytes(31)),
    await wrap.wrap(LABEL, randomBytes(33)),
  ];
  const [first, second] = [new HostKey(pair, 0), new HostKey(pair, 0)];
  for (const wrapped of bad) {
    const secret = await first.unwrap(wrapped);
    assertEquals(secret.length, 32);
    assertEquals(await first.unwrap(wrapped), secret);
    assertNotEquals(await second.unwrap(wrapped), secret);
    assertNotEquals(await unwrap(pair, LABEL, wrapped), secret);
  }
  assertEquals(first.operations, 2 * bad.length);
});

test("HostKeyRing makes a key at its start, the next one after it, and gives the first", async () => {
  const { generate, made } = factory();
  const ring = new HostKeyRing({ generate, clock: new FakeClock() });
  assertEquals(made.length, 1);
  made[0]!.resolve(fakePair(1));
  const key = await ring.current();
  assertEquals([key.modulus[0], made.length], [1, 2]);
  made[1]!.resolve(fakePair(2));
  assertEquals(await ring.current(), key);
  assertEquals(made.length, 2);
});

test("HostKeyRing replaces a key after 64 operations, not before", async () => {
  const { generate, count } = counting();
  const ring = new HostKeyRing({ generate, clock: new FakeClock() });
  const key = await ring.current();
  await use(key, MAX_OPERATIONS - 1);
  assertEquals(await ring.current(), key);
  await use(key, 1);
  const next = await ring.current();
  assertEquals([next.modulus[0], next.operations, count()], [2, 0, 3]);
});

test("HostKeyRing replaces a key 10 minutes after it was taken into use, not before", async () => {
  const { generate, count } = counting();
  const clock = new FakeClock();
  const ring = new HostKeyRing({ generate, clock });
  const key = await ring.current();
  clock.advance(MAX_AGE_MS - 1);
  assertEquals(await ring.current(), key);
  clock.advance(1);
  const next = await ring.current();
  assertEquals([next.modulus[0], next.since, count()], [2, clock.elapsed(), 3]);
  clock.advance(MAX_AGE_MS - 1);
  assertEquals(await ring.current(), next);
});

test("HostKeyRing replaces a key once for all callers at the same time", async () => {
  const { generate, count } = counting();
  const ring = new HostKeyRing({ generate, clock: new FakeClock() });
  await use(await ring.current(), MAX_OPERATIONS);
  const keys = await Promise.all(Array.from({ length: 10 }, () => ring.current()));
  assertEquals(new Set(keys).size, 1);
  assertEquals([keys[0]!.modulus[0], count()], [2, 3]);
});

test("HostKeyRing has a caller wait if no key is ready, and never gives a worn one", async () => {
  const { generate, made } = factory();
  const ring = new HostKeyRing({ generate, clock: new FakeClock() });
  const first = ring.current();
  made[0]!.resolve(fakePair(1));
  await use(await first, MAX_OPERATIONS);
  const given: number[] = [];
  const waiting = [ring.current(), ring.current()].map(async (key) => {
    given.push((await key).modulus[0]!);
  });
  await (await first).unwrap(new Uint8Array(256));
  assertEquals(given, []);
  made[1]!.resolve(fakePair(2));
  await Promise.all(waiting);
  assertEquals([given, made.length], [[2, 2], 3]);
});

test("HostKeyRing reports a failed generation to the caller, and goes on with the next key", async () => {
  const { generate, made } = factory();
  const ring = new HostKeyRing({ generate, clock: new FakeClock() });
  made[0]!.reject(new Error("no entropy"));
  await assertRejects(() => ring.current(), Error, "no entropy");
  made[1]!.resolve(fakePair(2));
  assertEquals((await ring.current()).modulus[0], 2);
  assertEquals(made.length, 3);
});

test("HostKeyRing has no unhandled rejection if its first keys fail without a caller", async () => {
  const generate = (): Promise<WrapKeyPair> => Promise.reject(new Error("no entropy"));
  const ring = new HostKeyRing({ generate, clock: new FakeClock() });
  // By the end of an operation of the system every rejection has been noticed.
  await new HostKey(await hostHopKey(), 0).unwrap(new Uint8Array(256));
  await assertRejects(() => ring.current(), Error, "no entropy");
});

test("HostKeyRing has no unhandled rejection if an unused spare fails", async () => {
  const { generate, made } = factory();
  const ring = new HostKeyRing({ generate, clock: new FakeClock() });
  made[0]!.resolve(fakePair(1));
  const key = await ring.current();
  made[1]!.reject(new Error("no entropy"));
  await use(key, MAX_OPERATIONS);
  await assertRejects(() => ring.current(), Error, "no entropy");
  made[2]!.resolve(fakePair(3));
  assertEquals((await ring.current()).modulus[0], 3);
});
