import { toBase64Url } from "../bytes/mod.ts";
import { fingerprint, keyTag } from "../crypto/mod.ts";
import { quote, StoreError } from "../errors.ts";
import {
  exportIdentity,
  hasIdentity,
  identityPlace,
  type KeptIdentity,
  openKeptIdentity,
  protectIdentity,
  renewIdentity,
  restoreIdentity,
} from "../store/mod.ts";
import type { IdCommand } from "./args.ts";
import { askWord, newIdentityPassphrase } from "./passphrase.ts";
import { identityOptions } from "./person.ts";
import { report } from "./report.ts";

/**
 * Shows the identity, or does something to it first.
 *
 * @returns The exit status.
 * @throws {LanchatError} If it cannot be used, or nobody has confirmed that it goes.
 */
export async function manageIdentity(command: IdCommand): Promise<number> {
  const options = identityOptions(command);
  switch (command.action) {
    case "show":
      return await show(await openKeptIdentity(options), command);
    case "protect":
      return await show(await protectIdentity(options, newIdentityPassphrase), command);
    case "unprotect":
      return await show(await protectIdentity(options), command);
    case "new":
      await confirm(command);
      return await show(await renewIdentity(options), command);
    case "import":
      return await show(
        await restoreIdentity(options, command.file!, () => confirm(command)),
        command,
      );
    case "export": {
      const isProtected = await exportIdentity(options, command.file!);
      const lines = [
        `A copy of your identity is in ${command.file}.`,
        ...isProtected ? [] : ["Whoever reads it can pose as you: it is under no passphrase."],
      ];
      return await report([], command.json, lines);
    }
  }
}

async function show(
  { file, identity: { publicKey }, isProtected }: KeptIdentity,
  { json }: IdCommand,
): Promise<number> {
  return await report([{
    event: "identity",
    tag: await keyTag(publicKey),
    key: toBase64Url(publicKey),
    fingerprint: await fingerprint(publicKey),
    file,
    protected: isProtected,
  }], json);
}

/**
 * Asks before an identity goes, where there is one.
 *
 * @throws {StoreError} With code `identity-exists`.
 */
async function confirm(command: IdCommand): Promise<void> {
  const options = identityOptions(command);
  if (command.yes || !await hasIdentity(options)) return;
  const file = quote(identityPlace(options));
  if (Deno.stdin.isTerminal()) {
    const warning = `This identity goes for good: ${file}\n` +
      `Others take you for somebody new; your rooms, their invites and bans go as well.\n` +
      `Whom you know stays known.\n`;
    const typed = await askWord(`${warning}Type ${command.action} to go on: `);
    if (typed.trim() === command.action) return;
  }
  throw new StoreError(
    "identity-exists",
    `Cannot replace identity file ${file} as nobody has confirmed it`,
  );
}
