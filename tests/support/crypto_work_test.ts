import { assertEquals } from "@std/assert";
import { CryptoWork } from "./crypto_work.ts";

Deno.test("CryptoWork awaits operations that begin in the turn in which a test ends", async () => {
  const work = new CryptoWork();
  const begun: string[] = [];
  const steps = async (name: string): Promise<void> => {
    for (let step = 0; step < 20; step++) await null;
    await crypto.subtle.digest("SHA-256", new Uint8Array(1 << 20));
    begun.push(name);
  };
  const following = steps("first").then(() => steps("second"));
  await work[Symbol.asyncDispose]();
  assertEquals(begun, ["first", "second"]);
  await following;
});
