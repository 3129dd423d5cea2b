import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseCommandLine } from "../../lib/cli/args.ts";
import type { JoinCommand } from "../../lib/cli/commands/join.ts";
import type { ServeCommand } from "../../lib/cli/commands/serve.ts";
import { ALL_OPTIONS, oppositeOf } from "../../lib/cli/options.ts";
import { type OptionsFile, parseOptionLines } from "../../lib/cli/options_file.ts";
import { type Code, LanchatError, StoreError, UsageError } from "../../lib/errors.ts";
import { test } from "../support/test.ts";

const FILE = "/home/ada/.config/lanchat/options";

function file(text: string): OptionsFile {
  return { file: FILE, state: "read", lines: () => parseOptionLines(text, FILE) };
}

function join(text: string, ...args: readonly string[]): JoinCommand {
  return parseCommandLine(["join", "192.168.1.5", ...args], file(text)) as JoinCommand;
}

function serve(text: string, ...args: readonly string[]): ServeCommand {
  return parseCommandLine(["serve", ...args], file(text)) as ServeCommand;
}

function fails(read: () => unknown, code: Code, message: string, line?: number): void {
  const error = assertThrows(read, LanchatError);
  const at = line === undefined ? "" : `"${FILE}", line ${line}: `;
  assertEquals([error.code, error.message], [code, at + message]);
  assert(error.hint !== "", message);
}

test("parseOptionLines reads an option in each line, and no comments", () => {
  const text = "\ufeff# mine\r\n--name ada lovelace\r\n\n  --room=movie # night  \n--quiet\n" +
    "  # --plain\n--log\t/tmp/a=b\n--allow= x\n";
  assertEquals(parseOptionLines(new TextDecoder().decode(new TextEncoder().encode(text)), FILE), [
    { name: "--name", text: "ada lovelace", number: 2 },
    { name: "--room", text: "movie # night", number: 4 },
    { name: "--quiet", text: "", number: 5 },
    { name: "--log", text: "/tmp/a=b", number: 7 },
    { name: "--allow", text: "x", number: 8 },
  ]);
  assertEquals(parseOptionLines("", FILE), []);
});

test("parseOptionLines names the file and the line that it cannot use", () => {
  const bad = (text: string, code: Code, message: string): void =>
    fails(() => parseOptionLines(`# one\n\n${text}\n--plain\n`, FILE), code, message, 3);
  bad("--nmae ada", "unknown-option", 'lanchat has no option "--nmae"');
  bad("name ada", "unknown-option", 'lanchat has no option "name"');
  bad("join", "unknown-option", 'lanchat has no option "join"');
  bad("--no-quiet", "unknown-option", 'lanchat has no option "--no-quiet"');
  bad("--\x1b[2J", "unknown-option", 'lanchat has no option "--\\u001b[2J"');
  for (const name of ["--help", "--version", "--no-config", "--yes", "--new-room", "--to"]) {
    bad(name, "unknown-option", `${name} is only for the command line`);
  }
  bad("--quiet yes", "surplus-argument", "--quiet takes no value");
  bad("--name", "missing-value", "--name needs a value");
  bad("--name=", "missing-value", "--name needs a value");
  const twice = "--name ada\n--name bob";
  fails(() => parseOptionLines(twice, FILE), "repeated-option", "--name is there twice", 2);
});

test("parseOptionLines reads any text, or says in one safe line why it does not", () => {
  const part = fc.constantFrom("--name", "--quiet", "--", "=", " ", "#", "\n", "\r", "\x1b", "ada");
  fc.assert(fc.property(fc.array(fc.oneof(part, fc.string())), (parts) => {
    try {
      for (const { number, text } of parseOptionLines(parts.join(""), FILE)) {
        assert(number >= 1 && !text.includes("\n"));
      }
    } catch (error) {
      assert(error instanceof UsageError && !/[\p{Cc}\p{Cf}]/u.test(error.message), `${error}`);
    }
  }));
});

test("parseCommandLine takes the options of the file, and those of other commands for these", () => {
  const text = "--name ada\n--wait 9\n--port 4000\n--no-notify\n";
  const { name, notify, port, waitMs } = join(text);
  assertEquals([name, waitMs, notify, port], ["ada", 9000, false, 12_345]);
  const host = serve(text);
  assertEquals([host.name, host.port, host.notify], ["ada", 4000, false]);
  assertEquals(parseCommandLine(["log", "a"], file(text)), { kind: "log", file: "a" });
});

test("parseCommandLine prefers the command line to the file", () => {
  const text = "--name ada\n--log a.log\n--log-max 2\n--plain\n--no-reconnect\n";
  assertEquals(join(text, "--name", "bob").name, "bob");
  const { log, maxLogBytes } = join(text, "--log=b.log");
  assertEquals([log, maxLogBytes], ["b.log", 2 << 20]);
  // A line that the command line excludes, or that lacks what it needs, does not count.
  assertEquals(serve(text, "--relay-only").name, undefined);
  const { json, plain } = join(text, "--json");
  assertEquals([json, plain], [true, false]);
  assertEquals(join("--json\n", "--plain").json, false);
  assertEquals(join("--log-max 2\n").maxLogBytes, 64 << 20);
  const undone = join(text, "--no-plain", "--no-log", "--reconnect", "--no-name");
  assertEquals(
    [undone.plain, undone.log, undone.maxLogBytes, undone.reconnect, undone.name],
    [false, undefined, 64 << 20, true, undefined],
  );
  assertEquals(join(text, "--no-config"), join(""));
});

test("parseCommandLine undoes options that no file gives, and none that are given too", () => {
  assertEquals(join("", "--no-quiet", "--notify"), join(""));
  assertEquals(serve("", "--announce", "--no-port"), serve(""));
  fails(
    () => join("", "--quiet", "--no-quiet"),
    "surplus-argument",
    "Cannot use --quiet with --no-quiet",
  );
  for (const args of [["--no-quiet=1"], ["--no-to"], ["--announce"], ["--no-help"]]) {
    const [name] = args[0]!.split("=");
    fails(() => join("", ...args), "unknown-option", `lanchat join has no option "${name}"`);
  }
  // It is no value of another option.
  fails(
    () => join("", "--name", "--no-quiet"),
    "missing-value",
    "Cannot use --name without a value",
  );
});

test("oppositeOf never is the name of an option of the command line", () => {
  const names = ALL_OPTIONS.map(({ name }) => name);
  for (const option of ALL_OPTIONS.filter(({ commandLineOnly }) => !commandLineOnly)) {
    assert(!names.includes(oppositeOf(option)), option.name);
  }
});

test("parseCommandLine names the file and the line of a value that it cannot use", () => {
  fails(() => join("\n--wait x\n"), "bad-number", 'Cannot use --wait "x"', 2);
  fails(
    () => join("--json\n--plain\n"),
    "surplus-argument",
    "Cannot use --plain with --json",
    2,
  );
  assertEquals(serve("--wait x\n").port, 12_345);
  fails(() => join("--nmae ada\n"), "unknown-option", 'lanchat has no option "--nmae"', 1);
});

test("parseCommandLine needs no file for help, and for commands without options", () => {
  const broken: OptionsFile = {
    state: "not-allowed",
    lines: () => {
      throw new StoreError("options-unreadable", "Cannot use the options");
    },
  };
  for (const line of ["serve --help", "--version", "help join", "log a", "join a --no-config"]) {
    parseCommandLine(line.split(" "), broken);
  }
  for (const line of ["serve", "join a", "id", "config", "config join"]) {
    assertThrows(() => parseCommandLine(line.split(" "), broken), StoreError);
  }
});

test("parseCommandLine reads config, and checks all lines for it", () => {
  const of = (text: string, ...args: readonly string[]): unknown => {
    const command = parseCommandLine(["config", ...args], file(text));
    if (command.kind !== "config") throw new TypeError(command.kind);
    const { file: { state }, given, json, topic } = command;
    return { state, json, topic, given: given && Object.fromEntries(given) };
  };
  const none = { state: "read", json: false, topic: undefined, given: undefined };
  assertEquals(of("--name ada\n"), none);
  assertEquals(of("--name ada\n", "--json"), { ...none, json: true });
  assertEquals(of("--name ada\n", "--no-config"), { ...none, state: "ignored" });
  assertEquals(of("--name ada\n--plain\n", "join", "--wait", "9", "--no-plain", "--json"), {
    state: "read",
    json: true,
    topic: "join",
    given: { "--name": { text: "ada", line: 1 }, "--wait": { text: "9" } },
  });
  fails(() => of("--port x\n"), "bad-port", 'Cannot use port "x"', 1);
  for (const args of [["join", "host"], ["jion"], ["serve", "--wait", "9"], ["--wait", "9"]]) {
    assertThrows(() => of("", ...args), UsageError);
  }
});
