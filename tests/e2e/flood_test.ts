/**
 * Strangers at 127.0.0.2 try to keep others out; members at 127.0.0.1 join meanwhile, and those
 * in the room see no effect.
 */
import { assert, assertEquals } from "@std/assert";
import { randomBytes, zeroKey } from "../../lib/crypto/mod.ts";
import { Initiator } from "../../lib/handshake/mod.ts";
import { DEFAULT_LIMITS } from "../../lib/relay/mod.ts";
import { encodeFrame, SESSION_NONCE_BYTES } from "../../lib/wire/mod.ts";
import { Flood, type Manners } from "../support/flood.ts";
import { identityOf, memberHopKey } from "../support/keys.ts";
import { HostProgram } from "../support/program.ts";
import { missing, testUnless } from "../support/tools.ts";
import { type ProcessMember, visit } from "../support/member_of_process.ts";

/** How long joining may take, in milliseconds. */
const JOIN_MS = 2000;

/** Handshakes at once of one address. */
const PER_ADDRESS = 8;

/** Strangers of one address that have a place or wait for one. */
const HELD = PER_ADDRESS + DEFAULT_LIMITS.maxWaiting;

/** File descriptors of a host that has few. */
const FEW_DESCRIPTORS = 60;

/** A test of a host at a flood from 127.0.0.2, which is an address only on Linux. */
function floodTest(name: string, fn: () => Promise<void>): void {
  testUnless(missing("prlimit"), name, fn, { sanitizeOps: true, sanitizeResources: true });
}

/** A host of a small room that counts its own machine's addresses as others. */
async function open(): Promise<HostProgram> {
  const limits = ["--max-per-address", `${PER_ADDRESS}`, "--max-members", "8"];
  return await HostProgram.start([...limits, "--json"]);
}

/** Asserts that a member joins in time, sends and receives. */
async function assertJoins(host: HostProgram, name: string): Promise<void> {
  await using member = await visit(host.port, name);
  assert(member.joinMs < JOIN_MS, `${name} took ${member.joinMs.toFixed()} ms to join`);
  await assertTalk(host, member);
}

/** Asserts that a member reads the host's own and is read by it. */
async function assertTalk(host: HostProgram, member: ProcessMember): Promise<void> {
  await member.room.say(`${member.name} is here`);
  await host.event("message", ({ text }) => text === `${member.name} is here`);
  await host.tell({ say: `welcome, ${member.name}` });
  assertEquals(await member.texts.next(), `welcome, ${member.name}`);
}

/** Asserts that the room shows only these members, as they join and leave. */
async function assertUnmoved(host: HostProgram, names: readonly string[]): Promise<void> {
  await host.event("left", ({ member }) => member.name === names.at(-1));
  const beside = ["warning", "delivered"];
  const events = host.events.map(({ event }) => event).filter((event) => !beside.includes(event));
  const each = ["joined", "message", "sent", "left"];
  assertEquals(events, ["listening", "invite", "ready", ...names.flatMap(() => each)]);
}

/** Asserts that members join and leave while strangers dial the host. */
async function assertOpen(host: HostProgram): Promise<void> {
  const names = ["ada", "bob", "carol"];
  for (const name of names) await assertJoins(host, name);
  await assertUnmoved(host, names);
}

/** How many more files and sockets a process may open. */
function descriptorsLeft(pid: number, limit: number): number {
  const open = [...Deno.readDirSync(`/proc/${pid}/fd`)].filter(({ name }) => Number(name) < limit);
  return limit - open.length;
}

/** Says M1 as a member would. @param m0 42 bytes. */
async function answerOf(m0: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const initiator = new Initiator({
    identity: await identityOf("mallory"),
    nonce: randomBytes(SESSION_NONCE_BYTES),
    keyPair: await memberHopKey(),
    psk: zeroKey(),
    trusts: () => Promise.resolve(true),
  });
  return encodeFrame(await initiator.receiveM0(m0));
}

floodTest(
  "200 silent strangers keep no member out, and get the answer busy",
  async () => {
    await using host = await open();
    await using flood = new Flood(host.port);
    flood.call(200);
    await flood.reaches("greeted", PER_ADDRESS);
    await flood.reaches("busy", 200 - HELD);
    await assertOpen(host);
    assertEquals(flood.count("cut"), 0);
  },
);

floodTest("strangers that send a byte at a time keep no member out", async () => {
  await using host = await open();
  const speakers: (() => void)[] = [];
  const manners: Manners = {
    async greeted(socket, m0): Promise<void> {
      const m1 = await answerOf(m0);
      let sent = 0;
      speakers.push(() => socket.write(m1.slice(sent, ++sent)));
    },
  };
  await using flood = new Flood(host.port, manners);
  flood.every(100, () => speakers.forEach((speak) => speak()));
  flood.call(100);
  await flood.reaches("greeted", PER_ADDRESS);
  await assertOpen(host);
});

floodTest("strangers that send garbage repeatedly keep no member out", async () => {
  await using host = await open();
  await using flood = new Flood(host.port, {
    connected: (socket) => socket.write(randomBytes(1000)),
  });
  void flood.callEvenly(3000, 18_000);
  await flood.reaches("greeted", PER_ADDRESS);
  await assertOpen(host);
});

floodTest("strangers that leave after M1 keep no member out", async () => {
  await using host = await open();
  const answers: Promise<unknown>[] = [];
  await using flood = new Flood(host.port, {
    greeted(socket, m0): void {
      const answered = Promise.withResolvers<void>();
      answers.push(answered.promise);
      // After M1 the caller neither reads nor sends.
      socket.pause();
      answerOf(m0).then((m1) => socket.write(m1, () => answered.resolve()));
    },
  });
  flood.call(100);
  await flood.reaches("greeted", PER_ADDRESS);
  await Promise.all(answers);
  await assertOpen(host);
});

floodTest(
  "3,000 connections in 18 s keep no member out, and none is cut without an answer",
  async () => {
    await using host = await open();
    await using flood = new Flood(host.port);
    const names: string[] = [];
    let flooding = true;
    const flooded = flood.callEvenly(3000, 18_000).then(() => flooding = false);
    await flood.reaches("busy", 1);
    while (flooding) {
      const name = `visitor ${names.length}`;
      await assertJoins(host, name);
      names.push(name);
    }
    await flooded;
    await flood.reaches("busy", 3000 - HELD - 2 * PER_ADDRESS);
    assertEquals(flood.count("cut"), 0);
    await assertUnmoved(host, names);
  },
);

floodTest(
  "a host without file descriptors continues, and admits again once it has some",
  async () => {
    const many = `${FEW_DESCRIPTORS}`;
    const limits = ["--max-handshakes", many, "--max-per-address", many];
    await using host = await HostProgram.start([...limits, "--json"], {
      wrapper: (command) => ["prlimit", `--nofile=${many}:${many}`, ...command],
    });
    await using bob = await visit(host.port, "bob");
    {
      await using flood = new Flood(host.port);
      let greeted = 0;
      while (descriptorsLeft(host.pid, FEW_DESCRIPTORS) > 0) {
        flood.call(1);
        await flood.reaches("greeted", ++greeted);
      }
      flood.call(20);
      await assertTalk(host, bob);
      assertEquals(
        flood.treatments.all.length,
        greeted,
        "somebody was accepted without a descriptor",
      );
    }
    await assertJoins(host, "carol");
    await bob.event("left");
    const seen = ["ready", "message", "joined", "message", "message", "left"];
    assertEquals(bob.events.all.map(({ event }) => event), seen);
  },
);
