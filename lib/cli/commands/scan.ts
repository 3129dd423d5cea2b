/**
 * `lanchat scan` lists the rooms on this network.
 *
 * @module
 */
import { EXIT } from "../../errors.ts";
import type { SessionEvent } from "../../session_events.ts";
import { Interrupts } from "../../session/mod.ts";
import { refuseSurplus } from "../operands.ts";
import type { Parsed } from "../options.ts";
import { EventPrinter } from "../print.ts";
import { findKnownPeers, noRoom, roomEvent, searchRooms, tagsOf } from "../rooms.ts";
import type { SubcommandEntry } from "../subcommand.ts";

/** A parsed `lanchat scan`. */
export type ScanCommand = Parsed<"scan">;

/** `lanchat scan` lists the rooms on this network, as their hosts answer. */
export const SCAN: SubcommandEntry<ScanCommand> = {
  summary: "list the rooms on this network",
  note: "lanchat marks the hosts that you have met.",
  examples: ["lanchat scan --timeout 10", "lanchat scan --json"],
  operands(words) {
    const hint =
      "It lists all rooms. For one host: 'lanchat join ADDRESS' or 'lanchat doctor ADDRESS'.";
    refuseSurplus("scan", words, hint);
    return {};
  },
  run: scan,
};

async function scan({ timeoutMs, ...identity }: ScanCommand): Promise<number> {
  const interrupts = new Interrupts(() => Deno.exit(EXIT.INTERRUPTED));
  const printer = new EventPrinter(identity.json);
  let printed: Promise<unknown> = Promise.resolve();
  const show = (event: SessionEvent): void =>
    void (printed = printed.then(() => printer.print(event)));
  try {
    const tags = await tagsOf(await findKnownPeers(identity));
    let found = 0;
    await searchRooms({
      ms: timeoutMs,
      tags,
      stop: interrupts.first,
      onRoom: (room) => {
        found++;
        show(roomEvent(room, tags));
      },
      onWarning: show,
    });
    if (found === 0) throw noRoom();
    await printed;
    return await printer.close("done");
  } catch (error) {
    await printed;
    return await printer.fail(error);
  } finally {
    interrupts.close();
  }
}
