/** What a newcomer sees first: the greeting, and the lists of commands. */
import { assertEquals } from "@std/assert";
import { PROGRAM } from "../../lib/ui/notices.ts";
import { terminalTest } from "../support/tools.ts";
import { notice, wrapped } from "./expected.ts";
import { hostAtTerminal, scriptIn } from "./people.ts";
import { HostProgram } from "../support/program.ts";
import { Pty } from "../support/pty.ts";

const WINDOWS = [[80, 24], [40, 10]] as const;

const HELP = [
  "/msg NAME TEXT tells only NAME",
  "/reply TEXT    answers a /msg",
  "/who           who is here",
  "/nick NAME     renames you",
  "/verify [NAME] is it them?",
  "/invite [qr]   how others join",
  "/quit          leaves the room",
  "/help all      lists the rest",
];

for (const [columns, rows] of WINDOWS) {
  terminalTest(`the first lines of a host, and /help, in ${columns}x${rows}`, async () => {
    await using ada = await hostAtTerminal("ada", { columns, rows });
    const [, tag] = /tag (\w{8})/.exec(ada.lines.join(" "))!;
    const [address] = /127\.0\.0\.1:\d+/.exec(ada.lines.map((line) => line.trim()).join(" "))!;
    const greeting = [
      ...wrapped(columns, notice(`You are ada, the host (tag ${tag}). Others join with:`)),
      ...copied(columns, `    ${PROGRAM} join ${address}`),
      ...wrapped(columns, notice("No one else is here yet. /help lists the commands.", false)),
    ];
    await ada.showsAll(...greeting, ">");
    await using bob = await scriptIn(ada, "bob");
    const { joinCode } = await bob.event("ready");
    const code = `${joinCode!.slice(0, 5)} ${joinCode!.slice(5)}`;
    const joined = [
      ...wrapped(columns, notice(`bob joined (join code ${code})`)),
      ...wrapped(columns, notice("If bob sees another join code, someone is in between.", false)),
    ];
    await ada.showsAll(...greeting, ...joined, ">");
    await ada.type("/help\r");
    const help = HELP.map((line, i) => notice(line, i === 0));
    await ada.showsAll(...greeting, ...joined, ...help, ">");
    assertEquals(
      ada.screen.rows.slice(-rows).filter((line) => line.includes("-- /")).length,
      HELP.length,
    );
  });

  terminalTest(`the first lines of a member in ${columns}x${rows}`, async () => {
    await using ada = await HostProgram.start(["--name", "ada", "--json"]);
    await using bob = new Pty(["join", ada.address, "--name", "bob"], { columns, rows });
    const { joinCode } = await ada.event("joined");
    const code = `${joinCode!.slice(0, 5)} ${joinCode!.slice(5)}`;
    const lines = [
      notice("You are bob. 1 other here: ada (host)."),
      notice(`Join code ${code}: if the host sees it too, no one is in between.`, false),
      notice("Type a message and press Enter. /help lists the commands.", false),
    ];
    await bob.showsAll(...wrapped(columns, ...lines), ">");
  });
}

/** The rows of a line to copy, which the terminal wraps. */
function copied(columns: number, text: string): string[] {
  const line = notice(text, false);
  return Array.from(
    { length: Math.ceil(line.length / columns) },
    (_, i) => line.slice(i * columns, (i + 1) * columns).trimEnd(),
  );
}
