/**
 * The host's side of the hop handshake. See PROTOCOL.md §4.
 *
 * @module
 */
import { type Bytes, concat, equal, isZero } from "../bytes/mod.ts";
import {
  CipherKey,
  encapsulate,
  type Encapsulation,
  HOP_KEY_BITS,
  type Identity,
  isKemKey,
  isModulus,
  isPublicKey,
  KEY_BYTES,
  type KeyMaterial,
  NONCE_BYTES,
  randomBytes,
  sessionId,
  verify,
} from "../crypto/mod.ts";
import { decodeM1, decodeM3, encodeM0, encodeM1Head, encodeM2 } from "../wire/mod.ts";
import type { HostKey } from "./host_key.ts";
import { handshakeFailure, outOfOrder, wrapFor } from "./initiator.ts";
import { type HopSession, MEMBER_WRAP_LABEL, schedule } from "./schedule.ts";

/** A host's inputs to a handshake. */
export interface ResponderOptions {
  /** The host's identity. */
  readonly identity: Identity;
  /** The room, 32 bytes. */
  readonly roomId: Bytes;
  /** The host's RSA key. */
  readonly hostKey: HostKey;
  /** The room's pre-shared key; 32 zero bytes for an open room. */
  readonly psk: Bytes;
  /** The source of the challenge and k_R. */
  readonly random?: (count: number) => Bytes;
  /** Wraps k_R. */
  readonly wrap?: (modulus: Bytes, label: string, secret: Bytes) => Promise<Bytes>;
  /** Makes and encapsulates ss. */
  readonly encapsulate?: (publicKey: Bytes) => Promise<Encapsulation>;
}

interface SentM2 {
  readonly commitment: Bytes;
  readonly kR: Bytes;
  readonly ss: Bytes;
  readonly early: KeyMaterial;
  readonly h2a: Bytes;
  readonly h2: Bytes;
}

/** Encodes the M0 of a host that is too busy for the caller. */
export function busyGreeting(): Bytes {
  return encodeM0({ invite: false, busy: true, challenge: randomBytes(32) });
}

/**
 * The host's side of the hop handshake: gives M0, takes M1 and M3. Each step may be taken once, in order;
 * any failure ends it. The host does no private RSA operation before the member has proved one of its own.
 * See PROTOCOL.md §4.4.
 */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #random: (count: number) => Bytes;
  /** The greeting, 42 bytes, to be sent first. */
  readonly m0: Bytes;
  #state: "created" | SentM2 | "ended" = "created";
  #answered = false;

  /** Prepares a handshake and its greeting. */
  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#random = options.random ?? randomBytes;
    this.m0 = encodeM0({
      invite: !isZero(options.psk),
      busy: false,
      challenge: this.#random(32),
    });
  }

  /** Whether M2 was made: from then on the member knows its join code. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Whether the next message is the member's to send. */
  get waitsForMember(): boolean {
    return this.#state !== "ended";
  }

  /**
   * Takes the member's first message.
   *
   * @param m1 1513 bytes.
   * @returns M2, 1745 bytes.
   * @throws {HandshakeError} If the gate stays shut or the member's RSA key is not acceptable.
   */
  async receiveM1(m1: Bytes): Promise<Bytes> {
    const state = this.#state;
    this.#state = "ended";
    if (state !== "created") throw outOfOrder("M1");
    const { hostKey, identity, psk, roomId } = this.#options;
    const hello = decodeM1(m1);
    if (!await schedule.gateOpens(psk, hello.gate, this.m0, encodeM1Head(hello))) {
      throw handshakeFailure("the member does not know the room's secret");
    }
    if (!isModulus(hello.modulus, HOP_KEY_BITS) || equal(hello.modulus, hostKey.modulus)) {
      throw handshakeFailure("the member's RSA key is not acceptable");
    }
    if (!isKemKey(hello.kemKey)) {
      throw handshakeFailure("the member's ML-KEM key is not acceptable");
    }
    const h0 = await schedule.h0(this.m0, m1);
    const kR = this.#random(KEY_BYTES);
    const wrap = this.#options.wrap ?? wrapFor;
    const wrapped = await wrap(hello.modulus, MEMBER_WRAP_LABEL, kR);
    const { ciphertext: encapsulated, secret: ss } =
      await (this.#options.encapsulate ?? encapsulate)(
        hello.kemKey,
      );
    const h2a = await schedule.extend(h0, hostKey.modulus, wrapped, encapsulated);
    const flags = new Uint8Array(1);
    const signature = await identity.sign(
      schedule.hostSigned(h2a, identity.publicKey, roomId, flags),
    );
    const early = await schedule.earlyMaterial(kR, ss, psk);
    const k2 = await CipherKey.import(await schedule.k2(h2a, early));
    const sealed = await k2.seal(
      new Uint8Array(NONCE_BYTES),
      concat(identity.publicKey, roomId, flags, signature),
      h2a,
    );
    const h2 = await schedule.extend(h2a, sealed);
    this.#state = { commitment: hello.commitment, kR, ss, early, h2a, h2 };
    this.#answered = true;
    return encodeM2({ modulus: hostKey.modulus, wrapped, encapsulated, sealed });
  }

  /**
   * Takes the member's second message.
   *
   * @param m3 448 bytes.
   * @returns The open session; the member has proved its identity.
   * @throws {HandshakeError} With the same code for every reason.
   */
  async receiveM3(m3: Bytes): Promise<HopSession> {
    const state = this.#state;
    this.#state = "ended";
    if (typeof state === "string") throw outOfOrder("M3");
    const { commitment, kR, ss, early, h2a, h2 } = state;
    const { hostKey, identity, psk, roomId } = this.#options;
    const answer = decodeM3(m3);
    const kconf = await schedule.confirmationKey(h2a, early);
    if (!await schedule.confirms(kconf, answer.confirmation, h2, answer.wrapped)) {
      throw handshakeFailure("the member did not unwrap the host's secret");
    }
    const kI = await hostKey.unwrap(answer.wrapped);
    const h3a = await schedule.extend(h2, answer.wrapped, answer.confirmation);
    const material = await schedule.material(kR, kI, ss, psk);
    const k3 = await CipherKey.import(await schedule.k3(h3a, material));
    const opened = await k3.open(new Uint8Array(NONCE_BYTES), answer.sealed, h3a);
    if (opened === undefined) throw handshakeFailure("the member's identity cannot be opened");
    const memberKey = opened.slice(0, 32);
    const opening = opened.slice(32, 64);
    const nonce = opened.slice(64, 80);
    const signature = opened.slice(80);
    if (!isPublicKey(memberKey)) {
      throw handshakeFailure("the member's identity key is not acceptable");
    }
    if (!equal(await schedule.commitment(opening), commitment)) {
      throw handshakeFailure("the member's commitment does not match");
    }
    const signed = schedule.memberSigned(h3a, identity.publicKey, memberKey, opening, nonce);
    if (!await verify(memberKey, signed, signature)) {
      throw handshakeFailure("the member's signature is wrong");
    }
    const h3 = await schedule.extend(h3a, answer.sealed);
    const secrets = await schedule.secrets(h3, material);
    return {
      peerKey: memberKey,
      roomId,
      session: await sessionId(roomId, memberKey, nonce),
      nonce,
      sendSecret: secrets.toMember,
      receiveSecret: secrets.toHost,
      joinCode: await schedule.joinCode(h2, opening),
    };
  }
}
