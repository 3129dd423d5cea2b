import { EXIT, LanchatError } from "../../errors.ts";
import { JsonFrontEnd, noticeLines } from "../../ui/mod.ts";
import type { FoundRoomEvent, ProblemEvent } from "../../session_events.ts";
import { Interrupts } from "../../session/mod.ts";
import { refuseSurplus } from "../operands.ts";
import type { Parsed } from "../options.ts";
import { print } from "../print.ts";
import { problem } from "../../session_events.ts";
import { report } from "../report.ts";
import { findKnownPeers, noRoom, roomEvent, searchRooms, tagsOf } from "../rooms.ts";
import type { SubcommandEntry } from "../subcommand.ts";

/** A parsed `lanchat scan`. */
export type ScanCommand = Parsed<"scan">;

/** `lanchat scan` lists the rooms on this network, as their hosts answer. */
export const SCAN: SubcommandEntry<ScanCommand> = {
  summary: "list the rooms on this network",
  note: "Hosts that you have met are marked.",
  examples: ["lanchat scan --timeout 10", "lanchat scan --json"],
  operands(words) {
    const hint = "It lists all rooms on this network. For one host: lanchat join ADDRESS, or " +
      "lanchat doctor ADDRESS.";
    refuseSurplus("scan", words, hint);
    return {};
  },
  run: scan,
};

/** Lists the rooms; JSON Lines show a failure, too. */
async function scan(command: ScanCommand): Promise<number> {
  if (!command.json) return await scanForPeople(command);
  const frontEnd = new JsonFrontEnd();
  let status: number = EXIT.OK;
  const show = (event: FoundRoomEvent | ProblemEvent): void => frontEnd.show(event);
  try {
    await list(command, show, show);
  } catch (error) {
    frontEnd.show(problem(error));
    status = error instanceof LanchatError ? error.exitStatus : EXIT.FAILURE;
  }
  frontEnd.show({ event: "closed", reason: status === EXIT.OK ? "done" : "failed" });
  await frontEnd.close();
  return status;
}

async function scanForPeople(command: ScanCommand): Promise<number> {
  const warnings: ProblemEvent[] = [];
  const show = (event: FoundRoomEvent): Promise<boolean> =>
    print(noticeLines(event).map((line) => `${line}\n`).join(""));
  try {
    await list(command, show, (warning) => warnings.push(warning));
  } finally {
    if (warnings.length > 0) await report(warnings, false, []);
  }
  return EXIT.OK;
}

/** Shows each room once, for as long as it was asked for or until an interrupt. */
async function list(
  command: ScanCommand,
  show: (event: FoundRoomEvent) => unknown,
  onWarning: (warning: ProblemEvent) => void,
): Promise<void> {
  const interrupts = new Interrupts(() => Deno.exit(EXIT.INTERRUPTED));
  let last: unknown;
  try {
    const tags = await tagsOf(await findKnownPeers(command));
    await searchRooms({
      ms: command.timeoutMs,
      tags,
      stop: interrupts.first,
      onRoom: (room) => last = Promise.resolve(last).then(() => show(roomEvent(room, tags))),
      onWarning,
    });
    if (last === undefined) throw noRoom();
    await last;
  } finally {
    interrupts.close();
  }
}
