/**
 * Every error, warning and failure that lanchat reports, in one table: code, exit status and hint.
 *
 * @module
 */

/** The exit statuses of lanchat. */
export const EXIT: {
  readonly OK: 0;
  readonly FAILURE: 1;
  readonly USAGE: 2;
  readonly IDENTITY: 3;
  readonly INTERRUPTED: 130;
} = {
  /** Everything that was asked for was done. */
  OK: 0,
  /** The network, the host or a file stood in the way, or something was not delivered. */
  FAILURE: 1,
  /** The command line was wrong; lanchat did no work. */
  USAGE: 2,
  /** An identity is not the expected one. */
  IDENTITY: 3,
  /** A second interrupt ended the program at once, or one while it asked for a passphrase. */
  INTERRUPTED: 130,
};

/** The table's entry for a code. */
export interface CodeEntry {
  /** Exit status of a run that this code ends (0: it never ends a run by itself). */
  readonly status: number;
  /** What to do about it; empty if the message already says it. */
  readonly hint: string;
}

/** The name of an error, a warning or a failure; docs/JSON.md documents each one. */
export type Code =
  | "unknown-subcommand"
  | "unknown-option"
  | "repeated-option"
  | "missing-value"
  | "surplus-argument"
  | "bad-port"
  | "bad-number"
  | "bad-choice"
  | "bad-name"
  | "bad-address"
  | "bad-fingerprint"
  | "unknown-shell"
  | "bad-invite"
  | "invite-visible"
  | "password-visible"
  | "permission-denied"
  | "port-in-use"
  | "address-unavailable"
  | "name-not-found"
  | "unreachable"
  | "connection-refused"
  | "not-lanchat"
  | "wrong-version"
  | "handshake-failed"
  | "handshake-stalled"
  | "no-room"
  | "several-rooms"
  | "discovery-unavailable"
  | "needs-invite"
  | "wrong-invite"
  | "busy"
  | "room-full"
  | "banned"
  | "locked"
  | "not-allowed"
  | "connection-lost"
  | "too-slow"
  | "kicked"
  | "protocol-error"
  | "seat-lost"
  | "host-key-mismatch"
  | "host-key-changed"
  | "another-room"
  | "host-unverified"
  | "host-moved"
  | "temporary-identity"
  | "identity-unreadable"
  | "identity-damaged"
  | "identity-unwritable"
  | "identity-exists"
  | "identity-shared"
  | "options-unreadable"
  | "peers-damaged"
  | "peers-exposed"
  | "peers-unreadable"
  | "peers-unwritable"
  | "no-such-peer"
  | "several-peers"
  | "room-damaged"
  | "room-unwritable"
  | "no-room-secret"
  | "bad-list"
  | "log-unwritable"
  | "log-unreadable"
  | "log-damaged"
  | "log-unfinished"
  | "log-part-missing"
  | "log-moved"
  | "wrong-passphrase"
  | "no-passphrase"
  | "interrupted"
  | "addresses-hidden"
  | "name-taken"
  | "name-misleading"
  | "messages-missing"
  | "roster-differs"
  | "bad-input"
  | "duplicate-id"
  | "message-too-long"
  | "bad-status"
  | "bad-utf8"
  | "empty-message"
  | "nobody-here"
  | "no-such-member"
  | "key-withheld"
  | "wrong-digits"
  | "not-host"
  | "too-many-bans"
  | "not-delivered"
  | "undelivered"
  | "unknown-command"
  | "file-unreadable"
  | "file-changed"
  | "file-gone"
  | "download-gone"
  | "download-unwritable"
  | "disk-full"
  | "file-too-large"
  | "too-many-files"
  | "file-damaged"
  | "file-declined"
  | "file-canceled"
  | "file-unfinished"
  | "file-silent"
  | "file-unanswered"
  | "too-many-offers"
  | "no-such-transfer"
  | "internal";

/**
 * Advice that helps only people who run lanchat from source: the permissions of the compiled program are
 * built in.
 *
 * @param otherwise The advice of the compiled program.
 */
export function fromSource(advice: string, otherwise = ""): string {
  return Deno.build.standalone ? otherwise : advice;
}

/** The reason for a refusal of Deno, as the end of a sentence, and what to do about it. */
export interface Refusal {
  /** The reason. */
  readonly reason: string;
  /** What to do; may be empty. */
  readonly hint: string;
}

/**
 * The refusal of an action that a permission would allow. The compiled program has every permission that lanchat
 * uses; no flag grants the paths that Deno refuses even then, such as most of `/dev` and `/proc`.
 *
 * @param flag The permission, as in `--allow-read`.
 * @param wanted The flags to run with, if that is not the permission for everything.
 */
export function missingPermission(flag: string, wanted: string = flag): Refusal {
  return {
    reason: fromSource(`${flag} is missing`, "Deno does not allow it"),
    hint: fromSource(`Allow it: deno run ${wanted} …`),
  };
}

/** All codes, as they stand in the `code` field of `error`, `warning` and `failed` events. */
export const CODES: Readonly<Record<Code, CodeEntry>> = {
  // The command line (exit status 2).
  "unknown-subcommand": { status: 2, hint: "Run 'lanchat --help' to see all commands." },
  "unknown-option": { status: 2, hint: "Run the command with --help to see its options." },
  "repeated-option": { status: 2, hint: "Use each option once." },
  "missing-value": { status: 2, hint: "Run the command with --help to see an example." },
  "surplus-argument": { status: 2, hint: "Put quotes around words that belong together." },
  "bad-port": { status: 2, hint: "Use a whole number from 0 to 65535, as in --port 12345." },
  "bad-number": { status: 2, hint: "Use a whole number, as in --wait 10." },
  "bad-choice": { status: 2, hint: "Run the command with --help to see what it takes." },
  "bad-name": {
    status: 2,
    hint: "Use 1 to 48 bytes without ':', '#', '\\', check marks or invisible characters.",
  },
  "bad-address": {
    status: 2,
    hint:
      "Use a host name, or an address such as 192.168.1.5, 192.168.1.5:12345 or [fe80::1%eth0]:12345.",
  },
  "bad-fingerprint": {
    status: 2,
    hint: "Use the room's fingerprint: the 30 digits that /fingerprint shows at the host.",
  },
  "unknown-shell": { status: 2, hint: "Use bash, zsh, fish or powershell." },
  "bad-invite": {
    status: 2,
    hint: "Copy the whole link, or ask the host for it again.",
  },
  "invite-visible": {
    status: 0,
    hint: "Next time, run 'lanchat join -' and paste the link, or set the environment variable " +
      "LANCHAT_INVITE.",
  },
  "password-visible": {
    status: 0,
    hint: "Set NATS_USER and NATS_PASSWORD instead, or use --via-creds FILE.",
  },
  // Getting a connection (exit status 1).
  "permission-denied": {
    status: 1,
    hint: fromSource("Allow it: deno run --allow-net main.ts …"),
  },
  "port-in-use": {
    status: 1,
    hint: "Choose another --port, or --port 0 for any free one.",
  },
  "address-unavailable": { status: 1, hint: "Use an address of this machine for --host." },
  "name-not-found": { status: 1, hint: "Check the spelling, or use the host's IP address." },
  "unreachable": {
    status: 1,
    hint: "Check that both machines are on the same network, and that no firewall blocks the port.",
  },
  "connection-refused": {
    status: 1,
    hint: "Check that 'lanchat serve' runs on that machine, on the same port.",
  },
  "not-lanchat": {
    status: 1,
    hint: "Check the address and the port: another program may be listening there.",
  },
  "wrong-version": { status: 1, hint: "Use the same version of lanchat on both machines." },
  "handshake-failed": {
    status: 1,
    hint: "Try again. If it fails each time, something between the machines alters the traffic.",
  },
  "handshake-stalled": {
    status: 1,
    hint:
      "Large packets may get lost on the way: lower the MTU, for example to 1280, or leave the VPN. " +
      "If the host is overloaded, try again later.",
  },
  "no-room": {
    status: 1,
    hint: "Use the address on the host's screen, as in: lanchat join 192.168.1.5",
  },
  "several-rooms": {
    status: 1,
    hint: "Choose one by its address, as in: lanchat join 192.168.1.5",
  },
  "discovery-unavailable": {
    status: 0,
    hint: "Use the address on the host's screen, as in: lanchat join 192.168.1.5",
  },
  "needs-invite": {
    status: 1,
    hint: "Ask the host for the invite link, then run 'lanchat join -' and paste it.",
  },
  "wrong-invite": {
    status: 1,
    hint: "The link may be for an earlier room. Ask the host for the current one.",
  },
  "busy": { status: 1, hint: "Try again in a minute." },
  "room-full": {
    status: 1,
    hint: "Ask the host to raise --max-members, or wait until someone leaves.",
  },
  "banned": { status: 1, hint: "Only the person at the host can lift the ban." },
  "locked": { status: 1, hint: "Ask the person at the host to unlock it." },
  "not-allowed": {
    status: 1,
    hint: "Ask the host to add your fingerprint; 'lanchat id' shows it.",
  },
  "connection-lost": { status: 1, hint: "Join again when the network is back." },
  "seat-lost": { status: 0, hint: "Ask the others what you missed." },
  "too-slow": {
    status: 1,
    hint: "Join again. If it repeats, this machine or its network is too slow for the room.",
  },
  "kicked": { status: 1, hint: "You can join again." },
  "protocol-error": {
    status: 1,
    hint: "Use the same version of lanchat on both machines.",
  },
  // Identity (exit status 3).
  "host-key-mismatch": {
    status: 3,
    hint:
      "Someone else may be answering there. Compare the fingerprint with the person at the host.",
  },
  "host-key-changed": {
    status: 3,
    hint: "Have the person at the host type /fingerprint. If it shows the new digits, join with " +
      "--accept-host.",
  },
  "another-room": {
    status: 3,
    hint:
      "If the host was restarted as a new room, join again. A host keeps its room only if it can " +
      "keep its identity.",
  },
  "host-unverified": {
    status: 0,
    hint: "Compare the join code with the person at the host, or join with --host-key.",
  },
  "host-moved": { status: 0, hint: "" },
  "temporary-identity": {
    status: 0,
    hint: fromSource(
      "To keep it: deno run --allow-net --allow-read --allow-write --allow-env main.ts …",
    ),
  },
  "identity-unreadable": {
    status: 1,
    hint: "Check the file's owner and mode, or name another file with --identity.",
  },
  "identity-damaged": {
    status: 1,
    hint: "Restore the file from a backup, or move it away to start with a new identity.",
  },
  "identity-unwritable": {
    status: 1,
    hint: "Name a file in a writable directory with --identity.",
  },
  "identity-exists": {
    status: 1,
    hint: "Save a copy with 'lanchat id export FILE', then run it again with --yes.",
  },
  "identity-shared": {
    status: 0,
    hint: "Close one of them, or host under another identity with --profile NAME.",
  },
  "options-unreadable": { status: 1, hint: "Correct the file, or leave it out with --no-config." },
  "peers-damaged": {
    status: 0,
    hint: "Repair or delete these lines: the peers in them count as unknown.",
  },
  "peers-exposed": {
    status: 0,
    hint: "Make it private with chmod 600.",
  },
  "peers-unreadable": {
    status: 1,
    hint: "Check the file's owner and mode, or move it away to start with no known peers.",
  },
  "peers-unwritable": {
    status: 0,
    hint: "Fix that, or lanchat cannot notice changed keys.",
  },
  "no-such-peer": { status: 1, hint: "Run 'lanchat peers' to list known peers." },
  "several-peers": { status: 1, hint: "Use the tag or the fingerprint instead." },
  "room-damaged": {
    status: 1,
    hint: "Move the file away to start another room. Its members must join again.",
  },
  "room-unwritable": {
    status: 0,
    hint: "Fix that, or a restart makes a new room that members must join again.",
  },
  "no-room-secret": {
    status: 1,
    hint: "Host it with --relay-only, or start another room with --new-room.",
  },
  "bad-list": {
    status: 1,
    hint: "Write one fingerprint of 30 digits per line; '#' begins a comment.",
  },
  "log-unwritable": { status: 1, hint: "Name another file with --log." },
  "log-unreadable": { status: 1, hint: "Check the path and the file's permissions." },
  "log-damaged": {
    status: 1,
    hint: "Restore the file from a backup, or move it away to begin a new log.",
  },
  "log-part-missing": {
    status: 0,
    hint: "Check that it exists and has the same passphrase" +
      fromSource(", and allow --allow-read") + ".",
  },
  "log-moved": { status: 0, hint: "" },
  "log-unfinished": {
    status: 0,
    hint: "This is normal while lanchat still writes to it, or after it was killed.",
  },
  "wrong-passphrase": {
    status: 1,
    hint: "Use the passphrase that this log began with, or name another file.",
  },
  "no-passphrase": {
    status: 1,
    hint: "Run it in a terminal, or set the environment variable LANCHAT_PASSPHRASE.",
  },
  "interrupted": { status: 130, hint: "" },
  "addresses-hidden": {
    status: 0,
    hint: fromSource("Allow --allow-sys."),
  },
  "name-taken": {
    status: 0,
    hint: "Choose another name with /nick NAME.",
  },
  "name-misleading": {
    status: 0,
    hint: "Choose another name with /nick NAME.",
  },
  "messages-missing": { status: 0, hint: "" },
  "roster-differs": {
    status: 0,
    hint: "Compare /who with each other: the host may hide members.",
  },
  // Messages.
  "bad-input": { status: 1, hint: 'Write one JSON object per line, as in {"say": "hello"}.' },
  "duplicate-id": { status: 1, hint: "Give each 'say' its own id, or none." },
  "message-too-long": { status: 1, hint: "At most 16384 bytes fit in one message: split it." },
  "bad-status": { status: 1, hint: "Use one short line." },
  "bad-utf8": { status: 1, hint: "Send UTF-8 text." },
  "empty-message": { status: 1, hint: "Add some text." },
  "nobody-here": {
    status: 1,
    hint: "Wait until someone joins; in a pipe, use join --wait SECONDS.",
  },
  "no-such-member": { status: 1, hint: "Use a name from /who, or name#tag if two share a name." },
  "key-withheld": {
    status: 1,
    hint:
      "Check who they are before you /accept them. After /lock, /unlock lets everyone read you.",
  },
  "wrong-digits": {
    status: 0,
    hint: "Compare again. If they still differ, someone may be between you.",
  },
  "not-host": { status: 1, hint: "Ask the person at the host." },
  "too-many-bans": { status: 1, hint: "Lift a ban with /unban." },
  "not-delivered": { status: 1, hint: "It may not have reached everyone: send it again." },
  "undelivered": { status: 1, hint: "" },
  "unknown-command": { status: 0, hint: "Type /help to see the commands, or // to send a slash." },
  // Files.
  "file-unreadable": { status: 1, hint: "Check the path and its permissions." },
  "file-changed": { status: 1, hint: "Send it again when nothing changes it." },
  "file-gone": { status: 1, hint: "Ask the sender to send it again." },
  "download-gone": { status: 1, hint: "Ask the sender to send it again." },
  "download-unwritable": {
    status: 1,
    hint: "Check the folder's owner and mode, or name another one with --download-dir.",
  },
  "disk-full": { status: 1, hint: "What came is kept. Make room, then /resume." },
  "file-too-large": { status: 1, hint: "The receiver's --max-file sets the limit." },
  "too-many-files": { status: 1, hint: "Pack them into one archive, and send that." },
  "file-damaged": { status: 1, hint: "Ask the sender to send it again." },
  "file-declined": { status: 1, hint: "" },
  "file-canceled": { status: 1, hint: "" },
  "file-unfinished": {
    status: 1,
    hint: "What came is kept: the same offer continues it.",
  },
  "file-silent": { status: 1, hint: "What came is kept: the same offer continues it." },
  "file-unanswered": {
    status: 1,
    hint: "Ask them to type /accept, or wait longer with --timeout SECONDS.",
  },
  "too-many-offers": { status: 1, hint: "Wait until one has ended, or /cancel one." },
  "no-such-transfer": { status: 1, hint: "/transfers lists what is open, with its number." },
  "internal": { status: 1, hint: "This is a bug in lanchat. Please report it." },
};

/** Characters that act on a terminal or cannot be seen. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** A text from outside, in double quotes and with every unsafe character escaped, for a message. */
export function quote(text: string): string {
  return JSON.stringify(text)
    .replaceAll(UNSAFE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** A message of the operating system without its error number, which does not help a person. */
export function withoutErrno(message: string): string {
  return message.replaceAll(/ \(os error \d+\)/g, "");
}

/** An error that a person can act on: a code of the table, a message and a hint. */
export class LanchatError extends Error {
  /** The code, stable for scripts. */
  readonly code: Code;
  /** What to do about it; may be empty. */
  readonly hint: string;

  /**
   * Makes an error of the table.
   *
   * @param code The code of {@linkcode CODES}.
   * @param message Action, then state; never keys, plaintext or raw text of a peer. Error numbers of the
   * operating system are taken out.
   * @param options `cause` as for `Error`; `hint` replaces the table's hint.
   */
  constructor(code: Code, message: string, options: ErrorOptions & { hint?: string } = {}) {
    super(withoutErrno(message), options);
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint ?? CODES[code].hint;
  }

  /** The exit status of a run that this error ends. */
  get exitStatus(): number {
    return CODES[this.code].status || EXIT.FAILURE;
  }
}

/** The command line or a line of input is wrong. */
export class UsageError extends LanchatError {
}

/** Bytes from the network do not have the layout that PROTOCOL.md gives them. */
export class WireError extends LanchatError {
  /**
   * Makes an error of code `protocol-error`.
   *
   * @param message The object that could not be decoded, and why.
   */
  constructor(message: string, options: ErrorOptions = {}) {
    super("protocol-error", message, options);
  }
}

/** A handshake ended without a channel. */
export class HandshakeError extends LanchatError {
}

/** A channel broke, or its peer did something that no honest peer does. */
export class ChannelError extends LanchatError {
}

/** A message could not be sent to the room, or a member did something that is not allowed. */
export class RoomError extends LanchatError {
}

/** A file of lanchat cannot be read or written. */
export class StoreError extends LanchatError {
}

/** A transfer of files cannot begin or go on. */
export class TransferError extends LanchatError {
}

/** Listening or dialing failed. */
export class NetError extends LanchatError {
}
