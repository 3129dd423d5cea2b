import { assertEquals } from "@std/assert";
import { test } from "../support/test.ts";
import { documentWithExamples } from "./examples.ts";

test("the worked examples of PROTOCOL.md are the known answers; `deno task examples` writes them", async () => {
  const { actual, expected } = await documentWithExamples();
  assertEquals(actual, expected);
});
