import { assert, assertEquals } from "@std/assert";
import { type Bytes, equal } from "../../lib/bytes/mod.ts";
import { CloseReason, type HostEnvelope, MemberChange, ObjectType } from "../../lib/wire/mod.ts";
import { flip } from "../support/assert.ts";
import { seededNumbers } from "../support/faults.ts";
import { MaliciousRelay } from "../support/malicious_relay.ts";
import { Puppet } from "../support/puppet.ts";
import { WatchedClock } from "../support/room_alone.ts";
import { test } from "../support/test.ts";
import {
  assertOrder,
  assertTexts,
  RoomsInMemory,
  type TestMember,
} from "../support/rooms_in_memory.ts";

/** Rooms of three members at a relay that is honest by default. */
class Scene {
  readonly relay: MaliciousRelay;
  readonly rooms: RoomsInMemory;
  readonly ada: TestMember;
  readonly bob: TestMember;
  readonly carol: TestMember;

  private constructor(relay: MaliciousRelay, rooms: RoomsInMemory, members: readonly TestMember[]) {
    this.relay = relay;
    this.rooms = rooms;
    [this.ada, this.bob, this.carol] = members as [TestMember, TestMember, TestMember];
  }

  static async open(): Promise<Scene> {
    const relay = new MaliciousRelay();
    const rooms = new RoomsInMemory(relay);
    const members = [];
    for (const name of ["ada", "bob", "carol"]) members.push(await rooms.join(name));
    await members[0]!.events.count(3); // Ready, and two members that joined.
    await members[1]!.events.count(2);
    return new Scene(relay, rooms, members);
  }

  /** Says texts one after the other, each in a MSG of its own. */
  async say(...texts: readonly string[]): Promise<void> {
    for (const text of texts) await this.ada.room.say(text);
  }

  /** Changes each MSG on its way to bob, and none to carol; MSGs count from 0. */
  withMsgs(change: (parcel: HostEnvelope, index: number) => readonly HostEnvelope[]): void {
    let next = 0;
    this.relay.onParcel = (parcel, to) =>
      parcel.object[0] === ObjectType.MSG && equal(to, this.bob.session)
        ? change(parcel, next++)
        : [parcel];
  }

  async close(): Promise<void> {
    await this.rooms.close();
  }
}

function warnings({ events }: TestMember): string[] {
  return events.all.flatMap((event) => event.event === "warning" ? [event.code] : []);
}

/** How many messages were said to be missing, each time. */
function gaps({ events }: TestMember): number[] {
  return events.all.flatMap((event) => event.event === "gap" ? [event.missing] : []);
}

function altered(parcel: HostEnvelope, bit: number): HostEnvelope {
  return { ...parcel, object: flip(parcel.object, bit) };
}

/** Texts to say. */
function lines(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `line ${i}`);
}

test("Members notice a relay that shows them different rooms, under every strategy of the relay", async () => {
  const relay = new MaliciousRelay();
  const rooms = new RoomsInMemory(relay);
  const clock = new WatchedClock();
  const ada = await rooms.enter("ada", { clock });
  await clock.timer(0);
  clock.advance(0);
  await ada.ready;
  const bob = await rooms.join("bob", { clock });
  await ada.event("joined");
  const talk = async (text: string): Promise<void> => {
    await Promise.all([ada, bob].map(({ room }) => room.say(text)));
    await Promise.all([ada, bob].map(({ texts }) => texts.next()));
  };
  await talk("before");
  // Bob and eve never see each other; ada sees both.
  const apart = (to: Bytes, nonce: Bytes): boolean =>
    equal(to, bob.session) && !equal(nonce, ada.nonce);
  relay.tells = ({ nonce }, to) => !apart(to, nonce);
  relay.lists = ({ nonce }, to) => equal(to, ada.session) || !equal(nonce, bob.nonce);
  const eve = await rooms.join("eve", { clock });
  await ada.event("joined");

  const phantom = { ...(await Puppet.create("phantom")).entry, reason: CloseReason.LOST };
  const toggle = (change: number): void => {
    for (const { session } of [ada, bob]) {
      relay.lie(session, { change, ...phantom });
    }
  };
  toggle(MemberChange.JOINED);
  await talk("at 0 s");
  for (let s = 2; s < 60; s += 2) {
    toggle(s % 4 === 0 ? MemberChange.BACK : MemberChange.AWAY);
    clock.advance(2000);
    if (s % 10 === 0) await talk(`at ${s} s`);
  }
  assertEquals([ada, bob, eve].flatMap(warnings), []);
  clock.advance(2000);
  await talk("bob sees it");
  assertEquals([ada, bob].map(warnings), [[], ["roster-differs"]]);
  // Bob sees the roster from before eve joined: for 10 s the record of eve may still be under way.
  clock.advance(10_000);
  await talk("ada sees it");
  assertEquals([ada, bob].map(warnings), [["roster-differs"], ["roster-differs"]]);
  // The phantom did not stay unseen either.
  for (const { events, room } of [ada, bob]) {
    const [told] = events.all.flatMap((event) => event.event === "unannounced" ? [event] : []);
    assertEquals(told?.here.map(({ session }) => session), [phantom.session]);
    assertEquals(room.strangers.map(({ session }) => session), [phantom.session]);
  }
  await rooms.close(0); // No acknowledgements arrive while the clock stands still.
  assertEquals(clock.timers, 0);
});

test("Members notice a message that the relay drops, and show the ones after it", async () => {
  const scene = await Scene.open();
  scene.withMsgs((parcel, index) => index === 1 ? [] : [parcel]);
  await scene.say("one", "two", "three");
  await Promise.all([scene.bob.texts.count(2), scene.carol.texts.count(3)]);
  assertTexts(scene.bob, ["one", "three"]);
  assertEquals(gaps(scene.bob), [1]);
  assertTexts(scene.carol, ["one", "two", "three"]);
  assertEquals(gaps(scene.carol), []);
  await scene.close();
});

test("Members show replayed announcements, keys and messages once", async () => {
  const relay = new MaliciousRelay();
  const rooms = new RoomsInMemory(relay);
  const history: HostEnvelope[] = [];
  const types = new Set<number>();
  relay.onParcel = (parcel) => {
    history.push(parcel);
    types.add(parcel.object[0]!);
    // At once, and again with all earlier objects.
    return [parcel, parcel, ...history];
  };
  const ada = await rooms.join("ada");
  const bob = await rooms.join("bob");
  await ada.event("joined");
  for (const text of ["one", "two", "three"]) await ada.room.say(text);
  await ada.room.say("for bob", { to: "bob" });
  await bob.room.say("four");
  await Promise.all([bob.texts.count(4), ada.texts.count(1)]);
  await rooms.close();
  assertTexts(bob, ["one", "two", "three", "for bob"]);
  assertTexts(ada, ["four"]);
  assertEquals([ada, bob].flatMap((member) => [...warnings(member), ...gaps(member)]), []);
  assertEquals(ada.events.all.filter(({ event }) => event === "joined").length, 1);
  const { ANNOUNCE, MSG, SKDM } = ObjectType;
  assertEquals(types, new Set([ANNOUNCE, SKDM, MSG]));
});

test("Members drop a message that the relay alters in any field, and no other message", async () => {
  const scene = await Scene.open();
  // Every 37th bit: all fields, the ciphertext, its tag and the signature.
  const bits = Array.from({ length: Math.floor(257 * 8 / 37) }, (_, i) => i * 37);
  scene.withMsgs((parcel, index) => {
    const bit = bits[index];
    return bit === undefined ? [parcel] : [altered(parcel, bit)];
  });
  const texts = lines(bits.length);
  await scene.say(...texts, "as it was");
  await Promise.all([scene.bob.texts.next(), scene.carol.texts.count(texts.length + 1)]);
  assertTexts(scene.bob, ["as it was"]);
  assertEquals(gaps(scene.bob), [texts.length]);
  assertTexts(scene.carol, [...texts, "as it was"]);
  await scene.close();
});

test("Members refuse a sender key that the relay alters, and accept the next one", async () => {
  const scene = await Scene.open();
  const { ada, bob, carol, relay } = scene;
  relay.onParcel = (parcel, to) =>
    parcel.object[0] === ObjectType.SKDM && equal(to, bob.session) &&
      equal(parcel.from, ada.session)
      ? [altered(parcel, 8 * 300)]
      : [parcel];
  await scene.say("unread");
  await carol.room.say("from carol");
  await bob.texts.next();
  relay.onParcel = (parcel) => [parcel];
  // After a leave all others make new keys.
  await carol.room.leave();
  await Promise.all([ada.event("left"), bob.event("left")]);
  await scene.say("read");
  await bob.texts.count(2);
  assertTexts(bob, ["from carol", "read"]);
  assertTexts(carol, ["unread"]);
  await scene.close();
});

test("Members do not show a member whose announcement the relay alters", async () => {
  const scene = await Scene.open();
  const { bob, carol, relay, rooms } = scene;
  relay.onParcel = (parcel, to) =>
    parcel.object[0] === ObjectType.ANNOUNCE && equal(to, bob.session)
      ? [altered(parcel, 8 * 100)]
      : [parcel];
  const dave = await rooms.enter("dave");
  assertEquals((await carol.event("joined")).member.name, "dave");
  await scene.say("bob is still here");
  await bob.texts.next();
  const named = bob.events.all.flatMap((event) =>
    event.event === "joined" ? [event.member.name] : []
  );
  assertEquals(named, ["carol"]);
  dave.room.end("not-delivered");
  await scene.close();
});

test("A relay cannot change the author of a message, nor make it private", async () => {
  const scene = await Scene.open();
  const { ada, bob, carol } = scene;
  await carol.room.say("here is my key");
  await bob.texts.next();
  scene.withMsgs((parcel, index) => {
    if (index === 1) return [{ ...parcel, from: carol.session }];
    if (index === 2) return [{ ...parcel, direct: true }];
    return [parcel];
  });
  await scene.say("one", "two", "three");
  const shown = [];
  while (shown.length < 2) {
    const { from, private: direct, text } = await bob.event("message");
    if (from.name === "ada") shown.push([text, direct]);
  }
  assertEquals(shown, [["one", false], ["three", false]]);
  assertEquals(gaps(bob), [1]);
  await ada.room.say("only for bob", { to: "bob" });
  scene.withMsgs((parcel) => [{ ...parcel, direct: false }]);
  assertEquals((await bob.event("message")).private, true);
  await scene.close();
});

test("Members miss messages that the relay swaps between them, and show none twice or as another", async () => {
  const scene = await Scene.open();
  const { bob, carol, relay } = scene;
  // Bob gets the odd messages twice, carol the even ones, each in place of another message.
  const before = new Map<string, HostEnvelope>();
  const counts = new Map<string, number>();
  relay.onParcel = (parcel, to) => {
    if (parcel.object[0] !== ObjectType.MSG) return [parcel];
    const id = to.join();
    const index = counts.get(id) ?? 0;
    counts.set(id, index + 1);
    if (index === 6) return [parcel];
    const own = index % 2 === (equal(to, bob.session) ? 1 : 0);
    const last = before.get(id);
    if (own) before.set(id, parcel);
    if (own) return [parcel];
    return last === undefined ? [] : [last];
  };
  await scene.say(...lines(6), "to all");
  await Promise.all([bob, carol].map(({ texts }) => texts.count(4)));
  assertTexts(bob, ["line 1", "line 3", "line 5", "to all"]);
  assertTexts(carol, ["line 0", "line 2", "line 4", "to all"]);
  assertEquals([bob, carol].map(gaps), [[1, 1, 1], [1, 1, 1]]);
  await scene.close();
});

for (let seed = 1; seed <= 3; seed++) {
  test(`Members show messages in order and once under random faults of the relay (${seed})`, async () => {
    const scene = await Scene.open();
    const { bob, carol } = scene;
    const random = seededNumbers(seed);
    const held: HostEnvelope[] = [];
    const done = { drop: 0, reorder: 0, replay: 0, alter: 0 };
    const texts = lines(30);
    const through = Promise.withResolvers<void>();
    scene.withMsgs((parcel, index) => {
      if (index === texts.length - 1) through.resolve();
      held.push(parcel);
      const choice = random();
      if (choice < 0.1) {
        done.drop++;
        held.pop();
      } else if (choice < 0.3) {
        done.replay++;
        held.push(parcel);
      } else if (choice < 0.4) {
        done.alter++;
        held.push(altered(held.pop()!, Math.floor(random() * 8 * parcel.object.length)));
      } else if (choice < 0.6) {
        done.reorder++;
        return []; // It arrives after a later one.
      }
      return held.splice(0).sort(() => random() - 0.5);
    });
    await scene.say(...texts);
    await through.promise; // The messages may still be on their way to bob.
    scene.withMsgs((parcel) => [...held.splice(0), parcel]);
    await scene.say("the end");
    await bob.texts.find((text): text is string => text === "the end");
    assertOrder(bob.texts.all, [...texts, "the end"]);
    assert(bob.texts.all.length > texts.length / 4, "hardly anything came");
    assert(Object.values(done).every((times) => times > 0), Deno.inspect(done));
    await carol.texts.count(texts.length + 1);
    assertTexts(carol, [...texts, "the end"]);
    await scene.close();
  });
}

test("A guest that the relay hides from the members gets ciphertext, and no key to it", async () => {
  const scene = await Scene.open();
  scene.relay.tells = () => false;
  const eve = await scene.rooms.enter("eve");
  const given: number[] = [];
  const announced = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  let announcements = 0;
  scene.relay.onParcel = (parcel, to) => {
    const type = parcel.object[0]!;
    if (equal(to, eve.session)) {
      given.push(type);
      if (type === ObjectType.MSG) reached.resolve();
    } else if (equal(parcel.from, eve.session) && ++announcements === 3) announced.resolve();
    return [parcel];
  };
  await announced.promise;
  await scene.say("only for us");
  await Promise.all([scene.bob.texts.next(), scene.carol.texts.next(), reached.promise]);
  assertEquals(given, [ObjectType.MSG]);
  assertTexts(eve, []);
  await scene.close();
});
