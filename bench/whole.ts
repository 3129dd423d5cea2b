/**
 * Figures of the whole program, as processes on one machine: those that people and scripts notice.
 *
 * @module
 */
import { residentMemory } from "./processor.ts";
import { commandFor, Program } from "./program.ts";
import { median, quantile, type Result } from "./report.ts";

const LINES = 20_000;
const BURSTS = 5;
const SINGLES = 500;
const STARTS = 7;

/** Aims, each at least or at most what its name says. */
const AIMS = {
  messagesPerSecond: 3000,
  medianLatencyMs: 5,
  pipedLineMs: 2500,
  promptMs: 300,
  growthMib: 40,
} as const;

/** Measures the program. */
export async function measureProgram(): Promise<Result[]> {
  const host = new Program("serve", "--host", "127.0.0.1", "--port", "0");
  const { port } = await host.event("listening");
  const address = `127.0.0.1:${port}`;
  await host.event("ready");
  const started = residentMemory(host.pid);

  const receivers = [new Program("join", address), new Program("join", address)];
  for (const receiver of receivers) await receiver.event("ready");
  const bursts: number[] = [];
  const peaks: number[] = [];
  for (let i = 0; i < BURSTS; i++) {
    bursts.push(await burst(address, [host, ...receivers]));
    peaks.push(residentMemory(host.pid).peak);
  }
  const latencies = await singles(address, receivers[0]!);
  const piped = await median(STARTS, () => pipe(address));
  for (const receiver of receivers) await receiver.quit();
  await host.quit();
  const prompt = await median(STARTS, promptAppears);

  const perSecond = LINES / quantile(bursts, 0.5) * 1000;
  const latency = quantile(latencies, 0.5);
  const growths = peaks.map((peak) => (peak - started.now) / 1024);
  return [
    {
      name: `messages a second, ${LINES} lines to host and two receivers, median of ${BURSTS}`,
      value: perSecond.toFixed(0),
      ratio: perSecond / AIMS.messagesPerSecond,
    },
    {
      name: `latency of a single message, median of ${SINGLES}`,
      value: `${latency.toFixed(2)} ms`,
      ratio: AIMS.medianLatencyMs / latency,
    },
    {
      name: "latency of a single message, 99th percentile",
      value: `${quantile(latencies, 0.99).toFixed(2)} ms`,
    },
    {
      name: `echo hi | lanchat join, start to exit, median of ${STARTS}`,
      value: `${piped.toFixed(0)} ms`,
      ratio: AIMS.pipedLineMs / piped,
    },
    {
      name: `start to prompt in a terminal, median of ${STARTS}`,
      value: `${prompt.toFixed(0)} ms`,
      ratio: AIMS.promptMs / prompt,
    },
    { name: "memory of the host at start", value: `${(started.now / 1024).toFixed(0)} MiB` },
    {
      name: "growth of the host's memory over the first burst, at its highest",
      value: `${growths[0]!.toFixed(0)} MiB`,
      ratio: AIMS.growthMib / growths[0]!,
    },
    {
      name: `growth of the host's memory over ${BURSTS} bursts, at its highest`,
      value: `${growths.at(-1)!.toFixed(0)} MiB`,
    },
  ];
}

async function burst(address: string, receivers: readonly Program[]): Promise<number> {
  const sender = new Program("join", address);
  await sender.event("ready");
  const lines = Array.from({ length: LINES }, (_, i) => `{"say":"line ${i} of the burst"}\n`);
  const start = performance.now();
  const received = receivers.map((receiver) => receiver.events("message", LINES));
  await Promise.all([sender.write(lines.join("")), sender.events("sent", LINES), ...received]);
  const time = performance.now() - start;
  await sender.quit();
  return time;
}

async function singles(address: string, receiver: Program): Promise<number[]> {
  const sender = new Program("join", address);
  await sender.event("ready");
  const times: number[] = [];
  for (let i = 0; i < SINGLES; i++) {
    const start = performance.now();
    await sender.write('{"say":"a single message"}\n');
    await receiver.event("message");
    times.push(performance.now() - start);
    await sender.event("sent");
  }
  await sender.quit();
  return times;
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

async function promptAppears(): Promise<void> {
  const { command, args } = commandFor(["serve", "--host", "127.0.0.1", "--port", "0"]);
  const child = new Deno.Command("script", {
    args: ["-qec", [command, ...args].join(" "), "/dev/null"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let screen = "";
  while (!screen.includes("> ")) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`The terminal ended without a prompt: ${screen}`);
    screen += value;
  }
  void endTerminal(child, reader);
}

async function endTerminal(
  child: Deno.ChildProcess,
  reader: ReadableStreamDefaultReader<string>,
): Promise<void> {
  const writer = child.stdin.getWriter();
  await writer.write(new Uint8Array([0x03]));
  while (!(await reader.read()).done);
  await child.status;
}
