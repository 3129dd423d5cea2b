import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Bytes, concat } from "../../lib/bytes/mod.ts";
import { type OpenedRoom, openRoom } from "../../lib/session/host_room.ts";
import type { Person } from "../../lib/session/person.ts";
import { label, roomSecrets, verify } from "../../lib/crypto/mod.ts";
import { AccessPolicy } from "../../lib/relay/mod.ts";
import { readRoom, roomPlace, writeRoom } from "../../lib/store/mod.ts";
import { decodeKick, KickOp, MAX_DECISIONS } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { identityOf } from "../support/keys.ts";
import { Notes } from "../support/notes.ts";
import { test } from "../support/test.ts";

function encodeBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

const ROOT = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));

let files = 0;

/** A host with an identity file of its own. */
async function person(): Promise<Omit<Required<Person>, "known" | "warnings">> {
  return { identity: await identityOf("hana"), name: "hana", file: `${ROOT}/${files++}.json` };
}

const MEMBER = { relayOnly: false, invite: false, newRoom: false };
const RELAY = { ...MEMBER, relayOnly: true };

test("openRoom opens a new room on each run without an identity file", async () => {
  const { identity } = await person();
  const notes = new Notes();
  const first = await openRoom(MEMBER, { identity }, notes);
  const second = await openRoom(MEMBER, { identity }, notes);
  assertEquals([first.roomId.length, first.session.length], [32, 16]);
  assertNotEquals(first.roomId, second.roomId);
  assertNotEquals(first.session, second.session);
  assertEquals([first.former, second.former, notes.events], [[], [], []]);
});

test("openRoom opens the same room again, and returns the host's former session", async () => {
  const host = await person();
  const notes = new Notes();
  const first = await openRoom(MEMBER, host, notes);
  assertEquals(first.former, []);
  let before = first;
  for (let i = 0; i < 3; i++) {
    const next = await openRoom(MEMBER, host, notes);
    assertEquals(next.roomId, first.roomId);
    assertNotEquals(next.session, before.session);
    assertEquals(next.former, [{ key: host.identity.publicKey, nonce: before.nonce }]);
    before = next;
  }
  assertNotEquals((await openRoom(MEMBER, await person(), notes)).roomId, first.roomId);
  assertEquals(notes.events, []);
});

test("openRoom returns no former session of a host that was no member", async () => {
  const host = await person();
  const notes = new Notes();
  const member = await openRoom(MEMBER, host, notes);
  const relay = await openRoom(RELAY, host, notes);
  assertEquals(relay.former.map(({ nonce }) => nonce), [member.nonce]);
  const { publicKey } = host.identity;
  assertEquals(await readRoom(roomPlace(host.file), publicKey), {
    host: publicKey,
    roomId: member.roomId,
  });
  const again = await openRoom(MEMBER, host, notes);
  assertEquals([again.roomId, again.former], [member.roomId, []]);
});

test("openRoom fails at a damaged file, and does not change it", async () => {
  const host = await person();
  const place = roomPlace(host.file);
  Deno.writeTextFileSync(place, "no room\n", { mode: 0o600 });
  const notes = new Notes();
  await assertFails(openRoom(MEMBER, host, notes), "room-damaged", place);
  assertEquals(Deno.readTextFileSync(place), "no room\n");
  assertEquals(notes.events, []);
});

test("openRoom warns of a room that it cannot keep, and opens it", async () => {
  const host = { ...await person(), file: `${ROOT}/nowhere/me.json` };
  const notes = new Notes();
  const { former, roomId } = await openRoom(MEMBER, host, notes);
  assertEquals([roomId.length, former], [32, []]);
  const [warning, ...more] = notes.events;
  assertEquals(more, []);
  assertEquals(warning?.event === "warning" && warning.code, "room-unwritable");
});

const READABLE = await person();
const ROOM = {
  host: READABLE.identity.publicKey,
  roomId: new Uint8Array(32).fill(7),
  nonce: new Uint8Array(16).fill(8),
};
await writeRoom(roomPlace(READABLE.file), ROOM);

for (
  const [what, permissions, kept] of [
    ["opens a room that it may only read", { read: true, write: false }, true],
    ["opens a new room if it may not read the last one", { read: false, write: true }, false],
  ] as [string, Deno.PermissionOptionsObject, boolean][]
) {
  Deno.test({
    name: `openRoom ${what}, and warns`,
    permissions,
    async fn() {
      const notes = new Notes();
      const { former, roomId } = await openRoom(MEMBER, READABLE, notes);
      const expected = [{ key: READABLE.identity.publicKey, nonce: ROOM.nonce }];
      assertEquals(former, kept ? expected : []);
      (kept ? assertEquals : assertNotEquals)(roomId, ROOM.roomId);
      const codes = notes.events.map((event) => event.event === "warning" && event.code);
      assertEquals(codes, ["room-unwritable"]);
    },
  });
}

const INVITE = { ...MEMBER, invite: true };

test("openRoom keeps an invite-only room apart from the open one", async () => {
  const host = await person();
  const notes = new Notes();
  const open = await openRoom(MEMBER, host, notes);
  const first = await openRoom(INVITE, host, notes);
  const second = await openRoom(INVITE, host, notes);
  assertNotEquals(first.roomId, open.roomId);
  assertEquals([second.roomId, second.root], [first.roomId, first.root]);
  const { memberKey, psk } = await roomSecrets(host.identity.publicKey, first.root!);
  assertEquals([second.psk, second.memberKey], [psk, memberKey]);
  assertEquals((await openRoom(MEMBER, host, notes)).roomId, open.roomId);
  assertEquals([open.psk, open.root], [new Uint8Array(32), undefined]);
  assertEquals(notes.events, []);
});

test("openRoom begins a new room on demand, with the bans of the last one", async () => {
  for (const choice of [MEMBER, INVITE]) {
    const host = await person();
    const notes = new Notes();
    const first = await openRoom(choice, host, notes);
    const { identity, name } = host;
    const policy = new AccessPolicy({ identity, roomId: first.roomId });
    const [bob, carol] = await Promise.all(["bob", "carol"].map(identityOf));
    const banned = await policy.decide(KickOp.BAN, bob!.publicKey);
    await policy.decide(KickOp.BAN, carol!.publicKey);
    const lifted = await policy.decide(KickOp.UNBAN, carol!.publicKey);
    const decisions = [{ object: banned, name }, { object: lifted }];
    await first.keep(decisions, 7);
    const again = await openRoom(choice, host, notes);
    assertEquals([again.decisions, again.lastNumber], [decisions, 7]);
    const second = await openRoom({ ...choice, newRoom: true }, host, notes);
    assertNotEquals(second.roomId, first.roomId);
    if (choice.invite) assertNotEquals(second.root, first.root);
    assertEquals(second.former, []);
    const [lift, ban, ...others] = second.decisions;
    assertEquals([ban?.name, others], [name, []]);
    const { op, roomId, signature, signed, target } = decodeKick(ban!.object);
    assertEquals([op, roomId, target], [KickOp.BAN, second.roomId, bob!.publicKey]);
    assertEquals(decodeKick(lift!.object).target, carol!.publicKey);
    assert(await verify(identity.publicKey, concat(label("lanchat/1 kick"), signed), signature));
    const third = await openRoom(choice, host, notes);
    assertEquals([third.roomId, third.decisions], [second.roomId, second.decisions]);
    assertEquals(notes.events, []);
  }
});

/** Who is banned from a room, by what the host has decided about them. */
function bannedFrom({ decisions }: OpenedRoom): Bytes[] {
  return decisions.map(({ object }) => decodeKick(object))
    .filter(({ op }) => op === KickOp.BAN).map(({ target }) => target);
}

/** Decides in a room, and keeps that. */
async function decide(
  host: Omit<Person, "known" | "warnings">,
  room: OpenedRoom,
  decided: readonly (readonly [op: number, target: Bytes])[],
  now: number,
): Promise<void> {
  const { decisions, roomId } = room;
  const before = decisions.map(({ object }) => object);
  const clock = new FakeClock(now);
  const policy = new AccessPolicy({ identity: host.identity, roomId, decisions: before, clock });
  for (const [op, target] of decided) await policy.decide(op, target);
  await room.keep(policy.decisions.map((object) => ({ object })), policy.lastNumber);
}

const LATER = Date.now() + 1e9;

test("openRoom takes the bans of both kinds of room into a new one, the last decision about each identity", async () => {
  const host = await person();
  const notes = new Notes();
  const [bob, carol, dave] = await Promise.all(
    ["bob", "carol", "dave"].map(async (name) => (await identityOf(name)).publicKey),
  ) as [Bytes, Bytes, Bytes];
  const another = { ...INVITE, newRoom: true };
  const open = await openRoom(MEMBER, host, notes);
  await decide(host, open, [[KickOp.BAN, bob], [KickOp.BAN, carol]], LATER);
  assertEquals(bannedFrom(await openRoom(INVITE, host, notes)), []);
  const first = await openRoom(another, host, notes);
  assertEquals(bannedFrom(first), [bob, carol]);
  for (const { object } of first.decisions) {
    const { roomId, signature, signed } = decodeKick(object);
    assertEquals(roomId, first.roomId);
    const message = concat(label("lanchat/1 kick"), signed);
    assert(await verify(host.identity.publicKey, message, signature));
  }
  await decide(host, first, [[KickOp.UNBAN, bob], [KickOp.BAN, dave]], LATER + 1e6);
  for (let i = 0; i < 2; i++) { // The open room bans bob still.
    assertEquals(bannedFrom(await openRoom(another, host, notes)), [carol, dave]);
  }
  assertEquals(bannedFrom(await openRoom(MEMBER, host, notes)), [bob, carol]);
  assertEquals(notes.events, []);
});

test("openRoom takes the latest bans, as many as a room can hold", async () => {
  const host = await person();
  const notes = new Notes();
  const keys = Array.from(
    { length: MAX_DECISIONS + 2 },
    (_, i) => new Uint8Array(32).fill(i).fill(i >> 8, 16),
  );
  const bans = keys.map((key) => [KickOp.BAN, key] as const);
  await decide(host, await openRoom(INVITE, host, notes), bans.slice(0, 4), LATER);
  await decide(host, await openRoom(MEMBER, host, notes), bans.slice(4), LATER + 1e6);
  const another = await openRoom({ ...MEMBER, newRoom: true }, host, notes);
  assertEquals(bannedFrom(another), keys.slice(2));
});

test("openRoom takes nothing from the rooms of another identity", async () => {
  const host = await person();
  const notes = new Notes();
  const rooms = [await openRoom(MEMBER, host, notes), await openRoom(INVITE, host, notes)];
  const { publicKey } = await identityOf("bob");
  for (const room of rooms) await decide(host, room, [[KickOp.BAN, publicKey]], LATER);
  const other = { ...host, identity: await identityOf("ivan") };
  const others = [
    await openRoom({ ...MEMBER, newRoom: true }, other, notes),
    await openRoom(INVITE, other, notes),
  ];
  assertEquals(others.map(({ decisions, former }) => [decisions, former]), [[[], []], [[], []]]);
  assertNotEquals(others[0]!.roomId, rooms[0]!.roomId);
  assertNotEquals([others[1]!.roomId, others[1]!.root], [rooms[1]!.roomId, rooms[1]!.root]);
  assertEquals((await openRoom(MEMBER, other, notes)).roomId, others[0]!.roomId);
  assertEquals(notes.events, []);
});

test("openRoom begins a new room after a damaged one, and warns that its bans are lost", async () => {
  const host = await person();
  Deno.writeTextFileSync(roomPlace(host.file), "damaged");
  const notes = new Notes();
  const { decisions, roomId } = await openRoom({ ...MEMBER, newRoom: true }, host, notes);
  assertEquals(decisions, []);
  assertEquals((await openRoom(MEMBER, host, notes)).roomId, roomId);
  const told = notes.events.flatMap((event) => event.event === "warning" ? [event] : []);
  assertEquals(told.map(({ code }) => code), ["room-damaged"]);
  assertMatch(told[0]!.message, /bans of your last room are lost/);
});

test("openRoom of a host that is no member writes no secret that opens messages", async () => {
  const host = await person();
  const notes = new Notes();
  const place = roomPlace(host.file, "invite");
  const relay = { ...INVITE, relayOnly: true };
  const first = await openRoom(relay, host, notes);
  const { memberKey, psk } = await roomSecrets(host.identity.publicKey, first.root!);
  assertEquals([first.memberKey, first.psk], [undefined, psk]);
  const secrets = [first.root!, memberKey].map(encodeBase64);
  const assertForgotten = (): void => {
    const text = Deno.readTextFileSync(place);
    assert(text.includes(encodeBase64(psk)));
    for (const secret of secrets) assert(!text.includes(secret), text);
  };
  assertForgotten();
  await first.keep([], undefined);
  assertForgotten();
  const again = await openRoom(relay, host, notes);
  assertEquals([again.roomId, again.psk, again.root], [first.roomId, psk, undefined]);
  assertForgotten();
  await assertFails(openRoom(INVITE, host, notes), "no-room-secret");
  assertForgotten();
  assertEquals(notes.events, []);
});

test("openRoom forgets the secret of a room that the host now only relays", async () => {
  const host = await person();
  const notes = new Notes();
  const member = await openRoom(INVITE, host, notes);
  const relay = { ...INVITE, relayOnly: true };
  const last = await openRoom(relay, host, notes);
  assertEquals([last.roomId, last.root, last.psk], [member.roomId, member.root, member.psk]);
  assertEquals(last.memberKey, undefined);
  assertEquals((await openRoom(relay, host, notes)).root, undefined);
});

test("openRoom of a host that is no longer a member drops the secret once it is shown", async () => {
  const host = await person();
  const notes = new Notes();
  await openRoom(INVITE, host, notes);
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const open = async (): Promise<{ room: Omit<OpenedRoom, "root">; secret: WeakRef<Bytes> }> => {
    const { root, ...room } = await openRoom({ ...INVITE, relayOnly: true }, host, notes);
    return { room, secret: new WeakRef(root!) };
  };
  const { room, secret } = await open();
  await nextTurn(); // A reference that was looked at stays until then.
  collect();
  assertEquals(secret.deref(), undefined);
  await room.keep([], undefined);
  assertEquals((await openRoom({ ...INVITE, relayOnly: true }, host, notes)).root, undefined);
});

test("openRoom fails for an invite-only room whose secret is lost", async () => {
  const host = await person();
  await writeRoom(roomPlace(host.file, "invite"), {
    host: host.identity.publicKey,
    roomId: new Uint8Array(32),
  });
  for (const relayOnly of [true, false]) {
    const choice = { ...INVITE, relayOnly };
    await assertFails(openRoom(choice, host, new Notes()), "room-damaged", "secret is missing");
  }
});
