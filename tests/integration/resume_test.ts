import { assert, assertEquals } from "@std/assert";
import { CloseReason } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { Party } from "../support/party.ts";
import { test } from "../support/test.ts";
import { TestMember } from "../support/world.ts";

const { HOST_ENDS, REPLACED } = CloseReason;

/** Says lines as fast as they can be taken. */
async function burst({ name, room }: TestMember, count: number, size = 1): Promise<string[]> {
  const lines = Array.from({ length: count }, (_, i) => `${name} ${i} ${"x".repeat(size)}`);
  const said = [];
  for (const line of lines) {
    await room.writable();
    said.push(room.say(line));
  }
  await Promise.all(said);
  return lines;
}

test("A member whose socket breaks is shown as lost, and finds everything when it comes back", async () => {
  const party = await Party.open();
  const ada = await party.join("ada");
  const bob = await party.join("bob");
  await ada.room.say("before");
  await bob.texts.next();
  bob.connection.close();
  const error = await bob.ended;
  assert(error instanceof Error, `${error}`);
  assertEquals((await ada.event("left")).reason, "connection-lost");

  const missed = await burst(ada, 500);
  const late = burst(bob, 50);
  await party.rejoin(bob);
  const joined = await ada.event("joined");
  assertEquals(joined.member.session, bob.session);
  const lines = await late;
  await bob.texts.count(1 + missed.length);
  await ada.texts.count(lines.length);
  assertEquals(bob.texts.all, ["before", ...missed]);
  assertEquals(ada.texts.all, lines);
  assertEquals(
    [ada, bob].map(({ events }) => events.all.filter(({ type }) => type === "warning")),
    [
      [],
      [],
    ],
  );
  assertEquals(await party.close(), [HOST_ENDS, HOST_ENDS]);
});

test("A member that dials again before its old socket is noticed dead takes its seat over", async () => {
  const party = await Party.open();
  const ada = await party.join("ada");
  const bob = await party.join("bob");
  await bob.room.say("one");
  await ada.texts.next();
  // Nobody has closed the first connection.
  const { connection, ended } = bob;
  const { channel, connection: second } = await party.call(bob);
  assertEquals(await ended, REPLACED);
  connection.close();
  bob.connection = second;
  bob.ended = bob.run(channel);
  await bob.room.say("two");
  assertEquals(await ada.texts.next(), "two");
  await ada.room.say("three");
  assertEquals(await bob.texts.next(), "three");
  assertEquals(ada.events.all.filter(({ type }) => type === "left"), []);
  await party.close();
  second.close();
});

test("A session belongs to the identity that it began with", async () => {
  const party = await Party.open();
  const ada = await party.join("ada");
  const { channel, connection } = await party.call({ name: "mal", session: ada.session });
  const thief = await TestMember.create("mal", ada.session);
  await assertFails(thief.room.run(channel), "session-in-use");
  connection.close();
  thief.room.end("not-delivered");
  await party.host.room.say("still there?");
  assertEquals(await ada.texts.next(), "still there?");
  assertEquals(await party.close(), [HOST_ENDS]);
});
