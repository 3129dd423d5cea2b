/**
 * A room under load: a host in a process of its own, and as many members as wanted in this one.
 *
 * `deno task bench:room --members 100 --rate 80` joins 100 members, of which one sends 80 messages a second, and
 * prints what that costs, beside the same load on relays that know nothing of lanchat.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { generateIdentity, generateWrapKeyPair, HOP_KEY_BITS } from "../lib/crypto/mod.ts";
import { SessionKeys } from "../lib/room/mod.ts";
import { type LightKeys, LightMember } from "./light_member.ts";
import { Meter, offer, pause, type Speaker } from "./load.ts";
import { processorMs, residentMemory } from "./processor.ts";
import { Program } from "./program.ts";
import { RawMember } from "./raw_member.ts";
import { RealMember } from "./real_member.ts";
import { quantile } from "./report.ts";

const USAGE = `Usage: deno task bench:room --members N --rate R [options]

  --members N   members, from 2 to 1337
  --rate R      messages a second of all speakers together; 0 for as many as the relay takes
  --seconds S   time in which they speak (default 10, at most 600)
  --speakers K  members that speak (default 1)
  --light       members that do the hop only (default)
  --real        members with a room: end-to-end encryption, too
  --json        print JSON`;

/** RSA keys of the hop, which light members share: to the host each is as good as a new one. */
const KEY_PAIRS = 16;

/** Joins under way at once. */
const JOINS = 16;

/** Maximum time to fill the room. */
const FILL_SECONDS = 600;

/** One in so many members opens each record, and notes how old the messages are. */
const SAMPLE = 10;

/** Time after the last delivery in which the last ACKs come, in milliseconds. */
const ACKS_MS = 300;

/** What was asked for. */
interface Plan {
  readonly members: number;
  readonly speakers: number;
  readonly rate: number;
  readonly seconds: number;
  readonly isReal: boolean;
}

/** A member of any kind. */
interface LoadMember extends Speaker {
  close(): void;
}

/** A relay in a process of its own. */
interface RelayProcess {
  readonly pid: number;
  readonly port: number;
  end(): Promise<void>;
}

/** What one relay did under the load. */
interface Figures {
  /** Time until all members had entered, in seconds. */
  readonly fillSeconds: number;
  /** Processor time of the relay for one join, in milliseconds. */
  readonly joinMs: number;
  /** Resident memory of the relay after filling and at the end, in MiB, and for each member, in KiB. */
  readonly filledMib: number;
  readonly endMib: number;
  readonly memberKib: number;
  /** Messages sent, deliveries, and deliveries a second asked for and reached. */
  readonly sent: number;
  readonly delivered: number;
  readonly askedPerSecond: number;
  readonly reachedPerSecond: number;
  /** Of the messages at the sampled members, in milliseconds. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** Processor time for one delivery, in microseconds; that of the relay also as a ratio to raw TCP. */
  readonly relayMicros: number;
  readonly relayRatio?: number;
  readonly generatorMicros: number;
  /** For one delivery: bytes and records from the relay, and ACKs to it; missing for real members. */
  readonly bytes?: number;
  readonly records?: number;
  readonly acks?: number;
}

function parsePlan(): Plan & { isJson: boolean } {
  const { values } = parseArgs({
    options: {
      members: { type: "string" },
      rate: { type: "string" },
      seconds: { type: "string", default: "10" },
      speakers: { type: "string", default: "1" },
      light: { type: "boolean", default: false },
      real: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const [members, rate, seconds, speakers] = [
    values.members,
    values.rate,
    values.seconds,
    values.speakers,
  ].map(Number) as [number, number, number, number];
  const isValid = members >= 2 && members <= 1337 && rate >= 0 && seconds > 0 && seconds <= 600 &&
    speakers >= 1 && speakers < members && !(values.light && values.real);
  if (!isValid) {
    console.error(USAGE);
    Deno.exit(2);
  }
  return { members, rate, seconds, speakers, isReal: values.real, isJson: values.json };
}

/** Starts a host that is no member of its room. */
async function startHost({ members }: Plan): Promise<RelayProcess> {
  const host = new Program(
    "serve",
    "--no-announce",
    "--relay-only",
    ...["--host", "127.0.0.1", "--port", "0"],
    ...["--max-members", `${members + 1}`],
    // All callers are on this machine, and come as fast as it lets them in.
    ...["--max-handshakes", "1024", "--max-per-address", "1024", "--max-waiting", "1024"],
  );
  const { port } = await host.event("listening");
  return { pid: host.pid, port: Number(port), end: () => host.end() };
}

/** Starts a relay that knows nothing of lanchat. */
async function startRaw(...args: string[]): Promise<RelayProcess> {
  const path = new URL("raw_relay.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-net", path, ...args],
    stdout: "piped",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await output.read();
  return {
    pid: child.pid,
    port: Number(value),
    end: async () => {
      child.kill();
      await output.cancel();
      await child.status;
    },
  };
}

/** Joins the member of an index. */
type Enter = (index: number, seat: {
  readonly port: number;
  readonly meter: Meter;
  readonly onLost: (reason: string) => void;
}) => Promise<LoadMember>;

/** Fills a relay with members, has the speakers speak, and ends it. */
async function measure(plan: Plan, start: Promise<RelayProcess>, enter: Enter): Promise<Figures> {
  const relay = await start;
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {}); // At the end, all are lost.
  const timer = setTimeout(
    () => lost.reject(new Error(`The room was not filled in ${FILL_SECONDS} s`)),
    (FILL_SECONDS + plan.seconds) * 1000,
  );
  try {
    return await Promise.race([
      lost.promise,
      run(plan, relay, enter, (reason) => lost.reject(new Error(`A member was lost: ${reason}`))),
    ]);
  } finally {
    clearTimeout(timer);
    await relay.end();
  }
}

async function run(
  plan: Plan,
  { pid, port }: RelayProcess,
  enter: Enter,
  onLost: (reason: string) => void,
): Promise<Figures> {
  const meter = new Meter();
  const emptyKib = residentMemory(pid).now;
  const beforeFill = processorMs(pid);
  const fillStart = performance.now();
  const members: LoadMember[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: JOINS }, async () => {
    while (next < plan.members) {
      const index = next++;
      members[index] = await enter(index, { port, meter, onLost });
    }
  }));
  const fillSeconds = (performance.now() - fillStart) / 1000;
  await pause(ACKS_MS);
  const joinMs = (processorMs(pid) - beforeFill) / plan.members;
  const filledKib = residentMemory(pid).now;

  meter.reset();
  const before = processorMs(pid);
  const beforeHere = processorMs(Deno.pid);
  const speakers = members.slice(0, plan.speakers);
  const { delivered, ms, sent } = await offer(
    { ...plan, readers: plan.members - 1 },
    speakers,
    meter,
  );
  await pause(ACKS_MS);
  const perDelivery = (ms: number): number => ms / delivered * 1000;
  const figures = {
    fillSeconds,
    joinMs,
    filledMib: filledKib / 1024,
    endMib: residentMemory(pid).now / 1024,
    memberKib: (filledKib - emptyKib) / plan.members,
    sent,
    delivered,
    askedPerSecond: plan.rate * (plan.members - 1),
    reachedPerSecond: delivered / ms * 1000,
    p50: quantile(meter.latencies, 0.5),
    p90: quantile(meter.latencies, 0.9),
    p99: quantile(meter.latencies, 0.99),
    max: quantile(meter.latencies, 1),
    relayMicros: perDelivery(processorMs(pid) - before),
    generatorMicros: perDelivery(processorMs(Deno.pid) - beforeHere),
    ...!plan.isReal && {
      bytes: meter.bytes / delivered,
      records: meter.records / delivered,
      acks: meter.acks / delivered,
    },
  };
  for (const member of members) member.close();
  return figures;
}

/** The last of each {@linkcode SAMPLE} members: at least one, and no speaker if there are others. */
function isSampled({ members }: Plan, index: number): boolean {
  return (members - 1 - index) % SAMPLE === 0;
}

/** How members join lanchat's host; all keys are made now. */
async function lanchatMembers(plan: Plan): Promise<Enter> {
  const pairs = await all(
    plan.isReal ? plan.members : KEY_PAIRS,
    () => generateWrapKeyPair(HOP_KEY_BITS),
  );
  const keys: LightKeys[] = await all(plan.members, async (i) => ({
    identity: (await generateIdentity()).identity,
    keyPair: pairs[i % pairs.length]!,
  }));
  if (!plan.isReal) {
    return (index, seat) =>
      LightMember.enter({
        ...seat,
        ...keys[index]!,
        isSampled: isSampled(plan, index),
        isSpeaker: index < plan.speakers,
      });
  }
  const sessionKeys = await all(plan.members, async () => {
    const made = new SessionKeys();
    await new Promise<void>((resolve) => made.onRenewed = resolve);
    return made;
  });
  return (index, seat) =>
    RealMember.enter(`member ${index}`, sessionKeys[index]!, {
      ...seat,
      ...keys[index]!,
      isSampled: isSampled(plan, index),
    });
}

/** Makes some things one after the other: all at once would keep too many threads busy. */
async function all<Item>(count: number, make: (i: number) => Promise<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for (let i = 0; i < count; i++) items.push(await make(i));
  return items;
}

/** The rows of the table: name, digits after the point, and figure. */
const ROWS: readonly [name: string, digits: number, keyof Figures][] = [
  ["deliveries a second, asked for", 0, "askedPerSecond"],
  ["deliveries a second, reached", 0, "reachedPerSecond"],
  ["messages sent", 0, "sent"],
  ["deliveries", 0, "delivered"],
  ["latency, median, ms", 2, "p50"],
  ["latency, 90th percentile, ms", 2, "p90"],
  ["latency, 99th percentile, ms", 2, "p99"],
  ["latency, highest, ms", 2, "max"],
  ["processor time of the relay for a delivery, µs", 1, "relayMicros"],
  ["the same, times raw TCP with one write each", 2, "relayRatio"],
  ["processor time of this generator for a delivery, µs", 1, "generatorMicros"],
  ["bytes from the relay for a delivery", 0, "bytes"],
  ["records from the relay for a delivery", 3, "records"],
  ["ACKs to the relay for a delivery", 3, "acks"],
  ["time to fill the room, s", 2, "fillSeconds"],
  ["processor time of the relay for a join, ms", 2, "joinMs"],
  ["resident memory of the relay when filled, MiB", 1, "filledMib"],
  ["resident memory of the relay at the end, MiB", 1, "endMib"],
  ["memory of the relay for a member, KiB", 1, "memberKib"],
];

/** A table in Markdown, with a column for each relay. */
function tableOf(columns: Readonly<Record<string, Figures>>): string {
  const names = Object.keys(columns);
  return [
    `| what | ${names.join(" | ")} |`,
    `|---|${names.map(() => "---|").join("")}`,
    ...ROWS.map(([name, digits, key]) => {
      const cells = names.map((column) => columns[column]![key]).map((figure) =>
        figure !== undefined && Number.isFinite(figure) ? figure.toFixed(digits) : ""
      );
      return `| ${name} | ${cells.join(" | ")} |`;
    }),
  ].join("\n");
}

const { isJson, ...plan } = parsePlan();
const say = (line: string): void => isJson ? undefined : console.log(line);
const pace = plan.rate === 0
  ? "as many messages as the relay takes"
  : `${plan.rate} messages a second`;
say(
  `Joins ${plan.members} ${
    plan.isReal ? "real" : "light"
  } members to a host in a process of its own that is no`,
);
say(
  `member of its room (--relay-only). ${plan.speakers} of them send ${pace} for ${plan.seconds} s.`,
);
say(
  plan.isReal
    ? "The members are in this process. Each opens every message."
    : `The members are in this process. One in ${SAMPLE} opens every record, the others count bytes.`,
);
say(
  "All keys are made before the clock starts. The same load then goes over two relays of raw TCP.",
);
say(`Load average: ${Deno.loadavg()[0]!.toFixed(2)}.`);
say("");

const enter = await lanchatMembers(plan);
const rawEnter: Enter = (index, { meter, port }) =>
  RawMember.enter(port, meter, isSampled(plan, index));
const lanchat = await measure(plan, startHost(plan), enter);
const raw = await measure(plan, startRaw(), rawEnter);
const coalesced = await measure(plan, startRaw("--coalesce"), rawEnter);
const columns = Object.fromEntries(
  Object.entries({ lanchat, "raw TCP, one write each": raw, "raw TCP, coalesced": coalesced })
    .map(([name, figures]) =>
      [name, { ...figures, relayRatio: figures.relayMicros / raw.relayMicros }] as const
    ),
);
console.log(
  isJson ? JSON.stringify({ ...plan, load: Deno.loadavg(), relays: columns }) : tableOf(columns),
);
Deno.exit();
