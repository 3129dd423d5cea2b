/**
 * lanchat on the Deno of another system, which an emulator runs here, with a member on this system.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { read } from "../docs/documents.ts";
import { emptyDirectory, HostProgram, type ProgramOptions, run } from "../support/program.ts";
import { output } from "../support/release_server.ts";
import { testUnless } from "../support/tools.ts";

/** All that the binary may do, near enough. */
export const PERMISSIONS: readonly string[] = [
  "--allow-net",
  "--allow-sys",
  "--allow-env",
  "--allow-read",
  "--allow-write",
];

/** A room that no other machine reaches or finds. */
const HIDDEN = ["--json", "--no-announce"];

/** Another system. */
export interface Foreign {
  /** Its name in the names of tests. */
  readonly name: string;
  /** The npm package with its Deno. */
  readonly npm: string;
  /** The program in that package. */
  readonly program: string;
  /** Why it cannot be tried here. */
  readonly obstacle: string | undefined;
  /** The command that runs a program of that system here. */
  emulate(program: string, args: readonly string[]): readonly string[];
  /** The path there of a file here. */
  path(file: string): string;
  /** More environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Where downloads are kept: outside the repository. */
export function cacheDirectory(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME")!, ".cache");
  const directory = join(cache, "lanchat-try");
  Deno.mkdirSync(directory, { recursive: true });
  return directory;
}

/** Gets the Deno of another system. @returns The program. */
async function getDeno({ npm, program }: Foreign): Promise<string> {
  const version = read(".dvmrc").trim();
  const kept = join(cacheDirectory(), `${npm.replace("/", "-")}-${version}`);
  const file = join(kept, "package", program);
  const isThere = await Deno.stat(file).then(() => true, () => false);
  if (isThere) return file;
  const work = await Deno.makeTempDir({ dir: cacheDirectory() });
  const name = await output("npm", ["pack", "--silent", `${npm}@${version}`], { cwd: work });
  await output("tar", ["-xzf", name.trim()], { cwd: work });
  await Deno.remove(join(work, name.trim()));
  await Deno.rename(work, kept);
  return file;
}

/** A cache for that Deno, with copies of the packages that this one has: no link leads out of each emulator. */
async function denoDirectory(): Promise<string> {
  const { denoDir } = JSON.parse(await output(Deno.execPath(), ["info", "--json"]));
  const directory = emptyDirectory();
  await cp(join(denoDir, "npm"), join(directory, "npm"), { recursive: true });
  return directory;
}

/** Declares the tests of a system. @returns Gets what starts lanchat there. */
export function tryOut(system: Foreign): () => Promise<ProgramOptions> {
  let getting: Promise<ProgramOptions> | undefined;

  const get = async (): Promise<ProgramOptions> => {
    const deno = await getDeno(system);
    return {
      permissions: PERMISSIONS,
      env: { ...system.env, DENO_DIR: system.path(await denoDirectory()) },
      wrapper: ([, ...args]) =>
        system.emulate(deno, args.map((arg) => arg.endsWith("/main.ts") ? system.path(arg) : arg)),
    };
  };
  const there = (): Promise<ProgramOptions> => getting ??= get();
  const here: ProgramOptions = { permissions: PERMISSIONS };

  const test = (name: string, fn: () => Promise<void>): void =>
    testUnless(system.obstacle, `${system.name}: ${name}`, fn);

  test("lanchat starts", async () => {
    const { stdout } = await run(["--version"], await there());
    assertMatch(stdout, /^lanchat .* \(source, Deno .*\)\r?\n$/);
  });

  for (const hosts of [true, false]) {
    test(`a ${hosts ? "host there" : "member there"} chats with one here`, async () => {
      const [hosting, joining] = hosts ? [await there(), here] : [here, await there()];
      await using host = await HostProgram.start([...HIDDEN, "--name", "ada"], hosting);
      await using bob = await host.join(["--json", "--name", "bob"], joining);
      await using carol = await host.join(["--json", "--name", "carol"], here);
      await host.say("hello", "für 你 👍🏽");
      await bob.say("hello too");
      await carol.tell({ say: "only you", to: "bob" });
      assertEquals(await bob.hears("ada", 2), ["hello", "für 你 👍🏽"]);
      assertEquals(await host.hears("bob", 1), ["hello too"]);
      assertEquals(await carol.hears("bob", 1), ["hello too"]);
      assertEquals(await bob.hears("carol", 1), ["only you"]);
      for (const member of [bob, carol]) {
        await member.endInput();
        await member.ends(0);
      }
      await host.tell({ do: "quit" });
      await host.ends(0);
    });
  }

  test("an identity is kept, and moves here", async () => {
    const foreign = await there();
    const file = join(emptyDirectory(), "exported");
    const directory = emptyDirectory();
    const at = ["--identity", system.path(join(directory, "me.json"))];
    const first = await run(["id", ...at], foreign);
    assertEquals([first.status, first.stderr], [0, ""]);
    const [fingerprint] = first.stdout.split(/\r?\n/);
    assertMatch(fingerprint!, /^fingerprint [\d ]+$/);
    assertStringIncludes((await run(["id", ...at], foreign)).stdout, fingerprint!);
    assertEquals((await run(["id", "export", system.path(file), ...at], foreign)).status, 0);
    const own = ["--identity", join(emptyDirectory(), "me.json")];
    const imported = await run(["id", "import", file, ...own], here);
    assertEquals(imported.status, 0, imported.stderr);
    assertStringIncludes((await run(["id", ...own], here)).stdout, fingerprint!);
    console.log(
      [...Deno.readDirSync(directory)].map(({ name }) => {
        const { mode, size } = Deno.statSync(join(directory, name));
        return `${name}: ${size} bytes, mode ${(mode! & 0o777).toString(8)}`;
      }).join("\n"),
    );
  });

  test("lanchat doctor asks a host here", async () => {
    await using host = await HostProgram.start([...HIDDEN, "--name", "ada"], here);
    const doctor = await run(["doctor", host.address, "--timeout", "60"], await there());
    console.log(doctor.stdout + doctor.stderr);
    assertStringIncludes(doctor.stdout, "takes connections");
  });
  return there;
}
