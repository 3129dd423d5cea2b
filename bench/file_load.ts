/**
 * Measures files from member to member, beside raw TCP, TLS of openssl, and the transit of magic-wormhole.
 *
 * Each end, and each relay, is a process of its own. What is not installed is left out.
 *
 * @module
 */
import { processorMs } from "./processor.ts";
import { Program } from "./program.ts";
import { quantile, type Result } from "./report.ts";

/** Size of the large file, in bytes. */
const LARGE_BYTES = 2 ** 30;

/** How many small files, and the size of each. */
const SMALL_FILES = 1000;
const SMALL_BYTES = 10_240;

/** Receivers of one stream, and its chunks: 10 MB/s for ten seconds. */
const RECEIVERS = 5;
const STREAM_CHUNK_BYTES = 65_536;
const STREAM_CHUNKS = 1600;
const STREAM_MS = 6.25;

/** Interval of the messages while a file is under way, in milliseconds. */
const TALK_MS = 50;

const MIB = 2 ** 20;
const FLAGS = ["--allow-read", "--allow-write"];

/** Time and processor time of one transfer, in milliseconds. */
interface Cost {
  readonly ms: number;
  readonly sender: number;
  /** Missing where the ends talk without a relay. */
  readonly relay?: number;
  readonly receiver: number;
}

/** Starts a host that is no member of its room. */
async function startHost(): Promise<{ host: Program; address: string }> {
  const host = new Program(
    ["serve", "--relay-only", "--no-announce", "--host", "127.0.0.1", "--port", "0"],
  );
  const { port } = await host.event("listening");
  return { host, address: `127.0.0.1:${port}` };
}

async function startReceiver(address: string, directory: string): Promise<Program> {
  const accepts = ["--accept-from", "all", "--download-dir", directory];
  const receiver = new Program(["join", address, ...accepts], FLAGS);
  await receiver.event("ready");
  return receiver;
}

async function startSender(address: string): Promise<Program> {
  const sender = new Program(["join", address], FLAGS);
  await sender.event("ready");
  return sender;
}

/** Processor time that processes take meanwhile, in milliseconds. */
async function spent(pids: readonly number[], run: () => Promise<void>): Promise<number[]> {
  const before = pids.map(processorMs);
  await run();
  return pids.map((pid, i) => processorMs(pid) - before[i]!);
}

/** A transfer of lanchat: the time from the offer until all receivers have all of it. */
class LanchatTransfer {
  /** Time and processor time until the offer, when the sender has read all of it once. */
  hashMs = 0;
  hashProcessorMs = 0;
  cost!: Cost;

  async run(sender: Program, host: Program, receivers: readonly Program[], path: string) {
    const start = performance.now();
    const send = JSON.stringify({ do: "send-file", paths: [path] });
    [this.hashProcessorMs] = await spent([sender.pid], async () => {
      await sender.write(`${send}\n`);
      await sender.event("offer");
    }) as [number];
    const offered = performance.now();
    this.hashMs = offered - start;
    const pids = [sender.pid, host.pid, receivers[0]!.pid];
    const [ofSender, ofRelay, ofReceiver] = await spent(pids, async () => {
      await Promise.all(receivers.map((receiver) => receiver.event("received")));
    }) as [number, number, number];
    const ms = performance.now() - offered;
    this.cost = { ms, sender: ofSender, relay: ofRelay, receiver: ofReceiver };
    return this;
  }
}

/** A large file, and 1,000 small ones, to one member; how late messages are meanwhile. */
async function measureLanchat(directory: string, large: string, small: string): Promise<{
  large: LanchatTransfer;
  small: LanchatTransfer;
  talk: number[];
}> {
  const { address, host } = await startHost();
  const receiver = await startReceiver(address, `${directory}/received`);
  const sender = await startSender(address);
  const listener = await startSender(address);
  const speaker = await startSender(address);
  const transfer = new LanchatTransfer().run(sender, host, [receiver], large);
  const talk: number[] = [];
  let isOver = false;
  void transfer.finally(() => isOver = true);
  while (!isOver) {
    const start = performance.now();
    await speaker.write('{"say":"a line of forty letters, as people write"}\n');
    await listener.event("message");
    talk.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, TALK_MS));
  }
  const ofLarge = await transfer;
  const ofSmall = await new LanchatTransfer().run(sender, host, [receiver], small);
  for (const member of [sender, receiver, listener, speaker, host]) await member.end();
  return { large: ofLarge, small: ofSmall, talk };
}

/** A stream to some members at once, at a rate with which all keep pace: processor time of the sender, in milliseconds. */
async function measureStream(directory: string, count: number): Promise<number> {
  const { address, host } = await startHost();
  const folders = Array.from({ length: count }, (_, i) => `${directory}/stream-${count}-${i}`);
  const receivers = await Promise.all(folders.map((folder) => startReceiver(address, folder)));
  const sender = new Program(["send", "-", "--name-as", "stream", address]);
  await sender.event("offer");
  const received = Promise.all(receivers.map((receiver) => receiver.event("received")));
  const chunk = crypto.getRandomValues(new Uint8Array(STREAM_CHUNK_BYTES));
  const before = processorMs(sender.pid);
  for (let i = 0; i < STREAM_CHUNKS; i++) {
    await sender.write(chunk);
    await new Promise((resolve) => setTimeout(resolve, STREAM_MS));
  }
  const spent = processorMs(sender.pid) - before;
  await sender.closeInput();
  await received;
  await sender.drain(); // It ends when it has heard that all have it.
  for (const member of [...receivers, host]) await member.end();
  return spent;
}

/** A process that ends by itself, and what it took with its start, which is told when it has ended. */
class TimedProcess {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;

  /** Starts it. @param output A file for its standard output, which is read here by default. */
  constructor(words: readonly string[], output?: string) {
    const redirection = output === undefined ? "" : ` >'${output}'`;
    this.#child = new Deno.Command("bash", {
      args: ["-c", `"$@"${redirection}; times`, "bash", ...words],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Reads what it prints next. */
  async print(): Promise<string> {
    return (await this.#output.read()).value!;
  }

  /** Waits for its end. @returns The processor time that it took, in milliseconds. */
  async ended(): Promise<number> {
    let printed = "";
    for (let chunk; !(chunk = await this.#output.read()).done;) printed += chunk.value;
    const [user, system] = [...printed.matchAll(/(\d+)m([\d.]+)s/g)].slice(-2)
      .map(([, minutes, seconds]) => Number(minutes) * 60_000 + Number(seconds) * 1000);
    return user! + system!;
  }
}

async function measureRaw(directory: string, path: string): Promise<Cost> {
  const program = new URL("raw_file.ts", import.meta.url).pathname;
  const start = (...args: string[]) =>
    new TimedProcess([Deno.execPath(), "run", "--no-check", "--allow-all", program, ...args]);
  const relay = start("relay");
  const port = (await relay.print()).trim();
  const receiver = start("receive", port, `${directory}/raw`);
  await receiver.print();
  const begin = performance.now();
  const sender = start("send", port, path);
  const costs = await Promise.all([sender, relay, receiver].map((process) => process.ended()));
  const ms = performance.now() - begin;
  return { ms, sender: costs[0]!, relay: costs[1]!, receiver: costs[2]! };
}

/** TLS 1.3 of openssl, its server being the sender. */
async function measureOpenssl(directory: string, path: string): Promise<Cost> {
  const certificate = `${directory}/tls.pem`;
  const request = ["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=localhost"];
  await new TimedProcess([
    "openssl",
    ...request,
    "-keyout",
    certificate,
    "-out",
    `${certificate}.crt`,
  ])
    .ended();
  using reserved = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${reserved.addr.port}`;
  reserved.close();
  const server = new Deno.Command("openssl", {
    args: [
      "s_server",
      "-accept",
      address,
      "-WWW",
      "-cert",
      `${certificate}.crt`,
      "-key",
      certificate,
    ],
    cwd: directory,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = server.stdout.getReader();
  await output.read(); // It listens when it says so.
  const name = path.slice(path.lastIndexOf("/") + 1);
  const client =
    `printf 'GET /${name} HTTP/1.0\r\n\r\n' | openssl s_client -quiet -connect ${address}`;
  const before = processorMs(server.pid);
  const begin = performance.now();
  const receiver = await new TimedProcess(["bash", "-c", client], `${directory}/tls`).ended();
  const ms = performance.now() - begin;
  const sender = processorMs(server.pid) - before;
  server.kill();
  await output.cancel();
  await server.status;
  return { ms, sender, receiver };
}

/** The transit of magic-wormhole, without its relay. */
async function measureTransit(directory: string, path: string): Promise<Cost> {
  const program = new URL("transit.py", import.meta.url).pathname;
  const start = (...args: string[]) => new TimedProcess(["/usr/bin/python3", program, ...args]);
  const sender = start("send", path);
  const port = (await sender.print()).trim();
  const begin = performance.now();
  const { size } = await Deno.stat(path);
  const receiver = start("receive", port, `${directory}/transit`, `${size}`);
  const costs = await Promise.all([sender, receiver].map((process) => process.ended()));
  return { ms: performance.now() - begin, sender: costs[0]!, receiver: costs[1]! };
}

/** Whether a command succeeds. */
async function works(command: string, ...args: string[]): Promise<boolean> {
  const options = { args, stdout: "null", stderr: "null" } as const;
  return await new Deno.Command(command, options).output().then(
    ({ success }) => success,
    () => false,
  );
}

/** Writes a file of random bytes. */
async function writeRandom(path: string, bytes: number): Promise<void> {
  using file = await Deno.create(path);
  const chunk = new Uint8Array(Math.min(bytes, MIB));
  for (let at = 0; at < 65_536 && at < chunk.length; at += 65_536) {
    crypto.getRandomValues(chunk.subarray(at, at + 65_536));
  }
  for (let left = bytes; left > 0; left -= chunk.length) {
    crypto.getRandomValues(chunk.subarray(0, Math.min(chunk.length, 65_536)));
    await file.write(chunk.subarray(0, Math.min(left, chunk.length)));
  }
}

function speed(name: string, bytes: number, cost: Cost, raw: Cost): Result {
  const perMib = (ms: number): string => `${(ms / (bytes / MIB)).toFixed(1)} ms`;
  const parts = [`sender ${perMib(cost.sender)}`];
  if (cost.relay !== undefined) parts.push(`relay ${perMib(cost.relay)}`);
  parts.push(`receiver ${perMib(cost.receiver)}`);
  const mbPerSecond = (bytes / 1e6 / (cost.ms / 1000)).toFixed(0);
  return {
    name: `${name}; processor time for a MiB`,
    value: `${mbPerSecond} MB/s; ${parts.join(", ")}`,
    ratio: raw.ms / cost.ms,
  };
}

/** Measures files. */
export async function measureFiles(): Promise<Result[]> {
  const directory = await Deno.makeTempDir({ prefix: "lanchat-bench-" });
  try {
    const large = `${directory}/large`;
    const small = `${directory}/small`;
    await writeRandom(large, LARGE_BYTES);
    await Deno.mkdir(small);
    for (let i = 0; i < SMALL_FILES; i++) await writeRandom(`${small}/${i}`, SMALL_BYTES);

    const raw = await measureRaw(directory, large);
    await Deno.remove(`${directory}/raw`);
    const lanchat = await measureLanchat(directory, large, small);
    const { hashMs, hashProcessorMs } = lanchat.large;
    const results: Result[] = [
      speed("1 GiB, raw TCP in Deno", LARGE_BYTES, raw, raw),
      speed("1 GiB, lanchat", LARGE_BYTES, lanchat.large.cost, raw),
      {
        name: "the same, hashing before the offer",
        value: `${(LARGE_BYTES / 1e6 / (hashMs / 1000)).toFixed(0)} MB/s, ${
          (hashProcessorMs / (LARGE_BYTES / MIB)).toFixed(1)
        } ms for a MiB`,
      },
      {
        name: `a message of other members meanwhile, median of ${lanchat.talk.length}`,
        value: `${quantile(lanchat.talk, 0.5).toFixed(0)} ms`,
      },
      {
        name: "the same, 99th percentile",
        value: `${quantile(lanchat.talk, 0.99).toFixed(0)} ms`,
      },
      {
        name: `${SMALL_FILES} files of 10 KiB, from the wish to the last`,
        value: `${((lanchat.small.hashMs + lanchat.small.cost.ms) / 1000).toFixed(2)} s`,
      },
    ];
    await Deno.remove(`${directory}/received`, { recursive: true });
    if (await works("openssl", "version")) {
      results.push(
        speed("1 GiB, openssl, no relay", LARGE_BYTES, await measureOpenssl(directory, large), raw),
      );
      await Deno.remove(`${directory}/tls`);
    }
    if (await works("/usr/bin/python3", "-c", "import wormhole.transit")) {
      results.push(
        speed(
          "1 GiB, transit of magic-wormhole, no relay",
          LARGE_BYTES,
          await measureTransit(directory, large),
          raw,
        ),
      );
      await Deno.remove(`${directory}/transit`);
    }
    const one = await measureStream(directory, 1);
    const several = await measureStream(directory, RECEIVERS);
    results.push({
      name:
        `a stream of 10 MB/s to ${RECEIVERS} members: processor time of the sender, times that for one`,
      value: `${(several / one).toFixed(2)}`,
    });
    return results;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
