/**
 * Draws lines over logarithmic axes as an SVG picture, light or dark as the reader's browser.
 *
 * @module
 */

/** The figures of several runs. */
export interface Spread {
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

/** One line of a panel. */
export interface Line {
  readonly name: string;
  /** Of several colors. */
  readonly color: "a" | "b";
  readonly isDashed: boolean;
  /** By the figure on the lower axis. */
  readonly points: ReadonlyMap<number, Spread>;
}

/** Lines over the same axes. */
export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** What is beside the panels. */
export interface Captions {
  /** What the picture shows, for people who cannot see it. */
  readonly label: string;
  /** What the lower axis shows. */
  readonly axis: string;
  /** Lines below the panels. */
  readonly notes: readonly string[];
}

// Sizes in the picture's own unit.
const WIDTH = 360;
const HEIGHT = 240;
const LEFT = 48;
const RIGHT = 24;
const TOP = 68;
const ROW = 17;

/** GitHub's colors for text, faint text, background and lines. */
const STYLE =
  `text{font:12px system-ui,sans-serif;fill:#1f2328}.f{fill:#59636e}.m{text-anchor:middle}
.e{text-anchor:end}.w{fill:#fff;stroke:#d1d9e0}.g{stroke:#d1d9e0}.a,.b{fill:none;stroke-width:2}
.a{stroke:#0969da}.b{stroke:#bc4c00}.d{stroke-dasharray:5 4}
.h{stroke-width:6;opacity:.35}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.f{fill:#9198a1}.w{fill:#0d1117;stroke:#3d444d}
.g{stroke:#3d444d}.a{stroke:#4493f8}.b{stroke:#f0883e}}`;

/** Draws panels side by side. */
export function drawPanels(panels: readonly Panel[], { axis, label, notes }: Captions): string {
  const width = panels.length * WIDTH;
  const below = TOP + HEIGHT + 3.4 * ROW;
  const height = below + notes.length * ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${label}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="w" x="1" y="1" width="${width - 2}" height="${height - 2}" rx="8"/>`,
    ...panels.map((panel, i) =>
      `<g transform="translate(${i * WIDTH} 0)">${draw(panel, axis)}</g>`
    ),
    ...notes.map((note, i) => `<text class="f" x="12" y="${below + i * ROW}">${note}</text>`),
    "</svg>\n",
  ].join("\n");
}

function draw({ lines, title }: Panel, axis: string): string {
  const xs = [...lines[0]!.points.keys()];
  const x = scale(Math.min(...xs), Math.max(...xs), LEFT, WIDTH - RIGHT);
  const spreads = lines.flatMap(({ points }) => [...points.values()]);
  const bottom = Math.min(...spreads.map(({ low }) => low));
  const top = Math.max(...spreads.map(({ high }) => high));
  const steps = stepsAround(bottom, top);
  const y = scale(steps[0]!, steps.at(-1)!, TOP + HEIGHT, TOP);
  const middle = (LEFT + WIDTH - RIGHT) / 2;
  const rows = steps.map((step) =>
    `<path class="g" d="M${LEFT} ${y(step)}H${WIDTH - RIGHT}"/>` +
    `<text class="f e" x="${LEFT - 6}" y="${y(step) + 4}">${short(step)}</text>`
  );
  const columns = xs.map((at) =>
    `<text class="f m" x="${x(at)}" y="${TOP + HEIGHT + ROW}">${at}</text>`
  );
  const curves = lines.map(({ color, isDashed, points }) => {
    const places = [...points].map(([at, { middle }]) => `${x(at)} ${y(middle)}`);
    const bars = [...points].map(([at, { high, low }]) => `M${x(at)} ${y(low)}V${y(high)}`);
    return `<path class="${color}${isDashed ? " d" : ""}" d="M${places.join("L")}"/>` +
      `<path class="${color} h" d="${bars.join("")}"/>`;
  });
  const keys = lines.map(({ color, isDashed, name }, i) => {
    const [left, row] = [LEFT + i % 2 * 150, TOP - 36 + Math.floor(i / 2) * ROW];
    return `<path class="${color}${isDashed ? " d" : ""}" d="M${left} ${row}h24"/>` +
      `<text x="${left + 30}" y="${row + 4}">${name}</text>`;
  });
  return [
    `<text class="m" x="${middle}" y="20">${title}</text>`,
    ...keys,
    ...rows,
    ...columns,
    `<text class="f m" x="${middle}" y="${TOP + HEIGHT + 1.9 * ROW}">${axis}</text>`,
    ...curves,
  ].join("\n");
}

/** A figure of an axis, with k for thousands. */
function short(step: number): string {
  return step >= 10_000 ? `${step / 1000}k` : `${step}`;
}

/** Maps figures from one value to another to places, by their logarithm. */
function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  return (value) => {
    const part = Math.log(value / from) / Math.log(to / from);
    return Math.round(10 * (start + part * (end - start))) / 10;
  };
}

const STEPS: readonly number[] = [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6]
  .flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));

/** Steps of an axis: the first is at most `low`, the last at least `high`. */
function stepsAround(low: number, high: number): readonly number[] {
  const first = STEPS.findLastIndex((step) => step <= low);
  const last = STEPS.findIndex((step) => step > low && step >= high);
  return STEPS.slice(first, last + 1);
}
