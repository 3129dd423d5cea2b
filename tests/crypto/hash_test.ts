import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Bytes, fromHex, toHex, utf8 } from "../../lib/bytes/mod.ts";
import {
  hmac,
  hmacVerify,
  kdf,
  label,
  randomBytes,
  sha256,
  zeroKey,
} from "../../lib/crypto/mod.ts";
import { flip } from "../support/assert.ts";
import { test } from "../support/test.ts";

test("sha256 gives the known answer of FIPS 180-4, however the input is parted", async () => {
  const answer = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assertEquals(toHex(await sha256(utf8("abc"))), answer);
  assertEquals(toHex(await sha256(utf8("a"), new Uint8Array(), utf8("bc"))), answer);
});

test("hmac gives the known answer of RFC 4231 §4.3", async () => {
  const mac = await hmac(utf8("Jefe"), utf8("what do ya want "), utf8("for nothing?"));
  assertEquals(
    toHex(mac),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
});

test("hmacVerify refuses another key, another text, each flipped bit and another length", async () => {
  const [key, text] = [randomBytes(32), utf8("text")];
  const mac = await hmac(key, text);
  assert(await hmacVerify(key, mac, text));
  assert(!await hmacVerify(flip(key, 0), mac, text));
  assert(!await hmacVerify(key, mac, text, new Uint8Array(1)));
  for (let bit = 0; bit < mac.length * 8; bit++) {
    assert(!await hmacVerify(key, flip(mac, bit), text));
  }
  for (const cut of [mac.slice(0, 31), new Uint8Array(), new Uint8Array(33)]) {
    assert(!await hmacVerify(key, cut, text));
  }
});

test("kdf gives the known answer of RFC 5869 §A.3", async () => {
  const keyMaterial = fromHex("0b".repeat(22));
  assertEquals(
    toHex(await kdf(new Uint8Array(), keyMaterial, "", 42)),
    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
  );
});

test("kdf depends on salt, key material and label", async () => {
  const derive = (salt: Bytes, secret: Bytes, info: string): Promise<Bytes> =>
    kdf(salt, secret, info, 32);
  const base = await derive(zeroKey(), zeroKey(), "a");
  assertEquals(await derive(zeroKey(), zeroKey(), "a"), base);
  assertNotEquals(await derive(flip(zeroKey(), 0), zeroKey(), "a"), base);
  assertNotEquals(await derive(zeroKey(), flip(zeroKey(), 0), "a"), base);
  assertNotEquals(await derive(zeroKey(), zeroKey(), "b"), base);
});

test("label ends with a zero byte, so that no label is the start of another", () => {
  assertEquals(label("ab"), new Uint8Array([97, 98, 0]));
});

test("randomBytes gives as many as asked, never the same", () => {
  assertEquals(randomBytes(0).length, 0);
  assertNotEquals(randomBytes(32), randomBytes(32));
});
