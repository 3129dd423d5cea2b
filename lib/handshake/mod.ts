/**
 * The hop handshake as two state machines that take and give messages: no sockets, no clock of their own.
 *
 * @example The greeting of a busy host
 * ```ts
 * import { busyGreeting } from "./mod.ts";
 * import { decodeM0 } from "../wire/mod.ts";
 * import { assert } from "@std/assert";
 *
 * assert(decodeM0(busyGreeting()).busy);
 * ```
 * @module
 */
export { HostKey, HostKeyRing } from "./host_key.ts";
export { Initiator, type InitiatorOptions } from "./initiator.ts";
export { busyGreeting, Responder, type ResponderOptions } from "./responder.ts";
export type { HopSession } from "./schedule.ts";
