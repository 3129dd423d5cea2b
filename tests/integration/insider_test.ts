import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { RecordCipher } from "../../lib/channel/mod.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import {
  CloseReason,
  encodeHostRecord,
  type Frame,
  FrameKind,
  MemberChange,
  type SharedPosition,
  TOKEN_BYTES,
} from "../../lib/wire/mod.ts";
import type { Lacking } from "../../lib/room/mod.ts";
import { bytesOf, Insider, Wire } from "../support/insider.ts";
import { RoomOverSockets, type SocketMember } from "../support/over_sockets.ts";
import { test } from "../support/test.ts";

/** Ada speaks, Vera's connection is in Mallory's hands, who is a member too. */
class TappedRoom implements AsyncDisposable {
  readonly room: RoomOverSockets;
  readonly ada: SocketMember;
  readonly vera: SocketMember;
  readonly mallory: SocketMember;
  /** Vera's connection. */
  readonly wire: Wire;
  readonly insider: Insider;
  readonly #wires: readonly Wire[];

  private constructor(
    room: RoomOverSockets,
    [ada, vera, mallory]: readonly [SocketMember, SocketMember, SocketMember],
    [wire, own]: readonly [Wire, Wire],
    insider: Insider,
  ) {
    this.room = room;
    [this.ada, this.vera, this.mallory] = [ada, vera, mallory];
    this.wire = wire;
    this.insider = insider;
    this.#wires = [wire, own];
  }

  static async open(): Promise<TappedRoom> {
    const room = await RoomOverSockets.open();
    const wires = [new Wire(room.port), new Wire(room.port)] as const;
    const ada = await room.join("ada");
    const [vera, mallory] = [
      await joinThrough(room, wires[0], "vera"),
      await joinThrough(room, wires[1], "mallory"),
    ];
    const insider = Insider.follow(wires[1], mallory.hop.receiveSecret.slice());
    // All have everyone's keys, and what follows is shared.
    for (const member of [ada, vera, mallory]) {
      const { delivered } = await member.room.say("hello");
      await delivered;
    }
    return new TappedRoom(room, [ada, vera, mallory], wires, insider);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.room.close();
    for (const wire of this.#wires) await wire[Symbol.asyncDispose]();
  }
}

async function joinThrough(
  room: RoomOverSockets,
  wire: Wire,
  name: string,
): Promise<SocketMember> {
  const { port } = room;
  room.port = wire.port;
  const member = await room.join(name);
  room.port = port;
  return member;
}

/** Whom a message reached only later, or never. */
function namesOf(lacking: Lacking | undefined) {
  const names = (members: readonly { readonly name: string }[]) => members.map(({ name }) => name);
  return { away: names(lacking?.away ?? []), left: names(lacking?.left ?? []) };
}

/** Whether a secret, or one that follows from it, opens a frame in its place. */
async function opens(secret: Bytes, frame: Frame, { counter, transcript }: SharedPosition) {
  const cipher = await RecordCipher.from(secret.slice());
  for (let step = 0; step < 3; step++) {
    const here = await RecordCipher.from(cipher.secret, counter);
    const sealed = frame.body.subarray(TOKEN_BYTES);
    if (await here.open(sealed, transcript, FrameKind.SHARED).catch(() => false)) return true;
    await cipher.rekey();
  }
  return false;
}

test("A message that an insider replaces on a member's wire is never delivered to that member", async () => {
  await using room = await TappedRoom.open();
  const { ada, insider, vera, wire } = room;
  wire.onFrame = async (frame) => {
    if (frame.kind !== FrameKind.SHARED) return [bytesOf(frame)];
    const record = await insider.open(frame);
    if (record.type !== "batch") return [bytesOf(frame)];
    const envelopes = record.envelopes.map((envelope) => ({
      ...envelope,
      object: randomBytes(50),
    }));
    return [await insider.forge(frame, encodeHostRecord({ type: "batch", envelopes }))];
  };
  const { delivered } = await ada.room.say("pay Vera");
  // Vera acknowledges what she took, and the host sees that it is something else.
  assertEquals(namesOf(await delivered), { away: [], left: ["vera"] });
  assertEquals(vera.texts.all.includes("pay Vera"), false);
});

test("A message that an insider leaves out breaks the connection at the next record of its own", async () => {
  await using room = await TappedRoom.open();
  const { ada, vera, wire } = room;
  wire.onFrame = (frame) => {
    return Promise.resolve(frame.kind === FrameKind.SHARED ? [] : [bytesOf(frame)]);
  };
  const { delivered } = await ada.room.say("for all");
  const only = await ada.room.say("for Vera", { to: "vera" });
  assert(await vera.ended instanceof Error);
  vera.room.end("not-delivered");
  for (const fate of [delivered, only.delivered]) {
    assertEquals(namesOf(await fate), { away: ["vera"], left: [] });
  }
  assertEquals(vera.texts.all.filter((text) => text.startsWith("for")), []);
});

test("A private message that someone without keys takes out comes again with the shared record that shows it missing", async () => {
  await using room = await TappedRoom.open();
  const { ada, mallory, room: sockets, vera, wire } = room;
  const first = await ada.room.say("with a key", { to: "vera" });
  await first.delivered;
  const { length } = vera.texts.all;
  const kinds: number[] = [];
  const { promise: takenOut, resolve } = Promise.withResolvers<void>();
  wire.onFrame = (frame) => {
    const isFirst = kinds.push(frame.kind) === 1;
    resolve();
    return Promise.resolve(isFirst ? [] : [bytesOf(frame)]);
  };
  const only = await ada.room.say("for Vera", { to: "vera" });
  await takenOut;
  const all = await mallory.room.say("for all");
  assert(await vera.ended instanceof Error);
  assertEquals(kinds, [FrameKind.OWN, FrameKind.SHARED]);
  assertEquals(vera.texts.all.slice(length), []);
  await sockets.rejoin(vera);
  await vera.texts.count(length + 2);
  assertEquals(vera.texts.all.slice(length), ["for Vera", "for all"]);
  for (const fate of [only.delivered, all.delivered]) assertEquals(namesOf(await fate).left, []);
});

test("A member whose shared record was replaced does not get its seat back", async () => {
  await using room = await TappedRoom.open();
  const { ada, insider, mallory, room: sockets, vera, wire } = room;
  wire.isDeaf = true; // What Vera acknowledges does not arrive.
  wire.onFrame = async (frame) => {
    if (frame.kind !== FrameKind.SHARED) return [];
    const { key, nonce } = mallory;
    const change = { change: MemberChange.LEFT, reason: CloseReason.LEAVING, key, nonce };
    return [await insider.forge(frame, encodeHostRecord({ type: "member", changes: [change] }))];
  };
  await ada.room.say("for all");
  await vera.event("left"); // That is not true.
  wire.cut();
  await vera.ended;
  await sockets.rejoin(vera);
  assertEquals(await vera.ended, CloseReason.PROTOCOL);
  const { member } = await ada.event("left");
  assertEquals(member.name, "vera");
});

test("A newcomer opens no shared record from before it came", async () => {
  await using room = await TappedRoom.open();
  const before = [...room.insider.shared];
  assert(before.length > 0);
  await using wire = new Wire(room.room.port);
  const nina = await joinThrough(room.room, wire, "nina");
  const newcomer = Insider.follow(wire, nina.hop.receiveSecret.slice());
  await room.ada.room.say("welcome");
  await nina.texts.next();
  const known = newcomer.shared[await newcomer.find()]!;
  for (const { frame, place } of before) {
    assertEquals(await opens(place.secret, frame, place), true);
    assertEquals(await opens(known.place.secret, frame, place), false);
  }
});

test("A member that has left opens no shared record from after that", async () => {
  await using room = await TappedRoom.open();
  const { ada, insider, mallory, vera, wire } = room;
  const reader = Insider.follow(wire, vera.hop.receiveSecret.slice());
  await room.room.join("nina"); // Else too few would be left for shared records.
  const left = ada.event("left");
  await mallory.room.leave();
  await left;
  const known = insider.shared.at(-1)!.place.secret;
  await ada.room.say("she is gone");
  await vera.texts.find((text): text is string => text === "she is gone");
  const departure = await reader.find(({ record }) =>
    record.type === "member" && record.changes.some(({ change }) => change === MemberChange.LEFT)
  );
  await reader.find(({ record }) => record.type === "batch", departure);
  const after = reader.shared.slice(departure + 1);
  for (const { frame, place } of after) {
    assertEquals(await opens(place.secret, frame, place), true);
    assertEquals(await opens(known, frame, place), false);
  }
});
