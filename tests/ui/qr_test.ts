import { assertEquals } from "@std/assert";
import { fittingQrLines, qrLines } from "../../lib/ui/qr.ts";
import { readQr } from "../support/qr.ts";
import { test } from "../support/test.ts";

test("qrLines draws a code that decodes to the text", () => {
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

test("fittingQrLines draws no code wider than a row", () => {
  const text = `lanchat://192.168.1.5:12345/#${"A-_9".repeat(18)}`;
  const width = qrLines(text)[0]!.length;
  assertEquals(fittingQrLines(text, width), qrLines(text));
  assertEquals(fittingQrLines(text, width - 1), undefined);
});
