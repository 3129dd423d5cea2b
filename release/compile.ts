/**
 * Compiles the binary: `deno task compile` for this machine, `deno task compile windows-x64` for another one,
 * `deno task compile:all` for all.
 *
 * @module
 */
import { cp } from "node:fs/promises";
import { join, relative } from "node:path";
import {
  BUNDLE_FLAGS,
  COMPILE_FLAGS,
  PERMISSIONS,
  programName,
  type Target,
  TARGETS,
} from "./binary.ts";
import { commit, DIST, ROOT, runIn, sourceTime } from "./source.ts";

/** What the bundle is made of, besides the `build.json` that is written for it. */
const SOURCES = ["deno.json", "deno.lock", "lib", "main.ts"];

/** Starts of a binary; the fastest one counts. */
const STARTS = 10;

/** The program with all that it imports, and nothing else. */
interface Bundle {
  /** The directory of its modules. */
  readonly directory: string;
  /** How many modules it has. */
  readonly modules: number;
  /** Their size. */
  readonly bytes: number;
}

/** Bundles the program in an empty directory. */
async function bundle(work: string): Promise<Bundle> {
  const [source, directory] = [join(work, "source"), join(work, "bundle")];
  for (const name of SOURCES) await cp(join(ROOT, name), join(source, name), { recursive: true });
  await Deno.writeTextFile(join(source, "build.json"), JSON.stringify({ commit: await commit() }));
  const bundling = ["bundle", ...BUNDLE_FLAGS, "--outdir", directory, "main.ts"];
  await runIn(source, Deno.execPath(), ...bundling);
  const files = [...Deno.readDirSync(directory)].map(({ name }) => join(directory, name));
  // The binary keeps these times; they are the source's, so that each build of it has the same bytes.
  const time = await sourceTime();
  for (const file of files) await Deno.utime(file, time, time);
  return {
    directory,
    modules: files.length,
    bytes: files.reduce((sum, file) => sum + Deno.statSync(file).size, 0),
  };
}

/** Compiles a binary, and prints what came of it. @param name The name of its file, without an ending. */
async function compile({ bytes, directory, modules }: Bundle, target: Target, name: string) {
  const output = join(DIST, programName(target, name));
  const flags = ["--target", target.triple, ...COMPILE_FLAGS, ...PERMISSIONS, "--output", output];
  await runIn(directory, Deno.execPath(), "compile", ...flags, "main.js");
  const parts = [`${megabytes(Deno.statSync(output).size)} for ${target.name}`];
  parts.push(`${megabytes(bytes)} of it lanchat, in ${modules} modules`);
  if (target === ownTarget()) parts.push(`starts in ${startMs(output)} ms`);
  console.log(`${relative(ROOT, output)}: ${parts.join("; ")}`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The time that `--version` takes, in milliseconds. */
function startMs(binary: string): number {
  const times = Array.from({ length: STARTS }, () => {
    const start = performance.now();
    const { success } = new Deno.Command(binary, { args: ["--version"] }).outputSync();
    if (!success) throw new Error(`${binary} does not start`);
    return performance.now() - start;
  });
  return Math.round(Math.min(...times));
}

function ownTarget(): Target {
  return targetWhere(({ triple }) => triple === Deno.build.target, Deno.build.target);
}

function targetWhere(matches: (target: Target) => boolean, wanted: string): Target {
  const target = TARGETS.find(matches);
  if (target !== undefined) return target;
  throw new Error(`No binary for ${wanted}; choose ${TARGETS.map(({ name }) => name).join(", ")}`);
}

const wanted = Deno.args.includes("--all") ? TARGETS.map(({ name }) => name) : Deno.args;
const targets = wanted.map((name) => targetWhere((target) => target.name === name, name));
await Deno.mkdir(DIST, { recursive: true });
const work = await Deno.makeTempDir({ dir: DIST, prefix: "bundle-" });
try {
  const made = await bundle(work);
  if (targets.length === 0) await compile(made, ownTarget(), "lanchat");
  for (const target of targets) await compile(made, target, `lanchat-${target.name}`);
} finally {
  await Deno.remove(work, { recursive: true });
}
