/**
 * Chains: the hash ratchets that seal and open the messages of one sender key.
 *
 * @module
 */
import { type Bytes, concat, equal, toHex } from "../bytes/mod.ts";
import {
  generateSigningKey,
  type Identity,
  KEY_BYTES,
  label,
  NONCE_BYTES,
  randomBytes,
  sha256,
  type SigningKey,
  Verifier,
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
import { Ratchet, type RatchetStep } from "./ratchet.ts";
import type { PeerSessionKey } from "./session_key.ts";
import type { SessionKeys } from "./session_keys.ts";

/** Maximum messages that a receiver skips: each costs one key derivation. */
export const MAX_SKIPPED = 2000;

/** Length of a chain's id. */
const CHAIN_ID_BYTES = 16;

/** The member and session key for which a chain key is wrapped. */
export interface KeyRecipient {
  /** The identity key. */
  readonly key: Bytes;
  /** The session. */
  readonly session: Bytes;
  /** The generation of the session key. */
  readonly generation: number;
  /** The session key. */
  readonly sessionKey: PeerSessionKey;
}

/** The member that sends on a chain. */
export interface ChainAuthor {
  /** The room. */
  readonly roomId: Bytes;
  /** Signs the SKDMs. */
  readonly identity: Identity;
  /** The author's session. */
  readonly session: Bytes;
  /** The secret that all members of the room share, 32 bytes: bound into each SKDM. */
  readonly memberKey: Bytes;
}

/** The start of a sending chain. */
export interface ChainStart {
  /** One of `Audience`. */
  readonly audience: number;
  /** Counts the author's chains for this audience, from 1. */
  readonly epoch: number;
  /** When it begins, in ms of `Clock.elapsed`. */
  readonly since: number;
  /** Number of messages that the author sealed for this audience on earlier chains. */
  readonly before: number;
}

async function chainId(verifier: Bytes): Promise<Bytes> {
  return (await sha256(label("lanchat/1 cid"), verifier)).slice(0, CHAIN_ID_BYTES);
}

/** This member's sender key for one audience and one epoch. Calls must not overlap. */
export class SendingChain {
  /** Counts the author's chains for this audience, from 1. */
  readonly epoch: number;
  /** When it began, in ms of `Clock.elapsed`. */
  readonly since: number;
  /** The sessions that were given the key, in hexadecimal digits. */
  readonly holders: Set<string> = new Set();
  /** Whether only heartbeats and a leave may go on it: a session that must not read on holds the key. */
  stale = false;
  /** Whether nothing more may be sealed with it, because a person asked for new keys. */
  retired = false;
  readonly #author: ChainAuthor;
  readonly #audience: number;
  readonly #signing: SigningKey;
  readonly #id: Bytes;
  readonly #before: number;
  readonly #ratchet = new Ratchet(randomBytes(KEY_BYTES));
  #index = 0;

  private constructor(author: ChainAuthor, start: ChainStart, signing: SigningKey, id: Bytes) {
    this.#author = author;
    this.#audience = start.audience;
    this.epoch = start.epoch;
    this.since = start.since;
    this.#before = start.before;
    this.#signing = signing;
    this.#id = id;
  }

  /** Creates a chain with fresh keys. */
  static async begin(author: ChainAuthor, start: ChainStart): Promise<SendingChain> {
    const signing = await generateSigningKey();
    return new SendingChain(author, start, signing, await chainId(signing.publicKey));
  }

  /** Number of messages sealed for this audience, on earlier chains too. */
  get total(): number {
    return this.#before + this.#index;
  }

  /** Number of messages sealed. */
  get index(): number {
    return this.#index;
  }

  /** Wraps the present key for a recipient: an SKDM. @throws {Error} If its RSA key cannot be used. */
  async wrapFor(recipient: KeyRecipient): Promise<Bytes> {
    const { identity, memberKey, roomId, session } = this.#author;
    const header = encodeSkdmHeader({
      roomId,
      fromKey: identity.publicKey,
      fromSession: session,
      toKey: recipient.key,
      toSession: recipient.session,
      toGeneration: recipient.generation,
      audience: this.#audience,
      epoch: this.epoch,
      start: this.#index,
      chainVerifier: this.#signing.publicKey,
    });
    const { encapsulated, sealed, wrapped } = await recipient.sessionKey.wrap(
      this.#ratchet.chainKey,
      { header, memberKey },
    );
    const signed = concat(header, wrapped, encapsulated, sealed);
    return concat(signed, await identity.sign(concat(label("lanchat/1 skdm"), signed)));
  }

  /** Derives the keys of the next message, so that it does not wait for them. */
  prepare(): void {
    this.#ratchet.prepare();
  }

  /** Seals a message: a MSG. Its key is erased at once. */
  async seal(message: Omit<Inner, "before">): Promise<Bytes> {
    const index = this.#index++;
    const step = await this.#ratchet.next();
    this.#ratchet.advance(step);
    const { commitment, messageKey } = step;
    const nonce = randomBytes(NONCE_BYTES);
    const header = encodeMsgHeader({
      roomId: this.#author.roomId,
      fromSession: this.#author.session,
      chainId: this.#id,
      index,
      nonce,
      commitment,
    });
    const inner = encodeInner({ ...message, before: this.#before });
    const signed = concat(header, await messageKey.seal(nonce, inner, header));
    return concat(signed, await this.#signing.sign(concat(label("lanchat/1 msg"), signed)));
  }
}

/** Another member's sender key. Calls must not overlap. */
export class ReceivingChain {
  /** One of `Audience`. */
  readonly audience: number;
  /** The chain's id in hexadecimal digits. */
  readonly id: string;
  readonly #verifier: Verifier;
  readonly #ratchet: Ratchet;
  #nextIndex: number;

  private constructor(skdm: SkdmHeader, id: Bytes, verifier: Verifier, chainKey: Bytes) {
    this.audience = skdm.audience;
    this.id = toHex(id);
    this.#verifier = verifier;
    this.#ratchet = new Ratchet(chainKey);
    this.#nextIndex = skdm.start;
  }

  /**
   * Creates a chain from an SKDM whose header was checked against author and receiver.
   *
   * @param author Verifies signatures of the author's identity key.
   * @param beforeUnwrap Called once the signature is verified; the unwrap waits for it.
   * @throws {RoomError} If the signature, the wrapping or its context is wrong.
   */
  static async accept(
    skdm: SignedSkdm,
    author: Verifier,
    { keys, memberKey }: { readonly keys: SessionKeys; readonly memberKey: Bytes },
    beforeUnwrap: () => Promise<void>,
  ): Promise<ReceivingChain> {
    const verifier = await Verifier.import(skdm.chainVerifier);
    if (verifier === undefined) throw refused("sender key", "its signing key is not acceptable");
    if (!await author.verify(concat(label("lanchat/1 skdm"), skdm.signed), skdm.signature)) {
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

  /** Derives the keys of the next message, so that it does not wait for them. */
  prepare(): void {
    this.#ratchet.prepare();
  }

  /**
   * Opens the next message. The chain does not change unless all of the message is right.
   *
   * @param skip Called once the signature is verified, if messages are missing: has their keys derived, all
   * at once or a few at a time.
   * @returns The inner part, and the number of messages missing before it.
   * @throws {RoomError} If it is old, too far ahead, or not exactly what its author sealed.
   */
  async open(
    msg: SignedMsg,
    skip: (keys: number, derive: (keys: number) => Promise<void>) => Promise<void>,
  ): Promise<{ inner: Inner; missing: number }> {
    const missing = msg.index - this.#nextIndex;
    if (missing < 0) throw refused("message", "it is a repeat");
    if (missing > MAX_SKIPPED) throw refused("message", "too many before it are missing");
    const signed = concat(label("lanchat/1 msg"), msg.signed);
    // What opens is not used before the signature is known to be right. All forgeries together have one key
    // derived, which the next message needs anyway.
    const [verified, next] = await Promise.all([
      this.#verifier.verify(signed, msg.signature),
      missing === 0 ? tryOpen(msg, this.#ratchet) : undefined,
    ]);
    if (!verified) throw refused("message", "its signature is wrong");
    const later = new Ratchet(this.#ratchet.chainKey);
    if (missing > 0) await skip(missing, (keys) => later.skip(keys));
    const { opened, step } = next ?? await tryOpen(msg, later);
    if (!equal(step.commitment, msg.commitment)) {
      throw refused("message", "it commits to another key");
    }
    if (opened === undefined) throw refused("message", "it cannot be opened");
    const inner = decodeInner(opened);
    this.#ratchet.advance(step);
    this.#nextIndex = msg.index + 1;
    return { inner, missing };
  }
}

/** Opens a MSG with the next key of a ratchet. @returns The plaintext, or `undefined` if that key is another. */
async function tryOpen(
  { header, nonce, sealed }: SignedMsg,
  ratchet: Ratchet,
): Promise<{ opened: Bytes | undefined; step: RatchetStep }> {
  const step = await ratchet.next();
  return { opened: await step.messageKey.open(nonce, sealed, header), step };
}

/** Returns the error for an object that no honest member sends. */
export function refused(object: string, reason: string): RoomError {
  return new RoomError("protocol-error", `Cannot accept ${object}: ${reason}`);
}
