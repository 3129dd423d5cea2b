import { assert, assertEquals, assertMatch } from "@std/assert";
import { openLog } from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";
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

test("openLog makes a file that nobody else may open, and appends to it in every run", async () => {
  const file = newFile();
  await write(file, "one\n", "two\n");
  assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);
  Deno.chmodSync(file, 0o640);
  await write(file, "é\n");
  assertEquals(Deno.readTextFileSync(file), "one\ntwo\né\n");
  assertEquals(Deno.statSync(file).mode! & 0o777, 0o640);
});

test("openLog has an entry in the file as soon as it is written", async () => {
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

test("openLog fails where the file cannot be written", async () => {
  const file = newFile();
  Deno.writeTextFileSync(file, "");
  for (const each of [ROOT, `${file}/below`, `${ROOT}/nowhere/a.log`, "/proc/a.log"]) {
    const { message } = await assertFails(openLog(each), "log-unwritable", `"${each}"`);
    assertMatch(message, /^Cannot write log .*: .*[^.]$/);
  }
});

Deno.test({
  name: "openLog takes back the entry that a full disk cuts off, and fails from then on",
  // Nobody else may mount a disk that is small enough.
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
  async fn() {
    const directory = `${ROOT}/disk`;
    Deno.mkdirSync(directory);
    await mount("mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", directory);
    try {
      const file = `${directory}/a.log`;
      const writer = (await openLog(file)).getWriter();
      const lost = writer.closed.catch((error) => error);
      const entry = `${"x".repeat(2999)}\n`;
      await writer.write(entry);
      await writer.write(entry);
      await assertFails(writer.write(entry), "log-unwritable", "No space left");
      assertEquals((await lost).code, "log-unwritable");
      assert(Deno.readTextFileSync(file) === entry + entry, `${Deno.statSync(file).size}`);
    } finally {
      await mount("umount", directory);
    }
  },
});

async function mount(command: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args }).output();
  assert(success, [command, ...args].join(" "));
}

const KEPT = newFile();
Deno.writeTextFileSync(KEPT, "one\ntw");

const BEGUN = newFile();

Deno.test({
  name:
    "openLog begins a log with the permission to write alone, and appends to none that it cannot see",
  permissions: { write: [KEPT, BEGUN] },
  async fn() {
    await write(BEGUN, "one\n");
    const error = await assertFails(openLog(KEPT), "permission-denied", "--allow-read");
    assertEquals(error.hint, `Allow it: deno run --allow-read="${KEPT}" …`);
  },
});

Deno.test({
  name: "openLog asks for no permission, and says which one is missing",
  permissions: { read: true, write: [newFile()] },
  async fn() {
    const before = Deno.readTextFileSync(KEPT);
    const error = await assertFails(openLog(KEPT), "permission-denied", "--allow-write");
    assertEquals(error.hint, `Allow it: deno run --allow-write="${KEPT}" …`);
    assertEquals(Deno.readTextFileSync(KEPT), before);
  },
});
