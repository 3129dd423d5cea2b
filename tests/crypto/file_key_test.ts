import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { concat } from "../../lib/bytes/mod.ts";
import { CipherKey, FileKey, fileKey, hashOffer, randomBytes } from "../../lib/crypto/mod.ts";
import { flip } from "../support/assert.ts";
import { test } from "../support/test.ts";

const SECRET = randomBytes(32);
const OFFER = randomBytes(32);
const PLAIN = randomBytes(1_000);

test("FileKey.open undoes seal, also of an empty unit and at the highest number", async () => {
  const key = await fileKey(SECRET, OFFER);
  for (const unit of [0, 1, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
    for (const plain of [PLAIN, new Uint8Array()]) {
      const sealed = await key.seal(unit, true, plain);
      assertEquals(sealed.length, plain.length + 16);
      assertEquals(await key.open(unit, true, sealed), plain);
    }
  }
});

test("FileKey.open refuses another number, another end, another secret, another offer and a flipped bit", async () => {
  const key = await fileKey(SECRET, OFFER);
  const sealed = await key.seal(1, false, PLAIN);
  assertEquals(await key.open(0, false, sealed), undefined);
  assertEquals(await key.open(2 ** 32 + 1, false, sealed), undefined);
  assertEquals(await key.open(1, true, sealed), undefined);
  assertEquals(await (await fileKey(flip(SECRET, 9), OFFER)).open(1, false, sealed), undefined);
  assertEquals(await (await fileKey(SECRET, flip(OFFER, 9))).open(1, false, sealed), undefined);
  for (const bit of [0, 4_000, sealed.length * 8 - 1]) {
    assertEquals(await key.open(1, false, flip(sealed, bit)), undefined);
  }
  assertEquals(await key.open(1, false, sealed.slice(1)), undefined);
  assertEquals(await key.open(1, false, new Uint8Array(15)), undefined);
});

test("FileKey seals several units at once as it does one after the other", async () => {
  const key = await fileKey(SECRET, OFFER);
  const units = Array.from({ length: 20 }, (_, unit) => unit);
  const together = await Promise.all(units.map((unit) => key.seal(unit, unit === 19, PLAIN)));
  for (const unit of units) assertEquals(await key.seal(unit, unit === 19, PLAIN), together[unit]);
});

test("FileKey refuses numbers that would repeat a nonce", async () => {
  const key = new FileKey(await CipherKey.import(SECRET));
  for (const unit of [-1, 0.5, NaN, 2 ** 53]) {
    await assertRejects(() => key.seal(unit, false, PLAIN), RangeError);
    await assertRejects(() => key.open(unit, false, PLAIN), RangeError);
  }
});

test("hashOffer depends on the room, the sender, the session and the offer", async () => {
  const origin = { roomId: randomBytes(32), key: randomBytes(32), session: randomBytes(16) };
  const hash = await hashOffer(origin, PLAIN);
  assertEquals(hash.length, 32);
  const others = [
    await hashOffer({ ...origin, roomId: flip(origin.roomId, 0) }, PLAIN),
    await hashOffer({ ...origin, key: flip(origin.key, 0) }, PLAIN),
    await hashOffer({ ...origin, session: flip(origin.session, 0) }, PLAIN),
    await hashOffer(origin, flip(PLAIN, 0)),
    await hashOffer(origin, concat(PLAIN, new Uint8Array(1))),
  ];
  for (const other of others) assertNotEquals(other, hash);
});
