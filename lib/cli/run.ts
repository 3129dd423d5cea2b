import { CODES, EXIT, LanchatError, quote } from "../errors.ts";
import { DebuggerBlock } from "../net/mod.ts";
import { type OpenedIdentity, openIdentity, openLog, openSealedLog } from "../store/mod.ts";
import { chooseFrontEnd, LoggedFrontEnd } from "../ui/mod.ts";
import type { FrontEnd } from "../session/mod.ts";
import type { ProblemEvent } from "../session_events.ts";
import { type Command, type JoinCommand, parseCommandLine, wantsJson } from "./args.ts";
import { completionScript } from "./completions.ts";
import { manageIdentity } from "./id.ts";
import { Interrupts } from "../session/mod.ts";
import { findInvite } from "./invite.ts";
import { type Found, join } from "./join.ts";
import { printLog } from "./log.ts";
import { unlocker } from "./passphrase.ts";
import { managePeers } from "./peers.ts";
import { identityOptions } from "./person.ts";
import { answer } from "./print.ts";
import { problem } from "../session_events.ts";
import { scan } from "./scan.ts";
import { serve } from "./serve.ts";
import { canChoose, chooseRoom } from "./start.ts";
import { usage, VERSION } from "./usage.ts";

/**
 * Runs lanchat.
 *
 * @param args The command line, without the program's name.
 * @returns The exit status, one of `EXIT`.
 */
export async function run(args: readonly string[]): Promise<number> {
  let command: Command;
  try {
    command = parseCommandLine(args);
  } catch (error) {
    return await failAtOnce(error, wantsJson(args));
  }
  switch (command.kind) {
    case "help":
      return await answer(`${usage(command.topic)}\n`);
    case "version":
      return await answer(`lanchat ${VERSION}\n`);
    case "completions":
      return await answer(completionScript(command.shell));
    case "doctor": {
      const { doctor } = await import("./doctor.ts");
      return await doctor(command);
    }
    case "id":
      return await manageIdentity(command).catch((error) => failAtOnce(error, command.json));
    case "peers":
      return await managePeers(command).catch((error) => failAtOnce(error, command.json));
    case "log":
      return await printLog(command).catch((error) => failAtOnce(error, false));
    case "scan":
      return await scan(command).catch((error) => failAtOnce(error, false));
    case "start":
      return await start().catch((error) => failAtOnce(error, false));
    case "join":
      return await joinRoom(command).catch((error) => failAtOnce(error, command.json));
    case "serve":
      return await runInFrontEnd(command);
  }
}

/** Has a person choose what to do; where there is none, says what there is. */
async function start(): Promise<number> {
  if (!canChoose()) return await answer(`${usage()}\n`);
  const chosen = await chooseRoom({ hosting: true, plain: false });
  if (chosen.do === "leave") return EXIT.OK;
  const command = parseCommandLine([chosen.do === "host" ? "serve" : "join"]) as ChatCommand;
  return await runInFrontEnd(command, chosen.do === "join" ? chosen.found : {});
}

/** Joins the room that the command line names, or the one that a person chooses. */
async function joinRoom(command: JoinCommand): Promise<number> {
  const invite = await findInvite(command);
  if (invite !== undefined) return await runInFrontEnd(command, { invite });
  if (command.host !== undefined || command.json || !canChoose()) {
    return await runInFrontEnd(command);
  }
  const chosen = await chooseRoom({ ...command, hosting: false });
  if (chosen.do !== "join") return EXIT.OK;
  return await runInFrontEnd(command, chosen.found);
}

type ChatCommand = Extract<Command, { kind: "serve" | "join" }>;

/** @param found Where to join; by default where the command says. */
async function runInFrontEnd(command: ChatCommand, found: Found = {}): Promise<number> {
  using _ = new DebuggerBlock();
  let opened: OpenedIdentity;
  let frontEnd: FrontEnd;
  try {
    opened = await openIdentity(identityOptions(command));
    frontEnd = await openFrontEnd(command);
  } catch (error) {
    return await failAtOnce(error, command.json);
  }
  const interrupts = new Interrupts(() => Deno.exit(EXIT.INTERRUPTED));
  let broken = false;
  void frontEnd.broken.then(() => broken = true);
  void frontEnd.interrupted.then(() => interrupts.ask());
  try {
    const status = command.kind === "serve"
      ? await serve(command, opened, frontEnd, interrupts)
      : await join(command, opened, frontEnd, interrupts, found);
    await frontEnd.close();
    return broken ? status || EXIT.FAILURE : status;
  } catch (error) {
    return await fail(error, frontEnd);
  } finally {
    interrupts.close();
  }
}

/** The front end for a chat; what cannot be logged fails before the terminal is touched. */
async function openFrontEnd(command: ChatCommand): Promise<FrontEnd> {
  const { json, log: file, logEncrypted, maxLogBytes, notify, plain } = command;
  const moved = Promise.withResolvers<void>();
  const log = file === undefined
    ? undefined
    : await (logEncrypted
      ? openSealedLog(file, unlocker(file), maxLogBytes, moved.resolve)
      : openLog(file, maxLogBytes, moved.resolve));
  const typing = command.kind === "serve" ? !command.relayOnly : !command.listen;
  const frontEnd = await chooseFrontEnd({ json, plain, notify, typing });
  if (log === undefined) return frontEnd;
  const logged = new LoggedFrontEnd(frontEnd, log);
  void moved.promise.then(() => logged.show(logMoved(file!)));
  return logged;
}

function logMoved(file: string): ProblemEvent {
  const message = `Log ${quote(file)} was moved or removed: it goes on in a new file`;
  return { event: "warning", code: "log-moved", message, hint: CODES["log-moved"].hint };
}

/** Tells of a failure where there is no front end yet. */
async function failAtOnce(error: unknown, json: boolean): Promise<number> {
  const frontEnd = await chooseFrontEnd({ json, plain: true, notify: false, typing: false });
  return await fail(error, frontEnd);
}

async function fail(error: unknown, frontEnd: FrontEnd): Promise<number> {
  frontEnd.show(problem(error));
  await frontEnd.close();
  return error instanceof LanchatError ? error.exitStatus : EXIT.FAILURE;
}
