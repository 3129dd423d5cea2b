import { assert, assertEquals } from "@std/assert";
import { equal } from "../../lib/bytes/mod.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import { WINDOW_BYTES } from "../../lib/room/envelope_queue.ts";
import type { Lacking } from "../../lib/room/outbox.ts";
import { SILENT_AFTER_MS } from "../../lib/room/peer.ts";
import {
  decodeAgain,
  decodeNeed,
  encodeAgain,
  encodeNeed,
  ENVELOPE_OVERHEAD_BYTES,
  EnvelopeClass,
  HOST_SESSION,
  MemberChange,
  type MemberEnvelope,
  ObjectType,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { nextTurn } from "../support/clock.ts";
import { identityOf } from "../support/keys.ts";
import { type OwnChain, Puppet } from "../support/puppet.ts";
import { RoomAlone, SCRIPTED_KEEP_MS } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

const { ANNOUNCE, MSG, AGAIN, SKDM } = ObjectType;

/** Time that a member has to answer a NEED, in milliseconds. */
const ANSWER_MS = 10_000;

interface Scene {
  readonly alone: RoomAlone;
  readonly bob: Puppet;
  readonly carol: Puppet;
  /** Bob's chain, which the room has and of which it has heard "before". */
  readonly chain: OwnChain;
}

/** A room in which bob has spoken. */
async function open(): Promise<Scene> {
  const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
  const alone = await RoomAlone.open({ before: [bob, carol] });
  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(alone.target), await chain.msg("before"));
  assertEquals(await alone.text(), "before");
  return { alone, bob, carol, chain };
}

/** Returns the envelopes for a member or for all. */
function meantFor(puppet: Puppet, envelopes: readonly MemberEnvelope[]): MemberEnvelope[] {
  return envelopes.filter(({ to }) => to === undefined || equal(to, puppet.session));
}

/** Returns the texts that a member reads in envelopes, sent for the first time or again. */
async function readBy(puppet: Puppet, envelopes: readonly MemberEnvelope[]): Promise<string[]> {
  const texts: string[] = [];
  for (const { object } of meantFor(puppet, envelopes)) {
    const inner = object[0] === AGAIN ? decodeAgain(object).object : object;
    if (inner?.[0] !== SKDM && inner?.[0] !== MSG) continue;
    const read = await puppet.take(inner);
    if (read?.kind === 1) texts.push(new TextDecoder().decode(read.body));
  }
  return texts;
}

/** All that the room sends again to a member, up to the end of it. */
async function answerTo(alone: RoomAlone, puppet: Puppet): Promise<MemberEnvelope[]> {
  const envelopes: MemberEnvelope[] = [];
  while (true) {
    const envelope = await alone.relay.object(AGAIN, puppet.session);
    envelopes.push(envelope);
    if (decodeAgain(envelope.object).object === undefined) return envelopes;
  }
}

/** Returns the away members that may lack a message, once it is delivered to the others. */
type Watched = { readonly result: readonly string[] | undefined };

function names(lacking: Lacking | undefined): readonly string[] | undefined {
  return lacking?.away.map(({ name }) => name);
}

/** Sends more messages than the window holds; the process accepts them and delivers none. */
async function fill(alone: RoomAlone): Promise<Watched[]> {
  const texts = Array.from({ length: 40 }, (_, i) => `${i} `.padEnd(16_000, "."));
  alone.relay.acknowledges = false;
  const said = texts.map((text) => alone.room.say(text));
  for (let taken = 0; taken < texts.length; taken++) {
    const { cmid } = await alone.relay.object(MSG);
    await alone.relay.ack(cmid, 0);
  }
  return (await Promise.all(said)).map(({ delivered }) => watch(delivered.then(names)));
}

/** Sends a message that the process accepts and never delivers. */
async function lose(alone: RoomAlone): Promise<Watched> {
  alone.relay.acknowledges = false;
  const said = alone.room.say("lost");
  const { cmid } = await alone.relay.object(MSG);
  await alone.relay.ack(cmid, cmid - 1);
  return watch((await said).delivered.then(names));
}

/** Waits until so many MSGs have come on the last connection. */
async function msgs({ relay: { envelopes } }: RoomAlone, count: number): Promise<void> {
  while (envelopes.all.filter(({ object }) => object[0] === MSG).length < count) {
    await envelopes.count(envelopes.all.length + 1);
  }
}

/** Returns the state of a promise and its value. */
function watch<T>(promise: Promise<T>): { readonly result: T | undefined } {
  const seen: { result: T | undefined } = { result: undefined };
  void promise.then((result) => seen.result = result);
  return seen;
}

test("Room asks all present members after a restart, each with its own round", async () => {
  const { bob, carol, alone } = await open();
  const dave = await Puppet.create("dave");
  await alone.restart([bob, carol, dave]);
  const rounds = [await alone.asks(bob), await alone.asks(carol), await alone.asks(dave)];
  assertEquals(new Set(rounds).size, 3);
  await alone.heardBy(dave);
  // And again, as the next process knows nothing of this.
  await alone.restart([bob, carol]);
  const later = [await alone.asks(bob), await alone.asks(carol)];
  assert(Math.min(...later) > Math.max(...rounds));
  await alone.close();
});

test("Room asks no member if the same process has kept its seat", async () => {
  const { bob, carol, alone } = await open();
  await alone.resume([bob, carol]);
  assertEquals(await alone.event("reconnected"), {
    event: "reconnected",
    missed: 0,
    restarted: false,
  });
  await alone.relay.settle();
  assertEquals(alone.relay.envelopes.all, []);
  await alone.close();
});

test("Room shows messages that are sent again before new ones, once, and counts them", async () => {
  const { bob, carol, chain, alone } = await open();
  const lost = [await chain.msg("lost one"), await chain.msg("lost two")];
  const fresh = await chain.msg("fresh");
  await alone.restart([bob, carol]);
  const round = await alone.asks(bob);
  await alone.says(bob, fresh);
  await alone.relay.settle();
  assertEquals(alone.events.rest(), [], "what is newer waits");
  await alone.answers(bob, round, lost, true);
  assertEquals([await alone.text(), await alone.text()], ["lost one", "lost two"]);
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  // A repeated object is neither shown nor reported.
  await alone.answers(bob, round, [...lost, fresh, fresh]);
  assertEquals(await alone.text(), "fresh");
  await alone.relay.settle();
  assertEquals(alone.events.rest(), [], "carol has not answered");
  await alone.answers(carol, await alone.asks(carol), []);
  const { missed, restarted } = await alone.event("reconnected");
  assertEquals([missed, restarted], [3, true]);
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room accepts a key that is sent again, and the messages that it opens", async () => {
  const { bob, carol, chain, alone } = await open();
  const next = await bob.chain(0, 2);
  const lost = [await next.skdm(alone.target), await next.msg("lost", { before: chain.index })];
  await alone.restart([bob, carol]);
  await alone.answers(bob, await alone.asks(bob), lost);
  assertEquals(await alone.text(), "lost");
  await alone.close();
});

test("Room accepts an ANNOUNCE that is sent again, of a member whose join was lost", async () => {
  const { bob, carol, alone } = await open();
  const dave = await Puppet.create("dave");
  await alone.restart([bob, carol, dave]);
  await alone.answers(dave, await alone.asks(dave), [await dave.announce(alone.session)]);
  assertEquals((await alone.event("joined")).member.name, "dave");
  await alone.heardBy(dave);
  await alone.close();
});

test("Room waits 10 s for an answer, then shows what is missing", async () => {
  const { bob, carol, chain, alone } = await open();
  await chain.skip(2);
  const fresh = await chain.msg("fresh");
  await alone.restart([bob, carol]);
  await alone.answers(carol, await alone.asks(carol), []);
  await alone.says(bob, fresh);
  await alone.pass(ANSWER_MS - 1);
  assertEquals(alone.events.rest(), []);
  alone.clock.advance(1);
  const { member, missing } = await alone.event("gap");
  assertEquals([member.name, missing], ["bob", 2]);
  assertEquals(await alone.text(), "fresh");
  assertEquals((await alone.event("reconnected")).missed, 1);
  await alone.close();
});

test("Room does not count the 10 s while it has no connection", async () => {
  const { bob, carol, chain, alone } = await open();
  const [lost, fresh] = [await chain.msg("lost"), await chain.msg("fresh")];
  await alone.restart([bob, carol]);
  const round = await alone.asks(bob);
  await alone.says(bob, fresh);
  await alone.relay.settle();
  const { seq } = alone.relay;
  await alone.cut();
  alone.clock.advance(3 * ANSWER_MS);
  await nextTurn();
  assertEquals(alone.events.rest(), []);
  alone.dial(false);
  await alone.relay.accept({ resumed: true, lastCmid: 0 });
  await alone.relay.resume([bob.entry, carol.entry], 2);
  assertEquals(alone.relay.seq, seq);
  await alone.answers(bob, round, [lost]);
  assertEquals([await alone.text(), await alone.text()], ["lost", "fresh"]);
  await alone.close();
});

test("Room accepts a late answer if nothing newer was shown", async () => {
  const { bob, carol, chain, alone } = await open();
  const lost = await chain.msg("lost");
  await alone.restart([{ ...bob.entry, away: true }, carol]);
  assertEquals((await alone.event("lost")).member.name, "bob");
  const round = await alone.asks(bob);
  await alone.answers(carol, await alone.asks(carol), []);
  await alone.pass(3 * ANSWER_MS);
  await alone.event("reconnected");
  await alone.tell(bob, MemberChange.BACK);
  await alone.event("back");
  await alone.answers(bob, round, [lost]);
  assertEquals(await alone.text(), "lost");
  await alone.close();
});

test("Room holds back at most 8 MiB of one member", async () => {
  const { bob, carol, chain, alone } = await open();
  await chain.skip(1);
  await alone.restart([bob, carol]);
  await alone.asks(bob);
  for (let i = 0; i < 546; i++) await alone.says(bob, await chain.msg("x".repeat(15_000)));
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  await alone.says(bob, await chain.msg("x".repeat(15_000)));
  await alone.relay.settle();
  const shown = alone.events.rest().map(({ event }) => event);
  assertEquals(shown, ["gap", ...Array(547).fill("message")]);
  await alone.assertStillHears(bob);
  await alone.close();
});

test("Room ignores an answer of another round, and of a member that was not asked", async () => {
  const { bob, carol, chain, alone } = await open();
  const [one, two] = [await chain.msg("one"), await chain.msg("two")];
  await alone.answers(bob, 1, [one]);
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  await alone.restart([bob, carol]);
  const round = await alone.asks(bob);
  for (const wrong of [0, round - 1, round + 1, 0xffff_ffff]) {
    if (wrong !== round) await alone.answers(bob, wrong, [two]);
  }
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  await alone.answers(bob, round, [one, two]);
  assertEquals([await alone.text(), await alone.text()], ["one", "two"]);
  await alone.close();
});

test("Room ignores an AGAIN with garbage, another member's object, a NEED or an AGAIN", async () => {
  const { bob, carol, chain, alone } = await open();
  const bobs = await chain.msg("bob says");
  const carols = await carol.chain();
  await alone.restart([bob, carol]);
  const [bobsRound, round] = [await alone.asks(bob), await alone.asks(carol)];
  const before = alone.relay.envelopes.all.length;
  await alone.answers(carol, round, [
    randomBytes(300).fill(MSG, 0, 1),
    randomBytes(622).fill(SKDM, 0, 1),
    randomBytes(700).fill(ANNOUNCE, 0, 1),
    new Uint8Array([0xff]),
    bobs,
    await bob.announce(alone.session),
    await chain.skdm(alone.target),
    await carols.skdm(bob.target),
    encodeNeed(7),
    encodeAgain({ round, object: undefined }),
    encodeAgain({ round, object: bobs }),
  ], true);
  await alone.says(carol, new Uint8Array([AGAIN]), new Uint8Array([AGAIN, 0, 0, 0]));
  await alone.relay.settle();
  assertEquals([alone.events.rest(), alone.relay.envelopes.all.length], [[], before]);
  // Her answer goes on.
  await alone.answers(carol, round, [
    await carols.skdm(alone.target),
    await carols.msg("I am here"),
  ]);
  assertEquals(await alone.text(), "I am here");
  await alone.answers(bob, bobsRound, [bobs]);
  assertEquals(await alone.text(), "bob says");
  await alone.close();
});

test("Room does not report a message that is sent again and was never for it", async () => {
  const { bob, carol, alone } = await open();
  const earlier = await bob.chain(0, 7);
  const sealed = await earlier.msg("from before its time");
  await alone.pass(SILENT_AFTER_MS + 1);
  await alone.restart([bob, carol]);
  await alone.answers(bob, await alone.asks(bob), [sealed]);
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room answers a NEED with the objects for the room and for the asker only", async () => {
  const { bob, carol, alone } = await open();
  const before = alone.relay.envelopes.all.length;
  alone.relay.acknowledges = false;
  const said = [];
  for (
    const [text, to] of [["one"], ["two"], ["for bob", "bob"], ["for carol", "carol"]] as const
  ) {
    said.push(alone.room.say(text, { to }));
    await alone.relay.object(MSG);
  }
  const sent = alone.relay.envelopes.all.slice(before);
  const accepted = sent.at(-1)!.cmid;
  // The process has accepted all, and no member has any of it.
  await alone.relay.ack(accepted, 0);
  await Promise.all(said);
  await alone.restart([bob, carol]);
  await alone.says(bob, encodeNeed(77));
  const again = await answerTo(alone, bob);
  assertEquals(again.map(({ object }) => decodeAgain(object).round), again.map(() => 77));
  assertEquals(
    again.slice(0, -1).map(({ object }) => decodeAgain(object).object),
    meantFor(bob, sent).map(({ object }) => object),
  );
  assertEquals(await readBy(bob, again), ["one", "two", "for bob"]);
  // Neither AGAIN nor NEED is kept.
  await alone.says(bob, encodeNeed(78));
  assertEquals((await answerTo(alone, bob)).length, again.length);
  await alone.close();
});

test("Room sends nothing again that all members have", async () => {
  const { bob, carol, alone } = await open();
  await alone.room.say("had by all");
  alone.relay.acknowledges = false;
  const said = alone.room.say("taken, and no more");
  const { cmid } = await alone.relay.object(MSG).then(() => alone.relay.object(MSG));
  await alone.relay.ack(cmid, cmid - 1);
  await said;
  await alone.restart([bob, carol]);
  await alone.says(bob, encodeNeed(1));
  assertEquals((await answerTo(alone, bob)).length, 2);
  await alone.close();
});

test("Room sends pending envelopes to the next process with their numbers, and keeps them", async () => {
  const { bob, carol, alone } = await open();
  alone.relay.acknowledges = false;
  const said = alone.room.say("under way");
  const { cmid, object } = await alone.relay.object(MSG);
  await alone.restart([bob]);
  assertEquals(await alone.relay.object(MSG), {
    class: EnvelopeClass.CHAT,
    to: undefined,
    cmid,
    object,
  });
  await said;
  // Carol comes later: the process passed it on only to bob.
  await alone.tell(carol, MemberChange.JOINED);
  await alone.says(carol, encodeNeed(3));
  const again = await answerTo(alone, carol);
  assert(
    again.some(({ object: sent }) => equal(decodeAgain(sent).object ?? new Uint8Array(), object)),
  );
  await alone.close();
});

test("Room answers within the window, and sends its messages after that", async () => {
  const { bob, carol, alone } = await open();
  await fill(alone);
  await alone.restart([bob, carol]);
  alone.relay.acknowledges = false;
  await alone.says(bob, encodeNeed(5));
  const news = alone.room.say("the news");
  await alone.relay.settle();
  const count = alone.relay.envelopes.all.length;
  assert(count < 25, `${count} are under way at once`);
  alone.relay.acknowledges = true;
  alone.relay.acknowledge();
  await answerTo(alone, bob);
  await news;
  await alone.close();
});

test("Room leaves half of the window to new messages while it answers", async () => {
  const { bob, carol, alone } = await open();
  await fill(alone);
  await alone.restart([bob, carol]);
  await alone.answers(carol, await alone.asks(carol), []);
  await alone.relay.settle();
  alone.relay.acknowledges = false;
  await alone.says(bob, encodeNeed(5));
  await alone.relay.settle();
  const again = alone.relay.envelopes.all.filter(({ object }) => object[0] === AGAIN);
  const bytes = again.reduce((sum, { object }) => sum + ENVELOPE_OVERHEAD_BYTES + object.length, 0);
  assert(bytes >= WINDOW_BYTES / 2 && bytes < WINDOW_BYTES / 2 + 17_000, `${bytes} are under way`);
  // Nothing of the answer is accepted, and yet this is sent.
  const news = alone.room.say("the news");
  await alone.relay.object(MSG);
  alone.relay.acknowledges = true;
  alone.relay.acknowledge();
  await Promise.all([answerTo(alone, bob), news]);
  await alone.close();
});

test("Room sends nothing again if there was no other process within 180 s", async () => {
  const { bob, carol, alone } = await open();
  await fill(alone);
  await alone.says(bob, encodeNeed(1));
  const answer = await answerTo(alone, bob);
  assertEquals(answer.length, 1, "without a restart");
  await alone.relay.ack(answer[0]!.cmid, 0);
  // All of it is kept for the away member.
  await alone.restart([bob, { ...carol.entry, away: true }]);
  await alone.pass(2 * SCRIPTED_KEEP_MS - 1);
  await alone.says(bob, encodeNeed(2));
  assert((await answerTo(alone, bob)).length > 40, "in time");
  alone.clock.advance(1);
  await alone.says(bob, encodeNeed(3));
  assertEquals((await answerTo(alone, bob)).length, 1, "too late");
  await msgs(alone, 1); // A heartbeat is the last.
  await alone.close();
});

test("Room answers at most eight questions of one member at once, and makes no other wait", async () => {
  const { bob, carol, alone } = await open();
  alone.relay.acknowledges = false;
  const said = alone.room.say("taken");
  const { cmid } = await alone.relay.object(MSG);
  await alone.relay.ack(cmid, 0);
  await said;
  await alone.restart([bob, carol]);
  await alone.answers(carol, await alone.asks(carol), []);
  await alone.relay.settle();
  const asked = alone.relay.envelopes.all.length;
  for (let round = 1; round <= 100; round++) await alone.says(bob, encodeNeed(round));
  await alone.relay.settle();
  function answered(): number[] {
    return alone.relay.envelopes.all.slice(asked).flatMap(({ object }) => {
      const again = object[0] === AGAIN ? decodeAgain(object) : undefined;
      return again !== undefined && again.object === undefined ? [again.round] : [];
    });
  }
  // His sender key was the first of eight such works.
  assertEquals(answered(), [1, 2, 3, 4, 5, 6, 7]);
  await alone.assertStillHears(carol);
  alone.clock.advance(1000);
  await alone.relay.settle();
  assertEquals(answered(), [1, 2, 3, 4, 5, 6, 7, 8]);
  await alone.close();
});

test("Room queues only the answer to a member's last question", async () => {
  const { bob, carol, alone } = await open();
  await fill(alone);
  await alone.restart([bob, carol]);
  alone.relay.acknowledges = false;
  for (const round of [1, 2, 3]) await alone.says(bob, encodeNeed(round));
  await alone.says(carol, encodeNeed(9));
  await alone.relay.settle();
  alone.relay.acknowledges = true;
  alone.relay.acknowledge();
  await answerTo(alone, bob);
  await answerTo(alone, carol);
  const ends = alone.relay.envelopes.all.filter(({ object }) =>
    object[0] === AGAIN && decodeAgain(object).object === undefined
  );
  assertEquals(ends.map(({ object }) => decodeAgain(object).round), [3, 9]);
  await alone.close();
});

test("Room sends nothing again to a member that has left", async () => {
  const { bob, carol, alone } = await open();
  await fill(alone);
  await alone.restart([bob, carol]);
  alone.relay.acknowledges = false;
  await alone.says(bob, encodeNeed(1));
  await alone.relay.settle();
  await alone.tell(bob, MemberChange.LEFT);
  await alone.event("left");
  const { length } = alone.relay.envelopes.all;
  alone.relay.acknowledges = true;
  alone.relay.acknowledge();
  await alone.relay.settle();
  const later = alone.relay.envelopes.all.slice(length);
  // Only messages that were on their way already.
  assert(later.length < 20, `${later.length} went to nobody`);
  await alone.close();
});

test("Room counts nothing as delivered before all members had time to ask for what was lost", async () => {
  const { bob, carol, alone } = await open();
  const lost = await lose(alone);
  await alone.restart([bob, carol]);
  // The next process reports what came later.
  const later = watch((await alone.room.say("later")).delivered.then(names));
  await alone.relay.settle();
  assertEquals([lost.result, later.result], [undefined, undefined]);
  await alone.says(bob, encodeNeed(1));
  await answerTo(alone, bob);
  await alone.relay.settle();
  assertEquals([lost.result, later.result], [undefined, undefined], "carol has not asked");
  alone.relay.acknowledges = false;
  await alone.says(carol, encodeNeed(1));
  const end = (await answerTo(alone, carol)).at(-1)!;
  await alone.relay.ack(end.cmid, end.cmid - 1);
  await alone.relay.settle();
  assertEquals([lost.result, later.result], [undefined, undefined], "carol has not got it");
  await alone.relay.ack(end.cmid, end.cmid);
  await alone.relay.settle();
  assertEquals([lost.result, later.result], [[], []]);
  await alone.close();
});

/** How many MSGs of 16,000 bytes are sealed before the others have answers: the last one exceeds 512 KiB. */
const AHEAD = 33;

test("Room seals at most 512 KiB while a connected member may lack what was lost", async () => {
  const { bob, carol, alone } = await open();
  await alone.restart([bob, carol]);
  const texts = Array.from({ length: 80 }, (_, i) => `${i} `.padEnd(16_000, "."));
  const said = texts.map((text) => alone.room.say(text));
  const sealed = (): number =>
    alone.relay.envelopes.all.filter(({ object }) => object[0] === MSG).length;
  await msgs(alone, AHEAD);
  for (let i = 0; i < 20; i++) await alone.relay.settle();
  assertEquals(sealed(), AHEAD);
  // Bob gets all of it, from the first on.
  await alone.says(bob, encodeNeed(1));
  const again = await answerTo(alone, bob);
  assertEquals(await readBy(bob, again), texts.slice(0, AHEAD));
  for (let i = 0; i < 20; i++) await alone.relay.settle();
  assertEquals(sealed(), AHEAD, "carol has not asked");
  await alone.says(carol, encodeNeed(1));
  await answerTo(alone, carol);
  await msgs(alone, texts.length);
  await Promise.all(said);
  await alone.close();
});

test("Room goes on if the only member that has not asked is away", async () => {
  const { bob, carol, alone } = await open();
  await alone.restart([bob, carol]);
  await alone.says(bob, encodeNeed(1));
  await answerTo(alone, bob);
  const texts = Array.from({ length: 80 }, (_, i) => `${i} `.padEnd(16_000, "."));
  const said = texts.map((text) => alone.room.say(text));
  await msgs(alone, AHEAD);
  await alone.tell(carol, MemberChange.AWAY);
  await Promise.all(said);
  await alone.close();
});

/** How many MSGs of 16,000 bytes can be kept, with room for what one record holds. */
const STOPPED = 509;

test("Room stops sealing for at most 90 s if only members that are away or absent may lack something", async () => {
  for (const how of ["absent", "away"]) {
    const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
    const alone = await RoomAlone.open({ before: [bob, carol], keepMs: 600_000 });
    await alone.restart(how === "absent" ? [bob] : [bob, { ...carol.entry, away: true }]);
    await alone.says(bob, encodeNeed(1));
    await answerTo(alone, bob);
    const texts = Array.from({ length: 600 }, (_, i) => `${i} `.padEnd(16_000, "."));
    const said = texts.map((text) => alone.room.say(text));
    await msgs(alone, STOPPED);
    await alone.pass(90_000 - 1);
    assertEquals(
      alone.relay.envelopes.all.filter(({ object }) => object[0] === MSG).length,
      STOPPED,
    );
    alone.clock.advance(1);
    await Promise.all(said);
    await msgs(alone, texts.length + 1); // A heartbeat is the last.
    await alone.close();
  }
});

test("Room reports what all others have received if a member is absent", async () => {
  const { bob, carol, alone } = await open();
  const lost = await lose(alone);
  await alone.restart([bob]);
  const later = watch((await alone.room.say("later")).delivered.then(names));
  assertEquals([lost.result, later.result], [undefined, undefined], "bob may still ask");
  await alone.says(bob, encodeNeed(1));
  await answerTo(alone, bob);
  await alone.relay.settle();
  assertEquals([lost.result, later.result], [["carol"], ["carol"]]);
  // It is kept for carol all the same.
  await alone.tell(carol, MemberChange.JOINED);
  await alone.asks(carol);
  await alone.says(carol, encodeNeed(1));
  const again = (await answerTo(alone, carol)).map(({ object }) => decodeAgain(object).object?.[0]);
  assertEquals(again.filter((type) => type === MSG).length, 2);
  await alone.close();
});

test("Room delays `delivered` by 20 s for a member that does not ask", async () => {
  const { bob, carol, alone } = await open();
  const lost = await lose(alone);
  await alone.restart([bob, carol]);
  await alone.says(bob, encodeNeed(1));
  await answerTo(alone, bob);
  await alone.pass(2 * ANSWER_MS - 1);
  assertEquals(lost.result, undefined, "carol may still ask");
  alone.clock.advance(1);
  await alone.relay.settle();
  assertEquals(lost.result, []);
  await alone.close();
});

test("Room keeps lost messages for an away member, and while it is away itself", async () => {
  for (const who of ["bob", "ada"]) {
    const { bob, carol, alone } = await open();
    const lost = await lose(alone);
    await alone.restart([bob, carol]);
    await alone.room.say("later");
    await alone.says(carol, encodeNeed(1));
    await answerTo(alone, carol);
    if (who === "bob") {
      await alone.tell(bob, MemberChange.AWAY);
      await alone.pass(4 * ANSWER_MS);
      await alone.tell(bob, MemberChange.BACK);
    } else {
      const lastCmid = alone.relay.envelopes.all.at(-1)!.cmid;
      await alone.cut();
      alone.clock.advance(4 * ANSWER_MS);
      alone.dial(false);
      await alone.relay.accept({ resumed: true, lastCmid });
      await alone.relay.resume([bob.entry, carol.entry]);
      await alone.relay.settle();
    }
    assertEquals(lost.result, who === "bob" ? ["bob"] : undefined);
    await alone.says(bob, encodeNeed(2));
    const texts = await readBy(bob, await answerTo(alone, bob));
    assertEquals(texts.length, 0, "it was never given the key here");
    await alone.relay.settle();
    assertEquals(lost.result, who === "bob" ? ["bob"] : []);
    await alone.close();
  }
});

test("Room restarts the waits for answers and questions after a lost connection", async () => {
  const { bob, carol, chain, alone } = await open();
  const lost = await lose(alone);
  await alone.restart([bob, carol]);
  const round = await alone.asks(bob);
  await alone.answers(carol, await alone.asks(carol), []);
  const missing = await chain.msg("missing");
  await alone.says(bob, await chain.msg("newer"));
  await alone.pass(ANSWER_MS - 1);
  await alone.resume([bob, carol]);
  await alone.pass(ANSWER_MS - 1);
  assertEquals(alone.events.rest().map(({ event }) => event), [], "bob may still answer");
  await alone.answers(bob, round, [missing]);
  assertEquals([await alone.text(), await alone.text()], ["missing", "newer"]);
  await alone.pass(ANSWER_MS);
  assertEquals(lost.result, undefined, "bob may still ask");
  await alone.pass(1);
  assertEquals(lost.result, []);
  await alone.close();
});

test("Room shows an absent member as lost, and as back when it comes", async () => {
  const { bob, carol, alone } = await open();
  await alone.restart([carol]);
  await alone.answers(carol, await alone.asks(carol), []);
  await alone.event("reconnected");
  assertEquals(alone.room.members.map(({ lost }) => lost), [true, false]);
  // Most members come at once and are not shown.
  await alone.pass(ANSWER_MS - 1);
  assertEquals(alone.events.rest(), []);
  alone.clock.advance(1);
  const { member } = await alone.event("lost");
  assertEquals([member.name, member.lost], ["bob", true]);
  await alone.pass(SCRIPTED_KEEP_MS - 2 * ANSWER_MS);
  await alone.tell(bob, MemberChange.JOINED);
  await alone.asks(bob);
  await alone.event("back");
  await alone.pass(SCRIPTED_KEEP_MS);
  assertEquals(alone.events.rest(), []);
  assertEquals(alone.room.members.map(({ lost }) => lost), [false, false]);
  await alone.close();
});

test("Room removes a member that is absent for 90 s, and gives it no key", async () => {
  const { bob, carol, alone } = await open();
  await alone.room.say("with bob");
  await alone.restart([carol]);
  await alone.answers(carol, await alone.asks(carol), []);
  await alone.event("reconnected");
  await alone.pass(ANSWER_MS);
  await alone.event("lost");
  await alone.pass(SCRIPTED_KEEP_MS - ANSWER_MS - 1);
  assertEquals(alone.events.rest(), []);
  alone.clock.advance(1);
  const { member, reason } = await alone.event("left");
  assertEquals([member.name, reason], ["bob", "connection-lost"]);
  await alone.room.say("without bob");
  assert(
    !alone.relay.envelopes.all.some(({ object, to }) =>
      object[0] === SKDM && to !== undefined && equal(to, bob.session)
    ),
  );
  // It is gone like a member that left.
  await alone.tell(bob, MemberChange.JOINED);
  await alone.says(bob, await bob.announce(alone.session));
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  assertEquals(await readBy(bob, alone.relay.envelopes.all), []);
  await alone.close();
});

test("Room waits for an absent member as long as the host keeps seats", async () => {
  const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
  for (const keepMs of [5000, 600_000]) {
    const alone = await RoomAlone.open({ before: [bob, carol], keepMs });
    await alone.restart([carol]);
    await alone.answers(carol, await alone.asks(carol), []);
    await alone.event("reconnected");
    // Another restart is no new beginning.
    await alone.pass(Math.floor(keepMs / 2));
    if (keepMs > ANSWER_MS) {
      await alone.event("lost");
      await alone.restart([carol]);
      await alone.answers(carol, await alone.asks(carol), []);
      await alone.event("reconnected");
    }
    await alone.pass(Math.ceil(keepMs / 2) - 1);
    assertEquals(alone.events.rest(), []);
    alone.clock.advance(1);
    await alone.relay.settle();
    assertEquals(alone.events.rest().at(-1)?.event, "left");
    await alone.close();
  }
});

test("Room removes no absent member while it has no connection", async () => {
  for (const comes of [true, false]) {
    const { bob, carol, alone } = await open();
    await alone.restart([carol]);
    await alone.answers(carol, await alone.asks(carol), []);
    await alone.event("reconnected");
    await alone.pass(ANSWER_MS);
    await alone.event("lost");
    await alone.relay.settle();
    const lastCmid = alone.relay.envelopes.all.at(-1)!.cmid;
    await alone.cut();
    alone.clock.advance(2 * SCRIPTED_KEEP_MS);
    await nextTurn();
    assertEquals(alone.events.rest(), []);
    assertEquals(alone.room.members.map(({ lost }) => lost), [true, false]);
    // That bob has come meanwhile waits at the host.
    alone.dial(false);
    await alone.relay.accept({ resumed: true, lastCmid });
    await alone.relay.resume([carol.entry], comes ? 1 : 0);
    if (comes) {
      await alone.tell(bob, MemberChange.JOINED);
      assertEquals((await alone.event("back")).member.name, "bob");
      await alone.answers(bob, await alone.asks(bob), []);
    }
    await alone.event("reconnected");
    await alone.pass(ANSWER_MS);
    const later = alone.events.rest().map(({ event }) => event);
    assertEquals(later, comes ? [] : ["left"]);
    await alone.close();
  }
});

test("Room removes a member that the next process reports as left", async () => {
  const { bob, carol, alone } = await open();
  await alone.restart([carol]);
  await alone.tell(bob, MemberChange.LEFT, 1);
  assertEquals((await alone.event("left")).reason, "connection-lost");
  await alone.close();
});

test("Room holds a message while all its readers are absent", async () => {
  const { bob, carol, alone } = await open();
  await alone.restart([]);
  const said = watch(alone.room.say("is anybody here?").then(() => true));
  await alone.pass(30_000);
  assertEquals([said.result, alone.relay.envelopes.all], [undefined, []]);
  await alone.tell(bob, MemberChange.JOINED);
  await alone.relay.object(MSG);
  await alone.relay.settle();
  assertEquals(said.result, true);
  // Carol is given the key as well: she may come yet.
  const keys = alone.relay.envelopes.all.filter(({ object }) => object[0] === SKDM);
  assertEquals(keys.map(({ to }) => to), [bob.session, carol.session]);
  await alone.close();
});

test("Room holds a message at another process until the host's own member is there, for 10 s at most", async () => {
  for (const isThere of [true, false]) {
    const { bob, carol, alone } = await open();
    const host = await Puppet.create("host");
    await alone.restart([bob, carol, host]);
    await alone.answers(host, await alone.asks(host), []);
    const said = alone.room.say("is the host there?");
    await alone.pass(9000);
    const isText = ({ object }: MemberEnvelope): boolean => object[0] === MSG;
    assertEquals(alone.relay.envelopes.all.filter(isText), []);
    if (isThere) await alone.says(host, await host.announce(alone.session));
    else alone.clock.advance(1000);
    await said;
    const keys = alone.relay.envelopes.all.filter(({ object }) => object[0] === SKDM);
    const readers = [bob, carol, ...isThere ? [host] : []];
    assertEquals(keys.map(({ to }) => to), readers.map(({ session }) => session));
    await alone.close();
  }
});

test("Room refuses a message if no reader has come in time", async () => {
  const { alone } = await open();
  await alone.restart([]);
  const failed = assertFails(alone.room.say("is anybody here?"), "nobody-here");
  await alone.pass(SCRIPTED_KEEP_MS);
  await failed;
  assertEquals(alone.relay.envelopes.all, []);
  await alone.close();
});

test("Room does not confuse a session with one of the same nonce and another key", async () => {
  for (const how of ["roster", "joined"]) {
    const { bob, carol, chain, alone } = await open();
    const { publicKey: key } = await identityOf("mal");
    const forged = { nonce: bob.nonce, key, away: false };
    await alone.restart(how === "roster" ? [forged, carol] : [carol]);
    if (how === "joined") {
      const change = { change: MemberChange.JOINED, reason: 0, ...forged };
      await alone.relay.send({ type: "member", changes: [change] });
    }
    await alone.asks(carol);
    await alone.relay.settle();
    assert(!alone.relay.envelopes.all.some(({ to }) => to !== undefined && equal(to, bob.session)));
    const mal = new Puppet("bob", await identityOf("mal"), bob, bob.keys);
    await alone.says(mal, await mal.announce(alone.session));
    await alone.relay.settle();
    assertEquals(alone.room.members.map((member) => member.key), [
      bob.identity.publicKey,
      carol.identity.publicKey,
    ]);
    // The real bob is still heard.
    await alone.says(bob, await chain.msg("it is me"));
    assertEquals(await alone.text(), "it is me");
    await alone.pass(SCRIPTED_KEEP_MS);
    const types = alone.events.rest().map(({ event }) => event).sort();
    assertEquals(types.filter((type) => type !== "unannounced"), ["left", "lost", "reconnected"]);
    await alone.close();
  }
});

test("Room answers none of the old questions after another restart", async () => {
  const { bob, carol, alone } = await open();
  const delivered = await fill(alone);
  await alone.restart([bob, carol]);
  alone.relay.acknowledges = false;
  for (const puppet of [bob, carol]) await alone.says(puppet, encodeNeed(1));
  await alone.relay.settle();
  await alone.restart([bob, carol]);
  await alone.relay.settle();
  const ends = alone.relay.envelopes.all.filter(({ object }) =>
    object[0] === AGAIN && decodeAgain(object).object === undefined
  );
  assertEquals(ends.length, 0);
  assertEquals(delivered.filter(({ result }) => result !== undefined).length, 0);
  await alone.close();
});

test("Room answers no question of one process at the next if it had no budget for it before", async () => {
  const { bob, carol, alone } = await open();
  await alone.restart([bob, carol]);
  for (let round = 1; round <= 9; round++) await alone.says(bob, encodeNeed(round));
  await alone.relay.settle();
  await alone.restart([bob, carol]);
  await alone.says(bob, encodeNeed(100));
  for (let i = 0; i < 4; i++) {
    alone.clock.advance(1000);
    await alone.relay.settle();
  }
  const { object } = await alone.relay.object(AGAIN, bob.session);
  assertEquals(decodeAgain(object).round, 100);
  await alone.close();
});

test("Room sends no NEED of one process to members at the next", async () => {
  const { bob, carol, chain, alone } = await open();
  const lost = await chain.msg("lost");
  await alone.cut();
  alone.dial(true);
  alone.relay.acknowledges = false;
  await alone.relay.accept({ resumed: false, lastCmid: 0 });
  await alone.relay.resume([bob.entry, carol.entry]);
  const { cmid, object } = await alone.relay.object(ObjectType.NEED, bob.session);
  await alone.restart([bob, carol]);
  // An envelope to no session uses its number.
  const again = alone.relay.envelopes.all.find((envelope) => envelope.cmid === cmid);
  assertEquals(again?.to, HOST_SESSION);
  const round = await alone.asks(bob);
  assert(round > decodeNeed(object));
  await alone.answers(bob, round, [lost]);
  assertEquals(await alone.text(), "lost");
  await alone.close();
});

test("Room asks again at each process, and loses no object that it holds back", async () => {
  const { bob, carol, chain, alone } = await open();
  const [one, two, three] = [
    await chain.msg("one"),
    await chain.msg("two"),
    await chain.msg("three"),
  ];
  await alone.restart([bob, carol]);
  const first = await alone.asks(bob);
  await alone.says(bob, two);
  await alone.relay.settle();
  await alone.restart([bob, carol]);
  const second = await alone.asks(bob);
  await alone.says(bob, three);
  await alone.answers(bob, first, []);
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  await alone.answers(bob, second, [one]);
  assertEquals([await alone.text(), await alone.text(), await alone.text()], [
    "one",
    "two",
    "three",
  ]);
  await alone.close();
});
