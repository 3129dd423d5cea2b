/** A subcommand. */
export type Subcommand =
  | "serve"
  | "join"
  | "scan"
  | "doctor"
  | "id"
  | "peers"
  | "log"
  | "completions";

/** A shell that lanchat has completions for. */
export type Shell = "bash" | "zsh" | "fish" | "powershell";

/** All of these shells. */
export const SHELLS: readonly Shell[] = ["bash", "zsh", "fish", "powershell"];

/** An option of a command. */
export interface Option {
  /** As it is typed, with its dashes. */
  readonly name: string;
  /** What its value is, in capitals; `FILE` is a path. An option without it is a flag. */
  readonly value?: string;
  /** What it does, in a few words. */
  readonly summary: string;
}

/** What there is to know of a subcommand. */
export interface CommandEntry {
  /** What it does, in a few words. */
  readonly summary: string;
  /** What follows it, in capitals; `FILE` is a path. Empty where nothing does. */
  readonly operand: string;
  /** All that the first word of this can be; empty where that is not known. */
  readonly choices: readonly string[];
  /** A line or two more about it, for its help; empty where there is none. */
  readonly note: string;
  /** Its options, in the order of its help. */
  readonly options: readonly Option[];
  /** Command lines that do something. */
  readonly examples: readonly string[];
}

const NAME: Option = {
  name: "--name",
  value: "NAME",
  summary: "your name in the room (default: your login name)",
};

const IDENTITY: Option = {
  name: "--identity",
  value: "FILE",
  summary: "identity file, made if it is not there",
};

const PORT: Option = {
  name: "--port",
  value: "PORT",
  summary: "TCP port to listen on, 0 for a free one (default 12345)",
};

const PROFILE: Option = {
  name: "--profile",
  value: "NAME",
  summary: "one of several identities, made if not there",
};

/** What `lanchat id` can do but show the identity. */
export const ID_ACTIONS = ["new", "export", "import"] as const;

/** What `lanchat peers` can do but list them. */
export const PEER_ACTIONS = ["forget", "export", "import"] as const;

/** Those of these that a path may follow. */
export const FILE_ACTIONS: readonly string[] = ["export", "import"];

const HELP: Option = { name: "--help", summary: "show this text" };

/** What is shown, and where. */
const DISPLAY: readonly Option[] = [
  { name: "--log", value: "FILE", summary: "append to this file what is shown and said" },
  { name: "--log-encrypted", summary: "seal that file under a passphrase" },
  {
    name: "--log-max",
    value: "MIB",
    summary: "move it to FILE.1 at this size (default 64)",
  },
  { name: "--plain", summary: "plain lines: no colours, nothing drawn anew" },
  { name: "--no-notify", summary: "no bell and no notification" },
  { name: "--json", summary: "read and write JSON Lines" },
];

/** The options that need no command. */
export const COMMON_OPTIONS: readonly Option[] = [
  HELP,
  { name: "--version", summary: "show the version" },
];

/** All subcommands, with all their options: parsing, help and completions come from here. */
export const COMMANDS: Readonly<Record<Subcommand, CommandEntry>> = {
  serve: {
    summary: "host a room, and chat in it",
    operand: "",
    choices: [],
    note: "",
    options: [
      PORT,
      { name: "--host", value: "ADDRESS", summary: "listen on this IP address alone" },
      NAME,
      { name: "--invite", summary: "let in who has an invite, and nobody else" },
      {
        name: "--new-room",
        summary: "begin another room: no invite of before holds, bans do",
      },
      {
        name: "--allow",
        value: "FILE",
        summary: "let in those whose fingerprints are in this file alone",
      },
      { name: "--room", value: "NAME", summary: "a name for the room, shown to the whole network" },
      { name: "--no-announce", summary: "others join by address alone" },
      { name: "--relay-only", summary: "host without being a member of the room" },
      IDENTITY,
      PROFILE,
      { name: "--max-members", value: "N", summary: "how many may be in the room (default 1024)" },
      {
        name: "--max-handshakes",
        value: "N",
        summary: "how many may join at once, and in a second (default 32)",
      },
      {
        name: "--max-per-address",
        value: "N",
        summary: "how many of one address (default 8; this machine 24)",
      },
      { name: "--max-waiting", value: "N", summary: "how many more may wait to join (default 64)" },
      {
        name: "--max-queue",
        value: "MIB",
        summary: "what may wait for one whose link is lost (default 4)",
      },
      { name: "--max-memory", value: "MIB", summary: "what may wait for all members (default 64)" },
      {
        name: "--max-rate",
        value: "MIB",
        summary: "what one member may send in a second (default 64)",
      },
      {
        name: "--keep-seat",
        value: "MINUTES",
        summary: "how long to wait for who lost the link (default 10)",
      },
      ...DISPLAY,
      HELP,
    ],
    examples: [
      "lanchat serve --name ada",
      "lanchat serve --invite",
      "lanchat serve --relay-only --port 0 --json",
    ],
  },
  join: {
    summary: "enter a room",
    operand: "[HOST[:PORT]]",
    choices: [],
    note: "HOST is an address or a name, PORT 12345; IPv6 as in [fe80::1%eth0]:12345.\n" +
      "In its place: an invite link, or - to be asked for one (or LANCHAT_INVITE).\n" +
      "Without any of these lanchat looks for rooms on this network.",
    options: [
      NAME,
      {
        name: "--host-key",
        value: "FINGERPRINT",
        summary: "accept no host but that with this fingerprint",
      },
      {
        name: "--accept-host",
        value: "FINGERPRINT",
        summary: "the same, even where another host is known",
      },
      IDENTITY,
      PROFILE,
      { name: "--listen", summary: "ignore input, show messages until interrupted" },
      {
        name: "--wait",
        value: "SECONDS",
        summary: "piped input: wait so long for somebody (default 0)",
      },
      {
        name: "--timeout",
        value: "SECONDS",
        summary: "piped input: wait so long for the host (default 30)",
      },
      { name: "--until-delivered", summary: "piped input: wait until everybody has it" },
      {
        name: "--give-up-after",
        value: "SECONDS",
        summary: "how long to try again (pipe: 60, else for ever)",
      },
      { name: "--no-reconnect", summary: "end when the connection is lost" },
      ...DISPLAY,
      HELP,
    ],
    examples: [
      "lanchat join 192.168.1.5 --name bob",
      "lanchat join '[fd00::2]:4000' --listen",
      "echo hello | lanchat join ada.local --wait 60",
    ],
  },
  scan: {
    summary: "list the rooms on this network",
    operand: "",
    choices: [],
    note: "Hosts that you have met are marked.",
    options: [
      {
        name: "--timeout",
        value: "SECONDS",
        summary: "how long to wait for answers (default 3)",
      },
      IDENTITY,
      PROFILE,
      { name: "--json", summary: "write JSON Lines" },
      HELP,
    ],
    examples: ["lanchat scan --timeout 10", "lanchat scan --json"],
  },
  doctor: {
    summary: "find out what keeps people apart",
    operand: "[HOST[:PORT]]",
    choices: [],
    note: "HOST is what cannot be joined; without it only this machine is looked at.",
    options: [
      PORT,
      {
        name: "--timeout",
        value: "SECONDS",
        summary: "how long each check may take (default 3)",
      },
      IDENTITY,
      PROFILE,
      { name: "--json", summary: "write JSON Lines" },
      HELP,
    ],
    examples: ["lanchat doctor 192.168.1.5", "lanchat doctor ada.local --timeout 10"],
  },
  id: {
    summary: "show or protect your identity",
    operand: "[ACTION [FILE]]",
    choices: ID_ACTIONS,
    note: "ACTION is new (start over), export FILE or import FILE.",
    options: [
      { name: "--passphrase", summary: "put it under a passphrase, or under another one" },
      { name: "--no-passphrase", summary: "put it under no passphrase any more" },
      IDENTITY,
      PROFILE,
      { name: "--yes", summary: "start over, or import, without being asked" },
      { name: "--json", summary: "write JSON Lines" },
      HELP,
    ],
    examples: ["lanchat id", "lanchat id --passphrase", "lanchat id export backup.json"],
  },
  peers: {
    summary: "show whom you have met",
    operand: "[ACTION [WHO|FILE]]",
    choices: PEER_ACTIONS,
    note: "ACTION is forget WHO (a name, tag or fingerprint), export [FILE] or import FILE.",
    options: [
      IDENTITY,
      PROFILE,
      { name: "--json", summary: "write JSON Lines" },
      HELP,
    ],
    examples: ["lanchat peers", "lanchat peers forget bob", "lanchat peers export peers.jsonl"],
  },
  log: {
    summary: "print a log that --log has made",
    operand: "FILE",
    choices: [],
    note: "The passphrase of a sealed log is asked for, or comes from LANCHAT_PASSPHRASE.",
    options: [HELP],
    examples: ["lanchat log friday.log", "lanchat log friday.log | grep ' bob: '"],
  },
  completions: {
    summary: "print completions for a shell",
    operand: "SHELL",
    choices: SHELLS,
    note: "SHELL is bash, zsh, fish or powershell.",
    options: [HELP],
    examples: [
      "lanchat completions bash >> ~/.bashrc",
      "lanchat completions fish > ~/.config/fish/completions/lanchat.fish",
    ],
  },
};

/** The names of all subcommands. */
export const SUBCOMMANDS: readonly Subcommand[] = Object.keys(COMMANDS) as Subcommand[];
