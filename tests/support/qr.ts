import decodeQR from "qr/decode";

/** Pixels of a side of a module in the picture that is read back. */
const SCALE = 4;

/** Reads a QR code of half blocks as a camera does: from a picture of its light and dark modules. */
export function readQr(lines: readonly string[]): string {
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
