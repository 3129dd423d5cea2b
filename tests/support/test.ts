import { CryptoWork } from "./crypto_work.ts";

/**
 * A test that fails as well where it leaves an operation or a resource behind. WebCrypto operations that are
 * under way at its end are awaited: they end by themselves.
 *
 * @param name The symbol, then its behaviour.
 */
export function test(name: string, fn: () => void | Promise<void>): void {
  Deno.test({
    name,
    fn: async () => {
      await using _work = new CryptoWork();
      await fn();
    },
    sanitizeOps: true,
    sanitizeResources: true,
  });
}
