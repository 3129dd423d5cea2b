/**
 * The hop handshake as two state machines that are fed with messages: no sockets, no clock of their own.
 *
 * @example What a host says to a caller that it has no time for
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
