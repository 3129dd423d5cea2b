import { assertEquals } from "@std/assert";
import { noteHosting } from "../../lib/store/mod.ts";

const ROOT = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));

// Without sanitizers: only the system ends the second run's wait for the lock.
Deno.test("noteHosting reports another run under the same identity, as long as that run hosts", async () => {
  const file = `${ROOT}/me.json`;
  {
    using first = await noteHosting(file);
    using second = await noteHosting(file);
    using other = await noteHosting(`${ROOT}/other.json`);
    assertEquals([first, second, other].map(({ isShared }) => isShared), [false, true, false]);
  }
  using third = await noteHosting(file);
  assertEquals(third.isShared, false);
});

Deno.test("noteHosting sees no other run if it cannot make the lock file", async () => {
  using hosting = await noteHosting(`${ROOT}/nowhere/me.json`);
  assertEquals(hosting.isShared, false);
});

Deno.test({
  name: "noteHosting asks for no permission",
  permissions: { read: true, write: false },
  async fn() {
    using hosting = await noteHosting(`${ROOT}/me.json`);
    assertEquals(hosting.isShared, false);
  },
});
