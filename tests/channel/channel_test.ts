import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Bytes, concat, u32, utf8 } from "../../lib/bytes/mod.ts";
import {
  initiate,
  RecordCipher,
  respond,
  type SecureChannel,
  type SharedFrame,
  SharedSealer,
} from "../../lib/channel/mod.ts";
import { randomBytes, zeroKey } from "../../lib/crypto/mod.ts";
import type { Code } from "../../lib/errors.ts";
import { HostKey, Initiator, Responder } from "../../lib/handshake/mod.ts";
import {
  encodeFrame,
  encodeHostRecord,
  FrameDecoderStream,
  M0_BYTES,
  M1_BYTES,
  M2_BYTES,
  M3_BYTES,
  type PlainRecord,
  RecordType,
} from "../../lib/wire/mod.ts";
import { assertFails, flip } from "../support/assert.ts";
import { bytewise, duplex, type DuplexOptions, type End } from "../support/duplex.ts";
import { ScriptedHost, ScriptedMember } from "../support/hop.ts";
import { hostHopKey, identityOf, memberHopKey } from "../support/keys.ts";
import { test } from "../support/test.ts";

const host = await identityOf("host");
const member = await identityOf("member");
const roomId = randomBytes(32);
const nonce = randomBytes(16);
const CLOSE = { type: RecordType.CLOSE, payload: new Uint8Array(1) };

async function initiator(): Promise<Initiator> {
  return new Initiator({
    identity: member,
    nonce,
    keyPair: await memberHopKey(),
    psk: zeroKey(),
    trusts: () => Promise.resolve(true),
  });
}

async function responder(): Promise<Responder> {
  const hostKey = new HostKey(await hostHopKey(), 0);
  return new Responder({ identity: host, roomId, hostKey, psk: zeroKey() });
}

interface Connected {
  readonly memberEnd: End;
  readonly hostEnd: End;
  readonly atMember: SecureChannel;
  readonly atHost: SecureChannel;
}

async function connect(options: DuplexOptions = {}): Promise<Connected> {
  const [memberEnd, hostEnd] = duplex(options);
  const [atMember, atHost] = await Promise.all([
    initiate(memberEnd, await initiator()),
    respond(hostEnd, await responder()),
  ]);
  return { memberEnd, hostEnd, atMember, atHost };
}

async function sendAll(
  channel: SecureChannel,
  records: readonly (PlainRecord | SharedFrame)[],
): Promise<void> {
  const writer = channel.writable.getWriter();
  for (const record of records) {
    await writer.ready;
    writer.write(record).catch(() => {});
  }
  await writer.close();
}

function batch(i: number): PlainRecord {
  return { type: RecordType.BATCH, payload: new Uint8Array(200).fill(i) };
}

test("initiate and respond open a channel both ways, however the bytes are cut", async () => {
  for (const options of [{}, { forth: bytewise, back: bytewise }]) {
    const { atMember, atHost } = await connect(options);
    assertEquals(atMember.hop.peerKey, host.publicKey);
    assertEquals(atHost.hop.peerKey, member.publicKey);
    assertEquals(atMember.hop.roomId, atHost.hop.roomId);
    assertEquals(atMember.hop.session, atHost.hop.session);
    assertEquals(atMember.hop.joinCode, atHost.hop.joinCode);
    const toHost = [batch(1), batch(2), CLOSE];
    const toMember = [batch(3), CLOSE];
    const [seenAtHost, seenAtMember] = await Promise.all([
      Array.fromAsync(atHost.readable),
      Array.fromAsync(atMember.readable),
      sendAll(atMember, toHost),
      sendAll(atHost, toMember),
    ]);
    assertEquals([seenAtHost, seenAtMember], [toHost, toMember]);
  }
});

/** Closes both sides. @returns The records that each side saw before. */
async function finish({ atMember, atHost }: Connected): Promise<void> {
  await Promise.all([
    Array.fromAsync(atHost.readable),
    Array.fromAsync(atMember.readable),
    sendAll(atMember, [CLOSE]),
    sendAll(atHost, [CLOSE]),
  ]);
}

test("initiate and respond have other secrets and another join code each time", async () => {
  const connections = [await connect(), await connect()];
  const seen = connections.flatMap(({ atHost: { hop } }) => [
    hop.sendSecret.join(),
    hop.receiveSecret.join(),
    hop.joinCode,
  ]);
  assertEquals(new Set(seen).size, 6);
  await Promise.all(connections.map(finish));
});

test("initiate and respond write the four messages, each frame in one write", async () => {
  const chunks: number[] = [];
  const note = (chunk: Bytes): Bytes[] => {
    chunks.push(chunk.length);
    return [chunk];
  };
  const connected = await connect({ forth: note, back: note });
  assertEquals(chunks, [M0_BYTES, M1_BYTES, M2_BYTES, M3_BYTES].map((size) => size + 4));
  await finish(connected);
  assertEquals(chunks.slice(4), [4 + 1 + 1 + 16, 4 + 1 + 1 + 16]);
});

test("initiate says that it is not lanchat where the first bytes are not", async () => {
  const greetings: [Bytes, Code][] = [
    [utf8("SSH-2.0-OpenSSH_9.9\r\n"), "not-lanchat"],
    [utf8("HTTP/1.1 400 Bad Request\r\n\r\n"), "not-lanchat"],
    [utf8("220 mail.example ESMTP\r\n"), "not-lanchat"],
    [new Uint8Array(), "not-lanchat"],
    [new Uint8Array([0, 0]), "not-lanchat"],
    [encodeFrame(new Uint8Array(M0_BYTES)), "not-lanchat"],
    [
      encodeFrame(concat(utf8("LANCHAT"), new Uint8Array([2]), new Uint8Array(34))),
      "wrong-version",
    ],
  ];
  for (const [greeting, code] of greetings) {
    const [memberEnd, hostEnd] = duplex();
    const refused = assertFails(initiate(memberEnd, await initiator()), code);
    const writer = hostEnd.writable.getWriter();
    await writer.write(greeting);
    if (greeting.length < 8) await writer.close();
    await refused;
    assertEquals(memberEnd.written.length, 0);
  }
});

test("initiate says that it is not lanchat where the connection is reset before a greeting", async () => {
  const [memberEnd, hostEnd] = duplex();
  const refused = assertFails(initiate(memberEnd, await initiator()), "not-lanchat");
  hostEnd.reset();
  await refused;
});

async function scriptedMember(): Promise<ScriptedMember> {
  return new ScriptedMember({
    identity: member,
    keyPair: await memberHopKey(),
    nonce,
    psk: zeroKey(),
  });
}

/** A connection to a host, on whose other end the test itself speaks. */
async function byHand(): Promise<{
  hostEnd: End;
  memberEnd: End;
  channel: Promise<SecureChannel>;
  read: () => Promise<Bytes | undefined>;
  write: (bytes: Bytes) => Promise<void>;
}> {
  const [memberEnd, hostEnd] = duplex();
  const channel = respond(hostEnd, await responder());
  channel.catch(() => {}); // Looked at by the test later.
  const reader = memberEnd.readable
    .pipeThrough(new FrameDecoderStream([M0_BYTES, M2_BYTES]))
    .getReader();
  const writer = memberEnd.writable.getWriter();
  return {
    hostEnd,
    memberEnd,
    channel,
    read: async () => (await reader.read()).value?.body,
    write: (bytes) => writer.write(bytes),
  };
}

test("respond says that the connection is lost where the member hangs up", async () => {
  for (const hangUp of ["close", "reset"] as const) {
    const early = await byHand();
    await early.read();
    early.memberEnd[hangUp]();
    await assertFails(early.channel, "connection-lost");

    const late = await byHand();
    const scripted = await scriptedMember();
    await late.write(encodeFrame(await scripted.m1((await late.read())!)));
    await late.read();
    late.memberEnd[hangUp]();
    await assertFails(late.channel, "connection-lost");
  }
});

test("initiate says that the connection is lost where the host hangs up", async () => {
  for (const hangUp of ["close", "reset"] as const) {
    const [memberEnd, hostEnd] = duplex();
    const refused = assertFails(initiate(memberEnd, await initiator()), "connection-lost");
    const greeting = (await responder()).m0;
    await hostEnd.writable.getWriter().write(encodeFrame(greeting));
    const frames = hostEnd.readable.pipeThrough(new FrameDecoderStream([M1_BYTES]));
    await frames.getReader().read();
    hostEnd[hangUp]();
    await refused;
  }
});

test("respond takes only the exact size of each message", async () => {
  for (const length of [0, 328, 330, 2 ** 24 - 1]) {
    const early = await byHand();
    await early.read();
    await early.write(concat(u32(length), new Uint8Array(20)));
    await assertFails(early.channel, "protocol-error", "header says");
    assertEquals(early.hostEnd.written.length, 4 + M0_BYTES);
  }
  for (const length of [0, 17, 447, 449, 2 ** 24 - 1]) {
    const late = await byHand();
    const scripted = await scriptedMember();
    await late.write(encodeFrame(await scripted.m1((await late.read())!)));
    await late.read();
    await late.write(concat(u32(length), new Uint8Array(20)));
    await assertFails(late.channel, "protocol-error", "header says");
    assertEquals(late.hostEnd.written.length, 4 + M0_BYTES + 4 + M2_BYTES);
  }
});

test("respond gives the records that came with M3 only once M3 is verified", async () => {
  for (const honest of [true, false]) {
    const { channel, hostEnd, memberEnd, read, write } = await byHand();
    const scripted = await scriptedMember();
    await write(encodeFrame(await scripted.m1((await read())!)));
    const { m3, toHost } = await scripted.m3((await read())!);
    const sealer = await RecordCipher.from(toHost);
    const sent = [batch(1), batch(2), CLOSE];
    const sealed: Bytes[] = [];
    for (const record of sent) sealed.push(await sealer.seal(record));
    await write(concat(encodeFrame(honest ? m3 : flip(m3, 3000)), ...sealed));
    memberEnd.close();
    if (honest) {
      assertEquals(await Array.fromAsync((await channel).readable), sent);
      await (await channel).writable.abort();
    } else {
      await assertFails(channel, "handshake-failed", "cannot be opened");
    }
    assertEquals(hostEnd.written.length, 4 + M0_BYTES + 4 + M2_BYTES);
  }
});

test("initiate gives no record that came along with M2 unless the host sealed it", async () => {
  for (const honest of [true, false]) {
    const [memberEnd, hostEnd] = duplex();
    const scripted = new ScriptedHost({
      identity: host,
      keyPair: await hostHopKey(),
      roomId,
      psk: zeroKey(),
    });
    const channel = initiate(memberEnd, await initiator());
    const writer = hostEnd.writable.getWriter();
    const reader = hostEnd.readable
      .pipeThrough(new FrameDecoderStream([M1_BYTES, M3_BYTES]))
      .getReader();
    await writer.write(encodeFrame(scripted.m0));
    const m2 = encodeFrame(await scripted.m2((await reader.read()).value!.body));
    const forged = await (await RecordCipher.from(randomBytes(32))).seal(CLOSE);
    await writer.write(honest ? m2 : concat(m2, forged));
    const { toMember } = await scripted.receiveM3((await reader.read()).value!.body);
    await writer.write(await (await RecordCipher.from(toMember)).seal(CLOSE));
    hostEnd.close();
    const records = Array.fromAsync((await channel).readable);
    if (honest) assertEquals(await records, [CLOSE]);
    else await assertFails(records, "protocol-error", "altered");
    await (await channel).writable.abort();
  }
});

test("a channel takes shared frames, and KEY for them, from the host to the member only", async () => {
  const { atHost, atMember } = await connect();
  assertEquals([atHost.carriesShared, atMember.carriesShared], [true, false]);
  const frame = await new SharedSealer().seal(batch(1), true);
  const key = encodeHostRecord({ type: "key", ...frame.before });
  const [read] = await Promise.all([
    Array.fromAsync(atMember.readable),
    sendAll(atHost, [key, frame, CLOSE]),
  ]);
  assertEquals(read, [{ ...batch(1), transcript: frame.transcript }, CLOSE]);
  const seen: PlainRecord[] = [];
  const refused = assertFails(
    async () => {
      for await (const record of atHost.readable) seen.push(record);
    },
    "protocol-error",
    "unexpected kind: 1",
  );
  const back = atMember.writable.getWriter();
  for (const item of [key, frame]) back.write(item).catch(() => {});
  await refused;
  assertEquals(seen, [key]);
  await back.abort().catch(() => {});
});

test("respond reads no more than some chunks from a member that it does not know", async () => {
  const { channel, hostEnd, read, write } = await byHand();
  await read();
  const flood = (async () => {
    await write(concat(u32(M1_BYTES), new Uint8Array(M1_BYTES)));
    while (true) await write(new Uint8Array(16_384));
  })();
  await assertFails(channel, "not-lanchat");
  await assertRejects(() => flood, Error, "closed");
  assert(hostEnd.taken <= 65_536 + 3 * 16_384, `${hostEnd.taken} bytes were read`);
  assertEquals(hostEnd.written.length, 4 + M0_BYTES);
});

test("a channel that is given up on one side fails on both", async () => {
  const { atMember, atHost } = await connect();
  const lost = assertFails(Array.fromAsync(atHost.readable), "connection-lost");
  await sendAll(atMember, [batch(1)]);
  await lost;
  await atMember.readable.cancel();
  await assertRejects(async () => {
    const writer = atHost.writable.getWriter();
    while (true) await writer.write(batch(2));
  });
});
