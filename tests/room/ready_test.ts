import { assertEquals } from "@std/assert";
import { type Identity, keyTag, randomBytes } from "../../lib/crypto/mod.ts";
import { type SessionKeyPair, SILENT_AFTER_MS } from "../../lib/room/mod.ts";
import {
  CloseReason,
  decodeAnnounce,
  HOST_SESSION,
  MemberChange,
  ObjectType,
} from "../../lib/wire/mod.ts";
import { utf8 } from "../../lib/bytes/mod.ts";
import { identityOf, sessionKey } from "../support/keys.ts";
import { Puppet, targetOf } from "../support/puppet.ts";
import { nextTurn, Stage } from "../support/stage.ts";
import { test } from "../support/test.ts";
import { type TestMember, World } from "../support/world.ts";

async function puppets(...names: string[]): Promise<Puppet[]> {
  return await Promise.all(names.map((name) => Puppet.create(name)));
}

test("Room is ready once every session of the first roster has answered", async () => {
  const [bob, carol] = await puppets("bob", "carol") as [Puppet, Puppet];
  const stage = await Stage.create();
  await stage.relay.admit([bob.entry, carol.entry]);
  await stage.heardBy(bob);
  await stage.heardBy(carol);
  await stage.says(bob, await bob.announce(stage.session));
  await stage.relay.settle();
  assertEquals(stage.events.all, []);
  stage.clock.advance(SILENT_AFTER_MS - 1);
  await stage.says(carol, await carol.announce(stage.session));
  const { me, members } = await stage.event("ready");
  assertEquals(members.map(({ name }) => name), ["bob", "carol"]);
  assertEquals([me.name, me.key, me.session], ["ada", stage.key, stage.session]);
  await stage.relay.settle();
  stage.clock.advance(1);
  assertEquals(stage.events.rest(), []);
  await stage.close();
});

test("Room is ready after 10 s without those who are silent, and says who they are", async () => {
  const [bob, carol, dave] = await puppets("bob", "carol", "dave") as [Puppet, Puppet, Puppet];
  const stage = await Stage.create();
  await stage.relay.admit([bob.entry, carol.entry, dave.entry]);
  await stage.heardBy(dave);
  await stage.says(carol, await carol.announce(stage.session));
  await stage.relay.settle();
  stage.clock.advance(SILENT_AFTER_MS - 1);
  assertEquals(stage.events.all, []);
  stage.clock.advance(1);
  assertEquals((await stage.event("ready")).members.map(({ name }) => name), ["carol"]);
  const tags = await Promise.all([bob, dave].map(({ entry }) => keyTag(entry.key)));
  const { here, left } = await stage.event("unannounced");
  assertEquals([here.map(({ name }) => name), left], [tags.map((tag) => `#${tag}`), []]);
  // One that answers late joins late.
  await stage.says(bob, await bob.announce(stage.session));
  assertEquals((await stage.event("joined")).member.name, "bob");
  await stage.close();
});

test("Room waits neither for who is away nor for who leaves", async () => {
  const [away, leaver, lost] = await puppets("away", "leaver", "lost") as [Puppet, Puppet, Puppet];
  const stage = await Stage.create();
  await stage.relay.admit([{ ...away.entry, away: true }, leaver.entry, lost.entry]);
  for (const puppet of [away, leaver, lost]) await stage.heardBy(puppet);
  await stage.tell(leaver, MemberChange.LEFT);
  await stage.relay.settle();
  assertEquals(stage.events.all, []);
  await stage.tell(lost, MemberChange.AWAY);
  assertEquals((await stage.event("ready")).members, []);
  assertEquals((await stage.event("unannounced")).left.map(({ key }) => key), [leaver.entry.key]);
  await stage.relay.settle();
  assertEquals(stage.events.rest(), []);
  // Back, they answer.
  await stage.tell(away, MemberChange.BACK);
  await stage.says(away, await away.announce(stage.session));
  assertEquals((await stage.event("joined")).member.name, "away");
  await stage.close();
});

test("Room is ready at once where nobody is", async () => {
  const stage = await Stage.open();
  assertEquals(stage.room.members, []);
  await stage.close();
});

test("Room announces itself as soon as its key is made: to the host first, then to all", async () => {
  const [bob, carol] = await puppets("bob", "carol") as [Puppet, Puppet];
  const made = Promise.withResolvers<SessionKeyPair>();
  const stage = await Stage.create({ generate: () => made.promise });
  const admitted = stage.relay.admit([bob.entry]);
  for (let i = 0; i < 6; i++) { // It takes longer than a host may take.
    await nextTurn();
    stage.clock.advance(SILENT_AFTER_MS);
  }
  assertEquals([stage.relay.envelopes.all, stage.events.all], [[], []]);
  made.resolve(await sessionKey());
  const { object, to } = await stage.relay.entered;
  assertEquals([(await targetOf(object)).session, decodeAnnounce(object).seen], [
    stage.session,
    HOST_SESSION,
  ]);
  assertEquals(to, HOST_SESSION);
  await admitted;
  await stage.heardBy(bob);
  await stage.tell(carol, MemberChange.JOINED);
  await stage.says(carol, await carol.announce(stage.session));
  await stage.heardBy(carol);
  await stage.says(bob, await bob.announce(stage.session));
  assertEquals((await stage.event("ready")).members.map(({ name }) => name), ["bob"]);
  assertEquals((await stage.event("joined")).member.name, "carol");
  await stage.close();
});

test("Room holds what happens until it is ready, and says nothing before", async () => {
  const [bob, carol, dave] = await puppets("bob", "carol", "dave") as [Puppet, Puppet, Puppet];
  const stage = await Stage.create();
  const said = stage.room.say("early");
  await stage.relay.admit([bob.entry, carol.entry]);
  const target = await stage.heardBy(bob);
  const chain = await bob.chain();
  await stage.says(bob, await bob.announce(stage.session), await chain.skdm(target));
  await chain.skip(1);
  await stage.says(bob, await chain.msg("hello"));
  await stage.tell(dave, MemberChange.JOINED);
  await stage.says(dave, await dave.announce(stage.session));
  await stage.tell(dave, MemberChange.LEFT);
  await stage.relay.settle();
  assertEquals(stage.events.all, []);
  await stage.says(carol, await carol.announce(stage.session));
  assertEquals((await stage.event("ready")).members.length, 2);
  const sent = await stage.relay.object(ObjectType.MSG);
  await said;
  const held = stage.events.rest().map(({ event }) => event);
  assertEquals(held, ["gap", "message", "joined", "left"]);
  assertEquals(sent.to, undefined);
  await stage.close();
});

test("Room is ready at once where much is said while it waits for a silent member, and loses nothing", async () => {
  const [bob, carol] = await puppets("bob", "carol") as [Puppet, Puppet];
  const stage = await Stage.create();
  await stage.relay.admit([bob.entry, carol.entry]);
  const target = await stage.heardBy(bob);
  const chain = await bob.chain();
  await stage.says(bob, await bob.announce(stage.session), await chain.skdm(target));
  const said = stage.room.say("hello");
  const texts = Array.from({ length: 400 }, (_, i) => `${i} `.repeat(2000));
  for (const text of texts) await stage.says(bob, await chain.msg(text));
  await stage.relay.settle();
  assertEquals((await stage.event("ready")).members.map(({ name }) => name), ["bob"]);
  for (const text of texts) assertEquals(await stage.text(), text);
  // What is said here still waits for those who may answer.
  assertEquals(stage.relay.envelopes.all.filter(({ object }) => object[0] === ObjectType.MSG), []);
  await stage.says(carol, await carol.announce(stage.session));
  assertEquals((await stage.event("joined")).member.name, "carol");
  await stage.relay.object(ObjectType.MSG);
  await said;
  await stage.close();
});

test("Room gives up a host that names more members than a room can have", async () => {
  const stage = await Stage.open();
  const key = (await identityOf("bob")).publicKey;
  for (let i = 0; i < 1338; i++) {
    const nonce = new Uint8Array(16);
    new DataView(nonce.buffer).setUint32(0, i + 1);
    const { JOINED: change } = MemberChange;
    void stage.relay.send({ type: "member", change, reason: 0, key, nonce });
  }
  const error = await stage.ran.catch((error) => error);
  assertEquals(error.code, "protocol-error");
  stage.room.end("not-delivered");
  assertEquals(stage.clock.timers, 0);
});

test("Room takes a session that left unheard when it comes again", async () => {
  const [bob] = await puppets("bob") as [Puppet];
  const stage = await Stage.open();
  await stage.tell(bob, MemberChange.JOINED);
  await stage.tell(bob, MemberChange.LEFT);
  assertEquals((await stage.event("unannounced")).leftCount, 1);
  assertEquals((await stage.join(bob)).name, "bob");
  await stage.close();
});

test("Room lists in `ready` who was lost before, as lost, and shows nobody twice", async () => {
  const [bob, carol, dave] = await puppets("bob", "carol", "dave") as [Puppet, Puppet, Puppet];
  const stage = await Stage.create();
  await stage.relay.admit([bob.entry, carol.entry, dave.entry]);
  for (const puppet of [bob, carol]) {
    await stage.says(puppet, await puppet.announce(stage.session));
    await stage.tell(puppet, MemberChange.AWAY);
  }
  await stage.tell(carol, MemberChange.BACK);
  await stage.relay.settle();
  await stage.says(dave, await dave.announce(stage.session));
  const expected = [["bob", true], ["carol", false], ["dave", false]];
  const { members } = await stage.event("ready");
  assertEquals(members.map(({ name, lost }) => [name, lost]), expected);
  assertEquals(stage.room.members.map(({ name, lost }) => [name, lost]), expected);
  await stage.tell(bob, MemberChange.AWAY);
  await stage.tell(bob, MemberChange.BACK);
  await stage.tell(bob, MemberChange.LEFT);
  await stage.relay.settle();
  assertEquals(stage.events.rest().map(({ event }) => event), ["back", "left"]);
  await stage.close();
});

test("Room shows once that a connection is lost, once that it is back, and who stays away as left", async () => {
  const [bob] = await puppets("bob") as [Puppet];
  const stage = await Stage.open({ before: [bob] });
  await stage.tell(bob, MemberChange.AWAY, CloseReason.LOST);
  await stage.tell(bob, MemberChange.AWAY, CloseReason.LOST);
  const lost = (await stage.event("lost")).member;
  assertEquals([lost.name, lost.lost], ["bob", true]);
  assertEquals(stage.room.members.map(({ lost }) => lost), [true]);
  await stage.tell(bob, MemberChange.BACK);
  await stage.tell(bob, MemberChange.BACK);
  const back = (await stage.event("back")).member;
  assertEquals([back.name, back.lost], ["bob", false]);
  assertEquals(stage.room.members.map(({ lost }) => lost), [false]);
  await stage.tell(bob, MemberChange.AWAY, CloseReason.TOO_SLOW);
  await stage.event("lost");
  await stage.tell(bob, MemberChange.LEFT, CloseReason.TOO_SLOW);
  assertEquals((await stage.event("left")).reason, "too-slow");
  await stage.tell(bob, MemberChange.BACK);
  await stage.relay.settle();
  assertEquals([stage.events.rest(), stage.room.members], [[], []]);
  await stage.close();
});

test("Room gives nobody a key before its own ANNOUNCE is on the way", async () => {
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
  const stage = await Stage.open({ identity: slow });
  entered = true;
  await stage.tell(carol, MemberChange.JOINED);
  await stage.says(carol, await carol.announce(stage.session));
  await stage.event("joined");
  const said = stage.room.say("welcome");
  await keySigned.promise;
  await nextTurn();
  assertEquals(stage.relay.envelopes.all, []);
  gate.resolve();
  assertEquals((await stage.relay.envelopes.next()).object[0], ObjectType.ANNOUNCE);
  await carol.take((await stage.relay.object(ObjectType.SKDM)).object);
  const inner = await carol.take((await stage.relay.object(ObjectType.MSG)).object);
  assertEquals(inner?.body, utf8("welcome"));
  await said;
  await stage.close();
});

test("Room.run fails where the host refuses", async () => {
  const refusals = ["room-full", "banned", "locked", "not-allowed"];
  for (const [i, code] of refusals.entries()) {
    const stage = await Stage.create();
    await stage.relay.send({
      type: "accept",
      status: i + 1,
      resumed: false,
      instance: randomBytes(8),
      lastCmid: 0,
      maxMembers: 1,
      time: 0,
      keep: 90,
    });
    const error = await stage.ran.catch((error) => error);
    assertEquals(error.code, code);
    stage.room.end("not-delivered");
    assertEquals(stage.clock.timers, 0);
  }
});

test("Room is sent all that a member it was ready for says, from that moment on", async () => {
  const world = new World();
  const ada = await world.join("ada");
  const bob = await world.join("bob");
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
    const joiner: TestMember = await world.enter(name, {
      onEvent: (event) => {
        if (event.event !== "ready") return;
        // In the very moment of `ready`, everybody who is listed speaks.
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
      // From the first line that somebody has, none is missing.
      const lines = texts.all.filter((text) =>
        text.startsWith(`${name} `) && !text.includes("greets")
      );
      const first = Number(lines[0]!.split(" ")[1]);
      const expected = lines.slice(1).map((_, i) => `${name} ${first + i}`);
      assertEquals(lines, [...expected, `${name} ends`]);
    }
  }
  await world.close();
});
