import { type Bytes, utf8 } from "../bytes/mod.ts";
import { passphraseKey } from "../crypto/mod.ts";
import { LanchatError, quote } from "../errors.ts";
import type { Unlock } from "../store/mod.ts";
import { onSignal } from "../ui/mod.ts";
import { environmentPassphrase } from "./environment.ts";
import { Interrupts } from "./interrupts.ts";

/** How often a person may try to type the passphrase of an identity. */
const ATTEMPTS = 3;

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const BACKSPACES: readonly number[] = [0x08, 0x7f];
const LINE_ENDS: readonly number[] = [0x0a, 0x0d];
const CTRL_U = 0x15;
const FIRST_PRINTABLE = 0x20;

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
    return new TextDecoder().decode(await typedLine(interrupts));
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
  return passphraseOf(await askUnseen(question));
}

/** @throws {LanchatError} With code `no-passphrase` if it is empty or not UTF-8. */
export function passphraseOf(typed: Bytes): string {
  if (typed.length === 0) throw unusable("it is empty");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(typed);
  } catch {
    throw unusable("it is not UTF-8");
  }
}

/**
 * Asks a person at the terminal, who does not see what is typed; a signal ends that.
 *
 * @returns What was typed; U+FFFD where it is not UTF-8.
 * @throws {LanchatError} As {@linkcode readTyped} does.
 */
export async function askSecret(question: string): Promise<string> {
  return new TextDecoder().decode(await askUnseen(question));
}

async function askUnseen(question: string): Promise<Bytes> {
  const interrupts = new Interrupts(() => {});
  const ask = (): void => {
    Deno.stdin.setRaw(true);
    Deno.stderr.writeSync(utf8(question));
  };
  // Another program may have changed the terminal's modes meanwhile.
  const stopListening = onSignal("SIGCONT", ask);
  try {
    ask();
    return await typedLine(interrupts);
  } finally {
    stopListening();
    Deno.stdin.setRaw(false);
    Deno.stderr.writeSync(utf8("\n"));
    interrupts.close();
  }
}

async function typedLine(interrupts: Interrupts): Promise<Bytes> {
  return await Promise.race([readTyped(readKey), interrupts.first.then(() => stop())]);
}

/**
 * Reads a line as it is typed: backspace takes a character back, Ctrl-U all of them.
 *
 * @param next The next byte; `undefined` at the end of input.
 * @returns The bytes of its text.
 * @throws {LanchatError} With code `interrupted` at Ctrl-C, Ctrl-D or the end.
 */
export async function readTyped(next: () => Promise<number | undefined>): Promise<Bytes> {
  const typed: number[] = [];
  while (true) {
    const key = await next();
    if (key === undefined || key === CTRL_C || key === CTRL_D) return stop();
    if (LINE_ENDS.includes(key)) return new Uint8Array(typed);
    if (BACKSPACES.includes(key)) takeBack(typed);
    else if (key === CTRL_U) typed.length = 0;
    else if (key >= FIRST_PRINTABLE) typed.push(key);
  }
}

/** One byte, so that what was typed behind the line stays for whoever reads next. */
async function readKey(): Promise<number | undefined> {
  const key = new Uint8Array(1);
  return await Deno.stdin.read(key) === null ? undefined : key[0];
}

/** Removes the last character, which may have several bytes of UTF-8. */
function takeBack(typed: number[]): void {
  while (isContinuation(typed.pop()));
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

function unusable(reason: string): LanchatError {
  return new LanchatError("no-passphrase", `Cannot use the passphrase as ${reason}`);
}

function stop(): never {
  throw new LanchatError("interrupted", "Stopped before there was an answer");
}
