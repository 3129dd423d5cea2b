/**
 * Permissions of this process, which is never stopped to ask for one.
 *
 * @module
 */

/** The environment variables that lanchat reads; the binary may read no others. */
export const VARIABLES = [
  "APPDATA",
  "HOME",
  "LANCHAT_ID_PASSPHRASE",
  "LANCHAT_INVITE",
  "LANCHAT_NEW_ID_PASSPHRASE",
  "LANCHAT_PASSPHRASE",
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "LOGNAME",
  "NATS_CA",
  "NATS_CREDS",
  "NATS_PASSWORD",
  "NATS_URL",
  "NATS_USER",
  "NO_COLOR",
  "TERM",
  "TERM_PROGRAM",
  "TMUX",
  "USER",
  "USERNAME",
  "XDG_CONFIG_HOME",
] as const;

/** An environment variable that lanchat reads. */
export type Variable = typeof VARIABLES[number];

/** The facts about the system that lanchat reads; the binary may read no others. */
export const SYSTEM_FACTS = ["gid", "networkInterfaces", "uid", "username"] as const;

/** A permission of Deno that lanchat uses. */
export type Permission = "net" | "sys" | "env" | "read" | "write";

/** Whether this process has a permission. */
export function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/** Whether this process has a permission for all that lanchat uses it for. */
export function isFullyGranted(name: Permission): boolean {
  switch (name) {
    case "env":
      return VARIABLES.every((variable) => isGranted({ name, variable }));
    case "sys":
      return SYSTEM_FACTS.every((kind) => isGranted({ name, kind }));
    default:
      return isGranted({ name });
  }
}

/** An environment variable; `undefined` if it is not set or may not be read. */
export function environmentVariable(variable: Variable): string | undefined {
  return isGranted({ name: "env", variable }) ? Deno.env.get(variable) : undefined;
}
