import { assertEquals } from "@std/assert";
import { dirname } from "node:path";
import type { Platform } from "../../lib/store/mod.ts";
import { readOptionsFile } from "../../lib/store/options_file.ts";
import { assertFails } from "../support/assert.ts";
import { test } from "../support/test.ts";

const ROOT = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));
Deno.mkdirSync(`${ROOT}/lanchat`, { mode: 0o700 });
const FILE = `${ROOT}/lanchat/options`;

function platform(directory?: string): Platform {
  return { os: "linux", env: (name) => name === "XDG_CONFIG_HOME" ? directory : undefined };
}

test("readOptionsFile reads the file in the platform's own place, if there is one", async () => {
  assertEquals(await readOptionsFile(platform(ROOT)), { file: FILE, state: "missing", text: "" });
  assertEquals(await readOptionsFile(platform(`${ROOT}/none`)), {
    file: `${ROOT}/none/lanchat/options`,
    state: "missing",
    text: "",
  });
  Deno.writeTextFileSync(FILE, "--name é\n", { mode: 0o600 });
  assertEquals(await readOptionsFile(platform(ROOT)), {
    file: FILE,
    state: "read",
    text: "--name é\n",
  });
  const below = await readOptionsFile(platform(FILE)); // A file in place of the directory.
  assertEquals(below, { file: `${FILE}/lanchat/options`, state: "missing", text: "" });
  assertEquals(await readOptionsFile(platform()), { state: "not-allowed", text: "" });
});

test("readOptionsFile says why it cannot read a file", async () => {
  const fails = (reason: string): Promise<unknown> =>
    assertFails(readOptionsFile(platform(ROOT)), "options-unreadable", reason);
  Deno.writeFileSync(FILE, new Uint8Array([0xff]));
  await fails("it is not UTF-8");
  Deno.writeFileSync(FILE, new Uint8Array((1 << 16) + 1));
  await fails("at most 65536");
  Deno.removeSync(FILE);
  Deno.mkdirSync(FILE);
  await fails("not a regular file");
  Deno.removeSync(FILE);
});

Deno.test({
  name: "readOptionsFile refuses a file that others can change",
  ignore: Deno.build.os === "windows",
  async fn() {
    Deno.writeTextFileSync(FILE, "--quiet\n", { mode: 0o600 });
    for (
      const [path, mode, restored] of [[FILE, 0o620, 0o644], [dirname(FILE), 0o777, 0o755]] as const
    ) {
      Deno.chmodSync(path, mode);
      const octal = mode.toString(8);
      await assertFails(readOptionsFile(platform(ROOT)), "options-unreadable", `mode 0${octal}`);
      Deno.chmodSync(path, restored);
      assertEquals((await readOptionsFile(platform(ROOT))).state, "read");
    }
  },
});

Deno.test({
  name: "readOptionsFile does without the file if it may not read or find it",
  permissions: { read: false, env: false },
  async fn() {
    assertEquals(await readOptionsFile(platform(ROOT)), {
      file: FILE,
      state: "not-allowed",
      text: "",
    });
    assertEquals(await readOptionsFile(), { state: "not-allowed", text: "" });
  },
});
