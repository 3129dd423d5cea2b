/**
 * Takes the callers of a room through a broker.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { NetError } from "../errors.ts";
import { type Bus, NO_TAKER } from "./bus.ts";
import { BrokerConnection, FIRST_WINDOW_BYTES } from "./connection.ts";
import { BrokerMessageKind, decodeMessage, type Message, MESSAGE_HEADER_BYTES } from "./message.ts";
import { decodeOpen, OPEN_CONTENT_BYTES, subjectOf, subjectOfAll } from "./subject.ts";

/**
 * Callers of whom no byte was read yet: those that wait for their handshake, and more than these. Beyond them, a
 * flood of callers would take memory without bound.
 */
export const MAX_UNREAD_CALLERS = 128;

/** Time for which a caller of whom no byte was read counts after its end: so ending them costs a flood time, too. */
export const UNREAD_MS = 1000;

/** Length of the message that opens a connection, in bytes: to decode each other one would make a flood costly. */
const OPEN_BYTES = MESSAGE_HEADER_BYTES + OPEN_CONTENT_BYTES;

/** Takes the callers of a room. */
export interface Reception {
  /** The callers. Ends when the broker is lost, or at {@linkcode Reception.close}. */
  readonly connections: ReadableStream<BrokerConnection>;
  /** Resolves when a byte of a caller was read: so what the host sends arrives, too. */
  readonly works: Promise<void>;
  /** Why the broker was lost; stays pending otherwise. */
  readonly lost: Promise<NetError>;
  /** Takes no more callers, ends the connections of the others, and closes the bus. */
  close(): Promise<void>;
}

/** Takes the callers of a room; owns the bus from now on. */
export function receiveCallers(
  bus: Bus,
  room: string,
  clock: Clock = systemClock,
): Reception {
  /** Callers by the subject on which they send. */
  const callers = new Map<string, BrokerConnection>();
  /** Those of whom no byte was read, with what cancels the end of the time for which they still count. */
  const unread = new Map<object, () => void>();
  /** Subjects of the answers: a client may know those of others, and must not have them answered again. */
  const answered = new Set<string>();
  const lost = Promise.withResolvers<NetError>();
  const works = Promise.withResolvers<void>();
  let accepted: ReadableStreamDefaultController<BrokerConnection>;
  const connections = new ReadableStream<BrokerConnection>({
    start: (controller) => void (accepted = controller),
  });

  function countEnded(caller: object): void {
    unread.set(caller, clock.after(UNREAD_MS, () => void unread.delete(caller)));
  }

  /** Takes a caller by its first message; others are for connections that have ended. */
  function accept(subject: string, { content, credit, kind, number }: Message): void {
    if (kind !== BrokerMessageKind.OPEN || number !== 0 || credit < FIRST_WINDOW_BYTES) return;
    const down = subjectOf(room, "down", decodeOpen(content));
    if (answered.has(down)) return;
    const connection: BrokerConnection = new BrokerConnection({
      send: (message) => bus.publish(down, message),
      drained: () => bus.drained(),
      maxMessage: bus.maxMessage,
      credit,
      clock,
      onFirstRead: () => {
        unread.delete(connection);
        works.resolve();
      },
      onEnded: () => {
        callers.delete(subject);
        answered.delete(down);
        if (!hasEnded && unread.has(connection)) countEnded(connection);
      },
    });
    callers.set(subject, connection);
    unread.set(connection, () => {});
    answered.add(down);
    accepted.enqueue(connection);
  }

  function receive(bytes: Bytes | typeof NO_TAKER, subject: string): void {
    if (bytes === NO_TAKER) return;
    const caller = callers.get(subject);
    if (caller !== undefined) {
      caller.receive(bytes);
    } else if (bytes.length === OPEN_BYTES && unread.size < MAX_UNREAD_CALLERS) {
      try {
        accept(subject, decodeMessage(bytes));
      } catch {
        // Nothing that one caller sends may affect another connection. It costs an error, so a flood costs time, too.
        countEnded({});
      }
    }
  }

  const unsubscribe = bus.subscribe(subjectOfAll(room), receive);
  let hasEnded = false;

  function end(reason?: NetError): void {
    if (hasEnded) return;
    hasEnded = true;
    unsubscribe();
    for (const caller of [...callers.values()]) {
      if (reason === undefined) caller.close();
      else caller.fail(reason);
    }
    for (const cancel of unread.values()) cancel();
    accepted.close();
  }

  void bus.closed.then((reason) => {
    if (!hasEnded) lost.resolve(reason);
    end(reason);
  });
  return {
    connections,
    works: works.promise,
    lost: lost.promise,
    async close() {
      end();
      await bus.close();
    },
  };
}
