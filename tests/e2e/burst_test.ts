import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { createHash } from "node:crypto";
import { HostProgram, type Program } from "../support/program.ts";

const LINES = 20_000;

/** Pause of the slow reader, in milliseconds. */
const PAUSE_MS = 5_000;

/** The input of a sender: lines that differ in content and length. */
function input(sender: string): string[] {
  return Array.from({ length: LINES }, (_, i) => `${i} of ${sender} ${"·".repeat(i * 7 % 40)}`);
}

/** A reader's output for it. */
function printed(sender: string): string[] {
  return input(sender).map((line) => `${sender}: ${line}`);
}

function sha256(lines: readonly string[]): string {
  const hash = createHash("sha256");
  for (const line of lines) hash.update(`${line}\n`);
  return hash.digest("hex");
}

/** Ends a reader, and asserts that it printed each line of each sender once and in order, and no other line. */
async function assertHeard(reader: Program, senders: readonly string[]): Promise<void> {
  await reader.stdout.count(LINES * senders.length);
  reader.signal("SIGTERM");
  await reader.ends(0);
  const { lines } = reader.stdout;
  assertEquals(lines.length, LINES * senders.length);
  for (const sender of senders) {
    const own = lines.filter((line) => line.startsWith(`${sender}: `));
    assertEquals(sha256(own), sha256(printed(sender)), `what ${sender} sent`);
  }
  assert(!/warning: Messages|other members/.test(reader.stderr.text), reader.stderr.text);
}

/** A host, and readers that know a sender before its first message. */
class Room implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly host: HostProgram;
  readonly readers: Program[] = [];

  private constructor(host: HostProgram) {
    this.host = this.#stack.use(host);
  }

  /** Opens a room. @param count How many read beside the host. */
  static async with(count: number): Promise<Room> {
    const room = new Room(await HostProgram.start(["--name", "hana"]));
    try {
      const names = Array.from({ length: count }, (_, i) => `reader${i}`);
      await Promise.all(names.map(async (name) => {
        room.readers.push(await room.join(["--name", name, "--listen"]));
      }));
      return room;
    } catch (error) {
      await room[Symbol.asyncDispose]();
      throw error;
    }
  }

  async join(args: readonly string[]): Promise<Program> {
    return this.#stack.use(await this.host.join(args));
  }

  /** A sender that pipes all its lines. */
  async pipe(): Promise<Program> {
    const sender = await this.join(["--name", "sender"]);
    sender.write(input("sender").map((line) => `${line}\n`).join(""))
      .then(() => sender.endInput())
      .catch(() => {}); // Its end tells.
    return sender;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

for (const count of [0, 3, 9]) {
  Deno.test(`20,000 piped lines reach the host and ${count} others once and in order`, async () => {
    await using room = await Room.with(count);
    const sender = await room.pipe();
    await sender.ends(0);
    for (const reader of [...room.readers, room.host]) await assertHeard(reader, ["sender"]);
  });
}

Deno.test("20,000 lines of each of two senders at once reach all others once and in order", async () => {
  await using room = await Room.with(1);
  const names = ["ann", "ben"];
  const senders = await Promise.all(names.map((name) => room.join(["--name", name])));
  await room.host.stderr.count(3, / joined /);
  await Promise.all(
    senders.map((sender, i) => sender.write(input(names[i]!).map((line) => `${line}\n`).join(""))),
  );
  for (const [i, sender] of senders.entries()) {
    await sender.stdout.count(LINES);
    assertEquals(sha256(sender.stdout.lines), sha256(printed(names[1 - i]!)));
  }
  await Promise.all(senders.map((sender) => sender.endInput()));
  for (const sender of senders) await sender.ends(0);
  for (const reader of [...room.readers, room.host]) await assertHeard(reader, names);
});

Deno.test("20,000 lines reach a member that stops reading for five seconds, and all others", async () => {
  await using room = await Room.with(3);
  const slow = room.readers[0]!;
  const sender = await room.pipe();
  await slow.stdout.count(1000);
  slow.stdout.pause();
  await delay(PAUSE_MS);
  assert(slow.stdout.lines.length < LINES);
  slow.stdout.resume();
  await sender.ends(0);
  for (const reader of [...room.readers, room.host]) await assertHeard(reader, ["sender"]);
});

Deno.test("20,000 lines reach all other members while one leaves in mid-burst", async () => {
  await using room = await Room.with(3);
  const [leaver, ...stayers] = room.readers;
  const sender = await room.pipe();
  await leaver!.stdout.count(5000);
  leaver!.signal("SIGINT");
  await leaver!.ends(0);
  await sender.ends(0);
  for (const reader of [...stayers, room.host]) await assertHeard(reader, ["sender"]);
  const { lines } = leaver!.stdout;
  assert(lines.length < LINES);
  assertEquals(sha256(lines), sha256(printed("sender").slice(0, lines.length)));
});

Deno.test("20,000 lines reach all other members while one is killed in mid-burst", async () => {
  await using room = await Room.with(3);
  const [victim, ...stayers] = room.readers;
  const sender = await room.pipe();
  await victim!.stdout.count(5000);
  victim!.signal("SIGKILL");
  await sender.ends(0);
  for (const reader of [...stayers, room.host]) await assertHeard(reader, ["sender"]);
});
