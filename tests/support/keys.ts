/**
 * Key material that is the same in every run: making RSA keys takes too long for a test.
 *
 * @module
 */
import { type Bytes, fromHex, utf8 } from "../../lib/bytes/mod.ts";
import {
  type Identity,
  importIdentity,
  importKemKeyPair,
  importWrapKeyPair,
  randomBytes,
  seedToPkcs8,
  sessionId,
  sha256,
  type WrapKeyPair,
} from "../../lib/crypto/mod.ts";
import type { SessionKeyPair } from "../../lib/room/session_key.ts";
import pool from "../vectors/keys.json" with { type: "json" };
import vectors from "../vectors/vectors.json" with { type: "json" };
import { flip } from "./assert.ts";

/** Bytes from base64. */
export function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** A source of key pairs that hands out the same few repeatedly. */
function roundRobin(pkcs8: readonly string[]): () => Promise<WrapKeyPair> {
  const pairs = new Map<number, Promise<WrapKeyPair>>();
  let next = 0;
  return () => {
    const index = next++ % pkcs8.length;
    const pair = pairs.get(index) ?? importWrapKeyPair(fromBase64(pkcs8[index]!));
    pairs.set(index, pair);
    return pair;
  };
}

/** The next RSA-2048 key pair of a host; never one of {@linkcode memberHopKey}. */
export const hostHopKey: () => Promise<WrapKeyPair> = roundRobin(pool.rsa2048.slice(0, 2));

/** The next RSA-2048 key pair of a member; never one of {@linkcode hostHopKey}. */
export const memberHopKey: () => Promise<WrapKeyPair> = roundRobin(pool.rsa2048.slice(2, 4));

const sessionKeys: readonly SessionKeyPair[] = await Promise.all(
  pool.rsa2048.slice(4).map(async (pkcs8, i) => ({
    rsa: await importWrapKeyPair(fromBase64(pkcs8)),
    kem: await importKemKeyPair(seededRandom(i)(64)),
  })),
);
let nextSessionKey = 0;

/** The next session key, of a few that are handed out repeatedly. */
export function sessionKey(): Promise<SessionKeyPair> {
  return Promise.resolve(sessionKeys[nextSessionKey++ % sessionKeys.length]!);
}

/** The identity of a person, the same for the same name. */
export async function identityOf(name: string): Promise<Identity> {
  return await importIdentity(seedToPkcs8(await sha256(utf8(name))));
}

/** A session, with the nonce from which it is derived. */
export interface TestSession {
  readonly nonce: Bytes;
  readonly session: Bytes;
}

/** A session of a key in a room. @param nonce A new one by default. */
export async function sessionOf(
  roomId: Bytes,
  key: Bytes,
  nonce: Bytes = randomBytes(16),
): Promise<TestSession> {
  return { nonce, session: await sessionId(roomId, key, nonce) };
}

/** The identity with a seed in hexadecimal digits. */
export function identityFromSeed(seed: string): Promise<Identity> {
  return importIdentity(seedToPkcs8(fromHex(seed)));
}

/** Both signs of each y coordinate of small order: the 14 keys that no identity may have. */
export const SMALL_ORDER_KEYS: readonly Bytes[] = vectors.ed25519_small_order_y_le.flatMap(
  (hex) => [fromHex(hex), flip(fromHex(hex), 255)],
);

/** Bytes that look random and are the same for the same seed. */
export function seededRandom(seed: number): (count: number) => Bytes {
  let state = seed >>> 0;
  return (count) =>
    new Uint8Array(count).map(() => {
      // The generator of Numerical Recipes; its upper bits are the better ones.
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    });
}
