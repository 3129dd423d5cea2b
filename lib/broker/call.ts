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
 * Calls the host of a room. The connection owns the bus, and closes it.
 *
 * @throws {NetError} With code `connection-refused` if no host is there, or `unreachable` if none answers.
 */
export async function call(
  bus: Bus,
  room: string,
  { clock = systemClock, signal, timeoutMs }: CallOptions,
): Promise<BrokerConnection> {
  const [toHost, fromHost] = [randomId(), randomId()];
  const [up, down] = [subjectOf(room, "up", toHost), subjectOf(room, "down", fromHost)];
  const action = `Cannot join room ${room}`;
  const answered = Promise.withResolvers<void>();
  const unsubscribe = bus.subscribe(down, (message) => {
    if (message === NO_TAKER) {
      const hint = "Check that 'lanchat serve --via' runs with the same broker.";
      const error = new NetError("connection-refused", `${action}: no host is there`, { hint });
      answered.reject(error);
      return connection.fail(error);
    }
    answered.resolve();
    connection.receive(message);
  });
  const connection = new BrokerConnection({
    send: (message) => bus.publish(up, message, down),
    drained: () => bus.drained(),
    maxMessage: bus.maxMessage,
    open: encodeOpen(fromHost),
    clock,
    onEnded: () => {
      unsubscribe();
      void bus.close();
    },
  });
  void bus.closed.then((error) => {
    answered.reject(error);
    connection.fail(error);
  });
  const cancel = clock.after(timeoutMs, () => {
    const reason = `${action}: no answer in ${timeoutMs / 1000} s`;
    answered.reject(new NetError("unreachable", reason));
  });
  const stop = (): void => answered.reject(signal!.reason);
  signal?.addEventListener("abort", stop);
  try {
    signal?.throwIfAborted();
    await answered.promise;
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    cancel();
    signal?.removeEventListener("abort", stop);
  }
}
