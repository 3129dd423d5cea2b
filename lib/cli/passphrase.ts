/**
 * Asks a person at the terminal for a passphrase or a word; without a terminal, passphrases come from the
 * environment.
 *
 * @module
 */
import { utf8 } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import { passphraseKey } from "../crypto/mod.ts";
import { LanchatError, quote } from "../errors.ts";
import type { Unlock } from "../store/mod.ts";
import { onSignal } from "../signals.ts";
import { Keyboard, readTypedByte, setRaw } from "../ui/mod.ts";
import { environmentPassphrase, type PassphraseVariable } from "./environment.ts";
import { Interrupts } from "../session/mod.ts";

/** Attempts to type the passphrase of an identity. */
const ATTEMPTS = 3;

const INTERRUPTS: readonly string[] = ["ctrl-c", "ctrl-d"];
const LINE_ENDS: readonly string[] = ["enter", "ctrl-j"];

/** Returns a function that derives the key of a log from its passphrase. */
export function unlocker(file: string): Unlock {
  const question = `Passphrase for ${quote(file)}: `;
  return async (salt, isNew) =>
    await passphraseKey(await findPassphrase("LANCHAT_PASSPHRASE", question, isNew), salt);
}

/**
 * Finds the passphrase of an identity file.
 *
 * @param attempt The number of the attempt, from 1.
 * @returns `undefined` if there are no more attempts.
 * @throws {LanchatError} With code `no-passphrase`, `permission-denied` or `interrupted`.
 */
export async function identityPassphrase(
  file: string,
  attempt: number,
): Promise<string | undefined> {
  if (attempt > (Deno.stdin.isTerminal() ? ATTEMPTS : 1)) return undefined;
  const question = attempt === 1
    ? `Passphrase for ${quote(file)}: `
    : "Wrong passphrase. Try again: ";
  return await findPassphrase("LANCHAT_ID_PASSPHRASE", question);
}

/** Finds a new passphrase for an identity file. @throws {LanchatError} As {@linkcode identityPassphrase}. */
export async function newIdentityPassphrase(file: string): Promise<string> {
  const question = `New passphrase for ${quote(file)}: `;
  return await findPassphrase("LANCHAT_NEW_ID_PASSPHRASE", question, true);
}

/** @param isNew Whether a person types the passphrase twice. */
async function findPassphrase(
  variable: PassphraseVariable,
  question: string,
  isNew = false,
): Promise<string> {
  if (!Deno.stdin.isTerminal()) return environmentPassphrase(variable);
  const passphrase = passphraseOf(await askSecret(question));
  if (isNew && passphrase !== passphraseOf(await askSecret("Repeat it: "))) {
    throw unusable("the two do not match");
  }
  return passphrase;
}

/** Asks a person to confirm with a word. @throws {LanchatError} With code `interrupted`. */
export async function askWord(question: string): Promise<string> {
  const interrupts = new Interrupts(() => {});
  try {
    Deno.stderr.writeSync(utf8(question));
    return await typedLine(interrupts);
  } finally {
    interrupts.close();
  }
}

/** Checks a passphrase. @throws {LanchatError} With code `no-passphrase` if it is empty or not UTF-8. */
export function passphraseOf(typed: string): string {
  if (typed === "") throw unusable("it is empty");
  if (!typed.isWellFormed()) throw unusable("it is not UTF-8");
  return typed;
}

/**
 * Asks a person at the terminal without showing the answer; a signal ends the question.
 *
 * @returns The answer; a lone surrogate stands for each byte that is not UTF-8.
 * @throws {LanchatError} As {@linkcode readTyped} does.
 */
export async function askSecret(question: string): Promise<string> {
  const interrupts = new Interrupts(() => {});
  const ask = (): void => {
    setRaw(true);
    Deno.stderr.writeSync(utf8(question));
  };
  // After a stop, another program may have changed the terminal's modes.
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
 * Reads a line that a person types: backspace deletes a character, Ctrl-U all of them. Replies of the terminal
 * and mouse reports are ignored.
 *
 * @param next Reads a byte; `undefined` at the end of input.
 * @returns The line; a lone surrogate stands for each byte that is not UTF-8.
 * @throws {LanchatError} With code `interrupted` at Ctrl-C, Ctrl-D or the end of input.
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
  return new LanchatError("no-passphrase", `Cannot use the passphrase: ${reason}`, {
    hint: "Try again with another one.",
  });
}

function stop(): never {
  throw new LanchatError("interrupted", "Interrupted");
}
