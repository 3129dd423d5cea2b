/**
 * A room in a storm for as long as wanted: every message must come once and in order, and nothing may grow.
 *
 * `deno task soak --minutes 60` prints a line a minute, and ends with status 1 at the first broken promise.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { toHex } from "../../lib/bytes/mod.ts";
import { openRoomSecrets, randomBytes } from "../../lib/crypto/mod.ts";
import { seededNumbers } from "../support/faults.ts";
import { identityOf } from "../support/keys.ts";
import { Harbour, harm, Sailor } from "../support/storm.ts";

const MEMBERS = 8;

/** Between two messages of one member. */
const TALK_MS = 250;

/** Between two faults. */
const FAULT_MS = 5000;

/** Between two deaths of the host. */
const RESTART_MS = 180_000;

/** Between two looks at how late timers are. */
const LAG_MS = 50;

/** How long the last messages may take at the end. */
const LAST_MS = 60_000;

const REPORT_MS = 60_000;

/** A count of what one member hears of another, by audience. */
class Tally {
  readonly #next = new Map<string, number>();
  heard = 0;

  /** Notes a text. @throws {Error} If it is not the next. */
  take(from: string, text: string): void {
    const [audience, number] = text.split(" ") as [string, string];
    const key = `${from} ${audience}`;
    const expected = this.#next.get(key) ?? 0;
    if (Number(number) !== expected) {
      throw new Error(`${from} said ${expected} to ${audience}, and ${text} came`);
    }
    this.#next.set(key, expected + 1);
    this.heard++;
  }

  /** How many came from a session for an audience. */
  count(from: string, audience: string): number {
    return this.#next.get(`${from} ${audience}`) ?? 0;
  }
}

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "60" }, seed: { type: "string" } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error("Usage: deno task soak --minutes NUMBER [--seed INTEGER]");
  Deno.exit(2);
}

const random = seededNumbers(seed);
const below = (limit: number): number => Math.floor(random() * limit);
const roomId = randomBytes(32);
const identity = await identityOf("host");
const { publicKey: hostKey } = identity;
const { memberKey } = await openRoomSecrets(hostKey);
let harbour = new Harbour(identity, roomId);

function fail(reason: unknown): never {
  console.error(`Broken with seed ${seed}:`, reason);
  Deno.exit(1);
}
addEventListener("unhandledrejection", (event) => fail(event.reason));

const tallies = new Map<Sailor, Tally>();
for (let i = 0; i < MEMBERS; i++) {
  const tally = new Tally();
  const hear = (from: string, text: string): void => {
    try {
      tally.take(from, text);
    } catch (error) {
      fail(error);
    }
  };
  const name = `m${i}`;
  const sailor = await Sailor.create(harbour.port, { name, roomId, hostKey, memberKey, hear });
  tallies.set(sailor, tally);
  sailor.sail(random);
  await sailor.ready.promise;
}
const sailors = [...tallies.keys()];

const said = new Map<Sailor, Map<string, number>>(sailors.map((sailor) => [sailor, new Map()]));
const underWay = new Set<Promise<void>>();
let delivered = 0;

/** Says the next message to the room, or to one member. */
function say(sailor: Sailor): void {
  const others = sailors.filter((other) => other !== sailor);
  const to = below(10) === 0 ? others[below(others.length)] : undefined;
  const audience = to?.name ?? "all";
  const counts = said.get(sailor)!;
  const number = counts.get(audience) ?? 0;
  counts.set(audience, number + 1);
  const saying = sailor.say(`${audience} ${number}`, to, () => {}).then(() => {
    delivered++;
    underWay.delete(saying);
  }, fail);
  underWay.add(saying);
}

async function restart(): Promise<void> {
  await harbour.kill();
  harbour = new Harbour(identity, roomId);
  for (const { proxy } of sailors) proxy.target = harbour.port;
}

let lag = 0;
let due = performance.now() + LAG_MS;
let restarts = 0;
const timers = [
  setInterval(() => sailors.forEach(say), TALK_MS),
  setInterval(() => harm(sailors[below(MEMBERS)]!.proxy, below), FAULT_MS),
  setInterval(() => void restart().then(() => restarts++, fail), RESTART_MS),
  setInterval(() => {
    lag = Math.max(lag, performance.now() - due);
    due = performance.now() + LAG_MS;
  }, LAG_MS),
];

const start = performance.now();
console.log(`seed ${seed}`);
console.log(
  "minute  delivered  under way  connections  restarts  RSS MiB  heap MiB  files  lag ms",
);
function report(): void {
  for (const { alarms, proxy } of sailors) {
    if (alarms.length > 0) fail(alarms);
    for (const chunks of Object.values(proxy.recorded)) chunks.length = 0;
  }
  const { heapUsed, rss } = Deno.memoryUsage();
  const connections = sailors.reduce((sum, { proxy }) => sum + proxy.connections, 0);
  const files = [...Deno.readDirSync("/proc/self/fd")].length;
  const columns = [
    [Math.round((performance.now() - start) / 60_000), 6],
    [delivered, 11],
    [underWay.size, 11],
    [connections, 13],
    [restarts, 10],
    [Math.round(rss / 2 ** 20), 9],
    [Math.round(heapUsed / 2 ** 20), 10],
    [files, 7],
    [Math.round(lag), 8],
  ] as const;
  console.log(columns.map(([value, width]) => `${value}`.padStart(width)).join(""));
  lag = 0;
}
timers.push(setInterval(report, REPORT_MS));

setTimeout(async () => {
  for (const timer of timers) clearInterval(timer);
  const late = setTimeout(() => fail(`${underWay.size} messages are not delivered`), LAST_MS);
  await Promise.all(underWay);
  clearTimeout(late);
  for (const [sender, counts] of said) {
    for (const [audience, count] of counts) {
      for (const [reader, tally] of tallies) {
        if (reader === sender || (audience !== "all" && audience !== reader.name)) continue;
        const heard = tally.count(toHex(sender.session), audience);
        if (heard !== count) fail(`${reader.name} heard ${heard} of ${count} of ${sender.name}`);
      }
    }
  }
  report();
  console.log(`${delivered} messages came to all they were for, once and in order.`);
  Deno.exit(0);
}, minutes * 60_000);
