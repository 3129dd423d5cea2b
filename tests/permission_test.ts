import { assert, assertEquals } from "@std/assert";
import { environmentVariable, isFullyGranted, SYSTEM_FACTS, VARIABLES } from "../lib/permission.ts";

const NARROW = { env: [...VARIABLES], sys: [...SYSTEM_FACTS] };

Deno.test({
  name: "isFullyGranted is true of the permissions for all variables and facts that lanchat reads",
  permissions: NARROW,
  fn() {
    assert(isFullyGranted("env") && isFullyGranted("sys"));
    assert(!isFullyGranted("net") && !isFullyGranted("read") && !isFullyGranted("write"));
  },
});

Deno.test({
  name: "isFullyGranted is false of the permissions for all variables and facts but one",
  permissions: { env: NARROW.env.slice(1), sys: NARROW.sys.slice(1) },
  fn: () => assert(!isFullyGranted("env") && !isFullyGranted("sys")),
});

Deno.test({
  name: "environmentVariable is undefined without the permission",
  permissions: { env: ["LANG"] },
  fn: () => assertEquals(environmentVariable("HOME"), undefined),
});
