/**
 * The program as people use it, read from the output they see.
 *
 * @module
 */
import { processorMs } from "./processor.ts";
import { commandFor } from "./program.ts";

/** The longest text that is waited for, in UTF-16 code units. */
const LONGEST = 100;

/** A program that shows messages to people. */
export class Member {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #unread = "";
  #pid = 0;

  private constructor(shell: string, options: readonly string[], line: string) {
    this.#child = new Deno.Command(shell, {
      args: [...options, line],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts the program in a shell. @param first Commands of the shell before it. @param flags Flags of Deno. */
  static async start(
    shell: string,
    options: readonly string[],
    words: readonly string[],
    first = "",
    flags: readonly string[] = [],
  ): Promise<Member> {
    const { args, command } = commandFor(words, flags);
    const line = `${first} echo pid $$.; exec ${[command, ...args].join(" ")}`;
    const member = new Member(shell, options, line);
    const shown = await member.shows(/pid (\d+)\./);
    member.#pid = Number(shown[1]);
    return member;
  }

  /** The processor time that it has taken, in milliseconds. */
  processorMs(): number {
    return processorMs(this.#pid);
  }

  /** Writes to its standard input. */
  async type(keys: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(keys));
  }

  /** Reads on until something is shown. */
  async shows(what: string | RegExp): Promise<RegExpMatchArray> {
    while (true) {
      const found = this.#unread.match(what);
      if (found !== null) {
        this.#unread = "";
        return found;
      }
      const { done, value } = await this.#output.read();
      if (done) throw new Error(`The program ended before '${what}'`);
      this.#unread = this.#unread.slice(-LONGEST) + value;
    }
  }

  /** Reads on to the end, and looks at nothing. */
  async drain(): Promise<void> {
    while (!(await this.#output.read()).done);
  }

  /** Has it leave, and waits until it has. */
  async end(): Promise<void> {
    Deno.kill(this.#pid, "SIGTERM");
    await this.drain();
    await this.#child.status;
  }
}
