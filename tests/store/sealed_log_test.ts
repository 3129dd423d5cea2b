import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import { createDecipheriv, hkdfSync } from "node:crypto";
import { type Bytes, concat, utf8 } from "../../lib/bytes/mod.ts";
import { kdf } from "../../lib/crypto/mod.ts";
import { LanchatError } from "../../lib/errors.ts";
import { openLog, openSealedLog, readLog, type Unlock } from "../../lib/store/mod.ts";
import { assertFails, flip } from "../support/assert.ts";
import { diskTest, SmallDisk } from "../support/disk.ts";
import { test } from "../support/test.ts";

const ROOT = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));

/** Sizes of the header and of a record's head, in bytes, as in LOG.md. */
const HEADER_BYTES = 73;
const HEAD_BYTES = 5;

let files = 0;

function newFile(bytes?: Uint8Array): string {
  const file = `${ROOT}/${files++}.log`;
  if (bytes !== undefined) Deno.writeFileSync(file, bytes);
  return file;
}

/** Derives a key at no cost. */
function unlock(passphrase: string): Unlock {
  return (salt) => kdf(salt, utf8(passphrase), "test", 32);
}

const OPEN = unlock("sesame");

/** Appends entries to a log, as a run that is killed or ends in order. */
async function write(file: string, entries: string[], killed = false): Promise<void> {
  const writer = (await openSealedLog(file, OPEN)).getWriter();
  for (const entry of entries) await writer.write(entry);
  if (killed) await writer.abort();
  else await writer.close();
}

/** The readable part of a log. */
interface Reading {
  readonly text: string;
  readonly unfinished: number;
  readonly error?: LanchatError;
}

/** Reads a log as far as possible. */
async function read(file: string): Promise<Reading> {
  let text = "";
  try {
    const log = await readLog(file, OPEN);
    for await (const part of log.texts) text += part;
    return { text, unfinished: log.unfinished };
  } catch (error) {
    if (!(error instanceof LanchatError)) throw error;
    return { text, unfinished: 0, error };
  }
}

/** Offset of the start of each record, and of the end of the last one. */
function boundaries(bytes: Bytes): number[] {
  const found = [HEADER_BYTES];
  const view = new DataView(bytes.buffer);
  for (let at = HEADER_BYTES; at < bytes.length;) {
    found.push(at += (bytes[at] === 2 ? HEAD_BYTES + 16 : HEAD_BYTES) + view.getUint32(at + 1));
  }
  return found;
}

/** The header of a log and its records, in order. */
function records(bytes: Bytes): Bytes[] {
  return boundaries(bytes).map((at, i, all) => bytes.slice(i === 0 ? 0 : all[i - 1], at));
}

const RUNS = [["one\n", "two\n"], ["three\n"], ["four\n", "é five\n"]];
const TEXT = RUNS.flat().join("");

const WHOLE_FILE = newFile();
for (const entries of RUNS) await write(WHOLE_FILE, entries);
const WHOLE = Deno.readFileSync(WHOLE_FILE);

/** Asserts that `readLog` notices an altered log, and reads no text that was never in it. */
async function assertNoticed(bytes: Uint8Array, what: string): Promise<Reading> {
  const reading = await read(newFile(bytes));
  const { error, text, unfinished } = reading;
  assert(error !== undefined || unfinished > 0, `${what}: nothing is noticed`);
  assert(TEXT.startsWith(text), `${what}: ${text}`);
  return reading;
}

test("openSealedLog makes a file that only its owner may open, and readLog opens all its runs", async () => {
  assertEquals(Deno.statSync(WHOLE_FILE).mode! & 0o777, 0o600);
  assertEquals(await read(WHOLE_FILE), { text: TEXT, unfinished: 0 });
});

test("openSealedLog seals each run under a salt of its own, in the layout of LOG.md", () => {
  assertEquals(new TextDecoder().decode(WHOLE.slice(0, 8)), "LANCHATL");
  assertEquals(WHOLE[8], 1);
  const [header, ...all] = records(WHOLE);
  assertEquals(header!.length, HEADER_BYTES);
  const [START, ENTRY, END] = [1, 2, 3];
  assertEquals(all.map(([kind]) => kind), [
    ...[START, ENTRY, ENTRY, END],
    ...[START, ENTRY, END],
    ...[START, ENTRY, ENTRY, END],
  ]);
  const entries = RUNS.flat().map((entry) => utf8(entry).length + 16);
  for (const record of all) {
    const length = record.length - HEAD_BYTES;
    if (record[0] === START) assertEquals(length, 48);
    else assertEquals(length, record[0] === END ? 16 : 16 + entries.shift()!);
  }
  const salts = all.filter(([kind]) => kind === START).map((record) => record.slice(5, 37).join());
  assertEquals(new Set(salts).size, 3);
  assert(!new TextDecoder().decode(WHOLE).includes("five"));
});

test("openSealedLog seals as docs/LOG.md says, and other tools open the log", async () => {
  const hkdf = (key: Bytes, salt: Bytes, info: string): Buffer =>
    Buffer.from(hkdfSync("sha256", key, salt, info, 32));
  const open = (key: Buffer, n: number, data: Bytes, sealed: Bytes): string => {
    const nonce = Buffer.alloc(12);
    nonce.writeBigUInt64BE(BigInt(n), 4);
    const decipher = createDecipheriv("aes-256-gcm", key, nonce);
    decipher.setAAD(data);
    decipher.setAuthTag(sealed.slice(-16));
    return decipher.update(sealed.slice(0, -16), undefined, "utf8") + decipher.final("utf8");
  };
  const [header, ...all] = records(WHOLE);
  const logKey = await OPEN(header!.slice(9, 41), false);
  const check = hkdf(logKey, new Uint8Array(), "lanchat/1 log check");
  assertEquals(open(check, 0, header!.slice(0, 57), header!.slice(57)), "");
  let link = header!.slice(57);
  let runKey = check;
  let n = 0;
  let text = "";
  for (const record of all) {
    const isStart = record[0] === 1;
    if (isStart) runKey = hkdf(logKey, concat(record.slice(5, 37), link), "lanchat/1 log section");
    if (isStart) n = 0;
    const head = record.slice(0, 5);
    if (record[0] === 2) assertEquals(open(runKey, n++, head, record.slice(5, 21)), "");
    text += open(runKey, n++, head, record.slice(isStart ? 37 : record[0] === 2 ? 21 : 5));
    link = record.slice(-16);
  }
  assertEquals(text, TEXT);
});

test("openSealedLog seals the same entries differently in every log", async () => {
  const [a, b] = [newFile(), newFile()];
  await write(a, ["one\n"]);
  await write(b, ["one\n"]);
  const [recordA, recordB] = [a, b].map((file) => records(Deno.readFileSync(file)).at(-2)!);
  assertNotEquals(recordA, recordB);
});

test("readLog notices each flipped bit", async () => {
  for (let byte = 0; byte < WHOLE.length; byte++) {
    const bits = Array.from({ length: 8 }, (_, i) => 8 * byte + i);
    await Promise.all(bits.map(async (bit) => {
      const { error } = await assertNoticed(flip(WHOLE, bit), `bit ${bit}`);
      // It must not even pass for the end of a killed run: the next run would cut it off.
      if (byte >= 8) assert(error !== undefined, `bit ${bit}`);
    }));
  }
});

test("readLog reads a cut log up to the cut, and reports the cut", async () => {
  const all = boundaries(WHOLE);
  // Whole runs may be missing at the end, as in a backup: readLog cannot know.
  const ends = [0, all[4], all[7], all[11]];
  for (let length = 0; length <= WHOLE.length; length++) {
    const { error, text, unfinished } = await read(newFile(WHOLE.slice(0, length)));
    assertEquals(error, undefined);
    assertEquals(unfinished > 0, !ends.includes(length), `${length}`);
    const whole = all.filter((end) => end <= length).length - 1;
    const kinds = records(WHOLE).slice(1, whole + 1).filter(([kind]) => kind === 2).length;
    assertEquals(text, RUNS.flat().slice(0, kinds).join(""), `${length}`);
  }
});

test("openSealedLog appends to a log that was cut anywhere, and the cut stays visible", async () => {
  const cut = (length: number): string => newFile(WHOLE.slice(0, length));
  for (let length = 0; length < WHOLE.length; length += 7) {
    const before = await read(cut(length));
    const file = cut(length);
    await write(file, ["more\n"]);
    const after = await read(file);
    assertEquals(after.error, undefined);
    assertEquals(after.text, `${before.text}more\n`, `${length}`);
  }
  const long = newFile();
  await write(long, ["one\n", "x".repeat(1000)], true);
  Deno.truncateSync(long, Deno.statSync(long).size - 1);
  await write(long, ["two\n"]);
  assertEquals(await read(long), { text: "one\ntwo\n", unfinished: 1 });

  const file = newFile();
  await write(file, ["one\n"], true);
  assertEquals(await read(file), { text: "one\n", unfinished: 1 });
  await write(file, ["two\n"], true);
  await write(file, ["three\n"]);
  assertEquals(await read(file), { text: "one\ntwo\nthree\n", unfinished: 2 });
});

test("readLog notices records that are left out, repeated, swapped or of another log", async () => {
  const other = newFile();
  for (const entries of RUNS) await write(other, entries);
  const mine = records(WHOLE);
  const theirs = records(Deno.readFileSync(other));
  const indices = { min: 1, max: mine.length - 1 };
  const last = mine.length - 1;
  await fc.assert(fc.asyncProperty(
    fc.integer(indices),
    fc.integer(indices),
    fc.constantFrom("leave out", "repeat", "swap", "replace", "insert"),
    async (i, j, how) => {
      const changed = [...mine];
      if (how === "leave out") changed.splice(i, 1);
      else if (how === "repeat") changed.splice(j, 0, mine[i]!);
      else if (how === "swap") [changed[i], changed[j]] = [mine[j]!, mine[i]!];
      else if (how === "replace") changed[i] = theirs[i]!;
      else changed.splice(i, 0, theirs[j]!);
      const same = how === "swap" && i === j;
      if (!same) await assertNoticed(concat(...changed), `${how} ${i} ${j} of ${last}`);
    },
  ));
});

test("readLog notices runs that are left out, swapped, of another log or of another past", async () => {
  const [header, ...all] = records(WHOLE);
  const [one, two, three] = [all.slice(0, 4), all.slice(4, 7), all.slice(7)];
  // The same log with another history after its first run.
  const fork = newFile(concat(header!, ...one));
  await write(fork, ["three\n"]);
  const forked = records(Deno.readFileSync(fork)).slice(5);
  const other = newFile();
  for (const entries of RUNS) await write(other, entries);
  const [, ...theirs] = records(Deno.readFileSync(other));
  for (
    const [what, runs] of Object.entries({
      "first left out": [two, three],
      "middle left out": [one, three],
      "swapped": [one, three, two],
      "repeated": [one, one, two, three],
      "of another log": [one, theirs.slice(4, 7), three],
      "of another past": [one, forked, three],
    })
  ) {
    await assertNoticed(concat(header!, ...runs.flat()), what);
  }
});

test("readLog and openSealedLog refuse a wrong passphrase, and leave the log unchanged", async () => {
  const wrong = unlock("Sesame");
  const file = newFile(WHOLE);
  await assertFails(readLog(file, wrong), "wrong-passphrase", file);
  await assertFails(openSealedLog(file, wrong), "wrong-passphrase", file);
  assertEquals(Deno.readFileSync(file), WHOLE);
});

test("openSealedLog refuses to append to an altered log", async () => {
  for (const at of [0, 8, HEADER_BYTES, HEADER_BYTES + 20, WHOLE.length - 1]) {
    const bytes = flip(WHOLE, at * 8);
    const file = newFile(bytes);
    await assertFails(openSealedLog(file, OPEN), at === 0 ? "log-unwritable" : "log-damaged", file);
    assertEquals(Deno.readFileSync(file), bytes);
  }
});

test("readLog refuses a record with a wrong length before it fills memory", async () => {
  const bytes = new Uint8Array(WHOLE);
  bytes.set([0xff, 0xff, 0xff, 0xff], HEADER_BYTES + 1);
  const { error } = await read(newFile(bytes));
  assertEquals(error?.code, "log-damaged");
  assertMatch(error!.message, /after byte 73: it was altered$/);
});

test("openSealedLog and readLog ask for the key once, and say whether the log begins", async () => {
  const asked: boolean[] = [];
  const counting: Unlock = (salt, isNew) => {
    asked.push(isNew);
    return OPEN(salt, isNew);
  };
  const file = newFile();
  for (let i = 0; i < 2; i++) await (await openSealedLog(file, counting)).close();
  await readLog(file, counting).then(({ texts }) => Array.fromAsync(texts));
  assertEquals(asked, [true, false, false]);
});

test("openSealedLog refuses a plain log, and openLog a sealed one", async () => {
  const plain = newFile(utf8("2026-01-01T00:00:00.000Z bob: hi\n"));
  const sealed = newFile(WHOLE);
  const error = await assertFails(openSealedLog(plain, OPEN), "log-unwritable", "is not encrypted");
  assertMatch(error.hint, /Leave out --log-encrypted/);
  const other = await assertFails(openLog(sealed), "log-unwritable", "is encrypted");
  assertMatch(other.hint, /Add --log-encrypted/);
  assertEquals(Deno.readFileSync(sealed), WHOLE);
});

test("readLog reads a plain log without a key, and refuses every other file", async () => {
  const text = "2026-01-01T00:00:00.000Z bob: é\n";
  const never: Unlock = () => Promise.reject(new Error("asked"));
  for (const content of [text, ""]) {
    const log = await readLog(newFile(utf8(content)), never);
    assertEquals((await Array.fromAsync(log.texts)).join(""), content);
    assertEquals(log.unfinished, 0);
  }
  await assertFails(readLog(newFile(utf8("hello\n")), never), "log-damaged", "not a lanchat log");
  for (const file of [ROOT, newFile(), `${WHOLE_FILE}/below`, "/dev/zero"]) {
    const { message } = await assertFails(readLog(file, never), "log-unreadable", file);
    assertEquals(message.split(file).length, 2, message); // Deno's own text names the path too.
  }
});

test("openSealedLog fails if it cannot write the file", async () => {
  for (const file of [ROOT, `${WHOLE_FILE}/below`, `${ROOT}/nowhere/a.log`]) {
    await assertFails(openSealedLog(file, OPEN), "log-unwritable", file);
  }
});

test("openSealedLog and readLog pass on a failure to ask for the passphrase, and close the file", async () => {
  const failing: Unlock = () => Promise.reject(new LanchatError("interrupted", "Stopped"));
  await assertFails(openSealedLog(newFile(), failing), "interrupted");
  await assertFails(readLog(newFile(WHOLE), failing), "interrupted");
});

// Without sanitizers: the second run's wait for the lock ends only when the first log closes.
Deno.test("openSealedLog lets only one run write at a time", async () => {
  const file = newFile();
  const first = await openSealedLog(file, OPEN);
  await assertFails(openSealedLog(file, OPEN), "log-unwritable", "another program");
  await first.close();
  await write(file, ["one\n"]);
  assertEquals(await read(file), { text: "one\n", unfinished: 0 });
});

diskTest(
  "openSealedLog removes the record that a full disk cuts off, and can go on later",
  async () => {
    using disk = new SmallDisk();
    const file = `${disk.path}/a.log`;
    const writer = (await openSealedLog(file, OPEN)).getWriter();
    writer.closed.catch(() => {});
    await writer.write(`${"x".repeat(6000)}\n`);
    await assertFails(writer.write("x".repeat(3000)), "log-unwritable", "No space left");
    const text = `${"x".repeat(6000)}\n`;
    assertEquals(await read(file), { text, unfinished: 1 });
    await write(file, ["y\n"]);
    assertEquals(await read(file), { text: `${text}y\n`, unfinished: 1 });
  },
);

/** Maximum log, in bytes: a header, a run and two entries of {@linkcode LINES} fit. */
const MAX_BYTES = 300;

const LINES = ["one", "two", "three", "four", "five", "six"].map((text) => `${text.padEnd(19)}\n`);

async function writeSmall(file: string, entries: string[], killed = false): Promise<void> {
  const writer = (await openSealedLog(file, OPEN, MAX_BYTES)).getWriter();
  for (const entry of entries) await writer.write(entry);
  if (killed) await writer.abort();
  else await writer.close();
}

test("openSealedLog moves a full log away, and readLog reads both parts with one key", async () => {
  const file = newFile();
  await writeSmall(file, LINES);
  for (const part of [file, `${file}.1`]) assert(Deno.statSync(part).size <= MAX_BYTES);
  assertEquals(await read(file), { text: LINES.slice(2).join(""), unfinished: 0 });
  let asked = 0;
  const log = await readLog(file, (salt, isNew) => {
    asked++;
    return OPEN(salt, isNew);
  });
  await Array.fromAsync(log.texts);
  assertEquals([asked, log.missingPart], [1, undefined]);
  await writeSmall(file, ["more\n"]);
  const { text } = await read(file);
  assert(text.endsWith("six                \nmore\n"), text);
});

test("openSealedLog continues a log, and readLog reads it, after a kill at any step", async () => {
  const full = newFile();
  await writeSmall(full, LINES.slice(0, 2));
  const [text, whole] = [LINES.slice(0, 2).join(""), Deno.readFileSync(full)];
  const begun = newFile();
  await writeSmall(begun, LINES.slice(0, 3), true);
  const next = Deno.readFileSync(begun);
  assertEquals(Deno.readFileSync(`${begun}.1`).length, whole.length);
  // A kill after the move, and at each point up to the first records of the next part.
  for (const length of [undefined, 0, 4, HEADER_BYTES - 1]) {
    const file = newFile(length === undefined ? undefined : next.slice(0, length));
    Deno.writeFileSync(`${file}.1`, whole);
    const { error, text: found } = await read(file);
    assertEquals([error, found], [undefined, text], `${length}`);
    await writeSmall(file, ["more\n"]);
    assertEquals(await read(file), { text: `${text}more\n`, unfinished: 0 }, `${length}`);
  }
  for (let length = HEADER_BYTES; length <= next.length; length++) {
    const file = newFile(next.slice(0, length));
    Deno.copyFileSync(`${begun}.1`, `${file}.1`);
    const { error, text: found, unfinished } = await read(file);
    const all = length === next.length ? LINES.slice(0, 3).join("") : text;
    assertEquals([error, found, unfinished], [undefined, all, 1], `${length}`);
    await writeSmall(file, ["more\n"]);
    assertEquals((await read(file)).text, `${all}more\n`, `${length}`);
  }
});

test("readLog reports a missing older part of a sealed log, and accepts no other in its place", async () => {
  const file = newFile();
  await writeSmall(file, LINES.slice(0, 5));
  const older = `${file}.1`;
  const bytes = Deno.readFileSync(older);
  Deno.removeSync(older);
  const log = await readLog(file, OPEN);
  assertEquals((await Array.fromAsync(log.texts)).join(""), LINES[4]);
  assertEquals(log.missingPart, older);

  const other = newFile();
  await writeSmall(other, LINES.slice(0, 3));
  // A part of another log, of another place in this one, cut off between two runs, and altered.
  Deno.copyFileSync(`${other}.1`, older);
  await assertNoticedAs("is not its earlier part");
  const fresh = newFile();
  await writeSmall(fresh, LINES.slice(0, 3));
  const first = Deno.readFileSync(`${fresh}.1`);
  await writeSmall(fresh, LINES.slice(3));
  Deno.writeFileSync(`${fresh}.1`, first);
  assertEquals((await read(fresh)).error?.code, "log-damaged");
  Deno.writeFileSync(older, bytes.slice(0, -21));
  await assertNoticedAs("is not its earlier part");
  Deno.writeFileSync(older, flip(bytes, 8 * (HEADER_BYTES + 60)));
  await assertNoticedAs("was altered");

  async function assertNoticedAs(part: string): Promise<void> {
    const { error } = await read(file);
    assertEquals(error?.code, "log-damaged");
    assert(error!.message.includes(part), error!.message);
  }
});

test("readLog leaves out an unrelated sealed log in the place of the older part", async () => {
  const file = newFile();
  await write(file, ["one\n"]);
  Deno.copyFileSync(WHOLE_FILE, `${file}.1`);
  assertEquals(await read(file), { text: "one\n", unfinished: 0 });
});

const FULL = newFile();

Deno.test({
  name: "openSealedLog stops at the maximum size if it may not move the log, and leaves it whole",
  permissions: { read: [FULL], write: [FULL] },
  async fn() {
    const writer = (await openSealedLog(FULL, OPEN, MAX_BYTES)).getWriter();
    writer.closed.catch(() => {});
    for (const entry of LINES.slice(0, 2)) await writer.write(entry);
    await assertFails(
      writer.write(LINES[2]!),
      "log-unwritable",
      "allow --allow-read and --allow-write",
    );
    assertEquals(await read(FULL), { text: LINES.slice(0, 2).join(""), unfinished: 0 });
  },
});

for (const name of ["read", "write"] as const) {
  const others = name === "read" ? { write: [WHOLE_FILE] } : { read: [WHOLE_FILE] };
  Deno.test({
    name: `openSealedLog never asks for the permission to ${name}, and says that it is missing`,
    permissions: others,
    async fn() {
      const missing = `--allow-${name}`;
      await assertFails(openSealedLog(WHOLE_FILE, OPEN), "permission-denied", missing);
      if (name === "read") {
        await assertFails(readLog(WHOLE_FILE, OPEN), "permission-denied", missing);
      }
    },
  });
}

test("openSealedLog goes on in a new file after another program moves or removes the log", async () => {
  const file = newFile();
  let moved = 0;
  const writer = (await openSealedLog(file, OPEN, undefined, () => moved++)).getWriter();
  await writer.write("one\n");
  Deno.renameSync(file, `${file}.moved`);
  await writer.write("two\n");
  await writer.write("three\n");
  Deno.removeSync(file);
  Deno.writeTextFileSync(file, ""); // As logrotate can do.
  await writer.write("four\n");
  await writer.close();
  assertEquals(await read(`${file}.moved`), { text: "one\n", unfinished: 0 });
  assertEquals([await read(file), moved], [{ text: "four\n", unfinished: 0 }, 2]);
});

test("openSealedLog never writes to a file that replaced its own", async () => {
  const file = newFile();
  const writer = (await openSealedLog(file, OPEN)).getWriter();
  Deno.removeSync(file);
  Deno.writeTextFileSync(file, "a letter");
  await assertFails(writer.write("lost\n"), "log-unwritable");
  await assertFails(writer.closed, "log-unwritable");
  assertEquals(Deno.readTextFileSync(file), "a letter");
});
