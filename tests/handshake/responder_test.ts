import { assert, assertEquals } from "@std/assert";
import { type Bytes, concat, fromHex } from "../../lib/bytes/mod.ts";
import { respond } from "../../lib/channel/mod.ts";
import {
  encapsulate,
  generateKemKeyPair,
  label,
  randomBytes,
  sessionId,
  WrapKey,
  zeroKey,
} from "../../lib/crypto/mod.ts";
import type { Code } from "../../lib/errors.ts";
import {
  busyGreeting,
  HostKey,
  Responder,
  type ResponderOptions,
} from "../../lib/handshake/mod.ts";
import { KEM_KEY_BYTES } from "../../lib/sizes.ts";
import {
  decodeM0,
  encodeFrame,
  FrameDecoderStream,
  M0_BYTES,
  M1_BYTES,
  M2_BYTES,
} from "../../lib/wire/mod.ts";
import { assertFails, flip } from "../support/assert.ts";
import { duplex } from "../support/duplex.ts";
import { type MemberLies, ScriptedHost, ScriptedMember } from "../support/hop.ts";
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

const ONLY_M0 = 4 + M0_BYTES;
const M0_AND_M2 = 4 + M0_BYTES + 4 + M2_BYTES;

async function hostOptions(changes: Partial<ResponderOptions> = {}): Promise<ResponderOptions> {
  const hostKey = new HostKey(await hostHopKey(), 0);
  return { identity: host, roomId, hostKey, psk: zeroKey(), ...changes };
}

async function scriptedMember(
  lies: MemberLies = {},
  psk = zeroKey(),
): Promise<ScriptedMember> {
  return new ScriptedMember(
    { identity: member, keyPair: await memberHopKey(), nonce, psk },
    lies,
  );
}

interface Attack {
  readonly lies?: MemberLies;
  readonly memberPsk?: Bytes;
  readonly options?: Partial<ResponderOptions>;
  /** Alters a message on its way. */
  readonly m0?: (honest: Bytes) => Bytes;
  readonly m1?: (honest: Bytes) => Bytes;
  readonly m3?: (honest: Bytes) => Bytes;
}

interface Outcome {
  readonly error: unknown;
  readonly written: Bytes;
  /** Private RSA operations of the host. */
  readonly operations: number;
  /** Public RSA operations of the host. */
  readonly wraps: number;
}

/** A host shakes hands with a scripted member. */
async function attack(
  { lies, memberPsk, options, m0 = same, m1 = same, m3 = same }: Attack,
): Promise<Outcome> {
  const [hostEnd, memberEnd] = duplex();
  const scripted = await scriptedMember(lies, memberPsk);
  let wraps = 0;
  const complete = await hostOptions({
    wrap: async (modulus, wrapLabel, secret) => {
      wraps++;
      return await (await WrapKey.import(modulus)).wrap(wrapLabel, secret);
    },
    ...options,
  });
  const playMember = async (): Promise<void> => {
    const writer = memberEnd.writable.getWriter();
    const frames = memberEnd.readable.pipeThrough(new FrameDecoderStream([M0_BYTES, M2_BYTES]));
    const reader = frames.getReader();
    const greeting = (await reader.read()).value!.body;
    await writer.write(encodeFrame(m1(await scripted.m1(m0(greeting)))));
    const answer = (await reader.read()).value?.body;
    if (answer !== undefined) {
      await writer.write(encodeFrame(m3((await scripted.m3(answer)).m3)));
      await reader.read();
    }
    await reader.cancel();
  };
  const responding = respond(hostEnd, new Responder(complete)).then(
    (channel) => channel.readable.cancel(),
    (error) => error,
  );
  await Promise.allSettled([responding.finally(() => hostEnd.close()), playMember()]);
  return {
    error: await responding,
    written: hostEnd.written,
    operations: complete.hostKey.operations,
    wraps,
  };
}

function same(bytes: Bytes): Bytes {
  return bytes;
}

async function assertRefuses(
  what: Attack,
  expected: { code?: Code; part: string; written: number; operations: number; wraps?: number },
): Promise<void> {
  const { error, written, operations, wraps } = await attack(what);
  await assertFails(
    () => {
      throw error;
    },
    expected.code ?? "handshake-failed",
    expected.part,
  );
  assertEquals([written.length, operations], [expected.written, expected.operations]);
  assertEquals(wraps, expected.wraps ?? (expected.written > ONLY_M0 ? 1 : 0));
}

test("Responder agrees with a member that was written from the specification", async () => {
  for (const psk of [zeroKey(), invitePsk]) {
    const options = await hostOptions({ psk });
    const responder = new Responder(options);
    const scripted = await scriptedMember({}, psk);
    const m2 = await responder.receiveM1(await scripted.m1(responder.m0));
    assertEquals(options.hostKey.operations, 0);
    const { m3, toHost, toMember } = await scripted.m3(m2);
    const hop = await responder.receiveM3(m3);
    assertEquals([hop.receiveSecret, hop.sendSecret], [toHost, toMember]);
    assertEquals([hop.peerKey, hop.roomId, hop.nonce], [member.publicKey, roomId, nonce]);
    assertEquals(hop.session, await sessionId(roomId, member.publicKey, nonce));
    assertEquals(options.hostKey.operations, 1);
  }
});

test("Responder greets every caller with another challenge", async () => {
  const greet = async (psk: Bytes): Promise<Bytes> => new Responder(await hostOptions({ psk })).m0;
  const [open, again, invite] = [
    await greet(zeroKey()),
    await greet(zeroKey()),
    await greet(invitePsk),
  ];
  assertEquals(open.slice(0, 10), again.slice(0, 10));
  assert(open.slice(10).some((byte, i) => byte !== again[10 + i]));
  assertEquals([decodeM0(open).invite, decodeM0(invite).invite], [false, true]);
  assert(decodeM0(busyGreeting()).busy);
});

test("Responder keeps the gate shut to a caller without the secret, and does no key operation", async () => {
  const expected = { part: "room's secret", written: ONLY_M0, operations: 0 };
  const wrongSecret = { memberPsk: randomBytes(32), options: { psk: invitePsk } };
  await assertRefuses(wrongSecret, expected);
  await assertRefuses({ options: { psk: invitePsk } }, expected);
  for (const bit of [0, 100, 255]) {
    await assertRefuses({ lies: { gate: (honest) => flip(honest, bit) } }, expected);
  }
});

test("Responder leaves the gate shut where any byte of M0 was altered on its way", async () => {
  const options = await hostOptions();
  for (let at = 0; at < M0_BYTES; at++) {
    const responder = new Responder(options);
    const m1 = await (await scriptedMember()).m1(flip(responder.m0, at * 8 + (at % 8)));
    await assertFails(responder.receiveM1(m1), "handshake-failed", "room's secret");
  }
});

test("Responder refuses M1 with any byte altered on its way", async () => {
  const random = seededRandom(6);
  const challenge = random(32);
  const options = await hostOptions({ random: () => challenge });
  const m1 = await (await scriptedMember()).m1(new Responder(options).m0);
  for (let at = 0; at < M1_BYTES; at++) {
    const altered = flip(m1, at * 8 + (at % 8));
    const code = at < 7 ? "not-lanchat" : at < 9 ? "wrong-version" : "handshake-failed";
    await assertFails(new Responder(options).receiveM1(altered), code);
  }
  await new Responder(options).receiveM1(m1);
});

test("Responder refuses M1 that is one byte short or long, and does not answer", async () => {
  const expected = {
    code: "protocol-error" as const,
    part: "1513",
    written: ONLY_M0,
    operations: 0,
  };
  await assertRefuses({ m1: (m1) => m1.slice(0, -1) }, expected);
  await assertRefuses({ m1: (m1) => concat(m1, new Uint8Array(1)) }, expected);
});

test("Responder refuses n_I that is even, short of its top bit, zero, or its own", async () => {
  const pair = await hostHopKey();
  const { modulus } = await memberHopKey();
  const options = { hostKey: new HostKey(pair, 0) };
  for (const bad of [flip(modulus, 2040), flip(modulus, 7), new Uint8Array(256), pair.modulus]) {
    await assertRefuses(
      { lies: { modulus: bad }, options },
      { part: "RSA key is not acceptable", written: ONLY_M0, operations: 0 },
    );
  }
});

test("Responder does no private operation before the member has done one", async () => {
  for (const bit of [0, 100, 255]) {
    await assertRefuses(
      { lies: { confirmation: (honest) => flip(honest, bit) } },
      { part: "did not unwrap", written: M0_AND_M2, operations: 0 },
    );
  }
  await assertRefuses(
    { m3: (m3) => concat(randomBytes(256), m3.slice(256)) },
    { part: "did not unwrap", written: M0_AND_M2, operations: 0 },
  );
});

test("Responder looks the same for a bad ct_I and a bad enc_I, one operation each", async () => {
  const kem = await generateKemKeyPair();
  const encapsulation = await encapsulate(kem.publicKey);
  const random = seededRandom(7);
  const [challenge, kR] = [random(32), random(32)];
  const keyPair = await memberHopKey();
  const wrapped = await (await WrapKey.import(keyPair.modulus)).wrap("lanchat/1 hop kR", kR);
  const hostPair = await hostHopKey();
  const { modulus } = hostPair;
  const forHost = await WrapKey.import(modulus);
  const attacks: MemberLies[] = [
    { wrapped: randomBytes(256) },
    { wrapped: new Uint8Array(256) },
    { wrapped: new Uint8Array(256).fill(255) },
    { wrapped: modulus },
    { secret: randomBytes(31) },
    { secret: randomBytes(33) },
    { secret: new Uint8Array() },
    { wrapped: await forHost.wrap("lanchat/1 hop kR", randomBytes(32)) },
    { sealed: (honest) => flip(honest, 0) },
    { sealed: () => randomBytes(160) },
  ];
  const seen = new Set<string>();
  for (const lies of attacks) {
    const draws = [challenge, kR];
    const hostKey = new HostKey(hostPair, 0);
    const responder = new Responder(
      await hostOptions({
        hostKey,
        random: () => draws.shift()!,
        wrap: () => Promise.resolve(wrapped),
        encapsulate: () => Promise.resolve(encapsulation),
      }),
    );
    const [hostEnd, memberEnd] = duplex();
    const scripted = new ScriptedMember(
      { identity: member, keyPair, nonce, psk: zeroKey(), kem },
      { opening: challenge, ...lies },
    );
    const refused = assertFails(
      respond(hostEnd, responder),
      "handshake-failed",
      "the member's identity cannot be opened",
    );
    const m1 = await scripted.m1(responder.m0);
    const writer = memberEnd.writable.getWriter();
    await writer.write(encodeFrame(m1));
    const frames = memberEnd.readable.pipeThrough(new FrameDecoderStream([M0_BYTES, M2_BYTES]));
    const reader = frames.getReader();
    await reader.read();
    const { m3 } = await scripted.m3((await reader.read()).value!.body);
    await writer.write(encodeFrame(m3));
    await refused;
    assertEquals((await reader.read()).done, true);
    assertEquals(hostKey.operations, 1);
    assertEquals(hostEnd.written.length, M0_AND_M2);
    seen.add(hostEnd.written.join());
  }
  assertEquals(seen.size, 1);
});

test("Responder refuses M3 with any byte altered on its way", async () => {
  const kem = await generateKemKeyPair();
  const encapsulation = await encapsulate(kem.publicKey);
  const random = seededRandom(8);
  const [challenge, kR] = [random(32), random(32)];
  const keyPair = await memberHopKey();
  const wrapped = await (await WrapKey.import(keyPair.modulus)).wrap("lanchat/1 hop kR", kR);
  const hostKey = new HostKey(await hostHopKey(), 0);
  const atM3 = async (m1?: Bytes): Promise<{ responder: Responder; m2?: Bytes }> => {
    const draws = [challenge, kR];
    const responder = new Responder(
      await hostOptions({
        hostKey,
        random: () => draws.shift()!,
        wrap: () => Promise.resolve(wrapped),
        encapsulate: () => Promise.resolve(encapsulation),
      }),
    );
    return m1 === undefined ? { responder } : { responder, m2: await responder.receiveM1(m1) };
  };
  const scripted = new ScriptedMember({ identity: member, keyPair, nonce, psk: zeroKey(), kem });
  const m1 = await scripted.m1((await atM3()).responder.m0);
  const { m2 } = await atM3(m1);
  const { m3 } = await scripted.m3(m2!);
  for (let at = 0; at < m3.length; at += at < 288 ? 3 : 4) {
    const { responder } = await atM3(m1);
    const part = at < 288 ? "did not unwrap" : "cannot be opened";
    await assertFails(responder.receiveM3(flip(m3, at * 8 + (at % 8))), "handshake-failed", part);
  }
  const { responder } = await atM3(m1);
  assertEquals((await responder.receiveM3(m3)).peerKey, member.publicKey);
});

test("Responder refuses an ML-KEM key with a coefficient of 3329", async () => {
  const kemKey = new Uint8Array(KEM_KEY_BYTES);
  kemKey.set([0x01, 0x0d]);
  await assertRefuses(
    { lies: { kemKey } },
    { part: "ML-KEM key is not acceptable", written: ONLY_M0, operations: 0 },
  );
});

test("Responder refuses every key of small order as ik_I", async () => {
  for (const key of SMALL_ORDER_KEYS) {
    await assertRefuses(
      { lies: { key, sign: () => Promise.resolve(FORGED) } },
      { part: "identity key is not acceptable", written: M0_AND_M2, operations: 1 },
    );
  }
});

test("Responder refuses r_I that M1 did not commit to", async () => {
  await assertRefuses(
    { lies: { commitment: randomBytes(32) } },
    { part: "commitment does not match", written: M0_AND_M2, operations: 1 },
  );
});

test("Responder refuses a sig_I of anybody else, over anything else", async () => {
  const signers: NonNullable<MemberLies["sign"]>[] = [
    ({ text }) => mallory.sign(text),
    ({ text }) => member.sign(flip(text, 30 * 8)),
    ({ text }) => member.sign(flip(text, (text.length - 1) * 8)),
    ({ h3a }) =>
      member.sign(
        concat(label("lanchat/1 hop host sig"), h3a, member.publicKey, roomId, new Uint8Array(1)),
      ),
    ({ text }) =>
      member.sign(
        concat(
          label("lanchat/1 hop host sig"),
          text.slice(label("lanchat/1 hop member sig").length),
        ),
      ),
    () => Promise.resolve(FORGED),
  ];
  for (const sign of signers) {
    await assertRefuses(
      { lies: { sign } },
      { part: "signature is wrong", written: M0_AND_M2, operations: 1 },
    );
  }
  await assertRefuses(
    { lies: { key: mallory.publicKey } },
    { part: "signature is wrong", written: M0_AND_M2, operations: 1 },
  );
});

test("Responder refuses M3 of another connection", async () => {
  const options = await hostOptions();
  const scripted = await scriptedMember();
  const first = new Responder(options);
  const m1 = await scripted.m1(first.m0);
  const { m3 } = await scripted.m3(await first.receiveM1(m1));
  await first.receiveM3(m3);

  const second = new Responder(options);
  await assertFails(second.receiveM1(m1), "handshake-failed", "room's secret");
  const third = new Responder(options);
  await third.receiveM1(await (await scriptedMember()).m1(third.m0));
  await assertFails(third.receiveM3(m3), "handshake-failed", "did not unwrap");
});

test("Responder refuses a member's proof for another host, sealed again", async () => {
  const evil = new ScriptedHost({
    identity: mallory,
    keyPair: await hostHopKey(),
    roomId,
    psk: zeroKey(),
  });
  const victim = await scriptedMember();
  const m1 = await victim.m1(evil.m0);
  const told = await evil.receiveM3((await victim.m3(await evil.m2(m1))).m3);
  assertEquals(told.key, member.publicKey);
  await assertRefuses(
    {
      lies: {
        commitment: m1.slice(9, 41),
        key: told.key,
        opening: told.opening,
        sign: () => Promise.resolve(told.signature),
      },
    },
    { part: "signature is wrong", written: M0_AND_M2, operations: 1 },
  );
});

test("Responder takes each message once, in order, and none after a failure", async () => {
  const options = await hostOptions();
  const scripted = await scriptedMember();

  const early = new Responder(options);
  await assertFails(early.receiveM3(new Uint8Array(448)), "handshake-failed", "M3 is out of order");
  const m1ForEarly = await scripted.m1(early.m0);
  await assertFails(early.receiveM1(m1ForEarly), "handshake-failed", "M1 is out of order");

  const repeated = new Responder(options);
  const m1 = await scripted.m1(repeated.m0);
  const { m3 } = await scripted.m3(await repeated.receiveM1(m1));
  await assertFails(repeated.receiveM1(m1), "handshake-failed", "M1 is out of order");
  await assertFails(repeated.receiveM3(m3), "handshake-failed", "M3 is out of order");

  const done = new Responder(options);
  const again = await scripted.m1(done.m0);
  const last = (await scripted.m3(await done.receiveM1(again))).m3;
  await done.receiveM3(last);
  await assertFails(done.receiveM3(last), "handshake-failed", "M3 is out of order");
  await assertFails(done.receiveM1(again), "handshake-failed", "M1 is out of order");

  const failed = new Responder(options);
  const hello = await scripted.m1(failed.m0);
  const answer = (await scripted.m3(await failed.receiveM1(hello))).m3;
  await assertFails(failed.receiveM3(flip(answer, 0)), "handshake-failed", "did not unwrap");
  await assertFails(failed.receiveM3(answer), "handshake-failed", "M3 is out of order");
  assertEquals(options.hostKey.operations, 1);
});
