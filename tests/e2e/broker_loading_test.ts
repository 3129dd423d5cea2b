/** The client library of NATS is loaded only for a broker. */
import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { test } from "../support/test.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The address of a room at which nothing listens. */
function nowhere(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `nats://127.0.0.1:${listener.addr.port}/abcdefghijklmnop`;
}

/** Runs lanchat in a process of its own. @returns Whether it has loaded modules of the library. */
async function loads(...args: readonly string[]): Promise<boolean> {
  const script = `
    import { createRequire } from "node:module";
    import { run } from "${ROOT}lib/cli/mod.ts";
    await run(${JSON.stringify(args)});
    const loaded = Object.keys(createRequire("file://${ROOT}main.ts").cache);
    await Deno.stderr.write(new TextEncoder().encode(
      "\\nLOADED " + loaded.some((path) => path.includes("@nats-io")),
    ));`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, script);
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", `--config=${ROOT}deno.json`, file],
    stdin: "null",
  }).output();
  await Deno.remove(file);
  const [, answer] = /\nLOADED (true|false)$/.exec(new TextDecoder().decode(stderr))!;
  return answer === "true";
}

test("join and serve load the client library of NATS only for a broker", async () => {
  const temporary = ["--identity", `${await Deno.makeTempDir()}/id.json`];
  assertEquals(await loads("join", "127.0.0.1:1", "--name", "bob", ...temporary), false);
  assertEquals(await loads("serve", "--host", "192.0.2.1", "--no-announce", ...temporary), false);
  assertEquals(await loads("join", nowhere(), "--name", "bob", ...temporary), true);
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
