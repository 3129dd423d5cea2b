/**
 * What lanchat needs of a broker: messages to subjects, which may get lost.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import type { NetError } from "../errors.ts";

/** A connection to a server of a broker. */
export interface Bus {
  /** Maximum message, in bytes. */
  readonly maxMessage: number;
  /** Resolves with the reason when it ends; it never comes back. */
  readonly closed: Promise<NetError>;
  /**
   * Sends a message.
   *
   * @param reply A subject to which the server sends {@linkcode NO_TAKER} if no one takes the message.
   * @throws {Error} If the connection has ended.
   */
  publish(subject: string, message: Bytes, reply?: string): void;
  /**
   * Takes the messages to a subject.
   *
   * @param receive Must not throw.
   * @returns Ends that.
   */
  subscribe(subject: string, receive: Receive): () => void;
  /** Resolves when more may be sent; `undefined` if it may be now. */
  drained(): Promise<void> | undefined;
  /** Resolves once the server has taken all that was sent. */
  flush(): Promise<void>;
  /** Sends what is under way, and closes. */
  close(): Promise<void>;
}

/** Takes a message, or {@linkcode NO_TAKER}. */
export type Receive = (message: Bytes | typeof NO_TAKER, subject: string) => void;

/** Says that no one takes the messages to a subject. */
export const NO_TAKER = "no taker";
