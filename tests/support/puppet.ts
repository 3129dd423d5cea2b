/**
 * A member scripted by a test, made of only primitives, with an option to lie at every step.
 *
 * @module
 */
import { type Bytes, concat, equal, toHex } from "../../lib/bytes/mod.ts";
import {
  CipherKey,
  generateSigningKey,
  hmac,
  type Identity,
  kdf,
  label,
  randomBytes,
  sessionId,
  sha256,
  type SigningKey,
} from "../../lib/crypto/mod.ts";
import {
  PeerSessionKey,
  publicHalves,
  type PublicSessionKey,
  type SessionKeyPair,
  unwrapChainKey,
  type WrapContext,
  type WrappedKey,
} from "../../lib/room/session_key.ts";
import {
  type Announce,
  type AnnouncedName,
  Audience,
  BodyKind,
  decodeAnnounce,
  decodeInner,
  decodeMsg,
  decodeNameField,
  decodeSkdm,
  encodeAnnounceHead,
  encodeInner,
  encodeMsgHeader,
  encodeNameField,
  encodeSkdmHeader,
  type Inner,
  type MsgHeader,
  type RosterEntry,
  type SkdmHeader,
} from "../../lib/wire/mod.ts";
import { identityOf, sessionKey, sessionOf, type TestSession } from "./keys.ts";

/** The room of all tests. */
export const ROOM_ID: Bytes = new Uint8Array(32).fill(0x20);

/** Its host's identity. */
export const HOST: Identity = await identityOf("host");

/** The secret that its members share. */
export const MEMBER_KEY: Bytes = new Uint8Array(32).fill(0x21);

const Z = new Uint8Array(32);

/** The recipient for which a chain is wrapped. */
export interface Target extends PublicSessionKey {
  readonly key: Bytes;
  readonly session: Bytes;
  readonly generation: number;
}

/** Deviations of a puppet from an honest member. */
export interface AnnounceLies extends Partial<Announce & AnnouncedName> {
  /** The key that proves membership. */
  readonly memberKey?: Bytes;
  /** The key that seals the name. */
  readonly nameKey?: Bytes;
  readonly signer?: Identity;
  /** The field sealed as the name, from the honest one. */
  readonly field?: (honest: Bytes) => Bytes;
  /** All bytes before the member tag as sent, from the honest ones. */
  readonly untagged?: (honest: Bytes) => Bytes;
}

/** A scripted member. */
export class Puppet {
  readonly name: string;
  readonly identity: Identity;
  readonly nonce: Bytes;
  readonly session: Bytes;
  readonly keys: SessionKeyPair;
  /** The chains that it was given, by id. */
  readonly held: Map<string, HeldChain> = new Map();

  constructor(
    name: string,
    identity: Identity,
    { nonce, session }: TestSession,
    keys: SessionKeyPair,
  ) {
    this.name = name;
    this.identity = identity;
    this.nonce = nonce;
    this.session = session;
    this.keys = keys;
  }

  /** A member of that name, with a new session. @param identity Whose key it has, by name. */
  static async create(name: string, identity: string = name): Promise<Puppet> {
    const owner = await identityOf(identity);
    const session = await sessionOf(ROOM_ID, owner.publicKey);
    return new Puppet(name, owner, session, await sessionKey());
  }

  /** How the relay lists it, and the session that this is. */
  get entry(): RosterEntry & TestSession {
    const { identity: { publicKey: key }, nonce, session } = this;
    return { key, nonce, session, away: false };
  }

  /** How others wrap keys for it. */
  get target(): Target {
    const { identity, keys, session } = this;
    return { key: identity.publicKey, session, generation: 1, ...publicHalves(keys) };
  }

  /** An ANNOUNCE for one session. */
  async announce(seen: Bytes, lies: AnnounceLies = {}): Promise<Bytes> {
    const {
      field: alterField = (honest: Bytes) => honest,
      memberKey = MEMBER_KEY,
      name = this.name,
      nameKey = MEMBER_KEY,
      nameTaken = false,
      signer = this.identity,
      untagged: alter = (honest: Bytes) => honest,
      ...rest
    } = lies;
    const nameNonce = randomBytes(12);
    const head = encodeAnnounceHead({
      roomId: ROOM_ID,
      key: this.identity.publicKey,
      nonce: this.nonce,
      generation: 1,
      ...publicHalves(this.keys),
      seen,
      nameNonce,
      ...rest,
    });
    const field = alterField(encodeNameField({ name, nameTaken }));
    const cipher = await nameCipher(this.session, nameKey);
    const untagged = alter(concat(head, await cipher.seal(nameNonce, field, head)));
    const tagged = concat(untagged, await hmac(memberKey, label("lanchat/1 member"), untagged));
    return concat(tagged, await signer.sign(concat(label("lanchat/1 announce"), tagged)));
  }

  /** A new chain of its own. */
  async chain(audience: number = Audience.ROOM, epoch = 1): Promise<OwnChain> {
    return new OwnChain(this, await generateSigningKey(), audience, epoch);
  }

  /**
   * Receives an object: keeps a chain, or opens a MSG.
   *
   * @returns The contents of a MSG; `undefined` for an SKDM, and for a MSG that it cannot open.
   */
  async take(object: Bytes): Promise<Inner | undefined> {
    if (object[0] === 0x21) {
      const skdm = decodeSkdm(object);
      const context = { header: skdm.header, memberKey: MEMBER_KEY };
      const chainKey = await unwrapChainKey(this.keys, context, skdm);
      if (chainKey === undefined) throw new Error("The SKDM is not for this puppet");
      const id = (await sha256(label("lanchat/1 cid"), skdm.chainVerifier)).slice(0, 16);
      this.held.set(toHex(id), { chainKey, index: skdm.start });
      return undefined;
    }
    const msg = decodeMsg(object);
    const chain = this.held.get(toHex(msg.chainId));
    return chain && await openWith(chain, object);
  }

  /** Tries every chain key that it ever held on a MSG, whichever chain the MSG names. */
  async tryAll(object: Bytes, steps: number): Promise<Inner | undefined> {
    for (const { chainKey } of this.held.values()) {
      const { header, nonce, sealed } = decodeMsg(object);
      let step = await ratchet(chainKey);
      for (let i = 0; i < steps; i++) {
        const opened = await (await CipherKey.import(step.key)).open(nonce, sealed, header);
        if (opened !== undefined) return decodeInner(opened);
        step = await ratchet(step.next);
      }
    }
    return undefined;
  }
}

/** A chain key of another member. */
export interface HeldChain {
  chainKey: Bytes;
  index: number;
}

async function openWith(chain: HeldChain, object: Bytes): Promise<Inner | undefined> {
  const { commitment, header, index, nonce, sealed } = decodeMsg(object);
  if (index < chain.index) return undefined;
  let step = await ratchet(chain.chainKey);
  for (; chain.index < index; chain.index++) step = await ratchet(step.next);
  const opened = await (await CipherKey.import(step.key)).open(nonce, sealed, header);
  if (opened === undefined || !equal(step.commitment, commitment)) return undefined;
  chain.chainKey = step.next;
  chain.index++;
  return decodeInner(opened);
}

/** One step of the ratchet. */
export async function ratchet(
  chainKey: Bytes,
): Promise<{ next: Bytes; key: Bytes; commitment: Bytes }> {
  const bytes = await kdf(Z, chainKey, "lanchat/1 ratchet", 96);
  return {
    next: bytes.slice(0, 32),
    key: bytes.slice(32, 64),
    commitment: bytes.slice(64),
  };
}

/** Deviations of an SKDM from an honest one. */
export interface SkdmLies extends Partial<SkdmHeader> {
  /** Who signs. */
  readonly signer?: Identity;
  /** The bytes that bind the chain key, from the honest ones. */
  readonly context?: (honest: WrapContext) => WrapContext;
  /** The wrapped chain key as sent, from the honest one. */
  readonly wrap?: (honest: WrappedKey) => WrappedKey;
}

/** Deviations of a MSG from an honest one. */
export interface MsgLies extends Partial<MsgHeader> {
  /** Who signs. */
  readonly signer?: SigningKey;
  /** The plaintext, from the honest one. */
  readonly plaintext?: (honest: Bytes) => Bytes;
  /** The sealed part as sent, from the honest one. */
  readonly sealed?: (honest: Bytes) => Bytes;
  /** The roster hash. */
  readonly roster?: Bytes;
  /** The body's kind. */
  readonly kind?: number;
  /** How many messages it claims to have sealed in earlier chains. */
  readonly before?: number;
  /** When it claims to be sent. */
  readonly at?: number;
}

/** A chain that a puppet sends on. */
export class OwnChain {
  readonly signing: SigningKey;
  readonly epoch: number;
  readonly audience: number;
  readonly #owner: Puppet;
  /** The key of the next message. */
  chainKey: Bytes = randomBytes(32);
  /** The index of the next message. */
  index = 0;

  constructor(owner: Puppet, signing: SigningKey, audience: number, epoch: number) {
    this.#owner = owner;
    this.signing = signing;
    this.audience = audience;
    this.epoch = epoch;
  }

  /** The chain's id. */
  async id(): Promise<Bytes> {
    return (await sha256(label("lanchat/1 cid"), this.signing.publicKey)).slice(0, 16);
  }

  /** An SKDM for one session. */
  async skdm(to: Target, lies: SkdmLies = {}): Promise<Bytes> {
    const { context: rebind, signer = this.#owner.identity, wrap: alter, ...rest } = lies;
    const header = encodeSkdmHeader({
      roomId: ROOM_ID,
      fromKey: this.#owner.identity.publicKey,
      fromSession: this.#owner.session,
      toKey: to.key,
      toSession: to.session,
      toGeneration: to.generation,
      audience: this.audience,
      epoch: this.epoch,
      start: this.index,
      chainVerifier: this.signing.publicKey,
      ...rest,
    });
    const context = { header, memberKey: MEMBER_KEY };
    const sessionKey = await PeerSessionKey.import(to);
    const honest = await sessionKey.wrap(this.chainKey, rebind?.(context) ?? context);
    const { encapsulated, sealed, wrapped } = alter?.(honest) ?? honest;
    const signed = concat(header, wrapped, encapsulated, sealed);
    return concat(signed, await signer.sign(concat(label("lanchat/1 skdm"), signed)));
  }

  /** Advances the chain without sending. @param count Number of messages skipped. */
  async skip(count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.chainKey = (await ratchet(this.chainKey)).next;
    this.index += count;
  }

  /** The next MSG. */
  async msg(body: Bytes | string, lies: MsgLies = {}): Promise<Bytes> {
    const { at, before, kind, plaintext, roster, sealed: alter, signer = this.signing, ...rest } =
      lies;
    const { next, key, commitment } = await ratchet(this.chainKey);
    this.chainKey = next;
    const header = encodeMsgHeader({
      roomId: ROOM_ID,
      fromSession: this.#owner.session,
      chainId: await this.id(),
      index: this.index++,
      nonce: randomBytes(12),
      commitment,
      ...rest,
    });
    const honest = encodeInner({
      roster: roster ?? new Uint8Array(16),
      before: before ?? 0,
      at: at ?? 0,
      kind: kind ?? BodyKind.TEXT,
      body: typeof body === "string" ? new TextEncoder().encode(body) : body,
    });
    const cipher = await CipherKey.import(key);
    const inner = plaintext?.(honest) ?? honest;
    const honestSealed = await cipher.seal(header.slice(69, 81), inner, header);
    const signed = concat(header, alter?.(honestSealed) ?? honestSealed);
    return concat(signed, await signer.sign(concat(label("lanchat/1 msg"), signed)));
  }
}

/** The contents of an ANNOUNCE, without the name. */
export async function targetOf(object: Bytes): Promise<Target> {
  const { generation, kemKey, key, modulus, nonce, roomId } = decodeAnnounce(object);
  const session = await sessionId(roomId, key, nonce);
  return { generation, kemKey, key, modulus, session };
}

/** The name in an ANNOUNCE, for holders of the room's secret. */
export async function nameOf(object: Bytes): Promise<AnnouncedName> {
  const { head, key, nameNonce, nonce, roomId, sealedName } = decodeAnnounce(object);
  const cipher = await nameCipher(await sessionId(roomId, key, nonce), MEMBER_KEY);
  return decodeNameField((await cipher.open(nameNonce, sealedName, head))!);
}

async function nameCipher(session: Bytes, memberKey: Bytes): Promise<CipherKey> {
  return await CipherKey.import(await kdf(session, memberKey, "lanchat/1 name", 32));
}
