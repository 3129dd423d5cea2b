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

/** Bytes of what tells the sessions of one key in one room apart. */
export const SESSION_NONCE_BYTES = 16;

/** Bytes of the number that a host process gives itself. */
export const INSTANCE_BYTES = 8;

/** Bytes of an envelope before its object, the length included. */
export const ENVELOPE_OVERHEAD_BYTES = 30;

/** Bytes of an envelope with an object. */
export function envelopeSize(object: Uint8Array): number {
  return ENVELOPE_OVERHEAD_BYTES + object.length;
}

/** Longest object in an envelope, in bytes; an honest member's longest is a MSG of 16,833. */
export const MAX_OBJECT_BYTES = 33_000;

/** Longest time that a host may say it keeps seats for, in seconds. */
const MAX_KEEP_S = 3600;

/** Most sessions that one record names. */
export const MAX_ROSTER_ENTRIES = 1337;

/** The first byte of a record's plaintext. See PROTOCOL.md §5.3. */
export const RecordType = {
  ACCEPT: 0x01,
  REKEY: 0x02,
  CLOSE: 0x03,
  PING: 0x04,
  PONG: 0x05,
  BATCH: 0x10,
  ROSTER: 0x11,
  MEMBER: 0x12,
  RESUME: 0x13,
  ACK: 0x14,
  BEHIND: 0x15,
} as const;

/** A record before it is sealed, or after it was opened. */
export interface PlainRecord {
  /** One of {@linkcode RecordType}, once decoded; any byte before. */
  readonly type: number;
  /** At most {@linkcode MAX_PAYLOAD_BYTES}. */
  readonly payload: Bytes;
}

/** Why a side closes the connection. */
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

/** How the host answers a finished handshake. */
export const AcceptStatus = {
  OK: 0,
  ROOM_FULL: 1,
  BANNED: 2,
  LOCKED: 3,
  NOT_ALLOWED: 4,
} as const;

/** What a MEMBER record says of a session. */
export const MemberChange = { JOINED: 1, LEFT: 2, AWAY: 3, BACK: 4 } as const;

/** To whom an envelope goes, or went: everybody else in the room, or one session. */
export const Destination = { ROOM: 0, SESSION: 1 } as const;

/** What an envelope carries, as far as the relay may know: keys and announcements, or messages. */
export const EnvelopeClass = { CONTROL: 0, CHAT: 1 } as const;

/** From whom the host's own objects come: no member has this session. */
export const HOST_SESSION: Bytes = new Uint8Array(SESSION_BYTES);

/** The cmid of a member's announcement to the host: it comes before all that is counted. */
export const ENTRY_CMID = 0;

/** An object on its way from a member to the relay. */
export interface MemberEnvelope {
  /** One of {@linkcode EnvelopeClass}. */
  readonly class: number;
  /** The session it is for; `undefined` for the room. */
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
  /** Whether it was sent to this session alone. */
  readonly direct: boolean;
  /** The session it comes from. */
  readonly from: Bytes;
  /** The seat's own count of envelopes, without gaps. */
  readonly seq: number;
  /** Opaque to the relay. */
  readonly object: Bytes;
}

/** One session in the room, by what its id follows from. */
export interface RosterEntry {
  /** The identity key that the host saw, 32 bytes. */
  readonly key: Bytes;
  /** What tells this session from others of that key, 16 bytes. */
  readonly nonce: Bytes;
  /** Whether its connection is lost and its seat kept. */
  readonly away: boolean;
}

/** What both sides may send at any time. */
export type SharedRecord =
  | { readonly type: "close"; readonly reason: number }
  | { readonly type: "ping" | "pong"; readonly token: Bytes };

/** What a host sends. */
export type HostRecord =
  | SharedRecord
  | {
    readonly type: "accept";
    readonly status: number;
    readonly resumed: boolean;
    readonly instance: Bytes;
    readonly lastCmid: number;
    readonly maxMembers: number;
    /** The host's time of day, in milliseconds since 1970. */
    readonly time: number;
    /** How long this host keeps the seat of a member whose connection is lost, in seconds. */
    readonly keep: number;
  }
  | { readonly type: "batch"; readonly envelopes: readonly HostEnvelope[] }
  | { readonly type: "roster"; readonly entries: readonly RosterEntry[] }
  | {
    readonly type: "member";
    readonly change: number;
    readonly reason: number;
    readonly key: Bytes;
    readonly nonce: Bytes;
  }
  | { readonly type: "resume"; readonly nextSeq: number; readonly queued: number }
  | {
    readonly type: "ack";
    readonly accepted: number;
    readonly delivered: number;
    /** The number of the last thing in the receiver's queue when the first envelope was accepted. */
    readonly seq: number;
    /** As `delivered`, but without the sessions that are away. */
    readonly reached: number;
  }
  | { readonly type: "behind"; readonly sessions: readonly Bytes[] };

/** What a member sends. */
export type MemberRecord =
  | SharedRecord
  | { readonly type: "batch"; readonly envelopes: readonly MemberEnvelope[] }
  | { readonly type: "resume"; readonly instance: Bytes; readonly lastSeq: number }
  | { readonly type: "ack"; readonly seq: number }
  | { readonly type: "behind" };

/** Encodes what a host sends, byte for byte as PROTOCOL.md §5.3 lays it out. */
export function encodeHostRecord(record: HostRecord): PlainRecord {
  switch (record.type) {
    case "accept":
      return {
        type: RecordType.ACCEPT,
        payload: concat(
          u8(record.status),
          u8(record.resumed ? 1 : 0),
          record.instance,
          u64(record.lastCmid),
          u16(record.maxMembers),
          u64(record.time),
          u16(record.keep),
        ),
      };
    case "batch":
      return {
        type: RecordType.BATCH,
        payload: concat(...record.envelopes.flatMap((envelope) => [
          u32(envelopeSize(envelope.object) - 4),
          u8(envelope.class),
          u8(envelope.direct ? Destination.SESSION : Destination.ROOM),
          envelope.from,
          u64(envelope.seq),
          envelope.object,
        ])),
      };
    case "roster":
      return {
        type: RecordType.ROSTER,
        payload: concat(
          u16(record.entries.length),
          ...record.entries.flatMap((entry) => [
            entry.key,
            entry.nonce,
            u8(entry.away ? 1 : 0),
          ]),
        ),
      };
    case "member":
      return {
        type: RecordType.MEMBER,
        payload: concat(u8(record.change), u8(record.reason), record.key, record.nonce),
      };
    case "resume":
      return {
        type: RecordType.RESUME,
        payload: concat(u64(record.nextSeq), u32(record.queued)),
      };
    case "ack":
      return {
        type: RecordType.ACK,
        payload: concat(
          u64(record.accepted),
          u64(record.delivered),
          u64(record.seq),
          u64(record.reached),
        ),
      };
    case "behind":
      return {
        type: RecordType.BEHIND,
        payload: concat(u16(record.sessions.length), ...record.sessions),
      };
    default:
      return encodeSharedRecord(record);
  }
}

/** Encodes what a member sends, byte for byte as PROTOCOL.md §5.3 lays it out. */
export function encodeMemberRecord(record: MemberRecord): PlainRecord {
  switch (record.type) {
    case "batch":
      return {
        type: RecordType.BATCH,
        payload: concat(...record.envelopes.flatMap((envelope) => [
          u32(envelopeSize(envelope.object) - 4),
          u8(envelope.class),
          u8(envelope.to === undefined ? Destination.ROOM : Destination.SESSION),
          envelope.to ?? new Uint8Array(SESSION_BYTES),
          u64(envelope.cmid),
          envelope.object,
        ])),
      };
    case "resume":
      return { type: RecordType.RESUME, payload: concat(record.instance, u64(record.lastSeq)) };
    case "ack":
      return { type: RecordType.ACK, payload: u64(record.seq) };
    case "behind":
      return { type: RecordType.BEHIND, payload: new Uint8Array() };
    default:
      return encodeSharedRecord(record);
  }
}

function encodeSharedRecord(record: SharedRecord): PlainRecord {
  switch (record.type) {
    case "close":
      return { type: RecordType.CLOSE, payload: u8(record.reason) };
    case "ping":
      return { type: RecordType.PING, payload: record.token };
    case "pong":
      return { type: RecordType.PONG, payload: record.token };
  }
}

/** Decodes what a host sent. @throws {WireError} If it is not laid out as PROTOCOL.md §5.3 says. */
export function decodeHostRecord(record: PlainRecord): HostRecord {
  const reader = new ByteReader(record.payload);
  const decoded = readHostRecord(record.type, reader);
  reader.end();
  return decoded;
}

/** Decodes what a member sent. @throws {WireError} If it is not laid out as PROTOCOL.md §5.3 says. */
export function decodeMemberRecord(record: PlainRecord): MemberRecord {
  const reader = new ByteReader(record.payload);
  const decoded = readMemberRecord(record.type, reader);
  reader.end();
  return decoded;
}

function readHostRecord(type: number, reader: ByteReader): HostRecord {
  switch (type) {
    case RecordType.ACCEPT:
      return {
        type: "accept",
        status: readUpTo(reader, AcceptStatus.NOT_ALLOWED),
        resumed: readUpTo(reader, 1) === 1,
        instance: reader.take(INSTANCE_BYTES),
        lastCmid: reader.u64(),
        maxMembers: reader.u16(),
        time: reader.u64(),
        keep: within(reader.u16(), 0, MAX_KEEP_S),
      };
    case RecordType.BATCH:
      return { type: "batch", envelopes: readBatch(reader, readHostEnvelope) };
    case RecordType.ROSTER:
      return { type: "roster", entries: readRoster(reader) };
    case RecordType.MEMBER:
      return {
        type: "member",
        change: readUpTo(reader, MemberChange.BACK, MemberChange.JOINED),
        reason: readUpTo(reader, CloseReason.LOST),
        key: reader.take(32),
        nonce: reader.take(SESSION_NONCE_BYTES),
      };
    case RecordType.RESUME:
      return { type: "resume", nextSeq: reader.u64(), queued: reader.u32() };
    case RecordType.ACK:
      return {
        type: "ack",
        accepted: reader.u64(),
        delivered: reader.u64(),
        seq: reader.u64(),
        reached: reader.u64(),
      };
    case RecordType.BEHIND:
      return { type: "behind", sessions: readSessions(reader) };
    default:
      return readSharedRecord(type, reader);
  }
}

function readMemberRecord(type: number, reader: ByteReader): MemberRecord {
  switch (type) {
    case RecordType.BATCH:
      return { type: "batch", envelopes: readBatch(reader, readMemberEnvelope) };
    case RecordType.RESUME:
      return { type: "resume", instance: reader.take(INSTANCE_BYTES), lastSeq: reader.u64() };
    case RecordType.ACK:
      return { type: "ack", seq: reader.u64() };
    case RecordType.BEHIND:
      return { type: "behind" };
    default:
      return readSharedRecord(type, reader);
  }
}

function readSharedRecord(type: number, reader: ByteReader): SharedRecord {
  switch (type) {
    case RecordType.CLOSE:
      return { type: "close", reason: readUpTo(reader, CloseReason.IDLE) };
    case RecordType.PING:
      return { type: "ping", token: reader.take(8) };
    case RecordType.PONG:
      return { type: "pong", token: reader.take(8) };
    default:
      throw new WireError(`Cannot decode record as its type is none that may come here: ${type}`);
  }
}

function readUpTo(reader: ByteReader, max: number, min = 0): number {
  return within(reader.u8(), min, max);
}

function within(value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw new WireError(`Cannot decode record as a field must be ${min} to ${max}: ${value}`);
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

function readMemberEnvelope(reader: ByteReader): MemberEnvelope {
  const envelopeClass = readUpTo(reader, EnvelopeClass.CHAT);
  const destination = readUpTo(reader, Destination.SESSION);
  const session = reader.take(SESSION_BYTES);
  if (destination === Destination.ROOM && !isZero(session)) {
    throw new WireError("Cannot decode envelope as it is for the room and names a session");
  }
  return {
    class: envelopeClass,
    to: destination === Destination.SESSION ? session : undefined,
    cmid: reader.u64(),
    object: readObject(reader),
  };
}

function readHostEnvelope(reader: ByteReader): HostEnvelope {
  return {
    class: readUpTo(reader, EnvelopeClass.CHAT),
    direct: readUpTo(reader, Destination.SESSION) === Destination.SESSION,
    from: reader.take(SESSION_BYTES),
    seq: reader.u64(),
    object: readObject(reader),
  };
}

function readObject(reader: ByteReader): Bytes {
  if (reader.remaining === 0 || reader.remaining > MAX_OBJECT_BYTES) {
    throw new WireError(
      `Cannot decode envelope as its object must have 1 to ${MAX_OBJECT_BYTES} bytes: ${reader.remaining}`,
    );
  }
  return reader.rest();
}

function readSessions(reader: ByteReader): Bytes[] {
  const count = readCount(reader);
  return Array.from({ length: count }, () => reader.take(SESSION_BYTES));
}

/** How many sessions follow. */
function readCount(reader: ByteReader): number {
  const count = reader.u16();
  if (count <= MAX_ROSTER_ENTRIES) return count;
  throw new WireError(`Cannot decode record as it names over ${MAX_ROSTER_ENTRIES} sessions`);
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
    if (seen.has(id)) throw new WireError("Cannot decode roster as a session is in it twice");
    seen.add(id);
    entries.push(entry);
  }
  return entries;
}
