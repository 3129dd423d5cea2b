/**
 * What people notice of the program, beside what Deno needs for the same without lanchat: loads on 100 readers
 * and on 1,000, a lone message, lines to two receivers, the start, and an idle member.
 *
 * @module
 */
import { TextLineStream } from "@std/streams";
import { pause } from "./load.ts";
import { processorMs, residentMemory, wakeUps } from "./processor.ts";
import { commandFor, Program } from "./program.ts";
import { quantile, type Result, spread, timed } from "./report.ts";
import { rowOf } from "./load_rows.ts";
import { compare, type Compared, startRaw } from "./room_load.ts";
import { measureThousand } from "./thousand.ts";

/** Rounds of the load on readers. */
const ROUNDS = 3;

const READERS = 100;
const BURST_SECONDS = 5;
const SINGLE_SECONDS = 10;

/** Single messages a second: 8,000 deliveries. */
const SINGLE_RATE = 80;

const LONE_MESSAGES = 300;

/** Time between two lone messages, in milliseconds: nothing of the one before is under way any longer. */
const LONE_MS = 20;

const LINES = 20_000;
const BURSTS = 5;

const STARTS = 20;

/** Time until an idle process is looked at, and time in which its wake-ups are counted, in seconds. */
const IDLE_SECONDS = 60;
const WATCH_SECONDS = 10;

/** Measures the program and raw TCP in Deno. */
export async function measureBesideRaw(): Promise<Result[]> {
  return [
    ...await measureReaders(),
    ...await measureThousand(),
    ...await measureLoneMessage(),
    ...await measureLines(),
    ...await measureStarts(),
    ...await measureIdle(),
  ];
}

async function measureReaders(): Promise<Result[]> {
  const members = READERS + 1;
  const plan = { members, speakers: 1, isReal: false };
  const burst: Compared[] = [];
  const single: Compared[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    burst.push(await compare({ ...plan, rate: 0, seconds: BURST_SECONDS }));
    single.push(await compare({ ...plan, rate: SINGLE_RATE, seconds: SINGLE_SECONDS }));
  }
  const micros = { key: "relayMicros", digits: 1, unit: "µs" } as const;
  return [
    ...Object.entries({ burst, single }).flatMap(([name, rounds]) => {
      const to = `${READERS} readers, ${name}`;
      return [
        rowOf(`${to}, deliveries a second`, rounds, { key: "reachedPerSecond" }),
        rowOf(`${to}, processor time of the relay for a delivery`, rounds, micros),
        rowOf(`${to}, the same for raw TCP`, rounds, { ...micros, relay: "raw" }),
        rowOf(`${to}, the same for raw TCP, coalesced`, rounds, { ...micros, relay: "coalesced" }),
        rowOf(`${to}, the same for ngircd`, rounds, { ...micros, relay: "ngircd" }),
        rowOf(`${to}, latency, 99th percentile`, rounds, { key: "p99", digits: 1, unit: "ms" }),
      ];
    }),
    rowOf(`a join, of ${members}, processor time of the relay`, single, {
      key: "joinMs",
      digits: 1,
      unit: "ms",
      isAlone: true,
    }),
    rowOf(`memory of the relay for a member, of ${members}`, single, {
      key: "memberKib",
      unit: "KiB",
    }),
  ];
}

/** Lines that go into one process and come out of another. */
interface Line {
  send(): Promise<void>;
  receive(): Promise<void>;
  /** The processes that the line goes through. */
  readonly pids: Readonly<Record<string, number>>;
}

/** The times of lone messages (10th percentile, median, 90th), and their processor time in each process, in milliseconds. */
async function time({ pids, receive, send }: Line): Promise<Record<string, readonly number[]>> {
  const times: number[] = [];
  const before = Object.values(pids).map(processorMs);
  for (let i = 0; i < LONE_MESSAGES; i++) {
    const start = performance.now();
    await send();
    await receive();
    times.push(performance.now() - start);
    await pause(LONE_MS);
  }
  const spent = Object.entries(pids).map(([name, pid], i) =>
    [name, [(processorMs(pid) - before[i]!) / LONE_MESSAGES]] as const
  );
  const latency = [0.1, 0.5, 0.9].map((at) => quantile(times, at));
  return { latency, ...Object.fromEntries(spent) };
}

async function measureLoneMessage(): Promise<Result[]> {
  const { address, host } = await startHost();
  const [sender, receiver] = [new Program(["join", address]), new Program(["join", address])];
  await Promise.all([sender, receiver].map((member) => member.event("ready")));
  const lanchat = await time({
    send: () => sender.write('{"say":"a line of forty letters, as people write"}\n'),
    receive: async () => void await receiver.event("message"),
    pids: { sender: sender.pid, host: host.pid, receiver: receiver.pid },
  });
  await Promise.all([sender, receiver].map((member) => member.quit()));
  await host.end();

  const relay = await startRaw();
  const [from, to] = [await startPipe(relay.port), await startPipe(relay.port)];
  const raw = await time({
    send: () => from.write("a line of forty letters, as people write\n"),
    receive: () => to.read(),
    pids: { sender: from.pid, host: relay.pid, receiver: to.pid },
  });
  await Promise.all([from, to].map((pipe) => pipe.end()));
  await relay.end();
  return Object.keys(lanchat).map((what) => ({
    name: what === "latency"
      ? `a lone message from process to process, median of ${LONE_MESSAGES} (10th to 90th percentile)`
      : `the same, processor time of the ${what}`,
    value: spread(lanchat[what]!, 2, "ms"),
    ratio: quantile(lanchat[what]!, 0.5) / quantile(raw[what]!, 0.5),
  }));
}

/** Lines that go into one process and come out of two others, as fast as they can. */
async function measureLines(): Promise<Result[]> {
  const { address, host } = await startHost();
  const sender = new Program(["join", address]);
  const receivers = [new Program(["join", address]), new Program(["join", address])];
  const members = [sender, ...receivers];
  await Promise.all(members.map((member) => member.event("ready")));
  const lines = Array.from({ length: LINES }, (_, i) => `{"say":"line ${i} of the burst"}\n`);
  const lanchat = await timed(BURSTS, async () => {
    const received = receivers.map((receiver) => receiver.events("message", LINES));
    await Promise.all([sender.write(lines.join("")), sender.events("sent", LINES), ...received]);
  });
  await Promise.all(members.map((member) => member.quit()));
  await host.end();

  const relay = await startRaw();
  const from = await startPipe(relay.port);
  const to = [await startPipe(relay.port), await startPipe(relay.port)];
  const raw = await timed(BURSTS, async () => {
    const received = to.map(async (pipe) => {
      for (let i = 0; i < LINES; i++) await pipe.read();
    });
    await Promise.all([from.write(lines.join("")), ...received]);
  });
  await Promise.all([from, ...to].map((pipe) => pipe.end()));
  await relay.end();
  return [{
    name: `lines a second to two receivers, ${LINES} at once, median of ${BURSTS}`,
    value: spread(lanchat.map((ms) => LINES / ms * 1000), 0),
    ratio: quantile(raw, 0.5) / quantile(lanchat, 0.5),
  }];
}

/** Starts a host that is no member of its room. */
async function startHost(): Promise<{ host: Program; address: string }> {
  const host = new Program(
    ["serve", "--relay-only", "--no-announce", "--host", "127.0.0.1", "--port", "0"],
  );
  const { port } = await host.event("listening");
  return { host, address: `127.0.0.1:${port}` };
}

interface Pipe {
  readonly pid: number;
  write(text: string): Promise<void>;
  /** Reads a line. */
  read(): Promise<void>;
  end(): Promise<void>;
}

async function startPipe(port: number): Promise<Pipe> {
  const path = new URL("raw_pipe.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-net", path, `${port}`],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  const lines = child.stdout
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream())
    .getReader();
  await lines.read();
  return {
    pid: child.pid,
    write: (text) => input.write(new TextEncoder().encode(text)),
    read: async () => void await lines.read(),
    end: async () => {
      await input.close();
      await lines.cancel();
      child.kill();
      await child.status;
    },
  };
}

async function measureStarts(): Promise<Result[]> {
  const { address, host } = await startHost();
  const empty = await timed(STARTS, runEmptyProgram);
  const joins: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const start = performance.now();
    const member = new Program(["join", address]);
    await member.event("ready");
    joins.push(performance.now() - start);
    await member.quit();
  }
  const listener = new Program(["join", address]); // A line without a reader is not sent.
  await listener.event("ready");
  const piped = await timed(STARTS, () => pipe(address));
  await listener.quit();
  await host.end();
  const lines: number[] = [];
  for (let i = 0; i < STARTS; i++) lines.push(await typeLine());
  return [
    ["an empty program in Deno, start to exit", empty] as const,
    ["lanchat join, start to ready", joins] as const,
    ["lanchat serve, start to a line that is typed and accepted", lines] as const,
    ["echo hi | lanchat join, start to exit", piped] as const,
  ].map(([name, times]) => ({
    name: `${name}, median of ${STARTS}`,
    value: spread(times, 0, "ms"),
    ratio: quantile(times, 0.5) / quantile(empty, 0.5),
  }));
}

async function runEmptyProgram(): Promise<void> {
  await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-net", "data:application/javascript,"],
    stdout: "null",
  }).output();
}

async function measureIdle(): Promise<Result[]> {
  const { address, host } = await startHost();
  const member = new Program(["join", address]);
  await member.event("ready");
  const relay = await startRaw();
  await pause(IDLE_SECONDS * 1000);
  const pids = { member: member.pid, host: host.pid, raw: relay.pid };
  const before = Object.values(pids).map(wakeUps);
  await pause(WATCH_SECONDS * 1000);
  const [memberWakes, hostWakes] = Object.values(pids).map((pid, i) =>
    (wakeUps(pid) - before[i]!) / WATCH_SECONDS
  ) as [number, number];
  const memory = (pid: number): number => residentMemory(pid).now / 1024;
  const rows: Result[] = [];
  for (
    const [name, wakes, pid] of [
      ["member", memberWakes, member.pid],
      ["host", hostWakes, host.pid],
    ] as const
  ) {
    rows.push(
      { name: `an idle ${name}, wake-ups a second of all its threads`, value: wakes.toFixed(1) },
      {
        name: `an idle ${name}, resident memory after ${IDLE_SECONDS} s`,
        value: `${memory(pid).toFixed(0)} MiB`,
        ratio: memory(pid) / memory(relay.pid),
      },
    );
  }
  await member.quit();
  await host.end();
  await relay.end();
  return rows;
}

async function pipe(address: string): Promise<void> {
  const { command, args } = commandFor(["join", address]);
  const child = new Deno.Command(command, {
    args,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode("hi\n"));
  await input.close();
  const { code } = await child.status;
  if (code !== 0) throw new Error(`The piped line ended with status ${code}`);
}

/** Starts a host in a terminal, and types a line as soon as it prompts for one. @returns The time until it has the line. */
async function typeLine(): Promise<number> {
  const start = performance.now();
  const { command, args } = commandFor(["serve", "--host", "127.0.0.1", "--port", "0"]);
  const child = new Deno.Command("script", {
    args: ["-qec", [command, ...args].join(" "), "/dev/null"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const writer = child.stdin.getWriter();
  let screen = "";
  const shows = async (text: string): Promise<void> => {
    while (!screen.includes(text)) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`The terminal ended without '${text}': ${screen}`);
      screen += value;
    }
  };
  await shows("> ");
  await writer.write(new TextEncoder().encode("hi\r"));
  await shows(": hi ");
  const time = performance.now() - start;
  await writer.write(new Uint8Array([0x03]));
  while (!(await reader.read()).done);
  await child.status;
  return time;
}
