/**
 * `lanchat serve` hosts a room.
 *
 * @module
 */
import { Broker } from "../../broker/mod.ts";
import { parseBrokerAddress } from "../../broker_address.ts";
import { hostRoom } from "../../session/mod.ts";
import { warning } from "../../session_events.ts";
import { readAllowList } from "../../store/mod.ts";
import { findBrokerAccess } from "../broker_access.ts";
import { runInFrontEnd } from "../in_front_end.ts";
import type { Parsed } from "../options.ts";
import { findPerson } from "../person.ts";
import type { SubcommandEntry } from "../subcommand.ts";

/** A parsed `lanchat serve`. */
export type ServeCommand = Parsed<"serve">;

/** `lanchat serve`. */
export const SERVE: SubcommandEntry<ServeCommand> = {
  summary: "host a room and chat in it",
  examples: [
    "lanchat serve --name ada",
    "lanchat serve --invite",
    "lanchat serve --relay-only --port 0 --json",
  ],
  run: (command) =>
    runInFrontEnd(command, !command.relayOnly, async (opened, frontEnd, interrupts) => {
      const { allow } = command;
      const via = await findBroker(command);
      if (showsPassword(command)) {
        const message = "Other programs on this machine can see the password you typed";
        frontEnd.show(warning("password-visible", message));
      }
      const allowed = allow === undefined ? undefined : await readAllowList(allow);
      const person = await findPerson(opened, command, frontEnd);
      return await hostRoom({ ...command, via, allowed, person, frontEnd, interrupts });
    }),
};

/** Whether the command line, and not the options file, has the password of a broker. */
function showsPassword({ via }: ServeCommand): boolean {
  return via !== undefined && Deno.args.some((argument) => argument.endsWith(via)) &&
    !!parseBrokerAddress(via).user?.password;
}

async function findBroker({ via, viaCreds }: ServeCommand): Promise<Broker | undefined> {
  if (via === undefined) return undefined;
  const { user, ...address } = parseBrokerAddress(via);
  return new Broker(address, await findBrokerAccess({ user, viaCreds }));
}
