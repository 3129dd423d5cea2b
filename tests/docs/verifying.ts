/**
 * The screens of docs/VERIFYING.md, taken from real terminals. `deno task screen` rewrites them.
 *
 * @module
 */
import { PROGRAM } from "../../lib/ui/notices.ts";
import { type Pty, unwrapped } from "../support/pty.ts";
import { Person } from "./person.ts";

/** The document. */
export const VERIFYING: URL = new URL("../../docs/VERIFYING.md", import.meta.url);

/** Wide enough for all lines. */
const COLUMNS = 260;

const JOIN_CODE = /(?<=[Jj]oin code )\d{5} \d{5}/g;

const ROOM_CODE = /\d{5}(?: \d{5}){7}/g;

/** Bob's half of a safety number, of which his screen has all. */
const BOBS_HALF = /\d{5}(?: \d{5}){5}(?= \(you\))/;

/** The same where four groups are asked for. */
const ASKING = /(?:(?:\d{5}|\?{5}) ){6}(?=\(bob\))/;

/** Which groups the document asks for, in place of those that chance has chosen. */
const ASKED = [1, 2, 4, 5];

/** Reads the output of a command, up to a row that matches. @returns The command and its output. */
async function asked(pty: Pty, command: string, end: RegExp): Promise<string> {
  const shown = await showing(pty, end, () => pty.type(`${command}\r`));
  return [`> ${command}`, shown].join("\n");
}

/** Reads the rows that appear on a screen during an action, up to a row that matches. */
async function showing(pty: Pty, end: RegExp, action: () => Promise<unknown>): Promise<string> {
  const before = pty.lines.length - 1; // The last row is the prompt.
  await action();
  await pty.until(`${end}`, ({ lines }) => {
    return unwrapped(lines.slice(before)).some((line) => end.test(line)) && lines.at(-1) === ">";
  });
  return pty.lines.slice(before, -1).join("\n");
}

/** All screens, in the order of the document. */
export async function takeScreens(): Promise<string[]> {
  const [adas, bobs, strangers, impostors] = [
    new Person(1, COLUMNS),
    new Person(2, COLUMNS),
    new Person(3, COLUMNS),
    new Person(4, COLUMNS),
  ];
  const screens: string[] = [];
  let address: string;
  let chosen: readonly (readonly [string, string])[];
  {
    await using ada = adas.start("serve", "--name", "ada", "--port", "0", "--host", "127.0.0.1");
    await ada.says(/You are ada/);
    address = /127\.0\.0\.1:\d+/.exec(ada.lines.join("\n"))![0];
    await using bob = bobs.start("join", address, "--name", "bob");
    await Promise.all([ada.says(/bob joined/), bob.says(/Type a message/)]);
    await Promise.all([ada.shows(">"), bob.shows(">")]);
    screens.push(
      ["$ lanchat serve --name ada", ...ada.lines.slice(0, -1)].join("\n"),
      [`$ lanchat join ${address} --name bob`, ...bob.lines.slice(0, -1)].join("\n"),
      await asked(ada, "/verify bob", /\?{5}.*\(bob\)$/),
      await asked(bob, "/verify ada show", /\(ada\)$|\(you\)$/),
    );
    const half = BOBS_HALF.exec(screens.at(-1)!)![0].split(" ");
    const asking = ASKING.exec(screens.at(-2)!)![0].trim();
    const hidden = asking.split(" ");
    const missing = half.filter((_, i) => hidden[i] === "?????").join(" ");
    screens.push(await asked(ada, `/verify bob ${missing}`, /To verify you/));
    chosen = [
      [asking, half.map((group, i) => ASKED.includes(i) ? "?????" : group).join(" ")],
      [`/verify bob ${missing}`, `/verify bob ${ASKED.map((i) => half[i]).join(" ")}`],
    ];
    await bob.type("/verify\r");
    screens.push(await asked(ada, "/verify", /everyone's \/verify/));
    await bob.type("/quit\r");
    await bob.status();
    await ada.says(/bob✓ left/);
    await ada.shows(">");
    screens.push(await adas.run("id"), await adas.run("peers"));

    await using stranger = strangers.start("join", address, "--name", "bob");
    screens.push(
      await showing(ada, /hint: Have them read/, () => stranger.says(/Type a message/)),
    );
    const [shown] = /bob#\w{8}/.exec(screens.at(-1)!)!;
    const answer = await asked(ada, `/whois ${shown}`, /join code/);
    const [digits] = /\d{5}( \d{5}){5}/.exec(answer)!;
    screens.push([answer, await asked(ada, `/accept ${digits}`, /can now read/)].join("\n"));
    await ada.type("/quit\r");
    await ada.status();
  }
  await using _impostor = await impostors.host(address);
  screens.push(await bobs.run("join", address, "--name", "bob"));
  const replacements = [
    ...chosen,
    ...examples(screens, JOIN_CODE, ["93511 39463", "70417 22806"]),
    ...examples(screens, ROOM_CODE, [
      "02817 44093 68150 91377 25064 80921 13742 57986",
    ]),
    [`${PROGRAM} join ${address}`, "lanchat join 192.0.2.2"],
    [`lanchat join ${address}`, "lanchat join 192.0.2.2"],
    [address, "192.0.2.2:12345"],
    [adas.home, "/home/ada/.config"],
  ] as const;
  return screens.map((screen) =>
    replacements.reduce((text, [seen, example]) => text.replaceAll(seen, example), screen)
      .replaceAll(/^00:00/gm, "14:02")
      .replaceAll(/since \d\d:\d\d/g, "since 14:02")
      .replaceAll(/\d{4}-\d\d-\d\d/g, "2026-03-01")
  );
}

/** The parts that differ between runs, and their replacements in the document, in order of appearance. */
function examples(
  screens: readonly string[],
  pattern: RegExp,
  texts: readonly string[],
): (readonly [string, string])[] {
  const seen = new Set(screens.flatMap((screen) => screen.match(pattern) ?? []));
  return [...seen].map((text, i) => [text, texts[i]!]);
}

/** The document with other screens in its `console` blocks. */
export function withScreens(document: string, screens: readonly string[]): string {
  let next = 0;
  return document.replaceAll(
    /(?<=^```console\n)[^]*?(?=^```$)/gm,
    () => `${screens[next++] ?? "(no screen)"}\n`,
  );
}
