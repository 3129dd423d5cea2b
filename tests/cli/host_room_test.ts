import { assertEquals, assertNotEquals } from "@std/assert";
import { openRoom } from "../../lib/cli/host_room.ts";
import type { Person } from "../../lib/cli/person.ts";
import { readRoom, roomPlace, writeRoom } from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";
import { identityOf } from "../support/keys.ts";
import { Notes } from "../support/notes.ts";
import { test } from "../support/test.ts";

const ROOT = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));

let files = 0;

/** A host with an identity file of its own. */
async function person(): Promise<Omit<Required<Person>, "known">> {
  return { identity: await identityOf("hana"), name: "hana", file: `${ROOT}/${files++}.json` };
}

const MEMBER = { relayOnly: false };
const RELAY = { relayOnly: true };

test("openRoom opens another room at every start without an identity that is kept", async () => {
  const { identity, name } = await person();
  const notes = new Notes();
  const first = await openRoom(MEMBER, { identity, name }, notes);
  const second = await openRoom(MEMBER, { identity, name }, notes);
  assertEquals([first.roomId.length, first.session.length], [32, 16]);
  assertNotEquals(first.roomId, second.roomId);
  assertNotEquals(first.session, second.session);
  assertEquals([first.former, second.former, notes.events], [[], [], []]);
});

test("openRoom opens the same room again, and knows who the host was in it", async () => {
  const host = await person();
  const notes = new Notes();
  const first = await openRoom(MEMBER, host, notes);
  assertEquals(first.former, []);
  let before = first;
  for (let i = 0; i < 3; i++) {
    const next = await openRoom(MEMBER, host, notes);
    assertEquals(next.roomId, first.roomId);
    assertNotEquals(next.session, before.session);
    assertEquals(next.former, [{ key: host.identity.publicKey, session: before.session }]);
    before = next;
  }
  assertNotEquals((await openRoom(MEMBER, await person(), notes)).roomId, first.roomId);
  assertEquals(notes.events, []);
});

test("openRoom knows of no member of a host that was none", async () => {
  const host = await person();
  const notes = new Notes();
  const member = await openRoom(MEMBER, host, notes);
  const relay = await openRoom(RELAY, host, notes);
  assertEquals(relay.former.map(({ session }) => session), [member.session]);
  assertEquals(await readRoom(roomPlace(host.file)), {
    roomId: member.roomId,
    session: undefined,
  });
  const again = await openRoom(MEMBER, host, notes);
  assertEquals([again.roomId, again.former], [member.roomId, []]);
});

test("openRoom fails at a damaged file, and leaves it alone", async () => {
  const host = await person();
  const place = roomPlace(host.file);
  Deno.writeTextFileSync(place, "no room\n");
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
const ROOM = { roomId: new Uint8Array(32).fill(7), session: new Uint8Array(16).fill(8) };
await writeRoom(roomPlace(READABLE.file), ROOM);

for (
  const [what, permissions, kept] of [
    ["opens the room that it may only read", { read: true, write: false }, true],
    ["opens another room where it may not read the last one", { read: false, write: true }, false],
  ] as [string, Deno.PermissionOptionsObject, boolean][]
) {
  Deno.test({
    name: `openRoom ${what}, and says so`,
    permissions,
    async fn() {
      const notes = new Notes();
      const { former, roomId } = await openRoom(MEMBER, READABLE, notes);
      const expected = [{ key: READABLE.identity.publicKey, session: ROOM.session }];
      assertEquals(former, kept ? expected : []);
      (kept ? assertEquals : assertNotEquals)(roomId, ROOM.roomId);
      const codes = notes.events.map((event) => event.event === "warning" && event.code);
      assertEquals(codes, ["room-unwritable"]);
    },
  });
}
