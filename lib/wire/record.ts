/**
 * Records: the typed units that a channel seals. Each is encoded and decoded in one place.
 *
 * @module
 */
import { ByteReader, type Bytes, concat, isZero, u16, u32, u64, u8 } from "../bytes/mod.ts";
import { WireError } from "../errors.ts";

/** Longest payload of a record, in bytes. */
export const MAX_PAYLOAD_BYTES = 65_535;

/** Shortest sealed record: a type and a tag. */
export const MIN_RECORD_BYTES = 17;

/** Longest sealed record: a type, {@linkcode MAX_PAYLOAD_BYTES} and a tag. */
export const MAX_RECORD_BYTES: number = 1 + MAX_PAYLOAD_BYTES + 16;

/** Bytes of a session id. */
export const SESSION_BYTES = 16;

/** Bytes of the nonce that distinguishes the sessions of one key in one room. */
export const SESSION_NONCE_BYTES = 16;

/** Bytes of the random number that identifies a host process. */
export const INSTANCE_BYTES = 8;

/** Bytes of a member's envelope before its object, the length included; the host's has 8 fewer. */
export const ENVELOPE_OVERHEAD_BYTES = 30;

/** Bytes of a member's envelope with an object. */
export function envelopeSize(object: Uint8Array): number {
  return ENVELOPE_OVERHEAD_BYTES + object.length;
}

/** Longest object in an envelope, in bytes; an honest member's longest is a MSG of 16,833. */
export const MAX_OBJECT_BYTES = 33_000;

/** Maximum time for which a host may announce that it keeps seats, in seconds. */
const MAX_KEEP_S = 3600;

/** Maximum sessions in one record. */
export const MAX_ROSTER_ENTRIES = 1337;

/** Bytes of one change in MEMBER. */
export const CHANGE_BYTES = 50;

/** Maximum changes in one record. */
export const MAX_CHANGES: number = Math.floor(MAX_PAYLOAD_BYTES / CHANGE_BYTES);

/** Bytes of the hash of the shared records that a member has taken. */
export const TRANSCRIPT_BYTES = 32;

/** Bytes of the random number that identifies a transfer. */
export const TRANSFER_BYTES = 16;

/** Maximum receivers of one bulk record. */
export const MAX_BULK_RECEIVERS = 60;

/** Maximum bytes of one flow that the relay has not passed on; past twice that it breaks off. */
export const MAX_FLOW_BYTES: number = 1 << 22;

/** Maximum bytes of all flows of a member that the relay has not passed on; past twice that it breaks off. */
export const MAX_MEMBER_BULK_BYTES: number = 1 << 23;

/** Maximum flows of a member of which the relay has not passed on everything; past twice that it breaks off. */
export const MAX_FLOWS = 64;

/** The transcript before the first shared record. */
export const NO_TRANSCRIPT: Bytes = new Uint8Array(TRANSCRIPT_BYTES);

/** The lowest of the types that a reader skips if it does not know them. */
export const FIRST_OPTIONAL_TYPE = 0x80;

/** The first byte of a record's plaintext. See PROTOCOL.md §5.3. */
export const RecordType = {
  ACCEPT: 0x01,
  REKEY: 0x02,
  CLOSE: 0x03,
  PING: 0x04,
  PONG: 0x05,
  KEY: 0x06,
  BATCH: 0x10,
  ROSTER: 0x11,
  MEMBER: 0x12,
  RESUME: 0x13,
  ACK: 0x14,
  BEHIND: 0x15,
  BULK: 0x16,
  CREDIT: 0x17,
} as const;

/** A record before sealing, or after opening. */
export interface PlainRecord {
  /** One of {@linkcode RecordType}, once decoded; any byte before. */
  readonly type: number;
  /** At most {@linkcode MAX_PAYLOAD_BYTES}. */
  readonly payload: Bytes;
  /** The transcript after it, if it came in a shared frame. */
  readonly transcript?: Bytes;
  /** The bytes outside its seal, in one part or several; only of type BULK. */
  readonly bulk?: readonly Bytes[];
}

/** A place among the shared records of a room: what a member needs to open those after it. */
export interface SharedPosition {
  /** The secret from which their key is derived, 32 bytes. */
  readonly secret: Bytes;
  /** Number of records that it has sealed before. */
  readonly counter: number;
  /** The hash of all before, 32 bytes. */
  readonly transcript: Bytes;
}

/** The reasons for which a side closes the connection. */
export const CloseReason = {
  LEAVING: 0,
  HOST_ENDS: 1,
  PROTOCOL: 2,
  KICKED: 3,
  BANNED: 4,
  COME_BACK: 5,
  TOO_SLOW: 6,
  REPLACED: 7,
  IDLE: 8,
  /** Only in MEMBER: the connection ended without a CLOSE. */
  LOST: 9,
} as const;

/** The host's answers to a finished handshake. */
export const AcceptStatus = {
  OK: 0,
  ROOM_FULL: 1,
  BANNED: 2,
  LOCKED: 3,
  NOT_ALLOWED: 4,
} as const;

/** The changes of a session that a MEMBER record reports. */
export const MemberChange = { JOINED: 1, LEFT: 2, AWAY: 3, BACK: 4 } as const;

/** The receivers of an envelope: all other members of the room, or one session. */
export const Destination = { ROOM: 0, SESSION: 1 } as const;

/** The part of an envelope's content that the relay may know: keys and announcements, or messages. */
export const EnvelopeClass = { CONTROL: 0, CHAT: 1 } as const;

/** The session that the host's own objects come from; no member has it. */
export const HOST_SESSION: Bytes = new Uint8Array(SESSION_BYTES);

/** The cmid of a member's announcement to the host, which precedes the counted envelopes. */
export const ENTRY_CMID = 0;

/** An object on its way from a member to the relay. */
export interface MemberEnvelope {
  /** One of {@linkcode EnvelopeClass}. */
  readonly class: number;
  /** The receiving session; `undefined` for the room. */
  readonly to: Bytes | undefined;
  /** The member's own count of envelopes, without gaps. */
  readonly cmid: number;
  /** Opaque to the relay. */
  readonly object: Bytes;
}

/** An object on its way from the relay to a member. */
export interface HostEnvelope {
  /** One of {@linkcode EnvelopeClass}. */
  readonly class: number;
  /** Whether it was sent to this session only. */
  readonly direct: boolean;
  /** The session it comes from. */
  readonly from: Bytes;
  /** Opaque to the relay. */
  readonly object: Bytes;
}

/** One session in the room, by the values from which its id is derived. */
export interface RosterEntry {
  /** The identity key that the host saw, 32 bytes. */
  readonly key: Bytes;
  /** The nonce that distinguishes this session from others of that key, 16 bytes. */
  readonly nonce: Bytes;
  /** Whether its connection is lost and its seat kept. */
  readonly away: boolean;
}

/** A change of a session in the room. */
export interface RosterChange {
  /** One of {@linkcode MemberChange}. */
  readonly change: number;
  /** One of {@linkcode CloseReason}: why a session is away, or has left. */
  readonly reason: number;
  /** The identity key that the host saw, 32 bytes. */
  readonly key: Bytes;
  /** The nonce that distinguishes this session from others of that key, 16 bytes. */
  readonly nonce: Bytes;
}

/** The records that both sides may send at any time. */
export type CommonRecord =
  | { readonly type: "close"; readonly reason: number }
  | { readonly type: "ping"; readonly token: Bytes }
  | { readonly type: "pong"; readonly token: Bytes };

/** Bytes of a transfer. */
export interface BulkPart {
  /** Identifies the transfer, 16 bytes. */
  readonly transfer: Bytes;
  /** Position of the first byte in the transfer's image. */
  readonly offset: number;
  /** What follows from there, in one part or several: 1 to 262,144 bytes. From a frame it comes as one part. */
  readonly bytes: readonly Bytes[];
}

/** How much of a flow the relay has passed on. */
export interface FlowCredit {
  /** The flow's number. */
  readonly flow: number;
  /** Bytes of it on this connection that were written to a receiver, or dropped for all. */
  readonly passed: number;
}

/** What the entries of a queue say of the frame that they came in. */
export interface InFrame {
  /** The transcript after them, if the frame was shared. */
  readonly transcript?: Bytes;
}

/** The records that a host sends. */
export type HostRecord =
  | CommonRecord
  | { readonly type: "key" } & SharedPosition
  | {
    readonly type: "accept";
    readonly status: number;
    readonly resumed: boolean;
    readonly instance: Bytes;
    readonly lastCmid: number;
    readonly maxMembers: number;
    /** The host's time of day, in milliseconds since 1970. */
    readonly time: number;
    /** Time that this host keeps the seat of a member whose connection is lost, in seconds. */
    readonly keep: number;
  }
  | { readonly type: "batch"; readonly envelopes: readonly HostEnvelope[] } & InFrame
  | { readonly type: "roster"; readonly entries: readonly RosterEntry[] }
  | { readonly type: "member"; readonly changes: readonly RosterChange[] } & InFrame
  | { readonly type: "resume"; readonly nextSeq: number; readonly queued: number }
  | {
    readonly type: "ack";
    readonly accepted: number;
    readonly delivered: number;
    /** The number of the last entry in the receiver's queue when the first envelope was accepted. */
    readonly seq: number;
    /** As `delivered`, but not counting the sessions that are away. */
    readonly reached: number;
  }
  | { readonly type: "behind"; readonly sessions: readonly Bytes[] }
  | {
    readonly type: "bulk";
    /** The session that it comes from. */
    readonly from: Bytes;
  } & BulkPart
  | {
    readonly type: "credit";
    /** Bytes of bulk on this connection that the relay has queued or dropped. */
    readonly taken: number;
    readonly flows: readonly FlowCredit[];
  };

/** The records that a member sends. */
export type MemberRecord =
  | CommonRecord
  | { readonly type: "batch"; readonly envelopes: readonly MemberEnvelope[] }
  | {
    readonly type: "resume";
    readonly instance: Bytes;
    readonly lastSeq: number;
    readonly transcript: Bytes;
  }
  | { readonly type: "ack"; readonly seq: number; readonly transcript: Bytes }
  | { readonly type: "behind" }
  | {
    readonly type: "bulk";
    /** The member's own number of the flow. */
    readonly flow: number;
    /** The sessions that get it, 1 to 60. */
    readonly to: readonly Bytes[];
  } & BulkPart
  | {
    readonly type: "credit";
    /** Bytes of bulk on this connection that this member has handled. */
    readonly taken: number;
  };

/** The layout of one kind of record's payload, both ways. See PROTOCOL.md §5.3. */
interface PayloadCodec<Plain> {
  /** One of {@linkcode RecordType}. */
  readonly code: number;
  /** The payload of a record. */
  encode(record: Plain): Bytes;
  /**
   * The record with a payload.
   *
   * @param bytes What follows the head of its frame.
   * @throws {WireError} If the payload is laid out otherwise.
   */
  decode(reader: ByteReader, bytes: readonly Bytes[]): Plain;
}

/** A codec for each record of a union. */
type PayloadCodecs<Plain extends { readonly type: string }> = {
  readonly [Type in Plain["type"]]: PayloadCodec<Extract<Plain, { type: Type }>>;
};

const COMMON: PayloadCodecs<CommonRecord> = {
  close: {
    code: RecordType.CLOSE,
    encode: ({ reason }) => u8(reason),
    decode: (reader) => ({ type: "close", reason: readUpTo(reader, CloseReason.IDLE) }),
  },
  ping: {
    code: RecordType.PING,
    encode: ({ token }) => token,
    decode: (reader) => ({ type: "ping", token: reader.take(8) }),
  },
  pong: {
    code: RecordType.PONG,
    encode: ({ token }) => token,
    decode: (reader) => ({ type: "pong", token: reader.take(8) }),
  },
};

const HOST: PayloadCodecs<HostRecord> = {
  ...COMMON,
  key: {
    code: RecordType.KEY,
    encode: ({ counter, secret, transcript }) => concat(secret, u64(counter), transcript),
    decode: (reader) => ({
      type: "key",
      secret: reader.take(32),
      counter: reader.u64(),
      transcript: reader.take(TRANSCRIPT_BYTES),
    }),
  },
  accept: {
    code: RecordType.ACCEPT,
    encode: ({ instance, keep, lastCmid, maxMembers, resumed, status, time }) =>
      concat(
        u8(status),
        u8(resumed ? 1 : 0),
        instance,
        u64(lastCmid),
        u16(maxMembers),
        u64(time),
        u16(keep),
      ),
    decode: (reader) => ({
      type: "accept",
      status: readUpTo(reader, AcceptStatus.NOT_ALLOWED),
      resumed: readUpTo(reader, 1) === 1,
      instance: reader.take(INSTANCE_BYTES),
      lastCmid: reader.u64(),
      maxMembers: reader.u16(),
      time: reader.u64(),
      keep: within(reader.u16(), 0, MAX_KEEP_S),
    }),
  },
  batch: {
    code: RecordType.BATCH,
    encode: ({ envelopes }) =>
      concat(...envelopes.flatMap(({ class: kind, direct, from, object }) => [
        u32(2 + SESSION_BYTES + object.length),
        u8(kind),
        u8(direct ? Destination.SESSION : Destination.ROOM),
        from,
        object,
      ])),
    decode: (reader) => ({
      type: "batch",
      envelopes: readBatch(reader, (envelope) => ({
        class: readUpTo(envelope, EnvelopeClass.CHAT),
        direct: readUpTo(envelope, Destination.SESSION) === Destination.SESSION,
        from: envelope.take(SESSION_BYTES),
        object: readObject(envelope),
      })),
    }),
  },
  roster: {
    code: RecordType.ROSTER,
    encode: ({ entries }) =>
      concat(
        u16(entries.length),
        ...entries.flatMap(({ away, key, nonce }) => [key, nonce, u8(away ? 1 : 0)]),
      ),
    decode: (reader) => ({ type: "roster", entries: readRoster(reader) }),
  },
  member: {
    code: RecordType.MEMBER,
    encode: ({ changes }) =>
      concat(...changes.flatMap(({ change, key, nonce, reason }) => [
        u8(change),
        u8(reason),
        key,
        nonce,
      ])),
    decode: (reader) => ({ type: "member", changes: readChanges(reader) }),
  },
  resume: {
    code: RecordType.RESUME,
    encode: ({ nextSeq, queued }) => concat(u64(nextSeq), u32(queued)),
    decode: (reader) => ({ type: "resume", nextSeq: reader.u64(), queued: reader.u32() }),
  },
  ack: {
    code: RecordType.ACK,
    encode: ({ accepted, delivered, reached, seq }) =>
      concat(u64(accepted), u64(delivered), u64(seq), u64(reached)),
    decode: (reader) => ({
      type: "ack",
      accepted: reader.u64(),
      delivered: reader.u64(),
      seq: reader.u64(),
      reached: reader.u64(),
    }),
  },
  behind: {
    code: RecordType.BEHIND,
    encode: ({ sessions }) => concat(u16(sessions.length), ...sessions),
    decode: (reader) => ({
      type: "behind",
      sessions: Array.from({ length: readCount(reader) }, () => reader.take(SESSION_BYTES)),
    }),
  },
  bulk: {
    code: RecordType.BULK,
    encode: ({ from, offset, transfer }) => concat(from, transfer, u64(offset)),
    decode: (reader, bytes) => ({
      type: "bulk",
      from: reader.take(SESSION_BYTES),
      transfer: reader.take(TRANSFER_BYTES),
      offset: reader.u64(),
      bytes,
    }),
  },
  credit: {
    code: RecordType.CREDIT,
    encode: ({ flows, taken }) =>
      concat(
        u64(taken),
        u8(flows.length),
        ...flows.flatMap(({ flow, passed }) => [u32(flow), u64(passed)]),
      ),
    decode: (reader) => ({
      type: "credit",
      taken: reader.u64(),
      flows: Array.from(
        { length: reader.u8() },
        () => ({ flow: reader.u32(), passed: reader.u64() }),
      ),
    }),
  },
};

const MEMBER: PayloadCodecs<MemberRecord> = {
  ...COMMON,
  batch: {
    code: RecordType.BATCH,
    encode: ({ envelopes }) =>
      concat(...envelopes.flatMap(({ class: kind, cmid, object, to }) => [
        u32(envelopeSize(object) - 4),
        u8(kind),
        u8(to === undefined ? Destination.ROOM : Destination.SESSION),
        to ?? new Uint8Array(SESSION_BYTES),
        u64(cmid),
        object,
      ])),
    decode: (reader) => ({
      type: "batch",
      envelopes: readBatch(reader, (envelope) => ({
        class: readUpTo(envelope, EnvelopeClass.CHAT),
        to: readDestination(envelope),
        cmid: envelope.u64(),
        object: readObject(envelope),
      })),
    }),
  },
  resume: {
    code: RecordType.RESUME,
    encode: ({ instance, lastSeq, transcript }) => concat(instance, u64(lastSeq), transcript),
    decode: (reader) => ({
      type: "resume",
      instance: reader.take(INSTANCE_BYTES),
      lastSeq: reader.u64(),
      transcript: reader.take(TRANSCRIPT_BYTES),
    }),
  },
  ack: {
    code: RecordType.ACK,
    encode: ({ seq, transcript }) => concat(u64(seq), transcript),
    decode: (reader) => ({
      type: "ack",
      seq: reader.u64(),
      transcript: reader.take(TRANSCRIPT_BYTES),
    }),
  },
  behind: {
    code: RecordType.BEHIND,
    encode: () => new Uint8Array(),
    decode: () => ({ type: "behind" }),
  },
  bulk: {
    code: RecordType.BULK,
    encode: ({ flow, offset, to, transfer }) =>
      concat(u32(flow), transfer, u64(offset), u8(to.length), ...to),
    decode: (reader, bytes) => ({
      type: "bulk",
      flow: reader.u32(),
      transfer: reader.take(TRANSFER_BYTES),
      offset: reader.u64(),
      to: Array.from(
        { length: readUpTo(reader, MAX_BULK_RECEIVERS, 1) },
        () => reader.take(SESSION_BYTES),
      ),
      bytes,
    }),
  },
  credit: {
    code: RecordType.CREDIT,
    encode: ({ taken }) => u64(taken),
    decode: (reader) => ({ type: "credit", taken: reader.u64() }),
  },
};

/** Encodes a record of a host, byte for byte as PROTOCOL.md §5.3 lays it out. */
export function encodeHostRecord(record: HostRecord): PlainRecord {
  return encodeWith(HOST, record);
}

/** Decodes a record of a host. @throws {WireError} If it is not laid out as PROTOCOL.md §5.3 says. */
export function decodeHostRecord(record: PlainRecord): HostRecord {
  const { transcript } = record;
  const decoded = decodeWith(HOST, record);
  if (transcript === undefined) return decoded;
  if (decoded.type === "batch" && !decoded.envelopes.some(({ direct }) => direct)) {
    return { ...decoded, transcript };
  }
  if (decoded.type === "member") return { ...decoded, transcript };
  throw new WireError("Cannot accept shared record: its content is not for all members");
}

/** Decodes the payload of KEY. @throws {WireError} If it is not laid out as PROTOCOL.md §5.3 says. */
export function decodeSharedPosition(payload: Bytes): SharedPosition {
  const reader = new ByteReader(payload);
  const position = HOST.key.decode(reader, []);
  reader.end();
  return position;
}

/** Encodes a record of a member, byte for byte as PROTOCOL.md §5.3 lays it out. */
export function encodeMemberRecord(record: MemberRecord): PlainRecord {
  return encodeWith(MEMBER, record);
}

/** Decodes a record of a member. @throws {WireError} If it is not laid out as PROTOCOL.md §5.3 says. */
export function decodeMemberRecord(record: PlainRecord): MemberRecord {
  return decodeWith(MEMBER, record);
}

/** Encodes the records that one end of a connection sends, and decodes those that it receives. */
export interface RecordCodec<Incoming, Outgoing> {
  /** Encodes a record. */
  readonly encode: (record: Outgoing) => PlainRecord;
  /** Decodes a record. @throws {WireError} If it is not laid out as PROTOCOL.md §5.3 says. */
  readonly decode: (record: PlainRecord) => Incoming;
}

/** The codec of the host's end. */
export const HOST_CODEC: RecordCodec<MemberRecord, HostRecord> = {
  encode: encodeHostRecord,
  decode: decodeMemberRecord,
};

/** The codec of a member's end. */
export const MEMBER_CODEC: RecordCodec<HostRecord, MemberRecord> = {
  encode: encodeMemberRecord,
  decode: decodeHostRecord,
};

function encodeWith<Plain extends { readonly type: string; readonly bytes?: readonly Bytes[] }>(
  codecs: PayloadCodecs<Plain>,
  record: Plain,
): PlainRecord {
  const { code, encode } = codecs[record.type as Plain["type"]] as PayloadCodec<Plain>;
  const { bytes: bulk } = record;
  return { type: code, payload: encode(record), ...bulk !== undefined && { bulk } };
}

function decodeWith<Plain extends { readonly type: string }>(
  codecs: PayloadCodecs<Plain>,
  { bulk, payload, type }: PlainRecord,
): Plain {
  const codec = (Object.values(codecs) as PayloadCodec<Plain>[]).find(({ code }) => code === type);
  if (codec === undefined) {
    throw new WireError(`Cannot decode record: unexpected type: ${type}`);
  }
  if ((type === RecordType.BULK) !== (bulk !== undefined)) {
    throw new WireError("Cannot decode record: BULK and bytes after it come only together");
  }
  const reader = new ByteReader(payload);
  const record = codec.decode(reader, bulk ?? []);
  reader.end();
  return record;
}

function readUpTo(reader: ByteReader, max: number, min = 0): number {
  return within(reader.u8(), min, max);
}

function within(value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw new WireError(`Cannot decode record: a field must be ${min} to ${max}, not ${value}`);
}

function readBatch<Envelope>(
  reader: ByteReader,
  read: (envelope: ByteReader) => Envelope,
): Envelope[] {
  const envelopes: Envelope[] = [];
  do {
    envelopes.push(read(new ByteReader(reader.take(reader.u32()))));
  } while (reader.remaining > 0);
  return envelopes;
}

/** The session that an envelope is for; `undefined` for the room. */
function readDestination(reader: ByteReader): Bytes | undefined {
  const destination = readUpTo(reader, Destination.SESSION);
  const session = reader.take(SESSION_BYTES);
  if (destination === Destination.ROOM && !isZero(session)) {
    throw new WireError("Cannot decode envelope: it is for the room and names a session");
  }
  return destination === Destination.SESSION ? session : undefined;
}

function readObject(reader: ByteReader): Bytes {
  if (reader.remaining === 0 || reader.remaining > MAX_OBJECT_BYTES) {
    throw new WireError(
      `Cannot decode envelope: its object must have 1 to ${MAX_OBJECT_BYTES} bytes, not ${reader.remaining}`,
    );
  }
  return reader.rest();
}

/** The count of sessions that follow. */
function readCount(reader: ByteReader): number {
  const count = reader.u16();
  if (count <= MAX_ROSTER_ENTRIES) return count;
  throw new WireError(`Cannot decode record: it names over ${MAX_ROSTER_ENTRIES} sessions`);
}

function readChanges(reader: ByteReader): RosterChange[] {
  const changes: RosterChange[] = [];
  do {
    changes.push({
      change: readUpTo(reader, MemberChange.BACK, MemberChange.JOINED),
      reason: readUpTo(reader, CloseReason.LOST),
      key: reader.take(32),
      nonce: reader.take(SESSION_NONCE_BYTES),
    });
  } while (reader.remaining > 0);
  return changes;
}

function readRoster(reader: ByteReader): RosterEntry[] {
  const count = readCount(reader);
  const entries: RosterEntry[] = [];
  const seen = new Set<string>();
  for (let i = 0; i < count; i++) {
    const entry = {
      key: reader.take(32),
      nonce: reader.take(SESSION_NONCE_BYTES),
      away: readUpTo(reader, 1) === 1,
    };
    const id = `${entry.key} ${entry.nonce}`;
    if (seen.has(id)) throw new WireError("Cannot decode roster: a session is in it twice");
    seen.add(id);
    entries.push(entry);
  }
  return entries;
}
