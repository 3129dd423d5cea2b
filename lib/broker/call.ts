/**
 * Calls the host of a room through a broker.
 *
 * @module
 */
import { type Clock, systemClock } from "../clock.ts";
import { NetError } from "../errors.ts";
import { type Bus, NO_TAKER } from "./bus.ts";
import { BrokerConnection } from "./connection.ts";
import { encodeOpen, randomId, subjectOf } from "./subject.ts";

/**
 * Time after which a caller calls again, in milliseconds: a message may get lost, and a host drops calls while it
 * has too many.
 */
export const CALL_AGAIN_MS = 2000;

/** Options of {@linkcode call}. */
export interface CallOptions {
  /** Cancels the attempt with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Maximum wait for the host's answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Times the wait, and the heartbeats. */
  readonly clock?: Clock;
}

/**
 * Calls the host of a room, and again from other subjects while no answer comes. The connection owns the bus, and
 * closes it.
 *
 * @throws {NetError} With code `connection-refused` if no host is there, or `unreachable` if none answers.
 */
export async function call(
  bus: Bus,
  room: string,
  { clock = systemClock, signal, timeoutMs }: CallOptions,
): Promise<BrokerConnection> {
  const action = `Cannot join room ${room}`;
  const answered = Promise.withResolvers<BrokerConnection>();
  answered.promise.catch(() => {}); // A signal may end the wait first.
  /** The connections that have not ended, by the subject of their answers. */
  const calls = new Map<string, BrokerConnection>();

  function open(): void {
    const [toHost, fromHost] = [randomId(), randomId()];
    const [up, down] = [subjectOf(room, "up", toHost), subjectOf(room, "down", fromHost)];
    const unsubscribe = bus.subscribe(down, (message) => {
      if (message === NO_TAKER) {
        const hint = "Check that 'lanchat serve --via' runs with the same broker.";
        const error = new NetError("connection-refused", `${action}: no host is there`, { hint });
        answered.reject(error);
        return connection.fail(error);
      }
      connection.receive(message);
      if (calls.has(down)) answered.resolve(connection); // It has ended if the first answer was lost.
    });
    const connection = new BrokerConnection({
      send: (message) => bus.publish(up, message, down),
      drained: () => bus.drained(),
      maxMessage: bus.maxMessage,
      open: encodeOpen(fromHost),
      clock,
      onEnded: () => {
        unsubscribe();
        calls.delete(down);
        if (calls.size === 0 && !isCalling) void bus.close();
      },
    });
    calls.set(down, connection);
    cancelNext = clock.after(CALL_AGAIN_MS, open);
  }

  let isCalling = true;
  let cancelNext = (): void => {};
  open();
  void bus.closed.then((error) => {
    answered.reject(error);
    const { hint, message } = error;
    const lost = new NetError("connection-lost", message, { cause: error, hint });
    for (const connection of calls.values()) connection.fail(lost);
  });
  const cancel = clock.after(timeoutMs, () => {
    const reason = `${action}: no answer in ${timeoutMs / 1000} s`;
    answered.reject(new NetError("unreachable", reason));
  });
  const stop = (): void => answered.reject(signal!.reason);
  signal?.addEventListener("abort", stop);
  let kept: BrokerConnection | undefined;
  try {
    signal?.throwIfAborted();
    return kept = await answered.promise;
  } finally {
    cancel();
    cancelNext();
    signal?.removeEventListener("abort", stop);
    for (const connection of calls.values()) if (connection !== kept) connection.close();
    isCalling = false;
    if (calls.size === 0) void bus.close();
  }
}
