// deno-lint-ignore no-control-regex -- escape sequences are what it is about
const TOKEN = /\x1b\[\d*[A-Za-z]|[^]/gu;
const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Emoji_Presentation}]/u;

/** A terminal's screen: the sequences that lanchat and readline write, and nothing else. */
export class ScreenModel {
  readonly #columns: number;
  readonly #rows: number;
  #grid: string[][] = [[]];
  #top = 0;
  #row = 0;
  #column = 0;
  #pendingWrap = false;

  constructor(columns: number, rows = 24) {
    this.#columns = columns;
    this.#rows = rows;
  }

  /** Takes in what was written. Throws on a sequence that it does not know. */
  write(text: string): void {
    for (const [token] of text.matchAll(TOKEN)) {
      if (token.length > 2 && token.startsWith("\x1b[")) this.#sequence(token);
      else if (token === "\r") this.#moveTo(this.#row, 0);
      else if (token === "\n") this.#lineFeed();
      else if (/\p{Cc}/u.test(token)) throw new Error(`control ${token.charCodeAt(0)}`);
      else this.#put(token);
    }
  }

  /** All rows, scrolled ones included, without trailing space. */
  get lines(): string[] {
    return this.#grid.map((row) => Array.from(row, (cell) => cell ?? " ").join("").trimEnd());
  }

  /** Row, from the first one ever, and column. */
  get cursor(): [row: number, column: number] {
    return [this.#row, this.#column];
  }

  #sequence(sequence: string): void {
    const count = Number(sequence.slice(2, -1) || "1");
    switch (sequence.at(-1)) {
      case "A":
        return this.#moveTo(Math.max(this.#top, this.#row - count), this.#column);
      case "C":
        return this.#moveTo(this.#row, this.#column + count);
      case "D":
        return this.#moveTo(this.#row, Math.max(0, this.#column - count));
      case "G":
        return this.#moveTo(this.#row, count - 1);
      case "J":
        this.#grid.length = this.#row + 1;
        this.#grid[this.#row]!.length = Math.min(this.#grid[this.#row]!.length, this.#column);
        return;
      case "m":
        return;
      default:
        throw new Error(`sequence ${JSON.stringify(sequence)}`);
    }
  }

  #put(character: string): void {
    const width = WIDE.test(character) ? 2 : 1;
    if (this.#pendingWrap || this.#column + width > this.#columns) {
      this.#moveTo(this.#row, 0);
      this.#lineFeed();
    }
    const row = this.#grid[this.#row]!;
    row[this.#column] = character;
    if (width === 2) row[this.#column + 1] = "";
    if (this.#column + width === this.#columns) this.#pendingWrap = true;
    else this.#column += width;
  }

  #lineFeed(): void {
    this.#moveTo(this.#row + 1, this.#column);
    while (this.#grid.length <= this.#row) this.#grid.push([]);
    this.#top = Math.max(this.#top, this.#row - this.#rows + 1);
  }

  #moveTo(row: number, column: number): void {
    this.#row = row;
    this.#column = Math.min(column, this.#columns - 1);
    this.#pendingWrap = false;
  }
}
