import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseCommandLine, wantsJson } from "../../lib/cli/args.ts";
import type { JoinCommand } from "../../lib/cli/commands/join.ts";
import type { SendCommand } from "../../lib/cli/commands/send.ts";
import type { ServeCommand } from "../../lib/cli/commands/serve.ts";
import type { Subcommand } from "../../lib/cli/options.ts";
import type { Command } from "../../lib/cli/registry.ts";
import { type Code, CODES, UsageError } from "../../lib/errors.ts";
import type { Limits } from "../../lib/relay/mod.ts";

const LIMITS: Limits = {
  maxMembers: 1024,
  maxHandshakes: 32,
  maxPerAddress: undefined,
  maxWaiting: 64,
  maxQueueBytes: 4 * 1024 ** 2,
  maxMemoryBytes: 64 * 1024 ** 2,
  maxRate: 64 * 1024 ** 2,
  keepSeatMs: 600_000,
};

const SERVE: ServeCommand = {
  kind: "serve",
  port: 12_345,
  host: undefined,
  room: undefined,
  announce: true,
  via: undefined,
  viaCreds: undefined,
  name: undefined,
  identity: undefined,
  profile: undefined,
  ...LIMITS,
  invite: false,
  newRoom: false,
  allow: undefined,
  relayOnly: false,
  json: false,
  plain: false,
  quiet: false,
  notify: true,
  title: true,
  acceptFrom: undefined,
  downloadDir: undefined,
  maxFileBytes: undefined,
  log: undefined,
  logEncrypted: false,
  maxLogBytes: 64 << 20,
};

const JOIN: JoinCommand = {
  kind: "join",
  host: "192.168.1.5",
  port: 12_345,
  name: undefined,
  identity: undefined,
  profile: undefined,
  hostKey: undefined,
  viaCreds: undefined,
  acceptHost: undefined,
  waitMs: 0,
  timeoutMs: 30_000,
  to: undefined,
  untilDelivered: false,
  reconnect: true,
  giveUpMs: undefined,
  listen: false,
  json: false,
  plain: false,
  quiet: false,
  notify: true,
  title: true,
  acceptFrom: undefined,
  downloadDir: undefined,
  maxFileBytes: undefined,
  log: undefined,
  logEncrypted: false,
  maxLogBytes: 64 << 20,
};

const LIMIT_OPTIONS = [
  "--max-members",
  "--max-handshakes",
  "--max-per-address",
  "--max-waiting",
  "--max-queue",
  "--max-memory",
  "--max-rate",
  "--keep-seat",
] as const;

const DIGITS = "012345678901234567890123456789";

/** Splits a line at its spaces. */
function words(line: string): string[] {
  return line === "" ? [] : line.split(" ");
}

function fails(args: string[], code: Code): UsageError {
  const error = assertThrows(() => parseCommandLine(args), UsageError, undefined, args.join(" "));
  assertEquals(error.code, code, `${args.join(" ")}: ${error.message}`);
  assertEquals(error.exitStatus, 2);
  assert(error.hint !== "", error.message);
  return error;
}

Deno.test("parseCommandLine gives missing options their defaults", () => {
  assertEquals(parseCommandLine(["serve"]), SERVE);
  assertEquals(parseCommandLine(["join", "192.168.1.5"]), JOIN);
});

Deno.test("parseCommandLine reads every option, in any order and in both forms", () => {
  const serve: Command = {
    ...SERVE,
    port: 0,
    host: "fe80::1%eth0",
    name: "ada",
    identity: "me.json",
    maxMembers: 2,
    maxHandshakes: 3,
    maxPerAddress: 4,
    maxWaiting: 5,
    maxQueueBytes: 6 * 1024 ** 2,
    maxMemoryBytes: 7 * 1024 ** 2,
    maxRate: 8 * 1024 ** 2,
    keepSeatMs: 0,
    json: true,
  };
  const limits = "--max-members 2 --max-handshakes 3 --max-per-address 4 --max-waiting 5 " +
    "--max-queue 6 --max-memory 7 --max-rate 8 --keep-seat 0";
  const spaced = `--port 0 --host fe80::1%eth0 --name ada --identity me.json ${limits} --json`;
  const joined = spaced.replaceAll(/ (?!--)/g, "=");
  for (const options of [spaced, joined]) {
    assertEquals(parseCommandLine(words(`serve ${options}`)), serve);
    assertEquals(parseCommandLine(words(`${options} serve`)), serve);
  }
  assertEquals(parseCommandLine(words("serve --relay-only")), { ...SERVE, relayOnly: true });
  assertEquals(parseCommandLine(words("serve --via tls://a:b@c,d --via-creds e")), {
    ...SERVE,
    via: "tls://a:b@c,d",
    viaCreds: "e",
  });
  assertEquals(parseCommandLine(words("serve --invite --new-room --allow people")), {
    ...SERVE,
    invite: true,
    newRoom: true,
    allow: "people",
  });

  const join: Command = {
    ...JOIN,
    host: "fd00::2",
    port: 80,
    name: "=bob=",
    identity: "a=b",
    hostKey: DIGITS,
    acceptHost: DIGITS,
    waitMs: 1000,
    timeoutMs: 0,
    untilDelivered: true,
    giveUpMs: 5000,
    listen: true,
    json: true,
  };
  const options = `--name==bob= --identity=a=b --host-key ${DIGITS} --wait 1 --timeout 0 ` +
    `--accept-host ${DIGITS} --until-delivered --give-up-after 5 --listen --json`;
  assertEquals(parseCommandLine(words(`join [fd00::2]:80 ${options}`)), join);
  assertEquals(parseCommandLine(words(`${options} join [fd00::2]:80`)), join);
});

Deno.test("parseCommandLine reads --plain, --no-notify, --no-title and --log", () => {
  for (const [line, command] of [["serve", SERVE], ["join 192.168.1.5", JOIN]] as const) {
    assertEquals(parseCommandLine(words(`${line} --plain`)), { ...command, plain: true });
    assertEquals(parseCommandLine(words(`--no-notify ${line}`)), { ...command, notify: false });
    assertEquals(parseCommandLine(words(`${line} --no-title`)), { ...command, title: false });
    assertEquals(parseCommandLine(words(`${line} --log a.log`)), { ...command, log: "a.log" });
    assertEquals(parseCommandLine(words(`${line} --log-encrypted --log=a.log`)), {
      ...command,
      log: "a.log",
      logEncrypted: true,
    });
    fails(words(`${line} --log-encrypted`), "missing-value");
    assertEquals(parseCommandLine(words(`${line} --log a.log --log-max 2`)), {
      ...command,
      log: "a.log",
      maxLogBytes: 2 << 20,
    });
    fails(words(`${line} --log-max 2`), "missing-value");
    for (const bad of ["0", "x", "1.5", "4097"]) {
      fails(words(`${line} --log a.log --log-max ${bad}`), "bad-number");
    }
    const error = fails(words(`${line} --plain --json`), "surplus-argument");
    assertStringIncludes(error.message, "--plain with --json");
  }
});

Deno.test("parseCommandLine reads --quiet and --to, which programs that read JSON do not need", () => {
  assertEquals(parseCommandLine(words("serve --quiet")), { ...SERVE, quiet: true });
  const to = "Łódź#abcdefgh";
  assertEquals(parseCommandLine(["join", "192.168.1.5", "--quiet", "--to", to.normalize("NFD")]), {
    ...JOIN,
    quiet: true,
    to,
  });
  for (const line of ["serve --quiet --json", "join a --quiet --json", "join a --to bob --json"]) {
    fails(words(line), "surplus-argument");
  }
  fails(words("join a --listen --to bob"), "surplus-argument");
  fails(words("join a --to="), "missing-value");
});

Deno.test("parseCommandLine reads --room and --no-announce, and join without a host", () => {
  assertEquals(parseCommandLine(words("serve --no-announce")), { ...SERVE, announce: false });
  assertEquals(parseCommandLine(["serve", "--room", "movie night"]), {
    ...SERVE,
    room: "movie night",
  });
  assertStringIncludes(fails(["serve", "--room", "a:b"], "bad-name").message, "--room");
  fails(words("serve --no-announce --room x"), "surplus-argument");
  const { host: _, ...anywhere } = JOIN as JoinCommand;
  assertEquals(parseCommandLine(["join"]), anywhere);
});

Deno.test("parseCommandLine reads scan", () => {
  const whose = { identity: undefined, profile: undefined };
  const scan: Command = { kind: "scan", timeoutMs: 3000, ...whose, json: false };
  assertEquals(parseCommandLine(["scan"]), scan);
  assertEquals(parseCommandLine(words("scan --timeout 10 --identity a.json --json")), {
    ...scan,
    timeoutMs: 10_000,
    identity: "a.json",
    json: true,
  });
  fails(words("scan --timeout 0"), "bad-number");
  assertStringIncludes(fails(words("scan 192.168.1.5"), "surplus-argument").hint, "lanchat doctor");
});

Deno.test("parseCommandLine gives hints about ports after a space and addresses without a scope", () => {
  assertStringIncludes(fails(words("join 192.168.1.5 80"), "surplus-argument").hint, ":12345");
  for (const line of ["join fe80::1", "doctor fe80::1", "serve --host fe80::1"]) {
    assertStringIncludes(fails(words(line), "bad-address").hint, "fe80::1%eth0");
  }
});

Deno.test("parseCommandLine reads doctor", () => {
  const whose = { identity: undefined, profile: undefined };
  assertEquals(parseCommandLine(["doctor"]), {
    kind: "doctor",
    target: undefined,
    port: 12_345,
    timeoutMs: 3000,
    viaCreds: undefined,
    ...whose,
    json: false,
  });
  assertEquals(parseCommandLine(words("doctor [::1]:80 --port 0 --timeout 9 --json")), {
    kind: "doctor",
    target: { host: "::1", port: 80 },
    port: 0,
    timeoutMs: 9000,
    viaCreds: undefined,
    ...whose,
    json: true,
  });
  fails(words("doctor a b"), "surplus-argument");
  fails(words("doctor --timeout 0"), "bad-number");
  fails(words("doctor --port 65536"), "bad-port");
  fails(words("doctor --name ada"), "unknown-option");
});

Deno.test("parseCommandLine reads log", () => {
  assertEquals(parseCommandLine(words("log a.log")), { kind: "log", file: "a.log" });
  assertEquals(parseCommandLine(words("log -- -a.log")), { kind: "log", file: "-a.log" });
  assertStringIncludes(fails(["log"], "missing-value").hint, "lanchat log friday.log");
  fails(words("log a b"), "surplus-argument");
  fails(words("log a --json"), "unknown-option");
});

Deno.test("parseCommandLine reads completions", () => {
  for (const shell of ["bash", "zsh", "fish", "powershell"] as const) {
    assertEquals(parseCommandLine(["completions", shell]), { kind: "completions", shell });
  }
  fails(words("completions"), "missing-value");
  for (const word of ["tcsh", "Bash", "", "constructor"]) {
    fails(["completions", word], "unknown-shell");
  }
  fails(words("completions bash zsh"), "surplus-argument");
  fails(words("completions bash --name x"), "unknown-option");
});

Deno.test("parseCommandLine reads true and false after a flag as operands", () => {
  for (const host of ["true", "false"]) {
    assertEquals(parseCommandLine(["join", "--listen", host]), { ...JOIN, host, listen: true });
    const { host: read, notify, plain } = parseCommandLine(
      ["join", "--plain", host, "--no-notify"],
    ) as JoinCommand;
    assertEquals([read, notify, plain], [host, false, true]);
    fails(["serve", "--json", host], "surplus-argument");
    fails(["serve", `--json=${host}`], "surplus-argument");
    assertEquals(parseCommandLine(["serve", "--allow", host]), { ...SERVE, allow: host });
    assertEquals(fails(["-h", host], "unknown-subcommand").message.includes(host), true);
  }
});

Deno.test("parseCommandLine reads values that look like numbers or options as text", () => {
  assertEquals(parseCommandLine(words("log 1e3")), { kind: "log", file: "1e3" });
  assertEquals(parseCommandLine(words("serve --allow 007")), { ...SERVE, allow: "007" });
  assertEquals(parseCommandLine(words("serve --allow=--json")), { ...SERVE, allow: "--json" });
  fails(words("serve --allow -"), "missing-value");
  fails(words("join a --wait -5"), "missing-value");
  const key = `-${"k-_".repeat(14)}`;
  assertEquals(parseCommandLine(["join", "192.168.1.5", "--to", key]), { ...JOIN, to: key });
  fails(["join", "192.168.1.5", "--to", "--", key], "missing-value");
  fails(["join", "192.168.1.5", "--plain", key], "unknown-option");
});

Deno.test("parseCommandLine reads all arguments after -- as operands", () => {
  assertEquals(parseCommandLine(words("join -- 192.168.1.5")), JOIN);
  assertEquals(parseCommandLine(words("-- join 192.168.1.5")), JOIN);
  fails(words("join -- --listen"), "bad-address");
  fails(words("join 192.168.1.5 -- --json"), "surplus-argument");
});

Deno.test("parseCommandLine accepts the smallest and the largest numbers", () => {
  const limits: [string, Partial<Command>][] = [
    ["serve --port 65535", { port: 65_535 }],
    ["serve --max-members 1338", { maxMembers: 1338 }],
    ["serve --max-members 2", { maxMembers: 2 }],
    ["serve --max-handshakes 1", { maxHandshakes: 1 }],
    ["serve --max-per-address 1024", { maxPerAddress: 1024 }],
    ["serve --max-waiting 1", { maxWaiting: 1 }],
    ["serve --max-queue 1", { maxQueueBytes: 1024 ** 2 }],
    ["serve --max-memory 4096", { maxMemoryBytes: 1024 ** 3 * 4 }],
    ["serve --max-rate 1", { maxRate: 1024 ** 2 }],
    ["join 192.168.1.5 --wait 2147483", { waitMs: 2_147_483_000 }],
    ["join 192.168.1.5 --timeout 2147483", { timeoutMs: 2_147_483_000 }],
  ];
  for (const [line, expected] of limits) {
    const base = line.startsWith("serve") ? SERVE : JOIN;
    assertEquals(parseCommandLine(words(line)), { ...base, ...expected } as Command);
  }
});

Deno.test("parseCommandLine ignores spaces and dashes in a fingerprint", () => {
  for (
    const text of ["01234 56789 01234 56789 01234 56789", "012345-678901-234567-890123-456789"]
  ) {
    const command = parseCommandLine(["join", "192.168.1.5", "--host-key", text]);
    assertEquals(command, { ...JOIN, hostKey: DIGITS });
  }
});

Deno.test("parseCommandLine reads help, --help and --version, and their short forms", () => {
  const help = (topic?: Subcommand): Command => ({ kind: "help", topic });
  assertEquals(parseCommandLine([]).kind, "start");
  assertEquals(parseCommandLine(words("--no-config")).kind, "start");
  assertEquals(parseCommandLine(words("--help")), help());
  assertEquals(parseCommandLine(words("--json --help")), help());
  assertEquals(parseCommandLine(words("serve --help")), help("serve"));
  assertEquals(parseCommandLine(words("--help join --json")), help("join"));
  // Help works with arguments that are wrong.
  assertEquals(parseCommandLine(words("join a b --wait x --help")), help("join"));
  assertEquals(parseCommandLine(words("-h")), help());
  assertEquals(parseCommandLine(words("join -h")), help("join"));
  assertEquals(parseCommandLine(words("help")), help());
  assertEquals(parseCommandLine(words("help join")), help("join"));
  assertEquals(parseCommandLine(words("help --help")), help("help"));
  assertEquals(fails(words("help jion"), "unknown-subcommand").hint, "Did you mean join?");
  fails(words("help join serve"), "surplus-argument");
  fails(words("help --json"), "unknown-option");
  assertEquals(parseCommandLine(words("-V")), { kind: "version" });
  assertEquals(parseCommandLine(words("--version")), { kind: "version" });
  assertEquals(parseCommandLine(words("serve --version --json")), { kind: "version" });
});

Deno.test("parseCommandLine does not confuse an option named _ with the operands", () => {
  for (const option of ["-_", "--_", "--_=1", "--no-_", "-a_b", "--_.x"]) {
    for (const line of [[option], [option, "serve"], ["join", option, "host"]]) {
      fails(line, "unknown-option");
    }
  }
  assertEquals(parseCommandLine(["join", "a_b", "--name", "c_d"]), {
    ...JOIN,
    host: "a_b",
    name: "c_d",
  });
});

Deno.test("parseCommandLine reads the actions of id", () => {
  const id = {
    kind: "id",
    action: "show",
    file: undefined,
    passphrase: false,
    noPassphrase: false,
    identity: undefined,
    profile: undefined,
    yes: false,
    json: false,
  } as const;
  const lines: [string, Partial<Command>][] = [
    ["id", {}],
    ["id --passphrase --identity a", { passphrase: true, identity: "a" }],
    ["id --no-passphrase --profile work", { noPassphrase: true, profile: "work" }],
    ["id new --yes", { action: "new", yes: true }],
    ["id --yes new --json", { action: "new", yes: true, json: true }],
    ["id export a.json", { action: "export", file: "a.json" }],
    ["id import a.json", { action: "import", file: "a.json" }],
  ];
  for (const [line, expected] of lines) {
    const command = { ...id, ...expected } as Command;
    assertEquals(parseCommandLine(words(line)), command, line);
  }
  for (const line of ["id export", "id import --yes"]) fails(words(line), "missing-value");
  for (
    const line of [
      "id new a",
      "id export a b",
      "id new --passphrase",
      "id export a --no-passphrase",
      "id --passphrase --no-passphrase",
    ]
  ) fails(words(line), "surplus-argument");
  assertEquals(fails(words("id exprot a"), "unknown-subcommand").hint, "Did you mean export?");
  assertStringIncludes(fails(words("id a.json"), "unknown-subcommand").hint, "lanchat id --help");
});

Deno.test("parseCommandLine reads the actions of peers", () => {
  const peers = { kind: "peers", identity: undefined, profile: undefined, json: false } as const;
  const lines: [string, Partial<Command>][] = [
    ["peers", { action: "list" }],
    ["peers --json --identity a", { action: "list", json: true, identity: "a" }],
    ["peers forget bob", { action: "forget", who: "bob" }],
    ["peers export", { action: "export" }],
    ["peers export a --profile work", { action: "export", file: "a", profile: "work" }],
    ["peers import a", { action: "import", file: "a" }],
  ];
  for (const [line, expected] of lines) {
    const command = { ...peers, who: undefined, file: undefined, ...expected } as Command;
    assertEquals(parseCommandLine(words(line)), command, line);
  }
  for (const line of ["peers forget", "peers import"]) fails(words(line), "missing-value");
  for (const line of ["peers forget a b", "peers export a b", "peers import a b"]) {
    fails(words(line), "surplus-argument");
  }
  fails(words("peers bob"), "unknown-subcommand");
});

Deno.test("parseCommandLine refuses a profile that is not portable, or together with --identity", () => {
  for (const name of ["..", "a/b", "A", "-a", "_a", "a.b", "a b", "x".repeat(33), "\u00e4"]) {
    for (const command of ["serve", "join a", "id", "peers"]) {
      fails([...words(command), `--profile=${name}`], "bad-name");
    }
  }
  for (const command of ["serve", "join a", "id", "peers"]) {
    fails(words(`${command} --profile a --identity b`), "surplus-argument");
    const { profile } = parseCommandLine(words(`${command} --profile 0-_${"x".repeat(29)}`)) as {
      profile?: string;
    };
    assertEquals(profile, `0-_${"x".repeat(29)}`);
  }
});

Deno.test("parseCommandLine refuses a missing or unknown subcommand", () => {
  assertStringIncludes(fails(["--json"], "unknown-subcommand").hint, "lanchat join ADDRESS");
  fails(["--"], "unknown-subcommand");
  const suggestions: [string, string][] = [
    ["sreve", "serve"],
    ["server", "serve"],
    ["JOIN", "join"],
    ["jion", "join"],
  ];
  for (const [word, meant] of suggestions) {
    assertEquals(fails([word], "unknown-subcommand").hint, `Did you mean ${meant}?`);
  }
  for (const word of ["", "host", "192.168.1.5", "-", "constructor", "__proto__"]) {
    const error = fails([word, "--port", "1"], "unknown-subcommand");
    assertEquals(error.hint, CODES["unknown-subcommand"].hint);
  }
});

Deno.test("parseCommandLine refuses an unknown option", () => {
  const suggestions: [string, string][] = [
    ["serve --prot 5", "--port"],
    ["--prot 5 serve", "--port"],
    ["serve -port", "--port"],
    ["serve --PORT=5", "--port"],
    ["serve --max-member 5", "--max-members"],
    ["join 192.168.1.5 --host-keys 1", "--host-key"],
    ["join 192.168.1.5 --jsno", "--json"],
    ["join a --lisen", "--listen"],
    ["serve --name.x=5", "--name"],
    ["serve --max_members 5", "--max-members"],
  ];
  for (const [line, meant] of suggestions) {
    assertEquals(fails(words(line), "unknown-option").hint, `Did you mean ${meant}?`);
  }
  const lines = [
    "serve -p 5",
    "serve -x",
    "serve -hx",
    "serve ---",
    "join a --no-name=ada",
    "join a --no-json=1",
    "join a -5",
    "serve --=5",
    "serve --constructor",
    "serve --__proto__=5",
    "log a --no-json",
    "join a --announce",
    "serve --listen",
    "serve --wait 5",
    "join 192.168.1.5 --relay-only",
    "join 192.168.1.5 --max-members 5",
  ];
  for (const line of lines) {
    assertEquals(fails(words(line), "unknown-option").hint, CODES["unknown-option"].hint);
  }
  // An unknown option is found before help and before operands.
  fails(words("serve --help --frobnicate"), "unknown-option");
  fails(words("sreve --frobnicate"), "unknown-option");
});

Deno.test("parseCommandLine refuses a repeated option", () => {
  const lines = [
    "serve --port 1 --port 1",
    "serve --port=1 --port 2",
    "serve --json --json",
    "join 192.168.1.5 --listen --name a --listen",
    "--help --help",
  ];
  for (const line of lines) fails(words(line), "repeated-option");
});

Deno.test("parseCommandLine refuses a missing or empty value", () => {
  const serve = [
    "--port",
    "--name",
    "--host",
    "--identity",
    "--profile",
    "--allow",
    ...LIMIT_OPTIONS,
  ];
  const join = ["--name", "--identity", "--host-key", "--accept-host", "--wait", "--timeout"];
  for (const [base, options] of [[["serve"], serve], [["join", "a"], join]] as const) {
    for (const option of options) {
      fails([...base, option], "missing-value");
      fails([...base, option, ""], "missing-value");
      fails([...base, `${option}=`], "missing-value");
      fails([...base, option, "--json"], "missing-value");
      fails([...base, option, "-1"], "missing-value");
      fails([...base, option, "--", "1"], "missing-value");
    }
  }
});

Deno.test("parseCommandLine refuses a value of a flag", () => {
  const lines = [
    "serve --json=no",
    "serve --json=",
    "serve --relay-only=true",
    "join a --listen=1",
    "--help=serve",
    "-h=serve",
    "--version=1",
  ];
  for (const line of lines) {
    assertStringIncludes(fails(words(line), "surplus-argument").hint, "without a value");
  }
});

Deno.test("parseCommandLine refuses a surplus operand", () => {
  fails(words("serve 8080"), "surplus-argument");
  fails(words("serve --relay-only serve"), "surplus-argument");
  fails(words("join 192.168.1.5 12345"), "surplus-argument");
  fails(["join", "192.168.1.5", ""], "surplus-argument");
  fails(words("join 192.168.1.5 --host-key 01234 56789"), "surplus-argument");
});

Deno.test("parseCommandLine refuses --name together with --relay-only", () => {
  const error = fails(words("serve --relay-only --name ada"), "surplus-argument");
  assertStringIncludes(error.hint, "has no name");
});

Deno.test("parseCommandLine refuses a bad port", () => {
  for (const port of ["65536", "1.5", "1e3", "0x50", "+1", "port", "1 ", "123456", "NaN"]) {
    fails(["serve", "--port", port], "bad-port");
    fails(["join", `192.168.1.5:${port}`], "bad-port");
  }
  fails(words("join 192.168.1.5:0"), "bad-port");
});

Deno.test("parseCommandLine refuses a bad number", () => {
  for (const number of ["1.5", "1e3", "0x5", "+1", "five", " 5", "9".repeat(30), "Infinity"]) {
    for (const option of LIMIT_OPTIONS) fails(["serve", option, number], "bad-number");
    fails(["join", "a", "--wait", number], "bad-number");
    fails(["join", "a", "--timeout", number], "bad-number");
  }
  assertStringIncludes(fails(words("serve --max-members 1"), "bad-number").hint, "from 2 to 1338");
  fails(words("serve --max-members 1339"), "bad-number");
  for (const option of ["--max-handshakes", "--max-per-address", "--max-waiting"]) {
    assertStringIncludes(fails(["serve", option, "0"], "bad-number").hint, "from 1 to 1024");
    fails(["serve", option, "1025"], "bad-number");
  }
  for (const option of ["--max-queue", "--max-memory", "--max-rate"]) {
    assertStringIncludes(fails(["serve", option, "0"], "bad-number").hint, "from 1 to 4096");
    fails(["serve", option, "4097"], "bad-number");
  }
  assertStringIncludes(fails(words("serve --keep-seat 61"), "bad-number").hint, "from 0 to 60");
  fails(words("join a --wait 2147484"), "bad-number");
});

Deno.test("parseCommandLine distinguishes a link from an address and requires neither", () => {
  const { host: _, ...nowhere } = JOIN;
  for (const link of ["-", "lanchat://ada:1/#A", "<lanchat://ada:1/#A>", "LANCHAT:"]) {
    assertEquals(parseCommandLine(["join", link]), { ...nowhere, link });
  }
  assertEquals(parseCommandLine(["join", "nats://a/b#A"]), { ...nowhere, link: "nats://a/b#A" });
  assertEquals(parseCommandLine(["join", "nats://a,b:5/abcdefghijklmnop"]), {
    ...JOIN,
    host: "nats://a:4222,b:5/abcdefghijklmnop",
    port: 0,
  });
  fails(["join", "nats://a"], "bad-address");
  fails(["serve", "--via", "10.0.0.5"], "bad-address");
  fails(["serve", "--via", "nats://a/abcdefghijklmnop"], "bad-address");
  assertEquals(parseCommandLine(["join"]), nowhere);
});

Deno.test("parseCommandLine normalizes names", () => {
  const args = (name: string): string[] => ["serve", "--name", name, "--room", name];
  assertEquals(parseCommandLine(args("Łódź".normalize("NFD"))), parseCommandLine(args("Łódź")));
});

Deno.test("parseCommandLine refuses a bad name", () => {
  for (const name of ["a:b", "a#b", "a\\b", " a", "a\u202eb", "\u001b[2J", "x".repeat(49)]) {
    fails(["serve", "--name", name], "bad-name");
    fails(["join", "192.168.1.5", `--name=${name}`], "bad-name");
  }
});

Deno.test("parseCommandLine refuses a bad address", () => {
  for (const host of ["localhost", "[::1]", "192.168.1.5:80", "192.168.1.256"]) {
    fails(["serve", "--host", host], "bad-address");
  }
  for (const host of ["192.168.1.256", "a b", "http://[::1]"]) {
    fails(["join", host], "bad-address");
  }
  const error = fails(words("join fe80::1%eth0:12345"), "bad-address");
  assertEquals(error.hint, "Did you mean [fe80::1%eth0]:12345?");
});

Deno.test("parseCommandLine refuses a bad fingerprint", () => {
  for (const text of ["1", `${DIGITS}0`, DIGITS.slice(1), `${DIGITS.slice(1)}x`, "--"]) {
    fails(["join", "192.168.1.5", `--host-key=${text}`], "bad-fingerprint");
    fails(["join", "192.168.1.5", `--accept-host=${text}`], "bad-fingerprint");
  }
});

Deno.test("parseCommandLine never puts a raw control character into a message", () => {
  const bad = "\u001b[2J\u009b\u202e\u2028";
  const lines = [
    [bad],
    ["serve", `--${bad}`],
    ["serve", bad],
    ["serve", "--port", bad],
    ["serve", "--host", bad],
    ["serve", "--name", bad],
    ["serve", "--max-members", bad],
    ["join", bad],
    ["join", `[::1]:${bad}`],
    ["join", `${bad}:1:2`],
    ["join", "a", "--host-key", bad],
    ["join", "a", bad],
  ];
  for (const args of lines) {
    const error = assertThrows(() => parseCommandLine(args), UsageError);
    assert(!/[\p{Cc}\p{Cf}\p{Zl}]/u.test(error.message + error.hint), error.message);
    assertStringIncludes(error.message, "\\u001b[2J\\u{9b}\\u{202e}\\u{2028}");
  }
});

Deno.test("wantsJson finds --json in any command line", () => {
  const asking = [
    "--json",
    "serve --json",
    "--json serve --frobnicate",
    "serve --frobnicate --json",
    "serve --json --json",
    "serve --json=no",
    "serve --name --json",
    "serve --port 1 2 3 --json",
    "sreve --json -- --help",
  ];
  for (const line of asking) assert(wantsJson(words(line)), line);
  const silent = [
    "",
    "serve",
    "serve -- --json",
    "serve json",
    "serve --name=--json",
    "serve --jsonl",
    "serve -json",
    "serve --no-json",
  ];
  for (const line of silent) assert(!wantsJson(words(line)), line);
});

Deno.test("parseCommandLine reads sizes with a letter, and the senders of files", () => {
  const size = (text: string): unknown =>
    (parseCommandLine(["serve", "--max-file", text]) as ServeCommand).maxFileBytes;
  assertEquals(["1", "10K", "100M", "2g", "1T", "5MB"].map(size), [
    1,
    10_000,
    100_000_000,
    2_000_000_000,
    1_000_000_000_000,
    5_000_000,
  ]);
  for (const text of ["0", "1.5M", "M", "9999999T", "1 M", "1KK"]) {
    const { code } = assertThrows(() => size(text), UsageError);
    assertEquals(code, "bad-number", text);
  }
  const join = parseCommandLine(["join", "ada.local", "--accept-from", "verified"]) as JoinCommand;
  assertEquals(join.acceptFrom, "verified");
  const { code, hint } = assertThrows(
    () => parseCommandLine(["serve", "--accept-from", "bob"]),
    UsageError,
  );
  assertEquals([code, hint], ["bad-choice", "Give verified or all."]);
});

Deno.test("parseCommandLine reads the files that lanchat send sends, and where", () => {
  const send = (...args: string[]) => {
    const { host, link, nameAs, paths, port, timeoutMs, to } = parseCommandLine(
      ["send", ...args],
    ) as SendCommand;
    return { host, link, nameAs, paths, port, timeoutMs, to };
  };
  const none = { link: undefined, nameAs: undefined, to: undefined, timeoutMs: 300_000 };
  assertEquals(send("a.txt", "b c", "ada.local:4000", "--to", "bob"), {
    ...none,
    paths: ["a.txt", "b c"],
    host: "ada.local",
    port: 4000,
    to: "bob",
  });
  assertEquals(send("-", "ada.local", "--name-as", "x.tar").nameAs, "x.tar");
  const link = "lanchat://192.0.2.2:12345/#x";
  assertEquals(
    send("a.txt", link),
    { ...none, paths: ["a.txt"], host: undefined, link, port: 12345 },
  );
  const refused: [string[], Code][] = [
    [[], "missing-value"],
    [["a.txt"], "missing-value"],
    [["-", "a.txt", "ada.local"], "surplus-argument"],
    [["a.txt", "ada.local", "--name-as", "x"], "surplus-argument"],
    [["-", "ada.local", "--name-as", "a/b"], "bad-name"],
    [["-", "ada.local", "--name-as", ".."], "bad-name"],
    [["a.txt", "ada.local", "--listen"], "unknown-option"],
  ];
  for (const [args, code] of refused) {
    assertEquals(assertThrows(() => send(...args), UsageError).code, code, args.join(" "));
  }
});
