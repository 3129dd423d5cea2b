/**
 * A member of the raw relay: the same frames over TCP, without a seal, an ACK, or a room.
 *
 * @module
 */
import { encodeFrame } from "../lib/wire/mod.ts";
import { FrameSocket } from "./frame_socket.ts";
import { ageOf, ENVELOPE_BYTES, SEALED_OVERHEAD_BYTES, timedObject } from "./light_member.ts";
import type { Meter, Speaker } from "./load.ts";

const BODY_BYTES: number = ENVELOPE_BYTES + SEALED_OVERHEAD_BYTES;

/** Messages of all speakers that may be under way: as many as those of one real member. */
export const WINDOW: number = (1 << 18) / ENVELOPE_BYTES;

/** How a member without lanchat takes part. */
export interface RawOptions {
  /** Counts what it receives. */
  readonly meter: Meter;
  /** Members that get each message. */
  readonly readers: number;
  /** Whether it notes how old the messages are. */
  readonly isSampled: boolean;
}

/** A member of the raw relay. */
export class RawMember implements Speaker {
  readonly #socket: FrameSocket;
  readonly #options: RawOptions;

  private constructor(socket: FrameSocket, options: RawOptions) {
    this.#socket = socket;
    this.#options = options;
    const { isSampled, meter } = options;
    socket.onFrame = ({ body }) => {
      meter.deliveries++;
      meter.records++;
      meter.bytes += body.length + 4;
      if (isSampled) meter.latencies.push(ageOf(body));
    };
  }

  /** Connects to the raw relay. */
  static async enter(port: number, options: RawOptions): Promise<RawMember> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    return new RawMember(new FrameSocket(conn), options);
  }

  speak(): boolean {
    const { meter, readers } = this.#options;
    if (meter.spoken - meter.deliveries / readers >= WINDOW) return false;
    const body = new Uint8Array(BODY_BYTES);
    body.set(timedObject());
    this.#socket.write(encodeFrame(body));
    return true;
  }

  flush(): void {}

  /** Hangs up. */
  close(): void {
    this.#socket.close();
  }
}
