/**
 * How long a message of one member waits while another sends as fast as it can.
 *
 * @module
 */
import { Member } from "./member.ts";
import { commandFor, Program } from "./program.ts";
import { quantile, type Result } from "./report.ts";

const SINGLES = 60;
const AIM_MS = 250;

/** Measures the program while `yes x` is piped into one member. */
export async function measureFlood(): Promise<Result[]> {
  const host = new Program(["serve", "--host", "127.0.0.1", "--port", "0"]);
  const { port } = await host.event("listening");
  await host.event("ready");
  const address = `127.0.0.1:${port}`;
  const listener = await Member.start("sh", ["-c"], ["join", address, "--listen"]);
  const speaker = await Member.start("sh", ["-c"], ["join", address]);
  for (let i = 0; i < 2; i++) await host.event("joined");
  const flood = startFlood(address);
  for (const member of [listener, speaker]) await member.shows(": x\n");
  const drained = [host, speaker].map((each) => each.drain());

  const times: number[] = [];
  for (let i = 0; i < SINGLES; i++) {
    const start = performance.now();
    await speaker.type(`single ${i}!\n`);
    await listener.shows(`single ${i}!`);
    times.push(performance.now() - start);
  }
  await flood.stop();
  await Promise.all([listener, speaker].map((member) => member.end()));
  await host.quit();
  await Promise.all(drained);
  const median = quantile(times, 0.5);
  return [
    {
      name: `a message while another member sends as fast as it can, median of ${SINGLES}`,
      value: `${median.toFixed(0)} ms`,
      ratio: AIM_MS / median,
    },
    {
      name: "a message while another member sends as fast as it can, 90th percentile",
      value: `${quantile(times, 0.9).toFixed(0)} ms`,
    },
  ];
}

/** Starts `yes x | lanchat join`. */
function startFlood(address: string): { stop(): Promise<void> } {
  const { command, args } = commandFor(["join", address]);
  const yes = new Deno.Command("yes", { args: ["x"], stdout: "piped", stderr: "null" }).spawn();
  const join = new Deno.Command(command, {
    args,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const piped = yes.stdout.pipeTo(join.stdin).catch(() => {});
  return {
    stop: async () => {
      yes.kill();
      join.kill("SIGKILL");
      await Promise.all([piped, yes.status, join.status]);
    },
  };
}
