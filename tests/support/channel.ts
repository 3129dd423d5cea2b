import type { Bytes } from "../../lib/bytes/mod.ts";
import {
  type Channel,
  OpenStream,
  type RekeyLimits,
  SealStream,
  type SharedFrame,
  type Transport,
} from "../../lib/channel/mod.ts";
import { FrameDecoderStream, type PlainRecord, RecordType } from "../../lib/wire/mod.ts";
import { duplex, type DuplexOptions, type End } from "./duplex.ts";

/** A channel as it is after a handshake, and the end of the connection under it. */
export interface TestChannel<Under extends Transport = End> extends Channel {
  /** The connection. */
  readonly end: Under;
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

/** A channel of a member and that of its host, between which shared frames may go. */
export function sharingPair(options: DuplexOptions = {}): [TestChannel, TestChannel] {
  const [a, b] = duplex(options);
  const [toHost, toMember] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  return [
    channelOver(a, toHost, toMember, { takesShared: true }),
    channelOver(b, toMember, toHost, { carriesShared: true }),
  ];
}

/** One end of a channel. */
export function channelOver<Under extends Transport>(
  end: Under,
  sendSecret: Bytes,
  receiveSecret: Bytes,
  { carriesShared = false, takesShared = false }: {
    carriesShared?: boolean;
    takesShared?: boolean;
  } = {},
): TestChannel<Under> {
  return {
    end,
    sendSecret,
    readable: end.readable
      .pipeThrough(new FrameDecoderStream([], takesShared))
      .pipeThrough(new OpenStream(receiveSecret.slice(), { takesShared })),
    writable: new SealStream(sendSecret.slice(), end.writable),
    carriesShared,
  };
}

/** The frames of one direction, each as a chunk of its own. @param limits None but those of its length by default. */
export async function sealFrames(
  records: Iterable<PlainRecord | SharedFrame>,
  secret: Bytes,
  limits: RekeyLimits = { records: Infinity, bytes: Infinity, ms: Infinity },
): Promise<Bytes[]> {
  const frames: Bytes[] = [];
  const wire = new WritableStream<Bytes>({ write: (frame) => void frames.push(frame) });
  await ReadableStream.from(records).pipeTo(new SealStream(secret.slice(), wire, { limits }));
  return frames;
}
