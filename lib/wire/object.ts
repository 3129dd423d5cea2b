/**
 * End-to-end objects, which members send each other, and the host's decisions. See PROTOCOL.md §6.
 *
 * @module
 */
import { ByteReader, type Bytes, concat, u32, u64, u8, utf8 } from "../bytes/mod.ts";
import { WireError } from "../errors.ts";
import { SIGNATURE_BYTES } from "../sizes.ts";
import { nameProblem } from "./name.ts";
import { SESSION_BYTES, SESSION_NONCE_BYTES } from "./record.ts";
import { statusProblem } from "./status.ts";

/** The first byte of an end-to-end object. See PROTOCOL.md §6. */
export const ObjectType = {
  ANNOUNCE: 0x20,
  SKDM: 0x21,
  MSG: 0x22,
  NEED: 0x23,
  KICK: 0x24,
  AGAIN: 0x25,
} as const;

/** Bytes of an ANNOUNCE. */
export const ANNOUNCE_BYTES = 1715;

/** Bytes of an ANNOUNCE before its sealed name, to which the name is bound. */
const ANNOUNCE_HEAD_BYTES = 1553;

/** An announcement of a member and its session key to one session. */
export interface Announce {
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** The author's identity key, 32 bytes. */
  readonly key: Bytes;
  /** The nonce that derives the author's session, with room and key, 16 bytes. */
  readonly nonce: Bytes;
  /** Starts at 1 and increases with each new session key or name of the author. */
  readonly generation: number;
  /** The RSA modulus of the author's session key, 256 bytes. */
  readonly modulus: Bytes;
  /** The ML-KEM key of the author's session key, 1,184 bytes. */
  readonly kemKey: Bytes;
  /** The session that this announcement is for. */
  readonly seen: Bytes;
  /** The AEAD nonce of the sealed name, 12 random bytes. */
  readonly nameNonce: Bytes;
}

/** A received ANNOUNCE. */
export interface SignedAnnounce extends Announce {
  /** The bytes before the sealed name: its additional data. */
  readonly head: Bytes;
  /** The author's name as {@linkcode encodeNameField} encodes it, sealed for members, 66 bytes. */
  readonly sealedName: Bytes;
  /** The bytes that {@linkcode SignedAnnounce.memberTag} covers. */
  readonly tagged: Bytes;
  /** Proof that the author has the room's secret, 32 bytes. */
  readonly memberTag: Bytes;
  /** The bytes that the signature covers. */
  readonly signed: Bytes;
  /** The signature of the identity key, 64 bytes. */
  readonly signature: Bytes;
}

/**
 * Encodes an ANNOUNCE up to its sealed name: `0x20 || room_id (32) || ik (32) || nonce (16) || generation (4) ||
 * modulus (256) || kem_key (1184) || seen (16) || name_nonce (12)`.
 */
export function encodeAnnounceHead(announce: Announce): Bytes {
  return concat(
    u8(ObjectType.ANNOUNCE),
    announce.roomId,
    announce.key,
    announce.nonce,
    u32(announce.generation),
    announce.modulus,
    announce.kemKey,
    announce.seen,
    announce.nameNonce,
  );
}

/**
 * Decodes an ANNOUNCE: `head (1553) || sealed_name (66) || member_tag (32) || signature (64)`.
 *
 * @throws {WireError} If it is not laid out so.
 */
export function decodeAnnounce(object: Bytes): SignedAnnounce {
  assertSize("ANNOUNCE", object, ANNOUNCE_BYTES);
  const reader = readerFor(object, ObjectType.ANNOUNCE);
  const tagged = object.slice(0, ANNOUNCE_BYTES - SIGNATURE_BYTES - 32);
  return {
    roomId: reader.take(32),
    key: reader.take(32),
    nonce: reader.take(SESSION_NONCE_BYTES),
    generation: reader.u32(),
    modulus: reader.take(256),
    kemKey: reader.take(1184),
    seen: reader.take(SESSION_BYTES),
    nameNonce: reader.take(12),
    head: object.slice(0, ANNOUNCE_HEAD_BYTES),
    sealedName: reader.take(NAME_FIELD_BYTES + 16),
    tagged,
    memberTag: reader.take(32),
    signed: object.slice(0, ANNOUNCE_BYTES - SIGNATURE_BYTES),
    signature: reader.take(SIGNATURE_BYTES),
  };
}

/** Bytes of a name before it is sealed, whatever its length: `length (1) || name || 0…`. */
const NAME_FIELD_BYTES = 50;

/** Follows a name that its author knows is taken; no name contains it. */
const TAKEN_MARK = "#";

/** The name in a member's announcement. */
export interface AnnouncedName {
  /** The name. */
  readonly name: string;
  /** Whether its author knows that another member has that name: others then show it with the tag. */
  readonly nameTaken: boolean;
}

/** Encodes a name before it is sealed: `length (1) || name || 0…`, 50 bytes; a taken name ends with `#`. */
export function encodeNameField({ name, nameTaken }: AnnouncedName): Bytes {
  const text = utf8(nameTaken ? `${name}${TAKEN_MARK}` : name);
  const field = new Uint8Array(NAME_FIELD_BYTES);
  field[0] = text.length;
  field.set(text, 1);
  return field;
}

/** Decodes an opened name. @throws {WireError} If it is not laid out so, or is not a valid name. */
export function decodeNameField(field: Bytes): AnnouncedName {
  assertSize("name", field, NAME_FIELD_BYTES);
  const reader = new ByteReader(field);
  const text = decodeText(reader.take(reader.u8()));
  if (reader.rest().some((byte) => byte !== 0)) {
    throw new WireError("Cannot decode name: its padding is not zero");
  }
  const nameTaken = text.endsWith(TAKEN_MARK);
  const name = nameTaken ? text.slice(0, -TAKEN_MARK.length) : text;
  if (nameProblem(name) !== undefined) {
    throw new WireError("Cannot decode name: no member may have it");
  }
  return { name, nameTaken };
}

/** The readers of a chain: the room, or one session. */
export const Audience = { ROOM: 0, DIRECT: 1 } as const;

const SKDM_HEADER_BYTES = 174;

/** Bytes of an SKDM. */
export const SKDM_BYTES = 1630;

/** The header of an SKDM: the chain, its sender and its receiver. */
export interface SkdmHeader {
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** The sender's identity key. */
  readonly fromKey: Bytes;
  /** The sender's session. */
  readonly fromSession: Bytes;
  /** The receiver's identity key. */
  readonly toKey: Bytes;
  /** The receiver's session. */
  readonly toSession: Bytes;
  /** The generation of the receiver's session key. */
  readonly toGeneration: number;
  /** One of {@linkcode Audience}. */
  readonly audience: number;
  /** The number of the chain among those of the sender for that audience. */
  readonly epoch: number;
  /** The index of the first MSG that the chain key opens. */
  readonly start: number;
  /** VK, the Ed25519 key that signs the chain's messages. */
  readonly chainVerifier: Bytes;
}

/** A received SKDM. */
export interface SignedSkdm extends SkdmHeader {
  /** The bytes of the header, to which the sealed chain key is bound. */
  readonly header: Bytes;
  /** A secret wrapped for the receiver's RSA key, 256 bytes. */
  readonly wrapped: Bytes;
  /** A secret encapsulated for the receiver's ML-KEM key, 1,088 bytes. */
  readonly encapsulated: Bytes;
  /** The chain key, sealed under a key from both secrets, 48 bytes. */
  readonly sealed: Bytes;
  /** The bytes that the signature covers. */
  readonly signed: Bytes;
  /** The signature of the sender's identity key, 64 bytes. */
  readonly signature: Bytes;
}

/**
 * Encodes the header of an SKDM: `0x21 || room_id (32) || from_ik (32) || from_session (16) || to_ik (32) ||
 * to_session (16) || to_generation (4) || audience (1) || epoch (4) || start (4) || vk (32)`.
 */
export function encodeSkdmHeader(header: SkdmHeader): Bytes {
  return concat(
    u8(ObjectType.SKDM),
    header.roomId,
    header.fromKey,
    header.fromSession,
    header.toKey,
    header.toSession,
    u32(header.toGeneration),
    u8(header.audience),
    u32(header.epoch),
    u32(header.start),
    header.chainVerifier,
  );
}

/**
 * Decodes an SKDM: `header (174) || wrapped (256) || encapsulated (1088) || sealed (48) || signature (64)`.
 *
 * @throws {WireError} If it is not laid out so.
 */
export function decodeSkdm(object: Bytes): SignedSkdm {
  assertSize("SKDM", object, SKDM_BYTES);
  const reader = readerFor(object, ObjectType.SKDM);
  const header: SkdmHeader = {
    roomId: reader.take(32),
    fromKey: reader.take(32),
    fromSession: reader.take(SESSION_BYTES),
    toKey: reader.take(32),
    toSession: reader.take(SESSION_BYTES),
    toGeneration: reader.u32(),
    audience: reader.u8(),
    epoch: reader.u32(),
    start: reader.u32(),
    chainVerifier: reader.take(32),
  };
  if (header.audience > Audience.DIRECT) {
    throw new WireError(`Cannot decode SKDM: its audience is unknown: ${header.audience}`);
  }
  return {
    ...header,
    header: object.slice(0, SKDM_HEADER_BYTES),
    wrapped: reader.take(256),
    encapsulated: reader.take(1088),
    sealed: reader.take(48),
    signed: object.slice(0, SKDM_BYTES - SIGNATURE_BYTES),
    signature: reader.take(SIGNATURE_BYTES),
  };
}

const MSG_HEADER_BYTES = 113;
const MSG_MIN_BYTES = MSG_HEADER_BYTES + 64 + 16 + SIGNATURE_BYTES;
const MSG_MAX_BYTES = MSG_HEADER_BYTES + 16_640 + 16 + SIGNATURE_BYTES;
const INNER_HEADER_BYTES = 37;

/** The header of a MSG. */
export interface MsgHeader {
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** The sender's session. */
  readonly fromSession: Bytes;
  /** The chain, 16 bytes. */
  readonly chainId: Bytes;
  /** The number of the message in its chain, counted from 0. */
  readonly index: number;
  /** The AEAD nonce, 12 random bytes. */
  readonly nonce: Bytes;
  /** kc, which commits to the message key, 32 bytes. */
  readonly commitment: Bytes;
}

/** A received MSG. */
export interface SignedMsg extends MsgHeader {
  /** The bytes of the header: the additional data of the sealed part. */
  readonly header: Bytes;
  /** The sealed inner part. */
  readonly sealed: Bytes;
  /** The bytes that the signature covers. */
  readonly signed: Bytes;
  /** The signature of the chain's signing key, 64 bytes. */
  readonly signature: Bytes;
}

/**
 * Encodes the header of a MSG: `0x22 || room_id (32) || from_session (16) || chain_id (16) || index (4) ||
 * nonce (12) || commitment (32)`.
 */
export function encodeMsgHeader(header: MsgHeader): Bytes {
  return concat(
    u8(ObjectType.MSG),
    header.roomId,
    header.fromSession,
    header.chainId,
    u32(header.index),
    header.nonce,
    header.commitment,
  );
}

/** Decodes a MSG: `header (113) || sealed || signature (64)`. @throws {WireError} Otherwise. */
export function decodeMsg(object: Bytes): SignedMsg {
  const inner = object.length - MSG_HEADER_BYTES - 16 - SIGNATURE_BYTES;
  if (
    object.length < MSG_MIN_BYTES || object.length > MSG_MAX_BYTES || inner !== paddedSize(inner)
  ) {
    throw new WireError(`Cannot decode MSG: no message has that size: ${object.length} bytes`);
  }
  const reader = readerFor(object, ObjectType.MSG);
  return {
    roomId: reader.take(32),
    fromSession: reader.take(SESSION_BYTES),
    chainId: reader.take(16),
    index: reader.u32(),
    nonce: reader.take(12),
    commitment: reader.take(32),
    header: object.slice(0, MSG_HEADER_BYTES),
    sealed: reader.take(inner + 16),
    signed: object.slice(0, object.length - SIGNATURE_BYTES),
    signature: reader.take(SIGNATURE_BYTES),
  };
}

/** The kinds of bodies of a MSG. See PROTOCOL.md §6.5. */
export const BodyKind = {
  TEXT: 1,
  ACTION: 2,
  HEARTBEAT: 3,
  LEAVE: 7,
  STATUS: 9,
  BATCH: 10,
  OFFER: 11,
  WANT: 12,
  GRANT: 13,
  REPORT: 14,
} as const;

/** Longest message, in bytes of UTF-8, and longest body of a MSG. */
export const MAX_TEXT_BYTES = 16_384;

/** The last time that a `Date` can hold, in milliseconds since 1970. */
const MAX_TIME_MS = 8_640_000_000_000_000;

/** The sealed part of a MSG. */
export interface Inner {
  /** The hash of the sender's roster, 16 bytes. */
  readonly roster: Bytes;
  /** The number of MSGs that the sender sealed for this audience in earlier epochs, modulo 2^32. */
  readonly before: number;
  /** The time of sending, in milliseconds since 1970. */
  readonly at: number;
  /** One of {@linkcode BodyKind}. */
  readonly kind: number;
  /** At most {@linkcode MAX_TEXT_BYTES}. */
  readonly body: Bytes;
}

/**
 * Encodes the inner part of a MSG, padded to hide its size: `roster (16) || 0^4 || before (4) ||
 * at (8) || kind (1) || length (4) || body || 0…`, in all a multiple of 64 up to 256 bytes, of 256 beyond.
 */
export function encodeInner(inner: Inner): Bytes {
  const size = INNER_HEADER_BYTES + inner.body.length;
  const padded = new Uint8Array(paddedSize(size));
  padded.set(concat(
    inner.roster,
    new Uint8Array(4),
    u32(inner.before),
    u64(inner.at),
    u8(inner.kind),
    u32(inner.body.length),
    inner.body,
  ));
  return padded;
}

/** Decodes the inner part of a MSG. @throws {WireError} If it is not laid out so. */
export function decodeInner(bytes: Bytes): Inner {
  const reader = new ByteReader(bytes);
  const roster = reader.take(16);
  reader.take(4);
  const before = reader.u32();
  const at = reader.u64();
  if (at > MAX_TIME_MS) throw new WireError("Cannot decode MSG: its time is invalid");
  const kind = reader.u8();
  const body = reader.take(reader.u32());
  if (body.length > MAX_TEXT_BYTES) {
    throw new WireError(`Cannot decode MSG: its body is over ${MAX_TEXT_BYTES} bytes`);
  }
  if (bytes.length !== paddedSize(INNER_HEADER_BYTES + body.length)) {
    throw new WireError("Cannot decode MSG: its padding has the wrong length");
  }
  if (reader.rest().some((byte) => byte !== 0)) {
    throw new WireError("Cannot decode MSG: its padding is not zero");
  }
  return { roster, before, at, kind, body };
}

/**
 * Maximum messages in a batch. More would save little, because one signature covers them already, and would
 * delay the messages of others while these are shown.
 */
export const MAX_BATCH_ITEMS = 256;

/** Bytes of each message in a batch beside its text. */
export const BATCH_ITEM_OVERHEAD_BYTES = 5;

/** One message of a batch. */
export interface BatchItem {
  /** `BodyKind.TEXT` or `BodyKind.ACTION`. */
  readonly kind: number;
  /** UTF-8. */
  readonly text: Bytes;
}

/** Encodes 2 to 256 messages as the body of one MSG: each `kind (1) || length (4) || text`. */
export function encodeBatch(items: readonly BatchItem[]): Bytes {
  return concat(...items.flatMap(({ kind, text }) => [u8(kind), u32(text.length), text]));
}

/** Decodes the body of a batch. @throws {WireError} If it is not laid out so, or has 1 or over 256 messages. */
export function decodeBatch(body: Bytes): BatchItem[] {
  const reader = new ByteReader(body);
  const items: BatchItem[] = [];
  while (reader.remaining > 0) {
    if (items.length === MAX_BATCH_ITEMS) {
      throw new WireError(`Cannot decode batch: it has over ${MAX_BATCH_ITEMS} messages`);
    }
    const kind = reader.u8();
    if (kind !== BodyKind.TEXT && kind !== BodyKind.ACTION) {
      throw new WireError(`Cannot decode batch: a message in it is of kind ${kind}`);
    }
    items.push({ kind, text: reader.take(reader.u32()) });
  }
  if (items.length < 2) throw new WireError("Cannot decode batch: it has only one message");
  return items;
}

/** Decodes the body of a status. @throws {WireError} If it is not UTF-8, too long, or more than one line. */
export function decodeStatus(body: Bytes): string {
  const text = decodeText(body);
  const problem = statusProblem(text);
  if (problem !== undefined) throw new WireError(`Cannot decode status: ${problem}`);
  return text;
}

/** Encodes a NEED, which asks a member for objects not received: `0x23 || round (4)`. See PROTOCOL.md §6.7. */
export function encodeNeed(round: number): Bytes {
  return concat(u8(ObjectType.NEED), u32(round));
}

/** Decodes a NEED. @returns Its round. @throws {WireError} If it is not laid out so. */
export function decodeNeed(object: Bytes): number {
  const reader = readerFor(object, ObjectType.NEED);
  const round = reader.u32();
  reader.end();
  return round;
}

/** An object that a member sends again because the receiver has asked with a NEED. */
export interface Again {
  /** The round of the NEED that it answers. */
  readonly round: number;
  /** The original object; `undefined` at the end of the answer. */
  readonly object: Bytes | undefined;
}

/** Encodes an AGAIN, one part of the answer to a NEED: `0x25 || round (4) || object`; no object at the end. */
export function encodeAgain({ round, object }: Again): Bytes {
  return concat(u8(ObjectType.AGAIN), u32(round), object ?? new Uint8Array());
}

/** Decodes an AGAIN. @throws {WireError} If it is not laid out so. */
export function decodeAgain(object: Bytes): Again {
  const reader = readerFor(object, ObjectType.AGAIN);
  const round = reader.u32();
  return { round, object: reader.remaining > 0 ? reader.rest() : undefined };
}

/** The host's decisions about an identity: removed, banned, or unbanned. */
export const KickOp = { KICK: 1, BAN: 2, UNBAN: 3 } as const;

/** Maximum decisions that a newcomer gets. */
export const MAX_DECISIONS = 256;

/** Bytes of a KICK. */
export const KICK_BYTES = 138;

/** A decision of the host about an identity. */
export interface Kick {
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** The identity key that the decision is about, 32 bytes. */
  readonly target: Bytes;
  /** One of {@linkcode KickOp}. */
  readonly op: number;
  /** Increases with each decision, with gaps: milliseconds since 1970, or one more than the last. */
  readonly number: number;
}

/** A received KICK. */
export interface SignedKick extends Kick {
  /** The bytes that the signature covers. */
  readonly signed: Bytes;
  /** The signature of the host's identity key, 64 bytes. */
  readonly signature: Bytes;
}

/**
 * Encodes a KICK up to its signature: `0x24 || roomId (32) || target (32) || op (1) || number (8)`. See
 * PROTOCOL.md §6.9.
 */
export function encodeKickHead({ number, op, roomId, target }: Kick): Bytes {
  return concat(u8(ObjectType.KICK), roomId, target, u8(op), u64(number));
}

/** Decodes a KICK. @throws {WireError} If it is not laid out so. */
export function decodeKick(object: Bytes): SignedKick {
  const reader = readerFor(object, ObjectType.KICK);
  const kick = {
    roomId: reader.take(32),
    target: reader.take(32),
    op: reader.u8(),
    number: reader.u64(),
    signed: object.slice(0, KICK_BYTES - SIGNATURE_BYTES),
    signature: reader.take(SIGNATURE_BYTES),
  };
  reader.end();
  if (kick.op >= KickOp.KICK && kick.op <= KickOp.UNBAN) return kick;
  throw new WireError(`Cannot decode KICK: its op must be 1 to 3, not ${kick.op}`);
}

/** Text from UTF-8. @throws {WireError} If the bytes are not UTF-8. */
export function decodeText(bytes: Bytes): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new WireError("Cannot decode text: it is not UTF-8", { cause });
  }
}

function paddedSize(size: number): number {
  const step = size <= 256 ? 64 : 256;
  return Math.ceil(size / step) * step;
}

function assertSize(what: string, bytes: Bytes, size: number): void {
  if (bytes.length === size) return;
  throw new WireError(`Cannot decode ${what}: it must have ${size} bytes, not ${bytes.length}`);
}

function readerFor(object: Bytes, type: number): ByteReader {
  const reader = new ByteReader(object);
  if (reader.u8() !== type) throw new WireError("Cannot decode object: it has another type");
  return reader;
}
