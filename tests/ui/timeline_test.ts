import { assertEquals } from "@std/assert";
import { PLAIN_THEME } from "../../lib/ui/theme.ts";
import { Timeline } from "../../lib/ui/timeline.ts";
import { test } from "../support/test.ts";

test("Timeline.notice keeps a command and a link whole, so that they can be copied", () => {
  const sentences = [
    "Others join with:",
    "    lanchat join host",
    "lanchat://host/#x",
    "or lanchat",
  ];
  assertEquals(
    new Timeline(PLAIN_THEME).notice(sentences).map(({ text, verbatim }) => [text, verbatim]),
    sentences.map((text, i) => [text, i === 1 || i === 2 ? true : undefined]),
  );
});
