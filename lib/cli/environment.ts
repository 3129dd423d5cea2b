import os from "node:os";
import { nameProblem } from "../wire/mod.ts";

/** The login name, if `--allow-sys` and `--allow-env` let it be known and it can be a member's name. */
export function loginName(): string | undefined {
  if (!granted("sys") || !granted("env")) return undefined;
  const name = systemName().normalize("NFC");
  return nameProblem(name) === undefined ? name : undefined;
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

function granted(name: "sys" | "env"): boolean {
  return Deno.permissions.querySync({ name }).state === "granted";
}
