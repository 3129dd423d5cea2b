import { assert, assertEquals } from "@std/assert";
import { localChannel } from "../../lib/channel/mod.ts";
import {
  decodeHostRecord,
  decodeMemberRecord,
  ObjectType,
  type PlainRecord,
  RecordType,
} from "../../lib/wire/mod.ts";
import { ScriptedGuest } from "../support/scripted_guest.ts";
import { OpenRelay } from "../support/whole_pipeline.ts";
import { Puppet } from "../support/puppet.ts";
import { WatchedClock } from "../support/room_alone.ts";
import { test } from "../support/test.ts";
import { TestMember } from "../support/rooms_in_memory.ts";

/** The cost of an action at the relay, without acknowledgements. */
interface Cost {
  /** Objects that came, and that went. */
  objects: number;
  /** Of all records, in both directions. */
  bytes: number;
}

/** Everything that happens in a room of one size, and what it cost. */
type Costs = Readonly<Record<"join" | "talk" | "leave" | "talkAfterLeave", Cost>>;

/** A relay that keeps an account. */
class Counter {
  readonly relay: OpenRelay = new OpenRelay();
  #cost: Cost = { objects: 0, bytes: 0 };

  constructor() {
    this.relay.onRecord = (record, direction) => this.#count(record, direction === "toHost");
  }

  /** The cost since the last call. */
  take(): Cost {
    const cost = this.#cost;
    this.#cost = { objects: 0, bytes: 0 };
    return cost;
  }

  #count(record: PlainRecord, toHost: boolean): void {
    if (record.type === RecordType.ACK || record.type === RecordType.PONG) return;
    this.#cost.bytes += record.payload.length;
    const decoded = toHost ? decodeMemberRecord(record) : decodeHostRecord(record);
    if (decoded.type === "batch") this.#cost.objects += decoded.envelopes.length;
  }
}

/** A member with a real room behind it. */
async function enter(
  relay: OpenRelay,
  name: string,
): Promise<{ member: TestMember; clock: WatchedClock; ended: Promise<unknown> }> {
  const clock = new WatchedClock();
  const member = await TestMember.create(name, { clock });
  const [mine, theirs] = localChannel();
  return {
    member,
    clock,
    ended: Promise.all([relay.serve(theirs, member), member.run(mine)]),
  };
}

/**
 * A member that a test plays: it answers each ANNOUNCE as an honest one does, and counts the MSGs that it
 * gets. Exchanging announcements between all of them would take as long as the square of their number.
 */
async function play(
  relay: OpenRelay,
  name: string,
  names: Map<string, string>,
): Promise<{ guest: ScriptedGuest; puppet: Puppet; told: Set<string> }> {
  const puppet = await Puppet.create(name);
  const { identity: { publicKey: key }, nonce, session } = puppet;
  const guest = new ScriptedGuest(relay, { name, names, key, nonce, session });
  await guest.enter();
  const told = new Set<string>();
  guest.onEnvelope = ({ from, object }) => {
    if (object[0] !== ObjectType.ANNOUNCE || told.has(from.join())) return;
    told.add(from.join());
    void puppet.announce(from).then((answer) => guest.say([answer], { session: from }));
  };
  guest.listen();
  return { guest, puppet, told };
}

/** Measures a room of so many members, the one who comes and goes not among them. */
async function measure(count: number): Promise<Costs> {
  const counter = new Counter();
  const { relay } = counter;
  const ada = await enter(relay, "ada");
  await ada.clock.timer(0);
  ada.clock.advance(0);
  await ada.member.ready;
  const names = new Map<string, string>();
  const others = await Promise.all(
    Array.from({ length: count - 1 }, (_, i) => play(relay, `member ${i}`, names)),
  );
  for (const { guest, puppet, told } of others) {
    told.add(ada.member.session.join());
    await guest.say([await puppet.announce(ada.member.session)], ada.member);
  }
  await heard(others, ObjectType.ANNOUNCE, 1);
  counter.take();

  const bob = await enter(relay, "bob");
  for (const id of [bob.member.nonce, bob.member.session]) names.set(id.join(), "bob");
  await bob.member.ready;
  assertEquals(bob.member.room.members.length, count);
  await heard(others, ObjectType.ANNOUNCE, 2);
  const join = counter.take();

  await ada.member.room.say("hello");
  await bob.member.texts.next();
  await heard(others, ObjectType.MSG, 1);
  const talk = counter.take();

  await bob.member.room.leave();
  await bob.ended;
  await ada.member.event("left");
  for (const { guest } of others) await guest.logged("bob left 0");
  const leave = counter.take();

  ada.clock.advance(1000);
  await ada.member.room.say("hello again");
  await heard(others, ObjectType.MSG, 2);
  const talkAfterLeave = counter.take();

  await relay.close();
  await ada.ended;
  for (const { member } of [ada, bob]) member.room.end("not-delivered");
  return { join, talk, leave, talkAfterLeave };
}

/** Waits until every member has received a number of objects of a type. */
async function heard(
  members: readonly { guest: ScriptedGuest }[],
  type: number,
  count: number,
): Promise<void> {
  for (const { guest } of members) {
    const got = (): number => guest.envelopes.filter(({ object }) => object[0] === type).length;
    while (got() < count) await guest.log.count(guest.log.all.length + 1);
  }
}

test("A join, a leave and the first message after them cost work in proportion to the members", async () => {
  const sizes = [50, 100, 200];
  const costs: Costs[] = [];
  for (const size of sizes) costs.push(await measure(size));
  for (const [i, n] of sizes.entries()) {
    const { join, leave, talk, talkAfterLeave } = costs[i]!;
    assertEquals({
      join: join.objects,
      talk: talk.objects,
      leave: leave.objects,
      talkAfterLeave: talkAfterLeave.objects,
    }, {
      // Each object counts in and out: one ANNOUNCE to each member and one back, and one to the host.
      join: 4 * n + 1,
      // A key for each member, and one message to each.
      talk: 2 * n + 1 + n,
      leave: 0,
      talkAfterLeave: 2 * (n - 1) + 1 + (n - 1),
    });
  }
  for (const what of ["join", "talk", "leave", "talkAfterLeave"] as const) {
    for (const unit of ["objects", "bytes"] as const) {
      const [small, , large] = costs.map((cost, i) => cost[what][unit] / sizes[i]!);
      assert(large! <= 1.2 * small!, `${unit} of ${what} grow from ${small} to ${large} a member`);
    }
  }
});
