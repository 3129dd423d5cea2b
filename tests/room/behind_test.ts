import { assertEquals } from "@std/assert";
import type { Present } from "../../lib/room/mod.ts";
import { MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { nextTurn } from "../support/clock.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

/** Opens a room with bob and carol, whose relay acknowledges nothing by itself. */
async function open(): Promise<[RoomAlone, Puppet, Puppet]> {
  const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
  const alone = await RoomAlone.open({ before: [bob, carol] });
  await alone.relay.settle();
  alone.relay.acknowledges = false;
  return [alone, bob, carol];
}

function names(members: readonly Present[]): string[] {
  return members.filter(({ behind }) => behind).map(({ name }) => name);
}

/** Sends a message that the relay receives. @returns The number of its envelope. */
async function say(alone: RoomAlone, text: string, to?: string): Promise<number> {
  const said = alone.room.say(text, { to });
  said.catch(() => {}); // The host may never accept it.
  return (await alone.relay.object(ObjectType.MSG)).cmid;
}

/** Waits for the room's BEHIND. */
async function asked(alone: RoomAlone): Promise<void> {
  await alone.relay.records.find((record): record is typeof record => record.type === "behind");
}

function questions(alone: RoomAlone): number {
  return alone.relay.records.all.filter(({ type }) => type === "behind").length;
}

test("Room.who marks members that the host names, if they may lack a message", async () => {
  const [alone, bob, carol] = await open();
  assertEquals(names(await alone.room.who()), []);
  const accepted = await say(alone, "to all");
  await alone.relay.ack(accepted, 0);
  const who = alone.room.who();
  await asked(alone);
  const ghost = new Uint8Array(16);
  await alone.relay.send({ type: "behind", sessions: [carol.session, ghost] });
  assertEquals(names(await who), ["carol"]);
  await alone.relay.ack(accepted, accepted);
  await alone.relay.settle();
  // All is delivered: there is nothing to ask.
  assertEquals([names(await alone.room.who()), questions(alone)], [[], 1]);
  // A later member was sent nothing.
  const dave = await Puppet.create("dave");
  await alone.join(dave);
  const direct = await say(alone, "to bob", "bob");
  await alone.relay.ack(direct, accepted);
  const again = alone.room.who();
  await asked(alone);
  const sessions = [bob, carol, dave].map(({ session }) => session);
  await alone.relay.send({ type: "behind", sessions });
  assertEquals(names(await again), ["bob"]);
  alone.relay.acknowledges = true;
  await alone.close();
});

test("Room.who marks members to which the host has not accepted a message", async () => {
  const [alone, bob] = await open();
  await say(alone, "to bob", "bob");
  const who = alone.room.who();
  await asked(alone);
  await alone.relay.send({ type: "behind", sessions: [] });
  assertEquals(names(await who), ["bob"]);
  assertEquals(bob.name, "bob");
  await alone.close();
});

test("Room.who asks the host once for several calls, and waits at most two seconds", async () => {
  const [alone] = await open();
  const accepted = await say(alone, "to bob", "bob");
  await alone.relay.ack(accepted, 0);
  await alone.relay.settle();
  const both = Promise.all([alone.room.who(), alone.room.who()]);
  await asked(alone);
  alone.clock.advance(1999);
  let done = false;
  void both.then(() => done = true);
  await nextTurn();
  assertEquals(done, false);
  alone.clock.advance(1);
  assertEquals((await both).map(names), [["bob"], ["bob"]]);
  assertEquals(questions(alone), 1);
  // A late answer is ignored.
  await alone.relay.send({ type: "behind", sessions: [] });
  await alone.relay.settle();
  await alone.close();
});

test("Room.who marks members that may lack a message without asking when there is no connection", async () => {
  const [alone] = await open();
  const accepted = await say(alone, "to carol", "carol");
  await alone.relay.ack(accepted, 0);
  await alone.relay.settle();
  await alone.cut();
  assertEquals(names(await alone.room.who()), ["carol"]);
  const typed = alone.room.say("to bob, later", { to: "bob" });
  typed.catch(() => {});
  assertEquals(names(await alone.room.who()), ["bob", "carol"]);
  assertEquals(questions(alone), 0);
  alone.room.end("not-delivered");
  assertEquals(alone.clock.timers, 0);
});

test("Room.who resolves when the room ends", async () => {
  const [alone] = await open();
  await say(alone, "to all");
  const who = alone.room.who();
  await asked(alone);
  await alone.close();
  assertEquals(await who, []);
});

test("Room.who marks members that are absent or may lack lost messages after a restart of the host", async () => {
  const [alone, bob, carol] = await open();
  const accepted = await say(alone, "to all");
  await alone.relay.ack(accepted, 0);
  await alone.relay.settle();
  await alone.restart([bob]);
  alone.relay.acknowledges = true;
  await alone.answers(bob, await alone.asks(bob), []);
  await alone.event("reconnected");
  const who = alone.room.who();
  await asked(alone);
  await alone.relay.send({ type: "behind", sessions: [] });
  assertEquals(names(await who), ["bob", "carol"]);
  await alone.tell(carol, MemberChange.LEFT);
  await alone.pass(20_000); // Bob's time to ask for something.
  assertEquals(names(await alone.room.who()), []);
  await alone.close();
});
