import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromHex, toHex, utf8 } from "../../lib/bytes/mod.ts";
import {
  generateIdentity,
  generateSigningKey,
  importIdentity,
  isKeyText,
  isPublicKey,
  seedToPkcs8,
  Verifier,
  verify,
} from "../../lib/crypto/mod.ts";
import { flip } from "../support/assert.ts";
import { identityFromSeed, identityOf, SMALL_ORDER_KEYS } from "../support/keys.ts";
import { test } from "../support/test.ts";

/** R is the neutral point and S zero: right under many keys of small order, for any text. */
const FORGED = fromHex(`01${"00".repeat(63)}`);

test("Identity.sign gives the known answer of RFC 8032 §7.1, test 3", async () => {
  const identity = await identityFromSeed(
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
  );
  assertEquals(
    toHex(identity.publicKey),
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
  );
  assertEquals(
    toHex(await identity.sign(fromHex("af82"))),
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac" +
      "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  );
});

test("verify refuses each flipped bit, another text, another key and another length", async () => {
  const identity = await identityOf("ada");
  const text = utf8("text");
  const signature = await identity.sign(text);
  assert(await verify(identity.publicKey, text, signature));
  const verifier = await Verifier.import(identity.publicKey);
  for (let bit = 0; bit < signature.length * 8; bit++) {
    assert(!await verifier!.verify(text, flip(signature, bit)));
  }
  assert(!await verify(identity.publicKey, flip(text, 0), signature));
  assert(!await verify((await identityOf("bob")).publicKey, text, signature));
  for (const length of [0, 63, 65]) {
    assert(!await verify(identity.publicKey, text, new Uint8Array(length)));
  }
});

test("generateIdentity gives a PKCS#8 key that importIdentity takes", async () => {
  const { identity, pkcs8 } = await generateIdentity();
  const again = await importIdentity(pkcs8);
  assertEquals(again.publicKey, identity.publicKey);
  assert(await verify(identity.publicKey, utf8("text"), await again.sign(utf8("text"))));
});

test("importIdentity refuses bytes that are not an Ed25519 key", async () => {
  const pkcs8 = seedToPkcs8(new Uint8Array(32));
  for (const bytes of [new Uint8Array(), pkcs8.slice(0, -1), flip(pkcs8, 9 * 8)]) {
    await assertRejects(() => importIdentity(bytes));
  }
});

test("generateSigningKey makes another key each time", async () => {
  const [a, b] = [await generateSigningKey(), await generateSigningKey()];
  assert(!await verify(b.publicKey, utf8("text"), await a.sign(utf8("text"))));
  assert(await verify(a.publicKey, utf8("text"), await a.sign(utf8("text"))));
});

test("isPublicKey refuses all 14 encodings of small order", async () => {
  assertEquals(SMALL_ORDER_KEYS.length, 14);
  for (const key of SMALL_ORDER_KEYS) {
    assert(!isPublicKey(key), toHex(key));
    assertEquals(await Verifier.import(key), undefined);
    assert(!await verify(key, utf8("text"), FORGED));
  }
});

test("WebCrypto by itself would take a signature made without a private key", async () => {
  const neutral = SMALL_ORDER_KEYS[2]!;
  const key = await crypto.subtle.importKey("raw", neutral, "Ed25519", false, ["verify"]);
  assert(await crypto.subtle.verify("Ed25519", key, FORGED, utf8("text")));
});

test("isPublicKey refuses every y of 2^255 - 19 and above, and takes the one below but 1", () => {
  for (let low = 0; low < 256; low++) {
    for (const high of [0x7f, 0xff]) {
      const key = fromHex(`00${"ff".repeat(30)}00`);
      key[0] = low;
      key[31] = high;
      // 0xec is p - 1, of order 2.
      assertEquals(isPublicKey(key), low < 0xec, toHex(key));
    }
  }
});

test("isKeyText takes the form of base64url of 32 bytes only", () => {
  const forms = [
    "a".repeat(43),
    "-_09".padEnd(43, "Z"),
    "a".repeat(42),
    "a".repeat(44),
    "a+".padEnd(43),
  ];
  assertEquals(forms.map(isKeyText), [true, true, false, false, false]);
});

test("isPublicKey refuses every length but 32", async () => {
  const { publicKey } = await identityOf("ada");
  assert(isPublicKey(publicKey));
  for (const key of [publicKey.slice(0, 31), new Uint8Array(33).fill(9), new Uint8Array()]) {
    assert(!isPublicKey(key));
    assertEquals(await Verifier.import(key), undefined);
  }
});

test("isPublicKey takes the keys of honest members", async () => {
  for (let i = 0; i < 50; i++) assert(isPublicKey((await identityOf(`member ${i}`)).publicKey));
});

test("verify takes RFC 8032's equation without the cofactor", async () => {
  // Under this key, A + T with T of order 8, [8][S]B = [8]R + [8][k]A holds, and [S]B = R + [k]A does not.
  const key = fromHex("6a84d583f06569edb3f5ed77df65544b27d6948b4f0b2cb76f33dd8413b20719");
  const signature = fromHex(
    "6b12d4d055bd943206034b402ebe601bf715a3bbe772cdac6ab65b94d9a07bf6" +
      "4a90b0821cd0e4b65ba3fc4b4b290121ba8480023b621d22c94a91c3534c470a",
  );
  assert(!await verify(key, new Uint8Array(1), signature));
});
