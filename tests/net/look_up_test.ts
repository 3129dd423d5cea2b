import { isAddress } from "../../lib/address.ts";
import { assert, assertEquals } from "@std/assert";
import { lookUp } from "../../lib/net/mod.ts";
import { assertFails } from "../support/assert.ts";

Deno.test("lookUp finds the addresses of a name, each once", async () => {
  const addresses = await lookUp("localhost");
  assert(addresses.length > 0 && addresses.every(isAddress), addresses.join());
  assertEquals(new Set(addresses).size, addresses.length);
});

Deno.test("lookUp fails for an unknown name", async () => {
  await assertFails(lookUp("nobody.invalid"), "name-not-found", '"nobody.invalid"');
});
