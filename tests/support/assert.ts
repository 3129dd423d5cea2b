import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes/mod.ts";
import { type Code, LanchatError } from "../../lib/errors.ts";

/**
 * Asserts that something fails with a code of lanchat's table.
 *
 * @param part A part of the message, where several reasons share the code.
 */
export async function assertFails(
  action: Promise<unknown> | (() => unknown),
  code: Code,
  part = "",
): Promise<LanchatError> {
  try {
    await (typeof action === "function" ? action() : action);
  } catch (error) {
    if (!(error instanceof LanchatError)) throw error;
    assertEquals(error.code, code, error.message);
    assert(error.message.includes(part), `"${error.message}" does not say "${part}"`);
    return error;
  }
  throw new Error(`Nothing failed where ${code} should`);
}

/** Throws an error: a handler of errors that a test does not expect. */
export function throwError(error: unknown): never {
  throw error;
}

/** A copy with one bit flipped. @param bit Counted from the first byte's lowest. */
export function flip(bytes: Uint8Array, bit: number): Bytes {
  const copy = new Uint8Array(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}
