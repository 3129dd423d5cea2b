import { assertEquals, assertRejects } from "@std/assert";
import { type Bytes, fromHex, toHex } from "../../lib/bytes/mod.ts";
import { CipherKey, NONCE_BYTES, TAG_BYTES } from "../../lib/crypto/mod.ts";
import { flip } from "../support/assert.ts";
import { seededRandom } from "../support/keys.ts";
import { test } from "../support/test.ts";

const random = seededRandom(1);
const raw = random(32);
const nonce = random(NONCE_BYTES);
const plaintext = random(20);
const additionalData = random(7);

async function sealed(): Promise<{ key: CipherKey; bytes: Bytes }> {
  const key = await CipherKey.import(raw);
  return { key, bytes: await key.seal(nonce, plaintext, additionalData) };
}

test("CipherKey.seal gives the known answer of the GCM specification, test case 16", async () => {
  const key = await CipherKey.import(
    fromHex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
  );
  const bytes = await key.seal(
    fromHex("cafebabefacedbaddecaf888"),
    fromHex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    ),
    fromHex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
  );
  assertEquals(
    toHex(bytes),
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" +
      "76fc6ece0f4e1768cddf8853bb2d551b",
  );
});

test("CipherKey.open undoes seal, also of an empty plaintext", async () => {
  const { key, bytes } = await sealed();
  assertEquals(bytes.length, plaintext.length + TAG_BYTES);
  assertEquals(await key.open(nonce, bytes, additionalData), plaintext);
  const nothing = new Uint8Array();
  assertEquals(await key.open(nonce, await key.seal(nonce, nothing, nothing), nothing), nothing);
});

test("CipherKey.open refuses each flipped bit of sealed bytes, nonce and additional data", async () => {
  const { key, bytes } = await sealed();
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    assertEquals(await key.open(nonce, flip(bytes, bit), additionalData), undefined);
  }
  for (let bit = 0; bit < nonce.length * 8; bit++) {
    assertEquals(await key.open(flip(nonce, bit), bytes, additionalData), undefined);
  }
  for (let bit = 0; bit < additionalData.length * 8; bit++) {
    assertEquals(await key.open(nonce, bytes, flip(additionalData, bit)), undefined);
  }
});

test("CipherKey.open refuses another key and every truncation", async () => {
  const { key, bytes } = await sealed();
  const other = await CipherKey.import(flip(raw, 255));
  assertEquals(await other.open(nonce, bytes, additionalData), undefined);
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(await key.open(nonce, bytes.slice(0, length), additionalData), undefined);
  }
});

test("CipherKey.import refuses every length but 32, which WebCrypto would take for a weaker AES", async () => {
  for (const length of [0, 16, 24, 31, 33]) {
    await assertRejects(() => CipherKey.import(new Uint8Array(length)), TypeError);
  }
});
