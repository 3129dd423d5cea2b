import { type Bytes, concat, equal, toHex } from "../bytes/mod.ts";
import {
  CipherKey,
  generateSigningKey,
  type Identity,
  kdf,
  KEY_BYTES,
  label,
  NONCE_BYTES,
  randomBytes,
  sha256,
  type SigningKey,
  Verifier,
  zeroKey,
} from "../crypto/mod.ts";
import { RoomError } from "../errors.ts";
import {
  decodeInner,
  encodeInner,
  encodeMsgHeader,
  encodeSkdmHeader,
  type Inner,
  type SignedMsg,
  type SignedSkdm,
  type SkdmHeader,
} from "../wire/mod.ts";
import type { PeerSessionKey } from "./session_key.ts";
import type { SessionKeys } from "./session_keys.ts";

/** Messages that a receiver may skip: each costs it one key derivation. */
export const MAX_SKIPPED = 2000;

/** Bytes of a chain's id. */
const CHAIN_ID_BYTES = 16;

/** For whom a chain key is wrapped. */
export interface Reader {
  /** The identity key. */
  readonly key: Bytes;
  /** The session. */
  readonly session: Bytes;
  /** The generation of the session key. */
  readonly generation: number;
  /** The session key. */
  readonly sessionKey: PeerSessionKey;
}

/** Whose chain it is. */
export interface Author {
  /** The room. */
  readonly roomId: Bytes;
  /** Signs the SKDMs. */
  readonly identity: Identity;
  /** The author's session. */
  readonly session: Bytes;
  /** What members of the room know, 32 bytes: bound into each SKDM. */
  readonly memberKey: Bytes;
}

/** Where a sending chain begins. */
export interface ChainStart {
  /** One of `Audience`. */
  readonly audience: number;
  /** Counts the author's chains for this audience, from 1. */
  readonly epoch: number;
  /** When it begins, as `Clock.elapsed` counts. */
  readonly since: number;
  /** How many messages the author has sealed for this audience before. */
  readonly before: number;
}

/** A chain key and what follows from it. */
interface Step {
  readonly next: Bytes;
  readonly messageKey: Bytes;
  readonly commitment: Bytes;
}

/** One step of the ratchet: HKDF of the chain key, 96 bytes. See PROTOCOL.md §6.4. */
async function step(chainKey: Bytes): Promise<Step> {
  const bytes = await kdf(zeroKey(), chainKey, "lanchat/1 ratchet", 3 * KEY_BYTES);
  return {
    next: bytes.slice(0, KEY_BYTES),
    messageKey: bytes.slice(KEY_BYTES, 2 * KEY_BYTES),
    commitment: bytes.slice(2 * KEY_BYTES),
  };
}

async function chainId(verifier: Bytes): Promise<Bytes> {
  return (await sha256(label("lanchat/1 cid"), verifier)).slice(0, CHAIN_ID_BYTES);
}

/** A member's sending key for one audience and one epoch. Calls must not overlap. */
export class SendingChain {
  /** Counts the author's chains for this audience, from 1. */
  readonly epoch: number;
  /** When it began, as `Clock.elapsed` counts. */
  readonly since: number;
  /** The sessions that were given the key, in hexadecimal digits. */
  readonly holders: Set<string> = new Set();
  /** Whether nothing may be said on it: a session that must not read on holds the key. */
  stale = false;
  /** Whether not even a heartbeat may go on it: a person asked for new keys. */
  retired = false;
  readonly #author: Author;
  readonly #audience: number;
  readonly #signing: SigningKey;
  readonly #id: Bytes;
  readonly #before: number;
  #chainKey: Bytes = randomBytes(KEY_BYTES);
  #index = 0;

  private constructor(author: Author, start: ChainStart, signing: SigningKey, id: Bytes) {
    this.#author = author;
    this.#audience = start.audience;
    this.epoch = start.epoch;
    this.since = start.since;
    this.#before = start.before;
    this.#signing = signing;
    this.#id = id;
  }

  /** Begins a chain with fresh keys. */
  static async begin(author: Author, start: ChainStart): Promise<SendingChain> {
    const signing = await generateSigningKey();
    return new SendingChain(author, start, signing, await chainId(signing.publicKey));
  }

  /** How many messages were sealed for this audience, those of earlier chains included. */
  get total(): number {
    return this.#before + this.#index;
  }

  /** How many messages were sealed. */
  get index(): number {
    return this.#index;
  }

  /** Gives the key as it now is to a reader: an SKDM. @throws {Error} If its RSA key cannot be used. */
  async wrapFor(reader: Reader): Promise<Bytes> {
    const { identity, memberKey, roomId, session } = this.#author;
    const header = encodeSkdmHeader({
      roomId,
      fromKey: identity.publicKey,
      fromSession: session,
      toKey: reader.key,
      toSession: reader.session,
      toGeneration: reader.generation,
      audience: this.#audience,
      epoch: this.epoch,
      start: this.#index,
      chainVerifier: this.#signing.publicKey,
    });
    const { encapsulated, sealed, wrapped } = await reader.sessionKey.wrap(
      this.#chainKey,
      { header, memberKey },
    );
    const signed = concat(header, wrapped, encapsulated, sealed);
    return concat(signed, await identity.sign(concat(label("lanchat/1 skdm"), signed)));
  }

  /** Seals a message: a MSG. Its key is forgotten at once. */
  async seal(message: Omit<Inner, "before">): Promise<Bytes> {
    const index = this.#index++;
    const { next, messageKey, commitment } = await step(this.#chainKey);
    this.#chainKey.fill(0);
    this.#chainKey = next;
    const nonce = randomBytes(NONCE_BYTES);
    const header = encodeMsgHeader({
      roomId: this.#author.roomId,
      fromSession: this.#author.session,
      chainId: this.#id,
      index,
      nonce,
      commitment,
    });
    const key = await CipherKey.import(messageKey);
    const inner = encodeInner({ ...message, before: this.#before });
    const signed = concat(header, await key.seal(nonce, inner, header));
    return concat(signed, await this.#signing.sign(concat(label("lanchat/1 msg"), signed)));
  }
}

/** Another member's sending key. Calls must not overlap. */
export class ReceivingChain {
  /** One of `Audience`. */
  readonly audience: number;
  /** The chain's id in hexadecimal digits. */
  readonly id: string;
  readonly #verifier: Verifier;
  #chainKey: Bytes;
  #nextIndex: number;

  private constructor(skdm: SkdmHeader, id: Bytes, verifier: Verifier, chainKey: Bytes) {
    this.audience = skdm.audience;
    this.id = toHex(id);
    this.#verifier = verifier;
    this.#chainKey = chainKey;
    this.#nextIndex = skdm.start;
  }

  /**
   * Takes a sending key from its SKDM, whose header was checked against sender and receiver before.
   *
   * @param self `keys` unwraps; `memberKey` is the room's.
   * @param beforeUnwrap Waited for once the signature is known to be right.
   * @throws {RoomError} If the signature, the wrapping or what is bound to it is wrong.
   */
  static async take(
    skdm: SignedSkdm,
    sender: Verifier,
    { keys, memberKey }: { readonly keys: SessionKeys; readonly memberKey: Bytes },
    beforeUnwrap: () => Promise<void>,
  ): Promise<ReceivingChain> {
    const verifier = await Verifier.import(skdm.chainVerifier);
    if (verifier === undefined) throw refused("sender key", "its signing key is not acceptable");
    if (!await sender.verify(concat(label("lanchat/1 skdm"), skdm.signed), skdm.signature)) {
      throw refused("sender key", "its signature is wrong");
    }
    await beforeUnwrap();
    const context = { header: skdm.header, memberKey };
    const chainKey = await keys.unwrap(skdm.toGeneration, context, skdm);
    if (chainKey === undefined) {
      throw refused("sender key", "it was not wrapped for this member and header");
    }
    const id = await chainId(skdm.chainVerifier);
    return new ReceivingChain(skdm, id, verifier, chainKey);
  }

  /**
   * Opens the next message. Nothing changes unless all of it is right.
   *
   * @param skip Derives the keys of missing messages, so many in all, once the signature is known to be
   * right. It may call `derive` for a few at a time.
   * @returns What it hides, and how many messages before it are missing.
   * @throws {RoomError} If it is old, too far ahead, or not exactly what its author sealed.
   */
  async open(
    msg: SignedMsg,
    skip: (keys: number, derive: (keys: number) => Promise<void>) => Promise<void>,
  ): Promise<{ inner: Inner; missing: number }> {
    const missing = msg.index - this.#nextIndex;
    if (missing < 0) throw refused("message", "it came before");
    if (missing > MAX_SKIPPED) throw refused("message", "too many before it are missing");
    if (!await this.#verifier.verify(concat(label("lanchat/1 msg"), msg.signed), msg.signature)) {
      throw refused("message", "its signature is wrong");
    }
    let chainKey = this.#chainKey;
    if (missing > 0) {
      await skip(missing, async (keys) => {
        for (let i = 0; i < keys; i++) chainKey = (await step(chainKey)).next;
      });
    }
    const ratchet = await step(chainKey);
    if (!equal(ratchet.commitment, msg.commitment)) {
      throw refused("message", "it commits to another key");
    }
    const key = await CipherKey.import(ratchet.messageKey);
    const opened = await key.open(msg.nonce, msg.sealed, msg.header);
    if (opened === undefined) throw refused("message", "it cannot be opened");
    const inner = decodeInner(opened);
    this.#chainKey.fill(0);
    this.#chainKey = ratchet.next;
    this.#nextIndex = msg.index + 1;
    return { inner, missing };
  }
}

/** The error of an object that no honest member sends. */
export function refused(object: string, reason: string): RoomError {
  return new RoomError("protocol-error", `Cannot take ${object} as ${reason}`);
}
