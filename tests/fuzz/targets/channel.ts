import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat } from "../../../lib/bytes/mod.ts";
import { type Channel, Endpoint, OpenStream, SealStream } from "../../../lib/channel/mod.ts";
import { ChannelError, WireError } from "../../../lib/errors.ts";
import {
  decodeHostRecord,
  decodeMemberRecord,
  encodeFrame,
  encodeHostRecord,
  encodeMemberRecord,
  FrameDecoder,
  FrameDecoderStream,
  type HostRecord,
  type MemberRecord,
  type PlainRecord,
  RecordType,
} from "../../../lib/wire/mod.ts";
import { FakeClock } from "../../support/clock.ts";
import { chunkings, decodeSteps, refusal, type Target } from "../target.ts";

const SECRET = new Uint8Array(32).fill(7);

const SAID: readonly PlainRecord[] = [
  { type: RecordType.PING, payload: new Uint8Array(8) },
  { type: RecordType.BATCH, payload: new Uint8Array(300) },
  { type: RecordType.ACK, payload: new Uint8Array() },
  { type: RecordType.CLOSE, payload: new Uint8Array(1) },
];

/** Sealed records as they travel, two under each key. */
export async function sealedStream(): Promise<Bytes> {
  const seal = new SealStream(SECRET.slice(), { limits: { records: 3, bytes: 1e6, ms: 1e6 } });
  return concat(...await Array.fromAsync(ReadableStream.from(SAID).pipeThrough(seal)));
}

const sealed = await sealedStream();
const bodies = [...new FrameDecoder().push(sealed)];

/** Sealed bytes altered on their way: the channel opens the sealed records, or none. */
const openStream: Target = {
  name: "sealed-records",
  runs: 300,
  async run(input): Promise<string> {
    const records: PlainRecord[] = [];
    let end = "ok";
    try {
      const opened = ReadableStream.from(chunkings(input)[2]!)
        .pipeThrough(new FrameDecoderStream())
        .pipeThrough(new OpenStream(SECRET.slice()));
      for await (const record of opened) records.push(record);
      assertEquals(input.slice(0, sealed.length), sealed, "what was altered has an end");
    } catch (error) {
      end = refusal(error, ChannelError, WireError);
    }
    assertEquals(records, SAID.slice(0, records.length));
    return `${end}: ${records.length} records`;
  },
};

/** Whole frames dropped, repeated, swapped or altered; each step is one frame. */
const swapped: Target = {
  name: "sealed-frames",
  runs: 300,
  run(input): Promise<string> | string {
    const frames = decodeSteps(input).map(({ data, kind }) =>
      kind < 128 ? bodies[kind % bodies.length]! : data
    );
    return openStream.run(concat(...frames.map(encodeFrame)));
  },
};

/** An endpoint to which each step sends a record of that type. */
function endpoint<Incoming extends { type: string }>(
  name: string,
  codec: {
    decode: (record: PlainRecord) => Incoming;
    encode: (record: never) => PlainRecord;
  },
): Target {
  return {
    name,
    runs: 300,
    async run(input): Promise<string> {
      const clock = new FakeClock();
      const sent: PlainRecord[] = [];
      const channel: Channel = {
        readable: ReadableStream.from(
          decodeSteps(input).map(({ data, kind }) => ({ type: kind, payload: data })),
        ),
        writable: new WritableStream({ write: (record) => void sent.push(record) }),
        flushed: Promise.resolve(),
      };
      const received: string[] = [];
      const endpoint = new Endpoint<Incoming, never>(channel, {
        codec,
        next: () => undefined,
        clock,
      });
      let end = "ok";
      try {
        for await (const { type } of endpoint.receive()) received.push(type);
        assertEquals(received.at(-1), "close");
      } catch (error) {
        end = refusal(error, ChannelError, WireError);
      }
      await endpoint.close(0);
      assertEquals(clock.timers, 0, "timers are left");
      assert(sent.length <= decodeSteps(input).length + 1, "more was sent than was asked for");
      return `${end}: ${received.slice(0, 4)}`;
    },
  };
}

/** Everything between sealed bytes and records. */
export const channelTargets: readonly Target[] = [
  openStream,
  swapped,
  endpoint<HostRecord>("member-endpoint", {
    decode: decodeHostRecord,
    encode: encodeMemberRecord,
  }),
  endpoint<MemberRecord>("host-endpoint", {
    decode: decodeMemberRecord,
    encode: encodeHostRecord,
  }),
];
