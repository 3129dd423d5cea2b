/**
 * Measures a relay under load: a relay in a process of its own, and as many members as wanted in this one.
 *
 * @module
 */
import { Broker } from "../lib/broker/mod.ts";
import { parseBrokerAddress } from "../lib/broker_address.ts";
import { generateIdentity, generateWrapKeyPair, HOP_KEY_BITS } from "../lib/crypto/mod.ts";
import type { Connection } from "../lib/net/mod.ts";
import { ackDelay, SessionKeys } from "../lib/room/mod.ts";
import { NatsServer } from "../tests/support/nats_server.ts";
import { type LightKeys, LightMember } from "./light_member.ts";
import { ircConfiguration, IrcMember } from "./irc_member.ts";
import { Meter, offer, pause, type Speaker } from "./load.ts";
import { processorMs, residentMemory } from "./processor.ts";
import { Program } from "./program.ts";
import { RawMember, type RawOptions } from "./raw_member.ts";
import { RealMember } from "./real_member.ts";
import { quantile } from "./report.ts";

/** RSA keys of the hop, which light members share: to the host each is as good as a new one. */
const KEY_PAIRS = 16;

/** Joins under way at once: each real one has all members work, in this process. */
const LIGHT_JOINS = 16;
const REAL_JOINS = 2;

/** Maximum time to fill the room. */
const FILL_SECONDS = 600;

/** One in so many members opens each record, and notes how old the messages are. */
export const SAMPLE = 10;

/** How often, and at which interval in milliseconds, a server that was started is dialed. */
const LISTENING_TRIES = 50;
const LISTENING_MS = 100;

/** Time in which the relay reads the last ACKs, in milliseconds. */
const ACKS_MS = 300;

/** What to measure. */
export interface Plan {
  readonly members: number;
  readonly speakers: number;
  readonly rate: number;
  readonly seconds: number;
  readonly isReal: boolean;
  /** Whether to measure lanchat through a NATS server, too. */
  readonly isVia?: boolean;
}

/** A member of any kind. */
interface LoadMember extends Speaker {
  /** Whether it has heard of so many others, and has acknowledged all that came; missing if it doesn't say. */
  hasAcknowledged?(others: number): boolean;
  close(): void;
}

/** A relay in a process of its own. */
export interface RelayProcess {
  readonly pid: number;
  readonly port: number;
  /** Connects to it in another way. */
  readonly through?: () => Promise<Connection>;
  end(): Promise<void>;
}

/** What one relay did under the load. */
export interface Figures {
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
  /** The 99th percentile of the last fifth: higher if messages pile up. */
  readonly lateP99: number;
  /** Messages that the relay has taken of one speaker when time is up, at least and at most; missing where it doesn't say. */
  readonly fewest?: number;
  readonly most?: number;
  /** Processor time for one delivery, in microseconds. */
  readonly relayMicros: number;
  readonly generatorMicros: number;
  /** For one delivery: bytes and records from the relay, and ACKs to it; missing for real members. */
  readonly bytes?: number;
  readonly records?: number;
  readonly acks?: number;
}

/** A host, and the link to its room through a broker. */
interface HostProcess extends RelayProcess {
  readonly via: string | undefined;
}

/** Starts a host that is no member of its room. */
async function startHost({ members }: Plan, ...args: string[]): Promise<HostProcess> {
  const host = new Program([
    "serve",
    "--no-announce",
    "--relay-only",
    ...["--host", "127.0.0.1", "--port", "0"],
    ...["--max-members", `${members + 1}`],
    // All callers are on this machine, and come as fast as it lets them in.
    ...["--max-handshakes", "1024", "--max-per-address", "1024", "--max-waiting", "1024"],
    ...args,
  ]);
  const { port } = await host.event("listening");
  const { via } = await host.event("invite") as { via?: string };
  return { pid: host.pid, port: Number(port), via, end: () => host.end() };
}

/** Starts a host whose members come through a NATS server of their own. */
async function startHostVia(plan: Plan): Promise<RelayProcess> {
  const server = await NatsServer.start();
  const address = `nats://${server.address}`;
  const host = await startHost(plan, "--via", address);
  const { room, ...servers } = parseBrokerAddress(host.via!.split("#")[0]!);
  const broker = new Broker(servers);
  return {
    ...host,
    through: () => broker.call(room!, { timeoutMs: 10_000 }),
    end: async () => {
      await host.end();
      await server.kill();
    },
  };
}

/** Starts a relay that knows nothing of lanchat. */
export async function startRaw(...args: string[]): Promise<RelayProcess> {
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

/** Starts ngircd; `undefined` if it is not installed. */
async function startIrc(): Promise<RelayProcess | undefined> {
  using reserved = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = reserved.addr;
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, ircConfiguration(port));
  try {
    reserved.close();
    const child = new Deno.Command("ngircd", {
      args: ["-n", "-f", file],
      stdout: "null",
      stderr: "null",
    }).spawn();
    await untilListening(port);
    return {
      pid: child.pid,
      port,
      end: async () => {
        child.kill();
        await child.status;
      },
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  } finally {
    await Deno.remove(file);
  }
}

/** Waits until a server takes connections. */
async function untilListening(port: number): Promise<void> {
  for (let left = LISTENING_TRIES; left > 0; left--) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch {
      await pause(LISTENING_MS);
    }
  }
  throw new Error("ngircd does not listen");
}

/** Joins the member of an index. */
type Enter = (index: number, seat: {
  readonly port: number;
  readonly through: RelayProcess["through"];
  readonly meter: Meter;
  readonly onLost: (reason: string) => void;
}) => Promise<LoadMember>;

/** Fills a relay with members, has the speakers speak, and ends it. */
async function measure(plan: Plan, relay: RelayProcess, enter: Enter): Promise<Figures> {
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
  { pid, port, through }: RelayProcess,
  enter: Enter,
  onLost: (reason: string) => void,
): Promise<Figures> {
  const meter = new Meter();
  const emptyKib = residentMemory(pid).now;
  const beforeFill = processorMs(pid);
  const fillStart = performance.now();
  const members: LoadMember[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: plan.isReal ? REAL_JOINS : LIGHT_JOINS }, async () => {
    while (next < plan.members) {
      const index = next++;
      members[index] = await enter(index, { port, through, meter, onLost });
    }
  }));
  const fillSeconds = (performance.now() - fillStart) / 1000;
  await acknowledged(members);
  const joinMs = (processorMs(pid) - beforeFill) / plan.members;
  const filledKib = residentMemory(pid).now;

  meter.reset();
  const before = processorMs(pid);
  const beforeHere = processorMs(Deno.pid);
  const speakers = members.slice(0, plan.speakers);
  const { accepted, ms } = await offer(
    { ...plan, readers: plan.members - 1 },
    speakers,
    meter,
  );
  await acknowledged(members);
  const { deliveries: delivered, spoken: sent } = meter;
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
    lateP99: quantile(meter.latencies.slice(-Math.ceil(meter.latencies.length / 5)), 0.99),
    ...accepted.length > 0 && { fewest: Math.min(...accepted), most: Math.max(...accepted) },
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

/** Waits until the relay has the last ACKs, which members of a large room send late. */
async function acknowledged(members: readonly LoadMember[]): Promise<void> {
  const others = members.length - 1;
  await pause(ackDelay(others));
  while (members.some((member) => member.hasAcknowledged?.(others) === false)) await pause(1);
  await pause(ACKS_MS);
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

/** The figures of lanchat, and of relays that know nothing of lanchat, under the same load. */
export interface Compared {
  readonly lanchat: Figures;
  /** lanchat through a NATS server; missing unless wanted. */
  readonly broker?: Figures;
  /** Raw TCP in Deno with a write for each delivery. */
  readonly raw: Figures;
  /** Raw TCP in Deno where what waits goes with one write. */
  readonly coalesced: Figures;
  /** ngircd; missing if it is not installed. */
  readonly ngircd?: Figures;
}

/** Measures of the same load, each on a relay of its own. */
export interface Relays {
  readonly lanchat: () => Promise<Figures>;
  readonly broker: () => Promise<Figures>;
  readonly raw: () => Promise<Figures>;
  readonly coalesced: () => Promise<Figures>;
  readonly ngircd: () => Promise<Figures | undefined>;
}

/** Makes the members' keys. Real members can be measured once. */
export async function prepare(plan: Plan): Promise<Relays> {
  const enter = await lanchatMembers(plan);
  const optionsOf = (index: number, meter: Meter): RawOptions => ({
    meter,
    readers: plan.members - 1,
    isSampled: isSampled(plan, index),
  });
  const rawEnter: Enter = (index, { meter, port }) =>
    RawMember.enter(port, optionsOf(index, meter));
  const ircEnter: Enter = (index, { meter, port }) =>
    IrcMember.enter(port, `m${index}`, optionsOf(index, meter));
  return {
    lanchat: async () => await measure(plan, await startHost(plan), enter),
    broker: async () => await measure(plan, await startHostVia(plan), enter),
    raw: async () => await measure(plan, await startRaw(), rawEnter),
    coalesced: async () => await measure(plan, await startRaw("--coalesce"), rawEnter),
    ngircd: async () => {
      const server = await startIrc();
      return server && await measure(plan, server, ircEnter);
    },
  };
}

/** Measures a load on lanchat, on both relays of raw TCP, and on ngircd, one after the other. */
export async function compare(plan: Plan): Promise<Compared> {
  const relays = await prepare(plan);
  const lanchat = await relays.lanchat();
  const broker = plan.isVia ? await relays.broker() : undefined;
  const raw = await relays.raw();
  const coalesced = await relays.coalesced();
  const ngircd = await relays.ngircd();
  return { lanchat, ...broker && { broker }, raw, coalesced, ...ngircd && { ngircd } };
}
