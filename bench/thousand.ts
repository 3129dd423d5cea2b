/**
 * A room of a thousand light members: at a rate that it carries, and at three times what it can carry.
 *
 * @module
 */
import { rowOf, type Shown } from "./load_rows.ts";
import type { Result } from "./report.ts";
import { prepare } from "./room_load.ts";

const MEMBERS = 1000;
const RATE = 20;
const SECONDS = 30;

/** How an overload is measured: many times what the relay takes, of so many speakers. */
const TIMES = 3;
const SPEAKERS = 10;
const OVERLOAD_SECONDS = 10;

const CARRIED: readonly (readonly [name: string, Shown])[] = [
  ["time to fill the room", { key: "fillSeconds", digits: 1, unit: "s", isAlone: true }],
  ["processor time of the relay for a join", {
    key: "joinMs",
    digits: 1,
    unit: "ms",
    isAlone: true,
  }],
  ["memory of the relay for a member", { key: "memberKib", unit: "KiB" }],
  ["deliveries a second", { key: "reachedPerSecond" }],
  ["processor time of the relay for a delivery", { key: "relayMicros", digits: 1, unit: "µs" }],
  ["latency, median", { key: "p50", unit: "ms" }],
  ["latency, 99th percentile", { key: "p99", unit: "ms" }],
  ["the same, in the last fifth of the time", { key: "lateP99", unit: "ms" }],
];

/** Measures lanchat and raw TCP at one rate, and lanchat in an overload. */
export async function measureThousand(): Promise<Result[]> {
  const plan = { members: MEMBERS, isReal: false };
  const carried = await prepare({ ...plan, rate: RATE, seconds: SECONDS, speakers: 1 });
  const round = { lanchat: await carried.lanchat(), raw: await carried.raw() };
  const most = await prepare({ ...plan, rate: 0, seconds: OVERLOAD_SECONDS, speakers: SPEAKERS });
  const { reachedPerSecond } = await most.lanchat();
  const rate = Math.round(TIMES * reachedPerSecond / (MEMBERS - 1));
  const over = await prepare({ ...plan, rate, seconds: OVERLOAD_SECONDS, speakers: SPEAKERS });
  const overload = await over.lanchat();
  const ofRoom = `${MEMBERS} members, ${RATE} messages a second`;
  const inOverload = `${MEMBERS} members, ${TIMES} times what they take`;
  return [
    ...CARRIED.map(([name, shown]) => rowOf(`${ofRoom}, ${name}`, [round], shown)),
    {
      name: `${MEMBERS} members, as many messages as they take, deliveries a second`,
      value: reachedPerSecond.toFixed(0),
    },
    {
      name: `${inOverload}, deliveries a second asked for`,
      value: overload.askedPerSecond.toFixed(0),
    },
    { name: `${inOverload}, reached`, value: overload.reachedPerSecond.toFixed(0) },
    {
      name: `${inOverload}, messages taken of each of ${SPEAKERS} speakers`,
      value: `${overload.fewest} to ${overload.most}`,
    },
    {
      name: `${inOverload}, memory of the relay, filled and at the end`,
      value: `${overload.filledMib.toFixed(0)} and ${overload.endMib.toFixed(0)} MiB`,
    },
  ];
}
