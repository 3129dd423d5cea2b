import { assert, assertEquals } from "@std/assert";
import { CipherKey, randomBytes } from "../../lib/crypto/mod.ts";
import { Nonces } from "../support/nonces.ts";
import { test } from "../support/test.ts";

test("Nonces notices a nonce used twice with one key, also over several imports of the key", async () => {
  const [raw, other, nonce] = [randomBytes(32), randomBytes(32), randomBytes(12)];
  const seal = async (key: CipherKey): Promise<unknown> => await key.seal(nonce, raw, other);
  {
    using nonces = new Nonces();
    await seal(await CipherKey.import(raw));
    await seal(await CipherKey.import(other));
    assertEquals([nonces.count, nonces.repeated], [2, []]);
    await seal(await CipherKey.import(raw));
    assertEquals([nonces.count, nonces.repeated.length], [2, 1]);
  }
  // It is removed: a key that it does not know still seals.
  assert(await seal(await CipherKey.import(raw)));
});
