import { type Channel, respond } from "../../lib/channel/mod.ts";
import { generateIdentity, randomBytes, zeroKey } from "../../lib/crypto/mod.ts";
import { HostKey, Responder } from "../../lib/handshake/mod.ts";
import { openConnection } from "../../lib/net/mod.ts";
import { hostHopKey } from "./keys.ts";
import {
  AcceptStatus,
  encodeFrame,
  encodeHostRecord,
  encodeM0,
  type HostRecord,
  INSTANCE_BYTES,
} from "../../lib/wire/mod.ts";

/** A port on which a dishonest or foreign program answers every caller in its own way. */
export class Impostor implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #connections: Deno.TcpConn[] = [];
  readonly #answering: Promise<void>[] = [];
  readonly #accepting: Promise<void>;

  /**
   * Listens.
   *
   * @param answer Handles a caller, whose connection stays open after it.
   * @param where Any port of 127.0.0.1 by default.
   */
  constructor(
    answer: (caller: Deno.TcpConn) => Promise<void> | void,
    where: { readonly hostname?: string; readonly port?: number } = {},
  ) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0, ...where });
    this.#accepting = this.#accept(answer);
  }

  /** The address that members join. */
  get address(): string {
    return `${this.#listener.addr.hostname}:${this.port}`;
  }

  /** Its port. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Number of callers so far. */
  get callers(): number {
    return this.#connections.length;
  }

  /** Closes all calls. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) {
      try {
        connection.close();
      } catch {
        // It is closed already.
      }
    }
    await this.#accepting;
    await Promise.allSettled(this.#answering);
  }

  async #accept(answer: (caller: Deno.TcpConn) => Promise<void> | void): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        this.#connections.push(connection);
        const answering = (async () => await answer(connection))();
        answering.catch(() => {}); // The caller has hung up.
        this.#answering.push(answering);
      }
    } catch {
      // The listener was closed.
    }
  }
}

/** M0 of a host that is not busy, as a frame. */
export function greeting({ invite }: { readonly invite: boolean } = { invite: false }): Uint8Array {
  return encodeFrame(encodeM0({ invite, busy: false, challenge: randomBytes(32) }));
}

/** Shakes hands as a host does, then sends only these records. */
export function sending(
  ...records: readonly HostRecord[]
): (caller: Deno.TcpConn) => Promise<void> {
  return async (caller) => {
    const { identity } = await generateIdentity();
    const hostKey = new HostKey(await hostHopKey(), performance.now());
    const channel: Channel = await respond(
      openConnection(caller),
      new Responder({
        identity,
        hostKey,
        roomId: randomBytes(32),
        psk: zeroKey(),
      }),
    );
    const writer = channel.writable.getWriter();
    for (const record of records) await writer.write(encodeHostRecord(record));
    await writer.close();
  };
}

/**
 * How a host answers the handshake of a member that is new.
 *
 * @param status One of `AcceptStatus`.
 * @param time The host's clock.
 */
export function answer(status: number, time: number = Date.now()): HostRecord {
  return {
    type: "accept",
    status,
    resumed: false,
    instance: new Uint8Array(INSTANCE_BYTES),
    lastCmid: 0,
    maxMembers: 1024,
    time,
    keep: 90,
  };
}

/** The records with which a host admits a member to an empty room. */
export const ADMISSION: readonly HostRecord[] = [
  answer(AcceptStatus.OK),
  { type: "resume", nextSeq: 1, queued: 0 },
  { type: "roster", entries: [] },
];
