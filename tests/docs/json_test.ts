/**
 * docs/JSON.md matches the code: its tables are compared with `CODES` and with the types of
 * `lib/session_events.ts`, its examples with its tables.
 */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { CODES, EXIT } from "../../lib/errors.ts";

const DOCUMENT = Deno.readTextFileSync(new URL("../../docs/JSON.md", import.meta.url));

const EVENTS_SOURCE = fileURLToPath(new URL("../../lib/session_events.ts", import.meta.url));

/** A field of an event: its type in the words of the document. */
type Fields = Record<string, string>;

/** The cells of the tables in a part of the document, row by row, without their headings. */
function rows(markdown: string): string[][] {
  return markdown.split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    .filter(([first]) => /^`|^\d/.test(first!));
}

/** The text below a heading, up to the next one of its kind. */
function section(heading: string): string {
  const level = /^#+ /.exec(heading)![0];
  const start = DOCUMENT.indexOf(`\n${heading}\n`);
  assert(start >= 0, `${heading} is missing`);
  const body = DOCUMENT.slice(start + heading.length + 2);
  const end = body.search(new RegExp(`^#{2,${level.length - 1}} `, "m"));
  return end < 0 ? body : body.slice(0, end);
}

function unquote(cell: string): string {
  return cell.replaceAll("`", "");
}

/** The documented events: for each the fields of its first table. */
function documentedEvents(): Map<string, Fields> {
  const events = new Map<string, Fields>();
  for (const part of section("## What lanchat writes").split(/^### /m).slice(1)) {
    const [heading, ...body] = part.split("\n");
    const [, table = ""] = /^(\| field[^]*?)\n\n/m.exec(body.join("\n")) ?? [];
    const fields = Object.fromEntries(
      rows(table).map(([field, type]) => [unquote(field!), unquote(type!)]),
    );
    for (const [, event] of heading!.matchAll(/`([\w-]+)`/g)) events.set(event!, fields);
  }
  return events;
}

// The used parts of `deno doc --json`.
interface TypeNode {
  readonly kind: "keyword" | "literal" | "union" | "typeRef" | "array" | "typeOperator";
  readonly repr: string;
  readonly value: unknown;
}
interface Property {
  readonly name: string;
  readonly optional?: boolean;
  readonly tsType: TypeNode;
}
interface Definition {
  readonly tsType?: TypeNode;
  readonly properties?: readonly Property[];
  readonly extends?: readonly TypeNode[];
}

function definitions(file: string): Map<string, Definition> {
  const { stdout, success } = new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", file],
  }).outputSync();
  assert(success);
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  const [{ symbols }] = Object.values(nodes) as [
    { symbols: { name: string; declarations: { def: Definition }[] }[] },
  ];
  return new Map(symbols.map(({ declarations, name }) => [name, declarations[0]!.def]));
}

const TYPES = definitions(EVENTS_SOURCE);

/** The words of the document for types that have a name. */
const NAMES: Readonly<Record<string, string>> = {
  Code: "code",
  HostView: "host",
  KnownView: "known peer",
  M: "member",
  MemberView: "member",
  PresentView: "member",
  FullView: "member",
  BanView: "ban",
  ReceiverView: "receiver",
  TransferView: "transfer",
  number: "integer",
};

function describe({ kind, repr, value }: TypeNode): string {
  switch (kind) {
    case "literal":
      return repr === "true" ? repr : `"${repr}"`;
    case "union": {
      const options = (value as TypeNode[]).map(describe);
      return [options.slice(0, -1).join(", "), options.at(-1)].join(" or ");
    }
    case "typeRef": {
      const alias = TYPES.get(repr)?.tsType;
      return alias === undefined ? NAMES[repr] ?? repr : describe(alias);
    }
    case "typeOperator":
      return describe((value as { tsType: TypeNode }).tsType);
    case "array":
      return `array of ${describe(value as TypeNode)}s`;
    case "keyword":
      return NAMES[repr] ?? repr;
  }
}

/** The properties of an interface, or of an alias of one, those of its bases first. */
function properties(name: string): Property[] {
  const { extends: bases = [], properties: own = [], tsType } = TYPES.get(name)!;
  return [...[...bases, ...tsType === undefined ? [] : [tsType]].flatMap(baseProperties), ...own];
}

/** The bases of events and wishes name them by a type argument. */
function baseProperties({ repr, value }: TypeNode): Property[] {
  const [argument] = (value as { readonly typeParams?: readonly TypeNode[] }).typeParams ?? [];
  return properties(repr).map((property) =>
    argument === undefined ? property : { ...property, tsType: argument }
  );
}

/** The members of a union of events or wishes: for each value of their `tag` their fields. */
function fieldsByTag(union: string, tag: string): Map<string, Fields> {
  const all = new Map<string, Fields>();
  for (const { repr } of TYPES.get(union)!.tsType!.value as TypeNode[]) {
    const { [tag]: tags, ...others } = Object.fromEntries(
      properties(repr).map((property) => [property.name, property]),
    );
    const fields = Object.fromEntries(
      Object.values(others).map(({ name, optional, tsType }) =>
        [name, describe(tsType) + (optional ? ", optional" : "")] as const
      ),
    );
    for (const [, name] of describe(tags!.tsType).matchAll(/"([\w-]+)"/g)) {
      assert(!all.has(name!), `${name} is there twice`);
      all.set(name!, fields);
    }
  }
  return all;
}

/** The events that the code can emit, and their fields. */
const EMITTED = fieldsByTag("SessionEvent", "event");

/** The wishes that the code takes, and their fields. */
const TAKEN = fieldsByTag("Wish", "do");

Deno.test("docs/JSON.md has every event, with every field and its type", () => {
  assertEquals(Object.fromEntries(documentedEvents()), Object.fromEntries(EMITTED));
});

Deno.test("docs/JSON.md has the fields of a member, and of the other values in several events", () => {
  const objects = [...section("## What lanchat writes").matchAll(/`(\{"[^`]+… ?\})`/g)]
    .map(([, object]) => [...object!.matchAll(/"(\w+)":/g)].map(([, field]) => field));
  const fields = (name: string): string[] => properties(name).map(({ name }) => name);
  assertEquals(
    objects,
    ["MemberView", "KnownView", "HostView", "ReceiverView", "TransferView"].map(fields),
  );
});

Deno.test("docs/JSON.md has the fields of a present member, and of a member in an answer", () => {
  const [, table = ""] = /<a id="present">[^]*?\n(\| field[^]*?)\n\n/.exec(DOCUMENT) ?? [];
  const documented = rows(table).map(([field, type]) => [unquote(field!), unquote(type!)]);
  const own = TYPES.get("PresentView")!.properties!;
  assertEquals(
    documented,
    own.map(({ name, optional, tsType }) => [
      name,
      describe(tsType) + (optional ? ", optional" : ""),
    ]),
  );
  const more = TYPES.get("FullView")!.properties!.map(({ name }) => name);
  const told = section("### `member`").matchAll(/`(fingerprint|joinCode)`/g);
  assertEquals([...told].map(([, name]) => name), more);
});

/** The types of fields that are no texts, which the document tells in its own words. */
const FIELD_TYPES: Readonly<Record<string, string>> = { paths: "array of strings", id: "integer" };

Deno.test("docs/JSON.md has every wish of `do`, with every field and its answer", () => {
  const documented = rows(section('### `{"do": …}`')).map(([wish, fields, , answer]) => {
    assert(EMITTED.has(unquote(answer!)), answer);
    const texts = unquote(fields!).split(", ").filter((field) => field !== "");
    return [unquote(wish!).replaceAll('"', ""), texts] as const;
  });
  // A program sends a long text as it likes.
  const { say: _say, verify: _verify, "send-text": _text, refused: _refused, ...others } = Object
    .fromEntries(TAKEN);
  const taken = Object.entries(others).map(([wish, fields]) => {
    for (const [field, type] of Object.entries(fields)) {
      assertEquals(type.replace(", optional", ""), FIELD_TYPES[field] ?? "string", wish);
    }
    return [wish, Object.keys(fields)];
  });
  assertEquals(Object.fromEntries(documented), Object.fromEntries(taken));
});

Deno.test("docs/JSON.md has every field of `say` and `verify`", () => {
  const documented = (heading: string): Fields =>
    Object.fromEntries(
      rows(section(heading)).map(([field, type]) => [unquote(field!), unquote(type!)]),
    );
  // A program sends only texts, and names its messages or has them numbered.
  const { id, kind, text, ...say } = TAKEN.get("say")!;
  assertEquals([kind, id], ['"text" or "action"', "string"]);
  assertEquals(documented('### `{"say": …}`'), { say: text!, ...say, id: `${id}, optional` });
  // A program shows the whole number in its own form.
  const { name, show, ...verify } = TAKEN.get("verify")!;
  assertEquals([name, show], ["string, optional", "true, optional"]);
  assertEquals(documented('### `{"verify": …}`'), { verify: "string or true", ...verify });
});

Deno.test("docs/JSON.md has every code with its exit status", () => {
  const documented = rows(section("## Codes")).map(([code, , status]) => [unquote(code!), status]);
  const table = Object.entries(CODES).map((
    [code, { status }],
  ) => [code, status ? `${status}` : "–"]);
  assertEquals(documented, table);
});

Deno.test("docs/JSON.md lists as warnings the codes that end no run, and gives each code a meaning", () => {
  for (const [code, kinds, status, when] of rows(section("## Codes"))) {
    assert(when!.length > 10, code);
    for (const kind of kinds!.split(", ")) {
      assert(["error", "warning", "failed"].includes(kind), `${code}: ${kind}`);
    }
    if (kinds === "warning") assertEquals(status, "–", code);
    if (kinds!.includes("failed")) assertEquals(status, "1", code);
  }
});

Deno.test("docs/JSON.md has every exit status", () => {
  const documented = rows(section("## Exit status")).map(([status]) => Number(status));
  assertEquals(documented, Object.values(EXIT));
});

Deno.test("docs/JSON.md explains every reason for which a run is closed", () => {
  const [, ...explained] = rows(section("### `closed`")).map(([reason]) => unquote(reason!));
  assertEquals(
    `"${explained.slice(0, -1).join('", "')}" or "${explained.at(-1)}"`,
    EMITTED.get("closed")!.reason,
  );
});

Deno.test("the examples in docs/JSON.md have the fields that it lists", () => {
  const events = documentedEvents();
  const shown = new Set<string>();
  for (const [, lines] of section("## What lanchat writes").matchAll(/```jsonl\n([^]*?)```/g)) {
    for (const line of lines!.trimEnd().split("\n")) {
      const { event, ...example } = JSON.parse(line);
      const fields = Object.entries(events.get(event)!);
      const required = fields.filter(([, type]) => !type.endsWith(", optional"));
      for (const [field] of required) assert(field in example, `${event}: ${field}`);
      for (const field of Object.keys(example)) {
        assert(fields.some(([known]) => known === field), `${event}: ${field}`);
      }
      if ("code" in example) assert(example.code in CODES, example.code);
      shown.add(event);
    }
  }
  assertEquals([...shown], [...events.keys()]);
});
