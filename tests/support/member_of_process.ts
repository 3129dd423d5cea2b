/**
 * A member in the test's own process at a host that is another process. Its keys are ready, so that the time
 * it takes to join is that of joining.
 *
 * @module
 */
import { initiate } from "../../lib/channel/mod.ts";
import { openRoomSecrets, randomBytes, zeroKey } from "../../lib/crypto/mod.ts";
import { Initiator } from "../../lib/handshake/mod.ts";
import { dial } from "../../lib/net/mod.ts";
import { SESSION_NONCE_BYTES } from "../../lib/wire/mod.ts";
import { within } from "./deadline.ts";
import { identityOf, memberHopKey } from "./keys.ts";
import { TestMember } from "./rooms_in_memory.ts";

/** A member that has joined; leaving its scope takes it out of the room. */
export type ProcessMember = TestMember & AsyncDisposable & {
  /** How long it took from dialing until it was ready, in milliseconds. */
  readonly joinMs: number;
};

/** Joins a member from 127.0.0.1 and waits until it is ready. @param port The host's port on 127.0.0.1. */
export async function visit(port: number, name: string): Promise<ProcessMember> {
  const nonce = randomBytes(SESSION_NONCE_BYTES);
  const initiator = new Initiator({
    identity: await identityOf(name),
    nonce,
    keyPair: await memberHopKey(),
    psk: zeroKey(),
    trusts: () => Promise.resolve(true),
  });
  const start = performance.now();
  const connection = await dial("127.0.0.1", port);
  try {
    const channel = await within(initiate(connection, initiator), () => `${name} was not greeted`);
    const { peerKey, roomId } = channel.hop;
    const { memberKey } = await openRoomSecrets(peerKey);
    const member = await TestMember.create(name, { nonce, roomId, hostKey: peerKey, memberKey });
    const ran = member.run(channel);
    const dispose = async (): Promise<void> => {
      await member.room.leave();
      await ran;
      member.room.end("not-delivered");
      connection.close();
    };
    await within(member.ready, () => `${name} did not get ready`);
    const joinMs = performance.now() - start;
    return Object.assign(member, { joinMs, [Symbol.asyncDispose]: dispose });
  } catch (error) {
    connection.close();
    throw error;
  }
}
