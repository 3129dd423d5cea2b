/**
 * Bursts through the whole program, as processes on one machine.
 *
 * @module
 */
import { residentMemory } from "./processor.ts";
import { Program } from "./program.ts";
import { quantile, type Result } from "./report.ts";

const LINES = 20_000;
const BURSTS = 5;

/** Aims, each at least or at most what its name says. */
const AIMS = {
  messagesPerSecond: 3000,
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
  for (const receiver of receivers) await receiver.quit();
  await host.quit();

  const perSecond = LINES / quantile(bursts, 0.5) * 1000;
  const growths = peaks.map((peak) => (peak - started.now) / 1024);
  return [
    {
      name: `messages a second, ${LINES} lines to host and two receivers, median of ${BURSTS}`,
      value: perSecond.toFixed(0),
      ratio: perSecond / AIMS.messagesPerSecond,
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
