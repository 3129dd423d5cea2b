/** Longest array of bytes that anything needs for an input of the longest size. */
const MAX_ARRAY_BYTES = 1 << 18;

/**
 * Watches the lengths of byte arrays allocated from now on. Memory that is never written is
 * not resident, so that an allocation by an unchecked length would show nowhere else.
 *
 * @returns A function that returns the longest length since its last call, if that is too long.
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
