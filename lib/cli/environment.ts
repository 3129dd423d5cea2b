/**
 * What the command line reads of its environment: the login name, passphrases and an invite.
 *
 * @module
 */
import os from "node:os";
import { LanchatError, missingPermission } from "../errors.ts";
import { environmentVariable, isFullyGranted, isGranted, type Variable } from "../permission.ts";
import { nameProblem } from "../wire/mod.ts";

/** Returns the login name if the permissions allow that and it is valid as a member's name. */
export function loginName(): string | undefined {
  if (!isFullyGranted("sys") || !isFullyGranted("env")) return undefined;
  const name = systemName().normalize("NFC");
  return nameProblem(name) === undefined ? name : undefined;
}

/** The variables for the passphrase of a log, of an identity, and for a new one of an identity. */
export type PassphraseVariable = Extract<Variable, `LANCHAT_${string}PASSPHRASE`>;

/**
 * Reads a passphrase, without a terminal to ask at.
 *
 * @throws {LanchatError} With code `no-passphrase` or `permission-denied`.
 */
export function environmentPassphrase(variable: PassphraseVariable): string {
  if (!isGranted({ name: "env", variable })) {
    const { hint } = missingPermission("--allow-env", `--allow-env=${variable}`);
    throw new LanchatError("permission-denied", `Cannot read ${variable}`, { hint });
  }
  const passphrase = environmentVariable(variable);
  if (passphrase) return passphrase;
  throw new LanchatError(
    "no-passphrase",
    `Cannot ask for a passphrase: there is no terminal, and ${variable} is not set`,
    { hint: `Run lanchat in a terminal, or set the environment variable ${variable}.` },
  );
}

/** The names of the variables for lanchat that are set, as far as they may be read. */
export function setVariables(): string[] {
  const variables: readonly Variable[] = [
    "LANCHAT_INVITE",
    "LANCHAT_PASSPHRASE",
    "LANCHAT_ID_PASSPHRASE",
    "LANCHAT_NEW_ID_PASSPHRASE",
    "NO_COLOR",
  ];
  return variables.filter(environmentVariable);
}

/** Reads an invite link; `undefined` if it is not set or not allowed. */
export function environmentInvite(): string | undefined {
  return environmentVariable("LANCHAT_INVITE") || undefined;
}

function systemName(): string {
  try {
    return os.userInfo().username;
  } catch {
    // The system does not list every account; in many containers it lists none.
    const variables: readonly Variable[] = ["USER", "LOGNAME", "USERNAME"];
    return variables.map(environmentVariable).find(Boolean) ?? "";
  }
}
