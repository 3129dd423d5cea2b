import { type Code, CODES, EXIT, quote } from "../errors.ts";
import { readLog } from "../store/mod.ts";
import { chooseFrontEnd, sanitizeLine } from "../ui/mod.ts";
import type { LogCommand } from "./args.ts";
import { unlocker } from "./passphrase.ts";
import { print } from "./print.ts";

/**
 * Prints a log, safe to show in a terminal whatever is in it.
 *
 * @returns The exit status.
 * @throws {LanchatError} If it cannot be read, or is not as lanchat wrote it from some place on.
 */
export async function printLog({ file }: LogCommand): Promise<number> {
  const log = await readLog(file, unlocker(file));
  for await (const text of log.texts) {
    const isPrinted = await print(text.split("\n").map(sanitizeLine).join("\n"));
    if (!isPrinted) return EXIT.FAILURE;
  }
  if (log.unfinished > 0) {
    const runs = log.unfinished === 1 ? "1 run has" : `${log.unfinished} runs have`;
    const message = `${runs} left this log without an end mark: the last lines may be missing`;
    await warn("log-unfinished", message);
  }
  if (log.missingPart !== undefined) {
    const message = `Cannot read ${quote(log.missingPart)}, which has what was logged before`;
    await warn("log-part-missing", message);
  }
  return EXIT.OK;
}

async function warn(code: Code, message: string): Promise<void> {
  const frontEnd = await chooseFrontEnd({ json: false, plain: true, notify: false, typing: false });
  frontEnd.show({ event: "warning", code, message, hint: CODES[code].hint });
  await frontEnd.close();
}
