import { assertEquals } from "@std/assert";
import { type Bytes, fromHex, toHex } from "../../lib/bytes/mod.ts";
import { importKemKeyPair, importWrapKeyPair } from "../../lib/crypto/mod.ts";
import { HostKey, Initiator, Responder } from "../../lib/handshake/mod.ts";
import { schedule } from "../../lib/handshake/schedule.ts";
import { decodeM1, decodeM2, decodeM3, encodeM1Head } from "../../lib/wire/mod.ts";
import { fromBase64, identityFromSeed } from "../support/keys.ts";
import { test } from "../support/test.ts";
import vectors from "../vectors/vectors.json" with { type: "json" };

const { hop } = vectors;
const [m0, m1, m2, m3] = [hop.M0, hop.M1, hop.M2, hop.M3].map(fromHex) as [
  Bytes,
  Bytes,
  Bytes,
  Bytes,
];
const [psk, kR, kI, rI] = [hop.psk, hop.kR, hop.kI, hop.rI].map(fromHex) as [
  Bytes,
  Bytes,
  Bytes,
  Bytes,
];

const ss = fromHex(hop.ss);

/** Returns the random bytes of the other implementation, in order, and no others. */
function drawn(...values: Bytes[]): (count: number) => Bytes {
  return (count) => {
    const value = values.shift();
    assertEquals(value?.length, count);
    return value!;
  };
}

test("schedule gives every known hash, key and MAC", async () => {
  const { encapsulated, modulus, wrapped, sealed } = decodeM2(m2);
  const answer = decodeM3(m3);
  const h0 = await schedule.h0(m0, m1);
  const h2a = await schedule.extend(h0, modulus, wrapped, encapsulated);
  const h2 = await schedule.extend(h2a, sealed);
  const h3a = await schedule.extend(h2, answer.wrapped, answer.confirmation);
  const h3 = await schedule.extend(h3a, answer.sealed);
  assertEquals([h0, h2a, h2, h3a, h3].map(toHex), [hop.h0, hop.h2a, hop.h2, hop.h3a, hop.h3]);
  const early = await schedule.earlyMaterial(kR, ss, psk);
  const material = await schedule.material(kR, kI, ss, psk);
  const kconf = await schedule.confirmationKey(h2a, early);
  assertEquals(toHex(kconf), hop.kconf);
  assertEquals(toHex(await schedule.k2(h2a, early)), hop.k2);
  assertEquals(toHex(await schedule.k3(h3a, material)), hop.k3);
  assertEquals(await schedule.confirmation(kconf, h2, answer.wrapped), answer.confirmation);
  const { toHost, toMember } = await schedule.secrets(h3, material);
  assertEquals([toHost, toMember].map(toHex), [hop.c2s, hop.s2c]);
  const hello = decodeM1(m1);
  assertEquals(await schedule.commitment(rI), hello.commitment);
  assertEquals(await schedule.gate(psk, m0, encodeM1Head(hello)), hello.gate);
  assertEquals(await schedule.joinCode(h2, rI), hop.sas);
});

test("Initiator gives the known M1 and M3, and the known secrets", async () => {
  const wraps: unknown[] = [];
  const initiator = new Initiator({
    identity: await identityFromSeed(hop.member_ik_seed),
    nonce: fromHex(hop.nonce),
    keyPair: await importWrapKeyPair(fromBase64(hop.eI_pkcs8)),
    generateKem: () => importKemKeyPair(fromHex(hop.kem_seed)),
    psk,
    trusts: (key) => Promise.resolve(toHex(key) === hop.host_ik),
    random: drawn(rI, kI),
    wrap: (...request) => {
      wraps.push(request);
      return Promise.resolve(m3.slice(0, 256));
    },
  });
  assertEquals(toHex(await initiator.receiveM0(m0)), hop.M1);
  const answer = await initiator.receiveM2(m2);
  assertEquals(toHex(answer.m3), hop.M3);
  assertEquals(wraps, [[m2.slice(0, 256), "lanchat/1 hop kI", kI]]);
  assertEquals(answer.session, {
    peerKey: fromHex(hop.host_ik),
    roomId: fromHex(hop.room_id),
    session: fromHex(hop.sess),
    nonce: fromHex(hop.nonce),
    sendSecret: fromHex(hop.c2s),
    receiveSecret: fromHex(hop.s2c),
    joinCode: hop.sas,
  });
});

test("Responder gives the known M0 and M2, and the known secrets", async () => {
  const wraps: unknown[] = [];
  const hostKey = new HostKey(await importWrapKeyPair(fromBase64(hop.eR_pkcs8)), 0);
  const responder = new Responder({
    identity: await identityFromSeed(hop.host_ik_seed),
    roomId: fromHex(hop.room_id),
    hostKey,
    psk,
    random: drawn(m0.slice(10), kR),
    wrap: (...request) => {
      wraps.push(request);
      return Promise.resolve(m2.slice(256, 512));
    },
    encapsulate: (publicKey) => {
      assertEquals(publicKey, m1.slice(297, 1481));
      return Promise.resolve({ ciphertext: m2.slice(512, 1600), secret: ss });
    },
  });
  assertEquals(toHex(responder.m0), hop.M0);
  assertEquals(toHex(await responder.receiveM1(m1)), hop.M2);
  assertEquals(wraps, [[m1.slice(41, 297), "lanchat/1 hop kR", kR]]);
  assertEquals(hostKey.operations, 0);
  assertEquals(await responder.receiveM3(m3), {
    peerKey: fromHex(hop.member_ik),
    roomId: fromHex(hop.room_id),
    session: fromHex(hop.sess),
    nonce: fromHex(hop.nonce),
    sendSecret: fromHex(hop.s2c),
    receiveSecret: fromHex(hop.c2s),
    joinCode: hop.sas,
  });
  assertEquals(hostKey.operations, 1);
});
