/** Every command line and slash command that the documents name can be typed. */
import { assert, assertEquals } from "@std/assert";
import { parseCommandLine } from "../../lib/cli/args.ts";
import type { UsageError } from "../../lib/errors.ts";
import { findCommand } from "../../lib/ui/slash_commands.ts";
import { test } from "../support/test.ts";
import { blocksOf, DOCUMENTS, read, spansOf } from "./documents.ts";

/** What stands for a value that must be of a certain form, and such a value. */
const VALUES: Readonly<Record<string, string>> = {
  COMMAND: "serve",
  FINGERPRINT: "29901 99456 56407 44777 73695 56115",
  LINK: "-",
  MIB: "1",
  MINUTES: "1",
  N: "2",
  SECONDS: "1",
};

/** Paths, which are no slash commands. */
const PATHS = /^\/(?:dev|proc|tmp|usr|var)\b/;

/** How a command line of lanchat begins from source. */
const FROM_SOURCE = /^(?:npx -y deno@\S+|deno) run (?:--\S+ )+main\.ts /;

/** A label in cryptography, which is no command line. */
const LABEL = "lanchat identity";

/** The changelog may name what there is no longer. */
const CURRENT = DOCUMENTS.filter((path) => path !== "CHANGELOG.md");

/** Cuts what a shell would do with the rest of a line. */
const SHELL_OPERATOR = /^(?:[|&;]|\d?[<>])/;

/** The arguments of a command line, as a shell would give them. */
function argumentsOf(line: string): string[] {
  const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|\S+/g)];
  const end = words.findIndex(([word]) => SHELL_OPERATOR.test(word));
  return words.slice(1, end < 0 ? undefined : end)
    .map(([word, double, single]) => double ?? single ?? word)
    .map((word) => word.replaceAll(/[[\]]/g, ""))
    .map((word) => VALUES[word] ?? word);
}

/** The command lines of lanchat in a document: those of its code spans and of its shell blocks. */
function commandLines(path: string): string[] {
  const lines = blocksOf(path).flatMap(({ language, text }) =>
    language === "sh" || language === "console" ? text.split("\n") : []
  );
  const typed = lines.flatMap((line) =>
    /(?:^|[|&] |\$ )((?:lanchat|npx|deno) .+)/.exec(line)?.[1] ?? []
  );
  return [...spansOf(read(path)), ...typed].map((line) => line.replace(FROM_SOURCE, "lanchat "))
    .filter((line) => /^lanchat [^/]/.test(line) && line !== LABEL);
}

/** Why lanchat would not run a command line; `undefined` if it would. A command may stand without its operand. */
function refusal(line: string): string | undefined {
  const args = argumentsOf(line);
  try {
    parseCommandLine(args);
  } catch (error) {
    const isName = args.every((arg) => /^[a-z]+$/.test(arg));
    if (isName && (error as UsageError).code === "missing-value") return undefined;
    return `${line}: ${error}`;
  }
}

function isSlashCommand(span: string): boolean {
  const [word = "", ...rest] = span.split(" ");
  try {
    return findCommand(word, rest.join(" ")) !== undefined;
  } catch {
    return false;
  }
}

for (const path of CURRENT) {
  test(`${path} names only command lines and slash commands that can be typed`, () => {
    assertEquals(commandLines(path).flatMap((line) => refusal(line) ?? []), []);
    const slashed = spansOf(read(path)).filter((span) => /^\/\w/.test(span) && !PATHS.test(span));
    assertEquals(slashed.filter((span) => !isSlashCommand(span)), []);
  });
}

test("a command line that lanchat would refuse is found", () => {
  assert(commandLines("README.md").length > 5);
  assertEquals(refusal('lanchat serve --room "movie night" > log'), undefined);
  assertEquals(refusal("lanchat serve --keep-seat MINUTES"), undefined);
  assert(refusal("lanchat serve --rooom movies") !== undefined);
  assert(refusal("lanchat serve movies | tee log") !== undefined);
  assert(commandLines("README.md").includes("lanchat join 127.0.0.1"));
  assertEquals(["/who", "/nothing", "/v bob"].filter(isSlashCommand), ["/who", "/v bob"]);
});
