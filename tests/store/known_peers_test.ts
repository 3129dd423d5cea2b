import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bytes, concat, toBase64Url, utf8 } from "../../lib/bytes/mod.ts";
import { generateIdentity } from "../../lib/crypto/mod.ts";
import {
  type KnownPeer,
  KnownPeers,
  peersPlace,
  readPeers,
  writePeers,
} from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";
import { test } from "../support/test.ts";

const ROOT = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));

let directories = 0;

function emptyDirectory(): string {
  const directory = `${ROOT}/${directories++}`;
  Deno.mkdirSync(directory);
  return directory;
}

/** A path without a file yet, in a directory of its own. */
function place(): string {
  return `${emptyDirectory()}/me.peers.jsonl`;
}

function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
}

async function newKey(): Promise<Bytes> {
  return (await generateIdentity()).identity.publicKey;
}

const [ADA, BOB, EVE] = [await newKey(), await newKey(), await newKey()];

/** A clock that advances by one millisecond at each reading. */
function ticking(): { now: () => number } {
  let time = 1000;
  return { now: () => time++ };
}

/** Public keys, without the work of making pairs. */
function manyKeys(count: number): Bytes[] {
  return Array.from({ length: count }, (_, i) => {
    const key = new Uint8Array(32).fill(7);
    new DataView(key.buffer).setUint32(0, i);
    return key;
  });
}

function line(key: Bytes, more: Record<string, unknown> = {}): string {
  const fields = { names: ["bob"], addresses: [], firstSeen: 1, lastSeen: 2, verified: false };
  return JSON.stringify({ v: 1, key: toBase64Url(key), ...fields, ...more });
}

/** Content of a file of these lines. */
function lines(all: readonly (string | Bytes)[]): Bytes {
  const end = new Uint8Array([0x0a]);
  return concat(...all.flatMap((one) => [typeof one === "string" ? utf8(one) : one, end]));
}

/** A process that runs a piece of code as soon as its input ends. */
class Writer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;

  constructor(code: string) {
    const url = (path: string): string => JSON.stringify(import.meta.resolve(path));
    const script = `${emptyDirectory()}/writer.ts`;
    Deno.writeTextFileSync(
      script,
      `import { KnownPeers } from ${url("../../lib/store/mod.ts")};
      import { fromBase64Url } from ${url("../../lib/bytes/mod.ts")};
      console.log("ready");
      await Deno.stdin.read(new Uint8Array(1));
      ${code}`,
    );
    const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--allow-all", "--config", config, script],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async says(word: string): Promise<void> {
    assertEquals((await this.#output.read()).value, `${word}\n`);
  }

  async run(): Promise<void> {
    await this.#child.stdin.close();
  }

  async ends(): Promise<void> {
    assert((await this.#child.status).success);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // The process has ended already.
    }
    await this.#child.status;
    await this.#output.cancel();
  }
}

/** A file with a peer, made before the tests because those without permissions cannot make it. */
const KEPT = place();
await (await KnownPeers.open(KEPT)).seen(ADA, { name: "ada", address: "192.168.1.5:12345" });

test("peersPlace returns a path beside the identity file", () => {
  assertEquals(peersPlace("/home/ada/identity.json"), "/home/ada/identity.peers.jsonl");
  assertEquals(peersPlace("me"), "me.peers.jsonl");
});

test("KnownPeers keeps peers across runs, in a file that only its owner may open", async () => {
  const file = place();
  const peers = await KnownPeers.open(file, ticking());
  assertEquals(peers.all(), []);
  await peers.seen(ADA, { address: "192.168.1.5:12345" });
  await peers.seen(BOB, { name: "bob" });
  await peers.setVerified(BOB, true, "bob");
  await peers.seen(ADA, { name: "ada" });
  const ada: KnownPeer = {
    key: ADA,
    names: ["ada"],
    addresses: ["192.168.1.5:12345"],
    firstSeen: 1000,
    lastSeen: 1003,
    verified: false,
  };
  const bob = {
    key: BOB,
    names: ["bob"],
    addresses: [],
    firstSeen: 1001,
    lastSeen: 1001,
    verified: true,
  };
  for (const known of [peers, await KnownPeers.open(file)]) {
    assertEquals(known.all(), [ada, bob]);
    assertEquals(known.find(ADA), ada);
    assertEquals(known.find(EVE), undefined);
    assertEquals(known.hostAt("192.168.1.5:12345"), ada);
    assertEquals(known.hostAt("192.168.1.5:12346"), undefined);
  }
  assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);
  assertEquals(
    Deno.readTextFileSync(file).split("\n")[0],
    `{"v":1,"key":"${toBase64Url(ADA)}","names":["ada"],"addresses":["192.168.1.5:12345"],` +
      `"firstSeen":1000,"lastSeen":1003,"verified":false}`,
  );
});

test("KnownPeers gives an address to the key that it met there last", async () => {
  const peers = await KnownPeers.open(place(), ticking());
  await peers.seen(ADA, { address: "10.0.0.1:12345" });
  await peers.seen(ADA, { address: "10.0.0.2:12345" });
  await peers.seen(EVE, { address: "10.0.0.1:12345" });
  assertEquals(peers.hostAt("10.0.0.1:12345")?.key, EVE);
  assertEquals(peers.find(ADA)?.addresses, ["10.0.0.2:12345"]);
});

test("KnownPeers finds an address in any spelling", async () => {
  const peers = await KnownPeers.open(undefined);
  await peers.seen(ADA, { address: "Ada.local.:12345" });
  await peers.seen(BOB, { address: "[FD00:0:0::2]:12345" });
  await peers.seen(EVE, { address: "[fe80:0::1%En0]:12345" });
  assertEquals(peers.hostAt("ada.LOCAL:12345")?.key, ADA);
  assertEquals(peers.hostAt("[fd00::2]:12345")?.key, BOB);
  assertEquals(peers.hostAt("[fe80::1%En0]:12345")?.key, EVE);
  assertEquals(peers.hostAt("[fe80::1%en1]:12345"), undefined);

  const file = place();
  Deno.writeTextFileSync(file, line(ADA, { addresses: ["Ada.LOCAL:1", "ada.local.:1"] }));
  assertEquals((await KnownPeers.open(file)).hostAt("ada.local:1")?.addresses, ["ada.local:1"]);
});

test("KnownPeers keeps the 8 newest names and addresses", async () => {
  const file = place();
  const peers = await KnownPeers.open(file);
  for (let i = 0; i < 10; i++) await peers.seen(ADA, { name: `n${i}`, address: `h:${i}` });
  await peers.seen(ADA, { name: "n5", address: "h:5" });
  const order = [5, 9, 8, 7, 6, 4, 3, 2];
  const { addresses, names } = (await KnownPeers.open(file)).find(ADA)!;
  assertEquals(names, order.map((i) => `n${i}`));
  assertEquals(addresses, order.map((i) => `h:${i}`));
});

test("KnownPeers forgets a peer, and removes a verification", async () => {
  const file = place();
  const peers = await KnownPeers.open(file);
  await peers.setVerified(ADA, true, "ada");
  await peers.setVerified(ADA, false);
  assertEquals((await KnownPeers.open(file)).find(ADA)?.verified, false);
  assertEquals(await peers.forget(ADA), true);
  assertEquals(await peers.forget(ADA), false);
  assertEquals((await KnownPeers.open(file)).all(), []);
});

test("KnownPeers bounds the unverified peers, and forgets hosts last", async () => {
  const file = place();
  const keys = manyKeys(4097);
  Deno.writeTextFileSync(
    file,
    keys.map((key, i) => `${line(key, { lastSeen: 5000 - i })}\n`).join(""),
  );
  const peers = await KnownPeers.open(file, { now: () => 10_000 });
  await peers.seen(keys.at(-1)!, { address: "h:1" });
  assertEquals(peers.all().length, 4096);
  assertEquals(peers.find(keys.at(-2)!), undefined); // The one met longest ago, except for the host.
  await peers.setVerified(EVE, true);
  assertEquals(peers.all().length, 4097);
  await peers.seen(ADA, { name: "ada" });
  const again = await KnownPeers.open(file);
  assertEquals(again.all(), peers.all());
  assertEquals(again.find(keys.at(-3)!), undefined);
  assert(again.find(keys.at(-1)!) !== undefined);
});

test("KnownPeers leaves an unreadable line unchanged", async () => {
  const file = place();
  const bad: (string | Bytes)[] = [
    "{",
    "null",
    "[]",
    line(ADA, { v: 2, more: "of a later version" }),
    line(ADA, { v: "1" }),
    line(new Uint8Array(31)),
    line(new Uint8Array(32)),
    line(ADA, { key: 7 }),
    line(ADA, { names: "bob" }),
    line(ADA, { names: ["\u001b[2J"] }),
    line(ADA, { names: ["a:b"] }),
    line(ADA, { names: [7] }),
    line(ADA, { names: Array.from({ length: 9 }, (_, i) => `n${i}`) }),
    line(ADA, { addresses: ["a b"] }),
    line(ADA, { addresses: ["a\u202eb:1"] }),
    line(ADA, { firstSeen: -1 }),
    line(ADA, { lastSeen: 1.5 }),
    line(ADA, { lastSeen: 8.64e15 + 1 }),
    line(ADA, { verified: 1 }),
    line(ADA).padEnd(4097),
    new Uint8Array([0x22, 0xff, 0x22]),
    line(ADA).slice(0, -1),
  ];
  const good = [line(BOB), "", `${line(EVE)}\r`];
  Deno.writeFileSync(file, lines([...good, ...bad]));
  const peers = await KnownPeers.open(file);
  assertEquals(peers.all().map(({ key }) => key), [BOB, EVE]);
  assertEquals(peers.damaged, bad.length);
  assertEquals(peers.damagedLines, bad.map((_, i) => i + 4));

  await peers.seen(ADA, {});
  const kept = lines(bad);
  assertEquals(Deno.readFileSync(file).slice(-kept.length), kept);
  const again = await KnownPeers.open(file);
  assertEquals(again.all().map(({ key }) => key), [BOB, EVE, ADA]);
  assertEquals(again.damaged, bad.length);
});

test("KnownPeers merges two lines about one key, as in a file joined from two", async () => {
  const file = place();
  const older = line(ADA, { names: ["a", "b"], firstSeen: 1, lastSeen: 5, verified: true });
  const newer = line(ADA, { names: ["c", "b"], firstSeen: 3, lastSeen: 9, addresses: ["h:1"] });
  const thief = line(EVE, { addresses: ["h:1"] });
  for (const both of [[older, newer], [newer, older]]) {
    Deno.writeFileSync(file, lines([...both, thief]));
    const { key: _, ...ada } = (await KnownPeers.open(file)).find(ADA)!;
    const union = { names: ["c", "b", "a"], addresses: [], firstSeen: 1, lastSeen: 9 };
    assertEquals(ada, { ...union, verified: true });
  }
});

test("KnownPeers.merge takes no address and no verification from a known peer", async () => {
  const file = place();
  const peers = await KnownPeers.open(file, ticking());
  await peers.seen(ADA, { name: "ada", address: "h:1" });
  await peers.setVerified(ADA, true);
  const other = { names: ["x"], firstSeen: 1, lastSeen: 2, verified: false };
  await peers.merge([
    { key: EVE, ...other, addresses: ["h:1", "h:2"], verified: true },
    { key: ADA, ...other, addresses: ["h:2", "h:3"] },
  ]);
  assertEquals((await KnownPeers.open(file)).all(), [
    {
      key: ADA,
      names: ["ada", "x"],
      addresses: ["h:1", "h:2", "h:3"],
      firstSeen: 1,
      lastSeen: 1000,
      verified: true,
    },
    { key: EVE, ...other, addresses: [], verified: true },
  ]);
});

test("KnownPeers loses no peer when several runs write at once", async () => {
  const file = place();
  const keys = manyKeys(40);
  await using stack = new AsyncDisposableStack();
  const writers = [0, 1, 2, 3].map((index) =>
    stack.use(
      new Writer(`
        const keys = ${JSON.stringify(keys.map(toBase64Url))}.map(fromBase64Url);
        const peers = await KnownPeers.open(${JSON.stringify(file)});
        for (let i = ${index}; i < keys.length; i += 4) await peers.seen(keys[i], { name: "n" + i });`),
    )
  );
  for (const writer of writers) await writer.says("ready");
  for (const writer of writers) await writer.run();
  for (const writer of writers) await writer.ends();
  const known = await KnownPeers.open(file);
  assertEquals(keys.map((key) => known.find(key)?.names), keys.map((_, i) => [`n${i}`]));
  assertEquals(names(dirname(file)), ["me.peers.jsonl", "me.peers.jsonl.lock"]);
});

test("KnownPeers stays whole and writable after a run is killed during a write", async () => {
  const file = place();
  const peers = await KnownPeers.open(file);
  await peers.seen(ADA, { name: "ada" });
  const before = Deno.readFileSync(file);
  // The victim stops with a half-written draft, while it holds the lock.
  await using victim = new Writer(`
    const { write } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.write = async function (bytes) {
      await write.call(this, bytes.subarray(0, 9));
      console.log("half");
      return await new Promise(() => setInterval(() => {}, 1e6));
    };
    await (await KnownPeers.open(${JSON.stringify(file)})).seen(fromBase64Url("${
    toBase64Url(EVE)
  }"), {});`);
  await victim.says("ready");
  await victim.run();
  await victim.says("half");
  assertEquals(Deno.readFileSync(file), before);
  assertEquals(Deno.readFileSync(`${file}.draft`).length, 9);

  const waiting = peers.seen(BOB, { name: "bob" });
  await victim[Symbol.asyncDispose]();
  await waiting;
  const known = await KnownPeers.open(file);
  assertEquals(known.all().map(({ key }) => key), [ADA, BOB]);
  assertEquals(names(dirname(file)), ["me.peers.jsonl", "me.peers.jsonl.lock"]);
});

test("KnownPeers remembers changes that it could not write, and writes them as soon as it can", async () => {
  const directory = emptyDirectory();
  const file = `${directory}/later/me.peers.jsonl`;
  const peers = await KnownPeers.open(file);
  const { message } = await assertFails(peers.seen(ADA, { name: "ada" }), "peers-unwritable");
  assertMatch(message, /^Cannot save known peers in ".*me\.peers\.jsonl": .*[^.]$/);
  await assertFails(peers.setVerified(ADA, true), "peers-unwritable");
  assertEquals(peers.find(ADA)?.verified, true);

  Deno.mkdirSync(`${directory}/later`);
  await peers.seen(BOB, { name: "bob" });
  assertEquals(await KnownPeers.open(file).then((known) => known.all()), peers.all());
  assertEquals(peers.find(ADA)?.verified, true);
});

test("KnownPeers writes simultaneous changes together", async () => {
  const file = place();
  const peers = await KnownPeers.open(file);
  const realRename = Deno.rename;
  let writes = 0;
  Deno.rename = async (...args) => {
    writes++;
    await realRename(...args);
  };
  try {
    await Promise.all(manyKeys(50).map((key) => peers.seen(key, {})));
  } finally {
    Deno.rename = realRename;
  }
  assertEquals(writes, 1);
  assertEquals((await KnownPeers.open(file)).all(), peers.all());
});

test("KnownPeers refuses an unreadable file, and leaves it unchanged", async () => {
  const file = place();
  Deno.mkdirSync(file);
  await assertFails(KnownPeers.open(file), "peers-unreadable", "not a regular file");
  await assertFails(KnownPeers.open("/dev/zero"), "peers-unreadable", "not a regular file");
  const large = place();
  Deno.writeTextFileSync(large, "");
  Deno.truncateSync(large, (16 << 20) + 1);
  await assertFails(KnownPeers.open(large), "peers-unreadable", "at most 16777216");

  const lost = place();
  const peers = await KnownPeers.open(lost);
  Deno.mkdirSync(lost);
  await assertFails(peers.seen(ADA, {}), "peers-unwritable", "not a regular file");
});

for (
  const [what, permissions] of [
    ["read", { read: false, write: true }],
    ["write", { read: true, write: [KEPT] }],
  ] as [string, Deno.PermissionOptionsObject][]
) {
  Deno.test({
    name: `KnownPeers without --allow-${what} never asks for it`,
    permissions,
    async fn() {
      if (what === "read") {
        await assertFails(KnownPeers.open(KEPT), "permission-denied", "--allow-read");
        return;
      }
      const peers = await KnownPeers.open(KEPT);
      assertEquals(peers.find(ADA)?.names, ["ada"]);
      await assertFails(peers.seen(EVE, {}), "peers-unwritable", "--allow-write is missing");
      assert(peers.find(EVE) !== undefined);
    },
  });
}

test("readPeers reads a file of writePeers, and says which lines it cannot read", async () => {
  const file = place();
  const peers = await KnownPeers.open(undefined);
  await peers.seen(ADA, { name: "ada", address: "h:1" });
  await peers.setVerified(BOB, true, "bob");
  await writePeers(file, peers.export());
  assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);
  assertEquals(Deno.readFileSync(file), peers.export());
  assertEquals(await readPeers(file), { peers: peers.all(), damagedLines: [] });

  await assertFails(writePeers(file, peers.export()), "peers-unwritable", file);
  Deno.writeTextFileSync(file, "?\n", { append: true });
  assertEquals(await readPeers(file), { peers: peers.all(), damagedLines: [3] });
  Deno.writeTextFileSync(`${file}.other`, "root:x:0:0::/root:/bin/sh\n");
  const errors = [
    await assertFails(readPeers(`${file}.none`), "peers-unreadable", file),
    await assertFails(readPeers(`${file}.other`), "peers-unreadable", "no line is valid"),
  ];
  for (const { hint } of errors) assertMatch(hint, /'lanchat peers export' made/);
  Deno.writeTextFileSync(`${file}.empty`, "");
  assertEquals(await readPeers(`${file}.empty`), { peers: [], damagedLines: [] });
});

test("readPeers reads the example line of docs/IDENTITY.md", async () => {
  const text = Deno.readTextFileSync(new URL("../../docs/IDENTITY.md", import.meta.url));
  const file = place();
  Deno.writeTextFileSync(file, /^\{"v":1.*\n/m.exec(text)![0]);
  const { damagedLines, peers } = await readPeers(file);
  assertEquals([damagedLines, peers[0]?.addresses], [[], ["192.0.2.2:12345"]]);
});
