/**
 * Being in a room until it ends: connecting, trust, moderation and hosting.
 *
 * @module
 */
export * from "./backoff.ts";
export * from "./client.ts";
export * from "./connector.ts";
export * from "./ending.ts";
export * from "./front_end.ts";
export * from "./host_room.ts";
export * from "./host_search.ts";
export * from "./interrupts.ts";
export * from "./known_host.ts";
export * from "./moderator.ts";
export * from "./stall.ts";
export * from "./trust_store.ts";
