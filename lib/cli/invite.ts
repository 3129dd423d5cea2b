/**
 * Finds the invite link to join by.
 *
 * @module
 */
import { fingerprint, keyTag } from "../crypto/mod.ts";
import { UsageError } from "../errors.ts";
import { type Invite, isCutInvite, parseInvite } from "../net/mod.ts";
import type { JoinCommand } from "./commands/join.ts";
import { environmentInvite } from "./environment.ts";
import { askSecret } from "./passphrase.ts";

/** Maximum length of a line with an invite link, in bytes. */
const MAX_LINK_BYTES = 4096;

const LF = 0x0a;

/** The operand that stands for an invite link on standard input. */
export const STANDARD_INPUT = "-";

const QUESTION = "Invite link (hidden): ";

const NEXT_QUESTION = "The rest of it (hidden): ";

/** An invite and its exposure. */
export interface FoundInvite extends Invite {
  /** Whether it has a secret that other users of this machine can see. */
  readonly visible: boolean;
}

/**
 * Finds an invite: in the arguments, on standard input or in the environment.
 *
 * @returns `undefined` if the command has an address, or if there is no invite.
 * @throws {LanchatError} If the invite cannot be used.
 */
export async function findInvite(
  command: Pick<JoinCommand, "host" | "hostKey" | "link">,
): Promise<FoundInvite | undefined> {
  const { host, hostKey, link } = command;
  const text = host === undefined ? await findLink(link) : undefined;
  if (text === undefined) return undefined;
  const invite = await parseInvite(text);
  await requireSameHost(invite, hostKey);
  const visible = link !== undefined && link !== STANDARD_INPUT && invite.root !== undefined;
  return { ...invite, visible };
}

/**
 * Asks a person for the invite link to an announced room.
 *
 * @param tag The announced tag of its host.
 * @throws {LanchatError} If the link cannot be used, or the person gives none.
 */
export async function askInvite(tag: string): Promise<FoundInvite> {
  return await inviteTo(tag, await askLink());
}

/**
 * Parses the invite link to an announced room, which a person has typed unseen.
 *
 * @throws {UsageError} With code `bad-invite` if it is malformed or names another host.
 */
export async function inviteTo(tag: string, link: string): Promise<FoundInvite> {
  const invite = await parseInvite(link);
  const other = await keyTag(invite.hostKey);
  if (other === tag) return { ...invite, visible: false };
  throw new UsageError(
    "bad-invite",
    `The invite is for another host: tag ${other}, not ${tag}`,
    { hint: `Choose the room with tag ${other}, or paste the link into: lanchat join -` },
  );
}

async function findLink(link: string | undefined): Promise<string | undefined> {
  if (link === undefined) return environmentInvite();
  if (link !== STANDARD_INPUT) return link;
  return Deno.stdin.isTerminal() ? await askLink() : await readFirstLine();
}

/** Asks for a link, of which each line may be pasted by itself. */
async function askLink(): Promise<string> {
  let link = await askSecret(QUESTION);
  for (let more = link; more !== "" && isCutInvite(link);) {
    more = await askSecret(NEXT_QUESTION);
    link += more;
  }
  return link;
}

/** Reads byte by byte, so that the bytes after the line remain for the chat. */
async function readFirstLine(): Promise<string> {
  const line: number[] = [];
  const next = new Uint8Array(1);
  while (line.length <= MAX_LINK_BYTES && await Deno.stdin.read(next) !== null) {
    if (next[0] === LF) break;
    line.push(next[0]!);
  }
  if (line.length > 0) return new TextDecoder().decode(new Uint8Array(line));
  throw new UsageError(
    "bad-invite",
    "Cannot join: the first line of standard input has no invite link",
  );
}

async function requireSameHost({ hostKey }: Invite, digits: string | undefined): Promise<void> {
  if (digits === undefined || await fingerprint(hostKey) === digits) return;
  throw new UsageError(
    "bad-fingerprint",
    "Cannot use --host-key: the invite is for another host",
    { hint: "Leave out --host-key: the invite pins its host." },
  );
}
