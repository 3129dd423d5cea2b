/**
 * Fuzzes everything that takes bytes from outside: `deno task fuzz --minutes 5 --seed 1`
 *
 * Ends with status 1 if a promise is broken, and adds the input to the corpus.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { keepFound } from "./corpus.ts";
import { Recorder } from "./recorder.ts";
import { TARGETS } from "./targets.ts";
import type { Report, Start } from "./worker.ts";

/** How long one execution may take, in milliseconds. */
const DEADLINE_MS = 10_000;

/** Resident memory of the whole process that is too much, in bytes: the code itself takes 200 MB. */
const MAX_MEMORY_BYTES = 768 << 20;

/** How often time and memory are looked at, in milliseconds. */
const WATCH_MS = 200;

/** The result of one target. */
interface Tally {
  runs: number;
  ms: number;
  outcomes: number;
}

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "1" }, seed: { type: "string" } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error("Usage: deno task fuzz [--minutes N] [--seed INTEGER]");
  Deno.exit(2);
}

const tallies: Tally[] = TARGETS.map(() => ({ runs: 0, ms: 0, outcomes: 0 }));
let peak = 0;

/** Fuzzes until the time is over. @returns The broken promise; `undefined` if none broke. */
async function fuzz(recorder: Recorder): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const worker = new Worker(new URL("worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }) => {
    const report = data as Report;
    if (report === "ready") {
      return worker.postMessage({ seed, memory: recorder.memory } satisfies Start);
    }
    if ("broken" in report) return resolve(report.broken);
    const tally = tallies[report.target]!;
    tally.runs += report.runs;
    tally.ms += report.ms;
    tally.outcomes = report.outcomes;
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    resolve(event.message);
  });
  const end = performance.now() + minutes * 60_000;
  let [count, since] = [-1, performance.now()];
  const watch = setInterval(() => {
    const now = performance.now();
    const { rss } = Deno.memoryUsage();
    peak = Math.max(peak, rss);
    if (recorder.count !== count) [count, since] = [recorder.count, now];
    if (rss > MAX_MEMORY_BYTES) resolve(`it takes ${megabytes(rss)} of memory`);
    else if (now - since > DEADLINE_MS) resolve(`it hangs for over ${DEADLINE_MS / 1000} s`);
    else if (now > end) resolve(undefined);
  }, WATCH_MS);
  const broken = await promise;
  clearInterval(watch);
  worker.terminate();
  return broken;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

console.log(`Fuzzing ${TARGETS.length} targets for ${minutes} min with --seed ${seed}`);
const recorder = new Recorder();
const broken = await fuzz(recorder);
console.log(
  `${"target".padEnd(20)}${"executions".padStart(12)}${"a second".padStart(12)}  outcomes`,
);
for (const [i, { ms, outcomes, runs }] of tallies.entries()) {
  const name = TARGETS[i]!.name.padEnd(20);
  const speed = Math.round(1000 * runs / ms || 0);
  console.log(
    `${name}${`${runs}`.padStart(12)}${`${speed}`.padStart(12)}${`${outcomes}`.padStart(10)}`,
  );
}
console.log(`${"all".padEnd(20)}${`${recorder.count}`.padStart(12)}, at most ${megabytes(peak)}`);
if (broken !== undefined) {
  const { input, target } = recorder.last;
  const { name } = TARGETS[target]!;
  console.error(`${name} breaks a promise: ${broken}`);
  console.error(
    `The input is in tests/fuzz/corpus/${name}.json as "${await keepFound(
      TARGETS[target]!,
      input,
    )}".`,
  );
  Deno.exit(1);
}
