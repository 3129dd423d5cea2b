import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseCommandLine } from "../../lib/cli/args.ts";
import { usage, VERSION } from "../../lib/cli/usage.ts";

const TOPICS = [undefined, "serve", "join"] as const;

Deno.test("usage fits a terminal of 80 columns and 24 lines", () => {
  for (const topic of TOPICS) {
    const lines = usage(topic).split("\n");
    assert(lines.length <= 24, `${topic}: ${lines.length} lines`);
    for (const line of lines) assert(line.length <= 80 && !line.endsWith(" "), line);
  }
});

Deno.test("usage names every option of a command, and no other", () => {
  for (const topic of ["serve", "join"] as const) {
    const names = usage(topic).matchAll(/^ {2}(--[\w-]+)( [A-Z]+)? {2,}/gm);
    const words = topic === "serve" ? ["serve"] : ["join", "ada.local"];
    const values: Record<string, string> = {
      "--host": "::1",
      "--host-key": "0".repeat(30),
      "--name": "ada",
    };
    let count = 0;
    for (const [, option, value] of names) {
      const args = [...words, option!];
      if (value !== undefined) args.push(values[option!] ?? "7");
      parseCommandLine(args);
      count++;
    }
    assertEquals(count, topic === "serve" ? 16 : 13);
  }
});

Deno.test("usage gives examples that are right", () => {
  let count = 0;
  for (const topic of TOPICS) {
    for (const [, line] of usage(topic).matchAll(/^ .*?lanchat ((?:serve|join) .*)$/gm)) {
      if (line!.includes("[OPTIONS]")) continue;
      parseCommandLine(line!.replaceAll("'", "").split(" "));
      count++;
    }
  }
  assertEquals(count, 8);
});

Deno.test("usage tells the defaults that hold", () => {
  const serve = parseCommandLine(["serve"]);
  const join = parseCommandLine(["join", "ada.local"]);
  if (serve.kind !== "serve" || join.kind !== "join") throw new TypeError("no command");
  assertStringIncludes(usage("serve"), `(default ${serve.port})`);
  const defaults = usage("serve").matchAll(/--max-([\w-]+) \w+ .*\(default (\d+)/g);
  assertEquals(Object.fromEntries(defaults.map(([, limit, value]) => [limit, Number(value)])), {
    "members": serve.limits.maxMembers,
    "handshakes": serve.limits.maxHandshakes,
    "per-address": serve.limits.maxHandshakes / 4,
    "waiting": serve.limits.maxWaiting,
    "queue": serve.limits.maxQueueBytes / 2 ** 20,
    "memory": serve.limits.maxMemoryBytes / 2 ** 20,
    "rate": serve.limits.maxRate / 2 ** 20,
  });
  assertStringIncludes(usage("join"), `PORT ${join.port}`);
  assertStringIncludes(usage("join"), `(default ${join.waitSeconds})`);
  assertStringIncludes(usage("join"), `(default ${join.timeoutSeconds})`);
});

Deno.test("VERSION is a version", () => {
  assert(/^\d+\.\d+\.\d+$/.test(VERSION), VERSION);
});
