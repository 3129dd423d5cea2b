import type { Bytes } from "../../lib/bytes/mod.ts";
import { type Bus, NO_TAKER, type Receive } from "../../lib/broker/mod.ts";
import { NetError } from "../../lib/errors.ts";

/** What a fake broker does with a message: the messages that arrive in its place. */
export type Meddle = (message: Bytes, subject: string) => readonly Bytes[];

/** A broker in memory, whose messages a test can lose, repeat and forge. */
export class FakeBroker {
  readonly #receivers = new Set<{ readonly subject: string; readonly receive: Receive }>();
  readonly #maxMessage: number;
  /** What happens to messages; by default all arrive. */
  meddle: Meddle = (message) => [message];
  /** All messages published so far, with their subjects. */
  readonly published: { readonly subject: string; readonly message: Bytes }[] = [];

  /** Makes a broker without clients. @param maxMessage Maximum message, in bytes. */
  constructor(maxMessage: number = 1 << 20) {
    this.#maxMessage = maxMessage;
  }

  /** Connects a client. */
  connect(): FakeBus {
    return new FakeBus(this, this.#maxMessage);
  }

  /** Delivers a message. @returns Whether someone takes it. */
  deliver(subject: string, message: Bytes | typeof NO_TAKER): boolean {
    const takers = [...this.#receivers].filter((taker) => matches(taker.subject, subject));
    for (const { receive } of takers) receive(message, subject);
    return takers.length > 0;
  }

  /** Adds a subscription. @returns Removes it. */
  subscribe(subject: string, receive: Receive): () => void {
    const receiver = { subject, receive };
    this.#receivers.add(receiver);
    return () => this.#receivers.delete(receiver);
  }
}

/** A client of a {@linkcode FakeBroker}. */
export class FakeBus implements Bus {
  readonly maxMessage: number;
  readonly closed: Promise<NetError>;
  /** Whether it was closed. */
  isClosed = false;
  /** Set to hold writers up. */
  full: Promise<void> | undefined;
  readonly #broker: FakeBroker;
  readonly #close: (reason: NetError) => void;

  /** Connects to a broker. */
  constructor(broker: FakeBroker, maxMessage: number) {
    this.#broker = broker;
    this.maxMessage = maxMessage;
    const { promise, resolve } = Promise.withResolvers<NetError>();
    this.closed = promise;
    this.#close = resolve;
  }

  publish(subject: string, message: Bytes, reply?: string): void {
    if (this.isClosed) throw new Error("closed");
    if (message.length > this.maxMessage) throw new Error("too long");
    this.#broker.published.push({ subject, message });
    // As over a network: never within the call that sends.
    queueMicrotask(() => {
      for (const each of this.#broker.meddle(message, subject)) {
        const isTaken = this.#broker.deliver(subject, each);
        if (!isTaken && reply !== undefined) this.#broker.deliver(reply, NO_TAKER);
      }
    });
  }

  subscribe(subject: string, receive: Receive): () => void {
    return this.#broker.subscribe(subject, (message, to) => {
      if (!this.isClosed) receive(message, to);
    });
  }

  drained(): Promise<void> | undefined {
    return this.full;
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.lose();
    return Promise.resolve();
  }

  /** Loses the connection to the broker. */
  lose(reason: NetError = new NetError("connection-lost", "Broker lost")): void {
    this.isClosed = true;
    this.#close(reason);
  }
}

function matches(pattern: string, subject: string): boolean {
  const [wanted, given] = [pattern.split("."), subject.split(".")];
  return wanted.length === given.length &&
    wanted.every((token, i) => token === "*" || token === given[i]);
}
