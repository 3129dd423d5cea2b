import { fingerprint, keyTag } from "../crypto/mod.ts";
import { UsageError } from "../errors.ts";
import { type Invite, parseInvite } from "../net/mod.ts";
import type { JoinCommand } from "./commands/join.ts";
import { environmentInvite } from "./environment.ts";
import { askSecret } from "./passphrase.ts";

/** Longest line that may be an invite link, in bytes. */
const MAX_LINK_BYTES = 4096;

const LF = 0x0a;

/** In place of an invite link: it comes from standard input. */
export const STANDARD_INPUT = "-";

const QUESTION = "Invite link: ";

/** An invite, and where it was found. */
export interface FoundInvite extends Invite {
  /** Whether it has a secret that others at this machine may have seen. */
  readonly visible: boolean;
}

/**
 * Finds the invite to join by: typed as an argument, read from standard input, or in the environment.
 *
 * @returns `undefined` where an address was typed, or there is none.
 * @throws {LanchatError} If it cannot be used.
 */
export async function findInvite(command: JoinCommand): Promise<FoundInvite | undefined> {
  const { host, hostKey, link } = command;
  const text = host === undefined ? await findLink(link) : undefined;
  if (text === undefined) return undefined;
  const invite = await parseInvite(text);
  await requireSameHost(invite, hostKey);
  const visible = link !== undefined && link !== STANDARD_INPUT && invite.root !== undefined;
  return { ...invite, visible };
}

/**
 * Asks a person for the link of a room that was found.
 *
 * @param tag The tag of its host, as announced.
 * @throws {LanchatError} If it cannot be used, or there is no answer.
 */
export async function askInvite(tag: string): Promise<FoundInvite> {
  return await inviteTo(tag, await askSecret(QUESTION));
}

/**
 * Reads the link of a room that was found, which nobody else has seen.
 *
 * @throws {UsageError} With code `bad-invite` where it is none, or for another host.
 */
export async function inviteTo(tag: string, link: string): Promise<FoundInvite> {
  const invite = await parseInvite(link);
  const other = await keyTag(invite.hostKey);
  if (other === tag) return { ...invite, visible: false };
  throw new UsageError(
    "bad-invite",
    `Cannot use the invite as it is for the host with the tag ${other}, and this room's has ${tag}`,
    { hint: "Choose the room that it is for, or give it to 'lanchat join -'." },
  );
}

async function findLink(link: string | undefined): Promise<string | undefined> {
  if (link === undefined) return environmentInvite();
  if (link !== STANDARD_INPUT) return link;
  return Deno.stdin.isTerminal() ? await askSecret(QUESTION) : await readFirstLine();
}

/** Byte by byte, so that what follows the line stays for whoever reads next. */
async function readFirstLine(): Promise<string> {
  const line: number[] = [];
  const next = new Uint8Array(1);
  while (line.length <= MAX_LINK_BYTES && await Deno.stdin.read(next) !== null) {
    if (next[0] === LF) break;
    line.push(next[0]!);
  }
  if (line.length > 0) return new TextDecoder().decode(new Uint8Array(line));
  throw new UsageError("bad-invite", "Cannot join as the first line of standard input is empty");
}

async function requireSameHost({ hostKey }: Invite, digits: string | undefined): Promise<void> {
  if (digits === undefined || await fingerprint(hostKey) === digits) return;
  throw new UsageError(
    "bad-fingerprint",
    "Cannot use --host-key as the invite is for another host",
    {
      hint: "Leave --host-key out: no other host than that of the invite is accepted.",
    },
  );
}
