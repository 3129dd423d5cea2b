import { sanitizeLine } from "./sanitize.ts";
import { processTerminal, SUDDEN_ENDS, type TerminalDevice } from "./terminal.ts";
import { TypedLine } from "./typed_line.ts";

/** How many rows a digit can choose from. */
const MAX_CHOICES = 9;

/** Keys that choose nothing: q, Ctrl-C and Ctrl-D. */
const LEAVE: ReadonlySet<string> = new Set(["q", "Q", "\x03", "\x04"]);

/** Something to choose. */
export interface Choice {
  /** Unlike that of every other one. */
  readonly id: string;
  /** What it is, in one line; it may hold any character. */
  readonly text: string;
}

/** How a choice is offered. */
export interface PickerOptions {
  /** Keys beside digits that choose, each a letter. */
  readonly keys: readonly string[];
  /** What stands above the choices as long as there are none, and then. */
  readonly titles: readonly [string, string];
  /** What stands below: which key does what. */
  readonly help: string;
  /** Whether nothing is drawn anew. */
  readonly plain: boolean;
  /** The terminal; by default that of the process. */
  readonly device?: TerminalDevice;
}

/**
 * Has a person choose with one key from a list that may still grow. A choice keeps its digit whatever
 * comes and goes. The terminal is restored by {@linkcode Picker.close}, at `Deno.exit`, and where an error
 * ends the program.
 */
export class Picker {
  /** Resolves with the id or the key that was chosen; `undefined` for none. */
  readonly chosen: Promise<string | undefined>;
  readonly #options: PickerOptions;
  readonly #device: TerminalDevice;
  readonly #choose: (choice: string | undefined) => void;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #stopListening: () => void;
  /** By id. */
  readonly #digits = new Map<string, number>();
  readonly #list = new TypedLine();
  #choices: readonly Choice[] = [];
  /** The lines that the terminal shows. */
  #shown: readonly string[] = [];
  #open = true;

  /** Takes the terminal. */
  constructor(options: PickerOptions) {
    this.#options = options;
    this.#device = options.device ?? processTerminal();
    ({ promise: this.chosen, resolve: this.#choose } = Promise.withResolvers<string | undefined>());
    this.#reader = this.#device.stdin.getReader();
    this.#stopListening = this.#device.onContinue(() => {
      this.#device.setRaw(true);
      this.#draw();
    });
    for (const end of SUDDEN_ENDS) globalThis.addEventListener(end, this.#restore);
    this.#device.setRaw(true);
    this.#draw();
    void this.#readKeys();
  }

  /** Shows what can be chosen now, in this order. */
  show(choices: readonly Choice[]): void {
    if (!this.#open) return;
    for (const { id } of choices) {
      if (!this.#digits.has(id) && this.#digits.size < MAX_CHOICES) {
        this.#digits.set(id, this.#digits.size + 1);
      }
    }
    this.#choices = choices;
    this.#draw();
  }

  /** Takes the list away, and gives the terminal back. @param line What stands there instead, if anything. */
  close(line?: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#device.writeSync(this.#list.erase(this.#device.columns()));
    if (line !== undefined) this.#device.writeSync(`${sanitizeLine(line)}\r\n`);
    for (const end of SUDDEN_ENDS) globalThis.removeEventListener(end, this.#restore);
    this.#stopListening();
    this.#reader.releaseLock();
    this.#restore();
    this.#choose(undefined);
  }

  readonly #restore = (): void => this.#device.setRaw(false);

  async #readKeys(): Promise<void> {
    try {
      while (this.#open) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        const keys = new TextDecoder().decode(value);
        if (keys.startsWith("\x1b")) continue; // An arrow or the like, which may have digits in it.
        for (const key of keys) {
          const choice = this.#chosenBy(key);
          if (choice !== undefined || LEAVE.has(key)) return this.#choose(choice);
        }
      }
    } catch {
      // The terminal is gone, or given back.
    }
    this.#choose(undefined);
  }

  #chosenBy(key: string): string | undefined {
    if (this.#options.keys.includes(key.toLowerCase())) return key.toLowerCase();
    return this.#choices.find(({ id }) => String(this.#digits.get(id)) === key)?.id;
  }

  #lines(): string[] {
    const { help, titles } = this.#options;
    const shown = this.#choices.filter(({ id }) => this.#digits.has(id));
    return [
      titles[shown.length === 0 ? 0 : 1],
      ...shown.map(({ id, text }) => `  ${this.#digits.get(id)}  ${text}`),
      help,
    ].map(sanitizeLine);
  }

  /** Shows the list; where nothing is drawn anew, what is new of it. */
  #draw(): void {
    const lines = this.#lines();
    if (this.#options.plain) {
      const news = lines.filter((line) => !this.#shown.includes(line));
      this.#device.writeSync(news.map((line) => `${line}\r\n`).join(""));
      this.#shown = [...this.#shown, ...news];
    } else {
      const [text, columns] = [lines.join("\n"), this.#device.columns()];
      const drawn = this.#list.draw(text, text.length, columns, this.#device.rows());
      this.#device.writeSync(drawn);
    }
  }
}
