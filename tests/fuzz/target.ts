/**
 * Fuzzing targets, and the helpers that all of them need.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Bytes, concat, u16, u8 } from "../../lib/bytes/mod.ts";
import { LanchatError } from "../../lib/errors.ts";

/** Something that takes bytes from outside. */
export interface Target {
  /** Names its file in the corpus. */
  readonly name: string;
  /** Executions with random or mutated input that take some 0.2 s. */
  readonly runs: number;
  /**
   * Runs an input, and throws only if a promise is broken.
   *
   * @returns The outcome, in a few words independent of the input's bytes: they begin with `ok` if
   * the input was accepted, and a fuzzer keeps inputs with new outcomes.
   */
  readonly run: (input: Bytes) => string | Promise<string>;
}

/** A refusal as it is documented; everything else is thrown on. */
export function refusal(
  error: unknown,
  ...classes: (abstract new (...args: never) => Error)[]
): string {
  if (!(error instanceof LanchatError) || !classes.some((one) => error instanceof one)) throw error;
  const message = error.message.replaceAll(/"(?:\\.|[^"\\])*"/g, '"…"').replaceAll(/\d+/g, "#");
  return `${error.code}: ${message}`;
}

/** Asserts that what a decoder took in is laid out in the one way in which its encoder does it. */
export function assertCanonical(encoded: Bytes, input: Bytes): void {
  assertEquals(encoded, input, "what was accepted is encoded otherwise");
}

/** An input cut into chunks, in three ways: whole, byte by byte, and in a way that depends on its bytes. */
export function chunkings(input: Bytes): Bytes[][] {
  const uneven: Bytes[] = [];
  for (let start = 0, end = 0; start < input.length; start = end) {
    end = start + 1 + input[start]! % 61;
    uneven.push(input.slice(start, end));
  }
  return [[input], Array.from(input, (byte) => new Uint8Array([byte])), uneven];
}

/** One thing that is done with a target that takes several, one after the other. */
export interface Step {
  /** The action, modulo the number of actions. */
  readonly kind: number;
  /** With what. */
  readonly data: Bytes;
}

/** Steps that are taken from one input at most; the rest of it says nothing. */
const MAX_STEPS = 24;

/** Writes steps into one input: each `kind (1) || length (2) || data`. */
export function encodeSteps(steps: readonly Step[]): Bytes {
  return concat(...steps.flatMap(({ data, kind }) => [u8(kind), u16(data.length), data]));
}

/** Reads steps from any input; the last one may be shorter than it says. */
export function decodeSteps(input: Bytes): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at + 3 <= input.length && steps.length < MAX_STEPS;) {
    const end = at + 3 + (input[at + 1]! << 8) + input[at + 2]!;
    steps.push({ kind: input[at]!, data: input.slice(at + 3, end) });
    at = end;
  }
  return steps;
}

/**
 * Applies a mask to honest bytes: as long as the mask, a zero byte leaves a byte as it is.
 * So a mutated mask reaches past signatures and tags, which are made over the result.
 */
export function masked(honest: Bytes, mask: Bytes): Bytes {
  return mask.map((byte, i) => byte ^ (honest[i] ?? 0));
}
