import { type Bytes, concat, u32 } from "../../lib/bytes/mod.ts";

/** Longest input, in bytes: some more than the longest frame. */
const MAX_INPUT_BYTES = 70_000;

/** Changes that are made at most to one input. */
const MAX_CHANGES = 4;

/** Numbers at which lengths, counters and signs turn over. */
const EDGES: readonly number[] = [0, 1, 2, 16, 17, 64, 127, 128, 255, 256, 1337, 16_384, 32_767]
  .concat([32_768, 65_535, 65_536, 65_552, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1]);

/** Random numbers that are the same for the same seed. */
export class Dice {
  #state: number;

  /** Restarts. @param seed Any integer. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An integer from 0, less than `count`. */
  below(count: number): number {
    // Mulberry32.
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * count);
  }

  /** One of several things. */
  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  /** Random bytes. */
  bytes(count: number): Bytes {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }
}

type Change = (dice: Dice, input: Bytes, pool: readonly Bytes[]) => Bytes;

/** A part of an input, most often a short one: from, to. */
function part(dice: Dice, { length }: Bytes): [number, number] {
  const from = dice.below(length + 1);
  return [from, Math.min(length, from + dice.below(dice.of([2, 9, 65, length + 1])))];
}

function spliced(input: Bytes, from: number, to: number, middle: Bytes): Bytes {
  return concat(input.subarray(0, from), middle, input.subarray(to));
}

const CHANGES: readonly Change[] = [
  // Flip one bit.
  (dice, input) => {
    if (input.length === 0) return input;
    const bit = dice.below(8 * input.length);
    return input.map((byte, i) => i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte);
  },
  // Remove the end.
  (dice, input) => input.slice(0, dice.below(input.length + 1)),
  // Remove a part.
  (dice, input) => spliced(input, ...part(dice, input), new Uint8Array()),
  // Insert bytes.
  (dice, input) => {
    const [at] = part(dice, input);
    return spliced(input, at, at, dice.bytes(1 + dice.below(dice.of([3, 40]))));
  },
  // Repeat a part.
  (dice, input) => {
    const [from, to] = part(dice, input);
    return spliced(input, to, to, input.slice(from, to));
  },
  // Insert a part of another input.
  (dice, input, pool) => {
    const other = dice.of(pool);
    return spliced(input, ...part(dice, input), other.slice(...part(dice, other)));
  },
  // Overwrite a part.
  (dice, input) => {
    const [from, to] = part(dice, input);
    return spliced(input, from, to, dice.bytes(to - from));
  },
  // Set a number of one to eight bytes to an edge, or near the input's length.
  (dice, input) => {
    const value = dice.of([...EDGES, input.length]) + dice.below(3) - 1;
    const number = concat(new Uint8Array(4), u32(Math.max(0, Math.min(value, 2 ** 32 - 1))));
    const size = dice.of([1, 2, 4, 8]);
    const at = dice.below(Math.max(1, input.length - size + 1));
    return spliced(input, at, Math.min(at + size, input.length), number.slice(8 - size));
  },
];

/** An input like one of the pool, with a few changes. @param pool At least one input. */
export function mutate(dice: Dice, pool: readonly Bytes[]): Bytes {
  let input = dice.of(pool);
  for (let left = 1 + dice.below(MAX_CHANGES); left > 0; left--) {
    input = dice.of(CHANGES)(dice, input, pool);
  }
  return input.slice(0, MAX_INPUT_BYTES);
}
