import { assert, assertEquals } from "@std/assert";
import { type Bytes, equal, fromHex } from "../../lib/bytes/mod.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import type { LanchatError } from "../../lib/errors.ts";
import { SerialQueues } from "../../lib/room/serial_queue.ts";
import type { NamedSession } from "../../lib/room/link.ts";
import { rosterHash } from "../../lib/room/roster_check.ts";
import type { Announced, NamingState } from "../../lib/room/peer.ts";
import { Roster } from "../../lib/room/roster.ts";
import { decodeSkdm, MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { throwError } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { identityOf } from "../support/keys.ts";
import { type OwnChain, Puppet, ROOM_ID } from "../support/puppet.ts";
import { RoomAlone, SCRIPTED_KEEP_MS } from "../support/room_alone.ts";
import { test } from "../support/test.ts";
import { RoomsInMemory } from "../support/rooms_in_memory.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

test("rosterHash matches the known answer, whatever the order", async () => {
  const { fromKey, fromSession, roomId, toKey, toSession } = decodeSkdm(
    fromHex(vectors.e2e.skdm.wire),
  );
  const members = [{ key: fromKey, session: fromSession }, { key: toKey, session: toSession }];
  assertEquals(await rosterHash(roomId, members), fromHex(vectors.e2e.roster));
  assertEquals(await rosterHash(roomId, members.reverse()), fromHex(vectors.e2e.roster));
});

interface Scene {
  readonly alone: RoomAlone;
  readonly bob: Puppet;
  readonly chain: OwnChain;
  /** The hash of a room of ada and these. */
  readonly of: (...puppets: readonly Puppet[]) => Promise<Bytes>;
  /** Bob says something with that roster. @returns The codes of the warnings before it. */
  readonly reports: (roster: Bytes) => Promise<string[]>;
}

async function open(others: readonly Puppet[] = [], keepMs = SCRIPTED_KEEP_MS): Promise<Scene> {
  const bob = await Puppet.create("bob");
  const alone = await RoomAlone.open({ before: [bob, ...others], keepMs });
  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(alone.target));
  await alone.relay.settle();
  const me = { key: alone.key, session: alone.session };
  return {
    alone,
    bob,
    chain,
    of: (...puppets) => rosterHash(ROOM_ID, [me, ...puppets.map(({ entry }) => entry)]),
    reports: async (roster) => {
      await alone.says(bob, await chain.msg("something", { roster }));
      await alone.relay.settle();
      const events = alone.events.rest();
      assert(events.some(({ event }) => event === "message"));
      return events.flatMap((event) => event.event === "warning" ? [event.code] : []);
    },
  };
}

test("Room warns once if a member reports another roster for 60 s", async () => {
  const { bob, of, reports, alone } = await open();
  assertEquals(await reports(await of(bob)), []);
  assertEquals(await reports(randomBytes(16)), []);
  await alone.pass(59_999);
  assertEquals(await reports(randomBytes(16)), []);
  alone.clock.advance(1);
  assertEquals(await reports(randomBytes(16)), ["roster-differs"]);
  await alone.pass(60_000);
  assertEquals(await reports(randomBytes(16)), []);
  // After an agreement, the time starts again.
  assertEquals(await reports(await of(bob)), []);
  assertEquals(await reports(randomBytes(16)), []);
  await alone.pass(60_000);
  assertEquals(await reports(randomBytes(16)), ["roster-differs"]);
  await alone.close();
});

test("Room does not warn of a member that has not learned of a change yet", async () => {
  const { bob, of, reports, alone } = await open();
  const carol = await Puppet.create("carol");
  const before = await of(bob);
  assertEquals(await reports(before), []);
  await alone.join(carol);
  assertEquals(await reports(before), []);
  await alone.pass(9000);
  assertEquals(await reports(before), []);
  assertEquals(await reports(await of(bob, carol)), []);
  await alone.tell(carol, MemberChange.LEFT);
  await alone.event("left");
  assertEquals(await reports(await of(bob, carol)), []);
  await alone.pass(60_000);
  assertEquals(await reports(before), []);
  await alone.close();
});

test("Room recognizes each of its recent rosters, whether it was reported or not", async () => {
  const { bob, of, reports, alone } = await open();
  const others: Puppet[] = [];
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 3; i++) {
      const other = await Puppet.create(`other ${others.length}`);
      await alone.join(other);
      others.push(other);
    }
    // Bob had not heard of the last of them when he said this.
    assertEquals(await reports(await of(bob, ...others.slice(0, -1))), []);
    await alone.pass(65_000);
  }
  await alone.close();
});

test("Room warns if the relay hides a session from a member for good", async () => {
  const { bob, of, reports, alone } = await open();
  const before = await of(bob);
  assertEquals(await reports(before), []);
  await alone.join(await Puppet.create("carol"));
  // Bob never learns of carol, and still reports the roster before her.
  await alone.pass(10_000);
  assertEquals(await reports(before), []);
  await alone.pass(60_000);
  assertEquals(await reports(before), ["roster-differs"]);
  await alone.close();
});

test("Room does not warn of two short differences", async () => {
  const { bob, of, reports, alone } = await open();
  const carol = await Puppet.create("carol");
  const dave = await Puppet.create("dave");
  // Each time bob hears of the newcomer a moment earlier.
  assertEquals(await reports(await of(bob, carol)), []);
  alone.clock.advance(1);
  await alone.join(carol);
  await alone.pass(65_000);
  assertEquals(await reports(await of(bob, carol, dave)), []);
  alone.clock.advance(1);
  await alone.join(dave);
  assertEquals(await reports(await of(bob, carol, dave)), []);
  await alone.close();
});

test("Room hashes every session that the host names, announced or not, away or not", async () => {
  const [bob, carol, dave, eve] = await Promise.all(
    ["bob", "carol", "dave", "eve"].map((name) => Puppet.create(name)),
  ) as [Puppet, Puppet, Puppet, Puppet];
  const alone = await RoomAlone.create();
  await alone.relay.admit([bob.entry, { ...carol.entry, away: true }, dave.entry]);
  const target = await alone.heardBy(bob);
  for (const puppet of [bob, dave]) await alone.says(puppet, await puppet.announce(alone.session));
  await alone.event("ready");
  const chain = await bob.chain();
  await alone.says(bob, await chain.skdm(target));
  const me = { key: alone.key, session: alone.session };
  const of = (...puppets: readonly Puppet[]): Promise<Bytes> =>
    rosterHash(ROOM_ID, [me, ...puppets.map(({ entry }) => entry)]);
  /** The roster that this member reports. */
  async function told(): Promise<Bytes> {
    await alone.room.say("hello", { to: "bob" });
    while (true) {
      const { object } = await alone.relay.envelopes.next();
      if (object[0] === ObjectType.ANNOUNCE || object[0] === ObjectType.SKDM && !forBob(object)) {
        continue;
      }
      const inner = await bob.take(object);
      if (inner !== undefined) return inner.roster;
    }
  }
  const forBob = (object: Bytes): boolean => equal(decodeSkdm(object).toSession, bob.session);
  assertEquals(await told(), await of(bob, carol, dave));
  await alone.tell(carol, MemberChange.BACK);
  assertEquals(await told(), await of(bob, carol, dave));
  await alone.tell(eve, MemberChange.JOINED);
  await alone.relay.settle();
  assertEquals(await told(), await of(bob, carol, dave, eve));
  await alone.tell(eve, MemberChange.AWAY);
  await alone.tell(carol, MemberChange.LEFT);
  await alone.relay.settle();
  assertEquals(await told(), await of(bob, dave, eve));
  await alone.close();
});

/** How a relay tries to keep bob's report from being compared, once every 2 s. */
const DISTRACTIONS: Readonly<Record<string, (alone: RoomAlone, round: number) => Promise<void>>> = {
  "nothing else happens": () => Promise.resolve(),
  "a phantom is away and back": async (alone, round) => {
    if (round === 0) await alone.tell(PHANTOM, MemberChange.JOINED);
    await alone.tell(PHANTOM, round % 2 === 0 ? MemberChange.AWAY : MemberChange.BACK);
  },
  "a member is away and back": async (alone, round) => {
    await alone.tell(CAROL, round % 2 === 0 ? MemberChange.AWAY : MemberChange.BACK);
  },
  "ever new phantoms come": async (alone) => {
    for (let i = 0; i < 10; i++) {
      const phantom = await Puppet.create("phantom");
      await alone.tell(phantom, MemberChange.JOINED);
      await alone.tell(phantom, MemberChange.LEFT);
    }
  },
};
const PHANTOM = await Puppet.create("phantom");
const CAROL = await Puppet.create("carol");

for (const [name, distract] of Object.entries(DISTRACTIONS)) {
  test(`Room warns 60 s after a member first reported another roster, though ${name}`, async () => {
    const { bob, of, reports, alone } = await open([CAROL]);
    // Carol is kept from bob.
    const before = await of(bob);
    assertEquals(await reports(before), []);
    for (let round = 0; round < 30; round++) {
      await distract(alone, round);
      await alone.pass(2000);
      if (round === 14) assertEquals(await reports(before), []);
    }
    await distract(alone, 30);
    assertEquals(await reports(before), ["roster-differs"]);
    await alone.close();
  });
}

test("Room warns in time though the relay claims one restart after another", async () => {
  for (const keepMs of [90_000, 3_600_000]) assertEquals(await untilWarned(keepMs), 240_000);
});

/** Has a relay that hides carol from bob claim restarts. @returns The time to the warning, in milliseconds. */
async function untilWarned(keepMs: number): Promise<number> {
  const { bob, of, reports, alone } = await open([CAROL], keepMs);
  const before = await of(bob);
  let ms = 0;
  // Whenever bob reports, carol has just not come to the new process yet.
  while (true) {
    await alone.restart([bob]);
    await alone.answers(bob, await alone.asks(bob), []);
    const warnings = await reports(before);
    await alone.tell(CAROL, MemberChange.JOINED);
    await alone.answers(CAROL, await alone.asks(CAROL), []);
    if (warnings.length > 0) break;
    await alone.pass(30_000);
    ms += 30_000;
  }
  await alone.close();
  return ms;
}

test("Room does not warn of sessions that are absent after a restart of the host", async () => {
  const { bob, of, reports, alone } = await open([CAROL]);
  assertEquals(await reports(await of(bob, CAROL)), []);
  await alone.restart([bob]);
  await alone.answers(bob, await alone.asks(bob), []);
  for (let i = 0; i < 3; i++) {
    assertEquals(await reports(await of(bob)), []);
    await alone.pass(40_000);
  }
  assertEquals(await reports(await of(bob)), []);
  await alone.pass(70_000);
  assertEquals(await reports(await of(bob)), []);
  await alone.close();
});

test("Room does not warn of a member that reaches another host process late", async () => {
  for (const comes of [true, false]) {
    const { bob, of, reports, alone } = await open([CAROL], 600_000);
    assertEquals(await reports(await of(bob, CAROL)), []);
    await alone.restart([bob]);
    await alone.answers(bob, await alone.asks(bob), []);
    for (let minute = 0; minute < 10; minute++) {
      assertEquals(await reports(await of(bob)), []);
      await alone.pass(59_000);
    }
    if (comes) {
      await alone.tell(CAROL, MemberChange.JOINED);
      await alone.answers(CAROL, await alone.asks(CAROL), []);
      assertEquals(await reports(await of(bob, CAROL)), []);
    } else {
      await alone.pass(20_000);
      assertEquals(await reports(await of(bob)), []);
    }
    await alone.close();
  }
});

/** One of many sessions of a key, as a host names it. */
function sessionOf(number: number, key: Bytes): NamedSession {
  const session = new Uint8Array(16);
  new DataView(session.buffer).setUint32(0, number);
  return { session, key, nonce: session, tag: "", away: false };
}

/** Admits sessions that announce themselves and leave. @returns The number admitted. */
async function comeAndGo(roster: Roster, count: number, first = 0): Promise<number> {
  const { publicKey: key } = await identityOf("bob");
  const announced = { generation: 1, name: "bob" } as Announced;
  for (let i = 0; i < count; i++) {
    let peer;
    try {
      peer = roster.admit(sessionOf(first + i, key), false);
    } catch (error) {
      assertEquals((error as LanchatError).code, "seat-lost");
      return i;
    }
    if (peer === undefined) return i;
    const naming: NamingState = peer.naming;
    naming.announced = announced;
    roster.leave(peer);
    roster.remove(peer);
  }
  return count;
}

async function rosterAlone(hostName: string, maxBurned?: number): Promise<Roster> {
  const self = {
    identity: await identityOf("ada"),
    roomId: ROOM_ID,
    session: randomBytes(16),
    hostKey: (await identityOf(hostName)).publicKey,
    ...maxBurned !== undefined && { maxBurned },
  };
  return new Roster(self, new SerialQueues(throwError), new FakeClock());
}

test("Roster.admit remembers 65,536 burned sessions, then fails with seat-lost", async () => {
  const taken = [];
  for (let left = 100_000; left > 0; left -= taken.at(-1)!) {
    taken.push(await comeAndGo(await rosterAlone("host"), left));
  }
  assertEquals(taken, [65_536, 34_464]);
});

test("Roster.admit forgets the oldest burned sessions if the relay is its own", async () => {
  const roster = await rosterAlone("ada", 1000);
  const { publicKey: key } = await identityOf("bob");
  for (let i = 0; i < 3; i++) {
    assertEquals(await comeAndGo(roster, 2500, i * 2500), 2500);
    // The last 1,000 at least are remembered, and never more than 2,000.
    const remembered = [499, 1500].map((number) => {
      const peer = roster.admit(sessionOf(i * 2500 + number, key), false)!;
      roster.remove(peer);
      return peer.seat.burned;
    });
    assertEquals(remembered, [false, true]);
  }
});

test("Room gives no warning while members join, talk and leave", async () => {
  const rooms = new RoomsInMemory();
  const ada = await rooms.join("ada");
  for (const name of ["bob", "carol", "dave"]) {
    const member = await rooms.join(name);
    await Promise.all([member.room.say("hello"), ada.room.say(`hello ${name}`)]);
    await member.texts.next();
    if (name !== "carol") await member.room.leave();
  }
  await ada.texts.count(3);
  assertEquals(ada.events.all.filter(({ event }) => event === "warning"), []);
  await rooms.close();
});
