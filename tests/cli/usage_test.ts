import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { parseCommandLine } from "../../lib/cli/args.ts";
import { type Subcommand, SUBCOMMANDS } from "../../lib/cli/options.ts";
import { usage } from "../../lib/cli/usage.ts";

const TOPICS = [undefined, ...SUBCOMMANDS];

/** The shortest command line of each command. */
const SHORTEST: Readonly<Record<Subcommand, readonly string[]>> = {
  serve: ["serve"],
  join: ["join", "ada.local"],
  send: ["send", "-", "ada.local"],
  scan: ["scan"],
  doctor: ["doctor"],
  id: ["id"],
  peers: ["peers"],
  log: ["log", "a.log"],
  config: ["config"],
  completions: ["completions", "bash"],
  help: ["help", "id"],
};

/** Values of the options that do not accept 7. */
const VALUES: Readonly<Record<string, string>> = {
  "--host": "::1",
  "--accept-from": "all",
  "--via": "nats://192.168.1.5",
  "--accept-host": "0".repeat(30),
  "--host-key": "0".repeat(30),
  "--name": "ada",
};

Deno.test("usage fits 80 columns, and without a command 24 lines", () => {
  assert(usage().split("\n").length <= 24);
  for (const topic of TOPICS) {
    const lines = usage(topic).split("\n");
    for (const line of lines) assert(line.length <= 80 && !line.endsWith(" "), line);
  }
});

Deno.test("usage lists the options of each command, and each option has an effect", () => {
  const counts = SUBCOMMANDS.map((topic) => {
    const options = [...usage(topic).matchAll(/^ {2}(?:-\w, )?(--[\w-]+)( [A-Z]+)? {2,}/gm)];
    for (const [, option, value] of options) {
      const values = value === undefined ? [] : [VALUES[option!] ?? "7"];
      const without = [...SHORTEST[topic], ...option!.startsWith("--log-") ? ["--log", "7"] : []];
      assertNotEquals(
        parseCommandLine([...without, option!, ...values]),
        parseCommandLine(without),
        option,
      );
    }
    return [topic, options.length];
  });
  assertEquals(Object.fromEntries(counts), {
    serve: 33,
    join: 25,
    scan: 5,
    send: 16,
    doctor: 7,
    id: 7,
    peers: 4,
    log: 1,
    config: 2,
    completions: 1,
    help: 1,
  });
});

Deno.test("usage gives examples that parse", () => {
  for (const topic of TOPICS) {
    const examples = [
      ...usage(topic).matchAll(/^(?: {2}|Examples:).*?(?<!\/)lanchat ([a-z]+(?: \S+)*)/gm),
    ]
      .map(([, line]) => line!);
    assert(examples.length >= 2, topic);
    for (const line of examples) {
      const [args] = line.replaceAll("'", "").split(/ (?:[|]|>+) /);
      const command = parseCommandLine(args!.split(" "));
      if (topic !== undefined) assertEquals(command.kind, topic);
    }
  }
});

Deno.test("usage shows the defaults that apply", () => {
  const serve = parseCommandLine(["serve"]);
  const join = parseCommandLine(["join", "ada.local"]);
  if (serve.kind !== "serve" || join.kind !== "join") throw new TypeError("no command");
  assertStringIncludes(usage("serve"), `(default ${serve.port})`);
  const defaults = usage("serve").matchAll(/--max-([\w-]+) \w+ .*\(default (\d+)/g);
  assertEquals(Object.fromEntries(defaults.map(([, limit, value]) => [limit, Number(value)])), {
    "members": serve.maxMembers,
    "handshakes": serve.maxHandshakes,
    "per-address": serve.maxHandshakes / 4,
    "waiting": serve.maxWaiting,
    "queue": serve.maxQueueBytes / 2 ** 20,
    "memory": serve.maxMemoryBytes / 2 ** 20,
    "rate": serve.maxRate / 2 ** 20,
  });
  const minutes = serve.keepSeatMs / 60_000;
  assertStringIncludes(usage("serve"), `of a disconnected member (default ${minutes})`);
  assertStringIncludes(usage("join"), `PORT is ${join.port}`);
  assertStringIncludes(usage("join"), `(default ${join.waitMs / 1000})`);
  assertStringIncludes(usage("join"), `(default ${join.timeoutMs / 1000})`);
});
