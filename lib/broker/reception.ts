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
import { BrokerMessageKind, decodeMessage, type Message } from "./message.ts";
import { decodeOpen, subjectOf, subjectOfAll } from "./subject.ts";

/**
 * Callers of whom no byte was read yet: those that wait for their handshake, and more than these. Beyond them, a
 * flood of callers would take memory without bound.
 */
export const MAX_UNREAD_CALLERS = 128;

/** Takes the callers of a room. */
export interface Reception {
  /** The callers. Ends when the broker is lost, or at {@linkcode Reception.close}. */
  readonly connections: ReadableStream<BrokerConnection>;
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
  const unread = new Set<string>();
  /** Subjects of the answers: a client may know those of others, and must not have them answered again. */
  const answered = new Set<string>();
  let accepted: ReadableStreamDefaultController<BrokerConnection>;
  const connections = new ReadableStream<BrokerConnection>({
    start: (controller) => void (accepted = controller),
  });

  /** Takes a caller by its first message; others are for connections that have ended. */
  function accept(subject: string, { content, credit, kind, number }: Message): void {
    if (kind !== BrokerMessageKind.OPEN || number !== 0 || credit < FIRST_WINDOW_BYTES) return;
    const down = subjectOf(room, "down", decodeOpen(content));
    if (answered.has(down)) return;
    const connection = new BrokerConnection({
      send: (message) => bus.publish(down, message),
      drained: () => bus.drained(),
      maxMessage: bus.maxMessage,
      credit,
      clock,
      onEnded: () => {
        callers.delete(subject);
        unread.delete(subject);
        answered.delete(down);
      },
    });
    callers.set(subject, connection);
    unread.add(subject);
    answered.add(down);
    accepted.enqueue(connection);
  }

  function receive(bytes: Bytes | typeof NO_TAKER, subject: string): void {
    if (bytes === NO_TAKER) return;
    const caller = callers.get(subject);
    if (caller !== undefined) {
      caller.receive(bytes);
      if (caller.wasRead) unread.delete(subject);
    } else if (unread.size < MAX_UNREAD_CALLERS) {
      try {
        accept(subject, decodeMessage(bytes));
      } catch {
        // Nothing that one caller sends may affect another connection.
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
    accepted.close();
  }

  const lost = Promise.withResolvers<NetError>();
  void bus.closed.then((reason) => {
    if (!hasEnded) lost.resolve(reason);
    end(reason);
  });
  return {
    connections,
    lost: lost.promise,
    async close() {
      end();
      await bus.close();
    },
  };
}
