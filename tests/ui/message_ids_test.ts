import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/errors.ts";
import { MessageIds } from "../../lib/ui/message_ids.ts";
import { test } from "../support/test.ts";

test("MessageIds skips given ids", () => {
  const ids = new MessageIds();
  assertEquals(ids.claim(), "1");
  assertEquals(ids.claim("3"), "3");
  assertEquals(ids.claim("4"), "4");
  assertEquals([ids.claim(), ids.claim(), ids.claim()], ["2", "5", "6"]);
});

test("MessageIds refuses a duplicate id", () => {
  const ids = new MessageIds();
  for (const id of ["a", "3", "03", "__proto__", "1e0"]) ids.claim(id);
  for (let i = 0; i < 3; i++) ids.claim();
  for (const id of ["a", "3", "03", "__proto__", "1e0", "1", "2", "4"]) {
    const { code, message } = assertThrows(() => ids.claim(id), UsageError);
    assertEquals([code, message], ["duplicate-id", `Cannot use id "${id}" a second time`]);
  }
  assertEquals(ids.claim("5"), "5");
});
