import { assertEquals } from "@std/assert";
import { checkMulticast, MAX_LINKS } from "../../lib/net/mod.ts";
import { assertFails } from "../support/assert.ts";
import { noLinks } from "../support/links.ts";
import { test } from "../support/test.ts";

// tests/network/doctor_test.ts tests the results: multicast stays on machines of the tests' own.

Deno.test({
  name: "checkMulticast names the missing permission",
  permissions: { sys: true, net: ["127.0.0.1"] },
  async fn() {
    const checked = checkMulticast(AbortSignal.abort());
    await assertFails(checked, "discovery-unavailable", "--allow-net is missing");
  },
});

test("checkMulticast names the interfaces that it leaves out", async () => {
  const interfaces = noLinks(MAX_LINKS + 2);
  const { leftOut, routes } = await checkMulticast(AbortSignal.abort(), { interfaces });
  assertEquals(leftOut, [`none${MAX_LINKS}`, `none${MAX_LINKS + 1}`]);
  assertEquals(routes.map(({ link }) => link), [...Array(MAX_LINKS).keys()].map((i) => `none${i}`));
});
