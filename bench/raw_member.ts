/**
 * A member of the raw relay: the same frames over TCP, without a seal, an ACK, or a room.
 *
 * @module
 */
import { encodeFrame } from "../lib/wire/mod.ts";
import { FrameSocket } from "./frame_socket.ts";
import { ageOf, ENVELOPE_BYTES, SEALED_OVERHEAD_BYTES, timedObject } from "./light_member.ts";
import type { Meter, Speaker } from "./load.ts";

/** Bytes that may wait at a speaker: as many as a member may have under way. */
const WINDOW_BYTES: number = 1 << 18;

/** A member of the raw relay. */
export class RawMember implements Speaker {
  readonly #socket: FrameSocket;

  private constructor(socket: FrameSocket, meter: Meter, isSampled: boolean) {
    this.#socket = socket;
    socket.onBody = (body) => {
      meter.deliveries++;
      meter.records++;
      meter.bytes += body.length + 4;
      if (isSampled) meter.latencies.push(ageOf(body));
    };
  }

  /** Connects to the raw relay. */
  static async enter(port: number, meter: Meter, isSampled: boolean): Promise<RawMember> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    return new RawMember(new FrameSocket(conn), meter, isSampled);
  }

  speak(): boolean {
    if (this.#socket.waitingBytes >= WINDOW_BYTES) return false;
    const body = new Uint8Array(ENVELOPE_BYTES + SEALED_OVERHEAD_BYTES);
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
