/**
 * `lanchat id` shows or changes an identity.
 *
 * @module
 */
import { toBase64Url } from "../../bytes/mod.ts";
import { fingerprint, keyTag } from "../../crypto/mod.ts";
import { quote, StoreError, UsageError } from "../../errors.ts";
import {
  exportIdentity,
  hasIdentity,
  identityPlace,
  type KeptIdentity,
  openKeptIdentity,
  protectIdentity,
  renewIdentity,
  restoreIdentity,
} from "../../store/mod.ts";
import { actionOf, missingFile, refuseSurplus } from "../operands.ts";
import type { Parsed } from "../options.ts";
import { askWord, newIdentityPassphrase } from "../passphrase.ts";
import { identityOptions } from "../person.ts";
import { printResult } from "../print.ts";
import type { SubcommandEntry } from "../subcommand.ts";

/** The actions but `show`. */
const ACTIONS = ["new", "export", "import"] as const;

/** The actions that a path follows. */
const FILE_ACTIONS: readonly string[] = ["export", "import"];

/** A parsed `lanchat id`. */
export type IdCommand = Parsed<"id"> & {
  /** The action before the identity is shown. */
  readonly action: "show" | typeof ACTIONS[number];
  /** The path of the copy to write or to read. */
  readonly file: string | undefined;
};

/** `lanchat id` shows an identity, or changes it first. */
export const ID: SubcommandEntry<IdCommand> = {
  summary: "show, protect or replace your identity",
  operand: "[ACTION [FILE]]",
  choices: ACTIONS,
  fileChoices: FILE_ACTIONS,
  note: "ACTION is new (start over), export FILE or import FILE.",
  examples: ["lanchat id", "lanchat id --passphrase", "lanchat id export backup.json"],
  operands([word, file, ...words], given) {
    if (word === undefined) return { action: "show", file };
    const change = given.find((option) => /^--(?:no-)?passphrase$/.test(option));
    if (change !== undefined) {
      throw new UsageError("surplus-argument", `Cannot use ${change} with lanchat id ${word}`, {
        hint: "Do one, then the other.",
      });
    }
    const action = actionOf("id", word, ACTIONS);
    const takesFile = FILE_ACTIONS.includes(action);
    if (takesFile && file === undefined) throw missingFile(`id ${action}`, "backup.json");
    refuseSurplus(`id ${action}`, takesFile || file === undefined ? words : [file]);
    return { action, file };
  },
  run: manageIdentity,
};

async function manageIdentity(command: IdCommand): Promise<number> {
  const options = identityOptions(command);
  switch (command.action) {
    case "show":
      return await show(
        command.passphrase
          ? await protectIdentity(options, newIdentityPassphrase)
          : command.noPassphrase
          ? await protectIdentity(options)
          : await openKeptIdentity(options),
        command,
      );
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
        ...isProtected ? [] : ["It has no passphrase: anyone who reads it can pose as you."],
      ];
      return await printResult([], command.json, lines);
    }
  }
}

async function show(
  { file, identity: { publicKey }, isProtected }: KeptIdentity,
  { json }: IdCommand,
): Promise<number> {
  return await printResult([{
    event: "identity",
    tag: await keyTag(publicKey),
    key: toBase64Url(publicKey),
    fingerprint: await fingerprint(publicKey),
    file,
    protected: isProtected,
  }], json);
}

/** Asks before an identity is replaced. @throws {StoreError} With code `identity-exists`. */
async function confirm(command: IdCommand): Promise<void> {
  const options = identityOptions(command);
  if (command.yes || !await hasIdentity(options)) return;
  const file = quote(identityPlace(options));
  if (Deno.stdin.isTerminal()) {
    const warning = `This replaces your identity for good: ${file}\n` +
      `Others will see you as a new person. Your rooms, their invites and bans are lost.\n` +
      `The people you have met stay known.\n`;
    const typed = await askWord(`${warning}Type ${command.action} to continue: `);
    if (typed.trim() === command.action) return;
  }
  throw new StoreError(
    "identity-exists",
    `Cannot replace identity file ${file}: not confirmed`,
  );
}
