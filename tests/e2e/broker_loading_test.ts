/** The client library of NATS is loaded only for a broker. */
import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { emptyDirectory } from "../support/program.ts";
import { test } from "../support/test.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The address of a room at which nothing listens. */
function nowhere(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `nats://127.0.0.1:${listener.addr.port}/abcdefghijklmnop`;
}

/** Runs lanchat in a process of its own that says at its end whether it has loaded modules of the library. */
async function start(input: string, ...args: readonly string[]): Promise<Deno.ChildProcess> {
  const script = `
    import { createRequire } from "node:module";
    import { run } from "${ROOT}lib/cli/mod.ts";
    await run(${JSON.stringify(args)});
    const loaded = Object.keys(createRequire("file://${ROOT}main.ts").cache);
    await Deno.stderr.write(new TextEncoder().encode(
      "\\nLOADED " + loaded.some((path) => path.includes("@nats-io")),
    ));`;
  const file = `${emptyDirectory()}/lanchat.ts`;
  await Deno.writeTextFile(file, script);
  const program = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", `--config=${ROOT}deno.json`, file],
    ...{ stdin: "piped", stdout: "null", stderr: "piped" },
  }).spawn();
  const writer = program.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  return program;
}

/** What a program says from now on, up to a match or its end. */
async function says(lines: AsyncIterator<string>, pattern: RegExp): Promise<RegExpExecArray> {
  let said = "";
  while (true) {
    const { done, value = "" } = await lines.next();
    said += value;
    const match = pattern.exec(said);
    if (match !== null) return match;
    if (done) throw new Error(`not said: ${pattern}: ${said}`);
  }
}

/** Whether a program has loaded modules of the library when it ends. */
async function hasLoaded(lines: AsyncIterator<string>): Promise<boolean> {
  return (await says(lines, /\nLOADED (true|false)$/))[1] === "true";
}

function linesOf({ stderr }: Deno.ChildProcess): AsyncIterator<string> {
  return stderr.pipeThrough(new TextDecoderStream()).values();
}

test("join and serve load the client library of NATS only for a broker", async () => {
  const identity = (): readonly string[] => ["--identity", `${emptyDirectory()}/id.json`];
  const host = await start("", "serve", "--port", "0", "--no-announce", ...identity());
  const heard = linesOf(host);
  const [, port] = await says(heard, /Listening on port (\d+)/);
  const bob = await start("hi\n", "join", `127.0.0.1:${port}`, "--name", "bob", ...identity());
  await says(heard, /bob joined/);
  assertEquals(await hasLoaded(linesOf(bob)), false);
  host.kill("SIGINT");
  assertEquals(await hasLoaded(heard), false);
  await Promise.all([host.status, bob.status]);
  const cyd = await start("", "join", nowhere(), "--name", "cyd", ...identity());
  assertEquals(await hasLoaded(linesOf(cyd)), true);
  await cyd.status;
});

test("the bundle of a release finds the client library of NATS", async () => {
  const directory = await Deno.makeTempDir();
  const deno = async (...args: readonly string[]): Promise<string> => {
    const command = new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: ROOT,
      stdin: "null",
    });
    return new TextDecoder().decode((await command.output()).stderr);
  };
  await deno("bundle", "--frozen", "--code-splitting", "--outdir", directory, "main.ts");
  const main = `${directory}/main.js`;
  const said = await deno("run", "--no-config", "--allow-net", main, "join", nowhere());
  assertMatch(said, /Cannot connect to the broker at 127\.0\.0\.1:\d+: nothing listens there/);
  await Deno.remove(directory, { recursive: true });
});
