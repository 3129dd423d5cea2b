import { assert, assertEquals } from "@std/assert";
import { HostProgram } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";
import { Pty, type PtyOptions, SHELL_PROMPT } from "../support/pty.ts";
import { terminalTest } from "../support/tools.ts";
import { READY, rule, said, typed } from "./expected.ts";
import { memberAtTerminal, scriptIn } from "./people.ts";

terminalTest("the place is one row above the typed line, and leaves no trace", async () => {
  for (
    const [columns, rows, away] of [
      [120, 40, "bob away"],
      [80, 24, "bob away"],
      [40, 10, "bob away"],
      [32, 10, "1 away"],
    ] as const
  ) {
    await using hana = await HostProgram.start(["--name", "hana", "--json"]);
    await using ada = await memberAtTerminal(hana, "ada", { columns, rows });
    await ada.type("half a line");
    await ada.shows(...typed(columns, "half a line"));
    assertEquals(ada.screen.place, "── hana's room: 2 here");
    await using bob = await hana.join(["--name", "bob", "--json"]);
    await bob.tell({ do: "status", text: "lunch" });
    await ada.says(/-- bob is away/);
    await ada.shows(...typed(columns, "half a line"));
    assertEquals(ada.screen.place, `── hana's room: 3 here, ${away}`);
    const shown = ada.lines.slice(0, -1);
    await ada.type("\x03");
    await ada.givesBack();
    assertEquals(ada.screen.place, undefined);
    assertEquals(ada.lines, [...shown, SHELL_PROMPT]);
  }
});

terminalTest(
  "the place says that the connection is lost, and a rule shows what came meanwhile",
  async () => {
    await using hana = await HostProgram.start(["--name", "hana", "--json"]);
    await using proxy = await Proxy.open(hana.port);
    await using ada = await memberAtTerminal(hana, "ada", { address: proxy.address });
    proxy.refuse();
    proxy.cut();
    await ada.until("The state", () => ada.screen.place === "── hana's room: reconnecting");
    await hana.say("one", "two");
    await proxy.admit();
    await ada.until("The state", () => ada.screen.place === "── hana's room: 2 here");
    const first = ada.lines.indexOf(said("hana", "one"));
    assertEquals(ada.lines.slice(first - 1, first + 2), [
      rule(80),
      said("hana", "one"),
      said("hana", "two"),
    ]);
  },
);

/** A host in a room with a name, at a terminal. */
async function named(args: readonly string[] = [], options: PtyOptions = {}): Promise<Pty> {
  const where = ["--port", "0", "--host", "127.0.0.1", "--room", "tea"];
  const pty = new Pty(["serve", ...where, "--name", "ada", ...args], options);
  await pty.until("The greeting", ({ lines }) => lines.join("").includes(READY));
  return pty;
}

terminalTest(
  "the title has the room's name, and the number of messages since the last key",
  async () => {
    await using ada = await named();
    assertEquals(ada.screen.place, '── "tea": only you');
    assertEquals(ada.screen.title, "tea - lanchat");
    await using bob = await scriptIn(ada, "bob");
    await bob.say("one", "two");
    await ada.until("The count", () => ada.screen.title === "(2) tea - lanchat");
    await ada.type("x");
    await ada.until("The count", () => ada.screen.title === "tea - lanchat");
    await ada.type("\x03");
    await ada.givesBack();
  },
);

for (
  const [way, args, options] of [
    ["--no-title", ["--no-title"], {}],
    ["--plain", ["--plain"], {}],
    ["TERM=dumb", [], { env: { TERM: "dumb" }, permissions: ["--allow-net", "--allow-env"] }],
  ] as const
) {
  terminalTest(`${way} leaves the title alone`, async () => {
    await using ada = await named(args, options);
    await ada.type("/quit\r");
    assertEquals(await ada.status(), 0);
    assert(!ada.written.includes("\x1b]0;"), JSON.stringify(ada.written));
    assertEquals(ada.screen.title, "shell");
  });
}
