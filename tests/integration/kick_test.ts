import { assertEquals } from "@std/assert";
import { AccessPolicy, Relay } from "../../lib/relay/mod.ts";
import { CloseReason, KickOp } from "../../lib/wire/mod.ts";
import { identityOf } from "../support/keys.ts";
import { HOST, ROOM_ID } from "../support/puppet.ts";
import { test } from "../support/test.ts";
import { assertTexts, RoomsInMemory } from "../support/rooms_in_memory.ts";

test("A ban by the host holds at present members and at later ones", async () => {
  const policy = new AccessPolicy({ identity: HOST, roomId: ROOM_ID });
  const relay = new Relay({ policy });
  const rooms = new RoomsInMemory(relay);
  const [ada, bob, carol] = [
    await rooms.join("ada"),
    await rooms.join("bob"),
    await rooms.join("carol"),
  ];
  await ada.events.count(3);
  await ada.room.say("for bob and carol");
  await Promise.all([bob, carol].map(({ texts }) => texts.next()));
  const { publicKey: key } = await identityOf("bob");
  relay.broadcast(await policy.decide(KickOp.BAN, key));
  relay.expel(key, CloseReason.BANNED);
  for (const member of [ada, carol]) {
    assertEquals((await member.event("left")).reason, "banned");
    await member.event("rekeyed");
  }
  await ada.room.say("for carol alone");
  await carol.texts.next();
  const dave = await rooms.join("dave");
  assertEquals(dave.room.members.map(({ name }) => name), ["ada", "carol"]);
  await ada.event("joined");
  await ada.room.say("for carol and dave");
  await Promise.all([carol, dave].map(({ texts }) => texts.next()));
  assertTexts(bob, ["for bob and carol"]);
  assertTexts(dave, ["for carol and dave"]);
  await rooms.close();
});
