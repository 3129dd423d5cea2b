/**
 * The program as a process, driven by JSON Lines.
 *
 * @module
 */
import { TextLineStream } from "@std/streams";

const MAIN = new URL("../main.ts", import.meta.url).pathname;

/** The output of a process. */
export type Printed = Record<string, unknown> & { event: string };

/** Returns how to start the program with no permission but `--allow-net`. @param flags More flags of Deno. */
export function commandFor(
  args: readonly string[],
  flags: readonly string[] = [],
): { command: string; args: string[] } {
  return {
    command: Deno.execPath(),
    args: ["run", "--no-check", "--allow-net", ...flags, MAIN, ...args],
  };
}

/** A running program whose events are waited for. */
export class Program {
  readonly #child: Deno.ChildProcess;
  readonly #events: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  /** Starts the program with `--json`. @param flags As for {@linkcode commandFor}. */
  constructor(words: readonly string[], flags: readonly string[] = []) {
    const { command, args: all } = commandFor([...words, "--json"], flags);
    this.#child = new Deno.Command(command, {
      args: all,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#events = this.#child.stdout
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream())
      .getReader();
    this.#input = this.#child.stdin.getWriter();
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Reads on to the next event of a kind. */
  async event(kind: string): Promise<Printed> {
    while (true) {
      const { done, value } = await this.#events.read();
      if (done) throw new Error(`The program ended before '${kind}'`);
      const printed: Printed = JSON.parse(value);
      if (printed.event === kind) return printed;
    }
  }

  /** Reads on until that many events of a kind have come. */
  async events(kind: string, count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.event(kind);
  }

  /** Writes lines, or bytes, to its standard input. */
  async write(lines: string | Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#input.write(typeof lines === "string" ? new TextEncoder().encode(lines) : lines);
  }

  /** Tells it to leave and waits until it has. */
  async quit(): Promise<void> {
    await this.write('{"do":"quit"}\n');
    await this.drain();
    await this.#child.status;
  }

  /** Ends its standard input. */
  async closeInput(): Promise<void> {
    await this.#input.close();
  }

  /** Kills it: a host that is told to end would wait for members that hung up. */
  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.drain();
    await this.#child.status;
  }

  /** Reads on to the end, and looks at nothing. */
  async drain(): Promise<void> {
    while (!(await this.#events.read()).done);
  }
}
