import { assertEquals, assertMatch } from "@std/assert";
import { utf8 } from "../../lib/bytes/mod.ts";
import { decodeStatus, MAX_STATUS_BYTES, statusProblem } from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { test } from "../support/test.ts";

test("statusProblem takes up to 200 bytes in one line", async () => {
  for (let size = 0; size <= MAX_STATUS_BYTES; size++) {
    assertEquals(statusProblem("x".repeat(size)), undefined);
    assertEquals(decodeStatus(utf8("x".repeat(size))), "x".repeat(size));
  }
  assertEquals(decodeStatus(utf8("é".repeat(100))), "é".repeat(100));
  for (const text of ["x".repeat(201), `${"é".repeat(100)}x`]) {
    assertMatch(statusProblem(text)!, /201 bytes/);
    await assertFails(() => decodeStatus(utf8(text)), "protocol-error");
  }
});

test("statusProblem takes no control character and no line break, and every other", async () => {
  const bad = [
    ...Array(32).keys(),
    ...Array.from({ length: 33 }, (_, i) => 0x7f + i),
    0x2028,
    0x2029,
  ];
  for (const code of bad) {
    const text = `a${String.fromCharCode(code)}b`;
    assertMatch(statusProblem(text)!, /line break/, `U+${code.toString(16)}`);
    await assertFails(() => decodeStatus(utf8(text)), "protocol-error");
  }
  for (const text of ["at lunch 🍜", " - ", "\u202e", "a: b#c"]) {
    assertEquals(statusProblem(text), undefined);
  }
});

test("decodeStatus refuses bytes that are not UTF-8", async () => {
  await assertFails(() => decodeStatus(new Uint8Array([0x61, 0xff])), "protocol-error");
});
