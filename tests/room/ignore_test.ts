import { assertEquals } from "@std/assert";
import { equal } from "../../lib/bytes/mod.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

test("Room shows no message of an ignored member and counts none as missed", async () => {
  const bob = await Puppet.create("bob");
  const carol = await Puppet.create("carol");
  let ignored = true;
  const alone = await RoomAlone.open({
    before: [bob, carol],
    ignores: (key) => ignored && equal(key, bob.identity.publicKey),
  });
  const [bobs, carols] = [await bob.chain(), await carol.chain()];
  await alone.says(bob, await bobs.skdm(alone.target));
  await alone.says(carol, await carols.skdm(alone.target));
  await alone.resume([bob, carol], 3);
  await bobs.skip(1); // A gap is not shown either.
  await alone.says(bob, await bobs.msg("one"));
  await alone.says(carol, await carols.msg("two"));
  await alone.says(bob, await bobs.msg("three"));
  assertEquals(await alone.text(), "two");
  assertEquals((await alone.event("reconnected")).missed, 1);
  ignored = false;
  await alone.says(bob, await bobs.msg("four"));
  assertEquals(await alone.text(), "four");
  await alone.close();
});

test("Room.find finds a member by its shown name, name#tag and key, with the time since it is here", async () => {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob] });
  alone.clock.advance(5000);
  const carol = await Puppet.create("carol");
  await alone.join(carol);
  const [first, second] = alone.room.members;
  assertEquals(second!.since - first!.since, 5000);
  assertEquals(alone.room.find(`bob#${first!.tag}`), first);
  assertEquals(alone.room.find("carol"), second);
  await alone.close();
});
