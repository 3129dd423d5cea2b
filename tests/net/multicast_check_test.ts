import { checkMulticast } from "../../lib/net/mod.ts";
import { assertFails } from "../support/assert.ts";

// What it finds is in tests/network/doctor_test.ts: multicast stays on machines of the tests' own.

Deno.test({
  name: "checkMulticast fails without --allow-net",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    await assertFails(checkMulticast(undefined, AbortSignal.abort()), "permission-denied", "5353");
  },
});
