/**
 * All subcommands by name.
 *
 * @module
 */
import { COMPLETIONS, type CompletionsCommand } from "./commands/completions.ts";
import { CONFIG, type ConfigCommand } from "./commands/config.ts";
import { DOCTOR, type DoctorCommand } from "./commands/doctor.ts";
import { HELP, type HelpCommand } from "./commands/help.ts";
import { ID, type IdCommand } from "./commands/id.ts";
import { JOIN, type JoinCommand } from "./commands/join.ts";
import { LOG, type LogCommand } from "./commands/log.ts";
import { PEERS, type PeersCommand } from "./commands/peers.ts";
import { SCAN, type ScanCommand } from "./commands/scan.ts";
import { SEND, type SendCommand } from "./commands/send.ts";
import { SERVE, type ServeCommand } from "./commands/serve.ts";
import type { OptionsFile } from "./options_file.ts";
import type { Subcommand } from "./options.ts";
import type { SubcommandEntry } from "./subcommand.ts";

/** A parsed command line. */
export type Command =
  | ServeCommand
  | JoinCommand
  | SendCommand
  | ScanCommand
  | DoctorCommand
  | IdCommand
  | PeersCommand
  | LogCommand
  | ConfigCommand
  | CompletionsCommand
  | HelpCommand
  /** No command: a person chooses. */
  | { readonly kind: "start"; readonly file: OptionsFile }
  /** `--version`. */
  | { readonly kind: "version" };

/** All subcommands. */
export const COMMANDS: {
  readonly [Name in Subcommand]: SubcommandEntry<Extract<Command, { readonly kind: Name }>>;
} = {
  serve: SERVE,
  join: JOIN,
  send: SEND,
  scan: SCAN,
  doctor: DOCTOR,
  id: ID,
  peers: PEERS,
  log: LOG,
  config: CONFIG,
  completions: COMPLETIONS,
  help: HELP,
};
