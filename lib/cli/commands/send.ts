/**
 * `lanchat send` sends files to a room, and ends.
 *
 * @module
 */
import { DEFAULT_PORT, parseHostPort } from "../../address.ts";
import { isBrokerAddress } from "../../broker_address.ts";
import { UsageError } from "../../errors.ts";
import { isInvite, roomAtBroker } from "../../net/mod.ts";
import type { Sending } from "../../session/mod.ts";
import { findInvite, STANDARD_INPUT } from "../invite.ts";
import type { Parsed } from "../options.ts";
import type { SubcommandEntry } from "../subcommand.ts";
import { joinInFrontEnd } from "./join.ts";

/** The name of what comes from standard input, without `--name-as`. */
const STREAM_NAME = "stdin";

/** How long it tries to reconnect, in milliseconds. */
const GIVE_UP_MS = 60_000;

/** The options of `join` that `send` does not have: it shows no messages, and receives no files. */
const ONLY_FILES = {
  kind: "join",
  acceptFrom: undefined,
  downloadDir: undefined,
  listen: true,
  log: undefined,
  logEncrypted: false,
  maxFileBytes: undefined,
  maxLogBytes: 0,
  notify: false,
  title: false,
  untilDelivered: false,
} as const;

/** A parsed `lanchat send`. */
export type SendCommand = Parsed<"send"> & {
  /** The paths, or only {@linkcode STANDARD_INPUT}. */
  readonly paths: readonly string[];
  /** The IP address or name of the host; missing where an invite names it. */
  readonly host?: string;
  /** The TCP port of the host. */
  readonly port: number;
  /** An invite link as typed. */
  readonly link?: string;
};

/** `lanchat send`. */
export const SEND: SubcommandEntry<SendCommand> = {
  summary: "send files to a room, and leave",
  operand: "FILE... HOST[:PORT]",
  note: "FILE is a file or a folder, or - for standard input.\n" +
    "HOST is as for join, but must be there.\n" +
    "Ends with status 0 if --to, or everyone who accepted, has all of it.",
  examples: [
    "lanchat send report.pdf 192.168.1.5",
    "lanchat send photos notes.txt --to bob --wait 60 ada.local",
    "tar c src | lanchat send - --name-as src.tar ada.local",
  ],
  operands(words, given) {
    const paths = words.slice(0, -1);
    const where = words.at(-1);
    if (where === undefined || paths.length === 0) {
      throw new UsageError("missing-value", "lanchat send needs files, and a host", {
        hint: "Example: lanchat send report.pdf 192.168.1.5",
      });
    }
    const isStream = paths.includes(STANDARD_INPUT);
    if (isStream && paths.length > 1) {
      throw new UsageError("surplus-argument", "Cannot send standard input with other files", {
        hint: "Send them one after the other.",
      });
    }
    if (!isStream && given.includes("--name-as")) {
      throw new UsageError("surplus-argument", "Cannot use --name-as without standard input", {
        hint: "Files keep their names. For a pipe: lanchat send - --name-as backup.tar HOST",
      });
    }
    if (isInvite(where)) return { paths, port: DEFAULT_PORT, link: where };
    const host = isBrokerAddress(where) ? roomAtBroker(where) : parseHostPort(where, DEFAULT_PORT);
    return { paths, ...host };
  },
  async run(command) {
    const invite = await findInvite(command);
    const { timeoutMs: answerMs } = command;
    const choice = { send: { files: filesOf(command), answerMs }, ...invite && { invite } };
    const giveUpMs = command.giveUpMs ?? GIVE_UP_MS;
    return await joinInFrontEnd({ ...command, ...ONLY_FILES, giveUpMs }, choice);
  },
};

function filesOf({ nameAs = STREAM_NAME, paths }: SendCommand): Sending {
  return paths.includes(STANDARD_INPUT) ? { name: nameAs, stream: Deno.stdin.readable } : { paths };
}
