/**
 * Asks a host about its room without joining it.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { Endpoint, initiate } from "../channel/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import {
  generateIdentity,
  generateWrapKeyPair,
  HOP_KEY_BITS,
  randomBytes,
  zeroKey,
} from "../crypto/mod.ts";
import { HandshakeError, LanchatError } from "../errors.ts";
import { Initiator } from "../handshake/mod.ts";
import type { Connection } from "../net/mod.ts";
import {
  CloseReason,
  type HostRecord,
  MEMBER_CODEC,
  type MemberRecord,
  SESSION_NONCE_BYTES,
} from "../wire/mod.ts";
import { stalled, STALLED_MS } from "../session/mod.ts";

/** The answer of a host. */
export interface HostAnswer {
  /** Its identity key, 32 bytes. */
  readonly key: Bytes;
  /** Its answer to a newcomer; missing if its room ends. */
  readonly accept?: Extract<HostRecord, { type: "accept" }>;
}

/**
 * Shakes hands with a host under a temporary identity, reads its answer to a newcomer, and leaves. Members do
 * not notice, because the host announces a newcomer only after its RESUME. See PROTOCOL.md §5.4.
 *
 * @param connection The connection to the host; closed at the end.
 * @param timeoutMs Time for the whole handshake, in milliseconds.
 * @throws {LanchatError} As {@linkcode initiate} does; after the timeout `handshake-stalled` if the host has
 * greeted, else `not-lanchat`.
 */
export async function askHost(
  connection: Connection,
  timeoutMs: number,
  clock: Clock = systemClock,
): Promise<HostAnswer> {
  const { identity } = await generateIdentity();
  const keyPair = await generateWrapKeyPair(HOP_KEY_BITS);
  let late = false;
  let greetedAt: number | undefined;
  const cancel = clock.after(timeoutMs, () => {
    late = true;
    connection.close();
  });
  try {
    const channel = await initiate(
      connection,
      new Initiator({
        identity,
        nonce: randomBytes(SESSION_NONCE_BYTES),
        keyPair,
        psk: zeroKey(),
        trusts: () => Promise.resolve(true),
        onM1: () => greetedAt = clock.elapsed(),
      }),
    );
    const endpoint = new Endpoint<HostRecord, MemberRecord>(channel, {
      codec: MEMBER_CODEC,
      next: () => undefined,
    });
    const records = endpoint.receive();
    const { value: record } = await records.next();
    await records.return();
    await endpoint.close(CloseReason.LEAVING);
    const key = channel.hop.peerKey;
    return record?.type === "accept" ? { key, accept: record } : { key };
  } catch (cause) {
    const isLost = cause instanceof LanchatError && cause.code === "connection-lost";
    const isLongSilent = greetedAt !== undefined && clock.elapsed() - greetedAt >= STALLED_MS;
    if (late ? greetedAt !== undefined : isLost && isLongSilent) {
      throw stalled("Cannot see the room", cause);
    }
    if (!late) throw cause;
    throw new HandshakeError(
      "not-lanchat",
      `The other end has not answered as lanchat does in ${timeoutMs / 1000} s`,
      { cause },
    );
  } finally {
    cancel();
    connection.close();
  }
}
