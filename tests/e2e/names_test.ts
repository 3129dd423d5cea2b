import { assert, assertEquals, assertMatch } from "@std/assert";
import os from "node:os";
import { EMOJI } from "../support/emoji.ts";
import { BINARY, HostProgram, run } from "../support/program.ts";

const LOGIN = os.userInfo().username;

Deno.test({
  name: "a member without a name is an adjective and an animal under only --allow-net",
  ignore: BINARY !== undefined,
  async fn() {
    await using host = await HostProgram.start(["--json"]);
    await using member = await host.join(["--json"]);
    const { members: [hana], name } = await member.event("ready");
    assertMatch(name, /^[a-z]+-[a-z]+$/);
    assertMatch(hana!.name, /^[a-z]+-[a-z]+$/);
    assert(name !== LOGIN);
  },
});

Deno.test("a member without a name has the login name if the permissions allow it", async () => {
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  const permissions = ["--allow-net", "--allow-sys", "--allow-env"];
  await using member = await host.join(["--json"], { permissions });
  assertEquals((await member.event("ready")).name, LOGIN);
});

Deno.test("the second holder of a name is name#tag everywhere, and both get a warning", async () => {
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  await using first = await host.join(["--name", "bob", "--json"]);
  await using pipe = await host.join(["--name", "pipe"]);
  await using second = await host.join(["--name", "bob", "--json"]);
  const { tag, ...ready } = await second.event("ready");
  const shown = `bob#${tag}`;
  assertEquals(ready.name, shown);
  assertEquals(ready.members.map(({ name }) => name).toSorted(), ["bob", "hana", "pipe"]);
  for (const program of [host, first]) {
    const { member } = await program.event("joined", ({ member }) => member.tag === tag);
    assertEquals(member.name, shown);
  }
  await pipe.stderr.line((line) => line.startsWith(`lanchat: ${shown} joined`));
  for (
    const [program, advice] of [
      [first, "Nothing to do. If you don't know them: /verify, or /kick at the host."],
      [second, "Choose another name with /nick NAME."],
    ] as const
  ) {
    const { hint } = await program.event("warning", ({ code }) => code === "name-taken");
    assertEquals(hint, advice);
  }

  await second.tell({ say: "I am the other one" });
  await pipe.stdout.line((line) => line === `${shown}: I am the other one`);
  const { from } = await first.event("message");
  assertEquals([from.name, from.tag], [shown, tag]);
  // Each name leads to one of the two.
  await host.tell({ say: "to the first", to: "bob" });
  await host.tell({ say: "to the second", to: shown });
  assertEquals((await second.event("message")).text, "to the second");
  await first.event("message", ({ text }) => text === "to the first");

  for (const program of [host, pipe]) {
    const text = program.stdout.text + program.stderr.text;
    assert(!text.includes("name-taken") && !text.includes("your name"), text);
  }
});

Deno.test("a name of the right length and form is shown unchanged", async () => {
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  const names = ["a", "Grüße 你好", "x".repeat(48), `ada ${EMOJI.family}`, EMOJI.england];
  await Promise.all(names.map(async (name) => {
    const { status } = await run(["join", host.address, `--name=${name}`], { input: "hello\n" });
    assertEquals(status, 0);
    await host.event("message", ({ from }) => from.name === name);
  }));
});

Deno.test("a word for all members is no name", async () => {
  for (const name of ["everyone", "@All", "HERE"]) {
    const { status, stderr } = await run(["join", "127.0.0.1:1", `--name=${name}`]);
    assertEquals(status, 2);
    assertMatch(stderr, /^lanchat: error: .* it means all members$/m);
  }
});

Deno.test("a name that looks like lanchat's own lines is name#tag, and its holder gets a warning", async () => {
  await using host = await HostProgram.start(["--name", "hana"]);
  await Promise.all(["-dash", "*star", "q(private)", "lanchat"].map(async (name) => {
    await using member = await host.join([`--name=${name}`, "--json"]);
    const { tag, ...ready } = await member.event("ready");
    const shown = `${name}#${tag}`;
    assertEquals(ready.name, shown);
    const { hint } = await member.event("warning", ({ code }) => code === "name-misleading");
    assertEquals(hint, "Choose another name with /nick NAME.");
    await member.tell({ say: "hello" });
    await host.stdout.line((line) => line === `${shown.replace("*", "\\x2a")}: hello`);
  }));
});
