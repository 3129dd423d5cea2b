import { assert, assertEquals } from "@std/assert";
import { HostProgram, type Program } from "../support/program.ts";
import { missing, testUnless } from "../support/tools.ts";

/** Maximum memory of the host for all its members, in MiB. */
const MAX_MEMORY_MIB = 8;

/** Messages that together are a multiple of that. */
const MESSAGES = 3000;
const LENGTH = 8000;

/** Measures the peak memory of a process during an action, in MiB. */
async function peakMib(pid: number, during: () => Promise<void>): Promise<number> {
  await Deno.writeTextFile(`/proc/${pid}/clear_refs`, "5"); // Resets the peak.
  await during();
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)![1]) / 1024;
}

/** Sends many messages, and waits until a reader has all of them in order. */
async function talk(speaker: Program, listener: Program, round: number): Promise<void> {
  const start = `round ${round}: `;
  const texts = Array.from({ length: MESSAGES }, (_, i) => `${start}${i} `.padEnd(LENGTH, "."));
  await speaker.say(...texts);
  await listener.hears("ada", round * MESSAGES);
  const heard = listener.heard("ada").filter((text) => text.startsWith(start));
  assertEquals(heard.map((text) => text.length), texts.map((text) => text.length));
  assert(heard.every((text, i) => text === texts[i]), "something else was heard");
}

testUnless(
  missing(),
  "a host closes a member that reads nothing, and keeps its memory within the limit",
  async () => {
    const limits = ["--max-queue", "1", "--max-memory", `${MAX_MEMORY_MIB}`];
    await using host = await HostProgram.start(["--relay-only", ...limits]);
    await using ada = await host.join(["--name", "ada", "--json"]);
    await using carl = await host.join(["--name", "carl", "--listen", "--json"]);
    await using bob = await host.join(["--name", "bob", "--listen", "--json"]);
    for (const member of [ada, carl]) {
      await member.event("joined", ({ member }) => member.name === "bob");
    }
    // Traffic leaves garbage even with short queues: only growth beyond that counts.
    const calm = await peakMib(host.pid, () => talk(ada, carl, 1));
    bob.signal("SIGSTOP");
    const stopped = await peakMib(host.pid, () => talk(ada, carl, 2));
    for (const member of [ada, carl]) {
      const { reason } = await member.event("left", ({ member }) => member.name === "bob");
      assertEquals(reason, "too-slow");
    }
    assert(stopped - calm < MAX_MEMORY_MIB, `${stopped} MiB after ${calm}`);
    const bad = ["gap", "failed", "error", "disconnected"];
    for (const member of [ada, carl]) {
      assertEquals(member.events.filter(({ event }) => bad.includes(event)), []);
    }
  },
);
