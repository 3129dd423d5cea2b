/**
 * Being in a room until it ends: connecting, trust, moderation and hosting.
 *
 * @example A room whose host leaves at once
 * ```ts
 * import { type FrontEnd, hostRoom, Interrupts } from "./mod.ts";
 * import { generateIdentity } from "../crypto/mod.ts";
 * import { DEFAULT_LIMITS } from "../relay/mod.ts";
 * import { KnownPeers } from "../store/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const shown: string[] = [];
 * const frontEnd: FrontEnd = {
 *   input: ReadableStream.from([{ do: "quit" as const }]),
 *   show: ({ event }) => void shown.push(event),
 *   writable: () => Promise.resolve(),
 *   broken: new Promise(() => {}),
 *   interrupted: new Promise(() => {}),
 *   close: () => Promise.resolve(),
 * };
 * const { identity } = await generateIdentity();
 * const interrupts = new Interrupts(() => {});
 * const status = await hostRoom({
 *   person: { identity, name: "ada", known: await KnownPeers.open(undefined), warnings: [] },
 *   host: "127.0.0.1",
 *   port: 0,
 *   announce: false,
 *   relayOnly: false,
 *   invite: false,
 *   newRoom: false,
 *   ...DEFAULT_LIMITS,
 *   json: true,
 *   frontEnd,
 *   interrupts,
 * });
 * interrupts.close();
 * assertEquals([status, ...shown], [0, "listening", "invite", "ready", "closed"]);
 * ```
 * @module
 */
export type { FilesToSend } from "./client.ts";
export type { FrontEnd } from "./front_end.ts";
export type { RoomChoice } from "./host_room.ts";
export { type HostingOptions, hostRoom, interfacesLeftOut } from "./hosting.ts";
export { Interrupts } from "./interrupts.ts";
export { type JoiningOptions, joinRoom, type JoinTarget } from "./joining.ts";
export { changedHost } from "./known_host.ts";
export type { Person } from "./person.ts";
export type { DownloadOptions, Sending } from "./shared_files.ts";
export { stalled, STALLED_MS } from "./stall.ts";
