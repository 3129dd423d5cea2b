import { assertEquals } from "@std/assert";
import { Picker, type PickerOptions } from "../../lib/ui/picker.ts";
import { Emulator } from "../support/emulator.ts";
import { test } from "../support/test.ts";

/** A list on a screen and a keyboard in memory. */
class Table implements AsyncDisposable {
  readonly screen = new Emulator(40, 24);
  readonly picker: Picker;
  readonly raw: boolean[] = [];
  readonly stdin: ReadableStream<Uint8Array>;
  readonly #keys = new TransformStream<Uint8Array, Uint8Array>();
  readonly #keyboard = this.#keys.writable.getWriter();
  #onContinue: (() => void) | undefined;

  constructor(options: Partial<PickerOptions> = {}) {
    this.stdin = this.#keys.readable;
    this.screen.write("$ lanchat\r\n");
    this.picker = new Picker({
      keys: ["h"],
      titles: ["Looking", "Found:"],
      help: "q leaves.",
      plain: false,
      ...options,
      device: {
        stdin: this.stdin,
        stdout: new WritableStream(),
        stderr: new WritableStream(),
        columns: () => 40,
        rows: () => 24,
        setRaw: (raw) => void this.raw.push(raw),
        writeSync: (text) => this.screen.write(text),
        onResize: () => () => {},
        onContinue: (listener) => {
          this.#onContinue = listener;
          return () => this.#onContinue = undefined;
        },
      },
    });
  }

  get listens(): boolean {
    return this.#onContinue !== undefined;
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

const choice = (id: string): { id: string; text: string } => ({ id, text: `room ${id}` });

test("Picker shows a list that grows, in which each keeps its digit", async () => {
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

test("Picker shows only what is new where nothing is drawn anew", async () => {
  await using table = new Table({ plain: true });
  table.picker.show([choice("a")]);
  table.picker.show([choice("b"), choice("a")]);
  await table.shows("Looking", "q leaves.", "Found:", "  1  room a", "  2  room b", "");
  await table.type("2");
  assertEquals(await table.picker.chosen, "b");
});

test("Picker offers nine, and takes no key for a digit that only has one in it", async () => {
  await using table = new Table();
  table.picker.show(Array.from({ length: 20 }, (_, i) => choice(String.fromCharCode(97 + i))));
  await table.screen.settled();
  assertEquals(table.screen.lines.length, 12);
  await table.type("\x1b[1;5C");
  await table.type("0H");
  assertEquals(await table.picker.chosen, "h");
});

test("Picker is left with q, Ctrl-C and Ctrl-D, and with the terminal", async () => {
  for (const key of ["q", "Q", "\x03", "\x04", undefined]) {
    await using table = new Table();
    table.picker.show([choice("a")]);
    await (key === undefined ? table.hangUp() : table.type(key));
    assertEquals(await table.picker.chosen, undefined);
  }
  await using closed = new Table();
  closed.picker.close();
  assertEquals(await closed.picker.chosen, undefined);
  await closed.shows("");
});

test("Picker takes the terminal again when the program goes on", async () => {
  await using table = new Table();
  table.picker.show([choice("a")]);
  table.goOn();
  assertEquals(table.raw, [true, true]);
});
