import { assertEquals } from "@std/assert";
import decodeQR from "qr/decode";
import { qrLines } from "../../lib/ui/qr.ts";
import { test } from "../support/test.ts";

/** Pixels of a side of a module in the picture that is read back. */
const SCALE = 4;

/** Reads a drawn code as a camera does: from a picture of its light and dark modules. */
function read(lines: readonly string[]): string {
  const rows = lines.flatMap((line) => [
    [...line].map((block) => block === "█" || block === "▀"),
    [...line].map((block) => block === "█" || block === "▄"),
  ]);
  const width = rows[0]!.length * SCALE;
  const height = rows.length * SCALE;
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const light = rows[Math.floor(y / SCALE)]![Math.floor(x / SCALE)]!;
      data.fill(light ? 255 : 0, (y * width + x) * 4, (y * width + x) * 4 + 3);
      data[(y * width + x) * 4 + 3] = 255;
    }
  }
  return decodeQR({ width, height, data });
}

test("qrLines draws what a camera reads back", () => {
  for (
    const text of [
      "12345 67890 ".repeat(6).trim(),
      `lanchat://192.168.1.5:12345/#${"A-_9".repeat(18)}`,
    ]
  ) {
    const lines = qrLines(text);
    assertEquals(read(lines), text);
    assertEquals(new Set(lines.map((line) => line.length)).size, 1);
  }
});
