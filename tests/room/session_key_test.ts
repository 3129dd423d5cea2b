import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat, fromHex, toHex } from "../../lib/bytes/mod.ts";
import {
  CipherKey,
  encapsulate,
  importKemKeyPair,
  importWrapKeyPair,
  kdf,
  label,
  randomBytes,
  zeroKey,
} from "../../lib/crypto/mod.ts";
import {
  generateSessionKeyPair,
  PeerSessionKey,
  publicHalves,
  type SessionKeyPair,
  unwrapChainKey,
  type WrapContext,
  type WrappedKey,
} from "../../lib/room/session_key.ts";
import { decodeSkdm } from "../../lib/wire/mod.ts";
import { flip } from "../support/assert.ts";
import { fromBase64, sessionKey } from "../support/keys.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const { e2e, hop } = vectors;

const CHAIN_KEY = randomBytes(32);
const CONTEXT: WrapContext = { header: randomBytes(174), memberKey: randomBytes(32) };

async function wrapFor(pair: SessionKeyPair, context: WrapContext = CONTEXT): Promise<WrappedKey> {
  return await (await PeerSessionKey.import(publicHalves(pair))).wrap(CHAIN_KEY, context);
}

test("unwrapChainKey inverts PeerSessionKey.wrap, whose parts are never the same twice", async () => {
  const pair = await sessionKey();
  assert(PeerSessionKey.accepts(publicHalves(pair)));
  const [one, other] = [await wrapFor(pair), await wrapFor(pair)];
  for (const wrap of [one, other]) {
    const { encapsulated, sealed, wrapped } = wrap;
    assertEquals([wrapped.length, encapsulated.length, sealed.length], [256, 1088, 48]);
    assertEquals(await unwrapChainKey(pair, CONTEXT, wrap), CHAIN_KEY);
  }
  for (const part of ["wrapped", "encapsulated", "sealed"] as const) {
    assert(toHex(one[part]) !== toHex(other[part]), part);
    // A part of another wrap for the same key and context is as wrong as any.
    const mixed = { ...one, [part]: other[part] };
    assertEquals(await unwrapChainKey(pair, CONTEXT, mixed), undefined, part);
  }
});

test("unwrapChainKey refuses flipped bits of each part, another header and another member key", async () => {
  const pair = await sessionKey();
  const wrap = await wrapFor(pair);
  for (const [part, stride] of [["wrapped", 67], ["encapsulated", 131], ["sealed", 1]] as const) {
    for (let bit = 0; bit < wrap[part].length * 8; bit += stride) {
      const flipped = { ...wrap, [part]: flip(wrap[part], bit) };
      assertEquals(await unwrapChainKey(pair, CONTEXT, flipped), undefined, `${part} ${bit}`);
    }
  }
  for (const field of ["header", "memberKey"] as const) {
    for (let bit = 0; bit < CONTEXT[field].length * 8; bit += 29) {
      const context = { ...CONTEXT, [field]: flip(CONTEXT[field], bit) };
      assertEquals(await unwrapChainKey(pair, context, wrap), undefined, `${field} ${bit}`);
    }
  }
});

test("unwrapChainKey refuses parts of another length like wrong ones", async () => {
  const pair = await sessionKey();
  const wrap = await wrapFor(pair);
  for (const part of ["wrapped", "encapsulated", "sealed"] as const) {
    for (const bytes of [new Uint8Array(), wrap[part].slice(1), concat(wrap[part], wrap[part])]) {
      assertEquals(await unwrapChainKey(pair, CONTEXT, { ...wrap, [part]: bytes }), undefined);
    }
  }
});

test("unwrapChainKey needs both private keys", async () => {
  const [ada, bob] = [await sessionKey(), await sessionKey()];
  const wrap = await wrapFor(ada);
  const halves = [{ rsa: ada.rsa, kem: bob.kem }, { rsa: bob.rsa, kem: ada.kem }, bob];
  for (const pair of halves) assertEquals(await unwrapChainKey(pair, CONTEXT, wrap), undefined);
  // Even if both secrets are right and only the public keys differ.
  const { modulus, kemKey } = publicHalves(bob);
  for (const halves of [{ modulus }, { kemKey }]) {
    const rsa = { ...ada.rsa, modulus: halves.modulus ?? ada.rsa.modulus };
    const kem = { ...ada.kem, publicKey: halves.kemKey ?? ada.kem.publicKey };
    assertEquals(await unwrapChainKey({ rsa, kem }, CONTEXT, wrap), undefined);
  }
});

/** Opens the sealed part of the known SKDM under a key from these secrets. */
async function openKnown(...secrets: readonly Bytes[]): Promise<Bytes | undefined> {
  const { sealed } = decodeSkdm(fromHex(e2e.skdm.wire));
  const info = concat(label("lanchat/1 skdm key"), fromHex(e2e.skdm.bound));
  const key = await kdf(zeroKey(), concat(...secrets), info, 32);
  return await (await CipherKey.import(key)).open(new Uint8Array(12), sealed, new Uint8Array());
}

test("unwrapChainKey needs both secrets and the member key", async () => {
  const [rsa, kem] = [fromHex(e2e.skdm.s_rsa), fromHex(e2e.skdm.s_kem)];
  const member = fromHex(hop.member_key);
  assertEquals(toHex((await openKnown(rsa, kem, member))!), e2e.skdm.ck);
  for (const guess of [zeroKey(), randomBytes(32), rsa, kem, member, new Uint8Array()]) {
    for (const known of [[rsa, guess, member], [guess, kem, member], [rsa, kem, guess]]) {
      const right = toHex(concat(...known)) === toHex(concat(rsa, kem, member));
      if (!right) assertEquals(await openKnown(...known), undefined);
    }
  }
});

test("unwrapChainKey unwraps the known SKDM in its room only", async () => {
  const pair = {
    rsa: await importWrapKeyPair(fromBase64(e2e.bob_rsa_pkcs8)),
    kem: await importKemKeyPair(fromHex(e2e.bob_kem_seed)),
  };
  const skdm = decodeSkdm(fromHex(e2e.skdm.wire));
  const { header } = skdm;
  const known = await unwrapChainKey(pair, { header, memberKey: fromHex(hop.member_key) }, skdm);
  assertEquals(toHex(known!), e2e.skdm.ck);
  const open = { header, memberKey: fromHex(e2e.open_member_key) };
  assertEquals(await unwrapChainKey(pair, open, skdm), undefined);
});

test("PeerSessionKey.accepts refuses an invalid half", async () => {
  const halves = publicHalves(await sessionKey());
  assert(PeerSessionKey.accepts(halves));
  const { kemKey, modulus } = halves;
  for (const wrong of [modulus.slice(1), flip(modulus, 7), flip(modulus, 2040)]) {
    assert(!PeerSessionKey.accepts({ kemKey, modulus: wrong }));
  }
  const outOfRange = kemKey.slice();
  outOfRange.set([0xff, 0xff, 0xff], 1149);
  for (const wrong of [kemKey.slice(1), concat(kemKey, new Uint8Array(1)), outOfRange]) {
    assert(!PeerSessionKey.accepts({ modulus, kemKey: wrong }));
  }
});

test("generateSessionKeyPair makes keys that others accept and for which they can wrap", async () => {
  const pair = await generateSessionKeyPair();
  assert(PeerSessionKey.accepts(publicHalves(pair)));
  assertEquals(await unwrapChainKey(pair, CONTEXT, await wrapFor(pair)), CHAIN_KEY);
  const { ciphertext, secret } = await encapsulate(pair.kem.publicKey);
  assertEquals(await pair.kem.decapsulate(ciphertext), secret);
});
