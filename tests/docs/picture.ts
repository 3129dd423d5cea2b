/**
 * The README's picture of a chat, taken from two real terminals. `deno task screen` rewrites it.
 *
 * @module
 */
import { emptyDirectory } from "../support/program.ts";
import { Pty, type PtyOptions } from "../support/pty.ts";

/** The document. */
export const README: URL = new URL("../../README.md", import.meta.url);

/** Wide enough for all lines. */
const COLUMNS = 120;

const ADDRESS = "192.0.2.2";

/** The parts that differ between runs and machines, and their replacements in the picture. */
const EXAMPLES: readonly (readonly [RegExp, string])[] = [
  [/ {4}(?:npx|lanchat) .*join .*/g, `    lanchat join ${ADDRESS}`],
  [/\d{5}( \d{5}){5}/g, "29901 99456 56407 44777 73695 56115"],
  [/(?<!\d )\b\d{5} \d{5}\b(?! \d)/g, "93511 39463"],
  [/\(tag \w{8}/g, "(tag chzwmr7k"],
  [/\b\d\d:\d\d\b/g, "14:02"],
];

/** The two terminals at the end of a chat, each with the command that began it. */
export async function takePictures(): Promise<{ ada: string; bob: string }> {
  await using ada = person(["serve", "--name", "ada", "--port", "0", "--no-announce"]);
  await ada.says(/No one else/);
  const port = / join \S+:(\d+)/.exec(ada.lines.join("\n"))![1];
  await using bob = person(["join", `127.0.0.1:${port}`, "--name", "bob"]);
  await ada.says(/bob joined/);
  await bob.says(/Type a message/);
  await says(bob, "hello ada", ada);
  await says(ada, "hi bob! your code is the same as mine", bob);
  await bob.type("/me goes for coffee\r");
  await ada.says(/bob goes for coffee/);
  await bob.says(/bob goes for coffee ✓✓/);
  await bob.type("/quit\r");
  await bob.givesBack();
  await ada.says(/bob left/);
  await ada.shows(">");
  return {
    ada: picture("lanchat serve --name ada", ada),
    bob: picture(`lanchat join ${ADDRESS} --name bob`, bob),
  };
}

/** The document with other pictures. */
export function withPictures(document: string, { ada, bob }: { ada: string; bob: string }): string {
  return document
    .replace(/(Ada's terminal:\n\n```console\n)[^]*?(?=```)/, (_, head) => head + ada)
    .replace(/(Bob's terminal:\n\n```console\n)[^]*?(?=```)/, (_, head) => head + bob);
}

/** A person who grants lanchat all its permissions. */
function person(args: readonly string[]): Pty {
  const home = emptyDirectory();
  const options: PtyOptions = {
    columns: COLUMNS,
    env: { HOME: home, XDG_CONFIG_HOME: home },
    permissions: ["--allow-net", "--allow-sys", "--allow-env", "--allow-read", "--allow-write"],
  };
  return new Pty(args, options);
}

async function says(one: Pty, text: string, other: Pty): Promise<void> {
  await one.type(`${text}\r`);
  await one.until(text, ({ lines }) => lines.some((line) => line.endsWith(`${text} ✓✓`)));
  await other.until(text, ({ lines }) => lines.some((line) => line.endsWith(text)));
}

function picture(command: string, { screen }: Pty): string {
  const lines = EXAMPLES.reduce(
    (lines, [pattern, example]) => lines.replaceAll(pattern, example),
    screen.rows.join("\n"),
  );
  return `$ ${command}\n${lines}\n`;
}
