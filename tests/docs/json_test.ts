import { assertEquals } from "@std/assert";
import { type Code, CODES } from "../../lib/errors.ts";
import type { UiEvent } from "../../lib/ui/mod.ts";
import { test } from "../support/test.ts";

const DOCUMENT = await Deno.readTextFile(new URL("../../docs/JSON.md", import.meta.url));

/** Every event and its fields; the types make sure that none is left out. */
const EVENTS: {
  [Event in UiEvent as Event["event"]]: Record<Exclude<keyof Event, "event">, true>;
} = {
  listening: { addresses: true, port: true, fingerprint: true, tag: true },
  ready: {
    name: true,
    tag: true,
    key: true,
    session: true,
    fingerprint: true,
    host: true,
    joinCode: true,
    members: true,
  },
  joined: { member: true, joinCode: true },
  left: { member: true, reason: true },
  message: { from: true, text: true, kind: true, private: true, at: true },
  sent: { id: true },
  failed: { id: true, code: true },
  members: { members: true },
  warning: { code: true, message: true, hint: true, line: true },
  error: { code: true, message: true, hint: true, line: true },
  closed: { reason: true },
};

/** The cells of the rows of the table below a heading. */
function rowsOf(heading: string): string[][] {
  const [, section] = DOCUMENT.split(`\n## ${heading}\n`);
  const rows = section!.split("\n## ")[0]!.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
}

test("docs/JSON.md has every code with its exit status", () => {
  const documented = rowsOf("Codes").map(([code, , status]) => [
    code!.replaceAll("`", ""),
    status === "–" ? 0 : Number(status),
  ]);
  assertEquals(
    Object.fromEntries(documented),
    Object.fromEntries(Object.entries(CODES).map(([code, { status }]) => [code, status])),
  );
  assertEquals(documented.length, Object.keys(CODES).length);
});

test("docs/JSON.md has every event with every field", () => {
  const documented = rowsOf("What you read").map(([event, fields]) => ({ event, fields }));
  assertEquals(
    documented.map(({ event }) => event),
    Object.keys(EVENTS).map((kind) => `\`${kind}\``),
  );
  for (const { event, fields } of documented) {
    const kind = event!.replaceAll("`", "") as keyof typeof EVENTS;
    for (const field of Object.keys(EVENTS[kind])) {
      // A warning is about a line of input in no case that there is.
      if (kind === "warning" && field === "line") continue;
      assertEquals(fields!.includes(`\`${field}\``), true, `${event} lacks ${field}`);
    }
  }
});

test("every code of the table is used by the program", async () => {
  const used = new Set<string>();
  for await (const text of sources(new URL("../../lib/", import.meta.url))) {
    for (const [, code] of text.matchAll(/"([a-z0-9-]+)"/g)) used.add(code!);
  }
  assertEquals(Object.keys(CODES).filter((code) => !used.has(code as Code)), []);
});

/** The source of every module below a folder but the table itself. */
async function* sources(folder: URL): AsyncGenerator<string> {
  for await (const { isDirectory, name } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (name !== "errors.ts") yield await Deno.readTextFile(new URL(name, folder));
  }
}
