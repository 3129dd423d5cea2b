import { assert, assertEquals } from "@std/assert";
import { parseCommandLine } from "../../lib/cli/args.ts";
import { emptyDirectory } from "../support/program.ts";
import { test } from "../support/test.ts";
import { missing, testUnless } from "../support/tools.ts";

/** The greatest exposure that the service may have, in tenths: 0 is none, 100 is that of no limits at all. */
const MAX_EXPOSURE = 12;

const UNIT = await Deno.readTextFile(new URL("../../release/lanchat.service", import.meta.url));

/** What the service runs, without its arguments. */
const PROGRAM = "/usr/local/bin/lanchat";

const [, ARGS] = new RegExp(`^ExecStart=${PROGRAM} (.+)$`, "m").exec(UNIT)!;

/** Lets systemd-analyze judge the service, with a program that exists. @returns What it printed. */
async function analyze(...args: string[]): Promise<{ printed: string; success: boolean }> {
  const file = `${emptyDirectory()}/lanchat.service`;
  await Deno.writeTextFile(file, UNIT.replace(PROGRAM, Deno.execPath()));
  const { stderr, stdout, success } = await new Deno.Command("systemd-analyze", {
    args: [...args, file],
  }).output();
  const decoder = new TextDecoder();
  return { printed: decoder.decode(stdout) + decoder.decode(stderr), success };
}

test("lanchat.service hosts a room without being a member", () => {
  const command = parseCommandLine(ARGS!.split(" "));
  assert(command.kind === "serve" && command.relayOnly);
});

test("lanchat.service is started again for as long as what it needs is not there", () => {
  const [, seconds] = /^RestartSec=(\d+)$/m.exec(UNIT) ?? [];
  assert(5 * Number(seconds) > 10, "systemd gives up after five starts within ten seconds");
});

testUnless(missing("systemd-analyze"), "systemd finds no fault in lanchat.service", async () => {
  assertEquals(await analyze("verify", "--man=no"), { printed: "", success: true });
});

testUnless(missing("systemd-analyze"), "lanchat.service leaves little exposed", async () => {
  const { printed, success } = await analyze(
    "security",
    "--offline=true",
    `--threshold=${MAX_EXPOSURE}`,
    "--no-pager",
  );
  assert(success, printed);
});
