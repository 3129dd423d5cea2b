/**
 * What can go wrong with a TCP connection, and plans of it that a seed makes.
 *
 * @module
 */

/** The two ways through a proxy. */
export type Direction = "toHost" | "toMember";

/** What goes wrong. Lengths and sizes are bytes, times milliseconds. */
type Harm =
  /** Both sockets are closed, with nothing after the byte before. */
  | { readonly kind: "cut" }
  /** Both sockets are reset: what was under way may be lost as well. */
  | { readonly kind: "reset" }
  /** The lowest bit of one byte is flipped. */
  | { readonly kind: "corrupt" }
  /** As many bytes before the place as `length` says come once more. */
  | { readonly kind: "duplicate"; readonly length: number }
  /** Nothing passes for a while, then all that waited. */
  | { readonly kind: "stall"; readonly ms: number }
  /** All from there on comes later. */
  | { readonly kind: "delay"; readonly ms: number }
  /** `length` bytes come in chunks of `size`. */
  | { readonly kind: "split"; readonly length: number; readonly size: number }
  /** While `length` bytes pass, what comes within `ms` of each other comes as one chunk. */
  | { readonly kind: "coalesce"; readonly length: number; readonly ms: number };

/** The name of a fault. */
export type FaultKind = Harm["kind"];

/** Something that goes wrong at one place. */
export type Fault = Harm & {
  readonly direction: Direction;
  /** How many bytes of this direction of the connection have passed before. */
  readonly at: number;
};

/** What goes wrong with each connection, counted from 0. */
export type Plan = (connection: number) => readonly Fault[];

/** Which faults a seed may make, and where. */
export interface PlanOptions {
  /** The kinds that may occur; a kind listed twice is twice as likely. */
  readonly kinds: readonly FaultKind[];
  /** Faults of each connection. */
  readonly count: number;
  /** The first byte that may be hit. */
  readonly from: number;
  /** The byte behind the last. */
  readonly to: number;
  /** The longest time of one fault, in milliseconds. */
  readonly maxMs?: number;
}

/** Most bytes that a seed splits, coalesces or duplicates at once. */
const MAX_LENGTH = 2000;

/** A plan that is the same for the same seed and options, whatever happens when. */
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
