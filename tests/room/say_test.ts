import { assert, assertEquals } from "@std/assert";
import { toBase64Url, utf8 } from "../../lib/bytes/mod.ts";
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
import { Puppet } from "../support/puppet.ts";
import { Stage, type StageOptions } from "../support/stage.ts";
import { test } from "../support/test.ts";
import { World } from "../support/world.ts";

async function openWith(...names: string[]): Promise<[Stage, ...Puppet[]]> {
  const puppets = await Promise.all(names.map((name) => Puppet.create(name)));
  return [await Stage.open({ before: puppets }), ...puppets];
}

async function openWithBob(options: StageOptions = {}): Promise<{ stage: Stage; bob: Puppet }> {
  const bob = await Puppet.create("bob");
  return { stage: await Stage.open({ before: [bob], ...options }), bob };
}

/** What all of an inner part says. */
function textsOf({ body, kind }: Inner): string[] {
  const items = kind === BodyKind.BATCH ? decodeBatch(body) : [{ kind, text: body }];
  return items.map(({ text }) => new TextDecoder().decode(text));
}

/** What a puppet reads in all that was sent to it, in order; whether privately. */
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

test("Room.say refuses nothing, and more than 16,384 bytes of UTF-8, before anything is sent", async () => {
  const { bob, stage } = await openWithBob();
  const count = stage.relay.envelopes.all.length;
  await assertFails(stage.room.say(""), "empty-message");
  await assertFails(stage.room.say("x".repeat(MAX_TEXT_BYTES + 1)), "message-too-long", "16385");
  await assertFails(stage.room.say("é".repeat(MAX_TEXT_BYTES / 2) + "x"), "message-too-long");
  await assertFails(stage.room.say("x".repeat(10_000_000)), "message-too-long");
  await assertFails(stage.room.say("", { to: "nobody" }), "empty-message");
  assertEquals(stage.relay.envelopes.all.length, count);

  const longest = ["x".repeat(MAX_TEXT_BYTES), "é".repeat(MAX_TEXT_BYTES / 2), "👋".repeat(4096)];
  await Promise.all(longest.map((text) => stage.room.say(text)));
  const read = await readBy(bob, stage.relay.envelopes.all);
  assertEquals(read.map(({ texts }) => texts), longest.map((text) => [text]));
  await stage.close();
});

test("Room.say resolves once the relay has taken the message, not before", async () => {
  const { stage } = await openWithBob();
  stage.relay.acknowledges = false;
  let done = false;
  const said = stage.room.say("hello").then(() => done = true);
  await stage.relay.object(ObjectType.MSG);
  await stage.relay.settle();
  assertEquals(done, false);
  // The key alone is not enough.
  const { cmid } = stage.relay.envelopes.all.find(({ object }) => object[0] === ObjectType.SKDM)!;
  await stage.relay.ack(cmid, 0);
  await stage.relay.settle();
  assertEquals(done, false);
  stage.relay.acknowledge();
  await said;
  await stage.close();
});

test("Room.say called 50 times at once counts chain and envelopes up without a gap", async () => {
  const { bob, stage } = await openWithBob();
  const texts = Array.from({ length: 50 }, (_, i) => `${i} `.repeat(1500));
  await Promise.all(texts.map((text) => stage.room.say(text)));
  const { all } = stage.relay.envelopes;
  assertEquals(all.map(({ cmid }) => cmid), all.map((_, i) => i + 1));
  const messages = all.filter(({ object }) => object[0] === ObjectType.MSG);
  assert(messages.length > 10, "so few do not prove much");
  assertEquals(messages.map(({ object }) => decodeMsg(object).index), messages.map((_, i) => i));
  const chains = new Set(messages.map(({ object }) => decodeMsg(object).chainId.join()));
  const nonces = new Set(messages.map(({ object }) => decodeMsg(object).nonce.join()));
  assertEquals([chains.size, nonces.size], [1, messages.length]);
  const read = await readBy(bob, all);
  assertEquals(read.flatMap(({ texts }) => texts), texts);
  await stage.close();
});

test("Room.say puts what waits during a seal into one MSG of at most 16,384 bytes", async () => {
  const { bob, stage } = await openWithBob();
  const short = Array.from({ length: 100 }, (_, i) => `line ${i}`);
  await Promise.all(short.map((text) => stage.room.say(text)));
  const read = await readBy(bob, stage.relay.envelopes.all);
  assertEquals(read.map(({ texts }) => texts.length), [100]);
  assertEquals(read[0]!.texts, short);

  // 5 bytes each beside the text: 8,187 + 8,187 + 10 are 16,384, one byte more is too much.
  const before = stage.relay.envelopes.all.length;
  const pairs = [8187, 8187, 8188, 8187, 1].map((size) => "x".repeat(size));
  await Promise.all(pairs.map((text) => stage.room.say(text)));
  const sizes = (await readBy(bob, stage.relay.envelopes.all.slice(before)))
    .map(({ texts }) => texts.map(({ length }) => length));
  assertEquals(sizes, [[8187, 8187], [8188], [8187, 1]]);
  await stage.close();
});

test("Room.say keeps the order of texts, actions and private messages", async () => {
  const [stage, bob, carol] = await openWith("bob", "carol") as [Stage, Puppet, Puppet];
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
      stage.room.say(text, { to, kind: i % 2 === 0 ? "text" : "action" })
    ),
  );
  const { all } = stage.relay.envelopes;
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
  await stage.close();
});

test("Room.say sends a private message to that session alone", async () => {
  const [stage, bob, carol] = await openWith("bob", "carol") as [Stage, Puppet, Puppet];
  await stage.room.say("hi all");
  const before = stage.relay.envelopes.all.length;
  const { tag } = stage.room.members[0]!;
  for (const to of ["bob", `bob#${tag}`, toBase64Url(bob.identity.publicKey)]) {
    await stage.room.say(`to ${to}`, { to });
  }
  const sent = stage.relay.envelopes.all.slice(before);
  assertEquals(sent.map(({ to }) => to), sent.map(() => bob.session));
  // Carol has seen it all pass, and holds the room's key.
  await readBy(carol, stage.relay.envelopes.all.slice(0, before));
  for (const { object } of sent.filter(({ object }) => object[0] === ObjectType.MSG)) {
    assertEquals(await carol.tryAll(object, 10), undefined);
  }
  await readBy(bob, stage.relay.envelopes.all.slice(0, before));
  const read = await readBy(bob, sent);
  assertEquals(read.length, 3);
  await stage.close();
});

test("Room.say knows nobody by an unknown name, by that of several, or of one who left", async () => {
  const [stage, bob, , lost] = await openWith("bob", "carol", "lost") as [
    Stage,
    Puppet,
    Puppet,
    Puppet,
  ];
  const twin = await Puppet.create("bob");
  await stage.join(twin);
  const { tag } = stage.room.members[0]!;
  for (const to of ["bob", `bob#${tag}`, toBase64Url(bob.identity.publicKey)]) {
    await assertFails(stage.room.say("psst", { to }), "no-such-member", "several");
  }
  for (const to of ["ada", "Carol", "carol#aaaaaaaa", "", "x".repeat(43)]) {
    await assertFails(stage.room.say("psst", { to }), "no-such-member", "nobody");
  }
  await stage.tell(lost, MemberChange.AWAY);
  await stage.event("lost");
  await stage.room.say("psst", { to: "lost" });
  await stage.tell(lost, MemberChange.LEFT);
  await stage.event("left");
  await assertFails(stage.room.say("psst", { to: "lost" }), "no-such-member");
  await stage.tell(twin, MemberChange.LEFT);
  await stage.event("left");
  await stage.room.say("psst", { to: "bob" });
  await stage.close();
});

test("Room.say takes what looks like a key for a key, never for a name", async () => {
  const bob = await Puppet.create("bob");
  const key = toBase64Url(bob.identity.publicKey);
  const mal = await Puppet.create(key, "mal");
  const stage = await Stage.open({ before: [bob, mal] });
  await stage.room.say("for bob", { to: key });
  assertEquals(stage.relay.envelopes.all.at(-1)!.to, bob.session);
  await stage.tell(bob, MemberChange.LEFT);
  await stage.event("left");
  await assertFails(stage.room.say("for bob", { to: key }), "no-such-member");
  await stage.room.say("for mal", { to: `${key}#${stage.room.members[0]!.tag}` });
  assertEquals(stage.relay.envelopes.all.at(-1)!.to, mal.session);
  await stage.close();
});

test("Room.say fails for one who leaves before it is sealed, and sends the others", async () => {
  const [stage, bob, carol] = await openWith("bob", "carol") as [Stage, Puppet, Puppet];
  stage.relay.acknowledges = false;
  // Nothing is sealed beyond the window, so that the last ones wait.
  const filler = Array.from({ length: 17 }, () => stage.room.say("x".repeat(MAX_TEXT_BYTES)));
  const toBob = stage.room.say("for bob", { to: "bob" });
  const toCarol = stage.room.say("for carol", { to: "carol" });
  const refused = assertFails(toBob, "no-such-member", "has left");
  // Two announcements, two keys, and all but the last that is for the room.
  await stage.relay.envelopes.count(2 + 2 + 16);
  await stage.tell(bob, MemberChange.LEFT);
  await stage.event("left");
  stage.relay.acknowledges = true;
  stage.relay.acknowledge();
  // The last for the room needs a new chain, as bob has the key to the old one.
  await stage.clock.timer(1000);
  stage.clock.advance(1000);
  await refused;
  await Promise.all([...filler, toCarol]);
  const read = await readBy(carol, stage.relay.envelopes.all);
  assertEquals(read.at(-1), { texts: ["for carol"], direct: true });
  await stage.close();
});

test("Room.say fails at once where nobody else is", async () => {
  const stage = await Stage.open();
  await assertFails(stage.room.say("hello?"), "nobody-here");
  const bob = await Puppet.create("bob");
  await stage.join(bob);
  await stage.room.say("hello!");
  await stage.tell(bob, MemberChange.LEFT);
  await stage.event("left");
  await assertFails(stage.room.say("hello?"), "nobody-here");
  await stage.close();
});

test("Room.say waits for a first member as long as it is told to", async () => {
  const stage = await Stage.open({ waitMs: 5000 });
  const said = ["one", "two"].map((text) => stage.room.say(text));
  await stage.clock.timer(5000);
  stage.clock.advance(4999);
  const bob = await Puppet.create("bob");
  await stage.join(bob);
  await Promise.all(said);
  const read = await readBy(bob, stage.relay.envelopes.all);
  assertEquals(read.flatMap(({ texts }) => texts), ["one", "two"]);
  await stage.close();
});

test("Room.say gives up waiting for a first member", async () => {
  const stage = await Stage.open({ waitMs: 5000 });
  const failures = ["one", "two"].map((text) => assertFails(stage.room.say(text), "nobody-here"));
  await stage.clock.timer(5000);
  stage.clock.advance(5000);
  await Promise.all(failures);
  await stage.close();
});

test("Room.writable waits while 1,000 messages wait, or 1 MiB of them", async () => {
  for (const [count, size] of [[1000, 1], [64, MAX_TEXT_BYTES]] as const) {
    const stage = await Stage.open({ waitMs: 5000 });
    const said = Array.from({ length: count - 1 }, () => stage.room.say("x".repeat(size)));
    await stage.room.writable();
    said.push(stage.room.say("x".repeat(size)));
    let writable = false;
    const waited = stage.room.writable().then(() => writable = true);
    await stage.relay.settle();
    assertEquals(writable, false);
    const bob = await Puppet.create("bob");
    await stage.join(bob);
    await waited;
    await Promise.all(said);
    await stage.close();
  }
});

test("Room seals no more than 256 KiB that the relay has not taken", async () => {
  const { stage } = await openWithBob();
  stage.relay.acknowledges = false;
  const said = Array.from({ length: 40 }, () => stage.room.say("x".repeat(MAX_TEXT_BYTES)));
  // An announcement, a key, and 15 messages are just short of the window: one more follows.
  await stage.relay.envelopes.count(2 + 16);
  await stage.relay.settle();
  const sizes = stage.relay.envelopes.all.map(({ object }) => object.length + 30);
  assert(sizes.reduce((sum, size) => sum + size, 0) < (1 << 18) + 17_000);
  stage.relay.acknowledges = true;
  stage.relay.acknowledge();
  await Promise.all(said);
  await stage.close();
});

/** Tells when the next signature is made, which ends a seal. */
function nextSignature(): Disposable & { readonly made: Promise<void> } {
  const { promise: made, resolve } = Promise.withResolvers<void>();
  const { subtle } = crypto;
  const sign = subtle.sign.bind(subtle);
  subtle.sign = (...args: Parameters<typeof sign>) => sign(...args).finally(resolve);
  return { made, [Symbol.dispose]: () => void Reflect.deleteProperty(subtle, "sign") };
}

test("Room.say fails where sealing has a fault, and what is said then goes", async () => {
  const { bob, stage } = await openWithBob();
  await stage.room.say("before");
  const { clock } = stage;
  const now = clock.now();
  const times = [-1]; // Asked for what is sealed.
  clock.now = () => times.shift() ?? now;
  await assertFails(stage.room.say("faulty"), "internal");
  await stage.room.say("after");
  const read = await readBy(bob, stage.relay.envelopes.all);
  assertEquals(read.map(({ texts }) => texts), [["before"], ["after"]]);
  await stage.close();
});

test("Room.end fails what waits, what is being sealed, and what is not acknowledged", async () => {
  const { stage } = await openWithBob();
  stage.relay.acknowledges = false;
  const first = stage.room.say("not acknowledged");
  await stage.relay.object(ObjectType.MSG);
  // The time is asked for what is being sealed.
  const { clock, room } = stage;
  const now = clock.now();
  const times = [() => (room.end("connection-lost"), now)];
  clock.now = () => times.shift()?.() ?? now;
  using sealed = nextSignature();
  const sealing = room.say("x".repeat(MAX_TEXT_BYTES));
  const waiting = room.say("y".repeat(MAX_TEXT_BYTES));
  await Promise.all([
    assertFails(first, "not-delivered", "Cannot tell"),
    assertFails(sealing, "connection-lost", "Cannot send"),
    assertFails(waiting, "connection-lost", "Cannot send"),
  ]);
  await assertFails(room.say("too late"), "not-delivered");
  await sealed.made;
  await stage.relay.settle();
  await stage.relay.close();
  await stage.ran;
  assertEquals([clock.timers, stage.relay.envelopes.all.length], [0, 3]);
});

test("Room.leave sends what waits, says goodbye, and ends `run`", async () => {
  const { bob, stage } = await openWithBob();
  const said = ["one", "two", "three"].map((text) => stage.room.say(text));
  const left = stage.room.leave();
  await Promise.all(said);
  await stage.relay.records.find((record): record is typeof record => record.type === "close");
  await stage.relay.close();
  assertEquals(await stage.ran, 1);
  await left;
  const inners = [];
  for (const { object } of stage.relay.envelopes.all) {
    if (object[0] !== ObjectType.ANNOUNCE) inners.push(await bob.take(object));
  }
  assertEquals(inners.filter((inner) => inner !== undefined).map(({ kind }) => kind), [
    BodyKind.BATCH,
    BodyKind.LEAVE,
  ]);
  stage.room.end("not-delivered");
  assertEquals(stage.clock.timers, 0);
});

test("Room.leave makes no key for a goodbye that nobody could read", async () => {
  const { stage } = await openWithBob();
  const count = stage.relay.envelopes.all.length;
  const left = stage.room.leave();
  await stage.relay.records.find((record): record is typeof record => record.type === "close");
  await stage.relay.close();
  await left;
  assertEquals(stage.relay.envelopes.all.length, count);
  stage.room.end("not-delivered");
  assertEquals(stage.clock.timers, 0);
});

test("Room.leave waits no longer for a relay that is silent than it is told to", async () => {
  const { stage } = await openWithBob();
  stage.relay.acknowledges = false;
  void assertFails(stage.room.say("into the void"), "not-delivered");
  await stage.relay.object(ObjectType.MSG);
  const left = stage.room.leave(700);
  await stage.clock.timer(700);
  await stage.relay.object(ObjectType.MSG);
  stage.clock.advance(700);
  await stage.relay.records.find((record): record is typeof record => record.type === "close");
  await stage.relay.close();
  await left;
  stage.room.end("not-delivered");
  assertEquals(stage.clock.timers, 0);
});

test("Room carries a burst from two senders to everybody once and in order", async () => {
  const world = new World();
  const ada = await world.join("ada");
  const bob = await world.join("bob");
  const carol = await world.join("carol");
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
  await world.close();
});

test("Room packs at most 256 texts in one MSG, and sends no faster than others show them", async () => {
  const { bob, stage } = await openWithBob();
  const lines = Array.from({ length: 11_000 }, (_, i) => `${i}`);
  const said = Promise.all(lines.map((line) => stage.room.say(line)));
  const batches: string[][] = [];
  const shown: string[] = [];
  const { relay } = stage;
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
  const timers = setInterval(() => stage.clock.advance(100));
  await said;
  clearInterval(timers);
  while (shown.length < lines.length) await read();
  assertEquals(shown, lines);
  assertEquals(Math.max(...batches.map(({ length }) => length)), MAX_BATCH_ITEMS);
  await stage.close();
});

test("Room sends text byte for byte", async () => {
  const { bob, stage } = await openWithBob();
  const text = "\x1b[2J \u202e \ufeff\0 \r\n e\u0301 👩‍👩‍👧";
  await stage.room.say(text);
  const [read] = await readBy(bob, stage.relay.envelopes.all);
  assertEquals(utf8(read!.texts[0]!), utf8(text));
  await stage.close();
});
