/**
 * The cost of each layer, beside the same bytes over raw TCP in the same run.
 *
 * @module
 */
import type { Bytes } from "../lib/bytes/mod.ts";
import { initiate, OpenStream, respond, SealStream } from "../lib/channel/mod.ts";
import {
  generateIdentity,
  generateWrapKeyPair,
  HOP_KEY_BITS,
  randomBytes,
  zeroKey,
} from "../lib/crypto/mod.ts";
import { HostKeyRing, Initiator, Responder } from "../lib/handshake/mod.ts";
import { type Connection, dial, listen } from "../lib/net/mod.ts";
import { encodeFrame, FrameDecoderStream, type PlainRecord, RecordType } from "../lib/wire/mod.ts";
import { median, type Result } from "./report.ts";

const CHUNK_BYTES = 60_000;
const CHUNKS = 2000;
const SMALL_BYTES = 300;
const SMALL_CHUNKS = 20_000;
const ROUNDS = 5;

/** Measures every layer. */
export async function measureLayers(): Promise<Result[]> {
  const results: Result[] = [];
  for (const [size, count] of [[CHUNK_BYTES, CHUNKS], [SMALL_BYTES, SMALL_CHUNKS]] as const) {
    const tcp = await best(() => overTcp(size, count));
    const mib = size * count / 2 ** 20;
    const perSecond = (ms: number): string => `${(mib / ms * 1000).toFixed(0)} MiB/s`;
    const row = (name: string, ms: number): void => {
      results.push({ name: `${name}, ${size} bytes`, value: perSecond(ms), ratio: tcp / ms });
    };
    row("raw TCP", tcp);
    row("frame decode", await best(() => decodeFrames(size, count)));
    row("record seal", await best(() => sealRecords(size, count)));
    row("record seal and open", await best(() => sealAndOpen(size, count)));
  }
  const connect = await median(20, async () => (await connectTcp()).forEach((end) => end.close()));
  const shake = await handshakes();
  results.push({ name: "TCP connect", value: `${connect.toFixed(2)} ms`, ratio: 1 });
  results.push({ name: "handshake", value: `${shake.toFixed(2)} ms`, ratio: connect / shake });
  return results;
}

async function best(run: () => Promise<void>): Promise<number> {
  return await median(ROUNDS, run);
}

async function connectTcp(): Promise<[Connection, Connection]> {
  const listener = listen({ host: "127.0.0.1", port: 0 });
  const [dialed, accepted] = await Promise.all([
    dial("127.0.0.1", listener.port),
    listener.connections.getReader().read(),
  ]);
  listener.close();
  return [dialed, accepted.value!];
}

async function overTcp(size: number, count: number): Promise<void> {
  const [from, to] = await connectTcp();
  const chunk = new Uint8Array(size);
  const sent = chunks(chunk, count).pipeTo(from.writable);
  let bytes = 0;
  for await (const part of to.readable) bytes += part.length;
  await sent;
  to.close();
  from.close();
  if (bytes !== size * count) throw new Error("Bytes were lost");
}

async function decodeFrames(size: number, count: number): Promise<void> {
  const frame = encodeFrame(new Uint8Array(size));
  await consume(chunks(frame, count).pipeThrough(new FrameDecoderStream()), count);
}

async function sealRecords(size: number, count: number): Promise<void> {
  const wire = new TransformStream<Bytes, Bytes>();
  void records(size, count).pipeTo(new SealStream(randomBytes(32), wire.writable));
  await consume(wire.readable, count);
}

async function sealAndOpen(size: number, count: number): Promise<void> {
  const secret = randomBytes(32);
  const wire = new TransformStream<Bytes, Bytes>();
  void records(size, count).pipeTo(new SealStream(secret.slice(), wire.writable));
  const opened = wire.readable
    .pipeThrough(new FrameDecoderStream())
    .pipeThrough(new OpenStream(secret));
  await consume(opened, count);
}

async function handshakes(): Promise<number> {
  const [{ identity: host }, { identity: member }] = await Promise.all([
    generateIdentity(),
    generateIdentity(),
  ]);
  const keyPair = await generateWrapKeyPair(HOP_KEY_BITS);
  const hostKey = await new HostKeyRing().current();
  const roomId = randomBytes(32);
  return await median(20, async () => {
    const [there, here] = await connectTcp();
    await Promise.all([
      initiate(
        there,
        new Initiator({
          identity: member,
          nonce: randomBytes(16),
          keyPair,
          psk: zeroKey(),
          trusts: () => Promise.resolve(true),
        }),
      ),
      respond(here, new Responder({ identity: host, roomId, hostKey, psk: zeroKey() })),
    ]);
    there.close();
    here.close();
  });
}

function chunks(chunk: Uint8Array, count: number): ReadableStream<Uint8Array> {
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(chunk);
      else controller.close();
    },
  });
}

function records(size: number, count: number): ReadableStream<PlainRecord> {
  const record = { type: RecordType.BATCH, payload: new Uint8Array(size) };
  const close = { type: RecordType.CLOSE, payload: new Uint8Array(1) };
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (--left > 0) controller.enqueue(record);
      else if (left === 0) controller.enqueue(close);
      else controller.close();
    },
  });
}

async function consume(stream: ReadableStream<unknown>, count: number): Promise<void> {
  let seen = 0;
  for await (const _ of stream) seen++;
  if (seen !== count) throw new Error(`${seen} of ${count} came`);
}
