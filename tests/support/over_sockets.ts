/**
 * A host and its members over real sockets on 127.0.0.1, in one process.
 *
 * @module
 */
import type { Bytes } from "../../lib/bytes/mod.ts";
import { initiate, localChannel, type SecureChannel } from "../../lib/channel/mod.ts";
import type { Clock } from "../../lib/clock.ts";
import {
  openRoomSecrets,
  randomBytes,
  type RoomSecrets,
  roomSecrets,
} from "../../lib/crypto/mod.ts";
import { type HopSession, HostKeyRing, Initiator } from "../../lib/handshake/mod.ts";
import { type Connection, dial, listen, type Listener } from "../../lib/net/mod.ts";
import { Host, Relay } from "../../lib/relay/mod.ts";
import { FakeClock } from "./clock.ts";
import { hostHopKey, identityOf, memberHopKey } from "./keys.ts";
import { type MemberOptions, TestMember } from "./rooms_in_memory.ts";

/** A member over a socket. */
export interface SocketMember extends TestMember {
  /** Its socket. */
  connection: Connection;
  /** The result of the handshake. */
  hop: HopSession;
  /** Why its room ended: a reason of the host, or an error. */
  ended: Promise<number | Error>;
}

/** A host that listens. */
export class RoomOverSockets {
  readonly relay: Relay;
  readonly listener: Listener;
  /** Where callers dial: its own port, or a proxy's. */
  port: number;
  /** The join codes that the host shows, in the order of admission. */
  readonly joinCodes: readonly string[];
  /** The host's own member. */
  readonly host: TestMember;
  readonly #secrets: RoomSecrets;
  readonly #visitors: SocketMember[] = [];
  readonly #running: Promise<unknown>[] = [];

  private constructor(
    options: {
      relay: Relay;
      host: TestMember;
      greeter: Host;
      joinCodes: readonly string[];
      secrets: RoomSecrets;
    },
  ) {
    this.relay = options.relay;
    this.joinCodes = options.joinCodes;
    this.host = options.host;
    this.#secrets = options.secrets;
    this.listener = listen({ host: "127.0.0.1", port: 0 });
    this.port = this.listener.port;
    this.#running.push(this.#accept(options.greeter));
  }

  /** Opens a room. @param options `invite` is the secret of one that is not open, `clock` the relay's. */
  static async open(
    options: { invite?: Bytes; maxMembers?: number; keepSeatMs?: number; clock?: Clock } = {},
  ): Promise<RoomOverSockets> {
    const { invite, ...rest } = options;
    const identity = await identityOf("host");
    const secrets = invite === undefined
      ? await openRoomSecrets(identity.publicKey)
      : await roomSecrets(identity.publicKey, invite);
    const relay = new Relay(rest);
    const roomId = randomBytes(32);
    const { memberKey } = secrets;
    const host = await TestMember.create("hana", {
      identity: "host",
      roomId,
      memberKey,
    });
    const joinCodes: string[] = [];
    const greeter = new Host({
      identity,
      roomId,
      psk: secrets.psk,
      relay,
      keys: new HostKeyRing({ generate: hostHopKey }),
      clock: new FakeClock(), // It times only events that do not happen here.
      onAdmitted: ({ joinCode }) => void joinCodes.push(joinCode),
    });
    const sockets = new RoomOverSockets({ relay, host, greeter, joinCodes, secrets });
    const [mine, relays] = localChannel();
    sockets.#running.push(
      relay.serve(relays, host),
      host.run(mine),
    );
    await host.ready;
    return sockets;
  }

  /** Dials, and shakes hands. @param secrets The caller's secrets of the room. */
  async call(
    options: { name: string; nonce: Bytes; identity?: string; secrets?: RoomSecrets },
  ): Promise<{ connection: Connection; channel: SecureChannel }> {
    const { identity = options.name, nonce, secrets = this.#secrets } = options;
    const connection = await dial("127.0.0.1", this.port);
    try {
      const initiator = new Initiator({
        identity: await identityOf(identity),
        nonce,
        keyPair: await memberHopKey(),
        psk: secrets.psk,
        trusts: () => Promise.resolve(true),
      });
      return { connection, channel: await initiate(connection, initiator) };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Joins a member and waits until it is ready. */
  async join(name: string, options: MemberOptions = {}): Promise<SocketMember> {
    const { identity, nonce = randomBytes(16) } = options;
    const { channel, connection } = await this.call({
      name,
      nonce,
      ...identity !== undefined && { identity },
    });
    const member = await TestMember.create(name, {
      nonce,
      roomId: channel.hop.roomId,
      memberKey: this.#secrets.memberKey,
      ...options,
    });
    const visitor = Object.assign(member, {
      connection,
      hop: channel.hop,
      ended: run(member, channel, connection),
    });
    this.#visitors.push(visitor);
    await visitor.ready;
    return visitor;
  }

  /** The same member dials again with the same session. */
  async rejoin(visitor: SocketMember): Promise<void> {
    const { channel, connection } = await this.call(visitor);
    visitor.connection = connection;
    visitor.ended = run(visitor, channel, connection);
  }

  /** Ends the host and releases all resources. @returns How the room ended for each visitor. */
  async close(): Promise<(number | Error)[]> {
    this.listener.close();
    await this.relay.close();
    const ends = await Promise.all(this.#visitors.map(({ ended }) => ended));
    await Promise.all(this.#running);
    for (const { room } of [this.host, ...this.#visitors]) room.end("not-delivered");
    return ends;
  }

  async #accept(greeter: Host): Promise<void> {
    const greeted = [];
    for await (const connection of this.listener.connections) {
      greeted.push(greeter.greet(connection));
    }
    await Promise.all(greeted);
  }
}

async function run(
  member: TestMember,
  channel: SecureChannel,
  connection: Connection,
): Promise<number | Error> {
  const end = await member.run(channel);
  connection.close();
  return end;
}
