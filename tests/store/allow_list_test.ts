import { assertEquals } from "@std/assert";
import { readAllowList } from "../../lib/store/mod.ts";
import { assertFails } from "../support/assert.ts";
import { test } from "../support/test.ts";

const ROOT = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));
const FILE = `${ROOT}/allowed`;
const [ADA, BOB] = ["012345678901234567890123456789", "987654321098765432109876543210"] as const;

test("readAllowList accepts digits with and without groups, comments and blank lines", async () => {
  const texts = [
    `${ADA}\n${BOB}\n`,
    `# friends\r\n\r\n  01234 56789 01234 56789 01234 56789  # ada\r\n\t${BOB}`,
    `${BOB}#\n01234-56789-01234-56789-01234-56789\n${ADA}\n#`,
  ];
  for (const text of texts) {
    Deno.writeTextFileSync(FILE, text);
    assertEquals([...await readAllowList(FILE)].sort(), [ADA, BOB]);
  }
  Deno.writeTextFileSync(FILE, "# nobody\n");
  assertEquals(await readAllowList(FILE), new Set());
});

test("readAllowList names the line that it cannot use", async () => {
  for (const line of ["ada", ADA.slice(1), `${ADA}0`, `${ADA} ${BOB}`, "lanchat://"]) {
    Deno.writeTextFileSync(FILE, `# one\n\n${ADA}\n${line}\n${BOB}\n`);
    await assertFails(readAllowList(FILE), "bad-list", "line 4 of");
  }
});

test("readAllowList says why it cannot read a file", async () => {
  await assertFails(readAllowList(`${ROOT}/nowhere`), "bad-list", "No such file");
  await assertFails(readAllowList(ROOT), "bad-list", "not a regular file");
  Deno.writeFileSync(FILE, new Uint8Array((1 << 20) + 1));
  await assertFails(readAllowList(FILE), "bad-list", "at most 1048576");
});

Deno.test({
  name: "readAllowList names the missing permission",
  permissions: { read: false },
  async fn() {
    await assertFails(readAllowList(FILE), "permission-denied", "--allow-read");
  },
});
