/**
 * Fuzzes all targets, each for a moment in turn, until it is stopped from outside. Its current work is
 * in shared memory, where it can be read even if it hangs.
 *
 * @module
 */
import type { Bytes } from "../../lib/bytes/mod.ts";
import { watchAllocations } from "./allocation.ts";
import { readCorpus } from "./corpus.ts";
import { Dice, mutate } from "./mutate.ts";
import { Recorder } from "./recorder.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** How the worker is started. */
export interface Start {
  /** The seed of all random choices; a run repeats if its targets are deterministic. */
  readonly seed: number;
  /** The memory of a {@linkcode Recorder}. */
  readonly memory: SharedArrayBuffer;
}

/** A message of the worker. */
export type Report =
  /** It can be started. */
  | "ready"
  /** One target had its turn. `outcomes` counts all that were ever new. */
  | {
    readonly target: number;
    readonly runs: number;
    readonly ms: number;
    readonly outcomes: number;
  }
  /** A promise is broken by the input that the recorder has. */
  | { readonly broken: string };

/** How long a target has its turn at least, in milliseconds; a slow one has as many runs as in a test. */
const TURN_MS = 50;

/** How long at most, in milliseconds. */
const MAX_TURN_MS = 1000;

/** Inputs that a target's pool has at most. */
const MAX_POOL = 500;

const excess = watchAllocations();

/** Lets a target try what is new. */
class Player {
  readonly #target: Target;
  readonly #index: number;
  readonly #dice: Dice;
  readonly #pool: Bytes[];
  readonly #outcomes = new Set<string>();

  constructor(target: Target, index: number, dice: Dice, pool: readonly Bytes[]) {
    this.#target = target;
    this.#index = index;
    this.#dice = dice;
    this.#pool = [...pool];
  }

  /** Tries inputs for a turn; inputs with a new outcome are mutated further. */
  async play(recorder: Recorder): Promise<Report> {
    const began = performance.now();
    let runs = 0;
    let ms: number;
    do {
      const input = mutate(this.#dice, this.#pool);
      recorder.begin(this.#index, input);
      const outcome = await this.#target.run(input);
      const tooLong = excess();
      if (tooLong !== undefined) throw new Error(`it makes an array of ${tooLong} bytes`);
      runs++;
      if (!this.#outcomes.has(outcome)) {
        this.#outcomes.add(outcome);
        if (this.#pool.length < MAX_POOL) this.#pool.push(input);
      }
      ms = performance.now() - began;
    } while (ms < TURN_MS || (runs < this.#target.runs && ms < MAX_TURN_MS));
    return { target: this.#index, runs, ms, outcomes: this.#outcomes.size };
  }
}

/** This thread, as its types do not know that it is a worker's. */
const thread = self as unknown as Pick<Worker, "postMessage" | "addEventListener">;

function report(message: Report): void {
  thread.postMessage(message);
}

async function fuzz({ memory, seed }: Start): Promise<void> {
  const recorder = new Recorder(memory);
  self.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    report({ broken: `nobody handles: ${Deno.inspect(event.reason)}` });
  });
  const players = await Promise.all(TARGETS.map(async (target, i) => {
    const pool = Object.values(await readCorpus(target));
    return new Player(target, i, new Dice(seed + i), pool);
  }));
  try {
    while (true) {
      for (const player of players) {
        report(await player.play(recorder));
        // An unhandled rejection is reported between two turns at the latest.
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
  } catch (error) {
    report({ broken: Deno.inspect(error) });
  }
}

thread.addEventListener("message", ({ data }) => void fuzz(data as Start), { once: true });
report("ready");
