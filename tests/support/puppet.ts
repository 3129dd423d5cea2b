/**
 * A member that a test plays itself, out of primitives alone, with a place to lie at every step.
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
  sha256,
  type SigningKey,
  unwrap,
  WrapKey,
  type WrapKeyPair,
} from "../../lib/crypto/mod.ts";
import {
  type Announce,
  Audience,
  BodyKind,
  decodeAnnounce,
  decodeInner,
  decodeMsg,
  decodeSkdm,
  encodeAnnounceHead,
  encodeInner,
  encodeMsgHeader,
  encodeSkdmHeader,
  type Inner,
  type MsgHeader,
  type RosterEntry,
  type SkdmHeader,
} from "../../lib/wire/mod.ts";
import { identityOf, sessionKey } from "./keys.ts";

/** The room of all tests. */
export const ROOM_ID: Bytes = new Uint8Array(32).fill(0x20);

/** Who hosts it. */
export const HOST: Identity = await identityOf("host");

/** What its members know of its secret. */
export const MEMBER_KEY: Bytes = new Uint8Array(32).fill(0x21);

const Z = new Uint8Array(32);

/** What a chain is wrapped for. */
export interface Target {
  readonly key: Bytes;
  readonly session: Bytes;
  readonly generation: number;
  readonly modulus: Bytes;
}

/** What a puppet does otherwise than an honest member. */
export interface AnnounceLies extends Partial<Announce> {
  readonly memberKey?: Bytes;
  readonly signer?: Identity;
  /** The sessions it claims to see, instead of one. */
  readonly manySeen?: readonly Bytes[];
  /** The head as sent, from the honest one. */
  readonly head?: (honest: Bytes) => Bytes;
}

/** A scripted member. */
export class Puppet {
  readonly name: string;
  readonly identity: Identity;
  readonly session: Bytes;
  readonly keys: WrapKeyPair;
  /** The chains that it was given, by id. */
  readonly held: Map<string, HeldChain> = new Map();

  constructor(name: string, identity: Identity, session: Bytes, keys: WrapKeyPair) {
    this.name = name;
    this.identity = identity;
    this.session = session;
    this.keys = keys;
  }

  /** A member of that name, with a new session. @param identity Whose key it has, by name. */
  static async create(name: string, identity: string = name): Promise<Puppet> {
    return new Puppet(name, await identityOf(identity), randomBytes(16), await sessionKey());
  }

  /** How the relay lists it. */
  get entry(): RosterEntry {
    return { session: this.session, key: this.identity.publicKey, away: false };
  }

  /** How others wrap keys for it. */
  get target(): Target {
    const { identity, keys, session } = this;
    return { key: identity.publicKey, session, generation: 1, modulus: keys.modulus };
  }

  /** An ANNOUNCE for one session. */
  async announce(seen: Bytes, lies: AnnounceLies = {}): Promise<Bytes> {
    const { head: alter, manySeen, memberKey = MEMBER_KEY, signer = this.identity, ...rest } = lies;
    const honest = encodeAnnounceHead({
      roomId: ROOM_ID,
      key: this.identity.publicKey,
      session: this.session,
      generation: 1,
      modulus: this.keys.modulus,
      name: this.name,
      nameTaken: false,
      seen,
      ...rest,
    });
    const listed = manySeen === undefined
      ? honest
      : concat(honest.slice(0, -17), new Uint8Array([manySeen.length]), ...manySeen);
    const head = alter?.(listed) ?? listed;
    const tagged = concat(head, await hmac(memberKey, label("lanchat/1 member"), head));
    return concat(tagged, await signer.sign(concat(label("lanchat/1 announce"), tagged)));
  }

  /** A new chain of its own. */
  async chain(audience: number = Audience.ROOM, epoch = 1): Promise<OwnChain> {
    return new OwnChain(this, await generateSigningKey(), audience, epoch);
  }

  /**
   * Takes what it was sent: keeps a chain, or opens a MSG.
   *
   * @returns What a MSG hides; `undefined` for an SKDM, and for a MSG that it cannot open.
   */
  async take(object: Bytes): Promise<Inner | undefined> {
    if (object[0] === 0x21) {
      const skdm = decodeSkdm(object);
      const secret = await unwrap(this.keys, "lanchat/1 skdm", skdm.wrapped);
      if (secret === undefined) throw new Error("The SKDM is not for this puppet");
      const id = (await sha256(label("lanchat/1 cid"), skdm.chainVerifier)).slice(0, 16);
      this.held.set(toHex(id), { chainKey: secret.slice(0, 32), index: skdm.start });
      return undefined;
    }
    const msg = decodeMsg(object);
    const chain = this.held.get(toHex(msg.chainId));
    return chain && await openWith(chain, object);
  }

  /** Tries every chain key that it ever held on a MSG, whatever chain it says it is of. */
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

/** A chain key of somebody else. */
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

/** What an SKDM says otherwise than an honest one. */
export interface SkdmLies extends Partial<SkdmHeader> {
  /** Who signs. */
  readonly signer?: Identity;
  /** What is wrapped, from what should be. */
  readonly secret?: (honest: Bytes) => Bytes;
  /** The wrapped secret as sent. */
  readonly wrapped?: Bytes;
}

/** What a MSG says otherwise than an honest one. */
export interface MsgLies extends Partial<MsgHeader> {
  /** Who signs. */
  readonly signer?: SigningKey;
  /** The plaintext, from what should be it. */
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

  /** An SKDM for somebody. */
  async skdm(to: Target, lies: SkdmLies = {}): Promise<Bytes> {
    const { signer = this.#owner.identity, secret: alter, wrapped: given, ...rest } = lies;
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
    const honest = concat(this.chainKey, await sha256(label("lanchat/1 skdm hdr"), header));
    const wrapKey = await WrapKey.import(to.modulus);
    const wrapped = given ?? await wrapKey.wrap("lanchat/1 skdm", alter?.(honest) ?? honest);
    return concat(
      header,
      wrapped,
      await signer.sign(concat(label("lanchat/1 skdm"), header, wrapped)),
    );
  }

  /** Goes on without sending. @param count Messages that nobody gets. */
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

/** What an ANNOUNCE tells of its author. */
export function targetOf(object: Bytes): Target & { readonly name: string } {
  const { generation, key, modulus, name, session } = decodeAnnounce(object);
  return { generation, key, modulus, name, session };
}
