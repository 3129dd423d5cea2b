/**
 * The README's picture of a chat, and its text, taken from two real terminals. `deno task screen` rewrites both.
 *
 * @module
 */
import type { Cell } from "../support/emulator.ts";
import type { Pty } from "../support/pty.ts";
import { Person } from "./person.ts";
import { drawWindows } from "./svg.ts";

/** The document. */
export const README: URL = new URL("../../README.md", import.meta.url);

/** The picture. */
export const PICTURE: URL = new URL("../../docs/chat.svg", import.meta.url);

/** Narrow enough to be read on a phone. */
const COLUMNS = 66;

const ADDRESS = "192.168.1.5";

const LABEL = "Ada hosts a room, Bob joins, and they chat";

/** The parts that differ between runs and machines, and their replacements in the picture. */
const EXAMPLES: readonly (readonly [RegExp, string])[] = [
  [/(?<= {4})(?:npx|lanchat) [^]*?:[\d\n]*\d/g, `lanchat join ${ADDRESS}`],
  [/(?<!\d )\b\d{5}\s+\d{5}\b(?! \d)/g, "93511 39463"],
  [/\b\d\d:\d\d(?= )/g, "14:02"],
];

/** A cell that looks like any other text. */
const PLAIN = { plain: true, bold: false, dim: false, inverse: false };

/** The picture of a chat, and its text. */
export interface Picture {
  /** The picture as SVG. */
  readonly svg: string;
  /** The rows of both terminals, each with the command that began it. */
  readonly text: string;
}

/** Takes the picture of a chat of two people. */
export async function takePicture(): Promise<Picture> {
  const [adas, bobs] = [new Person(1, COLUMNS), new Person(5, COLUMNS)];
  const where = ["--host", "127.0.0.1", "--port", "0", "--no-announce"];
  await using ada = adas.start("serve", "--name", "ada", ...where);
  await ada.says(/No one else/);
  const port = /\bjoin ?\S+?:(\d+)/.exec(ada.lines.join(""))![1];
  await using bob = bobs.start("join", `127.0.0.1:${port}`, "--name", "bob");
  await ada.says(/bob joined/);
  await bob.says(/Type a message/);
  await says(bob, "hello! lunch at one?", ada);
  await says(ada, "yes! bring carol, bob", bob);
  await Promise.all([ada.shows(">"), bob.shows(">")]);
  const windows = [
    { title: "Ada", rows: rowsOf("lanchat serve --name ada", ada) },
    { title: "Bob", rows: rowsOf(`lanchat join ${ADDRESS} --name bob`, bob) },
  ];
  return {
    svg: drawWindows(windows, COLUMNS, LABEL),
    text: windows.map(({ rows }) => rows.map(textOf).map((row) => `${row.trimEnd()}\n`).join(""))
      .join("\n"),
  };
}

/** The document with another text of the picture. */
export function withText(document: string, text: string): string {
  return document.replace(/(?<=```console\n)[^]*?(?=```)/, text);
}

async function says(one: Pty, text: string, other: Pty): Promise<void> {
  await one.type(`${text}\r`);
  await one.until(text, ({ lines }) => lines.some((line) => line.endsWith(`${text} ✓✓`)));
  await other.until(text, ({ lines }) => lines.some((line) => line.endsWith(text)));
}

/** The rows of a terminal after the command that began it, with the examples in place of what differs. */
function rowsOf(command: string, { screen }: Pty): Cell[][] {
  const lineFeed = { ...PLAIN, text: "\n" };
  let cells = screen.cells.flatMap((row) => [...row, lineFeed]);
  for (const [pattern, example] of EXAMPLES) {
    // Each cell has one character, so places in the text are places of cells.
    for (const { 0: found, index } of [...textOf(cells).matchAll(pattern)].reverse()) {
      const look = cells[index]!;
      const replacement = [...example].map((text) => ({ ...look, text }));
      cells = cells.toSpliced(index, found.length, ...replacement);
    }
  }
  const rows: Cell[][] = [[...`$ ${command}`].map((text) => ({ ...PLAIN, text })), []];
  for (const cell of cells.slice(0, -1)) {
    if (cell.text === "\n") rows.push([]);
    else rows.at(-1)!.push(cell);
  }
  return rows;
}

function textOf(cells: readonly Cell[]): string {
  return cells.map(({ text }) => text || " ").join("");
}
