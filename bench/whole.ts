/**
 * The host's memory under bursts through the whole program, as processes on one machine.
 *
 * @module
 */
import { residentMemory } from "./processor.ts";
import { Program } from "./program.ts";
import type { Result } from "./report.ts";

const LINES = 20_000;
const BURSTS = 5;

/** Aim for the growth over the first burst, in MiB. */
const AIM_MIB = 40;

/** Measures the program. */
export async function measureProgram(): Promise<Result[]> {
  const host = new Program(["serve", "--host", "127.0.0.1", "--port", "0"]);
  const { port } = await host.event("listening");
  const address = `127.0.0.1:${port}`;
  await host.event("ready");
  const started = residentMemory(host.pid);

  const receivers = [new Program(["join", address]), new Program(["join", address])];
  for (const receiver of receivers) await receiver.event("ready");
  const peaks: number[] = [];
  for (let i = 0; i < BURSTS; i++) {
    await burst(address, [host, ...receivers]);
    peaks.push(residentMemory(host.pid).peak);
  }
  for (const receiver of receivers) await receiver.quit();
  await host.quit();

  const growths = peaks.map((peak) => (peak - started.now) / 1024);
  return [
    { name: "memory of the host at start", value: `${(started.now / 1024).toFixed(0)} MiB` },
    {
      name:
        `growth of the host's memory over the first of ${BURSTS} bursts of ${LINES} lines, at its highest`,
      value: `${growths[0]!.toFixed(0)} MiB`,
      ratio: AIM_MIB / growths[0]!,
    },
    {
      name: "growth of the host's memory over all bursts, at its highest",
      value: `${growths.at(-1)!.toFixed(0)} MiB`,
    },
  ];
}

async function burst(address: string, receivers: readonly Program[]): Promise<void> {
  const sender = new Program(["join", address]);
  await sender.event("ready");
  const lines = Array.from({ length: LINES }, (_, i) => `{"say":"line ${i} of the burst"}\n`);
  const received = receivers.map((receiver) => receiver.events("message", LINES));
  await Promise.all([sender.write(lines.join("")), sender.events("sent", LINES), ...received]);
  await sender.quit();
}
