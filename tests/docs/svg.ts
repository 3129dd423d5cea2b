/**
 * Draws the cells of terminals as an SVG picture, light or dark as the reader's browser.
 *
 * @module
 */
import type { Cell } from "../support/emulator.ts";

/** A terminal's window. */
export interface Window {
  readonly title: string;
  readonly rows: readonly (readonly Cell[])[];
}

// Sizes in the picture's own unit.
const FONT = 14;
const CELL = 0.6 * FONT;
const ROW = 19;
const MARGIN = 14;
const BAR = 26;

/** Brightness of each step of a primary color in xterm's cube of 216 colors, which begins at 16. */
const STEPS = [0, 95, 135, 175, 215, 255];
const CUBE = 16;

/** GitHub's colors for text, faint text, background and lines. */
const STYLE =
  `text{font:${FONT}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}
text,.i{fill:#1f2328}.w{fill:#fff;stroke:#d1d9e0}.f{fill:#59636e}.n{fill:#fff}.b{font-weight:700}
@media(prefers-color-scheme:dark){text,.i{fill:#e6edf3}.w{fill:#0d1117;stroke:#3d444d}.f{fill:#9198a1}.n{fill:#0d1117}}`;

/**
 * Draws windows one below the other.
 *
 * @param columns The width of each, in characters.
 * @param label What the picture shows, for people who cannot see it.
 */
export function drawWindows(windows: readonly Window[], columns: number, label: string): string {
  const width = columns * CELL + 2 * MARGIN;
  const parts: string[] = [];
  let top = 1;
  for (const { rows, title } of windows) {
    const height = BAR + rows.length * ROW + MARGIN;
    parts.push(
      `<rect class="w" x="1" y="${top}" width="${size(width - 2)}" height="${height}" rx="8"/>`,
      `<text class="f" x="${size(width / 2)}" y="${top + 18}" text-anchor="middle">${
        escaped(title)
      }</text>`,
      ...rows.map((row, i) => drawRow(row, top + BAR + (i + 0.75) * ROW)),
    );
    top += height + MARGIN;
  }
  const box = `0 0 ${size(width)} ${top - MARGIN + 1}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}" role="img" xml:space="preserve">`,
    `<title>${escaped(label)}</title>`,
    `<style>${STYLE}</style>`,
    ...parts.filter((part) => part !== ""),
    "</svg>\n",
  ].join("\n");
}

/** Draws a row. @param y The baseline. */
function drawRow(row: readonly Cell[], y: number): string {
  const start = row.findIndex(({ text }) => text !== "" && text !== " ");
  if (start < 0) return "";
  const runs: { at: number; cells: Cell[]; look: string }[] = [];
  for (const [at, cell] of [...row.entries()].slice(start)) {
    const look = JSON.stringify({ ...cell, text: "" });
    if (runs.at(-1)?.look === look) runs.at(-1)!.cells.push(cell);
    else runs.push({ at, cells: [cell], look });
  }
  const boxes = runs.filter(({ cells: [first] }) => first!.inverse)
    .map(({ at, cells }) => drawBox(at, cells.length, y));
  const spans = runs.map(({ cells }) => drawRun(cells));
  const [x, width] = [MARGIN + start * CELL, (row.length - start) * CELL];
  const text = `<text x="${size(x)}" y="${size(y)}" textLength="${size(width)}">`;
  return `${boxes.join("")}${text}${spans.join("")}</text>`;
}

/** The background of inverse cells. */
function drawBox(at: number, count: number, y: number): string {
  const [x, top] = [MARGIN + at * CELL, y - 0.75 * ROW];
  return `<rect class="i" x="${size(x)}" y="${size(top)}" width="${
    size(count * CELL)
  }" height="${ROW}"/>`;
}

/** Draws cells that look the same. */
function drawRun(cells: readonly Cell[]): string {
  const { bold, color, dim, inverse } = cells[0]!;
  const text = escaped(cells.map(({ text }) => text || " ").join(""));
  const classes = [...bold ? ["b"] : [], ...inverse ? ["n"] : dim ? ["f"] : []].join(" ");
  const attributes = [
    ...classes === "" ? [] : [` class="${classes}"`],
    ...color === undefined ? [] : [` style="fill:${hexadecimal(color)}"`],
  ].join("");
  return attributes === "" ? text : `<tspan${attributes}>${text}</tspan>`;
}

/** A color of xterm's cube as `#rrggbb`. */
function hexadecimal(color: number): string {
  const place = color - CUBE;
  const digits = [Math.floor(place / 36), Math.floor(place / 6) % 6, place % 6]
    .map((step) => STEPS[step]!.toString(16).padStart(2, "0"));
  return `#${digits.join("")}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** A number without needless digits. */
function size(value: number): string {
  return String(Math.round(10 * value) / 10);
}
