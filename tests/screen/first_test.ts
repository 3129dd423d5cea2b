/** What a newcomer sees first: the greeting, and the lists of commands. */
import { assertEquals } from "@std/assert";
import { PROGRAM } from "../../lib/ui/notices.ts";
import { emptyDirectory, HostProgram } from "../support/program.ts";
import { Pty, type PtyOptions, unwrapped } from "../support/pty.ts";
import { terminalTest } from "../support/tools.ts";
import { notice, wrapped } from "./expected.ts";
import { hostAtTerminal, scriptIn } from "./people.ts";

const COMPARE = "Compare it in person or by phone; if it differs, someone is in between.";

const HELP = [
  "/msg NAME TEXT tells only NAME",
  "/send FILE     offers a file",
  "/who           who is here",
  "/nick NAME     renames you",
  "/verify [NAME] checks identity",
  "/invite [qr]   how others join",
  "/quit          ends the room",
  "/help all      lists the rest",
];

for (const [columns, rows] of [[80, 24], [40, 10]] as const) {
  terminalTest(`${columns}x${rows} shows the first lines of a host, and /help`, async () => {
    await using ada = await hostAtTerminal("ada", keeping(columns, rows));
    const text = unwrapped(ada.lines).join("\n");
    const [, tag] = /tag (\w{8})/.exec(text)!;
    const [address] = /127\.0\.0\.1:\d+/.exec(text)!;
    const greeting = [
      ...wrapped(columns, notice(`You are ada, the host (tag ${tag}). Others join with:`)),
      ...cut(columns, notice(`    ${PROGRAM} join ${address}`, false)),
      ...wrapped(columns, notice("No one else is here yet. /help lists the commands.", false)),
    ];
    await ada.showsAll(...greeting, ">");
    await using bob = await scriptIn(ada, "bob");
    const joined = [
      notice(`bob joined (join code ${shown((await bob.event("ready")).joinCode!)})`),
      notice(COMPARE, false),
    ];
    const above = [...greeting, ...wrapped(columns, ...joined)];
    await ada.showsAll(...above, ">");
    await ada.type("/help\r");
    await ada.showsAll(...above, ...HELP.map((line, i) => notice(line, i === 0)), ">");
    const visible = ada.screen.rows.slice(-rows).filter((row) => row.includes("-- /"));
    assertEquals(visible.length, HELP.length);
  });

  terminalTest(`${columns}x${rows} shows the first lines of a member`, async () => {
    await using ada = await HostProgram.start(["--name", "ada", "--json"]);
    await using bob = new Pty(["join", ada.address, "--name", "bob"], keeping(columns, rows));
    const { joinCode } = await ada.event("joined");
    const lines = [
      notice("You are bob. 1 other here: ada (host)."),
      notice(`Join code ${shown(joinCode!)}.`, false),
      notice(COMPARE, false),
      notice("Type a message and press Enter. /help lists the commands.", false),
    ];
    await bob.showsAll(...wrapped(columns, ...lines), ">");
  });
}

terminalTest(
  "80x24 shows the link of an invite-only room, and /invite qr its QR code",
  async () => {
    const args = ["serve", "--invite", "--name", "ada", "--port", "0", "--host", "127.0.0.1"];
    await using ada = new Pty(args, keeping(80, 24));
    await ada.says(/No one else is here yet/);
    const [, tag] = /tag (\w{8})/.exec(ada.lines[0]!)!;
    const [link] = /lanchat:\S+\n?\S+/.exec(ada.lines.join("\n"))!;
    await ada.showsAll(
      notice(`You are ada, the host (tag ${tag}). Others join with:`),
      notice(`    ${PROGRAM} join -`, false),
      notice("Then they paste this link; no one joins without it:", false),
      ...cut(80, notice(link.replace("\n", ""), false)),
      notice("No one else is here yet. /help lists the commands.", false),
      ">",
    );
    await ada.type("/invite qr\r");
    await ada.says(/^▀+$/);
    const code = ada.screen.rows.filter((row) => /^[█▀]/.test(row));
    assertEquals(ada.screen.rows.slice(-24).filter((row) => code.includes(row)), code);
  },
);

/** The options of a person whose identity is kept. */
function keeping(columns: number, rows: number): PtyOptions {
  const home = emptyDirectory();
  const permissions = ["--allow-net", "--allow-env", "--allow-read", "--allow-write"];
  return { columns, rows, env: { HOME: home, XDG_CONFIG_HOME: home }, permissions };
}

function shown(joinCode: string): string {
  return `${joinCode.slice(0, 5)} ${joinCode.slice(5)}`;
}

/** The rows of a line to copy, which the terminal wraps. */
function cut(columns: number, line: string): string[] {
  return Array.from(
    { length: Math.ceil(line.length / columns) },
    (_, i) => line.slice(i * columns, (i + 1) * columns).trimEnd(),
  );
}
