/**
 * Faults of a TCP connection, and plans of faults from a seed.
 *
 * @module
 */

/** The two ways through a proxy. */
export type Direction = "toHost" | "toMember";

/** A kind of fault. Lengths and sizes are in bytes, times in milliseconds. */
type Harm =
  /** Closes both sockets after the byte before. */
  | { readonly kind: "cut" }
  /** Resets both sockets: bytes under way may be lost as well. */
  | { readonly kind: "reset" }
  /** Flips the lowest bit of one byte. */
  | { readonly kind: "corrupt" }
  /** Repeats the `length` bytes before the place. */
  | { readonly kind: "duplicate"; readonly length: number }
  /** Holds all bytes for a while, then forwards them. */
  | { readonly kind: "stall"; readonly ms: number }
  /** Delays all bytes from the place on. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Splits `length` bytes into chunks of `size`. */
  | { readonly kind: "split"; readonly length: number; readonly size: number }
  /** Joins chunks less than `ms` apart into one, over `length` bytes. */
  | { readonly kind: "coalesce"; readonly length: number; readonly ms: number };

/** The name of a fault. */
export type FaultKind = Harm["kind"];

/** A fault at one place. */
export type Fault = Harm & {
  readonly direction: Direction;
  /** Number of bytes of this direction before the place. */
  readonly at: number;
};

/** The faults of each connection, counted from 0. */
export type Plan = (connection: number) => readonly Fault[];

/** Which faults a seed may make, and where. */
export interface PlanOptions {
  /** The kinds that may occur; a kind listed twice is twice as likely. */
  readonly kinds: readonly FaultKind[];
  /** Faults of each connection. */
  readonly count: number;
  /** The first byte that may be hit. */
  readonly from: number;
  /** The byte after the last that may be hit. */
  readonly to: number;
  /** The longest time of one fault, in milliseconds. */
  readonly maxMs?: number;
}

/** Maximum bytes that a seed splits, coalesces or duplicates at once. */
const MAX_LENGTH = 2000;

/** A plan that depends only on the seed and the options, not on time. */
export function seededPlan(seed: number, options: PlanOptions): Plan {
  const { count, from, kinds, maxMs = 200, to } = options;
  return (connection) => {
    const random = seededNumbers(seed + connection * 0x9e3779b1);
    const below = (limit: number): number => Math.floor(random() * limit);
    return Array.from({ length: count }, () => ({
      ...harm(kinds[below(kinds.length)]!, () => 1 + below(maxMs), () => 1 + below(MAX_LENGTH)),
      direction: below(2) === 0 ? "toHost" : "toMember",
      at: from + below(to - from),
    }));
  };
}

/** Numbers from 0 to below 1 that look random and are the same for the same seed (mulberry32). */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function harm(kind: FaultKind, ms: () => number, length: () => number): Harm {
  switch (kind) {
    case "cut":
    case "reset":
    case "corrupt":
      return { kind };
    case "duplicate":
      return { kind, length: length() };
    case "stall":
    case "delay":
      return { kind, ms: ms() };
    case "split":
      return { kind, length: length(), size: 1 + length() % 100 };
    case "coalesce":
      return { kind, length: length(), ms: ms() };
  }
}
