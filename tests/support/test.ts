import { CryptoWork } from "./crypto_work.ts";

/**
 * Declares a test that also fails if it leaves an operation or a resource behind. WebCrypto operations that are
 * under way at its end are awaited, because they always end.
 *
 * @param name The symbol, then its behavior.
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
