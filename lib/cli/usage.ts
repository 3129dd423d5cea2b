import config from "../../deno.json" with { type: "json" };
import type { Subcommand } from "./args.ts";

/** What `lanchat --version` shows. */
export const VERSION: string = config.version;

/** What `lanchat`, alone or with `--help`, shows. */
const LANCHAT = `\
End-to-end encrypted chat for the people on one network.

Usage:
  lanchat serve [OPTIONS]              host a room, and chat in it
  lanchat join HOST[:PORT] [OPTIONS]   enter a room

To begin, one person hosts a room, and sees the line that the others type:
  lanchat serve --name ada
  lanchat join 192.168.1.5 --name bob

Scripts send lines:
  echo "build is green" | lanchat join 192.168.1.5 --name ci --wait 60

Help:
  lanchat COMMAND --help   the options of a command, with examples
  lanchat --version        the version
  /help, in a room         what you can type there

Exit status: 0 done, 1 failed or undelivered, 2 wrong usage, 3 wrong host key.`;

const SERVE = `\
Host a room on this machine, and chat in it.

Usage: lanchat serve [OPTIONS]

  --port PORT          TCP port to listen on, 0 for a free one (default 12345)
  --host ADDRESS       listen on this IP address alone
  --name NAME          your name in the room (default: your login name)
  --relay-only         host without being a member of the room
  --identity FILE      identity file, made if it is not there
  --max-members N      how many may be in the room (default 1024)
  --max-handshakes N   how many may be joining at once (default 32)
  --max-per-address N  of these, from one address (default 8; this machine 24)
  --max-waiting N      how many more may wait to join (default 64)
  --max-queue MIB      what may wait for one member (default 4)
  --max-memory MIB     what may wait for all members (default 64)
  --max-rate MIB       what one member may send in a second (default 64)
  --plain              plain lines: no colours, nothing drawn anew
  --no-notify          no bell and no notification
  --json               read and write JSON Lines
  --help               show this text

Examples:
  lanchat serve --name ada
  lanchat serve --relay-only --port 0 --json`;

const JOIN = `\
Enter the room of a host.

Usage: lanchat join HOST[:PORT] [OPTIONS]

HOST is an address or a name, PORT 12345; IPv6 as in [fe80::1%eth0]:12345.

  --name NAME              your name in the room (default: your login name)
  --host-key FINGERPRINT   accept no host but that with this fingerprint
  --identity FILE          identity file, made if it is not there
  --listen                 ignore input, show messages until interrupted
  --wait SECONDS           piped input: wait so long for somebody (default 0)
  --timeout SECONDS        piped input: wait so long for the host (default 30)
  --until-delivered        piped input: wait until everybody has it
  --give-up-after SECONDS  how long to try again (terminal: for ever, pipe: 60)
  --no-reconnect           end when the connection is lost
  --plain                  plain lines: no colours, nothing drawn anew
  --no-notify              no bell and no notification
  --json                   read and write JSON Lines
  --help                   show this text

Examples:
  lanchat join 192.168.1.5 --name bob
  lanchat join '[fd00::2]:4000' --listen
  echo hello | lanchat join ada.local --wait 60`;

/**
 * The help text, without its last line break.
 *
 * @param topic The subcommand; lanchat as a whole if missing.
 */
export function usage(topic?: Subcommand): string {
  if (topic === "serve") return SERVE;
  return topic === "join" ? JOIN : LANCHAT;
}
