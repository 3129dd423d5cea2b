import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat } from "../../../lib/bytes/mod.ts";
import {
  type Channel,
  Endpoint,
  extendTranscript,
  OpenStream,
  RecordCipher,
  SharedFrame,
} from "../../../lib/channel/mod.ts";
import { ChannelError, WireError } from "../../../lib/errors.ts";
import {
  decodeHostRecord,
  decodeMemberRecord,
  encodeHostRecord,
  encodeMemberRecord,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  FrameDecoderStream,
  FrameKind,
  type HostRecord,
  type MemberRecord,
  type PlainRecord,
  RecordType,
  type SharedPosition,
} from "../../../lib/wire/mod.ts";
import { sealFrames } from "../../support/channel.ts";
import { FakeClock } from "../../support/clock.ts";
import { chunkings, decodeSteps, refusal, type Target } from "../target.ts";
import { encodeAny, recordOf } from "./wire.ts";

const SECRET = new Uint8Array(32).fill(7);

/** The place of the first shared frame. */
const POSITION: SharedPosition = {
  secret: new Uint8Array(32).fill(9),
  counter: 3,
  transcript: new Uint8Array(32).fill(8),
};

const SHARED: readonly PlainRecord[] = [
  { type: RecordType.BATCH, payload: new Uint8Array(300) },
  { type: RecordType.MEMBER, payload: new Uint8Array(50) },
  { type: RecordType.BATCH, payload: new Uint8Array(1) },
];

/** The shared records in their frames; a REKEY follows the second. */
async function sealShared(): Promise<SharedFrame[]> {
  const cipher = await RecordCipher.from(POSITION.secret.slice(), POSITION.counter);
  let { transcript } = POSITION;
  const seal = async (record: PlainRecord): Promise<Bytes> => {
    const frame = await cipher.seal(record, transcript, FrameKind.SHARED);
    transcript = await extendTranscript(transcript, frame.subarray(FRAME_HEADER_BYTES));
    return frame;
  };
  const frames: SharedFrame[] = [];
  for (const [i, record] of SHARED.entries()) {
    const before = { secret: cipher.secret, counter: cipher.counter, transcript };
    const sealed = [await seal(record)];
    const after = transcript;
    if (i === 1) {
      sealed.push(await seal({ type: RecordType.REKEY, payload: new Uint8Array() }));
      await cipher.rekey();
    }
    frames.push(new SharedFrame(before, sealed, after, transcript));
  }
  return frames;
}

/** Its last bytes pass the hop without a seal. */
const BULK: PlainRecord = {
  type: RecordType.BULK,
  payload: new Uint8Array(40),
  bulk: [new Uint8Array(30)],
};
const PING = { type: RecordType.PING, payload: new Uint8Array(8) };
const ACK = { type: RecordType.ACK, payload: new Uint8Array() };
const CLOSE = { type: RecordType.CLOSE, payload: new Uint8Array(1) };
const [first, second, third] = await sealShared() as [SharedFrame, SharedFrame, SharedFrame];
const KEY = encodeHostRecord({ type: "key", ...POSITION });
const WRITTEN = [PING, BULK, KEY, first, second, ACK, third, CLOSE];

/** What the other end reads of that. */
const READ: readonly PlainRecord[] = [
  PING,
  BULK,
  { ...SHARED[0]!, transcript: first.transcript },
  { ...SHARED[1]!, transcript: second.transcript },
  ACK,
  { ...SHARED[2]!, transcript: third.transcript },
  CLOSE,
];

/** Sealed records as they travel, two under each key of the connection, and shared frames between them. */
export async function sealedStream(): Promise<Bytes> {
  return concat(...await sealFrames(WRITTEN, SECRET, { records: 3, bytes: 1e6, ms: 1e6 }));
}

const recorded = await sealedStream();
const frames = [...new FrameDecoder([], true).push(recorded)];
const bulkEnd = concat(...frames.slice(0, 2).map(encodeAny)).length;

/** The same bytes, with zeros where the bulk is. */
function withoutBulk(bytes: Bytes): Bytes {
  return bytes.slice().fill(0, bulkEnd - BULK.bulk![0]!.length, bulkEnd);
}

/** Sealed bytes altered on their way: the channel opens the first records as they were, and no others. */
const openStream: Target = {
  name: "sealed-records",
  runs: 300,
  async run(input): Promise<string> {
    const records: PlainRecord[] = [];
    let end = "ok";
    try {
      const opened = ReadableStream.from(chunkings(input)[2]!)
        .pipeThrough(new FrameDecoderStream([], true))
        .pipeThrough(new OpenStream(SECRET.slice(), { takesShared: true }));
      for await (const record of opened) {
        records.push(
          record.bulk === undefined ? record : {
            ...record,
            bulk: record.bulk.map((bytes) => new Uint8Array(bytes.length)),
          },
        );
      }
      const altered = withoutBulk(input.slice(0, recorded.length));
      assertEquals(altered, withoutBulk(recorded), "what was altered has an end");
    } catch (error) {
      end = refusal(error, ChannelError, WireError);
    }
    assertEquals(records, READ.slice(0, records.length));
    return `${end}: ${records.length} records`;
  },
};

/** Whole frames dropped, repeated, swapped or altered; each step is one frame. */
const swapped: Target = {
  name: "sealed-frames",
  runs: 300,
  run(input): Promise<string> | string {
    const steps = decodeSteps(input).map(({ data, kind }) =>
      kind < 128 ? frames[kind % frames.length]! : { kind: kind % 3, body: data }
    );
    return openStream.run(concat(...steps.map(encodeAny)));
  },
};

/** An endpoint to which each step sends a record of that type. */
function endpoint<Incoming extends HostRecord | MemberRecord>(
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
          decodeSteps(input).map(recordOf),
        ),
        writable: new WritableStream({ write: (record) => void sent.push(record as PlainRecord) }),
        carriesShared: false,
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
