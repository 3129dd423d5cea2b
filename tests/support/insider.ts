/**
 * A member that can write into the connection of another one. It has the keys of the shared records, as every
 * member has.
 *
 * @module
 */
import { type Bytes, concat, equal } from "../../lib/bytes/mod.ts";
import { extendTranscript, RecordCipher } from "../../lib/channel/mod.ts";
import { type Connection, dial, listen, type Listener } from "../../lib/net/mod.ts";
import {
  decodeHostRecord,
  decodeSharedPosition,
  type Frame,
  FrameDecoder,
  frameHeader,
  FrameKind,
  type HostRecord,
  M0_BYTES,
  M2_BYTES,
  NO_TRANSCRIPT,
  type PlainRecord,
  RecordType,
  type SharedPosition,
  TOKEN_BYTES,
} from "../../lib/wire/mod.ts";
import { Inbox } from "./inbox.ts";

/** A frame as it was on the wire. */
export function bytesOf({ body, kind }: Frame): Bytes {
  return concat(frameHeader(body.length, kind), body);
}

/** The connection between a host and one member, in the hands of someone else. */
export class Wire implements AsyncDisposable {
  /** The frames that the host has sent after the handshake. */
  readonly frames: Inbox<Frame> = new Inbox();
  /** Returns what the member gets in place of a frame. */
  onFrame: (frame: Frame) => Promise<readonly Bytes[]> = (frame) =>
    Promise.resolve([bytesOf(frame)]);
  /** Whether the host gets nothing from the member. */
  isDeaf = false;
  readonly #listener: Listener = listen({ host: "127.0.0.1", port: 0 });
  readonly #passing: Promise<void>;
  readonly #connections: Connection[] = [];
  #handshakeFrames = 2;

  /** Waits for one member, which dials {@linkcode Wire.port}. */
  constructor(hostPort: number) {
    this.#passing = this.#pass(hostPort);
  }

  /** Where the member has to dial. */
  get port(): number {
    return this.#listener.port;
  }

  /** Cuts it. */
  cut(): void {
    for (const connection of this.#connections.splice(0)) connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#passing;
  }

  async #pass(hostPort: number): Promise<void> {
    for await (const member of this.#listener.connections) {
      const host = await dial("127.0.0.1", hostPort);
      this.#connections.push(host, member);
      await Promise.all([
        this.#passUp(host, member).catch(() => host.close()),
        this.#passDown(host, member).catch(() => member.close()),
      ]);
      for (const connection of [host, member]) connection.close();
    }
  }

  async #passUp(host: Connection, member: Connection): Promise<void> {
    const writer = host.writable.getWriter();
    for await (const chunk of member.readable) if (!this.isDeaf) await writer.write(chunk);
    await writer.close();
  }

  async #passDown(host: Connection, member: Connection): Promise<void> {
    const writer = member.writable.getWriter();
    const decoder = new FrameDecoder([M0_BYTES, M2_BYTES], true);
    for await (const chunk of host.readable) {
      for (const frame of decoder.push(chunk)) {
        if (this.#handshakeFrames-- > 0) {
          await writer.write(bytesOf(frame));
          continue;
        }
        this.frames.push(frame);
        for (const bytes of await this.onFrame(frame)) await writer.write(bytes);
      }
    }
    await writer.close();
  }
}

/** A shared frame, opened. */
export interface KnownFrame {
  readonly frame: Frame;
  /** What opens it. */
  readonly place: SharedPosition;
  readonly record: HostRecord;
}

/** What a member of the room knows of the shared records that its own connection carried. */
export class Insider {
  readonly #known = new Inbox<KnownFrame>();
  readonly #opener: Promise<RecordCipher>;
  #transcript: Bytes = NO_TRANSCRIPT;
  #shared: RecordCipher | undefined;

  private constructor(secret: Bytes) {
    this.#opener = RecordCipher.from(secret);
  }

  /** Reads a member's wire. @param secret A copy of the secret of the host's records to that member. */
  static follow(wire: Wire, secret: Bytes): Insider {
    const insider = new Insider(secret);
    void (async () => {
      for (let i = 1;; i++) {
        await wire.frames.count(i);
        await insider.#take(wire.frames.all[i - 1]!);
      }
    })();
    return insider;
  }

  /** The shared frames that have come over its own wire. */
  get shared(): readonly KnownFrame[] {
    return this.#known.all;
  }

  /** Waits for the first of them that is as wanted, from a place on. */
  async find(isWanted: (known: KnownFrame) => boolean = () => true, from = 0): Promise<number> {
    for (let i = from;; i++) {
      await this.#known.count(i + 1);
      if (isWanted(this.#known.all[i]!)) return i;
    }
  }

  /** What a shared frame says, once it has come over its own wire. */
  async open(frame: Frame): Promise<HostRecord> {
    return (await this.#opened(frame)).record;
  }

  /** Seals a record of its own for the place of a shared frame. */
  async forge(frame: Frame, record: PlainRecord): Promise<Bytes> {
    const { counter, secret, transcript } = (await this.#opened(frame)).place;
    const cipher = await RecordCipher.from(secret.slice(), counter);
    const forged = await cipher.seal(record, transcript, FrameKind.SHARED);
    return concat(forged.subarray(0, 4), frame.body.subarray(0, TOKEN_BYTES), forged.subarray(4));
  }

  /** A frame of another connection, as it came over its own: only the token differs. */
  async #opened({ body }: Frame): Promise<KnownFrame> {
    const sealed = body.subarray(TOKEN_BYTES);
    const found = await this.find(({ frame }) => equal(frame.body.subarray(TOKEN_BYTES), sealed));
    return this.shared[found]!;
  }

  async #take(frame: Frame): Promise<void> {
    const { body } = frame;
    if (frame.kind === FrameKind.OWN) {
      const record = await (await this.#opener).open(body, this.#transcript);
      if (record.type !== RecordType.KEY) return;
      const { counter, secret, transcript } = decodeSharedPosition(record.payload);
      this.#shared = await RecordCipher.from(secret, counter);
      this.#transcript = transcript;
      return;
    }
    const shared = this.#shared!;
    const { counter, secret } = shared;
    const place = { counter, secret, transcript: this.#transcript };
    const sealed = body.subarray(TOKEN_BYTES);
    const record = await shared.open(sealed, this.#transcript, frame.kind);
    this.#transcript = await extendTranscript(this.#transcript, sealed);
    if (record.type === RecordType.REKEY) return await shared.rekey();
    this.#known.push({ frame, place, record: decodeHostRecord(record) });
  }
}
