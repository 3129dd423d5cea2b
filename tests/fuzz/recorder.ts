import type { Bytes } from "../../lib/bytes/mod.ts";

/** Room for the longest input, and three numbers before it. */
const MEMORY_BYTES = 12 + 70_000;

/** The current input, in memory shared by several threads. */
export class Recorder {
  /** The memory. */
  readonly memory: SharedArrayBuffer;
  readonly #numbers: Int32Array;
  readonly #input: Uint8Array;

  /** Reads or writes a memory; a new one by default. */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(MEMORY_BYTES)) {
    this.memory = memory;
    this.#numbers = new Int32Array(memory, 0, 3);
    this.#input = new Uint8Array(memory, 12);
  }

  /** An execution begins. @param target Its index. */
  begin(target: number, input: Bytes): void {
    this.#input.set(input);
    this.#numbers[1] = target;
    this.#numbers[2] = input.length;
    Atomics.add(this.#numbers, 0, 1);
  }

  /** How many executions have begun. */
  get count(): number {
    return Atomics.load(this.#numbers, 0);
  }

  /** The last input executed. */
  get last(): { readonly target: number; readonly input: Bytes } {
    return { target: this.#numbers[1]!, input: this.#input.slice(0, this.#numbers[2]!) as Bytes };
  }
}
