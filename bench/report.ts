/**
 * Figures and their table.
 *
 * @module
 */

/** One figure. */
export interface Result {
  /** The measured quantity. */
  readonly name: string;
  /** The figure with its unit. */
  readonly value: string;
  /** How it compares: times raw TCP's speed for a layer, times its aim for the program. */
  readonly ratio?: number;
}

/** The times of several runs, in milliseconds. */
export async function timed(runs: number, run: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return times;
}

/** The middle of the times of several runs, in milliseconds. */
export async function median(runs: number, run: () => Promise<void>): Promise<number> {
  return quantile(await timed(runs, run), 0.5);
}

/** The middle of some figures, and in parentheses the lowest and the highest, if they differ. @param digits After the point. */
export function spread(figures: readonly number[], digits: number, unit = ""): string {
  const [low, middle, high] = [0, 0.5, 1].map((at) => quantile(figures, at).toFixed(digits));
  const around = low === high ? "" : ` (${low} to ${high})`;
  return `${middle}${around}${unit && ` ${unit}`}`;
}

/** A quantile of some figures. @param at From 0 to 1. */
export function quantile(figures: readonly number[], at: number): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))]!;
}

/** A table in Markdown. */
export function table(title: string, ratio: string, results: readonly Result[]): string {
  const rows = results.map(({ name, ratio, value }) =>
    `| ${name.replaceAll("|", "\\|")} | ${value} | ${ratio === undefined ? "" : ratio.toFixed(2)} |`
  );
  return [`## ${title}`, "", `| what | figure | ${ratio} |`, "|---|---|---|", ...rows, ""].join(
    "\n",
  );
}
