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
  type Frame,
  FrameDecoderStream,
  M0_BYTES,
  M1_BYTES,
  M2_BYTES,
  M3_BYTES,
  type PlainRecord,
} from "../wire/mod.ts";
import { OpenStream, SealStream } from "./record_streams.ts";
import type { SharedFrame } from "./shared_frame.ts";

/** A two-way stream of bytes: a socket, or two pipes in memory. */
export interface Transport {
  /** Bytes from the other end; a chunk does not change later. */
  readonly readable: ReadableStream<Bytes>;
  /** Bytes to the other end. */
  readonly writable: WritableStream<Uint8Array>;
}

/** A two-way stream of records. */
export interface Channel {
  /** Records from the other end. */
  readonly readable: ReadableStream<PlainRecord>;
  /** Records to the other end, and shared frames if it carries them. */
  readonly writable: WritableStream<PlainRecord | SharedFrame>;
  /** Whether shared frames may be written to it. */
  readonly carriesShared: boolean;
}

/** A channel and the identity at its other end. */
export interface SecureChannel extends Channel {
  /** The result of the handshake. */
  readonly hop: HopSession;
}

/**
 * Shakes hands as a member. Every byte passes `FrameDecoderStream`, `OpenStream` and `SealStream`.
 *
 * @throws {HandshakeError} As {@linkcode Initiator} does; `not-lanchat` if the first bytes are not
 * lanchat's; `connection-lost` if the other side hangs up.
 */
export async function initiate(
  transport: Transport,
  initiator: Initiator,
): Promise<SecureChannel> {
  const frames = transport.readable.pipeThrough(new FrameDecoderStream([M0_BYTES, M2_BYTES], true));
  return await shakeHands(transport, frames, false, async (read, write) => {
    const m0 = await read().catch((cause) => {
      throw new HandshakeError(
        "not-lanchat",
        "The other side is not lanchat",
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
 * @throws {LanchatError} As {@linkcode Responder} does, and if the member hangs up.
 */
export async function respond(
  transport: Transport,
  responder: Responder,
): Promise<SecureChannel> {
  const frames = transport.readable.pipeThrough(new FrameDecoderStream([M1_BYTES, M3_BYTES]));
  return await shakeHands(transport, frames, true, async (read, write) => {
    await write(responder.m0);
    await write(await responder.receiveM1(await read()));
    return await responder.receiveM3(await read());
  });
}

type Read = () => Promise<Bytes>;
type Write = (message: Bytes) => Promise<void>;

async function shakeHands(
  transport: Transport,
  frames: ReadableStream<Frame>,
  isHost: boolean,
  exchange: (read: Read, write: Write) => Promise<HopSession>,
): Promise<SecureChannel> {
  const reader = frames.getReader();
  const writer = transport.writable.getWriter();
  try {
    const read = async (): Promise<Bytes> => {
      const { done, value } = await reader.read();
      if (done) {
        throw new HandshakeError("connection-lost", "Connection closed during the handshake");
      }
      return value.body;
    };
    const hop = await exchange(read, (message) => writer.write(encodeFrame(message)));
    reader.releaseLock();
    writer.releaseLock();
    return {
      hop,
      readable: frames.pipeThrough(new OpenStream(hop.receiveSecret, { takesShared: !isHost })),
      writable: new SealStream(hop.sendSecret, transport.writable),
      carriesShared: isHost,
    };
  } catch (error) {
    await Promise.allSettled([reader.cancel(error), writer.abort(error)]);
    if (error instanceof LanchatError) throw error;
    throw new HandshakeError("connection-lost", "Connection lost during the handshake", {
      cause: error,
    });
  }
}
