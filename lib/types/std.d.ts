/**
 * The functions of `@std` that lanchat calls: npm has these modules without types. A parameter is declared no
 * wider and a result no narrower than in the module itself. tests/types_test.ts compares the names.
 */

declare module "@std/assert" {
  /** An error class that {@linkcode assertThrows} and {@linkcode assertRejects} expect. */
  type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

  /** Asserts that `expr` is truthy. @throws {AssertionError} If it is not. */
  export function assert(expr: unknown, msg?: string): asserts expr;
  /** Asserts that `actual` contains each element of `expected`. @throws {AssertionError} If one is missing. */
  export function assertArrayIncludes<T>(
    actual: ArrayLike<T> & object,
    expected: ArrayLike<T> & object,
    msg?: string,
  ): void;
  /** Asserts that both values are deeply equal. @throws {AssertionError} If they are not. */
  export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
  /** Asserts that `actual` matches `expected`. @throws {AssertionError} If it does not. */
  export function assertMatch(actual: string, expected: RegExp, msg?: string): void;
  /** Asserts that the values are not deeply equal. @throws {AssertionError} If they are. */
  export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void;
  /** Asserts that `actual` does not match `expected`. @throws {AssertionError} If it does. */
  export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void;
  /** Asserts that `fn` returns a promise that rejects. @returns The rejection's reason. */
  export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
  /** Asserts that `fn` returns a promise that rejects with such an error. @returns The error. */
  export function assertRejects<E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    errorClass: ErrorClass<E>,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
  /** Asserts that `actual` contains `expected`. @throws {AssertionError} If it does not. */
  export function assertStringIncludes(actual: string, expected: string, msg?: string): void;
  /** Asserts that `fn` throws. @returns The thrown value. */
  export function assertThrows(fn: () => unknown, msg?: string): unknown;
  /** Asserts that `fn` throws such an error. @returns The error. */
  export function assertThrows<E extends Error = Error>(
    fn: () => unknown,
    errorClass: ErrorClass<E>,
    msgIncludes?: string,
    msg?: string,
  ): E;
}

declare module "@std/async/delay" {
  /** Options of {@linkcode delay}. */
  export interface DelayOptions {
    /** Rejects the promise with its reason and stops the timer. */
    signal?: AbortSignal;
    /** Whether the timer keeps the process alive. @default {true} */
    persistent?: boolean;
  }

  /** Resolves after `ms` milliseconds. @throws {DOMException} If the signal is aborted. */
  export function delay(ms: number, options?: DelayOptions): Promise<void>;
}

declare module "@std/cli/parse-args" {
  /** What {@linkcode parseArgs} returns: an entry for each option, by name and by alias. */
  export interface Args {
    /** The value of an option, or `undefined`. */
    [name: string]: unknown;
    /** The arguments that are no options; one that looks like a number is one, unless `string` has "_". */
    _: (string | number)[];
    /** The arguments after `--`, if asked for; otherwise they are in `_`. */
    "--"?: string[];
  }

  /** Options of {@linkcode parseArgs}. */
  export interface ParseOptions {
    /** Whether the arguments after `--` are returned as `"--"`. @default {false} */
    "--"?: boolean;
    /** Other names of an option; the result has the value under each. */
    alias?: Record<string, string | readonly string[]>;
    /**
     * Options without a value; `false` where not given. `true` means each `--name` without `=`. Such an option
     * takes a following "true" or "false" as its value all the same.
     */
    boolean?: boolean | string | readonly string[];
    /** Options that may be repeated; their value is an array, empty where not given. */
    collect?: string | readonly string[];
    /** Values of options that are not given. */
    default?: Record<string, unknown>;
    /** Options that `--no-NAME` sets to `false`. */
    negatable?: string | readonly string[];
    /** Whether all that follows the first argument that is no option goes to `_`. @default {false} */
    stopEarly?: boolean;
    /** Options whose value stays text; "" where it is left out. */
    string?: string | readonly string[];
    /** Receives an argument that no option names; the result leaves it out if `false` is returned. */
    unknown?: (arg: string, key?: string, value?: unknown) => unknown;
  }

  /** Splits a command line into options and other arguments. */
  export function parseArgs(args: string[], options?: ParseOptions): Args;
}

declare module "@std/encoding" {
  /** Bytes from base64 (RFC 4648 §4). @throws {TypeError} If the text is not base64. */
  export function decodeBase64(b64: string): Uint8Array<ArrayBuffer>;
  /** Bytes from base64url without padding (RFC 4648 §5). @throws {TypeError} If the text is not base64url. */
  export function decodeBase64Url(b64url: string): Uint8Array<ArrayBuffer>;
  /** Bytes from hexadecimal digits. @throws {TypeError} If the text is not hexadecimal. */
  export function decodeHex(src: string): Uint8Array<ArrayBuffer>;
  /** base32 with padding (RFC 4648 §6). */
  export function encodeBase32(data: ArrayBuffer | Uint8Array | string): string;
  /** base64 with padding (RFC 4648 §4). */
  export function encodeBase64(data: ArrayBuffer | Uint8Array | string): string;
  /** base64url without padding (RFC 4648 §5). */
  export function encodeBase64Url(data: ArrayBuffer | Uint8Array | string): string;
  /** Hexadecimal digits in lower case. */
  export function encodeHex(src: string | Uint8Array | ArrayBuffer): string;
}

declare module "@std/streams" {
  /** Splits a stream of text into lines, which end in LF or CRLF. */
  export class TextLineStream extends TransformStream<string, string> {
    /** @param options Whether a CR without LF ends a line, too. */
    constructor(options?: { allowCR?: boolean });
  }
}
