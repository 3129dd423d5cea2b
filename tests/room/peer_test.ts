import { assertEquals, assertMatch } from "@std/assert";
import { test } from "../support/test.ts";

const FOLDER = new URL("../../lib/room/", import.meta.url);

/** The source of each file of lib/room, by name. */
const SOURCES = new Map(
  [...Deno.readDirSync(FOLDER)].map(({ name }) => [
    name,
    Deno.readTextFileSync(new URL(name, FOLDER)),
  ]),
);

const PEER = SOURCES.get("peer.ts")!;

/** The state objects of a peer, and the class that writes each by its own documentation. */
const OWNERS = [
  ...PEER.matchAll(/\/\*\*[^/]* Written by `(\w+)`\. \*\/\nexport class (\w+State) /g),
]
  .map(([, owner, state]) => ({ owner: owner!, state: state! }));

test("Peer has only read-only fields, and each state has an owner", () => {
  const fields = PEER.slice(PEER.indexOf("export class Peer {")).match(
    /^ {2}#?\w+(?:\??:| =).*;$/gm,
  );
  assertEquals(fields, null);
  const states = PEER.match(/^export class \w+State /gm)!;
  assertEquals(states, OWNERS.map(({ state }) => `export class ${state} `));
  for (const { state } of OWNERS) assertMatch(PEER, new RegExp(`: Readonly<${state}>`));
});

// The compiler refuses to write to a Readonly; only code that names the state's own type can.
for (const { owner, state } of OWNERS) {
  test(`Peer's ${state} is written by ${owner} only`, () => {
    const users = [...SOURCES].filter(([name, source]) =>
      name !== "peer.ts" && new RegExp(`\\b${state}\\b`).test(source)
    );
    const classes = users.map(([, source]) => source.match(/^export class (\w+)/gm)?.at(-1));
    assertEquals(classes, [`export class ${owner}`]);
  });
}
