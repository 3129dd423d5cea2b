import { CODES, EXIT } from "../errors.ts";
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
  if (log.unfinished > 0) await warn(log.unfinished);
  return EXIT.OK;
}

async function warn(unfinished: number): Promise<void> {
  const frontEnd = await chooseFrontEnd({ json: false, plain: true, notify: false, typing: false });
  const runs = unfinished === 1 ? "1 run has" : `${unfinished} runs have`;
  frontEnd.show({
    event: "warning",
    code: "log-unfinished",
    message: `${runs} left this log without an end mark: the last lines may be missing`,
    hint: CODES["log-unfinished"].hint,
  });
  await frontEnd.close();
}
