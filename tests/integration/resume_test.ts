import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import type { RoomEvent } from "../../lib/room/mod.ts";
import { CloseReason } from "../../lib/wire/mod.ts";
import { RoomOverSockets } from "../support/over_sockets.ts";
import { test } from "../support/test.ts";
import type { TestMember } from "../support/rooms_in_memory.ts";

const { HOST_ENDS, REPLACED } = CloseReason;

type Presence = RoomEvent & { readonly event: "lost" | "back" };

/** Whose connection is the next to be lost, or back, as a member sees it. */
async function whose({ events }: TestMember, type: Presence["event"]): Promise<Bytes> {
  const { member } = await events.find((event): event is Presence => event.event === type);
  return member.session;
}

test("A member whose socket breaks receives the messages under way once, when it returns", async () => {
  const sockets = await RoomOverSockets.open();
  const ada = await sockets.join("ada");
  let shown = Promise.resolve();
  const bob = await sockets.join("bob", { shown: () => shown });
  await ada.room.say("before");
  await bob.texts.next();
  // Bob stops reading, and his connection breaks with all of this under way: less than a share.
  const stopped = Promise.withResolvers<void>();
  shown = stopped.promise;
  const lines = Array.from({ length: 40 }, (_, i) => `ada ${i}`);
  for (const line of lines) await ada.room.say(line);
  bob.connection.close();
  stopped.resolve();
  const error = await bob.ended;
  assert(error instanceof Error, `${error}`);
  assertEquals(await whose(ada, "lost"), bob.session);
  const said = Promise.all(["one", "two"].map((text) => bob.room.say(text)));

  await sockets.rejoin(bob);
  assertEquals(await whose(ada, "back"), bob.session);
  await said;
  await ada.texts.count(2);
  await ada.room.say("after");
  await bob.texts.count(lines.length + 2);
  assertEquals(bob.texts.all, ["before", ...lines, "after"]);
  assertEquals(ada.texts.all, ["one", "two"]);
  const warnings = [ada, bob].flatMap(({ events }) =>
    events.all.filter(({ event }) => event === "warning")
  );
  assertEquals(warnings, []);
  assertEquals(await sockets.close(), [HOST_ENDS, HOST_ENDS]);
});

test("A member that dials again before the host notices its dead socket takes over its own seat", async () => {
  const sockets = await RoomOverSockets.open();
  const ada = await sockets.join("ada");
  const bob = await sockets.join("bob");
  await bob.room.say("one");
  await ada.texts.next();
  // Neither end has closed the first connection.
  const { connection, ended } = bob;
  const { channel, connection: second } = await sockets.call(bob);
  assertEquals(await ended, REPLACED);
  connection.close();
  bob.connection = second;
  bob.ended = bob.run(channel);
  await bob.room.say("two");
  assertEquals(await ada.texts.next(), "two");
  await ada.room.say("three");
  assertEquals(await bob.texts.next(), "three");
  assertEquals(ada.events.all.filter(({ event }) => event === "left"), []);
  await sockets.close();
  second.close();
});

test("A stranger that saw the roster cannot take the session of a member whose link broke", async () => {
  const sockets = await RoomOverSockets.open();
  const ada = await sockets.join("ada");
  const bob = await sockets.join("bob");
  bob.connection.close();
  await bob.ended;
  assertEquals(await whose(ada, "lost"), bob.session);
  // The roster has bob's nonce; with another key it gives another session.
  const mal = await sockets.join("mal", { nonce: bob.nonce });
  assertNotEquals(mal.session, bob.session);
  await sockets.rejoin(bob);
  assertEquals(await whose(ada, "back"), bob.session);
  await bob.room.say("still me");
  assertEquals(await ada.texts.next(), "still me");
  assertEquals(ada.events.all.filter(({ event }) => event === "left"), []);
  assertEquals(await sockets.close(), [HOST_ENDS, HOST_ENDS, HOST_ENDS]);
});
