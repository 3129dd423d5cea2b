import { assertEquals, assertMatch } from "@std/assert";
import { BINARY, emptyDirectory, HostProgram, run } from "../support/program.ts";

/** The permissions to find and read the options file. */
const permissions = ["--allow-net", "--allow-env", "--allow-read"];

/** A configuration directory whose options file has a text; and the path of that file. */
function configured(text: string): { env: Record<string, string>; file: string } {
  const directory = emptyDirectory();
  Deno.mkdirSync(`${directory}/lanchat`, { mode: 0o700 });
  const file = `${directory}/lanchat/options`;
  Deno.writeTextFileSync(file, text, { mode: 0o600 });
  return { env: { XDG_CONFIG_HOME: directory, NO_COLOR: "" }, file };
}

Deno.test("lanchat config shows the options file, and what holds from where", async () => {
  const { env, file } = configured("# at work\n--name ada\n--no-notify\n--wait=9\n");
  const shown = await run(["config"], { env, permissions });
  assertEquals([shown.status, shown.stderr], [0, ""]);
  assertEquals(shown.stdout.split("\n"), [
    `Options file: ${file}`,
    "--name ada (line 2, for serve, join, send)",
    "--no-notify (line 3, for serve, join)",
    "--wait 9 (line 4, for join, send)",
    "",
  ]);
  const args = ["config", "join", "--timeout", "5", "--notify", "--json"];
  const { stdout } = await run(args, {
    env: { ...env, NO_COLOR: "1", LANCHAT_INVITE: "lanchat://secret/#A" },
    permissions,
  });
  const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const of = (name: string): unknown => events.find((event) => event.name === name);
  assertEquals(events[0], { event: "options-file", file, state: "read" });
  const option = { event: "option", commands: ["join"] };
  assertEquals(of("--name"), { ...option, name: "--name", value: "ada", source: "file", line: 2 });
  assertEquals(of("--timeout"), {
    ...option,
    name: "--timeout",
    value: "5",
    source: "command-line",
  });
  assertEquals(of("--no-notify"), {
    ...option,
    name: "--no-notify",
    value: false,
    source: "default",
  });
  assertEquals(of("--log"), { ...option, name: "--log", value: null, source: "default" });
  const variable = { event: "option", value: true, commands: [], source: "environment" };
  assertEquals(of("LANCHAT_INVITE"), { ...variable, name: "LANCHAT_INVITE" });
  assertEquals(of("NO_COLOR"), { ...variable, name: "NO_COLOR" });
  assertEquals(events.at(-1), { event: "closed", reason: "done" });
});

Deno.test("lanchat config says that there is no file, or that it is ignored", async () => {
  const { env, file } = configured("");
  Deno.removeSync(file);
  const lines = async (...args: string[]): Promise<string> =>
    (await run(["config", ...args], { env, permissions })).stdout;
  assertEquals(
    await lines(),
    `Options file: ${file} (none yet: write one option a line there, as in --name ada)\n`,
  );
  assertEquals(await lines("--no-config"), "Options file: ignored (--no-config)\n");
  assertMatch(await lines("id", "--json"), /"state":"missing"/);
});

Deno.test("a wrong line of the options file ends a run with status 2, and help works", async () => {
  const { env, file } = configured("--name ada\n--frobnicate\n");
  for (const args of [["join", "192.0.2.77"], ["serve"], ["scan"], ["config"]]) {
    const { status, stderr, stdout } = await run(args, { env, permissions });
    assertEquals([status, stdout], [2, ""]);
    assertMatch(
      stderr,
      new RegExp(`error: "${file}", line 2: lanchat has no option "--frobnicate"`),
    );
  }
  assertEquals((await run(["join", "--help"], { env, permissions })).status, 0);
  assertEquals((await run(["config", "--no-config"], { env, permissions })).status, 0);
});

Deno.test({
  name: "an options file that others can change ends a run with status 1",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { env, file } = configured("--name ada\n");
    Deno.chmodSync(file, 0o666);
    const { status, stdout } = await run(["join", "192.0.2.77", "--json"], { env, permissions });
    const { code, hint } = JSON.parse(stdout);
    assertEquals([status, code], [1, "options-unreadable"]);
    assertMatch(hint, /^Make it private: chmod 600 /);
  },
});

Deno.test("the command line wins over the options file", async () => {
  const { env } = configured("--name ada\n--quiet\n");
  await using host = await HostProgram.start(["--name", "hana", "--json"]);
  const join = async (...args: string[]): Promise<string> => {
    const { status, stderr } = await run(["join", host.address, ...args], {
      env,
      input: "hi\n",
      permissions,
    });
    assertEquals(status, 0);
    return stderr;
  };
  assertEquals(await join(), "");
  assertMatch(await join("--name", "bob", "--no-quiet"), /You are bob\./);
  assertMatch(await join("--no-config", "--name", "carol"), /You are carol\./);
  await host.event("left", ({ member }) => member.name === "carol");
  for (const name of ["ada", "bob", "carol"]) assertEquals(host.heard(name), ["hi"]);
});

Deno.test({
  name: "without its permissions lanchat leaves the options file unread, and asks for none",
  ignore: BINARY !== undefined,
  async fn() {
    const { env, file } = configured("--frobnicate\n");
    for (
      const [granted, shown] of [
        [["--allow-net"], "Options file: not read (allow --allow-env --allow-read)\n"],
        [["--allow-env"], `Options file: ${file} (not read: no permission)\n`],
      ] as const
    ) {
      const { status, stderr, stdout } = await run(["config"], { env, permissions: granted });
      assertEquals([status, stderr, stdout], [0, "", shown]);
    }
    assertEquals((await run(["join", "127.0.0.1:1"], { env })).status, 1);
  },
});
