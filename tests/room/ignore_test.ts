import { assertEquals } from "@std/assert";
import { equal } from "../../lib/bytes/mod.ts";
import { Puppet } from "../support/puppet.ts";
import { Stage } from "../support/stage.ts";
import { test } from "../support/test.ts";

test("Room tells nothing of what an ignored member says, and counts none of it as missed", async () => {
  const bob = await Puppet.create("bob");
  const carol = await Puppet.create("carol");
  let ignored = true;
  const stage = await Stage.open({
    before: [bob, carol],
    ignores: (key) => ignored && equal(key, bob.identity.publicKey),
  });
  const [bobs, carols] = [await bob.chain(), await carol.chain()];
  await stage.says(bob, await bobs.skdm(stage.target));
  await stage.says(carol, await carols.skdm(stage.target));
  await stage.resume([bob, carol], 3);
  await bobs.skip(1); // A gap is nothing to be told of, either.
  await stage.says(bob, await bobs.msg("one"));
  await stage.says(carol, await carols.msg("two"));
  await stage.says(bob, await bobs.msg("three"));
  assertEquals(await stage.text(), "two");
  assertEquals((await stage.event("reconnected")).missed, 1);
  ignored = false;
  await stage.says(bob, await bobs.msg("four"));
  assertEquals(await stage.text(), "four");
  await stage.close();
});

test("Room finds a member by the name that is shown, name#tag and key, and says since when it is here", async () => {
  const bob = await Puppet.create("bob");
  const stage = await Stage.open({ before: [bob] });
  stage.clock.advance(5000);
  const carol = await Puppet.create("carol");
  await stage.join(carol);
  const [first, second] = stage.room.members;
  assertEquals(second!.since - first!.since, 5000);
  assertEquals(stage.room.find(`bob#${first!.tag}`), first);
  assertEquals(stage.room.find("carol"), second);
  await stage.close();
});
