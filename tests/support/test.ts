/**
 * A test that fails as well where it leaves an operation or a resource behind.
 *
 * @param name The symbol, then its behaviour.
 */
export function test(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });
}
