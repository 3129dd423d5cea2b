/**
 * The program on a pseudo-terminal, which script(1) of Linux makes, and its screen.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { within } from "./deadline.ts";
import { Emulator, type Widths } from "./emulator.ts";
import { commandLine, emptyDirectory, environment, type ProgramOptions } from "./program.ts";

/** Options of a program on a pseudo-terminal. */
export interface PtyOptions extends ProgramOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly widths?: Widths;
  /** A program other than `main.ts`. */
  readonly main?: string;
  /**
   * Makes a shell script to run instead of the program.
   *
   * @param command The program's command, for the shell.
   * @param note Makes a command that notes the terminal's modes under a name; see {@linkcode Pty.modes}.
   */
  readonly script?: (command: string, note: (name: string) => string) => string;
}

/** The lines that are wrapped at words in these rows. */
export function unwrapped(rows: readonly string[]): string[] {
  return rows.join("\n").replaceAll(/\n {7,}/g, " ").split("\n");
}

/** The title of the window before the program. */
const SHELL_TITLE = "shell";

/** The shell's prompt after the program. */
export const SHELL_PROMPT = "$";

/** A program in a terminal of its own, started by a shell that restores nothing. */
export class Pty implements AsyncDisposable {
  readonly screen: Emulator;
  /** All that was written to the terminal. */
  written = "";
  readonly #directory = emptyDirectory();
  readonly #child: Deno.ChildProcess;
  readonly #keyboard: WritableStreamDefaultWriter<Uint8Array>;
  readonly #drained: Promise<void>;
  #ended = false;
  #news = Promise.withResolvers<void>();

  /** Starts `lanchat` with these arguments. */
  constructor(args: readonly string[], options: PtyOptions = {}) {
    const { columns = 80, env, main, permissions, rows = 24, script = once, widths } = options;
    const { wrapper = (command) => command } = options;
    this.screen = new Emulator(columns, rows, widths);
    this.screen.write(`\x1b]0;${SHELL_TITLE}\x07`);
    const command = ["sh", "-c", `echo $$ >${this.#directory}/pid; exec "$@"`, "sh"]
      .concat(wrapper(commandLine(args, permissions, main))).map(quoted).join(" ");
    const note = (name: string): string => `stty -a | tail -n +2 >${this.#directory}/${name}`;
    const steps = [
      `stty cols ${columns} rows ${rows}; tty >${this.#directory}/tty`,
      note("before"),
      script(command, note),
      `status=$?; ${note("after")}; printf '${SHELL_PROMPT}'; exit $status`,
    ];
    this.#child = new Deno.Command("script", {
      args: ["-qec", `exec dash -mc ${quoted(steps.join("\n"))}`, "/dev/null"],
      env: { ...environment(), TERM: "xterm-256color", SHELL: "/bin/sh", ...env },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#keyboard = this.#child.stdin.getWriter();
    this.#keyboard.closed.catch(() => {});
    this.#drained = this.#read(this.#child.stdout);
  }

  /** The process id of the program that was started last. */
  get pid(): number {
    return Number(this.#noted("pid"));
  }

  /** The device. */
  get path(): string {
    return this.#noted("tty").trim();
  }

  /** The rows of the screen, scrolled ones included; each time of day is `00:00`. */
  get lines(): string[] {
    return this.screen.lines.map((line) => line.replace(/^\d\d:\d\d(?= |$)/, "00:00"));
  }

  /** The modes, all but speed and size, that were noted under a name: `before` the program, `after` it, and those of the script. */
  modes(name: string): string {
    return this.#noted(name);
  }

  /** Closes the window. */
  hangUp(): void {
    this.#child.kill("SIGKILL");
  }

  /** Sends a signal to the program. */
  signal(name: Deno.Signal): void {
    Deno.kill(this.pid, name);
  }

  /** Presses keys. */
  async type(keys: string): Promise<void> {
    await this.#keyboard.write(new TextEncoder().encode(keys));
  }

  /** Makes the window wider, narrower, higher or lower. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.screen.settled();
    this.screen.resize(columns, rows);
    const args = ["-F", this.path, "cols", `${columns}`, "rows", `${rows}`];
    const { success } = await new Deno.Command("stty", { args }).output();
    if (!success) throw new Error(`Cannot resize ${this.path}`);
  }

  /** Waits until the screen looks as a function wants it to. */
  async until(what: string, matches: (pty: Pick<Pty, "lines">) => boolean): Promise<void> {
    const wait = async (): Promise<void> => {
      while (true) {
        const news = this.#news.promise;
        if (matches(this)) return;
        if (this.#ended) throw new Error(`${what} never came\n${this.#shown()}`);
        await news;
      }
    };
    await within(wait(), () => `${what} did not come in time\n${this.#shown()}`);
  }

  /** Waits until these are all rows, scrolled ones included. */
  async showsAll(...rows: readonly string[]): Promise<void> {
    const expected = JSON.stringify(rows);
    await this.until(
      `The whole of\n${rows.join("\n")}\n`,
      ({ lines }) => JSON.stringify(lines) === expected,
    );
  }

  /** Waits until these are the last rows. */
  async shows(...rows: readonly string[]): Promise<void> {
    const expected = JSON.stringify(rows);
    await this.until(
      `The rows\n${rows.join("\n")}\n`,
      ({ lines }) => JSON.stringify(lines.slice(-rows.length)) === expected,
    );
  }

  /** Waits until some line, scrolled ones included, matches. */
  async says(pattern: RegExp): Promise<void> {
    await this.until(
      `A line that matches ${pattern}`,
      ({ lines }) => unwrapped(lines).some((line) => pattern.test(line)),
    );
  }

  /** Waits for the end of the program and its shell. @returns The exit status. */
  async status(): Promise<number> {
    const end = this.#drained.then(() => this.#child.status);
    const { code } = await within(end, () => `Not ended in time\n${this.#shown()}`);
    return code;
  }

  /** Waits for the end, and asserts that the shell finds the terminal as it left it, in a new row. */
  async givesBack(status = 0): Promise<void> {
    assertEquals(await this.status(), status, this.#shown());
    this.assertRestored("after");
  }

  /** Asserts that the terminal is as the program found it, and the shell's prompt in a new row. */
  assertRestored(note: string): void {
    assertEquals(this.modes(note), this.modes("before"));
    assertEquals(this.screen.marksPastes, false, this.#shown());
    assertEquals(this.screen.title, SHELL_TITLE);
    const last = this.screen.cells.at(-1)!;
    assertEquals(last.map(({ text }) => text).join(""), SHELL_PROMPT, this.#shown());
    assertEquals(last.every(({ plain }) => plain), true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of [() => this.pid, () => this.#child.pid]) {
      try {
        Deno.kill(pid(), "SIGKILL");
      } catch {
        // It has not begun, or has ended already.
      }
    }
    await this.#drained;
    await this.#child.status;
    await this.#keyboard.abort().catch(() => {});
    await this.screen.close();
  }

  async #read(stdout: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
      this.written += text;
      this.screen.write(text);
      await this.screen.settled();
      this.#news.resolve();
      this.#news = Promise.withResolvers();
    }
    this.#ended = true;
    this.#news.resolve();
  }

  #noted(name: string): string {
    return Deno.readTextFileSync(`${this.#directory}/${name}`);
  }

  #shown(): string {
    return `--- screen:\n${this.screen.lines.slice(-100).join("\n")}\n---`;
  }
}

function once(command: string): string {
  return command;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
