import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { RETRY_MS } from "../../lib/session/backoff.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/relay/mod.ts";
import { AdmissionQueue, MAX_WAIT_MS, type ReleasePlace } from "../../lib/relay/admission_queue.ts";
import { FakeClock, nextTurn } from "../support/clock.ts";
import { seededNumbers } from "../support/faults.ts";
import { test } from "../support/test.ts";

const { maxHandshakes: MAX_HANDSHAKES, maxWaiting: MAX_WAITING } = DEFAULT_LIMITS;

/** Handshakes under way at once from one address, by default. */
const MAX_PER_ADDRESS = 8;

/** Handshakes under way at once from one loopback address or IPv6 network, by default. */
const MAX_PER_NETWORK = 24;

/** A caller at the queue. */
interface Caller {
  readonly name: string;
  readonly answered: Promise<void>;
  readonly state: "waiting" | "inside" | "sent away";
  leave(): void;
}

/** A queue, and in which order it answers. */
class Scene {
  readonly clock: FakeClock = new FakeClock();
  readonly answers: string[] = [];
  readonly #queue: AdmissionQueue;

  /** Starts with an empty queue. @param limits The limits that differ from the default. */
  constructor(limits: Partial<Limits> = {}) {
    this.#queue = new AdmissionQueue({ ...DEFAULT_LIMITS, ...limits }, this.clock);
  }

  /** Somebody comes. */
  call(address: string, name: string = address): Caller {
    let leave: ReleasePlace | undefined;
    let state: Caller["state"] = "waiting";
    const answered = this.#queue.enter(address).then((place) => {
      leave = place;
      state = place === undefined ? "sent away" : "inside";
      this.answers.push(name);
    });
    return {
      name,
      answered,
      get state(): Caller["state"] {
        return state;
      },
      leave(): void {
        leave!(true); // Only callers that got M2 count against the rate.
      },
    };
  }

  /** Many come, the name of each its address and its number. */
  callMany(address: string, count: number): Caller[] {
    return Array.from({ length: count }, (_, i) => this.call(address, `${address} ${i}`));
  }

  /** One comes from each of so many addresses. */
  callFromMany(count: number): Caller[] {
    return Array.from({ length: count }, (_, i) => this.call(`192.0.2.${i}`));
  }
}

/** How many are in a state. */
async function count(callers: readonly Caller[], state: Caller["state"]): Promise<number> {
  await nextTurn();
  return callers.filter((caller) => caller.state === state).length;
}

/** Everybody goes, and no timer is left. */
async function empty({ clock }: Scene, callers: readonly Caller[]): Promise<void> {
  clock.advance(MAX_WAIT_MS);
  await Promise.all(callers.map(({ answered }) => answered));
  for (const caller of callers) if (caller.state === "inside") caller.leave();
  assertEquals(clock.timers, 0);
}

test("AdmissionQueue lets no more through at once than its limit", async () => {
  const policy = new Scene();
  const callers = policy.callFromMany(MAX_HANDSHAKES + 1);
  assertEquals(await count(callers, "inside"), MAX_HANDSHAKES);
  assertEquals(callers.at(-1)!.state, "waiting");
  callers[0]!.leave();
  await callers.at(-1)!.answered;
  assertEquals(callers.at(-1)!.state, "inside");
  assertEquals(policy.clock.timers, 0, "whoever got in waits no more");
  callers.slice(1).forEach((caller) => caller.leave());
});

test("AdmissionQueue lets no more through from one address than its limit, and others pass", async () => {
  const policy = new Scene();
  const crowd = policy.callMany("192.0.2.1", MAX_PER_ADDRESS + 1);
  const other = policy.call("192.0.2.2");
  await other.answered;
  assertEquals(other.state, "inside");
  assertEquals(await count(crowd, "inside"), MAX_PER_ADDRESS);
  other.leave();
  assertEquals(await count(crowd, "waiting"), 1, "a place of another address is none for it");
  crowd[0]!.leave();
  assertEquals(await count(crowd, "waiting"), 0);
  await empty(policy, crowd.slice(1));
});

for (const maxPerAddress of [undefined, 3]) {
  const name = maxPerAddress === undefined ? "by default" : `with ${maxPerAddress} an address`;
  test(`AdmissionQueue counts all callers through a broker as one network, ${name}`, async () => {
    const policy = new Scene({ maxPerAddress });
    const callers = policy.callMany("broker", MAX_HANDSHAKES);
    assertEquals(
      await count(callers, "inside"),
      MAX_HANDSHAKES - (maxPerAddress ?? MAX_PER_ADDRESS),
    );
    const local = policy.call("192.0.2.1");
    assertEquals(await count([local], "inside"), 1);
    await empty(policy, [...callers, local]);
  });
}

for (const address of ["127.0.0.1", "127.8.0.1", "::1"]) {
  test(`AdmissionQueue gives ${address} all places but those of one other address`, async () => {
    const policy = new Scene();
    const callers = policy.callMany(address, MAX_HANDSHAKES);
    assertEquals(await count(callers, "inside"), MAX_PER_NETWORK);
    const others = policy.callMany("127.0.0.2", MAX_PER_ADDRESS);
    assertEquals(await count(others, "inside"), MAX_PER_ADDRESS);
    await empty(policy, [...callers, ...others]);
  });

  test(`AdmissionQueue counts ${address} as any other where its host says how many may come`, async () => {
    const policy = new Scene({ maxPerAddress: 3 });
    const callers = policy.callMany(address, MAX_HANDSHAKES);
    assertEquals(await count(callers, "inside"), 3);
    await empty(policy, callers);
  });
}

test("AdmissionQueue keeps to the given limits", async () => {
  const cases = [
    { limits: { maxHandshakes: 1 }, inside: 1 },
    { limits: { maxHandshakes: 2 }, inside: 1 },
    { limits: { maxHandshakes: 40 }, inside: 10 },
    { limits: { maxPerAddress: 1 }, inside: 1 },
    { limits: { maxPerAddress: 31 }, inside: 31 },
    { limits: { maxHandshakes: 5, maxPerAddress: 9 }, inside: 5 },
  ];
  for (const { limits, inside } of cases) {
    const policy = new Scene({ ...limits, maxWaiting: 7 });
    const callers = policy.callMany("192.0.2.1", inside + 8);
    const expected = [inside, 7, 1];
    const found = [];
    for (const state of ["inside", "waiting", "sent away"] as const) {
      found.push(await count(callers, state));
    }
    assertEquals(found, expected, JSON.stringify(limits));
    await empty(policy, callers);
  }
});

/** Addresses of one machine, and one of another. */
const NETWORKS: readonly [among: (i: number) => string, outside: string][] = [
  [(i) => `2001:db8:1:2:${(i + 1).toString(16)}::9`, "2001:db8:1:3::9"],
  [(i) => `2001:db8:1:2::${i + 1}`, "2001:db8:1:20::1"],
  [(i) => `2001:db8::${i + 1}`, "2001:db8:0:1::1"],
  [(i) => `fe80::${i + 1}`, "fe80:0:0:1::1"],
  [(i) => `fd00:0:0:1:2:3:4:${i}`, "fd00::1:2:3:4"],
  [(i) => `::${i + 2}`, "0:0:0:1::2"],
];

for (const [among, outside] of NETWORKS) {
  test(`AdmissionQueue gives the network of ${among(0)} all places but some`, async () => {
    const policy = new Scene();
    const callers = Array.from({ length: MAX_HANDSHAKES }, (_, i) => policy.call(among(i)));
    assertEquals(await count(callers, "inside"), MAX_PER_NETWORK);
    const others = policy.callMany(outside, MAX_PER_ADDRESS + 1);
    assertEquals(await count(others, "inside"), MAX_PER_ADDRESS);
    await empty(policy, [...callers, ...others]);
  });
}

for (const address of ["::127", "1271::1", "12.7.0.1", "fe80::1", "::"]) {
  test(`AdmissionQueue does not take ${address} for this machine`, async () => {
    const policy = new Scene();
    const callers = policy.callMany(address, MAX_HANDSHAKES);
    assertEquals(await count(callers, "inside"), MAX_PER_ADDRESS);
    await empty(policy, callers);
  });
}

test("AdmissionQueue sends away the oldest connection when too many wait", async () => {
  const policy = new Scene();
  const inside = policy.callFromMany(MAX_HANDSHAKES);
  const waiting = Array.from(
    { length: MAX_WAITING + 2 },
    (_, i) => policy.call(`198.51.100.${i}`),
  );
  assertEquals(await count(waiting, "sent away"), 2);
  assertEquals(waiting.slice(0, 2).map(({ state }) => state), ["sent away", "sent away"]);
  assertEquals(policy.clock.timers, MAX_WAITING + 1, "nobody waits who was sent away");
  await empty(policy, [...inside, ...waiting]);
});

test("AdmissionQueue sends away the oldest connection of the address with the most waiting", async () => {
  const policy = new Scene();
  const inside = policy.callFromMany(MAX_HANDSHAKES);
  const few = policy.callMany("198.51.100.1", 2);
  const crowd = policy.callMany("198.51.100.2", 1000);
  const late = policy.callMany("198.51.100.3", 2);
  assertEquals(await count([...few, ...late], "waiting"), 4);
  assertEquals(await count(crowd, "waiting"), MAX_WAITING - 4);
  const left = crowd.slice(-(MAX_WAITING - 4));
  assertEquals(await count(left, "waiting"), MAX_WAITING - 4);
  await empty(policy, [...inside, ...few, ...crowd, ...late]);
});

test("AdmissionQueue sends away a connection after ten seconds, and not sooner", async () => {
  const policy = new Scene();
  const inside = policy.callFromMany(MAX_HANDSHAKES);
  const first = policy.call("198.51.100.1");
  policy.clock.advance(1);
  const second = policy.call("198.51.100.1");
  policy.clock.advance(MAX_WAIT_MS - 2);
  assertEquals(await count([first, second], "waiting"), 2);
  policy.clock.advance(1);
  await first.answered;
  assertEquals([first.state, second.state], ["sent away", "waiting"]);
  inside.shift()!.leave();
  await second.answered;
  assertEquals(second.state, "inside", "a place goes to nobody who was sent away");
  await empty(policy, [...inside, second]);
});

test("AdmissionQueue serves those of one address in the order in which they came", async () => {
  const policy = new Scene();
  const inside = policy.callFromMany(MAX_HANDSHAKES);
  await count(inside, "inside");
  policy.answers.length = 0;
  const waiting = policy.callMany("198.51.100.1", 4);
  for (const caller of inside.splice(0, 4)) caller.leave();
  await Promise.all(waiting.map(({ answered }) => answered));
  assertEquals(policy.answers, waiting.map(({ name }) => name));
  await empty(policy, [...inside, ...waiting]);
});

test("AdmissionQueue serves first the address that has the fewest inside", async () => {
  const policy = new Scene();
  const inside = policy.callFromMany(MAX_HANDSHAKES);
  await count(inside, "inside");
  policy.answers.length = 0;
  const greedy = policy.callMany("198.51.100.1", 3);
  const modest = policy.call("198.51.100.2");
  for (const caller of inside.splice(0, 4)) caller.leave();
  await Promise.all([...greedy, modest].map(({ answered }) => answered));
  assertEquals(policy.answers, [
    "198.51.100.1 0",
    "198.51.100.2",
    "198.51.100.1 1",
    "198.51.100.1 2",
  ]);
  await empty(policy, [...inside, ...greedy, modest]);
});

test("AdmissionQueue passes over a connection that may not enter yet", async () => {
  const policy = new Scene();
  const inside = policy.callFromMany(MAX_HANDSHAKES - MAX_PER_ADDRESS);
  const crowd = policy.callMany("198.51.100.1", MAX_PER_ADDRESS + 1);
  const other = policy.call("198.51.100.2");
  assertEquals(await count([...crowd, other], "waiting"), 2);
  inside.pop()!.leave();
  await other.answered;
  assertEquals(other.state, "inside");
  assert(crowd.at(-1)!.state === "waiting");
  await empty(policy, [...inside, ...crowd, other]);
});

test("AdmissionQueue forgets a connection that has left", async () => {
  const policy = new Scene();
  for (let round = 0; round < 3; round++) {
    const callers = [
      ...policy.callMany("192.0.2.1", MAX_PER_ADDRESS),
      ...policy.callMany("127.0.0.1", MAX_HANDSHAKES - MAX_PER_ADDRESS),
    ];
    assertEquals(await count(callers, "inside"), MAX_HANDSHAKES);
    callers.forEach((caller) => caller.leave());
  }
});

/** Handshakes that each take a while, tried again as members do where the host is busy. */
class Crowd {
  readonly clock: FakeClock = new FakeClock();
  readonly #queue = new AdmissionQueue(DEFAULT_LIMITS, this.clock);
  readonly #random = seededNumbers(1);
  /** When each was let through, in milliseconds. */
  readonly entered: number[] = [];

  /** Calls until admitted, and stays for so long. */
  async call(address: string, stayMs: number): Promise<void> {
    for (let tries = 0;; tries++) {
      const retryMs = RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]!;
      await this.#wait(retryMs * (0.5 + this.#random() / 2));
      const leave = await this.#queue.enter(address);
      if (leave === undefined) continue;
      this.entered.push(this.clock.elapsed());
      await this.#wait(stayMs);
      return leave();
    }
  }

  /** Lets time pass, in which every caller takes its due steps. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.elapsed() + ms;
    while (this.clock.elapsed() < end) {
      this.clock.advance(50);
      // Only promises are waited for here: a timer of the system would take a millisecond or more.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve));
  }
}

test("AdmissionQueue lets a thousand members of one address come back in 90 s", async () => {
  const crowd = new Crowd();
  const all = Array.from({ length: 1000 }, () => crowd.call("192.0.2.1", 150));
  await crowd.pass(90_000);
  assertEquals(crowd.entered.length, 1000);
  await Promise.all(all);
  assertEquals(crowd.clock.timers, 0);
});

test("AdmissionQueue lets through no more than 32 at once and 32 a second, however fast they go", async () => {
  const crowd = new Crowd();
  for (let i = 0; i < 2000; i++) void crowd.call(`192.0.2.${i % 250}`, 0);
  await crowd.pass(20_000);
  const { entered } = crowd;
  assert(entered.length > 20 * MAX_HANDSHAKES);
  for (const [i, start] of entered.entries()) {
    for (const [j, end] of entered.slice(i).entries()) {
      const most = MAX_HANDSHAKES + (end - start) / 1000 * MAX_HANDSHAKES;
      assert(j + 1 <= most + 1e-6, `${j + 1} in ${end - start} ms`);
    }
  }
  crowd.clock.advance(60_000);
});

test("AdmissionQueue serves another address soon while one takes all that the pace allows", async () => {
  const crowd = new Crowd();
  for (let i = 0; i < 500; i++) void crowd.call("192.0.2.1", 0);
  await crowd.pass(3000);
  const before = crowd.clock.elapsed();
  let entered = false;
  void crowd.call("192.0.2.2", 0).then(() => entered = true);
  await crowd.pass(1000 + MAX_WAITING / MAX_HANDSHAKES * 1000 + 100);
  assert(entered, `not after ${crowd.clock.elapsed() - before} ms`);
});
