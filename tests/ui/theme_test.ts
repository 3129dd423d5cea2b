import { assert, assertEquals } from "@std/assert";
import {
  COLOR_THEME,
  COLORLESS_THEME,
  messageLine,
  NAME_COLORS,
  PLAIN_THEME,
} from "../../lib/ui/theme.ts";
import { test } from "../support/test.ts";

/** The levels of xterm's colors from 16 to 231: six of red, six of green, six of blue. */
const LEVELS = [0, 95, 135, 175, 215, 255];

/** Brightness of a color, from 0 to 1. See WCAG 2.2, relative luminance. */
function luminance(color: number): number {
  const index = color - 16;
  const [red, green, blue] = [Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6]
    .map((step) => {
      const level = LEVELS[step]! / 255;
      return level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test("messageLine formats texts, actions and private messages", () => {
  const forms = [
    ["text", false, "bob: hi"],
    ["text", true, "bob (private): hi"],
    ["action", false, "* bob hi"],
    ["action", true, "* bob (private) hi"],
  ] as const;
  for (const [kind, isPrivate, line] of forms) {
    assertEquals(messageLine("bob", "hi", { kind, private: isPrivate }), line);
  }
});

test("NAME_COLORS have a contrast of 4.5:1 on black and on white", () => {
  for (const color of NAME_COLORS) {
    assert(color >= 16 && color < 232, `${color}`);
    const onBlack = (luminance(color) + 0.05) / 0.05;
    const onWhite = 1.05 / (luminance(color) + 0.05);
    assert(onBlack >= 4.5 && onWhite >= 4.5, `${color}: ${onBlack} on black, ${onWhite} on white`);
  }
});

test("COLOR_THEME colors a name by its key only", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const key = `${i}`.padStart(43, "A");
    const [color, ...others] = ["ada", "bob"].map((name) =>
      // deno-lint-ignore no-control-regex -- a name has a color by control sequences
      COLOR_THEME.name({ name, key }).match(/^\x1b\[1;38;5;(\d+)m\w+\x1b\[22;39m$/)![1]!
    );
    assertEquals(others, [color]);
    seen.add(color!);
  }
  assertEquals([...seen].map(Number).sort((a, b) => a - b), NAME_COLORS);
});

test("Theme.name escapes control characters", () => {
  const hostile = { name: "a\x1b[2Jb", key: "" };
  assertEquals(PLAIN_THEME.name(hostile), "a\\x1b[2Jb");
  assert(COLOR_THEME.name(hostile).includes("ma\\x1b[2Jb\x1b["));
  assertEquals(PLAIN_THEME.name({ ...hostile, verified: true }), "a\\x1b[2Jb✓");
});

test("Theme.name marks a verified member", () => {
  const bob = { name: "bob", key: "" };
  for (const theme of [PLAIN_THEME, COLOR_THEME, COLORLESS_THEME]) {
    const marked = theme.name({ ...bob, verified: true });
    assertEquals(marked, theme.name(bob).replace("bob", "bob✓"));
    assertEquals(theme.name({ ...bob, verified: false }), theme.name(bob));
  }
});
