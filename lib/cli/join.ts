import { toBase64Url } from "../bytes/mod.ts";
import { initiate, type SecureChannel } from "../channel/mod.ts";
import {
  fingerprint,
  generateWrapKeyPair,
  HOP_KEY_BITS,
  keyTag,
  openRoomSecrets,
  randomBytes,
  zeroKey,
} from "../crypto/mod.ts";
import { EXIT, HandshakeError } from "../errors.ts";
import { Initiator } from "../handshake/mod.ts";
import { type Connection, dial, formatHostPort } from "../net/mod.ts";
import { SessionKeys } from "../room/mod.ts";
import type { FrontEnd } from "../ui/mod.ts";
import { SESSION_BYTES } from "../wire/mod.ts";
import type { JoinCommand } from "./args.ts";
import { chat } from "./chat.ts";
import type { Interrupts } from "./interrupts.ts";
import { findPerson } from "./person.ts";

/** How long a host may take to shake hands, in milliseconds. */
const HANDSHAKE_MS = 15_000;

/**
 * Joins a room and stays until it is left, or ends.
 *
 * @returns The exit status.
 * @throws {LanchatError} If the host cannot be reached, is not the expected one, or does not admit us.
 */
export async function join(
  command: JoinCommand,
  frontEnd: FrontEnd,
  interrupts: Interrupts,
): Promise<number> {
  const keys = new SessionKeys();
  const hopKey = generateWrapKeyPair(HOP_KEY_BITS);
  hopKey.catch(() => {}); // Whoever waits for it sees the failure.
  const person = await findPerson(command, frontEnd);
  const ownFingerprint = fingerprint(person.identity.publicKey);

  const stopped = new AbortController();
  void interrupts.first.then(() => stopped.abort());
  let connection: Connection;
  try {
    connection = await dial(command.host, command.port, { signal: stopped.signal });
  } catch (error) {
    if (stopped.signal.aborted) return EXIT.OK;
    throw error;
  }
  try {
    const session = randomBytes(SESSION_BYTES);
    const initiator = new Initiator({
      identity: person.identity,
      session,
      keyPair: await hopKey,
      psk: zeroKey(),
      trusts: async (key) =>
        command.hostKey === undefined || await fingerprint(key) === command.hostKey,
    });
    const channel = await shakeHands(connection, initiator, command, stopped.signal);
    if (channel === undefined) return EXIT.OK;
    const { joinCode, peerKey, roomId } = channel.hop;
    const { memberKey } = await openRoomSecrets(peerKey);
    const end = await chat({
      frontEnd,
      channel,
      room: { ...person, session, roomId, memberKey, keys, waitMs: command.waitSeconds * 1000 },
      fingerprint: await ownFingerprint,
      host: {
        tag: await keyTag(peerKey),
        key: toBase64Url(peerKey),
        verified: command.hostKey !== undefined,
      },
      joinCode,
      listensOnly: command.listen,
      endsWithInput: true,
      timeoutMs: (command.waitSeconds + command.timeoutSeconds) * 1000,
      interrupts,
    });
    frontEnd.show({ event: "closed", reason: end.reason });
    return end.status;
  } finally {
    connection.close();
  }
}

/** Shakes hands in bounded time; `undefined` where the person stopped it. */
async function shakeHands(
  connection: Connection,
  initiator: Initiator,
  { host, port }: JoinCommand,
  stopped: AbortSignal,
): Promise<SecureChannel | undefined> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    connection.close();
  }, HANDSHAKE_MS);
  const stop = (): void => connection.close();
  stopped.addEventListener("abort", stop);
  try {
    return await initiate(connection, initiator);
  } catch (error) {
    if (stopped.aborted) return undefined;
    if (!late) throw error;
    throw new HandshakeError(
      "not-lanchat",
      `Cannot join ${formatHostPort(host, port)} as it does not answer as lanchat does`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
    stopped.removeEventListener("abort", stop);
  }
}
