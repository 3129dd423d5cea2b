import { assert } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { fileURLToPath } from "node:url";
import { within } from "../support/deadline.ts";
import { SlowLinks, slowLinkTest, type SlowMachine } from "./slow_links.ts";

const PROCESS = fileURLToPath(new URL("bulk_process.ts", import.meta.url));

/** A process on a machine; leaving its scope ends it. */
class MachineProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;

  constructor({ wrapper }: SlowMachine, ...args: readonly string[]) {
    const [program, ...rest] = wrapper([
      Deno.execPath(),
      "run",
      "--no-check",
      "--allow-net",
      PROCESS,
      ...args,
    ]);
    this.#child = new Deno.Command(program!, { args: rest, stdout: "piped" }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    const { value } = await within(this.#lines.read(), () => "The process printed nothing");
    if (value === undefined) throw new Error("The process ended");
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill();
    } catch {
      // It has ended.
    }
    await this.#lines.cancel();
    await this.#child.status;
  }
}

/** Sends bulk over two links of a rate. @returns How late the sender's messages are meanwhile, in milliseconds. */
async function flood(mbit: number, mib: number): Promise<number[]> {
  await using links = await SlowLinks.open(2, mbit);
  const [first, ...others] = links.machines as [SlowMachine, SlowMachine, SlowMachine];
  await using host = new MachineProcess(first, "host");
  const port = await host.line();
  const [near, far] = others;
  await using receiver = new MachineProcess(near!, "receive", near!.hostAddress, port);
  await receiver.line();
  await using _sender = new MachineProcess(far!, "send", far!.hostAddress, port, `${mib}`);
  return JSON.parse(await receiver.line());
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

// The queues of the links hold 500 ms: that is how late messages are that wait behind bulk.
for (const mbit of [10, 100]) {
  slowLinkTest(`Messages overtake bulk through a relay on links of ${mbit} Mbit/s`, async () => {
    const lateness = (await flood(mbit, mbit * 1.25)).sort((a, b) => a - b);
    const [median, late] = [quantile(lateness, 0.5), quantile(lateness, 0.99)];
    console.log(
      `| ${mbit} Mbit/s | ${lateness.length} messages | median ${median} ms | p99 ${late} ms |`,
    );
    assert(lateness.length > 100);
    // Other tests may keep the processors busy at the same time.
    assert(median < 100 && late < 400, `median ${median} ms, p99 ${late} ms`);
  });
}
