/**
 * Both sides of the hop handshake, written a second time from docs/PROTOCOL.md with only primitives,
 * with an option to lie at every step.
 *
 * @module
 */
import { type Bytes, concat, u32, utf8 } from "../../lib/bytes/mod.ts";
import {
  CipherKey,
  encapsulate,
  generateKemKeyPair,
  hmac,
  type Identity,
  kdf,
  type KemKeyPair,
  label,
  randomBytes,
  sha256,
  unwrap,
  WrapKey,
  type WrapKeyPair,
} from "../../lib/crypto/mod.ts";

const ZERO_NONCE = new Uint8Array(12);
const Z = new Uint8Array(32);

function frame(body: Bytes): Bytes {
  return concat(u32(body.length), body);
}

function prologue(): Bytes {
  return concat(utf8("LANCHAT"), new Uint8Array([1, 1]));
}

async function gateOf(psk: Bytes, m0: Bytes, m1Head: Bytes): Promise<Bytes> {
  const gateKey = await kdf(Z, psk, "lanchat/1 gate key", 32);
  return await hmac(gateKey, label("lanchat/1 gate"), frame(m0), m1Head);
}

async function seal(key: Bytes, plaintext: Bytes, additionalData: Bytes): Promise<Bytes> {
  return await (await CipherKey.import(key)).seal(ZERO_NONCE, plaintext, additionalData);
}

async function open(key: Bytes, sealed: Bytes, additionalData: Bytes): Promise<Bytes> {
  const opened = await (await CipherKey.import(key)).open(ZERO_NONCE, sealed, additionalData);
  if (opened === undefined) throw new Error("The scripted peer cannot open what it was sent");
  return opened;
}

async function wrapFor(modulus: Bytes, wrapLabel: string, secret: Bytes): Promise<Bytes> {
  return await (await WrapKey.import(modulus)).wrap(wrapLabel, secret);
}

/** Deviations of a scripted host from an honest one. */
export interface HostLies {
  /** M0's flags. */
  readonly flags?: number;
  /** n_R as sent. */
  readonly modulus?: Bytes;
  /** k_R. */
  readonly secret?: Bytes;
  /** The OAEP label of ct_R. */
  readonly wrapLabel?: string;
  /** ct_R as sent. */
  readonly wrapped?: Bytes;
  /** ctk_R as sent. */
  readonly encapsulated?: Bytes;
  /** ik_R as sent. */
  readonly key?: Bytes;
  /** flags2. */
  readonly flags2?: number;
  /** sig_R, from the bytes that it should cover. */
  readonly sign?: (signed: { text: Bytes; h2a: Bytes }) => Promise<Bytes>;
  /** enc_R as sent, from the honest one. */
  readonly sealed?: (honest: Bytes) => Bytes;
}

/** The values that a scripted host learns from M3. */
export interface MemberSeen {
  readonly key: Bytes;
  readonly opening: Bytes;
  readonly nonce: Bytes;
  readonly signature: Bytes;
  readonly toHost: Bytes;
  readonly toMember: Bytes;
}

/** A host that may lie. */
export class ScriptedHost {
  readonly m0: Bytes;
  readonly #identity: Identity;
  readonly #keyPair: WrapKeyPair;
  readonly #psk: Bytes;
  readonly #roomId: Bytes;
  readonly #lies: HostLies;
  #kR: Bytes = Z;
  #ss: Bytes = Z;
  #h2a: Bytes = Z;
  #h2: Bytes = Z;

  constructor(
    options: { identity: Identity; keyPair: WrapKeyPair; roomId: Bytes; psk: Bytes },
    lies: HostLies = {},
  ) {
    this.#identity = options.identity;
    this.#keyPair = options.keyPair;
    this.#roomId = options.roomId;
    this.#psk = options.psk;
    this.#lies = lies;
    const flags = lies.flags ?? (options.psk.some((byte) => byte !== 0) ? 1 : 0);
    this.m0 = concat(prologue(), new Uint8Array([flags]), randomBytes(32));
  }

  /** M2, for any M1. */
  async m2(m1: Bytes): Promise<Bytes> {
    const lies = this.#lies;
    this.#kR = lies.secret ?? randomBytes(32);
    const modulus = lies.modulus ?? this.#keyPair.modulus;
    const wrapped = lies.wrapped ??
      await wrapFor(m1.slice(41, 297), lies.wrapLabel ?? "lanchat/1 hop kR", this.#kR);
    const { ciphertext, secret } = await encapsulate(m1.slice(297, 1481));
    this.#ss = secret;
    const encapsulated = lies.encapsulated ?? ciphertext;
    const h0 = await sha256(label("lanchat/1 hop"), frame(this.m0), frame(m1));
    this.#h2a = await sha256(h0, modulus, wrapped, encapsulated);
    const key = lies.key ?? this.#identity.publicKey;
    const flags2 = new Uint8Array([lies.flags2 ?? 0]);
    const text = concat(label("lanchat/1 hop host sig"), this.#h2a, key, this.#roomId, flags2);
    const signature = await (lies.sign?.({ text, h2a: this.#h2a }) ?? this.#identity.sign(text));
    const k2 = await kdf(this.#h2a, concat(this.#kR, this.#ss, this.#psk), "lanchat/1 hop k2", 32);
    const honest = await seal(k2, concat(key, this.#roomId, flags2, signature), this.#h2a);
    const sealed = lies.sealed?.(honest) ?? honest;
    this.#h2 = await sha256(this.#h2a, sealed);
    return concat(modulus, wrapped, encapsulated, sealed);
  }

  /** The contents of M3. */
  async receiveM3(m3: Bytes): Promise<MemberSeen> {
    const [wrapped, confirmation, sealed] = [m3.slice(0, 256), m3.slice(256, 288), m3.slice(288)];
    const kI = await unwrap(this.#keyPair, "lanchat/1 hop kI", wrapped);
    if (kI === undefined) throw new Error("The scripted host cannot unwrap what it was sent");
    const h3a = await sha256(this.#h2, wrapped, confirmation);
    const material = concat(this.#kR, kI, this.#ss, this.#psk);
    const plain = await open(await kdf(h3a, material, "lanchat/1 hop k3", 32), sealed, h3a);
    const h3 = await sha256(h3a, sealed);
    return {
      key: plain.slice(0, 32),
      opening: plain.slice(32, 64),
      nonce: plain.slice(64, 80),
      signature: plain.slice(80),
      toHost: await kdf(h3, material, "lanchat/1 hop c2s", 32),
      toMember: await kdf(h3, material, "lanchat/1 hop s2c", 32),
    };
  }
}

/** Deviations of a scripted member from an honest one. */
export interface MemberLies {
  /** The value that M1 commits to. */
  readonly commitment?: Bytes;
  /** n_I as sent. */
  readonly modulus?: Bytes;
  /** ek_I as sent. */
  readonly kemKey?: Bytes;
  /** The gate as sent, from the honest one. */
  readonly gate?: (honest: Bytes) => Bytes;
  /** k_I. */
  readonly secret?: Bytes;
  /** The OAEP label of ct_I. */
  readonly wrapLabel?: string;
  /** ct_I as sent, which everything after covers. */
  readonly wrapped?: Bytes;
  /** conf as sent, from the honest one. */
  readonly confirmation?: (honest: Bytes) => Bytes;
  /** ik_I as sent. */
  readonly key?: Bytes;
  /** r_I as sent. */
  readonly opening?: Bytes;
  /** sig_I, from the bytes that it should cover. */
  readonly sign?: (signed: { text: Bytes; h3a: Bytes; hostKey: Bytes }) => Promise<Bytes>;
  /** enc_I as sent, from the honest one. */
  readonly sealed?: (honest: Bytes) => Bytes;
}

/** A member that may lie. */
export class ScriptedMember {
  readonly #identity: Identity;
  readonly #keyPair: WrapKeyPair;
  readonly #psk: Bytes;
  readonly #nonce: Bytes;
  readonly #lies: MemberLies;
  readonly #opening: Bytes;
  readonly #kem: Promise<KemKeyPair>;
  #h0: Bytes = Z;

  constructor(
    options: {
      identity: Identity;
      keyPair: WrapKeyPair;
      nonce: Bytes;
      psk: Bytes;
      kem?: KemKeyPair;
    },
    lies: MemberLies = {},
  ) {
    this.#identity = options.identity;
    this.#keyPair = options.keyPair;
    this.#nonce = options.nonce;
    this.#kem = options.kem === undefined ? generateKemKeyPair() : Promise.resolve(options.kem);
    this.#psk = options.psk;
    this.#lies = lies;
    this.#opening = lies.opening ?? randomBytes(32);
  }

  /** M1, for any M0. */
  async m1(m0: Bytes): Promise<Bytes> {
    const lies = this.#lies;
    const commitment = lies.commitment ??
      await sha256(label("lanchat/1 sas commit"), this.#opening);
    const head = concat(
      prologue(),
      commitment,
      lies.modulus ?? this.#keyPair.modulus,
      lies.kemKey ?? (await this.#kem).publicKey,
    );
    const honest = await gateOf(this.#psk, m0, head);
    const m1 = concat(head, lies.gate?.(honest) ?? honest);
    this.#h0 = await sha256(label("lanchat/1 hop"), frame(m0), frame(m1));
    return m1;
  }

  /** M3, and the secrets of the records after it. */
  async m3(m2: Bytes): Promise<{ m3: Bytes; toHost: Bytes; toMember: Bytes }> {
    const lies = this.#lies;
    const [modulus, wrappedR] = [m2.slice(0, 256), m2.slice(256, 512)];
    const [encapsulated, sealedR] = [m2.slice(512, 1600), m2.slice(1600)];
    const ss = (await (await this.#kem).decapsulate(encapsulated))!;
    const kR = await unwrap(this.#keyPair, "lanchat/1 hop kR", wrappedR);
    if (kR === undefined) throw new Error("The scripted member cannot unwrap what it was sent");
    const h2a = await sha256(this.#h0, modulus, wrappedR, encapsulated);
    const k2 = await kdf(h2a, concat(kR, ss, this.#psk), "lanchat/1 hop k2", 32);
    const hostKey = (await open(k2, sealedR, h2a)).slice(0, 32);
    const h2 = await sha256(h2a, sealedR);
    const kI = lies.secret ?? randomBytes(32);
    const wrapped = lies.wrapped ??
      await wrapFor(modulus, lies.wrapLabel ?? "lanchat/1 hop kI", kI);
    const kconf = await kdf(h2a, concat(kR, ss, this.#psk), "lanchat/1 hop conf", 32);
    const honestConf = await hmac(kconf, label("lanchat/1 hop conf"), h2, wrapped);
    const confirmation = lies.confirmation?.(honestConf) ?? honestConf;
    const h3a = await sha256(h2, wrapped, confirmation);
    const key = lies.key ?? this.#identity.publicKey;
    const text = concat(
      label("lanchat/1 hop member sig"),
      h3a,
      hostKey,
      key,
      this.#opening,
      this.#nonce,
    );
    const signature = await (lies.sign?.({ text, h3a, hostKey }) ?? this.#identity.sign(text));
    const material = concat(kR, kI, ss, this.#psk);
    const plaintext = concat(key, this.#opening, this.#nonce, signature);
    const honest = await seal(await kdf(h3a, material, "lanchat/1 hop k3", 32), plaintext, h3a);
    const sealed = lies.sealed?.(honest) ?? honest;
    const h3 = await sha256(h3a, sealed);
    return {
      m3: concat(wrapped, confirmation, sealed),
      toHost: await kdf(h3, material, "lanchat/1 hop c2s", 32),
      toMember: await kdf(h3, material, "lanchat/1 hop s2c", 32),
    };
  }
}
