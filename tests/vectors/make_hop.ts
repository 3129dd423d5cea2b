/**
 * Writes the known answers of the hop (PROTOCOL.md §4 and §5.1) into vectors.json, as make_e2e.ts does those
 * of the end-to-end layer, with nothing of lib/. They build on what make_e2e.ts writes after it.
 *
 * To be run where a layout has changed, before make_e2e.ts:
 * `deno run --allow-all tests/vectors/make_hop.ts`
 *
 * @module
 */
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { Buffer } from "node:buffer";
import {
  Ed25519,
  gcm,
  hash,
  hex,
  hmac,
  integer,
  join,
  kdf,
  label,
  modulusOf,
  oaep,
  random,
  Z,
} from "./make_e2e.ts";

/** What stays as it is: identities, keys and secrets, in hexadecimal digits; RSA keys in base64. */
type Given = Readonly<
  Record<
    | "host_ik_seed"
    | "member_ik_seed"
    | "eI_pkcs8"
    | "eR_pkcs8"
    | "root"
    | "room_id"
    | "nonce"
    | "rI"
    | "kR"
    | "kI",
    string
  >
>;

function frame(body: Buffer): Buffer {
  return join(integer(0, 1), integer(body.length, 3), body);
}

/** What seals a record: a key's secret and how many records it sealed before. */
export interface Sealing {
  readonly secret: Buffer;
  readonly counter: number;
  /** 0 where the key is of one direction, 1 where it is of all members. */
  readonly kind?: number;
  /** The hash of the shared records before. */
  readonly transcript?: Buffer;
  /** The bytes outside the seal of a bulk frame. */
  readonly bulk?: Buffer;
}

/** A record as a frame, but for the token of a shared one. */
export function record(
  { bulk, counter, kind = 0, secret, transcript = Z }: Sealing,
  plain: Buffer,
): Buffer {
  const iv = kdf(Z, secret, "lanchat/1 rec iv", 12);
  const count = join(Buffer.alloc(4), integer(counter, 8));
  const nonce = Buffer.from(iv.map((byte, i) => byte ^ count[i]!));
  const head = plain.length + 16;
  const header = bulk === undefined
    ? join(integer(kind, 1), integer(head + 8 * kind, 3))
    : join(integer(2, 1), integer(2 + head + bulk.length, 3), integer(head, 2));
  const key = kdf(Z, secret, "lanchat/1 rec key", 32);
  return join(header, gcm(key, nonce, join(header, transcript), plain), bulk ?? Buffer.alloc(0));
}

/** The secret of the key after the next REKEY. */
export function nextSecret(secret: Buffer): Buffer {
  return kdf(Z, secret, "lanchat/1 rec next", 32);
}

/** What the tokens of a direction come from. @param secret The direction's first one. */
export function tokenSecret(secret: Buffer): Buffer {
  return kdf(Z, secret, "lanchat/1 rec token", 32);
}

/** The token of a direction's frame. */
export function tokenOf(secret: Buffer, frame: number): Buffer {
  const info = join(label("token page"), integer(Math.floor(frame / 128), 8));
  const start = frame % 128 * 8;
  return kdf(Z, tokenSecret(secret), info, 1024).subarray(start, start + 8);
}

/** One whole handshake, and records after it. */
export function makeHop(given: Given): Record<string, string> {
  const host = new Ed25519(hex(given.host_ik_seed));
  const member = new Ed25519(hex(given.member_ik_seed));
  const [roomId, nonce, rI, kR, kI] = [
    given.room_id,
    given.nonce,
    given.rI,
    given.kR,
    given.kI,
  ].map(hex) as [Buffer, Buffer, Buffer, Buffer, Buffer];
  const [nI, nR] = [modulusOf(given.eI_pkcs8), modulusOf(given.eR_pkcs8)];
  const root = hex(given.root);
  const psk = kdf(host.publicKey, root, "lanchat/1 psk", 32);
  const gateKey = kdf(Z, psk, "lanchat/1 gate key", 32);
  const kemSeed = random("hop kem seed", 64);
  const kem = ml_kem768.keygen(kemSeed);
  const prologue = join("LANCHAT", integer(1, 1), integer(1, 1));

  const m0 = join(prologue, integer(1, 1), random("hop challenge", 32));
  const head = join(prologue, hash(label("sas commit"), rI), nI, kem.publicKey);
  const m1 = join(head, hmac(gateKey, label("gate"), frame(m0), head));
  const h0 = hash(label("hop"), frame(m0), frame(m1));

  const ctR = oaep(nI, "lanchat/1 hop kR", kR, random("hop kR oaep seed", 32));
  const { cipherText: ctkR, sharedSecret: ss } = ml_kem768.encapsulate(
    kem.publicKey,
    random("hop kem message", 32),
  );
  const h2a = hash(h0, nR, ctR, ctkR);
  const k2 = kdf(h2a, join(kR, ss, psk), "lanchat/1 hop k2", 32);
  const said = join(host.publicKey, roomId, integer(0, 1));
  const encR = gcm(
    k2,
    Buffer.alloc(12),
    h2a,
    join(said, host.sign("hop host sig", h2a, said)),
  );
  const m2 = join(nR, ctR, ctkR, encR);
  const h2 = hash(h2a, encR);

  const ctI = oaep(nR, "lanchat/1 hop kI", kI, random("hop kI oaep seed", 32));
  const kconf = kdf(h2a, join(kR, ss, psk), "lanchat/1 hop conf", 32);
  const conf = hmac(kconf, label("hop conf"), h2, ctI);
  const h3a = hash(h2, ctI, conf);
  const material = join(kR, kI, ss, psk);
  const k3 = kdf(h3a, material, "lanchat/1 hop k3", 32);
  const named = join(member.publicKey, rI, nonce);
  const signature = member.sign("hop member sig", h3a, host.publicKey, named);
  const encI = gcm(k3, Buffer.alloc(12), h3a, join(named, signature));
  const h3 = hash(h3a, encI);
  const c2s = kdf(h3, material, "lanchat/1 hop c2s", 32);
  const s2c = kdf(h3, material, "lanchat/1 hop s2c", 32);
  const sas = kdf(h2, rI, "lanchat/1 sas", 8).readBigUInt64BE() % 10n ** 10n;

  const ping = join(integer(4, 1), hex("0102030405060708"));
  const answers = {
    host_ik: host.publicKey,
    member_ik: member.publicKey,
    psk,
    member_key: kdf(host.publicKey, root, "lanchat/1 member key", 32),
    gate_key: gateKey,
    sess: hash(label("sess"), roomId, member.publicKey, nonce).subarray(0, 16),
    kem_seed: kemSeed,
    ss,
    M0: m0,
    M1: m1,
    M2: m2,
    M3: join(ctI, conf, encI),
    h0,
    h2a,
    h2,
    h3a,
    h3,
    k2,
    kconf,
    k3,
    c2s,
    s2c,
    s2c_token: tokenSecret(s2c),
    s2c_token_127: tokenOf(s2c, 127),
    s2c_token_128: tokenOf(s2c, 128),
    rec_s2c_0: record({ secret: s2c, counter: 0 }, hex("0100")),
    rec_c2s_1: record({ secret: c2s, counter: 1 }, ping),
    rec_c2s_after_rekey_0: record({ secret: nextSecret(c2s), counter: 0 }, ping),
  };
  const digits = Object.entries(answers).map(([key, value]) => [key, Buffer.from(value).toString("hex")]);
  return { ...Object.fromEntries(digits), sas: sas.toString().padStart(10, "0") };
}

if (import.meta.main) {
  const file = new URL("vectors.json", import.meta.url);
  const vectors = JSON.parse(await Deno.readTextFile(file));
  vectors.hop = { ...vectors.hop, ...makeHop(vectors.hop) };
  vectors.sizes.M1 = vectors.hop.M1.length / 2;
  vectors.sizes.M2 = vectors.hop.M2.length / 2;
  await Deno.writeTextFile(file, `${JSON.stringify(vectors, undefined, 1)}\n`);
}
