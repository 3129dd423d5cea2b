import { assertEquals, assertStringIncludes } from "@std/assert";
import { drawPanels, type Line, type Spread } from "../../bench/chart.ts";
import { test } from "../support/test.ts";

const at = (middle: number): Spread => ({ low: middle / 2, middle, high: 2 * middle });

function drawLine(points: Line["points"]): string {
  const line: Line = { name: "a line", color: "a", isDashed: true, points };
  const panels = [{ title: "a panel", lines: [line] }];
  return drawPanels(panels, { label: "a chart", axis: "members", notes: ["a note"] });
}

test("drawPanels places equal ratios at equal distances", () => {
  const svg = drawLine(new Map([[10, at(2)], [100, at(20)], [1000, at(200)]]));
  const [, places] = /class="a d" d="M([^h"]+)"/.exec(svg)!;
  const [first, second, third] = places!.split("L").map((place) => place.split(" ").map(Number));
  for (const axis of [0, 1]) {
    const distance = second![axis]! - first![axis]!;
    assertEquals(Math.round(third![axis]! - second![axis]!), Math.round(distance));
  }
});

test("drawPanels draws a bar from the lowest to the highest run, within the steps of the axis", () => {
  const svg = drawLine(new Map([[10, { low: 30, middle: 40, high: 50 }], [100, at(100)]]));
  const steps = [...svg.matchAll(/class="f e"[^>]*>([\d.]+)</g)].map(([, step]) => Number(step));
  assertEquals(steps, [20, 50, 100, 200]);
  const grid = [...svg.matchAll(/class="g" d="M\d+ ([\d.]+)/g)].map(([, y]) => y);
  const [, low, high] = /class="a h" d="M[\d.]+ ([\d.]+)V([\d.]+)/.exec(svg)!;
  assertEquals([high, Number(low) < Number(grid[0])], [grid[1], true]);
});

test("drawPanels writes the label, the axis and the notes", () => {
  const svg = drawLine(new Map([[10, at(1)], [100, at(2)]]));
  for (const text of ["<title>a chart<", ">members<", ">a note<", ">a line<", ">a panel<"]) {
    assertStringIncludes(svg, text);
  }
});
