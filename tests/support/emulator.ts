import { UnicodeGraphemesAddon } from "@xterm/addon-unicode-graphemes";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import xterm from "@xterm/headless";

/** Effects on a terminal that do not show on the screen. */
export interface Effects {
  /** Titles that were set. */
  readonly titles: string[];
  /** Commands to the terminal beside the screen: clipboard, links, notifications … */
  readonly commands: string[];
  /** Its answers, as if they were typed. */
  readonly answers: string[];
  /** How often it rang. */
  bells: number;
}

/** A character on the screen, and how it looks. */
export interface Cell {
  /** The character with its marks; empty after a wide one. */
  readonly text: string;
  /** Whether it looks like any other text. */
  readonly plain: boolean;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly inverse: boolean;
  /** Its color among xterm's 256; missing for the default. */
  readonly color?: number;
}

/** The commands (OSC) that terminals know and that leave no trace on the screen. */
const COMMANDS = [4, 7, 8, 9, 10, 11, 12, 52, 104, 133, 633, 777, 1337];

/** How a terminal measures characters: each code point, or each grapheme. */
export type Widths = "code-points" | "graphemes";

/** A terminal without a window. */
export class Emulator {
  readonly effects: Effects = { titles: [], commands: [], answers: [], bells: 0 };
  readonly #terminal: xterm.Terminal;
  readonly #keepsCursorRow: boolean;
  #written: Promise<void> = Promise.resolve();

  /** Begins with an empty screen. @param keepsCursorRow Whether the row of the cursor is not wrapped to another width, which most terminals do. */
  constructor(columns: number, rows = 24, widths: Widths = "code-points", keepsCursorRow = false) {
    this.#keepsCursorRow = keepsCursorRow;
    const scrollback = 100_000;
    this.#terminal = new xterm.Terminal({
      cols: columns,
      rows,
      scrollback,
      allowProposedApi: true,
      reflowCursorLine: !keepsCursorRow,
      windowOptions: { pushTitle: true, popTitle: true },
    });
    this.#terminal.loadAddon(
      widths === "graphemes" ? new UnicodeGraphemesAddon() : new Unicode11Addon(),
    );
    this.#terminal.unicode.activeVersion = widths === "graphemes" ? "15-graphemes" : "11";
    this.#terminal.onTitleChange((title) => void this.effects.titles.push(title));
    this.#terminal.onData((answer) => void this.effects.answers.push(answer));
    this.#terminal.onBell(() => void this.effects.bells++);
    for (const command of COMMANDS) {
      this.#terminal.parser.registerOscHandler(command, (data) => {
        this.effects.commands.push(`${command};${data}`);
        return true;
      });
    }
  }

  /** Writes to the terminal; see {@linkcode Emulator.settled}. */
  write(text: string): void {
    this.#written = new Promise((resolve) => this.#terminal.write(text, resolve));
  }

  /** Makes the window wider, narrower, higher or lower. */
  resize(columns: number, rows: number = this.#terminal.rows): void {
    const { line, offset } = this.#cursorInLine();
    this.#terminal.resize(columns, rows);
    if (this.#keepsCursorRow) return;
    // The emulator leaves the cursor in the last row that its line takes; tmux and others, at its character.
    const starts = this.#starts();
    const last = (starts[line + 1] ?? this.#position[0] + 1) - starts[line]! - 1;
    const row = Math.min(Math.floor(offset / columns), last);
    const column = Math.min(offset - row * columns, columns - 1);
    const top = starts[line]! + row - this.#terminal.buffer.active.baseY;
    this.write(`\x1b[${top + 1};${column + 1}H`);
  }

  /** The line of the cursor, counting wrapped rows as one, and the number of columns before it. */
  #cursorInLine(): { line: number; offset: number } {
    const [row, column] = this.#position;
    const starts = this.#starts();
    const line = starts.findLastIndex((start) => start <= row);
    return { line, offset: (row - starts[line]!) * this.#terminal.cols + column };
  }

  /** The rows in which lines begin. */
  #starts(): number[] {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: active.length }, (_, y) => y)
      .filter((y) => !active.getLine(y)!.isWrapped);
  }

  /** Resolves once all that was written is on the screen. */
  async settled(): Promise<void> {
    await this.#written;
  }

  /** Resolves once it has no work left. */
  async close(): Promise<void> {
    await this.settled();
    this.#terminal.dispose();
    await new Promise((resolve) => setTimeout(resolve));
  }

  /**
   * All rows down to the cursor or the last text, scrolled ones included, without trailing space, and
   * without the {@linkcode Emulator.place}.
   */
  get lines(): string[] {
    const rows = this.rows;
    const place = placeRow(rows);
    return rows.filter((_, y) => y !== place);
  }

  /** The row above the prompt that tells where the person is; `undefined` without it. */
  get place(): string | undefined {
    return this.rows[placeRow(this.rows)];
  }

  /** As {@linkcode Emulator.lines}, with the place. */
  get rows(): string[] {
    const { active } = this.#terminal.buffer;
    const lines = Array.from(
      { length: active.length },
      (_, y) => active.getLine(y)!.translateToString(true).trimEnd(),
    );
    const last = lines.findLastIndex((line) => line !== "");
    return lines.slice(0, Math.max(last, this.#position[0]) + 1);
  }

  /** The cells of each of {@linkcode Emulator.rows}, without the empty ones at its end. */
  get cells(): Cell[][] {
    return this.rows.map((_, y) => {
      const row = this.#terminal.buffer.active.getLine(y)!;
      const cells = Array.from({ length: row.length }, (_, x) => {
        const cell = row.getCell(x)!;
        return {
          text: cell.getChars(),
          plain: cell.isAttributeDefault(),
          bold: cell.isBold() !== 0,
          dim: cell.isDim() !== 0,
          inverse: cell.isInverse() !== 0,
          ...cell.isFgPalette() && { color: cell.getFgColor() },
        };
      });
      return cells.slice(0, cells.findLastIndex(({ text }) => text !== "") + 1);
    });
  }

  /** The title of the window. */
  get title(): string {
    return this.effects.titles.at(-1) ?? "";
  }

  /** Whether it marks pastes (mode 2004). */
  get marksPastes(): boolean {
    return this.#terminal.modes.bracketedPasteMode;
  }

  /** Row, from the first one ever in {@linkcode Emulator.lines}, and column. */
  get cursor(): [row: number, column: number] {
    const [row, column] = this.#position;
    const place = placeRow(this.rows);
    return [place >= 0 && place < row ? row - 1 : row, column];
  }

  /** Row and column of the cursor. */
  get #position(): [row: number, column: number] {
    const { active } = this.#terminal.buffer;
    return [active.baseY + active.cursorY, active.cursorX];
  }
}

/** The index of the last row that tells the place; a copy of it would stay among the lines. */
function placeRow(rows: readonly string[]): number {
  return rows.findLastIndex((row) => row.startsWith("── "));
}
