import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { type Bytes, concat, fromHex } from "../../lib/bytes/mod.ts";
import { initiate } from "../../lib/channel/mod.ts";
import { label, randomBytes, sessionId, type WrapKeyPair, zeroKey } from "../../lib/crypto/mod.ts";
import { type Code, LanchatError } from "../../lib/errors.ts";
import { Initiator, type InitiatorOptions } from "../../lib/handshake/mod.ts";
import { encodeFrame, FrameDecoderStream, M1_BYTES, M3_BYTES } from "../../lib/wire/mod.ts";
import { assertFails, flip } from "../support/assert.ts";
import { duplex } from "../support/duplex.ts";
import { type HostLies, ScriptedHost } from "../support/hop.ts";
import {
  hostHopKey,
  identityOf,
  memberHopKey,
  seededRandom,
  SMALL_ORDER_KEYS,
} from "../support/keys.ts";
import { test } from "../support/test.ts";

const host = await identityOf("host");
const member = await identityOf("member");
const mallory = await identityOf("mallory");
const roomId = randomBytes(32);
const nonce = randomBytes(16);
const invitePsk = randomBytes(32);

/** R is the neutral point and S zero: right under keys of small order, for any text. */
const FORGED = fromHex(`01${"00".repeat(63)}`);

async function memberOptions(changes: Partial<InitiatorOptions> = {}): Promise<InitiatorOptions> {
  return {
    identity: member,
    nonce,
    keyPair: await memberHopKey(),
    psk: zeroKey(),
    trusts: () => Promise.resolve(true),
    ...changes,
  };
}

interface Attack {
  readonly lies?: HostLies;
  readonly hostPsk?: Bytes;
  readonly keyPair?: WrapKeyPair;
  readonly options?: Partial<InitiatorOptions>;
  /** Alters M2 on its way. */
  readonly m2?: (honest: Bytes) => Bytes;
}

/** A member shakes hands with a scripted host. What it wrote is what left its socket. */
async function attack(
  { lies = {}, hostPsk = zeroKey(), keyPair, options = {}, m2 = (same) => same }: Attack,
): Promise<{ error: unknown; written: Bytes; toldM3: boolean }> {
  const [memberEnd, hostEnd] = duplex();
  const scripted = new ScriptedHost(
    { identity: host, keyPair: keyPair ?? await hostHopKey(), roomId, psk: hostPsk },
    lies,
  );
  const playHost = async (): Promise<void> => {
    const writer = hostEnd.writable.getWriter();
    const frames = hostEnd.readable.pipeThrough(new FrameDecoderStream([M1_BYTES, M3_BYTES]));
    const reader = frames.getReader();
    await writer.write(encodeFrame(scripted.m0));
    const m1 = (await reader.read()).value?.body;
    if (m1 !== undefined) {
      await writer.write(encodeFrame(m2(await scripted.m2(m1))));
      const m3 = (await reader.read()).value?.body;
      if (m3 !== undefined) await scripted.receiveM3(m3);
    }
    await reader.cancel();
  };
  const initiator = new Initiator(await memberOptions(options));
  const [result] = await Promise.allSettled([initiate(memberEnd, initiator), playHost()]);
  if (result.status === "fulfilled") await result.value.readable.cancel();
  const { written } = memberEnd;
  const m1Frame = 4 + M1_BYTES;
  return {
    error: result.status === "rejected" ? result.reason : undefined,
    written,
    toldM3: written.length > m1Frame,
  };
}

/** Asserts that the member sends only M1, and so has not revealed its identity. */
async function assertStops(what: Attack, code: Code, part = ""): Promise<void> {
  const { error, written, toldM3 } = await attack(what);
  await assertFails(
    () => {
      throw error;
    },
    code,
    part,
  );
  assertEquals(toldM3, false);
  assertEquals(written.length, 4 + M1_BYTES);
}

/** The member does not even send M1. */
async function assertStopsAtOnce(what: Attack, code: Code, part = ""): Promise<void> {
  const { error, written } = await attack(what);
  await assertFails(
    () => {
      throw error;
    },
    code,
    part,
  );
  assertEquals(written.length, 0);
}

test("Initiator agrees with a host that was written from the specification", async () => {
  for (const psk of [zeroKey(), invitePsk]) {
    const scripted = new ScriptedHost({
      identity: host,
      keyPair: await hostHopKey(),
      roomId,
      psk,
    });
    const asked: Bytes[] = [];
    const initiator = new Initiator(
      await memberOptions({
        psk,
        trusts: (key) => {
          asked.push(key);
          return Promise.resolve(true);
        },
      }),
    );
    const m1 = await initiator.receiveM0(scripted.m0);
    const { m3, session: hop } = await initiator.receiveM2(await scripted.m2(m1));
    const seen = await scripted.receiveM3(m3);
    assertEquals(asked, [host.publicKey]);
    assertEquals([seen.key, seen.nonce], [member.publicKey, nonce]);
    assertEquals([hop.sendSecret, hop.receiveSecret], [seen.toHost, seen.toMember]);
    assertEquals([hop.peerKey, hop.roomId, hop.nonce], [host.publicKey, roomId, nonce]);
    assertEquals(hop.session, await sessionId(roomId, member.publicKey, nonce));
  }
});

test("Initiator never uses a secret twice", async () => {
  const first = await attack({});
  const second = await attack({});
  assertEquals([first.error, second.error], [undefined, undefined]);
  assertNotEquals(first.written.slice(0, 41 + 4), second.written.slice(0, 41 + 4));
});

test("Initiator refuses M0 of another protocol, version or suite, and unknown flags", async () => {
  const initiator = async (): Promise<Initiator> => new Initiator(await memberOptions());
  const m0 = new ScriptedHost({
    identity: host,
    keyPair: await hostHopKey(),
    roomId,
    psk: zeroKey(),
  }).m0;
  const cases: [number, Code][] = [[0, "not-lanchat"], [56, "wrong-version"], [
    64,
    "wrong-version",
  ]];
  for (const [bit, code] of cases) {
    await assertFails((await initiator()).receiveM0(flip(m0, bit)), code);
  }
  for (const flags of [4, 8, 16, 32, 64, 128, 255]) {
    await assertStopsAtOnce({ lies: { flags } }, "protocol-error", "flags");
  }
});

test("Initiator stops at a host that is busy, before it says anything", async () => {
  for (const flags of [2, 3]) await assertStopsAtOnce({ lies: { flags } }, "busy");
});

test("Initiator stops where an invite is needed and it has none", async () => {
  await assertStopsAtOnce({ hostPsk: invitePsk }, "needs-invite");
});

test("Initiator with an invite refuses a host that needs none", async () => {
  const options = { psk: invitePsk };
  for (const hostPsk of [zeroKey(), invitePsk]) {
    await assertStopsAtOnce(
      { hostPsk, lies: { flags: 0 }, options },
      "handshake-failed",
      "claims an open room",
    );
  }
});

test("Initiator with an invite refuses a host that does not know its secret", async () => {
  const what = { hostPsk: randomBytes(32), options: { psk: invitePsk } };
  await assertStops(what, "handshake-failed", "identity cannot be opened");
});

test("Initiator refuses n_R that is even, short of its top bit, zero, or its own", async () => {
  const { modulus } = await hostHopKey();
  const own = await memberHopKey();
  for (const bad of [flip(modulus, 2040), flip(modulus, 7), new Uint8Array(256)]) {
    await assertStops({ lies: { modulus: bad } }, "handshake-failed", "RSA key");
  }
  const reflected = { keyPair: own, options: { keyPair: own } };
  await assertStops(reflected, "handshake-failed", "RSA key");
});

test("Initiator refuses ct_R that is noise, zero, n_I or above, or has another label", async () => {
  const keyPair = await memberHopKey();
  const wrapped = [
    randomBytes(256),
    new Uint8Array(256),
    new Uint8Array(256).fill(255),
    keyPair.modulus,
  ];
  for (const bad of wrapped) {
    const what = { lies: { wrapped: bad }, options: { keyPair } };
    await assertStops(what, "handshake-failed", "cannot be unwrapped");
  }
  const swapped = { lies: { wrapLabel: "lanchat/1 hop kI" } };
  await assertStops(swapped, "handshake-failed", "cannot be unwrapped");
});

test("Initiator refuses k_R of any length but 32", async () => {
  for (const length of [0, 16, 31, 33, 64]) {
    const what = { lies: { secret: randomBytes(length) } };
    await assertStops(what, "handshake-failed", "cannot be unwrapped");
  }
});

test("Initiator refuses enc_R with any flipped bit", async () => {
  for (let bit = 0; bit < 145 * 8; bit += 61) {
    const what = { lies: { sealed: (honest: Bytes) => flip(honest, bit) } };
    await assertStops(what, "handshake-failed", "identity cannot be opened");
  }
});

test("Initiator refuses M2 with any byte altered on its way", async () => {
  const random = seededRandom(5);
  const keyPair = await memberHopKey();
  const scripted = new ScriptedHost({
    identity: host,
    keyPair: await hostHopKey(),
    roomId,
    psk: zeroKey(),
  });
  const fixed = await memberOptions({ keyPair });
  const opening = random(32);
  const first = new Initiator({ ...fixed, random: () => opening });
  const m2 = await scripted.m2(await first.receiveM0(scripted.m0));
  for (let at = 0; at < m2.length; at += 5) {
    let asked = false;
    const initiator = new Initiator({
      ...fixed,
      random: () => opening,
      trusts: () => Promise.resolve(asked = true),
    });
    await initiator.receiveM0(scripted.m0);
    await assertFails(initiator.receiveM2(flip(m2, at * 8 + (at % 8))), "handshake-failed");
    assertEquals(asked, false);
  }
  await first.receiveM2(m2);
});

test("Initiator refuses every key of small order as ik_R, and trusts none of them", async () => {
  for (const key of SMALL_ORDER_KEYS) {
    let asked = false;
    const what = {
      lies: { key, sign: () => Promise.resolve(FORGED) },
      options: { trusts: () => Promise.resolve(asked = true) },
    };
    await assertStops(what, "handshake-failed", "identity key is not acceptable");
    assertEquals(asked, false);
  }
});

test("Initiator does not reveal its identity if the host's key is not the expected one", async () => {
  for (const lies of [{}, { key: mallory.publicKey, sign: () => Promise.resolve(FORGED) }]) {
    const what = { lies, options: { trusts: () => Promise.resolve(false) } };
    await assertStops(what, "host-key-mismatch", "not the expected one");
  }
});

test("Initiator does not reveal its identity if the trust check throws", async () => {
  const what = { options: { trusts: () => Promise.reject(new Error("disk")) } };
  const { error, toldM3 } = await attack(what);
  assertEquals(error instanceof LanchatError && (error.cause as Error).message, "disk");
  assertEquals(toldM3, false);
});

test("Initiator refuses a sig_R of anybody else, over anything else", async () => {
  const other = randomBytes(32);
  const signers: HostLies["sign"][] = [
    ({ text }) => mallory.sign(text),
    ({ text }) => host.sign(flip(text, 30 * 8)),
    ({ h2a }) =>
      host.sign(
        concat(label("lanchat/1 hop member sig"), h2a, host.publicKey, roomId, new Uint8Array(1)),
      ),
    ({ h2a }) =>
      host.sign(
        concat(label("lanchat/1 hop host sig"), h2a, host.publicKey, other, new Uint8Array(1)),
      ),
    ({ h2a }) =>
      host.sign(
        concat(label("lanchat/1 hop host sig"), h2a, host.publicKey, roomId, new Uint8Array([1])),
      ),
    () => Promise.resolve(FORGED),
    () => Promise.resolve(new Uint8Array(64)),
  ];
  for (const sign of signers) {
    await assertStops({ lies: { sign: sign! } }, "handshake-failed", "signature is wrong");
  }
});

test("Initiator refuses a sig_R that the real host gave to the one in the middle", async () => {
  const real = new ScriptedHost({
    identity: host,
    keyPair: await hostHopKey(),
    roomId,
    psk: zeroKey(),
  }, {
    sign: async ({ text }) => relayed = await host.sign(text),
  });
  let relayed = new Uint8Array(64);
  const middle = new Initiator(await memberOptions());
  await real.m2(await middle.receiveM0(real.m0));
  const what = { lies: { sign: () => Promise.resolve(relayed) } };
  await assertStops(what, "handshake-failed", "signature is wrong");
});

test("Initiator refuses flags2 that it does not know, though they are signed", async () => {
  for (const flags2 of [1, 128, 255]) {
    await assertStops({ lies: { flags2 } }, "handshake-failed", "unknown");
  }
});

test("Initiator takes each message once, in order, and none after a failure", async () => {
  const scripted = new ScriptedHost({
    identity: host,
    keyPair: await hostHopKey(),
    roomId,
    psk: zeroKey(),
  });
  const created = async (): Promise<Initiator> => new Initiator(await memberOptions());

  const early = await created();
  await assertFails(early.receiveM2(new Uint8Array(657)), "handshake-failed", "M2 is out of order");
  await assertFails(early.receiveM0(scripted.m0), "handshake-failed", "M0 is out of order");

  const repeated = await created();
  const m2 = await scripted.m2(await repeated.receiveM0(scripted.m0));
  await assertFails(repeated.receiveM0(scripted.m0), "handshake-failed", "M0 is out of order");
  await assertFails(repeated.receiveM2(m2), "handshake-failed", "M2 is out of order");

  const done = await created();
  const answer = await scripted.m2(await done.receiveM0(scripted.m0));
  await done.receiveM2(answer);
  await assertFails(done.receiveM2(answer), "handshake-failed", "M2 is out of order");
  await assertFails(done.receiveM0(scripted.m0), "handshake-failed", "M0 is out of order");

  const failed = await created();
  const good = await scripted.m2(await failed.receiveM0(scripted.m0));
  await assertFails(failed.receiveM2(flip(good, 0)), "handshake-failed");
  await assertFails(failed.receiveM2(good), "handshake-failed", "M2 is out of order");

  const twice = await created();
  const both = [twice.receiveM0(scripted.m0), twice.receiveM0(scripted.m0)];
  await assertRejects(() => Promise.all(both), LanchatError, "M0 is out of order");
  await Promise.allSettled(both);
});

test("Initiator reports a host key that WebCrypto cannot use as a failed handshake", async () => {
  const what = {
    options: { wrap: () => Promise.reject(new LanchatError("handshake-failed", "cannot be used")) },
  };
  await assertStops(what, "handshake-failed", "cannot be used");
});
