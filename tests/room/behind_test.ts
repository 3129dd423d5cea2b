import { assertEquals } from "@std/assert";
import type { Present } from "../../lib/room/mod.ts";
import { MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { Puppet } from "../support/puppet.ts";
import { nextTurn, Stage } from "../support/stage.ts";
import { test } from "../support/test.ts";

/** Bob and carol are there, and the relay acknowledges nothing by itself. */
async function open(): Promise<[Stage, Puppet, Puppet]> {
  const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
  const stage = await Stage.open({ before: [bob, carol] });
  await stage.relay.settle();
  stage.relay.acknowledges = false;
  return [stage, bob, carol];
}

function names(members: readonly Present[]): string[] {
  return members.filter(({ behind }) => behind).map(({ name }) => name);
}

/** Says something, which the relay has got. @returns The number of its envelope. */
async function say(stage: Stage, text: string, to?: string): Promise<number> {
  const said = stage.room.say(text, { to });
  said.catch(() => {}); // Where the host never takes it over.
  return (await stage.relay.object(ObjectType.MSG)).cmid;
}

/** The question that the room asks its relay. */
async function asked(stage: Stage): Promise<void> {
  await stage.relay.records.find((record): record is typeof record => record.type === "behind");
}

function questions(stage: Stage): number {
  return stage.relay.records.all.filter(({ type }) => type === "behind").length;
}

test("Room.who marks whom the host names, of those who may lack something", async () => {
  const [stage, bob, carol] = await open();
  assertEquals(names(await stage.room.who()), []);
  const accepted = await say(stage, "to all");
  await stage.relay.ack(accepted, 0);
  const who = stage.room.who();
  await asked(stage);
  const ghost = new Uint8Array(16);
  await stage.relay.send({ type: "behind", sessions: [carol.session, ghost] });
  assertEquals(names(await who), ["carol"]);
  await stage.relay.ack(accepted, accepted);
  await stage.relay.settle();
  // All is delivered: there is nothing to ask.
  assertEquals([names(await stage.room.who()), questions(stage)], [[], 1]);
  // Who came later was told nothing.
  const dave = await Puppet.create("dave");
  await stage.join(dave);
  const direct = await say(stage, "to bob", "bob");
  await stage.relay.ack(direct, accepted);
  const again = stage.room.who();
  await asked(stage);
  const sessions = [bob, carol, dave].map(({ session }) => session);
  await stage.relay.send({ type: "behind", sessions });
  assertEquals(names(await again), ["bob"]);
  stage.relay.acknowledges = true;
  await stage.close();
});

test("Room.who marks all for whom the host has not taken a message yet", async () => {
  const [stage, bob] = await open();
  await say(stage, "to bob", "bob");
  const who = stage.room.who();
  await asked(stage);
  await stage.relay.send({ type: "behind", sessions: [] });
  assertEquals(names(await who), ["bob"]);
  assertEquals(bob.name, "bob");
  await stage.close();
});

test("Room.who asks once for several, and waits two seconds for the host at most", async () => {
  const [stage] = await open();
  const accepted = await say(stage, "to bob", "bob");
  await stage.relay.ack(accepted, 0);
  await stage.relay.settle();
  const both = Promise.all([stage.room.who(), stage.room.who()]);
  await asked(stage);
  stage.clock.advance(1999);
  let done = false;
  void both.then(() => done = true);
  await nextTurn();
  assertEquals(done, false);
  stage.clock.advance(1);
  assertEquals((await both).map(names), [["bob"], ["bob"]]);
  assertEquals(questions(stage), 1);
  // An answer that comes late is none to anything.
  await stage.relay.send({ type: "behind", sessions: [] });
  await stage.relay.settle();
  await stage.close();
});

test("Room.who marks without a connection whoever may lack something, and asks nobody", async () => {
  const [stage] = await open();
  const accepted = await say(stage, "to carol", "carol");
  await stage.relay.ack(accepted, 0);
  await stage.relay.settle();
  await stage.cut();
  assertEquals(names(await stage.room.who()), ["carol"]);
  const typed = stage.room.say("to bob, later", { to: "bob" });
  typed.catch(() => {});
  assertEquals(names(await stage.room.who()), ["bob", "carol"]);
  assertEquals(questions(stage), 0);
  stage.room.end("not-delivered");
  assertEquals(stage.clock.timers, 0);
});

test("Room.who ends with the room", async () => {
  const [stage] = await open();
  await say(stage, "to all");
  const who = stage.room.who();
  await asked(stage);
  await stage.close();
  assertEquals(await who, []);
});

test("Room.who marks at another host who has not come to it, or may lack what it lost", async () => {
  const [stage, bob, carol] = await open();
  const accepted = await say(stage, "to all");
  await stage.relay.ack(accepted, 0);
  await stage.relay.settle();
  await stage.restart([bob]);
  stage.relay.acknowledges = true;
  await stage.answers(bob, await stage.asks(bob), []);
  await stage.event("reconnected");
  const who = stage.room.who();
  await asked(stage);
  await stage.relay.send({ type: "behind", sessions: [] });
  assertEquals(names(await who), ["bob", "carol"]);
  await stage.tell(carol, MemberChange.LEFT);
  await stage.pass(20_000); // Bob's time to ask for something.
  assertEquals(names(await stage.room.who()), []);
  await stage.close();
});
