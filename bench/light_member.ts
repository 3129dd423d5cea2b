/**
 * A light member of a room: the hop only. It shakes hands, enters, and sends and acknowledges sealed records
 * as a real one does, but holds no room behind them.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";
import { type Bytes, concat, u64, u8 } from "../lib/bytes/mod.ts";
import {
  type Identity,
  KEY_BYTES,
  label,
  NONCE_BYTES,
  randomBytes,
  TAG_BYTES,
  type WrapKeyPair,
  zeroKey,
} from "../lib/crypto/mod.ts";
import type { Connection } from "../lib/net/mod.ts";
import { Initiator } from "../lib/handshake/mod.ts";
import {
  AcceptStatus,
  BodyKind,
  CHANGE_BYTES,
  CloseReason,
  decodeHostRecord,
  decodeSharedPosition,
  encodeFrame,
  encodeInner,
  encodeMemberRecord,
  ENVELOPE_OVERHEAD_BYTES,
  EnvelopeClass,
  type Frame,
  frameHeader,
  FrameKind,
  type HostRecord,
  INSTANCE_BYTES,
  M0_BYTES,
  M2_BYTES,
  type MemberRecord,
  NO_TRANSCRIPT,
  ObjectType,
  type PlainRecord,
  RecordType,
  SESSION_NONCE_BYTES,
  TOKEN_BYTES,
} from "../lib/wire/mod.ts";
import { ackDelay } from "../lib/room/mod.ts";
import { ENTRY } from "../tests/support/scripted_guest.ts";
import { FrameSocket, socketOf } from "./frame_socket.ts";
import type { Meter, Speaker } from "./load.ts";

const LINE_LENGTH = 40;

/** Bytes of the MSG of a line, from PROTOCOL.md §6.5: header, sealed inner part, tag and signature. */
const OBJECT_BYTES: number = 113 + TAG_BYTES + 64 + encodeInner({
  roster: new Uint8Array(16),
  before: 0,
  at: 0,
  kind: BodyKind.TEXT,
  body: new Uint8Array(LINE_LENGTH),
}).length;

/** Bytes of an envelope with a MSG, from a member and from the host. */
export const ENVELOPE_BYTES: number = ENVELOPE_OVERHEAD_BYTES + OBJECT_BYTES;
const HOST_ENVELOPE_BYTES: number = ENVELOPE_BYTES - 8;

/** Bytes of a body beside its payload: type and tag. */
export const SEALED_OVERHEAD_BYTES: number = 1 + TAG_BYTES;

/** As a real member: envelopes and bytes after which it acknowledges, and bytes sent and not accepted. */
const ACK_ENVELOPES = 64;
const ACK_BYTES: number = 1 << 14;
const WINDOW_BYTES: number = 1 << 18;

/** Most envelopes of one record. */
const RECORD_ENVELOPES: number = Math.floor(65_535 / ENVELOPE_BYTES);

/** The keys of a member, which are made before the clock starts. */
export interface LightKeys {
  readonly identity: Identity;
  readonly keyPair: WrapKeyPair;
}

/** A message's object: random bytes, and the time when it was spoken. */
export function timedObject(): Bytes {
  const object = randomBytes(OBJECT_BYTES);
  object[0] = ObjectType.MSG;
  new DataView(object.buffer).setFloat64(1, performance.now());
  return object;
}

/** The time since an object was spoken, in milliseconds. */
export function ageOf(object: Bytes): number {
  return performance.now() - new DataView(object.buffer, object.byteOffset).getFloat64(1);
}

/**
 * Seals or opens records like `RecordCipher`, with the processor's AES in this thread: it costs a tenth. It does
 * not rekey by itself, so a run ends before the first key of a connection does.
 */
class LightCipher {
  #secret: Bytes;
  #key!: Bytes;
  #nonce!: Bytes;
  #counter: number;

  constructor(secret: Bytes, counter = 0) {
    this.#secret = secret;
    this.#counter = counter;
    this.#derive();
  }

  seal({ payload, type }: PlainRecord): Uint8Array {
    const header = frameHeader(1 + payload.length + TAG_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, this.#nextNonce());
    cipher.setAAD(concat(header, NO_TRANSCRIPT));
    const sealed = cipher.update(concat(u8(type), payload));
    cipher.final();
    return concat(header, new Uint8Array(sealed), new Uint8Array(cipher.getAuthTag()));
  }

  open({ body, kind }: Frame, transcript: Bytes): PlainRecord {
    const cipher = createDecipheriv("aes-256-gcm", this.#key, this.#nextNonce());
    cipher.setAAD(concat(frameHeader(body.length, kind), transcript));
    cipher.setAuthTag(body.subarray(-TAG_BYTES));
    const start = kind === FrameKind.SHARED ? TOKEN_BYTES : 0;
    const opened = new Uint8Array(cipher.update(body.subarray(start, -TAG_BYTES)));
    cipher.final();
    return { type: opened[0]!, payload: opened.slice(1) };
  }

  rekey(): void {
    this.#secret = derive(this.#secret, "lanchat/1 rec next", KEY_BYTES);
    this.#counter = 0;
    this.#derive();
  }

  #derive(): void {
    this.#key = derive(this.#secret, "lanchat/1 rec key", KEY_BYTES);
    this.#nonce = derive(this.#secret, "lanchat/1 rec iv", NONCE_BYTES);
  }

  #nextNonce(): Bytes {
    const counter = concat(new Uint8Array(NONCE_BYTES - 8), u64(this.#counter++));
    return this.#nonce.map((byte, i) => byte ^ counter[i]!);
  }
}

function derive(secret: Bytes, info: string, length: number): Bytes {
  return new Uint8Array(hkdfSync("sha256", secret, zeroKey(), info, length));
}

function extendTranscript(transcript: Bytes, body: Bytes): Bytes {
  const hash = createHash("sha256").update(label("lanchat/1 shared")).update(transcript);
  return new Uint8Array(hash.update(body).digest());
}

/** How a light member takes part. */
export interface LightOptions extends LightKeys {
  /** The host's port on 127.0.0.1. */
  readonly port: number;
  /** Connects to the host in another way. */
  readonly through?: (() => Promise<Connection>) | undefined;
  /** Counts what it receives. */
  readonly meter: Meter;
  /** Whether it opens shared records, too, and notes how old the messages are; it counts their bytes otherwise. */
  readonly isSampled: boolean;
  /** Whether it speaks: then it opens them, too. */
  readonly isSpeaker: boolean;
  /** Called with each record that it has opened. */
  readonly onRecord?: (record: HostRecord) => void;
  /** Called if the host ends its connection. */
  readonly onLost: (reason: string) => void;
}

/** A member that does the hop only. */
export class LightMember implements Speaker {
  readonly #options: LightOptions;
  readonly #socket: FrameSocket;
  readonly #sealer: LightCipher;
  readonly #opener: LightCipher;
  readonly #entered: PromiseWithResolvers<void> = Promise.withResolvers();
  #shared: LightCipher | undefined;
  #transcript: Bytes = NO_TRANSCRIPT;
  /** The transcript after the last shared record with entries. */
  #taken: Bytes = NO_TRANSCRIPT;
  #others = 0;
  #seq = 0;
  #ackedSeq = 0;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;
  #spoken: Bytes[] = [];
  #cmid = 0;
  #acceptedCmid = 0;

  private constructor(
    options: LightOptions,
    socket: FrameSocket,
    sealer: LightCipher,
    opener: LightCipher,
  ) {
    this.#options = options;
    this.#socket = socket;
    this.#sealer = sealer;
    this.#opener = opener;
    socket.onFrame = (frame) => this.#receive(frame);
    void socket.ended.then(() => options.onLost("the connection ended"));
  }

  /** Joins the room, and waits for the roster. */
  static async enter(options: LightOptions): Promise<LightMember> {
    const { identity, keyPair, port, through } = options;
    const conn = through === undefined
      ? await Deno.connect({ hostname: "127.0.0.1", port })
      : socketOf(await through());
    const socket = new FrameSocket(conn, [M0_BYTES, M2_BYTES]);
    const initiator = new Initiator({
      identity,
      keyPair,
      nonce: randomBytes(SESSION_NONCE_BYTES),
      psk: zeroKey(),
      trusts: () => Promise.resolve(true),
    });
    socket.write(encodeFrame(await initiator.receiveM0(await socket.body())));
    const { m3, session } = await initiator.receiveM2(await socket.body());
    const sealer = new LightCipher(session.sendSecret);
    const opener = new LightCipher(session.receiveSecret);
    const member = new LightMember(options, socket, sealer, opener);
    socket.write(encodeFrame(m3));
    await member.#entered.promise;
    return member;
  }

  get accepted(): number {
    return this.#acceptedCmid;
  }

  hasAcknowledged(others: number): boolean {
    return this.#others === others && this.#ackedSeq === this.#seq;
  }

  speak(): boolean {
    const underWay = this.#cmid + this.#spoken.length - this.#acceptedCmid;
    if (underWay * ENVELOPE_BYTES >= WINDOW_BYTES) return false;
    this.#spoken.push(timedObject());
    return true;
  }

  flush(): void {
    while (this.#spoken.length > 0) {
      const envelopes = this.#spoken.splice(0, RECORD_ENVELOPES).map((object) => ({
        class: EnvelopeClass.CHAT,
        to: undefined,
        cmid: ++this.#cmid,
        object,
      }));
      this.#send({ type: "batch", envelopes });
    }
  }

  /** Says farewell, to which the host answers. */
  leave(): void {
    this.#send({ type: "close", reason: CloseReason.LEAVING });
  }

  /** Hangs up. */
  close(): void {
    clearTimeout(this.#ackTimer);
    this.#socket.close();
  }

  #send(record: MemberRecord): void {
    this.#socket.write(this.#sealer.seal(encodeMemberRecord(record)));
  }

  #receive(frame: Frame): void {
    const { meter } = this.#options;
    meter.records++;
    meter.bytes += frame.body.length + 4;
    if (frame.kind === FrameKind.SHARED) this.#receiveShared(frame);
    else this.#receiveOwn(this.#opener.open(frame, this.#transcript));
  }

  #receiveOwn(record: PlainRecord): void {
    if (record.type !== RecordType.KEY) return this.#take(decodeHostRecord(record));
    const { counter, secret, transcript } = decodeSharedPosition(record.payload);
    this.#shared = new LightCipher(secret, counter);
    this.#transcript = transcript;
  }

  #receiveShared(frame: Frame): void {
    const { isSampled, isSpeaker } = this.#options;
    const record = isSampled || isSpeaker ? this.#shared!.open(frame, this.#transcript) : undefined;
    const sealed = frame.body.subarray(TOKEN_BYTES);
    this.#transcript = extendTranscript(this.#transcript, sealed);
    if (record?.type === RecordType.REKEY) return this.#shared!.rekey();
    if (sealed.length > SEALED_OVERHEAD_BYTES) this.#taken = this.#transcript;
    if (record === undefined) this.#count(sealed.length);
    else this.#take(decodeHostRecord(record));
  }

  /** Takes a shared record by its size. */
  #count(length: number): void {
    const envelopes = (length - SEALED_OVERHEAD_BYTES) / HOST_ENVELOPE_BYTES;
    const changes = (length - SEALED_OVERHEAD_BYTES) / CHANGE_BYTES;
    if (Number.isInteger(envelopes)) this.#delivered(envelopes);
    else if (Number.isInteger(changes)) this.#change(changes);
    else this.#options.onLost(`a record of ${length} bytes came`);
  }

  #take(record: HostRecord): void {
    this.#options.onRecord?.(record);
    switch (record.type) {
      case "accept":
        if (record.status !== AcceptStatus.OK) this.#options.onLost(`refused: ${record.status}`);
        this.#send({
          type: "resume",
          instance: new Uint8Array(INSTANCE_BYTES),
          lastSeq: 0,
          transcript: NO_TRANSCRIPT,
        });
        this.#send(ENTRY);
        break;
      case "roster":
        this.#others = record.entries.length;
        this.#entered.resolve();
        break;
      case "batch":
        if (this.#options.isSampled) {
          const { latencies } = this.#options.meter;
          for (const { object } of record.envelopes) latencies.push(ageOf(object));
        }
        this.#delivered(record.envelopes.length);
        break;
      case "member":
        this.#change(record.changes.length);
        break;
      case "ack":
        this.#acceptedCmid = record.accepted;
        break;
      case "ping":
        this.#send({ type: "pong", token: record.token });
        break;
      case "close":
        this.#options.onLost(`the host closed the connection: ${record.reason}`);
        break;
    }
  }

  #delivered(count: number): void {
    this.#options.meter.deliveries += count;
    this.#advance(count);
  }

  /** Counts changes as if all had joined: they do, before the load begins. */
  #change(count: number): void {
    this.#others += count;
    this.#advance(count);
  }

  #advance(count: number): void {
    this.#seq += count;
    const open = this.#seq - this.#ackedSeq;
    if (open >= ACK_ENVELOPES || open * ENVELOPE_BYTES >= ACK_BYTES) this.#acknowledge();
    else this.#ackTimer ??= setTimeout(() => this.#acknowledge(), ackDelay(this.#others));
  }

  #acknowledge(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#ackedSeq = this.#seq;
    this.#options.meter.acks++;
    this.#send({ type: "ack", seq: this.#seq, transcript: this.#taken });
  }
}
