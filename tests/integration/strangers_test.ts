import { assert, assertEquals } from "@std/assert";
import { type Bytes, equal, utf8 } from "../../lib/bytes/mod.ts";
import { Endpoint, initiate } from "../../lib/channel/mod.ts";
import { randomBytes, zeroKey } from "../../lib/crypto/mod.ts";
import { Initiator } from "../../lib/handshake/mod.ts";
import { HANDSHAKE_MS } from "../../lib/relay/mod.ts";
import { ENTRY_MS } from "../../lib/relay/relay.ts";
import {
  CloseReason,
  decodeHostRecord,
  encodeFrame,
  encodeMemberRecord,
  type HostRecord,
  M0_BYTES,
  M1_BYTES,
  type MemberRecord,
  type PlainRecord,
  RecordType,
} from "../../lib/wire/mod.ts";
import { FakeClock } from "../support/clock.ts";
import { hallTest, type Line, WholePipeline } from "../support/whole_pipeline.ts";
import { Inbox } from "../support/inbox.ts";
import { identityOf, memberHopKey } from "../support/keys.ts";
import { resume } from "../support/records.ts";

/** Records that only say that an end is there. */
const ALIVE: ReadonlySet<number> = new Set([RecordType.PING, RecordType.PONG]);

/** The bytes that strangers send before they fall silent. */
const KINDS: readonly (() => Bytes)[] = [
  () => new Uint8Array(),
  () => randomBytes(1000),
  () => utf8("GET / HTTP/1.1\r\nHost: lanchat\r\n\r\n"),
  () => encodeFrame(new Uint8Array(M1_BYTES)).slice(0, 100),
  () => encodeFrame(randomBytes(M1_BYTES)),
];

/** Strangers call one after the other, and stay. */
async function crowd(pipeline: WholePipeline, count: number): Promise<Line[]> {
  const before = pipeline.calls.all.length;
  const lines: Line[] = [];
  for (let i = 0; i < count; i++) {
    const line = await pipeline.dial();
    lines.push(line);
    const writer = line.writable.getWriter();
    const bytes = KINDS[i % KINDS.length]!();
    if (bytes.length > 0) await writer.write(bytes).catch(() => {}); // The host may have closed it already.
    writer.releaseLock();
  }
  await pipeline.calls.count(before + count);
  return lines;
}

/** How many bytes come before the other side ends it. */
async function readAll({ readable }: Line): Promise<number> {
  let bytes = 0;
  try {
    for await (const chunk of readable) bytes += chunk.length;
  } catch {
    // The host closed it.
  }
  return bytes;
}

hallTest(
  "200 strangers from one address neither keep out nor disturb a member from another",
  async () => {
    const pipeline = await WholePipeline.open({ clock: new FakeClock() });
    const host = await pipeline.sit();
    const ada = await pipeline.join("ada");
    pipeline.remoteAddress = "192.0.2.1";
    const strangers = await crowd(pipeline, 200);
    await ada.room.say("what is going on?");
    assertEquals(await host.texts.next(), "what is going on?");
    pipeline.remoteAddress = "192.0.2.2";
    const bob = await pipeline.join("bob");
    await bob.room.say("nothing at all");
    assertEquals(await ada.texts.next(), "nothing at all");
    await pipeline.close();
    for (const stranger of strangers) stranger.close();
    assertEquals(host.events.all.map(({ event }) => event), [
      "ready",
      "joined",
      "message",
      "joined",
      "message",
    ]);
  },
);

hallTest(
  "200 strangers from the member's own address keep it out for ten seconds at most",
  async () => {
    const clock = new FakeClock();
    const pipeline = await WholePipeline.open({ clock });
    const host = await pipeline.sit();
    const strangers = await crowd(pipeline, 200);
    clock.advance(HANDSHAKE_MS / 2);
    const joined = pipeline.join("ada");
    await pipeline.calls.count(201);
    clock.advance(HANDSHAKE_MS / 2);
    const ada = await joined;
    await ada.room.say("here I am");
    assertEquals(await host.texts.next(), "here I am");
    await pipeline.close();
    for (const stranger of strangers) stranger.close();
  },
);

hallTest("a connection without a seat after ten seconds is closed, and no other", async () => {
  const clock = new FakeClock();
  const pipeline = await WholePipeline.open({ clock });
  const host = await pipeline.sit();
  const ada = await pipeline.join("ada");
  const silent = await pipeline.dial();
  const halfOpen = await pipeline.dial();
  const writer = halfOpen.writable.getWriter();
  await writer.write(encodeFrame(new Uint8Array(M1_BYTES)).slice(0, 100));
  const readers = [silent, halfOpen].map(({ readable }) => readable.getReader());
  const greetings = await Promise.all(readers.map((reader) => reader.read()));
  assertEquals(greetings.map(({ value }) => value!.length), [4 + M0_BYTES, 4 + M0_BYTES]);
  clock.advance(HANDSHAKE_MS);
  for (const reader of readers) assert((await reader.read()).done);
  silent.close();
  halfOpen.close();
  await ada.room.say("still here");
  assertEquals(await host.texts.next(), "still here");
  await pipeline.close();
  assertEquals(clock.timers, 0);
});

hallTest("the end of a room closes the connections of strangers at once", async () => {
  const pipeline = await WholePipeline.open({ clock: new FakeClock() });
  const strangers = await crowd(pipeline, 50);
  const reading = strangers.map(readAll);
  await pipeline.close();
  for (const bytes of await Promise.all(reading)) assert(bytes <= 4 + M0_BYTES);
  for (const stranger of strangers) stranger.close();
});

hallTest(
  "a stranger that resumes and sends no ANNOUNCE learns nothing and is closed",
  async () => {
    const clock = new FakeClock();
    const pipeline = await WholePipeline.open({ clock });
    const host = await pipeline.sit();
    const ada = await pipeline.join("ada");
    const nonce = randomBytes(16);
    const line = await pipeline.dial();
    const initiator = new Initiator({
      identity: await identityOf("eve"),
      nonce,
      keyPair: await memberHopKey(),
      psk: zeroKey(),
      trusts: () => Promise.resolve(true),
    });
    const channel = await initiate(line, initiator);
    const { session } = channel.hop;
    const endpoint = new Endpoint<HostRecord, MemberRecord>(channel, {
      codec: { encode: encodeMemberRecord, decode: decodeHostRecord },
      next: () => undefined,
    });
    const records = endpoint.receive();
    const { value: accept } = await records.next();
    endpoint.send(resume());
    const { value: answer } = await records.next();
    assertEquals([accept?.type, answer?.type], ["accept", "resume"]);

    const bob = await pipeline.join("bob");
    await ada.room.say("who is listening?");
    await ada.room.say("to you", { to: "bob" });
    assertEquals(await bob.texts.next(), "who is listening?");
    await bob.room.leave();
    await bob.ran;
    const { toMember } = pipeline.relay.with({ session });
    const pongs = new Inbox<PlainRecord>();
    pipeline.relay.onRecord = (record, direction, to) => {
      if (direction !== "toMember" || !equal(to, session)) return;
      if (record.type === RecordType.PONG) pongs.push(record);
    };
    const next = records.next();
    for (let passed = 0; passed < ENTRY_MS; passed += 5000) {
      // Every member is known.
      endpoint.send({ type: "ping", token: randomBytes(8) });
      await Promise.all([ada.room.say("still here"), host.room.say("so am I"), pongs.next()]);
      assertEquals(toMember.filter(({ type }) => !ALIVE.has(type)).length, 2);
      clock.advance(5000);
    }
    assertEquals((await next).value, { type: "close", reason: CloseReason.IDLE });
    await records.return();
    await endpoint.close(CloseReason.LEAVING);
    line.close();
    assertEquals(toMember.filter(({ type }) => !ALIVE.has(type)).length, 3);
    await pipeline.close();
    for (const { events } of [host, ada]) {
      const named = events.all.flatMap((event) => "member" in event ? [event.member.name] : []);
      assertEquals(named.filter((name) => !["ada", "bob", "hana"].includes(name)), []);
    }
  },
);
