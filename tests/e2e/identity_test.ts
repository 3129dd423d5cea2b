import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { BINARY, emptyDirectory, type Event, HostProgram, run } from "../support/program.ts";

/** The permissions to keep an identity. */
const KEEPING = ["--allow-net", "--allow-env", "--allow-read", "--allow-write"];

const DAMAGED = "not an identity\n";

/** Hosts a room for a moment. @returns The host's fingerprint, and the warnings that it printed. */
async function host(
  options: { args?: string[]; env?: Record<string, string>; permissions?: string[] } = {},
): Promise<{ fingerprint: string; warnings: Event<"warning">[] }> {
  const { args = [], permissions = KEEPING, ...rest } = options;
  await using host = await HostProgram.start(["--json", ...args], { permissions, ...rest });
  const { fingerprint } = await host.event("listening");
  host.signal("SIGTERM");
  await host.ends(0);
  const warnings = host.events.filter(({ event }) => event === "warning") as Event<"warning">[];
  return { fingerprint, warnings };
}

/** Asserts that only an identity, its host's room and a lock are kept, all readable only by their owner. */
function assertKept(file: string): void {
  const directory = file.slice(0, file.lastIndexOf("/"));
  const kept = [".json", ".room.json", ".host.lock"].map((end) => file.replace(".json", end));
  for (const each of kept) assertEquals(Deno.statSync(each).mode! & 0o777, 0o600);
  const found = [...Deno.readDirSync(directory)].map(({ name }) => `${directory}/${name}`);
  assertEquals(found.sort(), kept.sort());
}

/** Asserts that the program ends at once with an error that names the file. */
async function assertRefuses(
  file: string,
  code: string,
  options: { env?: Record<string, string>; permissions?: string[]; args?: string[] } = {},
): Promise<void> {
  const { args = ["--identity", file], permissions = KEEPING, ...rest } = options;
  for (const command of [["serve", "--port", "0"], ["join", "127.0.0.1:1"]]) {
    const { status, stderr, stdout } = await run([...command, ...args, "--json"], {
      permissions,
      ...rest,
    });
    assertEquals([status, stderr], [1, ""]);
    const [event, ...more] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals([event.event, event.code, more], ["error", code, []]);
    assert(event.message.includes(file), event.message);
    assertMatch(event.hint, /./);
  }
}

Deno.test("--identity FILE is created once, private, and is the same in every run", async () => {
  const file = `${emptyDirectory()}/me.json`;
  const args = ["--identity", file];
  const first = await host({ args });
  assertKept(file);
  const second = await host({ args });
  assertEquals(second, first);
  assertEquals(first.warnings, []);
  const other = await host({ args: ["--identity", `${emptyDirectory()}/me.json`] });
  assertNotEquals(other.fingerprint, first.fingerprint);
});

Deno.test("two first starts at once end with one key", async () => {
  const file = `${emptyDirectory()}/me.json`;
  const args = ["--identity", file];
  const [one, two, three] = await Promise.all([host({ args }), host({ args }), host({ args })]);
  assertEquals(new Set([one, two, three].map(({ fingerprint }) => fingerprint)).size, 1);
  assertKept(file);
});

Deno.test("lanchat keeps the identity in the platform's own place by default", async () => {
  const config = `${emptyDirectory()}/not/there/yet`;
  const env = { XDG_CONFIG_HOME: config };
  const first = await host({ env });
  assertKept(`${config}/lanchat/identity.json`);
  assertEquals(await host({ env }), first);
  assertEquals(first.warnings, []);

  const home = emptyDirectory();
  await host({ env: { HOME: home, XDG_CONFIG_HOME: "" } });
  assertKept(`${home}/.config/lanchat/identity.json`);
});

Deno.test({
  name: "an identity without its permissions is temporary, is reported once, and leaves no file",
  ignore: BINARY !== undefined,
  async fn() {
    for (const permissions of [["--allow-net"], KEEPING.slice(0, 2), KEEPING.slice(0, 3)]) {
      const home = emptyDirectory();
      const { warnings } = await host({ permissions, env: { HOME: home, XDG_CONFIG_HOME: home } });
      assertEquals(warnings.map(({ code }) => code), ["temporary-identity"]);
      assertMatch(warnings[0]!.hint!, /--allow-read --allow-write --allow-env/);
      assertEquals([...Deno.readDirSync(home)], []);
    }
    const file = `${emptyDirectory()}/me.json`;
    await assertRefuses("--allow-read", "permission-denied", {
      permissions: ["--allow-net"],
      args: ["--identity", file],
    });
  },
});

Deno.test("a home that cannot be written makes the identity temporary", async () => {
  const home = emptyDirectory();
  Deno.writeTextFileSync(`${home}/file`, "");
  const env = { XDG_CONFIG_HOME: `${home}/file` };
  const first = await host({ env });
  assertEquals(first.warnings.map(({ code }) => code), ["temporary-identity"]);
  assertNotEquals((await host({ env })).fingerprint, first.fingerprint);
});

Deno.test("a file that is named must be usable", async () => {
  const directory = emptyDirectory();
  Deno.writeTextFileSync(`${directory}/damaged.json`, DAMAGED, { mode: 0o600 });
  Deno.writeTextFileSync(`${directory}/empty.json`, "", { mode: 0o600 });
  Deno.writeTextFileSync(`${directory}/open.json`, DAMAGED, { mode: 0o604 });
  Deno.mkdirSync(`${directory}/folder`);
  await assertRefuses(`${directory}/damaged.json`, "identity-damaged");
  await assertRefuses(`${directory}/empty.json`, "identity-damaged");
  await assertRefuses(`${directory}/open.json`, "identity-unreadable");
  await assertRefuses(`${directory}/folder`, "identity-unreadable");
  await assertRefuses(`${directory}/damaged.json/me.json`, "identity-unwritable");
  assertEquals(Deno.readTextFileSync(`${directory}/damaged.json`), DAMAGED);
});

Deno.test("a damaged identity in the platform's own place is an error, not a new identity", async () => {
  const config = emptyDirectory();
  const file = `${config}/lanchat/identity.json`;
  Deno.mkdirSync(`${config}/lanchat`);
  Deno.writeTextFileSync(file, DAMAGED, { mode: 0o600 });
  await assertRefuses(file, "identity-damaged", { env: { XDG_CONFIG_HOME: config }, args: [] });
  assertEquals(Deno.readTextFileSync(file), DAMAGED);
});

Deno.test("a kept identity has the same key in another session", async () => {
  await using room = await HostProgram.start(["--json"]);
  const args = ["--identity", `${emptyDirectory()}/me.json`, "--name", "bob", "--json"];
  for (let i = 1; i <= 2; i++) {
    await using member = await room.join(args, { permissions: KEEPING });
    await room.stdout.count(i, /"event":"joined"/);
    await member.tell({ do: "quit" });
    await member.ends(0);
  }
  const joined = room.events.filter(({ event }) => event === "joined") as Event<"joined">[];
  const [first, second] = joined.map(({ member }) => member);
  assertEquals(second!.key, first!.key);
  assertNotEquals(second!.session, first!.session);
});

Deno.test("a second host under one identity warns of it, and a later single host does not", async () => {
  const args = ["--json", "--identity", `${emptyDirectory()}/me.json`];
  const warned = async (): Promise<string[]> => {
    await using host = await HostProgram.start(args, { permissions: KEEPING });
    host.signal("SIGTERM");
    await host.ends(0);
    return host.events.flatMap((event) => event.event === "warning" ? [event.code] : []);
  };
  {
    await using _first = await HostProgram.start(args, { permissions: KEEPING });
    assertEquals(await warned(), ["identity-shared"]);
  }
  assertEquals(await warned(), []);
});
