import { utf8 } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { passphraseKey } from "../crypto/mod.ts";
import { LanchatError, quote } from "../errors.ts";
import type { Unlock } from "../store/mod.ts";
import { Keyboard, onSignal, readTypedByte, setRaw } from "../ui/mod.ts";
import { environmentPassphrase } from "./environment.ts";
import { Interrupts } from "../session/mod.ts";

/** How often a person may try to type the passphrase of an identity. */
const ATTEMPTS = 3;

const INTERRUPTS: readonly string[] = ["ctrl-c", "ctrl-d"];
const LINE_ENDS: readonly string[] = ["enter", "ctrl-j"];

/** Gives the key of a log under the passphrase that a person types, or that the environment has. */
export function unlocker(file: string): Unlock {
  return async (salt, isNew) => await passphraseKey(await findPassphrase(file, isNew), salt);
}

/**
 * The passphrase of an identity file, as a person types it or as the environment has it; a person may
 * try {@linkcode ATTEMPTS} times.
 *
 * @throws {LanchatError} With code `no-passphrase`, `permission-denied` or `interrupted`.
 */
export async function identityPassphrase(
  file: string,
  attempt: number,
): Promise<string | undefined> {
  if (!Deno.stdin.isTerminal()) {
    return attempt === 1 ? environmentPassphrase("LANCHAT_ID_PASSPHRASE") : undefined;
  }
  if (attempt > ATTEMPTS) return undefined;
  const wrong = attempt === 1 ? "" : "That is not it. ";
  return await askPassphrase(`${wrong}Passphrase for ${quote(file)}: `);
}

/** A new passphrase for an identity file, which a person types twice. @throws {LanchatError} As above. */
export async function newIdentityPassphrase(file: string): Promise<string> {
  if (!Deno.stdin.isTerminal()) return environmentPassphrase("LANCHAT_NEW_ID_PASSPHRASE");
  return await askTwice(`New passphrase for ${quote(file)}: `);
}

/** Has a person type a word before something is done. @throws {LanchatError} With code `interrupted`. */
export async function askWord(question: string): Promise<string> {
  const interrupts = new Interrupts(() => {});
  try {
    Deno.stderr.writeSync(utf8(question));
    return await typedLine(interrupts);
  } finally {
    interrupts.close();
  }
}

/** @throws {LanchatError} With code `no-passphrase`, `permission-denied` or `interrupted`. */
async function findPassphrase(file: string, isNew: boolean): Promise<string> {
  if (!Deno.stdin.isTerminal()) return environmentPassphrase("LANCHAT_PASSPHRASE");
  const question = `Passphrase for ${quote(file)}: `;
  return isNew ? await askTwice(question) : await askPassphrase(question);
}

async function askTwice(question: string): Promise<string> {
  const passphrase = await askPassphrase(question);
  if (passphrase !== await askPassphrase("Once more: ")) throw unusable("the two differ");
  return passphrase;
}

async function askPassphrase(question: string): Promise<string> {
  return passphraseOf(await askSecret(question));
}

/** @throws {LanchatError} With code `no-passphrase` if it is empty or not UTF-8. */
export function passphraseOf(typed: string): string {
  if (typed === "") throw unusable("it is empty");
  if (!typed.isWellFormed()) throw unusable("it is not UTF-8");
  return typed;
}

/**
 * Asks a person at the terminal, who does not see what is typed; a signal ends that.
 *
 * @returns What was typed; a lone surrogate for each byte that is not UTF-8.
 * @throws {LanchatError} As {@linkcode readTyped} does.
 */
export async function askSecret(question: string): Promise<string> {
  const interrupts = new Interrupts(() => {});
  const ask = (): void => {
    setRaw(true);
    Deno.stderr.writeSync(utf8(question));
  };
  // Another program may have changed the terminal's modes meanwhile.
  const stopListening = onSignal("SIGCONT", ask);
  try {
    ask();
    return await typedLine(interrupts);
  } finally {
    stopListening();
    setRaw(false);
    Deno.stderr.writeSync(utf8("\n"));
    interrupts.close();
  }
}

async function typedLine(interrupts: Interrupts): Promise<string> {
  return await Promise.race([readTyped(readTypedByte), interrupts.first.then(() => stop())]);
}

/**
 * Reads a line as it is typed: backspace takes a character back, Ctrl-U all of them. Replies of the terminal
 * and mouse reports are no text.
 *
 * @param next The next byte; `undefined` at the end of input.
 * @returns The text; a lone surrogate for each byte that is not UTF-8.
 * @throws {LanchatError} With code `interrupted` at Ctrl-C, Ctrl-D or the end.
 */
export async function readTyped(
  next: () => Promise<number | undefined>,
  clock: Clock = systemClock,
): Promise<string> {
  let typed: string[] = [];
  let end: string | undefined;
  const keyboard = new Keyboard(clock, (strokes) => {
    for (const stroke of strokes) {
      if ("text" in stroke) typed.push(...stroke.text);
      else if ("paste" in stroke) typed.push(...stroke.paste.replaceAll("\n", ""));
      else if (stroke.key === "backspace") typed.pop();
      else if (stroke.key === "ctrl-u") typed = [];
      else if (LINE_ENDS.includes(stroke.key) || INTERRUPTS.includes(stroke.key)) end = stroke.key;
    }
  });
  try {
    while (end === undefined) {
      const byte = await next();
      if (byte === undefined) return stop();
      keyboard.push(new Uint8Array([byte]));
    }
  } finally {
    keyboard.stop();
  }
  return LINE_ENDS.includes(end) ? typed.join("") : stop();
}

function unusable(reason: string): LanchatError {
  return new LanchatError("no-passphrase", `Cannot use the passphrase as ${reason}`);
}

function stop(): never {
  throw new LanchatError("interrupted", "Stopped before there was an answer");
}
