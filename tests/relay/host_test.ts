import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assert, assertEquals } from "@std/assert";
import { BROKER_CALLER } from "../../lib/broker_address.ts";
import { type Bytes, concat } from "../../lib/bytes/mod.ts";
import { FAREWELL_MS, initiate, type SecureChannel } from "../../lib/channel/mod.ts";
import { randomBytes, type WrapKeyPair, zeroKey } from "../../lib/crypto/mod.ts";
import { HostKey, HostKeyRing, Initiator } from "../../lib/handshake/mod.ts";
import {
  DEFAULT_LIMITS,
  type FailedJoins,
  HANDSHAKE_MS,
  Host,
  type Limits,
  Relay,
} from "../../lib/relay/mod.ts";
import {
  AcceptStatus,
  CloseReason,
  decodeHostRecord,
  decodeM0,
  encodeFrame,
  encodeMemberRecord,
  type Frame,
  FrameDecoderStream,
  type HostRecord,
  M0_BYTES,
  M1_BYTES,
  type MemberRecord,
  type PlainRecord,
} from "../../lib/wire/mod.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { duplex, type End } from "../support/duplex.ts";
import { ENTRY } from "../support/scripted_guest.ts";
import { hostHopKey, identityOf, memberHopKey } from "../support/keys.ts";
import { ack, resume } from "../support/records.ts";
import { test } from "../support/test.ts";

const { maxHandshakes: MAX_HANDSHAKES, maxWaiting: MAX_WAITING } = DEFAULT_LIMITS;

/** Time that a caller which got M2 and is not in the room keeps its place, in milliseconds. */
const KEPT_MS = 1000;

/** How long a caller has to be in the room, or its place is taken once more, in milliseconds. */
const FLEETING_MS = 10_000;

/** How long a caller through a broker may keep a place for which others wait, in milliseconds. */
const CONTESTED_MS = 3000;

/** Handshakes under way of one network at most. */
const PER_NETWORK = 24;

/** The time in which as many callers get M2 as may shake hands at once, in milliseconds. */
const PACE_MS = 1000;

const identity = await identityOf("host");
const FAREWELL: MemberRecord = { type: "close", reason: CloseReason.LEAVING };

/** A host whose callers come through memory. */
class Reception {
  readonly clock: FakeClock = new FakeClock();
  readonly relay: Relay;
  readonly host: Host;
  /** The events, in order. */
  readonly log: string[] = [];

  constructor(
    options: {
      maxMembers?: number;
      limits?: Partial<Limits>;
      generate?: () => Promise<WrapKeyPair>;
      keys?: HostKeyRing;
      onAdmitted?: () => void;
      onFailedJoins?: (joins: FailedJoins) => void;
    } = {},
  ) {
    const { clock } = this;
    const { generate = hostHopKey, limits, maxMembers, onAdmitted, onFailedJoins } = options;
    this.relay = new Relay({ clock, ...maxMembers !== undefined && { maxMembers } });
    this.host = new Host({
      identity,
      roomId: new Uint8Array(32).fill(1),
      psk: zeroKey(),
      relay: this.relay,
      limits: { ...DEFAULT_LIMITS, ...limits },
      keys: options.keys ?? new HostKeyRing({ generate, clock }),
      onAdmitted: () => {
        this.log.push("admitted");
        onAdmitted?.();
      },
      ...onFailedJoins !== undefined && { onFailedJoins },
      clock,
    });
  }

  /** Somebody calls. */
  call(remoteAddress = "127.0.0.1"): Call {
    return new Call(this.host, remoteAddress);
  }

  /** Many call, each from an address of its own. */
  callMany(count: number): Call[] {
    return Array.from({ length: count }, (_, i) => this.call(`192.0.2.${i}`));
  }

  /** Asserts that callers that got M2 and are not in the room keep their places for a second. */
  async assertKept(places = 1): Promise<void> {
    assertEquals(this.clock.timers, places);
    const calls = this.callMany(MAX_HANDSHAKES);
    await Promise.all(calls.slice(0, -places).map((call) => call.greeting()));
    this.clock.advance(KEPT_MS - 1);
    await nextTurn();
    assertEquals(calls.at(-1)!.end.taken, 0);
    this.clock.advance(1);
    await Promise.all(calls.slice(-places).map((call) => call.greeting()));
    calls.forEach((call) => call.end.close());
    await Promise.all(calls.map((call) => call.greeted));
    await this.assertIdle();
  }

  /** Asserts that the host greets as many callers at once as ever, and keeps none. */
  async assertIdle(): Promise<void> {
    assertEquals(this.clock.timers, 0, "timers are left");
    const calls = this.callMany(MAX_HANDSHAKES);
    await Promise.all(calls.map((call) => call.greeting()));
    calls.forEach((call) => call.end.close());
    await Promise.all(calls.map((call) => call.greeted));
    assertEquals(this.clock.timers, 0, "timers are left");
  }
}

/** One caller. */
class Call {
  /** The caller's end of the connection. */
  readonly end: End;
  /** Settles as the host's greeting does. */
  readonly greeted: Promise<void>;
  /** How often the host cut it. */
  cuts = 0;

  constructor(host: Host, remoteAddress: string) {
    const [mine, { close, readable, writable }] = duplex();
    this.end = mine;
    this.greeted = host.greet({
      remoteAddress,
      readable,
      writable,
      close: () => {
        this.cuts++;
        close();
      },
    });
  }

  /** Whether the host is done with it. */
  get cut(): boolean {
    return this.cuts > 0;
  }

  /** The frames that the host sends. */
  frames(): ReadableStreamDefaultReader<Frame> {
    return this.end.readable.pipeThrough(new FrameDecoderStream([M0_BYTES])).getReader();
  }

  /** Waits for the host's greeting, which must not say that it is busy. */
  async greeting(): Promise<Bytes> {
    const { body } = (await this.frames().read()).value!;
    assertEquals(decodeM0(body).busy, false);
    return body;
  }

  /** Whether the host only says that it is busy. */
  async isSentAway(): Promise<boolean> {
    const frames = this.frames();
    const { busy } = decodeM0((await frames.read()).value!.body);
    return busy && (await frames.read()).done && this.cut;
  }

  async send(bytes: Bytes): Promise<void> {
    const writer = this.end.writable.getWriter();
    await writer.write(bytes);
    writer.releaseLock();
  }

  /** Shakes hands. */
  async shake(
    name = "ada",
    nonce: Bytes = randomBytes(16),
    trusts: () => Promise<boolean> = () => Promise.resolve(true),
  ): Promise<ScriptedGuest> {
    return new ScriptedGuest(
      await initiate(
        this.end,
        new Initiator({
          identity: await identityOf(name),
          nonce,
          keyPair: await memberHopKey(),
          psk: zeroKey(),
          trusts,
        }),
      ),
    );
  }
}

/** A caller whose handshake is over. */
class ScriptedGuest {
  readonly #reader: ReadableStreamDefaultReader<PlainRecord>;
  readonly #writer: WritableStreamDefaultWriter<PlainRecord>;

  constructor({ readable, writable }: SecureChannel) {
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
  }

  async next(): Promise<HostRecord> {
    return decodeHostRecord((await this.#reader.read()).value!);
  }

  /** How it was answered. */
  async answer(): Promise<Extract<HostRecord, { type: "accept" }>> {
    const record = await this.next();
    if (record.type !== "accept") throw new Error(`The answer is ${record.type}`);
    return record;
  }

  async send(record: MemberRecord): Promise<void> {
    await this.#writer.write(encodeMemberRecord(record));
  }

  /** Enters the room. */
  async enter(): Promise<void> {
    assertEquals((await this.answer()).status, AcceptStatus.OK);
    await this.send(resume());
    await this.send(ENTRY);
    assertEquals((await this.next()).type, "resume");
    assertEquals((await this.next()).type, "roster");
  }

  /** Says farewell, or something that ends the connection, and waits for the end. */
  async end(record: MemberRecord = FAREWELL): Promise<void> {
    await this.send(record);
    while (!(await this.#reader.read()).done);
    await this.#writer.close();
  }
}

test("Host greets, shakes hands and gives a seat", async () => {
  const reception = new Reception();
  const call = reception.call();
  const guest = await call.shake();
  assertEquals(reception.log, [], "nobody is admitted before its announcement");
  await guest.enter();
  assertEquals(reception.log, ["admitted"]);
  assertEquals(call.cut, false);
  await guest.end();
  await call.greeted;
  assert(call.cut);
  await reception.assertKept();
});

test("Host keeps no RSA key in memory because members are connected that shook hands with it", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const keys: WeakRef<HostKey>[] = [];
  /** Replaces its key after each handshake. */
  class ReplacingRing extends HostKeyRing {
    override async current(): Promise<HostKey> {
      const key = new HostKey(await hostHopKey(), 0);
      keys.push(new WeakRef(key));
      return key;
    }
  }
  const reception = new Reception({ keys: new ReplacingRing({ generate: hostHopKey }) });
  const call = reception.call();
  const guest = await call.shake();
  await guest.enter();
  await nextTurn(); // A reference that was looked at stays until then.
  collect();
  assertEquals(keys.map((key) => key.deref()), [undefined]);
  await guest.end();
  await call.greeted;
});

test("Host tells of a member's admission before the room is told", async () => {
  const reception = new Reception();
  const [before, after] = [reception.call(), reception.call()];
  const witness = await before.shake("bob");
  await witness.enter();
  reception.log.length = 0;
  const told = witness.next().then(({ type }) => reception.log.push(type));
  const guest = await after.shake();
  await guest.enter();
  await told;
  assertEquals(reception.log, ["admitted", "member"]);
  await Promise.all([guest.end(), witness.end()]);
  await Promise.all([before.greeted, after.greeted]);
});

test("Host keeps a caller without a place waiting until one is free", async () => {
  const reception = new Reception();
  const silent = reception.callMany(MAX_HANDSHAKES);
  const late = reception.call();
  await Promise.all(silent.map((call) => call.greeting()));
  await nextTurn();
  assertEquals(late.end.taken, 0);
  silent[0]!.end.close();
  const guest = await late.shake();
  await guest.enter();
  reception.clock.advance(PACE_MS);
  const another = reception.call();
  await another.greeting();
  silent.forEach((call) => call.end.close());
  another.end.close();
  await guest.end();
  await Promise.all([...silent, late, another].map((call) => call.greeted));
  await reception.assertKept();
});

test("Host says that it is busy to a caller that it sends away", async () => {
  const reception = new Reception();
  const silent = reception.callMany(MAX_HANDSHAKES);
  const first = reception.call();
  const others = Array.from({ length: MAX_WAITING }, () => reception.call());
  assert(await first.isSentAway());
  await first.greeted;
  for (const call of [...silent, ...others]) {
    assertEquals(call.cut, false);
    call.end.close();
  }
  await Promise.all([...silent, ...others].map((call) => call.greeted));
  await reception.assertIdle();
  const { cuts } = first;
  reception.host.close();
  assertEquals(first.cuts, cuts, "who was sent away is not forgotten");
});

test("Host: a member takes a busy host for what it is", async () => {
  const reception = new Reception();
  const silent = reception.callMany(MAX_HANDSHAKES);
  const call = reception.call();
  const shaken = assertFails(call.shake(), "busy");
  await Promise.all(silent.map((call) => call.greeting()));
  reception.clock.advance(HANDSHAKE_MS);
  await shaken;
  await Promise.all([...silent, call].map((call) => call.greeted));
  await reception.assertIdle();
});

test("Host admits a caller to a small room in spite of a crowd from another address", async () => {
  const reception = new Reception({ maxMembers: 2 });
  const crowd = Array.from({ length: 200 }, () => reception.call("192.0.2.1"));
  const call = reception.call("192.0.2.2");
  const guest = await call.shake();
  await guest.enter();
  await guest.end();
  crowd.forEach((call) => call.end.close());
  await Promise.all([...crowd, call].map((call) => call.greeted));
  await reception.assertKept();
});

test("Host sends callers away at once while too many connections are being ended", async () => {
  const reception = new Reception({ maxMembers: 1, limits: { maxHandshakes: 1 } });
  const session = randomBytes(16);
  const [first, second] = [reception.call(), reception.call()];
  await (await first.shake("ada", session)).enter();
  reception.clock.advance(PACE_MS);
  // It takes the seat, and the first one is asked to go, and does not.
  const guest = await second.shake("ada", session);
  await guest.enter();
  assert(await reception.call().isSentAway());
  reception.clock.advance(FAREWELL_MS);
  await first.greeted;
  reception.clock.advance(KEPT_MS);
  const next = reception.call();
  await next.greeting();
  next.end.close();
  await guest.end();
  await Promise.all([second, next].map((call) => call.greeted));
});

test("Host sends away a caller that does not read", async () => {
  const reception = new Reception({ limits: { maxHandshakes: 1, maxWaiting: 0 } });
  const [call, gone] = [reception.call(), reception.call()];
  gone.end.reset();
  await gone.greeted;
  assert(gone.cut);
  call.end.close();
  await call.greeted;
});

/** Callers that take a place for as long as they may, by how far they get. */
const IDLERS: Record<string, (call: Call) => Promise<unknown>> = {
  "that says nothing": (call) => call.greeting(),
  "that stops within a frame": (call) =>
    call.send(encodeFrame(new Uint8Array(M1_BYTES)).slice(0, 9)),
  "that stops within a header": (call) => call.send(new Uint8Array(2)),
};

for (const [who, idle] of Object.entries(IDLERS)) {
  test(`Host cuts the connection of a caller ${who} for ten seconds`, async () => {
    const reception = new Reception();
    const call = reception.call();
    await idle(call);
    reception.clock.advance(HANDSHAKE_MS - 1);
    await nextTurn();
    assertEquals(call.cut, false);
    reception.clock.advance(1);
    assert(call.cut);
    await call.greeted;
    assertEquals(reception.log, []);
    await reception.assertIdle();
  });
}

test("Host cuts a silent caller through a broker after three seconds if another one waits, and not before", async () => {
  const reception = new Reception();
  const silent = Array.from({ length: PER_NETWORK }, () => reception.call(BROKER_CALLER));
  const local = reception.call();
  await Promise.all([...silent, local].map((call) => call.greeting()));
  reception.clock.advance(CONTESTED_MS);
  assertEquals(silent.filter(({ cut }) => cut), [], "no one waits");
  const late = reception.call(BROKER_CALLER);
  assertEquals([...silent, local].map(({ cut }) => cut), [...silent.map(() => true), false]);
  const others = Array.from({ length: PER_NETWORK }, () => reception.call(BROKER_CALLER));
  await late.greeting();
  reception.clock.advance(CONTESTED_MS - 1);
  await nextTurn();
  assertEquals(late.cut, false);
  reception.clock.advance(1);
  assert(late.cut);
  const calls = [...silent, local, late, ...others];
  calls.forEach((call) => call.end.close());
  await Promise.all(calls.map((call) => call.greeted));
  await reception.assertIdle();
});

test("Host waits no more than ten seconds for a key of its own", async () => {
  const key = Promise.withResolvers<WrapKeyPair>();
  const reception = new Reception({ generate: () => key.promise });
  const call = reception.call();
  await nextTurn();
  reception.clock.advance(HANDSHAKE_MS);
  assert(call.cut);
  key.resolve(await hostHopKey());
  await call.greeted;
  await reception.assertIdle();
});

test("Host keeps a member in the room past the deadline", async () => {
  const reception = new Reception();
  const call = reception.call();
  const guest = await call.shake();
  await guest.enter();
  reception.clock.advance(HANDSHAKE_MS);
  await nextTurn();
  assertEquals(call.cut, false);
  await guest.end();
  await call.greeted;
});

test("Host gives the place of a caller back a second after the handshake, though it is not in the room", async () => {
  const reception = new Reception({ limits: { maxHandshakes: 2, maxPerAddress: 1 } });
  const [lurker, next] = [reception.call("192.0.2.1"), reception.call("192.0.2.1")];
  const guest = await lurker.shake();
  await guest.answer();
  await guest.send(resume());
  await nextTurn();
  reception.clock.advance(KEPT_MS - 1);
  await nextTurn();
  assertEquals(next.end.taken, 0);
  reception.clock.advance(1);
  await next.greeting();
  assertEquals(reception.log, []);
  assertEquals(lurker.cut, false);
  next.end.close();
  await guest.end();
  await Promise.all([lurker.greeted, next.greeted]);
});

test("Host takes the place of a caller again that was in the room for less than ten seconds", async () => {
  for (const [ms, kept] of [[FLEETING_MS - 1, 1], [FLEETING_MS, 0]] as const) {
    const reception = new Reception();
    const call = reception.call();
    const guest = await call.shake();
    await guest.enter();
    reception.clock.advance(ms);
    await guest.end();
    await call.greeted;
    if (kept > 0) await reception.assertKept();
    else await reception.assertIdle();
  }
});

test("Host reports many callers that get a join code and do not stay", async () => {
  const told: FailedJoins[] = [];
  const reception = new Reception({ onFailedJoins: (joins) => told.push(joins) });
  for (let i = 0; i < 30; i++) {
    assertEquals(told, []);
    const call = reception.call("192.0.2.7");
    await (await call.shake()).end();
    await call.greeted;
    reception.clock.advance(KEPT_MS);
  }
  assertEquals(told, [{ count: 30, addresses: ["192.0.2.7"] }]);
  await reception.assertIdle();
});

/** The ways in which a call may end before M2. */
const EARLY_ENDS: Record<string, (call: Call) => Promise<unknown>> = {
  "hangs up at once": async (call) => await call.end.writable.close(),
  "is cut": (call) => Promise.resolve(call.end.reset()),
  "sends a length that is none": (call) => call.send(new Uint8Array(4).fill(0xff)),
  "sends what is no M1": (call) => call.send(encodeFrame(new Uint8Array(M1_BYTES))),
  "hangs up within a frame": async (call) => {
    await call.send(encodeFrame(new Uint8Array(M1_BYTES)).slice(0, 100));
    call.end.close();
  },
};

/** The ways in which it may end between M2 and a seat. */
const LATE_ENDS: Record<string, (call: Call) => Promise<unknown>> = {
  "does not trust the host": async (call) => {
    await assertFails(
      call.shake("ada", randomBytes(16), () => Promise.resolve(false)),
      "host-key-mismatch",
    );
  },
  "hangs up before RESUME": async (call) => {
    await (await call.shake()).answer();
    call.end.close();
  },
  "says farewell before RESUME": async (call) => await (await call.shake()).end(),
  "sends something else than RESUME": async (call) => {
    await (await call.shake()).end(ack(0));
  },
  "claims to have what it was never sent": async (call) => {
    const guest = await call.shake();
    const { instance } = await guest.answer();
    await guest.end(resume(1, instance));
  },
};

for (const [what, end] of Object.entries({ ...EARLY_ENDS, ...LATE_ENDS })) {
  test(`Host keeps no state of a caller that ${what}`, async () => {
    const reception = new Reception();
    const call = reception.call();
    await end(call);
    await call.greeted;
    assert(call.cut);
    assertEquals(reception.log, []);
    if (what in LATE_ENDS) await reception.assertKept();
    else await reception.assertIdle();
  });
}

test("Host says that the room is full, and gives the place back", async () => {
  const reception = new Reception({ maxMembers: 1 });
  const [call, surplus] = [reception.call(), reception.call()];
  const guest = await call.shake();
  await guest.enter();
  const refused = await surplus.shake("bob");
  assertEquals((await refused.answer()).status, AcceptStatus.ROOM_FULL);
  assertEquals(await refused.next(), { type: "close", reason: CloseReason.IDLE });
  await surplus.greeted;
  assert(surplus.cut);
  assertEquals(reception.log, ["admitted"]);
  await guest.end();
  await call.greeted;
  const later = reception.call();
  const next = await later.shake("bob");
  await next.enter();
  await next.end();
  await later.greeted;
  await reception.assertKept(3);
});

test("Host gives no identity a session of another, whatever nonce it shows", async () => {
  const reception = new Reception();
  const nonce = randomBytes(16);
  const [call, other] = [reception.call(), reception.call()];
  const guest = await call.shake("ada", nonce);
  await guest.enter();
  const stranger = await other.shake("bob", nonce);
  const { resumed, status } = await stranger.answer();
  assertEquals([resumed, status], [false, AcceptStatus.OK]);
  await stranger.end();
  await other.greeted;
  await guest.end();
  await call.greeted;
  await reception.assertKept(2);
});

test("Host ends only the call whose key cannot be made", async () => {
  let calls = 0;
  const reception = new Reception({
    generate: () => calls++ === 0 ? Promise.reject(new Error("no memory")) : hostHopKey(),
  });
  const [unlucky, lucky] = [reception.call(), reception.call()];
  await unlucky.greeted;
  assert(unlucky.cut);
  await lucky.greeted;
  await reception.assertIdle();
});

test("Host ends only the call whose onAdmitted throws", async () => {
  const reception = new Reception({
    onAdmitted: () => {
      throw new Error("fault");
    },
  });
  const call = reception.call();
  const guest = await call.shake();
  assertEquals((await guest.answer()).status, AcceptStatus.OK);
  await guest.send(resume());
  await guest.send(ENTRY);
  await call.greeted;
  assert(call.cut);
  await reception.assertKept();
});

test("Host.close cuts callers that have not shaken hands, and no others", async () => {
  const reception = new Reception();
  const member = reception.call();
  const guest = await member.shake();
  await guest.enter();
  const strangers = reception.callMany(MAX_HANDSHAKES + 2);
  await strangers[0]!.greeting();
  const waiting = strangers.splice(1, 1)[0]!;
  const newcomer = await waiting.shake("bob");
  assertEquals((await newcomer.answer()).status, AcceptStatus.OK);
  reception.host.close();
  const late = reception.call();
  await Promise.all([...strangers, late].map((call) => call.greeted));
  assertEquals([...strangers, late].map(({ cut }) => cut).includes(false), false);
  assertEquals(late.end.taken, 0);
  assertEquals([member, waiting].map(({ cut }) => cut), [false, false]);
  await newcomer.send(resume());
  await Promise.all([guest.end(), newcomer.end()]);
  await Promise.all([member.greeted, waiting.greeted]);
  assertEquals(reception.clock.timers, 0);
});

test("Host greets every caller with another challenge", async () => {
  const reception = new Reception();
  const calls = reception.callMany(2);
  const greetings = await Promise.all(calls.map((call) => call.greeting()));
  assert(greetings[0]!.join() !== greetings[1]!.join());
  assertEquals(concat(...greetings).length, 2 * M0_BYTES);
  calls.forEach((call) => call.end.close());
  await Promise.all(calls.map((call) => call.greeted));
});
