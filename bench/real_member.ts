/**
 * A real member of a room: a room of lib/room over a socket, without a screen.
 *
 * @module
 */
import { initiate } from "../lib/channel/mod.ts";
import { openRoomSecrets, randomBytes, zeroKey } from "../lib/crypto/mod.ts";
import { Initiator } from "../lib/handshake/mod.ts";
import { type Connection, dial } from "../lib/net/mod.ts";
import { Room, type SessionKeys } from "../lib/room/mod.ts";
import { SESSION_NONCE_BYTES } from "../lib/wire/mod.ts";
import type { LightOptions } from "./light_member.ts";
import type { Speaker } from "./load.ts";

const LINE_LENGTH = 40;

/** Lines that may wait or be under way. */
const MAX_UNDER_WAY = 512;

/** A member with a room. */
export class RealMember implements Speaker {
  readonly #connection: Connection;
  readonly #room: Room;
  readonly #keys: SessionKeys;
  #underWay = 0;

  private constructor(connection: Connection, room: Room, keys: SessionKeys) {
    this.#connection = connection;
    this.#room = room;
    this.#keys = keys;
  }

  /** Joins the room, and waits until it can talk to all members. */
  static async enter(
    name: string,
    keys: SessionKeys,
    options: Omit<LightOptions, "isSpeaker">,
  ): Promise<RealMember> {
    const { identity, isSampled, keyPair, meter, onLost, port, through } = options;
    const connection = await (through?.() ?? dial("127.0.0.1", port));
    const nonce = randomBytes(SESSION_NONCE_BYTES);
    const psk = zeroKey();
    const trusts = (): Promise<boolean> => Promise.resolve(true);
    const initiator = new Initiator({ identity, keyPair, nonce, psk, trusts });
    const channel = await initiate(connection, initiator);
    const { peerKey: hostKey, roomId, session } = channel.hop;
    const ready = Promise.withResolvers<void>();
    const room = new Room({
      identity,
      name,
      nonce,
      session,
      roomId,
      hostKey,
      memberKey: (await openRoomSecrets(hostKey)).memberKey,
      keys,
      emit: (event) => {
        if (event.event === "ready") ready.resolve();
        if (event.event !== "message") return;
        meter.deliveries++;
        if (isSampled) meter.latencies.push(performance.now() - Number(event.text));
      },
    });
    const member = new RealMember(connection, room, keys);
    room.run(channel).then((reason) => onLost(`${reason}`), (error) => onLost(error.message));
    await ready.promise;
    return member;
  }

  speak(): boolean {
    if (this.#underWay >= MAX_UNDER_WAY) return false;
    this.#underWay++;
    const text = `${performance.now()}`.padStart(LINE_LENGTH, "0");
    this.#room.say(text).then(() => this.#underWay--, () => {});
    return true;
  }

  flush(): void {}

  /** Hangs up. */
  close(): void {
    this.#room.end("not-delivered");
    this.#keys.close();
    this.#connection.close();
  }
}
