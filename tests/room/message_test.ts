import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat, utf8 } from "../../lib/bytes/mod.ts";
import { CipherKey, generateSigningKey, randomBytes } from "../../lib/crypto/mod.ts";
import { SessionKeys } from "../../lib/room/mod.ts";
import {
  Audience,
  BodyKind,
  CloseReason,
  decodeMsg,
  encodeBatch,
  EnvelopeClass,
  MAX_BATCH_ITEMS,
  MAX_TEXT_BYTES,
  MemberChange,
  ObjectType,
} from "../../lib/wire/mod.ts";
import { flip } from "../support/assert.ts";
import type { FakeClock } from "../support/clock.ts";
import { CryptoWork } from "../support/crypto_work.ts";
import { sessionKey } from "../support/keys.ts";
import { type MsgLies, type OwnChain, Puppet, ratchet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

/** Session keys that break where they should fail. */
class FaultyKeys extends SessionKeys {
  constructor(clock: FakeClock) {
    super({ generate: sessionKey, clock });
  }

  override unwrap(): Promise<never> {
    return Promise.reject(new TypeError("out of order"));
  }
}

/** How many ratchet keys are derived. */
class DerivedKeys implements Disposable {
  count = 0;
  readonly #derive = crypto.subtle.deriveBits;

  constructor() {
    crypto.subtle.deriveBits = (...args) => {
      if (args[2] === 96 * 8) this.count++;
      return this.#derive.apply(crypto.subtle, args);
    };
  }

  [Symbol.dispose](): void {
    crypto.subtle.deriveBits = this.#derive;
  }
}

/** MSGs with as many texts as one may have, each of one letter. */
async function batches(chain: OwnChain, count: number): Promise<Bytes[]> {
  const body = encodeBatch(Array(MAX_BATCH_ITEMS).fill({ kind: BodyKind.TEXT, text: utf8("x") }));
  const msgs: Bytes[] = [];
  while (msgs.length < count) msgs.push(await chain.msg(body, { kind: BodyKind.BATCH }));
  return msgs;
}

interface Scene {
  readonly alone: RoomAlone;
  readonly bob: Puppet;
  readonly mal: Puppet;
  /** Mal's chain, which the room was given. */
  readonly chain: OwnChain;
}

async function open(audience: number = Audience.ROOM): Promise<Scene> {
  const bob = await Puppet.create("bob");
  const mal = await Puppet.create("mal");
  const alone = await RoomAlone.open({ before: [bob, mal] });
  const chain = await mal.chain(audience);
  await alone.says(mal, await chain.skdm(alone.target));
  return { alone, bob, mal, chain };
}

/** Asserts that MSGs of mal are not shown, and that later ones are. */
async function assertRefused(
  msgsOf: (scene: Scene) => Promise<readonly Bytes[]>,
  missing = 1,
): Promise<void> {
  const scene = await open();
  const { bob, chain, mal, alone } = scene;
  await alone.says(mal, ...await msgsOf(scene));
  await alone.relay.settle();
  await alone.says(mal, await chain.msg("the next"));
  if (missing > 0) {
    const gap = await alone.event("gap");
    assertEquals([gap.member.name, gap.missing], ["mal", missing]);
  }
  assertEquals(await alone.text(), "the next");
  await alone.assertStillHears(bob);
  await alone.close();
}

function refusal(name: string, lies: (scene: Scene) => MsgLies | Promise<MsgLies>): void {
  test(`Room refuses a MSG ${name}`, async () => {
    await assertRefused(async (scene) => [await scene.chain.msg("unheard", await lies(scene))]);
  });
}

refusal("of another room", () => ({ roomId: randomBytes(32) }));
refusal("in the name of another session", ({ bob }) => ({ fromSession: bob.session }));
refusal("of an unknown chain", () => ({ chainId: randomBytes(16) }));
refusal("signed with another key", async () => ({ signer: await generateSigningKey() }));
refusal("signed by its author's identity", ({ mal }) => ({ signer: mal.identity }));
refusal("that commits to another key", () => ({ commitment: randomBytes(32) }));
refusal("whose padding is not zero", () => ({ plaintext: (honest) => honest.with(-1, 1) }));
refusal("that is padded too far", () => ({
  plaintext: (honest) => concat(honest, new Uint8Array(64)),
}));
refusal("whose text is longer than what it hides", () => ({
  plaintext: (honest) => honest.with(36, 200),
}));
refusal("from after the end of time", () => ({
  plaintext: (honest) => honest.with(25, 0xff),
}));
refusal("that cannot be opened", () => ({ sealed: (honest) => flip(honest, 3) }));
refusal("that hides more than a message may say", () => ({
  plaintext: (honest) =>
    new Uint8Array(16_640).map((_, i) => honest[i] ?? 0x20).with(35, 0x40).with(36, 1),
}));

test("Room refuses a MSG with any bit flipped", async () => {
  await assertRefused(async ({ chain }) => {
    const honest = await chain.msg("unheard");
    const altered: Bytes[] = [honest.slice(0, -1), new Uint8Array([...honest, 0])];
    for (let bit = 0; bit < honest.length * 8; bit += 11) altered.push(flip(honest, bit));
    return altered;
  });
});

test("Room has the keys of the next MSG once it has shown one", async () => {
  const { alone, chain, mal } = await open();
  const [first, second] = [await chain.msg("first"), await chain.msg("second")];
  await using work = new CryptoWork();
  await alone.says(mal, first);
  assertEquals(await alone.text(), "first");
  await work.take();
  await alone.says(mal, second);
  assertEquals(await alone.text(), "second");
  assertEquals((await work.take()).slice(0, 2), ["verify", "decrypt"]);
  await alone.close();
});

test("Room shows no MSG twice and none out of order", async () => {
  await assertRefused(async ({ chain, mal, alone }) => {
    const one = await chain.msg("one");
    const two = await chain.msg("two");
    await alone.says(mal, two, two);
    assertEquals((await alone.event("gap")).missing, 1);
    assertEquals(await alone.text(), "two");
    return [one, two];
  }, 0);
});

test("Room shows messages of two members in the order of the host, however long one takes to open", async () => {
  const { alone, bob, mal } = await open();
  const [bobs, mals] = [await bob.chain(), await mal.chain(Audience.ROOM, 2)];
  await alone.says(bob, await bobs.skdm(alone.target));
  const objects = [
    { from: mal, object: await mals.skdm(alone.target) }, // It takes long to unwrap.
    { from: mal, object: await mals.msg("first") },
    { from: bob, object: await bobs.msg("second") },
  ];
  await alone.relay.send({
    type: "batch",
    envelopes: objects.map(({ from, object }) => ({
      class: EnvelopeClass.CHAT,
      direct: false,
      from: from.session,
      seq: ++alone.relay.seq,
      object,
    })),
  });
  assertEquals([await alone.text(), await alone.text()], ["first", "second"]);
  await alone.close();
});

test("Room shows the number of messages missing before one", async () => {
  const { bob, chain, mal, alone } = await open();
  await chain.skip(3);
  await alone.says(mal, await chain.msg("after a gap"));
  const { member, missing } = await alone.event("gap");
  assertEquals([member.name, missing], ["mal", 3]);
  assertEquals(await alone.text(), "after a gap");
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room shows the number of messages missing at the end of a chain with the first of the next", async () => {
  const { bob, chain, mal, alone } = await open();
  await alone.says(mal, await chain.msg("one"));
  assertEquals(await alone.text(), "one");
  const second = await mal.chain(Audience.ROOM, 2);
  await alone.says(mal, await second.skdm(alone.target));
  // Three more were sealed in the first, and two in the second.
  await second.skip(2);
  await alone.says(mal, await second.msg("seven", { before: 4 }));
  const { member, missing } = await alone.event("gap");
  assertEquals([member.name, missing], ["mal", 5]);
  assertEquals(await alone.text(), "seven");
  // Whole epochs may be missing.
  const fourth = await mal.chain(Audience.ROOM, 4);
  await alone.says(mal, await fourth.skdm(alone.target), await fourth.msg("on", { before: 17 }));
  assertEquals((await alone.event("gap")).missing, 10);
  assertEquals(await alone.text(), "on");
  await alone.says(mal, await fourth.msg("and on", { before: 17 }));
  assertEquals(await alone.text(), "and on");
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room counts missing messages for each audience, from its own first on", async () => {
  const { chain, mal, alone } = await open();
  const direct = await mal.chain(Audience.DIRECT, 3);
  await alone.says(
    mal,
    await chain.msg("to all", { before: 1000 }),
    await direct.skdm(alone.target),
    await direct.msg("to you", { before: 50 }),
    await chain.msg("to all", { before: 1000 }),
  );
  for (const text of ["to all", "to you", "to all"]) assertEquals(await alone.text(), text);
  const next = await mal.chain(Audience.DIRECT, 4);
  await alone.says(mal, await next.skdm(alone.target), await next.msg("to you", { before: 52 }));
  assertEquals((await alone.event("gap")).missing, 1);
  assertEquals(await alone.text(), "to you");
  await alone.close();
});

test("Room ignores a count of messages that goes backwards, and follows one past 2^32", async () => {
  const { chain, mal, alone } = await open();
  const last = 0xffff_ffff;
  await alone.says(mal, await chain.msg("one", { before: last }));
  assertEquals(await alone.text(), "one");
  await alone.says(mal, await chain.msg("two", { before: last }));
  assertEquals(await alone.text(), "two");
  const next = await mal.chain(Audience.ROOM, 2);
  await alone.says(mal, await next.skdm(alone.target), await next.msg("four", { before: 2 }));
  assertEquals((await alone.event("gap")).missing, 1);
  assertEquals(await alone.text(), "four");
  const back = await mal.chain(Audience.ROOM, 3);
  await alone.says(mal, await back.skdm(alone.target), await back.msg("back", { before: 0 }));
  assertEquals(await alone.text(), "back");
  await alone.close();
});

test("Room skips at most 2,000 messages", async () => {
  const { bob, chain, mal, alone } = await open();
  await alone.relay.settle();
  alone.clock.advance(1000); // The SKDM was a part of the same budget.
  const before = chain.chainKey;
  await chain.skip(2001);
  const tooFar = await chain.msg("too far");
  chain.chainKey = before;
  chain.index = 0;
  await chain.skip(2000);
  await alone.says(mal, tooFar, await chain.msg("just near enough"));
  assertEquals((await alone.event("gap")).missing, 2000);
  assertEquals(await alone.text(), "just near enough");
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room shows messages of others before it derives the keys that hostile members skip", async () => {
  const names = ["bob", "mal", "eve", "sam"];
  const members = await Promise.all(names.map((name) => Puppet.create(name)));
  const [bob, ...strangers] = members as [Puppet, ...Puppet[]];
  const alone = await RoomAlone.open({ before: members });
  const floods = await Promise.all(strangers.map(async (stranger) => {
    const chain = await stranger.chain();
    await alone.says(stranger, await chain.skdm(alone.target));
    // None of them is right, which shows once their keys are derived.
    const lies = { index: 1999, commitment: randomBytes(32) };
    return await Promise.all(Array.from({ length: 60 }, () => chain.msg("skip", lies)));
  }));
  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(alone.target));
  const hello = await chain.msg("hello");
  await alone.relay.settle();
  using derived = new DerivedKeys();
  for (const [i, flood] of floods.entries()) await alone.says(strangers[i]!, ...flood);
  await alone.says(bob, hello);
  assertEquals(await alone.text(), "hello");
  await alone.relay.settle();
  const count = derived.count;
  assert(count <= 4001, `${count} keys were derived`);
  await alone.close();
});

test("Room makes no member wait for one that skips messages, and handles that one in time", async () => {
  const { bob, chain, mal, alone } = await open();
  await chain.skip(1000);
  await alone.says(mal, await chain.msg("one"));
  assertEquals((await alone.event("gap")).missing, 1000);
  assertEquals(await alone.text(), "one");
  await chain.skip(1000);
  await alone.says(mal, await chain.msg("two"), await chain.msg("three"));
  await alone.assertStillHears(bob);
  alone.clock.advance(1000); // Only 750 of 2,000 were left beside the SKDM.
  assertEquals((await alone.event("gap")).missing, 1000);
  assertEquals([await alone.text(), await alone.text()], ["two", "three"]);
  await alone.close();
});

test("Room shows 20,000 texts of one member at once, and makes no member wait for more", async () => {
  const { bob, chain, mal, alone } = await open();
  for (const msg of await batches(chain, 100)) await alone.says(mal, msg);
  await alone.relay.settle();
  // Each has 256 texts in two KiB.
  assertEquals(alone.events.rest().length, 77 * 256);
  await alone.assertStillHears(bob);
  // Its messages from before it left are shown, and no faster.
  await alone.tell(mal, MemberChange.LEFT);
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  for (let i = 0; i < 23; i++) {
    alone.clock.advance(13);
    for (let j = 0; j < 256; j++) assertEquals(await alone.text(), "x");
  }
  assertEquals((await alone.event("left")).member.name, "mal");
  await alone.close();
});

test("Room shows all texts that waited for it at once, whatever their number", async () => {
  const { chain, mal, alone } = await open();
  await alone.relay.settle();
  const missed = await batches(chain, 100);
  await alone.resume([mal], missed.length);
  for (const msg of missed) await alone.says(mal, msg);
  await alone.relay.settle();
  const types = alone.events.rest().map(({ event }) => event);
  assertEquals(types, [...Array(100 * 256).fill("message"), "reconnected"]);
  await alone.close();
});

test("Room loses no message of a member that changed its key often while this member was away", async () => {
  const { bob, mal, alone } = await open();
  await alone.relay.settle();
  const missed: Bytes[] = [];
  const names: string[] = [];
  for (let epoch = 2; epoch < 32; epoch++) {
    const chain = await mal.chain(Audience.ROOM, epoch);
    missed.push(await chain.skdm(alone.target));
    for (let i = 0; i < 8; i++) {
      names.push(`${epoch} ${i}`);
      missed.push(await chain.msg(names.at(-1)!.padEnd(16_000, ".")));
    }
  }
  await alone.resume([bob, mal], missed.length);
  for (const object of missed) await alone.says(mal, object);
  await alone.relay.settle();
  for (const [i, name] of names.entries()) {
    if (i % 8 === 0) alone.clock.advance(1000); // Another key is due.
    const { text } = await alone.events.find((event) => event.event === "message");
    assertEquals(text.slice(0, name.length + 1), `${name}.`);
  }
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room spends a member's budget for skips only on messages that the member signed", async () => {
  const { chain, mal, alone } = await open();
  const signer = await generateSigningKey();
  for (let i = 0; i < 20; i++) {
    await alone.says(mal, await chain.msg("forged", { index: 50, signer }));
  }
  await chain.skip(1);
  await alone.says(mal, await chain.msg("honest"));
  assertEquals((await alone.event("gap")).missing, 21);
  assertEquals(await alone.text(), "honest");
  await alone.close();
});

test("Room shows no text forged by a holder of the chain key", async () => {
  // Mal has bob's chain key, as every reader has; the seal is right, the signature is not bob's.
  const { bob, mal, alone } = await open();
  const bobs = await bob.chain();
  await alone.says(bob, await bobs.skdm(alone.target));
  const forged = await bob.chain();
  forged.chainKey = bobs.chainKey;
  const lie = await forged.msg("I resign", { chainId: await bobs.id() });
  // The seal opens under the key that the room derives.
  const { header, nonce, sealed } = decodeMsg(lie);
  const { key } = await ratchet(bobs.chainKey);
  assert(await (await CipherKey.import(key)).open(nonce, sealed, header) !== undefined);
  await alone.says(bob, lie);
  await alone.says(mal, lie);
  await alone.relay.settle();
  await alone.says(bob, await bobs.msg("good morning"));
  assertEquals(await alone.text(), "good morning");
  await alone.assertStillHears(mal);
  await alone.close();
});

test("Room shows no text whose commitment does not match its key", async () => {
  // A chain of which two members hold different keys, so that one MSG could say two things.
  const { bob, mal, alone } = await open();
  const two = await mal.chain(Audience.ROOM, 2);
  const one = await alone.relay.settle().then(async () => await two.skdm(alone.target));
  const other = two.chainKey;
  two.chainKey = randomBytes(32);
  const salamander = await two.msg("two texts in one");
  two.chainKey = (await ratchet(other)).next;
  await alone.says(mal, one, salamander);
  await alone.relay.settle();
  await alone.says(mal, await two.msg("one text"));
  assertEquals((await alone.event("gap")).missing, 1);
  assertEquals(await alone.text(), "one text");
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room shows a private message as private even if the relay sends it to the room", async () => {
  const { bob, chain, mal, alone } = await open(Audience.DIRECT);
  await alone.says(mal, await chain.msg("psst")); // `says` uses a room envelope.
  assertEquals((await alone.event("message")).private, true);
  const room = await mal.chain(Audience.ROOM, 9);
  const { seq } = alone.relay;
  await alone.relay.send({
    type: "batch",
    envelopes: [await room.skdm(alone.target), await room.msg("hear ye")].map((object, i) => ({
      class: 1,
      direct: true,
      from: mal.session,
      seq: seq + 1 + i,
      object,
    })),
  });
  alone.relay.seq += 2;
  const { private: secret, text } = await alone.event("message");
  assertEquals([secret, text], [false, "hear ye"]);
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room separates a member's chain for the room from its private one", async () => {
  const { chain, mal, alone } = await open();
  const direct = await mal.chain(Audience.DIRECT);
  await alone.says(
    mal,
    await chain.msg("to all"),
    await direct.skdm(alone.target),
    await direct.msg("to you"),
    await chain.msg("to all again"),
  );
  const seen = [];
  for (let i = 0; i < 3; i++) {
    const { private: secret, text } = await alone.event("message");
    seen.push([text, secret]);
  }
  assertEquals(seen, [["to all", false], ["to you", true], ["to all again", false]]);
  await alone.close();
});

test("Room shows a text exactly, with its control characters, and an action as an action", async () => {
  const { chain, mal, alone } = await open();
  const nasty = "\x1b]0;pwned\x07 \u202e \0 \r\n \ufeff 👩‍👩‍👧";
  await alone.says(
    mal,
    await chain.msg(nasty),
    await chain.msg("waves", { kind: BodyKind.ACTION }),
    await chain.msg("x".repeat(MAX_TEXT_BYTES)),
  );
  const { kind, text } = await alone.event("message");
  assertEquals([kind, text], ["text", nasty]);
  const action = await alone.event("message");
  assertEquals([action.kind, action.text], ["action", "waves"]);
  assertEquals((await alone.text()).length, MAX_TEXT_BYTES);
  await alone.close();
});

test("Room shows nothing of a MSG with a malformed part", async () => {
  const { bob, chain, mal, alone } = await open();
  const text = { kind: BodyKind.TEXT, text: utf8("half a") };
  const broken = { kind: BodyKind.TEXT, text: new Uint8Array([0xff, 0xfe]) };
  const batch = { kind: BodyKind.BATCH };
  await alone.says(
    mal,
    await chain.msg(broken.text),
    await chain.msg(encodeBatch([text, broken]), batch),
    await chain.msg(encodeBatch([text, { ...text, kind: BodyKind.LEAVE }]), batch),
    await chain.msg(encodeBatch([text]), batch),
    await chain.msg(encodeBatch(Array(MAX_BATCH_ITEMS + 1).fill(text)), batch),
    await chain.msg(encodeBatch([text, text]).slice(0, -1), batch),
    await chain.msg("unknown", { kind: 99 }),
    await chain.msg(encodeBatch([text, { ...text, kind: BodyKind.ACTION }]), batch),
  );
  const shown = [await alone.event("message"), await alone.event("message")];
  assertEquals(shown.map(({ kind, text }) => [kind, text]), [["text", "half a"], [
    "action",
    "half a",
  ]]);
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room shows a sender's time if it is near its own, or was when the message began to wait", async () => {
  const { chain, mal, alone } = await open();
  const now = alone.clock.now();
  const oldest = now - alone.relay.keepMs - 600_000;
  const times = [oldest, now + 600_000, oldest - 1, now + 600_001, 0];
  for (const at of times) await alone.says(mal, await chain.msg("now", { at }));
  const shown = [];
  for (let i = 0; i < times.length; i++) shown.push((await alone.event("message")).at);
  assertEquals(shown, [oldest, now + 600_000, now, now, now]);
  await alone.close();
});

test("Room shows messages before a leave first, and none after it", async () => {
  const { bob, chain, mal, alone } = await open();
  const late = await mal.chain(Audience.ROOM, 2);
  await alone.says(
    mal,
    await late.skdm(alone.target),
    await late.msg("last words"),
  );
  await alone.tell(mal, MemberChange.LEFT, CloseReason.LOST);
  await alone.says(mal, await late.msg("from the grave"), await chain.msg("and older"));
  assertEquals(await alone.text(), "last words");
  const { member, reason } = await alone.event("left");
  assertEquals([member.name, reason], ["mal", "connection-lost"]);
  await alone.relay.settle();
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room shows a member as gone at its leave message", async () => {
  const { bob, chain, mal, alone } = await open();
  await alone.says(
    mal,
    await chain.msg(new Uint8Array(), { kind: BodyKind.HEARTBEAT }),
    await chain.msg(new Uint8Array(), { kind: BodyKind.LEAVE }),
    await chain.msg("from the grave"),
  );
  assertEquals((await alone.event("left")).reason, "left");
  await alone.tell(mal, MemberChange.LEFT, CloseReason.LEAVING);
  await alone.relay.settle();
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room ignores a leave in a private message", async () => {
  const { chain, mal, alone } = await open(Audience.DIRECT);
  await alone.says(
    mal,
    await chain.msg(new Uint8Array(), { kind: BodyKind.LEAVE }),
    await chain.msg("still here"),
  );
  assertEquals(await alone.text(), "still here");
  await alone.close();
});

test("Room warns once that a member's key has not come, after the member had time to send it", async () => {
  const { bob, mal, alone } = await open();
  const lost = await mal.chain(Audience.ROOM, 2);
  await alone.says(mal, await lost.msg("one"));
  await alone.pass(10_001);
  await alone.says(mal, await lost.msg("two"));
  await alone.relay.settle();
  await alone.pass(29_999);
  await alone.says(mal, await lost.msg("three"));
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  alone.clock.advance(1);
  await alone.says(mal, await lost.msg("four"), await lost.msg("five"));
  const { code, message } = await alone.event("warning");
  assertEquals([code, message.includes("mal")], ["messages-missing", true]);
  await alone.assertStillHears(bob);
  await alone.assertStillHears(mal);
  await alone.says(mal, await lost.msg("six"));
  await alone.relay.settle();
  await alone.pass(30_000);
  await alone.says(mal, await lost.msg("seven"));
  assertEquals((await alone.event("warning")).code, "messages-missing");
  await alone.close();
});

test("Room does not warn of messages that a member sealed before it was suspended", async () => {
  const { bob, mal, alone } = await open();
  const before = await mal.chain(Audience.ROOM, 2);
  await alone.pass(60_000);
  // A message from before it could know this member, and a heartbeat that was due.
  await alone.says(
    mal,
    await before.msg("to somebody else"),
    await before.msg(new Uint8Array(), { kind: BodyKind.HEARTBEAT }),
    await before.skdm(alone.target),
  );
  await alone.pass(60_000);
  await alone.says(mal, await before.msg("to all"));
  assertEquals(await alone.text(), "to all");
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room shows why a member left", async () => {
  const reasons = [
    [CloseReason.LEAVING, "left"],
    [CloseReason.LOST, "connection-lost"],
    [CloseReason.PROTOCOL, "connection-lost"],
    // A decision that the host has not signed does not count.
    [CloseReason.KICKED, "connection-lost"],
    [CloseReason.BANNED, "connection-lost"],
    [CloseReason.TOO_SLOW, "too-slow"],
  ] as const;
  const puppets = await Promise.all(reasons.map((_, i) => Puppet.create(`number ${i}`)));
  const alone = await RoomAlone.open({ before: puppets });
  for (const [i, [reason, expected]] of reasons.entries()) {
    await alone.tell(puppets[i]!, MemberChange.LEFT, reason);
    assertEquals((await alone.event("left")).reason, expected);
  }
  await alone.close();
});

test("Room survives garbage of every object type and size", async () => {
  const { bob, mal, alone } = await open();
  for (const type of [0, ObjectType.ANNOUNCE, ObjectType.SKDM, ObjectType.MSG, 0x23, 0xff]) {
    for (const size of [1, 2, 113, 257, 622, 16_833, 33_000]) {
      await alone.says(mal, randomBytes(size).fill(type, 0, 1));
    }
  }
  await alone.relay.settle();
  await alone.assertStillHears(bob);
  await alone.assertStillHears(mal);
  await alone.close();
});

test("Room goes on in all other queues after a fault in one", async () => {
  const bob = await Puppet.create("bob");
  const mal = await Puppet.create("mal");
  const alone = await RoomAlone.open({
    before: [bob, mal],
    keys: (clock) => new FaultyKeys(clock),
  });
  const chain = await mal.chain();
  await alone.says(mal, await chain.skdm(alone.target), await chain.msg("unheard"));
  const { code } = await alone.event("warning");
  assertEquals(code, "internal");
  const carol = await Puppet.create("carol");
  await alone.join(carol);
  await alone.tell(bob, MemberChange.LEFT);
  assertEquals((await alone.event("left")).member.name, "bob");
  // The queue itself goes on, too.
  await alone.tell(mal, MemberChange.LEFT);
  assertEquals((await alone.event("left")).member.name, "mal");
  await alone.close();
});
