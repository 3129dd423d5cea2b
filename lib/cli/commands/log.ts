/**
 * `lanchat log` prints a log.
 *
 * @module
 */
import { EXIT, quote, UsageError } from "../../errors.ts";
import { type ProblemEvent, warning } from "../../session_events.ts";
import { readLog } from "../../store/mod.ts";
import { sanitizeLine } from "../../ui/mod.ts";
import { refuseSurplus } from "../operands.ts";
import type { Parsed } from "../options.ts";
import { unlocker } from "../passphrase.ts";
import { print, printResult } from "../print.ts";
import type { SubcommandEntry } from "../subcommand.ts";

/** A parsed `lanchat log`. */
export type LogCommand = Parsed<"log"> & {
  /** The path of the log. */
  readonly file: string;
};

/** `lanchat log` prints a log, safe to show in a terminal. */
export const LOG: SubcommandEntry<LogCommand> = {
  summary: "print a log that --log wrote",
  operand: "FILE",
  note: "An encrypted log needs its passphrase, typed or in LANCHAT_PASSPHRASE.",
  examples: ["lanchat log friday.log", "lanchat log friday.log | grep ' bob: '"],
  operands([file, ...words]) {
    if (file === undefined) {
      throw new UsageError("missing-value", "lanchat log needs a file", {
        hint: "Name a file that --log wrote: lanchat log friday.log",
      });
    }
    refuseSurplus("log", words);
    return { file };
  },
  run: printLog,
};

async function printLog({ file }: LogCommand): Promise<number> {
  const log = await readLog(file, unlocker(file));
  for await (const text of log.texts) {
    const status = await print(text.split("\n").map(sanitizeLine).join("\n"));
    if (status !== EXIT.OK) return status;
  }
  const warnings: ProblemEvent[] = [];
  if (log.unfinished > 0) {
    const runs = log.unfinished === 1 ? "1 run" : `${log.unfinished} runs`;
    const message = `${runs} did not finish this log: the last lines may be missing`;
    warnings.push(warning("log-unfinished", message));
  }
  if (log.missingPart !== undefined) {
    const message = `Cannot read ${quote(log.missingPart)}, the earlier part of this log`;
    warnings.push(warning("log-part-missing", message));
  }
  return await printResult(warnings, false);
}
