/**
 * The front ends of a chat, between a session and the person or script that uses it: input becomes
 * wishes, events become lines, and no text from outside acts on a terminal.
 *
 * @example A chat by pipes
 * ```ts
 * import { PlainFrontEnd } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const stdin = new Blob(["hello\n"]).stream();
 * const frontEnd = new PlainFrontEnd({
 *   stdin,
 *   stdout: new WritableStream(),
 *   stderr: new WritableStream(),
 * });
 * assertEquals(await Array.fromAsync(frontEnd.input), [
 *   { do: "say", text: "hello", kind: "text", id: "1" },
 * ]);
 * await frontEnd.close();
 * ```
 * @module
 */
export * from "./choose.ts";
export { readTypedByte, setRaw } from "./console.ts";
export * from "./json.ts";
export { Keyboard } from "./keyboard.ts";
export * from "./logged.ts";
export { noticeLines } from "./notices.ts";
export type { Files, PathEntry } from "./paths.ts";
export type { Choice, Picker, PickerOptions } from "./picker.ts";
export * from "./plain.ts";
export * from "./process.ts";
export { sanitizeLine } from "./sanitize.ts";
export type { TerminalDevice } from "./terminal_device.ts";
export { wrapOutput } from "./wrap.ts";
