/**
 * The member's side of the hop handshake. See PROTOCOL.md §4.
 *
 * @module
 */
import { type Bytes, concat, equal } from "../bytes/mod.ts";
import {
  CipherKey,
  generateKemKeyPair,
  HOP_KEY_BITS,
  type Identity,
  isModulus,
  isPublicKey,
  type KemKeyPair,
  KEY_BYTES,
  NONCE_BYTES,
  randomBytes,
  sessionId,
  unwrap,
  verify,
  WrapKey,
  type WrapKeyPair,
} from "../crypto/mod.ts";
import { HandshakeError } from "../errors.ts";
import { decodeM0, decodeM2, encodeM1, encodeM1Head, encodeM3 } from "../wire/mod.ts";
import { type HopSession, HOST_WRAP_LABEL, MEMBER_WRAP_LABEL, schedule } from "./schedule.ts";

/** A member's inputs to a handshake. */
export interface InitiatorOptions {
  /** The member's identity. */
  readonly identity: Identity;
  /** The nonce that derives its session, 16 bytes; the same over all its connections to one room. */
  readonly nonce: Bytes;
  /** A fresh RSA key pair, for this connection only. */
  readonly keyPair: WrapKeyPair;
  /** Makes an ML-KEM key pair, for this connection only. */
  readonly generateKem?: () => Promise<KemKeyPair>;
  /** The room's pre-shared key; 32 zero bytes for an open room. */
  readonly psk: Bytes;
  /** Whether the host's key is the expected one; called before the member reveals its identity. */
  readonly trusts: (hostKey: Bytes) => Promise<boolean>;
  /** Called once M1 is made, which shows the host whether the member knows psk. */
  readonly onM1?: () => void;
  /** The source of r_I and k_I. */
  readonly random?: (count: number) => Bytes;
  /** Wraps k_I. */
  readonly wrap?: (modulus: Bytes, label: string, secret: Bytes) => Promise<Bytes>;
}

interface SentM1 {
  readonly h0: Bytes;
  readonly kem: KemKeyPair;
}

/**
 * The member's side of the hop handshake: takes M0 and M2, gives M1 and M3. Each step may be taken once,
 * in order; any failure ends it. See PROTOCOL.md §4.4.
 */
export class Initiator {
  readonly #options: InitiatorOptions;
  readonly #opening: Bytes;
  readonly #random: (count: number) => Bytes;
  #state: "created" | SentM1 | "ended" = "created";

  /** Prepares a handshake; nothing is computed yet. */
  constructor(options: InitiatorOptions) {
    this.#options = options;
    this.#random = options.random ?? randomBytes;
    this.#opening = this.#random(32);
  }

  /** Whether M1 was made and M2 has not come. */
  get waitsForM2(): boolean {
    return typeof this.#state === "object";
  }

  /**
   * Takes the host's greeting.
   *
   * @param m0 42 bytes.
   * @returns M1, 1513 bytes.
   * @throws {HandshakeError} `not-lanchat`, `wrong-version`, `busy` or `needs-invite`.
   */
  async receiveM0(m0: Bytes): Promise<Bytes> {
    const state = this.#state;
    this.#state = "ended";
    if (state !== "created") throw outOfOrder("M0");
    const greeting = decodeM0(m0);
    if (greeting.busy) {
      throw new HandshakeError("busy", "Cannot join: too many callers at the host");
    }
    this.#checkInvite(greeting.invite);
    const { generateKem = generateKemKeyPair, keyPair, psk } = this.#options;
    const kem = await generateKem();
    const head = {
      commitment: await schedule.commitment(this.#opening),
      modulus: keyPair.modulus,
      kemKey: kem.publicKey,
    };
    const gate = await schedule.gate(psk, m0, encodeM1Head(head));
    const m1 = encodeM1({ ...head, gate });
    this.#state = { h0: await schedule.h0(m0, m1), kem };
    this.#options.onM1?.();
    return m1;
  }

  /**
   * Takes the host's answer, checks the host's identity, and only then reveals the member's.
   *
   * @param m2 1745 bytes.
   * @returns M3, 448 bytes, and the session that is open once the host accepts it.
   * @throws {HandshakeError} `host-key-mismatch` or `handshake-failed`; M3 must not be sent then.
   */
  async receiveM2(m2: Bytes): Promise<{ m3: Bytes; session: HopSession }> {
    const state = this.#state;
    this.#state = "ended";
    if (typeof state === "string") throw outOfOrder("M2");
    const { h0, kem } = state;
    const { identity, keyPair, nonce, psk } = this.#options;
    const answer = decodeM2(m2);
    if (!isModulus(answer.modulus, HOP_KEY_BITS) || equal(answer.modulus, keyPair.modulus)) {
      throw handshakeFailure("the host's RSA key is not acceptable");
    }
    const kR = await unwrap(keyPair, MEMBER_WRAP_LABEL, answer.wrapped);
    if (kR?.length !== KEY_BYTES) throw handshakeFailure("the host's secret cannot be unwrapped");
    const ss = (await kem.decapsulate(answer.encapsulated))!;
    const h2a = await schedule.extend(
      h0,
      answer.modulus,
      answer.wrapped,
      answer.encapsulated,
    );
    const early = await schedule.earlyMaterial(kR, ss, psk);
    const k2 = await CipherKey.import(await schedule.k2(h2a, early));
    const opened = await k2.open(new Uint8Array(NONCE_BYTES), answer.sealed, h2a);
    if (opened === undefined) throw handshakeFailure("the host's identity cannot be opened");
    const hostKey = opened.slice(0, 32);
    const roomId = opened.slice(32, 64);
    const flags = opened.slice(64, 65);
    const signature = opened.slice(65);
    if (!isPublicKey(hostKey)) throw handshakeFailure("the host's identity key is not acceptable");
    if (!await this.#options.trusts(hostKey)) {
      throw new HandshakeError(
        "host-key-mismatch",
        "Cannot join: the host's key is not the expected one",
      );
    }
    if (flags[0] !== 0) throw handshakeFailure("the host sent unknown flags");
    if (!await verify(hostKey, schedule.hostSigned(h2a, hostKey, roomId, flags), signature)) {
      throw handshakeFailure("the host's signature is wrong");
    }

    const h2 = await schedule.extend(h2a, answer.sealed);
    const kI = this.#random(KEY_BYTES);
    const wrap = this.#options.wrap ?? wrapFor;
    const wrapped = await wrap(answer.modulus, HOST_WRAP_LABEL, kI);
    const kconf = await schedule.confirmationKey(h2a, early);
    const confirmation = await schedule.confirmation(kconf, h2, wrapped);
    const h3a = await schedule.extend(h2, wrapped, confirmation);
    const material = await schedule.material(kR, kI, ss, psk);
    const k3 = await CipherKey.import(await schedule.k3(h3a, material));
    const signed = schedule.memberSigned(
      h3a,
      hostKey,
      identity.publicKey,
      this.#opening,
      nonce,
    );
    const plaintext = concat(
      identity.publicKey,
      this.#opening,
      nonce,
      await identity.sign(signed),
    );
    const sealed = await k3.seal(new Uint8Array(NONCE_BYTES), plaintext, h3a);
    const secrets = await schedule.secrets(await schedule.extend(h3a, sealed), material);
    return {
      m3: encodeM3({ wrapped, confirmation, sealed }),
      session: {
        peerKey: hostKey,
        roomId,
        session: await sessionId(roomId, identity.publicKey, nonce),
        nonce,
        sendSecret: secrets.toHost,
        receiveSecret: secrets.toMember,
        joinCode: await schedule.joinCode(h2, this.#opening),
      },
    };
  }

  #checkInvite(needed: boolean): void {
    const held = this.#options.psk.some((byte) => byte !== 0);
    if (needed && !held) {
      throw new HandshakeError("needs-invite", "Cannot join: the room is by invitation only");
    }
    if (needed || !held) return;
    throw handshakeFailure(
      "the host claims an open room, but the invite is for a closed one",
      {
        hint:
          "Someone else may be answering there. If the host has started an open room, ask for its link.",
      },
    );
  }
}

/** Wraps a secret for a peer's modulus; a modulus that WebCrypto cannot use fails the handshake. */
export async function wrapFor(modulus: Bytes, label: string, secret: Bytes): Promise<Bytes> {
  try {
    return await (await WrapKey.import(modulus)).wrap(label, secret);
  } catch (cause) {
    throw handshakeFailure("the other side's RSA key cannot be used", { cause });
  }
}

/** The error of a handshake that an honest peer does not cause. */
export function handshakeFailure(
  reason: string,
  options: ErrorOptions & { hint?: string } = {},
): HandshakeError {
  return new HandshakeError("handshake-failed", `Handshake failed: ${reason}`, options);
}

/** The error of a message that comes twice or too early. */
export function outOfOrder(message: string): HandshakeError {
  return handshakeFailure(`${message} is out of order`);
}
