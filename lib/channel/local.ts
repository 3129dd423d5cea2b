/**
 * Channels inside one process, between the host's own member and the relay.
 *
 * @module
 */
import type { PlainRecord } from "../wire/mod.ts";
import type { Channel } from "./channel.ts";

/** The two ends of a channel inside one process, which need no encryption. */
export function localChannel(): [Channel, Channel] {
  const there = new TransformStream<PlainRecord, PlainRecord>();
  const back = new TransformStream<PlainRecord, PlainRecord>();
  // No shared frame is written to an end that does not carry them.
  const plain = { carriesShared: false };
  return [
    { readable: back.readable, writable: there.writable as Channel["writable"], ...plain },
    { readable: there.readable, writable: back.writable as Channel["writable"], ...plain },
  ];
}
