import { assertEquals } from "@std/assert";
import { SILENT_AFTER_MS } from "../../lib/room/mod.ts";
import { MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { Puppet } from "../support/puppet.ts";
import { Stage } from "../support/stage.ts";
import { test } from "../support/test.ts";

test("Room keeps a message for whoever has just joined and not announced itself yet", async () => {
  const stage = await Stage.open();
  const bob = await Puppet.create("bob");
  await stage.tell(bob, MemberChange.JOINED);
  await stage.relay.settle();
  const said = stage.room.say("hello");
  await stage.clock.timer(SILENT_AFTER_MS);
  assertEquals(stage.relay.envelopes.all, []);
  await stage.says(bob, await bob.announce(stage.session));
  await said;
  await stage.relay.object(ObjectType.MSG);
  await stage.close();
});

test("Room keeps no message for longer than ten seconds for whoever does not announce itself", async () => {
  const stage = await Stage.open();
  const bob = await Puppet.create("bob");
  await stage.tell(bob, MemberChange.JOINED);
  await stage.relay.settle();
  const failed = assertFails(stage.room.say("hello"), "nobody-here");
  await stage.clock.timer(SILENT_AFTER_MS);
  stage.clock.advance(SILENT_AFTER_MS);
  await failed;
  await stage.close();
});
