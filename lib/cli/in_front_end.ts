/**
 * Runs a subcommand with the front end that its options ask for: a terminal, plain lines or JSON Lines.
 *
 * @module
 */
import { EXIT, quote } from "../errors.ts";
import { DebuggerBlock } from "../net/mod.ts";
import { type FrontEnd, Interrupts } from "../session/mod.ts";
import { warning } from "../session_events.ts";
import {
  homeDirectory,
  listFolder,
  type OpenedIdentity,
  openIdentity,
  openLog,
  openSealedLog,
} from "../store/mod.ts";
import { chooseFrontEnd, LoggedFrontEnd } from "../ui/mod.ts";
import type { OptionValues } from "./options.ts";
import { unlocker } from "./passphrase.ts";
import { identityOptions } from "./person.ts";
import { showFailure } from "./print.ts";

/** The options of {@linkcode runInFrontEnd} that `serve` and `join` share. */
type SharedOptions = Omit<
  Pick<OptionValues<"serve">, keyof OptionValues<"serve"> & keyof OptionValues<"join">>,
  "acceptFrom" | "downloadDir" | "maxFileBytes" | "log"
>;

/** How to run in a front end. */
export type SessionOptions =
  & SharedOptions
  & Partial<Pick<OptionValues<"serve">, "log">>
  & Partial<Pick<OptionValues<"serve">, "room">>
  & Partial<Pick<OptionValues<"join">, "to">>
  & { readonly joinsByInvite?: boolean; readonly onlyFiles?: boolean };

/**
 * Runs a chat in the front end that its options ask for, and shows there why it fails.
 *
 * @param typing Whether a person types messages.
 * @returns The exit status.
 * @throws {LanchatError} If the identity or the log cannot be opened.
 */
export async function runInFrontEnd(
  options: SessionOptions,
  typing: boolean,
  run: (
    opened: OpenedIdentity,
    frontEnd: FrontEnd,
    interrupts: Interrupts,
  ) => Promise<number>,
): Promise<number> {
  using _ = new DebuggerBlock();
  const opened = await openIdentity(identityOptions(options));
  const frontEnd = await openFrontEnd(options, typing);
  const interrupts = new Interrupts(() => Deno.exit(EXIT.INTERRUPTED));
  let broken = false;
  void frontEnd.broken.then(() => broken = true);
  void frontEnd.interrupted.then(() => interrupts.ask());
  try {
    const status = await run(opened, frontEnd, interrupts);
    await frontEnd.close(interrupts.first);
    return broken ? status || EXIT.FAILURE : status;
  } catch (error) {
    return await showFailure(error, frontEnd, interrupts.first);
  } finally {
    interrupts.close();
  }
}

/** Opens the log first: if that fails, the terminal is untouched. */
async function openFrontEnd(options: SessionOptions, typing: boolean): Promise<FrontEnd> {
  const { json, log: file, logEncrypted, maxLogBytes, notify, onlyFiles, plain, quiet, title, to } =
    options;
  const moved = Promise.withResolvers<void>();
  const log = file === undefined
    ? undefined
    : await (logEncrypted
      ? openSealedLog(file, unlocker(file), maxLogBytes, moved.resolve)
      : openLog(file, maxLogBytes, moved.resolve));
  const frontEnd = await chooseFrontEnd({
    json,
    plain,
    notify,
    quiet,
    room: options.room,
    joinsByInvite: options.joinsByInvite,
    title,
    to,
    typing,
    onlyFiles,
    files: { home: homeDirectory(), entries: listFolder },
  });
  if (log === undefined) return frontEnd;
  const logged = new LoggedFrontEnd(frontEnd, log);
  const message = `Log ${quote(file!)} was moved or removed: a new file continues it`;
  void moved.promise.then(() => logged.show(warning("log-moved", message)));
  return logged;
}
