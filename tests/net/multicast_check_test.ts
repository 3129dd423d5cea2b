import { checkMulticast } from "../../lib/net/mod.ts";
import { assertFails } from "../support/assert.ts";

// What it finds is in tests/network/doctor_test.ts: multicast stays on machines of the tests' own.

Deno.test({
  name: "checkMulticast says which permission is missing",
  permissions: { sys: true, net: ["127.0.0.1"] },
  async fn() {
    const checked = checkMulticast(AbortSignal.abort());
    await assertFails(checked, "discovery-unavailable", "--allow-net is missing");
  },
});
