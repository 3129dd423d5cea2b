/**
 * The four messages of the hop handshake. See PROTOCOL.md §4.2.
 *
 * @module
 */
import { ByteReader, type Bytes, concat, equal, u8, utf8 } from "../bytes/mod.ts";
import { HandshakeError, WireError } from "../errors.ts";
import { KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES } from "../sizes.ts";

/** The start of M0 and M1: the name of the protocol and its version. */
const MAGIC = utf8("LANCHAT");
const VERSION = 0x01;
const SUITE = 0x01;

const MODULUS_BYTES = 256;

/** Bytes of each handshake message. See PROTOCOL.md §4.2. */
export const M0_BYTES = 42;
/** Bytes of the initiator's first message. */
export const M1_BYTES = 1513;
/** Bytes of the responder's second message. */
export const M2_BYTES = 1745;
/** Bytes of the initiator's second message. */
export const M3_BYTES = 448;

/** M0: the room admits only members with its invite. */
const FLAG_INVITE = 0x01;
/** M0: the host has too many callers and closes the connection now. */
const FLAG_BUSY = 0x02;

/** The responder's first message, the greeting. */
export interface M0 {
  /** Whether the room needs an invite. */
  readonly invite: boolean;
  /** Whether the host has too many callers and closes the connection now. */
  readonly busy: boolean;
  /** 32 random bytes, fresh for each handshake. */
  readonly challenge: Bytes;
}

/** Encodes M0: `"LANCHAT" || version (1) || suite (1) || flags (1) || challenge (32)`. */
export function encodeM0(message: M0): Bytes {
  const flags = (message.invite ? FLAG_INVITE : 0) | (message.busy ? FLAG_BUSY : 0);
  return concat(prologue(), u8(flags), message.challenge);
}

/**
 * Decodes M0.
 *
 * @throws {HandshakeError} `not-lanchat` or `wrong-version`.
 * @throws {WireError} If a flag is unknown.
 */
export function decodeM0(body: Bytes): M0 {
  const reader = new ByteReader(body);
  readPrologue(reader);
  const flags = reader.u8();
  if ((flags & ~(FLAG_INVITE | FLAG_BUSY)) !== 0) {
    throw new WireError(`Cannot decode M0: its flags are unknown: ${flags}`);
  }
  const challenge = reader.take(32);
  reader.end();
  return {
    invite: (flags & FLAG_INVITE) !== 0,
    busy: (flags & FLAG_BUSY) !== 0,
    challenge,
  };
}

/** The initiator's first message. */
export interface M1 {
  /** H(L("lanchat/1 sas commit") || r_I), 32 bytes. */
  readonly commitment: Bytes;
  /** n_I, the initiator's RSA modulus, 256 bytes. */
  readonly modulus: Bytes;
  /** ek_I, the initiator's ML-KEM-768 key, 1184 bytes. */
  readonly kemKey: Bytes;
  /** HMAC over M0 and the rest of M1, 32 bytes. */
  readonly gate: Bytes;
}

/** Encodes the part of M1 that the gate covers: `"LANCHAT" || version || suite || commitment (32) || n_I (256) || ek_I (1184)`. */
export function encodeM1Head(message: Omit<M1, "gate">): Bytes {
  return concat(prologue(), message.commitment, message.modulus, message.kemKey);
}

/** Encodes M1: its head and `gate (32)`. */
export function encodeM1(message: M1): Bytes {
  return concat(encodeM1Head(message), message.gate);
}

/**
 * Decodes M1.
 *
 * @throws {HandshakeError} `not-lanchat` or `wrong-version`.
 * @throws {WireError} If its size is wrong.
 */
export function decodeM1(body: Bytes): M1 {
  const reader = new ByteReader(body);
  readPrologue(reader);
  const commitment = reader.take(32);
  const modulus = reader.take(MODULUS_BYTES);
  const kemKey = reader.take(KEM_KEY_BYTES);
  const gate = reader.take(32);
  reader.end();
  return { commitment, modulus, kemKey, gate };
}

/** The responder's second message. */
export interface M2 {
  /** n_R, the responder's RSA modulus, 256 bytes. */
  readonly modulus: Bytes;
  /** ct_R, k_R wrapped for n_I, 256 bytes. */
  readonly wrapped: Bytes;
  /** ctk_R, from which ek_I gives ss, 1088 bytes. */
  readonly encapsulated: Bytes;
  /** enc_R, the host's identity, sealed, 145 bytes. */
  readonly sealed: Bytes;
}

/** Encodes M2: `n_R (256) || ct_R (256) || ctk_R (1088) || enc_R (145)`. */
export function encodeM2(message: M2): Bytes {
  return concat(message.modulus, message.wrapped, message.encapsulated, message.sealed);
}

/** Decodes M2. @throws {WireError} If its size is wrong. */
export function decodeM2(body: Bytes): M2 {
  const reader = new ByteReader(body);
  const modulus = reader.take(MODULUS_BYTES);
  const wrapped = reader.take(MODULUS_BYTES);
  const encapsulated = reader.take(KEM_CIPHERTEXT_BYTES);
  const sealed = reader.take(145);
  reader.end();
  return { modulus, wrapped, encapsulated, sealed };
}

/** The initiator's second message. */
export interface M3 {
  /** ct_I, k_I wrapped for n_R, 256 bytes. */
  readonly wrapped: Bytes;
  /** Proof that the initiator unwrapped k_R, 32 bytes. */
  readonly confirmation: Bytes;
  /** enc_I, the member's identity, sealed, 160 bytes. */
  readonly sealed: Bytes;
}

/** Encodes M3: `ct_I (256) || confirmation (32) || enc_I (160)`. */
export function encodeM3(message: M3): Bytes {
  return concat(message.wrapped, message.confirmation, message.sealed);
}

/** Decodes M3. @throws {WireError} If its size is wrong. */
export function decodeM3(body: Bytes): M3 {
  const reader = new ByteReader(body);
  const wrapped = reader.take(MODULUS_BYTES);
  const confirmation = reader.take(32);
  const sealed = reader.take(160);
  reader.end();
  return { wrapped, confirmation, sealed };
}

function prologue(): Bytes {
  return concat(MAGIC, u8(VERSION), u8(SUITE));
}

function readPrologue(reader: ByteReader): void {
  if (!equal(reader.take(MAGIC.length), MAGIC)) {
    throw new HandshakeError("not-lanchat", "The other side is not lanchat");
  }
  const version = reader.u8();
  if (version !== VERSION) {
    const [finding, machine] = version < VERSION
      ? ["The other side's lanchat is older: it speaks", "the other machine"]
      : ["This lanchat is older: the other side speaks", "this machine"];
    throw new HandshakeError(
      "wrong-version",
      `${finding} version ${version} of the protocol, not ${VERSION}`,
      { hint: `Update lanchat on ${machine}.` },
    );
  }
  const suite = reader.u8();
  if (suite !== SUITE) {
    throw new HandshakeError("wrong-version", `The other side speaks another suite: ${suite}`);
  }
}
