/**
 * Invite links: the credential of a room and the address of its host.
 *
 * @module
 */
import {
  ADDRESS_PLACEHOLDER,
  DEFAULT_PORT,
  formatHostPort,
  type HostPort,
  parseHostPort,
} from "../address.ts";
import { formatBrokerAddress, isBrokerAddress, parseBrokerAddress } from "../broker_address.ts";
import { type Bytes, concat, equal, fromBase64Url, isZero, toBase64Url } from "../bytes/mod.ts";
import { isPublicKey, PUBLIC_KEY_BYTES, ROOT_BYTES, sha256 } from "../crypto/mod.ts";
import { UsageError } from "../errors.ts";

const VERSION = 1;
const CHECKSUM_BYTES = 3;
const CREDENTIAL_BYTES = 1 + PUBLIC_KEY_BYTES + ROOT_BYTES + CHECKSUM_BYTES;

/** Characters of a credential in base64url. */
const CREDENTIAL_LENGTH: number = Math.ceil(CREDENTIAL_BYTES * 8 / 6);

/** Characters that mails, chats and shells put around a link. */
const AROUND = /^[<("'`]+|[>)"'`]+$/g;

const LINK = /^(?:lanchat:\/\/([^/?#]*)\/?|((?:nats|tls):\/\/[^#]*))(?:#(.*))?$/is;

/** The part of an invite that identifies a room, at any address of its host. */
export interface Credential {
  /** The host's identity key, 32 bytes: no other host is accepted. */
  readonly hostKey: Bytes;
  /** The room's secret, 16 bytes; missing for an open room. */
  readonly root?: Bytes | undefined;
}

/** Content of an invite link. */
export interface Invite extends HostPort, Credential {}

/** Whether a text is meant as an invite link; the address of a room at a broker is none without its `#`. */
export function isInvite(text: string): boolean {
  return /^[\s<("'`]*(?:lanchat:|(?:nats|tls):\/\/[^#]*#)/i.test(text);
}

/**
 * Encodes the secret half of an invite link, the same for every address of a host.
 *
 * @returns 70 characters: base64url of `0x01 || hostKey (32) || root (16, zeros for an open room) ||
 * checksum (3)`. See PROTOCOL.md §2.5.
 */
export async function encodeCredential({ hostKey, root }: Credential): Promise<string> {
  const body = concat(new Uint8Array([VERSION]), hostKey, root ?? new Uint8Array(ROOT_BYTES));
  return toBase64Url(concat(body, await checksum(body)));
}

/** Formats the link that a person passes on. @param credential As {@linkcode encodeCredential} returns it. */
export function formatInvite(host: string, port: number, credential: string): string {
  if (isBrokerAddress(host)) return `${host}#${credential}`;
  return `lanchat://${formatHostPort(host, port)}/#${credential}`;
}

/**
 * Reads an invite link, bare or in quotes or brackets; ignores line breaks and spaces in it.
 *
 * @throws {UsageError} With code `bad-invite`, or as `parseHostPort` does for the address in it.
 *
 * @example There and back
 * ```ts
 * import { encodeCredential, formatInvite, parseInvite } from "./mod.ts";
 * import { fromHex } from "../bytes/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const hostKey = fromHex("2bd698c85d7c82252835754bca78624c35d29cfeab76055977c8102e3f28c441");
 * const link = formatInvite("192.0.2.7", 7777, await encodeCredential({ hostKey }));
 * assertEquals(await parseInvite(`<${link}>`), {
 *   host: "192.0.2.7",
 *   port: 7777,
 *   hostKey,
 *   root: undefined,
 * });
 * ```
 */
export async function parseInvite(text: string): Promise<Invite> {
  const link = text.replaceAll(/\s/g, "").replaceAll(AROUND, "");
  const [whole, address, room, credential] = LINK.exec(link) ?? [];
  if (whole === undefined) throw bad("it does not look like lanchat://192.168.1.5:12345/#…");
  if (room !== undefined) {
    return { ...roomAtBroker(room), ...await decodeCredential(credential ?? "") };
  }
  if (!address) throw bad("it names no host");
  if (/^ADDRESS(?::|$)/.test(address)) {
    throw bad(`it says ${ADDRESS_PLACEHOLDER} instead of a host`, {
      hint: `Replace ${ADDRESS_PLACEHOLDER} with the host's address.`,
    });
  }
  const { host, port } = parseHostPort(address, DEFAULT_PORT);
  return { host, port, ...await decodeCredential(credential ?? "") };
}

/**
 * Parses the address of a room at a broker.
 *
 * @param needsRoom Whether the address of only the broker is refused.
 * @throws {UsageError} With code `bad-address`, also if it names no room, or has a password: others would see it.
 */
export function roomAtBroker(text: string, needsRoom = true): HostPort {
  const { room, user, ...address } = parseBrokerAddress(text);
  const action = `Cannot use the address of the broker`;
  if (user !== undefined) {
    throw new UsageError("bad-address", `${action}: it has a user`, {
      hint: "Set NATS_USER and NATS_PASSWORD, or use --via-creds FILE.",
    });
  }
  if (needsRoom && room === undefined) {
    throw new UsageError("bad-address", `${action}: it names no room`, {
      hint: "Copy the whole address from the host's screen: nats://HOST:PORT/ROOM",
    });
  }
  return { host: formatBrokerAddress(address, room), port: 0 };
}

/** Whether a text may be the beginning of an invite link: a narrow window breaks links. */
export function isCutInvite(text: string): boolean {
  const [whole, , , credential = ""] = LINK.exec(text.replaceAll(/\s/g, "")) ?? [];
  return whole !== undefined && credential.length < CREDENTIAL_LENGTH;
}

/** @throws {UsageError} With code `bad-invite`. */
async function decodeCredential(text: string): Promise<Credential> {
  if (text === "") throw bad("nothing follows the '#'");
  if (!/^[\w-]*$/.test(text)) throw bad("it has an invalid character");
  if (text.length < CREDENTIAL_LENGTH) {
    throw bad(`it is cut off: ${text.length} of ${CREDENTIAL_LENGTH} characters follow the '#'`, {
      hint: "Paste all of it: both lines, if a window broke it in two.",
    });
  }
  if (text.length > CREDENTIAL_LENGTH) {
    throw bad(`more than ${CREDENTIAL_LENGTH} characters follow the '#'`, {
      hint: "Copy only the link, or use the version of lanchat that made it.",
    });
  }
  const bytes = fromBase64Url(text);
  const body = bytes.slice(0, -CHECKSUM_BYTES);
  const right = equal(bytes.slice(-CHECKSUM_BYTES), await checksum(body));
  // The last character has spare bits: a changed one must not pass.
  if (!right || toBase64Url(bytes) !== text) throw bad("it is mistyped");
  if (body[0] !== VERSION) {
    throw bad(`it has version ${body[0]}, this lanchat supports version ${VERSION}`, {
      hint: "Use the version of lanchat that made it.",
    });
  }
  const hostKey = body.slice(1, 1 + PUBLIC_KEY_BYTES);
  const root = body.slice(1 + PUBLIC_KEY_BYTES);
  if (!isPublicKey(hostKey)) throw bad("its host key is invalid");
  return { hostKey, root: isZero(root) ? undefined : root };
}

/** Detects typing errors, and nothing more: a person who changes a link on purpose makes a new checksum. */
async function checksum(body: Bytes): Promise<Bytes> {
  return (await sha256(body)).slice(0, CHECKSUM_BYTES);
}

function bad(reason: string, options: { hint?: string } = {}): UsageError {
  return new UsageError("bad-invite", `Cannot use the invite: ${reason}`, options);
}
