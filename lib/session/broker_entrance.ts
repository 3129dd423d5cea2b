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
import { NetError } from "../errors.ts";
import { DIAL_TIMEOUT_MS } from "../net/mod.ts";
import type { IncomingConnection } from "../relay/mod.ts";
import { Backoff } from "./backoff.ts";

/** Dependencies of {@linkcode BrokerEntrance}. */
export interface BrokerEntranceOptions {
  /** The broker. */
  readonly broker: Broker;
  /** The first connection to it. */
  readonly bus: Bus;
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** Called each time that the broker is lost. */
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

  /** Begins to take callers, who wait until {@linkcode BrokerEntrance.connections} is read. */
  static async open(options: BrokerEntranceOptions): Promise<BrokerEntrance> {
    const entrance = new BrokerEntrance(options, await brokerRoom(options.roomId));
    await options.bus.flush();
    return entrance;
  }

  /** Takes no more callers, ends the connections of the others, and leaves the broker. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reception.close();
  }

  async *#callers(): AsyncGenerator<IncomingConnection> {
    const { signal } = this.#closing;
    while (true) {
      for await (const connection of this.#reception.connections) {
        this.#backoff.succeeded();
        yield connection;
      }
      if (signal.aborted) return;
      this.#options.onLost(await this.#reception.lost);
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
    } catch (cause) {
      signal.throwIfAborted();
      throw new NetError("unreachable", (cause as Error).message, { cause });
    }
  }
}
