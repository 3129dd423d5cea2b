import { assert, assertEquals } from "@std/assert";
import { toBase64Url, utf8 } from "../../lib/bytes/mod.ts";
import type { RoomEvent } from "../../lib/room/mod.ts";
import {
  Audience,
  BodyKind,
  decodeBatch,
  decodeMsg,
  decodeSkdm,
  type Inner,
  MAX_BATCH_ITEMS,
  MAX_TEXT_BYTES,
  MemberChange,
  type MemberEnvelope,
  ObjectType,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { CryptoWork } from "../support/crypto_work.ts";
import { Puppet } from "../support/puppet.ts";
import { ack } from "../support/records.ts";
import { RoomAlone, type RoomAloneOptions } from "../support/room_alone.ts";
import { test } from "../support/test.ts";
import { RoomsInMemory } from "../support/rooms_in_memory.ts";

async function openWith(...names: string[]): Promise<[RoomAlone, ...Puppet[]]> {
  const puppets = await Promise.all(names.map((name) => Puppet.create(name)));
  return [await RoomAlone.open({ before: puppets }), ...puppets];
}

async function openWithBob(
  options: RoomAloneOptions = {},
): Promise<{ alone: RoomAlone; bob: Puppet }> {
  const bob = await Puppet.create("bob");
  return { alone: await RoomAlone.open({ before: [bob], ...options }), bob };
}

/** Returns the texts of an inner part. */
function textsOf({ body, kind }: Inner): string[] {
  const items = kind === BodyKind.BATCH ? decodeBatch(body) : [{ kind, text: body }];
  return items.map(({ text }) => new TextDecoder().decode(text));
}

/** Returns the texts of messages. */
function textsIn(events: readonly RoomEvent[]): string[] {
  return events.flatMap((event) => event.event === "message" ? [event.text] : []);
}

/** Returns the texts that a puppet reads, in order, and whether each is private. */
async function readBy(
  puppet: Puppet,
  envelopes: readonly MemberEnvelope[],
): Promise<{ texts: string[]; direct: boolean }[]> {
  const read = [];
  for (const { object, to } of envelopes) {
    if (object[0] === ObjectType.ANNOUNCE) continue;
    if (to !== undefined && to.some((byte, i) => byte !== puppet.session[i])) continue;
    const inner = await puppet.take(object);
    if (inner !== undefined) read.push({ texts: textsOf(inner), direct: to !== undefined });
  }
  return read;
}

test("Room.say refuses an empty text and more than 16,384 bytes of UTF-8", async () => {
  const { bob, alone } = await openWithBob();
  const count = alone.relay.envelopes.all.length;
  await assertFails(alone.room.say(""), "empty-message");
  await assertFails(alone.room.say("x".repeat(MAX_TEXT_BYTES + 1)), "message-too-long", "16385");
  await assertFails(alone.room.say("é".repeat(MAX_TEXT_BYTES / 2) + "x"), "message-too-long");
  await assertFails(alone.room.say("x".repeat(10_000_000)), "message-too-long");
  await assertFails(alone.room.say("", { to: "nobody" }), "empty-message");
  assertEquals(alone.relay.envelopes.all.length, count);

  const longest = ["x".repeat(MAX_TEXT_BYTES), "é".repeat(MAX_TEXT_BYTES / 2), "👋".repeat(4096)];
  await Promise.all(longest.map((text) => alone.room.say(text)));
  const read = await readBy(bob, alone.relay.envelopes.all);
  assertEquals(read.map(({ texts }) => texts), longest.map((text) => [text]));
  await alone.close();
});

test("Room.say resolves once the relay has accepted the message", async () => {
  const { alone } = await openWithBob();
  alone.relay.acknowledges = false;
  let done = false;
  const said = alone.room.say("hello").then(() => done = true);
  await alone.relay.object(ObjectType.MSG);
  await alone.relay.settle();
  assertEquals(done, false);
  // The key by itself is not enough.
  const { cmid } = alone.relay.envelopes.all.find(({ object }) => object[0] === ObjectType.SKDM)!;
  await alone.relay.ack(cmid, 0);
  await alone.relay.settle();
  assertEquals(done, false);
  alone.relay.acknowledge();
  await said;
  await alone.close();
});

test("Room.say calls back between the events of what came before it at the host and after", async () => {
  const { alone, bob } = await openWithBob();
  const { relay } = alone;
  relay.acknowledges = false;
  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(alone.target));
  const order: string[] = [];
  const onAccepted = (): void => void order.push(...textsIn(alone.events.rest()), "question");
  const said = alone.room.say("question", { onAccepted });
  const { cmid } = await relay.object(ObjectType.MSG);
  const seq = relay.seq + 1;
  await relay.send({ type: "ack", accepted: cmid, delivered: 0, reached: 0, seq });
  await alone.says(bob, await chain.msg("before"), await chain.msg("after"));
  await relay.settle();
  order.push(...textsIn(alone.events.rest()));
  assertEquals(order, ["before", "question", "after"]);
  await said;
  await alone.close();
});

test("Room.say numbers 50 concurrent messages and their envelopes without a gap", async () => {
  const { bob, alone } = await openWithBob();
  const texts = Array.from({ length: 50 }, (_, i) => `${i} `.repeat(1500));
  await Promise.all(texts.map((text) => alone.room.say(text)));
  const { all } = alone.relay.envelopes;
  assertEquals(all.map(({ cmid }) => cmid), all.map((_, i) => i + 1));
  const messages = all.filter(({ object }) => object[0] === ObjectType.MSG);
  assert(messages.length > 10, "so few do not prove much");
  assertEquals(messages.map(({ object }) => decodeMsg(object).index), messages.map((_, i) => i));
  const chains = new Set(messages.map(({ object }) => decodeMsg(object).chainId.join()));
  const nonces = new Set(messages.map(({ object }) => decodeMsg(object).nonce.join()));
  assertEquals([chains.size, nonces.size], [1, messages.length]);
  const read = await readBy(bob, all);
  assertEquals(read.flatMap(({ texts }) => texts), texts);
  await alone.close();
});

test("Room.say batches messages that wait during a seal into a MSG of at most 16,384 bytes", async () => {
  const { bob, alone } = await openWithBob();
  const short = Array.from({ length: 100 }, (_, i) => `line ${i}`);
  await Promise.all(short.map((text) => alone.room.say(text)));
  const read = await readBy(bob, alone.relay.envelopes.all);
  assertEquals(read.map(({ texts }) => texts.length), [100]);
  assertEquals(read[0]!.texts, short);

  // 5 bytes each beside the text: 8,187 + 8,187 + 10 are 16,384, one byte more is too much.
  const before = alone.relay.envelopes.all.length;
  const pairs = [8187, 8187, 8188, 8187, 1].map((size) => "x".repeat(size));
  await Promise.all(pairs.map((text) => alone.room.say(text)));
  const sizes = (await readBy(bob, alone.relay.envelopes.all.slice(before)))
    .map(({ texts }) => texts.map(({ length }) => length));
  assertEquals(sizes, [[8187, 8187], [8188], [8187, 1]]);
  await alone.close();
});

test("Room.say keeps the order of texts, actions and private messages", async () => {
  const [alone, bob, carol] = await openWith("bob", "carol") as [RoomAlone, Puppet, Puppet];
  const script: [string, string | undefined][] = [
    ["one", undefined],
    ["two", undefined],
    ["to bob", "bob"],
    ["three", undefined],
    ["to carol", "carol"],
    ["to carol too", "carol"],
    ["to bob again", "bob"],
    ["four", undefined],
  ];
  await Promise.all(
    script.map(([text, to], i) =>
      alone.room.say(text, { to, kind: i % 2 === 0 ? "text" : "action" })
    ),
  );
  const { all } = alone.relay.envelopes;
  for (const [puppet, name] of [[bob, "bob"], [carol, "carol"]] as const) {
    const read = await readBy(puppet, all);
    assertEquals(
      read.flatMap(({ direct, texts }) => texts.map((text) => [text, direct])),
      script.filter(([, to]) => to === undefined || to === name)
        .map(([text, to]) => [text, to !== undefined]),
    );
  }
  const skdms = all.filter(({ object }) => object[0] === ObjectType.SKDM);
  const audiences = skdms.map(({ object }) => decodeSkdm(object).audience).sort();
  const { DIRECT, ROOM } = Audience;
  assertEquals(audiences, [ROOM, ROOM, DIRECT, DIRECT]);
  await alone.close();
});

test("Room.say sends a private message to its reader only", async () => {
  const [alone, bob, carol] = await openWith("bob", "carol") as [RoomAlone, Puppet, Puppet];
  await alone.room.say("hi all");
  const before = alone.relay.envelopes.all.length;
  const { tag } = alone.room.members[0]!;
  for (const to of ["bob", `bob#${tag}`, toBase64Url(bob.identity.publicKey)]) {
    await alone.room.say(`to ${to}`, { to });
  }
  const sent = alone.relay.envelopes.all.slice(before);
  assertEquals(sent.map(({ to }) => to), sent.map(() => bob.session));
  // Carol has seen it all pass, and holds the room's key.
  await readBy(carol, alone.relay.envelopes.all.slice(0, before));
  for (const { object } of sent.filter(({ object }) => object[0] === ObjectType.MSG)) {
    assertEquals(await carol.tryAll(object, 10), undefined);
  }
  await readBy(bob, alone.relay.envelopes.all.slice(0, before));
  const read = await readBy(bob, sent);
  assertEquals(read.length, 3);
  await alone.close();
});

test("Room.say fails for a name that is unknown, ambiguous, or of a member that left", async () => {
  const [alone, bob, , lost] = await openWith("bob", "carol", "lost") as [
    RoomAlone,
    Puppet,
    Puppet,
    Puppet,
  ];
  const twin = await Puppet.create("bob");
  await alone.join(twin);
  const { tag } = alone.room.members[0]!;
  for (const to of ["bob", `bob#${tag}`, toBase64Url(bob.identity.publicKey)]) {
    await assertFails(alone.room.say("psst", { to }), "no-such-member", "Several");
  }
  for (const to of ["ada", "Carol", "carol#aaaaaaaa", "", "x".repeat(43)]) {
    await assertFails(alone.room.say("psst", { to }), "no-such-member", "No such member");
  }
  await alone.tell(lost, MemberChange.AWAY);
  await alone.event("lost");
  await alone.room.say("psst", { to: "lost" });
  await alone.tell(lost, MemberChange.LEFT);
  await alone.event("left");
  await assertFails(alone.room.say("psst", { to: "lost" }), "no-such-member");
  await alone.tell(twin, MemberChange.LEFT);
  await alone.event("left");
  await alone.room.say("psst", { to: "bob" });
  await alone.close();
});

test("Room.say treats an addressee in the form of a key as a key, never as a name", async () => {
  const bob = await Puppet.create("bob");
  const key = toBase64Url(bob.identity.publicKey);
  const mal = await Puppet.create(key, "mal");
  const alone = await RoomAlone.open({ before: [bob, mal] });
  await alone.room.say("for bob", { to: key });
  assertEquals(alone.relay.envelopes.all.at(-1)!.to, bob.session);
  await alone.tell(bob, MemberChange.LEFT);
  await alone.event("left");
  await assertFails(alone.room.say("for bob", { to: key }), "no-such-member");
  await alone.room.say("for mal", { to: `${key}#${alone.room.members[0]!.tag}` });
  assertEquals(alone.relay.envelopes.all.at(-1)!.to, mal.session);
  await alone.close();
});

test("Room.say fails if its reader leaves before it is sealed, and sends later messages", async () => {
  const [alone, bob, carol] = await openWith("bob", "carol") as [RoomAlone, Puppet, Puppet];
  alone.relay.acknowledges = false;
  // Nothing is sealed beyond the window, so that the last ones wait.
  const filler = Array.from({ length: 17 }, () => alone.room.say("x".repeat(MAX_TEXT_BYTES)));
  const toBob = alone.room.say("for bob", { to: "bob" });
  const toCarol = alone.room.say("for carol", { to: "carol" });
  const refused = assertFails(toBob, "no-such-member", "has left");
  // Two announcements, two keys, and all but the last that is for the room.
  await alone.relay.envelopes.count(2 + 2 + 16);
  await alone.tell(bob, MemberChange.LEFT);
  await alone.event("left");
  alone.relay.acknowledges = true;
  alone.relay.acknowledge();
  // The last for the room needs a new chain, as bob has the key to the old one.
  await alone.clock.timer(1000);
  alone.clock.advance(1000);
  await refused;
  await Promise.all([...filler, toCarol]);
  const read = await readBy(carol, alone.relay.envelopes.all);
  assertEquals(read.at(-1), { texts: ["for carol"], direct: true });
  await alone.close();
});

test("Room.say fails at once without other members", async () => {
  const alone = await RoomAlone.open();
  await assertFails(alone.room.say("hello?"), "nobody-here");
  const bob = await Puppet.create("bob");
  await alone.join(bob);
  await alone.room.say("hello!");
  await alone.tell(bob, MemberChange.LEFT);
  await alone.event("left");
  await assertFails(alone.room.say("hello?"), "nobody-here");
  await alone.close();
});

test("Room.say waits `waitMs` for a first member", async () => {
  const alone = await RoomAlone.open({ waitMs: 5000 });
  const said = ["one", "two"].map((text) => alone.room.say(text));
  await alone.clock.timer(5000);
  alone.clock.advance(4999);
  const bob = await Puppet.create("bob");
  await alone.join(bob);
  await Promise.all(said);
  const read = await readBy(bob, alone.relay.envelopes.all);
  assertEquals(read.flatMap(({ texts }) => texts), ["one", "two"]);
  await alone.close();
});

test("Room.say fails if no first member comes in time", async () => {
  const alone = await RoomAlone.open({ waitMs: 5000 });
  const failures = ["one", "two"].map((text) => assertFails(alone.room.say(text), "nobody-here"));
  await alone.clock.timer(5000);
  alone.clock.advance(5000);
  await Promise.all(failures);
  await alone.close();
});

test("Room.writable waits while 1,000 messages or 1 MiB of them wait", async () => {
  for (const [count, size] of [[1000, 1], [64, MAX_TEXT_BYTES]] as const) {
    const alone = await RoomAlone.open({ waitMs: 5000 });
    const said = Array.from({ length: count - 1 }, () => alone.room.say("x".repeat(size)));
    await alone.room.writable();
    said.push(alone.room.say("x".repeat(size)));
    let writable = false;
    const waited = alone.room.writable().then(() => writable = true);
    await alone.relay.settle();
    assertEquals(writable, false);
    const bob = await Puppet.create("bob");
    await alone.join(bob);
    await waited;
    await Promise.all(said);
    await alone.close();
  }
});

test("Room seals no more while the relay has not accepted 256 KiB", async () => {
  const { alone } = await openWithBob();
  alone.relay.acknowledges = false;
  const said = Array.from({ length: 40 }, () => alone.room.say("x".repeat(MAX_TEXT_BYTES)));
  // An announcement, a key, and 15 messages are just short of the window: one more follows.
  await alone.relay.envelopes.count(2 + 16);
  await alone.relay.settle();
  const sizes = alone.relay.envelopes.all.map(({ object }) => object.length + 30);
  assert(sizes.reduce((sum, size) => sum + size, 0) < (1 << 18) + 17_000);
  alone.relay.acknowledges = true;
  alone.relay.acknowledge();
  await Promise.all(said);
  await alone.close();
});

/** Tells when the next signature is made, which ends a seal. */
function nextSignature(): Disposable & { readonly made: Promise<void> } {
  const { promise: made, resolve } = Promise.withResolvers<void>();
  const { subtle } = crypto;
  const sign = subtle.sign.bind(subtle);
  subtle.sign = (...args: Parameters<typeof sign>) => sign(...args).finally(resolve);
  return { made, [Symbol.dispose]: () => void Reflect.deleteProperty(subtle, "sign") };
}

test("Room.say has the keys of the next message once the host has accepted one", async () => {
  const { alone } = await openWithBob();
  await using work = new CryptoWork();
  await alone.room.say("first");
  await work.take();
  await alone.room.say("second");
  assertEquals((await work.take()).slice(0, 2), ["encrypt", "sign"]);
  await alone.close();
});

test("Room.say fails after a fault in sealing, and later messages are sent", async () => {
  const { bob, alone } = await openWithBob();
  await alone.room.say("before");
  const { clock } = alone;
  const now = clock.now();
  const times = [-1]; // The clock is read for each seal.
  clock.now = () => times.shift() ?? now;
  await assertFails(alone.room.say("faulty"), "internal");
  await alone.room.say("after");
  const read = await readBy(bob, alone.relay.envelopes.all);
  assertEquals(read.map(({ texts }) => texts), [["before"], ["after"]]);
  await alone.close();
});

test("Room.end refuses messages that wait, are being sealed, or are not accepted", async () => {
  const { alone } = await openWithBob();
  alone.relay.acknowledges = false;
  const first = alone.room.say("not acknowledged");
  await alone.relay.object(ObjectType.MSG);
  // The clock was read for the message being sealed.
  const { clock, room } = alone;
  const now = clock.now();
  const times = [() => (room.end("connection-lost"), now)];
  clock.now = () => times.shift()?.() ?? now;
  using sealed = nextSignature();
  const sealing = room.say("x".repeat(MAX_TEXT_BYTES));
  const waiting = room.say("y".repeat(MAX_TEXT_BYTES));
  await Promise.all([
    assertFails(first, "not-delivered", "No confirmation"),
    assertFails(sealing, "connection-lost", "Cannot send"),
    assertFails(waiting, "connection-lost", "Cannot send"),
  ]);
  await assertFails(room.say("too late"), "not-delivered");
  await sealed.made;
  await alone.relay.settle();
  await alone.relay.close();
  await alone.ran;
  assertEquals([clock.timers, alone.relay.envelopes.all.length], [0, 3]);
});

test("Room.leave sends waiting messages and a leave, and ends `run`", async () => {
  const { bob, alone } = await openWithBob();
  const said = ["one", "two", "three"].map((text) => alone.room.say(text));
  const left = alone.room.leave();
  await Promise.all(said);
  await alone.relay.records.find((record): record is typeof record => record.type === "close");
  await alone.relay.close();
  assertEquals(await alone.ran, 1);
  await left;
  const inners = [];
  for (const { object } of alone.relay.envelopes.all) {
    if (object[0] !== ObjectType.ANNOUNCE) inners.push(await bob.take(object));
  }
  assertEquals(inners.filter((inner) => inner !== undefined).map(({ kind }) => kind), [
    BodyKind.BATCH,
    BodyKind.LEAVE,
  ]);
  alone.room.end("not-delivered");
  assertEquals(alone.clock.timers, 0);
});

test("Room.leave acknowledges all that was shown", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  const chain = await bob.chain();
  await alone.resume([bob], 5); // It says no goodbye before all of that has come.
  await alone.says(bob, await chain.skdm(alone.target), await chain.msg("shown last"));
  assertEquals(await alone.text(), "shown last");
  await alone.relay.taken();
  const { seq } = alone.relay;
  alone.relay.records.rest();
  const left = alone.room.leave();
  await alone.relay.records.find((record): record is typeof record => record.type === "close");
  const acks = alone.relay.records.all.filter(({ type }) => type === "ack");
  assertEquals(acks.at(-1), ack(seq));
  await alone.relay.close();
  await Promise.all([left, alone.ran]);
  alone.room.end("not-delivered");
});

test("Room.leave makes no key for a leave without readers", async () => {
  const { alone } = await openWithBob();
  const count = alone.relay.envelopes.all.length;
  const left = alone.room.leave();
  await alone.relay.records.find((record): record is typeof record => record.type === "close");
  await alone.relay.close();
  await left;
  assertEquals(alone.relay.envelopes.all.length, count);
  alone.room.end("not-delivered");
  assertEquals(alone.clock.timers, 0);
});

test("Room.leave waits at most `farewellMs` for a silent relay", async () => {
  const { alone } = await openWithBob();
  alone.relay.acknowledges = false;
  void assertFails(alone.room.say("into the void"), "not-delivered");
  await alone.relay.object(ObjectType.MSG);
  const left = alone.room.leave(700);
  await alone.clock.timer(700);
  await alone.relay.object(ObjectType.MSG);
  alone.clock.advance(700);
  await alone.relay.records.find((record): record is typeof record => record.type === "close");
  await alone.relay.close();
  await left;
  alone.room.end("not-delivered");
  assertEquals(alone.clock.timers, 0);
});

test("Room delivers a burst from two senders to all, each message once and in order", async () => {
  const rooms = new RoomsInMemory();
  const ada = await rooms.join("ada");
  const bob = await rooms.join("bob");
  const carol = await rooms.join("carol");
  const lines = Array.from({ length: 2000 }, (_, i) => i);
  async function burst({ name, room }: typeof ada): Promise<void> {
    const said = [];
    for (const line of lines) {
      await room.writable();
      said.push(room.say(`${name} ${line}`));
    }
    await Promise.all(said);
  }
  await Promise.all([burst(ada), burst(bob)]);
  await carol.texts.count(4000);
  await ada.texts.count(2000);
  await bob.texts.count(2000);
  for (const { name } of [ada, bob]) {
    const expected = lines.map((line) => `${name} ${line}`);
    assertEquals(carol.texts.all.filter((text) => text.startsWith(name)), expected);
  }
  assertEquals(ada.texts.all, lines.map((line) => `bob ${line}`));
  assertEquals(bob.texts.all, lines.map((line) => `ada ${line}`));
  await rooms.close();
});

test("Room packs at most 256 texts into one MSG, and sends no faster than others show them", async () => {
  const { bob, alone } = await openWithBob();
  const lines = Array.from({ length: 11_000 }, (_, i) => `${i}`);
  const said = Promise.all(lines.map((line) => alone.room.say(line)));
  const batches: string[][] = [];
  const shown: string[] = [];
  const { relay } = alone;
  async function read(): Promise<void> {
    const { object } = await relay.object(ObjectType.MSG);
    batches.push(textsOf((await bob.take(object))!));
    shown.push(...batches.at(-1)!);
  }
  await bob.take((await relay.object(ObjectType.SKDM)).object);
  while (shown.length < 10_000 - 2 * MAX_BATCH_ITEMS) await read();
  await relay.settle();
  while (relay.envelopes.all.length > batches.length + 2) await read();
  assert(shown.length < 10_000, `${shown.length} were sent`);
  const timers = setInterval(() => alone.clock.advance(100));
  await said;
  clearInterval(timers);
  while (shown.length < lines.length) await read();
  assertEquals(shown, lines);
  assertEquals(Math.max(...batches.map(({ length }) => length)), MAX_BATCH_ITEMS);
  await alone.close();
});

test("Room sends text byte for byte", async () => {
  const { bob, alone } = await openWithBob();
  const text = "\x1b[2J \u202e \ufeff\0 \r\n e\u0301 👩‍👩‍👧";
  await alone.room.say(text);
  const [read] = await readBy(bob, alone.relay.envelopes.all);
  assertEquals(utf8(read!.texts[0]!), utf8(text));
  await alone.close();
});
