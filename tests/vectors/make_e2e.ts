/**
 * Writes the known answers of the end-to-end layer (PROTOCOL.md §6) into vectors.json. They are made with
 * node:crypto, BigInt arithmetic for RSA-OAEP and @noble/post-quantum, and with nothing of lib/; what is
 * random in a room follows from names here, so that every run gives the same. `vectors_test.ts` compares.
 *
 * To be run where a layout has changed: `deno run --allow-all tests/vectors/make_e2e.ts`
 *
 * @module
 */
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  sign,
} from "node:crypto";

/** What of the hop's known answers the end-to-end layer builds on. */
export interface HopAnswers {
  readonly host_ik: string;
  readonly host_ik_seed: string;
  readonly member_ik: string;
  readonly member_ik_seed: string;
  readonly member_key: string;
  readonly room_id: string;
  readonly sess: string;
}

export type Part = Uint8Array | string;

export const Z: Buffer = Buffer.alloc(32);

/** Text is ASCII, or UTF-8. */
export function join(...parts: readonly Part[]): Buffer {
  return Buffer.concat(parts.map((part) => typeof part === "string" ? Buffer.from(part) : part));
}

export function hash(...parts: readonly Part[]): Buffer {
  return createHash("sha256").update(join(...parts)).digest();
}

export function hmac(key: Uint8Array, ...parts: readonly Part[]): Buffer {
  return createHmac("sha256", key).update(join(...parts)).digest();
}

export function kdf(salt: Uint8Array, secret: Uint8Array, info: Part, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, salt, join(info), bytes));
}

export function gcm(key: Uint8Array, nonce: Uint8Array, data: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(data);
  return join(cipher.update(plain), cipher.final(), cipher.getAuthTag());
}

/** A label with the zero byte behind it. */
export function label(text: string): string {
  return `lanchat/1 ${text}\0`;
}

export function integer(value: number, bytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * bytes, "0"), "hex");
}

export function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}

/** What is random in a room. */
export function random(name: string, bytes: number): Buffer {
  return createHash("shake256", { outputLength: bytes }).update(`lanchat vectors ${name}`).digest();
}

/** An Ed25519 key pair from its seed (RFC 8032). */
export class Ed25519 {
  readonly publicKey: Buffer;
  readonly #privateKey: ReturnType<typeof createPrivateKey>;

  constructor(seed: Uint8Array) {
    const der = join(hex("302e020100300506032b657004220420"), seed);
    this.#privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    const spki = createPublicKey(this.#privateKey).export({ format: "der", type: "spki" });
    this.publicKey = Buffer.from(spki.subarray(-32));
  }

  sign(what: string, ...parts: readonly Part[]): Buffer {
    return sign(null, join(label(what), ...parts), this.#privateKey);
  }
}

/** The modulus of an RSA private key in PKCS#8. */
export function modulusOf(pkcs8: string): Buffer {
  const key = createPrivateKey({ key: Buffer.from(pkcs8, "base64"), format: "der", type: "pkcs8" });
  return Buffer.from(createPublicKey(key).export({ format: "jwk" }).n!, "base64url");
}

function mgf1(seed: Uint8Array, bytes: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes / 32) }, (_, i) => hash(seed, integer(i, 4)));
  return join(...blocks).subarray(0, bytes);
}

function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ b[i]!));
}

/** RSA-OAEP (RFC 8017 §7.1.1) with SHA-256 and e = 65537, and a seed that is given. */
export function oaep(modulus: Buffer, name: string, secret: Uint8Array, seed: Uint8Array): Buffer {
  const padding = Buffer.alloc(modulus.length - secret.length - 2 * 32 - 2);
  const block = join(hash(name), padding, integer(1, 1), secret);
  const maskedBlock = xor(block, mgf1(seed, block.length));
  const maskedSeed = xor(seed, mgf1(maskedBlock, 32));
  const n = BigInt(`0x${modulus.toString("hex")}`);
  const m = BigInt(`0x${join(maskedSeed, maskedBlock).toString("hex")}`);
  let power = m;
  for (let i = 0; i < 16; i++) power = power * power % n;
  const c = power * m % n;
  return hex(c.toString(16).padStart(2 * modulus.length, "0"));
}

/** What another member's ANNOUNCE tells. */
interface Person {
  readonly identity: Ed25519;
  readonly nonce: Buffer;
  readonly session: Buffer;
  readonly modulus: Buffer;
  readonly kemKey: Uint8Array;
}

/** An ANNOUNCE of generation 1, and the key of the name in it. */
function announce(
  person: Person,
  { memberKey, name, roomId, seen }: {
    readonly memberKey: Buffer;
    readonly name: string;
    readonly roomId: Buffer;
    readonly seen: Buffer;
  },
): { nameKey: Buffer; object: Buffer } {
  const nameNonce = random(`name nonce ${name}`, 12);
  const head = join(
    integer(0x20, 1),
    roomId,
    person.identity.publicKey,
    person.nonce,
    integer(1, 4),
    person.modulus,
    person.kemKey,
    seen,
    nameNonce,
  );
  const nameKey = kdf(person.session, memberKey, "lanchat/1 name", 32);
  const text = join(name);
  const field = join(integer(text.length, 1), text, Buffer.alloc(49 - text.length));
  const named = join(head, gcm(nameKey, nameNonce, head, field));
  const tagged = join(named, hmac(memberKey, label("member"), named));
  return { nameKey, object: join(tagged, person.identity.sign("announce", tagged)) };
}

/** A sender's chain for one audience. */
interface Chain {
  readonly signing: Ed25519;
  readonly audience: number;
  readonly epoch: number;
  readonly start: number;
  readonly chainKey: Buffer;
}

/** The known answers of the end-to-end layer. @param rsa The RSA key of Bob's session key, PKCS#8 in base64. */
export function makeE2e(hop: HopAnswers, rsa: string): Record<string, unknown> {
  const [roomId, memberKey, session] = [hop.room_id, hop.member_key, hop.sess].map(hex) as
    [Buffer, Buffer, Buffer];
  const host = new Ed25519(hex(hop.host_ik_seed));
  const member = new Ed25519(hex(hop.member_ik_seed));
  const bobSeed = hex("eb09780c49181daffa9fb1a3f21f244f3e56778651550ab896b2401eaf02396f");
  const identity = new Ed25519(bobSeed);
  const kemSeed = random("bob kem seed", 64);
  const kem = ml_kem768.keygen(kemSeed);
  const nonce = random("bob nonce", 16);
  const bobSession = hash(label("sess"), roomId, identity.publicKey, nonce).subarray(0, 16);
  const bob: Person = {
    identity,
    nonce,
    session: bobSession,
    modulus: modulusOf(rsa),
    kemKey: kem.publicKey,
  };

  const invited = announce(bob, { memberKey, name: "bøb", roomId, seen: session });
  const openKey = kdf(host.publicKey, Buffer.alloc(16), "lanchat/1 member key", 32);
  const open = announce(bob, { memberKey: openKey, name: "bøb#", roomId, seen: session });

  /** An SKDM from the member of the hop's answers to Bob, and what is made on the way to it. */
  function skdm(name: string, chain: Chain) {
    const header = join(
      integer(0x21, 1),
      roomId,
      member.publicKey,
      session,
      identity.publicKey,
      bobSession,
      integer(1, 4),
      integer(chain.audience, 1),
      integer(chain.epoch, 4),
      integer(chain.start, 4),
      chain.signing.publicKey,
    );
    const rsaSecret = random(`${name} rsa secret`, 32);
    const wrapped = oaep(bob.modulus, "lanchat/1 skdm", rsaSecret, random(`${name} oaep seed`, 32));
    const message = random(`${name} kem message`, 32);
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(kem.publicKey, message);
    const bound = hash(label("skdm hdr"), header, bob.modulus, bob.kemKey, wrapped, cipherText);
    const secrets = join(rsaSecret, sharedSecret, memberKey);
    const wk = kdf(Z, secrets, join(label("skdm key"), bound), 32);
    const sealed = gcm(wk, Buffer.alloc(12), Buffer.alloc(0), chain.chainKey);
    const signed = join(header, wrapped, cipherText, sealed);
    return {
      s_rsa: rsaSecret,
      s_kem: sharedSecret,
      bound,
      wk,
      ck: chain.chainKey,
      wire: join(signed, member.sign("skdm", signed)),
    };
  }

  const epochSeed = hex("a35dcddc2e0074331272194e804559ed206876fcd9a7ed1535af22592683ea62");
  const signing = new Ed25519(epochSeed);
  const cid = hash(label("cid"), signing.publicKey).subarray(0, 16);
  let chainKey = random("chain key", 32);
  const room = skdm("skdm", { signing, audience: 0, epoch: 1, start: 0, chainKey });
  const direct = skdm("direct skdm", {
    signing: new Ed25519(random("direct epoch seed", 32)),
    audience: 1,
    epoch: 2,
    start: 5,
    chainKey: random("direct chain key", 32),
  });

  const entries = [join(member.publicKey, session), join(identity.publicKey, bobSession)];
  entries.sort(Buffer.compare);
  const roster = hash(label("roster"), roomId, Buffer.alloc(1), ...entries).subarray(0, 16);

  const batch = [[1, "one"], [2, "waves"], [1, "two"]] as const;
  const bodies: readonly (readonly [kind: number, body: Part])[] = [
    [1, "hello"],
    [1, "second message ".repeat(20)],
    [3, ""],
    [10, join(...batch.flatMap(([kind, text]) => [integer(kind, 1), integer(text.length, 4), text]))],
  ];
  const msgs = bodies.map(([kind, text], index) => {
    const ck = chainKey;
    const keys = kdf(Z, ck, "lanchat/1 ratchet", 96);
    const [next, ek, kc] = [0, 32, 64].map((at) => keys.subarray(at, at + 32)) as
      [Buffer, Buffer, Buffer];
    chainKey = next;
    const body = join(text);
    const used = join(
      roster,
      Buffer.alloc(4),
      integer(0, 4),
      integer(1_700_000_000_000 + index, 8),
      integer(kind, 1),
      integer(body.length, 4),
      body,
    );
    const step = used.length <= 256 ? 64 : 256;
    const plain = join(used, Buffer.alloc((step - used.length % step) % step));
    const msgNonce = random(`msg nonce ${index}`, 12);
    const header = join(integer(0x22, 1), roomId, session, cid, integer(index, 4), msgNonce, kc);
    const signed = join(header, gcm(ek, msgNonce, header, plain));
    const wire = join(signed, signing.sign("msg", signed));
    return { ck, next_ck: next, ek, kc, plain, wire };
  });

  const need = join(integer(0x23, 1), integer(7, 4));
  const kicked = join(
    integer(0x24, 1),
    roomId,
    identity.publicKey,
    integer(2, 1),
    integer(1_700_000_000_000, 8),
  );
  return digits({
    bob_ik_seed: bobSeed,
    bob_ik: identity.publicKey,
    bob_rsa_pkcs8: rsa,
    bob_kem_seed: kemSeed,
    bob_kem_key: kem.publicKey,
    bob_nonce: nonce,
    sess_bob: bobSession,
    name_key: invited.nameKey,
    announce_bob: invited.object,
    open_member_key: openKey,
    open_name_key: open.nameKey,
    open_announce_bob: open.object,
    epoch_seed: epochSeed,
    vk: signing.publicKey,
    cid,
    skdm: room,
    direct_skdm: direct,
    roster,
    msgs,
    need,
    again: join(integer(0x25, 1), integer(7, 4), msgs[0]!.wire),
    again_end: join(integer(0x25, 1), integer(7, 4)),
    kick: join(kicked, host.sign("kick", kicked)),
  }) as Record<string, unknown>;
}

/** The same with bytes as lower-case hexadecimal digits. */
function digits(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(digits);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, digits(field)]));
}

if (import.meta.main) {
  const file = new URL("vectors.json", import.meta.url);
  const vectors = JSON.parse(await Deno.readTextFile(file));
  vectors.e2e = makeE2e(vectors.hop, vectors.e2e.bob_rsa_pkcs8);
  const { announce_bob, msgs, skdm } = vectors.e2e;
  Object.assign(vectors.sizes, {
    announce: announce_bob.length / 2,
    skdm: skdm.wire.length / 2,
    msg_hello: msgs[0].wire.length / 2,
  });
  await Deno.writeTextFile(file, `${JSON.stringify(vectors, undefined, 1)}\n`);
}
