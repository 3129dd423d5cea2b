import { assert, assertEquals } from "@std/assert";
import { HostProgram, Program } from "../support/program.ts";
import { terminalTest } from "../support/tools.ts";

const CTRL_C = "\x03";
const CTRL_D = "\x04";

/** Types a line and waits for its effect. */
async function type(program: Program, line: string, effect: RegExp): Promise<void> {
  await program.write(`${line}\r`);
  await program.stdout.has(effect);
}

terminalTest("two people at terminals talk, and leave with Ctrl-C and Ctrl-D", async () => {
  await using host = await HostProgram.start(["--name", "hana"], { terminal: true });
  await using bob = await host.join(["--name", "bob"], { terminal: true });
  await host.stdout.has(/bob joined \(join code \d{5} \d{5}\)/);
  await using script = await host.join(["--name", "script", "--json"]);
  await using pipe = await host.join(["--name", "pipe", "--listen"]);
  await bob.stdout.has(/script joined[^]*pipe joined/);

  await bob.write("hello hana\r");
  await host.stdout.has(/bob\S*: hello \S*hana/);
  await host.write("hello bob\r");
  await bob.stdout.has(/hana\S*: hello \S*bob/);
  await bob.write("/me waves\r");
  await bob.write("//etc\r");
  await host.stdout.has(/\* \S*bob\S* waves[^]*bob\S*: \/etc/);
  assertEquals(await pipe.stdout.count(4), [
    "bob: hello hana",
    "hana: hello bob",
    "* bob waves",
    "bob: /etc",
  ]);
  assertEquals((await script.event("message", ({ text }) => text === "waves")).kind, "action");

  await type(
    bob,
    "/who",
    /bob: you, tag[^]*hana: host, tag \w{8}, not verified, here since \d\d:\d\d[^]*script: tag[^]*pipe: tag/,
  );
  await type(bob, "/help all", /\/me TEXT[^]*Ctrl-R/);
  await type(bob, "/hwo", /Unknown command \/hwo[^]*Did you mean \/who\?/);
  await script.tell({ say: "\x1b[2Jbye\u202e\x9b2J" });
  await bob.stdout.has(/script\S*: \\x1b\[2Jbye\\u\{202e\}\\x9b2J/);

  await bob.write(CTRL_C);
  await bob.ends(0);
  await host.stdout.has(/bob left/);
  await host.write(CTRL_D);
  await host.ends(0);
  await script.ends(0);
  for (const { stdout: { text } } of [host, bob]) {
    assert(!/Allow\?|requests/.test(text), text);
    // deno-lint-ignore no-control-regex
    assert(!/\x1b\[2J|[\x80-\x9f\u202e]/.test(text), JSON.stringify(text));
  }
});

terminalTest(
  "two people at terminals talk in private, and a third reads none of it",
  async () => {
    await using host = await HostProgram.start(["--name", "hana"], { terminal: true });
    await using ann = await host.join(["--name", "ann lee"], { terminal: true });
    await host.stdout.has(/ann lee joined/);
    await using pipe = await host.join(["--name", "pipe", "--listen"]);
    await ann.stdout.has(/pipe joined/);

    await ann.write("/msg ha\tpsst\r");
    await host.stdout.has(/ann lee\S* \(private\): psst/);
    await ann.stdout.has(/ann lee\S* to \S*hana\S* \(private\): psst/);
    await type(
      host,
      "/reply who is there?",
      /hana\S* to \S*ann lee\S* \(private\): who is there\?/,
    );
    await ann.stdout.has(/hana\S* \(private\): who is there\?/);
    await type(ann, "/msg han me", /error: No one here is called han/);
    await ann.write("aloud\r");
    assertEquals(await pipe.stdout.count(1), ["ann lee: aloud"]);

    for (const program of [ann, host]) {
      await program.write(CTRL_D);
      await program.ends(0);
    }
    await pipe.ends(0);
    assertEquals(pipe.stdout.text, "ann lee: aloud\n");
  },
);

terminalTest("/quit and Ctrl-D leave, Ctrl-C ends a room", async () => {
  await using host = await HostProgram.start(["--name", "hana"], { terminal: true });
  await using ann = await host.join(["--name", "ann"], { terminal: true });
  await using ben = await host.join(["--name", "ben"], { terminal: true });
  await using last = await host.join(["--name", "last"], { terminal: true });
  await ann.write("/quit\r");
  await ann.ends(0);
  await ben.write(CTRL_D);
  await ben.ends(0);
  await host.stdout.has(/ann left[^]*ben left/);
  await host.write(CTRL_C);
  await host.ends(0);
  await last.ends(0);
  await last.stdout.has(/The host closed the room\./);
});

terminalTest(
  "a message typed in an empty room is reported as undelivered, and the program ends with status 1",
  async () => {
    await using host = await HostProgram.start(["--name", "hana"], { terminal: true });
    await type(host, "hello?", /Not delivered: hello\?[^]*Wait until someone joins/);
    await host.write(CTRL_C);
    await host.ends(1);
  },
);

terminalTest("a terminal shows the error of a failed join and is restored", async () => {
  await using host = await HostProgram.start(["--max-members", "2", "--json"]);
  await using _other = await host.join(["--json"]);
  await using late = new Program(["join", host.address], { terminal: true });
  await late.ends(1);
  await late.stdout.has(/error: Cannot join: the room is full[^]*hint: /);
});
