/**
 * Permissions of this process, which is never stopped to ask for one.
 *
 * @module
 */

/** Whether this process has a permission. */
export function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/** An environment variable; `undefined` if it is not set or may not be read. */
export function environmentVariable(variable: string): string | undefined {
  return isGranted({ name: "env", variable }) ? Deno.env.get(variable) : undefined;
}
