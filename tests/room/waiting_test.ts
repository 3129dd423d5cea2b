import { assertEquals } from "@std/assert";
import { SILENT_AFTER_MS } from "../../lib/room/peer.ts";
import { MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

test("Room holds a message for a session that joined and has not announced itself yet", async () => {
  const alone = await RoomAlone.open();
  const bob = await Puppet.create("bob");
  await alone.tell(bob, MemberChange.JOINED);
  await alone.relay.settle();
  const said = alone.room.say("hello");
  await alone.clock.timer(SILENT_AFTER_MS);
  assertEquals(alone.relay.envelopes.all, []);
  await alone.says(bob, await bob.announce(alone.session));
  await said;
  await alone.relay.object(ObjectType.MSG);
  await alone.close();
});

test("Room holds a message for at most 10 s for a session that does not announce itself", async () => {
  const alone = await RoomAlone.open();
  const bob = await Puppet.create("bob");
  await alone.tell(bob, MemberChange.JOINED);
  await alone.relay.settle();
  const failed = assertFails(alone.room.say("hello"), "nobody-here");
  await alone.clock.timer(SILENT_AFTER_MS);
  alone.clock.advance(SILENT_AFTER_MS);
  await failed;
  await alone.close();
});
