import { assert, assertEquals } from "@std/assert";
import { Sink } from "./streams.ts";

const PROGRAM = new URL("terminal_program.ts", import.meta.url).pathname;
const SET_UP = "trap : INT; stty cols 60 rows 20; stty -g";
const DEADLINE_MS = 60_000;
const REPORT = 'echo "status $?"; stty -g';

/** Runs the program on a terminal of its own, which tells its state at the end. */
class PseudoTerminal implements AsyncDisposable {
  readonly #screen = new Sink();
  readonly #process: Deno.ChildProcess;
  readonly #keyboard: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;

  constructor() {
    const program = `${Deno.execPath()} run --no-prompt --allow-net ${PROGRAM}`;
    this.#process = new Deno.Command("script", {
      args: ["--quiet", "--command", `${SET_UP}; ${program}; ${REPORT}`, "/dev/null"],
      env: { NO_COLOR: "", TERM: "xterm-256color" },
      stdin: "piped",
      stdout: "piped",
      signal: AbortSignal.timeout(DEADLINE_MS),
    }).spawn();
    this.#keyboard = this.#process.stdin.getWriter();
    this.#reading = this.#process.stdout.pipeTo(this.#screen.stream);
  }

  async type(keys: string): Promise<void> {
    await this.#keyboard.write(new TextEncoder().encode(keys));
  }

  /** Waits until something is on the screen. */
  shows(text: string): Promise<void> {
    return this.#screen.until(() => this.#screen.text.includes(text));
  }

  /** All that was on the screen once the program and its shell have ended. */
  async end(): Promise<string> {
    await this.#reading;
    return this.#screen.text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keyboard.close();
    await this.#process.status;
  }
}

async function chat(leave: (terminal: PseudoTerminal) => Promise<void>): Promise<string> {
  await using terminal = new PseudoTerminal();
  await terminal.shows("> ");
  await terminal.type("hello\r");
  await terminal.shows("echo\x1b[22;39m: hello");
  await leave(terminal);
  const screen = await terminal.end();
  const [before, after] = screen.match(/^[\da-f]+(:[\da-f]+)+/gm)!;
  assertEquals(after, before);
  const [marking, unmarked] = ["\x1b[?2004h", "\x1b[?2004l"].map((mode) => screen.indexOf(mode));
  assert(0 <= marking! && marking! < unmarked!, screen);
  return screen;
}

Deno.test({
  name: "TerminalFrontEnd restores a real terminal when it closes",
  ignore: Deno.build.os !== "linux",
  async fn() {
    for (const keys of ["/quit\r", "\x03", "\x04"]) {
      const screen = await chat(async (terminal) => {
        await terminal.type(keys);
        await terminal.shows("closed\r\n");
        await terminal.type("\x03");
      });
      assert(screen.includes("status 130\r\n"), screen);
    }
  },
});

Deno.test({
  name: "TerminalFrontEnd restores a real terminal when the program exits",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const screen = await chat((terminal) => terminal.type("exit\r"));
    assert(screen.includes("status 7\r\n"), screen);
  },
});
