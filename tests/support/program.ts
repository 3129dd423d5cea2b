/**
 * The program as a process. Tests wait for its output and its end, and never sleep.
 *
 * It is `main.ts` under only `--allow-net`, or the compiled binary that the environment variable
 * `LANCHAT_BINARY` names, which has all its permissions built in.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { SessionEvent } from "../../lib/session_events.ts";
import { within } from "./deadline.ts";

/** The compiled program, if the tests run that. */
export const BINARY: string | undefined = Deno.env.get("LANCHAT_BINARY");

/** The notice on a host joined for the first time; only a member that may keep known peers prints it. */
export const UNVERIFIED: string = "Host not verified" +
  (BINARY === undefined ? "" : ": first contact");

/** Lines of each stream that a failure shows. */
const MAX_SHOWN_LINES = 200;

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** A directory for the files of a test file; removed at the end of that file. */
export const ROOT: string = Deno.makeTempDirSync({ prefix: "lanchat-test-" });
addEventListener("unload", () => Deno.removeSync(ROOT, { recursive: true }));

let directories = 0;

/** Makes an empty directory. */
export function emptyDirectory(): string {
  const directory = `${ROOT}/${directories++}`;
  Deno.mkdirSync(directory);
  return directory;
}

/** An event of one kind. */
export type Event<Kind extends SessionEvent["event"] = SessionEvent["event"]> = {
  [Each in SessionEvent as Each["event"]]: Each;
}[Kind];

/** How to start the program. */
export interface ProgramOptions {
  /** The permissions of `main.ts`; a compiled binary has its own. */
  readonly permissions?: readonly string[];
  /** Environment variables; by default the home directory is an empty one. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it is in a terminal of its own, which script(1) of Linux makes: all it prints is on standard output. */
  readonly terminal?: boolean;
  /** Wraps the program's command in another one. */
  readonly wrapper?: (command: readonly string[]) => readonly string[];
}

/** The command that starts the program. */
export function commandLine(
  args: readonly string[],
  permissions: readonly string[] = ["--allow-net"],
  main: string = MAIN,
): string[] {
  if (BINARY !== undefined) return [BINARY, ...args];
  return [Deno.execPath(), "run", "--no-check", ...permissions, main, ...args];
}

/** A running program; leaving its scope kills it. */
export class Program implements AsyncDisposable {
  /** Standard output so far. */
  readonly stdout: Output;
  /** Standard error so far. */
  readonly stderr: Output;
  readonly #isScript: boolean;
  readonly #inTerminal: boolean;
  readonly #command: readonly string[];
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #end: Promise<number>;

  /** Starts the program. */
  constructor(args: readonly string[], options: ProgramOptions = {}) {
    const { env, permissions, terminal = false, wrapper = (command) => command } = options;
    this.#isScript = args.includes("--json");
    this.#inTerminal = terminal;
    const command = commandLine(args, permissions);
    this.#command = terminal ? inTerminal(wrapper(command)) : wrapper(command);
    const [executable, ...rest] = this.#command;
    this.#child = new Deno.Command(executable!, {
      args: rest,
      env: { ...environment(), ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#input.closed.catch(() => {});
    this.stdout = new Output(this.#child.stdout, () => this.#transcript());
    this.stderr = new Output(this.#child.stderr, () => this.#transcript());
    this.#end = this.#child.status.then(async ({ code }) => {
      await Promise.all([this.stdout.drained, this.stderr.drained]);
      return code;
    });
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The events that it has printed. */
  get events(): Event[] {
    return this.stdout.lines.map((line) => JSON.parse(line));
  }

  /** Waits for the first event of a kind that matches. */
  async event<Kind extends SessionEvent["event"]>(
    kind: Kind,
    matches: (event: Event<Kind>) => boolean = () => true,
  ): Promise<Event<Kind>> {
    const line = await this.stdout.line((line) => {
      const event: SessionEvent = JSON.parse(line);
      return event.event === kind && matches(event as Event<Kind>);
    }, `${kind} ${matches}`);
    return JSON.parse(line);
  }

  /** Waits until it is in the room, whether it prints JSON or not. */
  async ready(): Promise<this> {
    if (this.#isScript) await this.event("ready");
    else await this.says(/You are .*/);
    return this;
  }

  /** Waits for a notice to people. @returns The part that matches. */
  async says(pattern: RegExp): Promise<string> {
    return await (this.#inTerminal ? this.stdout : this.stderr).has(pattern);
  }

  /** Writes to standard input. */
  async write(input: string | Uint8Array): Promise<void> {
    await this.#input.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
  }

  /** Writes a line of JSON to standard input. */
  async tell(input: unknown): Promise<void> {
    await this.write(`${JSON.stringify(input)}\n`);
  }

  /** Sends texts as a script does, one after another. */
  async say(...texts: readonly string[]): Promise<void> {
    await this.write(texts.map((say) => `${JSON.stringify({ say })}\n`).join(""));
  }

  /** The texts that a script received from one member, in order. */
  heard(name: string): string[] {
    return this.events.flatMap((event) =>
      event.event === "message" && event.from.name === name ? [event.text] : []
    );
  }

  /** Waits until a script has received a number of texts from one member. @returns All texts by then. */
  async hears(name: string, count: number): Promise<string[]> {
    const from = `{"event":"message","from":{"name":"${name}"`;
    await this.stdout.count(count, (line) => line.startsWith(from));
    return this.heard(name);
  }

  /** Ends standard input. */
  async endInput(): Promise<void> {
    await this.#input.close();
  }

  /** Sends a signal. */
  signal(name: Deno.Signal): void {
    Deno.kill(this.pid, name);
  }

  /**
   * Stops reading its standard output, and has it print more than a pipe holds, so that it cannot end.
   *
   * @param witness Another member of the room; both print JSON.
   */
  async block(witness: Program): Promise<void> {
    this.stdout.pause();
    await this.write('{"do":"who"}\n'.repeat(2500));
    const text = `${crypto.randomUUID()} is blocked`;
    await this.tell({ say: text });
    await witness.event("message", (message) => message.text === text);
  }

  /** Waits for its end, not for its output. @returns The exit status. */
  async exited(): Promise<number> {
    const exited = this.#child.status.then(({ code }) => code);
    return await within(exited, () => `Not ended in time\n${this.#transcript()}`);
  }

  /** Waits for its end and all of its output. @returns The exit status. */
  async status(): Promise<number> {
    return await within(this.#end, () => `Not ended in time\n${this.#transcript()}`);
  }

  /** Waits for its end, and asserts its exit status. */
  async ends(expected: number): Promise<void> {
    const status = await this.status();
    if (status === expected) return;
    throw new Error(`Ended with status ${status} instead of ${expected}\n${this.#transcript()}`);
  }

  /** Kills it if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.signal("SIGKILL");
    } catch {
      // It has ended already.
    }
    this.stdout.resume();
    await this.#end;
    await this.#input.abort().catch(() => {});
  }

  #transcript(): string {
    return [
      this.#command.join(" "),
      `--- standard output:\n${shown(this.stdout.lines)}`,
      `--- standard error:\n${shown(this.stderr.lines)}`,
    ].join("\n");
  }
}

/** One of the streams that a program prints to, line by line. */
export class Output {
  /** The lines so far, without their line feeds. */
  readonly lines: string[] = [];
  /** Resolves at the end. */
  readonly drained: Promise<void>;
  readonly #stream: ReadableStream<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #transcript: () => string;
  #ended = false;
  #rest = "";
  #news = Promise.withResolvers<void>();
  #paused: PromiseWithResolvers<void> | undefined;

  /** Reads a stream until it ends. */
  constructor(stream: ReadableStream<Uint8Array>, transcript: () => string) {
    this.#stream = stream;
    this.#reader = this.#stream.getReader();
    this.#transcript = transcript;
    this.drained = this.#read();
  }

  /** Everything so far, to the last byte. */
  get text(): string {
    return this.lines.map((line) => `${line}\n`).join("") + this.#rest;
  }

  /** Waits for the first line that matches. */
  async line(pattern: RegExp | ((line: string) => boolean), what = `${pattern}`): Promise<string> {
    const matches = pattern instanceof RegExp ? (line: string) => pattern.test(line) : pattern;
    let next = 0;
    return await this.#until(`A line that matches ${what}`, () => {
      while (next < this.lines.length) {
        const line = this.lines[next++]!;
        if (matches(line)) return line;
      }
    });
  }

  /** Waits until a number of lines match. @returns These lines. */
  async count(
    count: number,
    pattern: RegExp | ((line: string) => boolean) = () => true,
  ): Promise<string[]> {
    const matches = pattern instanceof RegExp ? (line: string) => pattern.test(line) : pattern;
    const found: string[] = [];
    let next = 0;
    return await this.#until(`${count} lines that match ${pattern}`, () => {
      while (next < this.lines.length && found.length < count) {
        const line = this.lines[next++]!;
        if (matches(line)) found.push(line);
      }
      return found.length >= count ? found : undefined;
    });
  }

  /** Waits for a text, perhaps of several lines. @returns The part that matches. */
  async has(pattern: RegExp): Promise<string> {
    return await this.#until(`A text that matches ${pattern}`, () => pattern.exec(this.text)?.[0]);
  }

  /** Stops reading. */
  pause(): void {
    this.#paused ??= Promise.withResolvers();
  }

  /** Reads on. */
  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** Closes this end of the pipe. */
  async close(): Promise<void> {
    await this.#reader.cancel();
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    const search = async (): Promise<T> => {
      while (true) {
        const news = this.#news.promise;
        const found = look();
        if (found !== undefined) return found;
        if (this.#ended) throw new Error(`${what} never came\n${this.#transcript()}`);
        await news;
      }
    };
    return await within(search(), () => `${what} did not come in time\n${this.#transcript()}`);
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    while (true) {
      await this.#paused?.promise;
      const { done, value } = await this.#reader.read();
      this.#rest += decoder.decode(value, { stream: !done });
      const lines = this.#rest.split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) this.lines.push(line);
      this.#ended = done;
      this.#news.resolve();
      this.#news = Promise.withResolvers();
      if (done) return;
    }
  }
}

/** A program that hosts a room on the loopback interface. */
export class HostProgram extends Program {
  #port: number | undefined;

  /** Starts `lanchat serve`, and waits until others can join. */
  static async start(
    args: readonly string[] = [],
    options: ProgramOptions = {},
  ): Promise<HostProgram> {
    const where = args.includes("--host") ? [] : ["--host", "127.0.0.1"];
    const host = new HostProgram(["serve", "--port", "0", ...where, ...args], options);
    try {
      host.#port = await host.#findPort(args.includes("--json"));
      if (!args.includes("--relay-only")) await host.ready();
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#port!;
  }

  /** The address that members join. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts `lanchat join`, perhaps by another address, and waits until it is in the room. */
  async join(
    args: readonly string[] = [],
    options: ProgramOptions & { readonly address?: string } = {},
  ): Promise<Program> {
    const member = new Program(["join", options.address ?? this.address, ...args], options);
    try {
      return await member.ready();
    } catch (error) {
      await member[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #findPort(json: boolean): Promise<number> {
    if (json) return (await this.event("listening")).port;
    // At a terminal the port is part of the command shown for others.
    const sentence = await this.says(/Listening on port \d+\.| join [\d.]+:\d+/);
    return Number(/\d+\.?$/.exec(sentence)![0].replace(".", ""));
  }
}

/** Runs the program to its end. */
export async function run(
  args: readonly string[],
  options: ProgramOptions & { readonly input?: string | Uint8Array } = {},
): Promise<{ status: number; stdout: string; stderr: string }> {
  await using program = new Program(args, options);
  if (options.input !== undefined) await program.write(options.input);
  await program.endInput();
  const status = await program.status();
  return { status, stdout: program.stdout.text, stderr: program.stderr.text };
}

/** A home of its own, so that no test finds the files of another test or of a person. */
export function environment(): Record<string, string> {
  const home = emptyDirectory();
  // A person's terminal, even if the tests run in another one.
  const terminal = { NO_COLOR: "", TERM: "xterm-256color" };
  return { HOME: home, XDG_CONFIG_HOME: `${home}/.config`, ...terminal, ...denoCache() };
}

function inTerminal(command: readonly string[]): readonly string[] {
  return ["script", "-qec", command.map((word) => `'${word}'`).join(" "), "/dev/null"];
}

let denoDirectory: string | undefined;

/** Without this variable, Deno looks for its cache in the home directory. */
function denoCache(): Record<string, string> {
  if (BINARY !== undefined) return {};
  if (denoDirectory === undefined) {
    const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
    denoDirectory = JSON.parse(new TextDecoder().decode(stdout)).denoDir as string;
  }
  return { DENO_DIR: denoDirectory };
}

function shown(lines: readonly string[]): string {
  const left = lines.length - MAX_SHOWN_LINES;
  const last = lines.slice(-MAX_SHOWN_LINES).join("\n");
  return left > 0 ? `… ${left} lines …\n${last}` : last;
}
