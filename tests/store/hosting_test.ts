import { assertEquals } from "@std/assert";
import { noteHosting } from "../../lib/store/mod.ts";

const ROOT = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));

// The lock that is waited for in vain is let go of by the system only.
Deno.test("noteHosting tells of another run under the same identity, as long as that hosts", async () => {
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

Deno.test("noteHosting sees no other run where no file can be made", async () => {
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
