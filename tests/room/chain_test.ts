import { assert, assertEquals } from "@std/assert";
import { type Bytes, fromHex, toHex, utf8 } from "../../lib/bytes/mod.ts";
import {
  CipherKey,
  importKemKeyPair,
  importWrapKeyPair,
  randomBytes,
  Verifier,
} from "../../lib/crypto/mod.ts";
import { MAX_SKIPPED, ReceivingChain, SendingChain } from "../../lib/room/chain.ts";
import { SessionKeys } from "../../lib/room/mod.ts";
import { PeerSessionKey, type SessionKeyPair } from "../../lib/room/session_key.ts";
import { Audience, BodyKind, decodeMsg, decodeSkdm, type Inner } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { fromBase64, identityOf } from "../support/keys.ts";
import { MEMBER_KEY, Puppet, ratchet, ROOM_ID } from "../support/puppet.ts";
import { salamander } from "../support/salamander.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const nothing = () => Promise.resolve();

/** The session keys of one pair, once it is there. */
async function keysOf(puppet: { readonly keys: SessionKeyPair }): Promise<SessionKeys> {
  const keys = new SessionKeys({
    generate: () => Promise.resolve(puppet.keys),
    clock: new FakeClock(),
  });
  while (keys.current === undefined) await Promise.resolve();
  return keys;
}

async function take(
  skdm: Bytes,
  keys: SessionKeys,
  memberKey: Bytes = MEMBER_KEY,
): Promise<ReceivingChain> {
  const decoded = decodeSkdm(skdm);
  const verifier = await Verifier.import(decoded.fromKey);
  return await ReceivingChain.accept(decoded, verifier!, { keys, memberKey }, nothing);
}

function inner(text: string): Inner {
  return { roster: new Uint8Array(16), before: 0, at: 1, kind: BodyKind.TEXT, body: utf8(text) };
}

test("ReceivingChain opens the messages of the known answers", async () => {
  const { e2e, hop } = vectors;
  const keys = await keysOf({
    keys: {
      rsa: await importWrapKeyPair(fromBase64(e2e.bob_rsa_pkcs8)),
      kem: await importKemKeyPair(fromHex(e2e.bob_kem_seed)),
    },
  });
  const chain = await take(fromHex(e2e.skdm.wire), keys, fromHex(hop.member_key));
  assertEquals([chain.id, chain.audience], [e2e.cid, Audience.ROOM]);
  for (const { plain, wire } of e2e.msgs) {
    const { inner, missing } = await chain.open(decodeMsg(fromHex(wire)), nothing);
    const bytes = fromHex(plain);
    assertEquals([inner.roster, missing], [bytes.slice(0, 16), 0]);
    assertEquals(inner.body, bytes.slice(37, 37 + inner.body.length));
  }
  keys.close();
});

test("SendingChain.wrapFor gives the present key, which opens only later messages", async () => {
  const identity = await identityOf("ada");
  const author = { roomId: ROOM_ID, identity, session: randomBytes(16), memberKey: MEMBER_KEY };
  const sending = await SendingChain.begin(author, {
    audience: Audience.DIRECT,
    epoch: 7,
    since: 1234,
    before: 5,
  });
  assertEquals([sending.epoch, sending.since, sending.index, sending.stale], [7, 1234, 0, false]);
  const early = await sending.seal(inner("before"));
  const bob = await Puppet.create("bob");
  const keys = await keysOf(bob);
  const { session, target } = bob;
  const sessionKey = await PeerSessionKey.import(target);
  const skdm = await sending.wrapFor({ key: target.key, session, generation: 1, sessionKey });
  const { audience, epoch, start } = decodeSkdm(skdm);
  assertEquals([audience, epoch, start], [Audience.DIRECT, 7, 1]);
  const receiving = await take(skdm, keys);
  const late = await sending.seal(inner("after"));
  const opened = await receiving.open(decodeMsg(late), nothing);
  assertEquals([new TextDecoder().decode(opened.inner.body), opened.missing], ["after", 0]);
  await assertFails(receiving.open(decodeMsg(early), nothing), "protocol-error", "a repeat");
  await assertFails(receiving.open(decodeMsg(late), nothing), "protocol-error", "a repeat");
  assertEquals(sending.index, 2);
  keys.close();
});

/** The key material of every HKDF while something happens: WebCrypto copies it, so that it may be wiped later. */
async function keyMaterialOf(during: () => Promise<unknown>): Promise<Bytes[]> {
  const { subtle } = crypto;
  const material: Bytes[] = [];
  const importKey = subtle.importKey.bind(subtle) as (...args: unknown[]) => Promise<CryptoKey>;
  Object.assign(subtle, {
    importKey: (...args: unknown[]) => {
      if (args[2] === "HKDF") material.push(args[1] as Bytes);
      return importKey(...args);
    },
  });
  try {
    await during();
  } finally {
    Reflect.deleteProperty(subtle, "importKey"); // The prototype has the original.
  }
  return material;
}

test("SendingChain and ReceivingChain erase a chain key once they have the next", async () => {
  const identity = await identityOf("ada");
  const author = { roomId: ROOM_ID, identity, session: randomBytes(16), memberKey: MEMBER_KEY };
  const start = { audience: Audience.ROOM, epoch: 1, since: 0, before: 0 };
  const sending = await SendingChain.begin(author, start);
  const bob = await Puppet.create("bob");
  const keys = await keysOf(bob);
  const { session, target } = bob;
  const sessionKey = await PeerSessionKey.import(target);
  const reader = { key: target.key, session, generation: 1, sessionKey };
  const receiving = await take(await sending.wrapFor(reader), keys);
  const messages: Bytes[] = [];
  const sealed = await keyMaterialOf(async () => {
    for (const text of ["one", "two"]) messages.push(await sending.seal(inner(text)));
  });
  const opened = await keyMaterialOf(async () => {
    for (const message of messages) await receiving.open(decodeMsg(message), nothing);
  });
  assertEquals([sealed, opened].map((material) => material.map(toHex)), [
    ["00".repeat(32), "00".repeat(32)],
    ["00".repeat(32), "00".repeat(32)],
  ]);
  keys.close();
});

test("SendingChain.seal seals equal texts differently and hides their length", async () => {
  const identity = await identityOf("ada");
  const author = { roomId: ROOM_ID, identity, session: randomBytes(16), memberKey: MEMBER_KEY };
  const sending = await SendingChain.begin(author, {
    audience: Audience.ROOM,
    epoch: 1,
    since: 0,
    before: 0,
  });
  const one = await sending.seal(inner("yes"));
  const two = await sending.seal(inner("yes"));
  const other = await sending.seal(inner("certainly not"));
  assertEquals([one.length, other.length], [257, 257]);
  assert(decodeMsg(one).sealed.some((byte, i) => byte !== decodeMsg(two).sealed[i]));
});

test("ReceivingChain.open skips keys as its caller allows, and never more than 2,000", async () => {
  const [ada, bob] = [await Puppet.create("ada"), await Puppet.create("bob")];
  const keys = await keysOf(bob);
  const own = await ada.chain();
  const chain = await take(await own.skdm(bob.target), keys);
  const asked: number[] = [];
  const open = async (msg: Bytes) =>
    (await chain.open(decodeMsg(msg), async (keys, derive) => {
      asked.push(keys);
      await derive(1);
      await derive(keys - 1);
    })).missing;
  assertEquals([await open(await own.msg("no gap")), asked], [0, []]);
  await own.skip(2);
  assertEquals([await open(await own.msg("a gap")), asked], [2, [2]]);
  const before = own.index;
  await own.skip(MAX_SKIPPED + 1);
  await assertFails(open(await own.msg("too far")), "protocol-error", "too many");
  assertEquals(asked, [2]);
  assertEquals(own.index, before + 2002);
  keys.close();
});

test("ReceivingChain.open changes nothing if its wait is canceled", async () => {
  const [ada, bob] = [await Puppet.create("ada"), await Puppet.create("bob")];
  const keys = await keysOf(bob);
  const own = await ada.chain();
  const chain = await take(await own.skdm(bob.target), keys);
  const first = await own.msg("first");
  const second = decodeMsg(await own.msg("second"));
  const gone = () => Promise.reject(new TypeError("gone"));
  assertEquals(await chain.open(second, gone).catch((error) => error.message), "gone");
  assertEquals((await chain.open(decodeMsg(first), nothing)).missing, 0);
  assertEquals((await chain.open(second, gone)).missing, 0);
  keys.close();
});

test("ReceivingChain.open refuses a ciphertext made to open under two keys", async () => {
  // Mal gives bob one key and carol another, and makes a MSG that GCM opens under both.
  const [mal, bob, carol] = await Promise.all(
    ["mal", "bob", "carol"].map((name) => Puppet.create(name)),
  ) as [Puppet, Puppet, Puppet];
  const [bobsKeys, carolsKeys] = [await keysOf(bob), await keysOf(carol)];
  const own = await mal.chain();
  const one = own.chainKey;
  const bobs = await take(await own.skdm(bob.target), bobsKeys);
  const two = own.chainKey = randomBytes(32);
  const carols = await take(await own.skdm(carol.target), carolsKeys);
  own.chainKey = one;

  const keyOne = (await ratchet(one)).key;
  const keyTwo = (await ratchet(two)).key;
  const nonce = randomBytes(12);
  const head = decodeMsg(await own.msg("for bob", { nonce }));
  const sealed = await salamander([keyOne, keyTwo], nonce, head.sealed, head.header);
  for (const key of [keyOne, keyTwo]) {
    const cipher = await CipherKey.import(key);
    assert(await cipher.open(nonce, sealed, head.header) !== undefined, "no salamander");
  }
  own.chainKey = one;
  own.index = 0;
  const msg = decodeMsg(await own.msg("for bob", { nonce, sealed: () => sealed }));
  const opened = await bobs.open(msg, nothing);
  assertEquals(new TextDecoder().decode(opened.inner.body), "for bob");
  await assertFails(carols.open(msg, nothing), "protocol-error", "commits to another key");
  bobsKeys.close();
  carolsKeys.close();
});
