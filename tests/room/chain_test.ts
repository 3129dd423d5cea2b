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
import {
  Audience,
  BodyKind,
  decodeMsg,
  decodeSkdm,
  type Inner,
  type SignedMsg,
} from "../../lib/wire/mod.ts";
import { assertFails, flip } from "../support/assert.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { CryptoWork } from "../support/crypto_work.ts";
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

/** Ada's new chain for the room, and the same at bob. */
async function bothEnds(): Promise<{ sending: SendingChain; receiving: ReceivingChain }> {
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
  keys.close();
  return { sending, receiving };
}

test("SendingChain and ReceivingChain erase a chain key once they have the next", async () => {
  const { receiving, sending } = await bothEnds();
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
});

test("SendingChain.seal and ReceivingChain.open wait for no key that was prepared", async () => {
  const { receiving, sending } = await bothEnds();
  await using work = new CryptoWork();
  const costOf = async (happen: () => unknown) => {
    await work.take();
    const result = await happen();
    return { result, operations: await work.take() };
  };
  const prepare = () => [sending, receiving].forEach((chain) => chain.prepare());
  const derivation = ["importKey", "deriveBits", "importKey"];
  for (let index = 0; index < 2; index++) {
    assertEquals(
      (await costOf(prepare)).operations.toSorted(),
      [...derivation, ...derivation].sort(),
    );
    assertEquals((await costOf(prepare)).operations, []);
    const sealed = await costOf(() => sending.seal(inner("hello")));
    assertEquals(sealed.operations, ["encrypt", "sign"]);
    const opened = await costOf(() => receiving.open(decodeMsg(sealed.result as Bytes), nothing));
    assertEquals(opened.operations, ["verify", "decrypt"]);
  }
});

test("SendingChain.prepare and ReceivingChain.prepare leave a failure to the next message", async () => {
  const { receiving, sending } = await bothEnds();
  const msg = decodeMsg(await sending.seal(inner("hello")));
  crypto.subtle.deriveBits = () => Promise.reject(new TypeError("out of order"));
  sending.prepare();
  receiving.prepare();
  await nextTurn();
  Reflect.deleteProperty(crypto.subtle, "deriveBits"); // The prototype has the original.
  for (const failing of [sending.seal(inner("next")), receiving.open(msg, nothing)]) {
    assertEquals(await failing.catch((error) => error.message), "out of order");
  }
});

/** A MSG whose signature is wrong. */
function forge(msg: Bytes): SignedMsg {
  return decodeMsg(flip(msg, 8 * (msg.length - 1)));
}

test("ReceivingChain.open derives one key for all forgeries of the next message together", async () => {
  const { receiving, sending } = await bothEnds();
  const next = await sending.seal(inner("next"));
  const later = await sending.seal(inner("later"));
  await using work = new CryptoWork();
  for (const msg of [next, next, later]) {
    await assertFails(receiving.open(forge(msg), nothing), "protocol-error", "signature is wrong");
  }
  const opened = await receiving.open(decodeMsg(next), nothing);
  assertEquals([new TextDecoder().decode(opened.inner.body), opened.missing], ["next", 0]);
  assertEquals((await work.take()).filter((name) => name === "deriveBits"), ["deriveBits"]);
});

/** Has the second of two WebCrypto operations end only after the first. */
function endInOrder(...names: readonly ["decrypt" | "verify", "decrypt" | "verify"]): Disposable {
  const { subtle } = crypto;
  const { promise, resolve } = Promise.withResolvers<void>();
  const [first, second] = names.map((name) =>
    subtle[name].bind(subtle) as (...args: unknown[]) => Promise<unknown>
  );
  Object.assign(subtle, {
    [names[0]]: (...args: unknown[]) => first!(...args).finally(resolve),
    [names[1]]: (...args: unknown[]) => second!(...args).finally(() => promise),
  });
  return {
    [Symbol.dispose]: () => names.forEach((name) => Reflect.deleteProperty(subtle, name)),
  };
}

for (const [first, second] of [["verify", "decrypt"], ["decrypt", "verify"]] as const) {
  test(`ReceivingChain.open needs both checks, if ${first} ends before ${second} too`, async () => {
    const { receiving, sending } = await bothEnds();
    receiving.prepare();
    const msg = await sending.seal(inner("hello"));
    {
      using _order = endInOrder(first, second);
      const refused = receiving.open(forge(msg), nothing);
      await assertFails(refused, "protocol-error", "signature is wrong");
    }
    {
      using _order = endInOrder(first, second);
      const opened = await receiving.open(decodeMsg(msg), nothing);
      assertEquals([new TextDecoder().decode(opened.inner.body), opened.missing], ["hello", 0]);
    }
  });
}

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
