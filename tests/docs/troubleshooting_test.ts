/** docs/TROUBLESHOOTING.md quotes what lanchat says, and names its codes. */
import { assert, assertEquals } from "@std/assert";
import { CODES } from "../../lib/errors.ts";
import { test } from "../support/test.ts";
import { read, sourcesOf } from "./documents.ts";

const SOURCES = sourcesOf("lib").map(read);

/** The first two cells of each row of the table. */
const ROWS = [...read("docs/TROUBLESHOOTING.md").matchAll(/^\| ([^|]+)\| ([^|]+)\|/gm)];

test("docs/TROUBLESHOOTING.md quotes only texts of lib/", () => {
  const texts = ROWS.flatMap(([, seen]) => [...seen!.matchAll(/"([^"]+)"/g)])
    .map(([, text]) => text!);
  assert(texts.length > 5);
  assertEquals(texts.filter((text) => !SOURCES.some((source) => source.includes(text))), []);
});

test("docs/TROUBLESHOOTING.md names only codes of the table", () => {
  const codes = ROWS.flatMap(([, , code]) => [...code!.matchAll(/`([^`]+)`/g)])
    .map(([, code]) => code!);
  assert(codes.length > 5);
  assertEquals(codes.filter((code) => !Object.hasOwn(CODES, code)), []);
});
