import { assertEquals } from "@std/assert";
import { encodeNeed, MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { SendingChain } from "../../lib/room/chain.ts";
import type { Lacking } from "../../lib/room/outbox.ts";
import { nextTurn } from "../support/clock.ts";
import { Puppet } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";

/** A room of bob and carol with a host that is acknowledged by hand. */
async function open(): Promise<{ alone: RoomAlone; bob: Puppet; carol: Puppet }> {
  const [bob, carol] = [await Puppet.create("bob"), await Puppet.create("carol")];
  const alone = await RoomAlone.open({ before: [bob, carol] });
  await alone.relay.settle();
  alone.relay.acknowledges = false;
  return { alone, bob, carol };
}

/** A message that the host has accepted. */
interface Said {
  readonly cmid: number;
  /** Returns the away members that may lack it, once it is delivered. */
  readonly away: () => Promise<readonly string[] | undefined>;
  /** Returns the members that left and may lack it, once it is delivered. */
  readonly left: () => Promise<readonly string[] | undefined>;
}

/** Sends a message that the host accepts. */
async function say(alone: RoomAlone, to?: string): Promise<Said> {
  const said = alone.room.say("hello", to === undefined ? {} : { to });
  const { cmid } = await alone.relay.object(ObjectType.MSG);
  await alone.relay.ack(cmid, cmid - 1, cmid - 1);
  let lacking: Lacking | undefined;
  void (await said).delivered.then((result) => lacking = result);
  const settled = async (): Promise<Lacking | undefined> => {
    await alone.relay.settle();
    await nextTurn();
    return lacking;
  };
  return {
    cmid,
    away: async () => (await settled())?.away.map(({ name }) => name),
    left: async () => (await settled())?.left.map(({ name }) => name),
  };
}

test("Room.say means the session that is here, of two with one key", async () => {
  const { bob, alone } = await open();
  const twin = await Puppet.create("bob");
  await alone.join(twin);
  await alone.tell(bob, MemberChange.AWAY);
  await alone.event("lost");
  assertEquals(alone.room.find("bob").session, twin.session);
  await say(alone, "bob");
  assertEquals(alone.relay.envelopes.all.at(-1)!.to, twin.session);
  await alone.close();
});

test("Room.say names away members that may lack a message once all others have it", async () => {
  const { bob, carol, alone } = await open();
  await alone.tell(carol, MemberChange.AWAY);
  const first = await say(alone);
  assertEquals(await first.away(), undefined, "bob may lack it");
  await alone.relay.ack(first.cmid, first.cmid - 1, first.cmid);
  assertEquals(await first.away(), ["carol"]);
  await alone.tell(bob, MemberChange.AWAY);
  const toBob = await say(alone, "bob");
  await alone.relay.ack(toBob.cmid, first.cmid - 1, toBob.cmid);
  assertEquals(await toBob.away(), ["bob"]);
  await alone.close();
});

test("Room.say waits for all members until one is known to be away", async () => {
  const { carol, alone } = await open();
  const { away, cmid } = await say(alone);
  await alone.relay.ack(cmid, cmid - 1, cmid);
  assertEquals(await away(), undefined);
  await alone.tell(carol, MemberChange.AWAY);
  assertEquals(await away(), ["carol"]);
  await alone.close();
});

test("Room.say names members that left before the host reported a message as delivered", async () => {
  const { bob, carol, alone } = await open();
  const first = await say(alone);
  await alone.relay.ack(first.cmid, first.cmid);
  assertEquals(await first.left(), []);
  const second = await say(alone);
  await alone.tell(bob, MemberChange.LEFT);
  assertEquals(await second.left(), undefined);
  await alone.relay.ack(second.cmid, second.cmid);
  assertEquals([await second.left(), await second.away()], [["bob"], []]);
  const toCarol = await say(alone, "carol");
  await alone.tell(carol, MemberChange.LEFT);
  await alone.relay.ack(toCarol.cmid, toCarol.cmid);
  assertEquals(await toCarol.left(), ["carol"]);
  await alone.close();
});

test("Room.say names a member that left before it asked another process for a lost message", async () => {
  const { alone, bob, carol } = await open();
  const lost = await say(alone);
  await alone.restart([bob, carol]);
  alone.relay.acknowledges = true;
  await alone.says(carol, encodeNeed(1));
  await alone.relay.object(ObjectType.AGAIN, carol.session);
  assertEquals(await lost.left(), undefined, "bob may lack it");
  await alone.tell(bob, MemberChange.LEFT);
  assertEquals(await lost.left(), ["bob"]);
  await alone.close();
});

test("Room.say names a member that left while the message was sealed", async () => {
  const { alone, bob } = await open();
  const { seal } = SendingChain.prototype;
  const [sealing, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  SendingChain.prototype.seal = async function (...args) {
    const sealed = await seal.apply(this, args);
    sealing.resolve();
    await left.promise;
    return sealed;
  };
  try {
    const saying = say(alone, "bob");
    await sealing.promise;
    await alone.tell(bob, MemberChange.LEFT);
    await alone.relay.taken();
    left.resolve();
    const said = await saying;
    await alone.relay.ack(said.cmid, said.cmid);
    assertEquals(await said.left(), ["bob"]);
  } finally {
    SendingChain.prototype.seal = seal;
  }
  await alone.close();
});

test("Room.say judges a report by who is away when it comes, not by its ACK's place", async () => {
  const { alone, bob, carol } = await open();
  const one = await say(alone);
  await alone.tell(bob, MemberChange.AWAY);
  await alone.tell(carol, MemberChange.AWAY);
  const two = alone.room.say("two");
  const { cmid } = await alone.relay.object(ObjectType.MSG);
  // Another message was accepted after a BACK that is still on its way.
  const seq = alone.relay.seq + 1;
  await alone.relay.send({
    type: "ack",
    accepted: cmid,
    delivered: one.cmid - 1,
    reached: one.cmid,
    seq,
  });
  await alone.tell(bob, MemberChange.BACK);
  await two;
  assertEquals(await one.away(), ["bob", "carol"]);
  await alone.close();
});

test("Room.say names no member that came later or cannot read", async () => {
  const { alone } = await open();
  const stranger = await Puppet.create("stranger");
  await alone.tell(stranger, MemberChange.JOINED);
  const { away, cmid } = await say(alone);
  const dave = await Puppet.create("dave");
  alone.relay.acknowledges = true;
  await alone.join(dave);
  await alone.relay.settle();
  for (const puppet of [stranger, dave]) await alone.tell(puppet, MemberChange.AWAY);
  await alone.relay.ack(cmid, cmid - 1, cmid);
  assertEquals(await away(), []);
  await alone.close();
});
