import { assert, assertEquals, assertMatch } from "@std/assert";
import { openLog, readLog } from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";
import { diskTest, SmallDisk } from "../support/disk.ts";
import { test } from "../support/test.ts";

const ROOT = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));

let files = 0;

function newFile(): string {
  return `${ROOT}/${files++}.log`;
}

/** Appends entries to a log, as one run does. */
async function write(file: string, ...entries: string[]): Promise<void> {
  const writer = (await openLog(file)).getWriter();
  for (const entry of entries) await writer.write(entry);
  await writer.close();
}

test("openLog makes a file that only its owner may open, and appends to it in every run", async () => {
  const file = newFile();
  await write(file, "one\n", "two\n");
  assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);
  Deno.chmodSync(file, 0o640);
  await write(file, "é\n");
  assertEquals(Deno.readTextFileSync(file), "one\ntwo\né\n");
  assertEquals(Deno.statSync(file).mode! & 0o777, 0o640);
});

test("openLog puts an entry into the file before the write resolves", async () => {
  const file = newFile();
  const writer = (await openLog(file)).getWriter();
  await writer.write("one\n");
  assertEquals(Deno.readTextFileSync(file), "one\n");
  await writer.close();
});

test("openLog ends a line that was cut off", async () => {
  const file = newFile();
  Deno.writeTextFileSync(file, "one\ntw");
  await write(file, "three\n");
  await write(file, "four\n");
  assertEquals(Deno.readTextFileSync(file), "one\ntw\nthree\nfour\n");
});

test("openLog fails if it cannot write the file", async () => {
  const file = newFile();
  Deno.writeTextFileSync(file, "");
  for (const each of [ROOT, `${file}/below`, `${ROOT}/nowhere/a.log`, "/proc/a.log"]) {
    const { message } = await assertFails(openLog(each), "log-unwritable", `"${each}"`);
    assertMatch(message, /^Cannot write log .*: .*[^.]$/);
  }
});

diskTest(
  "openLog removes the entry that a full disk cuts off, and fails from then on",
  async () => {
    using disk = new SmallDisk();
    const file = `${disk.path}/a.log`;
    const writer = (await openLog(file)).getWriter();
    const lost = writer.closed.catch((error) => error);
    const entry = `${"x".repeat(2999)}\n`;
    await writer.write(entry);
    await writer.write(entry);
    await assertFails(writer.write(entry), "log-unwritable", "No space left");
    assertEquals((await lost).code, "log-unwritable");
    assert(Deno.readTextFileSync(file) === entry + entry, `${Deno.statSync(file).size}`);
  },
);

/** Maximum log, in bytes: full after a few entries. */
const MAX_BYTES = 100;

/** An entry of 40 bytes. */
function entry(text: string): string {
  return `2026-01-01T00:00:00.000Z ${text}`.padEnd(39) + "\n";
}

async function writeSmall(file: string, ...entries: string[]): Promise<void> {
  const writer = (await openLog(file, MAX_BYTES)).getWriter();
  for (const each of entries) await writer.write(each);
  await writer.close();
}

async function printed(file: string): Promise<string> {
  const never = (): Promise<never> => Promise.reject(new Error("asked"));
  return (await Array.fromAsync((await readLog(file, never)).texts)).join("");
}

const ENTRIES = ["one", "two", "three", "four", "five", "six"].map(entry);

test("openLog moves a full log away and keeps one older part, which readLog reads first", async () => {
  const file = newFile();
  await writeSmall(file, ...ENTRIES.slice(0, 2));
  assertEquals(Deno.readTextFileSync(file), ENTRIES.slice(0, 2).join(""));
  await writeSmall(file, ...ENTRIES.slice(2));
  assertEquals(Deno.readTextFileSync(`${file}.1`), ENTRIES.slice(2, 4).join(""));
  assertEquals(Deno.readTextFileSync(file), ENTRIES.slice(4).join(""));
  assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);
  assertEquals(await printed(file), ENTRIES.slice(2).join(""));
});

test("openLog continues a log that was moved and not begun again, and readLog reads it", async () => {
  const file = newFile();
  await writeSmall(file, ...ENTRIES.slice(0, 2));
  Deno.renameSync(file, `${file}.1`); // A run was killed after this step.
  assertEquals(await printed(file), ENTRIES.slice(0, 2).join(""));
  Deno.writeTextFileSync(file, ""); // Or after this one.
  assertEquals(await printed(file), ENTRIES.slice(0, 2).join(""));
  await writeSmall(file, ENTRIES[2]!);
  assertEquals(await printed(file), ENTRIES.slice(0, 3).join(""));
});

test("readLog leaves out an older part that is not a plain log", async () => {
  const file = newFile();
  await writeSmall(file, ENTRIES[0]!);
  for (const other of ["notes\n", "LANCHATL\x01"]) {
    Deno.writeTextFileSync(`${file}.1`, other);
    assertEquals(await printed(file), ENTRIES[0]);
  }
});

test("openLog in several runs moves a full log once, and loses no entry", async () => {
  const file = newFile();
  const writers = [await openLog(file, MAX_BYTES), await openLog(file, MAX_BYTES)]
    .map((log) => log.getWriter());
  const [one, two] = writers;
  for (const each of ENTRIES.slice(0, 2)) await one!.write(each);
  for (const each of ENTRIES.slice(2, 4)) await two!.write(each); // To the same file.
  await one!.write(ENTRIES[4]!);
  await two!.write(ENTRIES[5]!);
  for (const writer of writers) await writer.close();
  assertEquals(await printed(file), ENTRIES.join(""));
});

test("openLog fails if it cannot move a full log, and replaces no other file", async () => {
  for (
    const [reason, prepare] of [
      ["is not a lanchat log", (file) => Deno.writeTextFileSync(`${file}.1`, "notes\n")],
      ["is not a lanchat log", (file) => Deno.mkdirSync(`${file}.1`)],
      ["is not a lanchat log", (file) => Deno.symlinkSync("notes", `${file}.1`)],
      ["does not move a link", (file) => {
        Deno.renameSync(file, `${file}.target`);
        Deno.symlinkSync(`${file}.target`, file);
      }],
    ] as [string, (file: string) => void][]
  ) {
    const file = newFile();
    await writeSmall(file, ...ENTRIES.slice(0, 2));
    prepare(file);
    const writer = (await openLog(file, MAX_BYTES)).getWriter();
    writer.closed.catch(() => {});
    await assertFails(writer.write(ENTRIES[2]!), "log-unwritable", reason);
    assertEquals(Deno.readTextFileSync(file), ENTRIES.slice(0, 2).join(""));
  }
});

const FULL = newFile();

Deno.test({
  name:
    "openLog with only the permission to write stops at the maximum size, and says what it needs",
  permissions: { write: [FULL] },
  async fn() {
    const writer = (await openLog(FULL, MAX_BYTES)).getWriter();
    const closed = writer.closed.catch((error) => error);
    for (const each of ENTRIES.slice(0, 2)) await writer.write(each);
    const { message } = await assertFails(writer.write(ENTRIES[2]!), "log-unwritable");
    assertMatch(
      message,
      /^Cannot write log ".*": it is full \(.* MiB, see --log-max\); to continue, /,
    );
    assertMatch(message, /allow --allow-read and --allow-write for ".*\.log" and ".*\.log\.1"$/);
    assertEquals((await closed).message, message);
  },
});

const KEPT = newFile();
Deno.writeTextFileSync(KEPT, "one\ntw");

const BEGUN = newFile();

Deno.test({
  name:
    "openLog with only the permission to write begins a log, and appends to none that it cannot read",
  permissions: { write: [KEPT, BEGUN] },
  async fn() {
    await write(BEGUN, "one\n");
    const error = await assertFails(openLog(KEPT), "permission-denied", "--allow-read");
    assertEquals(error.hint, `Allow it: deno run --allow-read="${KEPT}" …`);
  },
});

Deno.test({
  name: "openLog never asks for a permission, and names the missing one",
  permissions: { read: true, write: [newFile()] },
  async fn() {
    const before = Deno.readTextFileSync(KEPT);
    const error = await assertFails(openLog(KEPT), "permission-denied", "--allow-write");
    assertEquals(error.hint, `Allow it: deno run --allow-write="${KEPT}" …`);
    assertEquals(Deno.readTextFileSync(KEPT), before);
  },
});

test("openLog goes on in a new file after another program moves or removes the log", async () => {
  const file = newFile();
  let moved = 0;
  const writer = (await openLog(file, undefined, () => moved++)).getWriter();
  await writer.write(`one\n`);
  Deno.renameSync(file, `${file}.moved`);
  await writer.write(`two\n`);
  await writer.write(`three\n`);
  assertEquals(Deno.readTextFileSync(file), `two\nthree\n`);
  Deno.removeSync(file);
  await writer.write(`four\n`);
  await writer.close();
  assertEquals(Deno.readTextFileSync(`${file}.moved`), `one\n`);
  assertEquals([Deno.readTextFileSync(file), moved], [`four\n`, 2]);
});

test("openLog fails after a program removes the log with its directory", async () => {
  const directory = `${newFile()}.d`;
  Deno.mkdirSync(directory);
  const writer = (await openLog(`${directory}/log`)).getWriter();
  Deno.removeSync(directory, { recursive: true });
  await assertFails(writer.write(`lost\n`), "log-unwritable");
  await assertFails(writer.closed, "log-unwritable");
});
