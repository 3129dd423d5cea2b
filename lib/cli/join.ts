import type { SecureChannel } from "../channel/mod.ts";
import { fingerprint, openRoomSecrets } from "../crypto/mod.ts";
import { EXIT, LanchatError } from "../errors.ts";
import type { OpenedIdentity } from "../store/mod.ts";
import type { FrontEnd } from "../ui/mod.ts";
import type { JoinCommand } from "./args.ts";
import { chat } from "./chat.ts";
import type { Interrupts } from "./interrupts.ts";
import { meetHost, trustsHost } from "./known_host.ts";
import { Line } from "./line.ts";
import { type Destination, findOnlyRoom } from "./rooms.ts";
import { findPerson } from "./person.ts";
import { problem } from "./problem.ts";
import { Acquaintances } from "./trust.ts";

/** How long it is tried to connect again where nobody watches, in seconds. */
const GIVE_UP_SECONDS = 60;

/**
 * Joins a room and stays until it is left, or ends.
 *
 * @param opened Who joins.
 * @param chosen The room, where it is not the one that the command names.
 * @returns The exit status.
 * @throws {LanchatError} If the host cannot be reached, is not the expected one, or does not admit us.
 */
export async function join(
  command: JoinCommand,
  opened: OpenedIdentity,
  frontEnd: FrontEnd,
  interrupts: Interrupts,
  chosen?: Destination,
): Promise<number> {
  const { identity, known, name } = await findPerson(opened, command, frontEnd);
  const { host, port } = command;
  const destination = chosen ??
    (host === undefined
      ? await findOnlyRoom(known, frontEnd, interrupts)
      : { hosts: [host], port });
  if (destination === undefined) return EXIT.OK;
  const { expect } = destination;
  const line = new Line({
    ...destination,
    identity,
    giveUpMs: giveUpMs(command),
    trusts: async (key, where) => {
      await expect?.(key);
      return await trustsHost(key, { ...command, ...where }, known);
    },
  });
  const ownFingerprint = fingerprint(identity.publicKey);
  void interrupts.first.then(() => line.stop());
  try {
    const channel = command.reconnect ? await connect(line, frontEnd) : await line.connect();
    const { joinCode, peerKey, roomId } = line.hop;
    const host = await meetHost(peerKey, { ...command, ...line.address }, known, frontEnd);
    const { memberKey } = await openRoomSecrets(peerKey);
    const end = await chat({
      frontEnd,
      channel,
      ...command.reconnect && { line },
      room: { identity, name, roomId, memberKey, waitMs: command.waitSeconds * 1000 },
      seat: { session: line.session, keys: line.keys },
      acquaintances: await Acquaintances.of(known, identity.publicKey),
      fingerprint: await ownFingerprint,
      host: host.view,
      ...host.warning !== undefined && { hostWarning: host.warning },
      joinCode,
      listensOnly: command.listen,
      endsWithInput: true,
      untilDelivered: command.untilDelivered,
      timeoutMs: (command.waitSeconds + command.timeoutSeconds) * 1000,
      interrupts,
    });
    frontEnd.show({ event: "closed", reason: end.reason });
    return end.status;
  } catch (error) {
    if (line.stopped) return EXIT.OK;
    throw error;
  } finally {
    line.close();
  }
}

/** Connects for the first time; a host that has no time yet is asked again. */
async function connect(line: Line, frontEnd: FrontEnd): Promise<SecureChannel> {
  try {
    return await line.connect();
  } catch (error) {
    if (!(error instanceof LanchatError) || error.code !== "busy") throw error;
    frontEnd.show({ ...problem(error), event: "warning" });
    return await line.reconnect();
  }
}

function giveUpMs({ giveUpSeconds, json }: JoinCommand): number {
  if (giveUpSeconds !== undefined) return giveUpSeconds * 1000;
  return !json && Deno.stdin.isTerminal() ? Infinity : GIVE_UP_SECONDS * 1000;
}
