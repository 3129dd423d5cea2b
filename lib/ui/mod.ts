/**
 * What stands between a chat and the person or script in front of it: events in, wishes out, and
 * nothing from outside that could act on a terminal.
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
export * from "./standard_streams.ts";
export * from "./json.ts";
export { Keyboard } from "./keyboard.ts";
export * from "./logged.ts";
export * from "./plain.ts";
export type { Choice, Picker, PickerOptions } from "./picker.ts";
export { noticeLines } from "./notices.ts";
export { onSignal } from "./signals.ts";
export { sanitizeLine } from "./sanitize.ts";
export type { TerminalDevice } from "./terminal.ts";
