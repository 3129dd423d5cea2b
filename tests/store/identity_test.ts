import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { createDecipheriv, createPrivateKey, createPublicKey, pbkdf2Sync } from "node:crypto";
import { fileURLToPath } from "node:url";
import { toHex } from "../../lib/bytes/mod.ts";
import { verify } from "../../lib/crypto/mod.ts";
import {
  exportIdentity,
  type FindPassphrase,
  hasIdentity,
  identityPlace,
  lookAtIdentity,
  openIdentity,
  openKeptIdentity,
  type Platform,
  protectIdentity,
  renewIdentity,
  restoreIdentity,
  roomPlace,
} from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";

const ROOT = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));

let directories = 0;

/** A path that does not exist yet. */
function place(): string {
  return `${ROOT}/${directories++}`;
}

function emptyDirectory(): string {
  const directory = place();
  Deno.mkdirSync(directory);
  return directory;
}

function home(directory: string): Platform {
  return { os: "linux", env: (name) => name === "HOME" ? directory : undefined };
}

function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
}

function mode(path: string): number {
  return Deno.statSync(path).mode! & 0o777;
}

async function publicKey(file: string): Promise<string> {
  return toHex((await openIdentity({ file })).identity.publicKey);
}

/** A file with an identity, made before the tests because those without permissions cannot make it. */
const KEPT = `${emptyDirectory()}/identity.json`;
const KEPT_KEY = await publicKey(KEPT);
const KEPT_TEXT = Deno.readTextFileSync(KEPT);

Deno.test("openIdentity makes a private file once and opens it again", async () => {
  const directory = emptyDirectory();
  const file = `${directory}/me.json`;
  const opened = await openIdentity({ file });
  assertEquals(opened.file, file);
  assertEquals(opened.unkept, undefined);
  assertEquals(names(directory), ["me.json"]);
  assertEquals(mode(file), 0o600);
  const text = Deno.readTextFileSync(file);
  assert(/^\{"type":"lanchat identity","version":1,"pkcs8":"[\w+/]{64}"\}\n$/.test(text), text);

  const { publicKey, sign } = (await openIdentity({ file })).identity;
  assertEquals(publicKey, opened.identity.publicKey);
  assertEquals(Deno.readTextFileSync(file), text);
  const message = new Uint8Array([1, 2, 3]);
  assert(await verify(opened.identity.publicKey, message, await sign(message)));
  assertNotEquals(toHex(publicKey), KEPT_KEY);
});

Deno.test("lookAtIdentity reads the state of a file, makes none and asks for no passphrase", async () => {
  const directory = emptyDirectory();
  const platform = home(directory);
  const file = `${directory}/.config/lanchat/identity.json`;
  assertEquals(await lookAtIdentity({ platform }), { file });
  assertEquals(names(directory), []);
  const { identity } = await openIdentity({ platform });
  const isPrivate = Deno.build.os !== "windows";
  const { identity: found, ...rest } = await lookAtIdentity({ platform });
  assertEquals([found?.publicKey, rest], [identity.publicKey, {
    file,
    isProtected: false,
    isPrivate,
  }]);
  await protectIdentity({ platform }, () => Promise.resolve("sesame"));
  assertEquals(await lookAtIdentity({ platform }), { file, isProtected: true, isPrivate });
  Deno.chmodSync(file, 0o644);
  await assertFails(
    lookAtIdentity({ platform }),
    "identity-unreadable",
    "others may have read your private key (mode 0644)",
  );
});

Deno.test("openIdentity makes the directories of the platform's own place private", async () => {
  const directory = emptyDirectory();
  const { file } = await openIdentity({ platform: home(directory) });
  assertEquals(file, `${directory}/.config/lanchat/identity.json`);
  assertEquals(mode(`${directory}/.config/lanchat`), 0o700);
  assertEquals(mode(file!), 0o600);
});

Deno.test("openIdentity knows the place of each platform", async () => {
  const directory = emptyDirectory();
  const places: [Platform["os"], Record<string, string>, string][] = [
    ["linux", { XDG_CONFIG_HOME: `${directory}/xdg`, HOME: "/nowhere" }, "xdg"],
    ["linux", { XDG_CONFIG_HOME: "relative", HOME: directory }, ".config"],
    ["linux", { XDG_CONFIG_HOME: "", HOME: directory }, ".config"],
    ["darwin", { HOME: directory }, "Library/Application Support"],
    ["windows", { APPDATA: `${directory}/roaming`, HOME: "/nowhere" }, "roaming"],
  ];
  for (const [os, variables, expected] of places) {
    const { file } = await openIdentity({ platform: { os, env: (name) => variables[name] } });
    assertEquals(file, `${directory}/${expected}/lanchat/identity.json`);
  }
});

Deno.test("openIdentity gives a temporary identity if it cannot write a file", async () => {
  const directory = emptyDirectory();
  Deno.mkdirSync(`${directory}/.config`);
  Deno.writeTextFileSync(`${directory}/.config/lanchat`, "a file, no directory");
  const platforms = [
    home(directory),
    home(KEPT), // below a file
    home("/proc/nowhere"),
    { os: "linux", env: () => undefined },
    { os: "windows", env: () => undefined },
  ] satisfies Platform[];
  const keys = new Set<string>();
  for (const platform of platforms) {
    const { identity, file, unkept } = await openIdentity({ platform });
    assertEquals(file, undefined);
    assertEquals(unkept?.code, "identity-unwritable");
    keys.add(toHex(identity.publicKey));
  }
  assertEquals(keys.size, platforms.length);
});

Deno.test("openIdentity refuses a relative or unset home directory, and names the variable to set", async () => {
  const windows = (value?: string): Platform => ({ os: "windows", env: () => value });
  const homes = [
    [{ os: "linux", env: (name) => name === "HOME" ? "some/home" : undefined }, /HOME/],
    [{ os: "darwin", env: () => "" }, /HOME/],
    [{ os: "linux", env: () => undefined }, /HOME/],
    [windows(), /APPDATA/],
    [windows("some\\home"), /APPDATA/],
  ] satisfies [Platform, RegExp][];
  for (const [platform, variable] of homes) {
    const { unkept } = await openIdentity({ platform });
    assertEquals(unkept?.code, "identity-unwritable");
    assertMatch(unkept!.message, variable);
    assertMatch(unkept!.hint, variable);
  }
});

Deno.test("openIdentity gives a hint for each reason why it cannot make the file", async () => {
  const directory = emptyDirectory();
  const realSync = Deno.FsFile.prototype.sync;
  try {
    for (
      const [code, hint] of [
        ["ENOSPC", /space/],
        ["EDQUOT", /space/],
        ["EROFS", /read-only/],
        ["EACCES", /writable/],
        ["EPERM", /writable/],
      ] as const
    ) {
      Deno.FsFile.prototype.sync = () => Promise.reject(Object.assign(new Error(code), { code }));
      const { unkept } = await openIdentity({ platform: home(directory) });
      assertEquals(unkept?.code, "identity-unwritable");
      assertMatch(unkept!.hint, hint);
    }
  } finally {
    Deno.FsFile.prototype.sync = realSync;
  }
  const { unkept } = await openIdentity({ platform: home(KEPT) });
  assertMatch(unkept!.hint, /a file or a broken link/);
});

Deno.test({
  name: "openIdentity says in its hint that a file is a dangling link",
  ignore: Deno.build.os === "windows",
  async fn() {
    const directory = emptyDirectory();
    Deno.symlinkSync(`${directory}/nowhere`, `${directory}/link`);
    const { hint } = await assertFails(
      openIdentity({ file: `${directory}/link` }),
      "identity-unreadable",
    );
    assertMatch(hint, /link/);
    Deno.symlinkSync(`${directory}/nowhere`, `${directory}/.config`);
    const { unkept } = await openIdentity({ platform: home(directory) });
    assertMatch(unkept!.hint, /a broken link/);
  },
});

Deno.test("openIdentity fails if it cannot make a named file", async () => {
  await assertFails(openIdentity({ file: `${KEPT}/identity.json` }), "identity-unwritable");
  await assertFails(openIdentity({ file: "/proc/identity.json" }), "identity-unwritable");
  await assertFails(openIdentity({ file: `${ROOT}/${"x".repeat(300)}` }), "identity-unwritable");
});

Deno.test("openIdentity refuses a damaged file and never overwrites it", async () => {
  const directory = emptyDirectory();
  const file = (await openIdentity({ platform: home(directory) })).file!;
  const text = Deno.readTextFileSync(file);
  const damaged = [
    "",
    "null",
    "[]",
    "{}",
    text.slice(0, -3),
    `${text}${text}`,
    text.replace("lanchat identity", "lanchat room"),
    text.replace(":1,", ":2,"),
    text.replace(/"pkcs8":"...../, '"pkcs8":"'),
    text.replace(/"pkcs8":"..../, '"pkcs8":"AAAA'),
    text.replace(/"pkcs8":".*"/, '"pkcs8":""'),
    text.replace(/"pkcs8":".*"/, '"pkcs8":7'),
    text.replace(/,"pkcs8":".*"/, ""),
  ];
  for (const content of damaged) {
    Deno.writeTextFileSync(file, content);
    const error = await assertFails(openIdentity({ file }), "identity-damaged");
    await assertFails(openIdentity({ platform: home(directory) }), "identity-damaged");
    assertEquals(error.cause, undefined);
    assertEquals(Deno.readTextFileSync(file), content);
  }
});

Deno.test("openIdentity refuses a file that others can open, and says how to fix it", async () => {
  const directory = emptyDirectory();
  const file = (await openIdentity({ platform: home(directory) })).file!;
  for (const open of [0o644, 0o640, 0o604, 0o620, 0o601]) {
    Deno.chmodSync(file, open);
    const error = await assertFails(openIdentity({ file }), "identity-unreadable");
    assertEquals(
      error.hint,
      `Make it private: chmod 600 "${file}". If others use this machine, make a new identity: lanchat id new`,
    );
    await assertFails(openIdentity({ platform: home(directory) }), "identity-unreadable");
    assertEquals(mode(file), open);
  }
  Deno.chmodSync(file, 0o400);
  assertEquals((await openIdentity({ file })).file, file);
});

Deno.test("openIdentity refuses a file that is too large or not regular", async () => {
  const large = place();
  Deno.writeTextFileSync(large, " ".repeat(4097), { mode: 0o600 });
  for (const file of [ROOT, "/dev/zero"]) {
    await assertFails(openIdentity({ file }), "identity-unreadable", "not a regular file");
  }
  await assertFails(openIdentity({ file: large }), "identity-unreadable", "at most 4096");
});

Deno.test("openIdentity follows a symbolic link, but makes no file through one", async () => {
  const link = place();
  Deno.symlinkSync(KEPT, link);
  assertEquals(await publicKey(link), KEPT_KEY);

  const target = place();
  const dangling = place();
  Deno.symlinkSync(target, dangling);
  await assertFails(openIdentity({ file: dangling }), "identity-unreadable");
  await assertRejects(() => Deno.lstat(target), Deno.errors.NotFound);
});

Deno.test("openIdentity escapes the file's name in a message", async () => {
  const error = await assertFails(
    openIdentity({ file: `${KEPT}/\u001b[2J` }),
    "identity-unwritable",
  );
  assert(!error.message.includes("\u001b"), error.message);
});

Deno.test("openIdentity gives one key to many first starts in one process", async () => {
  const directory = emptyDirectory();
  const file = `${directory}/identity.json`;
  const keys = await Promise.all(Array.from({ length: 50 }, () => publicKey(file)));
  assertEquals(new Set(keys).size, 1);
  assertEquals(names(directory), ["identity.json"]);
});

Deno.test("openIdentity gives one key to first starts of several processes", async () => {
  const directory = emptyDirectory();
  const file = `${directory}/identity.json`;
  const url = (path: string): string => JSON.stringify(import.meta.resolve(path));
  const code = `
    import { openIdentity } from ${url("../../lib/store/mod.ts")};
    import { toHex } from ${url("../../lib/bytes/mod.ts")};
    console.log("ready");
    await Deno.stdin.read(new Uint8Array(1));
    const { identity } = await openIdentity({ file: ${JSON.stringify(file)} });
    console.log(toHex(identity.publicKey));`;
  const script = `${directory}.ts`;
  Deno.writeTextFileSync(script, code);
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  await using stack = new AsyncDisposableStack();
  const children = Array.from({ length: 5 }, () =>
    stack.use(new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--allow-all", "--config", config, script],
      stdin: "piped",
      stdout: "piped",
    }).spawn()));
  const outputs = children.map((child) => child.stdout.pipeThrough(new TextDecoderStream()));
  const readers = outputs.map((output) => output.getReader());
  for (const reader of readers) assertEquals((await reader.read()).value, "ready\n");
  for (const child of children) await child.stdin.close();
  const keys = await Promise.all(readers.map(async (reader) => (await reader.read()).value));
  for (const child of children) assert((await child.status).success);
  for (const reader of readers) await reader.cancel();
  assertEquals(keys, new Array(5).fill(`${await publicKey(file)}\n`));
  assertEquals(names(directory), ["identity.json"]);
});

Deno.test("openIdentity works on a file system without hard links", async () => {
  const realLink = Deno.link;
  Deno.link = () => Promise.reject(new Deno.errors.NotSupported("Operation not supported"));
  try {
    const directory = emptyDirectory();
    const file = `${directory}/identity.json`;
    const keys = await Promise.all(Array.from({ length: 10 }, () => publicKey(file)));
    assertEquals(new Set(keys).size, 1);
    assertEquals(names(directory), ["identity.json"]);
    assertEquals(mode(file), 0o600);
  } finally {
    Deno.link = realLink;
  }
});

Deno.test("openIdentity leaves no file when the disk is full", async () => {
  const realSync = Deno.FsFile.prototype.sync;
  Deno.FsFile.prototype.sync = () => {
    throw new Error("No space left on device (os error 28)");
  };
  try {
    const directory = emptyDirectory();
    const file = `${directory}/identity.json`;
    const error = await assertFails(openIdentity({ file }), "identity-unwritable");
    assert(error.message.endsWith(": No space left on device"));
    assertEquals(names(directory), []);
  } finally {
    Deno.FsFile.prototype.sync = realSync;
  }
});

Deno.test({
  name: "openIdentity needs no --allow-write for an existing file",
  permissions: { read: [ROOT], write: false },
  async fn() {
    assertEquals(await publicKey(KEPT), KEPT_KEY);
    await assertFails(openIdentity({ file: `${ROOT}/none` }), "permission-denied");
    const { unkept } = await openIdentity({ platform: home(`${ROOT}/none`) });
    assertMatch(unkept!.hint, /--allow-write/);
  },
});

Deno.test({
  name: "openIdentity without --allow-read gives a temporary identity, or fails for a named file",
  permissions: { read: false, write: true },
  async fn() {
    const error = await assertFails(openIdentity({ file: KEPT }), "permission-denied");
    assert(error.hint.startsWith("Allow it: deno run --allow-read="), error.hint);
    const { unkept } = await openIdentity({ platform: home(ROOT) });
    assertMatch(unkept!.hint, /--allow-read/);
  },
});

Deno.test({
  name: "openIdentity without --allow-env gives a temporary identity",
  permissions: { read: true, write: true, env: false },
  async fn() {
    const { unkept } = await openIdentity();
    assertMatch(unkept!.hint, /--allow-env --allow-read --allow-write/);
  },
});

const ONLY_FILE = `${emptyDirectory()}/only.json`;
Deno.test({
  name: "openIdentity needs only the permission for the file itself",
  permissions: { read: [ONLY_FILE], write: [ONLY_FILE] },
  async fn() {
    assertEquals(await publicKey(ONLY_FILE), await publicKey(ONLY_FILE));
    assertEquals(mode(ONLY_FILE), 0o600);
  },
});

Deno.test("openIdentity keeps a profile in its own directory, and fails if that is unusable", async () => {
  const directory = emptyDirectory();
  const platform = home(directory);
  const work = await openIdentity({ platform, profile: "work" });
  assertEquals(work.file, `${directory}/.config/lanchat/profiles/work/identity.json`);
  assertEquals(mode(`${directory}/.config/lanchat/profiles/work`), 0o700);
  const other = await openIdentity({ platform });
  assertNotEquals(work.identity.publicKey, other.identity.publicKey);
  assertEquals(
    await openIdentity({ platform, profile: "work" }).then(({ file }) => file),
    work.file,
  );
  const nowhere = home("/proc/nowhere");
  await assertFails(openIdentity({ platform: nowhere, profile: "work" }), "identity-unwritable");
});

/** Finds the given passphrases in turn, and counts its calls. */
function typing(...passphrases: string[]): FindPassphrase & { asked: number } {
  const find = Object.assign((_file: string, attempt: number) => {
    assertEquals(attempt, ++find.asked);
    return Promise.resolve(passphrases[attempt - 1]);
  }, { asked: 0 });
  return find;
}

function give(passphrase: string): () => Promise<string> {
  return () => Promise.resolve(passphrase);
}

/** A file with an identity sealed under the passphrase `pässword`. */
const SEALED = `${emptyDirectory()}/sealed.json`;
const SEALED_KEY = await publicKey(SEALED);
await protectIdentity({ file: SEALED }, give("pa\u0308ssword"));
const SEALED_TEXT = Deno.readTextFileSync(SEALED);

Deno.test("protectIdentity seals the private key in place, and only the passphrase opens it", async () => {
  const directory = SEALED.slice(0, SEALED.lastIndexOf("/"));
  assertEquals(names(directory), ["sealed.json"]);
  assertEquals(mode(SEALED), 0o600);
  assertMatch(
    SEALED_TEXT,
    /^\{"type":"lanchat identity","version":2,"salt":"[\w+/]{43}=","sealed":"[\w+/]{86}=="\}\n$/,
  );
  const right = typing("wrong", "p\u00e4ssword");
  const opened = await openKeptIdentity({ file: SEALED, findPassphrase: right });
  assertEquals([toHex(opened.identity.publicKey), opened.isProtected], [SEALED_KEY, true]);
  assertEquals(right.asked, 2);

  const error = await assertFails(
    openIdentity({ file: SEALED, findPassphrase: typing("wrong") }),
    "wrong-passphrase",
    SEALED,
  );
  assert(!error.message.includes('wrong"'), error.message);
  await assertFails(openIdentity({ file: SEALED }), "wrong-passphrase");
  assertEquals(Deno.readTextFileSync(SEALED), SEALED_TEXT);
});

Deno.test("protectIdentity seals as docs/IDENTITY.md says, and other tools open the file", () => {
  const { salt, sealed } = JSON.parse(SEALED_TEXT);
  const bytes = Buffer.from(sealed, "base64");
  const key = pbkdf2Sync("p\u00e4ssword", Buffer.from(salt, "base64"), 600_000, 32, "sha512");
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.alloc(12));
  decipher.setAAD(Buffer.from("lanchat identity"));
  decipher.setAuthTag(bytes.subarray(-16));
  const pkcs8 = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
  assertEquals(pkcs8.length, 48);
  const publicKey = createPublicKey(createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }));
  const { x } = publicKey.export({ format: "jwk" });
  assertEquals(Buffer.from(x!, "base64url").toString("hex"), SEALED_KEY);
});

Deno.test("protectIdentity changes and removes a passphrase", async () => {
  const file = `${emptyDirectory()}/me.json`;
  Deno.writeTextFileSync(file, SEALED_TEXT, { mode: 0o600 });
  const old = typing("p\u00e4ssword");
  const changed = await protectIdentity({ file, findPassphrase: old }, give("new"));
  assertEquals([toHex(changed.identity.publicKey), old.asked], [SEALED_KEY, 1]);
  assertNotEquals(JSON.parse(Deno.readTextFileSync(file)).salt, JSON.parse(SEALED_TEXT).salt);
  const options = { file, findPassphrase: typing("p\u00e4ssword") };
  await assertFails(protectIdentity(options), "wrong-passphrase");
  await protectIdentity({ file, findPassphrase: typing("new") });
  assertEquals(await publicKey(file), SEALED_KEY);
  assertMatch(Deno.readTextFileSync(file), /"version":1,"pkcs8"/);
});

Deno.test("protectIdentity leaves the file unchanged if it gets no new passphrase", async () => {
  const file = `${emptyDirectory()}/me.json`;
  await publicKey(file);
  const text = Deno.readTextFileSync(file);
  await assertRejects(() => protectIdentity({ file }, () => Promise.reject(new Error("stop"))));
  assertEquals(Deno.readTextFileSync(file), text);
});

Deno.test("protectIdentity seals the target of a link", async () => {
  const directory = emptyDirectory();
  await publicKey(`${directory}/real.json`);
  Deno.symlinkSync("real.json", `${directory}/link.json`);
  await protectIdentity({ file: `${directory}/link.json` }, give("x"));
  assert(Deno.lstatSync(`${directory}/link.json`).isSymlink);
  assertMatch(Deno.readTextFileSync(`${directory}/real.json`), /"sealed"/);
});

Deno.test("openIdentity refuses an altered sealed identity, and leaves the file unchanged", async () => {
  const file = `${emptyDirectory()}/me.json`;
  const { salt, sealed } = JSON.parse(SEALED_TEXT);
  const findPassphrase = (_: string, attempt: number): Promise<string | undefined> =>
    Promise.resolve(attempt === 1 ? "p\u00e4ssword" : undefined);
  const flipped = Buffer.from(sealed, "base64");
  flipped[0]! ^= 1;
  const texts: [string, "identity-damaged" | "wrong-passphrase"][] = [
    [SEALED_TEXT.replace(salt, salt.slice(4)), "identity-damaged"],
    [SEALED_TEXT.replace(salt, "?"), "identity-damaged"],
    [SEALED_TEXT.replace(sealed, ""), "identity-damaged"],
    [SEALED_TEXT.replace(":2", ":3"), "identity-damaged"],
    [SEALED_TEXT.replace(":2", ":1"), "identity-damaged"],
    [SEALED_TEXT.replace(sealed, flipped.toString("base64")), "wrong-passphrase"],
  ];
  for (const [text, code] of texts) {
    Deno.writeTextFileSync(file, text, { mode: 0o600 });
    await assertFails(openIdentity({ file, findPassphrase }), code);
    assertEquals(Deno.readTextFileSync(file), text);
  }
});

Deno.test("renewIdentity replaces the identity, and removes the rooms of the old one", async () => {
  const directory = `${emptyDirectory()}/new`;
  const file = `${directory}/me.json`;
  assertEquals(await hasIdentity({ file }), false);
  const first = await renewIdentity({ file });
  assertEquals(await hasIdentity({ file }), true);
  for (const isLost of [false, true]) {
    for (const kind of ["open", "invite"] as const) {
      Deno.writeTextFileSync(roomPlace(file, kind), "");
    }
    if (isLost) Deno.removeSync(file);
    const next = await renewIdentity({ file });
    assertNotEquals(next.identity.publicKey, first.identity.publicKey);
    assertEquals(await publicKey(file), toHex(next.identity.publicKey));
    assertEquals(names(directory), ["me.json"]);
  }

  Deno.writeTextFileSync(file, "damaged");
  await renewIdentity({ file });
  assertEquals(mode(file), 0o600);
  assert(await publicKey(file) !== "");

  const blocked = place();
  Deno.mkdirSync(blocked);
  const { hint } = await assertFails(renewIdentity({ file: blocked }), "identity-unwritable");
  assertMatch(hint, /^Check the file/);
});

/** Confirms every restore. */
const agree = (): Promise<void> => Promise.resolve();

Deno.test("exportIdentity makes a private copy that restoreIdentity accepts, sealed or not", async () => {
  for (const source of [KEPT, SEALED]) {
    const directory = emptyDirectory();
    const copy = `${directory}/copy.json`;
    assertEquals(await exportIdentity({ file: source }, copy), source === SEALED);
    assertEquals(Deno.readTextFileSync(copy), Deno.readTextFileSync(source));
    assertEquals(mode(copy), 0o600);
    const { hint } = await assertFails(
      exportIdentity({ file: source }, copy),
      "identity-unwritable",
      `Cannot write a copy to "${copy}"`,
    );
    assertEquals(hint, "Name another file.");

    Deno.chmodSync(copy, 0o755); // as on a USB stick, whose file system has no modes
    const file = `${directory}/me.json`;
    const findPassphrase = typing("p\u00e4ssword");
    for (let i = 0; i < 2; i++) {
      findPassphrase.asked = 0;
      Deno.writeTextFileSync(roomPlace(file), "");
      const restored = await restoreIdentity({ file, findPassphrase }, copy, agree);
      assertEquals(
        [toHex(restored.identity.publicKey), restored.isProtected],
        source === SEALED ? [SEALED_KEY, true] : [KEPT_KEY, false],
      );
      assertEquals(mode(file), 0o600);
      assertEquals(Deno.readTextFileSync(file), Deno.readTextFileSync(source));
    }
    assertEquals(names(directory), ["copy.json", "me.json"]);
  }
});

Deno.test("restoreIdentity refuses every other file, and leaves the identity unchanged", async () => {
  const directory = emptyDirectory();
  const file = `${directory}/me.json`;
  const key = await publicKey(file);
  const none = `${directory}/none.json`;
  const restore = (source: string): Promise<unknown> =>
    restoreIdentity({ file, findPassphrase: typing("wrong") }, source, () => {
      throw new Error("Nobody is asked about what cannot be done");
    });
  const hints = [(await assertFails(restore(none), "identity-unreadable", none)).hint];
  Deno.writeTextFileSync(none, "{}");
  hints.push((await assertFails(restore(none), "identity-damaged", none)).hint);
  for (const hint of hints) assertMatch(hint, /'lanchat id export' made/);
  await assertFails(restore(SEALED), "wrong-passphrase", SEALED);
  const refuse = (): Promise<void> => Promise.reject(new Error("no"));
  await assertRejects(() => restoreIdentity({ file }, KEPT, refuse), Error, "no");
  await assertFails(
    exportIdentity({ file: `${directory}/no.json` }, `${directory}/x`),
    "identity-unreadable",
  );
  assertEquals(await publicKey(file), key);
  assertEquals(names(directory), ["me.json", "none.json"]);
});

Deno.test("identityPlace returns the named file, a profile's, or that of the nameless identity", () => {
  const platform = home("/home/ada");
  assertEquals(identityPlace({ platform }), "/home/ada/.config/lanchat/identity.json");
  assertEquals(
    identityPlace({ platform, profile: "work" }),
    "/home/ada/.config/lanchat/profiles/work/identity.json",
  );
  assertEquals(identityPlace({ platform, file: "a/b.json" }), "a/b.json");
});

Deno.test("openIdentity never changes a file that it reads", () => {
  assertEquals(Deno.readTextFileSync(KEPT), KEPT_TEXT);
});
