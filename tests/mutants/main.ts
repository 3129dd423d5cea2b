/**
 * Finds tests that cannot fail: puts one fault at a time into a copy of the library, and runs the test that
 * has to notice it.
 *
 * `deno task mutants [WORD…]` runs those whose file or test has one of the words, or all. It ends with
 * status 1 where a mutant survives, and with status 2 where one of the table is none any more.
 *
 * @module
 */
import { cpSync } from "node:fs";
import { MUTANTS } from "./table.ts";

/** How long one test may take, in milliseconds: a mutant that hangs is not noticed by its test. */
const DEADLINE_MS = 60_000;

const ROOT = new URL("../../", import.meta.url);

/** What a copy of the program has, to run its tests. */
const COPIED = ["build.json", "deno.json", "deno.lock", "lib", "main.ts", "tests"];

/** One fault, and what notices it. */
interface Mutant {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly test: string;
  readonly name: string;
}

/** A copy of the program that may be broken; leaving its scope removes it. */
class Copy implements Disposable {
  readonly #path = Deno.makeTempDirSync({ prefix: "lanchat-mutants-" });

  constructor() {
    for (const name of COPIED) {
      cpSync(new URL(name, ROOT), `${this.#path}/${name}`, { recursive: true });
    }
  }

  /** Runs tests by their names. @returns What that printed, and whether all passed. */
  async run(
    files: readonly string[],
    names: readonly string[],
  ): Promise<{ success: boolean; output: string }> {
    const filter = `/^(${names.map(RegExp.escape).join("|")})$/`;
    const { stderr, stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-check", "--allow-all", "--filter", filter, ...files],
      cwd: this.#path,
      env: { NO_COLOR: "1" },
      signal: AbortSignal.timeout(DEADLINE_MS),
    }).output();
    const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { success, output: output! + errors };
  }

  /** Whether a mutant is noticed by its own test, and not by a module that does not load. */
  async notices({ file, from, name, test, to }: Mutant): Promise<boolean> {
    const path = `${this.#path}/${file}`;
    const source = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, source.replace(from, () => to));
    try {
      const { output, success } = await this.run([test], [name]);
      return !success && output.includes(`\n${name} => `);
    } finally {
      Deno.writeTextFileSync(path, source);
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#path, { recursive: true });
  }
}

/** What makes a mutant none: its line is not there, or there more than once. */
function problem({ file, from }: Mutant): string | undefined {
  const count = Deno.readTextFileSync(new URL(file, ROOT)).split(from).length - 1;
  return count === 1 ? undefined : `${file} has ${count} times instead of once: ${from}`;
}

/** The tests that do not pass although nothing is broken, or are not there. */
async function unsound(copy: Copy, mutants: readonly Mutant[]): Promise<string[]> {
  const [files, names] = [
    [...new Set(mutants.map(({ test }) => test))],
    [...new Set(mutants.map(({ name }) => name))],
  ];
  const { output } = await copy.run(files, names);
  return names.filter((name) => !output.includes(`\n${name} ... ok`))
    .map((name) => `This test does not pass, or is not there: ${name}`);
}

const all: readonly Mutant[] = MUTANTS.flatMap(({ file, mutants, test }) =>
  mutants.map(([from, to, name]) => ({
    file: `lib/${file}`,
    from,
    to,
    test: `tests/${test}`,
    name,
  }))
);
const chosen = all.filter(({ file, name, test }) =>
  Deno.args.length === 0 || Deno.args.some((word) => `${file} ${test} ${name}`.includes(word))
);

/** Runs mutants until none is left. @returns Those that survive. */
async function work(copy: Copy, left: Mutant[]): Promise<Mutant[]> {
  const survivors: Mutant[] = [];
  for (let mutant = left.pop(); mutant !== undefined; mutant = left.pop()) {
    if (!await copy.notices(mutant)) survivors.push(mutant);
  }
  return survivors;
}

async function main(): Promise<number> {
  using one = new Copy();
  using other = new Copy();
  const problems = chosen.map(problem).filter((each) => each !== undefined);
  problems.push(...await unsound(one, chosen));
  if (problems.length > 0) {
    console.error(["tests/mutants/table.ts is out of date:", ...problems].join("\n"));
    return 2;
  }
  const left = [...chosen];
  const survivors = (await Promise.all([work(one, left), work(other, left)])).flat();
  for (const { file, from, name, test, to } of survivors) {
    console.error(`Survives in ${file}: ${from}\n  as: ${to}\n  although ${test} has: ${name}`);
  }
  console.log(`${chosen.length - survivors.length} mutants noticed, ${survivors.length} not`);
  return survivors.length === 0 ? 0 : 1;
}

Deno.exitCode = await main();
