import { assertEquals } from "@std/assert";
import { type Identity, keyTag, randomBytes } from "../../lib/crypto/mod.ts";
import { SILENT_AFTER_MS } from "../../lib/room/peer.ts";
import type { SessionKeyPair } from "../../lib/room/session_key.ts";
import {
  CloseReason,
  decodeAnnounce,
  HOST_SESSION,
  MemberChange,
  ObjectType,
} from "../../lib/wire/mod.ts";
import { utf8 } from "../../lib/bytes/mod.ts";
import { nextTurn } from "../support/clock.ts";
import { identityOf, sessionKey } from "../support/keys.ts";
import { Puppet, targetOf } from "../support/puppet.ts";
import { RoomAlone } from "../support/room_alone.ts";
import { test } from "../support/test.ts";
import { RoomsInMemory, type TestMember } from "../support/rooms_in_memory.ts";

async function puppets(...names: string[]): Promise<Puppet[]> {
  return await Promise.all(names.map((name) => Puppet.create(name)));
}

test("Room is ready once every session of the first roster has answered", async () => {
  const [bob, carol] = await puppets("bob", "carol") as [Puppet, Puppet];
  const alone = await RoomAlone.create();
  await alone.relay.admit([bob.entry, carol.entry]);
  await alone.heardBy(bob);
  await alone.heardBy(carol);
  await alone.says(bob, await bob.announce(alone.session));
  await alone.relay.settle();
  assertEquals(alone.events.all, []);
  alone.clock.advance(SILENT_AFTER_MS - 1);
  await alone.says(carol, await carol.announce(alone.session));
  const { me, members } = await alone.event("ready");
  assertEquals(members.map(({ name }) => name), ["bob", "carol"]);
  assertEquals([me.name, me.key, me.session], ["ada", alone.key, alone.session]);
  await alone.relay.settle();
  alone.clock.advance(1);
  assertEquals(alone.events.rest(), []);
  await alone.close();
});

test("Room is ready after 10 s without silent sessions, and reports them", async () => {
  const [bob, carol, dave] = await puppets("bob", "carol", "dave") as [Puppet, Puppet, Puppet];
  const alone = await RoomAlone.create();
  await alone.relay.admit([bob.entry, carol.entry, dave.entry]);
  await alone.heardBy(dave);
  await alone.says(carol, await carol.announce(alone.session));
  await alone.relay.settle();
  alone.clock.advance(SILENT_AFTER_MS - 1);
  assertEquals(alone.events.all, []);
  alone.clock.advance(1);
  assertEquals((await alone.event("ready")).members.map(({ name }) => name), ["carol"]);
  const tags = await Promise.all([bob, dave].map(({ entry }) => keyTag(entry.key)));
  const { here, left } = await alone.event("unannounced");
  assertEquals([here.map(({ name }) => name), left], [tags.map((tag) => `#${tag}`), []]);
  // One that answers late joins late.
  await alone.says(bob, await bob.announce(alone.session));
  assertEquals((await alone.event("joined")).member.name, "bob");
  await alone.close();
});

test("Room waits for no session that is away or leaves before it is ready", async () => {
  const [away, leaver, lost] = await puppets("away", "leaver", "lost") as [Puppet, Puppet, Puppet];
  const alone = await RoomAlone.create();
  await alone.relay.admit([{ ...away.entry, away: true }, leaver.entry, lost.entry]);
  for (const puppet of [away, leaver, lost]) await alone.heardBy(puppet);
  await alone.tell(leaver, MemberChange.LEFT);
  await alone.relay.settle();
  assertEquals(alone.events.all, []);
  await alone.tell(lost, MemberChange.AWAY);
  assertEquals((await alone.event("ready")).members, []);
  assertEquals((await alone.event("unannounced")).left.map(({ key }) => key), [leaver.entry.key]);
  await alone.relay.settle();
  assertEquals(alone.events.rest(), []);
  // Back, they answer.
  await alone.tell(away, MemberChange.BACK);
  await alone.says(away, await away.announce(alone.session));
  assertEquals((await alone.event("joined")).member.name, "away");
  await alone.close();
});

test("Room is ready at once if it is alone", async () => {
  const alone = await RoomAlone.open();
  assertEquals(alone.room.members, []);
  await alone.close();
});

test("Room announces itself as soon as its key is made, first to the host, then to all", async () => {
  const [bob, carol] = await puppets("bob", "carol") as [Puppet, Puppet];
  const made = Promise.withResolvers<SessionKeyPair>();
  const alone = await RoomAlone.create({ generate: () => made.promise });
  const admitted = alone.relay.admit([bob.entry]);
  for (let i = 0; i < 6; i++) { // It takes longer than a host may take.
    await nextTurn();
    alone.clock.advance(SILENT_AFTER_MS);
  }
  assertEquals([alone.relay.envelopes.all, alone.events.all], [[], []]);
  made.resolve(await sessionKey());
  const { object, to } = await alone.relay.entered;
  assertEquals([(await targetOf(object)).session, decodeAnnounce(object).seen], [
    alone.session,
    HOST_SESSION,
  ]);
  assertEquals(to, HOST_SESSION);
  await admitted;
  await alone.heardBy(bob);
  await alone.tell(carol, MemberChange.JOINED);
  await alone.says(carol, await carol.announce(alone.session));
  await alone.heardBy(carol);
  await alone.says(bob, await bob.announce(alone.session));
  assertEquals((await alone.event("ready")).members.map(({ name }) => name), ["bob"]);
  assertEquals((await alone.event("joined")).member.name, "carol");
  await alone.close();
});

test("Room holds all events until it is ready", async () => {
  const [bob, carol, dave] = await puppets("bob", "carol", "dave") as [Puppet, Puppet, Puppet];
  const alone = await RoomAlone.create();
  const said = alone.room.say("early");
  await alone.relay.admit([bob.entry, carol.entry]);
  const target = await alone.heardBy(bob);
  const chain = await bob.chain();
  await alone.says(bob, await bob.announce(alone.session), await chain.skdm(target));
  await chain.skip(1);
  await alone.says(bob, await chain.msg("hello"));
  await alone.tell(dave, MemberChange.JOINED);
  await alone.says(dave, await dave.announce(alone.session));
  await alone.tell(dave, MemberChange.LEFT);
  await alone.relay.settle();
  assertEquals(alone.events.all, []);
  await alone.says(carol, await carol.announce(alone.session));
  assertEquals((await alone.event("ready")).members.length, 2);
  const sent = await alone.relay.object(ObjectType.MSG);
  await said;
  const held = alone.events.rest().map(({ event }) => event);
  assertEquals(held, ["gap", "message", "joined", "left"]);
  assertEquals(sent.to, undefined);
  await alone.close();
});

test("Room is ready early if too many events come while it waits for a silent member, and loses none", async () => {
  const [bob, carol] = await puppets("bob", "carol") as [Puppet, Puppet];
  const alone = await RoomAlone.create();
  await alone.relay.admit([bob.entry, carol.entry]);
  const target = await alone.heardBy(bob);
  const chain = await bob.chain();
  await alone.says(bob, await bob.announce(alone.session), await chain.skdm(target));
  const said = alone.room.say("hello");
  const texts = Array.from({ length: 400 }, (_, i) => `${i} `.repeat(2000));
  for (const text of texts) await alone.says(bob, await chain.msg(text));
  await alone.relay.settle();
  assertEquals((await alone.event("ready")).members.map(({ name }) => name), ["bob"]);
  for (const text of texts) assertEquals(await alone.text(), text);
  // Own messages still wait for members that may answer.
  assertEquals(alone.relay.envelopes.all.filter(({ object }) => object[0] === ObjectType.MSG), []);
  await alone.says(carol, await carol.announce(alone.session));
  assertEquals((await alone.event("joined")).member.name, "carol");
  await alone.relay.object(ObjectType.MSG);
  await said;
  await alone.close();
});

test("Room.run fails if the host names more members than a room can have", async () => {
  const alone = await RoomAlone.open();
  const key = (await identityOf("bob")).publicKey;
  for (let i = 0; i < 1338; i++) {
    const nonce = new Uint8Array(16);
    new DataView(nonce.buffer).setUint32(0, i + 1);
    const { JOINED: change } = MemberChange;
    void alone.relay.send({ type: "member", changes: [{ change, reason: 0, key, nonce }] });
  }
  const error = await alone.ran.catch((error) => error);
  assertEquals(error.code, "protocol-error");
  alone.room.end("not-delivered");
  assertEquals(alone.clock.timers, 0);
});

test("Room admits a session again that left without an ANNOUNCE", async () => {
  const [bob] = await puppets("bob") as [Puppet];
  const alone = await RoomAlone.open();
  await alone.tell(bob, MemberChange.JOINED);
  await alone.tell(bob, MemberChange.LEFT);
  assertEquals((await alone.event("unannounced")).leftCount, 1);
  assertEquals((await alone.join(bob)).name, "bob");
  await alone.close();
});

test("Room lists lost members in `ready` as lost, and shows none twice", async () => {
  const [bob, carol, dave] = await puppets("bob", "carol", "dave") as [Puppet, Puppet, Puppet];
  const alone = await RoomAlone.create();
  await alone.relay.admit([bob.entry, carol.entry, dave.entry]);
  for (const puppet of [bob, carol]) {
    await alone.says(puppet, await puppet.announce(alone.session));
    await alone.tell(puppet, MemberChange.AWAY);
  }
  await alone.tell(carol, MemberChange.BACK);
  await alone.relay.settle();
  await alone.says(dave, await dave.announce(alone.session));
  const expected = [["bob", true], ["carol", false], ["dave", false]];
  const { members } = await alone.event("ready");
  assertEquals(members.map(({ name, lost }) => [name, lost]), expected);
  assertEquals(alone.room.members.map(({ name, lost }) => [name, lost]), expected);
  await alone.tell(bob, MemberChange.AWAY);
  await alone.tell(bob, MemberChange.BACK);
  await alone.tell(bob, MemberChange.LEFT);
  await alone.relay.settle();
  assertEquals(alone.events.rest().map(({ event }) => event), ["back", "left"]);
  await alone.close();
});

test("Room shows a lost connection once, its return once, and a member that stays away as left", async () => {
  const [bob] = await puppets("bob") as [Puppet];
  const alone = await RoomAlone.open({ before: [bob] });
  await alone.tell(bob, MemberChange.AWAY, CloseReason.LOST);
  await alone.tell(bob, MemberChange.AWAY, CloseReason.LOST);
  const lost = (await alone.event("lost")).member;
  assertEquals([lost.name, lost.lost], ["bob", true]);
  assertEquals(alone.room.members.map(({ lost }) => lost), [true]);
  await alone.tell(bob, MemberChange.BACK);
  await alone.tell(bob, MemberChange.BACK);
  const back = (await alone.event("back")).member;
  assertEquals([back.name, back.lost], ["bob", false]);
  assertEquals(alone.room.members.map(({ lost }) => lost), [false]);
  await alone.tell(bob, MemberChange.AWAY, CloseReason.TOO_SLOW);
  await alone.event("lost");
  await alone.tell(bob, MemberChange.LEFT, CloseReason.TOO_SLOW);
  assertEquals((await alone.event("left")).reason, "too-slow");
  await alone.tell(bob, MemberChange.BACK);
  await alone.relay.settle();
  assertEquals([alone.events.rest(), alone.room.members], [[], []]);
  await alone.close();
});

test("Room gives no key before its own ANNOUNCE is on its way", async () => {
  const ada = await identityOf("ada");
  const gate = Promise.withResolvers<void>();
  let entered = false;
  const keySigned = Promise.withResolvers<void>();
  const slow: Identity = {
    publicKey: ada.publicKey,
    sign: async (message) => {
      const isAnnounce = new TextDecoder().decode(message).startsWith("lanchat/1 announce");
      if (isAnnounce && entered) await gate.promise;
      const signature = await ada.sign(message);
      if (!isAnnounce) keySigned.resolve();
      return signature;
    },
  };
  const [carol] = await puppets("carol") as [Puppet];
  const alone = await RoomAlone.open({ identity: slow });
  entered = true;
  await alone.tell(carol, MemberChange.JOINED);
  await alone.says(carol, await carol.announce(alone.session));
  await alone.event("joined");
  const said = alone.room.say("welcome");
  await keySigned.promise;
  await nextTurn();
  assertEquals(alone.relay.envelopes.all, []);
  gate.resolve();
  assertEquals((await alone.relay.envelopes.next()).object[0], ObjectType.ANNOUNCE);
  await carol.take((await alone.relay.object(ObjectType.SKDM)).object);
  const inner = await carol.take((await alone.relay.object(ObjectType.MSG)).object);
  assertEquals(inner?.body, utf8("welcome"));
  await said;
  await alone.close();
});

test("Room.run fails if the host refuses", async () => {
  const refusals = ["room-full", "banned", "locked", "not-allowed"];
  for (const [i, code] of refusals.entries()) {
    const alone = await RoomAlone.create();
    await alone.relay.send({
      type: "accept",
      status: i + 1,
      resumed: false,
      instance: randomBytes(8),
      lastCmid: 0,
      maxMembers: 1,
      time: 0,
      keep: 90,
    });
    const error = await alone.ran.catch((error) => error);
    assertEquals(error.code, code);
    alone.room.end("not-delivered");
    assertEquals(alone.clock.timers, 0);
  }
});

test("Room receives all messages of the members listed in `ready`, from that moment on", async () => {
  const rooms = new RoomsInMemory();
  const ada = await rooms.join("ada");
  const bob = await rooms.join("bob");
  const speakers = [ada, bob];
  let talking = true;
  async function talk({ name, room }: TestMember): Promise<void> {
    let line = 0;
    while (talking) await room.say(`${name} ${line++}`);
    await room.say(`${name} ends`);
  }
  const talks = speakers.map(talk);
  const joiners = await Promise.all(["carol", "dave", "eve", "frank"].map(async (name) => {
    const mine: string[] = [];
    const joiner: TestMember = await rooms.enter(name, {
      onEvent: (event) => {
        if (event.event !== "ready") return;
        // At the moment of `ready`, each listed member sends a message.
        for (const speaker of speakers) {
          if (!event.members.some((member) => member.name === speaker.name)) continue;
          mine.push(`${speaker.name} greets ${name}`);
          void speaker.room.say(mine.at(-1)!);
        }
      },
    });
    await joiner.ready;
    assertEquals(mine.length, 2);
    while (!mine.every((text) => joiner.texts.all.includes(text))) await joiner.texts.next();
    return joiner;
  }));
  talking = false;
  await Promise.all(talks);
  for (const { texts } of joiners) {
    while (!speakers.every(({ name }) => texts.all.includes(`${name} ends`))) await texts.next();
    for (const { name } of speakers) {
      // From the first message that a member has, none is missing.
      const lines = texts.all.filter((text) =>
        text.startsWith(`${name} `) && !text.includes("greets")
      );
      const first = Number(lines[0]!.split(" ")[1]);
      const expected = lines.slice(1).map((_, i) => `${name} ${first + i}`);
      assertEquals(lines, [...expected, `${name} ends`]);
    }
  }
  await rooms.close();
});
