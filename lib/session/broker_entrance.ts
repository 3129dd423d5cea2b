/**
 * The way into a hosted room through a broker, beside that over TCP.
 *
 * @module
 */
import {
  type Broker,
  brokerRoom,
  type Bus,
  receiveCallers,
  type Reception,
} from "../broker/mod.ts";
import { formatBrokerAddress } from "../broker_address.ts";
import type { Bytes } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { NetError } from "../errors.ts";
import { DIAL_TIMEOUT_MS } from "../net/mod.ts";
import type { IncomingConnection } from "../relay/mod.ts";
import { Backoff, isRefusal, passing } from "./backoff.ts";

/** Dependencies of {@linkcode BrokerEntrance}. */
export interface BrokerEntranceOptions {
  /** The broker. */
  readonly broker: Pick<Broker, "address" | "connect">;
  /** The first connection to it. */
  readonly bus: Bus;
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** Called when the broker is lost, but once for each reason until a caller was heard again. */
  readonly onLost: (reason: NetError) => void;
  /** Times the tries to come back. */
  readonly clock?: Clock;
}

/** Takes callers through a broker, and comes back to it after it was lost. */
export class BrokerEntrance {
  /** The room's address at the broker. */
  readonly address: string;
  /** The callers, until {@linkcode BrokerEntrance.close}. */
  readonly connections: ReadableStream<IncomingConnection>;
  readonly #room: string;
  readonly #options: BrokerEntranceOptions;
  readonly #closing = new AbortController();
  readonly #backoff: Backoff;
  #reception: Reception;

  private constructor(options: BrokerEntranceOptions, room: string) {
    const { broker, clock = systemClock } = options;
    this.#options = options;
    this.#room = room;
    this.address = formatBrokerAddress(broker.address, room);
    this.#reception = receiveCallers(options.bus, room, clock);
    this.#backoff = new Backoff({ giveUpMs: Infinity, signal: this.#closing.signal, clock });
    this.connections = ReadableStream.from(this.#callers());
  }

  /**
   * Begins to take callers, who wait until {@linkcode BrokerEntrance.connections} is read.
   *
   * @throws {NetError} With code `permission-denied` if the broker does not let this user host.
   */
  static async open(options: BrokerEntranceOptions): Promise<BrokerEntrance> {
    const entrance = new BrokerEntrance(options, await brokerRoom(options.roomId));
    // The second answer comes after a refusal was handled.
    await options.bus.flush();
    await options.bus.flush();
    const refusal = await Promise.race([entrance.#reception.lost, undefined]);
    if (refusal !== undefined) throw refusal;
    return entrance;
  }

  /** Takes no more callers, ends the connections of the others, and leaves the broker. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reception.close();
  }

  async *#callers(): AsyncGenerator<IncomingConnection> {
    const { signal } = this.#closing;
    let shown: string | undefined;
    while (true) {
      void this.#reception.works.then(() => {
        this.#backoff.succeeded();
        shown = undefined;
      });
      yield* this.#reception.connections;
      if (signal.aborted) return;
      const reason = await this.#reception.lost;
      if (reason.message !== shown) this.#options.onLost(reason);
      shown = reason.message;
      const bus = await this.#backoff.retry((signal) => this.#connect(signal)).catch((error) => {
        if (!signal.aborted) throw error;
      });
      if (bus === undefined) return;
      this.#reception = receiveCallers(bus, this.#room, this.#options.clock);
      if (signal.aborted) return await this.#reception.close();
    }
  }

  /** Connects again; a broker that does not let the host in may do so later. */
  async #connect(signal: AbortSignal): Promise<Bus> {
    try {
      return await this.#options.broker.connect({ signal, timeoutMs: DIAL_TIMEOUT_MS });
    } catch (error) {
      signal.throwIfAborted();
      throw isRefusal(error) ? passing(error) : error;
    }
  }
}
