import os from "node:os";
import { LanchatError, missingPermission } from "../errors.ts";
import { environmentVariable, isGranted } from "../permission.ts";
import { nameProblem } from "../wire/mod.ts";

const INVITE = "LANCHAT_INVITE";

/** The login name, if `--allow-sys` and `--allow-env` let it be known and it can be a member's name. */
export function loginName(): string | undefined {
  if (!isGranted({ name: "sys" }) || !isGranted({ name: "env" })) return undefined;
  const name = systemName().normalize("NFC");
  return nameProblem(name) === undefined ? name : undefined;
}

/** Where a passphrase stands: that of a log, that of an identity, and the one that it is to have. */
export type PassphraseVariable =
  | "LANCHAT_PASSPHRASE"
  | "LANCHAT_ID_PASSPHRASE"
  | "LANCHAT_NEW_ID_PASSPHRASE";

/**
 * A passphrase where there is no terminal to ask at.
 *
 * @throws {LanchatError} With code `no-passphrase` if it is not set, `permission-denied` if it may not be
 * read.
 */
export function environmentPassphrase(variable: PassphraseVariable): string {
  if (!isGranted({ name: "env", variable })) {
    const { hint } = missingPermission("--allow-env", `--allow-env=${variable}`);
    throw new LanchatError("permission-denied", `Cannot read ${variable}`, { hint });
  }
  const passphrase = Deno.env.get(variable);
  if (passphrase) return passphrase;
  throw new LanchatError(
    "no-passphrase",
    `Cannot ask for a passphrase as there is no terminal, and ${variable} is not set`,
    { hint: `Type one in a terminal, or set the environment variable ${variable}.` },
  );
}

/** The invite that the environment has, where it may be read. */
export function environmentInvite(): string | undefined {
  return environmentVariable(INVITE) || undefined;
}

function systemName(): string {
  try {
    return os.userInfo().username;
  } catch {
    // An account that the system's list does not have, as in many containers.
    const names = ["USER", "LOGNAME", "USERNAME"].map((variable) => Deno.env.get(variable));
    return names.find(Boolean) ?? "";
  }
}
