/**
 * Checks whether a host is the expected one, and looks it up in the known peers.
 *
 * @module
 */
import { formatHostPort } from "../address.ts";
import { type Bytes, equal, toBase64Url } from "../bytes/mod.ts";
import { day } from "../clock.ts";
import { fingerprint, groups, keyTag } from "../crypto/mod.ts";
import { HandshakeError } from "../errors.ts";
import type { KnownPeer, KnownPeers } from "../store/mod.ts";
import { type HostView, type ProblemEvent, warning } from "../session_events.ts";

/** Which host a member accepts. */
export interface ExpectedHost {
  /** The IP address or name to dial. */
  readonly host: string;
  /** Its TCP port. */
  readonly port: number;
  /** The fingerprint of the only acceptable host, 30 digits; any host if missing. */
  readonly hostKey?: string | undefined;
  /** The fingerprint of the only acceptable host, 30 digits, even where another one is known. */
  readonly acceptHost?: string | undefined;
  /** The identity key of the only acceptable host, as an invite has it. */
  readonly key?: Bytes | undefined;
}

/** What this machine knows of a host before the member is in its room. */
export interface RecalledHost {
  /** The host as people and scripts see it. */
  readonly view: HostView;
  /** Warnings to show after `ready`. */
  readonly warnings: readonly ProblemEvent[];
}

/**
 * Returns whether a host's key is the expected one. Runs before the handshake reveals the member's identity.
 *
 * @throws {HandshakeError} With code `host-key-changed` if another key is known at this address. See
 * PROTOCOL.md §4.4.
 */
export async function trustsHost(
  key: Bytes,
  { acceptHost, host, hostKey, key: invitedTo, port }: ExpectedHost,
  known: KnownPeers,
): Promise<boolean> {
  if (invitedTo !== undefined && !equal(invitedTo, key)) return false;
  const address = formatHostPort(host, port);
  const pinned = known.hostAt(address);
  const changed = pinned !== undefined && !equal(pinned.key, key);
  if (!changed && acceptHost === undefined && hostKey === undefined) return true;
  const digits = await fingerprint(key);
  if (hostKey !== undefined && hostKey !== digits) return false;
  if (acceptHost === digits) return true;
  if (changed) throw await changedHost(address, digits, pinned);
  return acceptHost === undefined;
}

/**
 * Looks up a host in the known peers, and writes nothing there: the host has not admitted this member yet.
 *
 * @param key The host's identity key.
 */
export async function recallHost(
  key: Bytes,
  { acceptHost, host, hostKey, key: invitedTo, port }: ExpectedHost,
  known: KnownPeers,
): Promise<RecalledHost> {
  const address = formatHostPort(host, port);
  const before = known.find(key);
  const isHere = before !== undefined && known.hostAt(address) === before;
  const [elsewhere] = before?.addresses ?? [];
  const warnings: ProblemEvent[] = [];
  if (elsewhere !== undefined && !isHere) {
    const message = `The host at ${elsewhere} is now at ${address}`;
    warnings.push(warning("host-moved", message));
  }
  const named = hostKey !== undefined || invitedTo !== undefined;
  const verified = named || before?.verified === true;
  // A known host has the same key as before, and --accept-host names this one.
  if (!verified && elsewhere === undefined && acceptHost === undefined) {
    warnings.push(unverified(before, known.file !== undefined));
  }
  const view: HostView = {
    tag: await keyTag(key),
    key: toBase64Url(key),
    known: before !== undefined,
    verified,
  };
  return { view, warnings };
}

/** @param kept Whether there is a file of known peers: a host met before would be in it. */
function unverified(before: KnownPeer | undefined, kept: boolean): ProblemEvent {
  const so = before !== undefined
    ? `: last seen as a member on ${day(before.lastSeen)}`
    : kept
    ? ": first contact"
    : "";
  return warning("host-unverified", `Host not verified${so}`);
}

/** The error of a host whose key is not the known one at its address. */
export async function changedHost(
  address: string,
  digits: string,
  pinned: KnownPeer,
): Promise<HandshakeError> {
  const { firstSeen, key, verified } = pinned;
  const message = `The key of the host at ${address} has changed: ` +
    `fingerprint ${groups(digits)} now, ${groups(await fingerprint(key))} ` +
    `since ${day(firstSeen)} (${verified ? "verified" : "not verified"})`;
  const hint = "Have the person at the host type /fingerprint. If it shows the new digits, join " +
    `with --accept-host "${groups(digits)}"; if not, someone else answers there.`;
  return new HandshakeError("host-key-changed", message, { hint });
}
