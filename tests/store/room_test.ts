import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import { type Bytes, concat, toHex } from "../../lib/bytes/mod.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import { type KeptRoom, readRoom, roomPlace, writeRoom } from "../../lib/store/mod.ts";
import { encodeKickHead, KickOp, MAX_DECISIONS } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { diskTest, SmallDisk } from "../support/disk.ts";
import { test } from "../support/test.ts";

const ROOT = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));

let directories = 0;

function emptyDirectory(): string {
  const directory = `${ROOT}/${directories++}`;
  Deno.mkdirSync(directory);
  return directory;
}

/** The host of all rooms. */
const HOST = randomBytes(32);

function newRoom(): KeptRoom {
  return { host: HOST, roomId: randomBytes(32), nonce: randomBytes(16) };
}

function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
}

/** A file with a room, made before the tests because those without permissions cannot make it. */
const KEPT = `${emptyDirectory()}/me.room.json`;
await writeRoom(KEPT, newRoom());

test("roomPlace returns a path beside the identity file", () => {
  assertEquals(
    roomPlace("/home/ada/.config/lanchat/identity.json"),
    "/home/ada/.config/lanchat/identity.room.json",
  );
  assertEquals(roomPlace("me"), "me.room.json");
  assertEquals(roomPlace("me.json.old"), "me.json.old.room.json");
  assertEquals(roomPlace("me.json", "invite"), "me.invite-room.json");
});

test("writeRoom writes a room that readRoom reads, with a session and without", async () => {
  const directory = emptyDirectory();
  const file = `${directory}/me.room.json`;
  assertEquals(await readRoom(file, HOST), undefined);
  const room = newRoom();
  for (const kept of [room, { host: HOST, roomId: room.roomId }, newRoom()]) {
    await writeRoom(file, kept);
    assertEquals(await readRoom(file, HOST), kept);
    assertEquals(names(directory), ["me.room.json"]);
  }
});

function encodeBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** A decision about an identity, with a random signature. */
function decision(op: number): Bytes {
  const head = { roomId: randomBytes(32), target: randomBytes(32), op, number: 1 };
  return concat(encodeKickHead(head), randomBytes(64));
}

test("writeRoom keeps the secrets and the decisions of an invite room", async () => {
  const file = `${emptyDirectory()}/me.invite-room.json`;
  const decisions = [{ object: decision(KickOp.BAN), name: "bøb" }, {
    object: decision(KickOp.UNBAN),
  }];
  const room = newRoom();
  for (
    const kept of [
      { ...room, root: randomBytes(16), decisions, lastNumber: 1_795_480_204_301 },
      { host: HOST, roomId: room.roomId, psk: randomBytes(32), decisions: decisions.slice(1) },
    ]
  ) {
    await writeRoom(file, kept);
    assertEquals(await readRoom(file, HOST), kept);
  }
  const full = Array.from({ length: MAX_DECISIONS }, () => ({
    object: decision(KickOp.BAN),
    name: "\u{1f600}".repeat(12),
  }));
  await writeRoom(file, { ...room, decisions: full });
  assertEquals((await readRoom(file, HOST))?.decisions, full);
});

test("readRoom ignores a room of another identity, and one that names no host", async () => {
  const file = `${emptyDirectory()}/me.room.json`;
  const room = newRoom();
  await writeRoom(file, room);
  assertEquals(await readRoom(file, randomBytes(32)), undefined);
  assertEquals(await readRoom(file, HOST), room);
  const { host: _, ...content } = JSON.parse(Deno.readTextFileSync(file));
  Deno.writeTextFileSync(file, JSON.stringify(content));
  assertEquals(await readRoom(file, HOST), undefined);
});

test("writeRoom makes a file of one line that only its owner may open", async () => {
  const file = `${emptyDirectory()}/me.room.json`;
  const [host, roomId, nonce] = [32, 32, 16].map((length) => new Uint8Array(length));
  await writeRoom(file, { host: host!, roomId: roomId!, nonce: nonce! });
  assertEquals(
    Deno.readTextFileSync(file),
    `{"type":"lanchat room","version":1,"host":"${"A".repeat(43)}=","room":"${
      "A".repeat(43)
    }=","nonce":"${"A".repeat(22)}=="}\n`,
  );
  assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);

  Deno.chmodSync(file, 0o644);
  await writeRoom(file, newRoom());
  assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);
});

test("writeRoom replaces the old file by a new one, and leaves the old one whole", async () => {
  const directory = emptyDirectory();
  const file = `${directory}/me.room.json`;
  const before = newRoom();
  await writeRoom(file, before);
  Deno.linkSync(file, `${directory}/before`);
  const after = newRoom();
  await writeRoom(file, after);
  assertEquals(await readRoom(`${directory}/before`, HOST), before);
  assertEquals(await readRoom(file, HOST), after);
});

test("readRoom reads a whole room at any time during many writes", async () => {
  const file = `${emptyDirectory()}/me.room.json`;
  const rooms = Array.from({ length: 50 }, newRoom);
  await writeRoom(file, rooms[0]!);
  let written = false;
  const write = async (): Promise<void> => {
    for (const room of rooms) await writeRoom(file, room);
    written = true;
  };
  const known = new Set(rooms.map(({ roomId }) => toHex(roomId)));
  const read = async (): Promise<void> => {
    while (!written) assert(known.has(toHex((await readRoom(file, HOST))!.roomId)));
  };
  await Promise.all([write(), read(), read()]);
});

test("readRoom refuses a file that is not lanchat's, and leaves it unchanged", async () => {
  const file = `${emptyDirectory()}/me.room.json`;
  const room = "A".repeat(43) + "=";
  const nonce = "A".repeat(22) + "==";
  const good = { type: "lanchat room", version: 1, host: room, room, nonce };
  const contents: unknown[] = [
    { ...good, type: "lanchat identity" },
    { ...good, type: undefined },
    { ...good, version: 2 },
    ...[-1, 1.5, 2 ** 53, "1"].map((lastNumber) => ({ ...good, lastNumber })),
    { ...good, version: "1" },
    { ...good, host: 7 },
    { ...good, host: nonce },
    { ...good, room: undefined },
    { ...good, room: 7 },
    { ...good, room: "?" },
    { ...good, room: nonce },
    { ...good, nonce: room },
    { ...good, nonce: null },
    { ...good, nonce: "" },
    { ...good, root: room },
    { ...good, psk: nonce },
    { ...good, decisions: 7 },
    { ...good, decisions: [room] },
    { ...good, decisions: [{ object: room }] },
    { ...good, decisions: [{ object: encodeBase64(decision(4)) }] },
    { ...good, decisions: [{ object: encodeBase64(decision(KickOp.BAN)), name: "a#b" }] },
    null,
    [],
    "lanchat room",
  ];
  const whole = Deno.readTextFileSync(KEPT);
  const texts = ["", "\n", "room", whole.slice(0, -3), `${whole}${whole}`, "\0".repeat(150)]
    .concat(contents.map((content) => JSON.stringify(content)));
  for (const text of texts) {
    Deno.writeTextFileSync(file, text, { mode: 0o600 });
    const { message } = await assertFails(readRoom(file, HOST), "room-damaged", file);
    assertMatch(message, /^Cannot use room file .*: it is not a lanchat room of version 1$/);
    assertEquals(Deno.readTextFileSync(file), text);
  }
});

test("readRoom refuses bytes that are not UTF-8", async () => {
  const file = `${emptyDirectory()}/me.room.json`;
  const bytes = Deno.readFileSync(KEPT).fill(0xff, 40, 44);
  Deno.writeFileSync(file, bytes, { mode: 0o600 });
  await assertFails(readRoom(file, HOST), "room-damaged", "it is not a lanchat room");
  assertEquals(Deno.readFileSync(file), bytes);
});

test("readRoom refuses a file that is too large, a directory, and an unreachable path", async () => {
  const directory = emptyDirectory();
  const file = `${directory}/me.room.json`;
  const padded = Deno.readTextFileSync(KEPT).padEnd(1 << 18, " ");
  Deno.writeTextFileSync(file, padded, { mode: 0o600 });
  assertEquals(await readRoom(file, HOST), await readRoom(KEPT, HOST));
  Deno.writeTextFileSync(file, `${padded} `);
  await assertFails(readRoom(file, HOST), "room-damaged", "at most 262144");
  assertEquals(Deno.readTextFileSync(file), `${padded} `);

  await assertFails(readRoom(directory, HOST), "room-damaged", "not a regular file");
  await assertFails(readRoom(`${KEPT}/below`, HOST), "room-damaged", "Not a directory");
  Deno.symlinkSync("loop", `${directory}/loop`);
  await assertFails(readRoom(`${directory}/loop`, HOST), "room-damaged", "loop");
  // A read of it would not end.
  await assertFails(readRoom("/dev/zero", HOST), "room-damaged", "not a regular file");
});

test("writeRoom fails if it cannot write, and leaves no file behind", async () => {
  const directory = emptyDirectory();
  for (
    const file of [
      `${directory}/nowhere/me.room.json`,
      `${KEPT}/me.room.json`,
      "/proc/me.room.json",
      `${directory}/${"x".repeat(300)}`,
    ]
  ) {
    const { message } = await assertFails(writeRoom(file, newRoom()), "room-unwritable", file);
    assertMatch(message, /^Cannot save the room in .*: .*[^.]$/);
  }
  Deno.mkdirSync(`${directory}/folder`);
  await assertFails(writeRoom(`${directory}/folder`, newRoom()), "room-unwritable");
  assertEquals(names(directory), ["folder"]);
});

diskTest("writeRoom leaves the old room unchanged if the disk is full", async () => {
  using disk = new SmallDisk();
  const file = `${disk.path}/me.room.json`;
  const before = newRoom();
  await writeRoom(file, before);
  Deno.writeFileSync(`${disk.path}/other`, new Uint8Array(4096));
  await assertFails(writeRoom(file, newRoom()), "room-unwritable", "No space left");
  assertEquals(await readRoom(file, HOST), before);
  assertEquals(names(disk.path), ["me.room.json", "other"]);

  Deno.removeSync(`${disk.path}/other`);
  const after = newRoom();
  await writeRoom(file, after);
  assertEquals(await readRoom(file, HOST), after);
});

const BESIDE = dirname(KEPT);

for (
  const [what, permissions, readFails, writeFails] of [
    ["to read", { read: false, write: true }, true, "read"],
    ["to write", { read: true, write: false }, false, "write"],
    ["to read the files beside", { read: [KEPT], write: [BESIDE] }, false, "read"],
    ["to write the files beside", { read: [BESIDE], write: [KEPT] }, false, "write"],
  ] as [string, Deno.PermissionOptionsObject, boolean, string][]
) {
  Deno.test({
    name: `writeRoom fails without the permission ${what}, and never asks for it`,
    permissions,
    async fn() {
      const text = readFails ? undefined : Deno.readTextFileSync(KEPT);
      if (readFails) await assertFails(readRoom(KEPT, HOST), "permission-denied", "--allow-read");
      else assert(await readRoom(KEPT, HOST) !== undefined);
      const failed = assertFails(writeRoom(KEPT, newRoom()), "permission-denied");
      assertEquals(
        (await failed).message,
        `Cannot save the room in "${BESIDE}": --allow-${writeFails} is missing`,
      );
      if (text !== undefined) assertEquals(Deno.readTextFileSync(KEPT), text);
    },
  });
}
