import { assertEquals } from "@std/assert";
import { RoomOverSockets } from "../support/over_sockets.ts";
import { test } from "../support/test.ts";

test("A name that a member took while another's socket was broken is shown in its place when the other returns", async () => {
  const sockets = await RoomOverSockets.open();
  const ada = await sockets.join("ada");
  const bob = await sockets.join("bob");
  await bob.room.say("one");
  await ada.texts.next();
  ada.connection.close();
  await ada.ended;
  await bob.event("lost");
  await bob.room.rename("bert");
  await bob.room.say("two");
  await sockets.rejoin(ada);
  await ada.texts.next();
  const told = ada.events.all.flatMap((event) => {
    if (event.event === "message") return [`${event.from.name}: ${event.text}`];
    return event.event === "renamed" ? [`${event.before} is ${event.member.name}`] : [];
  });
  assertEquals(told, ["bob: one", "bob is bert", "bert: two"]);
  const carol = await sockets.join("carol");
  assertEquals(carol.room.members.map(({ name }) => name), ["hana", "ada", "bert"]);
  await carol.room.rename("bert");
  const { member } = await bob.event("renamed").then(() => bob.event("renamed"));
  assertEquals(member.name, `bert#${member.tag}`);
  assertEquals(carol.room.me.name, member.name);
  await sockets.close();
});
