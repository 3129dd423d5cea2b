/**
 * Rows of loads on relays, for the table of figures.
 *
 * @module
 */
import { quantile, type Result, spread } from "./report.ts";
import type { Compared, Figures } from "./room_load.ts";

/** The relays that were measured under the same load. */
export type Round = Pick<Compared, "lanchat" | "raw"> & Partial<Compared>;

/** What to show of a figure. */
export interface Shown {
  readonly key: keyof Figures;
  /** Digits after the point. */
  readonly digits?: number;
  readonly unit?: string;
  /** lanchat by default. */
  readonly relay?: keyof Compared;
  /** What the figure has no counterpart of at raw TCP. */
  readonly isAlone?: boolean;
}

/** The middle of a figure of some rounds, its range, and how it compares to raw TCP in the same round. */
export function rowOf(
  name: string,
  rounds: readonly Round[],
  { digits = 0, isAlone = false, key, relay = "lanchat", unit }: Shown,
): Result {
  const pairs = rounds.flatMap((round) => {
    const figure = round[relay]?.[key];
    return figure === undefined ? [] : [{ figure, raw: round.raw[key]! }];
  });
  if (pairs.length === 0) return { name, value: "not measured" };
  return {
    name,
    value: spread(pairs.map(({ figure }) => figure), digits, unit),
    ...!isAlone && { ratio: quantile(pairs.map(({ figure, raw }) => figure / raw), 0.5) },
  };
}
