/**
 * Digits and tags by which people compare keys: fingerprints, safety numbers, join codes.
 *
 * @module
 */
import { type Bytes, compare, toBase32, toHex, utf8 } from "../bytes/mod.ts";
import { kdf, label, sha256 } from "./hash.ts";

/** Characters of a tag. */
export const TAG_LENGTH = 8;

/** PBKDF2 rounds that each try at a look-alike fingerprint costs. */
const FINGERPRINT_ROUNDS = 65_536;

/**
 * The short name of an identity key on the screen, to tell two members of one name apart. Never for
 * decisions: 40 bits can be searched through.
 *
 * @returns 8 characters of lower-case base32. See PROTOCOL.md §2.4.
 */
export async function keyTag(publicKey: Bytes): Promise<string> {
  return toBase32(await sha256(label("lanchat/1 tag"), publicKey)).slice(0, TAG_LENGTH);
}

/**
 * The number that two people compare to know an identity key. Takes about 50 ms of a core.
 *
 * @returns 30 decimal digits. See PROTOCOL.md §2.4.
 */
export function fingerprint(publicKey: Bytes): Promise<string> {
  return stretchedDigits(publicKey, "lanchat/1 fingerprint", 6);
}

/**
 * The number that two people compare to know each other, in either order of the keys.
 *
 * @returns 60 decimal digits: the fingerprints of both, the smaller one first. See PROTOCOL.md §2.4.
 */
export async function safetyNumber(one: Bytes, other: Bytes): Promise<string> {
  return (await Promise.all([fingerprint(one), fingerprint(other)])).sort().join("");
}

/**
 * The number that all members of a room compare to know each other at once. Takes about 50 ms of a core.
 *
 * @param roomId The room, 32 bytes. @param keys The identity keys of the host and of all members;
 * twice counts once.
 * @returns 40 decimal digits. See PROTOCOL.md §2.4.
 */
export async function roomCode(roomId: Bytes, keys: readonly Bytes[]): Promise<string> {
  const unique = [...new Map(keys.map((key) => [toHex(key), key])).values()].sort(compare);
  const input = await sha256(label("lanchat/1 room code"), roomId, ...unique);
  return await stretchedDigits(input, "lanchat/1 room code", 8);
}

/** The 30 digits of a fingerprint that a person wrote, in groups or not; `undefined` if they are not 30. */
export function readFingerprint(text: string): string | undefined {
  const digits = text.replaceAll(/[\s-]/g, "");
  return /^\d{30}$/.test(digits) ? digits : undefined;
}

/**
 * Digits of a public value that are costly to imitate: PBKDF2-HMAC-SHA-512 (RFC 8018 §5.2).
 *
 * @param input The value. @param salt ASCII. @param groups Number of groups of 5 digits.
 */
async function stretchedDigits(
  input: Bytes,
  salt: string,
  groups: number,
): Promise<string> {
  const key = await crypto.subtle.importKey("raw", input, "PBKDF2", false, ["deriveBits"]);
  const algorithm = {
    name: "PBKDF2",
    hash: "SHA-512",
    salt: utf8(salt),
    iterations: FINGERPRINT_ROUNDS,
  };
  return digitGroups(new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, groups * 40)));
}

/** Each 5 bytes as a big-endian number modulo 100,000, in 5 digits. */
function digitGroups(bytes: Bytes): string {
  let digits = "";
  for (let i = 0; i < bytes.length; i += 5) {
    const group = bytes.subarray(i, i + 5).reduce((value, byte) => value * 256 + byte, 0);
    digits += String(group % 100_000).padStart(5, "0");
  }
  return digits;
}

/**
 * The code that the two ends of one connection compare by voice.
 *
 * @param transcript `h2` of the handshake. @param opening `r_I`, which the initiator committed to.
 * @returns 10 decimal digits. See PROTOCOL.md §4.5.
 */
export async function joinCode(transcript: Bytes, opening: Bytes): Promise<string> {
  const bytes = await kdf(transcript, opening, "lanchat/1 sas", 8);
  const value = new DataView(bytes.buffer).getBigUint64(0) % 10_000_000_000n;
  return value.toString().padStart(10, "0");
}

/** Digits in groups of five, as people read them to each other. */
export function groups(digits: string): string {
  return digits.replaceAll(/.{5}(?=.)/g, "$& ");
}
