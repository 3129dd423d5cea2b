import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Bytes, concat, equal } from "../../lib/bytes/mod.ts";
import { RecordCipher, SharedFrame } from "../../lib/channel/mod.ts";
import {
  CloseReason,
  decodeHostRecord,
  encodeHostRecord,
  EnvelopeClass,
  FRAME_HEADER_BYTES,
  FrameKind,
  type HostRecord,
  MemberChange,
  type PlainRecord,
  RecordType,
  type SharedPosition,
  TOKEN_BYTES,
} from "../../lib/wire/mod.ts";
import { sharingPair } from "../support/channel.ts";
import { nextTurn } from "../support/clock.ts";
import { seededNumbers } from "../support/faults.ts";
import { RelayOnly } from "../support/relay_only.ts";
import type { Return, ScriptedGuest } from "../support/scripted_guest.ts";
import { openShared } from "../support/shared_frames.ts";
import { test } from "../support/test.ts";

const { LEAVING, LOST, PROTOCOL } = CloseReason;

type Item = PlainRecord | SharedFrame;

/** What comes to a member in the place of a shared frame, with its token. */
type Attack = (frame: SharedFrame) => Promise<Bytes>;

/** What comes to a member in the place of the next frame of a kind, from someone without any key. */
interface Change {
  readonly kind: number;
  readonly instead: (frame: Bytes) => readonly Bytes[];
}

/** A member whose connection can carry shared frames. */
interface Sharer {
  readonly guest: ScriptedGuest;
  /** What the relay wrote to it. */
  readonly items: Item[];
  /** Changes the next shared frame on its way. */
  attack: Attack | undefined;
  /** Changes a frame on its way. */
  change: Change | undefined;
  /** Keeps the relay from writing anything after a shared frame. */
  stall: Promise<void> | undefined;
}

/** Connects a member. @param from A former connection of it. */
function connect(relayOnly: RelayOnly, name: string, from?: ScriptedGuest): Sharer {
  const [mine, theirs] = sharingPair({
    back: (chunk) => {
      const { change } = sharer;
      if (change === undefined || chunk[0] !== change.kind) return [chunk];
      sharer.change = undefined;
      return change.instead(chunk);
    },
  });
  const items: Item[] = [];
  const writer = theirs.writable.getWriter();
  writer.closed.catch(() => {});
  const sharer: Sharer = {
    items,
    attack: undefined,
    change: undefined,
    stall: undefined,
    guest: relayOnly.knock(name, {
      ...from && { key: from.key, nonce: from.nonce, session: from.session },
      channels: [mine, {
        ...theirs,
        writable: new WritableStream<Item>({
          async write(item): Promise<void> {
            items.push(item);
            if (!(item instanceof SharedFrame)) return await writer.write(item);
            const { attack, stall } = sharer;
            sharer.attack = undefined;
            const sent = attack === undefined ? item.frames : [await attack(item)];
            await writer.write(new SharedFrame(item.before, sent, item.transcript, item.end));
            await stall;
          },
          close: () => writer.close(),
          abort: (reason) => writer.abort(reason),
        }),
      }],
    }),
  };
  return sharer;
}

/** Brings in a member that reads. */
async function enter(relayOnly: RelayOnly, name: string): Promise<Sharer> {
  const sharer = connect(relayOnly, name);
  await sharer.guest.enter();
  sharer.guest.listen();
  return sharer;
}

async function back(relayOnly: RelayOnly, { guest }: Sharer, from?: Return): Promise<Sharer> {
  const sharer = connect(relayOnly, guest.name, guest);
  await sharer.guest.enter(from ?? guest.whereabouts);
  sharer.guest.listen();
  return sharer;
}

/** A room of members whose connections carry shared frames, each of whom knows of all others. */
async function gather(...names: string[]): Promise<{ relayOnly: RelayOnly; sharers: Sharer[] }> {
  const relayOnly = new RelayOnly();
  const sharers: Sharer[] = [];
  for (const name of names) {
    const sharer = await enter(relayOnly, name);
    for (const { guest } of sharers) await guest.logged(`${name} joined 0`);
    sharers.push(sharer);
  }
  return { relayOnly, sharers };
}

function frames({ items }: Sharer): SharedFrame[] {
  return items.filter((item) => item instanceof SharedFrame);
}

function contentOf(frame: SharedFrame): HostRecord {
  return decodeHostRecord(openShared(frame));
}

/** The places that a member was told. */
function keys({ items }: Sharer): SharedPosition[] {
  return items.flatMap((item) => {
    if (item instanceof SharedFrame || item.type !== RecordType.KEY) return [];
    const record = decodeHostRecord(item);
    assert(record.type === "key");
    const { counter, secret, transcript } = record;
    return [{ counter, secret, transcript }];
  });
}

/** The messages that a member got. */
function texts({ guest }: Sharer): string[] {
  return guest.log.all.filter((line) => line.includes(": "));
}

test("Relay seals a message once for all members of three connections", async () => {
  const { relayOnly, sharers } = await gather("ada", "bob", "carol", "dave");
  const [ada, ...others] = sharers as [Sharer, ...Sharer[]];
  for (const { items } of sharers) items.length = 0;
  await ada.guest.say(["hello"]);
  for (const { guest } of others) await guest.logged("ada: hello");
  await ada.guest.delivered(1);
  const [frame] = frames(others[0]!);
  for (const other of others) {
    assertEquals(frames(other).length, 1);
    assert(frames(other)[0] === frame);
  }
  assertEquals(frames(ada), []);
  const content = contentOf(frame!);
  assert(content.type === "batch");
  assertEquals(content.envelopes.map(({ from }) => from), [ada.guest.session]);
  // Dave got no frame before: the last one told the others that it came.
  assertEquals(others.map((other) => keys(other).length), [0, 0, 1]);
  await relayOnly.close();
});

test("Relay shares nothing for two connections, nor for members of its own process", async () => {
  const relayOnly = new RelayOnly();
  const local = [await relayOnly.enter("hana"), await relayOnly.enter("otto")];
  const [ada, bob] = [await enter(relayOnly, "ada"), await enter(relayOnly, "bob")];
  await ada.guest.say(["hello"]);
  for (const { log } of [...local, bob.guest]) {
    await log.find((line): line is string => line === "ada: hello");
  }
  await ada.guest.delivered(1);
  assertEquals([ada, bob].flatMap((one) => [...frames(one), ...keys(one)]), []);
  // A third connection changes that for the two others.
  const carol = await enter(relayOnly, "carol");
  await carol.guest.say(["and now"]);
  for (const guest of [...local, ada.guest, bob.guest]) await guest.logged("carol: and now");
  assertEquals([ada, bob].map((one) => frames(one).length > 0), [true, true]);
  assertEquals(local.map(({ transcript }) => transcript), [new Uint8Array(32), new Uint8Array(32)]);
  await relayOnly.close();
});

test("Relay gives a newcomer no key to what was before, nor the change that tells of it", async () => {
  const { relayOnly, sharers } = await gather("ada", "bob", "carol");
  const [ada, bob] = sharers as [Sharer, Sharer];
  await ada.guest.say(["before"]);
  await bob.guest.logged("ada: before");
  const dave = await enter(relayOnly, "dave");
  await ada.guest.logged("dave joined 0");
  await ada.guest.say(["after"]);
  await dave.guest.logged("ada: after");
  await bob.guest.logged("ada: after");
  const shared = frames(bob);
  const joined = shared.find((frame) => {
    const content = contentOf(frame);
    return content.type === "member" &&
      content.changes.some(({ nonce }) => equal(nonce, dave.guest.nonce));
  })!;
  const [key, ...more] = keys(dave);
  assertEquals(more, []);
  assertEquals(key!.transcript, joined.end);
  for (const frame of shared.slice(0, shared.indexOf(joined) + 1)) {
    assertNotEquals(frame.before.secret, key!.secret);
  }
  // The others need no key: it follows from theirs.
  const next = await RecordCipher.from(joined.before.secret.slice());
  await next.rekey();
  assertEquals(next.secret, key!.secret);
  assertEquals(texts(dave), ["ada: after"]);
  await relayOnly.close();
});

test("Relay takes a fresh key after a leave, and gives it to those who stay", async () => {
  const { relayOnly, sharers } = await gather("ada", "bob", "carol", "dave");
  const [ada, bob, carol, dave] = sharers as [Sharer, Sharer, Sharer, Sharer];
  await ada.guest.say(["before"]);
  await dave.guest.logged("ada: before");
  await dave.guest.leave();
  for (const { guest } of [ada, bob, carol]) await guest.logged(`dave left ${LEAVING}`);
  const known = [...keys(dave), ...frames(dave).map(({ before }) => before)];
  await ada.guest.say(["after"]);
  for (const one of [bob, carol]) {
    await one.guest.logged("ada: after");
    const [frame] = frames(one).slice(-1) as [SharedFrame];
    assertEquals(keys(one).at(-1), frame.before);
    assertEquals(frame.before.counter, 0);
    for (const { secret } of known) {
      const cipher = await RecordCipher.from(secret.slice());
      for (let rekeys = 0; rekeys < 4; rekeys++) {
        assertNotEquals(cipher.secret, frame.before.secret);
        await cipher.rekey();
      }
    }
  }
  await relayOnly.close();
});

test("Relay takes a fresh key after a change that was told in records of the members' own", async () => {
  for (const change of ["joins", "leaves"]) {
    const { relayOnly, sharers } = await gather("ada", "bob", "carol");
    const [ada, bob, carol] = sharers as [Sharer, Sharer, Sharer];
    const dave = await relayOnly.enter("dave");
    await ada.guest.say(["before"]);
    await bob.guest.logged("ada: before");
    const [former] = frames(bob).slice(-1) as [SharedFrame];
    // With two connections nothing is shared.
    await carol.guest.cut();
    await bob.guest.logged(`carol away ${LOST}`);
    if (change === "joins") await relayOnly.enter("eve");
    else await dave.leave();
    await bob.guest.logged(change === "joins" ? "eve joined 0" : `dave left ${LEAVING}`);
    const again = await back(relayOnly, carol);
    await bob.guest.logged("carol back 0");
    await ada.guest.say(["after"]);
    for (const one of [bob, again]) {
      await one.guest.logged("ada: after");
      const { before } = frames(one).at(-1)!;
      assertNotEquals(before.secret, former.before.secret);
      assertEquals(keys(one).at(-1)?.secret, before.secret);
    }
    await relayOnly.close();
  }
});

test("Relay sends in records of a member's own what is not the same for all", async () => {
  const { relayOnly, sharers } = await gather("ada", "bob", "carol");
  const [ada, bob, carol] = sharers as [Sharer, Sharer, Sharer];
  void ada.guest.say(["one"]);
  void ada.guest.say(["for bob"], bob.guest);
  void ada.guest.say(["two"]);
  await bob.guest.logged("ada: two");
  await carol.guest.logged("ada: two");
  assertEquals(texts(bob), ["ada: one", "ada (direct): for bob", "ada: two"]);
  assertEquals(texts(carol), ["ada: one", "ada: two"]);
  for (const one of sharers) {
    for (const frame of frames(one)) {
      const content = contentOf(frame);
      assert(content.type === "member" || content.type === "batch");
      if (content.type === "batch") assert(content.envelopes.every(({ direct }) => !direct));
    }
  }
  await relayOnly.close();
});

test("Relay resumes a member that got shared frames where it was, with a key of its own", async () => {
  const { relayOnly, sharers } = await gather("ada", "bob", "carol");
  const [ada, bob, carol] = sharers as [Sharer, Sharer, Sharer];
  await ada.guest.say(["one"]);
  await bob.guest.logged("ada: one");
  bob.guest.acknowledges = false;
  await ada.guest.say(["two"]);
  await bob.guest.logged("ada: two");
  await bob.guest.cut();
  await ada.guest.logged(`bob away ${LOST}`);
  await ada.guest.say(["three"]);
  await carol.guest.logged("ada: three");
  const again = await back(relayOnly, bob);
  assertNotEquals(bob.guest.transcript, new Uint8Array(32));
  await again.guest.logged("ada: three");
  await carol.guest.logged("bob back 0");
  await carol.guest.say(["four"]);
  await again.guest.logged("carol: four");
  assertEquals(texts(again), ["ada: three", "carol: four"]);
  await ada.guest.delivered(3);
  await carol.guest.delivered(1);
  assertEquals(keys(again).length, 1);
  await relayOnly.close();
});

test("Relay writes a record of a member's own after 64 KiB of shared frames", async () => {
  const { relayOnly, sharers } = await gather("ada", "bob", "carol");
  const [ada, bob, carol] = sharers as [Sharer, Sharer, Sharer];
  for (let i = 1; i <= 12; i++) {
    await ada.guest.say([new Uint8Array(16_000).fill(i)]);
    for (const { guest } of [bob, carol]) {
      await guest.log.find((line): line is string => line === "ada: 16000 bytes");
    }
  }
  await ada.guest.delivered(12);
  let [bytes, most, total] = [0, 0, 0];
  for (const item of carol.items) {
    bytes = item instanceof SharedFrame ? bytes + item.size : 0;
    most = Math.max(most, bytes);
    if (item instanceof SharedFrame) total += item.size;
  }
  assert(total > 12 * 16_000, "it got something else");
  assert(most <= 1 << 16, `${most} bytes in a row`);
  await relayOnly.close();
});

test("Relay begins with KEY on each connection, also where the next frame follows the last one", async () => {
  const { relayOnly, sharers } = await gather("ada", "bob", "carol");
  const [ada, bob, carol] = sharers as [Sharer, Sharer, Sharer];
  const { promise, resolve } = Promise.withResolvers<void>();
  bob.stall = promise;
  for (const text of ["one", "two"]) {
    await ada.guest.say([text]);
    await carol.guest.logged(`ada: ${text}`);
  }
  await bob.guest.logged("ada: one");
  const [one, two] = frames(carol).slice(-2) as [SharedFrame, SharedFrame];
  assert(frames(bob).at(-1) === one);
  assertEquals(two.before.transcript, one.end);
  const again = await back(relayOnly, bob);
  await again.guest.logged("ada: two");
  assert(frames(again)[0] === two);
  assertEquals(keys(again)[0], two.before);
  resolve();
  await relayOnly.close();
});

/** What a member with the key seals instead of a shared frame. */
async function forge({ before: { counter, secret, transcript } }: SharedFrame, record: HostRecord) {
  const cipher = await RecordCipher.from(secret.slice(), counter);
  return await cipher.seal(encodeHostRecord(record), transcript, FrameKind.SHARED);
}

/** What an attacker in the room and on the path does to the frame with a message for bob, who takes it for honest. */
const ATTACKS: Readonly<Record<string, Attack>> = {
  "puts another message in its place": (frame) => {
    const content = contentOf(frame);
    assert(content.type === "batch");
    const object = new TextEncoder().encode("forged");
    return forge(frame, {
      type: "batch",
      envelopes: content.envelopes.map((envelope) => ({ ...envelope, object })),
    });
  },
  "puts a change in its place": (frame) =>
    forge(frame, {
      type: "member",
      changes: [{ change: 1, reason: 0, key: new Uint8Array(32), nonce: new Uint8Array(16) }],
    }),
};

/** The index of the record that tells a member of a leave. */
function toldOfLeave({ records }: ScriptedGuest): number {
  return records.all.findIndex((record) =>
    record.type === "member" && record.changes.some(({ change }) => change === MemberChange.LEFT)
  );
}

/** The index of the record that tells a member that an envelope of its own is delivered. */
function delivery({ records }: ScriptedGuest, cmid: number): number {
  return records.all.findIndex((record) => record.type === "ack" && record.delivered >= cmid);
}

for (const [what, attack] of Object.entries(ATTACKS)) {
  for (const how of ["ACK", "RESUME"] as const) {
    test(`Relay ends the seat of a member at its ${how} if someone with the key ${what}`, async () => {
      const { relayOnly, sharers } = await gather("ada", "bob", "carol");
      const [ada, bob, carol] = sharers as [Sharer, Sharer, Sharer];
      bob.guest.acknowledges = how === "ACK";
      bob.attack = attack;
      const { length } = bob.guest.log.all;
      await ada.guest.say(["true"]);
      await carol.guest.logged("ada: true");
      if (how === "ACK") {
        await bob.guest.served;
      } else {
        await bob.guest.log.count(length + 1);
        await bob.guest.cut();
        await ada.guest.logged(`bob away ${LOST}`);
        const again = connect(relayOnly, "bob", bob.guest);
        const { instance } = await again.guest.greeted();
        const { lastSeq, transcript } = bob.guest;
        await again.guest.send({ type: "resume", instance, lastSeq, transcript });
        assertEquals(await again.guest.farewell(), PROTOCOL);
      }
      await ada.guest.logged(`bob left ${PROTOCOL}`);
      await ada.guest.delivered(1);
      assert(toldOfLeave(ada.guest) < delivery(ada.guest, 1), "a forged copy counted as delivered");
      // The others go on as before.
      await carol.guest.say(["still here"]);
      await ada.guest.logged("carol: still here");
      await relayOnly.close();
    });
  }
}

/** Waits until a member's connection has broken, and its seat is kept. */
async function broken({ guest }: Sharer, others: readonly Sharer[]): Promise<void> {
  assertEquals(await guest.farewell(), undefined);
  await guest.cut();
  for (const other of others) await other.guest.logged(`${guest.name} away ${LOST}`);
}

const TAKEN_OUT = () => [];

test("Relay keeps the seat of a member that lacks a record of its own before a shared one, and sends both again", async () => {
  const { relayOnly, sharers } = await gather("ada", "bob", "carol");
  const [ada, bob, carol] = sharers as [Sharer, Sharer, Sharer];
  bob.change = { kind: FrameKind.OWN, instead: TAKEN_OUT };
  await ada.guest.say(["taken out"], bob.guest);
  await ada.guest.acknowledged(1);
  await carol.guest.say(["to all"]);
  await broken(bob, [ada, carol]);
  assertEquals(texts(bob), []);
  assertEquals([ada, carol].map(({ guest }) => guest.ack.delivered), [0, 0]);
  const again = await back(relayOnly, bob);
  await again.guest.logged("carol: to all");
  assertEquals(texts(again), ["ada (direct): taken out", "carol: to all"]);
  for (const { guest } of [ada, carol]) {
    await guest.delivered(1);
    assertEquals(toldOfLeave(guest), -1);
  }
  await relayOnly.close();
});

for (const next of ["a record of its own", "a shared record"]) {
  test(`Relay sends again what someone took out, once the member's connection has broken at ${next}`, async () => {
    const { relayOnly, sharers } = await gather("ada", "bob", "carol");
    const [ada, bob, carol] = sharers as [Sharer, Sharer, Sharer];
    bob.change = { kind: FrameKind.SHARED, instead: TAKEN_OUT };
    await ada.guest.say(["taken out"]);
    await carol.guest.logged("ada: taken out");
    if (next === "a shared record") await ada.guest.say(["next"]);
    // Bob asks whether the host is there: the answer does not open.
    else await bob.guest.send({ type: "ping", token: new Uint8Array(8) });
    await broken(bob, [ada]);
    assertEquals(texts(bob), []);
    assertEquals(ada.guest.ack.delivered, 0);
    const again = await back(relayOnly, bob);
    await again.guest.logged("ada: taken out");
    await ada.guest.delivered(1);
    await relayOnly.close();
  });
}

test("Relay keeps the seat of a member to whose shared records someone with the key adds one, and sends on", async () => {
  const { relayOnly, sharers } = await gather("ada", "bob", "carol");
  const [ada, bob, carol] = sharers as [Sharer, Sharer, Sharer];
  bob.attack = async (frame) => {
    const [sealed] = frame.frames as [Bytes];
    const counter = frame.before.counter + 1;
    const cipher = await RecordCipher.from(frame.before.secret, counter);
    const object = new TextEncoder().encode("one more");
    const envelope = { class: EnvelopeClass.CHAT, direct: false, from: new Uint8Array(16), object };
    const record = encodeHostRecord({ type: "batch", envelopes: [envelope] });
    const more = await cipher.seal(record, frame.end, FrameKind.SHARED);
    const head = more.subarray(0, FRAME_HEADER_BYTES);
    // It shows the only token that there is.
    const instead = (shown: Bytes) => {
      const token = shown.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + TOKEN_BYTES);
      return [shown, concat(head, token, more.subarray(FRAME_HEADER_BYTES))];
    };
    bob.change = { kind: FrameKind.SHARED, instead };
    return sealed;
  };
  await ada.guest.say(["true"]);
  await carol.guest.logged("ada: true");
  await broken(bob, [ada]);
  const again = await back(relayOnly, bob);
  await ada.guest.say(["next"]);
  await again.guest.logged("ada: next");
  await ada.guest.delivered(2);
  assertEquals([...texts(bob), ...texts(again)], ["ada: true", "ada: next"]);
  await relayOnly.close();
});

for (let seed = 1; seed <= 3; seed++) {
  test(`Relay lets all members get everything in one order over shared frames, while connections are cut (${seed})`, async () => {
    const { relayOnly, sharers } = await gather("ada", "bob", "carol", "dave");
    const hana = await relayOnly.enter("hana");
    const random = seededNumbers(seed);
    const heard = new Map<string, string[]>(sharers.map(({ guest }) => [guest.name, []]));
    const said: string[] = [];
    for (let round = 0; round < 40; round++) {
      for (const [which, sharer] of sharers.entries()) {
        const { guest } = sharer;
        if (random() < 0.6) {
          const lines = [`${guest.cmid + 1}`, `${guest.cmid + 2}`];
          said.push(...lines.map((line) => `${guest.name}: ${line}`));
          await guest.say(lines);
        }
        const turns = Math.floor(random() * 4);
        for (let i = 0; i < turns; i++) await nextTurn();
        if (random() < 0.1) {
          await guest.acknowledged(guest.cmid);
          await guest.cut();
          heard.get(guest.name)!.push(...texts(sharer));
          sharers[which] = await back(relayOnly, sharer);
        } else if (random() < 0.05) {
          await (await enter(relayOnly, `guest ${round}`)).guest.leave();
        }
      }
    }
    await Promise.all(sharers.map(({ guest }) => guest.delivered(guest.cmid)));
    await hana.settle();
    const order = hana.log.all.filter((line) => line.includes(": "));
    assertEquals(order.toSorted(), said.toSorted());
    for (const sharer of sharers) {
      const { name } = sharer.guest;
      const own = [...heard.get(name)!, ...texts(sharer)];
      assertEquals(own, order.filter((line) => !line.startsWith(`${name}: `)), name);
    }
    assert(sharers.some((sharer) => frames(sharer).length > 0));
    await relayOnly.close();
  });
}
