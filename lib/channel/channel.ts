/**
 * Secure channels: the hop handshake over a two-way stream of bytes, and the records after it.
 *
 * @module
 */
import type { Bytes } from "../bytes/mod.ts";
import { HandshakeError, LanchatError } from "../errors.ts";
import type { HopSession, Initiator, Responder } from "../handshake/mod.ts";
import {
  encodeFrame,
  FrameDecoderStream,
  M0_BYTES,
  M1_BYTES,
  M2_BYTES,
  M3_BYTES,
  type PlainRecord,
} from "../wire/mod.ts";
import { OpenStream, SealStream } from "./record_streams.ts";

/** A two-way stream of bytes: a socket, or two pipes in memory. */
export interface Transport {
  /** What arrives. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What is sent. */
  readonly writable: WritableStream<Uint8Array>;
}

/** A two-way stream of records. */
export interface Channel {
  /** What the other end sends. */
  readonly readable: ReadableStream<PlainRecord>;
  /** What this end sends. */
  readonly writable: WritableStream<PlainRecord>;
  /** Resolves once all that was written before its end has left, or cannot leave any more. */
  readonly flushed: Promise<void>;
}

/** A channel and who is at its other end. */
export interface SecureChannel extends Channel {
  /** What the handshake found. */
  readonly hop: HopSession;
}

/**
 * Shakes hands as a member. Every byte passes `FrameDecoderStream`, `OpenStream` and `SealStream`.
 *
 * @throws {HandshakeError} As {@linkcode Initiator} does; `not-lanchat` where the first bytes are none of
 * lanchat's; `connection-lost` where the other side hangs up.
 */
export async function initiate(
  transport: Transport,
  initiator: Initiator,
): Promise<SecureChannel> {
  const frames = transport.readable.pipeThrough(new FrameDecoderStream([M0_BYTES, M2_BYTES]));
  return await shakeHands(transport, frames, async (read, write) => {
    const m0 = await read().catch((cause) => {
      throw new HandshakeError(
        "not-lanchat",
        "Cannot talk to the other side as it does not greet as lanchat does",
        { cause },
      );
    });
    await write(await initiator.receiveM0(m0));
    const { m3, session } = await initiator.receiveM2(await read());
    await write(m3);
    return session;
  });
}

/**
 * Shakes hands as a host. Every byte passes `FrameDecoderStream`, `OpenStream` and `SealStream`.
 *
 * @throws {LanchatError} As {@linkcode Responder} does, and where the member hangs up.
 */
export async function respond(
  transport: Transport,
  responder: Responder,
): Promise<SecureChannel> {
  const frames = transport.readable.pipeThrough(new FrameDecoderStream([M1_BYTES, M3_BYTES]));
  return await shakeHands(transport, frames, async (read, write) => {
    await write(responder.m0);
    await write(await responder.receiveM1(await read()));
    return await responder.receiveM3(await read());
  });
}

type Read = () => Promise<Bytes>;
type Write = (message: Bytes) => Promise<void>;

async function shakeHands(
  transport: Transport,
  frames: ReadableStream<Bytes>,
  exchange: (read: Read, write: Write) => Promise<HopSession>,
): Promise<SecureChannel> {
  const reader = frames.getReader();
  const writer = transport.writable.getWriter();
  try {
    const read = async (): Promise<Bytes> => {
      const { done, value } = await reader.read();
      if (done) throw new HandshakeError("connection-lost", "The other side hung up");
      return value;
    };
    const hop = await exchange(read, (message) => writer.write(encodeFrame(message)));
    reader.releaseLock();
    writer.releaseLock();
    const seal = new SealStream(hop.sendSecret);
    return {
      hop,
      readable: frames.pipeThrough(new OpenStream(hop.receiveSecret)),
      writable: seal.writable,
      // Where the transport breaks, writing to the channel fails as well: nothing is hidden here.
      flushed: seal.readable.pipeTo(transport.writable).catch(() => {}),
    };
  } catch (error) {
    await Promise.allSettled([reader.cancel(error), writer.abort(error)]);
    if (error instanceof LanchatError) throw error;
    throw new HandshakeError("connection-lost", "The connection broke during the handshake", {
      cause: error,
    });
  }
}
