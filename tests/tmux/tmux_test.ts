import { assertEquals } from "@std/assert";
import { within } from "../support/deadline.ts";
import { commandLine, emptyDirectory, environment } from "../support/program.ts";
import { unwrapped } from "../support/pty.ts";
import { missing, testUnless } from "../support/tools.ts";
import { READY, typed } from "../screen/expected.ts";

const ROWS = 14;

/** The program in tmux, which reflows all rows to a new width and has a scrollback. */
class Tmux implements AsyncDisposable {
  readonly #socket = `${emptyDirectory()}/socket`;

  /** Starts `lanchat` in a window of a width. */
  static async start(columns: number, args: readonly string[]): Promise<Tmux> {
    const tmux = new Tmux();
    const command = commandLine(args).map((word) => `'${word}'`).join(" ");
    await tmux.#run("new-session", "-d", "-x", `${columns}`, "-y", `${ROWS}`, command);
    return tmux;
  }

  /** Presses keys, by their names in tmux. */
  async press(...keys: string[]): Promise<void> {
    await this.#run("send-keys", ...keys);
  }

  async type(text: string): Promise<void> {
    await this.#run("send-keys", "-l", text);
  }

  /** Resizes the window to each of these widths, without a pause; waits until tmux tells the program the last. */
  async resize(...widths: readonly number[]): Promise<void> {
    const commands = widths.map((
      width,
    ) => ["resize-window", "-x", `${width}`, "-y", `${ROWS}`, ";"]);
    await this.#run(...commands.flat().slice(0, -1));
    const tty = (await this.#run("display-message", "-p", "#{pane_tty}")).trim();
    const told = async (): Promise<void> => {
      const expected = `${ROWS} ${widths.at(-1)}\n`;
      while (new TextDecoder().decode(await sizeOf(tty)) !== expected);
    };
    await within(told(), () => "tmux does not tell the program its width");
  }

  /** Counts the rows of the scrollback. */
  async scrolled(): Promise<number> {
    return Number(await this.#run("display-message", "-p", "#{history_size}"));
  }

  /** Reads all rows, with the scrollback. */
  async rows(): Promise<string[]> {
    return (await this.#run("capture-pane", "-p", "-S", "-")).trimEnd().split("\n");
  }

  /** Waits until these are the last rows. */
  async shows(...rows: readonly string[]): Promise<void> {
    await this.until((shown) => shown.slice(-rows.length).join("\n") === rows.join("\n"));
  }

  /** Waits until the rows match. */
  async until(matches: (rows: readonly string[]) => boolean): Promise<void> {
    let shown: string[] = [];
    const wait = async (): Promise<void> => {
      do shown = await this.rows(); while (!matches(shown));
    };
    await within(wait(), () => `The window is not as it should be:\n${shown.join("\n")}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run("kill-server");
  }

  async #run(...args: readonly string[]): Promise<string> {
    const { stderr, stdout, success } = await new Deno.Command("tmux", {
      args: ["-S", this.#socket, "-f", "/dev/null", ...args],
      env: { ...environment(), LC_ALL: "C.UTF-8" },
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  }
}

/** The rows and columns of a terminal, as the kernel tells them. */
async function sizeOf(tty: string): Promise<Uint8Array> {
  return (await new Deno.Command("stty", { args: ["-F", tty, "size"] }).output()).stdout;
}

/** Starts a host in a window of a width. */
async function hostInTmux(columns: number): Promise<Tmux> {
  const where = ["--port", "0", "--host", "127.0.0.1"];
  const tmux = await Tmux.start(columns, ["serve", ...where, "--name", "ada"]);
  await tmux.until((rows) => unwrapped(rows).join("\n").includes(READY) && rows.at(-1) === ">");
  return tmux;
}

testUnless(
  missing("tmux"),
  "tmux shows one copy of the line in any width",
  async () => {
    await using tmux = await hostInTmux(60);
    await tmux.type("a line of more characters than a row has and some more 123");
    await tmux.press(...Array(8).fill("Left"));
    await tmux.shows("> a line of more characters than a row has and some more 123");
    await tmux.resize(58, 55, 52, 50, 47, 44, 41, 38, 35, 32, 29, 26, 29, 33);
    await tmux.shows("> a line of more characters than", "a row has and some more 123");
    await tmux.type("+");
    await tmux.shows("> a line of more characters than", "a row has and some +more 123");
    assertEquals((await tmux.rows()).filter((row) => row.startsWith(">")).length, 1);
  },
);

testUnless(
  missing("tmux"),
  "tmux shows one copy of the line after each of several slow resizes",
  async () => {
    await using tmux = await hostInTmux(60);
    const line = "a line of more characters than a row has and some more 123";
    await tmux.type(line);
    for (const columns of [58, 47, 33, 26, 38, 60]) {
      await tmux.resize(columns);
      await tmux.shows(...typed(columns, line).filter((row) => row !== ""));
      assertEquals((await tmux.rows()).filter((row) => row.startsWith("> ")).length, 1);
    }
  },
);

testUnless(
  missing("tmux"),
  "tmux keeps its scrollback while the line in the first row changes",
  async () => {
    await using tmux = await hostInTmux(40);
    await tmux.press("C-l");
    await tmux.type("a line of two rows that is edited at its start");
    await tmux.shows("> a line of two rows that is edited at i", "ts start");
    const scrolled = await tmux.scrolled();
    await tmux.press("C-a");
    await tmux.type("x");
    await tmux.shows("> xa line of two rows that is edited at", "its start");
    await tmux.press("C-k");
    await tmux.shows("> x");
    assertEquals(await tmux.scrolled(), scrolled);
  },
);
