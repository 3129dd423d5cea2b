import { assert, assertEquals } from "@std/assert";
import {
  MAX_HANDSHAKES,
  MAX_HANDSHAKES_PER_ADDRESS,
  MAX_WAIT_MS,
  MAX_WAITING,
  Turnstile,
} from "../../lib/relay/turnstile.ts";
import { FakeClock } from "../support/clock.ts";
import { nextTurn } from "../support/stage.ts";
import { test } from "../support/test.ts";

/** A caller at the turnstile. */
interface Caller {
  readonly name: string;
  readonly answered: Promise<void>;
  readonly state: "waiting" | "inside" | "sent away";
  leave(): void;
}

/** A turnstile, and in which order it answers. */
class Door {
  readonly clock: FakeClock = new FakeClock();
  readonly answers: string[] = [];
  readonly #turnstile = new Turnstile(this.clock);

  /** Somebody comes. */
  call(address: string, name: string = address): Caller {
    let leave: (() => void) | undefined;
    let state: Caller["state"] = "waiting";
    const answered = this.#turnstile.enter(address).then((place) => {
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
        leave!();
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
async function empty({ clock }: Door, callers: readonly Caller[]): Promise<void> {
  clock.advance(MAX_WAIT_MS);
  await Promise.all(callers.map(({ answered }) => answered));
  for (const caller of callers) if (caller.state === "inside") caller.leave();
  assertEquals(clock.timers, 0);
}

test("Turnstile: lets no more through at once than its limit", async () => {
  const door = new Door();
  const callers = door.callFromMany(MAX_HANDSHAKES + 1);
  assertEquals(await count(callers, "inside"), MAX_HANDSHAKES);
  assertEquals(callers.at(-1)!.state, "waiting");
  callers[0]!.leave();
  await callers.at(-1)!.answered;
  assertEquals(callers.at(-1)!.state, "inside");
  assertEquals(door.clock.timers, 0, "whoever got in waits no more");
  callers.slice(1).forEach((caller) => caller.leave());
});

test("Turnstile: lets no more through from one address than its limit, and others pass", async () => {
  const door = new Door();
  const crowd = door.callMany("192.0.2.1", MAX_HANDSHAKES_PER_ADDRESS + 1);
  const other = door.call("192.0.2.2");
  await other.answered;
  assertEquals(other.state, "inside");
  assertEquals(await count(crowd, "inside"), MAX_HANDSHAKES_PER_ADDRESS);
  other.leave();
  assertEquals(await count(crowd, "waiting"), 1, "a place of another address is none for it");
  crowd[0]!.leave();
  assertEquals(await count(crowd, "waiting"), 0);
  await empty(door, crowd.slice(1));
});

for (const address of ["127.0.0.1", "127.8.0.1", "::1"]) {
  test(`Turnstile: gives ${address} all places`, async () => {
    const door = new Door();
    const callers = door.callMany(address, MAX_HANDSHAKES + 1);
    assertEquals(await count(callers, "inside"), MAX_HANDSHAKES);
    await empty(door, callers);
  });
}

for (const address of ["::127", "1271::1", "12.7.0.1", "fe80::1", "::"]) {
  test(`Turnstile: does not take ${address} for this machine`, async () => {
    const door = new Door();
    const callers = door.callMany(address, MAX_HANDSHAKES);
    assertEquals(await count(callers, "inside"), MAX_HANDSHAKES_PER_ADDRESS);
    await empty(door, callers);
  });
}

test("Turnstile: sends away who has waited longest when too many wait", async () => {
  const door = new Door();
  const inside = door.callFromMany(MAX_HANDSHAKES);
  const waiting = door.callMany("198.51.100.1", MAX_WAITING);
  assertEquals(await count(waiting, "waiting"), MAX_WAITING);
  const late = door.callMany("198.51.100.2", 2);
  assertEquals(await count(waiting, "sent away"), 2);
  assertEquals(waiting.slice(0, 2).map(({ state }) => state), ["sent away", "sent away"]);
  assertEquals(await count(late, "waiting"), 2);
  assertEquals(door.clock.timers, MAX_WAITING, "nobody waits who was sent away");
  await empty(door, [...inside, ...waiting, ...late]);
});

test("Turnstile: sends away who has waited ten seconds, and not sooner", async () => {
  const door = new Door();
  const inside = door.callMany("127.0.0.1", MAX_HANDSHAKES);
  const first = door.call("198.51.100.1");
  door.clock.advance(1);
  const second = door.call("198.51.100.1");
  door.clock.advance(MAX_WAIT_MS - 2);
  assertEquals(await count([first, second], "waiting"), 2);
  door.clock.advance(1);
  await first.answered;
  assertEquals([first.state, second.state], ["sent away", "waiting"]);
  inside.shift()!.leave();
  await second.answered;
  assertEquals(second.state, "inside", "a place goes to nobody who was sent away");
  await empty(door, [...inside, second]);
});

test("Turnstile: serves those of one address in the order in which they came", async () => {
  const door = new Door();
  const inside = door.callMany("127.0.0.1", MAX_HANDSHAKES);
  await count(inside, "inside");
  door.answers.length = 0;
  const waiting = door.callMany("198.51.100.1", 4);
  for (const caller of inside.splice(0, 4)) caller.leave();
  await Promise.all(waiting.map(({ answered }) => answered));
  assertEquals(door.answers, waiting.map(({ name }) => name));
  await empty(door, [...inside, ...waiting]);
});

test("Turnstile: serves first the address that has the fewest inside", async () => {
  const door = new Door();
  const inside = door.callMany("127.0.0.1", MAX_HANDSHAKES);
  await count(inside, "inside");
  door.answers.length = 0;
  const greedy = door.callMany("198.51.100.1", 3);
  const modest = door.call("198.51.100.2");
  for (const caller of inside.splice(0, 4)) caller.leave();
  await Promise.all([...greedy, modest].map(({ answered }) => answered));
  assertEquals(door.answers, [
    "198.51.100.1 0",
    "198.51.100.2",
    "198.51.100.1 1",
    "198.51.100.1 2",
  ]);
  await empty(door, [...inside, ...greedy, modest]);
});

test("Turnstile: passes over who may not enter yet", async () => {
  const door = new Door();
  const inside = door.callMany("127.0.0.1", MAX_HANDSHAKES - MAX_HANDSHAKES_PER_ADDRESS);
  const crowd = door.callMany("198.51.100.1", MAX_HANDSHAKES_PER_ADDRESS + 1);
  const other = door.call("198.51.100.2");
  assertEquals(await count([...crowd, other], "waiting"), 2);
  inside.pop()!.leave();
  await other.answered;
  assertEquals(other.state, "inside");
  assert(crowd.at(-1)!.state === "waiting");
  await empty(door, [...inside, ...crowd, other]);
});

test("Turnstile: forgets who has left", async () => {
  const door = new Door();
  for (let round = 0; round < 3; round++) {
    const callers = [
      ...door.callMany("192.0.2.1", MAX_HANDSHAKES_PER_ADDRESS),
      ...door.callMany("127.0.0.1", MAX_HANDSHAKES - MAX_HANDSHAKES_PER_ADDRESS),
    ];
    assertEquals(await count(callers, "inside"), MAX_HANDSHAKES);
    callers.forEach((caller) => caller.leave());
  }
});
