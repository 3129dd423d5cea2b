/**
 * A member of a relay that sends and reads records itself, without a room.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { byteLength, type Bytes } from "../../lib/bytes/mod.ts";
import { type Channel, localChannel } from "../../lib/channel/mod.ts";
import { randomBytes } from "../../lib/crypto/mod.ts";
import type { Relay } from "../../lib/relay/mod.ts";
import {
  AcceptStatus,
  ANNOUNCE_BYTES,
  CloseReason,
  decodeHostRecord,
  encodeMemberRecord,
  ENTRY_CMID,
  EnvelopeClass,
  HOST_SESSION,
  type HostEnvelope,
  type HostRecord,
  INSTANCE_BYTES,
  MemberChange,
  type MemberRecord,
  NO_TRANSCRIPT,
  ObjectType,
  type PlainRecord,
  type RosterEntry,
} from "../../lib/wire/mod.ts";
import { Inbox } from "./inbox.ts";
import { ack, resume } from "./records.ts";

type Of<Type extends HostRecord["type"]> = Extract<HostRecord, { type: Type }>;

const NAMES: Readonly<Record<number, string>> = {
  [MemberChange.JOINED]: "joined",
  [MemberChange.LEFT]: "left",
  [MemberChange.AWAY]: "away",
  [MemberChange.BACK]: "back",
};

/** The secrets with which a guest resumes its seat. */
export interface Return {
  readonly instance: Bytes;
  readonly lastSeq: number;
  readonly transcript?: Bytes;
}

/** The part of an ANNOUNCE that a relay reads. */
export const ANNOUNCEMENT: Bytes = new Uint8Array(ANNOUNCE_BYTES).fill(ObjectType.ANNOUNCE);

/** The first object of a member in a new seat. */
export const ENTRY: MemberRecord = {
  type: "batch",
  envelopes: [{
    class: EnvelopeClass.CONTROL,
    to: HOST_SESSION,
    cmid: ENTRY_CMID,
    object: ANNOUNCEMENT,
  }],
};

/** One connection of a member. */
export class ScriptedGuest {
  readonly name: string;
  readonly key: Bytes;
  readonly nonce: Bytes;
  readonly session: Bytes;
  /** Resolves when the relay has ended the connection. */
  readonly served: Promise<void>;
  /** The records read so far, without PING and PONG. */
  readonly records: Inbox<HostRecord> = new Inbox();
  /** The objects received, as text, and the changes between them. */
  readonly log: Inbox<string> = new Inbox();
  /** All envelopes received. */
  readonly envelopes: HostEnvelope[] = [];
  /** Called with each envelope received. */
  onEnvelope: (envelope: HostEnvelope) => void = () => {};
  /** Whether envelopes are acknowledged at once. */
  acknowledges = true;
  /** Called with each BULK received. */
  onBulk: (bulk: Of<"bulk">) => void = () => {};
  /** Whether bulk is credited at once. */
  credits = true;
  /** Bytes of bulk received. */
  bulkBytes = 0;
  /** The number of the last envelope or change received. */
  lastSeq = 0;
  /** The transcript after the last shared record received. */
  transcript: Bytes = NO_TRANSCRIPT;
  /** The number of the last envelope that was sent. */
  cmid = 0;
  #accept: Of<"accept"> | undefined;
  readonly #reader: ReadableStreamDefaultReader<PlainRecord>;
  readonly #writer: WritableStreamDefaultWriter<PlainRecord>;
  readonly #pongs = new Inbox<string>();
  readonly #names: Map<string, string>;
  #reading: Promise<void> | undefined;

  /** Creates a connection that has sent no record yet. @param names Names of the sessions, for the log. */
  constructor(
    relay: Relay,
    options: {
      name: string;
      key?: Bytes;
      nonce?: Bytes;
      session?: Bytes;
      names?: Map<string, string>;
      admitted?: () => void;
      own?: true;
      address?: string;
      /** Its end and the relay's; they seal nothing by default. */
      channels?: readonly [Channel, Channel];
    },
  ) {
    this.name = options.name;
    this.key = options.key ?? randomBytes(32);
    this.nonce = options.nonce ?? randomBytes(16);
    this.session = options.session ?? randomBytes(16); // The relay does not ask how it follows.
    this.#names = options.names ?? new Map();
    for (const id of [this.nonce, this.session]) this.#names.set(id.join(), this.name);
    const [mine, theirs] = options.channels ?? localChannel();
    this.#reader = mine.readable.getReader();
    this.#writer = mine.writable.getWriter();
    this.#writer.closed.catch(() => {});
    this.#reader.closed.catch(() => {});
    this.served = relay.serve(
      theirs,
      {
        key: this.key,
        nonce: this.nonce,
        session: this.session,
        ...options.address !== undefined && { address: options.address },
        ...options.own && { own: options.own },
      },
      options.admitted,
    );
  }

  /** The relay's first record. */
  get accept(): Of<"accept"> {
    return this.#accept!;
  }

  /** The secrets with which it resumes its seat. */
  get whereabouts(): Return {
    const { accept: { instance }, lastSeq, transcript } = this;
    return { instance, lastSeq, transcript };
  }

  /** Reads the relay's first record. */
  async greeted(): Promise<Of<"accept">> {
    this.#accept = await this.#readOne() as Of<"accept">;
    assertEquals(this.#accept.type, "accept");
    return this.#accept;
  }

  /** Enters, or resumes its seat. @returns The names of the members. */
  async enter(
    from?: Return,
  ): Promise<{ nextSeq: number; queued: number; roster: readonly RosterEntry[] }> {
    const { lastCmid, resumed, status } = this.#accept ?? await this.greeted();
    assertEquals(status, AcceptStatus.OK);
    this.cmid = lastCmid;
    this.lastSeq = from?.lastSeq ?? 0;
    this.transcript = from?.transcript ?? NO_TRANSCRIPT;
    const instance = from?.instance ?? new Uint8Array(INSTANCE_BYTES);
    await this.send({ ...resume(this.lastSeq, instance), transcript: this.transcript });
    if (!resumed) await this.announce();
    const { nextSeq, queued } = await this.#readOne() as Of<"resume">;
    const { entries } = await this.#readOne() as Of<"roster">;
    return { nextSeq, queued, roster: entries };
  }

  /** Announces itself to the host, with the part that a relay reads. */
  async announce(): Promise<void> {
    await this.send(ENTRY);
  }

  /** Reads from now on. */
  listen(): void {
    this.#reading ??= this.#readAll();
  }

  /** Reads and handles one record; `undefined` at the end. */
  async read(): Promise<HostRecord | undefined> {
    const record = await this.#readOne();
    if (record === undefined) return undefined;
    this.#take(record);
    return record;
  }

  /** Sends a record. */
  async send(record: MemberRecord): Promise<void> {
    await this.#writer.write(encodeMemberRecord(record)).catch(() => {});
  }

  /** Sends texts, each as one object, in one record. @param to One member; the room if there is none. */
  async say(
    texts: readonly (string | Bytes)[],
    to?: { readonly session: Bytes },
  ): Promise<void> {
    await this.send({
      type: "batch",
      envelopes: texts.map((text) => ({
        class: EnvelopeClass.CHAT,
        to: to?.session,
        cmid: ++this.cmid,
        object: typeof text === "string" ? new TextEncoder().encode(text) : text,
      })),
    });
  }

  /** Credits bulk. @param taken Bytes; by default all that came. */
  async credit(taken: number = this.bulkBytes): Promise<void> {
    await this.send({ type: "credit", taken });
  }

  /** Waits until the relay has read everything sent, and everything it had for this guest has arrived. */
  async settle(): Promise<void> {
    await this.send({ type: "ping", token: randomBytes(8) });
    await this.#pongs.next();
  }

  /** Waits for a line of the log. */
  async logged(line: string): Promise<void> {
    await this.log.find((logged): logged is string => logged === line);
  }

  /** The last acknowledgement of the relay. */
  get ack(): Of<"ack"> {
    return this.records.all.findLast((record) => record.type === "ack") ??
      { type: "ack", accepted: 0, delivered: 0, reached: 0, seq: 0 };
  }

  /** Waits until the relay has acknowledged this envelope. */
  async acknowledged(accepted: number): Promise<void> {
    while (this.ack.accepted < accepted) {
      await this.records.count(this.records.all.length + 1);
    }
  }

  /** Waits until the relay reports this envelope as delivered. */
  async delivered(cmid: number): Promise<void> {
    while (this.ack.delivered < cmid) {
      await this.records.count(this.records.all.length + 1);
    }
  }

  /** The reason with which the relay closed the connection; `undefined` without a CLOSE. */
  async farewell(): Promise<number | undefined> {
    this.listen();
    await this.#reading;
    const last = this.records.all.at(-1);
    return last?.type === "close" ? last.reason : undefined;
  }

  /** Leaves, and waits until the relay has ended the connection. */
  async leave(reason: number = CloseReason.LEAVING): Promise<void> {
    this.listen();
    await this.send({ type: "close", reason });
    this.#writer.close().catch(() => {});
    await Promise.all([this.#reading, this.served]);
  }

  /** Ends its own direction without CLOSE, and reads on. @returns As `farewell`. */
  async hangUp(): Promise<number | undefined> {
    this.#writer.close().catch(() => {});
    await this.served;
    return await this.farewell();
  }

  /** Ends both directions, like a broken connection. */
  async cut(): Promise<void> {
    this.#reader.cancel().catch(() => {});
    this.#writer.abort(new Error("cut")).catch(() => {});
    await this.served;
  }

  async #readOne(): Promise<HostRecord | undefined> {
    while (true) {
      const { value } = await this.#reader.read().catch(() => ({ value: undefined }));
      if (value === undefined) return undefined;
      const record = decodeHostRecord(value);
      if (record.type === "pong") this.#pongs.push("pong");
      else if (record.type === "ping") void this.send({ type: "pong", token: record.token });
      else return record;
    }
  }

  async #readAll(): Promise<void> {
    while (await this.read() !== undefined);
    this.#writer.close().catch(() => {});
  }

  #take(record: HostRecord): void {
    this.records.push(record);
    if (record.type === "member") {
      for (const { change, nonce, reason } of record.changes) {
        this.lastSeq++;
        this.log.push(`${this.#names.get(nonce.join())} ${NAMES[change]} ${reason}`);
      }
    } else if (record.type === "batch") {
      for (const envelope of record.envelopes) {
        this.lastSeq++;
        this.envelopes.push(envelope);
        this.onEnvelope(envelope);
        const from = this.#names.get(envelope.from.join());
        const { object } = envelope;
        const text = object.length > 100
          ? `${object.length} bytes`
          : new TextDecoder().decode(object);
        this.log.push(`${from}${envelope.direct ? " (direct)" : ""}: ${text}`);
      }
    } else {
      if (record.type === "bulk") this.#takeBulk(record);
      return;
    }
    this.transcript = record.transcript ?? this.transcript;
    if (this.acknowledges) void this.send({ ...ack(this.lastSeq), transcript: this.transcript });
  }

  #takeBulk(bulk: Of<"bulk">): void {
    this.bulkBytes += byteLength(bulk.bytes);
    this.onBulk(bulk);
    if (this.credits) void this.credit();
  }
}
