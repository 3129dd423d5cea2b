import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Shell } from "../../lib/cli/commands/completions.ts";
import {
  COMMON_OPTIONS,
  describe,
  type Option,
  optionsOf,
  SUBCOMMANDS,
} from "../../lib/cli/options.ts";
import { COMMANDS } from "../../lib/cli/registry.ts";
import { KnownPeers } from "../../lib/store/mod.ts";
import { identityOf } from "../support/keys.ts";
import { BINARY, commandLine, emptyDirectory, Output, run } from "../support/program.ts";
import { BASH_COMPLETION, missing, testUnless } from "../support/tools.ts";

/** A file that a shell is to complete, and its directory: where it starts, and its home. */
const DIRECTORY = emptyDirectory();
Deno.writeTextFileSync(`${DIRECTORY}/my file.json`, "");

const ID_ACTIONS = ["new", "export", "import"];

/** Writes a completion script to a file. @returns Its path. */
async function scriptFor(shell: Shell): Promise<string> {
  const { status, stderr, stdout } = await run(["completions", shell]);
  assertEquals([status, stderr], [0, ""]);
  const file = `${emptyDirectory()}/${shell}`;
  Deno.writeTextFileSync(file, stdout);
  return file;
}

/** Starts a shell, or another program of the system. */
function spawn(command: readonly string[]): Deno.ChildProcess {
  const [executable, ...args] = command;
  return new Deno.Command(executable!, {
    args,
    cwd: DIRECTORY,
    env: { HOME: DIRECTORY, TERM: "xterm", XDG_DATA_HOME: `${DIRECTORY}/.data` },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The output of a shell for some lines of script. */
async function output(command: readonly string[]): Promise<string> {
  const child = spawn(command);
  await child.stdin.close();
  const { stderr, stdout, success } = await child.output();
  const text = new TextDecoder().decode(stderr);
  assert(success && text === "", `${command.join(" ")}: ${text}`);
  return new TextDecoder().decode(stdout);
}

/** A shell that a person types at. */
class Terminal implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #keyboard: WritableStreamDefaultWriter<Uint8Array>;
  readonly #screen: Output;

  constructor(command: string) {
    this.#child = spawn(["script", "-qec", command, "/dev/null"]);
    this.#keyboard = this.#child.stdin.getWriter();
    this.#screen = new Output(this.#child.stdout, () => `--- ${command}:\n${this.#screen.text}`);
  }

  async type(keys: string): Promise<void> {
    await this.#keyboard.write(new TextEncoder().encode(keys));
  }

  async shows(pattern: RegExp): Promise<string> {
    return await this.#screen.has(pattern);
  }

  /**
   * Types a command line with Enter, and asserts the arguments that lanchat would get; then waits until
   * the shell reads keys again, because the terminal itself reads them meanwhile.
   */
  async runs(keys: string, ...args: string[]): Promise<void> {
    await this.type(`${keys}\r`);
    const line = args.map((arg) => `<${arg}>`).join("").replaceAll(/[.*+?^$(){}|[\]\\]/g, "\\$&");
    await this.shows(new RegExp(`^${line}\r?\n[^]*\x1b\\[\\?2004h`, "m"));
    assert(!/not found|_lanchat:|_arguments:/.test(this.#screen.text), this.#screen.text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#screen.drained;
    await this.#child.stderr.cancel();
    await this.#keyboard.abort().catch(() => {});
  }
}

/** Stands for lanchat in bash and zsh: it knows one host, and prints the arguments of any other command. */
const FAKE = "lanchat() { " +
  `if [ "$*" = "peers hosts" ]; then echo 10.77.0.1:4000; else printf '<%s>' "$@"; echo; fi; }`;

/** Types the lines that bash and zsh complete alike. */
async function typeAll(terminal: Terminal): Promise<void> {
  await terminal.runs("lanchat begin", "begin");
  await terminal.runs("lanchat join host --until\t", "join", "host", "--until-delivered");
  await terminal.runs("lanchat comp\tpow\t", "completions", "powershell");
  await terminal.runs("lanchat serve --identity my\t", "serve", "--identity", "my file.json");
  await terminal.runs("lanchat join h --log my\t", "join", "h", "--log", "my file.json");
  await terminal.runs("lanchat log my\t", "log", "my file.json");
  await terminal.runs("lanchat send my\t10.7\t", "send", "my file.json", "10.77.0.1:4000");
  await terminal.runs("lanchat serve --accept-from ver\t", "serve", "--accept-from", "verified");
  await terminal.runs("lanchat id exp\tmy\t", "id", "export", "my file.json");
  // An ambiguous word completes to nothing.
  await terminal.runs("lanchat serve --name my\tx", "serve", "--name", "myx");
  await terminal.runs("lanchat join my\tx", "join", "myx");
  await terminal.runs("lanchat peers forget my\tx", "peers", "forget", "myx");
  await terminal.runs("lanchat join --json 10.7\t", "join", "--json", "10.77.0.1:4000");
  await terminal.runs("lanchat join host 10.7\tx", "join", "host", "10.7x");
  // Completing runs no part of the typed line.
  const word = "$(touch ran)";
  await terminal.runs(`lanchat serve --name '${word}' --pl\t`, "serve", "--name", word, "--plain");
  // zsh itself expands the word that the cursor is in, so this is about another one.
  await terminal.type("lanchat serve `touch ran` --pl\t\x15");
  await terminal.runs("lanchat end", "end");
  assertEquals([...Deno.readDirSync(DIRECTORY)].filter(({ name }) => name === "ran"), []);
}

testUnless(
  missing("bash", "script"),
  "bash completes commands, options and paths, without bash-completion",
  async () => {
    const script = await scriptFor("bash");
    await using terminal = new Terminal("bash --norc --noprofile -i");
    await terminal.type(`${FAKE}\r source '${script}'\r`);
    await typeAll(terminal);
    await terminal.runs("lanchat ser\t--max-per\t7", "serve", "--max-per-address", "7");
    await terminal.runs("lanchat serve --identity=my\t", "serve", "--identity=my file.json");
  },
);

testUnless(
  missing("bash", "bash-completion", "script"),
  "bash finds the script where bash-completion looks for it",
  async () => {
    const script = await scriptFor("bash");
    const place = `${DIRECTORY}/.data/bash-completion/completions`;
    Deno.mkdirSync(place, { recursive: true });
    Deno.copyFileSync(script, `${place}/lanchat`);
    await using terminal = new Terminal("bash --norc --noprofile -i");
    await terminal.type(`${FAKE}\r source ${BASH_COMPLETION}\r`);
    await typeAll(terminal);
  },
);

testUnless(missing("bash"), "bash knows all options of each command", async () => {
  const script = await scriptFor("bash");
  const complete = async (...words: string[]): Promise<string[]> => {
    const line = ["lanchat", ...words].map((word) => `'${word}'`).join(" ");
    const commands = `source '${script}'; COMP_WORDS=(${line}); COMP_CWORD=${words.length}; ` +
      `_lanchat; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const text = await output(["bash", "--norc", "--noprofile", "-c", commands]);
    return text.trimEnd().split("\n");
  };
  assertEquals(await complete(""), [...SUBCOMMANDS]);
  assertEquals(await complete("-"), COMMON_OPTIONS.map(({ name }) => name));
  for (const name of SUBCOMMANDS) {
    const options = optionsOf(name).map(({ name }) => name);
    assertEquals(await complete(name, "-"), options);
    assertEquals(await complete("--json", name, "--"), options);
  }
  assertEquals(await complete("completions", ""), [...COMMANDS.completions.choices!]);
  assertEquals(await complete("help", ""), [...SUBCOMMANDS]);
  assertEquals(await complete("serve", "--port", "-"), [""]);
  assertEquals(await complete("serve", "--port", "=", ""), [""]);
  assertEquals(await complete("serve", "--port", "="), [""]);
  assertEquals(await complete("serve", "--json", "="), [""]);
  assertEquals(await complete("join", ""), [""]);
  assertEquals(await complete("id", "--profile", "new", ""), ID_ACTIONS);
  assertEquals(await complete("--name", "log", "id", "--identity", "=", "me", ""), ID_ACTIONS);
  for (const action of COMMANDS.peers.choices!) {
    assertEquals(await complete("peers", action, ""), [""]);
  }
});

testUnless(
  missing("bash"),
  "bash completes the hosts that lanchat knows, and runs none of them",
  async () => {
    const script = await scriptFor("bash");
    const config = emptyDirectory();
    const lanchat = (...permissions: string[]): string =>
      `XDG_CONFIG_HOME='${config}' ${
        commandLine([], permissions).map((word) => `'${word}'`).join(" ")
      } "$@"`;
    const complete = async (body: string, word: string, ...words: string[]): Promise<string[]> => {
      const line = ["lanchat", ...words, word].map((word) => `'${word}'`).join(" ");
      const commands = `lanchat() { ${body}; }; source '${script}'; COMP_WORDS=(${line}); ` +
        `COMP_CWORD=${words.length + 1}; _lanchat; printf '<%s>\\n' "\${COMPREPLY[@]}"`;
      const text = await output(["bash", "--norc", "--noprofile", "-c", commands]);
      return text.trimEnd().split("\n").map((line) => line.slice(1, -1));
    };
    const reading = lanchat("--allow-env", "--allow-read");
    assertEquals(await complete(reading, "", "join"), [""]);
    Deno.mkdirSync(`${config}/lanchat`, { mode: 0o700 });
    const known = await KnownPeers.open(`${config}/lanchat/identity.peers.jsonl`);
    const hosts = ["10.0.0.1:12345", "10.0.0.2:4000", "[fd00::2]:12345", "ada.local:12345"];
    for (const [i, address] of hosts.entries()) {
      await known.seen((await identityOf(`host ${i}`)).publicKey, { address });
    }
    const shown = ["ada.local", "fd00::2", "10.0.0.2:4000", "10.0.0.1"];
    assertEquals((await complete(reading, "", "join")).sort(), shown.toSorted());
    assertEquals((await complete(reading, "10.", "doctor")).sort(), ["10.0.0.1", "10.0.0.2:4000"]);
    assertEquals(await complete(reading, "", "join", "ada.local"), [""]);
    // Without a permission nothing is offered, and nothing said. The binary has all.
    if (BINARY === undefined) {
      assertEquals(await complete(lanchat("--allow-net"), "", "join"), [""]);
    }
    assertEquals(await complete("echo '$(touch ran) `touch ran`'", "", "join"), [
      "$(touch ran) `touch ran`",
    ]);
    assertEquals([...Deno.readDirSync(DIRECTORY)].filter(({ name }) => name === "ran"), []);
  },
);

testUnless(missing("zsh", "script"), "zsh completes commands, options and paths", async () => {
  const script = await scriptFor("zsh");
  await using terminal = new Terminal("zsh -f -i");
  await terminal.type(`autoload -U compinit; compinit -D -u; ${FAKE}; source '${script}'\r`);
  await typeAll(terminal);
  await terminal.runs("lanchat ser\t--max-per\t7", "serve", "--max-per-address=7");
  await terminal.runs("lanchat serve --identity=my\t", "serve", "--identity=my file.json");
});

testUnless(
  missing("zsh", "script"),
  "zsh finds the script in its path, and shows what options mean",
  async () => {
    const script = await scriptFor("zsh");
    const place = emptyDirectory();
    Deno.copyFileSync(script, `${place}/_lanchat`);
    await using terminal = new Terminal("zsh -f -i");
    await terminal.type(
      `fpath=('${place}' $fpath); autoload -U compinit; compinit -D -u; ${FAKE}\r`,
    );
    await terminal.runs("lanchat begin", "begin");
    await terminal.type("lanchat join host --\t");
    for (const option of optionsOf("join")) {
      const summary = describe(option).replaceAll(/[()]/g, "\\$&");
      await terminal.shows(new RegExp(`${option.name} +-- ${summary}`));
    }
    await terminal.type("\x15lanchat \t");
    for (const name of SUBCOMMANDS) {
      await terminal.shows(new RegExp(`${name} +-- ${COMMANDS[name].summary}`));
    }
  },
);

testUnless(
  missing("fish"),
  "fish completes commands, options and paths, and shows what they mean",
  async () => {
    const script = await scriptFor("fish");
    const complete = async (line: string): Promise<[string, string][]> => {
      const commands = "function lanchat; echo 10.77.0.1:4000; end; " +
        `source '${script}'; complete -C '${line}'`;
      const text = await output(["fish", "--no-config", "-c", commands]);
      return text === "" ? [] : text.trimEnd().split("\n").map((each) => {
        const [word = "", summary = ""] = each.split("\t");
        return [word, summary];
      });
    };
    const options = (list: readonly Option[]): [string, string][] =>
      list.map((option): [string, string] => [option.name, describe(option)]).sort();
    const sorted = async (line: string): Promise<[string, string][]> =>
      (await complete(line)).sort();
    assertEquals(
      await sorted("lanchat "),
      SUBCOMMANDS.map((name): [string, string] => [name, COMMANDS[name].summary]).sort(),
    );
    assertEquals(await sorted("lanchat --"), options(COMMON_OPTIONS));
    for (const name of SUBCOMMANDS) {
      assertEquals(await sorted(`lanchat ${name} --`), options(optionsOf(name)));
    }
    const choices = (await sorted("lanchat completions ")).map(([word]) => word);
    assertEquals(choices, [...COMMANDS.completions.choices!].sort());
    assertEquals((await sorted("lanchat id ")).map(([word]) => word), ID_ACTIONS.toSorted());
    for (const line of ["log m", "id export m", "serve --identity m", "join h --log m"]) {
      // Not every fish writes the backslash that it will put there.
      const words = (await complete(`lanchat ${line}`)).map(([word]) => word.replace("\\", ""));
      assertEquals(words, ["my file.json"]);
    }
    for (const line of ["serve --name m", "join m", "serve m", "id my", "peers forget "]) {
      assertEquals(await complete(`lanchat ${line}`), []);
    }
    assertEquals((await complete("lanchat join 10.")).map(([word]) => word), ["10.77.0.1:4000"]);
    assertEquals(await complete("lanchat serve $(touch ran)m"), []);
    assertEquals([...Deno.readDirSync(DIRECTORY)].filter(({ name }) => name === "ran"), []);
  },
);

Deno.test("an unknown shell is an error that names the known ones", async () => {
  const { status, stderr } = await run(["completions", "tcsh"]);
  assertEquals(status, 2);
  assertMatch(
    stderr,
    /error: lanchat has no completions for "tcsh"[^]*hint: Use bash, zsh, fish or powershell/,
  );
});
