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
  summary: "print a log that --log has made",
  operand: "FILE",
  note: "The passphrase of a sealed log is asked for, or comes from LANCHAT_PASSPHRASE.",
  examples: ["lanchat log friday.log", "lanchat log friday.log | grep ' bob: '"],
  operands([file, ...words]) {
    if (file === undefined) {
      throw new UsageError("missing-value", "Cannot print a log as no file is given", {
        hint: "Give the file that --log has made, as in: lanchat log friday.log",
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
    const runs = log.unfinished === 1 ? "1 run has" : `${log.unfinished} runs have`;
    const message = `${runs} left this log without an end mark: the last lines may be missing`;
    warnings.push(warning("log-unfinished", message));
  }
  if (log.missingPart !== undefined) {
    const message = `Cannot read ${quote(log.missingPart)}, which has what was logged before`;
    warnings.push(warning("log-part-missing", message));
  }
  return await printResult(warnings, false);
}
