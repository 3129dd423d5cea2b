/**
 * Tests of the files that lanchat relies on, with real modes and owners.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import { toBase64Url } from "../../lib/bytes/mod.ts";
import { generateIdentity, randomBytes } from "../../lib/crypto/mod.ts";
import type { Code } from "../../lib/errors.ts";
import {
  KnownPeers,
  openIdentity,
  readAllowList,
  readRoom,
  roomPlace,
  writeRoom,
} from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";

const ROOT = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));

/** Windows has no modes. */
const ignore = Deno.build.os === "windows";

/** Only root can give a file away. */
const isRoot = !ignore && Deno.uid() === 0;

const STRANGER_UID = 12345;

let directories = 0;

function emptyDirectory(): string {
  const directory = `${ROOT}/${directories++}`;
  Deno.mkdirSync(directory, { mode: 0o700 });
  return directory;
}

/** A file that lanchat relies on. */
interface Trusted {
  readonly what: string;
  readonly code: Code;
  readonly isSecret: boolean;
  /** Makes the file in an empty directory. */
  readonly make: () => Promise<string>;
  readonly open: (file: string) => Promise<unknown>;
}

const HOST = randomBytes(32);

const FILES: readonly Trusted[] = [
  {
    what: "your private key",
    code: "identity-unreadable",
    isSecret: true,
    make: async () => (await openIdentity({ file: `${emptyDirectory()}/me.json` })).file!,
    open: (file) => openIdentity({ file }),
  },
  {
    what: "the room's secret and bans",
    code: "room-damaged",
    isSecret: true,
    make: async () => {
      const file = roomPlace(`${emptyDirectory()}/me.json`, "invite");
      await writeRoom(file, { host: HOST, roomId: randomBytes(32), root: randomBytes(16) });
      return file;
    },
    open: (file) => readRoom(file, HOST),
  },
  {
    what: "your known peers",
    code: "peers-unreadable",
    isSecret: false,
    make: async () => {
      const file = `${emptyDirectory()}/me.peers.jsonl`;
      await (await KnownPeers.open(file)).seen((await generateIdentity()).identity.publicKey, {});
      return file;
    },
    open: (file) => KnownPeers.open(file),
  },
  {
    what: "who may join",
    code: "bad-list",
    isSecret: false,
    make: () => {
      const file = `${emptyDirectory()}/allowed`;
      Deno.writeTextFileSync(file, `${"0".repeat(30)}\n`, { mode: 0o600 });
      return Promise.resolve(file);
    },
    open: readAllowList,
  },
];

for (const { code, isSecret, make, open, what } of FILES) {
  Deno.test({
    name: `readTrusted refuses the file of "${what}" if others can change it`,
    ignore,
    async fn() {
      const file = await make();
      for (const mode of [0o620, 0o602, 0o622]) {
        Deno.chmodSync(file, mode);
        await assertFails(open(file), code, `changed ${what} (mode 0${mode.toString(8)})`);
      }
      Deno.chmodSync(file, 0o666);
      const { hint, message } = await assertFails(open(file), code, file);
      assertStringIncludes(message, isSecret ? "others may have read or changed" : "have changed");
      assertStringIncludes(hint, `chmod 600 "${file}"`);
      Deno.chmodSync(file, 0o400);
      await open(file);
    },
  });

  Deno.test({
    name: `readTrusted ${
      isSecret ? "refuses" : "accepts"
    } the file of "${what}" if others can read it`,
    ignore,
    async fn() {
      const file = await make();
      for (const mode of [0o640, 0o604, 0o644]) {
        Deno.chmodSync(file, mode);
        if (isSecret) await assertFails(open(file), code, `others may have read ${what}`);
        else await open(file);
      }
    },
  });

  Deno.test({
    name: `readTrusted refuses the file of "${what}" in a directory that others can write to`,
    ignore,
    async fn() {
      const file = await make();
      const directory = dirname(file);
      for (const mode of [0o770, 0o702, 0o777]) {
        Deno.chmodSync(directory, mode);
        const { hint } = await assertFails(open(file), code, `mode 0${mode.toString(8)} of`);
        assertStringIncludes(hint, `chmod go-w "${directory}"`);
      }
      Deno.chmodSync(directory, 0o1777); // As in /tmp: others rename and remove nothing.
      await open(file);
      Deno.chmodSync(directory, 0o755);
      await open(file);

      const link = `${emptyDirectory()}/link`;
      Deno.symlinkSync(file, link);
      await open(link);
      Deno.chmodSync(directory, 0o777);
      await assertFails(open(link), code, "others can replace it");
    },
  });

  Deno.test({
    name: `readTrusted refuses the file of "${what}" if another user owns it or its directory`,
    ignore: !isRoot,
    async fn() {
      const file = await make();
      Deno.chownSync(file, STRANGER_UID, null);
      const { hint } = await assertFails(open(file), code, `another user (${STRANGER_UID})`);
      assertMatch(hint, /chown 0 /);
      Deno.chownSync(file, 0, null);
      Deno.chownSync(dirname(file), STRANGER_UID, null);
      await assertFails(open(file), code, `belongs to another user (${STRANGER_UID})`);
    },
  });

  // Made here, outside the permissions of the test below.
  const foreign = await make();
  const shared = await make();
  Deno.test({
    name: `readTrusted judges the file of "${what}" by its mode without --allow-sys`,
    ignore: !isRoot,
    permissions: { read: true, write: true, sys: false },
    async fn() {
      Deno.chownSync(foreign, STRANGER_UID, null);
      await open(foreign);
      Deno.chmodSync(foreign, 0o666);
      await assertFails(open(foreign), code, "mode 0666");
      // Without the owner, lanchat cannot see that others put a file there.
      Deno.chmodSync(dirname(shared), 0o1777);
      await assertFails(open(shared), code, "mode 1777");
    },
  });
}

Deno.test({
  name: "KnownPeers.isExposed says that others could read the file, until the next write",
  ignore,
  async fn() {
    const file = `${emptyDirectory()}/me.peers.jsonl`;
    const { publicKey } = (await generateIdentity()).identity;
    const line = { v: 1, key: toBase64Url(publicKey), names: ["bob"], addresses: [] };
    const times = { firstSeen: 1, lastSeen: 2, verified: true };
    Deno.writeTextFileSync(file, `${JSON.stringify({ ...line, ...times })}\n`, { mode: 0o644 });
    const peers = await KnownPeers.open(file);
    assertEquals([peers.isExposed, peers.find(publicKey)?.verified], [true, true]);
    await peers.seen(publicKey, { name: "bob" });
    assertEquals((await KnownPeers.open(file)).isExposed, false);

    Deno.chmodSync(file, 0o666);
    await assertFails(peers.seen(publicKey, { name: "rob" }), "peers-unwritable", "mode 0666");
  },
});

Deno.test("KnownPeers refuses a lock that is a link, makes and locks no file, and writes no peers", async () => {
  const directory = emptyDirectory();
  const file = `${directory}/me.peers.jsonl`;
  const target = `${directory}/target`;
  Deno.symlinkSync(target, `${file}.lock`);
  const { publicKey } = (await generateIdentity()).identity;
  const peers = await KnownPeers.open(file);
  await assertFails(peers.seen(publicKey, {}), "peers-unwritable", "is not a regular file");
  assertEquals(peers.find(publicKey)?.key, publicKey);
  Deno.writeTextFileSync(target, "");
  await assertFails(peers.seen(publicKey, {}), "peers-unwritable", "is not a regular file");
  assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name).sort(), [
    "me.peers.jsonl.lock",
    "target",
  ]);
  Deno.removeSync(`${file}.lock`);
  await peers.seen(publicKey, {});
});

Deno.test("KnownPeers replaces a draft that is a link, and leaves its target unchanged", async () => {
  const directory = emptyDirectory();
  const file = `${directory}/me.peers.jsonl`;
  const target = `${directory}/target`;
  Deno.writeTextFileSync(target, "mine");
  Deno.symlinkSync(target, `${file}.draft`);
  const peers = await KnownPeers.open(file);
  await peers.seen((await generateIdentity()).identity.publicKey, {});
  assertEquals(Deno.readTextFileSync(target), "mine");
  assertEquals(Deno.lstatSync(file).isFile, true);
});
