/**
 * Connections through a broker, NATS, that reads nothing: the second transport below lib/channel.
 *
 * @example The name of a room at a broker
 * ```ts
 * import { brokerRoom } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await brokerRoom(new Uint8Array(32)), "av5t65xoeoz4cq2o");
 * ```
 * @module
 */
export { type Bus, NO_TAKER, type Receive } from "./bus.ts";
export { call, CALL_AGAIN_MS, type CallOptions } from "./call.ts";
export {
  BROKER_WINDOW_BYTES,
  BrokerConnection,
  type BrokerConnectionOptions,
  FIRST_WINDOW_BYTES,
  HEARTBEAT_MS,
} from "./connection.ts";
export { MAX_UNREAD_CALLERS, receiveCallers, type Reception, UNREAD_MS } from "./reception.ts";
export { Broker, type BrokerAccess, type ConnectOptions, type CredentialsFile } from "./nats.ts";
export { brokerRoom } from "./subject.ts";
