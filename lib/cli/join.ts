import type { SecureChannel } from "../channel/mod.ts";
import { fingerprint, openRoomSecrets, roomSecrets, zeroKey } from "../crypto/mod.ts";
import { CODES, EXIT, LanchatError } from "../errors.ts";
import { formatHostPort } from "../net/mod.ts";
import type { OpenedIdentity } from "../store/mod.ts";
import type { FrontEnd } from "../session/mod.ts";
import type { JoinCommand } from "./commands/join.ts";
import { runClient } from "../session/mod.ts";
import type { Interrupts } from "../session/mod.ts";
import type { FoundInvite } from "./invite.ts";
import { recallHost, trustsHost } from "../session/mod.ts";
import { Connector } from "../session/mod.ts";
import { findOnlyRoom, type JoinTarget } from "./rooms.ts";
import { findPerson } from "./person.ts";
import { problem } from "../session_events.ts";
import { TrustStore } from "../session/mod.ts";

/** How long a client without a terminal tries to reconnect, in milliseconds. */
const GIVE_UP_MS = 60_000;

/** What stands in place of an address that was typed. */
export interface Found {
  /** An invite. */
  readonly invite?: FoundInvite;
  /** A room that somebody has chosen. */
  readonly room?: JoinTarget;
}

/**
 * Joins a room and stays until it is left, or ends.
 *
 * @param opened Who joins.
 * @param found What stands in place of an address that was typed.
 * @returns The exit status.
 * @throws {LanchatError} If the host cannot be reached, is not the expected one, or does not admit us.
 */
export async function join(
  command: JoinCommand,
  opened: OpenedIdentity,
  frontEnd: FrontEnd,
  interrupts: Interrupts,
  { invite, room }: Found = {},
): Promise<number> {
  const { identity, known, name, warnings } = await findPerson(opened, command, frontEnd);
  if (invite?.visible) {
    frontEnd.show({
      event: "warning",
      code: "invite-visible",
      message: "The invite was given where every program of this machine can read it",
      hint: CODES["invite-visible"].hint,
    });
  }
  const { host, port } = invite ?? command;
  const destination = room ??
    (host === undefined
      ? await findOnlyRoom(known, frontEnd, interrupts)
      : { hosts: [host], port });
  if (destination === undefined) return EXIT.OK;
  const secrets = invite?.root && await roomSecrets(invite.hostKey, invite.root);
  const expected = { ...command, key: invite?.hostKey };
  const connector = new Connector({
    ...destination,
    identity,
    psk: secrets?.psk ?? zeroKey(),
    giveUpMs: command.giveUpMs ?? defaultGiveUpMs(command),
    trusts: async (key, where) => {
      await destination.expect?.(key);
      return await trustsHost(key, { ...expected, ...where }, known);
    },
  });
  const ownFingerprint = fingerprint(identity.publicKey);
  void interrupts.first.then(() => connector.stop());
  try {
    const channel = command.reconnect
      ? await connect(connector, frontEnd)
      : await connector.connect();
    const { joinCode, peerKey, roomId } = connector.hop;
    const { address } = connector;
    const { view, warnings: hostWarnings } = await recallHost(
      peerKey,
      { ...expected, ...address },
      known,
    );
    const { memberKey } = secrets ?? await openRoomSecrets(peerKey);
    const end = await runClient({
      frontEnd,
      channel,
      ...command.reconnect && { connector },
      room: {
        identity,
        name,
        roomId,
        hostKey: peerKey,
        memberKey,
        waitMs: command.waitMs,
      },
      session: connector.session,
      trustStore: await TrustStore.of(known, identity.publicKey, {
        compared: command.hostKey === undefined ? undefined : peerKey,
      }),
      fingerprint: await ownFingerprint,
      host: view,
      hostAddress: formatHostPort(address.host, address.port),
      warnings: [...hostWarnings, ...warnings],
      joinCode,
      listensOnly: command.listen,
      endsWithInput: true,
      untilDelivered: command.untilDelivered,
      timeoutMs: command.waitMs + command.timeoutMs,
      interrupts,
    });
    frontEnd.show({ event: "closed", reason: end.reason });
    return end.status;
  } catch (error) {
    if (connector.stopped) return EXIT.OK;
    throw error;
  } finally {
    connector.close();
  }
}

/** Connects for the first time; a host that has no time yet is asked again. */
async function connect(connector: Connector, frontEnd: FrontEnd): Promise<SecureChannel> {
  try {
    return await connector.connect();
  } catch (error) {
    if (!(error instanceof LanchatError) || error.code !== "busy") throw error;
    frontEnd.show({ ...problem(error), event: "warning" });
    return await connector.reconnect();
  }
}

function defaultGiveUpMs({ json }: JoinCommand): number {
  return !json && Deno.stdin.isTerminal() ? Infinity : GIVE_UP_MS;
}
