import { assertEquals } from "@std/assert";
import { hallTest } from "../support/whole_pipeline.ts";
import { WatchedClock } from "../support/room_alone.ts";
import { RoomsInMemory } from "../support/rooms_in_memory.ts";

hallTest("A session that left and returned is shown to the members that saw it leave", async () => {
  const rooms = new RoomsInMemory();
  const clock = new WatchedClock();
  const ada = await rooms.enter("ada", { clock });
  await clock.timer(0);
  clock.advance(0);
  await ada.ready;
  const eve = await rooms.join("eve");
  await ada.event("joined");
  await eve.room.leave();
  await ada.event("left");
  await rooms.enter("eve", { nonce: eve.nonce });
  // The relay reports both in order.
  await rooms.join("bob");
  assertEquals((await ada.event("joined")).member.name, "bob");
  clock.advance(10_000);
  assertEquals((await ada.event("unannounced")).here.map(({ key }) => key), [eve.key]);
  assertEquals(ada.room.members.map(({ name }) => name), ["bob"]);
  await rooms.close();
});
