import { assertEquals } from "@std/assert";
import { qrLines } from "../../lib/ui/qr.ts";
import { readQr } from "../support/qr.ts";
import { test } from "../support/test.ts";

test("qrLines draws what a camera reads back", () => {
  for (
    const text of [
      "12345 67890 ".repeat(6).trim(),
      `lanchat://192.168.1.5:12345/#${"A-_9".repeat(18)}`,
    ]
  ) {
    const lines = qrLines(text);
    assertEquals(readQr(lines), text);
    assertEquals(new Set(lines.map((line) => line.length)).size, 1);
  }
});
