/** The client library of NATS is loaded only for a broker. */
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { test } from "../support/test.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

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
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const nothing = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  const temporary = ["--identity", `${await Deno.makeTempDir()}/id.json`];
  assertEquals(await loads("join", nothing, "--name", "bob", ...temporary), false);
  assertEquals(await loads("serve", "--host", "192.0.2.1", "--no-announce", ...temporary), false);
  const room = `nats://${nothing}/abcdefghijklmnop`;
  assertEquals(await loads("join", room, "--name", "bob", ...temporary), true);
});
