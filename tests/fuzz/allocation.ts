/** Longest array of bytes that anything needs for an input of the longest size. */
const MAX_ARRAY_BYTES = 1 << 18;

/**
 * Watches how long the arrays of bytes are that are made from now on. Memory that nobody writes to is
 * not resident, so that a length which was believed unchecked would be seen nowhere else.
 *
 * @returns Tells the longest one since it was last called, if that is too long.
 */
export function watchAllocations(): () => number | undefined {
  let longest = 0;
  globalThis.Uint8Array = new Proxy(Uint8Array, {
    construct(original, args, target): Uint8Array {
      if (typeof args[0] === "number") longest = Math.max(longest, args[0]);
      return Reflect.construct(original, args, target);
    },
  });
  return () => {
    const before = longest;
    longest = 0;
    return before > MAX_ARRAY_BYTES ? before : undefined;
  };
}
