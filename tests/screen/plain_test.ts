import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { HostProgram, run } from "../support/program.ts";
import { Pty, type PtyOptions } from "../support/pty.ts";
import { READY, said, told, wrapped } from "./expected.ts";
import { memberAtTerminal } from "./people.ts";
import { terminalTest } from "../support/tools.ts";

const WAYS: Readonly<Record<string, { args?: string[] } & PtyOptions>> = {
  "TERM=dumb": { env: { TERM: "dumb" }, permissions: ["--allow-net", "--allow-env"] },
  "--plain": { args: ["--plain"] },
};

for (const [way, { args = [], ...options }] of Object.entries(WAYS)) {
  terminalTest(`${way} prints lines without escape sequences`, async () => {
    await using hana = await HostProgram.start(["--name", "hana", "--json"]);
    await using ada = new Pty(
      ["join", hana.address, "--name", "ada", "--no-notify", ...args],
      options,
    );
    await ada.until("The greeting", ({ lines }) => lines.join("").includes(READY));
    await ada.type("hello\n");
    await hana.event("message", ({ text }) => text === "hello");
    await hana.say("hi ada");
    await ada.says(/^00:00 hana: hi ada$/);
    await ada.type("/who\n");
    await ada.says(/^00:00 -- hana's room: 2 here$/);
    await ada.says(/^ +-- ada: you, tag \w{8}$/);
    await ada.says(/-- hana: host, tag \w{8}, not verified, here since \d\d:\d\d/);
    await ada.type("/quit\n");
    assertEquals(await ada.status(), 0);
    // Deno itself clears its progress before the program begins.
    const written = ada.written.slice(ada.written.search(/\d\d:\d\d -- /));
    assert(!written.includes("\x1b"), JSON.stringify(written));
    assert(!ada.lines.some((line) => line.includes("ada: hello")), "what was typed is repeated");
  });
}

terminalTest("NO_COLOR takes away only the colors", async () => {
  const text =
    "one line that is long enough for three rows of this window, and a break\n00:00 bob: hi";
  for (const [columns, rows] of [[80, 24], [40, 10]] as const) {
    await using hana = await HostProgram.start(["--name", "hana", "--json"]);
    await using ada = await memberAtTerminal(hana, "ada", {
      columns,
      rows,
      env: { NO_COLOR: "1" },
    });
    await hana.say(text);
    await ada.shows(...wrapped(columns, said("hana", text)), ">");
    assert(ada.screen.place?.startsWith("── "), ada.screen.place);
    const bold = ada.screen.cells.map((row) =>
      row.filter((cell) => cell.bold).map((cell) => cell.text).join("")
    );
    assertEquals(bold.filter((text) => text === "hana").length, 1);
    await ada.type("and this is an answer of more than forty columns\r");
    await hana.event("message");
    const answer = told("ada", "and this is an answer of more than forty columns");
    await ada.shows(...wrapped(columns, answer), ">");
    // deno-lint-ignore no-control-regex -- a color is a control sequence
    assertEquals(ada.written.match(/\x1b\[(?:[\d;]*;)?[349]\d[\d;]*m/), null);
    await ada.type("/quit\r");
    await ada.givesBack();
  }
});

terminalTest("a command wraps its lines at words in a terminal, and nowhere else", async () => {
  const error = 'lanchat: error: lanchat scan has no option "--no-such-option"';
  await using narrow = new Pty(["scan", "--no-such-option"], { columns: 40 });
  assertEquals(await narrow.status(), 2);
  assertEquals(narrow.lines.slice(0, 2), [
    "lanchat: error: lanchat scan has no",
    '         option "--no-such-option"',
  ]);
  const { stderr } = await run(["scan", "--no-such-option"]);
  assertEquals(stderr.split("\n")[0], error);
  await using help = new Pty(["help"], { columns: 40 });
  assertEquals(await help.status(), 0);
  const usage = (await run(["help"])).stdout;
  assert(usage.includes("Encrypted chat for the people on one network.\n"), usage);
  assertEquals(help.lines.slice(0, 2), ["Encrypted chat for the people on one", "network."]);
});

terminalTest("a mention is highlighted and rings", async () => {
  await using hana = await HostProgram.start(["--name", "hana", "--json"]);
  await using ada = await memberAtTerminal(hana, "ada");
  await hana.say("adam is here");
  await ada.shows(said("hana", "adam is here"), ">");
  assertEquals(ada.screen.effects.bells, 0);
  await hana.say("are you, Ada?");
  await ada.shows(said("hana", "are you, Ada?"), ">");
  assertEquals(ada.screen.effects.bells, 1);
  assertStringIncludes(ada.written, "are you, \x1b[7mAda\x1b[27m?");
});
