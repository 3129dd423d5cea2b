/**
 * `lanchat join` joins a room.
 *
 * @module
 */
import { DEFAULT_PORT, parseHostPort } from "../../address.ts";
import { EXIT, UsageError } from "../../errors.ts";
import { isBrokerAddress, parseBrokerAddress } from "../../broker_address.ts";
import { isInvite, roomAtBroker } from "../../net/mod.ts";
import { type FilesToSend, joinRoom, type JoinTarget } from "../../session/mod.ts";
import { warning } from "../../session_events.ts";
import { findBrokerAccess } from "../broker_access.ts";
import { canChoose, chooseRoom } from "../choose_room.ts";
import { runInFrontEnd } from "../in_front_end.ts";
import { findInvite, type FoundInvite, STANDARD_INPUT } from "../invite.ts";
import { refuseSurplus } from "../operands.ts";
import type { Parsed } from "../options.ts";
import { findPerson } from "../person.ts";
import { findOnlyRoom } from "../rooms.ts";
import type { SubcommandEntry } from "../subcommand.ts";

/** How long a client without a terminal tries to reconnect, in milliseconds. */
const GIVE_UP_MS = 60_000;

/** A room that takes the place of an address on the command line. */
export interface JoinChoice {
  /** The invite to join by. */
  readonly invite?: FoundInvite;
  /** The host that the person has chosen; by default that of the invite. */
  readonly target?: JoinTarget;
  /** The name that the host announces for the room. */
  readonly room?: string | undefined;
  /** Files to send; nothing else is done then. */
  readonly send?: FilesToSend;
}

/** A parsed `lanchat join`. */
export type JoinCommand = Parsed<"join"> & {
  /** The IP address or name of the host; missing where an invite names it, or the room is not found yet. */
  readonly host?: string;
  /** The TCP port of the host. */
  readonly port: number;
  /** An invite link as typed, or {@linkcode STANDARD_INPUT}. */
  readonly link?: string;
};

/** `lanchat join`. */
export const JOIN: SubcommandEntry<JoinCommand> = {
  summary: "join a room",
  operand: "[HOST[:PORT]]",
  note:
    `HOST is a name or an IP address, PORT is ${DEFAULT_PORT} by default; IPv6: [fd00::2]:4000.\n` +
    "Through a NATS server: nats://HOST:PORT/ROOM, as the host's screen shows it.\n" +
    "Instead of HOST: an invite link, or - to enter one (or set LANCHAT_INVITE).\n" +
    "Without HOST, lanchat looks for rooms on this network.",
  examples: [
    "lanchat join 192.168.1.5 --name bob",
    "lanchat join '[fd00::2]:4000' --listen",
    "echo hello | lanchat join ada.local --wait 60",
  ],
  operands([where, ...words]) {
    const isPort = /^\d{1,5}$/.test(words[0] ?? "");
    const hint = "Write the port after a colon: 192.168.1.5:12345";
    refuseSurplus("join", words, isPort ? hint : undefined);
    if (where === undefined) return { port: DEFAULT_PORT };
    if (where === STANDARD_INPUT || isInvite(where)) return { port: DEFAULT_PORT, link: where };
    return isBrokerAddress(where) ? roomAtBroker(where) : parseHostPort(where, DEFAULT_PORT);
  },
  async run(command) {
    if (command.to !== undefined && Deno.stdin.isTerminal()) {
      throw new UsageError("surplus-argument", "Cannot use --to at a terminal", {
        hint: "Pipe the text in; in a room, type /msg NAME TEXT.",
      });
    }
    const invite = await findInvite(command);
    if (invite !== undefined) return await joinInFrontEnd(command, { invite });
    if (command.host !== undefined || command.json || !canChoose()) {
      return await joinInFrontEnd(command);
    }
    const choice = await chooseRoom({ ...command, hosting: false });
    return typeof choice === "string" ? EXIT.OK : await joinInFrontEnd(command, choice);
  },
};

/** Joins a room, and stays in it until it ends. @returns The exit status. */
export async function joinInFrontEnd(
  command: JoinCommand,
  { invite, room, send, target: chosen }: JoinChoice = {},
): Promise<number> {
  const joinsByInvite = invite?.root !== undefined;
  const options = { ...command, room, joinsByInvite, onlyFiles: send !== undefined };
  return await runInFrontEnd(options, !command.listen, async (opened, frontEnd, interrupts) => {
    const person = await findPerson(opened, command, frontEnd);
    if (invite?.visible) {
      const message = "Other programs on this machine can see the link you typed";
      frontEnd.show(warning("invite-visible", message));
    }
    const { host, port } = invite ?? command;
    const target = chosen ??
      (host === undefined
        ? await findOnlyRoom(person.known, frontEnd, interrupts)
        : { hosts: [host], port });
    if (target === undefined) return EXIT.OK;
    const [address = ""] = target.hosts;
    const broker = isBrokerAddress(address) ? parseBrokerAddress(address) : undefined;
    const linked = invite === undefined ? undefined : broker;
    const brokerAccess = broker && await findBrokerAccess({ ...command, linked });
    const giveUpMs = command.giveUpMs ?? defaultGiveUpMs(command);
    return await joinRoom({
      ...command,
      brokerAccess,
      giveUpMs,
      invite,
      person,
      send,
      target,
      frontEnd,
      interrupts,
    });
  });
}

function defaultGiveUpMs({ json }: JoinCommand): number {
  return !json && Deno.stdin.isTerminal() ? Infinity : GIVE_UP_MS;
}
