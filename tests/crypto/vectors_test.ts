/** The known answers of the end-to-end layer, through the primitives and layouts that it is made of. */
import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { compare, concat, fromHex, isZero, toHex, u32, u8, utf8 } from "../../lib/bytes/mod.ts";
import {
  CipherKey,
  hmac,
  hmacVerify,
  importWrapKeyPair,
  kdf,
  label,
  sha256,
  unwrap,
  verify,
  zeroKey,
} from "../../lib/crypto/mod.ts";
import {
  Audience,
  BodyKind,
  decodeAnnounce,
  decodeInner,
  decodeMsg,
  decodeSkdm,
  decodeText,
  encodeInner,
} from "../../lib/wire/mod.ts";
import { flip } from "../support/assert.ts";
import { fromBase64, identityFromSeed } from "../support/keys.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const { hop, e2e } = vectors;
const roomId = fromHex(hop.room_id);

test("the known ANNOUNCE has its fields, its member tag and its signature", async () => {
  const announce = decodeAnnounce(fromHex(e2e.announce_bob));
  const bob = await importWrapKeyPair(fromBase64(e2e.bob_rsa_pkcs8));
  assertEquals(
    [announce.roomId, announce.key, announce.session, announce.modulus, announce.seen],
    [roomId, fromHex(e2e.bob_ik), fromHex(e2e.sess_bob), bob.modulus, fromHex(hop.sess)],
  );
  assertEquals([announce.generation, announce.name], [1, "bøb"]);
  const tagged = [label("lanchat/1 member"), announce.tagged] as const;
  assert(await hmacVerify(fromHex(hop.member_key), announce.memberTag, ...tagged));
  assertEquals(await hmac(fromHex(hop.member_key), ...tagged), announce.memberTag);
  const signed = concat(label("lanchat/1 announce"), announce.signed);
  assert(await verify(announce.key, signed, announce.signature));
  assert(!await verify(announce.key, flip(signed, 0), announce.signature));
  const identity = await identityFromSeed(e2e.bob_ik_seed);
  assertEquals(identity.publicKey, announce.key);
  assertEquals(await identity.sign(signed), announce.signature);
});

test("the known SKDM has its fields and its signature, and unwraps with Bob's key", async () => {
  const skdm = decodeSkdm(fromHex(e2e.skdm));
  assertEquals(
    [skdm.roomId, skdm.fromKey, skdm.fromSession, skdm.toKey, skdm.toSession, skdm.chainVerifier],
    [hop.room_id, hop.member_ik, hop.sess, e2e.bob_ik, e2e.sess_bob, e2e.vk].map(fromHex),
  );
  assertEquals(
    [skdm.toGeneration, skdm.audience, skdm.epoch, skdm.start],
    [1, Audience.ROOM, 1, 0],
  );
  const signed = concat(label("lanchat/1 skdm"), skdm.signed);
  assert(await verify(skdm.fromKey, signed, skdm.signature));
  assertEquals(
    await (await identityFromSeed(hop.member_ik_seed)).sign(signed),
    skdm.signature,
  );
  const bob = await importWrapKeyPair(fromBase64(e2e.bob_rsa_pkcs8));
  assertEquals(
    await unwrap(bob, "lanchat/1 skdm", skdm.wrapped),
    concat(fromHex(e2e.msgs[0]!.ck), await sha256(label("lanchat/1 skdm hdr"), skdm.header)),
  );
});

test("the known chain id is the start of a hash of the chain's key", async () => {
  const vk = fromHex(e2e.vk);
  assertEquals(toHex(await sha256(label("lanchat/1 cid"), vk)).slice(0, 32), e2e.cid);
  assertEquals((await identityFromSeed(e2e.epoch_seed)).publicKey, vk);
});

test("the known roster is the start of a hash of the audience in order", async () => {
  const members = [
    concat(fromHex(hop.member_ik), fromHex(hop.sess)),
    concat(fromHex(e2e.bob_ik), fromHex(e2e.sess_bob)),
  ].sort(compare);
  const hash = await sha256(label("lanchat/1 roster"), roomId, u8(Audience.ROOM), ...members);
  assertEquals(toHex(hash).slice(0, 32), e2e.roster);
});

for (const [index, known] of e2e.msgs.entries()) {
  test(`the known MSG ${index} opens under its place in the chain`, async () => {
    const msg = decodeMsg(fromHex(known.wire));
    assertEquals(
      [msg.roomId, msg.fromSession, msg.chainId, msg.commitment],
      [hop.room_id, hop.sess, e2e.cid, known.kc].map(fromHex),
    );
    assertEquals(msg.index, index);
    if (index > 0) assertEquals(known.ck, e2e.msgs[index - 1]!.next_ck);
    const keys = await kdf(zeroKey(), fromHex(known.ck), "lanchat/1 ratchet", 96);
    assertEquals(toHex(keys), known.next_ck + known.ek + known.kc);

    const signed = concat(label("lanchat/1 msg"), msg.signed);
    assert(await verify(fromHex(e2e.vk), signed, msg.signature));
    assertEquals(await (await identityFromSeed(e2e.epoch_seed)).sign(signed), msg.signature);
    const key = await CipherKey.import(fromHex(known.ek));
    const plain = await key.open(msg.nonce, msg.sealed, msg.header);
    assertEquals(toHex(plain!), known.plain);
    assertEquals(await key.seal(msg.nonce, plain!, msg.header), msg.sealed);

    const inner = decodeInner(plain!);
    const { kind, text } = [
      { kind: BodyKind.TEXT, text: "hello" },
      { kind: BodyKind.TEXT, text: "second message ".repeat(20) },
      { kind: BodyKind.HEARTBEAT, text: "" },
    ][index]!;
    assertEquals([toHex(inner.roster), inner.kind], [e2e.roster, kind]);
    assertEquals([inner.at, decodeText(inner.body)], [1_700_000_000_000 + index, text]);
    // Except for the parent, which lanchat sends as zeros.
    const parent = plain!.slice(16, 24);
    assertEquals(isZero(parent), index === 0);
    const encoded = encodeInner(inner);
    encoded.set(parent, 16);
    assertEquals(toHex(encoded), known.plain);
  });
}

test("the known parents are the starts of hashes of the messages before", async () => {
  for (const [index, known] of e2e.msgs.slice(1).entries()) {
    const before = await sha256(fromHex(e2e.msgs[index]!.wire));
    assertEquals(known.plain.slice(32, 48), toHex(before).slice(0, 16));
  }
});

test("the known file is sealed into its known chunks", async () => {
  const { file } = e2e;
  const options = { outputLength: file.size };
  const shake = createHash("shake256", options).update(file.shake256_label);
  const content = new Uint8Array(shake.digest());
  assertEquals(toHex(await sha256(content)), file.sha256);
  const tid = fromHex(file.tid);
  const fileKey = await kdf(tid, fromHex(file.key), "lanchat/1 file", 32);
  assertEquals(toHex(fileKey), file.fkey);
  const key = await CipherKey.import(fileKey);
  for (const { i, len, first16, tag, sha256: hash } of file.chunks) {
    const last = i === file.chunks.length - 1;
    const nonce = concat(new Uint8Array(7), u32(i), u8(last ? 1 : 0));
    const header = concat(u8(0x30), tid, u32(i));
    const plain = content.slice(i * 32_768, (i + 1) * 32_768);
    const sealed = await key.seal(nonce, plain, header);
    assertEquals(sealed.length, len);
    assertEquals([toHex(sealed.slice(0, 16)), toHex(sealed.slice(-16))], [first16, tag]);
    assertEquals(toHex(await sha256(sealed)), hash);
    assertEquals(await key.open(nonce, sealed, header), plain);
    const unfinished = concat(nonce.slice(0, 11), u8(last ? 0 : 1));
    assertEquals(await key.open(unfinished, sealed, header), undefined);
  }
});

test("the known gate key comes from the known psk", async () => {
  const gateKey = await kdf(zeroKey(), fromHex(hop.psk), "lanchat/1 gate key", 32);
  assertEquals(toHex(gateKey), hop.gate_key);
  const m1 = fromHex(hop.M1);
  const m0 = fromHex(hop.M0);
  const framed = concat(u32(m0.length), m0);
  assertEquals(
    await hmac(gateKey, utf8("lanchat/1 gate\0"), framed, m1.slice(0, -32)),
    m1.slice(-32),
  );
});

test("the known identities come from their seeds", async () => {
  for (
    const [seed, key] of [
      [hop.host_ik_seed, hop.host_ik],
      [hop.member_ik_seed, hop.member_ik],
      [e2e.bob_ik_seed, e2e.bob_ik],
    ]
  ) {
    assertEquals(toHex((await identityFromSeed(seed!)).publicKey), key);
  }
});
