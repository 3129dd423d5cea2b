import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { type Bytes, concat } from "../../lib/bytes/mod.ts";
import {
  encapsulate,
  generateKemKeyPair,
  hasWebCryptoKem,
  importKemKeyPair,
  isKemKey,
  type Kem,
  KEM_SEED_BYTES,
  nobleKem,
  webCryptoKem,
} from "../../lib/crypto/kem.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import { KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES } from "../../lib/sizes.ts";
import { flip } from "../support/assert.ts";
import { test } from "../support/test.ts";

/** The implementations that this runtime has. */
const kems: readonly Kem[] = hasWebCryptoKem ? [webCryptoKem, nobleKem] : [nobleKem];

/** A key whose coefficient number `index` is `value`; all others are zero. */
function keyWithCoefficient(index: number, value: number): Bytes {
  const key = new Uint8Array(KEM_KEY_BYTES);
  const at = Math.floor(index / 2) * 3;
  const pair = index % 2 === 0 ? value : value << 12;
  key.set([pair & 0xff, pair >> 8 & 0xff, pair >> 16], at);
  return key;
}

test("every implementation decapsulates the ciphertexts of every implementation", async () => {
  for (const receiver of kems) {
    const pair = await receiver.keyPair();
    assert(isKemKey(pair.publicKey));
    for (const sender of kems) {
      const { ciphertext, secret } = await sender.encapsulate(pair.publicKey);
      assertEquals(ciphertext.length, KEM_CIPHERTEXT_BYTES);
      assertEquals(secret.length, 32);
      assertEquals(await pair.decapsulate(ciphertext), secret);
    }
  }
});

test("every implementation makes the same key pair of a seed", async () => {
  const seed = randomBytes(KEM_SEED_BYTES);
  const pairs = await Promise.all(kems.map((kem) => kem.keyPair(seed)));
  const { ciphertext, secret } = await encapsulate(pairs[0]!.publicKey);
  for (const pair of [...pairs, await importKemKeyPair(seed)]) {
    assertEquals(pair.publicKey, pairs[0]!.publicKey);
    assertEquals(await pair.decapsulate(ciphertext), secret);
  }
});

test("decapsulate gives the same unrelated secret whenever a ciphertext is not for the key", async () => {
  const seed = randomBytes(KEM_SEED_BYTES);
  const pairs = await Promise.all(kems.map((kem) => kem.keyPair(seed)));
  const { ciphertext, secret } = await encapsulate(pairs[0]!.publicKey);
  const other = await encapsulate((await generateKemKeyPair()).publicKey);
  for (const wrong of [flip(ciphertext, 0), flip(ciphertext, 8703), other.ciphertext]) {
    const rejected = await pairs[0]!.decapsulate(wrong);
    assertEquals(rejected?.length, 32);
    assertNotEquals(rejected, secret);
    assertNotEquals(rejected, other.secret);
    for (const pair of pairs) assertEquals(await pair.decapsulate(wrong), rejected);
  }
});

test("decapsulate refuses a ciphertext of another length", async () => {
  for (const kem of kems) {
    const pair = await kem.keyPair();
    const { ciphertext } = await encapsulate(pair.publicKey);
    for (const other of [ciphertext.slice(1), concat(ciphertext, new Uint8Array(1))]) {
      assertEquals(await pair.decapsulate(other), undefined);
    }
    assertEquals(await pair.decapsulate(new Uint8Array()), undefined);
  }
});

test("encapsulate never gives the same secret twice", async () => {
  const { publicKey } = await generateKemKeyPair();
  for (const kem of kems) {
    const [one, other] = [await kem.encapsulate(publicKey), await kem.encapsulate(publicKey)];
    assertNotEquals(one.secret, other.secret);
    assertNotEquals(one.ciphertext, other.ciphertext);
  }
});

test("isKemKey refuses another length and every coefficient of 3329 and more", async () => {
  for (const index of [0, 1, 2, 383, 384, 766, 767]) {
    assert(isKemKey(keyWithCoefficient(index, 3328)));
    for (const value of [3329, 3330, 4095]) assert(!isKemKey(keyWithCoefficient(index, value)));
  }
  const { publicKey } = await generateKemKeyPair();
  assert(!isKemKey(publicKey.slice(1)));
  assert(!isKemKey(concat(publicKey, new Uint8Array(1))));
  assert(!isKemKey(new Uint8Array()));
});

test("isKemKey does not look at the seed of the matrix", () => {
  const key = new Uint8Array(KEM_KEY_BYTES).fill(255, 1152);
  assert(isKemKey(key));
});

test("encapsulate rejects a key that isKemKey refuses", async () => {
  for (const kem of kems) {
    await assertRejects(() => kem.encapsulate(keyWithCoefficient(767, 3329)));
    await assertRejects(() => kem.encapsulate(new Uint8Array(KEM_KEY_BYTES - 1)));
  }
});
