/**
 * The key schedule of the hop handshake, which both sides follow. See PROTOCOL.md §4.
 *
 * @module
 */
import { type Bytes, concat } from "../bytes/mod.ts";
import {
  hmac,
  hmacVerify,
  joinCode,
  kdf,
  KEY_BYTES,
  KeyMaterial,
  label,
  sha256,
  zeroKey,
} from "../crypto/mod.ts";
import { encodeFrame } from "../wire/mod.ts";

/** The OAEP label of ct_R. */
export const MEMBER_WRAP_LABEL = "lanchat/1 hop kR";

/** The OAEP label of ct_I. */
export const HOST_WRAP_LABEL = "lanchat/1 hop kI";

/** The result of a handshake at one end. */
export interface HopSession {
  /** The other end's identity key, 32 bytes. */
  readonly peerKey: Bytes;
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** The member's session, 16 bytes. */
  readonly session: Bytes;
  /** The nonce that derives it, with room and key, 16 bytes. */
  readonly nonce: Bytes;
  /** The secret of the records that this end sends, 32 bytes. */
  readonly sendSecret: Bytes;
  /** The secret of the records that this end receives, 32 bytes. */
  readonly receiveSecret: Bytes;
  /** The ten digits that both ends show. */
  readonly joinCode: string;
}

/**
 * The key schedule of the hop handshake: every hash, key and signed text, for both ends.
 * See PROTOCOL.md §4.3.
 */
export const schedule = {
  /** H(L("lanchat/1 sas commit") || r_I). */
  commitment: (opening: Bytes): Promise<Bytes> => sha256(label("lanchat/1 sas commit"), opening),

  /** The MAC over M0 and the head of M1 that opens the gate. */
  gate: async (psk: Bytes, m0: Bytes, m1Head: Bytes): Promise<Bytes> =>
    await hmac(await gateKey(psk), label("lanchat/1 gate"), encodeFrame(m0), m1Head),

  /** Whether a gate MAC is right, in constant time. */
  gateOpens: async (psk: Bytes, gate: Bytes, m0: Bytes, m1Head: Bytes): Promise<boolean> =>
    await hmacVerify(
      await gateKey(psk),
      gate,
      label("lanchat/1 gate"),
      encodeFrame(m0),
      m1Head,
    ),

  /** h0: the transcript of M0 and M1. */
  h0: (m0: Bytes, m1: Bytes): Promise<Bytes> =>
    sha256(label("lanchat/1 hop"), encodeFrame(m0), encodeFrame(m1)),

  /** h2a, h2, h3a and h3: the hash of a transcript and the bytes after it. */
  extend: (transcript: Bytes, ...parts: Bytes[]): Promise<Bytes> => sha256(transcript, ...parts),

  /** What k2 and kconf are derived from. */
  earlyMaterial: (kR: Bytes, ss: Bytes, psk: Bytes): Promise<KeyMaterial> =>
    KeyMaterial.import(concat(kR, ss, psk)),

  /** What k3 and the secrets are derived from. */
  material: (kR: Bytes, kI: Bytes, ss: Bytes, psk: Bytes): Promise<KeyMaterial> =>
    KeyMaterial.import(concat(kR, kI, ss, psk)),

  /** k2, which seals the host's identity. */
  k2: (h2a: Bytes, early: KeyMaterial): Promise<Bytes> =>
    early.derive(h2a, "lanchat/1 hop k2", KEY_BYTES),

  /** kconf, which proves that k_R was unwrapped. */
  confirmationKey: (h2a: Bytes, early: KeyMaterial): Promise<Bytes> =>
    early.derive(h2a, "lanchat/1 hop conf", KEY_BYTES),

  /** conf. */
  confirmation: (kconf: Bytes, h2: Bytes, wrapped: Bytes): Promise<Bytes> =>
    hmac(kconf, label("lanchat/1 hop conf"), h2, wrapped),

  /** Whether conf is right, in constant time. */
  confirms: (kconf: Bytes, confirmation: Bytes, h2: Bytes, wrapped: Bytes): Promise<boolean> =>
    hmacVerify(kconf, confirmation, label("lanchat/1 hop conf"), h2, wrapped),

  /** k3, which seals the member's identity. */
  k3: (h3a: Bytes, material: KeyMaterial): Promise<Bytes> =>
    material.derive(h3a, "lanchat/1 hop k3", KEY_BYTES),

  /** The text that the host signs. */
  hostSigned: (h2a: Bytes, hostKey: Bytes, roomId: Bytes, flags: Bytes): Bytes =>
    concat(label("lanchat/1 hop host sig"), h2a, hostKey, roomId, flags),

  /** The text that the member signs. */
  memberSigned: (
    h3a: Bytes,
    hostKey: Bytes,
    memberKey: Bytes,
    opening: Bytes,
    nonce: Bytes,
  ): Bytes => concat(label("lanchat/1 hop member sig"), h3a, hostKey, memberKey, opening, nonce),

  /** The secrets of the two directions of records. */
  secrets: async (
    h3: Bytes,
    material: KeyMaterial,
  ): Promise<{ toHost: Bytes; toMember: Bytes }> => ({
    toHost: await material.derive(h3, "lanchat/1 hop c2s", KEY_BYTES),
    toMember: await material.derive(h3, "lanchat/1 hop s2c", KEY_BYTES),
  }),

  /** The join code. */
  joinCode: (h2: Bytes, opening: Bytes): Promise<string> => joinCode(h2, opening),
} as const;

function gateKey(psk: Bytes): Promise<Bytes> {
  return kdf(zeroKey(), psk, "lanchat/1 gate key", KEY_BYTES);
}
