import { assertEquals, assertStringIncludes } from "@std/assert";
import { test } from "../support/test.ts";

const PATH = new URL("../../bench/room.ts", import.meta.url).pathname;

/** Runs `deno task bench:room`. */
async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", PATH, ...args],
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

for (const kind of ["--light", "--real"]) {
  test(`bench:room ${kind} delivers each message to all other members of each relay`, async () => {
    const args = ["--members", "4", "--speakers", "2", "--rate", "20", "--seconds", "0.5"];
    const { code, stderr, stdout } = await run(kind, ...args, "--json");
    assertEquals(code, 0, stderr);
    const { relays } = JSON.parse(stdout);
    for (const name of ["lanchat", "raw TCP, one write each", "raw TCP, coalesced"]) {
      const { delivered, sent } = relays[name];
      assertEquals(delivered, 3 * sent, name);
    }
  });
}

test("bench:room counts the ACKs of all members, though they come late in a larger room", async () => {
  const args = ["--members", "60", "--rate", "1", "--seconds", "0.5"];
  const { code, stderr, stdout } = await run(...args, "--json");
  assertEquals(code, 0, stderr);
  const { acks, sent } = JSON.parse(stdout).relays.lanchat;
  assertEquals({ acks, sent }, { acks: 1, sent: 1 });
});

test("bench:room refuses more speakers than members, and says how it is used", async () => {
  const { code, stderr } = await run("--members", "4", "--rate", "1", "--speakers", "4");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "--speakers K");
});
