import { assertEquals } from "@std/assert";
import { passphraseOf, readTyped } from "../../lib/cli/passphrase.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { test } from "../support/test.ts";

/** Returns the text that these keys type, and the number of bytes that remain unread. */
async function typing(keys: string): Promise<[text: string, left: number]> {
  const bytes = [...new TextEncoder().encode(keys)];
  const typed = await readTyped(() => Promise.resolve(bytes.shift()), new FakeClock());
  return [typed, bytes.length];
}

test("readTyped reads up to the end of the line", async () => {
  for (const end of ["\r", "\n"]) {
    assertEquals(await typing(`open sesame${end}hello`), ["open sesame", 5]);
  }
  assertEquals(await typing("\r"), ["", 0]);
});

test("readTyped deletes whole characters", async () => {
  for (const back of ["\x7f", "\b"]) {
    assertEquals(await typing(`ab${back}c\r`), ["ac", 0]);
    assertEquals(await typing(`a\u00e9${back}\u4f60${back}\u{1f44b}${back}b\r`), ["ab", 0]);
    assertEquals(await typing(`a${back}${back}${back}b\r`), ["b", 0]);
  }
  assertEquals(await typing("wrong\x15right\r"), ["right", 0]);
});

test("readTyped ignores other controls", async () => {
  assertEquals(await typing("a\x1b\t\x00b\r"), ["ab", 0]);
});

test("readTyped ignores replies of the terminal and mouse reports", async () => {
  const replies = ["\x1b[<0;10;10M", "\x1b[M !!", "\x1b[12;40R", "\x1b]11;rgb:0/0/0\x07", "\x1b[C"];
  for (const reply of replies) assertEquals(await typing(`a${reply}b\r`), ["ab", 0]);
  assertEquals(await typing("\x1b[200~pasted\x1b[201~\r"), ["pasted", 0]);
});

test("readTyped stops at Ctrl-C, at Ctrl-D and at the end of input", async () => {
  for (const keys of ["a\x03b\r", "a\x04\r", "a", ""]) {
    const error = await assertFails(typing(keys), "interrupted");
    assertEquals(error.exitStatus, 130);
  }
});

test("passphraseOf refuses an empty text and bytes that are not UTF-8", async () => {
  assertEquals(passphraseOf("\ufeffp\u00e4ss"), "\ufeffp\u00e4ss");
  const bytes = [0x61, 0xff, 0x0d];
  const typed = await readTyped(() => Promise.resolve(bytes.shift()), new FakeClock());
  await assertFails(() => passphraseOf(typed), "no-passphrase", "not UTF-8");
  await assertFails(() => passphraseOf(""), "no-passphrase", "empty");
});
