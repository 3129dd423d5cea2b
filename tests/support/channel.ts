import type { Bytes } from "../../lib/bytes/mod.ts";
import { type Channel, OpenStream, SealStream } from "../../lib/channel/mod.ts";
import { FrameDecoderStream, type PlainRecord, RecordType } from "../../lib/wire/mod.ts";
import { duplex, type DuplexOptions, type End } from "./duplex.ts";

/** A channel as it is after a handshake, and the end of the connection under it. */
export interface TestChannel extends Channel {
  /** The connection. */
  readonly end: End;
  /** A copy of the secret that seals this side's records. */
  readonly sendSecret: Bytes;
}

/** The record that each side of a {@linkcode channelPair} has sent already. */
export const WARM_UP: PlainRecord = { type: RecordType.PONG, payload: new Uint8Array(8) };

/** Two ends of a channel whose handshake is over, and all of whose keys are derived. */
export async function channelPair(
  options: DuplexOptions = {},
): Promise<[TestChannel, TestChannel]> {
  const [a, b] = duplex(options);
  const [toB, toA] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const pair: [TestChannel, TestChannel] = [channelOver(a, toB, toA), channelOver(b, toA, toB)];
  const [writers, readers] = [
    pair.map(({ writable }) => writable.getWriter()),
    pair.map(({ readable }) => readable.getReader()),
  ];
  await Promise.all([
    ...writers.map((writer) => writer.write(WARM_UP)),
    ...readers.map((reader) => reader.read()),
  ]);
  for (const lock of [...writers, ...readers]) lock.releaseLock();
  return pair;
}

/** One end of a channel. */
export function channelOver(end: End, sendSecret: Bytes, receiveSecret: Bytes): TestChannel {
  const seal = new SealStream(sendSecret.slice());
  return {
    end,
    sendSecret,
    readable: end.readable
      .pipeThrough(new FrameDecoderStream())
      .pipeThrough(new OpenStream(receiveSecret.slice())),
    writable: seal.writable,
    flushed: seal.readable.pipeTo(end.writable).catch(() => {}),
  };
}
