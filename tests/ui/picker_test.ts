import { assertEquals } from "@std/assert";
import { type Choice, Picker, type PickerOptions } from "../../lib/ui/picker.ts";
import { RESIZE_MS } from "../../lib/ui/terminal_device.ts";
import { assertFails } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { Emulator } from "../support/emulator.ts";
import { test } from "../support/test.ts";

/** A picker with a screen and a keyboard in memory. */
class Table implements AsyncDisposable {
  readonly screen: Emulator;
  readonly clock = new FakeClock();
  readonly picker: Picker;
  readonly raw: boolean[] = [];
  readonly stdin: ReadableStream<Uint8Array>;
  readonly #keys = new TransformStream<Uint8Array, Uint8Array>();
  readonly #keyboard = this.#keys.writable.getWriter();
  #rows: number;
  #onContinue: (() => void) | undefined;
  #onResize: (() => void) | undefined;

  constructor(options: Partial<PickerOptions> = {}, rows = 24) {
    this.#rows = rows;
    this.screen = new Emulator(40, rows);
    this.stdin = this.#keys.readable;
    this.screen.write("$ lanchat\r\n");
    this.picker = new Picker({
      keys: ["h"],
      titles: ["Looking", "Found:"],
      more: "more",
      help: "q leaves.",
      plain: false,
      clock: this.clock,
      ...options,
      device: {
        stdin: this.stdin,
        stdout: new WritableStream(),
        stderr: new WritableStream(),
        columns: () => 40,
        rows: () => this.#rows,
        setRaw: (raw) => void this.raw.push(raw),
        writeSync: (text) => this.screen.write(text),
        onIntrusion: () => () => {},
        onResize: (listener) => {
          this.#onResize = listener;
          return () => this.#onResize = undefined;
        },
        onContinue: (listener) => {
          this.#onContinue = listener;
          return () => this.#onContinue = undefined;
        },
      },
    });
  }

  get listens(): boolean {
    return this.#onContinue !== undefined || this.#onResize !== undefined;
  }

  async resize(rows: number): Promise<void> {
    await this.screen.settled();
    this.#rows = rows;
    this.screen.resize(40, rows);
    this.#onResize!();
    this.clock.advance(RESIZE_MS);
  }

  goOn(): void {
    this.#onContinue!();
  }

  async type(keys: string): Promise<void> {
    await this.#keyboard.write(new TextEncoder().encode(keys));
  }

  async hangUp(): Promise<void> {
    await this.#keyboard.close();
  }

  async shows(...rows: string[]): Promise<void> {
    await this.screen.settled();
    assertEquals(this.screen.lines, ["$ lanchat", ...rows]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.picker.close();
    await this.screen.close();
  }
}

const choice = (id: string): Choice => ({ id, text: `room ${id}` });

const known = (id: string): Choice => ({ ...choice(id), preferred: true });

/** Makes a choice that is not preferred for each letter. */
function choices(letters: string): Choice[] {
  return [...letters].map(choice);
}

test("Picker keeps the digit of each choice as the list grows", async () => {
  await using table = new Table();
  await table.shows("Looking", "q leaves.");
  table.picker.show([choice("a")]);
  await table.shows("Found:", "  1  room a", "q leaves.");
  table.picker.show([choice("b"), choice("a")]);
  await table.shows("Found:", "  2  room b", "  1  room a", "q leaves.");
  table.picker.show([choice("b"), choice("c")]);
  await table.shows("Found:", "  2  room b", "  3  room c", "q leaves.");
  await table.type("1"); // is gone
  await table.type("2");
  assertEquals(await table.picker.chosen, "b");
  table.picker.close("Joining b\x1b[2J");
  await table.shows("Joining b\\x1b[2J", "");
  assertEquals([table.raw, table.listens, table.stdin.locked], [[true, false], false, false]);
});

test("Picker shows only new lines on a plain terminal", async () => {
  await using table = new Table({ plain: true });
  table.picker.show([choice("a")]);
  table.picker.show([choice("b"), choice("a")]);
  await table.shows("Looking", "q leaves.", "Found:", "  1  room a", "  2  room b", "");
  await table.type("2");
  assertEquals(await table.picker.chosen, "b");
});

test("Picker offers nine choices and counts more, and ignores a key that only contains a digit", async () => {
  await using table = new Table();
  table.picker.show(choices("abcdefghijkl"));
  await table.screen.settled();
  assertEquals(table.screen.lines.slice(10), ["  9  room i", "  …  3 more", "q leaves."]);
  await table.type("\x1b[1;5C");
  await table.type("0H");
  assertEquals(await table.picker.chosen, "h");
});

test("Picker gives a preferred choice the digit of another", async () => {
  await using table = new Table();
  table.picker.show(choices("abcdefghi"));
  table.picker.show([known("z"), ...choices("abcdefghi")]);
  await table.screen.settled();
  const { lines } = table.screen;
  assertEquals(lines.slice(2, 4), ["  9  room z", "  1  room a"]);
  assertEquals(lines.slice(-3), ["  8  room h", "  …  1 more", "q leaves."]);
  await table.type("9");
  assertEquals(await table.picker.chosen, "z");
});

test("Picker reuses the digit of a choice that is gone after a delay", async () => {
  await using table = new Table();
  table.picker.show(choices("ab"));
  table.picker.show([choice("b")]);
  table.clock.advance(4999);
  table.picker.show(choices("bc"));
  await table.shows("Found:", "  2  room b", "  3  room c", "q leaves.");
  table.picker.show(choices("abc")); // is back
  table.clock.advance(5000);
  table.picker.show(choices("abcd"));
  await table.shows(
    "Found:",
    "  1  room a",
    "  2  room b",
    "  3  room c",
    "  4  room d",
    "q leaves.",
  );
  table.picker.show(choices("bcd"));
  table.clock.advance(5000);
  table.picker.show(choices("bcde"));
  await table.shows(
    "Found:",
    "  2  room b",
    "  3  room c",
    "  4  room d",
    "  1  room e",
    "q leaves.",
  );
});

test("Picker shows the first choices in a low window, and ignores invisible digits", async () => {
  const help = "A digit joins, q leaves. By address: lanchat join";
  await using table = new Table({ help }, 7);
  const long = { id: "z", text: "room z with a name that has no end at all", preferred: true };
  table.picker.show([long, ...choices("abcdefgh")]);
  await table.screen.settled();
  assertEquals(table.screen.lines.slice(-7), [
    "Found:",
    "  1  room z with a name that has no en…",
    "  2  room a",
    "  3  room b",
    "  …  6 more",
    "A digit joins, q leaves. By address: lan",
    "chat join",
  ]);
  await table.type("4");
  await table.resize(9);
  await table.screen.settled();
  assertEquals(table.screen.lines.slice(-4, -2), ["  5  room d", "  …  4 more"]);
  await table.type("5");
  assertEquals(await table.picker.chosen, "d");
});

test("Picker shows the obstacle while the list is empty", async () => {
  await using table = new Table();
  table.picker.show([], "Cannot look");
  await table.shows("Cannot look", "q leaves.");
  table.picker.show([]);
  await table.shows("Looking", "q leaves.");
  table.picker.show([choice("a")], "Cannot look");
  await table.shows("Found:", "  1  room a", "q leaves.");
});

test("Picker shows a note in one row below any choices", async () => {
  await using table = new Table({}, 5);
  const note = "Not looked for over veth64, veth65, veth66";
  const row = "Not looked for over veth64, veth65, ve…";
  table.picker.show([], undefined, note);
  await table.shows("Looking", row, "q leaves.");
  table.picker.show(choices("abc"), undefined, note);
  await table.screen.settled();
  assertEquals(table.screen.lines.slice(-5), [
    "Found:",
    "  1  room a",
    "  …  2 more",
    row,
    "q leaves.",
  ]);
});

test("Picker resolves at q, and rejects at Ctrl-C, Ctrl-D and the end of input", async () => {
  for (const key of ["q", "Q"]) {
    await using table = new Table();
    await table.type(key);
    assertEquals(await table.picker.chosen, undefined);
  }
  for (const key of ["\x03", "\x04", undefined]) {
    await using table = new Table();
    table.picker.show([choice("a")]);
    await (key === undefined ? table.hangUp() : table.type(key));
    await assertFails(table.picker.chosen, "interrupted");
  }
  await using closed = new Table();
  closed.picker.close();
  assertEquals(await closed.picker.chosen, undefined);
  await closed.shows("");
});

test("Picker takes over the terminal again and redraws when the program continues", async () => {
  await using table = new Table();
  table.picker.show([choice("a")]);
  await table.screen.settled();
  table.screen.write("\x1b[2J\x1b[H$ lanchat\r\n\n\n");
  table.goOn();
  await table.shows("Found:", "  1  room a", "q leaves.");
  assertEquals(table.raw, [true, true]);
});

test("Picker ignores replies and mouse reports of the terminal", async () => {
  await using table = new Table();
  table.picker.show(choices("abc"));
  await table.type("\x1b]11;rgb:1/1/1\x07\x1b[<0;1;1M\x1b[M !!\x1b[1");
  await table.type(";1R\x1b");
  table.clock.advance(500);
  await table.type("2");
  assertEquals(await table.picker.chosen, "b");
});
