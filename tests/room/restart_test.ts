import { assert, assertEquals } from "@std/assert";
import { equal } from "../../lib/bytes/mod.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import { WINDOW_BYTES } from "../../lib/room/link.ts";
import { type Member, SILENT_AFTER_MS } from "../../lib/room/mod.ts";
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
import { identityOf } from "../support/keys.ts";
import { type OwnChain, Puppet } from "../support/puppet.ts";
import { nextTurn, Stage, STAGE_KEEP_MS } from "../support/stage.ts";
import { test } from "../support/test.ts";

const { ANNOUNCE, MSG, AGAIN, SKDM } = ObjectType;

/** How long a member may take to answer a NEED, in milliseconds. */
const ANSWER_MS = 10_000;

interface Scene {
  readonly stage: Stage;
  readonly bob: Puppet;
  readonly carol: Puppet;
  /** Bob's chain, which the room has and of which it has heard "before". */
  readonly chain: OwnChain;
}

/** A room in which bob has spoken. */
async function open(): Promise<Scene> {
  const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
  const stage = await Stage.open({ before: [bob, carol] });
  const chain = await bob.chain();
  await stage.says(bob, await chain.skdm(stage.target), await chain.msg("before"));
  assertEquals(await stage.text(), "before");
  return { stage, bob, carol, chain };
}

/** What of this is for a member, or for all. */
function meantFor(puppet: Puppet, envelopes: readonly MemberEnvelope[]): MemberEnvelope[] {
  return envelopes.filter(({ to }) => to === undefined || equal(to, puppet.session));
}

/** What a member reads in this, whether it comes for the first time or again. */
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
async function answerTo(stage: Stage, puppet: Puppet): Promise<MemberEnvelope[]> {
  const envelopes: MemberEnvelope[] = [];
  while (true) {
    const envelope = await stage.relay.object(AGAIN, puppet.session);
    envelopes.push(envelope);
    if (decodeAgain(envelope.object).object === undefined) return envelopes;
  }
}

/** Who is away and may lack a message, once it is delivered to the others. */
type Watched = { readonly result: readonly string[] | undefined };

function names(members: readonly Member[] | undefined): readonly string[] | undefined {
  return members?.map(({ name }) => name);
}

/** Says more than may be under way at once, which the process takes and nobody gets. */
async function fill(stage: Stage): Promise<Watched[]> {
  const texts = Array.from({ length: 40 }, (_, i) => `${i} `.padEnd(16_000, "."));
  stage.relay.acknowledges = false;
  const said = texts.map((text) => stage.room.say(text));
  for (let taken = 0; taken < texts.length; taken++) {
    const { cmid } = await stage.relay.object(MSG);
    await stage.relay.ack(cmid, 0);
  }
  return (await Promise.all(said)).map(({ delivered }) => watch(delivered.then(names)));
}

/** Says something that the process takes and nobody gets. */
async function lose(stage: Stage): Promise<Watched> {
  stage.relay.acknowledges = false;
  const said = stage.room.say("lost");
  const { cmid } = await stage.relay.object(MSG);
  await stage.relay.ack(cmid, cmid - 1);
  return watch((await said).delivered.then(names));
}

/** Waits until so many MSGs have come on the last connection. */
async function msgs({ relay: { envelopes } }: Stage, count: number): Promise<void> {
  while (envelopes.all.filter(({ object }) => object[0] === MSG).length < count) {
    await envelopes.count(envelopes.all.length + 1);
  }
}

/** Whether something has come about, and what of it. */
function watch<T>(promise: Promise<T>): { readonly result: T | undefined } {
  const seen: { result: T | undefined } = { result: undefined };
  void promise.then((result) => seen.result = result);
  return seen;
}

test("Room asks everybody who is there after a restart, each with a round of its own", async () => {
  const { bob, carol, stage } = await open();
  const dave = await Puppet.create("dave");
  await stage.restart([bob, carol, dave]);
  const rounds = [await stage.asks(bob), await stage.asks(carol), await stage.asks(dave)];
  assertEquals(new Set(rounds).size, 3);
  await stage.heardBy(dave);
  // And again, as the next process knows nothing of this.
  await stage.restart([bob, carol]);
  const later = [await stage.asks(bob), await stage.asks(carol)];
  assert(Math.min(...later) > Math.max(...rounds));
  await stage.close();
});

test("Room asks nobody where the same process has kept its place", async () => {
  const { bob, carol, stage } = await open();
  await stage.resume([bob, carol]);
  assertEquals(await stage.event("reconnected"), {
    event: "reconnected",
    missed: 0,
    restarted: false,
  });
  await stage.relay.settle();
  assertEquals(stage.relay.envelopes.all, []);
  await stage.close();
});

test("Room shows what is sent again before what is new, once, and says how much it was", async () => {
  const { bob, carol, chain, stage } = await open();
  const lost = [await chain.msg("lost one"), await chain.msg("lost two")];
  const fresh = await chain.msg("fresh");
  await stage.restart([bob, carol]);
  const round = await stage.asks(bob);
  await stage.says(bob, fresh);
  await stage.relay.settle();
  assertEquals(stage.events.rest(), [], "what is newer waits");
  await stage.answers(bob, round, lost, true);
  assertEquals([await stage.text(), await stage.text()], ["lost one", "lost two"]);
  await stage.relay.settle();
  assertEquals(stage.events.rest(), []);
  // What comes twice is not shown, and not told of.
  await stage.answers(bob, round, [...lost, fresh, fresh]);
  assertEquals(await stage.text(), "fresh");
  await stage.relay.settle();
  assertEquals(stage.events.rest(), [], "carol has not answered");
  await stage.answers(carol, await stage.asks(carol), []);
  const { missed, restarted } = await stage.event("reconnected");
  assertEquals([missed, restarted], [3, true]);
  await stage.assertStillHears(bob);
  await stage.close();
});

test("Room takes a key that is sent again, and what it opens", async () => {
  const { bob, carol, chain, stage } = await open();
  const next = await bob.chain(0, 2);
  const lost = [await next.skdm(stage.target), await next.msg("lost", { before: chain.index })];
  await stage.restart([bob, carol]);
  await stage.answers(bob, await stage.asks(bob), lost);
  assertEquals(await stage.text(), "lost");
  await stage.close();
});

test("Room takes an ANNOUNCE that is sent again, of one whose join it was never told of", async () => {
  const { bob, carol, stage } = await open();
  const dave = await Puppet.create("dave");
  await stage.restart([bob, carol, dave]);
  await stage.answers(dave, await stage.asks(dave), [await dave.announce(stage.session)]);
  assertEquals((await stage.event("joined")).member.name, "dave");
  await stage.heardBy(dave);
  await stage.close();
});

test("Room waits ten seconds for what is sent again, and shows then what is missing", async () => {
  const { bob, carol, chain, stage } = await open();
  await chain.skip(2);
  const fresh = await chain.msg("fresh");
  await stage.restart([bob, carol]);
  await stage.answers(carol, await stage.asks(carol), []);
  await stage.says(bob, fresh);
  await stage.pass(ANSWER_MS - 1);
  assertEquals(stage.events.rest(), []);
  stage.clock.advance(1);
  const { member, missing } = await stage.event("gap");
  assertEquals([member.name, missing], ["bob", 2]);
  assertEquals(await stage.text(), "fresh");
  assertEquals((await stage.event("reconnected")).missed, 1);
  await stage.close();
});

test("Room does not count the ten seconds while it has no connection itself", async () => {
  const { bob, carol, chain, stage } = await open();
  const [lost, fresh] = [await chain.msg("lost"), await chain.msg("fresh")];
  await stage.restart([bob, carol]);
  const round = await stage.asks(bob);
  await stage.says(bob, fresh);
  await stage.relay.settle();
  const { seq } = stage.relay;
  await stage.cut();
  stage.clock.advance(3 * ANSWER_MS);
  await nextTurn();
  assertEquals(stage.events.rest(), []);
  stage.dial(false);
  await stage.relay.accept({ resumed: true, lastCmid: 0 });
  await stage.relay.resume([bob.entry, carol.entry], 2);
  assertEquals(stage.relay.seq, seq);
  await stage.answers(bob, round, [lost]);
  assertEquals([await stage.text(), await stage.text()], ["lost", "fresh"]);
  await stage.close();
});

test("Room takes an answer that is late, where nothing newer was shown", async () => {
  const { bob, carol, chain, stage } = await open();
  const lost = await chain.msg("lost");
  await stage.restart([{ ...bob.entry, away: true }, carol]);
  assertEquals((await stage.event("lost")).member.name, "bob");
  const round = await stage.asks(bob);
  await stage.answers(carol, await stage.asks(carol), []);
  await stage.pass(3 * ANSWER_MS);
  await stage.event("reconnected");
  await stage.tell(bob, MemberChange.BACK);
  await stage.event("back");
  await stage.answers(bob, round, [lost]);
  assertEquals(await stage.text(), "lost");
  await stage.close();
});

test("Room has no more wait than 8 MiB of one member for what is sent again", async () => {
  const { bob, carol, chain, stage } = await open();
  await chain.skip(1);
  await stage.restart([bob, carol]);
  await stage.asks(bob);
  for (let i = 0; i < 546; i++) await stage.says(bob, await chain.msg("x".repeat(15_000)));
  await stage.relay.settle();
  assertEquals(stage.events.rest(), []);
  await stage.says(bob, await chain.msg("x".repeat(15_000)));
  await stage.relay.settle();
  const shown = stage.events.rest().map(({ event }) => event);
  assertEquals(shown, ["gap", ...Array(547).fill("message")]);
  await stage.assertStillHears(bob);
  await stage.close();
});

test("Room ignores an answer to another question, and of who was not asked", async () => {
  const { bob, carol, chain, stage } = await open();
  const [one, two] = [await chain.msg("one"), await chain.msg("two")];
  await stage.answers(bob, 1, [one]);
  await stage.relay.settle();
  assertEquals(stage.events.rest(), []);
  await stage.restart([bob, carol]);
  const round = await stage.asks(bob);
  for (const wrong of [0, round - 1, round + 1, 0xffff_ffff]) {
    if (wrong !== round) await stage.answers(bob, wrong, [two]);
  }
  await stage.relay.settle();
  assertEquals(stage.events.rest(), []);
  await stage.answers(bob, round, [one, two]);
  assertEquals([await stage.text(), await stage.text()], ["one", "two"]);
  await stage.close();
});

test("Room takes no harm from an AGAIN of garbage, of somebody else's, or of another NEED or AGAIN", async () => {
  const { bob, carol, chain, stage } = await open();
  const bobs = await chain.msg("bob says");
  const carols = await carol.chain();
  await stage.restart([bob, carol]);
  const [bobsRound, round] = [await stage.asks(bob), await stage.asks(carol)];
  const before = stage.relay.envelopes.all.length;
  await stage.answers(carol, round, [
    randomBytes(300).fill(MSG, 0, 1),
    randomBytes(622).fill(SKDM, 0, 1),
    randomBytes(700).fill(ANNOUNCE, 0, 1),
    new Uint8Array([0xff]),
    bobs,
    await bob.announce(stage.session),
    await chain.skdm(stage.target),
    await carols.skdm(bob.target),
    encodeNeed(7),
    encodeAgain({ round, object: undefined }),
    encodeAgain({ round, object: bobs }),
  ], true);
  await stage.says(carol, new Uint8Array([AGAIN]), new Uint8Array([AGAIN, 0, 0, 0]));
  await stage.relay.settle();
  assertEquals([stage.events.rest(), stage.relay.envelopes.all.length], [[], before]);
  // Her answer goes on.
  await stage.answers(carol, round, [
    await carols.skdm(stage.target),
    await carols.msg("I am here"),
  ]);
  assertEquals(await stage.text(), "I am here");
  await stage.answers(bob, bobsRound, [bobs]);
  assertEquals(await stage.text(), "bob says");
  await stage.close();
});

test("Room says nothing of a message that is sent again and was never for it", async () => {
  const { bob, carol, stage } = await open();
  const earlier = await bob.chain(0, 7);
  const sealed = await earlier.msg("from before its time");
  await stage.pass(SILENT_AFTER_MS + 1);
  await stage.restart([bob, carol]);
  await stage.answers(bob, await stage.asks(bob), [sealed]);
  await stage.relay.settle();
  assertEquals(stage.events.rest(), []);
  await stage.close();
});

test("Room answers a NEED with what is for the room and for who asks, and nothing else", async () => {
  const { bob, carol, stage } = await open();
  const before = stage.relay.envelopes.all.length;
  stage.relay.acknowledges = false;
  const said = [];
  for (
    const [text, to] of [["one"], ["two"], ["for bob", "bob"], ["for carol", "carol"]] as const
  ) {
    said.push(stage.room.say(text, { to }));
    await stage.relay.object(MSG);
  }
  const sent = stage.relay.envelopes.all.slice(before);
  const accepted = sent.at(-1)!.cmid;
  // The process has taken it all, and nobody has any of it.
  await stage.relay.ack(accepted, 0);
  await Promise.all(said);
  await stage.restart([bob, carol]);
  await stage.says(bob, encodeNeed(77));
  const again = await answerTo(stage, bob);
  assertEquals(again.map(({ object }) => decodeAgain(object).round), again.map(() => 77));
  assertEquals(
    again.slice(0, -1).map(({ object }) => decodeAgain(object).object),
    meantFor(bob, sent).map(({ object }) => object),
  );
  assertEquals(await readBy(bob, again), ["one", "two", "for bob"]);
  // What was sent again is not kept, nor is a question.
  await stage.says(bob, encodeNeed(78));
  assertEquals((await answerTo(stage, bob)).length, again.length);
  await stage.close();
});

test("Room sends nothing again that everybody has", async () => {
  const { bob, carol, stage } = await open();
  await stage.room.say("had by all");
  stage.relay.acknowledges = false;
  const said = stage.room.say("taken, and no more");
  const { cmid } = await stage.relay.object(MSG).then(() => stage.relay.object(MSG));
  await stage.relay.ack(cmid, cmid - 1);
  await said;
  await stage.restart([bob, carol]);
  await stage.says(bob, encodeNeed(1));
  assertEquals((await answerTo(stage, bob)).length, 2);
  await stage.close();
});

test("Room sends again what the process before had not taken, under its number, and keeps it, too", async () => {
  const { bob, carol, stage } = await open();
  stage.relay.acknowledges = false;
  const said = stage.room.say("under way");
  const { cmid, object } = await stage.relay.object(MSG);
  await stage.restart([bob]);
  assertEquals(await stage.relay.object(MSG), {
    class: EnvelopeClass.CHAT,
    to: undefined,
    cmid,
    object,
  });
  await said;
  // Carol comes later: the process has passed it on to nobody but bob.
  await stage.tell(carol, MemberChange.JOINED);
  await stage.says(carol, encodeNeed(3));
  const again = await answerTo(stage, carol);
  assert(
    again.some(({ object: sent }) => equal(decodeAgain(sent).object ?? new Uint8Array(), object)),
  );
  await stage.close();
});

test("Room answers no faster than the window lets it, and speaks when it has answered", async () => {
  const { bob, carol, stage } = await open();
  await fill(stage);
  await stage.restart([bob, carol]);
  stage.relay.acknowledges = false;
  await stage.says(bob, encodeNeed(5));
  const news = stage.room.say("the news");
  await stage.relay.settle();
  const count = stage.relay.envelopes.all.length;
  assert(count < 25, `${count} are under way at once`);
  stage.relay.acknowledges = true;
  stage.relay.acknowledge();
  await answerTo(stage, bob);
  await news;
  await stage.close();
});

test("Room leaves half of the window to what is said while it answers", async () => {
  const { bob, carol, stage } = await open();
  await fill(stage);
  await stage.restart([bob, carol]);
  await stage.answers(carol, await stage.asks(carol), []);
  await stage.relay.settle();
  stage.relay.acknowledges = false;
  await stage.says(bob, encodeNeed(5));
  await stage.relay.settle();
  const again = stage.relay.envelopes.all.filter(({ object }) => object[0] === AGAIN);
  const bytes = again.reduce((sum, { object }) => sum + ENVELOPE_OVERHEAD_BYTES + object.length, 0);
  assert(bytes >= WINDOW_BYTES / 2 && bytes < WINDOW_BYTES / 2 + 17_000, `${bytes} are under way`);
  // Nothing of the answer was taken, and yet this goes.
  const news = stage.room.say("the news");
  await stage.relay.object(MSG);
  stage.relay.acknowledges = true;
  stage.relay.acknowledge();
  await Promise.all([answerTo(stage, bob), news]);
  await stage.close();
});

test("Room sends nothing again where no process has followed another within 180 s", async () => {
  const { bob, carol, stage } = await open();
  await fill(stage);
  await stage.says(bob, encodeNeed(1));
  const answer = await answerTo(stage, bob);
  assertEquals(answer.length, 1, "without a restart");
  await stage.relay.ack(answer[0]!.cmid, 0);
  // For who is away all of it is kept.
  await stage.restart([bob, { ...carol.entry, away: true }]);
  await stage.pass(2 * STAGE_KEEP_MS - 1);
  await stage.says(bob, encodeNeed(2));
  assert((await answerTo(stage, bob)).length > 40, "in time");
  stage.clock.advance(1);
  await stage.says(bob, encodeNeed(3));
  assertEquals((await answerTo(stage, bob)).length, 1, "too late");
  await msgs(stage, 1); // A heartbeat is the last.
  await stage.close();
});

test("Room lets no member ask more than eight times at once, and others wait for none", async () => {
  const { bob, carol, stage } = await open();
  stage.relay.acknowledges = false;
  const said = stage.room.say("taken");
  const { cmid } = await stage.relay.object(MSG);
  await stage.relay.ack(cmid, 0);
  await said;
  await stage.restart([bob, carol]);
  await stage.answers(carol, await stage.asks(carol), []);
  await stage.relay.settle();
  const asked = stage.relay.envelopes.all.length;
  for (let round = 1; round <= 100; round++) await stage.says(bob, encodeNeed(round));
  await stage.relay.settle();
  function answered(): number[] {
    return stage.relay.envelopes.all.slice(asked).flatMap(({ object }) => {
      const again = object[0] === AGAIN ? decodeAgain(object) : undefined;
      return again !== undefined && again.object === undefined ? [again.round] : [];
    });
  }
  // His sender key was the first of eight such works.
  assertEquals(answered(), [1, 2, 3, 4, 5, 6, 7]);
  await stage.assertStillHears(carol);
  stage.clock.advance(1000);
  await stage.relay.settle();
  assertEquals(answered(), [1, 2, 3, 4, 5, 6, 7, 8]);
  await stage.close();
});

test("Room has one answer to a member wait at most, that to its last question", async () => {
  const { bob, carol, stage } = await open();
  await fill(stage);
  await stage.restart([bob, carol]);
  stage.relay.acknowledges = false;
  for (const round of [1, 2, 3]) await stage.says(bob, encodeNeed(round));
  await stage.says(carol, encodeNeed(9));
  await stage.relay.settle();
  stage.relay.acknowledges = true;
  stage.relay.acknowledge();
  await answerTo(stage, bob);
  await answerTo(stage, carol);
  const ends = stage.relay.envelopes.all.filter(({ object }) =>
    object[0] === AGAIN && decodeAgain(object).object === undefined
  );
  assertEquals(ends.map(({ object }) => decodeAgain(object).round), [3, 9]);
  await stage.close();
});

test("Room sends nothing again to a member that has left", async () => {
  const { bob, carol, stage } = await open();
  await fill(stage);
  await stage.restart([bob, carol]);
  stage.relay.acknowledges = false;
  await stage.says(bob, encodeNeed(1));
  await stage.relay.settle();
  await stage.tell(bob, MemberChange.LEFT);
  await stage.event("left");
  const { length } = stage.relay.envelopes.all;
  stage.relay.acknowledges = true;
  stage.relay.acknowledge();
  await stage.relay.settle();
  const later = stage.relay.envelopes.all.slice(length);
  // What was on its way already, and no more.
  assert(later.length < 20, `${later.length} went to nobody`);
  await stage.close();
});

test("Room calls nothing delivered before everybody had the time to ask for what was lost", async () => {
  const { bob, carol, stage } = await open();
  const lost = await lose(stage);
  await stage.restart([bob, carol]);
  // The next process tells of what came after, which it knows.
  const later = watch((await stage.room.say("later")).delivered.then(names));
  await stage.relay.settle();
  assertEquals([lost.result, later.result], [undefined, undefined]);
  await stage.says(bob, encodeNeed(1));
  await answerTo(stage, bob);
  await stage.relay.settle();
  assertEquals([lost.result, later.result], [undefined, undefined], "carol has not asked");
  stage.relay.acknowledges = false;
  await stage.says(carol, encodeNeed(1));
  const end = (await answerTo(stage, carol)).at(-1)!;
  await stage.relay.ack(end.cmid, end.cmid - 1);
  await stage.relay.settle();
  assertEquals([lost.result, later.result], [undefined, undefined], "carol has not got it");
  await stage.relay.ack(end.cmid, end.cmid);
  await stage.relay.settle();
  assertEquals([lost.result, later.result], [[], []]);
  await stage.close();
});

/** How many MSGs of 16,000 bytes are sealed before the others have answers: the last one exceeds 512 KiB. */
const AHEAD = 33;

test("Room seals 512 KiB and no more while somebody who is here may lack what was lost", async () => {
  const { bob, carol, stage } = await open();
  await stage.restart([bob, carol]);
  const texts = Array.from({ length: 80 }, (_, i) => `${i} `.padEnd(16_000, "."));
  const said = texts.map((text) => stage.room.say(text));
  const sealed = (): number =>
    stage.relay.envelopes.all.filter(({ object }) => object[0] === MSG).length;
  await msgs(stage, AHEAD);
  for (let i = 0; i < 20; i++) await stage.relay.settle();
  assertEquals(sealed(), AHEAD);
  // Bob gets all of it, from the first on.
  await stage.says(bob, encodeNeed(1));
  const again = await answerTo(stage, bob);
  assertEquals(await readBy(bob, again), texts.slice(0, AHEAD));
  for (let i = 0; i < 20; i++) await stage.relay.settle();
  assertEquals(sealed(), AHEAD, "carol has not asked");
  await stage.says(carol, encodeNeed(1));
  await answerTo(stage, carol);
  await msgs(stage, texts.length);
  await Promise.all(said);
  await stage.close();
});

test("Room goes on where the one that has not asked is away", async () => {
  const { bob, carol, stage } = await open();
  await stage.restart([bob, carol]);
  await stage.says(bob, encodeNeed(1));
  await answerTo(stage, bob);
  const texts = Array.from({ length: 80 }, (_, i) => `${i} `.padEnd(16_000, "."));
  const said = texts.map((text) => stage.room.say(text));
  await msgs(stage, AHEAD);
  await stage.tell(carol, MemberChange.AWAY);
  await Promise.all(said);
  await stage.close();
});

/** How many MSGs of 16,000 bytes can be kept, with room for what one record holds. */
const STOPPED = 509;

test("Room waits with what it cannot keep for 90 s where only those lack something who are not there", async () => {
  for (const how of ["absent", "away"]) {
    const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
    const stage = await Stage.open({ before: [bob, carol], keepMs: 600_000 });
    await stage.restart(how === "absent" ? [bob] : [bob, { ...carol.entry, away: true }]);
    await stage.says(bob, encodeNeed(1));
    await answerTo(stage, bob);
    const texts = Array.from({ length: 600 }, (_, i) => `${i} `.padEnd(16_000, "."));
    const said = texts.map((text) => stage.room.say(text));
    await msgs(stage, STOPPED);
    await stage.pass(90_000 - 1);
    assertEquals(
      stage.relay.envelopes.all.filter(({ object }) => object[0] === MSG).length,
      STOPPED,
    );
    stage.clock.advance(1);
    await Promise.all(said);
    await msgs(stage, texts.length + 1); // A heartbeat is the last.
    await stage.close();
  }
});

test("Room tells what came to all others where a member has not come to the next process", async () => {
  const { bob, carol, stage } = await open();
  const lost = await lose(stage);
  await stage.restart([bob]);
  const later = watch((await stage.room.say("later")).delivered.then(names));
  assertEquals([lost.result, later.result], [undefined, undefined], "bob may still ask");
  await stage.says(bob, encodeNeed(1));
  await answerTo(stage, bob);
  await stage.relay.settle();
  assertEquals([lost.result, later.result], [["carol"], ["carol"]]);
  // It is kept for carol all the same.
  await stage.tell(carol, MemberChange.JOINED);
  await stage.asks(carol);
  await stage.says(carol, encodeNeed(1));
  const again = (await answerTo(stage, carol)).map(({ object }) => decodeAgain(object).object?.[0]);
  assertEquals(again.filter((type) => type === MSG).length, 2);
  await stage.close();
});

test("Room waits with delivered for twenty seconds for a member that does not ask", async () => {
  const { bob, carol, stage } = await open();
  const lost = await lose(stage);
  await stage.restart([bob, carol]);
  await stage.says(bob, encodeNeed(1));
  await answerTo(stage, bob);
  await stage.pass(2 * ANSWER_MS - 1);
  assertEquals(lost.result, undefined, "carol may still ask");
  stage.clock.advance(1);
  await stage.relay.settle();
  assertEquals(lost.result, []);
  await stage.close();
});

test("Room keeps what was lost for a member that is away, or while it is so itself", async () => {
  for (const who of ["bob", "ada"]) {
    const { bob, carol, stage } = await open();
    const lost = await lose(stage);
    await stage.restart([bob, carol]);
    await stage.room.say("later");
    await stage.says(carol, encodeNeed(1));
    await answerTo(stage, carol);
    if (who === "bob") {
      await stage.tell(bob, MemberChange.AWAY);
      await stage.pass(4 * ANSWER_MS);
      await stage.tell(bob, MemberChange.BACK);
    } else {
      const lastCmid = stage.relay.envelopes.all.at(-1)!.cmid;
      await stage.cut();
      stage.clock.advance(4 * ANSWER_MS);
      stage.dial(false);
      await stage.relay.accept({ resumed: true, lastCmid });
      await stage.relay.resume([bob.entry, carol.entry]);
      await stage.relay.settle();
    }
    assertEquals(lost.result, who === "bob" ? ["bob"] : undefined);
    await stage.says(bob, encodeNeed(2));
    const texts = await readBy(bob, await answerTo(stage, bob));
    assertEquals(texts.length, 0, "it was never given the key here");
    await stage.relay.settle();
    assertEquals(lost.result, who === "bob" ? ["bob"] : []);
    await stage.close();
  }
});

test("Room gives an answer and a question their whole time after a lost connection", async () => {
  const { bob, carol, chain, stage } = await open();
  const lost = await lose(stage);
  await stage.restart([bob, carol]);
  const round = await stage.asks(bob);
  await stage.answers(carol, await stage.asks(carol), []);
  const missing = await chain.msg("missing");
  await stage.says(bob, await chain.msg("newer"));
  await stage.pass(ANSWER_MS - 1);
  await stage.resume([bob, carol]);
  await stage.pass(ANSWER_MS - 1);
  assertEquals(stage.events.rest().map(({ event }) => event), [], "bob may still answer");
  await stage.answers(bob, round, [missing]);
  assertEquals([await stage.text(), await stage.text()], ["missing", "newer"]);
  await stage.pass(ANSWER_MS);
  assertEquals(lost.result, undefined, "bob may still ask");
  await stage.pass(1);
  assertEquals(lost.result, []);
  await stage.close();
});

test("Room shows who has not come to the next process as lost, and as back when it comes", async () => {
  const { bob, carol, stage } = await open();
  await stage.restart([carol]);
  await stage.answers(carol, await stage.asks(carol), []);
  await stage.event("reconnected");
  assertEquals(stage.room.members.map(({ lost }) => lost), [true, false]);
  // Most come at once, and are not told of.
  await stage.pass(ANSWER_MS - 1);
  assertEquals(stage.events.rest(), []);
  stage.clock.advance(1);
  const { member } = await stage.event("lost");
  assertEquals([member.name, member.lost], ["bob", true]);
  await stage.pass(STAGE_KEEP_MS - 2 * ANSWER_MS);
  await stage.tell(bob, MemberChange.JOINED);
  await stage.asks(bob);
  await stage.event("back");
  await stage.pass(STAGE_KEEP_MS);
  assertEquals(stage.events.rest(), []);
  assertEquals(stage.room.members.map(({ lost }) => lost), [false, false]);
  await stage.close();
});

test("Room takes who has not come for 90 s for gone, and gives it no key any more", async () => {
  const { bob, carol, stage } = await open();
  await stage.room.say("with bob");
  await stage.restart([carol]);
  await stage.answers(carol, await stage.asks(carol), []);
  await stage.event("reconnected");
  await stage.pass(ANSWER_MS);
  await stage.event("lost");
  await stage.pass(STAGE_KEEP_MS - ANSWER_MS - 1);
  assertEquals(stage.events.rest(), []);
  stage.clock.advance(1);
  const { member, reason } = await stage.event("left");
  assertEquals([member.name, reason], ["bob", "connection-lost"]);
  await stage.room.say("without bob");
  assert(
    !stage.relay.envelopes.all.some(({ object, to }) =>
      object[0] === SKDM && to !== undefined && equal(to, bob.session)
    ),
  );
  // It is as gone as anybody who has left.
  await stage.tell(bob, MemberChange.JOINED);
  await stage.says(bob, await bob.announce(stage.session));
  await stage.relay.settle();
  assertEquals(stage.events.rest(), []);
  assertEquals(await readBy(bob, stage.relay.envelopes.all), []);
  await stage.close();
});

test("Room waits for who has not come as long as the host says that it keeps seats", async () => {
  const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
  for (const keepMs of [5000, 600_000]) {
    const stage = await Stage.open({ before: [bob, carol], keepMs });
    await stage.restart([carol]);
    await stage.answers(carol, await stage.asks(carol), []);
    await stage.event("reconnected");
    // Another restart is no new beginning.
    await stage.pass(Math.floor(keepMs / 2));
    if (keepMs > ANSWER_MS) {
      await stage.event("lost");
      await stage.restart([carol]);
      await stage.answers(carol, await stage.asks(carol), []);
      await stage.event("reconnected");
    }
    await stage.pass(Math.ceil(keepMs / 2) - 1);
    assertEquals(stage.events.rest(), []);
    stage.clock.advance(1);
    await stage.relay.settle();
    assertEquals(stage.events.rest().at(-1)?.event, "left");
    await stage.close();
  }
});

test("Room takes nobody for gone while it has no connection itself", async () => {
  for (const comes of [true, false]) {
    const { bob, carol, stage } = await open();
    await stage.restart([carol]);
    await stage.answers(carol, await stage.asks(carol), []);
    await stage.event("reconnected");
    await stage.pass(ANSWER_MS);
    await stage.event("lost");
    await stage.relay.settle();
    const lastCmid = stage.relay.envelopes.all.at(-1)!.cmid;
    await stage.cut();
    stage.clock.advance(2 * STAGE_KEEP_MS);
    await nextTurn();
    assertEquals(stage.events.rest(), []);
    assertEquals(stage.room.members.map(({ lost }) => lost), [true, false]);
    // That bob has come meanwhile waits at the host.
    stage.dial(false);
    await stage.relay.accept({ resumed: true, lastCmid });
    await stage.relay.resume([carol.entry], comes ? 1 : 0);
    if (comes) {
      await stage.tell(bob, MemberChange.JOINED);
      assertEquals((await stage.event("back")).member.name, "bob");
      await stage.answers(bob, await stage.asks(bob), []);
    }
    await stage.event("reconnected");
    await stage.pass(ANSWER_MS);
    const later = stage.events.rest().map(({ event }) => event);
    assertEquals(later, comes ? [] : ["left"]);
    await stage.close();
  }
});

test("Room takes the word of the next process that a member ended", async () => {
  const { bob, carol, stage } = await open();
  await stage.restart([carol]);
  await stage.tell(bob, MemberChange.LEFT, 1);
  assertEquals((await stage.event("left")).reason, "connection-lost");
  await stage.close();
});

test("Room has a message wait while nobody it is for has come", async () => {
  const { bob, carol, stage } = await open();
  await stage.restart([]);
  const said = watch(stage.room.say("is anybody here?").then(() => true));
  await stage.pass(30_000);
  assertEquals([said.result, stage.relay.envelopes.all], [undefined, []]);
  await stage.tell(bob, MemberChange.JOINED);
  await stage.relay.object(MSG);
  await stage.relay.settle();
  assertEquals(said.result, true);
  // Carol is given the key as well: she may come yet.
  const keys = stage.relay.envelopes.all.filter(({ object }) => object[0] === SKDM);
  assertEquals(keys.map(({ to }) => to), [bob.session, carol.session]);
  await stage.close();
});

test("Room refuses a message that waited where nobody has come in time", async () => {
  const { stage } = await open();
  await stage.restart([]);
  const failed = assertFails(stage.room.say("is anybody here?"), "nobody-here");
  await stage.pass(STAGE_KEEP_MS);
  await failed;
  assertEquals(stage.relay.envelopes.all, []);
  await stage.close();
});

test("Room takes nobody for a known session whom the relay names with its nonce and another key", async () => {
  for (const how of ["roster", "joined"]) {
    const { bob, carol, chain, stage } = await open();
    const { publicKey: key } = await identityOf("mal");
    const forged = { nonce: bob.nonce, key, away: false };
    await stage.restart(how === "roster" ? [forged, carol] : [carol]);
    if (how === "joined") {
      await stage.relay.send({ type: "member", change: MemberChange.JOINED, reason: 0, ...forged });
    }
    await stage.asks(carol);
    await stage.relay.settle();
    assert(!stage.relay.envelopes.all.some(({ to }) => to !== undefined && equal(to, bob.session)));
    const mal = new Puppet("bob", await identityOf("mal"), bob, bob.keys);
    await stage.says(mal, await mal.announce(stage.session));
    await stage.relay.settle();
    assertEquals(stage.room.members.map((member) => member.key), [
      bob.identity.publicKey,
      carol.identity.publicKey,
    ]);
    // Bob himself is heard wherever he comes through.
    await stage.says(bob, await chain.msg("it is me"));
    assertEquals(await stage.text(), "it is me");
    await stage.pass(STAGE_KEEP_MS);
    const types = stage.events.rest().map(({ event }) => event).sort();
    assertEquals(types.filter((type) => type !== "unannounced"), ["left", "lost", "reconnected"]);
    await stage.close();
  }
});

test("Room answers none of the old questions after another restart", async () => {
  const { bob, carol, stage } = await open();
  const delivered = await fill(stage);
  await stage.restart([bob, carol]);
  stage.relay.acknowledges = false;
  for (const puppet of [bob, carol]) await stage.says(puppet, encodeNeed(1));
  await stage.relay.settle();
  await stage.restart([bob, carol]);
  await stage.relay.settle();
  const ends = stage.relay.envelopes.all.filter(({ object }) =>
    object[0] === AGAIN && decodeAgain(object).object === undefined
  );
  assertEquals(ends.length, 0);
  assertEquals(delivered.filter(({ result }) => result !== undefined).length, 0);
  await stage.close();
});

test("Room sends no question of one process to members at the next", async () => {
  const { bob, carol, chain, stage } = await open();
  const lost = await chain.msg("lost");
  await stage.cut();
  stage.dial(true);
  stage.relay.acknowledges = false;
  await stage.relay.accept({ resumed: false, lastCmid: 0 });
  await stage.relay.resume([bob.entry, carol.entry]);
  const { cmid, object } = await stage.relay.object(ObjectType.NEED, bob.session);
  await stage.restart([bob, carol]);
  // Its number is taken, by an envelope to nobody.
  const again = stage.relay.envelopes.all.find((envelope) => envelope.cmid === cmid);
  assertEquals(again?.to, HOST_SESSION);
  const round = await stage.asks(bob);
  assert(round > decodeNeed(object));
  await stage.answers(bob, round, [lost]);
  assertEquals(await stage.text(), "lost");
  await stage.close();
});

test("Room asks anew at each process, and loses nothing of what waits for an answer", async () => {
  const { bob, carol, chain, stage } = await open();
  const [one, two, three] = [
    await chain.msg("one"),
    await chain.msg("two"),
    await chain.msg("three"),
  ];
  await stage.restart([bob, carol]);
  const first = await stage.asks(bob);
  await stage.says(bob, two);
  await stage.relay.settle();
  await stage.restart([bob, carol]);
  const second = await stage.asks(bob);
  await stage.says(bob, three);
  await stage.answers(bob, first, []);
  await stage.relay.settle();
  assertEquals(stage.events.rest(), []);
  await stage.answers(bob, second, [one]);
  assertEquals([await stage.text(), await stage.text(), await stage.text()], [
    "one",
    "two",
    "three",
  ]);
  await stage.close();
});
