import { assertEquals } from "@std/assert";
import { LanchatError } from "../lib/errors.ts";
import { failure, problem, warning } from "../lib/session_events.ts";
import { test } from "./support/test.ts";

test("warning, failure and problem leave out an empty hint, and have that of the code by default", () => {
  const hint = "Use the same version of lanchat on both machines.";
  const of = { code: "wrong-version", message: "No" } as const;
  const thrown = (hint?: string): LanchatError =>
    new LanchatError("wrong-version", "No", hint === undefined ? {} : { hint });
  assertEquals(warning("wrong-version", "No"), { event: "warning", ...of, hint });
  assertEquals(failure("wrong-version", "No"), { event: "error", ...of, hint });
  assertEquals(problem(thrown()), { event: "error", ...of, hint });
  assertEquals(warning("wrong-version", "No", ""), { event: "warning", ...of });
  assertEquals(failure("wrong-version", "No", ""), { event: "error", ...of });
  assertEquals(problem(thrown("")), { event: "error", ...of });
});
