import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { fromBase64Url, fromHex } from "../../lib/bytes/mod.ts";
import {
  generateWrapKeyPair,
  HOP_KEY_BITS,
  importWrapKeyPair,
  isModulus,
  randomBytes,
  SESSION_KEY_BITS,
  unwrap,
  WrapKey,
} from "../../lib/crypto/mod.ts";
import { flip } from "../support/assert.ts";
import { fromBase64, hostHopKey, memberHopKey, sessionKey } from "../support/keys.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

test("unwrap gives the known answers, one for each label", async () => {
  const { hop, e2e } = vectors;
  const initiator = await importWrapKeyPair(fromBase64(hop.eI_pkcs8));
  const ctR = fromHex(hop.M2).slice(256, 512);
  assertEquals(await unwrap(initiator, "lanchat/1 hop kR", ctR), fromHex(hop.kR));
  const responder = await importWrapKeyPair(fromBase64(hop.eR_pkcs8));
  const ctI = fromHex(hop.M3).slice(0, 256);
  assertEquals(await unwrap(responder, "lanchat/1 hop kI", ctI), fromHex(hop.kI));
  const bob = await importWrapKeyPair(fromBase64(e2e.bob_rsa_pkcs8));
  const ct = fromHex(e2e.skdm.wire).slice(174, 430);
  assertEquals(await unwrap(bob, "lanchat/1 skdm", ct), fromHex(e2e.skdm.s_rsa));
});

test("importWrapKeyPair gives the modulus that the other implementation sees", async () => {
  const { hop } = vectors;
  const responder = await importWrapKeyPair(fromBase64(hop.eR_pkcs8));
  assertEquals(responder.modulus, fromHex(hop.M2).slice(0, 256));
  const initiator = await importWrapKeyPair(fromBase64(hop.eI_pkcs8));
  assertEquals(initiator.modulus, fromHex(hop.M1).slice(41, 297));
});

test("generateWrapKeyPair makes keys that pass isModulus and cannot be exported", async () => {
  const pair = await generateWrapKeyPair(HOP_KEY_BITS);
  assert(isModulus(pair.modulus, HOP_KEY_BITS));
  assert(!pair.privateKey.extractable);
  const secret = randomBytes(32);
  const wrapped = await (await WrapKey.import(pair.modulus)).wrap("a", secret);
  assertEquals(await unwrap(pair, "a", wrapped), secret);
});

test("unwrap undoes wrap up to the longest secret", async () => {
  const { rsa: pair } = await sessionKey();
  assert(isModulus(pair.modulus, SESSION_KEY_BITS));
  const key = await WrapKey.import(pair.modulus);
  const longest = randomBytes(256 - 66);
  assertEquals(await unwrap(pair, "a", await key.wrap("a", longest)), longest);
  await assertRejects(() => key.wrap("a", randomBytes(256 - 65)));
});

test("wrap never gives the same bytes twice", async () => {
  const key = await WrapKey.import((await memberHopKey()).modulus);
  assertNotEquals(await key.wrap("a", new Uint8Array(32)), await key.wrap("a", new Uint8Array(32)));
});

test("unwrap refuses another key, another label, flipped bits, other lengths and noise", async () => {
  const pair = await memberHopKey();
  const wrapped = await (await WrapKey.import(pair.modulus)).wrap("a", randomBytes(32));
  assertEquals(await unwrap(await hostHopKey(), "a", wrapped), undefined);
  for (const label of ["b", "", "a\0"]) assertEquals(await unwrap(pair, label, wrapped), undefined);
  for (const bit of [0, 7, 1024, 2040, 2047]) {
    assertEquals(await unwrap(pair, "a", flip(wrapped, bit)), undefined);
  }
  const others = [
    new Uint8Array(),
    wrapped.slice(1),
    new Uint8Array(256),
    new Uint8Array(256).fill(255),
    pair.modulus,
    randomBytes(256),
  ];
  for (const other of others) assertEquals(await unwrap(pair, "a", other), undefined);
});

test("isModulus refuses another length, a clear top bit and an even number", async () => {
  const { modulus } = await memberHopKey();
  assert(isModulus(modulus, HOP_KEY_BITS));
  assert(!isModulus(modulus, 2 * HOP_KEY_BITS));
  assert(!isModulus(modulus.slice(1), HOP_KEY_BITS));
  assert(!isModulus(flip(modulus, 7), HOP_KEY_BITS));
  assert(!isModulus(flip(modulus, 2040), HOP_KEY_BITS));
  assert(!isModulus(new Uint8Array(256), HOP_KEY_BITS));
  assert(!isModulus(new Uint8Array(), HOP_KEY_BITS));
});

test("importWrapKeyPair refuses bytes that are not an RSA key", async () => {
  for (const bytes of [new Uint8Array(), fromBase64Url("AAAA"), new Uint8Array(1200)]) {
    await assertRejects(() => importWrapKeyPair(bytes));
  }
});
